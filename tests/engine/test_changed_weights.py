"""Weights that are not what their folder names, or none of their method: every method refuses them in one line."""

import hashlib
import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load as tensors_of
from safetensors.torch import save

from inpainter.core import InputError
from inpainter.engine.checkpoint import trainable, trainable_methods
from inpainter.methods import load
from inpainter.nn.facts import RECIPE, WEIGHTS
from ready import weights


@pytest.fixture(params=trainable_methods())
def folder(request, tmp_path) -> Path:
    return shutil.copytree(weights(request.param), tmp_path / "w")


def change(folder: Path, **facts: object) -> None:
    path = folder / RECIPE
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


def vouch(folder: Path, data: bytes) -> None:
    """Write weights and their right SHA-256, as somebody would who made them so."""
    (folder / WEIGHTS).write_bytes(data)
    change(folder, sha256=hashlib.sha256(data).hexdigest())


def refused(folder: Path, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        load(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_other_bytes_or_cut_or_gone(folder):
    path = folder / WEIGHTS
    good = path.read_bytes()
    flipped = len(good) // 2
    for bad in (good[:-1], good[:flipped], b"", good[:flipped] + bytes([good[flipped] ^ 4]) + good[flipped + 1 :]):
        path.write_bytes(bad)
        refused(folder, "SHA-256 differs")
    path.write_bytes(good)
    assert load(folder).card.name == json.loads((folder / RECIPE).read_text())["method"]
    path.unlink()
    refused(folder, "cannot be read")


def test_of_no_numbers_or_another_shape_or_type_or_part_or_too_few(folder):
    good = tensors_of((folder / WEIGHTS).read_bytes())
    name, value = next((name, value) for name, value in good.items() if value.ndim == 4)
    spoilt, infinite = value.clone(), value.clone()
    spoilt.view(-1)[-1], infinite.view(-1)[0] = torch.nan, -torch.inf
    for tensors, reason in (
        (good | {name: spoilt}, rf"{name} holds values that are not finite"),
        (good | {name: infinite}, rf"{name} holds values that are not finite"),
        (good | {name: value[:, :, 1:].clone()}, rf"another method or shape \({name}"),
        (good | {name: value.flatten()}, rf"another method or shape \({name}"),
        (good | {name: value.to(torch.float8_e4m3fn)}, rf"{name} is of type float8_e4m3fn"),
        (good | {name: value.to(torch.int8)}, rf"{name} is of type int8"),
        (good | {name: value.to(torch.complex64)}, rf"{name} is of type complex64"),
        (good | {"wings.weight": value.clone()}, r"another method or shape \(wings\.weight"),
        ({key: each for key, each in good.items() if key != name}, rf"another method or shape \({name}"),
        ({}, "another method or shape"),
    ):
        vouch(folder, save(tensors))
        refused(folder, reason)


def test_of_another_method(folder):
    own = json.loads((folder / RECIPE).read_text())["method"]
    other = next(name for name in trainable_methods() if name != own)
    facts = json.loads((weights(other) / RECIPE).read_text())
    vouch(folder, (weights(other) / WEIGHTS).read_bytes())
    refused(folder, "another method or shape")
    # All of it is the other's: a good folder of the other, and none of this method.
    change(folder, **facts)
    assert load(folder).card.name == other
    with pytest.raises(InputError, match=f"weights of {other}, not of {own}: give another folder"):
        trainable(own).recipe_in(folder)


def test_of_no_safetensors_is_never_unpickled(folder):
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    vouch(folder, pickle.dumps(Evil()))
    refused(folder, "not a safetensors file")


def test_of_a_recipe_that_is_none(folder):
    for recipe in ([], "wide", None):
        change(folder, recipe=recipe)
        refused(folder, "does not name method, recipe and sha256")
    change(folder, recipe={"wings": 2})
    with pytest.raises(InputError, match="no field 'wings'"):
        load(folder)
