"""Reading photos: boxes of the upright picture, samples and images, and what a header says."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inpainter.core import Box
from inpainter.photos.photo import Photo, open_photo, to_image, to_samples
from makers import picture, save, upright


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("suffix", "bands", "depth"), [(".png", 3, 8), (".tif", 4, 16), (".png", 1, 16), (".webp", 4, 8)]
)
def test_crops_are_those_of_the_upright_picture(
    tmp_path: Path, orientation: int, suffix: str, bands: int, depth: int
) -> None:
    # More rows than are read at a time.
    samples = picture(300, 41, bands, depth)
    options = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    photo = open_photo(save(tmp_path / f"photo{suffix}", samples, orientation=orientation, **options))
    # Numbers of pixels, turned as Pillow turns pictures, in two halves of 8 bits.
    numbers = np.arange(300 * 41).reshape(300, 41)
    turned = upright((numbers >> 8).astype(np.uint8), orientation).astype(int) << 8
    turned |= upright((numbers & 255).astype(np.uint8), orientation)
    whole = samples.reshape(-1, bands)[turned]
    assert (photo.height, photo.width) == whole.shape[:2]
    assert (photo.bands, photo.depth, photo.orientation) == (bands, depth, orientation)
    boxes = [Box(0, 0, photo.width, photo.height), Box(3, 5, 11, 7), Box(photo.width - 2, photo.height - 1, 2, 1)]
    for box, crop in zip(boxes, photo.crops(boxes), strict=True):
        assert np.array_equal(crop, whole[box.slices])
    assert photo.crops([]) == []


CUT = """
import os, sys
from pathlib import Path
from inpainter.core import InputError
from inpainter.photos.photo import open_photo, readable
photo = open_photo(Path(sys.argv[1]))
image = photo.pixels()
os.truncate(photo.path, 0)
try:
    with readable(photo.path):
        print(image.avg())
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".tif"])
def test_a_file_cut_short_while_it_is_read(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"photo{suffix}", picture(300, 400))
    expected = open_photo(path).pixels().avg()
    done = subprocess.run([sys.executable, "-c", CUT, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done
    if suffix == ".tif":
        assert "photo.tif: damaged or cut short" in done.stdout
        assert done.stdout.count("\n") == 1
    else:
        assert float(done.stdout) == expected


def turned_photo(orientation: int, height: int, width: int) -> Photo:
    return Photo(Path("x.png"), "png", width, height, 8, 3, False, orientation, False)


@given(st.integers(1, 8), st.integers(1, 9), st.integers(1, 9), st.data())
def test_turning_there_and_back(orientation: int, height: int, width: int, data: st.DataObject) -> None:
    photo = turned_photo(orientation, height, width)
    array = np.arange(height * width).reshape(height, width)
    assert np.array_equal(photo.to_upright(photo.to_stored(array)), array)
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = Box(x, y, data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y)))
    stored = photo.to_stored(array)[photo.to_stored_box(box).slices]
    assert np.array_equal(photo.to_upright(stored), array[box.slices])


@given(st.sampled_from([1, 2, 3, 4]), st.sampled_from([8, 16]), st.integers(0, 99))
@settings(max_examples=40)
def test_samples_survive_becoming_an_image(bands: int, depth: int, seed: int) -> None:
    top = (1 << depth) - 1
    dtype = np.uint8 if depth == 8 else np.uint16
    samples = np.random.default_rng(seed).integers(0, top + 1, (5, 7, bands)).astype(dtype)
    image = to_image(samples)
    assert image.shape == (5, 7, 3)
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 1
    back = to_samples(image, samples)
    assert back.dtype == dtype
    assert np.array_equal(back, samples)


def test_extremes_stay_extremes() -> None:
    like = np.zeros((1, 2, 3), np.uint16)
    image = np.array([[[0, 1, 2], [-1, 0.5, 1]]], np.float32)
    assert to_samples(image, like).tolist() == [[[0, 65535, 65535], [0, 32768, 65535]]]


def test_only_what_is_asked_for_is_read_of_a_tall_photo(tmp_path: Path) -> None:
    samples = picture(2000, 16, 3)
    photo = open_photo(save(tmp_path / "photo.png", samples))
    first, last = photo.crops([Box(0, 10, 16, 5), Box(4, 1990, 3, 10)])
    assert np.array_equal(first, samples[10:15])
    assert np.array_equal(last, samples[1990:, 4:7])
