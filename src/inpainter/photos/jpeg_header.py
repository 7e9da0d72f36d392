"""What the markers of a JPEG file say, without decoding it (ISO/IEC 10918-1, annex B): one walk, one parse."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from inpainter.core import InputError

_MOST_MEGAPIXELS = 150

SOI, EOI, SOS, DQT, DHT, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xFE
APP0, APP14, _APP15 = 0xE0, 0xEE, 0xEF
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}
_CODED = frozenset({0xC0, 0xC1, 0xC2})
_OTHER_CODINGS = {0xC3: "lossless", 0xC9: "arithmetic", 0xCA: "arithmetic", 0xCB: "lossless"}
_MARKER = re.compile(rb"\xff+[\x01-\xfe]")
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a stuffed FF nor a restart marker


class Segment(NamedTuple):
    """A marker and what belongs to it: `data[start:end]` is all of it, `data[payload:end]` what follows its length."""

    marker: int
    start: int
    payload: int
    end: int

    @property
    def is_metadata(self) -> bool:
        """Whether it is an application segment (APPn) or a comment, which no decoder of pixels needs."""
        return APP0 <= self.marker <= _APP15 or self.marker == COM


class Component(NamedTuple):
    """A colour component as the frame header declares it."""

    id: int
    h: int
    v: int
    cell: tuple[int, int]
    """(height, width) in pixels of what one of its samples covers."""
    blocks: tuple[int, int]
    """(rows, columns) of its 8×8 blocks."""


@dataclass(frozen=True)
class Jpeg:
    """A JPEG file and what its markers say."""

    data: bytes
    segments: tuple[Segment, ...]
    """From the start to the end marker, as far as they go."""
    width: int
    height: int
    precision: int
    """Bits per sample."""
    frame: int
    """The start-of-frame marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, …"""
    components: tuple[Component, ...]
    tables_change: bool
    """Whether a slot holds different quantisation tables for different scans."""
    general_huffman: bool
    """Whether its codes can say every coefficient, as the standard's do; made-to-measure (optimised) ones cannot."""
    jfif: bool
    adobe_transform: int | None

    @property
    def complete(self) -> bool:
        """Whether the end marker is there. A file cut short lacks it, though one with a damaged middle may have it."""
        return self.segments[-1].marker == EOI

    @property
    def header(self) -> tuple[Segment, ...]:
        """The segments before the first scan."""
        return tuple(takewhile(lambda one: one.marker != SOS, self.segments))

    @property
    def progressive(self) -> bool:
        """Whether it is coded in several passes from coarse to fine."""
        return self.frame in (0xC2, 0xC6, 0xCA, 0xCE)

    @property
    def colour(self) -> str:
        """`grey`, `YCbCr`, `RGB`, `CMYK` or `unknown`, as libjpeg decides it."""
        named = bytes(component.id for component in self.components) == b"RGB"
        if named and self.adobe_transform is None and not self.jfif:
            return "RGB"
        if len(self.components) == 3 and self.adobe_transform == 0 and not self.jfif:
            return "RGB"
        return {1: "grey", 3: "YCbCr", 4: "CMYK"}.get(len(self.components), "unknown")

    @property
    def unit(self) -> tuple[int, int]:
        """(height, width) in pixels of a minimum coded unit, to which all components have whole blocks."""
        return 8 * max(c.v for c in self.components), 8 * max(c.h for c in self.components)


def segments(data: bytes | bytearray, start: int = 0) -> Iterator[Segment]:
    """Walk the markers from a start marker to the end marker; the coded data of a scan counts as part of its SOS.

    Bytes where a marker is due are skipped up to the next one, as decoders do. Ends without an end marker where the
    data does. Raises ValueError where a marker or a length is impossible.
    """
    position = start + 2
    yield Segment(SOI, start, position, position)
    while found := _MARKER.search(data, position):
        position = found.end()
        marker = data[position - 1]
        if marker == EOI:
            yield Segment(marker, found.start(), position, position)
            return
        if marker in _ALONE:
            continue
        if marker < 0xC0 or marker == SOI:
            raise ValueError(f"unexpected marker {marker:#04x} at byte {position - 1}")
        length = int.from_bytes(data[position : position + 2], "big")
        payload, end = position + 2, position + length
        if end > len(data) or payload > len(data):
            return
        if length < 2:
            raise ValueError(f"impossible length at byte {position}")
        if marker == SOS:
            match = _END_OF_SCAN.search(data, end)
            end = match.start() if match else len(data)
        yield Segment(marker, found.start(), payload, end)
        position = end


