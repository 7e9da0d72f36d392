"""What the loop gives an objective and takes from it: random numbers, batches, what is kept, how it is looked at."""

import random
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from inpainter.engine import training
from inpainter.engine.run_folder import RunFolder
from inpainter.engine.training import train
from inpainter.engine.validation import batch_on
from inpainter.methods import partial_conv
from inpainter.methods.blind_autoencoder import BLIND_AUTOENCODER
from inpainter.nn.objective import Batch, Objective
from small_runs import GAME, TINY, last_checkpoint, smooth_pictures

# -------------------------------------------------------------------------------------------------------- randomness


def test_a_run_is_a_function_of_its_seed_and_leaves_the_processs_state_alone(game, tmp_path):
    ends = []
    for seed, process in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(process)
        before = torch.get_rng_state(), np.random.get_state()[1], random.getstate()
        out = tmp_path / f"{seed}-{process}"
        train(replace(game, out=out, seed=seed, steps=2, sample_every=1))
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.array_equal(np.random.get_state()[1], before[1])
        assert random.getstate() == before[2]
        ends.append(last_checkpoint(out))
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())
    assert not torch.equal(ends[0]["objective.network.bottleneck.gather.weight"],
                           ends[2]["objective.network.bottleneck.gather.weight"])  # fmt: skip


def test_the_first_weights_are_those_of_the_seed(job):
    trainer = training._Trainer(replace(job, seed=3))
    torch.manual_seed(3)
    wanted = BLIND_AUTOENCODER.objective(TINY).state_dict()
    found = trainer.bare.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(value, found[name]) for name, value in wanted.items())


def test_a_batchs_generator_is_a_function_of_seed_step_and_rank():
    arrays = smooth_pictures(2), np.zeros((2, 16, 16), dtype=bool)

    def drawn(seed, step, rank):
        return tuple(
            torch.rand(3, generator=batch_on(torch.device("cpu"), arrays, seed, step, rank).generator).tolist()
        )

    places = [(seed, step, rank) for seed in range(3) for step in range(3) for rank in range(3)]
    assert [drawn(*place) for place in places] == [drawn(*place) for place in places]
    assert len({drawn(*place) for place in places}) == len(places)


def test_a_checkpoint_that_still_has_a_random_state_is_taken_up(job, tmp_path):
    train(replace(job, steps=5))
    run = RunFolder(job.out)
    found = run.newest()
    assert found is not None
    assert not any(name.startswith("random") for name in found[0])
    run.save(5, {**found[0], "random.cpu": torch.get_rng_state()}, {"seconds": found[1]["seconds"]})
    train(replace(job, steps=7, resume=True))
    train(replace(job, steps=7, out=tmp_path / "whole"))
    a, b = last_checkpoint(job.out), last_checkpoint(tmp_path / "whole")
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


# ------------------------------------------------------------------------------------------------------- the batch


@pytest.mark.parametrize(("accumulate", "predictions"), [(1, 3), (2, 3 * 2 * 2)])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_players_share_a_prediction_but_not_of_parts_which_are_to_save_memory(game, accumulate, predictions, precision):
    train(replace(game, steps=3, recipe=replace(GAME, accumulate=accumulate, precision=precision)))
    # The decoder's batch norm counts them: one a step, or one a player and part.
    counted = {int(value) for name, value in last_checkpoint(game.out).items()
               if name.startswith("objective.network.decoder") and name.endswith("num_batches_tracked")}  # fmt: skip
    assert counted == {predictions}


# ------------------------------------------------------------------------------------- what needs no masks, no Network


