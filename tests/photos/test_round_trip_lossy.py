"""JPEG keeps every block that the mask does not touch; lossy WebP and AVIF keep all but a little."""

import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from makers import (
    XMP,
    box_mask,
    exif,
    picture,
    profile,
    save,
    stored,
)  # fmt: skip
from photo_readers import HEIGHT, ORIENTATIONS, WIDTH, fill, seen, told, upright_size

# ---------------------------------------------------------------- JPEG


def blocks_touched(mask: np.ndarray, blocks: tuple[int, int], of: tuple[int, int]) -> np.ndarray:
    """Which 8×8 blocks of a plane the mask touches, a sample standing for `of` (height, width) pixels."""
    rows, columns = 8 * of[0], 8 * of[1]
    wide = np.zeros((blocks[0] * rows, blocks[1] * columns), bool)
    height, width = min(mask.shape[0], wide.shape[0]), min(mask.shape[1], wide.shape[1])
    wide[:height, :width] = mask[:height, :width]
    return wide.reshape(blocks[0], rows, blocks[1], columns).any(axis=(1, 3))


JPEGS = [
    {"subsampling": 2, "progressive": True},
    {"subsampling": 2},
    {"subsampling": 1},
    {"subsampling": 0, "quality": 97},
    {"subsampling": 0, "progressive": True, "quality": 30},
    {"grey": True},
    {"grey": True, "progressive": True},
    {"subsampling": 2, "restart_marker_rows": 1},
]


def saved_jpeg(folder: Path, options: dict, orientation: int) -> tuple[Path, bool, bytes, np.ndarray]:
    """A JPEG with all metadata, whether it is grey, its profile, and a mask of it, upright."""
    height, width = 85, 107
    options = dict(options)
    grey = options.pop("grey", False)
    icc = profile("GRAY" if grey else "RGB")
    source = picture(height, width, 1 if grey else 3, seed=orientation)
    image = Image.fromarray(source[..., 0] if grey else source)
    path = folder / "photo.jpg"
    image.save(path, exif=b"Exif\0\0" + exif(orientation), icc_profile=icc, xmp=XMP, dpi=(300, 300), **options)
    return path, grey, icc, box_mask(*upright_size(orientation, height, width), 35, 20, 70, 57)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("options", JPEGS, ids=str)
