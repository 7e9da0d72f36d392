"""What libvips leaves out of AVIF files: how their colours are described, and the EXIF block as it is.

Sources: ISO/IEC 14496-12 (boxes; section 8.11 for `meta` and what is in it; 12.1.5 for `colr`) and ISO/IEC 23008-12
(items and their properties, section 9.3).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from inpainter.core import InputError

# OpenCV looks at so many bytes to tell a format, and takes what points beyond them for damaged once `meta` is whole.
_LOOKED_AT = 512
# Version 0, without flags; offsets, lengths and base offsets of four bytes.
_PLACES = b"\0\0\0\0\x44\x40"


class AvifColours(NamedTuple):
    """How the colours of a picture are described."""

    grey: bool
    """Whether there is only one channel in the file."""
    primaries: int
    transfer: int
    matrix: int
    """Numbers of ITU-T H.273; 2 where nothing is said."""
    full_range: bool


def avif_colours(data: bytes) -> AvifColours:
    """Read the colour description of the main picture of an AVIF or HEIC file; raises InputError when damaged."""
    try:
        # What follows need not be boxes.
        meta = next((span for kind, span in _boxes(data, 0, len(data)) if kind == b"meta"), (0, 0))
        inner = dict(_boxes(data, meta[0] + 4, meta[1]))
        properties = dict(_boxes(data, *inner[b"iprp"]))
        listed = list(_boxes(data, *properties[b"ipco"]))
        at = inner[b"pitm"][0]
        (main,) = struct.unpack_from(">I" if data[at] else ">H", data, at + 4)
        found = AvifColours(False, 2, 2, 2, True)
        for number in _numbers(data, properties[b"ipma"][0], main):
            kind, (start, _) = listed[number - 1]
            if kind == b"pixi":
                found = found._replace(grey=data[start + 4] == 1)
            elif kind == b"colr" and data[start : start + 4] == b"nclx":
                *codes, flags = struct.unpack_from(">HHHB", data, start + 4)
                found = AvifColours(found.grey, codes[0], codes[1], codes[2], bool(flags & 0x80))
        return found
    except (struct.error, ValueError, KeyError, IndexError) as error:
        raise InputError("the boxes of this file are damaged; get a whole copy of it") from error


def check_items(data: bytes) -> None:
    """Raise InputError unless the type of each item of a HEIC file is text: of another one pi_heif crashes."""
    try:
        # What follows need not be boxes.
        meta = next((span for kind, span in _boxes(data, 0, len(data)) if kind == b"meta"), (0, 0))
        start, end = dict(_boxes(data, meta[0] + 4, meta[1])).get(b"iinf", (0, 0))
        for _, (at, _) in _boxes(data, start + (8 if data[start] else 6), end):
            kind = at + (10 if data[at] > 2 else 8)
            data[kind : kind + 4].decode("ascii")
    except (struct.error, ValueError, IndexError) as error:
        raise InputError("damaged or cut short (list of items); get a whole copy of it") from error


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """The type of each box, and where its content begins and ends."""
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + (16 if size == 1 else 8)
        after = at + struct.unpack_from(">Q", data, at + 8)[0] if size == 1 else at + size if size else end
        if not start <= after <= end:
            raise ValueError("a box ends outside of its box")
        yield kind, (start, after)
        at = after


def _numbers(data: bytes, at: int, item: int) -> list[int]:
    """The numbers, from 1 on, of an item's properties in the box `ipma` at `at`."""
    wide_items, wide_numbers = data[at] > 0, data[at + 3] & 1
    (count,), at = struct.unpack_from(">I", data, at + 4), at + 8
    for _ in range(count):
        (found,), at = struct.unpack_from(">I" if wide_items else ">H", data, at), at + (4 if wide_items else 2)
        numbers = struct.unpack_from(f">{data[at]}{'H' if wide_numbers else 'B'}", data, at + 1)
        at += 1 + len(numbers) * (2 if wide_numbers else 1)
        if found == item:
            # The highest bit says that the property is essential.
            return [number & (0x7FFF if wide_numbers else 0x7F) for number in numbers if number]
    return []


def with_exif(written: bytes, exif: bytes) -> bytes:
    """Return an AVIF file as libvips writes it, without EXIF, with this EXIF block (without prefix) in it, if any.

    libvips would add tags, drop unknown ones and move maker notes. Returns b"" where another libvips lists the places
    of a file's items in another way.
    """
    meta = written.index(b"meta") - 4
    end = meta + int.from_bytes(written[meta : meta + 4], "big")
    boxes = {kind: written[start:after] for kind, (start, after) in _boxes(written, meta + 12, end)}
    places, items = bytearray(boxes[b"iloc"]), boxes[b"iinf"]
    if places[:6] != _PLACES:
        return b""
    (count,) = struct.unpack_from(">H", places, 6)
    block, number = struct.pack(">I", 0) + exif, count + 1
    if exif:
        struct.pack_into(">H", places, 6, number)
        places += struct.pack(">HHIHII", number, 0, 0, 1, 0, len(block))
        entry = _box(b"infe", struct.pack(">IHH4sx", 2 << 24 | 1, number, 0, b"Exif"))
        boxes[b"iinf"] = items[:4] + struct.pack(">H", number) + items[6:] + entry
        reference = _box(b"cdsc", struct.pack(">HHH", number, 1, 1))
        boxes[b"iref"] = boxes.get(b"iref", bytes(4)) + reference
    boxes[b"free"] = bytes(_LOOKED_AT)
    boxes[b"iloc"] = bytes(places)
    grown = sum(8 + len(body) for body in boxes.values()) - (end - meta - 12)
    at = 8
    for item in range(1, number + bool(exif)):
        at += 10  # number, source, base offset and the count of pieces, of which libvips makes one
        (offset,) = struct.unpack_from(">I", places, at)
        struct.pack_into(">I", places, at, (offset if item < number else len(written) + 8) + grown)
        at += 8
    boxes[b"iloc"] = bytes(places)
    head = _box(b"meta", bytes(4) + b"".join(_box(kind, body) for kind, body in boxes.items()))
    return written[:meta] + head + written[end:] + (_box(b"mdat", block) if exif else b"")


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body
