"""Filling what Python programs hold: paths, bytes, NumPy arrays and PIL images; each comes back as it came."""

import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inpainter.core import Box, FillNote, Inpainter, InputError, Mask, OnStep, compose
from inpainter.engine.batch import FillOptions, TextureSource, default_output, fill_file
from inpainter.engine.candidates import check_candidates, fill_file_candidates, make_candidates
from inpainter.engine.removal import Picture, fill_pictures, grown, patched
from inpainter.engine.unnamed import as_file, unnamed_folder
from inpainter.engine.where import Where, invert_file, where_boxes
from inpainter.photos.mask_colour import degrees
from inpainter.photos.mask_file import Boxes, Painted, read_mask
from inpainter.photos.mask_levels import Levels, Spoken
from inpainter.photos.painted import painted_mask
from inpainter.photos.photo import Samples, open_photo, to_image
from inpainter.photos.sniff import true_suffix

_PIL_MODES = ("L", "LA", "RGB", "RGBA", "I;16", "P", "CMYK")


@dataclass(frozen=True)
class _Asked:
    """How to fill, whatever the picture is."""

    inpainter: Inpainter
    options: FillOptions
    candidates: int | None
    """How many fills are wanted, best first; None: just one."""
    on_step: OnStep | None


@dataclass(frozen=True)
class _Copy:
    """A copy of the image that somebody painted on, of any kind."""

    picture: Any


def fill_picture(
    image: Any, mask: Any, inpainter: Inpainter, *, output: Any = None, options: FillOptions = FillOptions(),
    painted: Any = None, boxes: Any = None, source: Any = None, avoid: Any = None, candidates: int | None = None,
    on_step: OnStep | None = None,
) -> Any:  # fmt: skip
    """Do what `inpainter.fill` promises, with a method that is loaded."""
    if candidates is not None:
        check_candidates(inpainter, candidates, options.seed)
    if not _is_path(image):
        for name, given in (("output", output is not None), ("overwrite", options.overwrite)):
            if given:
                raise TypeError(f"{name} is for a photo that is a path: this one is returned instead")
    if not (_is_path(image) or _is_bytes(image)):
        for name, given in (("encode_quality", options.encode_quality), ("page", options.page)):
            if given is not None:
                raise TypeError(f"{name} is for a photo that is a file: an array is not encoded")
    if not (_is_path(mask) or _is_bytes(mask)):
        for name, given in (("mask_colour", options.mask_colour != "white"), ("resize_mask", options.resize_mask)):
            if given:
                raise TypeError(f"{name} is for a mask that is a file; an array says by its values what to fill")
    mask = _asked_for(mask, painted, boxes)
    texture = source_for(inpainter, source, avoid, options)
    fills = _fills(image, mask, output, texture, _Asked(inpainter, options, candidates, on_step))
    return fills[0] if candidates is None else fills


def _asked_for(mask: Any, painted: Any, boxes: Any) -> Any:
    """The one of three ways to say what to fill that is given."""
    if sum(one is not None for one in (mask, painted, boxes)) != 1:
        raise TypeError("give exactly one of mask, painted and boxes")
    if painted is not None:
        return _Copy(painted)
    if boxes is None:
        return mask
    try:
        found = [tuple(box) for box in boxes]
    except TypeError:
        raise InputError("boxes: give a list of them, [(x, y, width, height), …]") from None
    if any(len(box) != 4 or not all(isinstance(number, Integral) for number in box) for box in found):
        raise InputError("boxes: give (x, y, width, height) each, whole numbers of pixels")
    return Boxes(tuple(Box(*map(int, box)) for box in found))


def _fills(image: Any, mask: Any, output: Any, texture: TextureSource | None, asked: _Asked) -> list[Any]:
    """All fills that are asked for, best first."""
    if _is_path(image):
        if not os.fspath(image):
            raise InputError("the image has an empty name; give a path")
        return _fill_file(Path(image), mask, Path(output) if output else None, texture, asked)
    if _is_bytes(image):
        return _fill_bytes(image, mask, texture, asked)
    if isinstance(image, np.ndarray):
        # Of a matrix, say, a band cannot be taken as of an array.
        image = _checked(np.asarray(image))
        return _fill_array(image, *_masks(image, mask, texture, asked.options), asked)
    if _is_pil(image):
        return _fill_pil(image, *_masks(image, mask, texture, asked.options), asked)
    raise TypeError(f"wanted a path, bytes, a NumPy array or a PIL image, not {type(image).__name__}")


