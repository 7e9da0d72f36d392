"""One way to fill pictures of any size: holes → crops → inpainter → patches. Files and arrays differ in the reader."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.core import Box, Image, Inpainter, InputError, Mask, OnStep, View, Work, compose
from inpainter.methods.patches import nearest
from inpainter.photos.photo import Samples, to_image, to_samples
from inpainter.photos.write import Patch

# Holes are searched on a grid of cells of this side, which joins near ones and keeps 300 megapixels affordable.
_CELL = 16
# More groups of cells than this (dust, text on a large photo) are searched on a coarser grid.
_MOST_HOLES = 400
# A sparse box longer than this (a scratch across the photo) is cut, so that a crop stays small.
_LONG = 1024
_SPARSE = 0.25
# Crops are read and filled in groups of about this many pixels, so that a large photo never lies in memory whole.
_GROUP_PIXELS = 32_000_000
# Crops of one size are filled together, up to this many pixels.
_BATCH_PIXELS = 1_000_000
# Replaces hidden colours where no pixel is visible at all.
_GREY = 0.5
# Below this share of the largest alpha nobody sees a colour, and where it was rounded with alpha it is noise.
_HIDDEN = 1 / 16
# A fill made at a smaller scale than this looks coarse.
_COARSE = 2
# Up to this radius a mask is dilated with OpenCV's disc, which is fast.
_SMALL_DISC = 8

Reader = Callable[[Sequence[Box]], list[Samples]]
"""Reads boxes of an upright picture: `(H, W, bands)` each, one or three colours, then alpha if there is one."""


@dataclass(frozen=True)
class Hole:
    """Part of a mask and the surroundings that it is filled from; the boxes of two holes share no pixel."""

    box: Box
    """Where the missing pixels are."""
    frame: Box
    """The inpainter's input; parts outside the picture are mirrored."""

    def crop(self, height: int, width: int) -> Box:
        """Return the part of the frame that lies in a picture of `height` × `width`."""
        return self.frame.within(height, width)


@dataclass(frozen=True)
class Picture:
    """A picture to fill."""

    mask: Mask
    read: Reader
    source: Mask | None = None
    """Known pixels that texture may be taken from; None: all known pixels that are not transparent."""
    seed: int = 0
    name: str = "the mask"
    """The mask's name in errors."""
    invert: str = "pass ~mask"
    """The remedy where it is inverted; empty where it cannot be."""


@dataclass(frozen=True)
class Fill:
    """The fill of a picture."""

    patches: list[Patch]
    """One for every hole."""
    energy: float | None
    """The mean over holes, weighted by missing pixels; None where the method gives none for a hole."""
    notes: list[str]
    """The method's notes on its fills, each sentence once."""


def fill_pictures(
    inpainter: Inpainter, pictures: Sequence[Picture], *, on_step: OnStep | None = None, view: View | None = None
) -> list[Fill]:
    """Fill pictures of any sizes, hole by hole.

    Crops of equal size are filled together. `on_step(done, total)` gets the progress in pixels to fill, and may raise
    `Cancelled`. `view` replaces the inpainter's own. Raises InputError when a mask covers everything and the method
    cannot invent a picture.
    """
    view = view or inpainter.view
    for picture in pictures:
        _refuse_everything(inpainter, picture)
    holes = [(i, hole) for i, picture in enumerate(pictures) for hole in find_holes(picture.mask, view)]
    filled: list[list[Fill]] = [[] for _ in pictures]
    shrunk = [1.0] * len(pictures)
    meter = _Meter([int(pictures[i].mask[hole.box.slices].sum()) for i, hole in holes], on_step)
    for group in _groups(holes, pictures):
        crops = dict(zip(group, _read(inpainter, view, pictures, [holes[place] for place in group]), strict=True))
        for batch in _batches({place: (holes[place][0], crop) for place, crop in crops.items()}):
            # The first of several equal crops stands for all of them.
            leading = [crops[alike[0]] for alike in batch]
            works = [
                Work(pictures[holes[alike[0]][0]].seed, crop.source, partial(meter.step, alike))
                for crop, alike in zip(leading, batch, strict=True)
            ]
            images, masks = zip(*(crop.ready() for crop in leading), strict=True)
            filled_crops = inpainter.call_batch(np.stack(images), np.stack(masks), works)
            for alike, output, work in zip(batch, filled_crops, works, strict=True):
                meter.step(alike, 1, 1)
                for place in alike:
                    i = holes[place][0]
                    shrunk[i] = max(shrunk[i], crops[place].shrunk)
                    filled[i].append(Fill([crops[place].patch(output)], work.energy, work.notes))
    return [_united(made, _coarse(inpainter, view, scale)) for made, scale in zip(filled, shrunk, strict=True)]


