import warnings

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw

from conftest import Constant, Drawing
from inpainter.core import Box, Cancelled, Card, Inpainter, InputError, View
from inpainter.engine.removal import Picture, fill_images, fill_pictures, find_holes, grown
from inpainter.masks import Lines, Scatter, Text
from inpainter.methods import load


class Ramp(Inpainter):
    """Answers the ramp that its known pixels lie on, whatever it is shown of it: a fill with a known truth."""

    card = Card("ramp", "least squares on known pixels", "tests", "ramps", "photos")

    def __init__(self, view: View) -> None:
        self.view = view

    def predict(self, image, mask, work):
        y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
        plane = np.stack([np.ones(mask.shape), y, x], -1)
        weights, *_ = np.linalg.lstsq(plane[~mask], image[~mask].astype(np.float64))
        return (plane @ weights).astype(np.float32)


def filled(inpainter, image, mask, **options):
    return fill_images(inpainter, [image], [mask], **options)[0]


def ramp(height, width):
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([0.2 + 0.5 * y / height, 0.1 + 0.8 * x / width, np.full_like(x, 0.3)], -1)


@settings(deadline=None)
@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 60), st.integers(1, 60)), elements=st.booleans()))
def test_holes_cover_every_missing_pixel_once(mask):
    count = np.zeros(mask.shape, int)
    for hole in find_holes(mask):
        count[hole.box.slices] += 1
        crop = hole.crop(*mask.shape)
        assert crop.united(hole.box) == crop
        assert crop.united(hole.frame) == hole.frame
        assert np.zeros(mask.shape)[crop.slices].shape == (crop.height, crop.width)
        assert (mask[crop.slices][hole.box.relative_to(crop).slices] == mask[hole.box.slices]).all()
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
    assert max(hole.frame.area for hole in holes) < 4_000_000


def test_dust_all_over_a_large_photo_makes_no_thousands_of_holes():
    mask = Scatter(seed=1)(2000, 2000)
    sparse = np.zeros((6000, 6000), bool)
    sparse[::40, ::40] = True
    for wanted in (mask, sparse):
        holes = find_holes(wanted)
        assert len(holes) <= 400
        assert sum(np.count_nonzero(wanted[hole.box.slices]) for hole in holes) == np.count_nonzero(wanted)


class Nearest(Inpainter):
    """Answers each missing pixel with the nearest known one: right where the picture is even, mirrored or not."""

    card = Card("nearest", "the nearest known pixel", "tests", "tests", "photos")

    def __init__(self, view: View) -> None:
        self.view = view

    def predict(self, image, mask, work):
        known, missing = np.argwhere(~mask), np.argwhere(mask)
        nearest = [known[((known - place) ** 2).sum(-1).argmin()] for place in missing]
        image[mask] = image[tuple(np.transpose(nearest))]
        return image


@pytest.mark.parametrize(
    "view",
    [
        View(),
        View(minimum=90),
        View(multiple=32),
        View(minimum=40, multiple=7),
        View(fixed=(64, 64)),
        View(context="whole"),
        View(context="pixels", amount=30),
        View(context="square", amount=2),
        View(fixed=(32, 64)),
        View(fixed=(32, 32), context="square", amount=2),
    ],
    ids=str,
)
@pytest.mark.parametrize("where", ["inside", "corner", "edge", "pixel"])
def test_a_ramp_is_filled_whatever_the_method_wants_to_see(view, where):
    image = ramp(83, 131)
    mask = np.zeros((83, 131), bool)
    places = {"inside": np.s_[30:50, 40:70], "corner": np.s_[:20, :20], "edge": np.s_[70:, 50:90], "pixel": (5, 5)}
    mask[places[where]] = True
    (hole,) = find_holes(mask, view)
    inpainters: list[Inpainter] = [Nearest(view)]
    # Where the picture is mirrored, a plane no longer fits it exactly.
    if hole.crop(83, 131) == hole.frame:
        inpainters.append(Ramp(view))
    # Per pixel the ramp rises by less than 0.0062, so that is how far the nearest known pixel can be off. Where the
    # frame is scaled down, the hole grows by up to a small pixel, and scaling up spreads that by another.
    depth = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[mask]
    scale = hole.frame.height / view.fixed[0] if view.fixed else 1
    near = 0.01 + 0.0062 * (depth + (2 * scale if scale > 1 else 0))
    for inpainter, tolerance in zip(inpainters, (near, 0.02), strict=False):
        answer = filled(inpainter, image, mask)
        assert answer[~mask].tobytes() == image[~mask].tobytes()
        assert (np.abs(answer - image)[mask].max(axis=-1) < tolerance).all()
    # A fill that knows nothing of where it is does not pass for one that does.
    blind = np.abs(filled(Constant(0.5, view), image, mask) - image)[mask].max(axis=-1)
    assert (blind > near).any()


