"""Masks read from picture files."""

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from inpainter.core import Box, InputError, Mask
from inpainter.photos.photo import MAX_MEGAPIXELS, Photo, open_photo, readable

MASK_COLOURS = ("white", "black", "alpha")


@dataclass(frozen=True)
class Painted:
    """A copy of the photo that somebody painted on: the mask is where the two differ."""

    copy: Path


@dataclass(frozen=True)
class Boxes:
    """Rectangles in upright pixels: the mask is all of them, cut to the photo."""

    boxes: tuple[Box, ...]


_STRIP_ROWS = 512
# Colours saved as JPEG come back a little off.
_COLOUR_TOLERANCE = 24


def check_mask_colour(colour: str) -> str:
    """Return the colour in lower case; raise InputError when it names none."""
    known = colour.lower()
    if known in MASK_COLOURS or re.fullmatch(r"#[0-9a-f]{6}", known):
        return known
    raise InputError(f"mask colour {colour!r}: give white, black, alpha or a colour such as #ff0000")


def read_mask(
    path: Path, photo: Photo | tuple[int, int] | None = None, *, colour: str = "white", resize: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS, what: str = "mask",
) -> tuple[Mask, list[str]]:  # fmt: skip
    """Read a mask from any picture that we can open; return it upright, `(H, W)` bool, with remarks for the user.

    `colour` says what means "fill this": `white` (from half grey up; transparent is not white), `black` (below half),
    `alpha` (transparent by half or more) or a colour such as `#ff0000` (each channel within 24 of 255).
    A mask of another size than `photo` (or than a picture of (height, width)) is an error, or scaled (nearest
    neighbour) with `resize`. `what` is how errors call it.
    Raises InputError.
    """
    colour = check_mask_colour(colour)
    file = open_photo(path, max_megapixels=max_megapixels)
    if colour == "alpha" and not file.alpha:
        raise InputError(f"{path}: has no alpha channel; save the mask with one or pass --mask-colour white")
    wanted = (photo.height, photo.width) if isinstance(photo, Photo) else photo
    if wanted is not None and not resize and (file.height, file.width) != wanted:
        raise InputError(_size_error(file, wanted, photo if isinstance(photo, Photo) else None, what))
    with readable(path):
        mask, soft = _threshold(file, colour)
    notes = [f"{path.name}: soft edges: half and more counts as fill"] if soft else []
    if wanted is not None and mask.shape != wanted:
        size = wanted[::-1]
        notes.append(f"{path.name}: scaled from {file.width}×{file.height} to {size[0]}×{size[1]}")
        mask = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT).view(np.bool_)
    return mask, notes


def _threshold(file: Photo, colour: str) -> tuple[Mask, bool]:
    """Return the mask, and whether it had values in between that were thresholded."""
    image = file.pixels()
    if file.depth == 16:
        image = (image >> 8).cast("uchar")
    region = pyvips.Region.new(image)
    stored = np.empty((image.height, image.width), np.bool_)
    soft = False
    # Strip by strip: of a mask of 300 megapixels only its bits need room, not its colours.
    for top in range(0, image.height, _STRIP_ROWS):
        rows = min(_STRIP_ROWS, image.height - top)
        strip = np.frombuffer(region.fetch(0, top, image.width, rows), np.uint8)
        strip = strip.reshape(rows, image.width, image.bands)
        stored[top : top + rows], between = fill_of(strip, file.colours, colour)
        soft = soft or between
    return file.to_upright(stored), soft


def fill_of(strip: NDArray[np.uint8], colours: int, colour: str) -> tuple[Mask, bool]:
    """What of `(H, W, bands)` samples means "fill this", and whether it had values in between.

    `colours` of the bands are colours, and one more alpha; `colour` is one of those that `read_mask` takes.
    """
    opaque = strip[..., colours] >= 128 if strip.shape[2] > colours else None
    if colour == "alpha":
        assert opaque is not None  # read_mask has refused files without alpha
        alpha = strip[..., colours]
        return ~opaque, bool(((alpha > 0) & (alpha < 255)).any())
    if colour.startswith("#"):
        wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.int16)
        fill = (np.abs(strip[..., :colours].astype(np.int16) - wanted) <= _COLOUR_TOLERANCE).all(axis=2)
        soft = False
    else:
        # The brightest channel would make pure red white; the mean of the channels does not.
        grey = strip[..., 0] if colours == 1 else strip[..., :3].mean(axis=2, dtype=np.float32)
        fill = grey >= 127.5 if colour == "white" else grey < 127.5
        seen = grey if opaque is None else grey[opaque]
        soft = bool(((seen > _COLOUR_TOLERANCE) & (seen < 255 - _COLOUR_TOLERANCE)).any())
    return np.asarray(fill if opaque is None else fill & opaque), soft


def _size_error(file: Photo, wanted: tuple[int, int], photo: Photo | None, what: str) -> str:
    name = photo.path.name if photo else "the picture"
    sizes = f"{file.path}: the {what} is {file.width}×{file.height}, but {name} is {wanted[1]}×{wanted[0]}"
    if photo and (file.height, file.width) == wanted[::-1] and photo.orientation > 4:
        sizes += " once turned upright as its EXIF orientation says"
    return f"{sizes}; draw it on a photo of that size or pass --resize-mask"
