"""Bad files, masks, options and places: one helpful line, nothing written, no crash, no hang."""

import errno
import io
import os
import resource
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from conftest import Constant
from inpainter.core import InputError
from inpainter.engine.batch import FillOptions, fill_file
from inpainter.photos.mask_file import read_mask
from inpainter.photos.photo import open_photo
from makers import (
    XMP,
    assert_helpful,
    assert_nothing_left,
    box_mask,
    picture,
    png,
    png_chunk,
    profile,
    save,
    save_mask,
)  # fmt: skip

HEIGHT, WIDTH = 40, 56
SUFFIXES = (".jpg", ".png", ".webp", ".tif", ".avif")
KINDS = (".jpg", "progressive.jpg", ".png", "16.png", ".webp", "lossy.webp", ".tif", "lzw.tif", ".avif", "alpha.avif")


def make(folder: Path, kind: str) -> Path:
    """A small whole photo, with metadata."""
    options = {
        ".jpg": {"Q": 90},
        "progressive.jpg": {"interlace": True},
        ".webp": {"lossless": True},
        "lzw.tif": {"compression": "lzw"},
        ".avif": {"effort": 1},
        "alpha.avif": {"effort": 1},
    }.get(kind, {})
    bands = 4 if kind in (".png", ".webp", "alpha.avif") else 3
    samples = picture(HEIGHT, WIDTH, bands, 16 if kind == "16.png" else 8)
    return save(
        folder / f"photo{'.' if kind[0] != '.' else ''}{kind}",
        samples,
        orientation=1,
        icc=profile(),
        xmp=XMP,
        **options,
    )


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """A hole in the upper left, far from where files are cut."""
    (tmp_path / "masks").mkdir()
    return save_mask(tmp_path / "masks" / "mask.png", box_mask(HEIGHT, WIDTH, 2, 2, 9, 9))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def refused(photo: Path, mask: Path, output: Path | None = None, *names: Path | str, **options: object) -> str:
    """Check that filling is refused in one helpful line and that nothing is written; return the line."""
    output = output or photo.with_name(f"out{photo.suffix}")
    before = {path: path.read_bytes() for path in photo.parent.iterdir() if path.is_file()}
    with pytest.raises(InputError) as caught:
        fill_file(photo, mask, output, Constant(), FillOptions(**options))  # pyright: ignore
    assert_helpful(caught.value, *(names or (photo,)))
    assert {path: path.read_bytes() for path in photo.parent.iterdir() if path.is_file()} == before
    return str(caught.value)


def size_of(path: Path) -> tuple[str | None, tuple[int, int]]:
    with Image.open(path) as image:
        return image.format, image.size


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
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(60),
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
    assert report.notes == ()
    assert size_of(folder / "out.jpg") == ("JPEG", (WIDTH, HEIGHT))


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("kind", KINDS)
def test_cut_short_anywhere(folder: Path, mask: Path, kind: str) -> None:
    photo = make(folder, kind)
    whole = photo.read_bytes()
    end = len(whole)
    if kind.endswith(".tif"):
        # libvips writes the directory behind the picture, and the descriptive tags behind that: without those the
        # picture is whole, and the loss is said.
        with tifffile.TiffFile(photo) as file:
            end = file.pages[0].tags["XMP"].valueoffset
    for length in sorted({*np.linspace(1, end - 1, 40, dtype=int).tolist(), *range(end - 12, end)}):
        photo.write_bytes(whole[:length])
        refused(photo, mask)
    for length in range(end + 20, len(whole), 50):
        photo.write_bytes(whole[:length])
        report = fill_file(photo, mask, folder / "out.tif", Constant(), FillOptions(overwrite=True))
        assert any("damaged TIFF tag" in note for note in report.notes)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("rows", [8, None])
def test_a_tiff_whose_picture_comes_last_cut_short(
    folder: Path, mask: Path, compression: str | None, rows: int | None
) -> None:
    photo = folder / "photo.tif"
    empty = save_mask(mask.parent / "empty.png", np.zeros((HEIGHT, WIDTH), bool))
    tifffile.imwrite(photo, picture(HEIGHT, WIDTH), photometric="rgb", compression=compression, rowsperstrip=rows)
    whole = photo.read_bytes()
    for length in (*range(200, len(whole), 500), len(whole) - 1):
        photo.write_bytes(whole[:length])
        refused(photo, mask)
        refused(photo, empty)


