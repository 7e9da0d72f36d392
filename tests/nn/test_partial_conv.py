"""Partial convolution against the sum formula, written out slowly in float64."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from inpainter.nn.partial_conv import PartialConv2d, fill_by_averages, partial_average


def by_the_formula(x, valid, weight, bias, stride, padding, counts):
    """x' = Wᵀ(X ⊙ M) · sum(1) / sum(M) + b, one window at a time; M has a channel for every channel of X."""
    batch, channels, height, width = x.shape
    out, _, kernel, _ = weight.shape
    mask = np.concatenate([np.repeat(valid[:, g : g + 1], n, axis=1) for g, n in enumerate(counts)], axis=1)
    rows, columns = (height + 2 * padding - kernel) // stride + 1, (width + 2 * padding - kernel) // stride + 1
    y, met = np.zeros((batch, out, rows, columns)), np.zeros((batch, 1, rows, columns), dtype=bool)
    for b, r, c in itertools.product(range(batch), range(rows), range(columns)):
        total = missing = 0
        sums = np.zeros(out)
        for channel, i, j in itertools.product(range(channels), range(kernel), range(kernel)):
            yy, xx = r * stride + i - padding, c * stride + j - padding
            if not (0 <= yy < height and 0 <= xx < width):
                continue  # outside the picture: absent, so not counted
            total += 1
            if mask[b, channel, yy, xx]:
                sums += weight[:, channel, i, j] * x[b, channel, yy, xx]
            else:
                missing += 1
        if total > missing:
            y[b, :, r, c] = sums * total / (total - missing) + bias
            met[b, 0, r, c] = True
    return y, met


def random_valid(shape, share, rng):
    return torch.from_numpy(rng.random(shape) < share)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "counts", "share"),
    [(3, 1, 1, (4,), 0.3), (3, 2, 1, (4,), 0.2), (5, 2, 2, (2,), 0.1), (7, 2, 3, (3,), 0.05), (1, 1, 0, (3,), 0.5),
     (3, 1, 0, (2,), 0.1), (3, 1, 1, (3, 2), 0.2), (3, 2, 1, (1, 4, 2), 0.1), (2, 2, 0, (2, 1), 0.2)],
)  # fmt: skip
@pytest.mark.parametrize("with_bias", [True, False])
def test_equals_the_sum_formula(kernel, stride, padding, counts, share, with_bias, rng):
    layer = PartialConv2d(
        sum(counts), 3, kernel, stride, padding, bias=with_bias, groups_of_channels=counts if len(counts) > 1 else None
    ).double()
    x = torch.from_numpy(rng.normal(size=(2, sum(counts), 9, 8)))
    valid = random_valid((2, len(counts), 9, 8), share, rng)
    y, met = layer(x, valid)
    bias = layer.bias.detach().numpy() if with_bias else np.zeros(3)
    wanted, wanted_met = by_the_formula(
        x.numpy(), valid.numpy(), layer.weight.detach().numpy(), bias, stride, padding, counts
    )
    assert met.dtype == torch.bool
    np.testing.assert_array_equal(met.numpy(), wanted_met)
    assert not wanted_met.all() or kernel > 3, "the case has no window without a valid pixel"
    # The ratio is a float32 number, whatever the features are.
    np.testing.assert_allclose(y.detach().numpy(), wanted, rtol=2e-7, atol=1e-6)
    assert (y[~met.expand_as(y)] == 0).all()


@pytest.mark.parametrize("counts", [None, (3, 2)])
def test_a_full_mask_gives_the_plain_convolution(counts, rng):
    layer = PartialConv2d(5, 4, 3, 1, 1, groups_of_channels=counts)
    x = torch.from_numpy(rng.normal(size=(2, 5, 7, 6)).astype(np.float32))
    y, met = layer(x, torch.ones(2, 2 if counts else 1, 7, 6, dtype=torch.bool))
    plain = nn.functional.conv2d(x, layer.weight, layer.bias, padding=1)
    assert met.all()
    torch.testing.assert_close(y, plain, rtol=1e-6, atol=1e-6)


