"""TIFF files of any kind, built by hand: no library that is at hand writes all that real files hold."""

import struct
from collections.abc import Sequence

import numpy as np

_CODES = {1: "B", 2: "s", 3: "H", 4: "I", 5: "I", 6: "b", 7: "s", 8: "h", 9: "i", 10: "i", 11: "f", 12: "d", 13: "I"}

Tags = dict[int, tuple[int, "Sequence[float] | bytes | Tags"]]
"""Tag → type and values; bytes as they are; a directory below, of type 4."""


def tiff_tags(height: int, width: int, bands: int = 3, *, bits: int = 8, **more: int) -> Tags:
    """The tags of an uncompressed RGB or grey picture in one strip; `more` may give compression or photometric."""
    photometric = more.get("photometric", 2 if bands > 2 else 1)
    return {
        256: (3, [width]), 257: (3, [height]), 258: (3, [bits] * bands), 259: (3, [more.get("compression", 1)]),
        262: (3, [photometric]), 277: (3, [bands]), 278: (3, [height]), 284: (3, [1]),
    }  # fmt: skip


def tiff(*pages: tuple[Tags, Sequence[bytes]], order: str = "<", strips: tuple[int, int] = (273, 279)) -> bytes:
    """A classic TIFF: of each page its tags and its strips (or tiles, with `strips=(324, 325)`)."""
    out = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    link = 4
    for tags, parts in pages:
        offsets = []
        for part in parts:
            offsets.append(len(out))
            out += part + bytes(len(part) % 2)
        lengths = [len(part) for part in parts]
        struct.pack_into(order + "I", out, link, len(out))
        link = _directory(out, {strips[0]: (4, offsets), strips[1]: (4, lengths), **tags} if parts else tags, order)
    return bytes(out)


def _directory(out: bytearray, tags: Tags, order: str) -> int:
    """Append a directory, its values behind it; return where the offset of the next one belongs."""
    start = len(out)
    link = start + 2 + 12 * len(tags)
    out += struct.pack(order + "H", len(tags)) + bytes(12 * len(tags) + 4)
    for place, tag in enumerate(sorted(tags)):
        kind, values = tags[tag]
        at = start + 2 + 12 * place
        if isinstance(values, dict):
            data, count = struct.pack(order + "I", len(out)), 1
            _directory(out, values, order)
        elif isinstance(values, bytes):
            data, count = values, len(values)
        else:
            data, count = struct.pack(f"{order}{len(values)}{_CODES[kind]}", *values), len(values)
            count //= 2 if kind in (5, 10) else 1
        if len(data) > 4:
            out += bytes(len(out) % 2)
            data, value = struct.pack(order + "I", len(out)), data
            out += value
        struct.pack_into(order + "HHI", out, at, tag, kind, count)
        out[at + 8 : at + 8 + len(data)] = data
    out += bytes(len(out) % 2)
    return link


def packed_12(samples: np.ndarray) -> bytes:
    """An even number of samples of 12 bit, two in three bytes."""
    first, second = samples.reshape(-1, 2).astype(int).T
    return np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1).astype(np.uint8).tobytes()