def source_for(inpainter: Inpainter, source: Any, avoid: Any, options: FillOptions) -> TextureSource | None:
    """Texture may come from `source`, and never from `avoid`: masks of any kind, or None; returns None for two Nones.

    Raises InputError for a method that cannot be restricted so.
    """
    given = {name: mask for name, mask in (("source", source), ("avoid", avoid)) if mask is not None}
    if not given:
        return None
    if not inpainter.card.uses_source:
        name = inpainter.card.name
        raise InputError(f"{name} cannot be restricted in where it copies from: leave source and avoid out")
    return TextureSource(
        partial(_allowed, given, options), tuple(Path(mask) for mask in given.values() if _is_path(mask))
    )


def _allowed(given: dict[str, Any], options: FillOptions, size: tuple[int, ...]) -> tuple[Mask, list[str]]:
    """Where in a picture of (height, width) texture may come from, and what there is to say."""
    allowed, notes = np.ones(size, np.bool_), []
    options = FillOptions(resize_mask=options.resize_mask, max_megapixels=options.max_megapixels)
    for name, mask in given.items():
        one = _mask_for(size, mask, options, name)
        if one.mask.shape != size:
            raise InputError(f"{name} of {one.mask.shape} for a picture of {size}: make them equal")
        allowed &= one.mask if name == "source" else ~one.mask
        notes += one.notes
    return allowed, notes


# ----------------------------------------------------------------------------------------------------------- the files


def _fill_file(photo: Path, mask: Any, output: Path | None, texture: TextureSource | None, asked: _Asked) -> list[Path]:
    if _is_bytes(mask):
        with unnamed_folder() as folder:
            return _fill_file(photo, as_file(mask, folder, "mask"), output, texture, asked)
    if isinstance(mask, _Copy):
        with unnamed_folder() as folder:
            copy = Painted(_picture_file(mask.picture, folder, "painted"))
            return _fill_file(photo, copy, output, texture, asked)
    if isinstance(mask, Painted | Boxes):
        where = mask
    elif _is_path(mask):
        where = Path(mask)
    else:
        where, notes = _mask_array(mask)
        _warn(notes)
    how: dict[str, Any] = {"source": texture, "on_step": asked.on_step}
    if asked.candidates is None:
        report = fill_file(photo, where, output or default_output(photo), asked.inpainter, asked.options, **how)
        outputs = [report.output]
    else:
        report = fill_file_candidates(photo, where, output, asked.candidates, asked.inpainter, asked.options, **how)
        outputs = list(report.outputs)
    _warn(report.notes)
    return outputs


def _fill_bytes(image: Any, mask: Any, texture: TextureSource | None, asked: _Asked) -> list[bytes]:
    with unnamed_folder() as folder:
        photo = as_file(image, folder, "image")
        return [
            path.read_bytes()
            for path in _fill_file(photo, mask, photo.with_name(f"filled{true_suffix(photo)}"), texture, asked)
        ]


# ---------------------------------------------------------------------------------------------------------- the arrays


def _checked(image: np.ndarray, what: str = "image") -> np.ndarray:
    if image.ndim not in (2, 3) or 0 in image.shape or (image.ndim == 3 and image.shape[2] > 4):
        raise InputError(f"{what} of shape {image.shape}: give (H, W) or (H, W, 1 to 4)")
    if image.dtype not in (np.uint8, np.uint16) and image.dtype.kind != "f":
        raise InputError(f"{what} of {image.dtype}: give uint8, uint16, or floating point in [0, 1]")
    return image


def _fill_array(image: np.ndarray, given: Where, source: Mask | None, asked: _Asked) -> list[np.ndarray]:
    if given.mask.shape != image.shape[:2]:
        raise InputError(f"mask of {given.mask.shape} for an image of {image.shape[:2]}: make them equal")
    mask = grown(given.mask, asked.options.grow)
    samples = image if image.ndim == 3 else image[..., None]
    picture = Picture(mask, partial(_read, samples, mask), source, asked.options.seed, given.name, given.invert)
    if asked.candidates is None:
        fills = fill_pictures(asked.inpainter, [picture], on_step=asked.on_step)
        notes = fills[0].notes
    else:
        made, notes = make_candidates(asked.inpainter, picture, asked.candidates, on_step=asked.on_step)
        fills = [candidate.fill for candidate in made]
    if not mask.any():
        notes = [*notes, f"{given.name}: nothing to fill: the image comes back as it is"]
    _warn(notes)
    return [patched(samples, fill).reshape(image.shape) for fill in fills]


