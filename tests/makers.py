"""Files that tests make: photos of every format, with everything in them that has to survive; masks; and damage."""

import io
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from PIL import Image, ImageOps

from inpainter.core import InputError

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="a negative"/></rdf:RDF></x:xmpmeta>'
)
CAMERA, ARTIST, EXPOSED = "A camera", "A person", "2024:05:06 07:08:09"


# ---------------------------------------------------------------- samples


def picture(height: int = 48, width: int = 64, bands: int = 3, depth: int = 8, seed: int = 0) -> np.ndarray:
    """Smooth gradients with a little noise, `(height, width, bands)`; the last of 2 or 4 bands is a varied alpha."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    planes = [
        0.5 + 0.3 * np.sin(x / (7 + band)) * np.cos(y / (9 - band)) + 0.02 * rng.standard_normal((height, width))
        for band in range(bands)
    ]
    if bands in (2, 4):
        planes[-1] = (x + y) / max(height + width - 2, 1)
    top = 255 if depth == 8 else 65535
    samples = np.clip(np.stack(planes, axis=2), 0, 1) * top
    return np.rint(samples).astype(np.uint8 if depth == 8 else np.uint16)


def vips(samples: np.ndarray) -> pyvips.Image:
    """A libvips image of samples `(H, W, bands)`, with the interpretation that its writers expect."""
    bands, deep = samples.shape[2], samples.dtype == np.uint16
    grey = "grey16" if deep else "b-w"
    colour = "rgb16" if deep else "srgb"
    image = pyvips.Image.new_from_array(np.ascontiguousarray(samples))
    return image.copy(interpretation=grey if bands < 3 else colour)


# ---------------------------------------------------------------- metadata


def _directory(entries: list[tuple[int, int, int, bytes]], start: int, following: int = 0) -> bytes:
    """A little-endian TIFF directory at `start`, its long values right behind it."""
    table, values = struct.pack("<H", len(entries)), b""
    behind = start + 2 + 12 * len(entries) + 4
    for tag, kind, count, data in sorted(entries):
        table += struct.pack("<HHI", tag, kind, count)
        table += data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", behind + len(values))
        values += data + bytes(len(data) % 2) if len(data) > 4 else b""
    return table + struct.pack("<I", following) + values


def _text(tag: int, text: str) -> tuple[int, int, int, bytes]:
    return tag, 2, len(text) + 1, text.encode() + b"\0"


def _ratio(tag: int, above: int, below: int) -> tuple[int, int, int, bytes]:
    return tag, 5, 1, struct.pack("<II", above, below)


def exif(orientation: int = 1, thumbnail: bytes = b"") -> bytes:
    """An EXIF block (TIFF structure) with camera, artist, resolution and exposure, and a thumbnail if one is given."""

    def first(below: int, following: int) -> bytes:
        entries = [_text(0x010F, CAMERA), _text(0x013B, ARTIST), _ratio(0x011A, 300, 1), _ratio(0x011B, 300, 1)]
        entries += [(0x0112, 3, 1, struct.pack("<H", orientation)), (0x0128, 3, 1, struct.pack("<H", 2))]
        return _directory([*entries, (0x8769, 4, 1, struct.pack("<I", below))], 8, following)

    below = 8 + len(first(0, 0))
    exposure = _directory([_text(0x9003, EXPOSED), _ratio(0x829A, 1, 125)], below)
    following = below + len(exposure) if thumbnail else 0
    block = b"II*\0\x08\0\0\0" + first(below, following) + exposure
    if not thumbnail:
        return block
    place = following + 2 + 3 * 12 + 4
    entries = [(0x0103, 3, 1, struct.pack("<H", 6)), (0x0201, 4, 1, struct.pack("<I", place))]
    return block + _directory([*entries, (0x0202, 4, 1, struct.pack("<I", len(thumbnail)))], following) + thumbnail


def thumbnail() -> bytes:
    """A small red JPEG, as a camera puts into EXIF; nobody may find it afterwards."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (250, 10, 20)).save(out, "JPEG", quality=60)
    return out.getvalue()


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(x) + _fixed(y) + _fixed(z)


