"""Every method of the table through the contract: masks × sizes × grey and colour.

1. what lies under the mask changes nothing; 2. what lies outside comes back bit for bit; 3. the door refuses what is
not a picture and a mask; 4. same seed, same input, same answer. And no answer is ever NaN or outside [0, 1].
"""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from inpainter.core import Inpainter, Work
from inpainter.methods import METHODS
from ready import ready

SIZES = [(1, 1), (1, 7), (5, 1), (3, 3), (17, 31), (64, 48), (96, 131), None]
"""Heights and widths; None: one that the method takes, because some take but one."""


def _at(rows: slice, columns: slice) -> Callable[[int, int], np.ndarray]:
    def draw(height: int, width: int) -> np.ndarray:
        mask = np.zeros((height, width), bool)
        mask[rows, columns] = True
        return mask

    return draw


def _several(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 4 + 5, width // 4 : width // 4 + 3] = True
    mask[-height // 3 :, -4:] = True
    mask[::9, width // 2] = True
    return mask


def _all_but_one(height: int, width: int) -> np.ndarray:
    mask = np.ones((height, width), bool)
    mask[height // 2, width // 3] = False
    return mask


def _one(height: int, width: int) -> np.ndarray:
    return ~_all_but_one(height, width)


MASKS = {
    "empty": lambda height, width: np.zeros((height, width), bool),
    "full": lambda height, width: np.ones((height, width), bool),
    "border": _at(slice(None), slice(0, 3)),
    "corner": _at(slice(-6, None), slice(-9, None)),
    "one pixel": _one,
    "several": _several,
    "all but one pixel": _all_but_one,
}


@cache
def loaded(name: str) -> Inpainter:
    return ready(name)


def fitting(inpainter: Inpainter) -> tuple[int, int]:
    """A small size that the method takes."""
    multiple = inpainter.view.multiple
    return inpainter.view.fixed or (math.ceil(40 / multiple) * multiple, math.ceil(60 / multiple) * multiple)


def picture(height: int, width: int, grey: bool) -> np.ndarray:
    rng = np.random.default_rng([height, width])
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    shade = 0.2 + 0.5 * rows + 0.2 * np.sin(9 * columns)
    colours = np.stack([shade, 0.3 + 0.4 * columns, 0.9 - 0.6 * rows * columns], axis=-1)
    colours = np.clip(colours + rng.normal(0, 0.03, colours.shape), 0, 1).astype(np.float32)
    return np.repeat(colours[..., :1], 3, axis=2) if grey else colours


@pytest.mark.parametrize("grey", [False, True], ids=["rgb", "grey"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}" if size else "fitting")
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("name", METHODS)
def test_the_contract_holds(name, kind, size, grey):
    inpainter = loaded(name)
    if size is None:
        size = fitting(inpainter)
        assert inpainter.view.accept(*size)
    image, mask = picture(*size, grey), MASKS[kind](*size)
    before, mask_before = image.copy(), mask.copy()

    if not inpainter.view.accept(*size):
        with pytest.raises(ValueError, match="wants"):
            inpainter(image, mask)
        return
    if mask.all() and not inpainter.card.fills_everything:
        with pytest.raises(ValueError, match="needs some of the picture"):
            inpainter(image, mask)
        return

    answer = inpainter(image, mask, Work(3))
    assert answer.dtype == np.float32
    assert answer.shape == image.shape
    assert np.isfinite(answer).all()
    assert answer.min() >= 0
    assert answer.max() <= 1
    np.testing.assert_array_equal(answer[~mask], before[~mask])
    np.testing.assert_array_equal(image, before, "the caller's picture was changed")
    np.testing.assert_array_equal(mask, mask_before, "the caller's mask was changed")
    assert not np.shares_memory(answer, image)

    other = np.where(mask[..., None], 1 - image, image)
    np.testing.assert_array_equal(inpainter(other, mask, Work(3)), answer, "what lies under the mask leaked")


@pytest.mark.parametrize("name", METHODS)
def test_what_lies_under_the_mask_may_be_anything(name):
    """Also what is no number."""
    inpainter = loaded(name)
    size = fitting(inpainter)
    image, mask = picture(*size, grey=False), _several(*size)
    dirty = np.where(mask[..., None], np.float32(np.nan), image)
    np.testing.assert_array_equal(inpainter(dirty, mask), inpainter(image, mask))


@pytest.mark.parametrize("name", METHODS)
def test_an_inpainter_loaded_anew_answers_the_same(name):
    size = fitting(loaded(name))
    image, mask = picture(*size, grey=False), _several(*size)
    np.testing.assert_array_equal(ready(name)(image, mask, Work(1)), loaded(name)(image, mask, Work(1)))


@pytest.mark.parametrize("name", METHODS)
def test_the_door_refuses_what_is_not_a_picture_and_a_mask(name):
    inpainter = loaded(name)
    size = fitting(inpainter)
    image, mask = picture(*size, grey=False), _several(*size)
    for bad_image, bad_mask, error in (
        ((image * 255).astype(np.uint8), mask, TypeError),
        (image.astype(np.float64), mask, TypeError),
        (image, mask.astype(np.uint8), TypeError),
        (image.tolist(), mask, TypeError),
        (image[..., 0].copy(), mask, ValueError),
        (np.dstack([image, image[..., :1]]), mask, ValueError),
        (image, mask[:-1], ValueError),
        (image[:0], mask[:0], ValueError),
        (image * 2, mask, ValueError),
        (image - 1, mask, ValueError),
        (np.where(mask[..., None], image, np.float32(np.nan)), mask, ValueError),
    ):
        with pytest.raises(error, match=inpainter.card.name):
            inpainter(bad_image, bad_mask)
