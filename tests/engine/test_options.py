"""From what is typed and a file to a job, or a line that says what does not fit."""

import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from inpainter.core import InputError
from inpainter.core.fields import field_docs
from inpainter.engine.checkpoint import trainable, trainable_methods
from inpainter.engine.job import Job
from inpainter.engine.options import build_job, build_recipe
from inpainter.methods import partial_conv


def test_options_that_are_typed_over_file_over_preset(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text(
        "method: partial-conv\ndata: here\nout: there\nseed: 7\nlog_every: 3\nresume: true\nminutes: 1e1\n"
        "recipe:\n  learning_rate: 5e-4\n  batch: 8\n  first-width: 16\n  kernels: [3, 3, 3, 3, 5]\n"
    )
    given = {"preset": "cifar10-equal", "steps": 9, "log_every": 4}
    job = build_job("partial-conv", config, given, {"batch": 16})
    assert (job.method, job.data, job.out, job.seed, job.steps) == ("partial-conv", "here", Path("there"), 7, 9)
    assert (job.log_every, job.resume, job.minutes, job.preset) == (4, True, 10.0, "cifar10-equal")
    preset = partial_conv.PRESETS["cifar10-equal"]
    assert job.recipe == replace(preset, learning_rate=5e-4, batch=16, first_width=16, kernels=(3, 3, 3, 3, 5))


@pytest.mark.parametrize(
    ("method", "given", "changes", "reason"),
    [
        ("partial-conv", {"data": "x"}, {}, "--out is missing: give the run folder"),
        ("sharpen", {"data": "x", "out": "y"}, {}, "not a method that can be trained"),
        ("partial-conv", {"data": "x", "out": "y", "preset": "p"}, {}, "choose from cifar10-100-epochs"),
        ("partial-conv", {"data": "x", "out": "y"}, {"batch": 0}, "batch is 0: give 1 or more"),
        ("partial-conv", {"data": "x", "out": "y"}, {"size": 30}, "give a multiple of 32"),
    ],
)
def test_options_that_do_not_fit_are_one_line(method, given, changes, reason):
    with pytest.raises(InputError, match=reason) as caught:
        build_job(method, None, given, changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("accelerator: cpu", "c.yaml has no field 'accelerator': it has data, out, .*device, devices"),
        ("recipes: {}", "c.yaml has no field 'recipes'"),
        ("seed: first", "c.yaml: seed is 'first': give a whole number"),
        ("device: gpu", "device is 'gpu': give one of auto, cpu, cuda, mps"),
        ("recipe: {widht: 3}", "c.yaml: recipe has no field 'widht': it has .*widths"),
        ("recipe: {batch: many}", "c.yaml: recipe: batch is 'many': give a whole number"),
        ("recipe: [batch]", "c.yaml: recipe: no table"),
        ("recipe: 3", "c.yaml: recipe: no table"),
        ("- data", "c.yaml: no table"),
        ("seed: 1\ndata: d\nseed: 2", "c.yaml: seed is given twice"),
        ("recipe:\n  batch: 8\n  batch: 9", "c.yaml: batch is given twice"),
        ("data: [", "not readable as YAML"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(tmp_path, text, reason):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        build_job("partial-conv", tmp_path / "c.yaml", {"data": "x", "out": "y"}, {})
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        build_job("partial-conv", tmp_path / "d.yaml", {}, {})


def test_an_unknown_field_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"no field 'widht': it has .*widths"):
        build_recipe("partial-conv", None, {"widht": 3})


def test_every_field_of_every_recipe_is_documented():
    for name in trainable_methods():
        recipe = next(iter(trainable(name).presets.values()))
        docs = field_docs(type(recipe))
        assert set(recipe.to_dict()) == set(docs)
        assert all(len(text) > 10 for text in docs.values())
        assert type(recipe).from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert field_docs(Job).keys() == {field.name for field in fields(Job)}


def test_the_training_needs_no_command_line_library_and_no_pyvips():
    code = """
import sys
for name in ("cyclopts", "pyvips", "jpeglib", "onnxruntime", "skimage"):
    sys.modules[name] = None
import inpainter.engine.training
from inpainter.engine.checkpoint import trainable, trainable_methods
from inpainter.engine.options import build_job
build_job("partial-conv", None, {"data": "x", "out": "y"}, {})
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)
