"""Masks read from picture files."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from inpainter.core import Box, InputError, Mask
from inpainter.photos.mask_colour import HALF, check_mask_colour, degrees, with_rim
from inpainter.photos.mask_levels import Levels, Spoken
from inpainter.photos.photo import MAX_MEGAPIXELS, Photo, open_photo, readable

_STRIP_ROWS = 512


@dataclass(frozen=True)
class Painted:
    """A copy of the photo that somebody painted on: the mask is where the two differ."""

    copy: Path


@dataclass(frozen=True)
class Boxes:
    """Rectangles in upright pixels: the mask is all of them, cut to the photo."""

    boxes: tuple[Box, ...]


def boxes_mask(boxes: Boxes, height: int, width: int, photo: str = "the picture") -> Mask:
    """Return the mask that is True in any of the boxes, `(height, width)`; `photo` is how errors call the picture.

    Raises InputError for a box without pixels, or with none in the picture, and where there is no box.
    """
    if not boxes.boxes:
        raise InputError("no box: give one or more, each as x, y, width, height")
    mask = np.zeros((height, width), np.bool_)
    for x, y, wide, high in boxes.boxes:
        said = f"box {x},{y},{wide},{high}"
        if wide <= 0 or high <= 0:
            raise InputError(f"{said}: width and height must be above 0; give x, y, width, height in pixels")
        inside = Box(x, y, wide, high).within(height, width)
        if inside.width <= 0 or inside.height <= 0:
            raise InputError(f"{said}: lies outside {photo}, which is {width}×{height} (upright); give one inside")
        mask[inside.slices] = True
    return mask


def cut_boxes(boxes: Boxes, height: int, width: int) -> list[str]:
    """Return a note for each box that reaches beyond a picture."""
    return [
        f"box {box.x},{box.y},{box.width},{box.height}: reaches beyond the photo, which is {width}×{height}, and is cut"
        for box in boxes.boxes
        if box.within(height, width) != box
    ]


def read_mask(
    path: Path, photo: Photo | tuple[int, int] | None = None, *, colour: str = "white", resize: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS, what: str = "mask",
) -> tuple[Mask, list[str]]:  # fmt: skip
    """Read a mask from any picture that we can open; return it upright, `(H, W)` bool, with remarks for the user.

    `colour` says what means "fill this": `white` (from half grey up; transparent is not white), `black` (below half),
    `alpha` (transparent by half or more) or a colour such as `red` or `#ff0000` (each channel within 40 of 255, and
    paler edges next to that) or `red:20` (within 20, and nothing else). Where only 0 and another value occur, that is
    white. A photo and a map of labels are refused where white or black is asked for.
    A mask of another size than `photo` (or than a picture of (height, width)) is an error, or scaled (nearest
    neighbour) with `resize`. `what` is how errors call it; the colour of a plain `mask` is the user's to choose.
    Raises InputError.
    """
    colour = check_mask_colour(colour)
    file = open_photo(path, max_megapixels=max_megapixels)
    exact = file.format not in ("jpeg", "avif")
    spoken = Spoken(str(path), path.name, other_colour=what == "mask", exact=exact)
    if colour == "alpha" and not file.alpha:
        raise InputError(f"{path}: has no alpha channel; save the mask with one or {spoken.choose('white')}")
    wanted = (photo.height, photo.width) if isinstance(photo, Photo) else photo
    if wanted is not None and not resize and (file.height, file.width) != wanted:
        raise InputError(_size_error(file, wanted, photo if isinstance(photo, Photo) else None, what))
    with readable(path):
        mask, notes = _read(file, colour, spoken)
    if wanted is not None and mask.shape != wanted:
        size = wanted[::-1]
        notes.append(f"{path.name}: scaled from {file.width}×{file.height} to {size[0]}×{size[1]}")
        mask = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT).view(np.bool_)
    return mask, notes


def _read(file: Photo, colour: str, spoken: Spoken) -> tuple[Mask, list[str]]:
    """Return the mask, upright, and what there is to say of its values."""
    shift, notes = 8 if file.depth == 16 else 0, []
    if shift and (file.pixels()[: file.colours] > 255).avg() == 0:
        # Whole numbers of 8 bits that a program wrote in 16.
        shift = 0
    sure, levels = _degrees(file, colour, shift)
    half = HALF
    if colour in ("white", "black"):
        half, notes = levels.judge(partial(_strips, file, shift), file.colours, spoken)
        if half != HALF:
            sure, _ = _degrees(file, colour, shift, half)
        elif levels.brightest < HALF:
            notes += _nothing_white(levels, colour, spoken)
    mask = with_rim(sure)
    if half == HALF and levels.coloured:
        remedy = f"to fill what is red, say, {spoken.choose('red')}"
        if (filled := mask.mean()) > 0.5:
            raise InputError(f"{spoken.name}: holds colours, and {filled:.0%} of it is {colour}; {remedy}")
        notes.append(f"{spoken.short}: holds colours, which count by their brightness; {remedy}")
    elif half == HALF and levels.soft:
        notes.append(f"{spoken.short}: soft edges: half and more counts as fill; grow=2 takes more of them")
    return file.to_upright(mask), notes


def _nothing_white(levels: Levels, colour: str, spoken: Spoken) -> list[str]:
    """What may help where a mask has nothing white."""
    if colour != "white":
        return []
    if levels.transparent and spoken.other_colour:
        return [
            f"{spoken.short}: nothing is white, but some of it is transparent: {spoken.choose('alpha')} to fill that"
        ]
    if levels.brightest:
        return [f"{spoken.short}: nothing is white: its brightest value is {levels.brightest}, and from 128 up counts"]
    return []


def _strips(file: Photo, shift: int) -> Iterator[NDArray[np.uint8]]:
    """The samples as stored, in 8 bits: of a mask of 300 megapixels only its bits need room, not its colours."""
    image = file.pixels()
    if file.depth == 16:
        image = (image >> shift).cast("uchar")
    region = pyvips.Region.new(image)
    for top in range(0, image.height, _STRIP_ROWS):
        rows = min(_STRIP_ROWS, image.height - top)
        strip = np.frombuffer(region.fetch(0, top, image.width, rows), np.uint8)
        yield strip.reshape(rows, image.width, image.bands)


def _degrees(file: Photo, colour: str, shift: int, half: float = HALF) -> tuple[NDArray[np.uint8], Levels]:
    """How surely each pixel, as stored, means "fill this", and what is known of their brightness, or of the alpha."""
    # Height and width as the file stores it.
    height, width = file.to_stored(np.empty((file.height, file.width, 0))).shape[:2]
    sure, levels, top = np.empty((height, width), np.uint8), Levels(), 0
    for strip in _strips(file, shift):
        sure[top : top + len(strip)] = degrees(strip, file.colours, colour, half)
        top += len(strip)
        if colour == "alpha":
            levels.add(strip[..., file.colours :], 1)
        elif not colour.startswith("#"):
            levels.add(strip, file.colours)
    return sure, levels


def _size_error(file: Photo, wanted: tuple[int, int], photo: Photo | None, what: str) -> str:
    name = photo.path.name if photo else "the picture"
    sizes = f"{file.path}: the {what} is {file.width}×{file.height}, but {name} is {wanted[1]}×{wanted[0]}"
    if photo and (file.height, file.width) == wanted[::-1] and photo.orientation > 4:
        sizes += " once turned upright as its EXIF orientation says"
    return f"{sizes}; draw it on a photo of that size or pass resize_mask=True"
