"""The classical methods: exact where they must be, precise beyond 8 bits, and whole in every corner."""

import os
import types

import cv2
import numpy as np
import pytest

from inpainter.core import Inpainter, InputError
from inpainter.methods import load
from inpainter.methods.classical import FSR_BLOCK, solver_bytes

NAMES = ("mean", "telea", "navier-stokes", "fsr", "biharmonic")


CONTINUING = pytest.mark.parametrize("inpainter", NAMES[1:], indirect=True)
"""The methods that carry on what surrounds the hole: all but `mean`."""


@pytest.fixture(scope="module", params=NAMES)
def inpainter(request: pytest.FixtureRequest) -> Inpainter:
    return load(request.param)


def square_hole(side: int, hole: int) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    start = (side - hole) // 2
    mask[start : start + hole, start : start + hole] = True
    return mask


def texture(side: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).random((side, side, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip((soft - soft.min()) / np.ptp(soft), 0, 1)


MASKS = {
    "one": lambda h, w, _: np.arange(h * w).reshape(h, w) == h * w // 2,
    "left border": lambda h, w, _: np.arange(w)[None, :] < np.full((h, 1), max(1, w // 3)),
    "corner": lambda h, w, _: (np.arange(h)[:, None] >= h // 2) & (np.arange(w)[None, :] >= w // 2),
    "all but one": lambda h, w, rng: np.arange(h * w).reshape(h, w) != rng.integers(h * w),
    "every second row": lambda h, w, _: np.repeat((np.arange(h) % 2 == 0)[:, None], w, axis=1),
    "half the pixels": lambda h, w, rng: rng.random((h, w)) < 0.5,
    "nearly all": lambda h, w, rng: rng.random((h, w)) < 0.97,
}


@pytest.mark.parametrize("kind", MASKS)
def test_a_plain_picture_comes_back_plain_whatever_its_size_and_hole(inpainter, kind, rng):
    """What a method must get right: also finds memory read out of bounds and parts that are never filled."""
    colour = np.float32([0.4, 0.7, 0.2])
    for height in (1, 2, 3, 5, 17, 33):
        for width in (1, 2, 3, 16, 31):
            mask = MASKS[kind](height, width, rng)
            if mask.all() or not mask.any():
                continue
            plain = np.broadcast_to(colour, (height, width, 3)).copy()
            np.testing.assert_allclose(inpainter(plain, mask), plain, atol=1e-4, err_msg=f"{height}×{width}")


@pytest.mark.parametrize("name", ["telea", "navier-stokes"])
def test_marching_agrees_with_opencv_on_8_bits_within_its_rounding(name):
    """OpenCV's own 8-bit answer is the reference; telea's adds up to 1.41 levels a pixel for the gradient's sign."""
    levels = np.round(texture(64) * 255).astype(np.uint8)
    mask = square_hole(64, 6)
    flag = cv2.INPAINT_TELEA if name == "telea" else cv2.INPAINT_NS
    expected = cv2.inpaint(levels, mask.astype(np.uint8), 3, flag)
    ours = load(name)(levels.astype(np.float32) / 255, mask) * 255
    assert np.abs(ours - expected)[mask].mean() < 2


def test_fsr_agrees_with_opencv_on_8_bits():
    """The crop, the padding and the colour spaces change little against xphoto on the whole 8-bit picture."""
    levels = np.round(texture(112) * 255).astype(np.uint8)
    mask = square_hole(112, 10)
    expected = np.zeros_like(levels)
    valid = np.where(mask, 0, 255).astype(np.uint8)
    cv2.xphoto.inpaint(levels[..., ::-1].copy(), valid, expected, cv2.xphoto.INPAINT_FSR_FAST)
    ours = load("fsr")(levels.astype(np.float32) / 255, mask) * 255
    assert np.abs(ours - expected[..., ::-1])[mask].mean() < 3


def test_fsr_sees_only_the_surroundings_of_the_hole():
    """Far pixels change nothing, so a crop with that much context is as good as the photo."""
    image, mask = texture(160), square_hole(160, 8)
    far = image.copy()
    far[:16], far[:, :16] = 1, 0
    np.testing.assert_array_equal(load("fsr")(far, mask)[mask], load("fsr")(image, mask)[mask])


def test_fsr_fills_the_last_rows_of_sizes_that_are_no_whole_blocks():
    """OpenCV alone leaves them as they came."""
    for side in (FSR_BLOCK + 1, 2 * FSR_BLOCK - 1, 45):
        mask = np.zeros((side, side), bool)
        mask[-3:, -3:] = True
        plain = texture(side) * 0.2 + 0.7
        assert load("fsr")(plain.astype(np.float32), mask)[mask].min() > 0.5


@CONTINUING
def test_a_smooth_gradient_is_filled_finer_than_8_bits(inpainter):
    """In a 16-bit picture a fill in 8-bit steps would show as bands."""
    columns = np.linspace(0.40, 0.46, 96, dtype=np.float32)
    image = np.repeat(np.repeat(columns[None, :, None], 96, axis=0), 3, axis=2)
    mask = square_hole(96, 24)
    filled = inpainter(image, mask)
    levels = len(np.unique(np.round(filled[mask] * 65535)))
    in_8_bits = len(np.unique(np.round(filled[mask] * 255)))
    assert levels > 4 * in_8_bits


@CONTINUING
def test_fills_a_ramp_better_than_its_mean_would(inpainter):
    columns = np.linspace(0.1, 0.9, 64, dtype=np.float32)
    image = np.repeat(np.repeat(columns[None, :, None], 64, axis=0), 3, axis=2)
    mask = square_hole(64, 16)
    error = np.abs(inpainter(image, mask) - image)[mask].mean()
    assert error < 0.6 * np.abs(image[mask] - image[mask].mean()).mean()


def test_biharmonic_continues_a_ramp_exactly():
    """A plane is its own biharmonic surface."""
    rows, columns = np.mgrid[:40, :40] / 40
    image = np.stack([rows, columns, (rows + columns) / 2], axis=-1).astype(np.float32)
    mask = square_hole(40, 10)
    np.testing.assert_allclose(load("biharmonic")(image, mask), image, atol=1e-3)


def test_fsr_carries_a_texture_on_where_marching_smears():
    """Stripes, whose fill is known."""
    columns = np.sin(np.arange(96) * 2 * np.pi / 8) * 0.4 + 0.5
    image = np.repeat(np.repeat(columns[None, :, None], 96, axis=0), 3, axis=2).astype(np.float32)
    mask = square_hole(96, 16)
    errors = {name: np.abs(load(name)(image, mask) - image)[mask].mean() for name in ("fsr", "telea", "navier-stokes")}
    assert errors["fsr"] < 0.05
    assert errors["fsr"] < 0.5 * min(errors["telea"], errors["navier-stokes"])


def test_a_grey_picture_stays_grey(inpainter):
    grey = np.repeat(texture(40)[..., :1], 3, axis=2)
    filled = inpainter(grey, square_hole(40, 8))
    np.testing.assert_allclose(np.ptp(filled, axis=2), 0, atol=2e-3)


def test_mean_is_the_colour_with_the_least_squared_error(rng):
    image = rng.random((9, 7, 3), dtype=np.float32)
    mask = np.zeros((9, 7), bool)
    mask[2:5, 3:6] = True
    filled = load("mean")(image, mask)
    known = image[~mask].astype(np.float64)
    assert np.ptp(filled[mask], axis=0).max() == 0
    best = ((known - filled[mask][0]) ** 2).sum()
    for step in np.eye(3) * 1e-3:
        assert ((known - filled[mask][0] - step) ** 2).sum() > best
        assert ((known - filled[mask][0] + step) ** 2).sum() > best


@pytest.mark.parametrize("xphoto", [None, types.SimpleNamespace(), types.SimpleNamespace(INPAINT_FSR_FAST=1)], ids=str)
def test_an_opencv_without_xphoto_is_one_line_with_the_remedy(monkeypatch, xphoto):
    """What another OpenCV package beside ours leaves of it; only fsr needs it."""
    if xphoto is None:
        monkeypatch.delattr(cv2, "xphoto")
    else:
        monkeypatch.setattr(cv2, "xphoto", xphoto)
    with pytest.raises(
        InputError, match=r"pip uninstall .*, then pip install opencv-contrib-python-headless"
    ) as caught:
        load("fsr")
    assert "\n" not in str(caught.value)
    image, mask = texture(48), square_hole(48, 6)
    for name in ("auto", "telea", "navier-stokes", "mean"):
        assert np.isfinite(load(name).fill(image, mask)).all()


@pytest.mark.parametrize(
    ("pixels", "measured"),
    [(22_500, 53), (90_000, 251), (202_500, 618), (360_000, 1190), (640_000, 2239), (810_000, 2922), (1_000_000, 4306)],
)
def test_what_biharmonic_takes_is_not_underestimated(pixels, measured):
    """MB measured for square holes."""
    assert measured * 2**20 <= solver_bytes(pixels) <= 1.4 * measured * 2**20


def test_biharmonic_refuses_a_hole_that_would_end_the_process(monkeypatch):
    biharmonic = load("biharmonic")
    monkeypatch.setattr(biharmonic, "_inpaint", lambda *_, **__: pytest.fail("was begun"))
    image = np.full((1040, 1040, 3), 0.5, np.float32)
    with pytest.raises(InputError, match=r"1040400 pixels.* GB of memory.*auto"):
        biharmonic(image, square_hole(1040, 1020))


@pytest.mark.parametrize("says", [True, False])
def test_biharmonic_asks_how_much_memory_there_is(monkeypatch, says):
    """Half of a small machine's; of one that does not say, as if it had 4 GB."""
    pages = {"SC_PHYS_PAGES": 2**30 // 4096, "SC_PAGE_SIZE": 4096}
    if says:
        monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    else:
        monkeypatch.delattr(os, "sysconf")
    small = load("biharmonic")
    monkeypatch.setattr(small, "_inpaint", lambda image, *_, **__: image)
    image = np.full((820, 820, 3), 0.5, np.float32)
    small(image, square_hole(820, 300))
    with pytest.raises(InputError, match="too large"):
        small(image, square_hole(820, 450 if says else 800))
