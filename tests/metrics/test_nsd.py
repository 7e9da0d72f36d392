"""Normalized squared-distortion against its pair definition, and against what it must be."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inpainter.core import InputError
from inpainter.metrics.nsd import RunningNSD, encode_masks, nsd


def by_pairs(codes):
    """(1/n²) Σ Σ ‖E_i − E_l‖² / (2·D) of each picture's codes (k, n, D), in float64."""
    found = []
    for of_picture in np.asarray(codes, dtype=np.float64):
        n, dimensions = of_picture.shape
        whole = 0.0
        for one in of_picture:
            for other in of_picture:
                whole += ((one - other) ** 2).sum()
        found.append(whole / n**2 / (2 * dimensions))
    return np.array(found)


def standardised_by_pairs(codes):
    """The same after the plain standardisation of all k·n codes, without dimensions that never change."""
    codes = np.asarray(codes, dtype=np.float64)
    flat = codes.reshape(-1, codes.shape[-1])
    varies = (flat != flat[:1]).any(0)
    flat = (flat[:, varies] - flat[:, varies].mean(0)) / flat[:, varies].std(0)
    return by_pairs(flat.reshape(*codes.shape[:2], -1))


def measured(codes, **more):
    running = RunningNSD(**more)
    for of_picture in codes:
        running.update(of_picture)
    return running.result()


def drawn(seed, k, n, dimensions, scale=1.0):
    """Codes of which every dimension has a mean, a spread over pictures and a spread over masks of its own."""
    rng = np.random.default_rng(seed)
    pictures, masks = rng.random((2, dimensions)) + 0.01
    codes = rng.normal(0, 3, dimensions) + pictures * rng.normal(size=(k, 1, dimensions))
    return torch.from_numpy((codes + masks * rng.normal(size=(k, n, dimensions))) * scale)


class Encoder(torch.nn.Module):
    """A small convolution of the picture with its hole blanked; remembers the batches it got."""

    def __init__(self, dimensions=7):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Conv2d(4, dimensions, 3, 2)
        self.batches = []

    def forward(self, images, masks):
        assert torch.is_inference_mode_enabled()
        assert images.shape == (len(masks), 3, *masks.shape[2:])
        self.batches.append(len(masks))
        seen = torch.cat([images.masked_fill(masks, 0), masks.to(images)], 1)
        return self.layer(seen).tanh().mean((2, 3))


@pytest.fixture
def images():
    return torch.rand(4, 3, 12, 10, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def masks():
    return torch.rand(4, 6, 1, 12, 10, generator=torch.Generator().manual_seed(2)) < 0.3


# ------------------------------------------------------------------------------------------------------- the equation


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(2, 9), st.integers(1, 12), st.floats(1e-3, 1e3))
@settings(max_examples=50, deadline=None)
def test_it_is_the_pair_definition(seed, k, n, dimensions, scale):
    codes = drawn(seed, k, n, dimensions, scale)
    found, wanted = measured(codes), by_pairs(codes)
    np.testing.assert_allclose(found.per_image, wanted, rtol=1e-9)
    assert found.raw == pytest.approx(wanted.mean(), rel=1e-9)
    assert found.spread == pytest.approx(wanted.std(), rel=1e-9, abs=1e-12 * scale**2)
    wanted = standardised_by_pairs(codes)
    assert found.standardised == pytest.approx(wanted.mean(), rel=1e-9)
    assert found.standardised_spread == pytest.approx(wanted.std(), rel=1e-9, abs=1e-9)
    assert (found.images, found.masks, found.dimensions, found.constant_dimensions) == (k, n, dimensions, 0)


def test_sums_are_exact_far_from_zero():
    """The variance of float32 codes around 1000: a sum of squares in float32 would have nothing of it left."""
    codes = (drawn(0, 3, 20, 50) * 1e-2 + 1000).float()
    found = measured(codes)
    np.testing.assert_allclose(found.per_image, by_pairs(codes), rtol=1e-9)
    assert found.standardised == pytest.approx(standardised_by_pairs(codes).mean(), rel=1e-9)


