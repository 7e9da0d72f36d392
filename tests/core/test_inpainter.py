import numpy as np
import pytest

from conftest import Constant
from inpainter.core import Inpainter, Method, Sizes


@pytest.fixture
def image(rng):
    return rng.random((6, 7, 3), dtype=np.float32)


@pytest.fixture
def mask():
    mask = np.zeros((6, 7), bool)
    mask[2:4, 3:6] = True
    return mask


def test_the_method_sees_no_truth_and_changes_nothing_outside(image, mask, constant):
    answer = constant(image, mask, seed=7)
    seen_image, seen_mask, seed = constant.seen[0]
    assert seed == 7
    assert (seen_image[mask] == 0).all()
    assert (seen_image[~mask] == image[~mask]).all()
    assert (seen_mask == mask).all()
    assert answer[~mask].tobytes() == image[~mask].tobytes()
    assert (answer[mask] == np.float32(0.5)).all()


def test_nan_under_the_mask_is_no_error(image, mask, constant):
    image[mask] = np.nan
    assert np.isfinite(constant(image, mask)).all()


def test_an_empty_mask_gives_a_copy_and_asks_no_method(image, constant):
    answer = constant(image, np.zeros((6, 7), bool))
    assert answer.tobytes() == image.tobytes()
    assert answer is not image
    assert not constant.seen


def test_the_method_may_scribble_on_what_it_gets(image, mask):
    class Scribbler(Constant):
        def predict(self, image, mask, seed):
            image[:] = 0.25
            mask[:] = True
            return image

    before = image.copy(), mask.copy()
    answer = Scribbler()(image, mask)
    assert (image == before[0]).all()
    assert (mask == before[1]).all()
    assert (answer[~mask] == image[~mask]).all()


def test_answers_are_clipped(image, mask):
    assert Constant(3.0)(image, mask)[mask].max() == 1
    assert Constant(-3.0)(image, mask)[mask].min() == 0


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda i, m: (i.astype(np.float64), m), TypeError, "image as a NumPy array of float32, not float64"),
        (lambda i, m: (i.tolist(), m), TypeError, "not list"),
        (lambda i, m: (i, m.astype(np.uint8)), TypeError, "mask as a NumPy array of bool, not uint8"),
        (lambda i, m: (i[..., 0], m), ValueError, r"wants an image \(H, W, 3\), not \(6, 7\)"),
        (lambda i, m: (i[:0], m[:0]), ValueError, r"not \(0, 7, 3\)"),
        (lambda i, m: (i, m[:3]), ValueError, r"mask \(6, 7\) for this image, not \(3, 7\)"),
        (lambda i, m: (i * 255, m), ValueError, r"values in \[0, 1\]"),
        (lambda i, m: (i - 1, m), ValueError, r"values in \[0, 1\]"),
        (lambda i, m: (np.where(m[..., None], i, np.float32(np.nan)), m), ValueError, r"values in \[0, 1\]"),
        (lambda i, m: (i, ~np.zeros_like(m)), ValueError, "covers all of it"),
    ],
)
def test_the_door(image, mask, constant, change, error, says):
    with pytest.raises(error, match=says):
        constant(*change(image, mask))
    assert not constant.seen


def test_a_full_mask_is_for_those_who_can(image):
    everything = np.ones((6, 7), bool)
    assert (Constant(fills_everything=True)(image, everything) == 0.5).all()


@pytest.mark.parametrize(
    ("sizes", "good", "bad"),
    [
        (Sizes(minimum=6), (6, 7), (5, 7)),
        (Sizes(multiple=4), (8, 12), (8, 10)),
        (Sizes(fixed=(6, 7)), (6, 7), (7, 6)),
    ],
)
def test_sizes(sizes, good, bad):
    inpainter = Constant(sizes=sizes)
    for (height, width), fits in ((good, True), (bad, False)):
        assert sizes.accept(height, width) == fits
        image, mask = np.zeros((height, width, 3), np.float32), np.zeros((height, width), bool)
        mask[0, 0] = True
        if fits:
            inpainter(image, mask)
        else:
            with pytest.raises(ValueError, match="constant wants"):
                inpainter(image, mask)


@pytest.mark.parametrize("answer", [np.zeros((6, 7), np.float32), np.full((6, 7, 3), np.nan, np.float32)])
def test_a_method_that_answers_nonsense_is_a_bug(image, mask, answer):
    class Broken(Inpainter):
        method = Method("broken", "", "", "", "")

        def predict(self, image, mask, seed):
            return answer

    with pytest.raises(RuntimeError, match="broken answered"):
        Broken()(image, mask)
