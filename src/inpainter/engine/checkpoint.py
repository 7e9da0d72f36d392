"""Trained weights as a folder: `weights.safetensors`, `recipe.json`, and the card `README.md`."""

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from inpainter.core import InputError
from inpainter.engine.card import model_card
from inpainter.methods import METHODS, declared
from inpainter.nn.facts import MODEL_CARD, RECIPE, WEIGHTS
from inpainter.nn.trained import TrainedMethod
from inpainter.photos.files import write_whole


def trainable_methods() -> list[str]:
    """Return the names of the methods that can be trained."""
    return [name for name, entry in METHODS.items() if entry.extra == "torch"]


def trainable(name: str) -> TrainedMethod:
    """Return the trainable method of this name; raises InputError when there is none."""
    names = trainable_methods()
    if name not in names:
        raise InputError(f"{name}: not a method that can be trained: choose from {', '.join(names)}")
    found = declared(name)
    assert isinstance(found, TrainedMethod)
    return found


def save_pretrained(module: nn.Module, folder: str | Path, facts: dict[str, Any]) -> None:
    """Write a folder that `methods.load` takes.

    Weights are kept in half precision. `facts` has `method` and `recipe`, and the card's optional entries: `preset`,
    `seed`, `data`, `versions`, `git_revision`, `trained`, `measured`, and `remarks`, a list of sentences.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}): give another folder") from error
    data = save_tensors({name: _halved(value) for name, value in module.state_dict().items()})
    facts = {**facts, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    write_whole(folder / WEIGHTS, data)
    write_whole(folder / RECIPE, (json.dumps(facts, indent=2) + "\n").encode())
    write_whole(folder / MODEL_CARD, model_card(trainable(facts["method"]).card, facts).encode())


def _halved(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
