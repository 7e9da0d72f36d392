"""The metadata chunks of WebP files: reading them, cleaning them, and putting them into another file."""

import struct
from typing import BinaryIO, NamedTuple

from inpainter.core import InputError
from inpainter.photos.metadata import Metadata, said
from inpainter.photos.png_chunks import copy_bytes
from inpainter.photos.previews import strip_exif
from inpainter.photos.xmp import strip_xmp

_ICC_FLAG, _ALPHA_FLAG, _EXIF_FLAG, _XMP_FLAG = 0x20, 0x10, 0x08, 0x04
_METADATA = (b"ICCP", b"EXIF", b"XMP ")
_PICTURE = (b"ALPH", b"VP8 ", b"VP8L")
_NOT_WORTH_SAYING = (b"VP8X", b"ANIM", b"ANMF", *_PICTURE)


class _Place(NamedTuple):
    name: bytes
    start: int
    length: int


def _places(stream: BinaryIO) -> list[_Place]:
    """Where the data of each chunk lies. Raises InputError when the file is not a whole WebP."""
    stream.seek(0)
    head = stream.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WEBP":
        raise InputError("not a WebP file: its signature is missing; give a WebP")
    end = 8 + int.from_bytes(head[4:8], "little")
    size = stream.seek(0, 2)
    places, position = [], 12
    while position + 8 <= min(end, size):
        stream.seek(position)
        name, length = struct.unpack("<4sI", stream.read(8))
        if position + 8 + length > size:
            raise InputError("the WebP file ends inside a chunk; get a whole copy of the file")
        places.append(_Place(name, position + 8, length))
        position += 8 + length + length % 2
    return places


def _read(stream: BinaryIO, place: _Place, length: int | None = None) -> bytes:
    stream.seek(place.start)
    return stream.read(place.length if length is None else min(length, place.length))


def _read_metadata(source: BinaryIO) -> tuple[dict[bytes, bytes], list[str]]:
    """The first chunk of each kind, cleaned, with its padding left off; and what was dropped."""
    found: dict[bytes, bytes] = {}
    dropped: list[str] = []
    for place in _places(source):
        if place.name in _METADATA and place.name not in found:
            found[place.name] = _read(source, place)
        elif place.name not in _NOT_WORTH_SAYING:
            dropped.append(f"WebP chunk {place.name.decode('latin-1')!r}")
    for name, strip in ((b"EXIF", strip_exif), (b"XMP ", strip_xmp)):
        if name in found:
            found[name], said_of_it = strip(found[name])
            dropped += said_of_it
    return {name: data for name, data in found.items() if data}, dropped


def webp_metadata(source: BinaryIO) -> Metadata:
    """The blocks of a WebP file that other formats can carry, without previews. Raises InputError when damaged."""
    found, dropped = _read_metadata(source)
    metadata = Metadata.clean(found.get(b"EXIF", b""), found.get(b"XMP ", b""), found.get(b"ICCP", b""))
    return metadata.with_dropped(dropped)


def splice_webp(
    source: BinaryIO | Metadata, encoded: BinaryIO, out: BinaryIO, *, same_colours: bool = True
) -> list[str]:
    """Write to `out` the WebP `encoded` with the profile, EXIF and XMP of `source` in place of its own.

    `source` is a WebP file, or the metadata of a photo of another format. Blocks keep their bytes, except previews; the
    extended header is made again. With `same_colours=False` the profile comes from `encoded`. The picture is streamed.
    Answers what was dropped. Raises InputError when a file is damaged. Source: RFC 9649, section 2.
    """
    if isinstance(source, Metadata):
        dropped = list(source.dropped) + ["Photoshop and IPTC data"] * bool(source.photoshop)
        chunks = {b"ICCP": source.icc, b"EXIF": source.exif, b"XMP ": source.xmp}
        chunks = {name: data for name, data in chunks.items() if data}
    else:
        chunks, dropped = _read_metadata(source)
    places = _places(encoded)
    picture = [place for place in places if place.name in _PICTURE]
    if not picture:
        raise InputError("the WebP file holds no still picture; give one that does")
    if not same_colours:
        chunks.pop(b"ICCP", None)
        chunks.update({place.name: _read(encoded, place) for place in places if place.name == b"ICCP"})

    width, height, alpha = _canvas(encoded, places)
    head = b""
    if chunks or picture[0].name == b"ALPH":
        flags = _ICC_FLAG * (b"ICCP" in chunks) | _ALPHA_FLAG * alpha
        flags |= _EXIF_FLAG * (b"EXIF" in chunks) | _XMP_FLAG * (b"XMP " in chunks)
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        head = _chunk(b"VP8X", bytes((flags, 0, 0, 0)) + size)
    head += b"".join(_chunk(name, chunks[name]) for name in (b"ICCP",) if name in chunks)
    tail = b"".join(_chunk(name, chunks[name]) for name in (b"EXIF", b"XMP ") if name in chunks)
    body = sum(8 + place.length + place.length % 2 for place in picture)
    out.write(b"RIFF" + struct.pack("<I", 4 + len(head) + body + len(tail)) + b"WEBP" + head)
    for place in picture:
        out.write(struct.pack("<4sI", place.name, place.length))
        encoded.seek(place.start)
        copy_bytes(encoded, out, place.length)
        out.write(bytes(place.length % 2))
    out.write(tail)
    return said(dropped)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", name, len(data)) + data + bytes(len(data) % 2)


def _canvas(stream: BinaryIO, places: list[_Place]) -> tuple[int, int, bool]:
    """Width, height and whether there is alpha, from the picture's own header (RFC 6386, 9.1; RFC 9649, 3.4)."""
    alpha = any(place.name == b"ALPH" for place in places)
    for place in places:
        start = _read(stream, place, 10)
        if place.name == b"VP8L" and len(start) >= 5:
            bits = int.from_bytes(start[1:5], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
        if place.name == b"VP8 " and len(start) == 10:
            width, height = struct.unpack_from("<HH", start, 6)
            if width & 0x3FFF and height & 0x3FFF:
                return width & 0x3FFF, height & 0x3FFF, alpha
    raise InputError("the WebP file has a damaged picture header; get a whole copy of the file")