def fill_images(
    inpainter: Inpainter, images: Sequence[NDArray], masks: Sequence[Mask], *, source: Mask | None = None,
    seed: int = 0, on_step: OnStep | None = None, view: View | None = None,
) -> list[NDArray]:  # fmt: skip
    """Fill arrays `(H, W, 1 to 4)` of any sizes under their masks, as `fill_pictures` does; returns copies.

    The arrays are uint8, uint16 or floating point in [0, 1]; with two or four bands the last is alpha.
    """
    pictures = [Picture(mask, partial(_slices, image), source, seed) for image, mask in zip(images, masks, strict=True)]
    fills = fill_pictures(inpainter, pictures, on_step=on_step, view=view)
    return [patched(image, fill) for image, fill in zip(images, fills, strict=True)]


def patched(samples: Samples, fill: Fill) -> Samples:
    """Return a copy of a picture's samples with the patches of a fill in it."""
    whole = samples.copy()
    for patch in fill.patches:
        whole[patch.box.slices] = patch.samples
    return whole


def find_holes(mask: Mask, view: View = View()) -> list[Hole]:
    """Cover the True pixels of an `(H, W)` mask with boxes that do not overlap, each with the context `view` needs.

    Holes that are near each other share a box; a long thin hole is cut into several.
    """
    height, width = mask.shape
    # A network of one size sees a long hole in pieces instead of scaled down.
    longest = _LONG if view.fixed is None else max(view.fixed) // 2
    boxes = _disjoint(piece for box in _occupied_boxes(mask) for piece in _cut_sparse(mask, box, longest))
    return [Hole(box, view.frame(box, height, width)) for box in sorted(boxes, key=lambda box: (box.y, box.x))]


def grown(mask: Mask, pixels: int) -> Mask:
    """Dilate a mask with a disc of `pixels` radius; 0 returns it as it is. Raises InputError for an invalid radius."""
    if not isinstance(pixels, Integral) or isinstance(pixels, bool) or pixels < 0:
        raise InputError(f"grow {pixels}: must be a whole number of pixels, 0 or more")
    if pixels == 0 or not mask.any():
        return mask
    height, width = mask.shape
    # Nothing is farther away than this; the libraries' numbers are no longer than needed.
    radius = min(int(pixels), height + width)
    reached = _tight(mask, Box(0, 0, width, height)).within(height, width, radius)
    part = np.ascontiguousarray(mask[reached.slices]).view(np.uint8)
    if radius <= _SMALL_DISC:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        wide = cv2.dilate(part, disc).view(np.bool_)
    else:
        # The time of a dilation would grow with the disc's area.
        wide = np.asarray(cv2.distanceTransform(1 - part, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)) <= radius
    whole = np.zeros_like(mask)
    whole[reached.slices] = wide
    return whole


# ----------------------------------------------------------------------------------------------------------- the crops


@dataclass(frozen=True)
class _Crop:
    """A hole with its surroundings, as read and as the inpainter takes them."""

    hole: Hole
    samples: Samples
    """The samples of the frame's part in the picture."""
    mask: Mask
    source: Mask | None
    """As the inpainter takes it."""
    place: Box
    """The place of that part in the frame."""
    size: tuple[int, int]
    """(height, width) that the inpainter takes."""

    @property
    def shrunk(self) -> float:
        """The factor by which it is scaled down."""
        return self.hole.frame.height / self.size[0]

    def ready(self) -> tuple[Image, Mask]:
        """Return image and mask as the inpainter takes them: mirrored out to the frame, and scaled if it is larger."""
        image = _without_hidden(to_image(self.samples), self.samples, self.mask)
        pads = _pads(self.hole.frame, self.place)
        if any(side for pad in pads for side in pad):
            # Mirroring makes no new edge at the border; a mirrored hole stays a hole.
            image, mask = np.pad(image, [*pads, (0, 0)], "symmetric"), np.pad(self.mask, pads, "symmetric")
        else:
            mask = self.mask
        return (image, mask) if mask.shape == self.size else _scaled_down(image, mask, self.size)

    def patch(self, filled: Image) -> Patch:
        """Return the inpainter's output as samples of the picture; outside the mask they are the picture's own."""
        frame = self.hole.frame
        if filled.shape[:2] != (frame.height, frame.width):
            size = (frame.width, frame.height)
            filled = np.clip(np.asarray(cv2.resize(filled, size, interpolation=cv2.INTER_CUBIC), np.float32), 0, 1)
        box = self.hole.box
        seen = box.relative_to(frame)
        inside = seen.relative_to(self.place).slices
        samples, mask = np.ascontiguousarray(self.samples[inside]), self.mask[inside].copy()
        return Patch(box, compose(samples, to_samples(filled[seen.slices], samples), mask), mask)


