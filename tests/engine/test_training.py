"""The loop: it learns, ends in the same bits however often it is killed, and stops with a line, losing nothing."""

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from inpainter.core import InputError
from inpainter.core.recipe import field_docs
from inpainter.engine import training
from inpainter.engine.options import build_recipe, parse_job
from inpainter.engine.run_folder import RunFolder
from inpainter.engine.training import Job, train
from inpainter.methods import blind_autoencoder, cascade, context_encoder, partial_conv
from inpainter.nn.network import Network
from inpainter.nn.objective import Batch, Objective
from inpainter.photos.files import write_whole

TINY = blind_autoencoder.BlindAutoencoderRecipe(
    size=16, widths=(8, 8), pooled=2, batch=4, epochs=3, average=0.9, precision="32-true", validation=4
)


def smooth_pictures(count: int, size: int = 16) -> np.ndarray:
    coarse = np.random.default_rng(5).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return np.stack([cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC) for picture in coarse])


@pytest.fixture
def source(tmp_path) -> str:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    encoded = [cv2.imencode(".png", picture)[1].tobytes() for picture in smooth_pictures(28)]
    pq.write_table(
        pa.table({"image": pa.array([{"bytes": e, "path": ""} for e in encoded], kind)}), tmp_path / "p.parquet"
    )
    return str(tmp_path / "p.parquet")


@pytest.fixture
def job(tmp_path, source) -> Job:
    return Job(
        method="blind-autoencoder", recipe=TINY, data=source, out=tmp_path / "run", accelerator="cpu", quiet=True,
        log_every=2, checkpoint_every=5, sample_every=6,
    )  # fmt: skip


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
    module = partial_conv if isinstance(recipe, partial_conv.PartialConvRecipe) else blind_autoencoder
    objective = module.make_objective(recipe)
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


def test_the_loss_is_the_mean_over_all_values_of_the_raw_answer():
    objective = partial_conv.make_objective(partial_conv.PartialConvRecipe(size=16, widths=(4,), kernels=(3,)))
    batch = Batch(torch.rand(2, 3, 16, 16), torch.rand(2, 1, 16, 16) < 0.2)
    raw = objective.network.raw(*batch).detach().numpy().astype(np.float64)
    wanted = ((raw - batch.image.numpy()) ** 2).sum() / (2 * 3 * 16 * 16)
    assert objective("network", batch)["mse"].item() == pytest.approx(wanted, rel=1e-5)


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


# ----------------------------------------------------------------------------------------------------- exact resuming

