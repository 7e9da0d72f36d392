"""What a file says about itself survives a change of its samples; previews do not. Read back by Pillow and libvips."""

import contextlib
import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import pyvips
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from inpainter.core import InputError
from inpainter.photos.containers import (
    Metadata,
    carry_tiff_tags,
    metadata_of,
    set_orientation,
    splice_jpeg,
    splice_png,
    splice_webp,
)
from inpainter.photos.previews import find_jpegs
from inpainter.photos.tiff_tags import Field, TiffFile, encode_directory
from photos.metadata_blocks import RED, exif, jpeg, packet_with, resource, tags_of

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


def spliced(splice: Callable[..., list[str]], source: bytes | Metadata, encoded: bytes, **options: bool) -> Any:
    out = io.BytesIO()
    came = source if isinstance(source, Metadata) else io.BytesIO(source)
    dropped = splice(came, io.BytesIO(encoded), out, **options)
    return out.getvalue(), dropped


def same_samples(left: bytes, right: bytes) -> bool:
    return Image.open(io.BytesIO(left)).tobytes() == Image.open(io.BytesIO(right)).tobytes()


def fields(data: bytes) -> dict[str, Any]:
    image = pyvips.Image.new_from_buffer(data, "")
    return {name: image.get(name) for name in image.get_fields()}


# ---------------------------------------------------------------- JPEG

JFIF = segment(0xE0, b"JFIF\0\1\2\1\1\x2c\1\x2c\0\0")
EXIF_SEGMENT = segment(0xE1, b"Exif\0\0" + exif("<"))
XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
XMP_SEGMENT = segment(0xE1, XMP_PREFIX + PLAIN_XMP)
ICC_SEGMENT = segment(0xE2, b"ICC_PROFILE\0\1\1" + ICC)


def test_jpeg_segments_keep_order_and_bytes() -> None:
    kept = [JFIF, segment(0xEC, b"Ducky\0\1"), EXIF_SEGMENT, XMP_SEGMENT, ICC_SEGMENT, segment(0xFE, b"a comment")]
    kept += [segment(0xED, b"Photoshop 3.0\0" + resource(1028, IPTC)), segment(0xE5, b"own"), segment(0xFE, b"two")]
    encoded = saved(picture(), "JPEG", quality=60, progressive=True, icc_profile=OTHER_ICC, comment=b"encoder")
    output, dropped = spliced(splice_jpeg, with_segments(*kept), encoded)
    assert dropped == []
    assert output.startswith(b"\xff\xd8" + b"".join(kept) + b"\xff\xdb")
    assert same_samples(output, encoded)
    assert fields(output)["icc-profile-data"] == ICC


def test_jpeg_previews_go_from_every_segment() -> None:
    red = jpeg((32, 32))
    big = jpeg((900, 700), quality=100)
    part = len(big) // 2
    hidden = [
        segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\4\4" + bytes(RED) * 16),
        segment(0xE0, b"JFXX\0\x10" + red),
        segment(0xE1, b"Exif\0\0" + exif(">", thumbnail=red)),
        segment(0xE1, XMP_PREFIX + packet_with("<xmpGImg:image>/9j/AAAA</xmpGImg:image>")),
        segment(0xE1, b"FLIR\0\1\0\0" + bytes(RED) * 20),
        segment(0xE2, b"MPF\0II*\0"),
        segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"),
        segment(0xE2, b"FPXR\0\0" + red),
        segment(0xE3, big[:part]),
        segment(0xE3, big[part:]),
        segment(0xEB, b"JP\0\1\0\0\0\1jumb" + red),
        segment(0xED, b"Photoshop 3.0\0" + resource(1036, bytes(28) + red)),
        segment(0xFE, red),
    ]
    source = with_segments(*hidden) + jpeg() + b"trailing"
    output, dropped = spliced(splice_jpeg, source, saved(picture(), "JPEG"))
    assert [(start, end) for start, end in find_jpegs(output)] == [(0, len(output))]
    assert bytes(RED) * 2 not in output
    assert b"trailing" not in output
    markers = [marker for marker, _ in header_of(output)]
    assert markers == [0xE0, 0xE1, 0xE1]
    assert header_of(output)[0][1] == b"JFIF\0\1\1\0\0\1\0\1\0\0"
    assert tags_of(header_of(output)[1][1]) == tags_of(exif(">"))
    assert dropped == [
        "JFIF thumbnail",
        "EXIF thumbnail",
        "XMP thumbnail",
        "thermal picture",
        "multi-picture index",
        "gain map",
        "preview in a JPEG segment",
        "APP11 data (Content Credentials or a residual picture)",
        "Photoshop thumbnail",
    ]


