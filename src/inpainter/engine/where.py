"""Where a photo file is to be filled: as a mask, a painted copy or boxes say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from inpainter.core import Box, InputError, Mask
from inpainter.engine.removal import Picture, Reader
from inpainter.photos.mask_file import Boxes, Painted, boxes_mask, cut_boxes, read_mask
from inpainter.photos.painted import painted_mask
from inpainter.photos.photo import MAX_MEGAPIXELS, Photo, Samples

FileMask = Path | Painted | Boxes
"""What says where to fill in photos that are files: a mask's file, a copy of the photo with paint on it, rectangles.

For several photos a path, a mask's or a painted copy's, may be that of a folder of them.
"""


@dataclass(frozen=True)
class Where:
    """A mask as read, and how errors speak of it."""

    mask: Mask
    name: str = Picture.name
    invert: str = Picture.invert
    """What helps where it is inverted; empty where it cannot be."""
    notes: tuple[str, ...] = ()
    own_alpha: bool = False
    """Whether it is the photo's own alpha."""


MaskLike = FileMask | Mask | Where
"""What says where to fill in a photo that is a file; also a mask `(H, W)` bool, as it is or as errors speak of it."""


def invert_file(colour: str) -> str:
    """What helps where a mask that is a file, in which `colour` means "fill this", is inverted."""
    other = {"white": "black", "black": "white"}.get(colour.lower())
    return f"pass mask_colour='{other}'" if other else "save it the other way round"


def mask_files(mask: MaskLike) -> tuple[Path, ...]:
    """The files that a mask is read from."""
    return (mask,) if isinstance(mask, Path) else (mask.copy,) if isinstance(mask, Painted) else ()


def where_to_fill(
    photo: Photo, mask: MaskLike, *, colour: str = "white", resize: bool = False, max_megapixels: float = MAX_MEGAPIXELS
) -> Where:
    """Read what says where to fill a photo; raises InputError."""
    if isinstance(mask, Path):
        where, notes = read_mask(mask, photo, colour=colour, resize=resize, max_megapixels=max_megapixels)
        own = colour.lower() == "alpha" and _is_own_alpha(photo, mask, where)
        return Where(where, str(mask), invert_file(colour), tuple(notes), own)
    if isinstance(mask, Painted):
        return Where(painted_mask(photo, mask.copy, max_megapixels=max_megapixels), str(mask.copy), "")
    if isinstance(mask, Boxes):
        return where_boxes(mask, photo.height, photo.width, photo.path.name)
    if isinstance(mask, Where):
        return mask
    if mask.shape != (photo.height, photo.width):
        sizes = f"{mask.shape[1]}×{mask.shape[0]}, but {photo.path.name} is {photo.width}×{photo.height}"
        raise InputError(f"mask: {sizes} (width×height, upright); make them equal")
    return Where(mask)


def where_boxes(boxes: Boxes, height: int, width: int, photo: str = "the picture") -> Where:
    """The mask that boxes make in a picture, with a note where one is cut; raises InputError."""
    return Where(boxes_mask(boxes, height, width, photo), invert="", notes=tuple(cut_boxes(boxes, height, width)))


def _is_own_alpha(photo: Photo, mask: Path, where: Mask) -> bool:
    if not photo.alpha:
        return False
    return mask.samefile(photo.path) or np.array_equal(read_mask(photo.path, colour="alpha")[0], where)


def reader(photo: Photo, where: Where, mask: Mask) -> Reader:
    """What reads a photo to be filled in `mask`: opaque there where the mask is its own alpha, else it stays unseen."""
    return partial(_opaque, photo, mask) if where.own_alpha else photo.crops


def _opaque(photo: Photo, mask: Mask, boxes: Sequence[Box]) -> list[Samples]:
    crops = photo.crops(boxes)
    for box, samples in zip(boxes, crops, strict=True):
        samples[..., -1][mask[box.slices]] = np.iinfo(samples.dtype).max
    return crops
