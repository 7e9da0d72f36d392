import numpy as np
import pytest

from conftest import Constant
from inpainter.core import Card, Inpainter, View, Work


@pytest.fixture
def image(rng):
    return rng.random((6, 7, 3), dtype=np.float32)


@pytest.fixture
def mask():
    mask = np.zeros((6, 7), bool)
    mask[2:4, 3:6] = True
    return mask


def test_the_method_sees_no_truth_and_changes_nothing_outside(image, mask, constant):
    work = Work(seed=7)
    answer = constant(image, mask, work)
    seen_image, seen_mask, seen_work = constant.seen[0]
    assert seen_work is work
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
        def predict(self, image, mask, work):
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
    ("view", "good", "bad"),
    [
        (View(minimum=6), (6, 7), (5, 7)),
        (View(multiple=4), (8, 12), (8, 10)),
        (View(fixed=(6, 7)), (6, 7), (7, 6)),
    ],
)
def test_sizes(view, good, bad):
    inpainter = Constant(view=view)
    for (height, width), fits in ((good, True), (bad, False)):
        assert view.accept(height, width) == fits
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
        card = Card("broken", "", "", "", "")

        def predict(self, image, mask, work):
            return answer

    with pytest.raises(RuntimeError, match="broken returned"):
        Broken()(image, mask)


@pytest.mark.parametrize("energy", [np.nan, np.inf])
def test_an_energy_that_nothing_compares_with_is_a_bug(image, mask, energy):
    class Broken(Constant):
        def predict(self, image, mask, work):
            work.energy = energy
            return image

    with pytest.raises(RuntimeError, match="energy that is not a finite number"):
        Broken()(image, mask)


class Shade(Inpainter):
    """Draws one value a picture from its seed; many at a time are drawn by the same predict."""

    card = Card("shade", "", "", "", "")

    def predict(self, image, mask, work):
        return np.full_like(image, np.random.default_rng(work.seed).random())


def test_a_batch_keeps_the_contract_and_is_each_of_its_pictures(rng):
    images = rng.random((4, 6, 7, 3), dtype=np.float32)
    masks = rng.random((4, 6, 7)) < 0.4
    masks[2] = False
    works = [Work(seed) for seed in (5, 5, 6, 7)]
    filled = Shade().call_batch(images, masks, works)
    for image, mask, work, one in zip(images, masks, works, filled, strict=True):
        assert one.tobytes() == Shade()(image, mask, work).tobytes()
    assert filled[~masks].tobytes() == images[~masks].tobytes()
    assert Shade().call_batch(images[:0], masks[:0]).shape == (0, 6, 7, 3)


def test_only_pictures_with_holes_come_to_a_batch_and_all_at_once(rng):
    seen = []

    class Counting(Constant):
        def predict_batch(self, images, masks, works):
            seen.append((images.copy(), masks.copy(), [work.seed for work in works]))
            return np.full_like(images, 0.25)

    images = rng.random((3, 6, 7, 3), dtype=np.float32)
    masks = np.zeros((3, 6, 7), bool)
    masks[0, :2] = masks[2, 4:] = True
    Counting().call_batch(images, masks, [Work(1), Work(2), Work(3)])
    ((blanked, shown, seeds),) = seen
    assert seeds == [1, 3]
    assert (shown == masks[[0, 2]]).all()
    assert (blanked[shown] == 0).all()
    assert (blanked[~shown] == images[[0, 2]][~shown]).all()


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda i, m: (i[0], m), ValueError, r"wants an image \(N, H, W, 3\)"),
        (lambda i, m: (i, m[:1]), ValueError, r"mask \(2, 6, 7\)"),
        (lambda i, m: (i * 2, m), ValueError, r"values in \[0, 1\]"),
        (lambda i, m: (i, np.stack([m[0], ~np.zeros_like(m[0])])), ValueError, "covers all of it"),
        (lambda i, m: (i, m, [Work()]), ValueError, "a work for each of 2"),
        (lambda i, m: (i, m, [Work(source=m[0]), Work(source=m[0, :2])]), ValueError, "source of bool"),
    ],
)
def test_the_door_of_batches(image, mask, constant, change, error, says):
    with pytest.raises(error, match=says):
        constant.call_batch(*change(np.stack([image, image]), np.stack([mask, mask])))
    assert not constant.seen


def test_what_a_method_has_not_is_declared(image, mask, constant):
    assert constant.raw(image[None], mask[None]) is None
    assert not constant.encodes
    with pytest.raises(NotImplementedError, match="constant has no encoder"):
        constant.encode(image[None], mask[None])