def test_a_file_of_several_pictures_becomes_one() -> None:
    source = saved(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (40, 30), RED)])
    assert getattr(Image.open(io.BytesIO(source)), "n_frames", 1) == 2
    output, dropped = spliced(splice_jpeg, source, saved(picture(), "JPEG"))
    found = Image.open(io.BytesIO(output))
    assert found.format == "JPEG"
    assert "multi-picture index" in dropped
    assert b"MPF\0" not in output


def test_photoshop_over_two_segments_is_cleaned_as_one() -> None:
    before, after = resource(2000, b"a" * 60_000, b"odd"), resource(2001, b"b" * 60_000)
    block = before + resource(1036, bytes(28) + jpeg()) + after
    cut = 65_000
    parts = [segment(0xED, b"Photoshop 3.0\0" + part) for part in (block[:cut], block[cut:])]
    output, dropped = spliced(splice_jpeg, with_segments(*parts), saved(picture(), "JPEG"))
    assert dropped == ["Photoshop thumbnail"]
    found = [payload.removeprefix(b"Photoshop 3.0\0") for _, payload in header_of(output)]
    assert b"".join(found) == before + after
    assert metadata_of(io.BytesIO(output), "jpeg").photoshop == before + after


def test_exif_over_two_segments_is_cleaned_as_one() -> None:
    block = exif("<", maker=bytes(range(256)) * 200, thumbnail=jpeg((1200, 900), quality=100))
    assert len(block) > 65_527
    parts = [segment(0xE1, b"Exif\0\0" + part) for part in (block[:60_000], block[60_000:])]
    output, dropped = spliced(splice_jpeg, with_segments(*parts), saved(picture(), "JPEG"))
    assert "EXIF thumbnail" in dropped
    joined = b"".join(payload[6:] for _, payload in header_of(output))
    assert len(joined) == len(block)
    assert tags_of(joined) == tags_of(block)
    assert not list(find_jpegs(joined))


def extended(packet: bytes, digest: bytes, chunk: int) -> list[bytes]:
    head = b"http://ns.adobe.com/xmp/extension/\0" + digest
    starts = range(0, len(packet), chunk)
    return [
        segment(0xE1, head + struct.pack(">II", len(packet), start) + packet[start : start + chunk]) for start in starts
    ]


def test_extended_xmp_loses_its_picture_and_keeps_the_rest() -> None:
    packet = packet_with(f"<ex:own>kept</ex:own><GDepth:Data>{'A' * 100_000}</GDepth:Data>")
    digest = hashlib.md5(packet).hexdigest().upper().encode()
    main = packet_with(f"<ex:note>{digest.decode()}</ex:note>")
    parts = extended(packet, digest, 40_000)
    source = with_segments(segment(0xE1, XMP_PREFIX + main), *reversed(parts))
    output, dropped = spliced(splice_jpeg, source, saved(picture(), "JPEG"))
    left = packet_with("<ex:own>kept</ex:own><GDepth:Data></GDepth:Data>")
    new = hashlib.md5(left).hexdigest().upper().encode()
    assert dropped == ["depth map in XMP"]
    assert [segment(*one) for one in header_of(output)] == [
        segment(0xE1, XMP_PREFIX + main.replace(digest, new)),
        *extended(left, new, 65_000),
    ]


def test_extended_xmp_without_picture_is_untouched() -> None:
    parts = extended(PLAIN_XMP, b"0123456789ABCDEF" * 2, 300)
    output, dropped = spliced(splice_jpeg, with_segments(*parts), saved(picture(), "JPEG"))
    assert [segment(*one) for one in header_of(output)] == parts
    assert dropped == []


def test_colours_follow_the_samples() -> None:
    source = saved(picture("CMYK"), "JPEG", icc_profile=OTHER_ICC, exif=b"Exif\0\0" + exif("<"))
    assert b"Adobe" in source
    encoded = saved(picture(), "JPEG", icc_profile=ICC, dpi=(300, 300))
    output, _ = spliced(splice_jpeg, source, encoded, same_colours=False)
    found = Image.open(io.BytesIO(output))
    assert (found.mode, found.info["icc_profile"]) == ("RGB", ICC)
    assert b"Adobe" not in output
    assert same_samples(output, encoded)
    assert tags_of(found.info["exif"]) == tags_of(exif("<"))
    assert found.info["jfif_density"] == (300, 300)


