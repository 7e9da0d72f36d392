"""Every method of the table through the contract, at sizes that it takes and, by the fill core, at others.

1. what lies under the mask changes nothing; 2. what lies outside comes back bit for bit; 3. a fill is finite and in
[0, 1]; 4. same seed, same input, same fill, whatever the process drew, and what was handed over stays as it was. What
`Inpainter` refuses for all of them is tested once, in tests/core.
"""

import math
import random
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch

from conftest import Constant
from inpainter.core import Inpainter, InputError, View, Work
from inpainter.engine.removal import fill_images
from inpainter.methods import METHODS
from ready import ready

MASKS = {
    "empty": (),
    "full": (np.s_[:],),
    "border": (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]),
    "corner": (np.s_[-6:, -9:],),
    "one pixel": (np.s_[:1, :1],),
    "several": (np.s_[2:7, 3:6], np.s_[-9:, -4:], np.s_[::9, 8:9]),
    "two that touch": (np.s_[3:8, 2:7], np.s_[8:11, 7:12]),
    "all but one pixel": (np.s_[1:], np.s_[:, 1:]),
}
"""The parts that are missing, as far as a picture has them."""
LARGE = (np.s_[1:-1, 30:-20],)
"""A hole that no network sees at its own size."""

CORE = {
    "1x1": ((1, 1), "full", np.uint8, 3),
    "1x2": ((1, 2), "one pixel", np.uint8, 1),
    "3x200": ((3, 200), "several", np.uint8, 3),
    "200x3": ((200, 3), "corner", np.uint16, 3),
    "37x53": ((37, 53), "two that touch", np.float32, 4),
    "21x13": ((21, 13), "corner", np.uint16, 4),
    "45x61": ((45, 61), "one pixel", np.uint8, 2),
    "59x31": ((59, 31), "border", np.float64, 1),
    "150x190": ((150, 190), "several", np.uint8, 4),
    "131x70": ((131, 70), "large", np.uint16, 1),
}
"""Pictures of sizes that networks do not take: size, mask, type of the samples, bands."""


