"""Reading a folder of trained weights: `weights.safetensors`, checked, and `recipe.json`."""

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from inpainter.core import InputError
from inpainter.core.recipe import Recipe
from inpainter.nn.network import Network

AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)

WEIGHTS, RECIPE, CARD = "weights.safetensors", "recipe.json", "README.md"


def shipped_weights(method: str, preset: str) -> Path:
    """The folder of weights trained for good, `weights/METHOD-PRESET` of the source; they are not in the wheel.

    Raises InputError when it is not there.
    """
    path = Path(__file__).parents[3] / "weights" / f"{method}-{preset}"
    if not (path / RECIPE).exists():
        raise InputError(
            f"{method} needs trained weights, and none are installed: train some (inpainter train {method} --help) and "
            "give their folder as the method"
        )
    return path


def read_recipe(folder: str | Path, method: str, kind: type[AnyRecipe]) -> AnyRecipe:
    """The recipe in a weights folder; raises InputError when it is another method's or none."""
    facts = read_facts(folder)
    if facts["method"] != method:
        raise InputError(f"{Path(folder) / RECIPE}: weights of {facts['method']}, not of {method}: give another folder")
    return kind.from_dict(facts["recipe"])


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


def fill_with_weights(network: Network, folder: str | Path) -> Network:
    """Give `network` the weights of a folder, checked against their SHA-256, and set it to evaluation.

    Raises InputError when the file is missing, cut short or changed, or when the weights are another network's.
    """
    path = Path(folder) / WEIGHTS
    tensors = _read(path, read_facts(folder)["sha256"])
    wanted = network.state_dict()
    _compare(path, tensors, wanted)
    network.load_state_dict({name: value.to(wanted[name].dtype) for name, value in tensors.items()})
    return network.eval()


def _read(path: Path, sha256: str) -> dict[str, Tensor]:
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
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found or name not in wanted or found[name].shape != wanted[name].shape:
            came = tuple(found[name].shape) if name in found else "nothing"
            asked = tuple(wanted[name].shape) if name in wanted else "nothing"
            raise InputError(f"{path}: weights of another method or shape ({name}: {came}, wanted {asked})")
    for name, value in found.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise InputError(f"{path}: {name} holds values that are not finite numbers: train or get them anew")
