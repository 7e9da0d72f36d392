"""Masks and batches are pure functions of (seed, epoch, index)."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from inpainter.core import InputError
from inpainter.data.draws import integers, keys, scramble
from inpainter.data.pairs import Pairs, draw_lines, mask_drawer
from inpainter.data.sources import Pictures
from inpainter.masks import Lines


def pictures_of(arrays) -> Pictures:
    return Pictures(arrays, [str(i) for i in range(len(arrays))], [], "")


@pytest.fixture
def pairs(rng):
    return Pairs(pictures_of(rng.integers(0, 256, (50, 32, 32, 3), dtype=np.uint8)), 32, draw_lines, 8, seed=3)


def test_scramble_is_splitmix64():
    """The generator written with Python's whole numbers, which do not overflow."""
    state, wanted = 1234567, []
    for _ in range(3):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        wanted.append(z ^ (z >> 31))
    counters = [(1234567 + i * 0x9E3779B97F4A7C15) % 2**64 for i in range(3)]
    assert scramble(np.array(counters, dtype=np.uint64)).tolist() == wanted


def test_integers_are_uniform_and_streams_differ():
    key = keys(0, 0, np.arange(20000))
    drawn = integers(key, 3, 2, 7)
    assert drawn.min() == 2
    assert drawn.max() == 6
    counts = np.stack([np.bincount(column - 2, minlength=5) for column in drawn.T])
    # 4000 expected, standard deviation 57.
    assert np.abs(counts - 4000).max() < 6 * 57
    other = integers(key, 3, 2, 7, stream=1)
    for a in (*drawn.T, *other.T):
        for b in (*drawn.T, *other.T):
            if a is not b:
                assert abs(np.corrcoef(a, b)[0, 1]) < 0.04 or (a == b).all()


def test_keys_of_seed_epoch_and_index_are_all_different():
    every = np.concatenate([keys(seed, epoch, np.arange(500)) for seed in range(4) for epoch in range(4)])
    assert len(np.unique(every)) == len(every)
    np.testing.assert_array_equal(keys(1, 2, np.arange(500))[[7, 3]], keys(1, 2, np.array([7, 3])))


def test_lines_are_distributed_as_the_masks_room_draws_them():
    ours = draw_lines(keys(0, 0, np.arange(4000)), 32, 32)
    theirs = np.stack([Lines(seed=i)(32, 32) for i in range(4000)])
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    a, b = ours.mean((1, 2)), theirs.mean((1, 2))
    # The mean cover, its spread, and how cover lies over the picture.
    assert abs(a.mean() - b.mean()) < 5 * np.hypot(a.std(), b.std()) / 4000**0.5
    assert abs(a.std() - b.std()) < 0.005
    assert np.abs(ours.mean(0) - theirs.mean(0)).max() < 0.05


def test_lines_are_lines_of_the_promised_number_and_thickness():
    masks = draw_lines(keys(1, 0, np.arange(300)), 32, 32)
    assert masks.any((1, 2)).all()
    # Lines of at most 2 px vanish under an erosion by 5×5, except where many of them meet.
    left = np.stack([cv2.erode(mask.astype(np.uint8), np.ones((5, 5))) for mask in masks])
    assert left.mean() < 0.002
    assert 0.1 < masks.mean() < 0.2


def test_a_batch_is_the_same_whoever_asks_and_when(pairs):
    torch.manual_seed(1)
    np.random.seed(1)
    first = [pairs.batch(step) for step in range(20)]
    torch.manual_seed(2)
    np.random.seed(2)
    state = torch.get_rng_state()
    for step in (13, 2, 19, 0):
        for a, b in zip(pairs.batch(step), first[step], strict=True):
            np.testing.assert_array_equal(a, b)
    for (a, b), (c, d) in zip(pairs.ahead(5, 12), first[5:12], strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_parts_of_several_devices_make_the_whole_batch(pairs):
    whole = pairs.batch(4)
    for i in range(2):
        part = pairs.batch(4, slice(i, None, 2))
        for a, b in zip(part, whole, strict=True):
            np.testing.assert_array_equal(a, b[i::2])


def test_an_epoch_uses_each_picture_once_in_an_order_of_its_own(pairs):
    assert pairs.steps_per_epoch == 6
    epochs = [np.concatenate([pairs.indices(6 * epoch + step) for step in range(6)]) for epoch in range(2)]
    for epoch in epochs:
        assert len(set(epoch.tolist())) == 48
    assert (epochs[0] != epochs[1]).any()


def test_masks_change_with_epoch_and_seed(pairs):
    other = Pairs(pairs.pictures, 32, draw_lines, 8, seed=4)
    masks = [pairs.batch(0)[1], pairs.batch(6)[1], other.batch(0)[1]]
    for i in range(3):
        for j in range(i):
            assert (masks[i] != masks[j]).any((1, 2)).all()


def test_a_source_smaller_than_a_batch_is_gone_through_again(rng):
    few = Pairs(pictures_of(rng.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)), 32, draw_lines, 8, seed=0)
    images, masks = few.batch(0)
    assert images.shape == (8, 32, 32, 3)
    assert set(few.indices(0).tolist()) == {0, 1, 2}
    assert len({mask.tobytes() for mask in masks}) == 8


