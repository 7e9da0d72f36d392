"""The cascade context encoder: a small network fills first, a large one fills from that (Zieliński et al.)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor
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
from inpainter.nn.facts import read_facts
from inpainter.nn.network import Network
from inpainter.nn.pretrained import fill_with_weights
from inpainter.nn.trained import TrainedMethod

# ------------------------------------------------------------------------------------------------------- the recipe


@dataclass(frozen=True, kw_only=True)
class CascadeRecipe(ContextEncoderRecipe):
    """The training of a cascade's last network; the ones before it are trained already, with these same widths."""

    earlier: tuple[int, ...] = (64,)
    """Sizes of the networks before the last one, px, from the smallest."""
    first: str = ""
    """Folder of trained weights for them: a context encoder's, or for more than one a cascade's."""

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
    "nsd-loss": replace(_128, nsd=0.1),
}

# ------------------------------------------------------------------------------------------------------ the network


class CascadeContextEncoder(Network):
    """F₁₂₈(M̄ ⊙ P + M ⊙ ↗F₆₄(↘(M̄ ⊙ P))): what the small network says about the hole is where the large one starts.

    (i) what lies under the mask is dropped; (ii) the picture is scaled down and filled by the frozen network; (iii) the
    fill is scaled up and put into the hole; (iv) the last network runs on that picture. The same in training and in
    use. `earlier` may be a cascade itself, and so on.
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
        return self.last.generate(self.started(image, mask))

    @torch.no_grad()
    def started(self, image: Tensor, mask: Tensor) -> Tensor:
        """Steps (i) to (iii): the picture `(B, 3, S, S)` with the small network's fill in the hole."""
        small, small_mask = scaled_down(image.masked_fill(mask, 0), mask, self.factor)
        filled = self.earlier(small, small_mask)
        up = functional.interpolate(filled, scale_factor=float(self.factor), mode="bilinear")
        return torch.where(mask, up.to(image.dtype), image)

    def code(self, image: Tensor, mask: Tensor) -> Tensor:
        """The last network's code `(B, D)`."""
        return self.last.encoded(self.started(image, mask))


def scaled_down(image: Tensor, mask: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """Scale down by averaging squares of `factor` px; one that the mask touches is missing, so nothing leaks.

    `image` is `(B, 3, H, W)` and blanked, `mask` bool `(B, 1, H, W)`.
    """
    small_mask = functional.max_pool2d(mask.to(image.dtype), factor) > 0
    return functional.avg_pool2d(image, factor).masked_fill(small_mask, 0), small_mask


def make_network(recipe: CascadeRecipe) -> CascadeContextEncoder:
    """The cascade of a recipe, with random weights."""
    network: Network = ContextEncoder(recipe.at(recipe.earlier[0]))
    for size in (*recipe.earlier[1:], recipe.size):
        network = CascadeContextEncoder(network, ContextEncoder(recipe.at(size)))
    assert isinstance(network, CascadeContextEncoder)
    return network


# ---------------------------------------------------------------------------------------------------- the objective


def make_objective(recipe: CascadeRecipe) -> ContextEncoderObjective:
    """What is trained: the last network, by the context encoder's losses, the earlier ones frozen.

    Raises InputError when the recipe names no trained weights for those, or unfit ones.
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
    return ContextEncoderObjective(recipe, network, network.last, network.started)


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
    shipped="128-blocks",
)
