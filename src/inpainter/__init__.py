"""Fills the missing part of a picture: `fill`, `load` and `methods` are the whole public interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from inpainter._version import __version__

if TYPE_CHECKING:
    from os import PathLike

    from inpainter.core import Inpainter

    Picture = TypeVar("Picture")

__all__ = ["__version__", "fill", "load", "methods"]


def fill(
    image: Picture, mask: Any, method: str | Inpainter = "auto", *,
    output: str | PathLike[str] | None = None, mask_colour: str = "white", resize_mask: bool = False, grow: int = 0,
    seed: int = 0, overwrite: bool = False,
) -> Picture:  # fmt: skip
    """Fill `image` where `mask` says so and answer in kind.

    `image` and `mask` are either

    - paths of files: writes `output` (default NAME-filled.EXT beside the photo) and returns its Path;
    - NumPy arrays: `image` `(H, W)` or `(H, W, 1 to 4)` of uint8, uint16 or float32 in [0, 1] (two and four channels:
      the last is alpha), `mask` `(H, W)` bool, True = fill (or uint8, from 128 up = fill); returns an array like
      `image`;
    - PIL images (the mask may be an array); returns a PIL image of the same mode.

    `method` is a name that `methods()` lists, a path of an .onnx file or of a folder of trained weights, or what `load`
    returned. `grow` widens the mask by so many pixels. `mask_colour`, `resize_mask`, `output` and `overwrite` are for
    files, as in the command line. Whatever is outside the mask comes back as it was. Raises
    `inpainter.core.InputError` for what a user can mend.
    """
    from inpainter.engine.pictures import fill_picture

    inpainter = load(method) if isinstance(method, str) else method
    return fill_picture(
        image, mask, inpainter, output=output, mask_colour=mask_colour, resize_mask=resize_mask, grow=grow, seed=seed,
        overwrite=overwrite,
    )  # fmt: skip


def load(name_or_path: str | PathLike[str]) -> Inpainter:
    """Load a method by its name, or an .onnx file of the export convention by its path, ready to be called.

    Raises `inpainter.core.InputError` when there is none, or when it needs an extra that is not installed.
    """
    from inpainter.methods import load as load_method

    return load_method(name_or_path)


def methods() -> dict[str, str]:
    """Return the methods' names, each with a one-sentence summary; nothing heavy is imported."""
    from inpainter.methods import summaries

    return summaries()
