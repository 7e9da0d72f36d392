"""Filling what Python programs hold: paths, NumPy arrays and PIL images, answered in kind."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from inpainter.core import Inpainter, InputError, Mask, compose
from inpainter.engine.batch import FillOptions, default_output, fill_file
from inpainter.engine.removal import fill_image, grown
from inpainter.photos.photo import to_image, to_samples

_TYPES = (np.uint8, np.uint16, np.float32)


def fill_picture(
    image: Any, mask: Any, inpainter: Inpainter, *, output: Any, mask_colour: str, resize_mask: bool, grow: int,
    seed: int, overwrite: bool,
) -> Any:  # fmt: skip
    """Do what `inpainter.fill` promises, with a method that is loaded."""
    if isinstance(image, str | os.PathLike):
        if not isinstance(mask, str | os.PathLike):
            raise TypeError(f"the photo is a path, so the mask must be one too, not {type(mask).__name__}")
        options = FillOptions(mask_colour, resize_mask, grow, seed, overwrite)
        photo = Path(image)
        target = Path(output) if output is not None else default_output(photo)
        return fill_file(photo, Path(mask), target, inpainter, options).output
    if output is not None:
        raise TypeError("output is for files: an array or a PIL image is returned instead")
    if isinstance(image, np.ndarray):
        return _fill_array(image, _mask_array(mask), inpainter, grow, seed)
    if _is_pil(image):
        return _fill_pil(image, _mask_array(mask), inpainter, grow, seed)
    raise TypeError(f"wanted a path, a NumPy array or a PIL image, not {type(image).__name__}")


def _fill_array(image: np.ndarray, mask: Mask, inpainter: Inpainter, grow: int, seed: int) -> np.ndarray:
    if image.ndim not in (2, 3) or 0 in image.shape or (image.ndim == 3 and image.shape[2] > 4):
        raise InputError(f"image of shape {image.shape}: give (H, W) or (H, W, 1 to 4)")
    if image.dtype not in _TYPES:
        raise InputError(f"image of {image.dtype}: give uint8, uint16 or float32 in [0, 1]")
    if mask.shape != image.shape[:2]:
        raise InputError(f"mask of {mask.shape} for an image of {image.shape[:2]}: make them equal")
    samples = image if image.ndim == 3 else image[..., None]
    mask = grown(mask, grow)
    if image.dtype == np.float32:
        filled = _like_samples(fill_image(inpainter, _float_image(samples), mask, seed=seed), samples)
    else:
        filled = to_samples(fill_image(inpainter, to_image(samples), mask, seed=seed), samples)
    return compose(image, filled.reshape(image.shape), mask)


def _float_image(samples: np.ndarray) -> np.ndarray:
    colours = samples[..., : 3 if samples.shape[2] > 2 else 1]
    return np.ascontiguousarray(np.broadcast_to(colours, (*colours.shape[:2], 3)))


def _like_samples(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    samples = like.copy()
    if like.shape[2] > 2:
        samples[..., :3] = image
    else:
        samples[..., 0] = image.mean(axis=2)
    return samples


def _fill_pil(image: Any, mask: Mask, inpainter: Inpainter, grow: int, seed: int) -> Any:
    if image.mode not in ("L", "LA", "RGB", "RGBA", "I;16"):
        raise InputError(f"PIL image of mode {image.mode}: convert it to L, LA, RGB or RGBA")
    from PIL import Image

    filled = _fill_array(np.asarray(image), mask, inpainter, grow, seed)
    answer = Image.fromarray(filled)
    answer.info = dict(image.info)
    return answer


def _mask_array(mask: Any) -> Mask:
    if _is_pil(mask):
        mask = np.asarray(mask.convert("L"))
    if not isinstance(mask, np.ndarray):
        raise TypeError(f"wanted the mask as a NumPy array or a PIL image, not {type(mask).__name__}")
    if mask.ndim != 2 or mask.dtype not in (np.bool_, np.uint8):
        raise InputError(f"mask of shape {mask.shape} and {mask.dtype}: give (H, W) bool, or uint8 with 255 = fill")
    return mask if mask.dtype == np.bool_ else mask >= 128


def _is_pil(value: Any) -> bool:
    """Whether it is a PIL image, told without importing Pillow, which the package does not need."""
    return any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(value).__mro__)