def _pads(frame: Box, place: Box) -> list[tuple[int, int]]:
    """Return the pixels of a frame before and after its part at `place`, in rows and columns."""
    return [(place.y, frame.height - place.bottom), (place.x, frame.width - place.right)]


def _read(
    inpainter: Inpainter, view: View, pictures: Sequence[Picture], holes: Sequence[tuple[int, Hole]]
) -> list[_Crop]:
    """Return the crops of some holes, those of one picture in one pass over it."""
    of_picture: dict[int, list[int]] = defaultdict(list)
    for place, (i, _) in enumerate(holes):
        of_picture[i].append(place)
    crops: dict[int, _Crop] = {}
    for i, places in of_picture.items():
        picture = pictures[i]
        read = picture.read([holes[place][1].crop(*picture.mask.shape) for place in places])
        for place, samples in zip(places, read, strict=True):
            crops[place] = _with_source(inpainter.card.uses_source, view, picture, holes[place][1], samples)
    return [crops[place] for place in range(len(holes))]


def _with_source(uses_source: bool, view: View, picture: Picture, hole: Hole, samples: Samples) -> _Crop:
    """Return the crop of a hole, widened until something in it is known.

    For a method that uses a source of texture, until there is as much of it as is missing.
    """
    height, width = picture.mask.shape
    widened = 1
    while True:
        crop = hole.crop(height, width)
        mask = picture.mask[crop.slices]
        source = _source(picture, crop, mask, samples)
        opaque = _visible(samples)
        seen, wanted = ~mask if opaque is None else ~mask & opaque, 1
        if source is not None and uses_source:
            seen, wanted = source, np.count_nonzero(picture.mask[hole.box.slices])
        if np.count_nonzero(seen) >= wanted or crop == Box(0, 0, width, height):
            break
        widened *= 2
        hole = Hole(hole.box, view.frame(hole.box, height, width, widened))
        samples = picture.read([hole.crop(height, width)])[0]
    place = crop.relative_to(hole.frame)
    size = view.fixed or (hole.frame.height, hole.frame.width)
    if source is not None:
        # Mirrored parts are not texture of the photo.
        source = np.pad(source, _pads(hole.frame, place))
        if source.shape != size:
            source = cv2.resize(source.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) > 1 - 1e-4
    return _Crop(hole, samples, mask, source, place, size)


def _source(picture: Picture, crop: Box, mask: Mask, samples: Samples) -> Mask | None:
    """Return where texture may come from: never missing or transparent pixels; None where all others are allowed."""
    opaque = _visible(samples)
    if picture.source is None and (opaque is None or opaque.all()):
        return None
    source = ~mask if picture.source is None else picture.source[crop.slices] & ~mask
    return source if opaque is None else source & opaque


def _visible(samples: Samples) -> Mask | None:
    """Return where a picture is not as good as transparent; None where it has no alpha."""
    if samples.shape[2] not in (2, 4):
        return None
    alpha = samples[..., -1]
    return alpha > alpha.max() * _HIDDEN


def _without_hidden(image: Image, samples: Samples, mask: Mask) -> Image:
    """Replace the hidden colours of transparent pixels by the nearest known colour.

    Methods use all known pixels; what an editor left under an erased part would bleed into the fill.
    """
    visible = _visible(samples)
    hidden = None if visible is None else ~visible & ~mask
    if visible is None or hidden is None or not hidden.any():
        return image
    image, seen = image.copy(), visible & ~mask
    if not seen.any():
        image[hidden] = _GREY
        return image
    image[hidden] = image.reshape(-1, 3)[nearest(seen)[hidden]]
    return image