def _read(samples: Samples, mask: Mask, boxes: Sequence[Box]) -> list[Samples]:
    """Boxes of an array; of floating point the values are checked, where they are known."""
    for box in boxes if samples.dtype.kind == "f" else ():
        known = samples[box.slices][~mask[box.slices]]
        # Written so that NaN fails too.
        if known.size and not (known.min() >= 0 and known.max() <= 1):
            raise InputError(f"image of {samples.dtype} {_range(known)}: give values in [0, 1]")
    return [samples[box.slices] for box in boxes]


def _range(values: np.ndarray) -> str:
    """Of values that are refused, what there is to say; all digits, or what is hardly above 1 reads as 1."""
    if np.isnan(values).any():
        return "holds values that are not numbers (NaN)"
    return f"from {values.min()} to {values.max()}"


def _fill_pil(image: Any, mask: Where, source: Mask | None, asked: _Asked) -> list[Any]:
    if image.mode not in _PIL_MODES:
        raise InputError(f"PIL image of mode {image.mode}: convert it to L, LA, RGB or RGBA")
    from PIL import Image

    info = dict(image.info)
    given = image
    if image.mode == "P":
        image = image.convert("RGBA" if info.pop("transparency", None) is not None else "RGB")
        _warn(["the palette becomes full colour: a fill needs colours that it may not have"])
    elif image.mode == "CMYK":
        image = image.convert("RGB")
    fills = [Image.fromarray(fill) for fill in _fill_array(_checked(np.asarray(image)), mask, source, asked)]
    if given.mode == "CMYK":
        # There and back some inks differ, so only what is filled makes the way.
        inks, where = np.asarray(given), grown(mask.mask, asked.options.grow)
        fills = [Image.fromarray(compose(inks, np.asarray(fill.convert("CMYK")), where), "CMYK") for fill in fills]
    for fill in fills:
        fill.info = dict(info)
    return fills


# ----------------------------------------------------------------------------------------------------------- the masks


def _masks(image: Any, mask: Any, texture: TextureSource | None, options: FillOptions) -> tuple[Where, Mask | None]:
    """The mask of an array or a PIL image, and where texture may come from; what there is to say is said."""
    size = image.size[::-1] if _is_pil(image) else image.shape[:2]
    if isinstance(mask, _Copy):
        with unnamed_folder() as folder:
            photo = open_photo(_picture_file(image, folder, "image"), max_megapixels=options.max_megapixels)
            copy = _picture_file(mask.picture, folder, "painted")
            given = Where(painted_mask(photo, copy, max_megapixels=options.max_megapixels), "the painted copy", "")
    else:
        given = _mask_for(size, mask, options)
    source, notes = texture.where(size) if texture else (None, [])
    _warn(list(dict.fromkeys([*given.notes, *notes])))
    return given, source


