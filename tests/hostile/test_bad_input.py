"""No photos, other formats, bombs, animations and masks that do not fit: one helpful line, nothing written."""

import io
import os
import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from conftest import Constant
from hostile_files import HEIGHT, KINDS, SUFFIXES, WIDTH, make, refused, size_of
from inpainter.core import InputError
from inpainter.engine.batch import FillOptions, fill_file
from inpainter.photos.photo import open_photo
from makers import (
    assert_helpful,
    box_mask,
    picture,
    png,
    png_chunk,
    save,
    save_mask,
)  # fmt: skip

# ---------------------------------------------------------------- no photo


def test_no_such_file(folder: Path, mask: Path) -> None:
    assert "no such file" in refused(folder / "absent.jpg", mask)
    photo = make(folder, ".png")
    assert "no such file" in refused(photo, folder / "absent.png", None, folder / "absent.png")


def test_a_folder_is_no_photo_and_no_mask(folder: Path, mask: Path) -> None:
    assert "folder" in refused(folder, mask, folder / "out.png")
    photo = make(folder, ".png")
    assert "folder" in refused(photo, mask.parent, None, mask.parent)


def test_a_pipe_is_no_photo_and_is_not_waited_for(folder: Path, mask: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    with pytest.raises(InputError) as caught:
        open_photo(folder / "pipe.jpg")
    assert_helpful(caught.value, folder / "pipe.jpg")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"hello, this is a letter\n" * 50, b"<!DOCTYPE html><html><body>not found</body></html>",
     np.random.default_rng(0).bytes(5000), bytes(5000), b"\xff" * 300],
    ids=["empty", "byte", "text", "html", "random", "zeros", "ones"],
)  # fmt: skip
def test_not_an_image(folder: Path, mask: Path, suffix: str, content: bytes) -> None:
    photo = folder / f"photo{suffix}"
    photo.write_bytes(content)
    refused(photo, mask)
    good = make(mask.parent, ".png")
    with pytest.raises(InputError) as caught:
        fill_file(good, photo, folder / "out.png", Constant())
    assert_helpful(caught.value, photo)


OTHERS = {
    "gif": b"GIF89a" + bytes(60),
    "bmp": b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(60),
    "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "pdf": b"%PDF-1.7\n" + bytes(60),
    "jpeg xl": b"\xff\x0a" + bytes(60),
    "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
    "psd": b"8BPS\0\1" + bytes(60),
    "openexr": b"\x76\x2f\x31\x01" + bytes(60),
    "zip": b"PK\x03\x04" + bytes(60),
    "mp4": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + bytes(60),
}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bin"])
@pytest.mark.parametrize("name", OTHERS)
def test_other_formats_are_named_with_a_remedy_whatever_the_suffix(
    folder: Path, mask: Path, name: str, suffix: str
) -> None:
    photo = folder / f"photo{suffix}"
    photo.write_bytes(OTHERS[name])
    assert name.upper() in refused(photo, mask, folder / "out.png")


def test_a_real_gif_and_bmp(folder: Path, mask: Path) -> None:
    for name in ("gif", "bmp"):
        Image.fromarray(picture(HEIGHT, WIDTH)).save(folder / f"photo.{name}")
        assert name.upper() in refused(folder / f"photo.{name}", mask, folder / "out.png")


def test_the_format_is_told_by_content(folder: Path, mask: Path) -> None:
    make(folder, ".jpg").rename(folder / "photo.png")
    report = fill_file(folder / "photo.png", mask, folder / "out.jpg", Constant())
    assert report.notes == ("photo.png: is a JPEG file, in spite of its name",)
    assert size_of(folder / "out.jpg") == ("JPEG", (WIDTH, HEIGHT))


# ---------------------------------------------------------------- bombs and nothings


def jpeg_of(height: int, width: int) -> bytes:
    """A small JPEG whose frame header claims another size."""
    out = io.BytesIO()
    Image.new("L", (16, 16)).save(out, "JPEG")
    data = bytearray(out.getvalue())
    frame = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, frame + 5, height, width)
    return bytes(data)


def tiff_of(height: int, width: int) -> bytes:
    """A TIFF directory that claims a size and has next to no data."""
    entries = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1),
               (278, 4, height or 1), (279, 4, 64)]  # fmt: skip
    table = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHI", tag, kind, 1) + struct.pack("<I", value) for tag, kind, value in entries
    )
    return b"II*\0" + struct.pack("<I", 72) + bytes(64) + table + bytes(4)


def webp_of(height: int, width: int) -> bytes:
    """A lossless WebP header (RFC 9649, section 3.4) that claims a size."""
    bits = (width - 1) | (height - 1) << 14
    body = b"\x2f" + struct.pack("<I", bits) + bytes(59)
    chunk = b"VP8L" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def avif_of(folder: Path, height: int, width: int) -> bytes:
    """A small AVIF whose `ispe` property claims another size."""
    data = bytearray(make(folder, ".avif").read_bytes())
    (folder / "photo.avif").unlink()
    at = data.index(b"ispe")
    struct.pack_into(">II", data, at + 8, width, height)
    return bytes(data)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".avif"])
