"""What training minimises: players, and named loss terms for each."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from inpainter.nn.network import Network


class Batch:
    """Pictures, the masks drawn for them, and the state of the one step that uses them.

    A plain class: Fabric and DDP copy the dicts, tuples and dataclasses that they find, and `shared` would be lost.
    """

    def __init__(self, image: Tensor, mask: Tensor, generator: torch.Generator | None = None) -> None:
        self.image = image
        """`(B, 3, H, W)` float32 in [0, 1]."""
        self.mask = mask
        """Bool `(B, 1, H, W)`, True = missing; all False where an objective is not `masked`."""
        self.generator = generator or torch.Generator(image.device)
        """The source of random numbers in a loss; in training it has the step's own seed."""
        self.shared: dict[str, Any] = {}
        """Results of an earlier player's turn on this batch, for the later ones."""


class Objective(nn.Module, ABC):
    """The losses of one training, in which one or more players take turns.

    A subclass is a module that holds the `network` and all else that is trained or needed, names its `players` in the
    order of their turns, and writes `forward`. One that trains something other than a Network also writes `kept`,
    `validate` and `sample`. It knows nothing of devices, optimisers or files, and draws from its batch's generator
    only.
    """

    network: Network
    masked: bool = True
    """Whether masks are drawn for its batches."""

    @property
    def kept(self) -> nn.Module:
        """The module that is saved when the training is over: by default the network."""
        return self.network

    @property
    def players(self) -> dict[str, nn.Module]:
        """The modules that are trained, in the order of their turns: by default the network alone."""
        return {"network": self.network}

    def adam(self, player: str) -> dict[str, Any]:
        """Return the options of Adam for `player` that differ from the recipe's, e.g. `{"betas": (0.5, 0.999)}`."""
        return {}

    @abstractmethod
    def forward(self, player: str, batch: Batch) -> dict[str, Tensor]:
        """Return the loss of `player` on `batch` as weighted terms by name, each a scalar; their sum is minimised."""

    def validate(self, kept: Any, batches: Iterable[Batch]) -> dict[str, float]:
        """Measure a copy of `kept`, in evaluation mode, on pictures that it was not trained on: numbers by name.

        By default mean squared errors: raw and composed, over all values of the pictures; and pooled over the values of
        all holes, where a large hole counts more, unlike in the metric `mse_hole`, which is a mean over pictures.
        """
        seen = [(batch.image, batch.mask, kept.raw(batch.image, batch.mask).float().clamp(0, 1)) for batch in batches]
        image, mask, raw = (torch.cat(tensors) for tensors in zip(*seen, strict=True))
        squared = (raw - image).square()
        inside = (squared * mask).sum()
        return {
            "mse_whole_raw": squared.mean().item(),
            "mse_hole_pooled": (inside / (3 * mask.sum())).item(),
            "mse_whole_composed": (inside / image.numel()).item(),
        }

    def sample(self, kept: Any, batch: Batch) -> Tensor:
        """Return the rows of a sample sheet, `(B, 3, H, W·k)` in [0, 1]: k pictures side by side.

        By default truth, input, raw and composed prediction of the network.
        """
        image, mask = batch.image, batch.mask
        raw = kept.raw(image, mask).clamp(0, 1)
        return torch.cat([image, image.masked_fill(mask, 1.0), raw, kept(image, mask)], dim=3)
