"""Filling a hole with pixels copied from where features found its texture."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.core import Image, Mask
from inpainter.methods.exemplar import SEARCHED, doubled, joined, lifted, to_rgb, to_ycbcr
from inpainter.methods.patches import Indices, Level, nearest

ROUNDS = 4
"""Rounds in which the copied patches are refined."""
TRIES, WRONG = 10, 0.4
"""Random places that each patch is compared with, one of which is taken where it fits better by this factor: cosines
do not distinguish flat dark sand from a flat bright sea."""


class Sized(NamedTuple):
    """A picture at one size."""

    picture: Image
    mask: Mask
    barred: Mask
    """Known pixels that texture must not be taken from."""


class Offsets(NamedTuple):
    """Where the texture of blocks of pixels was found."""

    steps: NDArray[np.int64]
    """Rows and columns down and right, px, `(2, h, w)`."""
    where: Mask
    """Which blocks have one, `(h, w)`: at least one."""
    stride: int
    """The side of a block, px."""


def copied(sizes: Sequence[Sized], fill: Image, offsets: Offsets) -> Image:
    """Return the picture of the first size, its hole filled with its own pixels; `fill` is of the last size.

    The offsets initialise a field of nearest patches, which is refined pixel by pixel beside the fill (Barnes et al.
    2009): blocks of features lie apart by their stride, and what fits a block need not fit its neighbour. Then every
    pixel is copied from the best patch over it, and its shades are the fill's.
    """
    levels = [Level(to_ycbcr(each.picture), each.mask, each.barred) for each in sizes]
    level, smooth = levels[-1], to_ycbcr(fill)
    if not all(each.count and len(each.sources) for each in levels):
        # Some patch of features, but none of pixels, is known whole.
        for each in sizes[-2::-1]:
            fill = doubled(fill, each.picture, each.mask)
        return fill
    rng = np.random.default_rng(0)
    estimate, found = smooth, _begun(level, offsets)
    level.search_ready()
    # From the copied blocks, not the fill: to a soft fill, soft places are nearest.
    estimate = level.vote(estimate, found, level.trust)
    distance = level.look_at(estimate, found)
    for _ in range(TRIES):
        level.consider(found, distance, rng.choice(level.sources, level.count), WRONG)
        level.propagate(found, distance)
    for turn in range(ROUNDS):
        if turn:
            estimate = level.vote(estimate, found, level.weights(distance, turn))
            distance = level.look_at(estimate, found)
        level.propagate(found, distance, 2)
        for far in (1, 4):
            level.jitter(found, distance, far, rng)
        level.propagate(found, distance)
    for number, finer in enumerate(levels[-2::-1], 1):
        lower, smooth = levels[-number], doubled(smooth, finer.picture, finer.mask)
        estimate, found, distance = lifted(lower, finer, estimate, found, distance)
        if finer.count <= SEARCHED:
            finer.search_ready()
            estimate = finer.vote(estimate, found, finer.trust)
            distance = finer.look_at(estimate, found)
            finer.propagate(found, distance)
    return to_rgb(joined(levels[0], levels[0].copy(estimate, found, distance), smooth))


def met_at_rim(fill: Image, mask: Mask) -> Image:
    """Return the fill in the shades of its surroundings: the difference at the rim, continued inwards, is added.

    A network's fill is better in form than in colour. The known pixels next to the hole minus the nearest of the
    fill, blurred along the rim, are continued into the hole by means, wide ones first, which come near to a
    membrane (the guidance-free part of Pérez et al. 2003).
    """
    rim = (cv2.dilate(mask.view(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~mask
    if not rim.any():
        return fill
    wrong = np.where(rim[..., None], fill - fill.reshape(-1, 3)[nearest(mask)], 0).astype(np.float32)
    share = cv2.GaussianBlur(rim.astype(np.float32), (0, 0), 2)
    wrong = cv2.GaussianBlur(wrong, (0, 0), 2) / np.maximum(share, np.float32(1e-6))[..., None]
    carried = np.where(rim[..., None], wrong, wrong[rim].mean(axis=0)).astype(np.float32)
    near = (rim | mask).astype(np.float32)
    for reach in (33, 17, 9, 5, 3):
        cover = np.maximum(cv2.blur(near, (reach, reach)), np.float32(1e-6))[..., None]
        for _ in range(20):
            mean = cv2.blur(carried * near[..., None], (reach, reach)) / cover
            carried = np.where(mask[..., None], mean, carried)
    return np.where(mask[..., None], np.clip(fill + carried, 0, 1), fill).astype(np.float32)


def _begun(level: Level, offsets: Offsets) -> Indices:
    """Return for every target the source at its block's offset, or the source nearest to it."""
    rows, columns = np.divmod(level.targets, level.width)
    wide = offsets.where.shape[1]
    blocks = nearest(offsets.where).ravel()[rows // offsets.stride * wide + columns // offsets.stride]
    down, right = offsets.steps.reshape(2, -1)[:, blocks]
    rows, columns = np.clip(rows + down, 0, level.height - 1), np.clip(columns + right, 0, level.width - 1)
    return nearest(level.is_source.reshape(level.mask.shape)).ravel()[rows * level.width + columns].astype(np.int32)