ADOBE_RGB = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")


def test_markers_that_would_turn_the_colours_come_from_the_encoded_file() -> None:
    # A source whose components are RGB, encoded anew as YCbCr.
    source = with_segments(ADOBE_RGB, EXIF_SEGMENT, ICC_SEGMENT)
    encoded = saved(picture(), "JPEG")
    output, _ = spliced(splice_jpeg, source, encoded)
    assert same_samples(output, encoded)
    assert [marker for marker, _ in header_of(output)] == [0xE0, 0xE1, 0xE2]
    assert fields(output)["icc-profile-data"] == ICC


def test_markers_stay_where_they_say_the_same() -> None:
    # Adobe's marker with transform 1 means YCbCr, just as JFIF does.
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")
    output, _ = spliced(splice_jpeg, with_segments(adobe, EXIF_SEGMENT), saved(picture(), "JPEG"))
    assert [segment(*one) for one in header_of(output)] == [adobe, EXIF_SEGMENT]
    plain = with_segments(EXIF_SEGMENT)
    output, _ = spliced(splice_jpeg, plain, saved(picture(), "JPEG"))
    assert [segment(*one) for one in header_of(output)] == [EXIF_SEGMENT]
    assert same_samples(output, plain)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 10, 100, 300])
def test_truncated_jpeg_header_is_refused(length: int) -> None:
    with pytest.raises(InputError, match="JPEG"):
        spliced(splice_jpeg, with_segments(JFIF, EXIF_SEGMENT)[:length], saved(picture(), "JPEG"))


# ---------------------------------------------------------------- PNG


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


def test_png_chunks_keep_their_bytes_in_a_legal_order() -> None:
    before = [
        ICCP,
        GAMA,
        chunk(b"sBIT", b"\x05\x06\x05"),
        chunk(b"bKGD", bytes(6)),
        PHYS,
        chunk(b"eXIf", exif(">")),
        chunk(b"tEXt", b"Author\0me"),
        chunk(b"iTXt", XMP_TEXT + PLAIN_XMP),
        chunk(b"prVt", b"safe to copy"),
        chunk(b"sPLT", b"p\0\x08\1\2\3\4\0\5"),
    ]
    after = [chunk(b"tIME", bytes((7, 230, 1, 2, 3, 4, 5))), chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"late"))]
    encoded = saved(picture(), "PNG", dpi=(72, 72), icc_profile=OTHER_ICC)
    output, dropped = spliced(splice_png, with_chunks(before, after), encoded)
    assert dropped == []
    for one in before + after:
        assert output.count(one) == 1
    names = [name for name, _ in png_chunks(output)]
    assert len(names) == len(before) + len(after) + 3
    picture_at = names.index(b"IDAT")
    for name in (b"iCCP", b"gAMA", b"sBIT", b"bKGD", b"pHYs", b"eXIf", b"sPLT"):
        assert names.index(name) < picture_at
    assert names.index(b"tIME") > picture_at
    assert same_samples(output, encoded)
    found = fields(output)
    assert (found["icc-profile-data"], found["xmp-data"]) == (ICC, PLAIN_XMP)
    assert Image.open(io.BytesIO(output)).info["exif"].removeprefix(b"Exif\0\0") == exif(">")


def raw_profile(kind: str, block: bytes) -> bytes:
    digits = block.hex()
    lines = "\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return f"\n{kind}\n{len(block):8}\n{lines}\n".encode()