def profile(space: str = "RGB") -> bytes:
    """An ICC profile (version 2): Display P3's primaries with gamma 2.2, or a grey one with gamma 1.8."""
    name = f"Made {space}".encode() + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(4 + 4 + 2 + 1 + 67)
    tags = {b"desc": described, b"cprt": b"text\0\0\0\0nobody's\0", b"wtpt": _xyz(0.9642, 1.0, 0.8249)}
    if space == "RGB":
        for tag, value in (
            (b"rXYZ", (0.5151, 0.2412, -0.0011)),
            (b"gXYZ", (0.2919, 0.6922, 0.0419)),
            (b"bXYZ", (0.1571, 0.0666, 0.7841)),
        ):
            tags[tag] = _xyz(*value)
        curves: dict[bytes, float] = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), 2.2)
    else:
        curves = {b"kTRC": 1.8}
    for tag, gamma in curves.items():
        tags[tag] = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, value in tags.items():
        table += tag + struct.pack(">II", start + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    body = table + data
    signature = b"RGB " if space == "RGB" else b"GRAY"
    head = struct.pack(">I4sI4s4s4s6H4s", 128 + len(body), bytes(4), 0x02400000, b"mntr", signature, b"XYZ ",
                       2024, 1, 1, 0, 0, 0, b"acsp")  # fmt: skip
    return (head + bytes(28) + _fixed(0.9642) + _fixed(1.0) + _fixed(0.8249)).ljust(128, b"\0") + body


# ---------------------------------------------------------------- photos


def save(
    path: Path, samples: np.ndarray, *, orientation: int | None = None, icc: bytes = b"", told: bytes | None = None,
    xmp: bytes = b"", **settings: Any,
) -> Path:  # fmt: skip
    """Write samples `(H, W, bands)` in the format of the suffix, with an EXIF block when an orientation is given.

    `told` is an EXIF block to write instead; `settings` go to the writer of libvips.
    """
    image = vips(samples).copy()
    block = told if told is not None else exif(orientation) if orientation else b""
    for name, data in (("icc-profile-data", icc), ("exif-data", block and b"Exif\0\0" + block), ("xmp-data", xmp)):
        if data:
            image.set_type(pyvips.GValue.blob_type, name, data)
    # libvips writes the field, not the tag of the block.
    if block:
        turn = Image.Exif()
        turn.load(block)
        image.set_type(pyvips.GValue.gint_type, "orientation", turn.get(0x0112, 1))
    image = image.copy(xres=300 / 25.4, yres=300 / 25.4)
    image.write_to_file(str(path), **settings)
    return path


def save_mask(path: Path, mask: np.ndarray) -> Path:
    """Write a mask `(H, W)` bool as an 8-bit picture, white = fill."""
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    return path


def box_mask(height: int, width: int, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    """A mask that is True in a box."""
    mask = np.zeros((height, width), bool)
    mask[top:bottom, left:right] = True
    return mask


def upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an 8-bit array as Pillow turns a picture with this EXIF orientation."""
    image = Image.fromarray(array)
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def stored(array: np.ndarray, orientation: int) -> np.ndarray:
    """Undo `upright`: its inverse is itself, but for the two quarter turns, which undo each other."""
    return upright(array, {6: 8, 8: 6}.get(orientation, orientation))


# ---------------------------------------------------------------- containers, by hand


def png_chunk(name: bytes, data: bytes) -> bytes:
    """A PNG chunk with its length and check sum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *, depth: int = 8, kind: int = 0, rows: bytes | None = None,
        before: Iterable[bytes] = ()) -> bytes:  # fmt: skip
    """A PNG file of any bit depth and colour type; `rows` are packed rows without filter bytes (default: few zeros)."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    length = -(-width * channels * depth // 8)
    if rows is None:
        filtered = bytes(64)
    else:
        filtered = b"".join(b"\0" + rows[row * length : (row + 1) * length] for row in range(height))
    chunks = [png_chunk(b"IHDR", header), *before, png_chunk(b"IDAT", zlib.compress(filtered)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_header(data: bytes) -> tuple[int, int, int, int]:
    """Width, height, bit depth and colour type of a PNG."""
    return struct.unpack(">IIBB", data[16:26])


def png_chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks of a PNG by name, the last one of a name."""
    found, position = {}, 8
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        found[name] = data[position + 8 : position + 8 + length]
        position += 12 + length
    return found


# ---------------------------------------------------------------- errors


def assert_helpful(error: InputError | str, *names: Path | str) -> None:
    """An error that a user can mend is one line that names the file and says what to do."""
    line = str(error)
    assert line.strip()
    assert "\n" not in line
    for name in names:
        assert str(name) in line, line
    remedies = (
        "get a whole copy", "pass --", "choose", "name a", "give ", "save ", "check the name", "export ", "keep one",
        "free some", "make it", "make them", "-o", "draw the mask", "use .", "add ", "try another", "unpack", "develop",
        "flatten", "take the",
    )  # fmt: skip
    assert any(remedy in line for remedy in remedies), line


def assert_nothing_left(folder: Path, *expected: str) -> None:
    """A folder holds these files and no temporary one."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(expected)
