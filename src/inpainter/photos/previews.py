"""Taking embedded previews out of metadata, where they would still show what was removed from the photo.

Each function takes a metadata block as bytes and returns the cleaned block and a list of what was dropped, in plain
words. Nothing here raises on a damaged block: what cannot be read is searched for whole JPEG streams all the same.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from inpainter.photos.xmp import strip_xmp

__all__ = ["find_jpegs", "holds_jpeg", "strip_exif", "strip_photoshop", "strip_xmp", "wipe_jpegs"]

EXIF_PREFIX = b"Exif\0\0"

TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes per item of each TIFF field type (TIFF 6.0, section 2; 13 is IFD, 16 to 18 are BigTIFF's)."""

_SUB_DIRECTORIES = (0x8769, 0x8825, 0xA005)  # EXIF, GPS and interoperability
_PREVIEW_DIRECTORIES = 0x014A  # SubIFDs
_PICTURE_TAGS = ((0x0201, 0x0202), (0x0111, 0x0117), (0x0144, 0x0145))  # offsets, lengths: JPEG, strips, tiles
_MOST_STRIPS = 4096

_SEGMENT_MARKERS = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xDE), *range(0xE0, 0xF0), 0xFE} - {0xC8})
_FIRST_MARKERS = frozenset({0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xEC, 0xED, 0xEE, 0xFE})
_SCAN_END = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

_THUMBNAIL_RESOURCES = {1033, 1036}
_EXIF_RESOURCES = {1058, 1059}
_XMP_RESOURCE = 1060


class Span(NamedTuple):
    """Bytes from `start` up to, not including, `end`."""

    start: int
    end: int


class _Entry(NamedTuple):
    tag: int
    values: list[int]
    stored: Span | None  # where the value lies, when it is not in the entry itself and is inside the block


class _Directory(NamedTuple):
    entries: list[_Entry]
    table: Span
    next_pointer: int | None  # where the offset of the next directory is written

    def value(self, tag: int) -> list[int]:
        return next((entry.values for entry in self.entries if entry.tag == tag), [])


# ---------------------------------------------------------------- JPEG streams


def find_jpegs(data: bytes | bytearray) -> Iterator[Span]:
    """Where JPEG streams lie in `data`; one that is cut short ends at the end of `data`.

    A stream counts when segments with plausible markers and lengths follow its start. Some cameras overwrite the first
    byte of a preview, so that byte is not asked for when two segments are right.
    """
    position = 0
    while (found := data.find(b"\xd8\xff", position)) >= 0:
        whole_start = found > 0 and data[found - 1] == 0xFF
        end = _jpeg_end(data, found + 1, 1 if whole_start else 2)
        if end is None:
            position = found + 1
        else:
            yield Span(found - 1 if whole_start else found, end)
            position = end


def _jpeg_end(data: bytes | bytearray, position: int, wanted: int) -> int | None:
    """The end of the stream whose first segment is at `position`; None when no stream begins there."""
    segments = 0
    while position + 4 <= len(data):
        marker = data[position + 1]
        if data[position] == 0xFF and marker == 0xFF:
            position += 1
            continue
        if data[position] == 0xFF and marker == 0xD9 and segments >= wanted:
            return position + 2
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        allowed = _SEGMENT_MARKERS if segments else _FIRST_MARKERS
        if data[position] != 0xFF or marker not in allowed or length < 2:
            return _after_next_end_marker(data, position) if segments >= 2 else None
        position += 2 + length
        segments += 1
        if marker == 0xDA:
            scan_end = _SCAN_END.search(data, position)
            position = scan_end.start() if scan_end else len(data)
    if data[position : position + 2] == b"\xff\xd9" and segments >= wanted:
        return position + 2
    return len(data) if segments >= wanted else None


def _after_next_end_marker(data: bytes | bytearray, position: int) -> int:
    found = data.find(b"\xff\xd9", position)
    return found + 2 if found >= 0 else len(data)


