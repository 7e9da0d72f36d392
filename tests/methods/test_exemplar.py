"""Filling from the photo's own patches: the parts against slow transcriptions, and fills whose truth is known."""

import cv2
import numpy as np
import pytest

from inpainter.core import Cancelled, Work
from inpainter.methods import load
from inpainter.methods.exemplar import _peeled, halved
from inpainter.methods.patches import BIAS, REACH, SIDE, Level, dct


@pytest.fixture(scope="module")
def exemplar():
    return load("exemplar")


def noise(height, width, sigma=1.5, seed=0):
    drawn = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(drawn, (0, 0), sigma)
    return (soft - soft.min()) / (soft.max() - soft.min())


def boxed(shape, rows, columns):
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


@pytest.fixture
def level():
    picture = noise(40, 50) * 255
    mask = boxed((40, 50), slice(15, 25), slice(20, 32))
    level = Level(picture, mask, np.zeros_like(mask))
    level.search_ready()
    return level


def patch(picture, centre, width):
    row, column = divmod(int(centre), width)
    return picture[row - REACH : row + REACH + 1, column - REACH : column + REACH + 1]


# ------------------------------------------------------------------------------------------------------------ the parts


def test_targets_touch_the_hole_and_sources_do_not(level):
    for row in range(REACH, 40 - REACH):
        for column in range(REACH, 50 - REACH):
            centre = row * 50 + column
            touches = patch(level.mask, centre, 50).any()
            assert (level.target_at[centre] < level.count) == touches
            assert level.is_source[centre] == (not touches)


def test_the_cosine_transform_keeps_lengths():
    np.testing.assert_allclose(dct(7) @ dct(7).T, np.eye(7), atol=1e-6)
    np.testing.assert_allclose(dct(16) @ dct(16).T, np.eye(16), atol=1e-6)


def test_a_patch_is_described_by_its_low_frequencies_and_its_texture(level):
    described = level.describe(level.picture, level.texture)
    centre = level.sources[40]
    here = patch(level.picture, centre, 50).astype(np.float64)
    luma = dct(7) @ here[..., 0] @ dct(7).T
    # The first of the two frequencies is the one along rows.
    low = [luma[v, u] for u in range(5) for v in range(5 - u)]
    for channel in (1, 2):
        spectrum = 3.0 * dct(7) @ here[..., channel] @ dct(7).T
        low += [spectrum[0, 0], spectrum[1, 0], spectrum[0, 1]]
    texture = 0.7 * SIDE * patch(level.texture, centre, 50).mean(axis=(0, 1))
    np.testing.assert_allclose(described[centre], [*low, *texture], rtol=1e-4, atol=1e-2)


def test_targets_alone_are_described_as_they_are_among_all(level):
    whole = level.describe(level.picture, level.texture)[level.targets]
    np.testing.assert_allclose(level._describe_targets(level.picture, level.texture), whole, rtol=1e-4, atol=2e-2)


def test_the_search_among_all_finds_the_nearest(level):
    rng = np.random.default_rng(3)
    found = rng.choice(level.sources, level.count)
    distance = level.look_at(level.picture, found)
    before = distance.copy()
    assert level.search_all(found, distance, 1)
    sources, wanted = level.described[level.sources].astype(np.float64), level.wanted.astype(np.float64)
    nearest = ((wanted[:, None] - sources) ** 2).sum(axis=2).min(axis=1)
    # A neighbour's offset may be kept where the nearest is better by little.
    assert (distance <= before).all()
    assert (distance <= nearest * 1.21 + 1).all()