def test_crops_come_from_everywhere_and_nowhere_else(rng):
    picture = np.arange(40 * 36, dtype=np.uint16).reshape(40, 36)
    arrays = [np.stack([picture & 255, picture >> 8, 0 * picture], axis=2).astype(np.uint8)] * 2
    pairs = Pairs(pictures_of(arrays), 32, draw_lines, 200, seed=0)
    images, _ = pairs.batch(0)
    codes = images[..., 0].astype(int) + 256 * images[..., 1].astype(int)
    corners = {(code[0, 0] // 36, code[0, 0] % 36) for code in codes}
    assert corners == {(y, x) for y in range(9) for x in range(5)}
    for code in codes:
        y, x = code[0, 0] // 36, code[0, 0] % 36
        np.testing.assert_array_equal(code, picture[y : y + 32, x : x + 32])


@pytest.mark.parametrize("stored", ["array", "larger array", "list"])
def test_a_flip_is_a_pure_function_of_the_pictures_key(rng, stored):
    side = 16 if stored == "array" else 24
    arrays = rng.integers(0, 256, (40, side, side, 3), dtype=np.uint8)
    before = arrays.copy()
    source = pictures_of(list(arrays) if stored == "list" else arrays)
    plain = Pairs(source, 16, draw_lines, 20, seed=3)
    flipping = replace(plain, flip=True)
    seen = []
    for step in (3, 0, 7, 3):
        (images, masks), (mirrored, same_masks) = plain.batch(step), flipping.batch(step)
        np.testing.assert_array_equal(masks, same_masks)
        place = np.arange(20) + step % 2 * 20
        chosen = integers(keys(3, step // 2, place), 1, 0, 2, stream=6)[:, 0] == 1
        for i in range(20):
            np.testing.assert_array_equal(mirrored[i], images[i, :, ::-1] if chosen[i] else images[i])
        np.testing.assert_array_equal(flipping.batch(step, slice(1, None, 2))[0], mirrored[1::2])
        seen.append(chosen)
    assert 0.3 < np.mean(seen) < 0.7
    assert (seen[1] != seen[3]).any()
    np.testing.assert_array_equal(arrays, before)


def test_half_of_the_pictures_are_flipped_whatever_their_masks():
    key = keys(0, 0, np.arange(20000))
    flips = integers(key, 1, 0, 2, stream=6)[:, 0]
    # Standard deviation .0035.
    assert abs(flips.mean() - 0.5) < 0.02
    corners = integers(key, 2, 0, 2**31, stream=4)
    cover = draw_lines(key[:4000], 32, 32).mean((1, 2))
    for other in (*corners.T, integers(key, 1, 0, 9, stream=5)[:, 0]):
        assert abs(np.corrcoef(flips, other)[0, 1]) < 0.04
    assert abs(np.corrcoef(flips[:4000], cover)[0, 1]) < 0.08


def test_every_kind_of_mask_is_drawn_by_its_key():
    draw = mask_drawer("blocks")
    key = keys(0, 0, np.arange(3))
    masks = draw(key, 32, 32)
    assert masks.shape == (3, 32, 32)
    np.testing.assert_array_equal(masks[1:2], draw(key[1:2], 32, 32))
    with pytest.raises(InputError, match="no kind 'stripes'"):
        mask_drawer("stripes")


@pytest.mark.parametrize("stored", ["array", "list", "list of one size"])
@pytest.mark.parametrize("times", [2, 3])
def test_pictures_are_scaled_down_by_averaging_squares(rng, stored, times):
    sides = [(32, 32)] * 3 if stored != "list" else [(32, 41), (33, 32), (50, 35)]
    arrays = [rng.integers(0, 256, (*each, 3), dtype=np.uint8) for each in sides]
    source = pictures_of(np.stack(arrays) if stored == "array" else arrays)
    found = source.shrunk(times)
    assert isinstance(found.pictures, list) == (stored == "list")
    assert (found.names, found.fingerprint) == (source.names, source.fingerprint)
    for picture, small in zip(arrays, found.pictures, strict=True):
        assert small.shape == (picture.shape[0] // times, picture.shape[1] // times, 3)
        assert small.dtype == np.uint8
        for y in range(small.shape[0]):
            for x in range(small.shape[1]):
                square = picture[times * y : times * (y + 1), times * x : times * (x + 1)].astype(float)
                np.testing.assert_array_equal(small[y, x], square.mean((0, 1)).astype(np.float32).round())


def test_what_is_not_scaled_down_is_not_copied(pairs):
    assert pairs.pictures.shrunk(1) is pairs.pictures


def test_several_kinds_of_mask_are_drawn_one_for_each_picture():
    masks = mask_drawer("centre:side=4, circle:diameter=8,lines")(np.arange(300, dtype=np.uint64), 32, 32)
    square, disc = (mask_drawer(kind)(np.arange(1, dtype=np.uint64), 32, 32)[0]
                    for kind in ("centre:side=4", "circle:diameter=8"))  # fmt: skip
    shares = [np.mean([np.array_equal(mask, one) for mask in masks]) for one in (square, disc)]
    assert all(0.25 < share < 0.42 for share in shares)
    with pytest.raises(InputError, match="stripes"):
        mask_drawer("centre,stripes")
