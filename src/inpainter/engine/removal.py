"""Filling a picture of any size: find the holes, crop each with context, fill, blend inside the mask, paste."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from inpainter.core import Box, Image, Inpainter, InputError, Mask, compose

# Holes are looked for on a grid of such cells, which joins near ones and keeps 300 megapixels affordable.
_CELL = 16
# More groups of cells than this (dust, text on a large photo) are looked for on a coarser grid.
_MOST_HOLES = 400
# A sparse box longer than this (a scratch across the photo) is cut, so that a crop stays small.
_LONG = 1024
_SPARSE = 0.25
_LEAST_CONTEXT, _MOST_CONTEXT = 48, 512


@dataclass(frozen=True)
class Hole:
    """Part of a mask and the surroundings that a fill is made from; the boxes of two holes share no pixel."""

    box: Box
    """Where the missing pixels are."""
    crop: Box
    """The box with context around it, inside the picture."""


def find_holes(mask: Mask, reach: int | None = None) -> list[Hole]:
    """Cover the True pixels of an `(H, W)` mask with boxes that do not overlap, each with context around it.

    Holes that are near each other share a box; a long thin hole is cut into several. The context is `reach` pixels on
    each side; by default half the hole's longer side, at least 48 and at most 512.
    """
    height, width = mask.shape
    boxes = _disjoint(piece for box in _occupied_boxes(mask) for piece in _cut_sparse(mask, box))
    holes = []
    for box in sorted(boxes, key=lambda box: (box.y, box.x)):
        context = min(max(max(box.width, box.height) // 2, _LEAST_CONTEXT), _MOST_CONTEXT)
        holes.append(Hole(box, box.within(height, width, context if reach is None else reach)))
    return holes


def grown(mask: Mask, pixels: int) -> Mask:
    """Widen a mask by a disc of `pixels` radius; 0 returns it as it is."""
    if pixels < 0:
        raise InputError(f"grow {pixels}: must be 0 or more pixels")
    if pixels == 0:
        return mask
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.dilate(mask.view(np.uint8), disc).view(np.bool_)


def fill_image(
    inpainter: Inpainter, image: Image, mask: Mask, *, seed: int = 0, on_hole: Callable[[int, int], None] | None = None
) -> Image:
    """Fill an image `(H, W, 3)` of any size, hole by hole, whatever sizes the inpainter takes.

    `on_hole(done, total)` is called as holes are finished. Raises InputError when the mask covers everything and the
    method cannot invent a picture.
    """
    if mask.size and mask.all() and not inpainter.method.fills_everything:
        raise InputError(
            f"the mask covers the whole picture, so {inpainter.method.name} has nothing to fill from; "
            "if it is inverted, pass --mask-colour black"
        )
    answer = image.copy()
    holes = find_holes(mask, inpainter.reach)
    for done, hole in enumerate(holes, 1):
        filled = fill_hole(inpainter, image[hole.crop.slices], mask[hole.crop.slices], seed=seed)
        inside = relative(hole)
        answer[hole.box.slices] = compose(image[hole.box.slices], filled[inside], mask[hole.box.slices])
        if on_hole:
            on_hole(done, len(holes))
    return answer


def relative(hole: Hole) -> tuple[slice, slice]:
    """Return the index of the hole's box in its crop."""
    return Box(hole.box.x - hole.crop.x, hole.box.y - hole.crop.y, hole.box.width, hole.box.height).slices


def fill_hole(inpainter: Inpainter, image: Image, mask: Mask, *, seed: int = 0) -> Image:
    """Fill one crop, padded or resized to what the inpainter takes; outside the mask it comes back bit for bit."""
    height, width = mask.shape
    sizes = inpainter.sizes
    if sizes.accept(height, width):
        return inpainter(image, mask, seed=seed)
    blanked = image.copy()
    blanked[mask] = 0
    if sizes.fixed is None:
        filled = _filled_padded(inpainter, blanked, mask, seed)
    else:
        filled = _filled_resized(inpainter, blanked, mask, sizes.fixed, seed)
    return compose(image, np.clip(filled, 0, 1, dtype=np.float32), mask)


def _filled_padded(inpainter: Inpainter, image: Image, mask: Mask, seed: int) -> Image:
    height, width = mask.shape
    sizes = inpainter.sizes
    down = _round_up(max(height, sizes.minimum), sizes.multiple) - height
    right = _round_up(max(width, sizes.minimum), sizes.multiple) - width
    # Mirrored, the border shows no edge that was not there; a mirrored hole stays a hole.
    wide = np.pad(image, ((0, down), (0, right), (0, 0)), mode="symmetric")
    wide_mask = np.pad(mask, ((0, down), (0, right)), mode="symmetric")
    return inpainter(wide, wide_mask, seed=seed)[:height, :width]


def _filled_resized(inpainter: Inpainter, image: Image, mask: Mask, fixed: tuple[int, int], seed: int) -> Image:
    height, width = mask.shape
    size = (fixed[1], fixed[0])
    # A small pixel is the mean of the known pixels that it covers, and missing when any of them is.
    valid = cv2.resize((~mask).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) / np.maximum(valid, 1e-6)[..., None]
    small_mask = valid < 1 - 1e-4
    if small_mask.all() and not inpainter.method.fills_everything:
        small_mask = valid < 1e-4
    filled = inpainter(np.clip(small, 0, 1, dtype=np.float32), small_mask, seed=seed)
    return np.asarray(cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _round_up(value: int, multiple: int) -> int:
    return math.ceil(value / multiple) * multiple


def _occupied_boxes(mask: Mask) -> list[Box]:
    """Return the tight box of each group of cells that touch each other and hold a True pixel."""
    height, width = mask.shape
    cell = _CELL
    while True:
        rows = np.logical_or.reduceat(mask, np.arange(0, height, cell), axis=0)
        cells = np.logical_or.reduceat(rows, np.arange(0, width, cell), axis=1)
        count, _, stats, _ = cv2.connectedComponentsWithStats(cells.view(np.uint8), connectivity=8)
        if count <= _MOST_HOLES:
            break
        cell *= 2
    boxes = []
    for x, y, cells_wide, cells_high, _ in stats[1:count].tolist():
        box = Box(x * cell, y * cell, cells_wide * cell, cells_high * cell).within(height, width)
        boxes.append(_tight(mask, box))
    return boxes


def _tight(mask: Mask, box: Box) -> Box:
    inside = mask[box.slices]
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return Box(
        box.x + int(columns[0]), box.y + int(rows[0]),
        int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1,
    )  # fmt: skip


def _cut_sparse(mask: Mask, box: Box) -> list[Box]:
    """Halve a long box along its longer side until it is short or well filled."""
    inside = mask[box.slices]
    if max(box.width, box.height) <= _LONG or np.count_nonzero(inside) >= _SPARSE * box.area:
        return [box]
    if box.width >= box.height:
        half = box.width // 2
        parts = [Box(box.x, box.y, half, box.height), Box(box.x + half, box.y, box.width - half, box.height)]
    else:
        half = box.height // 2
        parts = [Box(box.x, box.y, box.width, half), Box(box.x, box.y + half, box.width, box.height - half)]
    return [piece for part in parts if mask[part.slices].any() for piece in _cut_sparse(mask, _tight(mask, part))]


def _disjoint(boxes: Iterable[Box]) -> list[Box]:
    """Unite boxes until no two share a pixel."""
    pending, done = list(boxes), []
    while pending:
        box = pending.pop()
        met = next((other for other in done if box.meets(other)), None)
        if met is None:
            done.append(box)
        else:
            done.remove(met)
            pending.append(box.united(met))
    return done
