"""Multi-scale neural patch synthesis (Yang et al. 2017), as reviewed by Li.

Another method's fill gets the texture of the photo around the hole, from coarse to fine.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from inpainter.core import Card, FillNote, Image, Inpainter, InputError, Mask, Settings, View, Work
from inpainter.methods import METHODS, load, takes_device
from inpainter.methods.copying import Offsets, Sized, copied, met_at_rim
from inpainter.methods.exemplar import doubled, halved
from inpainter.methods.texture_network import PRESETS, TAPS, TextureObjective, make_network
from inpainter.nn.descent import LBFGS, Adam
from inpainter.nn.facts import trained_weights
from inpainter.nn.patch_texture import PatchTexture, stride_of, total_variation
from inpainter.nn.trained import TrainedMethod
from inpainter.nn.vgg import VGGFeatures, load_vgg19

VGG19 = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
"""The address of torchvision's official weights, which this project neither has nor downloads."""
LARGEST, SMALLEST = 512, 128
"""The picture's longer side, px, at the finest scale optimised, at most, and at the coarsest, about."""
CONTENT = METHODS["patch-synthesis"].weights[1]
"""The folder of the weights of the content network: a context encoder with ELU and a fully-connected bottleneck."""
LEAST = 32
"""The shortest side that is optimised, px: below it there is no texture."""

# ----------------------------------------------------------------------------------------------------- the settings


@dataclass(frozen=True, kw_only=True)
class PatchSynthesisSettings(Settings):
    """Settings of it. As in the document: iterations=100:refresh=1:hole=box:pixels=optimised."""

    content: str = ""
    """The initial fill of the hole: another method's name, or a folder of trained weights; by default the content
    network's."""
    texture: str = ""
    """A file of VGG-19's official weights, whose features find the texture; by default our own network's."""
    iterations: int = 20
    """Evaluations of the objective at each scale."""
    scales: int = 0
    """Sizes of the picture, each twice the one before; 0 takes as many as fit, of 512 px three: 128, 256 and 512."""
    texture_weight: float = 0.05
    """Weight α of the texture term beside the content term; 0 optimises no texture."""
    variation: float = 0.01
    """Weight β of the total variation."""
    refresh: int = 10
    """Iterations between searches for the nearest patches."""
    optimiser: Literal["lbfgs", "adam"] = "lbfgs"
    """The optimiser: L-BFGS, as in the paper, or Adam."""
    hole: Literal["mask", "box"] = "mask"
    """The pixels optimised: the missing ones, or, as in the document, the whole rectangle around them in the middle of
    a square, of which the missing ones are taken."""
    pixels: Literal["copied", "optimised"] = "copied"
    """The hole's pixels at every size: copied from the photo where the patches were found, the content first brought
    to the shades of its surroundings; or those optimised, as in the document."""

    def __post_init__(self) -> None:
        for name in ("iterations", "refresh"):
            self._require(getattr(self, name) >= 1, name, "1 or more")
        for name in ("scales", "texture_weight", "variation"):
            self._require(0 <= getattr(self, name) < math.inf, name, "0 or more")


# --------------------------------------------------------------------------------------------------------- the fill


