"""The coefficients of a JPEG, read and written by the builds of libjpeg that jpeglib brings.

jpeglib's Python reader takes only a path, decodes the whole picture before it reads a coefficient, prints to stdout,
and switches libraries for the whole process. So two of its C functions are called here instead. They, too, take only
paths: what they read and write lies in a private temporary folder, which is gone afterwards whatever happens.
"""

import ctypes
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from inpainter.core import InputError
from inpainter.photos.jpeg_header import DHT, DQT, FRAMES, SOS, Jpeg, segments

Plane = NDArray[np.int16]
"""The coefficients of a component, `(rows, columns, 8, 8)`."""

Change = Callable[[int, Plane, NDArray[np.uint16]], None]

# libjpeg-turbo is the fastest to read and to write; of jpeglib's libraries only mozjpeg writes progressive files here.
_SEQUENTIAL, _PROGRESSIVE = "turbo210", "mozjpeg403"
_SOURCE = "source.jpg"
_DAMAGED = "damaged JPEG; get a whole copy of the file"
_GREY, _YCBCR = 1, 3  # J_COLOR_SPACE of jpeglib.h
_OPTIMIZE_CODING = 1 << 6  # a bit of jpeglib's own
LARGEST = 1023  # of a coefficient, that 8-bit Huffman coding can say; of the first one 1024 below zero
_AT_ONCE = 300_000_000  # bytes of coefficients that are held twice, here and by libjpeg


class CarryError(ValueError):
    """Why the blocks of a JPEG cannot be carried over."""


def change_blocks(jpeg: Jpeg, change: Change) -> bytes:
    """Return a JPEG with its coefficients as `change` leaves them, and without its metadata.

    `change(number, plane, table)` changes the plane of a component, which is quantised by `table`, in place.
    Raises CarryError when there is no jpeglib or when a coefficient is beyond 8-bit coding, InputError when the file
    is damaged or the disk full.
    """
    try:
        # jpeglib crashes where libjpeg refuses a header, so another build of libjpeg looks at it first.
        pyvips.Image.jpegload_buffer(jpeg.data, access="sequential")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, _SOURCE).write_bytes(jpeg.data)
            return _changed(jpeg, Path(folder), change)
    except pyvips.Error as error:
        raise InputError(_DAMAGED) from error
    except OSError as error:
        raise InputError(f"no room in {tempfile.gettempdir()} to patch it; free some or set TMPDIR") from error


def _changed(jpeg: Jpeg, folder: Path, change: Change) -> bytes:
    def changed(number: int, plane: Plane, table: NDArray[np.uint16]) -> Plane:
        # Of what does not fit, libjpeg-turbo's fast coder writes noise.
        low, high = int(plane.min()), int(plane.max())
        if high > LARGEST or low < -LARGEST - 1 or (low < -LARGEST and plane.reshape(-1, 64)[:, 1:].min() < -LARGEST):
            raise CarryError("it has coefficients beyond 8-bit coding")
        if not table.all():
            raise CarryError("it quantises by 0")
        change(number, plane, table)
        return plane

    numbers = range(len(jpeg.components))
    size = 128 * sum(rows * columns for rows, columns in (one.blocks for one in jpeg.components))
    if len(numbers) == 1 or size <= _AT_ONCE:
        return _write(folder, [changed(*read) for read in _read(jpeg, folder, numbers)], jpeg)
    with suppress(AttributeError, TypeError, OSError):  # only glibc has it
        # What libvips has freed goes back to the system before libjpeg needs as much.
        ctypes.CDLL(None).malloc_trim(0)
    # libjpeg needs all planes at once, we only one: each chroma plane waits as a scan of its own for the luma.
    scans = [_scan(changed(*_read(jpeg, folder, [number])[0]), jpeg.components[number].id, folder)
             for number in numbers[1:]]  # fmt: skip
    luma = changed(*_read(jpeg, folder, [0])[0])
    (folder / _SOURCE).write_bytes(_without_scans(jpeg) + b"".join(scans) + b"\xff\xd9")
    return _write(folder, [luma], jpeg)


