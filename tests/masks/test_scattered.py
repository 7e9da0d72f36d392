"""Scattered blocks, pixels and noise, against slow transcriptions and exact counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inpainter.masks import Noise, Pixels, Scatter
from inpainter.masks.scattered import _enlarge, _free_places

sides = st.integers(16, 60)


def corners(mask: np.ndarray) -> list[tuple[int, int]]:
    """Take a mask apart into 2×2 blocks; fails where that cannot be done.

    In reading order, the first masked pixel that is left must be the upper left one of a block.
    """
    left = mask.copy()
    found = []
    for row, column in np.argwhere(mask):
        if left[row, column]:
            block = left[row : row + 2, column : column + 2]
            assert block.shape == (2, 2)
            assert block.all()
            block[:] = False
            found.append((int(row), int(column)))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_blocks_have_the_area_of_a_square_of_20(seed: int) -> None:
    mask = Scatter(seed=seed, area=400)(64, 64)
    assert mask.sum() == 400
    assert len(corners(mask)) == 100
    np.testing.assert_array_equal(mask, Scatter(seed=seed)(64, 64))


@settings(deadline=None)
@given(height=sides, width=sides, seed=st.integers(0, 10**9), share=st.floats(0, 1))
def test_scatter_is_exact_wherever_blocks_fit(height: int, width: int, seed: int, share: float) -> None:
    most = (height // 2) * (width // 2) - (height % 2 == 0 and width % 2 == 0)
    blocks = max(1, round(share * most))
    mask = Scatter(seed=seed, area=4 * blocks)(height, width)
    assert mask.sum() == 4 * blocks
    assert len(corners(mask)) == blocks


def test_blocks_keep_to_no_grid() -> None:
    parities = [(row % 2, column % 2) for row, column in corners(Scatter(seed=1)(64, 64))]
    assert {parities.count(parity) > 10 for parity in ((0, 0), (0, 1), (1, 0), (1, 1))} == {True}


@pytest.mark.parametrize("seed", range(10))
def test_free_places_are_those_of_going_through_the_ranks_one_by_one(seed: int) -> None:
    rows, columns, count = 13, 17, 25
    rank = np.random.default_rng(seed).permutation(rows * columns)
    taken: list[tuple[int, int]] = []
    for place in np.argsort(-rank):
        row, column = divmod(int(place), columns)
        if all(max(abs(row - r), abs(column - c)) > 1 for r, c in taken):
            taken.append((row, column))
    found = _free_places(rows, columns, count, np.random.default_rng(seed))
    assert found is not None
    assert set(zip(*(axis.tolist() for axis in found), strict=True)) == set(taken[:count])
    assert _free_places(rows, columns, len(taken) + 1, np.random.default_rng(seed)) is None


@settings(deadline=None)
@given(height=sides, width=sides, seed=st.integers(0, 10**9))
def test_pixels_are_exact(height: int, width: int, seed: int) -> None:
    assert Pixels(seed=seed)(height, width).sum() == int(0.8 * height * width + 0.5)


def test_pixels_are_independent_of_their_neighbours_and_place() -> None:
    masks = np.stack([Pixels(seed=seed, fraction=0.5)(32, 32) for seed in range(400)])
    centred = masks - 0.5
    # Standard errors: 0.5 / √400 = 0.025 for a pixel, 0.25 / √(400 · 32 · 31) for a product of neighbours.
    assert np.abs(centred.mean(axis=0)).max() < 5 * 0.025
    for product in (centred[:, 1:] * centred[:, :-1], centred[:, :, 1:] * centred[:, :, :-1]):
        assert abs(product.mean()) < 5 * 0.25 / np.sqrt(product.size)


@settings(deadline=None)
@given(length=st.integers(16, 200), grain=st.floats(2, 50), phase=st.floats(0, 0.999))
def test_enlarging_is_exact_for_parabolas(length: int, grain: float, phase: float) -> None:
    """Cubic convolution with a = -1/2 reproduces polynomials of degree two (Keys 1981)."""
    position = phase + np.arange(length) / grain
    samples = np.arange(int(position[-1]) + 4.0)
    powers = np.stack([samples**0, samples, samples**2], axis=1)
    expected = np.stack([position**0, 1 + position, (1 + position) ** 2], axis=1)
    np.testing.assert_allclose(_enlarge(powers, position), expected, rtol=1e-9)


def test_enlarging_is_the_cubic_and_not_the_parabola() -> None:
    middle = _enlarge(np.eye(4), np.array([0.5]))
    np.testing.assert_allclose(middle, [[-1 / 16, 9 / 16, 9 / 16, -1 / 16]])


@pytest.mark.parametrize("size", [64, 128, 256])
def test_noise_is_as_coarse_as_its_grain(size: int) -> None:
    def edges(kind: Noise) -> float:
        """Changes along rows and columns, for each grain of the picture."""
        masks = np.stack([kind.__class__(seed=seed, grain=kind.grain)(size, size) for seed in range(12)])
        changes = (masks[:, 1:] != masks[:, :-1]).sum() + (masks[:, :, 1:] != masks[:, :, :-1]).sum()
        return changes / masks.size * (kind.grain or size / 7.68)

    assert edges(Noise(grain=size / 7.68)) == edges(Noise())
    # The outline in grains does not depend on the grain.
    assert edges(Noise(grain=size / 20)) == pytest.approx(edges(Noise(grain=size / 12)), rel=0.15)


def test_noise_covers_any_share_between_its_limits_alike() -> None:
    cover = np.sort([Noise(seed=seed)(48, 48).mean() for seed in range(200)])
    uniform = np.linspace(0.2, 0.3, 200)
    # Kolmogorov-Smirnov: 1.63 / √200 is passed by one sample in a hundred.
    assert np.abs(cover - uniform).max() / 0.1 < 1.63 / np.sqrt(200)
