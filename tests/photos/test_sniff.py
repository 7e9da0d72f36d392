"""Formats are told by magic bytes: files from independent writers, and headers as their specifications give them."""

import io
import zipfile

import cv2
import numpy as np
import PIL.Image
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from inpainter.photos.sniff import PHOTOS, REMEDIES, brands, sniff


@pytest.mark.parametrize(
    ("pillow", "name"),
    [
        ("JPEG", "jpeg"),
        ("PNG", "png"),
        ("WEBP", "webp"),
        ("TIFF", "tiff"),
        ("AVIF", "avif"),
        ("GIF", "gif"),
        ("BMP", "bmp"),
        ("ICO", "ico"),
        ("JPEG2000", "jpeg 2000"),
        ("PDF", "pdf"),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_files_that_pillow_writes(pillow: str, name: str, mode: str) -> None:
    file = io.BytesIO()
    PIL.Image.new(mode, (32, 24), 90).save(file, pillow)
    assert sniff(file.getvalue()[:64]) == name
    assert sniff(file.getvalue()) == name


def test_animated_avif_is_avif() -> None:
    file = io.BytesIO()
    frames = [PIL.Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(file, "AVIF", save_all=True, append_images=frames[1:])
    assert sniff(file.getvalue()[:64]) == "avif"
    assert brands(file.getvalue())[0] == b"avis"


def test_big_tiff() -> None:
    image = pyvips.Image.black(8, 8)
    assert sniff(bytes(image.write_to_buffer(".tif", bigtiff=True))[:64]) == "tiff"


def test_radiance_hdr() -> None:
    written, data = cv2.imencode(".hdr", np.ones((4, 4, 3), np.float32))
    assert written
    assert sniff(data.tobytes()[:64]) == "hdr"


def test_zip() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        assert not archive.namelist()
    assert sniff(file.getvalue()) == "zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", b"x" * 100)
    assert sniff(file.getvalue()[:64]) == "zip"


@pytest.mark.parametrize("newline", ["", "\n", "\r\n\t "])
@pytest.mark.parametrize(
    "prologue",
    ["", "\ufeff", '<?xml version="1.0" encoding="UTF-8" standalone="no"?>', "<!-- drawn -->", "<!DOCTYPE svg>"],
)
def test_svg(prologue: str, newline: str) -> None:
    text = f'{prologue}{newline}<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'.encode()
    assert sniff(text) == "svg"
    assert sniff(text[:64]) == "svg"


def ftyp(major: str, *others: str) -> bytes:
    body = major.encode() + bytes(4) + "".join(others).encode()
    return (len(body) + 8).to_bytes(4, "big") + b"ftyp" + body + b"\0\0\0\x28meta" + bytes(40)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (ftyp("avif"), "avif"),
        (ftyp("mif1", "miaf", "avif"), "avif"),
        (ftyp("heic", "mif1", "heic"), "heic"),
        (ftyp("mif1", "heic"), "heic"),
        (ftyp("msf1", "hevc", "mif1"), "heic"),
        (ftyp("mif1"), "heic"),
        (ftyp("isom", "mp42"), "mp4"),
        (ftyp("mp42", "isom", "mif1"), "mp4"),
        (ftyp("qt  "), "mp4"),
        (ftyp("crx ", "isom"), "raw"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(48), "raw"),
        (b"IIU\0\x18\0\0\0" + bytes(48), "raw"),
        (b"IIRO\x08\0\0\0" + bytes(48), "raw"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(48), "raw"),
        (b"II*\0\x08\0\0\0" + bytes(48), "tiff"),
        (b"MM\0*\0\0\0\x08" + bytes(48), "tiff"),
        (b"\xff\x0a" + bytes(48), "jpeg xl"),
        (b"\0\0\0\x0cJXL \x0d\x0a\x87\x0a" + bytes(48), "jpeg xl"),
        (b"\xff\x4f\xff\x51\0\x2f" + bytes(48), "jpeg 2000"),
        (b"8BPS\0\x01" + bytes(48), "psd"),
        (b"\x76\x2f\x31\x01\x02\0\0\0" + bytes(48), "openexr"),
    ],
)
def test_headers_of_the_specifications(head: bytes, name: str) -> None:
    assert sniff(head) == name


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff",
        b"II",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"BMW is a maker of cars, and this is a letter",
        b"<?xml version='1.0'?><kml xmlns='http://www.opengis.net/kml/2.2'>",
        b"<!DOCTYPE html><html><body><svg/></body></html>",
        b"<!-- only a comment -->",
        b"hello",
        bytes(64),
    ],
)
def test_the_rest_is_unknown(head: bytes) -> None:
    assert sniff(head) == ""


def test_brands_stop_at_the_end_of_their_box() -> None:
    assert brands(ftyp("mif1", "miaf", "avif")) == [b"mif1", b"miaf", b"avif"]
    assert brands(b"\x89PNG") == []


def test_every_remedy_is_one_line_for_a_format_that_is_refused() -> None:
    assert not set(PHOTOS) & set(REMEDIES)
    assert all(remedy and "\n" not in remedy and not remedy.endswith(".") for remedy in REMEDIES.values())


@given(
    st.binary(max_size=80), st.sampled_from([b"", b"\0\0\0\x18ftyp", b"RIFF", b"II*\0", b"BM", b"<?xml", b"\0\0\1\0"])
)
def test_any_bytes_have_an_answer(tail: bytes, beginning: bytes) -> None:
    assert sniff(beginning + tail) in {*PHOTOS, *REMEDIES, ""}
