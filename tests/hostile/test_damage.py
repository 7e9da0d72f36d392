"""Files cut short or damaged anywhere: one helpful line or a whole output, no crash, no hang."""

from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile

from conftest import Constant
from hostile_files import HEIGHT, KINDS, WIDTH, make, refused
from inpainter.core import InputError
from inpainter.engine.batch import FillOptions, fill_file
from inpainter.photos.mask_file import read_mask
from makers import (
    assert_helpful,
    assert_nothing_left,
    picture,
    save_mask,
)  # fmt: skip

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
