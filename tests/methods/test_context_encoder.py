"""The context encoder: its table, its losses against slow transcriptions, its game, its code."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from inpainter.core import Box, InputError, View
from inpainter.engine.checkpoint import save_pretrained
from inpainter.engine.options import build_recipe
from inpainter.methods import load
from inpainter.methods.context_encoder import (
    CONTEXT_ENCODER,
    PRESETS,
    RENAMED,
    ContextEncoder,
    ContextEncoderRecipe,
    Distortion,
    make_objective,
    reconstruction_loss,
)
from inpainter.nn.network import NetworkInpainter
from inpainter.nn.objective import Batch
from ready import awake

SMALL = ContextEncoderRecipe(size=32, width=16, latent=48, overlap=1, masks="centre")


def centre(size: int, count: int = 4, side: int | None = None) -> torch.Tensor:
    mask = torch.zeros(count, 1, size, size, dtype=torch.bool)
    edge = (size - (side or size // 2)) // 2
    mask[:, :, edge:-edge, edge:-edge] = True
    return mask


def smooth(count: int, size: int) -> torch.Tensor:
    torch.manual_seed(3)
    return nn.functional.interpolate(torch.rand(count, 3, 4, 4), size=(size, size), mode="bicubic").clamp(0, 1)


# ------------------------------------------------------------------------------------------------------------ layers


def shapes(recipe: ContextEncoderRecipe) -> tuple[list[tuple[str, tuple[int, ...]]], int]:
    """What every convolution returns, in their order, and how many weights they have; without making one."""
    with torch.device("meta"):
        return _shapes(ContextEncoder(recipe))


def _shapes(network: ContextEncoder) -> tuple[list[tuple[str, tuple[int, ...]]], int]:
    seen = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.register_forward_hook(
                lambda module, given, made, name=name: seen.append((name.split(".")[0], tuple(made.shape[1:])))
            )
    size = network.view.fixed[0]
    network.eval().raw(torch.rand(1, 3, size, size), centre(size, 1))
    return seen, sum(p.numel() for p in network.parameters() if p.ndim > 1)


def test_the_table_of_the_released_code_for_the_centre():
    # train.lua: E1 … E5, the bottleneck, D1 … D5.
    wanted = [("encoder", s) for s in [(64, 64, 64), (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]]
    wanted += [("bottleneck", (4000,)), ("bottleneck", (512 * 16,))]
    wanted += [("decoder", s) for s in [(256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64)]]
    seen, weights = shapes(PRESETS["released-code"])
    assert seen == wanted
    # 71.1 million weights, 65.5 million of them around the bottleneck.
    assert weights == pytest.approx(71.1e6, rel=1e-3)
    assert pytest.approx(65.5e6, rel=1e-3) == 2 * 4000 * 512 * 16


@pytest.mark.parametrize(
    ("size", "encoder", "decoder"),
    [
        (128, [64, 64, 128, 256, 512], [(256, 8), (128, 16), (64, 32), (64, 64), (3, 128)]),
        (64, [64, 128, 256, 512], [(256, 8), (128, 16), (64, 32), (3, 64)]),
        (32, [128, 256, 512], [(256, 8), (128, 16), (3, 32)]),
    ],
)
def test_the_tables_for_any_mask(size, encoder, decoder):
    seen, _ = shapes(replace(PRESETS["128-blocks"], size=size))
    seen = [shape for room, shape in seen if room != "bottleneck"]
    wanted = [(width, size >> i, size >> i) for i, width in enumerate(encoder, 1)]
    assert seen == wanted + [(width, side, side) for width, side in decoder]


def test_no_convolution_has_a_bias():
    network = ContextEncoder(replace(SMALL, bottleneck="channelwise"))
    convolutions = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    assert all(module.bias is None for module in network.modules() if isinstance(module, convolutions))


def test_elu_stands_everywhere():
    modules = [type(module) for module in ContextEncoder(replace(SMALL, activation="elu")).modules()]
    assert modules.count(nn.ELU) == 7
    assert not {nn.ReLU, nn.LeakyReLU} & set(modules)


def test_the_region_is_the_middle_and_the_rest_is_what_was_given():
    network = awake(ContextEncoder(replace(SMALL, output="region")))
    image, mask = torch.rand(2, 3, 32, 32), centre(32, 2, side=12)
    raw = network.raw(image, mask)
    outside = ~centre(32, 2).expand_as(raw)
    assert torch.equal(raw[outside], image[outside])
    assert (raw - image)[~outside].abs().min() > 0


@pytest.mark.parametrize("bottleneck", ["conv", "channelwise"])
def test_the_code_knows_the_surroundings_and_nothing_of_the_hole(bottleneck):
    network = awake(ContextEncoder(replace(SMALL, bottleneck=bottleneck)))
    image, mask = torch.rand(2, 3, 32, 32), centre(32, 2)
    code = network.encode(image, mask)
    assert code.shape == (2, 48 if bottleneck == "conv" else 16 * 8 * 16)
    assert torch.equal(code, network.encode(image.masked_fill(mask, torch.nan), mask))
    moved = image.clone()
    moved[:, :, 0, 0] = 1 - moved[:, :, 0, 0]
    assert not torch.equal(code, network.encode(moved, mask))


# ------------------------------------------------------------------------------------------------------------ losses


def test_the_reconstruction_loss_is_the_weighted_mean_over_hole_and_ring(rng):
    raw, truth = (torch.from_numpy(rng.random((2, 3, 12, 12))) for _ in range(2))
    mask = torch.zeros(2, 1, 12, 12, dtype=torch.bool)
    mask[0, 0, 0:4, 5:9] = True  # at the picture's edge, where the ring has three sides
    mask[1, 0, 6:8, 3:8] = True
    total, count = 0.0, 0
    for b in range(2):
        for y in range(12):
            for x in range(12):
                inside = mask[b, 0, y, x].item()
                near = mask[b, 0, max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].any().item()
                if near:
                    weight = 1 if inside else 10
                    for c in range(3):
                        total += weight * ((2 * raw[b, c, y, x] - 1) - (2 * truth[b, c, y, x] - 1)).item() ** 2
                        count += 1
    found = reconstruction_loss(raw, truth, mask, 2, 10.0).item()
    assert found == pytest.approx(total / count, rel=1e-6)


def test_the_papers_weights_make_the_squared_error_about_three_times_as_large():
    # 960 of 4,096 pixels count ten times: (960 · 10 + 3136) / 4096 = 3.11.
    truth, mask = torch.zeros(1, 3, 128, 128), centre(128, 1, side=56)
    assert reconstruction_loss(truth + 0.5, truth, mask, 4, 10.0).item() == pytest.approx(12736 / 4096, rel=1e-6)


def test_the_distortion_is_the_standardised_pair_distance(rng):
    loss = Distortion(5).double()
    first, second = (torch.from_numpy(rng.normal(size=(7, 5)) * [1, 2, 3, 4, 5]) for _ in range(2))
    both = torch.cat([first, second])
    loss.variance.copy_(both.var(0, unbiased=False))
    loss.eval()
    squared = [(first[i, d] - second[i, d]).item() ** 2 / both[:, d].var(unbiased=False).item() / 2
               for i in range(7) for d in range(5)]  # fmt: skip
    assert loss(first, second).item() == pytest.approx(np.mean(squared), rel=1e-6)


def test_nothing_is_won_by_shrinking_the_code(rng):
    loss = Distortion(6).double()
    codes = torch.from_numpy(rng.normal(size=(2, 9, 6)))
    loss.variance.copy_(codes.flatten(0, 1).var(0, unbiased=False))
    loss.eval()
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    loss(codes[0] * scale, codes[1] * scale).backward()
    assert abs(scale.grad.item()) < 1e-6
    # But by bringing the two together.
    nearer = torch.zeros((), dtype=torch.float64, requires_grad=True)
    loss(codes[0] + nearer * (codes[1] - codes[0]), codes[1]).backward()
    assert nearer.grad.item() < -0.1


# -------------------------------------------------------------------------------------------------------------- game


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bottleneck": "channelwise"},
        {"output": "region"},
        {"judged": "region"},
        {"activation": "elu"},
        {"nsd": 0.01},
    ],
    ids=["whole", "channelwise", "region", "judged", "elu", "nsd"],
)
def test_the_joint_objective_overfits_four_pictures(changes):
    torch.manual_seed(0)
    objective = make_objective(replace(SMALL, **changes))
    pictures, masks = smooth(4, 32), centre(32, side=14 if "output" in changes else None)
    steps = {name: torch.optim.Adam(player.parameters(), 2e-3) for name, player in objective.players.items()}
    seen = []
    for _ in range(60):
        batch = Batch(pictures, masks)
        for name, optimiser in steps.items():
            terms = objective(name, batch)
            optimiser.zero_grad()
            torch.stack(list(terms.values())).sum().backward()
            optimiser.step()
        seen.append(terms["reconstruction"].item())
    assert seen[-1] < seen[0] / 10
    for name, player in objective.players.items():
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in player.parameters()), name


def test_each_player_moves_only_itself_and_one_prediction_serves_both():
    objective = make_objective(SMALL).train()
    batch = Batch(smooth(4, 32), centre(32))
    assert list(objective.players) == ["discriminator", "generator"]
    torch.stack(list(objective("discriminator", batch).values())).sum().backward()
    assert all(p.grad is None for p in objective.generator.parameters())
    terms = objective("generator", batch)
    assert set(terms) == {"reconstruction", "adversarial"}
    passes = {int(m.num_batches_tracked) for m in objective.generator.modules() if isinstance(m, nn.BatchNorm2d)}
    assert passes == {1}
    sum(terms.values()).backward()
    assert all(p.grad is not None for p in objective.generator.parameters())
    # What is kept on the batch is the network's own prediction, and of that batch only.
    again = Batch(batch.image, batch.mask)
    objective("discriminator", again)
    assert torch.equal(again.shared["prediction"][0], objective.network.raw(batch.image, batch.mask))
    # (The same pictures in another order would have the same loss.)
    other = Batch(1 - batch.image, batch.mask)
    assert objective("generator", other)["reconstruction"].item() != terms["reconstruction"].item()


def test_the_generator_is_counted_once():
    objective = make_objective(SMALL)
    assert {name.partition(".")[0] for name in objective.state_dict()} == {"network", "discriminator"}
    assert objective.kept is objective.network


@pytest.mark.parametrize(
    ("preset", "players", "terms"),
    [
        ("joint", ["discriminator", "generator"], {"reconstruction", "adversarial"}),
        ("l2-only", ["generator"], {"reconstruction"}),
        ("adv-only", ["discriminator", "generator"], {"adversarial"}),
    ],
)
def test_the_three_of_cifar_10(preset, players, terms):
    recipe = replace(PRESETS[preset], width=8, latent=16)
    objective = make_objective(recipe)
    assert list(objective.players) == players
    assert set(objective("generator", Batch(smooth(4, 32), centre(32)))) == terms


def test_the_steps_of_the_two_players():
    objective = make_objective(SMALL)
    assert objective.adam("discriminator") == {"betas": (0.5, 0.999), "lr": 2e-4}
    assert objective.adam("generator") == {"betas": (0.5, 0.999)}
    assert SMALL.learning_rate == 2e-3


@pytest.mark.parametrize("output", ["whole", "region"])
def test_the_discriminator_of_centre_holes_sees_nothing_outside_the_region(output):
    recipe = replace(SMALL, output=output, judged="region")
    torch.manual_seed(0)
    objective = make_objective(recipe)
    # One halving less than for the whole picture.
    convolutions = [m for m in objective.discriminator if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 128, 1]
    seen = []
    objective.discriminator.register_forward_hook(lambda module, given, made: seen.append(given[0].detach()))
    image, mask = smooth(2, 32), centre(32, 2, side=None if output == "whole" else 14)
    batch = Batch(image, mask)
    objective("discriminator", batch)
    raw = batch.shared["prediction"][0]
    middle = (slice(None), slice(None), slice(8, 24), slice(8, 24))
    assert torch.equal(seen[0], image[middle] * 2 - 1)
    # The raw prediction, not composed: known pixels in the region would bring back the seam.
    assert torch.equal(seen[1], raw[middle].detach() * 2 - 1)
    # Its loss has no gradient outside.
    objective.requires_grad_(True)
    shown = raw.detach().clone().requires_grad_()
    batch.shared["prediction"] = shown, batch.shared["prediction"][1]
    objective("generator", batch)["adversarial"].backward()
    assert shown.grad[middle].abs().min() > 0
    assert shown.grad.count_nonzero() == shown.grad[middle].numel()


def test_a_recipe_from_before_the_field_is_judged_as_it_was():
    old = {name: value for name, value in PRESETS["128-centre"].to_dict().items() if name != "judged"}
    assert ContextEncoderRecipe.from_dict(old).judged == "composed"


def test_every_preset_for_the_middle_has_the_region_judged():
    for name, recipe in PRESETS.items():
        assert (recipe.judged == "region") == recipe.masks.startswith("centre"), name


def test_the_discriminator_sees_the_composed_picture():
    objective = make_objective(replace(SMALL, output="whole"))
    seen = []
    objective.discriminator.register_forward_hook(lambda module, given, made: seen.append(given[0].detach()))
    image, mask = smooth(2, 32), centre(32, 2)
    objective("discriminator", Batch(image, mask))
    real, generated = seen
    torch.testing.assert_close(real, image * 2 - 1)
    outside = ~mask.expand_as(image)
    assert torch.equal(generated[outside], real[outside])
    assert not torch.equal(generated, real)


# --------------------------------------------------------------------------------------------------------------- use


def test_every_preset_has_masks_that_can_be_drawn():
    from inpainter.data.pairs import mask_drawer

    for name, recipe in PRESETS.items():
        masks = mask_drawer(recipe.masks)(np.arange(3, dtype=np.uint64), recipe.size, recipe.size)
        assert 0 < masks.mean() < 0.5, name
    assert mask_drawer(PRESETS["released-code"].masks)(np.arange(1, dtype=np.uint64), 128, 128)[0, 36:92, 36:92].all()


@pytest.mark.filterwarnings("ignore:context-encoder works on pictures of:inpainter.core.FillNote")
@pytest.mark.parametrize(("height", "width"), [(17, 31), (70, 40), (200, 333)])
def test_pictures_of_any_size_are_filled(height, width, rng):
    inpainter = NetworkInpainter(ContextEncoder(SMALL), CONTEXT_ENCODER.card)
    image = rng.random((height, width, 3), dtype=np.float32)
    mask = np.zeros((height, width), bool)
    mask[height // 3 : height // 2, width // 3 : width // 2] = True
    filled = inpainter.fill(image, mask)
    assert np.array_equal(filled[~mask], image[~mask])
    assert not np.array_equal(filled[mask], image[mask])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 48}, "size is 48"),
        ({"width": 0}, "width is 0"),
        ({"reconstruction": 0.0, "adversarial": 0.0}, "reconstruction is 0.0"),
        ({"overlap": -1}, "overlap is -1"),
        ({"masks": "blocks", "judged": "region"}, "judged is region: give composed"),
        ({"overlap": 8, "output": "region"}, "overlap is 8: give less than a quarter"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        replace(SMALL, **changes)


def test_the_content_network_is_small_and_its_two_trainings_differ_by_the_adversary_alone():
    network = ContextEncoder(PRESETS["content"])
    saved = [value for value in network.state_dict().values() if value.is_floating_point()]
    # In half precision, with names and shapes.
    assert 8.5e6 < 2 * sum(value.numel() for value in saved) + 10_000 < 9.0e6
    assert PRESETS["content"].learning_rate == PRESETS["content-l2"].learning_rate
    same = replace(PRESETS["content-l2"], adversarial=0.001, reconstruction=0.999)
    assert same == PRESETS["content"]
    assert list(make_objective(PRESETS["content-l2"]).players) == ["generator"]


def test_weights_of_a_preset_that_was_called_otherwise_load_with_a_note(tmp_path):
    recipe = replace(PRESETS["released-code"], width=4, latent=8)
    facts = {"method": "context-encoder", "preset": "paper", "recipe": recipe.to_dict()}
    save_pretrained(ContextEncoder(recipe), tmp_path, facts)
    with pytest.warns(UserWarning, match="preset paper is called released-code now"):
        assert load(tmp_path).card.name == "context-encoder"


def test_a_preset_by_its_former_name_is_one_line_that_says_the_new_one():
    for former, name in RENAMED.items():
        assert former not in PRESETS
        assert name in PRESETS
        with pytest.raises(InputError, match=f"--preset {former}: is called {name} now"):
            build_recipe("context-encoder", former, {})


def test_bare_name_without_weights_says_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("INPAINTER_WEIGHTS", str(tmp_path))
    with pytest.raises(InputError, match=r"context-encoder-128-blocks are not in .*INPAINTER_WEIGHTS.*train some"):
        load("context-encoder")


def test_what_predicts_the_middle_wants_the_hole_there():
    # The released geometry: a hole of 56 px in the middle of 128.
    view = ContextEncoder(replace(PRESETS["released-code"], width=1, latent=1)).view
    frame = view.frame(Box(200, 100, 56, 56), 400, 400)
    assert frame == Box(200 - 36, 100 - 36, 128, 128)
    hole = Box(300, 40, 100, 50)
    frame = view.frame(hole, 400, 400)
    assert frame.width == frame.height == pytest.approx(100 * 128 / 56, abs=1)
    # Also at the picture's border.
    assert 2 * (hole.x - frame.x) + hole.width == pytest.approx(frame.width, abs=1)
    assert 2 * (hole.y - frame.y) + hole.height == pytest.approx(frame.height, abs=1)
    assert ContextEncoder(SMALL).view == View(fixed=(32, 32))