@pytest.mark.parametrize("kind", KINDS)
def test_cut_short_and_nothing_to_fill(folder: Path, mask: Path, kind: str) -> None:
    photo = make(folder, kind)
    whole = photo.read_bytes()
    empty = save_mask(mask.parent / "empty.png", np.zeros((HEIGHT, WIDTH), bool))
    for share in (0.3, 0.6, 0.8):
        photo.write_bytes(whole[: int(share * len(whole))])
        refused(photo, empty)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_cut_short(folder: Path, mask: Path, kind: str) -> None:
    photo = make(folder, ".png")
    broken = make(mask.parent, kind)
    whole = broken.read_bytes()
    for share in (0.3, 0.6, 0.8):
        broken.write_bytes(whole[: int(share * len(whole))])
        refused(photo, broken, None, broken)


def mutations(whole: bytes, count: int, seed: int) -> list[bytes]:
    """Damaged copies: bits turned, bytes replaced, parts removed, doubled or zeroed; half of them early in the file."""
    rng = np.random.default_rng(seed)
    damaged = []
    for number in range(count):
        data = bytearray(whole)
        end = len(data) if number % 2 else min(len(data), 400)
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(4, max(end, 5)))
            length = int(rng.integers(1, 9))
            match int(rng.integers(0, 6)):
                case 0 | 1:
                    data[min(at, len(data) - 1)] ^= 1 << int(rng.integers(0, 8))
                case 2:
                    data[at : at + length] = rng.bytes(len(data[at : at + length]))
                case 3:
                    del data[at : at + length]
                case 4:
                    data[at:at] = data[at : at + length]
                case _:
                    data[at : at + 4] = rng.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"])
        damaged.append(bytes(data))
    return damaged


