"""What the markers of a JPEG file say, without decoding it (ISO/IEC 10918-1, annex B)."""

import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inpainter.core import InputError

MAX_CARRIED_MEGAPIXELS = 100

_SOI, _EOI, _SOS, _DQT, _DHT, _DRI, _COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xFE
APP0, APP14, _APP15 = 0xE0, 0xEE, 0xEF
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_CODED = frozenset({0xC0, 0xC1, 0xC2})
_OTHER_CODINGS = {0xC3: "lossless", 0xC9: "arithmetic", 0xCA: "arithmetic", 0xCB: "lossless"}
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a stuffed FF nor a restart marker

# Natural position of the k-th coefficient as stored: the diagonals of the block, walked to and fro.
_DIAGONALS = sorted(np.ndindex(8, 8), key=lambda rc: (sum(rc), rc[0] if sum(rc) % 2 else rc[1]))
_ZIGZAG = np.array([8 * row + column for row, column in _DIAGONALS])

# The example tables of annex K.1, at what libjpeg calls quality 50.
_LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_CHROMA = np.full((8, 8), 99)
_CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


class Segment(NamedTuple):
    """A marker and what belongs to it: `data[start:end]` is all of it, `data[payload:end]` what follows its length."""

    marker: int
    start: int
    payload: int
    end: int

    @property
    def is_metadata(self) -> bool:
        """Whether it is an application segment (APPn) or a comment, which no decoder of pixels needs."""
        return APP0 <= self.marker <= _APP15 or self.marker == _COM


class Component(NamedTuple):
    """A colour component as the frame header declares it."""

    id: int
    h: int
    v: int
    table: int


