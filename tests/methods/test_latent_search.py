"""The latent search: its tables and losses against slow transcriptions, its game, and what a search keeps to."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from inpainter.core import Cancelled, InputError, Work
from inpainter.engine.checkpoint import save_pretrained
from inpainter.methods import load
from inpainter.methods.latent_search import (
    LATENT_SEARCH,
    PRESETS,
    LatentSearch,
    LatentSearchObjective,
    LatentSearchRecipe,
    LatentSearchSettings,
    importance,
)
from inpainter.nn.objective import Batch
from ready import awake

SMALL = LatentSearchRecipe(size=16, width=8, latent=6)


def square(count: int = 1, size: int = 16, edge: int = 5) -> torch.Tensor:
    mask = torch.zeros(count, 1, size, size, dtype=torch.bool)
    mask[:, :, edge:-edge, edge:-edge] = True
    return mask


@pytest.fixture
def network() -> LatentSearch:
    torch.manual_seed(1)
    return awake(LatentSearch(SMALL)).requires_grad_(False)  # pyright: ignore[reportReturnType]


def made(network: LatentSearch, seed: int, count: int = 1) -> torch.Tensor:
    """Pictures that the generator can make, in [0, 1]."""
    z = torch.rand(count, SMALL.latent, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return (network.generator(z) + 1) / 2


# ----------------------------------------------------------------------------------------------------------- tables


def test_the_documents_table():
    with torch.device("meta"):
        network = LatentSearch(PRESETS["celeba-paper"])
    seen = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Unflatten):
            module.register_forward_hook(lambda module, given, made: seen.append(tuple(made.shape[1:])))
    judge = network.eval().discriminator
    assert judge is not None
    judge(network.generator(torch.rand(2, 100, device="meta")))
    up = [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]
    assert seen == [*up, (128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4), (1, 1, 1)]


def test_weights_that_ship_are_as_small_as_asked():
    for preset, most in (("celeba", 7.5e6), ("dtd", 3.6e6), ("pets", 3.6e6)):
        with torch.device("meta"):
            network = LatentSearch(PRESETS[preset])
        assert 2 * sum(value.numel() for value in network.state_dict().values()) <= most


@pytest.mark.parametrize("wrong", [{"size": 48}, {"size": 8}, {"width": 0}, {"latent": 0}])
def test_a_recipe_that_fits_no_network_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        replace(SMALL, **wrong)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"window": 4}, {"window": 1}, {"prior": -1}, {"rate": math.nan}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        LatentSearchSettings(**wrong)


# ----------------------------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize("window", [3, 7])
def test_the_weight_is_the_share_of_missing_neighbours(window, rng):
    hole = rng.random((9, 11)) < 0.3
    wanted = np.zeros(hole.shape)
    for y in range(9):
        for x in range(11):
            reach = window // 2
            near = hole[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
            wanted[y, x] = 0 if hole[y, x] else near.mean()
    mask = torch.from_numpy(hole)[None, None]
    assert importance(mask, window)[0, 0].numpy() == pytest.approx(wanted, abs=1e-6)
    assert importance(mask, window, "mean")[0, 0].numpy() == pytest.approx(wanted / wanted.sum() / 3, abs=1e-7)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_losses_are_those_of_the_paper(network, reduction):
    network.settings = LatentSearchSettings(prior=0.5, reduction=reduction)
    z = torch.rand(3, SMALL.latent) * 2 - 1
    target, mask = torch.rand(3, 3, 16, 16) * 2 - 1, square(3)
    context, prior = network.losses(z, target, importance(mask, 7, reduction))
    generated = network.generator(z).double()
    weight = importance(mask, 7).double()
    assert network.discriminator is not None
    judged = torch.sigmoid(network.discriminator(generated.float()).double())
    for i in range(3):
        total = (weight[i] * (generated[i] - target[i]).abs()).sum()
        share = 3 * weight[i].sum() if reduction == "mean" else 1
        assert context[i].item() == pytest.approx((total / share).item(), rel=1e-5)
        assert prior[i].item() == pytest.approx(0.5 * math.log(1 - judged[i]), rel=1e-4)


# ------------------------------------------------------------------------------------------------------- the search


def test_it_finds_what_the_generator_can_make(network):
    network.settings = LatentSearchSettings(steps=200, prior=0, restarts=4)
    truth, mask = made(network, 5, 4), square(4)
    works = [Work(i) for i in range(4)]
    filled = network(truth, mask, works)
    first = LatentSearchSettings(steps=1, samples=1, prior=0)
    network.settings = first
    before = network(truth, mask, [Work(i) for i in range(4)])
    wrong, at_first = ((x - truth).abs().sum((1, 2, 3)) for x in (filled, before))
    assert (wrong < at_first / 3).all()


def test_z_stays_in_its_range_and_the_loss_is_that_of_the_best(network):
    settings = network.settings = LatentSearchSettings(steps=60)
    target, mask = torch.rand(5, 3, 16, 16) * 2 - 1, square(5)
    works = [Work(i) for i in range(5)]
    z, energy = network.search(target, mask, works)
    assert z.abs().max() <= 1
    weight = importance(mask, settings.window, "mean")
    assert torch.add(*network.losses(z, target, weight)).numpy() == pytest.approx(energy.numpy(), abs=1e-5)
    network.settings = replace(settings, steps=1, samples=1)
    _, first = network.search(target, mask, works)
    assert (energy < first).all()


def test_a_seed_is_a_fill_whoever_is_beside_it(network):
    network.settings = LatentSearchSettings(steps=30)
    images, mask = torch.rand(3, 3, 16, 16), square(3)
    together = network(images, mask, [Work(7), Work(8), Work(9)])
    again = network(images, mask, [Work(7), Work(8), Work(9)])
    alone = network(images[1:2], mask[:1], [Work(8)])
    other = network(images[1:2], mask[:1], [Work(3)])
    assert torch.equal(together, again)
    assert alone[0].numpy() == pytest.approx(together[1].numpy(), abs=1e-3)
    assert (other - alone).abs().max() > 1e-3


def test_it_tells_of_every_step_and_stops_where_it_is_told(network):
    network.settings = LatentSearchSettings(steps=12)
    seen = []
    image, mask = torch.rand(1, 3, 16, 16), square()
    network(image, mask, [Work(0, on_step=lambda done, total: seen.append((done, total)))])
    assert seen == [(i, 12) for i in range(1, 13)]

    def stop(done: float, total: float) -> None:
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        network(image, mask, [Work(0, on_step=stop)])


def test_more_restarts_are_no_worse(network):
    target, mask = torch.rand(3, 3, 16, 16) * 2 - 1, square(3)
    works = [Work(i) for i in range(3)]
    network.settings = LatentSearchSettings(steps=20, samples=1)
    _, one = network.search(target, mask, works)
    network.settings = replace(network.settings, restarts=4)
    _, four = network.search(target, mask, works)
    assert (four <= one + 1e-6).all()
    assert (four < one).any()


@pytest.mark.parametrize("quick", [True, False])
def test_after_a_loss_that_is_no_number_the_last_good_z_is_taken(network, monkeypatch, quick):
    monkeypatch.setattr("inpainter.methods.latent_search.quick_halves", lambda device: quick)
    network.settings = LatentSearchSettings(steps=20, samples=1)
    target, mask = torch.rand(2, 3, 16, 16) * 2 - 1, square(2)
    works, calls, honest = [Work(0), Work(1)], [], network._slope
    wanted, _ = network.search(target, mask, works)

    def broken(z, target, weight, rough):
        calls.append(z.clone())
        loss, slope = honest(z, target, weight, rough=rough)
        if len(calls) == 5:
            loss[0], slope[0] = torch.nan, torch.nan
        return loss, slope

    monkeypatch.setattr(network, "_slope", broken)
    z, energy = network.search(target, mask, works)
    assert torch.isfinite(energy).all()
    # One of those before, from then on; the other goes on as if nothing had been.
    assert any(torch.equal(z[0], seen[0]) for seen in calls[:4])
    assert all(torch.equal(seen[0], z[0]) for seen in calls[5:])
    assert torch.equal(z[1], wanted[1])


@pytest.mark.parametrize("quick", [True, False])
def test_the_loss_it_ends_with_is_exact(network, monkeypatch, quick):
    monkeypatch.setattr("inpainter.methods.latent_search.quick_halves", lambda device: quick)
    network.settings = LatentSearchSettings(steps=40)
    target, mask = torch.rand(3, 3, 16, 16) * 2 - 1, square(3)
    z, energy = network.search(target, mask, [Work(i) for i in range(3)])
    found = torch.add(*network.losses(z, target, importance(mask, 7, "mean")))
    assert found.numpy() == pytest.approx(energy.numpy(), abs=1e-6)


def test_a_mask_that_covers_everything_gets_a_sample_and_says_so(network):
    image = torch.rand(1, 3, 16, 16)
    works = [Work(0), Work(1)]
    fills = [network(image, torch.ones(1, 1, 16, 16, dtype=torch.bool), [work]) for work in works]
    assert not torch.equal(*fills)
    assert all("a sample" in work.notes[0] for work in works)
    # What the picture was does not matter.
    assert torch.equal(fills[0], network(1 - image, torch.ones(1, 1, 16, 16, dtype=torch.bool), [Work(0)]))


def test_a_picture_that_nothing_comes_near_is_said_to_be_one(network):
    network.settings = LatentSearchSettings(steps=5)
    checks = (torch.arange(16)[:, None] + torch.arange(16)) % 2
    far, near = Work(0), Work(0)
    network(checks.expand(1, 3, 16, 16).float(), square(), [far])
    network(made(network, 2), square(), [near])
    assert any("nothing that it can generate" in note for note in far.notes)
    assert far.energy is not None
    assert near.energy is not None
    assert far.energy > near.energy


def test_overlay_takes_the_colours_and_poisson_joins_them(network):
    image, mask = made(network, 3) * 0.6 + 0.4, square()
    network.settings = LatentSearchSettings(steps=5, blend="overlay")
    generated = network.raw(image, mask, [Work(0)])
    overlay = network(image, mask, [Work(0)])
    assert torch.equal(overlay, torch.where(mask, generated, image))
    network.settings = replace(network.settings, blend="poisson")
    blended = network(image, mask, [Work(0)])
    seam = [(x[:, :, 5, 5:-5] - x[:, :, 4, 5:-5]).abs().mean() for x in (overlay, blended)]
    assert seam[1] < seam[0]


# ---------------------------------------------------------------------------------------------------------- weights


def test_weights_without_a_discriminator_search_without_the_prior(network, tmp_path):
    network.discriminator = None
    save_pretrained(network, tmp_path, {"method": "latent-search", "recipe": SMALL.to_dict()})
    ready = load(tmp_path, steps=3)
    work = Work(0)
    image = np.random.default_rng(0).random((16, 16, 3)).astype(np.float32)
    mask = square()[0, 0].numpy()
    ready(image, mask, work)
    assert any("no discriminator" in note for note in work.notes)
    quiet = Work(0)
    load(tmp_path, steps=3, prior=0)(image, mask, quiet)
    assert not any("no discriminator" in note for note in quiet.notes)


# ---------------------------------------------------------------------------------------------------------- the game


@pytest.mark.parametrize("changes", [{}, {"augment": True}])
def test_each_player_learns_against_the_other_as_it_is(changes):
    torch.manual_seed(0)
    objective = LatentSearchObjective(replace(SMALL, **changes))
    pictures = nn.functional.interpolate(torch.rand(8, 3, 4, 4), size=(16, 16), mode="bicubic").clamp(0, 1)
    mask = torch.zeros(8, 1, 16, 16, dtype=torch.bool)
    for player, module in objective.players.items():
        optimiser = torch.optim.Adam(module.parameters(), **{**objective.adam(player), "lr": 2e-3})
        losses = []
        for step in range(60):
            batch = Batch(pictures, mask, torch.Generator().manual_seed(step))
            if player == "generator":
                objective("discriminator", batch)
            loss = torch.stack(list(objective(player, batch).values())).sum()
            optimiser.zero_grad()
            loss.backward()
            if step == 0:
                assert all(value.grad is not None and value.grad.any() for value in module.parameters())
            optimiser.step()
            losses.append(loss.item())
        assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_what_is_measured_after_an_epoch_is_the_search_and_the_spread(network):
    objective = LatentSearchObjective(SMALL)
    batch = Batch(made(network, 99, 4), torch.zeros(4, 1, 16, 16, dtype=torch.bool))
    found = objective.validate(network, [batch])
    assert set(found) == {"psnr_hole", "search_loss", "spread"}
    assert all(math.isfinite(value) for value in found.values())
    assert found["spread"] > 0.05
    # A generator that makes one picture is seen.
    network.generator[0].weight.zero_()
    assert objective.validate(network, [batch])["spread"] == 0
    assert objective.sample(network, batch).shape == (4, 3, 16, 8 * 16)


def test_the_method_declares_what_its_file_holds():
    assert LATENT_SEARCH.card.fills_everything
    assert LATENT_SEARCH.recipe is LatentSearchRecipe
