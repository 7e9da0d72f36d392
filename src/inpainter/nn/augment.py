"""Differentiable augmentation of what a discriminator sees, which keeps it from learning a small set by heart."""

import torch
from torch import Tensor
from torch.nn import functional


def augmented(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror, shade, shift and cut out at random, each picture `(B, C, H, W)` in [−1, 1] in its own way.

    Real and generated pictures are both augmented, so that a generator does not learn the changes (Zhao and others:
    Differentiable Augmentation for Data-Efficient GAN Training, 2020, section 3.2); for the same reason pictures are
    mirrored with probability one half.
    """
    count, _, height, width = pictures.shape

    def drawn(low: float, high: float) -> Tensor:
        drawn = torch.rand(count, 1, 1, 1, generator=generator, device=pictures.device)
        return drawn * (high - low) + low

    def whole(low: int, high: int) -> Tensor:
        return drawn(low, high + 1).floor().long()

    x = torch.where(drawn(0, 1) < 0.5, pictures, pictures.flip(3)) + drawn(-0.5, 0.5)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * drawn(0, 2)
    middle = x.mean((1, 2, 3), keepdim=True)
    x = middle + (x - middle) * drawn(0.5, 1.5)
    # Shifted by up to an eighth of the side, 0 outside.
    reach = (height // 8, width // 8)
    padded = functional.pad(x, (reach[1], reach[1], reach[0], reach[0]))
    rows = torch.arange(height, device=x.device) + whole(0, 2 * reach[0]).flatten(1)
    columns = torch.arange(width, device=x.device) + whole(0, 2 * reach[1]).flatten(1)
    picture = torch.arange(count, device=x.device)[:, None, None]
    x = padded.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)
    # A square of half the side, its middle anywhere in the picture.
    y, left = whole(0, height - 1) - height // 4, whole(0, width - 1) - width // 4
    row = torch.arange(height, device=x.device)[:, None]
    column = torch.arange(width, device=x.device)[None]
    cut = (row >= y) & (row < y + height // 2) & (column >= left) & (column < left + width // 2)
    return x.masked_fill(cut, 0)