@pytest.mark.parametrize("view", [View(), View(multiple=16), View(fixed=(32, 48))], ids=str)
def test_nothing_under_the_mask_leaks(view, rng):
    mask = Lines(seed=3)(60, 80)
    first = rng.random((60, 80, 3), dtype=np.float32)
    second = np.where(mask[..., None], rng.random((60, 80, 3), dtype=np.float32), first)
    inpainters = Constant(view=view), Constant(view=view)
    for inpainter, image in zip(inpainters, (first, second), strict=True):
        filled(inpainter, image, mask)
    for (a, *_), (b, *_) in zip(inpainters[0].seen, inpainters[1].seen, strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_method_of_one_size_fills_a_hole_that_its_small_picture_is_all_made_of():
    mask = np.ones((300, 300), bool)
    mask[::7, ::7] = False
    image = np.full((300, 300, 3), 0.25, np.float32)
    answer = filled(Ramp(View(fixed=(16, 16))), image, mask)
    assert np.abs(answer - 0.25).max() < 1e-3


def test_the_seed_arrives_and_progress_is_told(constant, rng):
    mask = np.zeros((500, 500), bool)
    mask[5, 5] = mask[400, 400] = True
    told = []
    filled(constant, rng.random((500, 500, 3), dtype=np.float32), mask, seed=9, on_step=lambda *a: told.append(a))
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert [work.seed for _, _, work in constant.seen] == [9, 9]


def test_a_full_mask_is_one_line_with_a_remedy(constant):
    with pytest.raises(InputError, match=r"covers the whole picture.*inverted, pass ~mask"):
        filled(constant, np.zeros((9, 9, 3), np.float32), np.ones((9, 9), bool))


@pytest.mark.parametrize("pixels", [0, 1, 4])
def test_grow_widens_by_a_disc(pixels):
    mask = Text(seed=1)(80, 120)
    y, x = np.nonzero(mask)
    gy, gx = np.mgrid[:80, :120]
    distance = np.sqrt(((gy[..., None] - y) ** 2 + (gx[..., None] - x) ** 2).min(axis=-1))
    wide = grown(mask, pixels)
    assert (wide >= (distance <= pixels - 0.5)).all()
    assert (wide <= (distance <= pixels + 0.5)).all()


@pytest.mark.parametrize("pixels", [9, 20, 60, 150])
def test_a_wide_disc_is_one_too(pixels):
    mask = np.zeros((200, 240), bool)
    mask[40:44, 50:60] = mask[150, 200] = True
    y, x = np.nonzero(mask)
    gy, gx = np.mgrid[:200, :240]
    distance = np.sqrt(((gy[..., None] - y) ** 2 + (gx[..., None] - x) ** 2).min(axis=-1))
    wide = grown(mask, pixels)
    assert (wide >= (distance <= pixels - 0.5)).all()
    assert (wide <= (distance <= pixels + 0.5)).all()
    assert mask.sum() == 41, "the caller's mask was changed"


def test_a_mask_grows_by_more_than_the_picture_has():
    for mask in (spots(90, 80, (0, 0)), spots(90, 80, (40, 70))):
        assert grown(mask, 10**30).all()
        assert grown(mask[::-1].T, 1_000_000).all()
    assert not grown(np.zeros((90, 80), bool), 10**30).any()


@pytest.mark.parametrize("pixels", [1, 3, 8])
def test_near_the_border_a_mask_grows_as_it_would_in_a_larger_picture(pixels):
    mask = Text(seed=1)(80, 120)
    wide = grown(np.pad(mask, 20), pixels)[20:-20, 20:-20]
    assert (grown(mask, pixels) == wide).all()


@pytest.mark.parametrize("pixels", [-1, 1.5, "2", None, np.float64(2), True])
def test_grow_is_a_whole_number_and_not_negative(pixels):
    with pytest.raises(InputError, match=f"grow {pixels}: "):
        grown(np.zeros((3, 3), bool), pixels)


def test_grow_may_be_a_whole_number_of_numpy():
    assert grown(spots(30, 30, (10, 10)), np.int64(2)).any()


@pytest.mark.parametrize("name", ["telea", "navier-stokes"])
def test_what_a_method_says_it_reaches_is_all_that_it_looks_at(name, rng):
    inpainter = load(name)
    assert inpainter.view.context == "pixels"
    image = np.clip(rng.normal(0.5, 0.1, (160, 170, 3)), 0, 1).astype(np.float32)
    mask = np.zeros((160, 170), bool)
    mask[64:90, 70:100] = mask[:12, :9] = True
    assert filled(inpainter, image, mask).tobytes() == inpainter(image, mask).tobytes()


class Looking(Constant):
    """Remembers its batches, and steps through each of its works."""

    def predict_batch(self, images, masks, works):
        self.batches = [*getattr(self, "batches", []), (images.copy(), masks.copy(), list(works))]
        for work in works:
            work.step(1, 2)
        return np.full_like(images, self.value)


def spots(height, width, *places):
    mask = np.zeros((height, width), bool)
    for y, x in places:
        mask[y : y + 10, x : x + 10] = True
    return mask


@pytest.mark.parametrize("shape", [(240, 320), (320, 90), (50, 40), (70, 500)])
@pytest.mark.parametrize("where", [(0, 0), (30, 20), (40, 30)])
def test_a_network_of_one_size_sees_squares_as_squares(shape, where):
    """Circles of one radius, on a grid: squeezed they would be as wide as high no more."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.repeat((np.hypot(y % 40 - 20, x % 40 - 20) < 15)[..., None].astype(np.float32), 3, axis=2)
    mask = np.zeros(shape, bool)
    mask[where[0] : where[0] + 4, where[1] : where[1] + 4] = True
    mask[10:12, 5:35] = True
    seeing = Looking(view=View(fixed=(64, 64)))
    filled(seeing, image, mask)
    for images, masks, _ in seeing.batches:
        for seen, hidden in zip(images[..., 0], masks, strict=True):
            across, down = np.abs(np.diff(seen, axis=1)), np.abs(np.diff(seen, axis=0))
            known = ~hidden[1:, 1:] & ~hidden[:-1, 1:] & ~hidden[1:, :-1]
            # As many edges to the right as downwards, up to where the square begins and ends.
            assert across[1:][known].sum() == pytest.approx(down[:, 1:][known].sum(), rel=0.25)


def test_only_where_the_photo_is_smaller_is_it_mirrored(rng):
    image = rng.random((40, 200, 3), dtype=np.float32)
    mask = spots(40, 200, (12, 90))
    seeing = Looking(view=View(fixed=(64, 64)))
    filled(seeing, image, mask)
    ((images, masks, _),) = seeing.batches
    wanted = np.pad(image, [(12, 12), (0, 0), (0, 0)], "symmetric")[:, 63:127]
    missing = np.pad(mask, [(12, 12), (0, 0)], "symmetric")[:, 63:127]
    assert (masks[0] == missing).all()
    assert (images[0][~missing] == wanted[~missing]).all()


def test_a_hole_in_the_middle_of_its_square_also_in_the_corner(rng):
    image = rng.random((100, 100, 3), dtype=np.float32)
    seeing = Looking(view=View(fixed=(32, 32), context="square", amount=2))
    filled(seeing, image, spots(100, 100, (0, 0), (50, 50), (90, 45)))
    ((_, masks, _),) = seeing.batches
    for mask in masks:
        assert mask[11:21, 11:21].all()


def test_equal_crops_of_all_pictures_are_one_batch_and_the_same_crop_is_filled_once(rng):
    images = [rng.random((200, 300, 3), dtype=np.float32) for _ in range(2)]
    masks = [spots(200, 300, (100, 50), (100, 200)), spots(200, 300, (0, 100), (40, 100))]
    alone, together = Looking(view=View(fixed=(128, 128))), Looking(view=View(fixed=(128, 128)))
    many = fill_images(together, images, masks)
    # The second picture's holes, near its border, are seen in the same frame.
    assert [len(batch[0]) for batch in together.batches] == [3]
    for image, mask, one in zip(images, masks, many, strict=True):
        assert one.tobytes() == filled(alone, image, mask).tobytes()


def test_progress_weighs_holes_by_their_pixels_and_never_goes_back(rng):
    mask = spots(400, 400, (10, 10), (300, 300))
    mask[100:130, 300:330] = True
    told = []
    filled(Looking(), rng.random((400, 400, 3), dtype=np.float32), mask, on_step=lambda *a: told.append(a))
    assert {total for _, total in told} == {1100}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[0][0] == 0
    assert told[-1][0] == 1100
    assert {50, 100, 550, 1000} <= {done for done, _ in told}


class Stepping(Constant):
    """Steps in thirds, sevenths and elevenths, of which no sum is exact."""

    def predict(self, image, mask, work):
        for parts in (3, 7, 11):
            for part in range(1, parts):
                work.step(part, parts)
        return super().predict(image, mask, work)


@pytest.mark.parametrize("seed", range(5))
def test_the_last_step_is_the_whole_to_the_last_digit(rng, seed):
    told = []
    mask = Scatter(seed=seed)(200, 200) | spots(200, 200, (3, 7))
    filled(Stepping(), rng.random((200, 200, 3), dtype=np.float32), mask, on_step=lambda *a: told.append(a))
    done, total = told[-1]
    assert done == total == mask.sum()


def test_a_caller_that_raises_cancelled_stops_the_fill_in_the_middle_of_a_hole(rng):
    image, mask = rng.random((400, 400, 3), dtype=np.float32), spots(400, 400, (10, 10), (300, 300))
    before, looking = image.copy(), Looking()

    def stop(done, total):
        if done > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        filled(looking, image, mask, on_step=stop)
    assert len(looking.batches) == 1
    assert (image == before).all()


# -------------------------------------------------------------------------------------------------------------- source


def test_all_that_is_known_is_a_source_unless_something_is_told(constant, rng):
    filled(constant, rng.random((60, 60, 3), dtype=np.float32), spots(60, 60, (20, 20)))
    assert constant.seen[0][2].source is None


@pytest.mark.parametrize("bands", [2, 4])
def test_transparent_pixels_are_no_source(rng, bands):
    samples = rng.integers(0, 255, (60, 60, bands), dtype=np.uint8)
    samples[..., -1] = 255
    samples[:30, :, -1] = 0
    samples[30:, 40:, -1] = 64
    mask = spots(60, 60, (35, 20))
    constant = Constant()
    filled(constant, samples, mask)
    wanted = ~mask
    wanted[:30] = False
    assert (constant.seen[0][2].source == wanted).all()


def test_the_source_is_cut_with_the_crop_which_is_widened_to_reach_it(rng):
    image, mask = rng.random((300, 900, 3), dtype=np.float32), spots(300, 900, (100, 100))
    source = np.zeros((300, 900), bool)
    source[100:120, 800:820] = True
    deaf, listening = Constant(), Constant(uses_source=True)
    for inpainter in (deaf, listening):
        filled(inpainter, image, mask, source=source)
    (seen, _, work), (wide, _, told) = deaf.seen[0], listening.seen[0]
    # A method that looks at all that is known sees no more than without.
    assert seen.shape[:2] == (106, 106)
    assert not work.source.any()
    assert told.source.shape == wide.shape[:2]
    assert told.source.sum() >= 100
    # What it is told is where the texture is.
    left = (wide[None, 0, 0] == image).all(-1).argmax()
    y, x = divmod(int(left), 900)
    assert (told.source == source[y : y + wide.shape[0], x : x + wide.shape[1]]).all()


def test_missing_pixels_are_no_source_whatever_is_told(rng):
    mask = spots(60, 60, (20, 20))
    constant = Constant(uses_source=True)
    filled(constant, rng.random((60, 60, 3), dtype=np.float32), mask, source=np.ones((60, 60), bool))
    assert (constant.seen[0][2].source == ~mask).all()


def test_a_source_goes_the_way_of_the_crop_that_is_mirrored_and_scaled(rng):
    mask, source = np.zeros((30, 200), bool), np.ones((30, 200), bool)
    mask[10:20, 60:140] = True
    source[:, 100:] = False
    constant = Constant(uses_source=True, view=View(fixed=(32, 32)))
    filled(constant, rng.random((30, 200, 3), dtype=np.float32), mask, source=source)
    told = constant.seen[0][2].source
    assert told.shape == (32, 32)
    # Scaled from a frame as wide as the hole; what is mirrored, above and below, is no texture of the photo.
    assert not told[:8].any()
    assert not told[-8:].any()
    assert not told[:, 17:].any()
    assert told.any()


def test_deep_in_a_large_hole_the_crop_is_widened_until_something_is_known():
    """Pieces of a thick stroke across a photo, each for a network of one small size."""
    mask = np.zeros((900, 900), bool)
    y, x = np.mgrid[:900, :900]
    mask[np.abs(y - x) < 150] = True
    image = np.full((900, 900, 3), 0.25, np.float32)
    assert np.abs(filled(Ramp(View(fixed=(16, 16))), image, mask) - 0.25).max() < 1e-3


class Mean(Inpainter):
    """Answers the mean of what it is shown."""

    card = Card("mean", "the mean of known pixels", "tests", "tests", "photos")

    def __init__(self, view: View) -> None:
        self.view = view

    def predict(self, image, mask, work):
        return np.broadcast_to(image[~mask].mean(axis=0), image.shape)


@pytest.mark.parametrize(
    ("view", "shape", "hole"),
    [
        (View(fixed=(128, 128)), (300, 1000), np.s_[:, 300:700]),
        (View(fixed=(16, 32), context="pixels", amount=5), (101, 100), np.s_[:100]),
        (View(fixed=(16, 16), context="pixels", amount=0), (90, 80), np.s_[:, 20:]),
        (View(context="pixels", amount=0), (90, 80), np.s_[20:50, 20:50]),
        (View(context="ratio", fixed=(8, 64)), (200, 30), np.s_[2:]),
        (View(fixed=(8, 8)), (3000, 3000), np.s_[:2999]),
    ],
    ids=str,
)
def test_a_hole_that_fills_its_frame_is_filled_from_farther_away(view, shape, hole):
    mask = np.zeros(shape, bool)
    mask[hole] = True
    answer = filled(Mean(view), np.full((*shape, 3), 0.25, np.float32), mask)
    assert np.abs(answer - 0.25).max() < 1e-3


def test_one_known_pixel_of_a_large_picture_is_enough_for_a_method_of_one_size():
    mask = np.ones((3000, 3000), bool)
    mask[1234, 567] = False
    answer = filled(Mean(View(fixed=(8, 8))), np.full((3000, 3000, 3), 0.25, np.float32), mask)
    assert np.abs(answer - 0.25).max() < 1e-3


# --------------------------------------------------------------------------------------------------------- one fill


def test_the_reader_is_asked_for_what_the_holes_need_and_no_more(rng):
    image, mask = rng.integers(0, 255, (2000, 3000, 3), dtype=np.uint8), spots(2000, 3000, (500, 500), (1500, 2500))
    asked = []

    def read(boxes):
        asked.extend(boxes)
        return [image[box.slices] for box in boxes]

    (fill,) = fill_pictures(Constant(), [Picture(mask, read)])
    assert [patch.box for patch in fill.patches] == [Box(500, 500, 10, 10), Box(2500, 1500, 10, 10)]
    assert sum(box.area for box in asked) == 2 * 106**2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_what_a_transparent_or_a_known_pixel_holds_comes_back_bit_for_bit(rng, dtype):
    top = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    image, mask = (rng.random((80, 90, 4)) * top).astype(dtype), Lines(seed=3)(80, 90)
    whole = filled(Constant(0.5), image, mask)
    assert whole.dtype == dtype
    assert whole[~mask].tobytes() == image[~mask].tobytes()
    assert whole[..., 3].tobytes() == image[..., 3].tobytes()
    assert np.allclose(whole[mask][:, :3], 0.5 * top, atol=0.51 if top > 1 else 0)


HIDDEN = {
    "half": np.s_[:, :30],
    "all but a rim": ~spots(70, 80, (30, 30)) & ~np.roll(spots(70, 80, (30, 30)), 1, axis=0),
    "the part below": np.s_[40:],
    "all of it": np.s_[:],
}


@pytest.mark.parametrize("where", HIDDEN)
@pytest.mark.parametrize(("dtype", "bands"), [(np.uint8, 4), (np.uint16, 4), (np.uint8, 2), (np.float32, 4)])
@pytest.mark.parametrize("method", ["telea", "exemplar"])
def test_colours_under_transparent_pixels_change_no_fill(rng, method, dtype, bands, where):
    top = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    image = (rng.uniform(0.3, 0.6, (70, 80, bands)) * top).astype(dtype)
    image[..., -1] = top
    hidden = np.zeros((70, 80), bool)
    hidden[HIDDEN[where]] = True
    image[hidden, -1] = 0
    mask = spots(70, 80, (30, 30))
    fills = []
    for value in (0, top, None):
        other = image.copy()
        colours = rng.random((70, 80, bands - 1)) * top if value is None else np.full((70, 80, bands - 1), value)
        other[hidden, :-1] = colours[hidden].astype(dtype)
        answer = filled(load(method), other, mask)
        assert answer[~mask].tobytes() == other[~mask].tobytes()
        fills.append(answer[mask][:, :-1])
    assert (fills[0] == fills[1]).all()
    assert (fills[0] == fills[2]).all()


def sprite(soft: bool) -> np.ndarray:
    """A disc of (250, 100, 50) on (0, 0, 0, 0); a soft rim has hardly visible pixels whose colours are rounded off."""
    scale = 4 if soft else 1
    disc = Image.new("RGBA", (240 * scale, 200 * scale), (0, 0, 0, 0))
    box = [side * scale for side in (60, 40, 180, 160)]
    ImageDraw.Draw(disc).ellipse(box, fill=(250, 100, 50, 255))
    return np.array(disc.resize((240, 200), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("where", ["its edge", "all of it but a corner far away"])
@pytest.mark.parametrize("method", ["mean", "telea", "navier-stokes", "fsr", "biharmonic", "exemplar", "auto"])
def test_no_hidden_black_bleeds_into_a_sprite(method, where, soft):
    image, mask = sprite(soft), np.zeros((200, 240), bool)
    if where == "its edge":
        mask[60:140, 150:200] = True
    else:
        image[:10, :10] = 250, 100, 50, 255
        mask[30:170, 50:190] = True
    with warnings.catch_warnings():
        # Too little is left to take texture from.
        warnings.simplefilter("ignore")
        whole = filled(load(method), image, mask)
    assert whole[~mask].tobytes() == image[~mask].tobytes()
    assert (whole[..., 3] == image[..., 3]).all()
    visible = whole[mask & (image[..., 3] > 16)][:, :3].astype(int)
    assert np.abs(visible - (250, 100, 50)).max() <= 10


def test_where_nothing_is_seen_the_hidden_is_grey_and_otherwise_like_the_nearest(rng):
    mask, image = spots(60, 60, (20, 20)), np.zeros((60, 60, 4), np.uint8)
    constant = Constant()
    filled(constant, image, mask)
    assert (constant.seen[0][0][~mask] == 0.5).all()
    image[:, 40:] = 255, 102, 0, 255
    image[:, :15] = 0, 102, 255, 64
    filled(constant, image, mask)
    seen = constant.seen[1][0]
    assert np.allclose(seen[:, 30:], (1, 0.4, 0), atol=1e-6)
    assert np.allclose(seen[:, :20], (0, 0.4, 1), atol=1e-6)


class Measuring(Constant):
    """Measures a fill by how much is missing, and says where it is; `blind` to small holes."""

    def __init__(self, blind: int = 0) -> None:
        super().__init__()
        self.blind = blind

    def predict(self, image, mask, work):
        if mask.sum() > self.blind:
            work.energy = float(mask.sum())
        work.note("told of every hole")
        work.note(f"{mask.sum()} pixels")
        return super().predict(image, mask, work)


def fill_of(inpainter, mask, **options):
    image = np.zeros((*mask.shape, 3), np.uint8)
    return fill_pictures(inpainter, [Picture(mask, lambda boxes: [image[box.slices] for box in boxes], **options)])[0]


def test_holes_weigh_by_their_pixels_in_the_energy_of_a_fill_and_a_note_is_told_once():
    mask = spots(400, 400, (10, 10), (300, 300))
    mask[100:120, 300:320] = True
    fill = fill_of(Measuring(), mask)
    assert fill.energy == pytest.approx((100 * 100 + 100 * 100 + 400 * 400) / 600)
    assert fill.notes == ["told of every hole", "100 pixels", "400 pixels"]
    assert fill_of(Measuring(blind=100), mask).energy is None
    assert fill_of(Constant(), mask).energy is None
    nothing = fill_of(Measuring(), np.zeros((40, 40), bool))
    assert (nothing.patches, nothing.energy, nothing.notes) == ([], None, [])


def test_every_picture_has_its_own_seed_and_fills_of_one_hole_come_together():
    mask, image = spots(60, 70, (20, 20)), np.zeros((60, 70, 3), np.uint8)
    drawing = Drawing()
    pictures = [Picture(mask, lambda boxes: [image[box.slices] for box in boxes], seed=seed) for seed in (3, 0, 7)]
    fills = fill_pictures(drawing, pictures)
    assert drawing.batches == [3]
    assert [fill.patches[0].samples.max() for fill in fills] == [70, 40, 110]
    assert [fill.energy for fill in fills] == pytest.approx([1.1, 1.9, 5.1])


@pytest.mark.parametrize(("side", "context", "noted"), [
    (16, "ratio", False), (28, "whole", False), (100, "ratio", True), (100, "whole", True), (100, "square", True),
])  # fmt: skip
def test_a_hole_that_is_scaled_down_much_is_noted_once(side, context, noted):
    image, mask = ramp(side, side), np.zeros((side, side), bool)
    mask[1 : side // 2, 1 : side // 2] = mask[-2:, -2:] = mask[-2:, 2:4] = True
    view = View(fixed=(16, 16), context=context, amount=2)
    fill, untouched = fill_pictures(
        Ramp(view), [Picture(of, lambda boxes: [image[box.slices] for box in boxes]) for of in (mask, mask & False)]
    )
    assert len(fill.notes) == noted
    assert all("16×16 px" in note and "scaled down" in note and "auto" in note for note in fill.notes)
    assert untouched.notes == []
