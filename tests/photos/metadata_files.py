"""Files with metadata that tests build byte by byte, and independent readers of them."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pyvips
import tifffile
from PIL import Image, ImageCms

from inpainter.photos.jpeg_header import read_header
from inpainter.photos.jpeg_segments import jpeg_metadata
from inpainter.photos.metadata import Metadata, cleaned
from inpainter.photos.png_chunks import png_metadata
from inpainter.photos.tiff_structure import Field, TiffFile, encode_directory
from inpainter.photos.tiff_tags import carry_tiff_tags, tiff_metadata
from inpainter.photos.webp_chunks import webp_metadata
from photos.metadata_blocks import exif, jpeg, packet_with, resource

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
OTHER_ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
IPTC = b"\x1c\x02\x05\0\x05Title"
PLAIN_XMP = packet_with("<ex:own>kept</ex:own>")
ORDERS = pytest.mark.parametrize("order", ["<", ">"])


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> Image.Image:
    """Blue, so that red can only come from a preview."""
    return Image.new("RGB", size, (10, 20, 250)).convert(mode)


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def with_segments(*segments: bytes) -> bytes:
    """A JPEG with these segments in place of Pillow's JFIF."""
    plain = saved(picture(), "JPEG")
    return plain[:2] + b"".join(segments) + plain[20:]


def header_of(data: bytes) -> list[tuple[int, bytes]]:
    """An independent walk over the metadata segments before the first scan."""
    found, position = [], 2
    while data[position + 1] != 0xDA:
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position + 1] >= 0xE0:
            found.append((data[position + 1], data[position + 4 : position + 2 + length]))
        position += 2 + length
    return found


def metadata_of(source: bytes, format: str) -> Metadata:
    """The blocks that another format can carry."""
    if format == "jpeg":
        return jpeg_metadata(read_header(source))
    readers = {"png": png_metadata, "webp": webp_metadata}
    return tiff_metadata(io.BytesIO(source)) if format == "tiff" else readers[format](source)


def spliced(splice: Callable[..., Any], source: bytes | Metadata, encoded: bytes) -> Any:
    """The encoded file with what a source says of itself, and what was dropped."""
    return splice(source if isinstance(source, Metadata) else metadata_of(source, splice.__name__[7:]), encoded)


def same_samples(left: bytes, right: bytes) -> bool:
    return Image.open(io.BytesIO(left)).tobytes() == Image.open(io.BytesIO(right)).tobytes()


def fields(data: bytes) -> dict[str, Any]:
    image = pyvips.Image.new_from_buffer(data, "")
    return {name: image.get(name) for name in image.get_fields()}


JFIF = segment(0xE0, b"JFIF\0\1\2\1\1\x2c\1\x2c\0\0")


EXIF_SEGMENT = segment(0xE1, b"Exif\0\0" + exif("<"))


XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"


XMP_SEGMENT = segment(0xE1, XMP_PREFIX + PLAIN_XMP)


ICC_SEGMENT = segment(0xE2, b"ICC_PROFILE\0\1\1" + ICC)


def extended(packet: bytes, digest: bytes, chunk: int) -> list[bytes]:
    head = b"http://ns.adobe.com/xmp/extension/\0" + digest
    starts = range(0, len(packet), chunk)
    return [
        segment(0xE1, head + struct.pack(">II", len(packet), start) + packet[start : start + chunk]) for start in starts
    ]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """An independent walk, which checks every checksum."""
    found, position = [], 8
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        whole = data[position : position + 12 + length]
        assert chunk(whole[4:8], whole[8:-4]) == whole
        found.append((whole[4:8], whole[8:-4]))
        position += 12 + length
    return found


def with_chunks(before: list[bytes], after: list[bytes], mode: str = "RGB") -> bytes:
    plain = saved(picture(mode), "PNG")
    start = 8 + 25 if mode != "P" else plain.index(b"IDAT") - 4
    return plain[:start] + b"".join(before) + plain[start:-12] + b"".join(after) + plain[-12:]


GAMA, PHYS = chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1))


ICCP = chunk(b"iCCP", b"a name\0\0" + zlib.compress(ICC))