CHILD = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from inpainter.engine import run_folder, training
from inpainter.engine.options import parse_job
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
training.train(parse_job(sys.argv[3:]))
"""


def arguments(job: Job, *more: str) -> list[str]:
    recipe = [f"--recipe.{n}={','.join(map(str, v)) if isinstance(v, tuple) else v}" for n, v in vars(TINY).items()
              if n not in ("norm",)]  # fmt: skip
    return ["blind-autoencoder", "--data", job.data, "--out", str(job.out), "--accelerator", "cpu", "--quiet",
            "--checkpoint-every", "5", "--log-every", "2", *recipe, *more]  # fmt: skip


def last_checkpoint(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(sorted((folder / "checkpoints").glob("*.safetensors"))[-1])


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
    logs = [[e for e in RunFolder(folder).read_log() if "losses" in e] for folder in (whole.out, job.out)]
    assert [(e["step"], e["losses"]) for e in logs[0]] == [(e["step"], e["losses"]) for e in logs[1]]


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


def test_resume_without_a_checkpoint_starts_anew(job):
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
    plain = ["--recipe.average", "0", "--no-recipe.norm", "--steps", "6"]
    losses, weights = [], []
    for devices in ("1", "2"):
        out = tmp_path / devices
        command = [sys.executable, "-m", "inpainter.engine.training", *arguments(replace(job, out=out), *plain)]
        done = subprocess.run([*command, "--devices", devices], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("step 6, finished") == 1
        losses.append([entry["losses"]["mse"] for entry in RunFolder(out).read_log() if "losses" in entry])
        weights.append(load_file(out / "weights" / "weights.safetensors"))
    # The mean over two halves of a batch is that of the batch, but for the order of the sums.
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=1e-3)


GAME = context_encoder.ContextEncoderRecipe(
    size=32, masks="centre", width=4, latent=8, overlap=1, batch=4, precision="32-true", nsd=0.1, validation=4
)


@pytest.fixture
def game(job, tmp_path) -> Job:
    """A training of two players, on pictures that are larger than the network."""
    (tmp_path / "game").mkdir()
    for i, picture in enumerate(smooth_pictures(12, 40)):
        cv2.imwrite(str(tmp_path / "game" / f"{i}.png"), picture)
    return replace(job, method="context-encoder", recipe=GAME, data=str(tmp_path / "game"))


def test_two_players_resumed_end_in_the_same_bits(game, tmp_path):
    train(replace(game, steps=3))
    train(replace(game, steps=6, resume=True))
    train(replace(game, steps=6, out=tmp_path / "whole"))
    a, b = last_checkpoint(game.out), last_checkpoint(tmp_path / "whole")
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert {"objective.distortion.variance", "optimiser.discriminator.0.exp_avg"} <= a.keys()


def test_what_a_recipe_lacks_is_said_before_the_pictures_are_read(game, monkeypatch):
    def read(*given, **more):
        raise AssertionError("read")

    monkeypatch.setattr(training, "read_pictures", read)
    with pytest.raises(InputError, match=r"--recipe\.first"):
        train(replace(game, method="cascade", recipe=cascade.CascadeRecipe()))


def test_two_players_on_two_devices(game, tmp_path):
    recipe = [f"--recipe.{n}={v}" for n, v in vars(GAME).items()]
    done = subprocess.run(
        [sys.executable, "-m", "inpainter.engine.training", "context-encoder", "--data", game.data, "--out",
         str(tmp_path / "two"), "--accelerator", "cpu", "--devices", "2", "--steps", "3", "--log-every", "1", *recipe],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    losses = [entry["losses"] for entry in RunFolder(tmp_path / "two").read_log() if "losses" in entry]
    assert len(losses) == 3
    # Both halves of each batch took part in the step: the same training on one device has the same first loss.
    train(replace(game, steps=1, log_every=1, out=tmp_path / "one"))
    first = next(entry["losses"] for entry in RunFolder(tmp_path / "one").read_log() if "losses" in entry)
    assert losses[0]["generator/reconstruction"] == pytest.approx(first["generator/reconstruction"], rel=0.05)


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

        def predict(self, image, mask):
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
        score = self.critic(self.network.raw(*batch).mean().view(1, 1)).sum()
        return {"score": score if player == "network" else -score, "size": functional.mse_loss(score, score * 0)}


def test_players_take_turns_in_their_order_and_rates(job, monkeypatch):
    made = []
    module = type("M", (), {"make_objective": staticmethod(lambda recipe: made.append(_Two()) or made[-1]),
                            "CARDS": blind_autoencoder.CARDS, "PRESETS": {}})  # fmt: skip
    monkeypatch.setattr(training, "trainable", lambda name: module)
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


def test_refuses_a_folder_with_a_run_and_a_changed_recipe(job):
    train(replace(job, steps=6))
    with pytest.raises(InputError, match="holds a run already: add --resume"):
        train(job)
    cases = {
        "recipe has learning_rate 0.001, not 0.1": replace(job, recipe=replace(TINY, learning_rate=0.1)),
        "has seed 0, not 1": replace(job, seed=1),
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


def test_options_command_line_over_file_over_preset(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text(
        "method: partial-conv\ndata: here\nout: there\nseed: 7\nrecipe:\n  learning_rate: 5e-4\n  batch: 8\n"
    )
    job = parse_job(["--config", str(config), "--preset", "cifar10-equal", "--recipe.batch", "16", "--steps", "9"])
    assert (job.method, job.data, job.out, job.seed, job.steps) == ("partial-conv", "here", Path("there"), 7, 9)
    preset = partial_conv.PRESETS["cifar10-equal"]
    assert job.recipe == replace(preset, learning_rate=5e-4, batch=16)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["partial-conv", "--data", "x"], "--out is missing"),
        ([], "no method given"),
        (["sharpen", "--data", "x", "--out", "y"], "not a method that can be trained"),
        (["partial-conv", "--data", "x", "--out", "y", "--preset", "p"], "choose from cifar10-paper"),
        (["partial-conv", "--data", "x", "--out", "y", "--recipe.batch", "0"], "batch is 0: give 1 or more"),
        (["partial-conv", "--data", "x", "--out", "y", "--recipe.size", "30"], "give a multiple of 32"),
        (["--config", "/nowhere.yaml"], "cannot be read"),
    ],
)
def test_options_that_do_not_fit_are_one_line(given, reason):
    with pytest.raises(InputError, match=reason) as caught:
        parse_job(given)
    assert "\n" not in str(caught.value)


def test_an_unknown_field_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"no field 'widht': it has .*widths"):
        build_recipe("partial-conv", None, {"widht": 3})


def test_every_field_of_every_recipe_is_documented():
    for module in (blind_autoencoder, partial_conv):
        recipe = next(iter(module.PRESETS.values()))
        docs = field_docs(type(recipe))
        assert set(recipe.to_dict()) == set(docs)
        assert all(len(text) > 10 for text in docs.values())
        assert type(recipe).from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_the_training_needs_no_command_line_library_and_no_pyvips():
    code = """
import sys
for name in ("cyclopts", "pyvips", "jpeglib", "onnxruntime", "skimage"):
    sys.modules[name] = None
import inpainter.engine.training
from inpainter.engine.options import parse_job
parse_job(["partial-conv", "--data", "x", "--out", "y"])
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)