def test_what_is_missing_does_not_count(rng):
    """Any value under the mask, NaN excepted, gives the same answer, and gets no gradient."""
    layer = PartialConv2d(3, 4, 3, 2, 1)
    valid = random_valid((1, 1, 8, 8), 0.5, rng)
    x = torch.from_numpy(rng.normal(size=(1, 3, 8, 8)).astype(np.float32)).requires_grad_()
    changed = torch.where(valid, x, 1000.0)
    y, _ = layer(x, valid)
    assert torch.equal(y, layer(changed, valid)[0])
    y.square().sum().backward()
    assert (x.grad[~valid.expand_as(x)] == 0).all()
    assert (x.grad[valid.expand_as(x)] != 0).any()


@pytest.mark.parametrize("counts", [None, (1, 2)])
def test_gradients(counts, rng):
    layer = PartialConv2d(3, 2, 3, 1, 1, groups_of_channels=counts).double()
    valid = random_valid((1, len(counts or (3,)), 4, 5), 0.4, rng)
    x = torch.from_numpy(rng.normal(size=(1, 3, 4, 5))).requires_grad_()

    def run(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x, valid))[0]

    assert torch.autograd.gradcheck(run, (x, layer.weight, layer.bias))


def test_no_gradient_is_nan_where_a_window_is_empty():
    layer = PartialConv2d(2, 2, 3, 1, 1)
    x = torch.ones(1, 2, 5, 5, requires_grad=True)
    y, met = layer(x, torch.zeros(1, 1, 5, 5, dtype=torch.bool))
    assert not met.any()
    assert (y == 0).all()
    y.sum().backward()
    assert (x.grad == 0).all()
    assert torch.isfinite(layer.weight.grad).all()
    assert (layer.bias.grad == 0).all()


def test_bfloat16_by_type_and_by_autocast(rng):
    layer = PartialConv2d(16, 8, 3, 1, 1, groups_of_channels=(8, 8))
    x = torch.from_numpy(rng.normal(size=(2, 16, 12, 12)).astype(np.float32))
    valid = random_valid((2, 2, 12, 12), 0.3, rng)
    exact, met = layer(x, valid)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, mixed_met = layer(x, valid)
    pure, _ = layer.to(torch.bfloat16)(x.to(torch.bfloat16), valid)
    assert mixed.dtype == pure.dtype == torch.bfloat16
    assert torch.equal(met, mixed_met)
    for rounded in (mixed, pure):
        error = (rounded.float() - exact).abs().max() / exact.abs().max()
        assert error < 0.02


def test_no_convolution_runs_over_full_channel_masks(rng, monkeypatch):
    seen = []
    plain = nn.functional.conv2d
    monkeypatch.setattr(nn.functional, "conv2d", lambda x, *rest, **more: seen.append(x) or plain(x, *rest, **more))
    layer = PartialConv2d(6, 4, 3, 1, 1, groups_of_channels=(4, 2))
    layer(torch.rand(1, 6, 8, 8), random_valid((1, 2, 8, 8), 0.5, rng))
    assert [x.shape[1] for x in seen] == [4, 2]


def test_groups_one_by_one_are_the_same_as_concatenated(rng):
    layer = PartialConv2d(6, 4, 3, 2, 1, groups_of_channels=(4, 2))
    x, valid = torch.rand(2, 6, 8, 8), random_valid((2, 2, 8, 8), 0.5, rng)
    whole, parts = layer(x, valid), layer((x[:, :4], x[:, 4:]), valid)
    assert torch.equal(whole[0], parts[0])
    assert torch.equal(whole[1], parts[1])
    with pytest.raises(ValueError, match="wants features"):
        layer((x[:, :3], x[:, 3:]), valid)


@pytest.mark.parametrize(
    ("x", "valid"),
    [
        (torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 8, 8)),
        (torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8, dtype=torch.bool)),
        (torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 8, 7, dtype=torch.bool)),
        (torch.zeros(1, 3, 8, 8), torch.ones(2, 1, 8, 8, dtype=torch.bool)),
        (torch.zeros(1, 4, 8, 8), torch.ones(1, 1, 8, 8, dtype=torch.bool)),
    ],
)
def test_refuses_what_does_not_fit(x, valid):
    with pytest.raises(ValueError, match="partial convolution wants"):
        PartialConv2d(3, 2, 3, 1, 1)(x, valid)