def test_png_previews_go() -> None:
    red = jpeg((32, 32))
    block = b"Exif\0\0" + exif("<", thumbnail=red)
    before = [
        chunk(b"eXIf", exif("<", thumbnail=red)),
        chunk(b"iTXt", XMP_TEXT + packet_with("<xmpGImg:image>AAAA</xmpGImg:image>")),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw_profile("exif", block))),
        chunk(b"tEXt", b"Raw profile type 8bim\0" + raw_profile("8bim", resource(1036, bytes(28) + red))),
        chunk(b"zTXt", b"Thumb\0\0" + zlib.compress(red)),
        chunk(b"prVt", b"own" + red),
        chunk(b"prVW", b"Fireworks"),
        chunk(b"caBX", b"Content Credentials"),
        chunk(b"iDOT", bytes(28)),
    ]
    output, dropped = spliced(splice_png, with_chunks(before, []), saved(picture(), "PNG"))
    found = dict(png_chunks(output))
    assert [name for name, _ in png_chunks(output)] == [b"IHDR", b"eXIf", b"iTXt", b"zTXt", b"IDAT", b"IEND"]
    assert not list(find_jpegs(found[b"eXIf"]))
    assert found[b"iTXt"] == XMP_TEXT + packet_with("<xmpGImg:image></xmpGImg:image>")
    profile = zlib.decompress(found[b"zTXt"][len(b"Raw profile type exif\0\0") :]).split(b"\n", 3)[3]
    assert tags_of(bytes.fromhex(profile.decode())) == tags_of(exif("<"))
    assert not list(find_jpegs(bytes.fromhex(profile.decode())))
    assert "PNG chunk 'caBX'" in dropped
    assert "PNG chunk 'prVW'" in dropped
    assert not any("iDOT" in one for one in dropped)


def test_png_sample_chunks_go_when_the_samples_change_type() -> None:
    source = with_chunks([chunk(b"bKGD", b"\1"), chunk(b"sBIT", b"\5\5\5")], [], mode="P")
    output, dropped = spliced(splice_png, source, saved(picture(), "PNG"))
    assert [name for name, _ in png_chunks(output)] == [b"IHDR", b"IDAT", b"IEND"]
    assert dropped == ["PNG chunk 'bKGD'", "PNG chunk 'sBIT'"]
    same, dropped = spliced(splice_png, source, saved(picture("P"), "PNG"))
    assert dropped == []
    assert [name for name, _ in png_chunks(same)] == [b"IHDR", b"sBIT", b"PLTE", b"bKGD", b"IDAT", b"IEND"]


def test_png_colours_can_come_from_the_encoded_file() -> None:
    encoded = saved(picture(), "PNG", icc_profile=OTHER_ICC)
    output, _ = spliced(splice_png, with_chunks([GAMA, ICCP, PHYS], []), encoded, same_colours=False)
    assert Image.open(io.BytesIO(output)).info["icc_profile"] == OTHER_ICC
    assert b"gAMA" not in output
    assert PHYS in output


def test_png_with_a_damaged_chunk_loses_only_that() -> None:
    broken = bytearray(chunk(b"tEXt", b"Author\0me"))
    broken[-1] ^= 1
    output, dropped = spliced(splice_png, with_chunks([bytes(broken), PHYS], []), saved(picture(), "PNG"))
    assert dropped == ["damaged PNG chunk 'tEXt'"]
    assert PHYS in output


def test_png_text_that_unpacks_without_end_is_dropped() -> None:
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80 << 20), 9))
    output, dropped = spliced(splice_png, with_chunks([bomb], []), saved(picture(), "PNG"))
    assert dropped == ["damaged PNG text 'Comment'"]
    assert len(output) < 1000


# ---------------------------------------------------------------- WebP


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


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_blocks_keep_their_bytes(lossless: bool, mode: str) -> None:
    image = picture(mode, (41, 33))
    if mode == "RGBA":
        image.putpixel((3, 3), (1, 2, 3, 77))
    source = saved(image, "WEBP", lossless=lossless, exif=exif("<", thumbnail=jpeg()), xmp=PLAIN_XMP, icc_profile=ICC)
    source = riff(*riff_chunks(source), (b"C2PA", b"odd"))
    encoded = saved(image, "WEBP", lossless=lossless, quality=50, xmp=b"the encoder's own")
    output, dropped = spliced(splice_webp, source, encoded)
    found = dict(riff_chunks(output))
    assert dropped == ["WebP chunk 'C2PA'", "EXIF thumbnail"]
    assert (found[b"ICCP"], found[b"XMP "]) == (ICC, PLAIN_XMP)
    assert tags_of(found[b"EXIF"]) == tags_of(exif("<"))
    assert not list(find_jpegs(output))
    assert found[b"VP8X"] == dict(riff_chunks(saved(image, "WEBP", exif=b"a", xmp=b"b", icc_profile=ICC)))[b"VP8X"]
    assert same_samples(output, encoded)
    assert fields(output)["xmp-data"] == PLAIN_XMP