def _read(jpeg: Jpeg, folder: Path, numbers: Sequence[int]) -> list[tuple[int, Plane, NDArray[np.uint16]]]:
    """Read the planes of some components, and what they are quantised with."""
    planes = {number: np.zeros((*jpeg.components[number].blocks, 8, 8), np.int16) for number in numbers}
    tables, slots = np.zeros((4, 8, 8), np.uint16), np.zeros(4, np.int16)
    pointers = [*map(_pointer, map(planes.get, range(4))), _pointer(tables), _pointer(slots)]
    with _quiet():
        read = _library(_SEQUENTIAL).read_jpeg_dct(_path(folder / _SOURCE), *pointers)
    if not read:
        raise InputError(_DAMAGED)
    return [(number, plane, tables[slots[number]]) for number, plane in planes.items()]


def _write(folder: Path, planes: Sequence[Plane], jpeg: Jpeg | None = None) -> bytes:
    """Write the file in `folder`, which `jpeg` describes, with its first planes as these; or one plane by itself."""
    rows, columns = planes[0].shape[:2]
    library, size, count, flags = _SEQUENTIAL, (8 * rows, 8 * columns), 1, 0
    if jpeg:
        library = _PROGRESSIVE if jpeg.progressive else _SEQUENTIAL
        size, count = (jpeg.height, jpeg.width), len(jpeg.components)
        flags = 0 if jpeg.general_huffman else _OPTIMIZE_CODING
    # Without a source, libjpeg wants a table, and a slot for it.
    source, table, slots = None, (ctypes.c_ushort * 64)(*[1] * 64), (ctypes.c_short * 4)()
    if jpeg:
        source, table, slots = _path(folder / _SOURCE), None, None
    target = folder / "patched.jpg"
    pointers = [_pointer(plane) for plane in planes] + [None] * (4 - len(planes))
    with _quiet():
        written = _library(library).write_jpeg_dct(
            source, _path(target), *pointers, (ctypes.c_int * 2)(*size), (ctypes.c_int * 2)(rows, columns), None,
            _GREY if count == 1 else _YCBCR, count, table, -1, slots, 0, None, None, None,
            ctypes.c_uint(flags), ctypes.c_uint(0xFFFFFFFF),
        )  # fmt: skip
    if not written:
        raise OSError("libjpeg could not write")
    return target.read_bytes()


def _scan(plane: Plane, number: int, folder: Path) -> bytes:
    """Code a plane as a scan of the component with this number, with the tables that it needs."""
    coded = _write(folder, [plane])
    parts = [coded[one.start : one.end] for one in segments(coded) if one.marker in (DHT, SOS)]
    tables, scan = b"".join(parts[:-1]), parts[-1]
    return tables + scan[:5] + bytes([number]) + scan[6:]


def _without_scans(jpeg: Jpeg) -> bytes:
    """The beginning of a sequential file with the frame and quantisation tables of `jpeg`."""
    tables = [jpeg.data[one.start : one.end] for one in jpeg.segments if one.marker == DQT]
    [frame] = (jpeg.data[one.payload - 2 : one.end] for one in jpeg.segments if one.marker in FRAMES)
    return b"\xff\xd8" + b"".join(tables) + b"\xff\xc1" + frame


def _library(version: str) -> ctypes.CDLL:
    found = find_spec("jpeglib")  # not imported, which takes longer than to read a photo
    folder = Path(str(found.origin)).parent / "cjpeglib" if found else Path()
    for path in folder.glob(f"cjpeglib_{version}.*"):
        return ctypes.CDLL(str(path))
    raise CarryError("jpeglib, which could carry blocks over, is not installed")


def _path(path: Path) -> ctypes.c_char_p:
    return ctypes.c_char_p(os.fsencode(path))


def _pointer(plane: NDArray | None) -> ctypes.c_void_p | None:
    return None if plane is None else ctypes.c_void_p(plane.ctypes.data)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep libjpeg's own lines off the terminal; only in a program's main thread, since stderr is every thread's."""
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            with suppress(OSError):  # there may be no stderr
                kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
                stack.callback(os.close, kept)
                stack.callback(os.close, nothing)
                stack.callback(os.dup2, kept, 2)
                os.dup2(nothing, 2)
        yield