XMP_TEXT = b"XML:com.adobe.xmp\0\0\0\0\0"


def raw_profile(kind: str, block: bytes) -> bytes:
    digits = block.hex()
    lines = "\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return f"\n{kind}\n{len(block):8}\n{lines}\n".encode()


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def riff_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    found, position = [], 12
    while position < len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        found.append((data[position : position + 4], data[position + 8 : position + 8 + length]))
        position += 8 + length + length % 2
    return found


def vips_tiff(path: Path, **options: Any) -> bytes:
    bands = options.pop("bands", 3)
    image = pyvips.Image.black(40, 30, bands=bands) + 200
    image.cast("uchar").copy(interpretation="srgb").tiffsave(str(path), **options)
    return path.read_bytes()


def carried(tmp_path: Path, source: bytes | Metadata, **options: Any) -> Any:
    path = tmp_path / "written.tif"
    before = vips_tiff(path, **options)
    with path.open("r+b") as file:
        dropped = carry_tiff_tags(source if isinstance(source, Metadata) else metadata_of(source, "tiff"), file)
    after = path.read_bytes()
    assert same_samples(after, before)
    assert pyvips.Image.new_from_buffer(after, "").avg() == pyvips.Image.new_from_buffer(before, "").avg()
    return after, dropped


def tiff_source(order: str, big: bool = False) -> bytes:
    """The EXIF block as a TIFF: its first directory gets what makes it a picture, and the blocks."""
    file = TiffFile(io.BytesIO(exif(order, maker=b"maker" + jpeg((8, 8)) + b"end")))
    main: dict[int, Any] = dict(file.directory()[0])
    for tag in (0x8769, 0x8825):
        main[tag] = file.directory(main[tag].values[0])[0]
    main |= {tag: Field(3, (8 if tag == 258 else 1,)) for tag in (256, 257, 258, 259, 262, 277, 278, 279)}
    photoshop = resource(1036, bytes(28) + jpeg((8, 8))) + resource(1028, IPTC)
    main |= {270: Field(2, b"What it shows\0"), 306: Field(2, b"2024:01:02 03:04:05\0"), 700: Field(1, PLAIN_XMP)}
    main |= {34377: Field(7, photoshop), 34675: Field(7, ICC), 37724: Field(7, b"layer"), 65000: Field(2, b"own\0")}
    main |= {330: Field(4, (8,)), 273: Field(4, (8,))}
    start = 16 if big else 8
    mark = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    head = mark + (struct.pack(order + "HHQ", 8, 0, start) if big else struct.pack(order + "I", start))
    return head + encode_directory(main, start, order, big=big)


def described(data: bytes) -> dict[int, Any]:
    """What Pillow reads of a TIFF's descriptive tags."""
    seen = Image.open(io.BytesIO(data))
    found = seen.getexif()
    told = {tag: found[tag] for tag in (270, 271, 274, 282, 306, 700, 34377) if tag in found}
    return told | {34675: seen.info.get("icc_profile")}


def below(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """What tifffile reads of the EXIF and GPS directories, in classic TIFF and BigTIFF."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = file.pages.first.tags
        return tags[0x8769].value, tags[0x8825].value


def whole(exif_block: bytes) -> Metadata:
    return cleaned({"exif": exif_block, "xmp": PLAIN_XMP, "icc": ICC, "photoshop": resource(1028, IPTC)})


def source_file(format: str, order: str) -> bytes:
    block = exif(order, thumbnail=jpeg((32, 32)))
    if format == "jpeg":
        photoshop = segment(0xED, b"Photoshop 3.0\0" + resource(1028, IPTC))
        return with_segments(segment(0xE1, b"Exif\0\0" + block), XMP_SEGMENT, ICC_SEGMENT, photoshop)
    if format == "png":
        profile = chunk(
            b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(raw_profile("iptc", resource(1028, IPTC)))
        )
        return with_chunks([ICCP, chunk(b"eXIf", block), chunk(b"iTXt", XMP_TEXT + PLAIN_XMP), profile], [])
    return saved(picture(), "WEBP", exif=block, xmp=PLAIN_XMP, icc_profile=ICC)