def test_webp_without_metadata_stays_simple() -> None:
    encoded = saved(picture(), "WEBP", exif=exif("<"))
    output, dropped = spliced(splice_webp, saved(picture(), "WEBP"), encoded)
    assert [name for name, _ in riff_chunks(output)] == [b"VP8 "]
    assert dropped == []
    assert same_samples(output, encoded)


# ---------------------------------------------------------------- from one format to another


def whole(exif_block: bytes) -> Metadata:
    return Metadata.clean(exif_block, PLAIN_XMP, ICC, resource(1028, IPTC))


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


@ORDERS
@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_metadata_of_each_format(format: str, order: str) -> None:
    found = metadata_of(io.BytesIO(source_file(format, order)), format)
    assert (found.xmp, found.icc) == (PLAIN_XMP, ICC)
    assert found.photoshop == (b"" if format == "webp" else resource(1028, IPTC))
    assert tags_of(found.exif) == tags_of(exif(order))
    assert not list(find_jpegs(found.exif))
    assert found.dropped == ("EXIF thumbnail",)


def test_profile_in_parts_comes_together_in_order() -> None:
    parts = [segment(0xE2, b"ICC_PROFILE\0" + bytes((n, 2)) + p) for n, p in ((2, ICC[300:]), (1, ICC[:300]))]
    assert metadata_of(io.BytesIO(with_segments(*parts)), "jpeg").icc == ICC


@ORDERS
@pytest.mark.parametrize(
    ("format", "splice"),
    [("JPEG", splice_jpeg), ("PNG", splice_png), ("WEBP", splice_webp)],
    ids=["jpeg", "png", "webp"],
)
def test_metadata_into_each_format_byte_for_byte(format: str, splice: Callable[..., list[str]], order: str) -> None:
    encoded = saved(picture(), format)
    output, dropped = spliced(splice, whole(exif(order)), encoded)
    assert same_samples(output, encoded)
    found = metadata_of(io.BytesIO(output), format.lower())
    assert (found.exif, found.xmp, found.icc) == (exif(order), PLAIN_XMP, ICC)
    assert found.photoshop == (b"" if format == "WEBP" else resource(1028, IPTC))
    assert dropped == (["Photoshop and IPTC data"] if format == "WEBP" else [])
    seen = Image.open(io.BytesIO(output))
    assert seen.info["icc_profile"] == ICC
    assert tags_of(seen.info["exif"]) == tags_of(exif(order))
    assert fields(output)["xmp-data"] == PLAIN_XMP


def test_metadata_too_long_for_jpeg_is_said() -> None:
    metadata = Metadata(
        exif=exif("<", maker=bytes(70_000)), xmp=PLAIN_XMP.replace(b"kept", b"k" * 70_000), icc=ICC * 200
    )
    output, dropped = spliced(splice_jpeg, metadata, saved(picture(), "JPEG"))
    assert dropped == ["EXIF (too long for a JPEG file)", "XMP (too long for a JPEG file)"]
    assert metadata_of(io.BytesIO(output), "jpeg").icc == ICC * 200


@ORDERS
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_orientation_is_the_only_tag_that_changes(order: str, prefix: bytes) -> None:
    turned = tags_of(set_orientation(prefix + exif(order), 1))
    before = tags_of(exif(order))
    assert before["main"].pop(0x112) == 6
    assert turned["main"].pop(0x112) == 1
    assert turned == before


# ---------------------------------------------------------------- TIFF


def vips_tiff(path: Path, **options: Any) -> bytes:
    bands = options.pop("bands", 3)
    image = pyvips.Image.black(40, 30, bands=bands) + 200
    image.cast("uchar").copy(interpretation="srgb").tiffsave(str(path), **options)
    return path.read_bytes()


def carried(tmp_path: Path, source: bytes | Metadata, same_colours: bool = True, **options: Any) -> Any:
    path = tmp_path / "written.tif"
    before = vips_tiff(path, **options)
    with path.open("r+b") as file:
        came: BinaryIO | Metadata = source if isinstance(source, Metadata) else io.BytesIO(source)
        dropped = carry_tiff_tags(came, file, same_colours=same_colours)
    after = path.read_bytes()
    assert same_samples(after, before)
    assert pyvips.Image.new_from_buffer(after, "").avg() == pyvips.Image.new_from_buffer(before, "").avg()
    return after, dropped