def test_jpeg_keeps_every_block_that_the_mask_does_not_touch(tmp_path: Path, options: dict, orientation: int) -> None:
    jpeglib = pytest.importorskip("jpeglib")
    photo, grey, icc, mask = saved_jpeg(tmp_path, options, orientation)
    output = tmp_path / "out.jpg"

    report = fill(photo, mask, output)

    assert report.notes == ()
    where = stored(mask, orientation)
    before, after = jpeglib.read_dct(str(photo)), jpeglib.read_dct(str(output))
    assert np.array_equal(after.qt, before.qt)
    assert np.array_equal(after.samp_factor, before.samp_factor)
    assert after.progressive_mode == before.progressive_mode
    for name in ("Y",) if grey else ("Y", "Cb", "Cr"):
        old, new = getattr(before, name), getattr(after, name)
        of = (1, 1)
        if name != "Y":
            of = {0: (1, 1), 1: (1, 2), 2: (2, 2)}[options["subsampling"]]
        touched = blocks_touched(where, old.shape[:2], of)
        assert np.array_equal(new[~touched], old[~touched]), name
        assert 0 < touched.sum() < touched.size
    says = told(photo)
    assert says["icc"] == icc
    assert says["xmp"]
    assert told(output) == says
    old, new = seen(photo).astype(int), seen(output).astype(int)
    inside = box_mask(*mask.shape, 40, 25, 65, 52)
    far = ~box_mask(*mask.shape, 35 - 18, 20 - 18, 70 + 18, 57 + 18)
    assert np.array_equal(new[far], old[far])
    assert np.abs(new[inside] - [128, 128, 128, 255]).mean() <= 8
    assert np.abs(old[inside] - [128, 128, 128, 255]).mean() > 15


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("options", JPEGS[:6], ids=str)
def test_jpeg_without_jpeglib_is_encoded_again_says_so_and_keeps_the_rest(
    tmp_path: Path, options: dict, orientation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jpeglib", None)
    photo, _, icc, mask = saved_jpeg(tmp_path, options, orientation)
    output = tmp_path / "out.jpg"

    report = fill(photo, mask, output)

    assert len(report.notes) == 1
    assert "encoded again, at quality" in report.notes[0]
    assert "jpeglib" in report.notes[0]
    says = told(photo)
    assert says["icc"] == icc
    assert says["xmp"]
    assert told(output) == says
    old, new = seen(photo).astype(int), seen(output).astype(int)
    inside = box_mask(*mask.shape, 40, 25, 65, 52)
    far = ~box_mask(*mask.shape, 35 - 18, 20 - 18, 70 + 18, 57 + 18)
    assert np.abs(new[far] - old[far]).mean() <= 3
    assert np.abs(new[inside] - [128, 128, 128, 255]).mean() <= 8


@pytest.mark.parametrize("kind", ["plain", "adobe", "tiff"])
def test_cmyk_becomes_srgb_and_says_so(tmp_path: Path, kind: str) -> None:
    # Cyan, magenta, yellow, black: red above, dark grey below.
    inks = np.zeros((48, 64, 4), np.uint8)
    inks[:24, :, 1:3] = 255
    inks[24:, :, 3] = 200
    suffix = ".tif" if kind == "tiff" else ".jpg"
    photo, output = tmp_path / f"photo{suffix}", tmp_path / f"out{suffix}"
    if kind == "plain":
        image = pyvips.Image.new_from_array(inks).copy(interpretation="cmyk")
        image.write_to_file(str(photo), Q=95)
    else:
        Image.fromarray(inks, "CMYK").save(photo)
    mask = box_mask(48, 64, 4, 4, 12, 12)
    report = fill(photo, mask, output, value=1.0)
    assert any("CMYK becomes sRGB" in note for note in report.notes)
    with Image.open(output) as image:
        assert image.mode == "RGB"
        after = np.asarray(image).astype(int)
    red, dark, white = after[18, 40], after[40, 40], after[8, 8]
    assert red[0] > 180
    assert max(red[1:]) < 90
    assert dark.max() < 130
    assert np.ptp(dark) < 25
    assert white.min() > 235


def test_jpeg_that_stores_rgb(tmp_path: Path) -> None:
    photo, output = tmp_path / "photo.jpg", tmp_path / "out.jpg"
    Image.fromarray(picture(48, 64, 3)).save(photo, keep_rgb=True, quality=95)
    mask = box_mask(48, 64, 4, 4, 12, 12)
    report = fill(photo, mask, output)
    assert any("encoded again" in note for note in report.notes)
    old, new = seen(photo).astype(int), seen(output).astype(int)
    assert np.abs(new - old)[20:].mean() < 3
    assert np.abs(new[6:10, 6:10, :3] - 128).max() < 16


# ---------------------------------------------------------------- lossy WebP, AVIF


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("bands", [3, 4])
def test_lossy_webp(tmp_path: Path, bands: int, orientation: int) -> None:
    photo, output = tmp_path / "photo.webp", tmp_path / "out.webp"
    icc = profile()
    source = picture(HEIGHT, WIDTH, bands)
    save(photo, source, orientation=orientation, icc=icc, xmp=XMP, Q=80, alpha_q=50)
    mask = box_mask(*upright_size(orientation), 3, 20, 17, 44)
    report = fill(photo, mask, output)
    assert any("quality" in note for note in report.notes)
    assert told(output) == told(photo)
    assert told(output)["icc"] == icc
    old, new = seen(photo).astype(int), seen(output).astype(int)
    assert np.array_equal(new[..., 3], old[..., 3])
    opaque = old[..., 3] > 0
    assert np.abs(new - old)[~mask & opaque].mean() < 6
    assert np.abs(new[6:14, 24:40, :3] - 128).max() < 16
    assert np.abs(old[6:14, 24:40, :3] - 128).mean() > 15


@pytest.mark.parametrize("depth", [8, 10, 12])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_avif(tmp_path: Path, bands: int, depth: int) -> None:
    photo, output = tmp_path / "photo.avif", tmp_path / "out.avif"
    icc = profile("GRAY" if bands < 3 else "RGB")
    save(photo, picture(HEIGHT, WIDTH, bands, 8 if depth == 8 else 16), orientation=1, icc=icc, xmp=XMP,
         bitdepth=depth, Q=80, effort=2)  # fmt: skip
    mask = box_mask(HEIGHT, WIDTH, 3, 20, 17, 44)
    report = fill(photo, mask, output)
    assert any("AVIF" in note for note in report.notes)
    says = told(photo)
    assert told(output) == says
    assert says["icc"] == (icc if bands > 1 else None)
    before, after = (pyvips.Image.heifload(str(path)) for path in (photo, output))
    assert after.get("bits-per-sample") == before.get("bits-per-sample") == depth
    assert after.bands == before.bands
    scale = 1 if depth == 8 else 257
    old, new = before.numpy().astype(int) // scale, after.numpy().astype(int) // scale
    if bands == 4:
        assert np.array_equal(new[..., 3], old[..., 3])
        assert np.array_equal(new[~mask], old[~mask])
    assert np.abs(new - old)[~mask].mean() < 4
    assert np.abs(new.reshape(HEIGHT, WIDTH, -1)[6:14, 24:40, :3] - 128).max() < 16


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_turned_avif_is_filled_where_a_person_sees_it(tmp_path: Path, orientation: int) -> None:
    photo, output = tmp_path / "photo.avif", tmp_path / "out.avif"
    save(photo, picture(HEIGHT, WIDTH, 3), orientation=orientation, Q=90, effort=1)
    old = seen(photo).astype(int)
    mask = box_mask(*old.shape[:2], 3, 20, 17, 44)
    fill(photo, mask, output)
    new = seen(output).astype(int)
    assert new.shape == old.shape
    assert np.abs(new - old)[~mask].mean() < 6
    assert np.abs(new[6:14, 24:40, :3] - 128).max() < 16