def holds_jpeg(data: bytes) -> bool:
    """Whether a JPEG stream lies somewhere in `data`."""
    return next(find_jpegs(data), None) is not None


def wipe_jpegs(data: bytes) -> tuple[bytes, bool]:
    """`data` with every JPEG stream overwritten with zeros, and whether there was one."""
    wiped = bytearray(data)
    found = list(find_jpegs(data))
    for span in found:
        _zero(wiped, span, [])
    return (bytes(wiped), True) if found else (data, False)


def _zero(block: bytearray, span: Span, keep: Iterable[Span]) -> None:
    start, end = max(span.start, 0), min(span.end, len(block))
    for kept in sorted(keep):
        if kept.end <= start or kept.start >= end:
            continue
        if kept.start > start:
            block[start : kept.start] = bytes(kept.start - start)
        start = max(start, kept.end)
    if start < end:
        block[start:end] = bytes(end - start)


# ---------------------------------------------------------------- EXIF


def strip_exif(block: bytes) -> tuple[bytes, list[str]]:
    """An EXIF block without previews, and what was dropped.

    `block` is the TIFF structure, with or without the prefix `Exif\\0\\0`, which is kept as it is. The length and the
    place of everything else stay, because maker notes hold offsets into the block: thumbnails are overwritten with
    zeros and their directory (IFD1) is unlinked. JPEG streams elsewhere, as in maker notes, are overwritten too.
    """
    prefix = block[: len(EXIF_PREFIX)] if block.startswith(EXIF_PREFIX) else b""
    cleaned = bytearray(block[len(prefix) :])
    dropped: list[str] = []
    order = byte_order(cleaned)
    kept: list[Span] = []
    if order:
        kept, thumbnail = _drop_directories(cleaned, order)
        if thumbnail:
            dropped.append("EXIF thumbnail")
    streams = list(find_jpegs(cleaned))
    for stream in streams:
        around = [span for span in kept if span.start <= stream.start < span.end]
        end = stream.end
        if end == len(cleaned) and around:
            end = min(span.end for span in around)
        _zero(cleaned, Span(stream.start, end), [span for span in kept if span not in around])
    if streams:
        dropped.append("preview in the EXIF block")
    return prefix + bytes(cleaned), dropped


