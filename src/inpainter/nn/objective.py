"""What training minimises: players, and named loss terms for each."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from torch import Tensor, nn

from inpainter.nn.network import Network


class Batch(NamedTuple):
    """Pictures and the masks drawn for them."""

    image: Tensor
    """`(B, 3, H, W)` float32 in [0, 1]."""
    mask: Tensor
    """Bool `(B, 1, H, W)`, True = missing."""


class Objective(nn.Module, ABC):
    """The losses of one training, in which one or more players take turns.

    A subclass is a module that holds the `network` and whatever else is trained or needed, names its `players` in the
    order in which they move, and writes `forward`. It knows nothing of devices, optimisers or files.
    """

    network: Network
    """What is kept when the training is over."""

    @property
    def players(self) -> dict[str, nn.Module]:
        """Who is trained, in the order of their turns: by default the network alone."""
        return {"network": self.network}

    def adam(self, player: str) -> dict[str, Any]:
        """What differs for `player` from Adam with the recipe's step size, e.g. `{"betas": (0.5, 0.999)}`."""
        return {}

    @abstractmethod
    def forward(self, player: str, batch: Batch) -> dict[str, Tensor]:
        """The loss of `player` on `batch` as weighted terms by name, each a scalar; their sum is minimised."""
