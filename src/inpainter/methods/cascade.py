"""The cascade context encoder: a small network fills first, a large one fills from that (Zieliński et al.)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.core import Card, InputError, View, Work
from inpainter.methods import METHODS
from inpainter.methods.context_encoder import (
    CONTEXT_ENCODER,
    ENCODER,
    ContextEncoder,
    ContextEncoderObjective,
    ContextEncoderRecipe,
)
from inpainter.nn.adversarial import draw_dcgan_weights
from inpainter.nn.facts import read_facts
from inpainter.nn.network import Network
from inpainter.nn.pretrained import fill_with_weights
from inpainter.nn.trained import TrainedMethod

# ------------------------------------------------------------------------------------------------------- the recipe


@dataclass(frozen=True, kw_only=True)
class CascadeRecipe(ContextEncoderRecipe):
    """The training of a cascade's last network; the earlier ones are trained already, with the same widths."""

    paths = ("first",)
    earlier: tuple[int, ...] = (64,)
    """Sizes of the networks before the last one, px, smallest first."""
    first: str = ""
    """Folder of their trained weights or run: a context encoder's, or for more than one a cascade's."""
    residual: bool = False
    """Whether the last network predicts a correction of the fill that it starts from, instead of its own fill."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for smaller, larger in pairwise((*self.earlier, self.size)):
            grows = smaller in ENCODER and smaller < larger
            self._require(grows, "earlier", "sizes of context encoders, each smaller than the next")
        self._require(bool(self.earlier), "earlier", "at least one size")
        self._require(self.output == "whole", "output", "whole: the cascade puts fills into pictures")


_128 = CascadeRecipe(size=128, flip=True, overlap=4, epochs=50)

PRESETS = {
    "128-blocks": _128,
    "128-centre": replace(_128, masks="centre", judged="region"),
    "channelwise-128-blocks": replace(_128, bottleneck="channelwise"),
    "channelwise-128-centre": replace(_128, bottleneck="channelwise", masks="centre", judged="region"),
    # Ours.
    "residual-blocks": replace(_128, residual=True),
    "residual-centre": replace(_128, residual=True, masks="centre", judged="region"),
    "nsd-loss": replace(_128, nsd=0.1),
}

# ------------------------------------------------------------------------------------------------------ the network


class CascadeContextEncoder(Network):
    """F₁₂₈(M̄ ⊙ P + M ⊙ ↗F₆₄(↘(M̄ ⊙ P))): the large network starts from the fill of the small one.

    (i) what lies under the mask is dropped; (ii) the picture is scaled down and filled by the frozen network; (iii) the
    fill is scaled up and put into the hole; (iv) the last network runs on that picture. The same in training and
    inference. `earlier` may be a cascade itself, and so on.

    Where the last network is a `Correction` (ours): ↗F₆₄ + F₁₂₈(M̄ ⊙ P + M ⊙ ↗F₆₄, M), so that the small network's
    prediction need not pass through the last one's code again. The sum is over the whole picture, with the small
    network's raw prediction, also outside the hole: the ring of the reconstruction loss needs that, too.
    """

    encodes = True

    def __init__(self, earlier: Network, last: ContextEncoder) -> None:
        super().__init__()
        self.earlier, self.last = earlier.requires_grad_(False).eval(), last
        small, large = (network.view.fixed for network in (earlier, last))
        assert small is not None
        assert large is not None
        self.view, self.factor = View(fixed=large), large[0] // small[0]

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        # Frozen: its batch norm too.
        self.earlier.eval()
        return self

    def predict(self, image: Tensor, mask: Tensor, works: Sequence[Work]) -> Tensor:
        return self.prediction(image, mask)[0]

    def prediction(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the raw prediction `(B, 3, S, S)` for a blanked picture in [0, 1], and the last network's code.

        A correction's sum may lie outside [0, 1], and is clamped in a fill (`Network.forward`). The losses see it
        unclamped, or there would be no gradient to bring it back.
        """
        up, started = self.started(image, mask)
        if isinstance(self.last, Correction):
            return self.last.corrected(up, started, mask)
        code = self.last.encoded(started)
        return self.last.decode(code, started), code

    @torch.no_grad()
    def started(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Steps (i) to (iii): ↗F₆₄, raw, and the picture with its fill in the hole, each `(B, 3, S, S)`."""
        small, small_mask = scaled_down(image.masked_fill(mask, 0), mask, self.factor)
        raw = self.earlier.raw(small, small_mask).clamp(0, 1).to(image.dtype)
        filled = torch.where(small_mask, raw, small)
        up, filled = (
            functional.interpolate(picture, scale_factor=float(self.factor), mode="bilinear")
            for picture in (raw, filled)
        )
        return up, torch.where(mask, filled, image)

    def code(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the last network's code `(B, D)`."""
        started = self.started(image, mask)[1]
        return self.last.encoded(with_mask(started, mask) if isinstance(self.last, Correction) else started)


class Correction(ContextEncoder):
    """The correction that a residual cascade adds to the fill that it starts from (ours); not a method of its own.

    It sees the mask as a fourth channel: known pixels need no correction. (So its code depends on the mask, as NSD
    shows. With the mask beside the code fills are worse by half a decibel, and NSD is not much lower.) Its last layer
    starts at zero, so that the training starts at ↗F₆₄ exactly. There is no tanh after it: between pictures in [−1, 1]
    a correction may be as large as 2, and a saturated tanh hardly learns. The encoder's features
    are added to the decoder's of the same size (skip connections, as in LinkNet, which cost no weights): a correction
    is fine detail, which does not pass through the code, so that without them the training stays at ↗F₆₄ for
    thousands of steps.
    """

    def __init__(self, recipe: ContextEncoderRecipe) -> None:
        super().__init__(recipe)
        self.encoder[0] = nn.Conv2d(4, recipe.width * ENCODER[recipe.size][0], 4, 2, 1, bias=False)
        draw_dcgan_weights(self.encoder[0])
        *layers, last, _tanh = self.decoder
        for value in last.parameters():
            nn.init.zeros_(value)
        self.decoder = nn.Sequential(*layers, last)

    def corrected(self, up: Tensor, started: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return ↗F₆₄ with its correction, `(B, 3, S, S)` in [0, 1] or a little outside, and the code."""
        features, skipped = with_mask(started, mask) * 2 - 1, list[Tensor]()
        for layer in self.encoder:
            features = layer(features)
            if isinstance(layer, nn.LeakyReLU | nn.ELU):
                skipped.append(features)
        code = self.bottleneck(features)
        features = self.bottleneck.spread(code)
        for layer in self.decoder:
            features = layer(features)
            if isinstance(layer, nn.ReLU | nn.ELU):
                features = features + skipped.pop()
        # Half of it, since the correction is for [−1, 1].
        return up + features / 2, code


def with_mask(image: Tensor, mask: Tensor) -> Tensor:
    """Return a picture `(B, 3, S, S)` with its mask as a fourth channel."""
    return torch.cat([image, mask.to(image.dtype)], 1)


def scaled_down(image: Tensor, mask: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """Scale down by averaging squares of `factor` px; a square that the mask touches is missing, so nothing leaks.

    `image` is `(B, 3, H, W)` and blanked, `mask` bool `(B, 1, H, W)`.
    """
    small_mask = functional.max_pool2d(mask.to(image.dtype), factor) > 0
    return functional.avg_pool2d(image, factor).masked_fill(small_mask, 0), small_mask


def make_network(recipe: CascadeRecipe) -> CascadeContextEncoder:
    """Return the cascade of a recipe, with random weights."""
    network: Network = ContextEncoder(recipe.at(recipe.earlier[0]))
    later = Correction if recipe.residual else ContextEncoder
    for size in (*recipe.earlier[1:], recipe.size):
        network = CascadeContextEncoder(network, later(recipe.at(size)))
    assert isinstance(network, CascadeContextEncoder)
    return network


# ---------------------------------------------------------------------------------------------------- the objective


def make_objective(recipe: CascadeRecipe) -> ContextEncoderObjective:
    """Return the objective: the last network is trained by the context encoder's losses, the earlier ones are frozen.

    Raises InputError when the recipe names no trained weights for those, or unsuitable ones.
    """
    network = make_network(recipe)
    if not recipe.first:
        raise InputError(
            f"recipe: a cascade starts from trained networks: train a context-encoder of {recipe.earlier[-1]} px with "
            "the same widths, and give its folder of weights with --recipe.first"
        )
    found = read_facts(recipe.first)["method"]
    wanted = (CONTEXT_ENCODER if len(recipe.earlier) == 1 else CASCADE).card.name
    if found != wanted:
        raise InputError(f"{recipe.first}: weights of {found}, where those of a {wanted} are wanted")
    fill_with_weights(network.earlier, recipe.first)
    return ContextEncoderObjective(recipe, network, network.last, network.prediction)


# ------------------------------------------------------------------------------------------------------- the method

CASCADE = TrainedMethod(
    Card(
        name="cascade",
        summary=METHODS["cascade"].summary,
        source="B. Zieliński, Ł. Struski, M. Śmieja, J. Tabor: Cascade Context Encoder for Improved Inpainting",
        good_for="studying what a first guess is worth; a code that depends less on where the hole is",
        bad_for="fine detail: it works on pictures of 128 px, and what it adds to a photo is as coarse",
        extra="torch",
    ),
    presets=PRESETS,
    network=make_network,
    objective=make_objective,
    shipped=METHODS["cascade"].weights[0],
)
