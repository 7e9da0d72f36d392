"""Filling a JPEG without encoding it again: blocks of DCT coefficients that a fill does not touch are carried over."""

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jpeglib
import numpy as np
import pyvips
from numpy.typing import NDArray

from inpainter.core import InputError
from inpainter.photos.jpeg_header import APP0, APP14, JpegHeader, can_carry, read_header, segments

# libjpeg-turbo is the fastest to read and to write; of jpeglib's libraries only mozjpeg writes progressive files here.
_SEQUENTIAL, _PROGRESSIVE = "turbo210", "mozjpeg403"
# jpeglib switches libraries for the whole process.
_switch = threading.Lock()

_LARGEST = 1023  # of a coefficient, that 8-bit Huffman coding can say
_STRIP_UNITS = 16  # rows of coded units that are worked on at once, to bound memory
# Measured on two photos at quality 75 to 95: these take two fifths or more off the mean error of known pixels in
# touched blocks and add a tenth to that of the fill; more sweeps gain nothing.
_SWEEPS = 12
_FILL_WEIGHT = 0.3


def _cosines() -> NDArray[np.float32]:
    """The orthonormal DCT-II, `(8, 8)`, which is that of annex A.3.3 along one direction."""
    frequency, position = np.mgrid[:8, :8]
    cosines = np.cos((2 * position + 1) * frequency * np.pi / 16) / 2
    cosines[0] /= np.sqrt(2)
    return cosines.astype(np.float32)


_COSINES = _cosines()


@dataclass(frozen=True)
class StoredPatch:
    """A filled part of a picture, placed as the file stores the picture (not turned by its EXIF orientation)."""

    x: int
    y: int
    """The left upper corner, in pixels."""
    colours: NDArray
    """`(h, w)`, `(h, w, 1)` or `(h, w, 3)`; uint8, or float in [0, 1]."""
    mask: NDArray[np.bool_]
    """`(h, w)`; only pixels where it is True are taken."""


class _InPlace(np.ndarray):
    """An array that jpeglib does not copy when it asks for the type that it has already."""

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=False):  # pyright: ignore
        return super().astype(dtype, order, casting, subok, copy)  # pyright: ignore


def patch_blocks(source: Path, patches: Sequence[StoredPatch]) -> bytes:
    """Return the JPEG `source` with patches in it, every block that no patch's mask touches keeping its coefficients.

    Size, quantisation tables, sampling, component numbers and progressive coding stay. Of the application segments
    only JFIF and Adobe, which say what the colours are, come along; comments do not. Restart markers are lost (the
    library cannot write them), which changes no pixel. Touched blocks are coded anew with the file's own tables;
    pixels in them that the mask leaves out change by its rounding only, which is chosen in their favour.

    A chroma sample that stands for several pixels of which some are masked becomes the mean of their new and old
    chroma, and decoders that smooth chroma let it reach one sample further.

    Raises InputError when the file is damaged or cut short, ValueError when `can_carry` says that it is not for this.
    Damage inside a scan that libjpeg conceals is not noticed: let a strict decoder see the file first.
    """
    data = source.read_bytes()
    header = read_header(data, str(source))
    if reason := can_carry(header):
        raise ValueError(f"{source}: its blocks cannot be carried over: {reason}")
    if not header.complete:
        raise InputError(f"{source}: the JPEG is cut short; get a whole copy of the file")
    colours = _colour_segments(data)
    data = _with_metadata(data, colours)
    with _switch, _scratch() as folder:
        jpeg = _read(source, data, header, folder)
        planes = _planes(jpeg)
        for patch in patches:
            _apply(planes, header, patch)
        written = _write(jpeg, header, source, folder)
    return _with_metadata(written, colours)


def _colour_segments(data: bytes) -> bytes:
    """Take out the segments that say what the colours are, without the preview that JFIF's may hold."""
    found = b""
    for segment in segments(data):
        body = data[segment.payload : segment.end]
        if segment.marker == APP0 and body[:5] == b"JFIF\0" and len(body) >= 14:
            found += data[segment.start : segment.payload - 2] + b"\0\x10" + body[:12] + b"\0\0"
        elif segment.marker == APP14 and body[:5] == b"Adobe":
            found += data[segment.start : segment.end]
    return found


