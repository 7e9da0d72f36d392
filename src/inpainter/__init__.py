"""Fills the missing part of a picture: what stands in `__all__` is the whole public interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from inpainter._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from pathlib import Path
    from typing import BinaryIO

    from inpainter.core import Cancelled, FillNote, Inpainter, InputError, OnStep, Work

    Picture = TypeVar("Picture")

__all__ = ["Cancelled", "FillNote", "InputError", "Work", "__version__", "fill", "list_methods", "load"]


@overload
def fill(
    image: str | PathLike[str], mask: Any = ..., method: str | PathLike[str] | Inpainter = ..., *,
    painted: Any = ..., boxes: Iterable[tuple[int, int, int, int]] | None = ...,
    output: str | PathLike[str] | None = ..., mask_colour: str = ..., resize_mask: bool = ..., grow: int = ...,
    seed: int = ..., source: Any = ..., avoid: Any = ..., overwrite: bool = ..., candidates: None = ...,
    encode_quality: int | None = ..., page: int | None = ..., on_step: OnStep | None = ...,
) -> Path: ...  # fmt: skip
@overload
def fill(
    image: bytes | bytearray | BinaryIO, mask: Any = ..., method: str | PathLike[str] | Inpainter = ..., *,
    painted: Any = ..., boxes: Iterable[tuple[int, int, int, int]] | None = ...,
    mask_colour: str = ..., resize_mask: bool = ..., grow: int = ..., seed: int = ...,
    source: Any = ..., avoid: Any = ..., candidates: None = ..., encode_quality: int | None = ...,
    page: int | None = ..., on_step: OnStep | None = ...,
) -> bytes: ...  # fmt: skip
@overload
def fill(
    image: Picture, mask: Any = ..., method: str | PathLike[str] | Inpainter = ..., *,
    painted: Any = ..., boxes: Iterable[tuple[int, int, int, int]] | None = ...,
    mask_colour: str = ..., resize_mask: bool = ..., grow: int = ..., seed: int = ...,
    source: Any = ..., avoid: Any = ..., candidates: None = ..., on_step: OnStep | None = ...,
) -> Picture: ...  # fmt: skip
@overload
def fill(
    image: str | PathLike[str], mask: Any = ..., method: str | PathLike[str] | Inpainter = ..., *, candidates: int,
    painted: Any = ..., boxes: Iterable[tuple[int, int, int, int]] | None = ...,
    output: str | PathLike[str] | None = ..., mask_colour: str = ..., resize_mask: bool = ..., grow: int = ...,
    seed: int = ..., source: Any = ..., avoid: Any = ..., overwrite: bool = ..., encode_quality: int | None = ...,
    page: int | None = ..., on_step: OnStep | None = ...,
) -> list[Path]: ...  # fmt: skip
@overload
def fill(
    image: bytes | bytearray | BinaryIO, mask: Any = ..., method: str | PathLike[str] | Inpainter = ..., *,
    candidates: int, painted: Any = ..., boxes: Iterable[tuple[int, int, int, int]] | None = ...,
    mask_colour: str = ..., resize_mask: bool = ..., grow: int = ..., seed: int = ...,
    source: Any = ..., avoid: Any = ..., encode_quality: int | None = ..., page: int | None = ...,
    on_step: OnStep | None = ...,
) -> list[bytes]: ...  # fmt: skip
@overload
def fill(
    image: Picture, mask: Any = ..., method: str | PathLike[str] | Inpainter = ..., *, candidates: int,
    painted: Any = ..., boxes: Iterable[tuple[int, int, int, int]] | None = ...,
    mask_colour: str = ..., resize_mask: bool = ..., grow: int = ..., seed: int = ...,
    source: Any = ..., avoid: Any = ..., on_step: OnStep | None = ...,
) -> list[Picture]: ...  # fmt: skip
def fill(
    image: Any, mask: Any = None, method: str | PathLike[str] | Inpainter = "auto", *, painted: Any = None,
    boxes: Iterable[tuple[int, int, int, int]] | None = None, output: str | PathLike[str] | None = None,
    mask_colour: str = "white", resize_mask: bool = False, grow: int = 0,
    seed: int = 0, source: Any = None, avoid: Any = None, overwrite: bool = False, candidates: int | None = None,
    encode_quality: int | None = None, page: int | None = None, on_step: OnStep | None = None,
) -> Any:  # fmt: skip
    """Fill a picture where a mask says so; nothing outside the mask changes.

    Exactly one of `mask`, `painted` and `boxes` says where.

    Parameters
    ----------
    image
        A path of a photo; the bytes of a photo file, or a binary file object; a NumPy array `(H, W)` or
        `(H, W, 1 to 4)` of uint8, uint16, or floating point in [0, 1] (two and four channels: the last is alpha); or a
        PIL image.
    mask
        The same kinds, in any mixture with `image`. In a file or PIL image white = fill, unless transparent; in an
        array `(H, W)` or `(H, W, 1)` True = fill, or 1 where there are only 0 and 1, or from 128 up.
    method
        A name that `list_methods()` lists, with settings if wanted (`telea:radius=5`); the path of an .onnx file or of
        a folder of trained weights; or what `load` returned.
    painted
        A copy of the image with paint on it, of the same kinds: filled where the two differ.
    boxes
        Rectangles (x, y, width, height) in pixels of the upright picture.
    output
        For a path: where to write. Default: NAME-filled.EXT beside the photo.
    mask_colour
        For a mask that is a file: what means "fill this": white, black, alpha (transparent), or a colour such as red,
        #ff0000 or red:40 with a tolerance.
    resize_mask
        For a mask that is a file: scale it to the photo's size instead of refusing another.
    grow
        Widen the mask by so many pixels.
    seed
        Seed of methods that draw random numbers: the same seed, the same fill.
    source, avoid
        Masks, of the same kinds: copy texture only from the one, never from the other. For methods that copy (`auto`,
        `exemplar`).
    overwrite
        For a path: replace an output that exists.
    candidates
        Make so many fills to choose from, 1 to 16, with the seeds from `seed` on, by methods that draw (`auto`,
        `exemplar`, `latent-search`). For a path the files are NAME-filled-1.EXT and so on, and NAME-candidates.png
        shows them all.
    encode_quality
        For photo files: the quality, 1 to 100, of what is encoded with loss: lossy WebP and AVIF, a JPEG whose blocks
        cannot be carried over, and a photo that becomes one of these. By default one that loses little.
    page
        For a TIFF of several pages: the one to fill, from 1 on; it is written alone.
    on_step
        Called as `on_step(done, total)` while the fill goes on; may raise `Cancelled` to stop it.

    Returns
    -------
    Path, bytes, numpy.ndarray or PIL.Image.Image
        The filled picture, of the kind that `image` is: for a path the path that was written; bytes of the same format;
        an array of the same shape and type; a PIL image of the same mode (of a palette: in full colour). With
        `candidates` a list of them, the best first by the method's own measure.

    Raises
    ------
    InputError
        For what the caller can put right, in one line that says what is wrong, where, and the remedy. Nothing was
        written.
    TypeError
        For an argument of a wrong type, or one that does not go with the others.
    Cancelled
        Where `on_step` raised it. Nothing was written.

    Warns
    -----
    FillNote
        For what a user should know of a fill that succeeded.

    Examples
    --------
    >>> import numpy as np
    >>> import inpainter
    >>> image = np.full((40, 60, 3), 200, np.uint8)
    >>> image[10:20, 15:30] = 0
    >>> filled = inpainter.fill(image, boxes=[(15, 10, 15, 10)], method="telea")
    >>> filled.shape, int(filled.min())
    ((40, 60, 3), 200)
    """
    from inpainter.core import Inpainter
    from inpainter.engine.batch import FillOptions
    from inpainter.engine.pictures import fill_picture

    options = FillOptions(
        mask_colour, resize_mask, grow, seed, overwrite, encode_quality=encode_quality, page=page
    )  # fmt: skip
    ready = method if isinstance(method, Inpainter) else load(method)
    return fill_picture(
        image, mask, ready, painted=painted, boxes=boxes, output=output, options=options, source=source, avoid=avoid,
        candidates=candidates, on_step=on_step,
    )  # fmt: skip


def load(name_or_path: str | PathLike[str], device: str = "auto", **settings: Any) -> Inpainter:
    """Load a method by its name, or an exported model or a folder of trained weights by its path, ready to be called.

    Settings are given by keyword or with the name, `telea:radius=5`. `device` is auto, cpu, cuda or mps. Raises
    `InputError` when there is none of it, or when it needs an extra that is not installed.
    """
    from inpainter.methods import load as load_method

    return load_method(name_or_path, device, **settings)


def list_methods() -> dict[str, str]:
    """Return the methods' names, each with a one-sentence summary; nothing heavy is imported."""
    from inpainter import methods

    return methods.list_methods()


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """The other public names, imported when they are asked for: with them comes NumPy."""
    if name in __all__:
        from inpainter import core

        return getattr(core, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