class PatchSynthesis(Inpainter):
    """Content from another inpainter, texture from the photo by the features of a network."""

    def __init__(
        self, network: VGGFeatures, content: Inpainter, settings: PatchSynthesisSettings, card: Card, device: Any
    ) -> None:
        self.card = replace(card, draws=content.card.draws)
        # The document's crop is square. A picture's own border is a better source of texture than a mirrored one.
        self.view = View(context="square", amount=2) if settings.hole == "box" else View(amount=0.5, least=64)
        self.network, self.content, self.settings = network.to(device).eval().requires_grad_(False), content, settings
        self.device = torch.device(device)

    def predict(self, image: Image, mask: Mask, work: Work) -> Image:
        box = _box_around(mask)
        hole = box if self.settings.hole == "box" and not box.all() else mask
        barred = np.zeros_like(mask) if work.source is None else ~work.source & ~hole
        larger, scales = _pyramid(Sized(image, hole, barred), self.settings.scales)
        fill, offsets = self._synthesised(scales, self._content(scales[0], work), work)
        if offsets is not None and self.settings.pixels == "copied":
            fill = copied([*larger, scales[0]], fill, offsets)
        else:
            for level in reversed(larger):
                fill = doubled(fill, level.picture, level.mask, cv2.INTER_LINEAR)
        return np.repeat(fill.mean(2, keepdims=True), 3, 2) if is_grey(image, mask) else fill

    def _content(self, level: Sized, work: Work) -> Image:
        """Return the other method's fill."""

        def waiting(done: float, total: float) -> None:
            # A fill may be cancelled here, too.
            work.step(0, 1)

        if self.content.view.accept(*level.mask.shape):
            source = None if work.source is None else ~(level.mask | level.barred)
            asked = Work(work.seed, source, waiting)
            filled, notes = self.content(level.picture, level.mask, asked), asked.notes
        else:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", FillNote)
                filled = self.content.fill(level.picture, level.mask, seed=work.seed, on_step=waiting)
            notes = [str(each.message) for each in caught]
        for note in notes:
            work.note(f"{self.content.card.name}: {note}")
        return filled

    def _synthesised(self, scales: Sequence[Sized], content: Image, work: Work) -> tuple[Image, Offsets | None]:
        """Return the fill at the largest of the scales, and the offsets of its texture, if any."""
        fill, offsets = content, None
        for level in scales[:-1]:
            fill = halved(fill, *[np.zeros_like(level.mask)] * 2)[0]
        copies = self.settings.pixels == "copied"
        if copies:
            fill = met_at_rim(fill, scales[-1].mask)
        total, done = sum(level.mask.size for level in scales), 0
        for level in reversed(scales):
            if level is not scales[-1]:
                fill = doubled(fill, level.picture, level.mask, cv2.INTER_LINEAR)

            def after(share: float, area: int = level.mask.size, before: int = done) -> None:
                work.step(before + share * area, total)

            fill, offsets = self._at_scale(level, fill, work, after)
            if copies and offsets is not None and level is not scales[0]:
                # A sharp fill here finds sharp patches at twice the size.
                fill = copied([level], fill, offsets)
            done += level.mask.size
        return (content, None) if offsets is None else (fill, offsets)

    def _at_scale(
        self, level: Sized, fill: Image, work: Work, after: Callable[[float], None]
    ) -> tuple[Image, Offsets | None]:
        objective = JointObjective(self.network, level, fill, self.settings, self.device)
        if not objective.texture.possible:
            work.note(
                "at some size no patch of the photo is known whole, or may be taken: there its content stays as it is"
            )
            return fill, None
        best, lowest = lowered(objective, self.settings, after)
        if math.isfinite(lowest):
            work.energy = lowest
        else:
            work.note("the objective is not finite: its content is not optimised")
        objective.match(best)
        steps, where, stride = objective.texture.offsets()
        return objective.filled(best), Offsets(steps.cpu().numpy() * stride, where.cpu().numpy(), stride)


def _pyramid(level: Sized, wanted: int) -> tuple[list[Sized], list[Sized]]:
    """Return the sizes of a picture that are too large to optimise, and those to optimise, largest first.

    Of the latter as many as wanted, where they fit; 0 takes all that fit.
    """
    levels = [level]
    while max(levels[-1].mask.shape) > LARGEST and _can_be_halved(levels[-1]):
        levels.append(Sized(*halved(*levels[-1])))
    larger, scales = levels[:-1], levels[-1:]
    count = wanted or 1 + round(math.log2(max(scales[0].mask.shape) / SMALLEST))
    while len(scales) < count and _can_be_halved(scales[-1]):
        scales.append(Sized(*halved(*scales[-1])))
    return larger, scales


def _can_be_halved(level: Sized) -> bool:
    # A thin hole vanishes at half the size.
    return min(level.mask.shape) >= 2 * LEAST and bool(halved(*level)[1].any())


def is_grey(image: Image, mask: Mask) -> bool:
    """Return whether all known pixels are grey."""
    return not np.ptp(image[~mask], axis=1).any()


def _box_around(mask: Mask) -> Mask:
    """Return the rectangle around all missing pixels."""
    box = np.zeros_like(mask)
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return box


# ---------------------------------------------------------------------------------------------------- the objective


