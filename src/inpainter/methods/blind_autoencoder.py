"""An autoencoder that never sees the mask: the baseline of Lokray and Ghosh's CIFAR-10 study."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from inpainter.core import Card, InputError, View, Work
from inpainter.core.recipe import Recipe
from inpainter.methods import METHODS
from inpainter.nn.network import Network
from inpainter.nn.objective import Batch, Objective
from inpainter.nn.trained import TrainedMethod

# ------------------------------------------------------------------------------------------------------- the recipe


@dataclass(frozen=True, kw_only=True)
class BlindAutoencoderRecipe(Recipe):
    """The training of a blind autoencoder; the defaults are those for CIFAR-10."""

    widths: tuple[int, ...] = (32, 64, 128, 256, 512)
    """Channels after each encoder layer."""
    pooled: int = 2
    """How many encoder layers, from the first, end in a max-pool that halves the sides; the study does not say."""
    norm: bool = True
    """Whether batch norm follows every layer but the last; the study does not name it."""
    last: Literal["sigmoid", "linear"] = "sigmoid"
    """The activation after the last layer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.pooled <= len(self.widths):
            raise InputError(f"recipe: pooled is {self.pooled}: give 1 to {len(self.widths)}, the number of layers")
        if self.size % 2**self.pooled:
            raise InputError(f"recipe: size is {self.size}: give a multiple of {2**self.pooled}")


PRESETS = {
    "cifar10-paper": BlindAutoencoderRecipe(epochs=20, batch=32, average=0.999),
    "cifar10-equal": BlindAutoencoderRecipe(epochs=20, batch=32, average=0.999),
}

# ------------------------------------------------------------------------------------------------------ the network


class BlindAutoencoder(Network):
    """Convolutions with max-pooling down, transposed convolutions up, no skips; the mask is not used.

    Encoder: 3×3 convolutions of stride 1, ReLU, max-pool after the first `pooled`. The decoder mirrors it: a
    transposed convolution for every layer, 4×4 of stride 2 where the encoder pooled, else 3×3 of stride 1.
    """

    encodes = True

    def __init__(self, recipe: BlindAutoencoderRecipe) -> None:
        super().__init__()
        self.view = View(minimum=2**recipe.pooled, multiple=2**recipe.pooled)
        self.trained_on = recipe.size
        channels = (3, *recipe.widths)
        encoder: list[nn.Module] = []
        decoder: list[nn.Module] = []
        for level, (incoming, out) in enumerate(pairwise(channels)):
            encoder += [nn.Conv2d(incoming, out, 3, padding=1), *_after(out, recipe)]
            if level < recipe.pooled:
                encoder.append(nn.MaxPool2d(2))
        for level in reversed(range(len(recipe.widths))):
            below, out = channels[level + 1], channels[level]
            # Kernel 4 with stride 2 covers every position equally often, so it leaves no checkerboard.
            kernel, stride = (4, 2) if level < recipe.pooled else (3, 1)
            decoder.append(nn.ConvTranspose2d(below, out, kernel, stride, padding=1))
            decoder += _after(out, recipe) if level else []
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
        self.last: nn.Module = nn.Sigmoid() if recipe.last == "sigmoid" else nn.Identity()

    def predict(self, image: Tensor, mask: Tensor, works: Sequence[Work]) -> Tensor:
        return self.last(self.decoder(self.encoder(image)))

    def code(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the bottleneck's features everywhere, `(B, C·H/2ᵖ·W/2ᵖ)` after p pools, as the decoder sees them."""
        return self.encoder(image).flatten(1)


def _after(channels: int, recipe: BlindAutoencoderRecipe) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU()] if recipe.norm else [nn.ReLU()]


# ---------------------------------------------------------------------------------------------------- the objective


class BlindAutoencoderObjective(Objective):
    """The mean squared error over all values of the whole picture, as the study trains it."""

    def __init__(self, recipe: BlindAutoencoderRecipe) -> None:
        super().__init__()
        self.network = BlindAutoencoder(recipe)

    def forward(self, player: str, batch: Batch) -> dict[str, Tensor]:
        return {"mse": functional.mse_loss(self.network.raw(batch.image, batch.mask).float(), batch.image)}


# ------------------------------------------------------------------------------------------------------- the method

BLIND_AUTOENCODER = TrainedMethod(
    Card(
        name="blind-autoencoder",
        summary=METHODS["blind-autoencoder"].summary,
        source="Lokray and Ghosh's CIFAR-10 study, as the baseline of partial convolutions",
        good_for="measuring what knowing the mask is worth",
        bad_for="holes thicker than those it was trained on: it takes them for black things, and leaves them black",
        extra="torch",
    ),
    presets=PRESETS,
    network=BlindAutoencoder,
    objective=BlindAutoencoderObjective,
    shipped=METHODS["blind-autoencoder"].weights[0],
)
