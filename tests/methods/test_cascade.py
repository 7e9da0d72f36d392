"""The cascade: its four steps against a slow transcription, nothing leaks, what is frozen stays."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from inpainter.core import InputError
from inpainter.engine.checkpoint import save_pretrained
from inpainter.methods import context_encoder, load
from inpainter.methods.cascade import CASCADE, CascadeRecipe, make_network, make_objective, scaled_down
from inpainter.nn.objective import Batch
from ready import awake

SMALL = CascadeRecipe(size=64, earlier=(32,), width=8, latent=24, overlap=2)
RESIDUAL = replace(SMALL, residual=True)


@pytest.fixture
def pair(rng):
    image = torch.from_numpy(rng.random((2, 3, 64, 64), dtype=np.float32))
    mask = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    mask[0, 0, 11:30, 20:41] = True
    mask[1, 0, 0:8, 50:64] = True
    return image, mask


def save(folder, method, network, recipe):
    save_pretrained(network, folder, {"method": method, "recipe": recipe.to_dict()})
    return str(folder)


@pytest.fixture
def first(tmp_path):
    """Weights of a 32 px context encoder."""
    torch.manual_seed(1)
    recipe = context_encoder.ContextEncoderRecipe(size=32, width=8, latent=24)
    return save(tmp_path / "first", "context-encoder", context_encoder.ContextEncoder(recipe), recipe)


def test_a_small_pixel_is_the_mean_of_known_ones_and_missing_when_the_mask_touches_it(pair):
    image, mask = pair
    small, small_mask = scaled_down(image.masked_fill(mask, 0), mask, 2)
    for b in range(2):
        for y in range(32):
            for x in range(32):
                square = (b, slice(None), slice(2 * y, 2 * y + 2), slice(2 * x, 2 * x + 2))
                touched = mask[square].any().item()
                assert small_mask[b, 0, y, x].item() == touched
                wanted = torch.zeros(3) if touched else image[square].mean(dim=(1, 2))
                torch.testing.assert_close(small[b, :, y, x], wanted)


def test_the_four_steps(pair):
    image, mask = pair
    network = awake(make_network(SMALL))
    # (i) drop, (ii) scale down and fill, (iii) scale up and put into the hole, (iv) the last network.
    dropped = torch.where(mask, torch.zeros(()), image)
    small = torch.stack([dropped[:, :, dy::2, dx::2] for dy in (0, 1) for dx in (0, 1)]).mean(0)
    small_mask = torch.stack([mask[:, :, dy::2, dx::2] for dy in (0, 1) for dx in (0, 1)]).any(0)
    with torch.no_grad():
        filled = network.earlier(small, small_mask)
        up = torch.nn.functional.interpolate(filled, size=(64, 64), mode="bilinear", align_corners=False)
        started = torch.where(mask, up, image)
        code = network.last.encoded(started)
        torch.testing.assert_close(network.raw(image, mask), network.last.decode(code, started))
        torch.testing.assert_close(network.encode(image, mask), code)


# ---------------------------------------------------------------------------------------------------------- residual


def upscaled(network, image, mask):
    """↗F₆₄, raw."""
    small, small_mask = scaled_down(image.masked_fill(mask, 0), mask, 2)
    raw = network.earlier.raw(small, small_mask)
    return torch.nn.functional.interpolate(raw, size=(64, 64), mode="bilinear", align_corners=False)


def test_a_residual_cascade_starts_at_the_small_networks_fill_exactly(pair):
    image, mask = pair
    network = make_network(RESIDUAL)
    awake(network.earlier)
    with torch.no_grad():
        wanted = upscaled(network, image, mask)
        for mode in (True, False):
            network.train(mode)
            assert torch.equal(network.raw(image, mask), wanted)
        filled = network(image, mask)
    inside = mask.expand_as(image)
    assert torch.equal(filled[inside], wanted[inside])
    assert torch.equal(filled[~inside], image[~inside])


def test_a_residual_cascade_is_the_sum_in_plus_minus_one_clamped(pair):
    image, mask = pair
    network = awake(make_network(RESIDUAL))
    with torch.no_grad():
        # Untrained running statistics let the signal fade.
        network.last.decoder[-1].weight.mul_(3000)
        small, small_mask = scaled_down(image.masked_fill(mask, 0), mask, 2)
        up = torch.nn.functional.interpolate(network.earlier(small, small_mask), size=(64, 64), mode="bilinear")
        seen = torch.cat([torch.where(mask, up, image) * 2 - 1, torch.where(mask, 1.0, -1.0)], 1)
        # Four halvings, each kept, and the way back, to which they are added at 4, 8, 16 and 32 px.
        e1 = network.last.encoder[:2](seen)
        e2 = network.last.encoder[2:5](e1)
        e3 = network.last.encoder[5:8](e2)
        e4 = network.last.encoder[8:](e3)
        code = network.last.bottleneck(e4)
        d4 = network.last.decoder[:2](network.last.bottleneck.spread(code)) + e4
        d3 = network.last.decoder[2:5](d4) + e3
        d2 = network.last.decoder[5:8](d3) + e2
        d1 = network.last.decoder[8:11](d2) + e1
        correction = network.last.decoder[11](d1)
        total = (upscaled(network, image, mask) * 2 - 1) + correction
        torch.testing.assert_close(network.raw(image, mask) * 2 - 1, total, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(network.encode(image, mask), code)
        # Some lies outside and is clamped.
        assert (total.abs() > 1).any()
        wanted = torch.where(mask, (total.clamp(-1, 1) + 1) / 2, image)
        torch.testing.assert_close(network(image, mask), wanted, rtol=1e-4, atol=1e-4)


def test_the_last_network_of_a_residual_cascade_sees_the_mask(pair):
    image, mask = pair
    network = awake(make_network(RESIDUAL))
    before = network.encode(image, mask)
    with torch.no_grad():
        network.last.encoder[0].weight[:, 3].mul_(-1)
    assert not torch.equal(before, network.encode(image, mask))


def test_a_residual_cascade_outside_the_range_is_brought_back(first, pair):
    """The losses see the sum before the clamp, whose gradient would be zero there."""
    objective = make_objective(replace(RESIDUAL, first=first, adversarial=0.0)).train()
    image, mask = pair
    with torch.no_grad():
        awake(objective.network.last).train()
        objective.network.last.decoder[-1].weight.mul_(100)
    batch = Batch(image, mask)
    objective("generator", batch)["reconstruction"].backward()
    raw = batch.shared["prediction"][0]
    assert ((raw < 0) | (raw > 1)).float().mean() > 0.5
    assert all(p.grad.abs().sum() > 0 for p in objective.network.last.parameters())


def test_the_ring_around_the_hole_counts_for_a_residual_cascade(first, pair):
    objective = make_objective(replace(RESIDUAL, first=first, adversarial=0.0)).train()
    image, mask = pair
    batch = Batch(image, mask)
    shown = objective.network.raw(image, mask).detach().requires_grad_()
    batch.shared["prediction"] = shown, None
    objective("generator", batch)["reconstruction"].backward()
    near = torch.nn.functional.max_pool2d(mask.float(), 5, 1, 2) > 0
    felt = shown.grad.abs().sum(1, keepdim=True) > 0
    assert (near & ~mask & felt).sum() > 0.9 * (near & ~mask).sum()
    assert not (felt & ~near).any()


def test_three_residual_networks_and_none_of_the_other_kind(tmp_path, first):
    two = make_objective(replace(RESIDUAL, first=first)).network
    folder = save(tmp_path / "two", "cascade", two, RESIDUAL)
    recipe = CascadeRecipe(size=128, earlier=(32, 64), width=8, latent=24, residual=True, first=folder)
    three = make_objective(recipe).network.eval()
    image, mask = torch.rand(1, 3, 128, 128), torch.zeros(1, 1, 128, 128, dtype=torch.bool)
    mask[:, :, 40:90, 40:90] = True
    with torch.no_grad():
        small, small_mask = scaled_down(image.masked_fill(mask, 0), mask, 2)
        raw = two.eval().raw(small, small_mask)
        wanted = torch.nn.functional.interpolate(raw, size=(128, 128), mode="bilinear")
        # Half precision lies between the two.
        torch.testing.assert_close(three.raw(image, mask), wanted, rtol=0.01, atol=0.01)
    with pytest.raises(InputError, match="weights of another method or shape"):
        make_objective(replace(recipe, residual=False))


# ---------------------------------------------------------------------------------------------------------- both kinds


@pytest.mark.parametrize("recipe", [SMALL, RESIDUAL], ids=["document", "residual"])
def test_nothing_leaks_through_the_downscale(pair, recipe):
    image, mask = pair
    network = awake(make_network(recipe))
    moved = torch.where(mask, torch.rand_like(image), image)
    poisoned = image.masked_fill(mask, torch.nan)
    for changed in (moved, poisoned):
        for one, other in zip(network.started(image, mask), network.started(changed, mask), strict=True):
            assert torch.equal(one, other)
        assert torch.equal(network.encode(image, mask), network.encode(changed, mask))
        assert torch.equal(network(image, mask)[mask.expand_as(image)], network(changed, mask)[mask.expand_as(image)])


@pytest.mark.parametrize("recipe", [SMALL, RESIDUAL], ids=["document", "residual"])
def test_the_first_network_counts(pair, recipe):
    image, mask = pair
    network = awake(make_network(recipe))
    before = network(image, mask)
    with torch.no_grad():
        for value in network.earlier.parameters():
            value.mul_(-1)
    assert not torch.equal(before, network(image, mask))


@pytest.mark.parametrize("recipe", [SMALL, RESIDUAL], ids=["document", "residual"])
def test_what_is_frozen_stays_and_the_last_overfits_four_pictures(first, recipe):
    torch.manual_seed(0)
    objective = make_objective(replace(recipe, first=first)).train()
    before = {name: value.clone() for name, value in objective.network.state_dict().items()}
    steps = {name: torch.optim.Adam(player.parameters(), 2e-3) for name, player in objective.players.items()}
    pictures = torch.nn.functional.interpolate(torch.rand(4, 3, 4, 4), size=(64, 64), mode="bicubic").clamp(0, 1)
    mask = torch.zeros(4, 1, 64, 64, dtype=torch.bool)
    mask[:, :, 11:30, 20:41] = True
    seen = []
    for _ in range(60):
        batch = Batch(pictures, mask)
        for name, optimiser in steps.items():
            terms = objective(name, batch)
            optimiser.zero_grad()
            torch.stack(list(terms.values())).sum().backward()
            optimiser.step()
        seen.append(terms["reconstruction"].item())
    assert seen[-1] < seen[0] / 10
    for name, value in objective.network.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("earlier."), name
    for name, player in objective.players.items():
        trained = [p for p in player.parameters() if p.requires_grad]
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trained), name


def test_the_trained_first_network_is_what_is_frozen(first):
    objective = make_objective(replace(SMALL, first=first))
    wanted = load(first).network.state_dict()
    found = objective.network.earlier.state_dict()
    assert all(torch.equal(found[name], value) for name, value in wanted.items())


def test_the_first_network_may_be_named_by_its_run(tmp_path, first):
    (tmp_path / "run").mkdir()
    run = str(tmp_path / "run")
    Path(first).rename(tmp_path / "run" / "weights")
    objective = make_objective(replace(SMALL, first=run))
    wanted = load(run).network.state_dict()
    assert all(torch.equal(objective.network.earlier.state_dict()[name], value) for name, value in wanted.items())


def test_three_networks_by_the_same_class(tmp_path, first):
    two = make_objective(replace(SMALL, first=first)).network
    folder = save(tmp_path / "two", "cascade", two, SMALL)
    recipe = CascadeRecipe(size=128, earlier=(32, 64), width=8, latent=24, first=folder)
    three = make_objective(recipe).network
    assert three.view.fixed == (128, 128)
    assert three.earlier.view.fixed == (64, 64)
    image, mask = torch.rand(1, 3, 128, 128), torch.zeros(1, 1, 128, 128, dtype=torch.bool)
    mask[:, :, 40:90, 40:90] = True
    filled = three.eval()(image, mask)
    assert torch.equal(filled[~mask.expand_as(image)], image[~mask.expand_as(image)])
    assert three.last.training is False
    assert not any(p.requires_grad for p in three.earlier.parameters())


@pytest.mark.parametrize("recipe", [SMALL, RESIDUAL], ids=["document", "residual"])
def test_saved_and_loaded_it_fills_photos_of_any_size(tmp_path, rng, recipe):
    folder = save(tmp_path / "weights", "cascade", make_network(recipe), recipe)
    inpainter = load(folder)
    assert inpainter.card.name == "cascade"
    image, mask = rng.random((91, 150, 3), dtype=np.float32), np.zeros((91, 150), bool)
    mask[30:60, 100:150] = True
    filled = inpainter.fill(image, mask)
    assert np.array_equal(filled[~mask], image[~mask])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"earlier": (64,)}, "earlier is"),
        ({"earlier": ()}, "earlier is"),
        ({"earlier": (48,)}, "earlier is"),
        ({"output": "region"}, "output is region"),
    ],
)
def test_a_recipe_that_makes_no_cascade_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        replace(SMALL, **changes)


def test_training_without_a_trained_first_network_says_what_to_do():
    with pytest.raises(InputError, match=r"--recipe\.first"):
        make_objective(SMALL)


def test_another_methods_weights_are_refused(tmp_path, first):
    two = save(tmp_path / "two", "cascade", make_network(SMALL), SMALL)
    with pytest.raises(InputError, match="weights of cascade, where those of a context-encoder"):
        make_objective(replace(SMALL, first=two))


def test_other_widths_are_refused(first):
    with pytest.raises(InputError, match="weights of another method or shape"):
        make_objective(replace(SMALL, width=16, first=first))


def test_the_methods_card_is_its_own():
    assert CASCADE.card.name == "cascade"
    assert CASCADE.card.extra == "torch"


def test_an_earlier_network_has_the_layers_of_the_last():
    recipe = replace(SMALL, activation="elu", bottleneck="channelwise", nsd=0.5, first="somewhere")
    wanted = context_encoder.ContextEncoderRecipe(
        size=32, width=8, latent=24, overlap=2, activation="elu", bottleneck="channelwise", nsd=0.5
    )
    assert recipe.at(32) == wanted


@pytest.mark.parametrize("recipe", [SMALL, RESIDUAL], ids=["document", "residual"])
def test_it_encodes(recipe):
    assert CASCADE.network(recipe).encodes


def test_a_recipe_from_before_the_field_is_no_residual_one():
    old = {name: value for name, value in SMALL.to_dict().items() if name not in ("residual", "judged", "flip")}
    assert CascadeRecipe.from_dict(old) == SMALL