class JointObjective:
    """The objective at one scale, over the hole's pixels x alone (Yang et al., equations 1 to 4):

    J(x) = E_c + α E_t + β Υ, with E_c = mean of (x − x_i)², x in [0, 1] and x_i the content network's fill, or that of
    the scale before. E_t and Υ are means as well (`PatchTexture`, `total_variation`), so that α and β mean the same for
    any hole, scale and network.

    The paper has sums. With 3N values in the hole and pixels in units of s, its α is 3N s² / (9 L C v) times ours for
    each of L taps, its β about half of ours: its 5e-6 is right for one size of hole only.
    """

    def __init__(
        self, network: VGGFeatures, level: Sized, fill: Image, settings: PatchSynthesisSettings, device: torch.device
    ) -> None:
        stride = stride_of(network)
        # Pooling halves its input: sides of whole blocks, at least two, mirrored out to them.
        pad = [(0, max(2 * stride - side, -side % stride)) for side in level.mask.shape]
        picture, mask = np.pad(fill, [*pad, (0, 0)], "symmetric"), np.pad(level.mask, pad, "symmetric")
        # Mirrored parts are not texture of the photo.
        barred = np.pad(level.barred, pad, constant_values=True)
        self._shape, self._weights = level.mask.shape, (settings.texture_weight, settings.variation)
        self._whole = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].to(device)
        hole, shut = (torch.from_numpy(each)[None, None].to(device) for each in (mask, barred))
        self.texture = PatchTexture(network, self._whole, hole, shut)
        self._inside = (..., self.texture.rows, self.texture.columns)
        self._part, self._hole = self._whole[self._inside], hole[self._inside]
        self._places = self._hole.flatten().nonzero().flatten()
        start = self._part.flatten(2)[0, :, self._places]
        # A colour network would tint a grey picture; with one channel it cannot.
        self.start = start.mean(0, keepdim=True) if is_grey(level.picture, level.mask) else start.contiguous()

    def picture(self, x: Tensor) -> Tensor:
        """Return the part of the picture that is used, with `x`, `(channels, pixels)`, in its hole."""
        return self._part.flatten(2).index_copy(2, self._places, x.expand(3, -1)[None]).view_as(self._part)

    def match(self, x: Tensor) -> None:
        """Find the nearest patches of the picture with `x` in its hole."""
        self.texture.match(self.picture(x))

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return E_c, E_t and Υ."""
        part = self.picture(x)
        return (x - self.start).square().mean(), self.texture(part), total_variation(part, self._hole)

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        """Return J and its gradient."""
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            content, texture, variation = self.terms(x)
            loss = content + self._weights[0] * texture + self._weights[1] * variation
            (slope,) = torch.autograd.grad(loss, x)
        return loss.item(), slope

    def filled(self, x: Tensor) -> Image:
        """Return the whole picture with `x` in its hole, `(H, W, 3)` in [0, 1]."""
        whole = self._whole.clone()
        whole[self._inside] = self.picture(x.clamp(0, 1))
        return np.ascontiguousarray(whole[0, :, : self._shape[0], : self._shape[1]].cpu().numpy().transpose(1, 2, 0))


def lowered(
    objective: JointObjective, settings: PatchSynthesisSettings, after: Callable[[float], None]
) -> tuple[Tensor, float]:
    """Return the pixels with the lowest objective found, and its value, infinite where there is none.

    A value that is not finite ends the search with the best so far. `after` gets the share of iterations done.
    """
    x = best = objective.start
    value = lowest = math.inf
    descent = LBFGS() if settings.optimiser == "lbfgs" else Adam(settings.iterations)
    for turn in range(settings.iterations):
        if turn % settings.refresh == 0:
            # Other patches make another objective, with which earlier values cannot be compared.
            lowest = math.inf
            objective.match(x)
            descent.restart()
        loss, slope = objective(x)
        if not (math.isfinite(loss) and slope.isfinite().all()):
            break
        if loss < lowest:
            best, lowest, value = x, loss, loss
        x = descent.step(x.flatten(), loss, slope.flatten()).view_as(x)
        after((turn + 1) / settings.iterations)
    return best, value


# ------------------------------------------------------------------------------------------------------- the method


def make_inpainter(network: VGGFeatures, card: Card, settings: PatchSynthesisSettings, device: Any) -> Inpainter:
    """Return the texture network and the content that the settings name, ready to fill."""
    if settings.texture:
        try:
            network = load_vgg19(settings.texture, TAPS)
        except InputError as error:
            raise InputError(f"{error}, from {VGG19}, or leave texture out: our own network is built in") from error
    network = network.fused()
    try:
        wanted = settings.content or trained_weights(CONTENT)
    except InputError as error:
        raise InputError(f"{card.name}: {error}, or give another method, as content=exemplar") from error
    content = load(wanted, str(device) if takes_device(str(wanted)) else "auto")
    if content.card.name == card.name:
        raise InputError(f"settings: content is {settings.content}: give another method than {card.name} itself")
    return PatchSynthesis(network, content, settings, card, device)


PATCH_SYNTHESIS = TrainedMethod(
    Card(
        name="patch-synthesis",
        summary=METHODS["patch-synthesis"].summary,
        source=(
            "C. Yang and others: High-Resolution Image Inpainting using Multi-Scale Neural Patch Synthesis, CVPR 2017; "
            "Li, who reviews it"
        ),
        good_for="studying it; holes of half the side of a picture of up to 512 px, whose texture is around them",
        bad_for="small holes and things to remove: `auto` fills them better and sooner; what is not around the hole",
        extra="torch",
        uses_source=True,
    ),
    make_inpainter,
    PatchSynthesisSettings,
    presets=PRESETS,
    network=make_network,
    objective=TextureObjective,
    shipped=METHODS["patch-synthesis"].weights[0],
)
