"""Taking embedded previews out of metadata, where they would still show what was removed from the photo.

Each function takes a metadata block as bytes and returns the cleaned block and a list of what was dropped, in plain
words. Nothing here raises on a damaged block: what cannot be read is searched for whole JPEG streams all the same.
"""

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from inpainter.core import InputError
from inpainter.photos.jpeg_header import segments
from inpainter.photos.tiff_structure import TiffFile

EXIF_PREFIX = b"Exif\0\0"

_SUB_DIRECTORIES = (0x8769, 0x8825, 0xA005)  # EXIF, GPS and interoperability
_PICTURE_TAGS = ((0x0201, 0x0202), (0x0111, 0x0117))  # offsets, lengths: JPEG, strips
_KEPT_RESOURCES = {0x0404, 0x03ED}  # IPTC and resolution
# Without the first byte, which some cameras overwrite in a preview.
_START = re.compile(rb"\xd8\xff[\xc0-\xc4\xdb\xdd\xe0-\xef\xfe]")

Span = tuple[int, int]
"""Where bytes start, and where they end, the last not included."""


def said(dropped: list[str]) -> list[str]:
    """Each thing once, in the order in which it was met."""
    return list(dict.fromkeys(dropped))


# ---------------------------------------------------------------- JPEG streams


def find_jpegs(data: bytes | bytearray) -> Iterator[Span]:
    """Where JPEG streams lie in `data`; one that is cut short ends at the end of `data`.

    A stream counts when segments with plausible markers and lengths follow its start: two when its first byte is wrong.
    """
    position = 0
    while found := _START.search(data, position):
        start = found.start() - 1
        end = _jpeg_end(data, start) if start >= 0 else None
        if end:
            yield start, end
        position = end or found.start() + 1


def _jpeg_end(data: bytes | bytearray, start: int) -> int | None:
    """The end of the stream that may begin at `start`; None when none does."""
    end, count, wanted = start + 2, -1, 1 if data[start] == 0xFF else 2
    try:
        for segment in segments(data, start):
            if count < wanted and segment.start != end and count >= 0:
                return None
            end, count = segment.end, count + 1
            if segment.marker == 0xD9:
                return end if count > wanted else None
    except ValueError:
        end = data.find(b"\xff\xd9", end) + 2
        return (end if end > 1 else len(data)) if count > wanted else None
    return len(data) if count >= wanted else None


def holds_jpeg(data: bytes) -> bool:
    """Whether a JPEG stream lies somewhere in `data`."""
    return next(find_jpegs(data), None) is not None


def wipe_jpegs(data: bytes) -> tuple[bytes, bool]:
    """`data` with every JPEG stream overwritten with zeros, and whether there was one."""
    wiped = bytearray(data)
    _wipe(wiped, find_jpegs(data))
    return bytes(wiped), wiped != data


def _wipe(block: bytearray, spans: Iterable[Span], kept: Iterable[Span] = ()) -> None:
    """Overwrite spans with zeros, except where they overlap what is kept."""
    before = bytes(block)
    for start, end in spans:
        block[start:end] = bytes(len(block[start:end]))
    for start, end in kept:
        block[start:end] = before[start:end]


# ---------------------------------------------------------------- EXIF


def strip_exif(block: bytes) -> tuple[bytes, list[str]]:
    """An EXIF block without previews, and what was dropped.

    `block` may have the prefix `Exif\\0\\0`. Everything keeps its place, because maker notes hold offsets: the
    thumbnail's directory (IFD1) is unlinked and, with what it points to, overwritten with zeros; so are JPEG streams
    elsewhere, as in maker notes.
    """
    prefix = block[: len(EXIF_PREFIX)] if block.startswith(EXIF_PREFIX) else b""
    cleaned = bytearray(block[len(prefix) :])
    dropped: list[str] = []
    kept: list[Span] = []
    # What is no TIFF structure has no directories.
    with suppress(InputError):
        kept, thumbnail = _drop_thumbnail(cleaned, TiffFile(io.BytesIO(cleaned)))
        dropped += ["EXIF thumbnail"] * thumbnail
    for start, end in list(find_jpegs(cleaned)):
        # A stream inside a tag's value, such as a maker note, ends with it; every other value stays.
        around = [span for span in kept if span[0] <= start < span[1]]
        if end == len(cleaned):
            end = min([end, *(span[1] for span in around)])
        _wipe(cleaned, [(start, end)], [span for span in kept if span not in around])
        dropped.append("preview in the EXIF block")
    # What a damaged offset still holds in place.
    _wipe(cleaned, find_jpegs(bytes(cleaned)))
    return prefix + bytes(cleaned), said(dropped)


def _drop_thumbnail(block: bytearray, file: TiffFile) -> tuple[list[Span], bool]:
    """Unlink and overwrite the directories behind the first; the spans that must stay, and whether there were any."""
    named, kept = [file.first], [(0, 8)]
    for offset in named:
        spans, fields = file.spans(offset)
        kept += spans
        below = [fields[tag].values for tag in _SUB_DIRECTORIES if tag in fields]
        named += [values[0] for values in below if values and len(named) < 8]
    link, offset = file.following(file.first)
    chained: list[Span] = []
    seen = {0, *named}
    while offset not in seen:
        seen.add(offset)
        spans, fields = file.spans(offset)
        chained += spans
        for tags in _PICTURE_TAGS:
            pairs = zip(*(fields[tag].values for tag in tags if tag in fields), strict=False)
            chained += [(pair[0], sum(pair)) for pair in pairs if pair[0]]
        _, offset = file.following(offset)
    _wipe(block, chained, kept)
    if link:
        block[link : link + 4] = bytes(4)
    return kept, bool(chained)


# ---------------------------------------------------------------- Photoshop image resources


def strip_photoshop(resources: bytes) -> tuple[bytes, list[str]]:
    """Of Photoshop image resource blocks IPTC and resolution, byte for byte, and what was dropped.

    Source: Adobe Photoshop File Formats Specification, "Image Resources Section".
    """
    kept, dropped, position = b"", False, 0
    while resources[position : position + 4].isalnum() and position + 12 <= len(resources):
        name = 1 + resources[position + 6]
        start = position + 10 + name + name % 2
        size = int.from_bytes(resources[start - 4 : start], "big")
        end = start + size + size % 2
        if start + size > len(resources):
            break
        if int.from_bytes(resources[position + 4 : position + 6], "big") in _KEPT_RESOURCES:
            kept += resources[position:end]
        else:
            dropped = True
        position = end
    dropped |= any(resources[position:])
    return kept, ["Photoshop data other than IPTC and resolution"] * dropped