def _picture_file(picture: Any, folder: Path, stem: str) -> Path:
    """A picture of any kind as a file; of an array or a PIL image with 8 bits a sample, which show paint well."""
    if _is_path(picture):
        return Path(picture)
    if _is_bytes(picture):
        return as_file(picture, folder, stem)
    if _is_pil(picture) and not picture.mode.startswith("I;16"):
        picture = picture.convert("RGBA")
    elif not _is_pil(picture) and not isinstance(picture, np.ndarray):
        raise TypeError(f"wanted the {stem} picture as a path, bytes, an array or a PIL image, not {type(picture)}")
    samples = np.atleast_3d(_checked(np.asarray(picture), stem))
    top = np.iinfo(samples.dtype).max if samples.dtype.kind == "u" else 1
    alpha = samples[..., -1:] if samples.shape[2] in (2, 4) else np.full_like(samples[..., :1], top)
    values = np.dstack([to_image(samples)[..., ::-1], alpha.astype(np.float32) / np.float32(top)])
    path = folder / f"{stem}.png"
    # What is missing need not be a number.
    eight = np.rint(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8)
    cv2.imwrite(str(path), eight, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return path


def _mask_for(size: tuple[int, ...], mask: Any, options: FillOptions, what: str = "mask") -> Where:
    """A mask of any kind for a picture of (height, width), which a file's is compared with; `what` errors call it."""
    if isinstance(mask, Boxes):
        return where_boxes(mask, size[0], size[1])
    if _is_bytes(mask):
        with unnamed_folder() as folder:
            return replace(_mask_for(size, as_file(mask, folder, what), options, what), name=f"the {what}")
    if not _is_path(mask):
        where, notes = _mask_array(mask, what)
        return Where(where, notes=tuple(notes))
    where, notes = read_mask(
        Path(mask), (size[0], size[1]), colour=options.mask_colour, resize=options.resize_mask,
        max_megapixels=options.max_megapixels, what=what if what == "mask" else f"{what} mask",
    )  # fmt: skip
    return Where(where, str(mask), invert_file(options.mask_colour), tuple(notes))


def _mask_array(mask: Any, what: str = "mask") -> tuple[Mask, list[str]]:
    """What an array or a PIL image says to fill, and what there is to say of its values."""
    if _is_pil(mask):
        samples = _pil_samples(mask, what)
        if samples.ndim == 3:
            return _white(samples, 3 if samples.shape[2] > 2 else 1, what)
        mask = samples
    if not isinstance(mask, np.ndarray):
        raise TypeError(f"wanted the {what} as a path, bytes, a NumPy array or a PIL image, not {type(mask).__name__}")
    mask = np.asarray(mask)
    where = mask[..., 0] if mask.ndim == 3 and mask.shape[2] == 1 else mask
    if where.ndim != 2 or where.dtype.kind not in "buif":
        raise InputError(f"{what} of shape {mask.shape} and {mask.dtype}: give (H, W) bool, or numbers with 255 = fill")
    if where.dtype == np.bool_ or not where.size:
        return where.astype(np.bool_, copy=False), []
    low, high = where.min(), where.max()
    if low >= 0 and high <= 1 and (where.dtype.kind != "f" or np.isin(where, (0, 1)).all()):
        return where == 1, []
    if where.dtype.kind == "f" or low < 0 or high > 255:
        raise InputError(f"{what} of {mask.dtype} {_range(where)}: give 0 and 1, or whole numbers with 255 = fill")
    return _white(where.astype(np.uint8)[..., None], 1, what)


def _white(samples: np.ndarray, colours: int, what: str) -> tuple[Mask, list[str]]:
    """What of 8-bit samples `(H, W, bands)` is white, as in a file; raises InputError where they can be no mask."""
    levels = Levels()
    levels.add(samples, colours)
    half, notes = levels.judge(lambda: [samples], colours, Spoken(what, other_colour=False))
    return degrees(samples, colours, "white", half) == 2, notes


def _pil_samples(mask: Any, what: str) -> np.ndarray:
    """The samples of a PIL image, `(H, W, bands)`; of one channel that may hold 0 and 1 only, `(H, W)`."""
    if mask.mode in ("LA", "RGBA", "PA") or (mask.mode in ("1", "L", "P", "RGB") and "transparency" in mask.info):
        return np.asarray(mask.convert("RGBA"))
    if mask.mode in ("RGB", "P", "CMYK", "YCbCr"):
        return np.asarray(mask.convert("RGB"))
    if mask.mode.startswith("I;16"):
        samples = np.asarray(mask)
        return (samples if samples.max(initial=0) <= 255 else samples >> 8).astype(np.uint8)[..., None]
    if mask.mode not in ("1", "L", "I"):
        raise InputError(f"{what}: PIL image of mode {mask.mode}: convert it to L")
    return np.asarray(mask)


def _warn(notes: Sequence[str]) -> None:
    # At the line that called the package, however far up it is: each line is shown once.
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "inpainter":
        level, frame = level + 1, frame.f_back
    for note in notes:
        warnings.warn(note, FillNote, stacklevel=level)


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _is_bytes(value: Any) -> bool:
    """Whether it is a file's content, or a file object; PIL images and arrays are neither."""
    return isinstance(value, bytes | bytearray | memoryview) or (hasattr(value, "read") and not _is_pil(value))


def _is_pil(value: Any) -> bool:
    """Whether it is a PIL image, without importing Pillow, which the package does not need."""
    return any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(value).__mro__)
