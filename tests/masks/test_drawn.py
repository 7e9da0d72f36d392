"""Lines, strokes, blobs and letters, against what a drawing of that kind must have."""

import cv2
import numpy as np
import pytest

from inpainter.masks import Blob, Lines, Strokes, Text


def pieces(mask: np.ndarray, connectivity: int) -> int:
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=connectivity)[0] - 1


def opened(mask: np.ndarray, diameter: int) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc, borderType=cv2.BORDER_REPLICATE) > 0


def test_a_line_is_straight_and_as_thin_as_asked() -> None:
    for seed in range(60):
        mask = Lines(seed=seed, fewest=1, most=1, thickness=1)(50, 70)
        points = np.argwhere(mask)
        extent = np.ptp(points, axis=0) + 1
        assert len(points) == extent.max()
        # Every pixel lies within one half (and rounding) of the line between the ends.
        axis = int(np.argmax(extent))
        along, across = points[:, axis], points[:, 1 - axis]
        if along[-1] != along[0]:
            order = np.argsort(along)
            line = np.interp(along, along[order][[0, -1]], across[order][[0, -1]].astype(float))
            assert np.abs(across - line).max() <= 0.51


def test_both_ends_of_a_line_are_anywhere() -> None:
    boxes = [np.argwhere(Lines(seed=seed, fewest=1, most=1, thickness=1)(40, 40)) for seed in range(400)]
    middle = np.mean([(box.min(axis=0) + box.max(axis=0)) / 2 for box in boxes], axis=0)
    extent = np.mean([np.ptp(box, axis=0) for box in boxes], axis=0)
    # Of two uniform numbers below n the mean is (n - 1)/2, and |difference| is n/3 on average, with a deviation of
    # n/√18; five standard errors of 400 draws.
    np.testing.assert_allclose(middle, 19.5, atol=5 * 40 / np.sqrt(24 * 400))
    np.testing.assert_allclose(extent, 40 / 3, atol=5 * 40 / np.sqrt(18 * 400))


def test_one_to_nine_lines() -> None:
    counts = [pieces(Lines(seed=seed, thickness=1)(2000, 2000), 8) for seed in range(60)]
    assert max(counts) <= 9
    assert min(counts) == 1
    apart = [pieces(Lines(seed=seed, fewest=3, most=3, thickness=1)(1000, 1000), 8) for seed in range(30)]
    assert set(apart) == {1, 2, 3}


@pytest.mark.parametrize(("side", "thinnest", "thickest"), [(32, 1, 2), (64, 2, 4), (256, 8, 16)])
def test_thickness_follows_the_size(side: int, thinnest: int, thickest: int) -> None:
    single = [Lines(seed=seed, fewest=1, most=1)(side, side) for seed in range(40)]
    # How far inside the line its middle lies, what is beyond the picture counting as outside.
    wide = [cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5).max() for mask in single]
    assert max(wide) <= thickest / 2 + 1.5
    assert max(wide) > (thinnest + thickest) / 4


@pytest.mark.parametrize("seed", range(12))
def test_strokes_are_as_wide_as_the_brush(seed: int) -> None:
    mask = Strokes(seed=seed, thinnest=0.1, thickest=0.1)(256, 256)
    kept = np.count_nonzero(opened(mask, 22)) / np.count_nonzero(mask)
    assert kept > 0.97
    assert pieces(mask, 8) <= 4


def test_strokes_reach_the_whole_picture() -> None:
    often = np.mean([Strokes(seed=seed)(64, 64) for seed in range(400)], axis=0)
    quarters = often.reshape(2, 32, 2, 32).mean(axis=(1, 3))
    np.testing.assert_allclose(quarters, often.mean(), rtol=0.2)
    cells = often.reshape(8, 8, 8, 8).mean(axis=(1, 3))
    assert cells.min() > 0.4 * often.mean()


def test_strokes_are_kept_off_the_upper_limit_by_ending_not_by_chance() -> None:
    cover = [Strokes(seed=seed, fewest=50, most=50, largest=0.3)(64, 64).mean() for seed in range(10)]
    assert max(cover) <= 0.3
    assert min(cover) > 0.25


@pytest.mark.parametrize("seed", range(25))
def test_a_blob_is_one_smooth_piece(seed: int) -> None:
    mask = Blob(seed=seed)(200, 200)
    assert pieces(mask, 4) == 1
    assert np.count_nonzero(opened(mask, 9)) / np.count_nonzero(mask) > 0.99
    # The outline of a disc of this area is the shortest there is; a blob's is longer, a scribble's much longer.
    outline = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0]
    roundness = cv2.arcLength(outline, closed=True) / np.sqrt(4 * np.pi * np.count_nonzero(mask))
    assert 1.02 < roundness < 2.2


def test_a_blob_is_one_piece_in_small_and_long_pictures_too() -> None:
    for seed in range(100):
        for size in ((16, 16), (16, 64), (64, 17)):
            assert pieces(Blob(seed=seed, smallest=0.02, largest=0.04)(*size), 4) == 1


def bands(mask: np.ndarray) -> list[np.ndarray]:
    """The rows of each line of letters that have neither dots nor tails."""
    inked = np.concatenate([[False], mask.any(axis=1), [False]]).astype(int)
    starts, ends = np.flatnonzero(np.diff(inked) == 1), np.flatnonzero(np.diff(inked) == -1)
    return [mask[start:end] for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("lines", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [(256, 256), (128, 400), (400, 128)])
def test_a_caption_has_its_lines_and_fills_the_width(lines: int, size: tuple[int, int]) -> None:
    written = bands(Text(text="HI HO", lines=lines, seed=lines)(*size))
    assert len(written) == lines
    for band in written:
        columns = np.flatnonzero(band.any(axis=0))
        assert 0.75 * size[1] < np.ptp(columns) < size[1]
        assert abs(columns[0] + columns[-1] - size[1]) < 0.1 * size[1]


def test_letters_and_their_thickness_follow_the_size() -> None:
    # Of such short words every line takes as many as fill it, and none is stretched much.
    small, large = (bands(Text(text="I", lines=1)(side, side))[0] for side in (256, 1024))
    assert large.shape[0] / small.shape[0] == pytest.approx(4, rel=0.15)
    assert large.mean() == pytest.approx(small.mean(), rel=0.2)


def test_a_caption_says_what_it_is_told() -> None:
    def shape(text: str) -> np.ndarray:
        return Text(text=text, lines=1, seed=1)(64, 256)

    assert not np.array_equal(shape("photo"), shape("phoho"))
    np.testing.assert_array_equal(shape("photo"), shape("photo photo"))
    # A word too long for any line is cut, not shrunk.
    assert len(bands(Text(text="H" * 200, lines=3)(64, 64))) == 3


def test_words_are_drawn_by_the_seed_and_a_given_text_only_moves() -> None:
    def lines(kind: Text) -> list[bytes]:
        mask = kind(128, 128)
        return [band.tobytes() for band in bands(mask)]

    assert lines(Text(seed=1)) != lines(Text(seed=2))
    given = [Text(text="HI HO", seed=seed) for seed in range(6)]
    assert len({kind(128, 128).tobytes() for kind in given}) > 1
    assert {len(bands(kind(128, 128))) for kind in given} == {3}
