"""The public Python interface: paths, arrays and PIL images, answered in kind."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import inpainter
from inpainter.core import InputError
from inpainter.methods import METHODS

MASK = np.zeros((40, 50), bool)
MASK[10:20, 15:30] = True


def smooth(rng, *bands):
    return cv2.GaussianBlur(rng.random((40, 50, *bands), np.float32), (0, 0), 4).reshape(40, 50, *bands)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("bands", [(), (1,), (2,), (3,), (4,)])
def test_arrays_in_kind(rng, dtype, bands):
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    image = (smooth(rng, *bands) * top).astype(dtype)
    before = image.copy()
    answer = inpainter.fill(image, MASK, method="telea")
    assert isinstance(answer, np.ndarray)
    assert answer.dtype == dtype
    assert answer.shape == image.shape
    assert (image == before).all()
    assert answer[~MASK].tobytes() == image[~MASK].tobytes()
    colours = slice(None) if bands in ((), (1,), (3,)) else slice(-1)
    changed = answer[MASK][..., colours] if bands else answer[MASK]
    assert (changed != (image[MASK][..., colours] if bands else image[MASK])).any()
    if bands in ((2,), (4,)):
        assert (answer[..., -1] == image[..., -1]).all()
    # Smooth pictures are filled smoothly: within a fifth of the range of what was there.
    assert np.abs(answer.astype(float) - image)[MASK].max() < 0.2 * top


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_pil_images_in_kind(rng, mode):
    image = Image.fromarray((smooth(rng, 3) * 255).astype(np.uint8)).convert(mode)
    image.info["dpi"] = (72, 72)
    answer = inpainter.fill(image, Image.fromarray(MASK), method="telea")
    assert isinstance(answer, Image.Image)
    assert answer.mode == mode
    assert answer.info["dpi"] == (72, 72)
    assert (np.asarray(answer)[~MASK] == np.asarray(image)[~MASK]).all()


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_in_kind(tmp_path, rng, kind):
    cv2.imwrite(str(tmp_path / "photo.png"), smooth(rng, 3) * 255)
    cv2.imwrite(str(tmp_path / "mask.png"), MASK * np.uint8(255))
    answer = inpainter.fill(kind(tmp_path / "photo.png"), kind(tmp_path / "mask.png"), method="telea")
    assert answer == tmp_path / "photo-filled.png"
    wanted = inpainter.fill(cv2.imread(str(tmp_path / "photo.png")), MASK, method="telea")
    assert (cv2.imread(str(answer)) == wanted).all()
    other = inpainter.fill(
        kind(tmp_path / "photo.png"), kind(tmp_path / "mask.png"), "telea", output=kind(tmp_path / "other.tif"), grow=1
    )
    assert other == tmp_path / "other.tif"
    assert cv2.imread(str(other)).shape == (40, 50, 3)


def test_uint8_masks_and_grow(rng):
    image = smooth(rng, 3)
    soft = np.where(MASK, 128, 127).astype(np.uint8)
    same = inpainter.fill(image, soft, method="telea"), inpainter.fill(image, MASK, method="telea")
    assert (same[0] == same[1]).all()
    wide = cv2.dilate(MASK.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))) > 0
    grown = inpainter.fill(image, MASK, method="telea", grow=2)
    assert (grown == inpainter.fill(image, wide, method="telea")).all()


def test_a_loaded_method_can_be_handed_over(rng):
    image = smooth(rng, 3)
    loaded = inpainter.load("navier-stokes")
    assert (inpainter.fill(image, MASK, loaded) == inpainter.fill(image, MASK, "navier-stokes")).all()


def test_an_empty_mask_gives_a_copy(rng):
    image = smooth(rng, 3)
    answer = inpainter.fill(image, np.zeros((40, 50), bool))
    assert answer is not image
    assert (answer == image).all()


@pytest.mark.parametrize(
    ("image", "mask", "error", "says"),
    [
        (np.zeros((4, 5, 3)), np.zeros((4, 5), bool), InputError, "float64: give uint8"),
        (np.zeros((4, 5, 7), np.uint8), np.zeros((4, 5), bool), InputError, "1 to 4"),
        (np.zeros((0, 5, 3), np.uint8), np.zeros((0, 5), bool), InputError, "1 to 4"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4), bool), InputError, "make them equal"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5, 3), np.uint8), InputError, "255 = fill"),
        (np.zeros((4, 5, 3), np.uint8), np.ones((4, 5), bool), InputError, "covers the whole picture"),
        (np.zeros((4, 5, 3), np.uint8), "mask.png", TypeError, "not str"),
        ("photo.png", np.zeros((4, 5), bool), TypeError, "must be one too"),
        (7, np.zeros((4, 5), bool), TypeError, "not int"),
        (Image.new("P", (5, 4)), np.zeros((4, 5), bool), InputError, "mode P"),
    ],
    ids=range(10),
)
def test_what_cannot_be_filled_is_said(image, mask, error, says):
    with pytest.raises(error, match=says):
        inpainter.fill(image, mask)


def test_methods_have_summaries():
    assert inpainter.methods() == {name: entry.summary for name, entry in METHODS.items()}
    assert all(summary.endswith(".") and "\n" not in summary for summary in inpainter.methods().values())


def test_methods_answers_before_and_after_its_module_is_imported():
    code = (
        "import inpainter; first = inpainter.methods(); import inpainter.methods; assert inpainter.methods() == first"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