def _with_metadata(data: bytes, metadata: bytes) -> bytes:
    """Put `metadata` in place of all application segments and comments; what follows the end marker goes too."""
    start, *others = segments(data)
    kept = [data[segment.start : segment.end] for segment in others if not segment.is_metadata]
    return b"".join([data[: start.end], metadata, *kept])


def _planes(jpeg: jpeglib.DCTJPEG) -> list[NDArray[np.int16]]:
    return [jpeg.Y, jpeg.Cb, jpeg.Cr] if jpeg.has_chrominance else [jpeg.Y]


def _read(source: Path, data: bytes, header: JpegHeader, folder: Path) -> jpeglib.DCTJPEG:
    # jpeglib.read_dct would decode the whole picture first to learn what the header says, and stumbles over files with
    # more than 50 application segments.
    grey = len(header.components) == 1
    jpeg = jpeglib.DCTJPEG(
        path="",
        content=data,
        height=header.height,
        width=header.width,
        block_dims=np.array([header.blocks(component) for component in header.components]),
        samp_factor=None,  # pyright: ignore[reportArgumentType] - None keeps the source's
        markers=[],
        huffmans=[],
        jpeg_color_space=jpeglib.JCS_GRAYSCALE if grey else jpeglib.JCS_YCbCr,
        progressive_mode=header.progressive,
        num_scans=1,
        **dict.fromkeys(("Y", "Cb", "Cr", "K", "qt", "quant_tbl_no")),  # pyright: ignore[reportArgumentType]
    )
    try:
        # jpeglib crashes where libjpeg refuses a header, so another build of libjpeg looks at it first.
        pyvips.Image.jpegload_buffer(data, access="sequential")
        with jpeglib.version(_SEQUENTIAL):
            jpeg.load()
    except (OSError, pyvips.Error) as error:
        # What libjpeg refuses comes without a number, what the system refuses with one.
        if getattr(error, "errno", None) is not None:
            raise _no_room(source, folder) from error
        raise InputError(f"{source}: damaged JPEG; get a whole copy of the file") from error
    return jpeg


def _write(jpeg: jpeglib.DCTJPEG, header: JpegHeader, source: Path, folder: Path) -> bytes:
    # A number in place of tables makes jpeglib keep the source's tables and component numbers.
    jpeg.qt = 0  # pyright: ignore[reportAttributeAccessIssue]
    jpeg.Y = jpeg.Y.view(_InPlace)
    if jpeg.has_chrominance:
        jpeg.Cb, jpeg.Cr = jpeg.Cb.view(_InPlace), jpeg.Cr.view(_InPlace)
    flags = [] if header.general_huffman else ["OPTIMIZE_CODING"]
    library = _PROGRESSIVE if header.progressive else _SEQUENTIAL
    target = folder / "patched.jpg"
    try:
        with jpeglib.version(library):
            jpeg.write_dct(str(target), flags=flags)
        return target.read_bytes()
    except OSError as error:
        if error.errno is None and any(max(plane.max(), -plane.min()) > _LARGEST + 1 for plane in _planes(jpeg)):
            raise InputError(f"{source}: damaged JPEG (values out of range); get a whole copy of the file") from error
        raise _no_room(source, folder) from error


@contextmanager
def _scratch() -> Iterator[Path]:
    """Give jpeglib a temporary folder for the copies that it makes, so that none is left behind whatever happens."""
    with tempfile.TemporaryDirectory() as folder:
        theirs = jpeglib.dct_jpeg.tempfile
        make = partial(tempfile.NamedTemporaryFile, dir=folder)
        jpeglib.dct_jpeg.tempfile = SimpleNamespace(NamedTemporaryFile=make)
        try:
            yield Path(folder)
        finally:
            jpeglib.dct_jpeg.tempfile = theirs


def _no_room(source: Path, folder: Path) -> InputError:
    return InputError(f"{source}: no room in {folder.parent} to patch it; free some or set TMPDIR")


