"""The default: it chooses by the mask alone, and as the result file says."""

import json

import cv2
import numpy as np
import pytest

from conftest import ROOT
from inpainter.methods import load
from inpainter.methods.auto import FSR_BLOCKS, RING, THICK, blocks, halve, thickness

RESULT = json.loads((ROOT / "benchmarks/results/classical.json").read_text(encoding="utf-8"))
HOLES = RESULT["holes"]


def disc(side: int, radius: int) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side] - side // 2
    return rows**2 + columns**2 <= radius**2


def picture(side: int) -> np.ndarray:
    noise = np.random.default_rng(1).random((side, side, 3)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 2), 0, 1)


def score(kind: str, method: str, measure: str = "psnr") -> float:
    return HOLES[kind]["methods"][method][measure]


def thick(kind: str) -> bool:
    return HOLES[kind]["thickness"] > THICK


def test_the_table_covers_both_sides_of_the_threshold():
    assert any(thick(kind) for kind in HOLES)
    assert any(not thick(kind) for kind in HOLES)


@pytest.mark.parametrize("kind", [kind for kind in HOLES if not thick(kind)])
def test_fsr_which_auto_takes_for_thin_holes_measured_best_of_the_base_install(kind):
    for other in ("telea", "navier-stokes"):
        assert score(kind, "fsr") > score(kind, other)
        assert score(kind, "fsr", "ssim") > score(kind, other, "ssim")


@pytest.mark.parametrize("kind", [kind for kind in HOLES if thick(kind)])
def test_coarse_to_fine_which_auto_takes_for_thick_holes_measured_better_than_every_method_alone(kind):
    for other in ("telea", "navier-stokes", "fsr", "biharmonic"):
        assert score(kind, "auto") > score(kind, other)


def test_navier_stokes_which_auto_takes_for_vast_thin_holes_is_about_as_near_as_telea_and_quicker():
    thin = [kind for kind in HOLES if not thick(kind)]
    assert np.mean([score(kind, "navier-stokes") - score(kind, "telea") for kind in thin]) > -0.05
    assert all(score(kind, "navier-stokes", "seconds") <= score(kind, "telea", "seconds") for kind in thin)


def test_as_many_blocks_as_auto_gives_to_fsr_took_about_three_seconds_at_most():
    """On one core; the three channels of a colour picture share two."""
    slowest = [
        score(kind, "fsr", "seconds") / HOLES[kind]["blocks"] for kind in HOLES
    ]  # means over photos: single small holes are mostly the timer's noise
    assert FSR_BLOCKS * max(slowest) < 3.3


@pytest.mark.parametrize("kind", HOLES)
def test_every_hole_of_the_table_took_auto_less_than_three_seconds(kind):
    assert score(kind, "auto", "seconds") < 3


def test_thin_holes_are_filled_by_fsr():
    image, mask = picture(96), disc(96, THICK // 2 - 3)
    assert thickness(mask) <= THICK
    np.testing.assert_array_equal(load("auto")(image, mask), load("fsr")(image, mask))


def test_vast_thin_holes_are_filled_by_navier_stokes():
    image = picture(320)
    mask = np.zeros((320, 320), bool)
    mask[::5, :310] = True
    assert blocks(mask) > FSR_BLOCKS
    np.testing.assert_array_equal(load("auto")(image, mask), load("navier-stokes")(image, mask))


def test_the_middle_of_a_thick_hole_is_smooth_and_its_rim_goes_on():
    image, mask = picture(200), disc(200, 60)
    assert thickness(mask) > THICK
    filled = load("auto")(image, mask)
    slope = np.hypot(*np.gradient(filled.mean(axis=2)))
    rim = mask & ~disc(200, 60 - RING // 2)
    assert slope[rim].mean() > 1.3 * slope[disc(200, 30)].mean()


def test_a_vast_and_thick_hole_is_filled_in_every_pixel_near_to_the_plain_colour_around_it():
    plain = np.full((700, 700, 3), 0.6, np.float32)
    mask = disc(700, 300)
    np.testing.assert_allclose(load("auto")(plain, mask), plain, atol=2e-3)


def test_thickness_is_the_width_of_the_widest_place():
    mask = np.zeros((60, 60), bool)
    mask[10:19] = True
    mask[40:41] = True
    assert thickness(mask) == 10


def test_blocks_counts_the_touched_squares():
    mask = np.zeros((9, 13), bool)
    mask[0, 0] = mask[3, 3] = mask[4, 3] = mask[8, 12] = True
    assert blocks(mask) == 3


def test_halving_takes_the_mean_of_the_known_pixels_only(rng):
    image, mask = rng.random((7, 9, 3)).astype(np.float32), rng.random((7, 9)) < 0.6
    small, small_mask = halve(image, mask)
    assert small.shape == (4, 5, 3)
    for row in range(3):
        for column in range(4):
            place = np.s_[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            known = image[place][~mask[place]]
            assert small_mask[row, column] == (len(known) == 0)
            if len(known):
                np.testing.assert_allclose(small[row, column], known.mean(axis=0), atol=1e-5)


def test_what_lies_under_the_mask_cannot_reach_the_smaller_picture(rng):
    image, mask = rng.random((64, 64, 3)).astype(np.float32), disc(64, 25)
    changed = np.where(mask[..., None], rng.random((64, 64, 3)).astype(np.float32), image)
    np.testing.assert_array_equal(halve(image, mask)[0], halve(changed, mask)[0])