def tiff_source(order: str, big: bool = False) -> bytes:
    """The EXIF block as a TIFF: its first directory gets what makes it a picture, and the blocks."""
    file = TiffFile(io.BytesIO(exif(order, maker=b"maker" + jpeg((8, 8)) + b"end")))
    main: dict[int, Any] = dict(file.directory(file.first)[0])
    for tag in (0x8769, 0x8825):
        offset = int.from_bytes(main[tag].data, "little" if order == "<" else "big")
        main[tag] = file.directory(offset)[0]
    number = struct.pack(order + "H", 1)
    text = b"What it shows\0"
    main |= {256: Field(3, 1, number), 257: Field(3, 1, number), 258: Field(3, 1, struct.pack(order + "H", 8))}
    main |= {259: Field(3, 1, number), 262: Field(3, 1, number), 277: Field(3, 1, number), 278: Field(3, 1, number)}
    main |= {270: Field(2, len(text), text), 306: Field(2, 20, b"2024:01:02 03:04:05\0"), 700: Field(1, 3, b"<a>")}
    photoshop = resource(1036, bytes(28) + jpeg((8, 8))) + resource(1028, IPTC)
    main |= {34377: Field(7, len(photoshop), photoshop), 34675: Field(7, len(ICC), ICC), 37724: Field(7, 5, b"layer")}
    main |= {700: Field(1, len(PLAIN_XMP), PLAIN_XMP), 330: Field(4, 1, struct.pack(order + "I", 8))}
    main |= {65000: Field(2, 4, b"own\0"), 273: Field(4, 1, struct.pack(order + "I", 8)), 279: Field(3, 1, number)}
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


@ORDERS
@pytest.mark.parametrize("big_source", [False, True])
@pytest.mark.parametrize("big", [False, True])
def test_tiff_tags_are_carried_over(tmp_path: Path, order: str, big_source: bool, big: bool) -> None:
    source = tiff_source(order, big_source)
    output, dropped = carried(tmp_path, source, bigtiff=big)
    assert set(dropped) == {
        "preview in a TIFF tag",
        "Photoshop thumbnail",
        "Photoshop layers",
        "pictures beside the main one (SubIFDs)",
        "TIFF tag 65000",
    }
    assert described(output) == {
        270: "What it shows",
        271: "A maker.",
        274: 6,
        282: 300.0,
        306: "2024:01:02 03:04:05",
        700: PLAIN_XMP,
        34377: resource(1028, IPTC),
        34675: ICC,
    }
    photo, gps = below(output)
    maker = b"maker" + bytes(len(jpeg((8, 8)))) + b"end"
    assert photo == {"ExposureTime": (1, 125), "MakerNote": maker, "ColorSpace": 1}
    assert gps == {"GPSLatitudeRef": "N", "GPSLatitude": (52, 1, 31, 1, 12, 1)}
    assert not list(find_jpegs(output))
    seen = fields(output)
    assert (seen["xmp-data"], seen["icc-profile-data"], seen["orientation"]) == (PLAIN_XMP, ICC, 6)


@pytest.mark.parametrize(
    "layout", [{}, {"tile": True}, {"compression": "lzw"}, {"compression": "deflate", "predictor": "horizontal"}]
)
@pytest.mark.parametrize("bands", [3, 4])
def test_every_layout_of_tiff_keeps_its_samples(tmp_path: Path, layout: dict[str, Any], bands: int) -> None:
    output, _ = carried(tmp_path, tiff_source(">"), bands=bands, **layout)
    assert described(output)[271] == "A maker."


def test_tiff_colours_can_come_from_the_written_file(tmp_path: Path) -> None:
    output, _ = carried(tmp_path, tiff_source("<"), same_colours=False, profile="srgb")
    assert described(output)[34675] not in (None, ICC)
    assert below(output)[1]


def test_replaced_blocks_do_not_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    image = pyvips.Image.black(9, 9).copy()
    image.set_type(pyvips.GValue.blob_type, "photoshop-data", resource(1036, jpeg()))
    image.tiffsave(str(path))
    assert list(find_jpegs(path.read_bytes()))
    with path.open("r+b") as file:
        carry_tiff_tags(io.BytesIO(tiff_source("<")), file)
    assert not list(find_jpegs(path.read_bytes()))


@ORDERS
def test_metadata_into_tiff_and_back(tmp_path: Path, order: str) -> None:
    output, dropped = carried(tmp_path, whole(exif(order)))
    assert dropped == []
    back = metadata_of(io.BytesIO(output), "tiff")
    assert (back.xmp, back.icc, back.photoshop) == (PLAIN_XMP, ICC, resource(1028, IPTC))
    found, expected = tags_of(back.exif), tags_of(exif(order))
    assert (found["photo"], found["gps"]) == (expected["photo"], expected["gps"])
    assert expected["main"].items() <= found["main"].items()


