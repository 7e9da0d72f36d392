"""The plain shapes, against what their sizes say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inpainter.masks import Blocks, Centre, Circle, Half, Square

sides = st.integers(16, 90)


def box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Top, left, height and width of the smallest box around the masked pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return rows[0], columns[0], rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]


@pytest.mark.parametrize("side", [10, 20, 30])
def test_the_centre_squares_of_the_latent_search_studies(side: int) -> None:
    expected = np.zeros((64, 64), dtype=bool)
    expected[32 - side // 2 : 32 + side // 2, 32 - side // 2 : 32 + side // 2] = True
    np.testing.assert_array_equal(Centre(side=side)(64, 64), expected)


def test_the_centre_is_half_of_each_side() -> None:
    expected = np.zeros((64, 128), dtype=bool)
    expected[16:48, 32:96] = True
    np.testing.assert_array_equal(Centre()(64, 128), expected)


@settings(deadline=None)
@given(height=sides, width=sides, seed=st.integers(0, 10**9), side=st.integers(1, 15))
def test_a_square_is_one_square_off_the_middle(height: int, width: int, seed: int, side: int) -> None:
    mask = Square(seed=seed, side=side)(height, width)
    top, left, rows, columns = box(mask)
    assert (rows, columns) == (side, side)
    assert mask.sum() == side**2
    assert (top, left) != ((height - side) // 2, (width - side) // 2)


def test_a_square_reaches_every_place_but_the_middle() -> None:
    places = {box(Square(seed=seed, side=14)(16, 17))[:2] for seed in range(300)}
    assert places == {(top, left) for top in range(3) for left in range(4)} - {(1, 1)}


@pytest.mark.parametrize("seed", range(20))
def test_blocks_are_made_of_squares(seed: int) -> None:
    mask = Blocks(seed=seed)(64, 64)
    in_a_square = np.zeros_like(mask)
    for top, left in np.argwhere(np.lib.stride_tricks.sliding_window_view(mask, (8, 8)).all(axis=(2, 3))):
        in_a_square[top : top + 8, left : left + 8] = True
    np.testing.assert_array_equal(in_a_square, mask)


def test_as_many_blocks_as_asked_for() -> None:
    one = [Blocks(seed=seed, fewest=1, most=1)(64, 64) for seed in range(40)]
    shapes = {box(mask)[2:] for mask in one}
    assert all(rows == columns and 8 <= rows <= 16 for rows, columns in shapes)
    assert all(mask.sum() == box(mask)[2] ** 2 for mask in one)
    assert len(shapes) == 9


def test_blocks_stop_short_of_a_quarter_and_come_close_to_it() -> None:
    cover = [Blocks(seed=seed, fewest=40, most=40)(64, 64).mean() for seed in range(20)]
    assert max(cover) <= 0.25
    # The smallest square, 8×8, found no place that adds it.
    assert min(cover) > 0.25 - 16**2 / 64**2


def test_the_circle_of_the_latent_search_studies() -> None:
    mask = Circle(diameter=20)(64, 64)
    np.testing.assert_array_equal(mask, Circle()(64, 64))
    assert box(mask) == (22, 22, 20, 20)
    centre = (np.mgrid[:64, :64] - 31.5) ** 2
    np.testing.assert_array_equal(mask, np.sqrt(centre.sum(axis=0)) <= 10)


@settings(deadline=None)
@given(height=sides, width=sides, diameter=st.integers(2, 16))
def test_a_circle_is_the_same_from_every_side(height: int, width: int, diameter: int) -> None:
    mask = Circle(diameter=diameter)(height, width)
    np.testing.assert_array_equal(mask, mask[::-1])
    np.testing.assert_array_equal(mask, mask[:, ::-1])
    assert max(box(mask)[2:]) <= diameter + 1


def test_a_circle_of_the_whole_side_fits() -> None:
    assert box(Circle(diameter=40)(40, 70)) == (0, 15, 40, 40)


@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
def test_halves_are_on_their_side(size: tuple[int, int]) -> None:
    height, width = size
    masks = {which: Half(which=which)(*size) for which in ("left", "right", "top", "bottom")}
    assert masks["left"][:, : width // 2].all()
    assert masks["top"][: height // 2].all()
    assert masks["left"].sum() == height * (width // 2)
    assert masks["top"].sum() == width * (height // 2)
    np.testing.assert_array_equal(masks["right"], masks["left"][:, ::-1])
    np.testing.assert_array_equal(masks["bottom"], masks["top"][::-1])
    drawn = {Half(seed=seed)(*size).tobytes() for seed in range(40)}
    assert drawn == {mask.tobytes() for mask in masks.values()}