@dataclass(frozen=True)
class JpegHeader:
    """What the markers of a JPEG say."""

    width: int
    height: int
    precision: int
    """Bits per sample."""
    frame: int
    """The start-of-frame marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, …"""
    components: tuple[Component, ...]
    tables: dict[int, NDArray[np.uint16]]
    """Quantisation tables `(8, 8)`, vertical frequency first, by their slot."""
    tables_change: bool
    """Whether a slot holds different tables for different scans."""
    restart_interval: int
    """In minimum coded units; 0 = none."""
    general_huffman: bool
    """Whether its codes can say every coefficient, as the standard's do; made-to-measure (optimised) ones cannot."""
    jfif: bool
    adobe_transform: int | None
    complete: bool
    """Whether the end marker is there. A file cut short lacks it, though one with a damaged middle may have it."""

    @property
    def progressive(self) -> bool:
        """Whether it is coded in several passes from coarse to fine."""
        return self.frame in (0xC2, 0xC6, 0xCA, 0xCE)

    @cached_property
    def colour(self) -> str:
        """`grey`, `YCbCr`, `RGB`, `CMYK`, `YCCK` or `unknown`, as libjpeg decides it."""
        count = len(self.components)
        if count == 1:
            return "grey"
        if count == 4:
            return "CMYK" if self.adobe_transform in (None, 0) else "YCCK"
        if count != 3:
            return "unknown"
        if self.jfif:
            return "YCbCr"
        if self.adobe_transform is not None:
            return "RGB" if self.adobe_transform == 0 else "YCbCr"
        return "RGB" if bytes(component.id for component in self.components) == b"RGB" else "YCbCr"

    @property
    def unit(self) -> tuple[int, int]:
        """(height, width) in pixels of a minimum coded unit, to which all components have whole blocks."""
        return 8 * max(c.v for c in self.components), 8 * max(c.h for c in self.components)

    def cell(self, component: Component) -> tuple[int, int]:
        """(height, width) in pixels of what one sample of a component covers."""
        height, width = self.unit
        return height // 8 // component.v, width // 8 // component.h

    def plane(self, component: Component) -> tuple[int, int]:
        """(height, width) of a component in samples, without the padding of its last blocks."""
        height, width = self.cell(component)
        return -(-self.height // height), -(-self.width // width)

    def blocks(self, component: Component) -> tuple[int, int]:
        """(rows, columns) of 8×8 blocks that a component has."""
        height, width = self.plane(component)
        return -(-height // 8), -(-width // 8)


def read_header(source: Path | bytes, name: str = "this JPEG") -> JpegHeader:
    """Read the markers of a JPEG: a path, or the bytes of a file that errors then call `name`.

    Raises InputError when they contradict the format; a file that merely ends too early is `complete = False` as long
    as its pixel data has begun.
    """
    if isinstance(source, bytes):
        return _parse(source, name)
    try:
        with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _parse(data, str(source))
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source}: cannot be read as a JPEG ({error}); check that it is a whole file") from error


def segments(data: bytes | mmap.mmap) -> Iterator[Segment]:
    """Walk the markers from the start to the end marker; the coded data of a scan counts as part of its SOS.

    Ends without an end marker where the data does. Raises ValueError where a marker is due and none is there.
    """
    if data[:2] != b"\xff\xd8":
        raise ValueError("it does not start as a JPEG does")
    yield Segment(_SOI, 0, 2, 2)
    position = 2
    while position + 2 <= len(data):
        start = position
        if data[start] != 0xFF:
            raise ValueError(f"no marker at byte {start}")
        while position + 1 < len(data) and data[position + 1] == 0xFF:
            position += 1
        if position + 2 > len(data):
            return
        marker = data[position + 1]
        if marker == _EOI:
            yield Segment(marker, start, position + 2, position + 2)
            return
        if marker < 0xC0 or 0xD0 <= marker <= _SOI:
            raise ValueError(f"unexpected marker {marker:#04x} at byte {position}")
        if position + 4 > len(data):
            return
        payload, end = position + 4, position + 2 + struct.unpack_from(">H", data, position + 2)[0]
        if end < payload:
            raise ValueError(f"impossible length at byte {position}")
        if end > len(data):
            return
        if marker == _SOS:
            match = _END_OF_SCAN.search(data, end)
            end = match.start() if match else len(data)
        yield Segment(marker, start, payload, end)
        position = end


def can_carry(header: JpegHeader) -> str | None:
    """Say why the blocks of a JPEG cannot be carried over to another file, or None when they can."""
    sampling = [(c.h, c.v) for c in header.components]
    if header.frame not in _CODED:
        return f"its coding is {_OTHER_CODINGS.get(header.frame, 'hierarchical')}"
    if header.precision != 8:
        return f"it has {header.precision} bits a sample"
    if header.colour not in ("grey", "YCbCr"):
        return f"its colours are {header.colour}"
    if header.width * header.height > MAX_CARRIED_MEGAPIXELS * 1_000_000:
        return f"it has over {MAX_CARRIED_MEGAPIXELS} megapixels"
    largest_h, largest_v = max(h for h, _ in sampling), max(v for _, v in sampling)
    if any(largest_h % h or largest_v % v for h, v in sampling):
        return "its chroma sampling is fractional"
    if len(sampling) > 1 and sum(h * v for h, v in sampling) > 10:
        return "its sampling leaves too many blocks in a unit"
    if header.tables_change:
        return "its quantisation changes between scans"
    return None


def nearest_quality(header: JpegHeader) -> int:
    """Find the libjpeg quality, 1 to 100, whose tables come closest to those of a JPEG (in the mean of log ratios)."""
    tables = [header.tables[c.table] for c in header.components]
    chroma = [False, *(header.colour in ("YCbCr", "YCCK") and 0 < i < 3 for i in range(1, len(tables)))]
    wanted = np.log(np.maximum(np.stack(tables), 1))

    def distance(quality: int) -> float:
        scaled = {flag: np.log(_scaled(_CHROMA if flag else _LUMA, quality)) for flag in set(chroma)}
        return float(np.abs(wanted - np.stack([scaled[flag] for flag in chroma])).sum())

    return min(range(100, 0, -1), key=distance)


def subsample_mode(header: JpegHeader) -> str:
    """Say whether libvips' `jpegsave` should halve the chroma to stay closest: `on` (4:2:0) or `off` (4:4:4).

    What is halved in one direction only counts as `off`, which loses nothing.
    """
    if header.colour not in ("YCbCr", "YCCK"):
        return "off"
    return "on" if min(header.cell(header.components[1])) > 1 else "off"


def _scaled(table: NDArray, quality: int) -> NDArray:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((table * percent + 50) // 100, 1, 255)


def _parse(data: bytes | mmap.mmap, name: str) -> JpegHeader:
    try:
        header = _collect(data)
    except (ValueError, struct.error, IndexError) as error:
        raise InputError(f"{name}: damaged JPEG ({error}); get a whole copy of the file") from error
    if header is None:
        raise InputError(f"{name}: the JPEG ends before its pixels begin; get a whole copy of the file")
    return header


def _collect(data: bytes | mmap.mmap) -> JpegHeader | None:
    found: dict = {"jfif": False, "adobe_transform": None, "restart_interval": 0, "general_huffman": True}
    tables: dict[int, NDArray[np.uint16]] = {}
    changes = scanned = complete = False
    try:
        for marker, _, payload, end in segments(data):
            body = data[payload:end] if marker != _SOS else b""
            if marker in _FRAMES:
                if "frame" in found:
                    raise ValueError("two frames in one picture")
                found |= _frame(marker, body)
            elif marker == _DQT:
                changes |= _add_tables(tables, body)
            elif marker == _DHT:
                found["general_huffman"] &= _is_general(body)
            elif marker == _DRI:
                found["restart_interval"] = struct.unpack(">H", body)[0]
            elif marker == APP0 and body[:5] == b"JFIF\0" and len(body) >= 14:
                found["jfif"] = True
            elif marker == APP14 and body[:5] == b"Adobe" and len(body) >= 12:
                found["adobe_transform"] = body[11]
            scanned |= marker == _SOS
            complete = marker == _EOI
    except ValueError:
        # Past the first scan, decoders make do with what there is; here it counts as an end too early.
        if not scanned:
            raise
        complete = False
    if "frame" not in found or not scanned:
        return None
    header = JpegHeader(tables=tables, tables_change=changes, complete=complete, **found)
    if header.frame in _CODED and any(c.table not in tables for c in header.components):
        raise ValueError("a quantisation table is missing")
    return header


def _frame(marker: int, body: bytes) -> dict:
    precision, height, width, count = struct.unpack_from(">BHHB", body)
    if len(body) != 6 + 3 * count or not 1 <= count <= 4 or not width or not height:
        raise ValueError(f"impossible frame: {width}×{height}, {count} components")
    triples = struct.iter_unpack("BBB", body[6:])
    components = tuple(Component(id_, hv >> 4, hv & 15, table) for id_, hv, table in triples)
    if not all(1 <= factor <= 4 for c in components for factor in (c.h, c.v)):
        raise ValueError("impossible sampling factors")
    if count == 1:
        # The blocks of a lone component stand in plain order, whatever factors it declares.
        components = (components[0]._replace(h=1, v=1),)
    return {"frame": marker, "precision": precision, "width": width, "height": height, "components": components}


def _add_tables(tables: dict[int, NDArray[np.uint16]], body: bytes) -> bool:
    changes, position = False, 0
    while position < len(body):
        wide, slot = body[position] >> 4, body[position] & 15
        stored = np.frombuffer(body, ">u2" if wide else "u1", 64, position + 1)
        table = np.empty(64, np.uint16)
        table[_ZIGZAG] = stored
        table = table.reshape(8, 8)
        changes |= slot in tables and not np.array_equal(tables[slot], table)
        tables[slot] = table
        position += 1 + stored.nbytes
    return changes


def _is_general(body: bytes) -> bool:
    """Whether the AC codes among these Huffman tables cover all 162 symbols of 8-bit pictures."""
    position, general = 0, True
    while position < len(body):
        symbols = sum(body[position + 1 : position + 17])
        general &= body[position] >> 4 == 0 or symbols >= 162
        position += 17 + symbols
    return general
