"""The loop: it learns, ends in the same bits however often it is killed, and stops with a line, losing nothing."""

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from inpainter.core import InputError
from inpainter.core.recipe import Recipe
from inpainter.engine import training
from inpainter.engine.job import Job
from inpainter.engine.run_folder import RunFolder
from inpainter.engine.training import train
from inpainter.methods import blind_autoencoder, cascade, load, partial_conv
from inpainter.methods.blind_autoencoder import BLIND_AUTOENCODER
from inpainter.nn.network import Network
from inpainter.nn.objective import Batch, Objective
from inpainter.photos.files import write_whole
from small_runs import GAME, TINY, last_checkpoint, smooth_pictures

# ---------------------------------------------------------------------------------------------------------- learning


@pytest.mark.parametrize(
    "recipe",
    [
        blind_autoencoder.BlindAutoencoderRecipe(size=16, widths=(32, 64), pooled=2),
        partial_conv.PartialConvRecipe(size=16, widths=(16, 32), kernels=(3, 3)),
        partial_conv.PartialConvRecipe(size=16, widths=(16, 32), kernels=(3, 3), last_width=0, last="sigmoid"),
    ],
    ids=["blind", "partial", "partial-without-last"],
)
def test_each_objective_overfits_four_pictures(recipe):
    torch.manual_seed(0)
    partial = isinstance(recipe, partial_conv.PartialConvRecipe)
    method = partial_conv.PARTIAL_CONV if partial else BLIND_AUTOENCODER
    objective = method.objective(recipe)
    image = torch.from_numpy(smooth_pictures(4)).permute(0, 3, 1, 2).float() / 255
    mask = torch.zeros(4, 1, 16, 16, dtype=torch.bool)
    mask[:, :, 6:9] = True
    optimiser = torch.optim.Adam(objective.parameters(), 5e-3)
    losses = []
    for _ in range(120):
        terms = objective("network", Batch(image, mask))
        assert set(terms) == {"mse"}
        optimiser.zero_grad()
        terms["mse"].backward()
        optimiser.step()
        losses.append(terms["mse"].item())
    assert losses[-1] < losses[0] / 20
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in objective.parameters())


def test_the_loss_is_the_mean_over_all_values_of_the_raw_prediction():
    objective = partial_conv.PartialConvObjective(partial_conv.PartialConvRecipe(size=16, widths=(4,), kernels=(3,)))
    batch = Batch(torch.rand(2, 3, 16, 16), torch.rand(2, 1, 16, 16) < 0.2)
    raw = objective.network.raw(batch.image, batch.mask).detach().numpy().astype(np.float64)
    wanted = ((raw - batch.image.numpy()) ** 2).sum() / (2 * 3 * 16 * 16)
    assert objective("network", batch)["mse"].item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("seed", (-1, 2**64)), ("log_every", (0, -1)), ("checkpoint_every", (0,)), ("sample_every", (0,)),
        ("workers", (-1,)), ("devices", (0,)), ("steps", (0, -3)), ("minutes", (-1.0, float("nan"))),
    ],
)  # fmt: skip
def test_a_job_that_cannot_be_done_is_one_line(job, field, values):
    for value in values:
        with pytest.raises(InputError, match=f"{field.replace('_', '.')}.* {value}: give ") as caught:
            replace(job, **{field: value})
        assert "\n" not in str(caught.value)


def test_no_data_is_one_line(job):
    with pytest.raises(InputError, match="no source is named"):
        train(replace(job, data=""))


def test_a_run_folder_whose_name_is_too_long_is_one_line(job, tmp_path):
    with pytest.raises(InputError, match="cannot be made"):
        train(replace(job, out=tmp_path / ("a" * 300)))


def test_a_run_writes_its_log_as_tensorboard_events(job):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    job = replace(job, tensorboard=True)
    # Stopped, and gone on with from a step before what was logged last.
    train(replace(job, steps=11))
    train(replace(job, resume=True))
    events = EventAccumulator(str(job.out / "tensorboard")).Reload()
    entries = RunFolder(job.out).read_log()
    wanted = [(entry["step"], entry["losses"]["mse"]) for entry in entries if "losses" in entry]
    found = [(event.step, event.value) for event in events.Scalars("losses/mse")]
    assert [step for step, _ in found] == [step for step, _ in wanted]
    assert [value for _, value in found] == pytest.approx([value for _, value in wanted])
    names = {"learning_rate", "images_per_second", "losses/mse"}
    errors = {f"validation/{name}" for entry in entries for name in entry.get("validation", {})}
    assert set(events.Tags()["scalars"]) == names | errors
    assert errors


