"""Poisson blending: the gradients of one picture in the hole of another, without a seam."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


def poisson_blend(image: Tensor, guide: Tensor, mask: Tensor) -> Tensor:
    """Fill the holes of `image` with the gradients of `guide`, joined to the known pixels.

    min ‖∇x − ∇g‖² over the hole, x = y outside (Pérez, Gangnet, Blake 2003, equation 3; Yeh and others 2017, equation
    8). With d = x − g this is a Laplace equation: for every missing p the sum over its neighbours q in the picture of
    d_p − d_q is 0, with d_q = y_q − g_q where q is known. A picture's border has no neighbour beyond it. Tensors
    `(B, C, H, W)`, bool `(B, 1, H, W)`; a hole that covers everything is filled with `guide` as it is.
    """
    blended = torch.where(mask, guide, image)
    difference = (image - guide).double().cpu().numpy()
    places: dict[bytes, list[int]] = {}
    masks = mask[:, 0].cpu().numpy()
    for number, one in enumerate(masks):
        if one.any() and not one.all():
            places.setdefault(one.tobytes(), []).append(number)
    for packed, numbers in places.items():
        # All pictures with this hole at once: the matrix depends on the mask alone.
        hole = masks[numbers[0]]
        factor, neighbours = _factored(packed, hole.shape)
        known = np.where(hole, 0, difference[numbers])
        around = np.concatenate([known, np.zeros_like(known[..., :1])], axis=-1)
        flat = around.reshape(*known.shape[:2], -1)[..., neighbours].sum(-1)
        solved = torch.cholesky_solve(torch.from_numpy(flat).flatten(0, 1).T, factor).T
        added = solved.unflatten(0, known.shape[:2]).to(blended.dtype).to(blended.device)
        pictures = blended[numbers]
        pictures[:, :, torch.from_numpy(hole).to(blended.device)] += added
        blended[numbers] = pictures
    return blended


@lru_cache(maxsize=2)
def _factored(packed: bytes, shape: tuple[int, int]) -> tuple[Tensor, np.ndarray]:
    """Return the Cholesky factor of a hole's Laplace matrix, and the flat indices of each pixel's known neighbours.

    The indices are into a picture with one more column of zeros, which stands for neighbours that are missing or
    outside the picture.
    """
    height, width = shape
    hole = np.frombuffer(packed, dtype=bool).reshape(shape)
    rows, columns = np.nonzero(hole)
    number = np.full(shape, -1)
    number[rows, columns] = np.arange(len(rows))
    matrix = np.zeros((len(rows), len(rows)))
    known = np.full((len(rows), 4), width)
    for side, (down, right) in enumerate(((-1, 0), (1, 0), (0, -1), (0, 1))):
        y, x = rows + down, columns + right
        inside = np.flatnonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
        matrix[inside, inside] += 1
        beside = number[y[inside], x[inside]]
        matrix[inside[beside >= 0], beside[beside >= 0]] -= 1
        outer = inside[beside < 0]
        known[outer, side] = y[outer] * (width + 1) + x[outer]
    return torch.linalg.cholesky(torch.from_numpy(matrix)), known
