"""The commands train and evaluate, as typed."""

import json

import cv2
import numpy as np
import pytest
from cyclopts import CycloptsError

from inpainter.apps.cli import app
from inpainter.core import InputError
from inpainter.core.fields import field_docs
from inpainter.engine.checkpoint import trainable, trainable_methods
from inpainter.engine.job import Job, Outcome


@pytest.fixture
def folder(tmp_path):
    coarse = np.random.default_rng(5).integers(0, 256, (12, 4, 4, 3), dtype=np.uint8)
    (tmp_path / "pictures").mkdir()
    for i, picture in enumerate(coarse):
        cv2.imwrite(str(tmp_path / "pictures" / f"{i:02}.png"), cv2.resize(picture, (32, 32)))
    return tmp_path / "pictures"


SMALL = ["--recipe.batch", "4", "--recipe.validation", "4", "--recipe.last-width", "4", "--recipe.precision", "32-true",
         "--recipe.widths", "4,4,4", "--recipe.widths", "4", "--recipe.widths", "4"]  # fmt: skip


def test_trained_weights_are_a_method_by_their_folder(folder, tmp_path, capsys):
    run = tmp_path / "run"
    assert app(["train", "partial-conv", "--data", str(folder), "--out", str(run), "--steps", "2", *SMALL]) == 0
    assert "step 2, finished" in capsys.readouterr().out
    recipe = json.loads((run / "weights" / "recipe.json").read_text())["recipe"]
    # What was typed, and for the rest the preset's values, not the class's.
    assert (recipe["batch"], recipe["widths"], recipe["average"]) == (4, [4] * 5, 0.999)
    out = tmp_path / "report"
    code = app(
        [
            "evaluate",
            "--methods",
            f"telea,{run / 'weights'},{run}",
            "--data",
            str(folder),
            "--limit",
            "2",
            "-o",
            str(out),
            "--bare",
            "--device",
            "cpu",
        ]
    )
    assert code == 0
    found, same = (json.loads((out / f"{name}.json").read_text()) for name in ("run", "run-3"))
    assert found["weights"]["method"] == "partial-conv"
    # A run folder stands for the weights in it.
    assert same["weights"] == found["weights"]
    measured = [one["masks"]["lines"]["metrics"] for one in (found, same)]
    assert measured[0] == measured[1]
    assert found["masks"]["lines"]["metrics"]["mse_whole_raw"]["pictures"] == 2


def test_train_takes_files_under_what_is_typed(folder, tmp_path, monkeypatch):
    jobs = []
    monkeypatch.setattr("inpainter.engine.training.train", lambda job: jobs.append(job) or Outcome(0, True))
    config = tmp_path / "c.yaml"
    config.write_text(f"data: {folder}\nout: {tmp_path / 'a'}\nrecipe:\n  batch: 8\n  epochs: 3\n")
    assert app(["train", "blind-autoencoder", "--config", str(config), "--recipe.epochs", "5", "--minutes", "1.5",
                "--quiet", "--device", "cpu"]) == 0  # fmt: skip
    job: Job = jobs[0]
    assert (job.recipe.batch, job.recipe.epochs, job.minutes, job.data) == (8, 5, 1.5, str(folder))
    assert (job.quiet, job.device, job.resume, job.devices) == (True, "cpu", False, 1)
    # The preset's, not the class's.
    assert job.recipe.average == 0.999


@pytest.mark.parametrize(
    ("typed", "flip"), [([], True), (["--recipe.no-flip"], False), (["--recipe.flip=false"], False)]
)
def test_what_a_preset_turns_on_a_plain_flag_turns_off(folder, tmp_path, monkeypatch, typed, flip):
    jobs = []
    monkeypatch.setattr("inpainter.engine.training.train", lambda job: jobs.append(job) or Outcome(0, True))
    app(
        [
            "train",
            "context-encoder",
            "--preset",
            "128-blocks",
            "--data",
            str(folder),
            "--out",
            str(tmp_path / "a"),
            *typed,
        ]
    )
    assert jobs[0].recipe.flip is flip


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (["train", "partial-con"], 'Did you mean "partial-conv"'),
        (["train", "partial-conv", "--recipe.bach", "3"], "--recipe.batch"),
        (["train", "partial-conv", "--recipe.batch", "three"], "three"),
        (["train", "partial-conv", "--recipe.batch", "2.5"], "whole number, not '2.5'"),
        (["train", "partial-conv", "--recipe.widths", "4,2.5"], "whole number, not '2.5'"),
        (["train", "partial-conv", "--steps", "2.5"], "whole number, not '2.5'"),
        (["train", "partial-conv", "--recipe.last", "tanh"], "sigmoid"),
        (["train", "partial-conv", "--device", "gpu"], "cuda"),
        (["train", "partial-conv", "--accelerator", "cpu"], "--accelerator"),
    ],
)
def test_what_is_mistyped_is_told_with_what_was_meant(typed, reason):
    with pytest.raises(CycloptsError) as caught:
        app(typed)
    assert reason in str(caught.value)


def test_train_without_data_is_one_line(tmp_path):
    with pytest.raises(InputError, match="--data is missing"):
        app(["train", "partial-conv", "--out", str(tmp_path / "x")])
    with pytest.raises(InputError, match="no pictures in it"):
        app(["train", "partial-conv", "--data", str(tmp_path), "--out", str(tmp_path / "x")])


def test_help_is_made_of_the_recipes_words(capsys):
    for method in trainable_methods():
        app(["train", method, "--help"])
        shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
        preset = next(iter(trainable(method).presets.values()))
        for name in field_docs(type(preset)):
            assert f"--recipe.{name.replace('_', '-')}" in shown
        for said in (field_docs(Job)["device"], field_docs(Job)["quiet"]):
            assert said in shown
        said = field_docs(type(preset))["learning_rate"]
        assert f"{said} {next(iter(trainable(method).presets))}: {preset.learning_rate}." in shown