def _apply(planes: list[NDArray[np.int16]], header: JpegHeader, patch: StoredPatch) -> None:
    height, width = patch.mask.shape
    if patch.colours.shape[:2] != (height, width):
        raise ValueError(f"a patch of {patch.colours.shape[:2]} with a mask of {patch.mask.shape}")
    if min(patch.x, patch.y) < 0 or patch.x + width > header.width or patch.y + height > header.height:
        raise ValueError(f"a patch of {width}×{height} at ({patch.x}, {patch.y}) leaves {header.width}×{header.height}")
    for strip in _strips(patch, header.unit[0] * _STRIP_UNITS):
        if strip.mask.any():
            _apply_strip(planes, header, strip)


def _strips(patch: StoredPatch, rows: int) -> Iterator[StoredPatch]:
    """Cut a patch along multiples of `rows`, so that no block belongs to two strips."""
    end = patch.y + patch.mask.shape[0]
    for top in range(patch.y // rows * rows, end, rows):
        first, last = max(top, patch.y), min(top + rows, end)
        part = slice(first - patch.y, last - patch.y)
        yield StoredPatch(patch.x, first, patch.colours[part], patch.mask[part])


def _apply_strip(planes: list[NDArray[np.int16]], header: JpegHeader, patch: StoredPatch) -> None:
    unit_height, unit_width = header.unit
    height, width = patch.mask.shape
    up, left = patch.y // unit_height, patch.x // unit_width
    down, right = -(-(patch.y + height) // unit_height), -(-(patch.x + width) // unit_width)
    inside = np.s_[patch.y - up * unit_height :, patch.x - left * unit_width :]

    def spread(values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Lay values of the patch's pixels into the whole coded units that it reaches into."""
        whole = np.zeros(((down - up) * unit_height, (right - left) * unit_width), np.float32)
        whole[inside][:height, :width] = values * patch.mask
        return whole

    covered = spread(np.ones((height, width), np.float32))
    channels = _centred(patch.colours, len(planes))
    for component, coefficients, channel in zip(header.components, planes, channels, strict=True):
        rows, columns = header.blocks(component)
        top, start = up * component.v, left * component.h
        part = coefficients[top : min(down * component.v, rows), start : min(right * component.h, columns)]
        cell = header.cell(component)
        share = _cells(covered, cell, part.shape)
        fill = _cells(spread(channel), cell, part.shape)
        plane = header.plane(component)
        cells = (plane[0] - 8 * top, plane[1] - 8 * start)
        # Cells at the right and lower border may reach out of the picture: only what is inside counts.
        shape = header.height - 8 * top * cell[0], header.width - 8 * start * cell[1]
        pixels = _pixels_of_cells(share.shape, cell, shape)
        _mend(part, header.tables[component.table], fill / pixels, share / pixels, cells)


def _centred(colours: NDArray, components: int) -> list[NDArray[np.float32]]:
    """Turn colours into Y − 128, Cb − 128, Cr − 128 (JFIF 1.02: full range, BT.601), or only Y − 128 for grey."""
    scale = np.float32(1 if colours.dtype == np.uint8 else 255)
    values = np.atleast_3d(colours).astype(np.float32) * scale
    if values.shape[2] == 1:
        return [values[..., 0] - 128, *(np.zeros(values.shape[:2], np.float32) for _ in range(components - 1))]
    red, green, blue = np.moveaxis(values, 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    # Cb = (B − Y) / 1.772 and Cr = (R − Y) / 1.402 are the JFIF equations, written so that grey gives exactly none.
    return [luma - 128, (blue - luma) / 1.772, (red - luma) / 1.402][:components]


def _cells(pixels: NDArray[np.float32], cell: tuple[int, int], blocks: tuple[int, ...]) -> NDArray[np.float32]:
    """Sum pixels over cells, for the cells of so many (rows, columns) of blocks."""
    height, width = cell
    summed = pixels
    if cell != (1, 1):
        summed = pixels.reshape(pixels.shape[0] // height, height, -1, width).sum(axis=(1, 3))
    return summed[: 8 * blocks[0], : 8 * blocks[1]]


def _pixels_of_cells(shape: tuple[int, ...], cell: tuple[int, int], picture: tuple[int, int]) -> NDArray[np.float32]:
    """How many pixels of each cell lie within the picture; 1 where none does, as a divisor."""
    rows, columns = (
        np.clip(end - np.arange(count) * size, 1, size) for count, size, end in zip(shape, cell, picture, strict=True)
    )
    return np.outer(rows, columns).astype(np.float32)


def _to_blocks(plane: NDArray) -> NDArray:
    """Cut `(8 R, 8 C)` into `(R, C, 8, 8)`."""
    return plane.reshape(plane.shape[0] // 8, 8, plane.shape[1] // 8, 8).swapaxes(1, 2)


def _transform(samples: NDArray) -> NDArray:
    # Small products on purpose: one large one would be spread over threads, which takes longer than the work.
    return _COSINES @ samples @ _COSINES.T


def _restore(coefficients: NDArray) -> NDArray:
    return _COSINES.T @ coefficients @ _COSINES


def _mend(
    coefficients: NDArray[np.int16],
    table: NDArray[np.uint16],
    fill: NDArray[np.float32],
    share: NDArray[np.float32],
    cells: tuple[int, int],
) -> None:
    """Code the touched ones of `(R, C, 8, 8)` blocks anew, in place: samples become `fill + (1 − share)` × old.

    `fill` and `share`, `(8 R, 8 C)`, are the fill times the masked share and that share; `cells` is the (height, width)
    beyond which samples are padding.
    """
    share, fill = _to_blocks(share), _to_blocks(fill)
    touched = np.asarray(share.any(axis=(2, 3)))
    share, fill = share[touched], fill[touched]
    steps = table.astype(np.float32)
    old = _restore(coefficients[touched] * steps)
    change = fill - share * old
    padding = _pad(change, touched, cells)
    samples = old + change
    levels = np.rint(_transform(samples) / steps)
    known = np.where(padding, 0, 1 - share)
    partly = known.any(axis=(1, 2))
    levels[partly] = _settle(levels[partly], samples[partly], known[partly], steps)
    coefficients[touched] = np.clip(levels, -_LARGEST, _LARGEST)


def _pad(samples: NDArray, touched: NDArray, cells: tuple[int, int]) -> NDArray[np.bool_]:
    """Repeat the picture's last column and row through the padding of border blocks, in place; say where that is.

    A change that is padded so makes the padding change as its neighbours do: a leap there would ring back.
    """
    rows, columns = np.nonzero(touched)
    bottom, right = cells[0] - 8 * rows, cells[1] - 8 * columns
    for size in np.unique(right[right < 8]):
        samples[right == size, :, size:] = samples[right == size, :, size - 1 : size]
    for size in np.unique(bottom[bottom < 8]):
        samples[bottom == size, size:] = samples[bottom == size, size - 1 : size]
    position = np.arange(8)
    return (position[:, None] >= bottom[:, None, None]) | (position >= right[:, None, None])


def _settle(levels: NDArray, samples: NDArray, known: NDArray, steps: NDArray) -> NDArray:
    """Choose roundings that keep known samples closest to what they were, at the cost of the fill's.

    Greedy descent on Σ w (decoded − wanted)² over whole levels, w = 1 where known and `_FILL_WEIGHT` in the fill: of
    each block's 64 levels the one move that gains most is made, `_SWEEPS` times. All arrays `(N, 8, 8)`.
    """
    weight = known + _FILL_WEIGHT * (1 - known)
    curvature = np.square(_COSINES) @ weight @ np.square(_COSINES).T * np.square(steps)
    blocks = np.arange(len(levels))
    for _ in range(_SWEEPS):
        slope = _transform(weight * (_restore(levels * steps) - samples)) * steps
        move = np.rint(-slope / curvature)
        gain = -(2 * slope + curvature * move) * move
        best = gain.reshape(-1, 64).argmax(axis=1)
        levels.reshape(-1, 64)[blocks, best] += move.reshape(-1, 64)[blocks, best]
    return levels