def read_header(data: bytes) -> Jpeg:
    """Parse a JPEG file.

    Raises InputError when its markers contradict the format; a file that merely ends too early is not `complete`, as
    long as its pixel data has begun.
    """
    found: dict = {"jfif": False, "adobe_transform": None, "general_huffman": True, "tables_change": False}
    tables: dict[int, bytes] = {}
    walked: list[Segment] = []
    scanned = False
    try:
        if data[:2] != b"\xff\xd8":
            raise ValueError("it does not start as a JPEG does")
        for segment in segments(data):
            walked.append(segment)
            marker, body = segment.marker, b"" if segment.marker == SOS else data[segment.payload : segment.end]
            scanned |= marker == SOS
            if marker in FRAMES:
                if "frame" in found:
                    raise ValueError("two frames in one picture")
                found |= _frame(marker, body)
            elif marker == DQT:
                while body:
                    table, body = body[: 129 if body[0] >> 4 else 65], body[129 if body[0] >> 4 else 65 :]
                    found["tables_change"] |= tables.setdefault(table[0] & 15, table) != table
            elif marker == DHT:
                found["general_huffman"] &= _is_general(body)
            elif marker == APP0 and body[:5] == b"JFIF\0" and len(body) >= 14:
                found["jfif"] = True
            elif marker == APP14 and body[:5] == b"Adobe" and len(body) >= 12:
                found["adobe_transform"] = body[11]
    except (ValueError, struct.error, IndexError) as error:
        # Past the first scan, decoders make do with what there is; here it counts as an end too early.
        if not scanned:
            raise InputError(f"damaged JPEG ({error}); get a whole copy of the file") from error
    if "frame" not in found or not scanned:
        raise InputError("the JPEG ends before its pixels begin; get a whole copy of the file")
    return Jpeg(data, tuple(walked), **found)


def can_carry(jpeg: Jpeg) -> str | None:
    """Say why the blocks of a JPEG cannot be carried over to another file, or None when they can."""
    sampling = [(c.h, c.v) for c in jpeg.components]
    most_h, most_v = max(h for h, _ in sampling), max(v for _, v in sampling)
    crowded = len(sampling) > 1 and sum(h * v for h, v in sampling) > 10
    for wrong, reason in (
        (jpeg.frame not in _CODED, f"its coding is {_OTHER_CODINGS.get(jpeg.frame, 'hierarchical')}"),
        (jpeg.precision != 8, f"it has {jpeg.precision} bits a sample"),
        (jpeg.colour not in ("grey", "YCbCr"), f"its colours are {jpeg.colour}"),
        (jpeg.width * jpeg.height > _MOST_MEGAPIXELS * 1_000_000, f"it has over {_MOST_MEGAPIXELS} megapixels"),
        (any(most_h % h or most_v % v for h, v in sampling), "its chroma sampling is fractional"),
        (crowded, "its sampling leaves too many blocks in a unit"),
        (jpeg.tables_change, "its quantisation changes between scans"),
    ):
        if wrong:
            return reason
    return None


def _frame(marker: int, body: bytes) -> dict:
    precision, height, width, count = struct.unpack_from(">BHHB", body)
    if len(body) != 6 + 3 * count or not 1 <= count <= 4 or not width or not height:
        raise ValueError(f"impossible frame: {width}×{height}, {count} components")
    triples = [(number, sampling >> 4, sampling & 15) for number, sampling, _ in struct.iter_unpack("BBB", body[6:])]
    if not all(1 <= factor <= 4 for _, *factors in triples for factor in factors):
        raise ValueError("impossible sampling factors")
    # The blocks of a lone component stand in plain order, whatever factors it declares.
    triples = [(triples[0][0], 1, 1)] if count == 1 else triples
    most_v, most_h = max(v for _, _, v in triples), max(h for _, h, _ in triples)
    components = []
    for number, h, v in triples:
        high, wide = most_v // v, most_h // h
        components.append(Component(number, h, v, (high, wide), (-(-height // (8 * high)), -(-width // (8 * wide)))))
    return {"frame": marker, "precision": precision, "width": width, "height": height, "components": tuple(components)}


def _is_general(body: bytes) -> bool:
    """Whether the AC codes among these Huffman tables cover all 162 symbols of 8-bit pictures."""
    position, general = 0, True
    while position < len(body):
        symbols = sum(body[position + 1 : position + 17])
        general &= body[position] >> 4 == 0 or symbols >= 162
        position += 17 + symbols
    return general
