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
    on_step: OnStep | None = ...,
) -> Path: ...  # fmt: skip
@overload
def fill(
    image: bytes | bytearray | BinaryIO, mask: Any = ..., method: str | PathLike[str] | Inpainter = ..., *,
    painted: Any = ..., boxes: Iterable[tuple[int, int, int, int]] | None = ...,
    mask_colour: str = ..., resize_mask: bool = ..., grow: int = ..., seed: int = ...,
    source: Any = ..., avoid: Any = ..., candidates: None = ..., on_step: OnStep | None = ...,
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
    seed: int = ..., source: Any = ..., avoid: Any = ..., overwrite: bool = ..., on_step: OnStep | None = ...,
) -> list[Path]: ...  # fmt: skip
@overload
def fill(
    image: bytes | bytearray | BinaryIO, mask: Any = ..., method: str | PathLike[str] | Inpainter = ..., *,
    candidates: int, painted: Any = ..., boxes: Iterable[tuple[int, int, int, int]] | None = ...,
    mask_colour: str = ..., resize_mask: bool = ..., grow: int = ..., seed: int = ...,
    source: Any = ..., avoid: Any = ..., on_step: OnStep | None = ...,
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
    on_step: OnStep | None = None,
) -> Any:  # fmt: skip
    """Fill `image` where `mask`, `painted` or `boxes` says so; what comes back is of the same kind.

    `image` is one of

    - a path: writes `output` (default NAME-filled.EXT beside the photo) and returns its Path;
    - the bytes of a photo file, or a binary file object: returns bytes of the same format;
    - a NumPy array `(H, W)` or `(H, W, 1 to 4)` of uint8, uint16, or floating point in [0, 1] (two and four channels:
      the last is alpha): returns an array like it;
    - a PIL image: returns one of the same mode (of a palette: in full colour).

    What to fill is said by exactly one of

    - `mask`, of any of these kinds, whatever the image is: in a file or PIL image white = fill, unless transparent; in
      an array `(H, W)` or `(H, W, 1)` True = fill, or 1 where there are only 0 and 1, or from 128 up;
    - `painted`, of any of these kinds, too: a copy of the image with paint on it, filled where it differs;
    - `boxes`: rectangles (x, y, width, height) in pixels, upright.

    `method` is a name that `list_methods()` lists, with settings if wanted (`telea:radius=5`), a path of an .onnx file
    or of a folder of trained weights, or what `load` returned. `source` and `avoid` are masks of any kind, too: texture
    is copied only from the one and never from the other, by methods that can be told (`auto`, `exemplar`). `grow`
    widens the mask by so many pixels. `on_step(done, total)` hears of the progress, and may raise `Cancelled` to stop.
    `mask_colour` and `resize_mask` are for masks that are files, `output` and `overwrite` for photos that are paths.

    `candidates` asks for so many fills to choose from, 1 to 16, with the seeds from `seed` on, by methods that draw
    (`auto`, `exemplar`, `latent-search`): a list comes back, best first by the method's own measure. Of a path, the
    files are NAME-filled-1.EXT and so on, and NAME-candidates.png beside them shows all.

    Whatever is outside the mask comes back as it was. What there is to say of a fill is a warning, `FillNote`. Raises
    `InputError` for what a user can mend.
    """
    from inpainter.core import Inpainter
    from inpainter.engine.batch import FillOptions
    from inpainter.engine.pictures import fill_picture

    options = FillOptions(mask_colour, resize_mask, grow, seed, overwrite)
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


def __getattr__(name: str) -> Any:
    """The other public names, imported when they are asked for: with them comes NumPy."""
    if name in __all__:
        from inpainter import core

        return getattr(core, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