def test_unbiased_leaves_out_the_pairs_of_a_mask_with_itself():
    codes = drawn(3, 4, 5, 6)
    found, plain = measured(codes, unbiased=True), measured(codes)
    wanted = []
    for of_picture in codes.numpy():
        pairs = [((of_picture[i] - of_picture[j]) ** 2).sum() for i in range(5) for j in range(5) if i != j]
        wanted.append(np.mean(pairs) / 2 / 6)
    np.testing.assert_allclose(found.per_image, wanted, rtol=1e-9)
    assert found.standardised == pytest.approx(plain.standardised * 5 / 4)
    assert found.spread == pytest.approx(plain.spread * 5 / 4)
    assert found.standardised_spread == pytest.approx(plain.standardised_spread * 5 / 4)


@given(st.integers(0, 2**32), st.permutations(range(6)))
@settings(max_examples=25, deadline=None)
def test_the_order_of_masks_does_not_matter(seed, order):
    codes = drawn(seed, 3, 6, 5)
    found, other = measured(codes), measured(codes[:, order])
    np.testing.assert_allclose(found.per_image, other.per_image, rtol=1e-9)
    assert found.standardised == pytest.approx(other.standardised, rel=1e-9)


@given(st.integers(0, 2**32), st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_standardised_does_not_change_with_scale_and_shift(seed, scale):
    codes = drawn(seed, 3, 6, 5)
    scales = scale ** torch.arange(5, dtype=torch.float64)
    found, other = measured(codes), measured(codes * scales + scales.sqrt())
    assert other.standardised == pytest.approx(found.standardised, rel=1e-6)
    assert other.standardised_spread == pytest.approx(found.standardised_spread, rel=1e-6, abs=1e-9)
    assert measured(codes * scale).raw == pytest.approx(found.raw * scale**2, rel=1e-9)


@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_independent_standard_normal_latents_give_one(seed):
    codes = torch.from_numpy(np.random.default_rng(seed).normal(size=(10, 40, 500)))
    found = measured(codes, unbiased=True)
    # 195,000 degrees of freedom: a standard deviation of .0032.
    assert found.raw == pytest.approx(1, abs=0.02)
    assert found.standardised == pytest.approx(1, abs=0.02)


@given(st.integers(0, 2**32), st.integers(2, 20))
@settings(max_examples=25, deadline=None)
def test_latents_that_ignore_the_mask_give_nothing(seed, n):
    codes = drawn(seed, 4, 1, 8).expand(-1, n, -1)
    found = measured(codes)
    assert (found.raw, found.standardised, found.constant_dimensions) == (0, 0, 0)
    # One picture only: no dimension varies.
    alone = measured(codes[:1])
    assert (alone.raw, alone.standardised, alone.constant_dimensions) == (0, 0, 8)


def test_constant_dimensions_are_left_out_and_counted():
    codes = drawn(4, 3, 6, 5).float()
    dead = torch.full((3, 6, 2), 5.0)
    # The last bit, as another order of sums in the network leaves it: no variance to divide by.
    dead[0, 0, 0] = torch.nextafter(dead[0, 0, 0], torch.tensor(9.0))
    found, without = measured(torch.cat([dead, codes], 2)), measured(codes)
    assert (found.constant_dimensions, found.dimensions) == (2, 7)
    assert found.standardised == pytest.approx(without.standardised, rel=1e-9)
    assert found.raw == pytest.approx(without.raw * 5 / 7, rel=1e-6)


# -------------------------------------------------------------------------------------------------------- an encoder


@pytest.mark.parametrize(("batch", "largest"), [(1, 1), (4, 3), (100, 6)])
def test_masks_of_each_image_in_even_batches(images, masks, batch, largest):
    encoder = Encoder()
    found = nsd(encoder, images, masks, batch=batch)
    with torch.inference_mode():
        codes = torch.stack([encoder(image.expand(6, -1, -1, -1), of) for image, of in zip(images, masks, strict=True)])
    np.testing.assert_allclose(found.per_image, by_pairs(codes), rtol=1e-4)
    assert found.standardised == pytest.approx(standardised_by_pairs(codes).mean(), rel=1e-4)
    assert set(encoder.batches[:-4]) == {largest}
    assert sum(encoder.batches[:-4]) == 24


def test_shared_masks_are_those_masks_for_every_image(images, masks):
    shared, each = nsd(Encoder(), images, masks[0]), nsd(Encoder(), images, masks[:1].expand(4, -1, -1, -1, -1))
    np.testing.assert_array_equal(shared.per_image, each.per_image)
    assert shared.standardised == each.standardised


def test_any_callable_is_an_encoder(images, masks):
    found = nsd(lambda image, mask: mask.flatten(1).double(), images, masks)
    wanted = by_pairs(masks.flatten(2).double())
    np.testing.assert_allclose(found.per_image, wanted, rtol=1e-9)


def test_equal_masks_give_zero_with_a_warning(images, masks):
    encoder = Encoder()
    with pytest.warns(UserWarning, match="all masks of an image are equal"):
        found = nsd(encoder, images, masks[0, :1].expand(5, -1, -1, -1))
    assert (found.raw, found.standardised, found.masks) == (0, 0, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nsd(encoder, images, masks).raw > 0


# --------------------------------------------------------------------------------------------------------- bad input


class Changing:
    """Answers one dimension more with every call."""

    calls = 0

    def __call__(self, images, masks):
        self.calls += 1
        return torch.rand(len(masks), self.calls)


def nan_at_third(images, masks):
    return images.flatten(1) * masks.flatten(1)[:, :1] + (float("nan") if images[0, 0, 0, 0] == 7 else 0)


@pytest.mark.parametrize(
    ("encode", "change", "reason"),
    [
        (Encoder(), lambda i, m: (i, m[:, :1]), "1 masks: NSD is defined for two masks or more"),
        (Encoder(), lambda i, m: (i, m[0, :0]), "0 masks: NSD is defined for two masks or more"),
        (Encoder(), lambda i, m: (i, m[:3]), r"masks are \(3, 6, 1, 12, 10\): give .* for 4 images"),
        (Encoder(), lambda i, m: (i, m[0, :, 0]), r"masks are \(6, 12, 10\): give"),
        (Encoder(), lambda i, m: (i, m[..., :9]), r"masks are \(6, 1, 12, 9\) torch.bool: give bool \(n, 1, 12, 10\)"),
        (Encoder(), lambda i, m: (i, m.float()), "torch.float32: give bool"),
        (Encoder(), lambda i, m: (i[:, :1], m), r"images are \(4, 1, 12, 10\)"),
        (Encoder(), lambda i, m: ((i * 255).byte(), m), "images are .* torch.uint8: give floating point"),
        (Encoder(), lambda i, m: (i[:0], m[0]), "no images: give at least one"),
        (nan_at_third, lambda i, m: (i.index_fill(0, torch.tensor([2]), 7), m), "image 2: the encoder returned NaN"),
        (Changing(), lambda i, m: (i, m), r"image 1: codes are \(6, 2\), those before \(6, 1\)"),
        (lambda i, m: i, lambda i, m: (i, m), r"returned \(6, 3, 12, 10\) for 6 masks: it must be \(B, D\)"),
        (lambda i, m: i.flatten(1)[:2], lambda i, m: (i, m), "for 6 masks: it must be"),
        (lambda i, m: i.flatten(1).int(), lambda i, m: (i, m), "torch.int32: give floating point"),
    ],
)
def test_one_line_for_what_does_not_fit(images, masks, encode, change, reason):
    images, masks = change(images, masks)
    with pytest.raises(InputError, match=reason) as caught:
        nsd(encode, images, masks)
    assert "\n" not in str(caught.value)


def test_a_latent_that_changes_between_batches(images, masks):
    with pytest.raises(InputError, match="returned 2 dimensions, before 1: it must be one D"):
        encode_masks(Changing(), images[0], masks[0], batch=3)
    with pytest.raises(InputError, match="batch is 0"):
        nsd(Encoder(), images, masks, batch=0)


def test_infinity_and_too_few_codes_in_the_streaming_form():
    running = RunningNSD()
    with pytest.raises(InputError, match="no images"):
        running.result()
    with pytest.raises(InputError, match="two masks or more"):
        running.update(torch.rand(1, 5))
    with pytest.raises(InputError, match="image 0: the encoder returned NaN or infinity"):
        running.update(torch.tensor([[1.0, 2.0], [float("-inf"), 2.0]]))
    running.update(torch.rand(3, 5))
    with pytest.raises(InputError, match=r"image 1: codes are \(2, 5\), those before \(3, 5\)"):
        running.update(torch.rand(2, 5))
    # What was refused has left no trace.
    assert running.result().images == 1


def test_codes_are_left_as_they_were():
    codes = drawn(5, 1, 4, 3)[0]
    before = codes.clone()
    measured([codes])
    assert torch.equal(codes, before)
