"""Validation of a training: numbers and samples on held-out pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from inpainter.core.recipe import Recipe
from inpainter.data.draws import keys
from inpainter.data.pairs import Pairs, mask_drawer
from inpainter.data.sources import Pictures
from inpainter.engine.sheet import encoded
from inpainter.nn.objective import Batch, Objective
from inpainter.photos.files import write_whole

LOOKED_AT = 1000
"""Pictures measured after every epoch."""
SHEET = 12
"""Pictures on a sample sheet."""
MASK_SEED = 2**32
"""The validation seed: its masks are the same in every run, and differ from any training's."""


def pairs_for(
    objective: Objective, pictures: Pictures, recipe: Recipe, count: int, seed: int, flip: bool = False
) -> Pairs:
    """Return pictures for an objective, `count` at a time, with masks if it uses any."""
    draw = mask_drawer(recipe.masks) if objective.masked else None
    return Pairs(pictures, recipe.size, draw, count, seed, flip)


def batch_on(device: torch.device, arrays: tuple[np.ndarray, np.ndarray], seed: int, step: int, rank: int = 0) -> Batch:
    """Return pictures and masks of `Pairs` as a batch on a device, its generator a function of (seed, step, rank)."""
    pictures, masks = (torch.from_numpy(array).to(device, non_blocking=True) for array in arrays)
    key = int(keys(seed, step, np.array([rank]))[0])
    # (B, H, W, 3) viewed as (B, 3, H, W) is channels_last already.
    image = pictures.permute(0, 3, 1, 2).float().div_(255)
    return Batch(image, masks[:, None], torch.Generator(device).manual_seed(key))


@dataclass(frozen=True)
class HeldOut:
    """Held-out pictures, for validation and samples of an objective."""

    objective: Objective
    pictures: Pictures
    recipe: Recipe
    device: torch.device

    @torch.no_grad()
    def validate(self, kept: nn.Module) -> dict[str, float]:
        """Return the objective's measurements on up to 1000 pictures, in training's batch size; empty without any."""
        if not len(self.pictures):
            return {}
        return self.objective.validate(kept, self._batches(LOOKED_AT, self.recipe.batch))

    @torch.no_grad()
    def sample_sheet(self, kept: nn.Module, path: Path) -> None:
        """Write a PNG of the objective's rows for a few pictures; nothing without any."""
        for batch in self._batches(SHEET, SHEET) if len(self.pictures) else ():
            rows = self.objective.sample(kept, batch)
            sheet = rows.permute(0, 2, 3, 1).flatten(0, 1).mul(255).round().byte().cpu().numpy()
            write_whole(path, encoded(sheet))

    def _batches(self, count: int, at_once: int) -> Iterator[Batch]:
        count = min(count, len(self.pictures))
        images, masks = pairs_for(self.objective, self.pictures, self.recipe, count, MASK_SEED).batch(0)
        for start in range(0, count, at_once):
            part = slice(start, start + at_once)
            yield batch_on(self.device, (images[part], masks[part]), MASK_SEED, start)