def byte_order(block: bytes | bytearray) -> str:
    """The `struct` sign of a classic TIFF structure's byte order; empty when it is not one."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]), "") if len(block) >= 8 else ""


def _drop_directories(block: bytearray, order: str) -> tuple[list[Span], bool]:
    """Unlink IFD1 and zero the pictures that directories point to; returns what must be kept, and if any was there."""
    (first,) = struct.unpack_from(order + "I", block, 4)
    main = _read_directory(block, first, order)
    named, previews = [main], [main]
    for directory in named:
        named += [
            _read_directory(block, offset, order)
            for tag in _SUB_DIRECTORIES
            for offset in directory.value(tag)[:1]
            if len(named) < 8
        ]
    previews += [_read_directory(block, offset, order) for offset in main.value(_PREVIEW_DIRECTORIES)[:16]]
    offset, seen = _next_offset(block, main, order), {first}
    chained = 0
    while offset and offset not in seen and len(seen) < 16:
        seen.add(offset)
        directory = _read_directory(block, offset, order)
        chained += bool(directory.entries)
        previews.append(directory)
        offset = _next_offset(block, directory, order)

    kept = [Span(0, 8)]
    for directory in named:
        kept += [directory.table, *(entry.stored for entry in directory.entries if entry.stored)]
    pictures = [span for directory in previews for span in _pictures(directory) if 0 < span.start < len(block)]
    shown = any(any(block[span.start : span.end]) for span in pictures)
    for span in pictures:
        _zero(block, span, kept)
    if main.next_pointer is not None:
        struct.pack_into("I", block, main.next_pointer, 0)
    return kept, shown or chained > 0


def _read_directory(block: bytearray, offset: int, order: str) -> _Directory:
    """The entries of a directory that lie inside the block, whatever its count claims."""
    if offset < 8 or offset + 2 > len(block):
        return _Directory([], Span(offset, offset), None)
    (count,) = struct.unpack_from(order + "H", block, offset)
    whole = min(count, (len(block) - offset - 2) // 12)
    entries = [_read_entry(block, offset + 2 + 12 * index, order) for index in range(whole)]
    end = offset + 2 + 12 * count
    pointer = end if end + 4 <= len(block) else None
    return _Directory(entries, Span(offset, offset + 2 + 12 * whole + (4 if pointer else 0)), pointer)


def _read_entry(block: bytearray, where: int, order: str) -> _Entry:
    tag, kind, count = struct.unpack_from(order + "HHI", block, where)
    size = count * TYPE_SIZES.get(kind, 1)
    start = where + 8
    if size > 4:
        (start,) = struct.unpack_from(order + "I", block, where + 8)
    if start + size > len(block):
        return _Entry(tag, [], None)
    code = {3: "H", 4: "I", 13: "I"}.get(kind)
    values = list(struct.unpack_from(f"{order}{min(count, _MOST_STRIPS)}{code}", block, start)) if code else []
    return _Entry(tag, values, Span(start, start + size) if size > 4 else None)


def _next_offset(block: bytearray, directory: _Directory, order: str) -> int:
    if directory.next_pointer is None:
        return 0
    return struct.unpack_from(order + "I", block, directory.next_pointer)[0]


def _pictures(directory: _Directory) -> list[Span]:
    return [
        Span(offset, offset + length)
        for offsets, lengths in _PICTURE_TAGS
        for offset, length in zip(directory.value(offsets), directory.value(lengths), strict=False)
    ]


# ---------------------------------------------------------------- Photoshop image resources


def strip_photoshop(resources: bytes) -> tuple[bytes, list[str]]:
    """Photoshop image resource blocks without thumbnails (resources 1033 and 1036), and what was dropped.

    EXIF, XMP and whole JPEG streams inside other resources are cleaned as well; the rest stays byte for byte.
    Source: Adobe Photoshop File Formats Specification, "Image Resources Section".
    """
    kept: list[bytes] = []
    dropped: list[str] = []
    position = 0
    while (resource := _read_resource(resources, position)) is not None:
        number, data, end = resource
        if number in _THUMBNAIL_RESOURCES:
            dropped.append("Photoshop thumbnail")
        else:
            cleaned, found = _clean_resource(number, data.of(resources))
            dropped += found
            if not found:
                kept.append(resources[position:end])
            elif cleaned:
                header = resources[position : data.start - 4]
                kept.append(header + struct.pack(">I", len(cleaned)) + cleaned + bytes(len(cleaned) % 2))
        position = end
    rest, picture = wipe_jpegs(resources[position:])
    kept.append(rest)
    if picture:
        dropped.append("preview in the Photoshop block")
    return b"".join(kept), dropped


class _Data(NamedTuple):
    start: int
    end: int

    def of(self, resources: bytes) -> bytes:
        return resources[self.start : self.end]


def _read_resource(resources: bytes, position: int) -> tuple[int, _Data, int] | None:
    """Number, place of the data and end of the resource at `position`; None when no whole one is there."""
    if position + 12 > len(resources) or not resources[position : position + 4].isalnum():
        return None
    (number,) = struct.unpack_from(">H", resources, position + 4)
    name = 1 + resources[position + 6]
    start = position + 6 + name + name % 2 + 4
    if start > len(resources):
        return None
    (size,) = struct.unpack_from(">I", resources, start - 4)
    if start + size > len(resources):
        return None
    return number, _Data(start, start + size), min(start + size + size % 2, len(resources))


def _clean_resource(number: int, data: bytes) -> tuple[bytes, list[str]]:
    if number in _EXIF_RESOURCES:
        return strip_exif(data)
    if number == _XMP_RESOURCE:
        return strip_xmp(data)
    cleaned, picture = wipe_jpegs(data)
    return cleaned, ["preview in the Photoshop block"] if picture else []
