"""Every method of the table, ready to be called; those that are trained, with random weights saved and loaded."""

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inpainter.core import Inpainter
from inpainter.engine.checkpoint import save_pretrained, trainable, trainable_methods
from inpainter.methods import load

SMALL: dict[str, dict[str, Any]] = {name: {"width": 8, "latent": 32} for name in ("context-encoder", "cascade")}
"""Recipes whose networks are too large for tests, made smaller."""
SMALL["latent-search"] = {"width": 4, "latent": 8}
SMALL["patch-synthesis"] = {"widths": (4, 6, 8, 8)}
SHORT = {"latent-search": {"steps": 5, "samples": 2}, "patch-synthesis": {"iterations": 3}}
"""Settings whose fills take too long for tests, made shorter."""

_WEIGHTS = tempfile.TemporaryDirectory()


def ready(name: str) -> Inpainter:
    """Load a method again. What tests ask of one that is trained (the contract) holds for any weights."""
    return load(weights(name) if name in trainable_methods() else name, **SHORT.get(name, {}))


@cache
def weights(name: str) -> Path:
    """A folder of the method's weights, drawn; to be copied before it is changed."""
    method = trainable(name)
    recipe = replace(next(iter(method.presets.values())), **SMALL.get(name, {}))
    torch.manual_seed(0)
    folder = Path(_WEIGHTS.name) / name
    save_pretrained(awake(method.network(recipe)), folder, {"method": name, "recipe": recipe.to_dict()})
    return folder


def awake(network: nn.Module) -> nn.Module:
    """Draw weights under which signals neither fade nor grow: DCGAN's small ones make all fills grey."""
    for value in network.parameters():
        if value.ndim > 1:
            nn.init.normal_(value, std=value[0].numel() ** -0.5)
    return network.eval()
