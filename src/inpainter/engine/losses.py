"""The loss terms of the steps since the last line of the log."""

import math

import torch
from lightning.fabric import Fabric
from torch import Tensor

from inpainter.core import InputError


class Losses:
    """Collects terms without waiting for the device, and reads them all at once."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.unread: list[tuple[int, dict[str, Tensor]]] = []
        self.rows: list[dict[str, float]] = []
        """Terms of each step, read; saved in checkpoints, so that a resumed run logs what an unbroken one does."""

    def add(self, step: int, terms: dict[str, Tensor]) -> None:
        """Add the terms of a step."""
        self.unread.append((step, terms))

    def check(self) -> None:
        """Read the new terms, averaged over devices; raises InputError at the first that is not finite."""
        if not self.unread:
            return
        names = list(self.unread[0][1])
        table = torch.stack([torch.stack([terms[name] for name in names]) for _, terms in self.unread]).float()
        means = torch.as_tensor(self.fabric.all_reduce(table, reduce_op="mean")).cpu()
        for (step, _), values in zip(self.unread, means.tolist(), strict=True):
            row = dict(zip(names, values, strict=True))
            for name, value in row.items():
                if not math.isfinite(value):
                    raise InputError(
                        f"training: the loss {name} became {value} at step {step}: resume from the last good "
                        "checkpoint with a smaller --recipe.learning-rate or with --recipe.clip 1 in a new run folder"
                    )
            self.rows.append(row)
        self.unread.clear()

    def means(self) -> dict[str, float]:
        """Return the means of the terms since the last call; empty where there was no step."""
        self.check()
        rows, self.rows = self.rows, []
        return {name: math.fsum(row[name] for row in rows) / len(rows) for name in (rows[0] if rows else ())}
