"""Copying pixels by offsets of features."""

import numpy as np

from inpainter.methods.copying import Offsets, Sized, copied, met_at_rim
from inpainter.methods.exemplar import halved


def tiled(height: int = 96, width: int = 96) -> np.ndarray:
    """A picture that repeats itself every 16 px."""
    tile = np.random.default_rng(0).random((16, 16, 3)).astype(np.float32)
    return np.tile(tile, (height // 16, width // 16, 1))


def square(height: int = 96, width: int = 96) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[40:64, 36:60] = True
    return mask


def sized(picture: np.ndarray, mask: np.ndarray) -> Sized:
    return Sized(np.where(mask[..., None], np.float32(0), picture), mask, np.zeros_like(mask))


def offsets(mask: np.ndarray, down: int, right: int) -> Offsets:
    where = mask.reshape(mask.shape[0] // 4, 4, -1, 4).any(axis=(1, 3))
    steps = np.zeros((2, *where.shape), np.int64)
    steps[0, where], steps[1, where] = down, right
    return Offsets(steps, where, 4)


def test_pixels_come_from_where_the_offsets_lead():
    picture, mask = tiled(), square()
    filled = copied([sized(picture, mask)], picture, offsets(mask, -32, 0))
    # The rim is joined to what is known.
    assert np.abs(filled - picture)[48:56, 44:52].max() < 0.01


def test_they_are_found_again_at_full_size():
    """Sharp, of a fill at half the size whose detail is gone."""
    picture, mask = tiled(192, 192), np.kron(square(), np.ones((2, 2), bool))
    large = sized(picture, mask)
    small = Sized(*halved(*large))
    true_small = halved(picture, *[np.zeros_like(mask)] * 2)[0]
    filled = copied([large, small], true_small, offsets(small.mask, -32, 0))
    assert filled.shape == picture.shape
    assert np.abs(filled - picture)[mask].mean() < 0.05
    assert np.abs(np.diff(filled, axis=0))[mask[1:]].mean() > 0.9 * np.abs(np.diff(picture, axis=0))[mask[1:]].mean()


def test_what_has_no_patch_at_full_size_gets_the_fill():
    picture, mask = tiled(), np.zeros((96, 96), bool)
    mask[::4] = mask[40:64, 36:60] = True
    large = sized(picture, mask)
    small = Sized(*halved(*large))
    fill = np.full_like(small.picture, 0.25)
    filled = copied([large, small], fill, offsets(small.mask[:, :], -20, 0))
    np.testing.assert_allclose(filled[mask], 0.25, atol=1e-6)


def test_a_fill_in_other_colours_meets_its_rim():
    """Smooth, so that the shade next to the hole is what the hole should have."""
    down, right = np.mgrid[:96, :96] / np.float32(96)
    picture = np.stack([down, right, (down + right) / 2], 2).astype(np.float32) * np.float32(0.5) + np.float32(0.2)
    mask = square()
    tinted = np.where(mask[..., None], picture + np.float32([0.2, -0.1, 0.05]), picture)
    met = met_at_rim(tinted, mask)
    assert np.array_equal(met[~mask], picture[~mask])
    assert np.abs(met - picture)[mask].max() < 0.02
    # Forms stay: of what is right, nothing is taken away.
    form = np.where(mask[..., None], picture, picture).copy()
    form[50:54, 44:52] = 1
    assert np.abs(met_at_rim(form, mask) - form)[mask].max() < 0.02


def test_a_fill_without_a_rim_stays():
    whole = np.ones((16, 16), bool)
    picture = tiled(16, 16)
    assert np.array_equal(met_at_rim(picture, whole), picture)