def drawn(kind: str, height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    for part in MASKS.get(kind, LARGE):
        mask[part] = True
    return mask


@cache
def loaded(name: str) -> Inpainter:
    return ready(name)


def sizes(view: View) -> list[tuple[int, int]]:
    """Sizes that a method of this view takes: its only one, or small, long, odd and larger ones."""
    if view.fixed is not None:
        return [view.fixed]
    least = math.ceil(max(view.minimum, 1) / view.multiple) * view.multiple
    steps = [(1, 1), (1, 7), (5, 1), (3, 3), (math.ceil(17 / least), math.ceil(31 / least))]
    steps.append((math.ceil(64 / least), math.ceil(48 / least)))
    return list(dict.fromkeys((rows * least, columns * least) for rows, columns in steps))


def picture(height: int, width: int, grey: bool) -> np.ndarray:
    rng = np.random.default_rng([height, width])
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    shade = 0.2 + 0.5 * rows + 0.2 * np.sin(9 * columns)
    colours = np.stack([shade, 0.3 + 0.4 * columns, 0.9 - 0.6 * rows * columns], axis=-1)
    colours = np.clip(colours + rng.normal(0, 0.03, colours.shape), 0, 1).astype(np.float32)
    return np.repeat(colours[..., :1], 3, axis=2) if grey else colours


def samples(height: int, width: int, dtype: type, bands: int) -> np.ndarray:
    """The picture as a file may hold it; of alpha, the upper third is transparent."""
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    shades = picture(height, width, grey=bands < 3)[..., : 3 if bands > 2 else 1]
    if bands in (2, 4):
        alpha = np.random.default_rng(bands).choice([0.5, 1], (height, width, 1))
        alpha[: height // 3] = 0
        shades = np.concatenate([shades, alpha], axis=2)
    return (shades * top).astype(dtype)


def disturbed(image: np.ndarray, unseen: np.ndarray, colours: int = 3) -> np.ndarray:
    """The image with other colours where nobody may look, some of which are no numbers."""
    other, found = image.copy(), image[unseen, :colours]
    noise = np.random.default_rng(1).random(found.shape)
    if image.dtype.kind == "u":
        noise *= np.iinfo(image.dtype).max
    else:
        noise[::3] = np.nan
    other[unseen, :colours] = noise.astype(image.dtype)
    return other


def random_states() -> tuple:
    kind, keys, *rest = np.random.get_state()
    return random.getstate(), kind, keys.tobytes(), *rest, torch.get_rng_state().numpy().tobytes()


def check(
    fill: Callable[[np.ndarray, np.ndarray], np.ndarray], image: np.ndarray, mask: np.ndarray, other: np.ndarray
) -> None:
    """Fill a picture, and an `other` that differs from it where nobody may look."""
    filled = []
    for shown in (image, other):
        # No fill may depend on what a process has drawn.
        random.random()
        np.random.random()
        torch.rand(1)
        before, shown, hole = random_states(), shown.copy(), mask.copy()
        given = shown.tobytes()
        found = fill(shown, hole)
        filled.append(found[mask])
        assert random_states() == before, "a global random state was changed"
        assert shown.tobytes() == given, "the caller's picture was changed"
        assert np.array_equal(hole, mask), "the caller's mask was changed"
        assert (found.dtype, found.shape) == (shown.dtype, shown.shape)
        assert found[~mask].tobytes() == shown[~mask].tobytes(), "what is known was changed"
        assert not np.shares_memory(found, shown)
    assert np.isfinite(filled[0]).all()
    assert filled[0].dtype.kind == "u" or ((filled[0] >= 0) & (filled[0] <= 1)).all()
    assert filled[0].tobytes() == filled[1].tobytes(), "not the same fill, or what nobody may see changed it"


def watch(inpainter: Inpainter, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the masks that a method is asked to fill from now on."""
    asked: list[tuple[int, ...]] = []
    wrapped = inpainter.predict_batch

    def predict_batch(images, masks, works):
        asked.extend(mask.shape for mask in masks)
        return wrapped(images, masks, works)

    monkeypatch.setattr(inpainter, "predict_batch", predict_batch)
    return asked


def direct(inpainter: Inpainter, seed: int = 3) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda image, mask: inpainter(image, mask, Work(seed))


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("name", METHODS)
def test_the_contract_holds_at_the_sizes_that_a_method_takes(name, kind, monkeypatch):
    inpainter = loaded(name)
    for size in sizes(inpainter.view):
        mask = drawn(kind, *size)
        for grey in (False, True):
            image = picture(*size, grey)
            asked = watch(inpainter, monkeypatch)
            if mask.all() and not inpainter.card.fills_everything:
                with pytest.raises(ValueError, match="needs some of the picture"):
                    inpainter(image, mask)
                assert not asked
                continue
            check(direct(inpainter), image, mask, disturbed(image, mask))
            assert asked == 2 * mask.any() * [size]
            monkeypatch.undo()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_runs_at_every_size_of_the_sweep(name, monkeypatch):
    """A method that is added and that takes none of them is found here."""
    inpainter = loaded(name)
    asked = watch(inpainter, monkeypatch)
    given = [size for size in sizes(inpainter.view) if max(size) > 1]
    for size in given:
        inpainter(picture(*size, grey=False), drawn("one pixel", *size))
    assert asked == given
    assert given


@pytest.mark.parametrize("case", CORE)
@pytest.mark.parametrize("name", METHODS)
def test_the_contract_holds_at_other_sizes_by_the_fill_core(name, case, monkeypatch):
    inpainter = loaded(name)
    size, kind, dtype, bands = CORE[case]
    image, mask = samples(*size, dtype, bands), drawn(kind, *size)
    asked = watch(inpainter, monkeypatch)

    def fill(image, mask):
        (filled,) = fill_images(inpainter, [image], [mask], seed=3)
        if bands in (2, 4):
            assert filled[..., -1].tobytes() == image[..., -1].tobytes(), "alpha was changed"
        return filled

    if mask.all() and not inpainter.card.fills_everything:
        with pytest.raises(InputError, match="covers the whole picture"):
            fill(image, mask)
        return
    colours = bands - (bands in (2, 4))
    unseen = mask if colours == bands else mask | (image[..., -1] == 0)
    check(fill, image, mask, disturbed(image, unseen, colours))
    assert asked
    assert all(inpainter.view.accept(*shape) for shape in asked)


@pytest.mark.parametrize("name", METHODS)
def test_pictures_that_come_together_are_filled_as_each_is_alone(name):
    inpainter = loaded(name)
    size = sizes(inpainter.view)[-1]
    kinds = ["several", "empty", "corner"]
    masks = np.stack([drawn(kind, *size) for kind in kinds])
    images = np.stack([picture(*size, grey) for grey in (False, True, True)])
    works = [Work(seed) for seed in (3, 4, 5)]
    for image, mask, work, filled in zip(images, masks, works, inpainter.call_batch(images, masks, works), strict=True):
        # Libraries may sum in another order.
        np.testing.assert_allclose(filled, inpainter(image, mask, work), atol=1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_loaded_again_fills_the_same(name):
    size = sizes(loaded(name).view)[-1]
    image, mask = picture(*size, grey=False), drawn("several", *size)
    np.testing.assert_array_equal(direct(ready(name))(image, mask), direct(loaded(name))(image, mask))


class Drawing(Constant):
    def predict(self, image, mask, work):
        return np.full_like(image, self.value())


HIDDEN_STATE = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (lambda: random.random(), "global random state"),
        (lambda: np.random.random(), "global random state"),
        (lambda: torch.rand(1).item(), "global random state"),
        (lambda: HIDDEN_STATE.random(), "not the same fill"),
        # Put back as it was, and yet the process decides.
        (lambda: np.random.default_rng(np.random.get_state()[2]).random(), "not the same fill"),
    ],
    ids=["python", "numpy", "torch", "own", "copied"],
)
def test_the_sweep_finds_what_the_base_class_cannot_forbid(value, says):
    image, mask = picture(9, 9, grey=False), drawn("corner", 9, 9)
    with pytest.raises(AssertionError, match=says):
        check(direct(Drawing(value)), image, mask, disturbed(image, mask))