def test_without_tensorboard_its_option_is_one_line(job, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(InputError, match=r"--tensorboard needs tensorboard.*\[tensorboard\]"):
        train(replace(job, tensorboard=True))
    assert not job.out.exists()


def test_reading_the_pictures_shows_how_far_it_is(job, capsys):
    train(replace(job, quiet=False))
    assert "reading: 28 pictures\n" in capsys.readouterr().err


def test_a_run_leaves_its_folder(job):
    outcome = train(replace(job, preset="own"))
    assert outcome.finished
    assert outcome.step == 18
    run = RunFolder(job.out)
    facts = run.described()
    assert facts is not None
    assert facts["recipe"] == TINY.to_dict()
    assert facts["data"]["pictures"] == 28
    assert facts["data"]["source"] == "p.parquet"
    entries = run.read_log()
    assert [entry["step"] for entry in entries if "losses" in entry] == list(range(2, 19, 2))
    assert [entry["step"] for entry in entries if "validation" in entry] == [6, 12, 18]
    assert sorted(path.name for path in run.samples.iterdir()) == [f"step-{s:09d}.png" for s in (6, 12, 18)]
    assert cv2.imread(str(run.samples / "step-000000006.png")).shape == (4 * 16, 4 * 16, 3)
    assert {path.name for path in run.weights.iterdir()} == {"weights.safetensors", "recipe.json", "README.md"}
    assert len(list(run.checkpoints.iterdir())) == 4


def test_validations_come_as_often_as_asked(job):
    train(replace(job, validate_every=2))
    assert [entry["step"] for entry in RunFolder(job.out).read_log() if "validation" in entry] == [12, 18]


def test_curves_of_losses_and_validation_over_epochs(job):
    train(replace(job, steps=7))
    stopped = RunFolder(job.out).curves.read_text()
    train(replace(job, resume=True))
    text = RunFolder(job.out).curves.read_text()
    assert text != stopped
    drawing = ElementTree.fromstring(text)
    words = [node.text for node in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"losses", "mse", "on held-out pictures", "mse_whole_raw", "epochs", "3"} <= set(words)
    ways = [node.attrib["points"].split() for node in drawing.iter("{http://www.w3.org/2000/svg}polyline")]
    # A point a line of the log: nine of losses, three validations of three numbers.
    assert [len(way) for way in ways] == [9, 3, 3, 3]
    # The last epoch is where the plot ends.
    assert all(way[-1].split(",")[0] == x for way, x in zip(ways, ("310.0", "640.0", "640.0", "640.0"), strict=True))


def logged(folder) -> list[dict]:
    """The log without what differs from machine to machine."""
    return [{k: v for k, v in entry.items() if k != "images_per_second"} for entry in RunFolder(folder).read_log()]


def test_a_short_run_leaves_a_log_a_sheet_and_its_validation(job):
    outcome = train(replace(job, steps=3, log_every=50))
    losses, validation = logged(job.out)
    assert (losses["step"], losses["ended"], list(losses["losses"])) == (3, True, ["mse"])
    assert validation == {"step": 3, "validation": outcome.validation, "ended": True}
    assert [path.name for path in RunFolder(job.out).samples.iterdir()] == ["step-000000003.png"]


@pytest.mark.parametrize("stopped", [7, 12, 13])
def test_stopped_and_resumed_it_ends_in_the_same_log(job, tmp_path, stopped):
    # Steps of the log, of checkpoints and of epochs that meet at none of these steps, at one, at all.
    job = replace(job, log_every=4, steps=15)
    train(replace(job, out=tmp_path / "whole"))
    train(replace(job, steps=stopped))
    outcome = train(replace(job, resume=True))
    assert logged(job.out) == logged(tmp_path / "whole")
    assert logged(job.out)[-1]["validation"] == outcome.validation
    before = logged(job.out)
    train(replace(job, resume=True))
    assert logged(job.out) == before


# ----------------------------------------------------------------------------------------------------- exact resuming

CHILD = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from inpainter.engine import run_folder, training
from inpainter.apps.study import train_app
where, kind = int(sys.argv[1]), sys.argv[2]
if kind == "step":
    step = training._Trainer._take_step
    def dies(self, batch):
        if self.step == where:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, batch)
    training._Trainer._take_step = dies