def assert_told(error: InputError, *files: Path) -> None:
    """One line that names one of the files and says what to do."""
    assert_helpful(error, next((path for path in files if str(path) in str(error)), files[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_either_borne_or_told_in_one_line(folder: Path, mask: Path, kind: str) -> None:
    photo = make(folder, kind)
    output = folder / f"out{photo.suffix}"
    whole = photo.read_bytes()
    told = 0
    for data in mutations(whole, 60 if "avif" in kind else 200, seed=len(kind)):
        photo.write_bytes(data)
        try:
            fill_file(photo, mask, output, Constant(), FillOptions(max_megapixels=1))
        except InputError as error:
            told += 1
            assert_nothing_left(folder, photo.name)
            assert_told(error, photo, mask)
        else:
            pyvips.Image.new_from_file(str(output), fail_on="truncated").avg()
            output.unlink()
    assert told > 10


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_masks_too(folder: Path, mask: Path, kind: str) -> None:
    broken = make(folder, kind)
    for data in mutations(broken.read_bytes(), 60, seed=7):
        broken.write_bytes(data)
        try:
            found, _ = read_mask(broken, max_megapixels=1)
        except InputError as error:
            assert_told(error, broken)
        else:
            assert found.dtype == bool


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("target", [".png", ".jpg"])
def test_damage_when_the_format_changes(folder: Path, mask: Path, kind: str, target: str) -> None:
    photo = make(folder, kind)
    output = folder / f"out{target}"
    for data in mutations(photo.read_bytes(), 60, seed=3):
        photo.write_bytes(data)
        try:
            fill_file(photo, mask, output, Constant(), FillOptions(max_megapixels=1))
        except InputError as error:
            assert_nothing_left(folder, photo.name)
            assert_told(error, photo, mask)
        else:
            output.unlink()


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
        assert "--max-megapixels" in line
    good = make(mask.parent, ".png")
    refused(good, photo, folder / "out.png", photo, max_megapixels=200.0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_the_limit_is_an_option(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    megapixels = HEIGHT * WIDTH / 1e6
    assert "--max-megapixels" in refused(photo, mask, max_megapixels=megapixels * 0.99)
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
    assert "--resize-mask" in refused(photo, other, None, other)
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
    assert "--mask-colour black" in refused(photo, full, None, full)
    able = Constant(fills_everything=True)
    assert fill_file(photo, full, folder / "out.png", able).filled_pixels == HEIGHT * WIDTH


def test_a_mask_that_looks_inverted_is_done_and_said(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    most = save_mask(mask.parent / "most.png", ~box_mask(HEIGHT, WIDTH, 2, 2, 20, 20))
    report = fill_file(photo, most, folder / "out.png", Constant())
    assert any("inverted" in note and "--mask-colour black" in note for note in report.notes)


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
    for colour in ("green", "#12", "#gggggg", "", "#ff0000\n"):
        with pytest.raises(InputError) as caught:
            fill_file(photo, mask, folder / "out.png", Constant(), FillOptions(mask_colour=colour))
        assert "\n" not in str(caught.value)
        assert "#ff0000" in str(caught.value)
    assert "alpha" in refused(photo, mask, None, mask, mask_colour="alpha")


# ---------------------------------------------------------------- places to write to


def test_places_that_cannot_be_written_to(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    assert "does not exist" in refused(photo, mask, folder / "absent" / "out.png", folder / "absent" / "out.png")
    assert "not a folder" in refused(photo, mask, photo / "out.png", photo / "out.png")
    (folder / "taken.png").mkdir()
    assert "folder" in refused(photo, mask, folder / "taken.png", folder / "taken.png")
    assert "suffix" in refused(photo, mask, folder / "out.gif", folder / "out.gif")
    assert "suffix" in refused(photo, mask, folder / "out", folder / "out")
    assert "file name too long" in refused(photo, mask, folder / ("n" * 300 + ".png"), "n" * 100)


@pytest.mark.skipif(os.geteuid() == 0, reason="nobody can forbid the superuser to write")
def test_a_folder_that_may_not_be_written_to(folder: Path, mask: Path) -> None:
    photo = make(mask.parent, ".png")
    folder.chmod(0o500)
    assert "permission" in refused(photo, mask, folder / "out.png", folder / "out.png")


def test_special_files_are_not_replaced(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    os.mkfifo(folder / "pipe.png")
    with pytest.raises(InputError) as caught:
        fill_file(photo, mask, folder / "pipe.png", Constant(), FillOptions(overwrite=True))
    assert_helpful(caught.value, folder / "pipe.png")
    assert (folder / "pipe.png").is_fifo()


def test_output_that_is_the_input_or_exists(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    assert "its own input" in refused(photo, mask, photo, photo)
    assert "its own input" in refused(photo, mask, mask, mask)
    (folder / "out.png").write_bytes(b"mine")
    assert "--overwrite" in refused(photo, mask, folder / "out.png", folder / "out.png")
    (folder / "link.png").symlink_to(photo)
    assert "its own input" in refused(photo, mask, folder / "link.png", folder / "link.png")
    os.link(photo, folder / "hard.png")
    assert "its own input" in refused(photo, mask, folder / "hard.png", folder / "hard.png")
    (folder / "dangling.png").symlink_to(folder / "absent.png")
    assert "exists" in refused(photo, mask, folder / "dangling.png", folder / "dangling.png")


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_can_replace_itself_when_asked(folder: Path, mask: Path, kind: str) -> None:
    photo = make(folder, kind)
    expected = folder / f"elsewhere{photo.suffix}"
    fill_file(photo, mask, expected, Constant())
    photo.chmod(0o640)
    fill_file(photo, mask, photo, Constant(), FillOptions(overwrite=True))
    assert photo.read_bytes() == expected.read_bytes()
    assert photo.stat().st_mode & 0o777 == 0o640
    assert_nothing_left(folder, photo.name, expected.name)


@pytest.mark.parametrize(
    "name",
    ["-o.png", "a b's \"c\".png", "[page=1].png", "photo.png[page=1].png", "é漢😀.png", "%d%s.png",
     "😀" * 61 + ".png", "e" * 251 + ".png", "#ff0000.PNG"],
    ids=["dash", "quotes", "options", "suffixed", "script", "format", "bytes", "long", "colour"],
)  # fmt: skip
def test_odd_names(folder: Path, mask: Path, name: str) -> None:
    photo = make(folder, ".png").rename(folder / name)
    (folder / "out").mkdir()
    odd_mask = folder / "out" / f"m{name[-8:]}"
    shutil.copyfile(mask, odd_mask)
    fill_file(photo, odd_mask, folder / "out" / name, Constant())
    assert size_of(folder / "out" / name) == ("PNG", (WIDTH, HEIGHT))
    assert_nothing_left(folder / "out", name, odd_mask.name)


def test_a_name_that_is_not_text(folder: Path, mask: Path) -> None:
    photo = folder / os.fsdecode(b"caf\xe9.png")
    try:
        make(folder, ".png").rename(photo)
    except OSError:
        pytest.skip("this file system wants names in UTF-8")
    output = folder / os.fsdecode(b"caf\xe9-filled.png")
    fill_file(photo, mask, output, Constant())
    assert output.is_file()


def test_two_names_on_two_lines(folder: Path, mask: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_photo(folder / "a\nb.png")
    assert "no such file" in str(caught.value)


# ---------------------------------------------------------------- the disk


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_full_disk(folder: Path, mask: Path, kind: str, overwrite: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = make(folder, kind)
    output = folder / f"out{photo.suffix}"
    if overwrite:
        output.write_bytes(b"mine")
    monkeypatch.setattr(os, "fsync", full)
    line = refused(photo, mask, output, output, overwrite=overwrite)
    assert "disk is full" in line


LIMITED = """
import resource, signal, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from conftest import Constant
from inpainter.core import InputError
from inpainter.engine.batch import FillOptions, fill_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
for photo in sys.argv[2:]:
    photo = Path(photo)
    try:
        fill_file(photo, Path(sys.argv[1]), photo.parent / "out" / photo.name, Constant())
        print("written")
    except InputError as error:
        print(error)
"""


def test_a_writer_that_is_stopped_half_way(folder: Path, mask: Path) -> None:
    """A limit on the size of files fails in the middle of encoding, inside libvips and libjpeg too."""
    photos = []
    for kind in KINDS:
        noise = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
        options = {"lossless": True} if kind == ".webp" else {"effort": 1} if "avif" in kind else {}
        options |= {"interlace": True} if "progressive" in kind else {"compression": "lzw"} if "lzw" in kind else {}
        samples = noise.astype(np.uint16) * 257 if "16" in kind else noise
        photos.append(save(folder / f"photo-{kind}", samples, **options))
    (folder / "out").mkdir()
    hole = save_mask(mask.parent / "hole.png", box_mask(96, 96, 4, 4, 20, 20))
    script = LIMITED.format(tests=str(Path(__file__).parents[1]))
    done = subprocess.run([sys.executable, "-c", script, str(hole), *map(str, photos)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(photos)
    for photo, line in zip(photos, lines, strict=True):
        # The blocks of a JPEG pass through a temporary file elsewhere, which meets the limit before the output does.
        assert_helpful(line, photo.name)
    assert_nothing_left(folder / "out")


def test_losing_a_race_for_the_name(folder: Path, mask: Path) -> None:
    photo, output = make(folder, ".png"), folder / "out.png"

    class Racer(Constant):
        def predict(self, image, mask, seed):
            output.write_bytes(b"somebody else's")
            return super().predict(image, mask, seed)

    with pytest.raises(InputError) as caught:
        fill_file(photo, mask, output, Racer())
    assert_helpful(caught.value, output)
    assert output.read_bytes() == b"somebody else's"
    assert_nothing_left(folder, "photo.png", "out.png")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_stopped_in_the_middle_of_a_fill(folder: Path, mask: Path, stop: type[BaseException]) -> None:
    photo = make(folder, ".png")

    class Stopper(Constant):
        def predict(self, image, mask, seed):
            raise stop

    with pytest.raises(stop):
        fill_file(photo, mask, folder / "out.png", Stopper())
    assert_nothing_left(folder, "photo.png")


# ---------------------------------------------------------------- the command line


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "inpainter", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def bad_calls(folder: Path, mask: Path) -> dict[str, tuple[list[object], Path]]:
    """Arguments and the file that the line must name, by what is wrong."""
    photo = make(folder, ".jpg")
    cut = folder / "cut.jpg"
    cut.write_bytes(photo.read_bytes()[:-300])
    (folder / "letter.jpg").write_text("dear reader")
    return {
        "missing": ([folder / "absent.jpg", mask], folder / "absent.jpg"),
        "text": ([folder / "letter.jpg", mask], folder / "letter.jpg"),
        "cut": ([cut, mask], cut),
        "place": ([photo, mask, "-o", folder / "no" / "out.jpg"], folder / "no" / "out.jpg"),
        "itself": ([photo, mask, "-o", photo], photo),
    }


@pytest.mark.parametrize("wrong", ["missing", "text", "cut", "place", "itself"])
def test_the_command_line_says_one_line_and_ends_with_2(folder: Path, mask: Path, wrong: str) -> None:
    pytest.importorskip("inpainter.methods.classical")
    arguments, named = bad_calls(folder, mask)[wrong]
    before = sorted(folder.iterdir())
    done = command("fill", *arguments, "--method", "telea")
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")
    assert_helpful(done.stderr.removeprefix("error: ").rstrip("\n"), named)
    assert sorted(folder.iterdir()) == before
