"""The metadata chunks of WebP files: reading them, cleaning them, and putting them into another file."""

import struct
from typing import Any

import pyvips

from inpainter.core import InputError
from inpainter.photos.metadata import Metadata, cleaned

_BLOCKS = {b"ICCP": ("icc", 0x20), b"EXIF": ("exif", 0x08), b"XMP ": ("xmp", 0x04)}
_ALPHA_FLAG = 0x10
_PICTURE = (b"ALPH", b"VP8 ", b"VP8L")


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


def webp_metadata(data: bytes) -> Metadata:
    """What a WebP file says of itself, without previews. Raises InputError when it is damaged."""
    blocks: dict[str, bytes] = {}
    dropped: list[str] = []
    for name, chunk in webp_chunks(data):
        kind = _BLOCKS[name][0] if name in _BLOCKS else ""
        if kind and kind not in blocks:
            blocks[kind] = chunk
        elif name not in (b"VP8X", *_PICTURE):
            dropped.append(f"WebP chunk {name.decode('latin-1')!r}")
    return cleaned(blocks, dropped=dropped)


def splice_webp(metadata: Metadata, encoded: bytes) -> tuple[bytes, list[str]]:
    """Return the WebP `encoded` with `metadata` in place of its own, and what was dropped.

    Blocks keep their bytes; the extended header is written again. Source: RFC 9649, section 2.
    """
    own = dict(webp_chunks(encoded))
    blocks = {name: block for name, (kind, _) in _BLOCKS.items() if (block := getattr(metadata, kind))}
    order = [name for name in (b"ICCP", *own, b"EXIF", b"XMP ") if name in blocks or name in _PICTURE]
    chunks = [(name, blocks.get(name) or own[name]) for name in dict.fromkeys(order)]
    if blocks or b"ALPH" in own:
        image: Any = pyvips.Image.webpload_buffer(encoded)
        flags = sum(_BLOCKS[name][1] for name in blocks) | (_ALPHA_FLAG if image.hasalpha() else 0)
        size = (image.width - 1).to_bytes(3, "little") + (image.height - 1).to_bytes(3, "little")
        chunks.insert(0, (b"VP8X", bytes((flags, 0, 0, 0)) + size))
    body = b"".join(struct.pack("<4sI", name, len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    dropped = [*metadata.dropped, *["Photoshop and IPTC data"] * bool(metadata.photoshop)]
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body, dropped