else:
    write = run_folder.write_whole
    def torn(path, data):
        if path.name == f"step-{where:09d}.{kind}":
            path.with_name(path.name).write_bytes(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        write(path, data)
    run_folder.write_whole = torn
train_app()(sys.argv[3:])
"""


def arguments(job: Job, *more: str) -> list[str]:
    return ["blind-autoencoder", "--data", job.data, "--out", str(job.out), "--device", "cpu", "--quiet",
            "--checkpoint-every", "5", "--log-every", "2", *typed(job.recipe), *more]  # fmt: skip


def typed(recipe: Recipe) -> list[str]:
    plain = {name: ",".join(map(str, v)) if isinstance(v, tuple) else v for name, v in vars(recipe).items()}
    return [f"--recipe.{name.replace('_', '-')}={value}" for name, value in plain.items()]


@pytest.mark.parametrize(
    ("where", "kind"), [(3, "step"), (12, "step"), (10, "safetensors"), (10, "json")], ids=lambda v: str(v)
)
def test_killed_and_resumed_it_ends_in_the_same_bits(job, tmp_path, where, kind):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = replace(job, out=tmp_path / "whole")
        train(whole)
        killed = subprocess.run(
            [sys.executable, "-c", CHILD, str(where), kind, *arguments(job)],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        torch.manual_seed(99)  # the state that the resumed process happens to be in
        train(replace(job, resume=True))
    finally:
        torch.set_num_threads(threads)
    a, b = last_checkpoint(whole.out), last_checkpoint(job.out)
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert torch.equal(value, b[name]), name
    weights = [(folder / "weights" / "weights.safetensors").read_bytes() for folder in (whole.out, job.out)]
    assert weights[0] == weights[1]
    assert logged(whole.out) == logged(job.out)


def test_more_steps_go_on_and_end_as_one_long_run(job, tmp_path):
    train(replace(job, steps=7))
    train(replace(job, steps=14, resume=True))
    train(replace(job, steps=14, out=tmp_path / "long"))
    a, b = last_checkpoint(job.out), last_checkpoint(tmp_path / "long")
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_flipped_bit_in_the_newest_checkpoint_costs_only_that_one(job):
    train(replace(job, steps=12))
    newest = sorted(RunFolder(job.out).checkpoints.glob("*.safetensors"))[-1]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    found = RunFolder(job.out).newest()
    assert found is not None
    assert found[1]["step"] == 10


def test_resume_without_a_checkpoint_starts_again(job):
    assert train(replace(job, steps=2, resume=True)).step == 2


def test_minutes_and_signals_stop_cleanly(job):
    stopped = train(replace(job, minutes=1e-9))
    assert (stopped.step, stopped.finished) == (1, False)
    assert (RunFolder(job.out).weights / "weights.safetensors").exists()
    assert train(replace(job, resume=True)).finished


def test_sigterm_ends_the_step_and_saves(job, monkeypatch):
    step = training._Trainer._take_step

    def interrupted(self, batch):
        if self.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch)

    monkeypatch.setattr(training._Trainer, "_take_step", interrupted)
    before = signal.getsignal(signal.SIGTERM)
    outcome = train(job)
    assert (outcome.step, outcome.finished) == (4, False)
    assert signal.getsignal(signal.SIGTERM) is before
    found = RunFolder(job.out).newest()
    assert found is not None
    assert found[1]["step"] == 4


def test_two_devices_train_as_one(job, tmp_path):
    plain = replace(job, recipe=replace(TINY, average=0.0, norm=False))
    losses, weights = [], []
    for devices in ("1", "2"):
        out = tmp_path / devices
        command = [sys.executable, "-m", "inpainter", "train", *arguments(replace(plain, out=out), "--steps", "6")]
        done = subprocess.run([*command, "--devices", devices], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("step 6, finished") == 1
        losses.append([entry["losses"]["mse"] for entry in RunFolder(out).read_log() if "losses" in entry])
        weights.append(load_file(out / "weights" / "weights.safetensors"))
    # The mean over two halves of a batch is that of the batch, but for the order of the sums.
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("changes", [{}, {"flip": True}, {"flip": True, "shrink": 2}], ids=["", "flip", "shrink"])
def test_two_players_resumed_end_in_the_same_bits(game, tmp_path, changes):
    if "shrink" in changes:
        for i, picture in enumerate(smooth_pictures(12, 71)):
            cv2.imwrite(str(tmp_path / "game" / f"{i}.png"), picture)
    game = replace(game, recipe=replace(GAME, **changes))
    train(replace(game, steps=3))
    train(replace(game, steps=6, resume=True))
    train(replace(game, steps=6, out=tmp_path / "whole"))
    a, b = last_checkpoint(game.out), last_checkpoint(tmp_path / "whole")
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert {"objective.distortion.variance", "optimiser.discriminator.0.exp_avg"} <= a.keys()


def test_what_a_recipe_lacks_is_said_before_the_pictures_are_read(game, monkeypatch):
    unread(monkeypatch)
    with pytest.raises(InputError, match=r"--recipe\.first"):
        train(replace(game, method="cascade", recipe=cascade.CascadeRecipe()))


def test_two_players_on_two_devices(game, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "inpainter", "train", "context-encoder", "--data", game.data, "--out",
         str(tmp_path / "two"), "--device", "cpu", "--devices", "2", "--steps", "3", "--log-every", "1", *typed(GAME)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    losses = [entry["losses"] for entry in RunFolder(tmp_path / "two").read_log() if "losses" in entry]
    assert len(losses) == 3
    # Both halves of each batch took part in the step: the same training on one device has the same first loss.
    train(replace(game, steps=1, log_every=1, out=tmp_path / "one"))
    first = next(entry["losses"] for entry in RunFolder(tmp_path / "one").read_log() if "losses" in entry)
    assert losses[0]["generator/reconstruction"] == pytest.approx(first["generator/reconstruction"], rel=0.05)


def test_no_path_of_the_machine_is_kept_and_a_moved_first_network_is_known_again(game, tmp_path):
    small = replace(GAME, nsd=0.0)
    train(replace(game, recipe=small, steps=1, out=tmp_path / "first"))
    train(replace(game, recipe=small, steps=1, seed=1, out=tmp_path / "other"))
    recipe = cascade.CascadeRecipe(
        size=64, earlier=(32,), width=4, latent=8, overlap=1, batch=4, precision="32-true", validation=4,
        first=str(tmp_path / "first" / "weights"),
    )  # fmt: skip
    for i, picture in enumerate(smooth_pictures(12, 64)):
        cv2.imwrite(str(tmp_path / "game" / f"{i}.png"), picture)
    job = replace(game, method="cascade", recipe=recipe, steps=1, out=tmp_path / "cascade")
    train(job)
    for path in (job.out / "run.json", job.out / "weights" / "recipe.json", job.out / "weights" / "README.md"):
        assert str(tmp_path) not in path.read_text()
    assert json.loads((job.out / "run.json").read_text())["recipe"]["first"] == "first/weights"
    moved = (tmp_path / "first").rename(tmp_path / "moved")
    assert load(job.out).view.fixed == (64, 64)
    assert train(replace(job, recipe=replace(recipe, first=str(moved)), steps=2, resume=True)).finished
    with pytest.raises(InputError, match=r"began with another --recipe\.first than .*other: give the same"):
        train(replace(job, recipe=replace(recipe, first=str(tmp_path / "other")), steps=3, resume=True))


# ---------------------------------------------------------------------------------------------------- fine-tuning


def test_a_run_starts_from_the_weights_of_another(job, tmp_path, monkeypatch):
    train(replace(job, steps=3))
    second = replace(
        job, out=tmp_path / "second", start=str(job.out), recipe=replace(TINY, learning_rate=1e-9), steps=1
    )
    train(second)
    weights = [load_file(out / "weights" / "weights.safetensors") for out in (job.out, second.out)]
    trained = [name for name in weights[0] if "running" not in name and "num_batches" not in name]
    assert all(torch.allclose(weights[0][name], weights[1][name], atol=1e-3) for name in trained)
    sha256 = json.loads((job.out / "weights" / "recipe.json").read_text())["sha256"]
    for facts in (second.out / "run.json", second.out / "weights" / "recipe.json"):
        assert json.loads(facts.read_text())["start"] == {"folder": "run", "sha256": sha256}
    assert f"| started from | run, SHA-256 `{sha256}` |" in (second.out / "weights" / "README.md").read_text()
    with pytest.raises(InputError, match="holds a run already: add --resume"):
        train(second)
    # To go on, the weights need not be given; others are refused.
    train(replace(second, start="", steps=2, resume=True))
    assert json.loads((second.out / "run.json").read_text())["start"]["folder"] == "run"
    with pytest.raises(InputError, match="started from run, not from the weights in second"):
        train(replace(second, start=str(second.out), steps=3, resume=True))


def test_weights_of_other_shapes_are_no_start(job, tmp_path):
    train(replace(job, steps=1))
    wider = replace(job, out=tmp_path / "wider", start=str(job.out), recipe=replace(TINY, widths=(8, 12)))
    with pytest.raises(InputError, match=r"weights of another method or shape \(.*, wanted \(") as caught:
        train(wider)
    assert "\n" not in str(caught.value)
    assert not wider.out.exists()


def test_what_the_weights_have_not_starts_fresh(game, tmp_path):
    train(replace(game, steps=2))
    train(replace(game, steps=1, out=tmp_path / "second", start=str(game.out / "weights")))
    train(replace(game, steps=1, out=tmp_path / "fresh"))
    second, fresh = last_checkpoint(tmp_path / "second"), last_checkpoint(tmp_path / "fresh")
    # The discriminator's first step depends on the pictures predicted; Adam's steps are as long as the rate.
    for name in (name for name in second if name.startswith("objective.discriminator.") and "weight" in name):
        torch.testing.assert_close(second[name], fresh[name], rtol=0, atol=2.1 * 2e-3)


# -------------------------------------------------------------------------------------------------------- options


def test_accumulated_parts_make_the_step_of_the_whole_batch(job, tmp_path):
    plain = replace(TINY, norm=False, average=0.0)
    train(replace(job, recipe=plain, steps=3))
    parts = replace(plain, accumulate=2)
    train(replace(job, recipe=parts, steps=3, out=tmp_path / "parts"))
    a, b = last_checkpoint(job.out), last_checkpoint(tmp_path / "parts")
    for name in a:
        if name.startswith("objective."):
            torch.testing.assert_close(a[name], b[name], rtol=1e-3, atol=1e-5)


def test_clipping_bounds_the_gradient(job, monkeypatch):
    norms = []
    step = torch.optim.Adam.step

    def seen(self, *rest, **more):
        norms.append(torch.cat([p.grad.flatten() for g in self.param_groups for p in g["params"]]).norm().item())
        return step(self, *rest, **more)

    monkeypatch.setattr(torch.optim.Adam, "step", seen)
    train(replace(job, recipe=replace(TINY, clip=1e-3), steps=3))
    assert norms
    assert max(norms) < 1.01e-3


def test_cosine_goes_to_zero_over_the_epochs(job):
    train(replace(job, recipe=replace(TINY, schedule="cosine")))
    rates = {e["step"]: e["learning_rate"] for e in RunFolder(job.out).read_log() if "losses" in e}
    for step, rate in rates.items():
        assert rate == pytest.approx(1e-3 * 0.5 * (1 + np.cos(np.pi * step / 18)), abs=1e-12)


class _Two(Objective):
    """Two players in an order; each must leave the other alone."""

    class Net(Network):
        def __init__(self):
            super().__init__()
            self.a = nn.Parameter(torch.ones(1))

        def predict(self, image, mask, works):
            return image * self.a

    def __init__(self):
        super().__init__()
        self.network = self.Net()
        self.critic = nn.Linear(1, 1)
        self.turns = []

    @property
    def players(self):
        return {"critic": self.critic, "network": self.network}

    def adam(self, player):
        return {"lr": 0.5} if player == "critic" else {}

    def forward(self, player, batch):
        self.turns.append((player, self.network.a.requires_grad, self.critic.weight.requires_grad))
        score = self.critic(self.network.raw(batch.image, batch.mask).mean().view(1, 1)).sum()
        return {"score": score if player == "network" else -score, "size": functional.mse_loss(score, score * 0)}


def test_players_take_turns_in_their_order_and_rates(job, monkeypatch):
    made = []
    method = replace(BLIND_AUTOENCODER, objective=lambda recipe: made.append(_Two()) or made[-1])
    monkeypatch.setattr(training, "trainable", lambda name: method)
    train(replace(job, steps=2))
    assert made[0].turns == [("critic", True, True), ("network", True, False)] * 2
    assert set(RunFolder(job.out).read_log()[0]["losses"]) == {
        "critic/score", "critic/size", "network/score", "network/size",
    }  # fmt: skip
    # Adam's first step has the size of its rate.
    assert abs(made[0].network.a.item() - 1) == pytest.approx(2e-3, rel=0.1)


# -------------------------------------------------------------------------------------------------------- bad input


def test_nan_stops_with_step_and_term_and_keeps_the_last_good_checkpoint(job, monkeypatch):
    forward = blind_autoencoder.BlindAutoencoderObjective.forward
    calls = []

    def breaks(self, player, batch):
        calls.append(1)
        terms = forward(self, player, batch)
        return {"mse": terms["mse"] * (torch.nan if len(calls) == 9 else 1), "other": terms["mse"]}

    monkeypatch.setattr(blind_autoencoder.BlindAutoencoderObjective, "forward", breaks)
    with pytest.raises(InputError, match="loss mse became nan at step 8"):
        train(job)
    found = RunFolder(job.out).newest()
    assert found is not None
    assert found[1]["step"] == 5
    assert all(torch.isfinite(v).all() for v in found[0].values() if v.is_floating_point())


def unread(monkeypatch):
    """Let decoding the pictures fail the test."""

    def read(*given, **more):
        raise AssertionError("read")

    monkeypatch.setattr(training, "read_pictures", read)


def test_refuses_a_folder_with_a_run_and_a_changed_recipe_before_the_pictures_are_read(job, monkeypatch):
    train(replace(job, steps=6))
    unread(monkeypatch)
    with pytest.raises(InputError, match="holds a run already: add --resume"):
        train(job)
    cases = {
        "recipe has learning_rate 0.001, not 0.1": replace(job, recipe=replace(TINY, learning_rate=0.1)),
        "has seed 0, not 1": replace(job, seed=1),
        "has method blind-autoencoder, not partial-conv": replace(
            job, method="partial-conv", recipe=partial_conv.PRESETS["study"]
        ),
    }
    for reason, other in cases.items():
        with pytest.raises(InputError, match=reason):
            train(replace(other, resume=True))
    found = RunFolder(job.out).newest()
    assert found is not None
    assert found[1]["step"] == 6


def test_refuses_other_pictures(job, source):
    train(replace(job, steps=6))
    table = pq.read_table(source)
    pq.write_table(table.slice(1), source)
    with pytest.raises(InputError, match="not those the run began with"):
        train(replace(job, resume=True))


def test_a_full_disk_is_one_line_and_keeps_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="the disk is full"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_out_of_memory_names_a_batch_to_try(job, monkeypatch):
    def full(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(training._Trainer, "_take_step", full)
    with pytest.raises(InputError, match=r"batch of 4 does not fit: try --recipe\.batch 2"):
        train(job)


def test_pictures_smaller_than_the_crop(job):
    with pytest.raises(InputError, match="smaller than 32 px"):
        train(replace(job, recipe=replace(TINY, size=32)))


def test_a_device_that_is_not_there_is_said_before_the_pictures_are_read(job, monkeypatch):
    unread(monkeypatch)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device cuda: torch finds none here"):
        train(replace(job, device="cuda"))