def test_bombs_are_refused_by_their_header(folder: Path, mask: Path, suffix: str) -> None:
    side = 16383 if suffix == ".webp" else 50000
    content = {
        ".png": lambda: png(side, side),
        ".jpg": lambda: jpeg_of(side, side),
        ".tif": lambda: tiff_of(side, side),
        ".webp": lambda: webp_of(side, side),
        ".avif": lambda: avif_of(folder, side, side),
    }[suffix]()
    photo = folder / f"bomb{suffix}"
    photo.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = refused(photo, mask, None, photo, max_megapixels=200.0)
    if suffix != ".avif":
        assert "megapixels" in line
        assert "max_megapixels=" in line
    good = make(mask.parent, ".png")
    refused(good, photo, folder / "out.png", photo, max_megapixels=200.0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_the_limit_is_an_option(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    megapixels = HEIGHT * WIDTH / 1e6
    assert "max_megapixels=" in refused(photo, mask, max_megapixels=megapixels * 0.99)
    fill_file(photo, mask, folder / "out.png", Constant(), FillOptions(max_megapixels=megapixels))


def test_a_bomb_in_a_colour_profile(folder: Path, mask: Path) -> None:
    bomb = b"icc\0\0" + zlib.compress(bytes(200 << 20), 1)
    photo = folder / "photo.png"
    rows = picture(HEIGHT, WIDTH).tobytes()
    photo.write_bytes(png(WIDTH, HEIGHT, kind=2, rows=rows, before=[png_chunk(b"iCCP", bomb)]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for target in (".png", ".tif"):
        try:
            fill_file(photo, mask, folder / f"out{target}", Constant())
        except InputError as error:
            assert_helpful(error, photo)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 160 << 10


@pytest.mark.parametrize("size", [(0, 16), (16, 0), (0, 0)])
def test_zero_size(folder: Path, mask: Path, size: tuple[int, int]) -> None:
    height, width = size
    for name, content in (("a.png", png(width, height)), ("a.jpg", jpeg_of(height, width)), ("a.tif", tiff_of(*size))):
        photo = folder / name
        photo.write_bytes(content)
        refused(photo, mask)


# ---------------------------------------------------------------- several pictures


def frames() -> list[Image.Image]:
    return [Image.fromarray(picture(HEIGHT, WIDTH, 3, seed=seed)) for seed in range(3)]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".avif"])
def test_animations_and_pages_are_refused(folder: Path, mask: Path, suffix: str) -> None:
    first, *others = frames()
    photo = folder / f"photo{suffix}"
    first.save(photo, save_all=True, append_images=others)
    assert "several pictures" in refused(photo, mask)
    refused(make(mask.parent, ".png"), photo, folder / "out.png", photo)


# ---------------------------------------------------------------- samples that no fill can keep


def test_samples_of_another_kind(folder: Path, mask: Path) -> None:
    photo = folder / "photo.tif"
    image = pyvips.Image.new_from_array(picture(HEIGHT, WIDTH, 1)[..., 0])
    for kind in ("float", "double", "uint", "int", "short", "char", "complex"):
        image.cast(kind).tiffsave(str(photo))
        refused(photo, mask)
    image.bandjoin([image] * 4).tiffsave(str(photo))
    refused(photo, mask)
    pyvips.Image.new_from_array(picture(HEIGHT, WIDTH)).copy(interpretation="srgb").colourspace("lab").tiffsave(
        str(photo)
    )
    refused(photo, mask)


# ---------------------------------------------------------------- masks


def test_a_mask_of_another_size(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    other = save_mask(mask.parent / "other.png", box_mask(HEIGHT // 2, WIDTH // 2, 1, 1, 5, 5))
    assert "resize_mask=True" in refused(photo, other, None, other)
    report = fill_file(photo, other, folder / "out.png", Constant(), FillOptions(resize_mask=True))
    assert any("scaled" in note for note in report.notes)
    assert report.filled_pixels == 64


def test_a_mask_drawn_on_the_unturned_photo_is_explained(folder: Path, mask: Path) -> None:
    photo = save(folder / "photo.jpg", picture(HEIGHT, WIDTH), orientation=6)
    line = refused(photo, mask, None, mask)
    assert "orientation" in line


def test_a_mask_of_everything(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    full = save_mask(mask.parent / "full.png", np.ones((HEIGHT, WIDTH), bool))
    assert "mask_colour='black'" in refused(photo, full, None, full)
    able = Constant(fills_everything=True)
    assert fill_file(photo, full, folder / "out.png", able).filled_pixels == HEIGHT * WIDTH


def test_a_mask_that_looks_inverted_is_done_and_said(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    most = save_mask(mask.parent / "most.png", ~box_mask(HEIGHT, WIDTH, 2, 2, 20, 20))
    report = fill_file(photo, most, folder / "out.png", Constant())
    assert any("inverted" in note and "mask_colour='black'" in note for note in report.notes)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_mask_copies_the_photo(folder: Path, mask: Path, kind: str) -> None:
    photo = make(folder, kind)
    empty = save_mask(mask.parent / "empty.png", np.zeros((HEIGHT, WIDTH), bool))
    report = fill_file(photo, empty, folder / f"out{photo.suffix}", Constant())
    assert report.filled_pixels == 0
    assert any("copied" in note for note in report.notes)
    assert (folder / f"out{photo.suffix}").read_bytes() == photo.read_bytes()


def test_mask_colours_that_are_none(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    for colour in ("puce", "#12", "#gggggg", "", "#ff0000\n"):
        with pytest.raises(InputError) as caught:
            fill_file(photo, mask, folder / "out.png", Constant(), FillOptions(mask_colour=colour))
        assert "\n" not in str(caught.value)
        assert "#ff0000" in str(caught.value)
    assert "alpha" in refused(photo, mask, None, mask, mask_colour="alpha")


def test_a_file_too_large_for_any_photo_is_not_read(folder: Path, mask: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inpainter.photos.photo._LARGE", 1000)
    photo = make(folder, ".png")
    with photo.open("r+b") as file:
        file.truncate(10_000)
    with pytest.raises(InputError, match="too large a file") as caught:
        open_photo(photo, max_megapixels=0.001)
    assert caught.value.code == "too-large"