def test_bare_iptc_of_a_tiff_is_found() -> None:
    found = Metadata.clean(iptc=IPTC)
    assert found.photoshop == resource(1028, IPTC)
    assert Metadata.clean(iptc=b"other", photoshop=resource(1028, IPTC)).photoshop == resource(1028, IPTC)


# ---------------------------------------------------------------- hostile

STARTS = {
    "jpeg": [b"", b"\xff\xd8", b"\xff\xd8\xff\xe1\x00\x40Exif\0\0MM\0*", with_segments(JFIF, EXIF_SEGMENT)[:-200]],
    "png": [b"", with_chunks([], [])[:33], with_chunks([GAMA, ICCP], [])[:-12]],
    "webp": [b"", b"RIFF\xff\0\0\0WEBP", b"RIFF\xff\0\0\0WEBPEXIF\x08\0\0\0", saved(picture(), "WEBP")[:-8]],
    "tiff": [b"", b"II*\0\x08\0\0\0", b"MM\0+\0\x08\0\0" + bytes(7) + b"\x10", tiff_source(">")[:-50]],
}
SPLICES = {"jpeg": splice_jpeg, "png": splice_png, "webp": splice_webp}


@settings(max_examples=400, deadline=None)
@given(st.data(), st.binary(max_size=200), st.sampled_from(sorted(STARTS)))
def test_random_bytes_are_refused_or_read(data: st.DataObject, rest: bytes, format: str) -> None:
    source = data.draw(st.sampled_from(STARTS[format])) + rest
    for read in (
        lambda: metadata_of(io.BytesIO(source), format),
        lambda: spliced(SPLICES[format], source, saved(picture(), format)) if format in SPLICES else None,
    ):
        with contextlib.suppress(InputError):
            read()


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from("<>"), st.booleans())
def test_damaged_tiff_is_refused_or_read(data: st.DataObject, order: str, big: bool) -> None:
    source = bytearray(tiff_source(order, big))
    for _ in range(data.draw(st.integers(1, 6))):
        source[data.draw(st.integers(0, 400))] = data.draw(st.integers(0, 255))
    plain = saved(picture(), "TIFF")
    written = io.BytesIO(plain)
    try:
        carry_tiff_tags(io.BytesIO(bytes(source)), written)
    except InputError:
        assert written.getvalue() == plain
        return
    with tifffile.TiffFile(io.BytesIO(written.getvalue())) as file:
        assert file.asarray().tobytes() == Image.open(io.BytesIO(plain)).tobytes()


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(["jpeg", "png", "webp"]))
def test_cut_anywhere_is_refused_or_read(data: st.DataObject, format: str) -> None:
    source = source_file(format, ">")
    source = source[: data.draw(st.integers(0, len(source) - 1))]
    try:
        output, _ = spliced(SPLICES[format], source, saved(picture(), format))
    except InputError:
        return
    assert len(list(find_jpegs(output))) <= (format == "jpeg")


# ---------------------------------------------------------------- real photos


def test_camera_photos_come_out_clean(data: Path) -> None:
    paths = sorted((data / "large").glob("*.jpg"))
    assert paths
    for path in paths:
        source = path.read_bytes()
        output, _ = spliced(splice_jpeg, source, saved(picture(), "JPEG"))
        assert list(find_jpegs(output)) == [(0, len(output))], path.name
        before, after = (Image.open(io.BytesIO(data)).info.get("exif", b"") for data in (source, output))
        changed = {old_new for old_new in zip(before, after, strict=True) if old_new[0] != old_new[1]}
        assert all(new == 0 for _, new in changed), path.name
        told = [tags_of(block) for block in (before, after)]
        notes = [one["photo"].pop(0x927C, b"") for one in told]
        assert told[0] == told[1], path.name
        assert len(notes[0]) == len(notes[1]), path.name


def test_png_text_reaches_another_reader() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "me", zip=True)
    info.add_itxt("Title", "schön", "de", "Titel")
    output, _ = spliced(splice_png, saved(picture(), "PNG", pnginfo=info), saved(picture(), "PNG"))
    assert Image.open(io.BytesIO(output)).info == {"Author": "me", "Title": "schön"}
