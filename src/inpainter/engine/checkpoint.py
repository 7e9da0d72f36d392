"""Trained weights as a folder: `weights.safetensors`, `recipe.json`, and the card `README.md`."""

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any, Protocol, cast

from safetensors.torch import save as save_tensors
from torch import Tensor

from inpainter.core import Inpainter, InputError, Method
from inpainter.core.recipe import Recipe
from inpainter.engine.card import model_card
from inpainter.methods import METHODS
from inpainter.methods import load as load_method
from inpainter.nn.network import Network
from inpainter.nn.objective import Objective
from inpainter.nn.pretrained import CARD, RECIPE, WEIGHTS
from inpainter.photos.files import write_whole


class TrainableMethod(Protocol):
    """What the module of a trainable method has."""

    CARDS: dict[str, Method]
    PRESETS: dict[str, Recipe]

    def make_objective(self, recipe: Any) -> Objective:
        """What is trained."""
        ...

    def load_weights(self, folder: Path) -> Inpainter:
        """The trained network in a folder, ready to be called."""
        ...


def trainable_methods() -> list[str]:
    """The names of the methods that can be trained."""
    return [name for name, entry in METHODS.items() if entry.extra == "torch"]


def trainable(method: str) -> TrainableMethod:
    """The module of a method that can be trained; raises InputError when there is none of this name."""
    names = trainable_methods()
    if method not in names:
        raise InputError(f"{method}: not a method that can be trained: choose from {', '.join(names)}")
    return cast(TrainableMethod, importlib.import_module(METHODS[method].module))


def save_pretrained(network: Network, folder: str | Path, facts: dict[str, Any]) -> None:
    """Write a folder that `load` takes.

    Weights are kept in half precision. `facts` has `method` and `recipe`, and whatever the card is to tell: `preset`,
    `seed`, `data`, `versions`, `git_revision`, `trained`, `measured`, and `remarks`, sentences.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}): give another folder") from error
    data = save_tensors({name: _halved(value) for name, value in network.state_dict().items()})
    facts = {**facts, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    write_whole(folder / WEIGHTS, data)
    write_whole(folder / RECIPE, (json.dumps(facts, indent=2) + "\n").encode())
    card = trainable(facts["method"]).CARDS[facts["method"]]
    write_whole(folder / CARD, model_card(card, facts).encode())


def load(name_or_path: str | Path) -> Inpainter:
    """A method by its name, or the trained weights in a folder as `save_pretrained` writes it, ready to be called.

    Raises InputError when there is none, when a file is missing, cut short or changed (its SHA-256 is checked), or when
    the weights are not those of the recipe.
    """
    return load_method(name_or_path)


def _halved(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
