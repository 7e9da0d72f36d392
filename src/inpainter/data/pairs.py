"""Pictures joined with masks, where every pair is a pure function of (seed, epoch, index)."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.data.draws import Numbers, integers, keys
from inpainter.data.sources import Picture, Pictures
from inpainter.masks import mask_kind

Masks = NDArray[np.bool_]
"""`(B, H, W)`, True = missing."""

MaskDrawer = Callable[[Numbers, int, int], Masks]
"""Draws a mask of height × width for each key."""


def mask_drawer(kind: str) -> MaskDrawer:
    """Return the drawer of a kind of mask by its name, as `mask_kind` reads it; of several kinds separated by commas,
    each mask is of one of them.

    Raises InputError for an unknown kind.
    """
    if "," in kind:
        return partial(_draw_either, [mask_drawer(each.strip()) for each in kind.split(",")])
    if kind == "lines":
        return draw_lines
    make = mask_kind(kind)
    return lambda key, height, width: np.stack([make(seed=int(k))(height, width) for k in key])


def _draw_either(drawers: Sequence[MaskDrawer], key: Numbers, height: int, width: int) -> Masks:
    chosen = integers(key, 1, 0, len(drawers), stream=5)[:, 0]
    masks = np.empty((len(key), height, width), dtype=np.bool_)
    for number, draw in enumerate(drawers):
        mine = chosen == number
        if mine.any():
            masks[mine] = draw(key[mine], height, width)
    return masks


def draw_lines(key: Numbers, height: int, width: int) -> Masks:
    """Line masks as `masks.Lines` draws them, many at a time: 1 to 9 lines, both ends uniform, 1 to 2 px at 32 px.

    The same distribution except for the lines that `masks.Lines` leaves out when they would cover more than a half; not
    the same masks, because a generator for each mask alone would take longer than the lines.
    """
    thinnest, thickest = int(min(height, width) / 32 + 0.5), int(min(height, width) / 16 + 0.5)
    count = integers(key, 1, 1, 10)[:, 0].tolist()
    x = integers(key, 18, 0, width, stream=1).tolist()
    y = integers(key, 18, 0, height, stream=2).tolist()
    thickness = integers(key, 9, max(thinnest, 1), max(thickest, 1) + 1, stream=3).tolist()
    canvas = np.zeros((len(key), height, width), dtype=np.uint8)
    for i, lines in enumerate(count):
        xs, ys, picture = x[i], y[i], canvas[i]
        for line in range(lines):
            start, end = (xs[2 * line], ys[2 * line]), (xs[2 * line + 1], ys[2 * line + 1])
            cv2.line(picture, start, end, 1, thickness[i][line])
    return canvas.view(np.bool_)


@dataclass(frozen=True)
class Pairs:
    """The training's pictures and masks, batch by batch: `pairs.batch(step)` depends on the step alone."""

    pictures: Pictures
    size: int
    """Side of the square crops, px; a picture of just this size is taken whole."""
    draw: MaskDrawer | None
    """None for training without masks."""
    batch_size: int
    seed: int
    flip: bool = False
    """Whether pictures are mirrored left to right, with probability ½; masks are not, being drawn independently."""

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in an epoch, at least one; the pictures left over change from epoch to epoch."""
        return max(1, len(self.pictures) // self.batch_size)

    def indices(self, step: int) -> NDArray[np.int64]:
        """Return the indices of the pictures of step `step` (from 0): each epoch has an order of its own."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = _order(self.seed, epoch, len(self.pictures))
        # A source smaller than a batch is gone through again.
        return np.resize(order[place * self.batch_size :], self.batch_size)

    def batch(self, step: int, part: slice = slice(None)) -> tuple[NDArray[np.uint8], Masks]:
        """Return pictures `(B, size, size, 3)` and masks `(B, size, size)` of a step, or the given part of them."""
        chosen = self.indices(step)
        # The place in the batch counts too, for a source that is gone through more than once in it.
        place = np.arange(len(chosen)) + step % self.steps_per_epoch * self.batch_size
        key = keys(self.seed, step // self.steps_per_epoch, place)[part]
        crops = self._crops(chosen[part], key)
        if self.flip:
            mirrored = integers(key, 1, 0, 2, stream=6)[:, 0] == 1
            crops[mirrored] = crops[mirrored, :, ::-1]
        if self.draw is None:
            return crops, np.zeros(crops.shape[:3], dtype=np.bool_)
        return crops, self.draw(key, self.size, self.size)

    def _crops(self, chosen: NDArray[np.int64], key: Numbers) -> NDArray[np.uint8]:
        stored, side = self.pictures.pictures, self.size
        if isinstance(stored, np.ndarray) and stored.shape[1:3] == (side, side):
            return stored[chosen]
        corners = integers(key, 2, 0, 2**31, stream=4).tolist()
        crops = [_crop(stored[i], side, corner) for i, corner in zip(chosen.tolist(), corners, strict=True)]
        return np.stack(crops)

    def ahead(self, first: int, last: int, part: slice = slice(None)) -> Iterator[tuple[NDArray[np.uint8], Masks]]:
        """Yield the batches of steps first … last − 1, each made in a thread while the one before is used."""
        with ThreadPoolExecutor(1) as pool:
            waiting = [pool.submit(self.batch, step, part) for step in range(first, min(first + 2, last))]
            for step in range(first, last):
                ready = waiting.pop(0).result()
                if step + 2 < last:
                    waiting.append(pool.submit(self.batch, step + 2, part))
                yield ready


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(count)


def _crop(picture: Picture, size: int, corner: list[int]) -> Picture:
    height, width = picture.shape[:2]
    y, x = corner[0] % (height - size + 1), corner[1] % (width - size + 1)
    return picture[y : y + size, x : x + size]