class _Generative(Objective):
    """A small GAN: it sees no masks, keeps a generator with its own latent's scale, and draws from the batch only."""

    masked = False

    def __init__(self, recipe):
        super().__init__()
        self.parts = nn.ModuleDict({"mapping": nn.Linear(4, 8), "decoder": nn.Linear(8, 3 * 16 * 16)})
        self.critic = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 1))
        self.masks = []

    @property
    def kept(self):
        return self.parts

    @property
    def players(self):
        return {"critic": self.critic, "generator": self.parts}

    @staticmethod
    def made(parts, batch):
        z = torch.randn(len(batch.image), 4, generator=batch.generator)
        return torch.sigmoid(parts["decoder"](parts["mapping"](z))).view_as(batch.image)

    def forward(self, player, batch):
        self.masks.append(batch.mask)
        # In both precisions: the truth is not rounded.
        assert batch.image.dtype == torch.float32
        if player == "critic":
            batch.shared["made"] = self.made(self.parts, batch)
            real, made = self.critic(batch.image), self.critic(batch.shared["made"].detach())
            return {"real": functional.softplus(-real).mean(), "made": functional.softplus(made).mean()}
        return {"fooled": functional.softplus(-self.critic(batch.shared["made"])).mean()}

    def validate(self, kept, batches):
        assert not kept.training
        assert not torch.is_grad_enabled()
        pictures = [(self.made(kept, batch).mean(), batch.image.mean(), len(batch.image)) for batch in batches]
        assert [count for *_, count in pictures] == [4, 1]
        return {"brightness": sum(abs(made - real).item() for made, real, _ in pictures)}

    def sample(self, kept, batch):
        return torch.cat([batch.image, self.made(kept, batch)], dim=3)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_an_objective_without_masks_that_keeps_modules_of_its_own(job, tmp_path, monkeypatch, precision):
    made = []
    method = replace(BLIND_AUTOENCODER, objective=lambda recipe: made.append(_Generative(recipe)) or made[-1])
    monkeypatch.setattr(training, "trainable", lambda name: method)
    job = replace(job, recipe=replace(TINY, validation=5, masks="blocks", precision=precision), steps=12)
    outcome = train(replace(job, steps=8))
    assert outcome.validation.keys() == {"brightness"}
    assert all(mask.shape == (4, 1, 16, 16) and mask.dtype == torch.bool and not mask.any() for mask in made[0].masks)
    train(replace(job, resume=True))
    train(replace(job, out=tmp_path / "whole"))
    a, b = last_checkpoint(job.out), last_checkpoint(tmp_path / "whole")
    assert {"objective.parts.mapping.weight", "average.mapping.weight", "optimiser.critic.0.exp_avg"} <= a.keys()
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    run = RunFolder(job.out)
    weights = load_file(run.weights / "weights.safetensors")
    assert weights.keys() == made[0].parts.state_dict().keys()
    # What is kept is the moving average.
    assert torch.equal(weights["mapping.weight"], a["average.mapping.weight"].half())
    # At steps 6 and 12, and at 8, where it was stopped.
    sheets = [cv2.imread(str(path)) for path in sorted(run.samples.iterdir())]
    assert [sheet.shape for sheet in sheets] == [(5 * 16, 2 * 16, 3)] * 3
    # After two epochs, and at the end, in the third.
    assert [e["validation"].keys() for e in run.read_log() if "validation" in e] == [{"brightness"}] * 3
    logs = [[e for e in RunFolder(out).read_log() if "losses" in e] for out in (job.out, tmp_path / "whole")]
    assert [e["losses"] for e in logs[0]] == [e["losses"] for e in logs[1]]


def test_validation_is_over_all_values_however_the_pictures_are_batched(rng):
    objective = partial_conv.PartialConvObjective(partial_conv.PartialConvRecipe(size=16, widths=(4,), kernels=(3,)))
    image = torch.from_numpy(rng.random((5, 3, 16, 16), dtype=np.float32))
    mask = torch.from_numpy(rng.random((5, 1, 16, 16)) < 0.2)
    network = objective.network.eval()
    with torch.no_grad():
        found = objective.validate(network, [Batch(image[i : i + 2], mask[i : i + 2]) for i in (0, 2, 4)])
        raw = network.raw(image, mask).clamp(0, 1).double().numpy()
    squared = (raw - image.double().numpy()) ** 2
    hole = squared[mask.expand_as(image).numpy()]
    assert found["mse_whole_raw"] == pytest.approx(squared.mean(), rel=1e-5)
    # Not the metric `mse_hole`, which is averaged over pictures.
    assert found["mse_hole_pooled"] == pytest.approx(hole.mean(), rel=1e-5)
    assert found["mse_whole_composed"] == pytest.approx(hole.sum() / squared.size, rel=1e-5)
