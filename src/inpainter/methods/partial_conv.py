"""Partial convolutions in a U-Net (Liu et al. 2018), as in the CIFAR-10 study of Lokray and Ghosh."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.core import Card, InputError, View, Work
from inpainter.core.recipe import Recipe
from inpainter.methods import METHODS
from inpainter.nn.losses import feature_l1, masked_l1, style_l1, total_variation
from inpainter.nn.network import Network
from inpainter.nn.objective import Batch, Objective
from inpainter.nn.partial_conv import PartialConv2d, fill_by_averages
from inpainter.nn.trained import TrainedMethod
from inpainter.nn.vgg import load_vgg

# ------------------------------------------------------------------------------------------------------- the recipe


@dataclass(frozen=True, kw_only=True)
class PartialConvRecipe(Recipe):
    """The training of a partial-convolution U-Net; the defaults are those for CIFAR-10."""

    paths = ("features",)
    widths: tuple[int, ...] = (64, 64, 128, 128, 128)
    """Channels after each encoder layer, each of which halves the sides."""
    kernels: tuple[int, ...] = (3, 3, 3, 3, 3)
    """Side of each encoder layer's window, px."""
    convolutions: Literal[1, 2] = 1
    """Partial convolutions per level; of two, one keeps the size, and its features go through the skip."""
    first_width: int = 32
    """Channels of a layer at full size before the first halving, whose features the last skip carries; 0: none."""
    last_width: int = 32
    """Channels of the last two decoder layers, before a 1×1 convolution to colours; 0: the last outputs the colours."""
    last_layers: int = 2
    """Layers at full size after the decoder, before the colours; only with a last width."""
    last: Literal["sigmoid", "linear"] = "sigmoid"
    """The activation after the last layer; the study names both."""
    blocks: tuple[int, ...] = ()
    """Residual blocks per level, down and, except the last, up again: ours; none: the U-Net."""
    norm_ends: bool = True
    """Whether batch norm follows the first layer too, as in the study; the original leaves it out there."""
    loss: Literal["mse", "five-term"] = "mse"
    """The study's mean squared error, or the original's valid + hole + perceptual + style + total variation."""
    valid: float = 1.0
    """Weight of the error in known pixels (five-term)."""
    hole: float = 6.0
    """Weight of the error in missing pixels (five-term)."""
    perceptual: float = 0.05
    """Weight of the difference in VGG features, raw and composed (five-term)."""
    style: float = 120.0
    """Weight of the difference in their Gram matrices, raw and composed (five-term)."""
    variation: float = 0.1
    """Weight of the total variation in and around the hole (five-term)."""
    features: str = ""
    """File of VGG weights for the perceptual and style terms (five-term)."""
    freeze_norm: bool = False
    """Whether the encoder's batch norm is frozen, for fine-tuning: holes distort its statistics."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.widths) != len(self.kernels) or not self.widths:
            raise InputError(f"recipe: {len(self.widths)} widths and {len(self.kernels)} kernels: give as many of both")
        if self.blocks and len(self.blocks) != len(self.widths):
            raise InputError(f"recipe: {len(self.widths)} widths and {len(self.blocks)} blocks: give as many of both")
        if self.size % 2 ** len(self.widths):
            raise InputError(f"recipe: size is {self.size}: give a multiple of {2 ** len(self.widths)}")


PRESETS = {
    "cifar10-100-epochs": PartialConvRecipe(epochs=100, batch=32, average=0.999),
    "cifar10-equal": PartialConvRecipe(epochs=20, batch=32, average=0.999),
    # The study's network and training as far as described, nothing added; its widths are the blind autoencoder's.
    "study": PartialConvRecipe(
        epochs=100, batch=32, widths=(32, 64, 128, 256, 512), convolutions=2, first_width=0, last_layers=0
    ),
    # Ours: better than the U-Net, and in less time.
    "cifar10": PartialConvRecipe(
        epochs=24, batch=32, average=0.999, schedule="cosine", widths=(96, 128), kernels=(3, 3), blocks=(2, 1)
    ),
    # The original's widths, kernels and loss, with two levels fewer than its table for 512 px.
    "photos-128": PartialConvRecipe(
        size=128,
        masks="strokes",
        batch=16,
        epochs=100,
        learning_rate=2e-4,
        widths=(64, 128, 256, 512, 512, 512),
        kernels=(7, 5, 5, 3, 3, 3),
        first_width=0,
        last_width=0,
        last="linear",
        norm_ends=False,
        loss="five-term",
        validation=100,
    ),
}
"""`study` is nearest to the document. The U-Net of `cifar10-*-epochs` and `cifar10-equal` has our layers at full size:
for as many epochs as the study's, and as many as the blind autoencoder's. `cifar10` is entirely ours."""

# ------------------------------------------------------------------------------------------------------ the network


class PartialConvUNet(Network):
    """A U-Net in which every convolution is partial and every skip carries its mask along.

    Encoder: partial convolution of stride 2, batch norm, ReLU. Decoder: nearest upsampling, concatenation of features
    **and masks** with the encoder's (at full size: with the picture and its mask, or the first layer's), partial
    convolution, batch norm, LeakyReLU 0.2. For 32 px and five layers it goes from 32×32 to 1×1 and back. Ours are the
    layers at full size before and after (`first_width`, `last_layers`): thin holes are filled from nearby pixels, and a
    partial convolution does not know which of its pixels were missing, so it takes several of them to fill well.
    """

    def __init__(self, recipe: PartialConvRecipe) -> None:
        super().__init__()
        widths, levels, full = recipe.widths, len(recipe.widths), recipe.first_width or 3
        self.view = View(minimum=2**levels, multiple=2**levels)
        self.trained_on = recipe.size
        twice = recipe.convolutions == 2
        self.before, self.encoder = nn.ModuleList(), nn.ModuleList()
        self.decoder, self.after, self.end = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.first = _Layer((3,), full, 3) if recipe.first_width else None
        # Channels of each level's input, which its skip carries.
        halved = widths if twice else (full, *widths[:-1])
        for level, (above, kernel) in enumerate(zip((full, *widths), recipe.kernels, strict=False)):
            norm = recipe.norm_ends or level > 0
            if twice:
                self.before.append(_Layer((above,), widths[level], kernel, norm=norm))
            self.encoder.append(_Layer((halved[level],), widths[level], kernel, stride=2, norm=norm))
        below = widths[-1]
        for level in reversed(range(1, levels)):
            # Half the size costs the most: already as narrow there as at full size.
            out = recipe.last_width or widths[0] if level == 1 else widths[level - 1]
            self.decoder.append(_Layer((below, halved[level]), out, 3))
            self.after.extend(_Layer((out,), out, 3) for _ in range(twice))
            below = out
        if recipe.last_width:
            self.decoder.append(_Layer((below, halved[0]), recipe.last_width, 3))
            self.after.extend(_Layer((recipe.last_width,), recipe.last_width, 3) for _ in range(twice))
            self.end.extend(_Layer((recipe.last_width,), recipe.last_width, 3) for _ in range(recipe.last_layers))
            self.colours: nn.Module = nn.Conv2d(recipe.last_width, 3, 1)
        else:
            self.decoder.append(_Layer((below, halved[0]), 3, 3, norm=False))
            self.colours = nn.Identity()
        self.last: nn.Module = nn.Sigmoid() if recipe.last == "sigmoid" else nn.Identity()

    def predict(self, image: Tensor, mask: Tensor, works: Sequence[Work]) -> Tensor:
        x, valid = image, ~mask
        if self.first is not None:
            x, valid = self.first(x, valid)
            x = functional.relu(x)
        skips = []
        for level, layer in enumerate(self.encoder):
            if level < len(self.before):
                x, valid = self.before[level](x, valid)
                x = functional.relu(x)
            skips.append((x, valid))
            x, valid = layer(x, valid)
            x = functional.relu(x)
        for i, layer in enumerate(self.decoder):
            skip, skip_valid = skips.pop()
            # Features and masks of both, side by side: the layer treats them as concatenated.
            valid = torch.cat([_doubled(valid), skip_valid], dim=1)
            x, valid = layer((functional.interpolate(x, scale_factor=2.0), skip), valid)
            if i < len(self.decoder) - 1 or not isinstance(self.colours, nn.Identity):
                x = functional.leaky_relu(x, 0.2)
            if i < len(self.after):
                x, valid = self.after[i](x, valid)
                x = functional.leaky_relu(x, 0.2)
        for layer in self.end:
            x, valid = layer(x, valid)
            x = functional.leaky_relu(x, 0.2)
        return self.last(self.colours(x))


class _Layer(nn.Module):
    """Partial convolution and batch norm, over one group of channels for each mask."""

    def __init__(self, channels: tuple[int, ...], out: int, kernel: int, stride: int = 1, norm: bool = True) -> None:
        super().__init__()
        # Batch norm has a bias of its own.
        self.conv = PartialConv2d(
            sum(channels), out, kernel, stride, kernel // 2, bias=not norm, groups_of_channels=channels
        )
        self.norm = nn.BatchNorm2d(out) if norm else nn.Identity()

    def forward(self, x: Tensor | tuple[Tensor, ...], valid: Tensor) -> tuple[Tensor, Tensor]:
        y, valid = self.conv(x, valid)
        return self.norm(y), valid


def _doubled(valid: Tensor) -> Tensor:
    """Upsample a mask by nearest neighbours, which interpolate does not do for bool."""
    return valid.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


class RefiningUNet(Network):
    """Partial averages close the hole, and a U-Net of residual blocks corrects them: ours, for small pictures.

    fill = prefill + correction(prefill, mask), where the prefill is the partial convolution with constant weights,
    repeated until all is known (`fill_by_averages`). It provides the colours, so the network only has to learn their
    error, and spends no capacity on reproducing known pixels: those it returns as they are.
    Convolutions run at half the size and below (pixel-unshuffle, and pixel-shuffle back), where a processor is
    fastest. After the prefill everything is valid, so they are plain ones, with the mask as an input channel.
    """

    def __init__(self, recipe: PartialConvRecipe) -> None:
        super().__init__()
        widths, levels = recipe.widths, len(recipe.widths)
        self.view = View(minimum=2**levels, multiple=2**levels)
        self.trained_on = recipe.size

        def blocks(level: int) -> nn.Sequential:
            each = (_Residual(widths[level], recipe.kernels[level]) for _ in range(recipe.blocks[level]))
            return nn.Sequential(*each)

        self.first = nn.Conv2d(4 * (3 + 1), widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(blocks(level) for level in range(levels))
        self.decoder = nn.ModuleList(blocks(level) for level in range(levels - 1))
        self.down = nn.ModuleList(nn.Conv2d(above, below, 2, 2) for above, below in pairwise(widths))
        self.up = nn.ModuleList(nn.Conv2d(below, 4 * above, 1) for above, below in pairwise(widths))
        self.last = _started_at_zero(nn.Conv2d(widths[0], 4 * 3, 3, padding=1))

    def predict(self, image: Tensor, mask: Tensor, works: Sequence[Work]) -> Tensor:
        prefill = fill_by_averages(image, ~mask)
        # Centred on 0, since there is no batch norm.
        seen = torch.cat([prefill - 0.5, mask.to(prefill.dtype)], dim=1)
        x = self.first(functional.pixel_unshuffle(seen, 2))
        skips = []
        for down, encoder in zip(self.down, self.encoder, strict=False):
            skips.append(encoder(x))
            x = down(skips[-1])
        x = self.encoder[-1](x)
        for up, decoder in zip(reversed(self.up), reversed(self.decoder), strict=True):
            x = decoder(skips.pop() + functional.pixel_shuffle(up(x), 2))
        correction = functional.pixel_shuffle(self.last(x), 2)
        return torch.where(mask, prefill + correction.to(prefill.dtype), image)


class _Residual(nn.Module):
    """x + W₂ relu(W₁ x), which starts as the identity."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.inner = nn.Conv2d(width, width, kernel, padding=kernel // 2)
        self.outer = _started_at_zero(nn.Conv2d(width, width, kernel, padding=kernel // 2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.outer(functional.relu(self.inner(x)))


def _started_at_zero(layer: nn.Conv2d) -> nn.Conv2d:
    """Initialise a layer to add nothing: without batch norm, a sum of many random ones would start far off."""
    for value in layer.parameters():
        nn.init.zeros_(value)
    return layer


def make_network(recipe: PartialConvRecipe) -> Network:
    """Return the network of a recipe, with random weights."""
    return RefiningUNet(recipe) if recipe.blocks else PartialConvUNet(recipe)


# ---------------------------------------------------------------------------------------------------- the objective


class PartialConvObjective(Objective):
    """The study's mean squared error over all values of the whole raw picture, or the original's five terms.

    L = L_valid + 6 L_hole + 0.05 L_perceptual + 120 (L_style_out + L_style_comp) + 0.1 L_tv (Liu et al., equation 7).
    """

    def __init__(self, recipe: PartialConvRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = make_network(recipe)
        if recipe.loss == "five-term":
            if not recipe.features:
                raise InputError("recipe: the five-term loss needs VGG weights: give their file with --recipe.features")
            self.features = load_vgg(recipe.features)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.recipe.freeze_norm:
            # All before the decoder: the layers at full size see the holes first.
            for name, module in self.network.named_modules():
                if name.startswith(("first.", "before.", "encoder.")) and isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, player: str, batch: Batch) -> dict[str, Tensor]:
        truth, mask = batch.image, batch.mask
        raw = self.network.raw(truth, mask).float()
        if self.recipe.loss == "mse":
            return {"mse": functional.mse_loss(raw, truth)}
        composed = torch.where(mask, raw, truth)
        ours, filled, wanted = (self.features(picture) for picture in (raw, composed, truth))
        recipe = self.recipe
        return {
            "valid": recipe.valid * masked_l1(raw, truth, ~mask),
            "hole": recipe.hole * masked_l1(raw, truth, mask),
            "perceptual": recipe.perceptual * (feature_l1(ours, wanted) + feature_l1(filled, wanted)),
            "style": recipe.style * (style_l1(ours, wanted) + style_l1(filled, wanted)),
            "variation": recipe.variation * total_variation(composed, mask),
        }


# ------------------------------------------------------------------------------------------------------- the method

PARTIAL_CONV = TrainedMethod(
    Card(
        name="partial-conv",
        summary=METHODS["partial-conv"].summary,
        source="G. Liu and others: Image Inpainting for Irregular Holes Using Partial Convolutions, ECCV 2018",
        good_for="many thin or irregular holes, of the kind and size that it was trained on: scratches",
        bad_for="holes thicker than those it was trained on (5 pixels for CIFAR-10): soft, or in wrong colours",
        extra="torch",
    ),
    presets=PRESETS,
    network=make_network,
    objective=PartialConvObjective,
    shipped=METHODS["partial-conv"].weights[0],
)
