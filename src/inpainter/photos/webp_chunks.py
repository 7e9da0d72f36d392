"""The metadata chunks of WebP files: reading them, cleaning them, and putting them into another file."""

import struct
from typing import Any

import pyvips

from inpainter.core import InputError
from inpainter.photos.metadata import Metadata, said
from inpainter.photos.previews import strip_exif
from inpainter.photos.xmp import strip_xmp

_FLAGS, _ALPHA_FLAG = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}, 0x10
_PICTURE = (b"ALPH", b"VP8 ", b"VP8L")
_NOT_WORTH_SAYING = (b"VP8X", b"ANIM", b"ANMF", *_PICTURE)


def webp_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The name and the data of each chunk, up to the length that the file declares (RFC 9649, section 2.3).

    Raises InputError when it is not a whole WebP.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise InputError("not a WebP file: its signature is missing; give a WebP")
    chunks, at = [], 12
    while at + 8 <= min(8 + int.from_bytes(data[4:8], "little"), len(data)):
        name, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > len(data):
            raise InputError("the WebP file ends inside a chunk; get a whole copy of the file")
        chunks.append((name, data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return chunks


def is_lossless_webp(data: bytes) -> bool:
    """Whether the picture is coded without loss."""
    return any(name == b"VP8L" for name, _ in webp_chunks(data))


def _read_metadata(source: bytes) -> tuple[dict[bytes, bytes], list[str]]:
    """The first chunk of each kind, cleaned, and what was dropped."""
    found: dict[bytes, bytes] = {}
    dropped: list[str] = []
    for name, data in webp_chunks(source):
        if name in _FLAGS and name not in found:
            found[name] = data
        elif name not in _NOT_WORTH_SAYING:
            dropped.append(f"WebP chunk {name.decode('latin-1')!r}")
    for name, strip in ((b"EXIF", strip_exif), (b"XMP ", strip_xmp)):
        if name in found:
            found[name], said_of_it = strip(found[name])
            dropped += said_of_it
    return {name: data for name, data in found.items() if data}, dropped


def webp_metadata(source: bytes) -> Metadata:
    """The blocks of a WebP file that other formats can carry, without previews. Raises InputError when damaged."""
    found, dropped = _read_metadata(source)
    metadata = Metadata.clean(found.get(b"EXIF", b""), found.get(b"XMP ", b""), found.get(b"ICCP", b""))
    return metadata.with_dropped(dropped)


def splice_webp(source: bytes | Metadata, encoded: bytes, *, same_colours: bool = True) -> tuple[bytes, list[str]]:
    """Return the WebP `encoded` with the profile, EXIF and XMP of `source` in place of its own, and what was dropped.

    `source` is a WebP file, or the metadata of a photo of another format. Blocks keep their bytes, except previews; the
    extended header is written again. With `same_colours=False` the profile comes from `encoded`.
    Raises InputError when a file is damaged. Source: RFC 9649, section 2.
    """
    if isinstance(source, Metadata):
        dropped = list(source.dropped) + ["Photoshop and IPTC data"] * bool(source.photoshop)
        blocks = {b"ICCP": source.icc, b"EXIF": source.exif, b"XMP ": source.xmp}
    else:
        blocks, dropped = _read_metadata(source)
    own = dict(webp_chunks(encoded))
    if not same_colours:
        blocks[b"ICCP"] = own.get(b"ICCP", b"")
    blocks = {name: data for name, data in blocks.items() if data}
    picture = [(name, data) for name, data in own.items() if name in _PICTURE]
    if not picture:
        raise InputError("the WebP file holds no still picture; give one that does")

    chunks = [(name, blocks[name]) for name in (b"EXIF", b"XMP ") if name in blocks]
    chunks = [(name, blocks[name]) for name in (b"ICCP",) if name in blocks] + picture + chunks
    if blocks or b"ALPH" in own:
        image: Any = pyvips.Image.webpload_buffer(encoded)
        flags = sum(_FLAGS[name] for name in blocks) | (_ALPHA_FLAG if image.hasalpha() else 0)
        size = (image.width - 1).to_bytes(3, "little") + (image.height - 1).to_bytes(3, "little")
        chunks.insert(0, (b"VP8X", bytes((flags, 0, 0, 0)) + size))
    body = b"".join(struct.pack("<4sI", name, len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body, said(dropped)
