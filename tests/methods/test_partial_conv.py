"""Partial convolution: the networks that its presets stand for, and what they give back."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from inpainter.core import InputError, View
from inpainter.engine.checkpoint import save_pretrained
from inpainter.methods import load
from inpainter.methods.partial_conv import (
    PRESETS,
    PartialConvObjective,
    PartialConvUNet,
    RefiningUNet,
    make_network,
)
from inpainter.nn.objective import Batch
from inpainter.nn.partial_conv import PartialConv2d, fill_by_averages
from ready import awake

SMALL = replace(PRESETS["cifar10"], widths=(16, 24), kernels=(3, 3), blocks=(1, 1))
SMALL_STUDY = replace(PRESETS["study"], widths=(16, 16), kernels=(3, 3), last_width=16)


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


# ------------------------------------------------------------------------------------------- the study's, and old ones


def test_the_studys_network_has_two_partial_convolutions_a_level_down_to_one_place():
    network, seen = PartialConvUNet(PRESETS["study"]), []
    for module in network.modules():
        if isinstance(module, PartialConv2d):
            module.register_forward_hook(lambda module, given, made: seen.append(tuple(made[0].shape[1:])))
    network.eval().raw(torch.rand(1, 3, 32, 32), torch.rand(1, 1, 32, 32) < 0.1)
    widths, sides = (32, 64, 128, 256, 512), (32, 16, 8, 4, 2, 1)
    down = [(width, *2 * (side,)) for level, width in enumerate(widths) for side in sides[level : level + 2]]
    up = [(width, side, side) for width, side in zip((256, 128, 64, 32, 32), (2, 4, 8, 16, 32), strict=True)]
    assert seen == down + [shape for shape in up for _ in range(2)]
    recipe = PRESETS["study"]
    assert (recipe.average, recipe.schedule, recipe.learning_rate, recipe.loss) == (0.0, "constant", 1e-3, "mse")


def test_the_weights_of_a_preset_that_is_gone_still_load(tmp_path):
    recipe = replace(PRESETS["cifar10-equal"], widths=(4, 4), kernels=(3, 3)).to_dict()
    network = awake(make_network(replace(PRESETS["cifar10-equal"], widths=(4, 4), kernels=(3, 3))))
    # As it was written: under its old name, and without the fields that are newer.
    recipe = {name: value for name, value in recipe.items() if name not in ("convolutions", "blocks")}
    save_pretrained(network, tmp_path, {"method": "partial-conv", "preset": "cifar10-paper", "recipe": recipe})
    assert "cifar10-paper" not in PRESETS
    assert load(tmp_path).network.state_dict().keys() == network.state_dict().keys()


# ------------------------------------------------------------------------------------------------------------- both


@pytest.mark.parametrize("recipe", [SMALL, SMALL_STUDY], ids=["cifar10", "study"])
def test_it_overfits_four_pictures(recipe):
    torch.manual_seed(0)
    objective = PartialConvObjective(recipe).train()
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
