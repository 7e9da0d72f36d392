import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from conftest import Constant
from inpainter.core import Inpainter, InputError, Method, Sizes
from inpainter.engine.removal import fill_hole, fill_image, find_holes, grown, relative
from inpainter.masks import Lines, Scatter, Text
from inpainter.methods import load


class Ramp(Inpainter):
    """Answers the ramp that its known pixels lie on, whatever it is shown of it: a fill with a known truth."""

    method = Method("ramp", "least squares on known pixels", "tests", "ramps", "photos")

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes

    def predict(self, image, mask, seed):
        y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
        plane = np.stack([np.ones(mask.shape), y, x], -1)
        weights, *_ = np.linalg.lstsq(plane[~mask], image[~mask].astype(np.float64))
        return (plane @ weights).astype(np.float32)


def ramp(height, width):
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([0.2 + 0.5 * y / height, 0.1 + 0.8 * x / width, np.full_like(x, 0.3)], -1)


@settings(deadline=None)
@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 60), st.integers(1, 60)), elements=st.booleans()))
def test_holes_cover_every_missing_pixel_once(mask):
    count = np.zeros(mask.shape, int)
    for hole in find_holes(mask):
        count[hole.box.slices] += 1
        assert hole.crop.united(hole.box) == hole.crop
        assert np.zeros(mask.shape)[hole.crop.slices].shape == (hole.crop.height, hole.crop.width)
        inside = mask[hole.crop.slices][relative(hole)]
        assert (inside == mask[hole.box.slices]).all()
    assert (count[mask] == 1).all()
    assert count.max(initial=0) <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (700, 3), (333, 517)])
def test_an_empty_mask_has_no_hole_and_a_full_one_is_one_box(shape):
    assert find_holes(np.zeros(shape, bool)) == []
    (hole,) = find_holes(np.ones(shape, bool))
    assert (hole.box.height, hole.box.width) == shape


def test_far_holes_stay_apart_and_near_ones_share_a_box():
    mask = np.zeros((400, 400), bool)
    mask[10:20, 10:20] = mask[26:30, 26:30] = mask[300:310, 350:360] = True
    near, far = find_holes(mask)
    assert near.box == (10, 10, 20, 20)
    assert far.box == (350, 300, 10, 10)


def test_a_long_scratch_is_cut_so_that_crops_stay_small():
    mask = np.zeros((3000, 4000), bool)
    y = np.arange(3000)
    mask[y, y] = mask[y, y + 1] = True
    holes = find_holes(mask)
    assert 2 < len(holes) < 40
    assert max(hole.crop.area for hole in holes) < 4_000_000


def test_dust_all_over_a_large_photo_makes_no_thousands_of_holes():
    mask = Scatter(seed=1)(2000, 2000)
    sparse = np.zeros((6000, 6000), bool)
    sparse[::40, ::40] = True
    for wanted in (mask, sparse):
        holes = find_holes(wanted)
        assert len(holes) <= 400
        assert sum(np.count_nonzero(wanted[hole.box.slices]) for hole in holes) == np.count_nonzero(wanted)


@pytest.mark.parametrize(
    "sizes",
    [Sizes(), Sizes(minimum=90), Sizes(multiple=32), Sizes(minimum=40, multiple=7), Sizes(fixed=(64, 64))],
    ids=str,
)
@pytest.mark.parametrize("where", ["inside", "corner", "edge", "pixel"])
def test_a_ramp_is_filled_whatever_sizes_the_method_takes(sizes, where):
    image = ramp(83, 131)
    mask = np.zeros((83, 131), bool)
    places = {"inside": np.s_[30:50, 40:70], "corner": np.s_[:20, :20], "edge": np.s_[70:, 50:90], "pixel": (5, 5)}
    mask[places[where]] = True
    answer = fill_image(Ramp(sizes), image, mask)
    assert answer[~mask].tobytes() == image[~mask].tobytes()
    if sizes.fixed is None and sizes != Sizes():
        # Padding mirrors the ramp, so a plane no longer fits it exactly.
        tolerance = 0.35
    else:
        tolerance = 0.02
    assert np.abs(answer - image)[mask].max() < tolerance


@pytest.mark.parametrize("sizes", [Sizes(), Sizes(multiple=16), Sizes(fixed=(32, 48))], ids=str)
def test_nothing_under_the_mask_leaks(sizes, rng):
    mask = Lines(seed=3)(60, 80)
    first = rng.random((60, 80, 3), dtype=np.float32)
    second = np.where(mask[..., None], rng.random((60, 80, 3), dtype=np.float32), first)
    inpainters = Constant(sizes=sizes), Constant(sizes=sizes)
    for inpainter, image in zip(inpainters, (first, second), strict=True):
        fill_image(inpainter, image, mask)
    for (a, *_), (b, *_) in zip(inpainters[0].seen, inpainters[1].seen, strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_method_of_one_size_fills_a_hole_that_its_small_picture_is_all_made_of():
    mask = np.ones((300, 300), bool)
    mask[::7, ::7] = False
    image = np.full((300, 300, 3), 0.25, np.float32)
    answer = fill_hole(Ramp(Sizes(fixed=(16, 16))), image, mask)
    assert np.abs(answer - 0.25).max() < 1e-3


def test_the_seed_arrives_and_progress_is_told(constant, rng):
    mask = np.zeros((500, 500), bool)
    mask[5, 5] = mask[400, 400] = True
    told = []
    fill_image(constant, rng.random((500, 500, 3), dtype=np.float32), mask, seed=9, on_hole=lambda *a: told.append(a))
    assert told == [(1, 2), (2, 2)]
    assert [seed for _, _, seed in constant.seen] == [9, 9]


def test_a_full_mask_is_one_line_with_a_remedy(constant):
    with pytest.raises(InputError, match=r"covers the whole picture.*--mask-colour black"):
        fill_image(constant, np.zeros((9, 9, 3), np.float32), np.ones((9, 9), bool))


@pytest.mark.parametrize("pixels", [0, 1, 4])
def test_grow_widens_by_a_disc(pixels):
    mask = Text(seed=1)(80, 120)
    y, x = np.nonzero(mask)
    gy, gx = np.mgrid[:80, :120]
    distance = np.sqrt(((gy[..., None] - y) ** 2 + (gx[..., None] - x) ** 2).min(axis=-1))
    wide = grown(mask, pixels)
    assert (wide >= (distance <= pixels - 0.5)).all()
    assert (wide <= (distance <= pixels + 0.5)).all()


def test_grow_is_not_negative():
    with pytest.raises(InputError, match="grow -1"):
        grown(np.zeros((3, 3), bool), -1)


@pytest.mark.parametrize("name", ["telea", "navier-stokes"])
def test_what_a_method_says_it_reaches_is_all_that_it_looks_at(name, rng):
    inpainter = load(name)
    assert inpainter.reach is not None
    image = np.clip(rng.normal(0.5, 0.1, (160, 170, 3)), 0, 1).astype(np.float32)
    mask = np.zeros((160, 170), bool)
    mask[64:90, 70:100] = mask[:12, :9] = True
    assert fill_image(inpainter, image, mask).tobytes() == inpainter(image, mask).tobytes()
