"""Reading trained weights: `weights.safetensors`, checked."""

import hashlib
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from inpainter.core import InputError
from inpainter.nn.facts import RECIPE, WEIGHTS, read_facts, weights_in

Module = TypeVar("Module", bound=nn.Module)


def fill_with_weights(network: Module, folder: str | Path) -> Module:
    """Load the weights of a folder or run into `network`, checked against their SHA-256, and set evaluation mode.

    Its `optional_parts` that the folder lacks become None. Raises InputError when the file is missing, truncated or
    changed, or when the weights are another network's.
    """
    path = weights_in(folder) / WEIGHTS
    tensors = _read(path, read_facts(folder)["sha256"])
    for part in _absent_parts(network, tensors):
        setattr(network, part, None)
    _fill(network, tensors, path)
    return network.eval()


def start_from_weights(network: nn.Module, folder: str | Path) -> None:
    """Load the weights of a folder or run into a network to be trained, as `fill_with_weights` does.

    Optional parts that the folder lacks stay as they are.
    """
    path = weights_in(folder) / WEIGHTS
    tensors = _read(path, read_facts(folder)["sha256"])
    fresh = tuple(f"{part}." for part in _absent_parts(network, tensors))
    kept = {name: value for name, value in network.state_dict().items() if name.startswith(fresh)}
    _fill(network, tensors | kept, path)


def _absent_parts(network: nn.Module, tensors: dict[str, Tensor]) -> list[str]:
    parts = getattr(network, "optional_parts", ())
    return [part for part in parts if not any(name.startswith(f"{part}.") for name in tensors)]


def _fill(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    wanted = network.state_dict()
    _compare(path, tensors, wanted)
    network.load_state_dict({name: value.to(wanted[name].dtype) for name, value in tensors.items()})


def _read(path: Path, sha256: str) -> dict[str, Tensor]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): get the weights again") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InputError(f"{path}: not the file that {RECIPE} names (its SHA-256 differs): get the weights again")
    try:
        return load_tensors(data)
    except SafetensorError as error:
        raise InputError(f"{path}: not a safetensors file: get the weights again") from error


def _compare(path: Path, found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found or name not in wanted or found[name].shape != wanted[name].shape:
            came = tuple(found[name].shape) if name in found else "nothing"
            asked = tuple(wanted[name].shape) if name in wanted else "nothing"
            raise InputError(f"{path}: weights of another method or shape ({name}: {came}, wanted {asked})")
    for name, value in found.items():
        # Any floating point precision will do; other types would lose values, or cannot be checked.
        precise = value.is_floating_point() and wanted[name].is_floating_point() and value.itemsize > 1
        if value.dtype != wanted[name].dtype and not precise:
            kind = str(value.dtype).removeprefix("torch.")
            raise InputError(f"{path}: {name} is of type {kind}: get the weights again")
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise InputError(f"{path}: {name} holds values that are not finite numbers: train or get them again")