def test_a_vote_is_the_weighted_mean_of_all_patches_that_cover_a_pixel(level):
    rng = np.random.default_rng(4)
    found, weights = rng.choice(level.sources, level.count), rng.random(level.count).astype(np.float32)
    estimate = np.where(level.mask[..., None], np.float32(128), level.picture)
    voted = level.vote(estimate, found, weights)
    means = [patch(estimate, t, 50).mean((0, 1)) - patch(level.picture, f, 50).mean((0, 1))
             for t, f in zip(level.targets, found, strict=True)]  # fmt: skip
    for row, column in ((15, 20), (24, 31), (19, 26)):
        total, weight = np.zeros(3), 0.0
        for t, f, w, bias in zip(level.targets, found, weights, means, strict=True):
            up, left = row - t // 50, column - t % 50
            if max(abs(up), abs(left)) <= REACH:
                total += w * (level.picture[f // 50 + up, f % 50 + left] + np.clip(bias, -BIAS, BIAS))
                weight += w
        np.testing.assert_allclose(voted[row, column], total / weight, rtol=1e-4)
    assert (voted[~level.mask] == estimate[~level.mask]).all()


def test_peeling_takes_the_source_whose_known_part_is_nearest(level):
    filled = _peeled(level, "copy", np.random.default_rng(0))
    # The first pixel of the first ring, all by hand.
    known = patch(~level.mask, 15 * 50 + 20, 50)
    here = patch(level.picture, 15 * 50 + 20, 50)
    costs = [(((patch(level.picture, s, 50) - here) ** 2) * known[..., None]).sum() for s in level.sources]
    best = level.sources[int(np.argmin(costs))]
    np.testing.assert_allclose(filled[15, 20], level.picture[best // 50, best % 50])


def test_halving_takes_known_pixels_only_and_bars_what_touches_the_barred():
    rng = np.random.default_rng(1)
    picture, mask = rng.random((7, 9, 3)).astype(np.float32), rng.random((7, 9)) < 0.6
    barred = (rng.random((7, 9)) < 0.2) & ~mask
    small, missing, bar = halved(picture, mask, barred)
    assert small.shape == (4, 5, 3)
    for row in range(3):
        for column in range(4):
            place = np.s_[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            known = picture[place][~mask[place]]
            assert missing[row, column] == (len(known) == 0)
            assert bar[row, column] == barred[place].any()
            if len(known):
                np.testing.assert_allclose(small[row, column], known.mean(axis=0), atol=1e-5)


# ------------------------------------------------------------------------------------------------------------ the fills


@pytest.mark.parametrize("period", [4, 6, 11])
def test_a_pattern_goes_on_in_its_period(exemplar, period):
    """Tiles: what is filled is what was there, to the pixel."""
    rows, columns = np.mgrid[:120, :140]
    tile = np.random.default_rng(period).random((period, period, 3)).astype(np.float32)
    image = tile[rows % period, columns % period]
    mask = boxed((120, 140), slice(40, 75), slice(50, 90))
    filled = exemplar(image, mask)
    wrong = np.abs(filled - image)[mask].mean()
    assert wrong < 0.05
    assert wrong < 0.25 * np.abs(load("navier-stokes")(image, mask) - image)[mask].mean()


def test_texture_is_as_rough_as_around_it(exemplar):
    image = noise(160, 160, 1.0)
    mask = boxed((160, 160), slice(50, 110), slice(50, 110))
    inside = boxed((160, 160), slice(56, 104), slice(56, 104))
    filled = exemplar(image, mask)

    def roughness(picture):
        return np.square(np.diff(picture, axis=1))[:, 1:][inside[:, 2:]].mean()

    assert 0.5 < roughness(filled) / roughness(image) < 1.6
    assert roughness(load("navier-stokes")(image, mask)) / roughness(image) < 0.2


def test_an_edge_goes_on(exemplar):
    image = np.full((120, 120, 3), 0.2, np.float32)
    image[:, 60:] = 0.8
    image += np.random.default_rng(0).normal(0, 0.02, image.shape).astype(np.float32)
    image = np.clip(image, 0, 1)
    mask = boxed((120, 120), slice(40, 80), slice(40, 80))
    filled = exemplar(image, mask)
    assert np.abs(filled - image)[mask].mean() < 0.05


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("radius", [2, 12, 60])
def test_a_plain_picture_stays_plain(exemplar, value, radius):
    rows, columns = np.mgrid[:200, :180] - 90
    plain = np.full((200, 180, 3), value, np.float32)
    np.testing.assert_allclose(exemplar(plain, rows**2 + columns**2 < radius**2), plain, atol=2e-3)


def test_fine_tones_are_kept():
    """Sixteen bits: a fill has tones between those of eight."""
    image = (0.5 + 0.01 * noise(100, 100, 2.0)).astype(np.float32)
    filled = load("exemplar")(image, boxed((100, 100), slice(30, 70), slice(30, 70)))
    inside = filled[30:70, 30:70]
    assert len(np.unique(np.rint(inside * 65535))) > 20 * len(np.unique(np.rint(inside * 255)))


@pytest.mark.parametrize(
    "mask",
    [
        boxed((90, 100), slice(0, 30), slice(0, 25)),
        boxed((90, 100), slice(60, 90), slice(70, 100)),
        boxed((90, 100), slice(30, 50), slice(None)),
        boxed((90, 100), slice(None), slice(0, 20)),
        boxed((90, 100), slice(2, 90), slice(0, 60)),
    ],
    ids=["corner", "other corner", "whole width", "side", "most"],
)
def test_holes_at_the_border_are_filled_with_what_is_there(exemplar, mask):
    image = 0.25 + 0.5 * noise(90, 100)
    filled = exemplar(image, mask)
    assert filled[mask].std() > 0.5 * image[~mask].std()
    assert np.abs(filled[mask].mean() - image[~mask].mean()) < 0.1


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (6, 6), (7, 7), (8, 30), (14, 15)])
def test_pictures_of_hardly_a_patch_are_filled(exemplar, shape):
    image = np.full((*shape, 3), 0.4, np.float32)
    mask = np.zeros(shape, bool)
    mask[0, 0] = shape != (1, 1)
    mask[shape[0] // 2, shape[1] // 2 :] = shape != (1, 1)
    np.testing.assert_allclose(exemplar(image, mask), image, atol=1e-2)


# ---------------------------------------------------------------------------------------------------- source and work


def test_texture_comes_only_from_where_it_is_told_to(exemplar):
    image = np.zeros((120, 200, 3), np.float32)
    image[:, :100] = [0.8, 0.2, 0.2]
    image[:, 100:] = [0.2, 0.2, 0.8]
    image = np.clip(image + 0.2 * (noise(120, 200) - 0.5), 0, 1)
    mask = boxed((120, 200), slice(40, 80), slice(30, 70))
    source = np.zeros((120, 200), bool)
    source[:, 110:] = True
    red = exemplar(image, mask)
    blue = exemplar(image, mask, Work(source=source))
    inside = np.s_[48:72, 38:62]
    assert red[inside][..., 0].mean() > red[inside][..., 2].mean() + 0.4
    # Biased towards its surroundings it may be by a little, but it is the other half's texture.
    assert blue[inside][..., 2].mean() > blue[inside][..., 0].mean() + 0.2


def test_without_a_place_to_take_texture_from_the_fill_is_smooth(exemplar):
    image, mask = noise(80, 80), boxed((80, 80), slice(30, 50), slice(30, 50))
    filled = exemplar(image, mask, Work(source=np.zeros((80, 80), bool)))
    assert np.square(np.diff(filled, axis=1))[30:50, 31:50].mean() < 0.3 * np.square(np.diff(image, axis=1)).mean()


def test_it_tells_how_far_it_is_and_can_be_stopped(exemplar):
    image, mask = noise(160, 160), boxed((160, 160), slice(40, 120), slice(40, 120))
    told = []
    exemplar(image, mask, Work(on_step=lambda *step: told.append(step)))
    shares = [done / total for done, total in told]
    assert len(shares) > 10
    assert shares == sorted(shares)
    assert 0.5 < shares[-1] <= 1

    def stop(done, total):
        if done / total > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        exemplar(image, mask, Work(on_step=stop))


def test_another_seed_may_fill_another_way_and_the_same_does_not(exemplar):
    image, mask = noise(120, 120), boxed((120, 120), slice(30, 90), slice(30, 90))
    first = exemplar(image, mask, Work(1))
    assert (first == exemplar(image, mask, Work(1))).all()
    assert (first != exemplar(image, mask, Work(2))).any()


@pytest.mark.parametrize("side", [6, 60])
def test_seeds_make_fills_that_can_be_told_apart_and_each_has_an_energy(exemplar, side):
    """Of a thin hole and of a thick one."""
    image, mask = noise(120, 130), boxed((120, 130), slice(30, 30 + side), slice(30, 100))
    works = [Work(seed) for seed in range(4)]
    fills = [exemplar(image, mask, work) for work in works]
    for i, one in enumerate(fills):
        for other in fills[:i]:
            assert (np.abs(one - other)[mask].max(axis=1) > 8 / 255).mean() > 0.05
        # None is smoother than the texture it is made of.
        assert one[mask].std() > 0.6 * image[~mask].std()
    energies = [work.energy for work in works]
    assert len(set(energies)) == 4
    assert max(energies) < 2.5 * min(energies)
    again = Work(2)
    assert (exemplar(image, mask, again) == fills[2]).all()
    assert again.energy == energies[2]


def test_energy_tells_a_fill_that_fits_from_one_that_does_not(exemplar):
    """Of a picture that repeats, nothing is left to wish for; of one whose source is another's, much."""
    rows, columns = np.mgrid[:120, :140]
    tile = np.random.default_rng(6).random((6, 6, 3)).astype(np.float32)
    image, mask = tile[rows % 6, columns % 6], boxed((120, 140), slice(40, 75), slice(50, 90))
    fits, other = Work(1), Work(1)
    exemplar(image, mask, fits)
    image[:, 100:] = noise(120, 40)
    other.source = boxed((120, 140), slice(None), slice(100, None))
    exemplar(image, mask, other)
    assert fits.energy < 0.5 * other.energy


@pytest.mark.parametrize("seed", [0, 1, 5])
def test_some_sources_are_part_of_all_and_never_none(level, seed):
    some = level.some_sources(np.random.default_rng(seed))
    assert set(some.sources) <= set(level.sources)
    assert 0 < len(some.sources) <= len(level.sources)
    assert (np.flatnonzero(some.is_source) == some.sources).all()
    level.is_source[:] = False
    level.sources = level.sources[:0]
    assert level.some_sources(np.random.default_rng(seed)) is level


@pytest.mark.parametrize("name", ["exemplar", "auto"])
def test_a_smooth_fill_is_said(name):
    image, mask = noise(80, 80), boxed((80, 80), slice(30, 50), slice(30, 50))
    nowhere, tiny, well = Work(source=np.zeros((80, 80), bool)), Work(), Work()
    load(name)(image, mask, nowhere)
    load(name)(image[:5, :5], mask[28:33, 28:33], tiny)
    load(name)(image, mask, well)
    assert nowhere.notes == tiny.notes == ["too little is left to take texture from: the fill is smooth"]
    assert (nowhere.energy, tiny.energy, well.notes) == (None, None, [])
    assert well.energy is not None


@pytest.mark.parametrize("quality", ["fast", "balanced", "best"])
def test_every_quality_fills(quality):
    image, mask = noise(100, 100), boxed((100, 100), slice(30, 70), slice(30, 70))
    filled = load("exemplar", quality=quality)(image, mask)
    assert filled[mask].std() > 0.6 * image[~mask].std()
    assert (load(f"auto:quality={quality}")(image, mask) == filled).all()
