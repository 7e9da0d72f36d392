"""A look at a training from outside: numbers and pictures on what it is not trained on."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from inpainter.core.recipe import Recipe
from inpainter.data.pairs import Pairs, mask_drawer
from inpainter.data.sources import Pictures
from inpainter.nn.network import Network
from inpainter.photos.files import write_whole

LOOKED_AT = 1000
"""Pictures measured after every epoch."""
SHEET = 12
"""Pictures on a sample sheet."""
MASK_SEED = 2**32
"""Its masks are the same in every run, and no training's."""


def _held_out_batch(held_out: Pictures, recipe: Recipe, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    count = min(count, len(held_out))
    pairs = Pairs(held_out, recipe.size, mask_drawer(recipe.masks), count, MASK_SEED, recipe.shrink)
    images, masks = pairs.batch(0)
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div(255).to(device), torch.from_numpy(masks)[
        :, None
    ].to(device)


@torch.no_grad()
def validate(network: Network, held_out: Pictures, recipe: Recipe) -> dict[str, float]:
    """Mean squared errors over all values of up to 1000 held-out pictures: raw and composed, whole picture and hole."""
    image, mask = _held_out_batch(held_out, recipe, LOOKED_AT, next(network.parameters()).device)
    raw = torch.cat([
        network.raw(pictures, masks).float().clamp(0, 1)
        for pictures, masks in zip(image.split(recipe.batch), mask.split(recipe.batch), strict=True)
    ])  # fmt: skip
    squared = (raw - image).square()
    inside = (squared * mask).sum()
    return {
        "mse_whole_raw": squared.mean().item(),
        "mse_hole": (inside / (3 * mask.sum())).item(),
        "mse_whole_composed": (inside / image.numel()).item(),
    }


@torch.no_grad()
def sample_sheet(network: Network, held_out: Pictures, recipe: Recipe, folder: Path, step: int) -> None:
    """Write `step-N.png`: a row a picture, of truth, input, raw answer and composed answer."""
    image, mask = _held_out_batch(held_out, recipe, SHEET, next(network.parameters()).device)
    blanked = image.masked_fill(mask, 1.0)
    rows = torch.cat([image, blanked, network.raw(image, mask).clamp(0, 1), network(image, mask)], dim=3)
    sheet = rows.permute(0, 2, 3, 1).flatten(0, 1).mul(255).round().byte().cpu().numpy()
    encoded = cv2.imencode(".png", np.ascontiguousarray(sheet[..., ::-1]))[1]
    write_whole(folder / f"step-{step:09d}.png", encoded.tobytes())
