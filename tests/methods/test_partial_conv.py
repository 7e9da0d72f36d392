"""Partial convolution: the networks that its presets stand for, and what they give back."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from inpainter.core import InputError, View
from inpainter.methods.partial_conv import (
    PRESETS,
    PartialConvObjective,
    RefiningUNet,
    make_network,
)
from inpainter.nn.objective import Batch
from inpainter.nn.partial_conv import fill_by_averages
from ready import awake

SMALL = replace(PRESETS["cifar10"], widths=(16, 24), blocks=(1, 1))


def smooth(count: int, size: int) -> torch.Tensor:
    torch.manual_seed(3)
    return nn.functional.interpolate(torch.rand(count, 3, 4, 4), size=(size, size), mode="bicubic").clamp(0, 1)


# ------------------------------------------------------------------------------------------------- ours, for CIFAR-10


def test_the_refining_network_returns_what_is_known_and_starts_from_the_averages():
    asleep, network = RefiningUNet(SMALL), awake(RefiningUNet(SMALL))
    image, mask = torch.rand(2, 3, 32, 24), torch.rand(2, 1, 32, 24) < 0.3
    raw = network.raw(image, mask)
    known = ~mask.expand_as(raw)
    assert torch.equal(raw[known], image[known])
    assert torch.equal(raw, network.raw(image.masked_fill(mask, torch.nan), mask))
    prefill = fill_by_averages(image.masked_fill(mask, 0), ~mask)
    assert (raw - prefill)[~known].abs().min() > 0
    assert torch.equal(asleep.raw(image, mask), prefill)


@pytest.mark.parametrize("widths", [(8,), (8, 8), (8, 8, 8)])
def test_the_refining_network_takes_any_multiple(widths):
    multiple = 2 ** len(widths)
    recipe = replace(SMALL, widths=widths, kernels=(3,) * len(widths), blocks=(1,) * len(widths))
    network = awake(RefiningUNet(recipe))
    assert network.view == View(minimum=multiple, multiple=multiple)
    image = torch.rand(1, 3, multiple, 3 * multiple)
    filled = network(image, torch.ones(1, 1, multiple, 3 * multiple, dtype=torch.bool))
    assert filled.shape == image.shape
    assert torch.isfinite(filled).all()


def test_the_weights_of_ours_are_small():
    network = make_network(PRESETS["cifar10"])
    assert isinstance(network, RefiningUNet)
    assert 2 * sum(value.numel() for value in network.state_dict().values()) < 2.4e6


@pytest.mark.parametrize("changes", [{"blocks": (1,)}, {"size": 30}, {"kernels": (3,)}])
def test_recipes_that_fit_no_network_are_refused(changes):
    with pytest.raises(InputError, match=r"recipe: .*give"):
        replace(SMALL, **changes)


@pytest.mark.parametrize("preset", ["cifar10"])
def test_it_overfits_four_pictures(preset):
    torch.manual_seed(0)
    small = {"cifar10": SMALL}
    objective = PartialConvObjective(small[preset]).train()
    # Of detail that averages cannot know.
    pictures = (smooth(4, 32) + 0.2 * torch.rand(4, 3, 32, 32)).clamp(0, 1)
    batch = Batch(pictures, torch.rand(4, 1, 32, 32) < 0.2)
    optimiser = torch.optim.Adam(objective.network.parameters(), 3e-3)
    seen = []
    for _ in range(150):
        loss = objective("network", batch)["mse"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seen.append(loss.item())
    assert seen[-1] < seen[0] / 10
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in objective.network.parameters())
