"""Masks from any picture: what counts as fill, what is said about it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inpainter.core import InputError
from inpainter.photos.mask_file import read_mask
from inpainter.photos.photo import open_photo
from makers import box_mask, picture, png, save, save_mask, stored

HEIGHT, WIDTH = 24, 37
BOX = box_mask(HEIGHT, WIDTH, 3, 5, 9, 20)


def painted(fill: tuple[int, ...], rest: tuple[int, ...]) -> np.ndarray:
    return np.where(BOX[..., None], np.array(fill, np.uint8), np.array(rest, np.uint8))


def as_file(folder: Path, samples: np.ndarray, suffix: str = ".png") -> Path:
    return save(folder / f"mask{suffix}", samples)


@pytest.mark.parametrize(
    ("colour", "fill", "rest"),
    [
        ("white", (255,), (0,)),
        ("white", (255, 255, 255), (0, 0, 0)),
        ("white", (255, 255), (0, 255)),
        ("white", (255, 255, 255, 255), (255, 255, 255, 0)),
        ("white", (255, 255, 255, 255), (0, 0, 0, 255)),
        ("black", (0,), (255,)),
        ("black", (0, 0, 0), (255, 255, 255)),
        ("black", (0, 0, 0, 255), (0, 0, 0, 0)),
        ("BLACK", (10, 10, 10), (250, 250, 250)),
        ("alpha", (90, 0), (200, 255)),
        ("alpha", (255, 255, 255, 0), (255, 255, 255, 255)),
        ("#ff0000", (255, 0, 0), (255, 255, 255)),
        ("#FF0000", (235, 20, 20), (0, 0, 255)),
        ("#00ff80", (0, 255, 128, 255), (0, 255, 128, 0)),
        ("#808080", (128,), (0,)),
    ],
)
def test_what_counts_as_fill(tmp_path: Path, colour: str, fill: tuple, rest: tuple) -> None:
    mask, notes = read_mask(as_file(tmp_path, painted(fill, rest)), colour=colour)
    assert mask.dtype == np.bool_
    assert np.array_equal(mask, BOX)
    assert notes == []


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".avif", ".jpg"])
def test_any_format(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix in (".webp", ".avif") else {"Q": 100} if suffix == ".jpg" else {}
    path = save(tmp_path / f"mask{suffix}", painted((255,) * 3, (0,) * 3), **options)
    mask, _ = read_mask(path)
    assert np.array_equal(mask, BOX)


def test_noise_of_jpeg_is_no_soft_edge(tmp_path: Path) -> None:
    shape = box_mask(64, 64, 16, 16, 48, 48)
    Image.fromarray(shape.astype(np.uint8) * 255).save(tmp_path / "mask.jpg", quality=85)
    mask, notes = read_mask(tmp_path / "mask.jpg")
    assert np.array_equal(mask, shape)
    assert notes == []


def test_soft_edges_are_cut_at_half_and_said(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (3, 1))
    mask, notes = read_mask(as_file(tmp_path, ramp[..., None]))
    assert np.array_equal(mask[0], np.arange(256) >= 128)
    assert len(notes) == 1
    assert "soft" in notes[0]
    mask, _ = read_mask(as_file(tmp_path, ramp[..., None]), colour="black")
    assert np.array_equal(mask[0], np.arange(256) < 128)
    see_through = np.stack([np.full_like(ramp, 200), ramp], axis=2)
    mask, notes = read_mask(as_file(tmp_path, see_through), colour="alpha")
    assert np.array_equal(mask[0], np.arange(256) < 128)
    assert "soft" in notes[0]


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_16_bits(tmp_path: Path, bands: int) -> None:
    samples = np.where(BOX[..., None], np.uint16(65535), np.uint16(0)).repeat(bands, axis=2)
    if bands in (2, 4):
        samples[..., -1] = 65535
    mask, notes = read_mask(as_file(tmp_path, samples))
    assert np.array_equal(mask, BOX)
    assert notes == []


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_one_bit_and_palette(tmp_path: Path, suffix: str) -> None:
    for mode in ("1", "P"):
        path = tmp_path / f"{mode}{suffix}"
        Image.fromarray(BOX.astype(np.uint8) * 255).convert(mode).save(path)
        mask, notes = read_mask(path)
        assert np.array_equal(mask, BOX)
        assert notes == []


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_one_bit_of_any_size(tmp_path_factory: pytest.TempPathFactory, height: int, width: int, seed: int) -> None:
    wanted = np.random.default_rng(seed).random((height, width)) < 0.5
    path = tmp_path_factory.mktemp("bits") / "mask.png"
    path.write_bytes(png(width, height, depth=1, rows=np.packbits(wanted, axis=1).tobytes()))
    assert np.array_equal(read_mask(path)[0], wanted)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_masks_come_upright(tmp_path: Path, orientation: int) -> None:
    samples = stored(BOX.astype(np.uint8) * 255, orientation)
    path = save(tmp_path / "mask.png", samples[..., None], orientation=orientation)
    assert np.array_equal(read_mask(path)[0], BOX)


def test_more_rows_than_a_strip(tmp_path: Path) -> None:
    wanted = np.random.default_rng(0).random((1500, 7)) < 0.5
    assert np.array_equal(read_mask(save_mask(tmp_path / "mask.png", wanted))[0], wanted)


def test_scaling_takes_nearest_pixels(tmp_path: Path) -> None:
    photo = open_photo(save(tmp_path / "photo.png", picture(2 * HEIGHT, 3 * WIDTH)))
    mask, notes = read_mask(save_mask(tmp_path / "mask.png", BOX), photo, resize=True)
    assert np.array_equal(mask, BOX.repeat(2, axis=0).repeat(3, axis=1))
    assert any("scaled" in note for note in notes)


def test_another_size_is_refused(tmp_path: Path) -> None:
    photo = open_photo(save(tmp_path / "photo.png", picture(HEIGHT, WIDTH + 1)))
    with pytest.raises(InputError, match=r"37×24, but photo\.png is 38×24"):
        read_mask(save_mask(tmp_path / "mask.png", BOX), photo)


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_of_a_coloured_mask_it_is_said_that_a_colour_can_be_named(tmp_path, share):
    """Red strokes on white would fill nearly all of the photo; on black they would fill nothing."""
    mask = np.zeros((40, 60, 3), np.uint8)
    mask[: int(40 * share)] = 255
    mask[-6:, 15:30] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    said = "to fill what is red, say, pass mask_colour='red'"
    if share < 0.5:
        _, notes = read_mask(tmp_path / "m.png")
        assert notes == [f"m.png: holds colours, which count by their brightness; {said}"]
    else:
        with pytest.raises(InputError, match=f"holds colours, and [78].% of it is white; {said}"):
            read_mask(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", colour="red")[0].sum() == 6 * 15


def test_coloured_strokes_on_black_are_refused_for_no_share_that_they_have_not(tmp_path):
    """As JPEG, whose black is not exact: nothing of it is white."""
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[8:24, 16:40] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / "m.jpg"), mask, [cv2.IMWRITE_JPEG_QUALITY, 90])
    found, notes = read_mask(tmp_path / "m.jpg")
    assert not found.any()
    assert any("to fill what is red, say, pass mask_colour='red'" in note for note in notes)