def _scaled_down(image: Image, mask: Mask, size: tuple[int, int]) -> tuple[Image, Mask]:
    """Downscale. A small pixel is the mean of the known pixels that it covers, and missing when any of them is."""
    known = np.where(mask[..., None], np.float32(0), image)
    valid = cv2.resize((~mask).astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    small = cv2.resize(known, size[::-1], interpolation=cv2.INTER_AREA) / np.maximum(valid, 1e-9)[..., None]
    small_mask = valid < 1 - 1e-4
    # A few known pixels are better than none.
    if small_mask.all() and not mask.all():
        small_mask = valid <= 0
    return np.clip(small, 0, 1, dtype=np.float32), small_mask


# ------------------------------------------------------------------------------------------------------------ the loop


class _Meter:
    """Progress over all holes, weighted by their pixels."""

    def __init__(self, pixels: Sequence[int], on_step: OnStep | None) -> None:
        self._pixels, self._on_step = pixels, on_step
        self._done = [0.0] * len(pixels)
        self._sum, self._total = 0.0, sum(pixels)
        self._left = len(pixels)
        if pixels and on_step is not None:
            on_step(0, self._total)

    def step(self, holes: Sequence[int], done: float, total: float) -> None:
        """Report that `done` of `total` is done for some holes."""
        for hole in holes:
            now = self._pixels[hole] * min(max(done / total, 0), 1) if total > 0 else 0
            self._sum += now - self._done[hole]
            self._left += (now < self._pixels[hole]) - (self._done[hole] < self._pixels[hole])
            self._done[hole] = now
        if not self._left:
            # The sum of fractions is not exactly the whole.
            self._sum = self._total
        if self._on_step is not None:
            self._on_step(min(self._sum, self._total), self._total)


def _groups(holes: Sequence[tuple[int, Hole]], pictures: Sequence[Picture]) -> Iterator[list[int]]:
    """Yield indices of holes whose crops fit into memory together."""
    group: list[int] = []
    pixels = 0
    for place, (i, hole) in enumerate(holes):
        area = hole.crop(*pictures[i].mask.shape).area
        if group and pixels + area > _GROUP_PIXELS:
            yield group
            group, pixels = [], 0
        group.append(place)
        pixels += area
    if group:
        yield group


def _batches(crops: Mapping[int, tuple[int, _Crop]]) -> Iterator[list[list[int]]]:
    """Yield indices of crops of one size, to be filled together; crops of the same part of a picture are one entry."""
    same: dict[tuple[int, Box], list[int]] = defaultdict(list)
    for place, (i, crop) in crops.items():
        same[i, crop.hole.frame].append(place)
    sizes: dict[tuple[int, int], list[list[int]]] = defaultdict(list)
    for places in same.values():
        sizes[crops[places[0]][1].size].append(places)
    for (height, width), members in sizes.items():
        count = max(1, _BATCH_PIXELS // (height * width))
        for first in range(0, len(members), count):
            yield members[first : first + count]


def _united(holes: Sequence[Fill], more: Sequence[str]) -> Fill:
    """Unite the fills of a picture's holes into one of the picture, with more notes on it."""
    patches = [patch for hole in holes for patch in hole.patches]
    energies = [hole.energy for hole in holes if hole.energy is not None]
    weights = [np.count_nonzero(patch.mask) for patch in patches]
    energy = float(np.average(energies, weights=weights)) if energies and len(energies) == len(holes) else None
    return Fill(patches, energy, list(dict.fromkeys([*(note for hole in holes for note in hole.notes), *more])))


def _coarse(inpainter: Inpainter, view: View, scale: float) -> list[str]:
    """Return a note on a picture that was scaled down for a method of one size."""
    if view.fixed is None or scale <= _COARSE:
        return []
    height, width = view.fixed
    return [
        f"{inpainter.card.name} works on pictures of {width}×{height} px: a hole with its surroundings was scaled down "
        f"{scale:.2g} times, and its fill is coarse; auto fills photos in full detail"
    ]


def _slices(image: NDArray, boxes: Sequence[Box]) -> list[Samples]:
    return [image[box.slices] for box in boxes]


def _refuse_everything(inpainter: Inpainter, picture: Picture) -> None:
    if picture.mask.size and picture.mask.all() and not inpainter.card.fills_everything:
        remedy = f"if it is inverted, {picture.invert}" if picture.invert else "make it smaller"
        raise InputError(
            f"{picture.name} covers the whole picture, so {inpainter.card.name} has nothing to fill from; {remedy}"
        )


# ----------------------------------------------------------------------------------------------------------- the holes


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


def _cut_sparse(mask: Mask, box: Box, longest: int) -> list[Box]:
    """Halve a long box along its longer side until it is short or well filled."""
    inside = mask[box.slices]
    if max(box.width, box.height) <= longest or np.count_nonzero(inside) >= _SPARSE * box.area:
        return [box]
    if box.width >= box.height:
        half = box.width // 2
        parts = [Box(box.x, box.y, half, box.height), Box(box.x + half, box.y, box.width - half, box.height)]
    else:
        half = box.height // 2
        parts = [Box(box.x, box.y, box.width, half), Box(box.x, box.y + half, box.width, box.height - half)]
    return [
        piece for part in parts if mask[part.slices].any() for piece in _cut_sparse(mask, _tight(mask, part), longest)
    ]


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
