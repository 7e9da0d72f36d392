"""PNG chunks keep their bytes in a legal order; previews go, whichever chunk holds them."""

import io
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from inpainter.core import InputError
from inpainter.photos.photo import open_photo
from inpainter.photos.png_chunks import splice_png
from inpainter.photos.previews import find_jpegs
from makers import assert_helpful
from photo_readers import fill
from photos.metadata_blocks import exif, jpeg, packet_with, resource, tags_of
from photos.metadata_files import (
    GAMA,
    ICC,
    ICCP,
    IPTC,
    OTHER_ICC,
    PHYS,
    PLAIN_XMP,
    XMP_PREFIX,
    XMP_TEXT,
    chunk,
    fields,
    metadata_of,
    picture,
    png_chunks,
    raw_profile,
    same_samples,
    saved,
    spliced,
    with_chunks,
)


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
    assert [name for name, _ in png_chunks(output)] == [b"IHDR", b"eXIf", b"IDAT", b"IEND"]
    assert not list(find_jpegs(found[b"eXIf"]))
    assert "XMP (thumbnail)" in dropped
    assert tags_of(found[b"eXIf"]) == tags_of(exif("<"))
    assert "PNG chunk 'caBX'" in dropped
    assert "PNG chunk 'prVW'" in dropped
    assert not any("iDOT" in one for one in dropped)


def test_png_sample_chunks_go_when_the_samples_change_type() -> None:
    source = with_chunks([chunk(b"bKGD", b"\1"), chunk(b"sBIT", b"\5\5\5")], [], mode="P")
    output, dropped = spliced(splice_png, source, saved(picture(), "PNG"))
    assert [name for name, _ in png_chunks(output)] == [b"IHDR", b"IDAT", b"IEND"]
    assert dropped == ["PNG chunk 'bKGD'", "PNG chunk 'sBIT'"]


def test_png_with_a_damaged_chunk_loses_only_that() -> None:
    broken = bytearray(chunk(b"tEXt", b"Author\0me"))
    broken[-1] ^= 1
    output, dropped = spliced(splice_png, with_chunks([bytes(broken), PHYS], []), saved(picture(), "PNG"))
    assert dropped == ["damaged PNG chunk 'tEXt'"]
    assert PHYS in output


def test_a_damaged_exif_that_turns_the_picture_goes_on_turning_it(tmp_path: Path) -> None:
    photo, output = tmp_path / "photo.png", tmp_path / "out.png"
    photo.write_bytes(with_chunks([chunk(b"eXIf", exif(">")).replace(b"A maker", b"B maker")], []))
    assert open_photo(photo).orientation == 6
    fill(photo, np.eye(40, 30) > 0, output)
    assert open_photo(output).orientation == 6


def test_png_text_that_unpacks_without_end_is_dropped() -> None:
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80 << 20), 9))
    output, dropped = spliced(splice_png, with_chunks([bomb], []), saved(picture(), "PNG"))
    assert dropped == ["damaged PNG text 'Comment'"]
    assert len(output) < 1000


def test_png_text_reaches_another_reader() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "me", zip=True)
    info.add_itxt("Title", "schön", "de", "Titel")
    output, _ = spliced(splice_png, saved(picture(), "PNG", pnginfo=info), saved(picture(), "PNG"))
    assert Image.open(io.BytesIO(output)).info == {"Author": "me", "Title": "schön"}


PROFILES = {
    "APP1 with EXIF": (b"APP1", b"generic profile", b"Exif\0\0" + exif("<", thumbnail=jpeg((32, 32)))),
    "APP1 with XMP": (b"APP1", b"generic profile", XMP_PREFIX + PLAIN_XMP),
    "EXIF": (b"exif", b"exif", exif(">", thumbnail=jpeg((32, 32)))),
    "IPTC in resources": (b"iptc", b"iptc data", resource(1028, IPTC)),
    "bare IPTC": (b"iptc", b"iptc", IPTC),
    "XMP": (b"xmp", b"xmp", PLAIN_XMP),
}


@pytest.mark.parametrize("name", [b"tEXt", b"zTXt"])
@pytest.mark.parametrize("profile", PROFILES)
def test_a_raw_profile_is_as_long_as_it_says_and_its_name_is_a_line(name: bytes, profile: str) -> None:
    keyword, line, block = PROFILES[profile]
    head = b"Raw profile type " + keyword + (b"\0\0" if name == b"zTXt" else b"\0")

    for behind in (b"", jpeg((16, 16)).hex().encode(), b"\0"):
        text = raw_profile(line.decode(), block) + behind
        source = with_chunks([chunk(name, head + (zlib.compress(text) if name == b"zTXt" else text))], [])
        output, dropped = spliced(splice_png, source, saved(picture(), "PNG"))
        assert len(dropped) == (b"Exif" in block or block[:2] == b"MM") + (len(behind) > 1)
        # What has not changed stays as it stands.
        assert bool(dropped) != (source[33:].split(b"IDAT")[0] == output[33:].split(b"IDAT")[0])
        found = metadata_of(output, "png")
        assert "damaged" not in " ".join([*dropped, *found.dropped])
        assert not list(find_jpegs(found.exif))
        assert (tags_of(found.exif) == tags_of(exif("<" if b"Exif" in block else ">"))) == ("EXIF" in profile)
        assert found.xmp == (PLAIN_XMP if "XMP" in profile else b"")
        assert found.photoshop == (resource(1028, IPTC) if "IPTC" in profile else b"")


def test_a_raw_profile_that_is_cut_short_is_damaged() -> None:
    text = raw_profile("exif", exif("<"))[:-40]
    source = with_chunks([chunk(b"tEXt", b"Raw profile type exif\0" + text)], [])
    output, dropped = spliced(splice_png, source, saved(picture(), "PNG"))
    assert dropped == ["damaged PNG text 'Raw profile type exif'"]
    assert b"Raw profile" not in output


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_a_transparent_colour_that_becomes_alpha_is_said(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "photo.png"
    picture(mode).save(path, transparency=0 if mode != "RGB" else (1, 2, 3))
    notes = open_photo(path).notes
    assert len(notes) == 1
    assert ("palette" if mode == "P" else "alpha") in notes[0]


def test_a_png_cut_short_below_the_hole_names_the_input(tmp_path: Path) -> None:
    whole = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8))
    data = saved(whole, "PNG", compress_level=1)
    mask = np.zeros((300, 200), bool)
    mask[10:20, 10:20] = True
    longer = re.sub(rb"IDAT.*", b"", data, flags=re.DOTALL)[:-4]
    rows = zlib.compress(b"".join(b"\0" + bytes(row) for row in np.asarray(whole).reshape(300, -1)), 0)
    cut = longer + chunk(b"IDAT", rows[: len(rows) // 2]) + chunk(b"IEND", b"")
    for number, damaged in enumerate((data[: len(data) // 2], cut)):
        photo, output = tmp_path / f"photo{number}.png", tmp_path / "out.png"
        photo.write_bytes(damaged)
        with pytest.raises(InputError) as caught:
            fill(photo, mask, output)
        assert_helpful(caught.value, photo)
        assert str(output) not in str(caught.value)
        assert not output.exists()
