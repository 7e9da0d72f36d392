"""A sheet of pictures side by side."""

import cv2
import numpy as np
import pytest

from inpainter.core import Box
from inpainter.engine.sheet import (
    ENLARGED,
    GAP,
    LEAST,
    LINE,
    LONGEST,
    cell_size,
    draw_sheet,
    encoded,
    surroundings,
    tinted,
)  # fmt: skip


def drawn(box, count, shades):
    height, width = cell_size(box, count)
    pictures = [np.full((height, width, 3), shade, np.uint8) for shade in shades]
    return draw_sheet([(str(i), picture) for i, picture in enumerate(pictures)])


@pytest.mark.parametrize("count", [2, 3, 5, 9, 17])
@pytest.mark.parametrize(
    "size", [(60, 80), (600, 800), (3000, 4000), (4000, 3000), (97, 12000), (12000, 97), (100, 3000), (3000, 100)]
)
def test_a_sheet_is_not_large_and_holds_every_picture(size, count):
    shades = [10 * (i + 1) for i in range(count)]
    sheet = drawn(Box(0, 0, size[1], size[0]), count, shades)
    assert sheet.shape[1] <= LONGEST
    assert sheet.shape[0] <= LONGEST
    height, width = cell_size(Box(0, 0, size[1], size[0]), count)
    for shade in shades:
        assert (sheet == shade).all(axis=2).sum() >= height * width
    assert (sheet[0] == 255).all()


def test_small_pictures_are_enlarged_and_others_never():
    assert cell_size(Box(0, 0, 80, 60), 5) == (ENLARGED * 60 // 80, ENLARGED)
    assert cell_size(Box(0, 0, 500, 400), 5) == (400, 500)
    height, width = cell_size(Box(0, 0, 4000, 3000), 5)
    assert 500 < width < 1000
    assert height == pytest.approx(width * 0.75, abs=1)


def test_a_label_stands_above_every_picture():
    sheet = drawn(Box(0, 0, 400, 300), 4, [200] * 4)
    for top in (GAP, 2 * GAP + LINE + 300):
        for left in (GAP, 2 * GAP + 400):
            assert (sheet[top : top + LINE, left : left + 60] < 128).any()


def test_what_is_around_the_holes_is_seen():
    assert surroundings([Box(100, 100, 20, 10)], 400, 400) == Box(100, 100, 20, 10).within(400, 400, LEAST)
    both = surroundings([Box(0, 0, 10, 10), Box(390, 300, 10, 10)], 400, 400)
    assert both == Box(0, 0, 400, 400)


@pytest.mark.parametrize("scale", [1, 4, 0.5])
def test_the_mask_is_laid_over_in_colour(scale):
    mask = np.zeros((40, 60), bool)
    mask[:20] = True
    picture = np.full((round(40 / scale), round(60 / scale), 3), 100, np.uint8)
    seen = tinted(picture, mask).astype(int)
    half = len(picture) // 2
    assert (seen[half:] == 100).all()
    assert (seen[:half, :, 0] - seen[:half, :, 1] > 80).all()


def test_a_sheet_becomes_a_png_file():
    sheet = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    again = cv2.imdecode(np.frombuffer(encoded(sheet), np.uint8), cv2.IMREAD_COLOR)
    assert (again[..., ::-1] == sheet).all()