def test_refuses_groups_and_padding_that_do_not_fit():
    with pytest.raises(ValueError, match="do not make 3 channels"):
        PartialConv2d(3, 2, 3, groups_of_channels=(1, 1))
    with pytest.raises(ValueError, match="more than half"):
        PartialConv2d(3, 2, 3, padding=2)


# ------------------------------------------------------------------------------------------------- partial averages


def averages_by_the_formula(image, valid, steps):
    """One pixel and one step at a time, in float64; what is left over at half the size."""
    channels, height, width = image.shape
    known = {(y, x): image[:, y, x] for y, x in np.ndindex(height, width) if valid[y, x]}
    for _ in range(steps):
        rim = {}
        for y, x in np.ndindex(height, width):
            near = [known[p] for p in itertools.product((y - 1, y, y + 1), (x - 1, x, x + 1)) if p in known]
            if (y, x) not in known and near:
                rim[y, x] = sum(near) / len(near)
        known |= rim
    if len(known) < height * width and height == width == 1:
        known[0, 0] = np.full(channels, 0.5)
    if len(known) < height * width:
        rows, columns = (height + 1) // 2, (width + 1) // 2
        half, met = np.zeros((channels, rows, columns)), np.zeros((rows, columns), dtype=bool)
        for y, x in np.ndindex(rows, columns):
            inside = [known[p] for p in itertools.product((2 * y, 2 * y + 1), (2 * x, 2 * x + 1)) if p in known]
            if inside:
                half[:, y, x], met[y, x] = sum(inside) / len(inside), True
        coarse = averages_by_the_formula(half, met, steps)
        known = {(y, x): known.get((y, x), coarse[:, y // 2, x // 2]) for y, x in np.ndindex(height, width)}
    filled = np.zeros((channels, height, width))
    for (y, x), value in known.items():
        filled[:, y, x] = value
    return filled


@pytest.mark.parametrize(("height", "width"), [(9, 8), (1, 7), (13, 21), (1, 1)])
@pytest.mark.parametrize("share", [0.6, 0.1, 0.01, 0.0])
@pytest.mark.parametrize("steps", [0, 1, 4])
def test_filling_by_averages_equals_the_formula(height, width, share, steps, rng):
    image = torch.from_numpy(rng.random((2, 3, height, width)))
    valid = random_valid((2, 1, height, width), share, rng)
    filled = fill_by_averages(image.masked_fill(~valid, 0), valid, steps)
    wanted = [averages_by_the_formula(image[b].numpy(), valid[b, 0].numpy(), steps) for b in range(2)]
    np.testing.assert_allclose(filled.numpy(), wanted, rtol=0, atol=1e-12)
    assert torch.equal(torch.where(valid, filled, 0), torch.where(valid, image, 0))


def test_a_partial_average_is_the_partial_convolution_with_constant_weights(rng):
    layer = PartialConv2d(1, 1, 3, bias=False).double()
    nn.init.constant_(layer.weight, 1 / 9)
    x, valid = torch.from_numpy(rng.random((2, 1, 9, 8))), random_valid((2, 1, 9, 8), 0.2, rng)
    (y, met), (wanted, wanted_met) = partial_average(x, valid, 3), layer(x, valid)
    assert torch.equal(met, wanted_met)
    torch.testing.assert_close(y, wanted, rtol=2e-7, atol=1e-7)


def test_what_averages_fill_does_not_depend_on_the_batch(rng):
    image = torch.from_numpy(rng.random((3, 3, 20, 20), dtype=np.float32))
    valid = torch.cat([random_valid((1, 1, 20, 20), share, rng) for share in (0.9, 0.3, 0.005)])
    together = fill_by_averages(image, valid)
    for b in range(3):
        assert torch.equal(fill_by_averages(image[b : b + 1], valid[b : b + 1])[0], together[b])
