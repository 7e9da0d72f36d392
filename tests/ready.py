"""Every method of the table, ready to be called; those that are trained, with random weights saved and loaded."""

import tempfile
from functools import cache
from pathlib import Path

import torch

from inpainter.core import Inpainter
from inpainter.engine.checkpoint import save_pretrained, trainable, trainable_methods
from inpainter.methods import load

_WEIGHTS = tempfile.TemporaryDirectory()


def ready(name: str) -> Inpainter:
    """Load a method anew. What tests ask of one that is trained (the contract) holds for any weights."""
    return load(_weights(name) if name in trainable_methods() else name)


@cache
def _weights(name: str) -> Path:
    module = trainable(name)
    recipe = next(iter(module.PRESETS.values()))
    torch.manual_seed(0)
    folder = Path(_WEIGHTS.name) / name
    save_pretrained(module.make_objective(recipe).network, folder, {"method": name, "recipe": recipe.to_dict()})
    return folder
