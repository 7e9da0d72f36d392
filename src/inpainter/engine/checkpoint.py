"""Trained weights as a folder: `weights.safetensors`, `recipe.json`, and the card `README.md`."""

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from inpainter.core import Inpainter, InputError, Method
from inpainter.core.recipe import Recipe
from inpainter.engine.card import model_card
from inpainter.engine.run_folder import write_whole
from inpainter.methods import METHODS
from inpainter.nn.network import Network
from inpainter.nn.objective import Objective

WEIGHTS, RECIPE, README = "weights.safetensors", "recipe.json", "README.md"


class TrainableMethod(Protocol):
    """What the module of a trainable method has."""

    CARD: Method
    PRESETS: dict[str, Recipe]

    def make_objective(self, recipe: Any) -> Objective:
        """What is trained."""
        ...

    def make_inpainter(self, network: Any) -> Inpainter:
        """The trained network, ready to be called."""
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
    """Write a folder that `load_pretrained` takes.

    Weights are kept in half precision. `facts` has `method` and `recipe`, and whatever the card is to tell: `preset`,
    `seed`, `data`, `versions`, `git_revision`, `trained`, `measured`.
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
    write_whole(folder / README, model_card(trainable(facts["method"]).CARD, facts).encode())


def load_pretrained(folder: str | Path) -> Inpainter:
    """Load the folder that `save_pretrained` wrote, checked against its SHA-256.

    Raises InputError when a file is missing, cut short or changed, or when the weights are not those of its recipe.
    """
    facts = read_facts(folder)
    return trainable(facts["method"]).make_inpainter(load_network(folder))


def load_network(folder: str | Path) -> Network:
    """The network of a weights folder, float32, in evaluation mode; raises InputError as `load_pretrained` does."""
    facts = read_facts(folder)
    module = trainable(facts["method"])
    recipe = type(next(iter(module.PRESETS.values()))).from_dict(facts["recipe"])
    network = module.make_objective(recipe).network
    tensors = _read_weights(Path(folder) / WEIGHTS, facts["sha256"])
    wanted = network.state_dict()
    _compare(Path(folder) / WEIGHTS, tensors, wanted)
    network.load_state_dict({name: value.to(wanted[name].dtype) for name, value in tensors.items()})
    return network.eval()


def read_facts(folder: str | Path) -> dict[str, Any]:
    """What `recipe.json` in a weights folder says; raises InputError when it is missing or not to be understood."""
    path = Path(folder) / RECIPE
    try:
        facts = json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give a folder of trained weights") from error
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON: get the weights anew") from error
    if not isinstance(facts, dict) or not {"method", "recipe", "sha256"} <= facts.keys():
        raise InputError(f"{path}: does not name method, recipe and sha256: get the weights anew")
    return facts


def _halved(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()


def _read_weights(path: Path, sha256: str) -> dict[str, Tensor]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): get the weights anew") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InputError(f"{path}: not the file that {RECIPE} names (its SHA-256 differs): get the weights anew")
    try:
        return load_tensors(data)
    except SafetensorError as error:
        raise InputError(f"{path}: not a safetensors file: get the weights anew") from error


def _compare(path: Path, found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    for name in wanted.keys() | found.keys():
        if name not in found or name not in wanted or found[name].shape != wanted[name].shape:
            came = tuple(found[name].shape) if name in found else "nothing"
            asked = tuple(wanted[name].shape) if name in wanted else "nothing"
            raise InputError(f"{path}: weights of another method or shape ({name}: {came}, wanted {asked})")
    for name, value in found.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise InputError(f"{path}: {name} holds values that are not finite numbers: train or get them anew")
