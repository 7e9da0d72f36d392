"""The one table of methods. Listing it imports no method and no torch; adding a method is one file and one line."""

import difflib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from inpainter.core import Inpainter, InputError, Method


class Entry(NamedTuple):
    """A line of the table."""

    module: str
    """The module that defines it, which has `load(name) -> Inpainter` and `CARDS`, its cards by name."""
    extra: str
    """The optional install that it needs; empty when the base install is enough."""
    summary: str


_CLASSICAL = "inpainter.methods.classical"

METHODS: dict[str, Entry] = {
    "auto": Entry("inpainter.methods.auto", "", "The default: the classical methods, each where it measures best."),
    "mean": Entry(_CLASSICAL, "", "The mean colour of what is known: the floor to measure others against."),
    "telea": Entry(_CLASSICAL, "", "Averages inwards from the rim of the hole; scratches in an instant."),
    "navier-stokes": Entry(_CLASSICAL, "", "Carries edges inwards from the rim of the hole; in an instant too."),
    "fsr": Entry(_CLASSICAL, "", "Carries texture on by its main frequencies; thin holes, in seconds."),
    "biharmonic": Entry(_CLASSICAL, "biharmonic", "Bends a smooth surface over the hole; skies, skin, soft shading."),
    "blind-autoencoder": Entry(
        "inpainter.methods.blind_autoencoder", "torch", "An autoencoder never told where the hole is; trained at 32 px."
    ),
    "partial-conv": Entry(
        "inpainter.methods.partial_conv", "torch", "A U-Net that looks at valid pixels only; trained at 32 px."
    ),
    "context-encoder": Entry(
        "inpainter.methods.context_encoder", "torch", "Predicts the hole from one code of its surroundings; 128 px."
    ),
    "cascade": Entry(
        "inpainter.methods.cascade",
        "torch",
        "Context encoders of 64 and 128 px, one starting from the other's fill.",
    ),
}


# Extra → a library that only it brings.
_BROUGHT = {"biharmonic": "skimage", "torch": "torch"}


def load(name_or_path: str | os.PathLike[str]) -> Inpainter:
    """The method of this name, the model in this `.onnx` file, or the weights in this folder, ready to fill.

    Raises InputError for an unknown name, a missing file, or a method whose optional install is missing.
    """
    name = str(name_or_path)
    if name not in METHODS and Path(name_or_path).is_dir():
        return _load_weights(Path(name_or_path))
    if not isinstance(name_or_path, str) or (name.lower().endswith(".onnx") and name not in METHODS):
        from inpainter.methods.exported import load as load_exported

        return load_exported(Path(name_or_path))
    with _extra_of(name):
        return import_module(_entry(name).module).load(name)


def _load_weights(folder: Path) -> Inpainter:
    """The trained network in a folder that a training wrote; its recipe says of which method."""
    try:
        name = json.loads((folder / "recipe.json").read_text())["method"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: no recipe.json that names a method: give a folder of trained weights") from error
    with _extra_of(name):
        return import_module(_entry(name).module).load_weights(folder)


@contextmanager
def _extra_of(name: str) -> Iterator[None]:
    """Answer the failed import of what only an extra brings with the command that gets it."""
    entry = _entry(name)
    try:
        yield
    except ImportError as error:
        # Without an extra a missing library is a broken install, which its own trace explains best.
        if not entry.extra:
            raise
        raise InputError(
            f"{name} needs {error.name or 'more'}, which is not installed: pip install 'inpainter[{entry.extra}]'"
        ) from error


def card(name: str) -> Method:
    """The card of the method of this name, also where its optional install is missing. Raises InputError."""
    entry = _entry(name)
    try:
        return import_module(entry.module).CARDS[name]
    except ImportError:
        if not entry.extra:
            raise
        # A module that needs torch to be read: the table knows the little that can be told without.
        untold = f"install inpainter[{entry.extra}] to read it"
        return Method(name, entry.summary, untold, untold, untold, extra=entry.extra)


def summaries() -> dict[str, str]:
    """Every method's name with its one-sentence summary."""
    return {name: entry.summary for name, entry in METHODS.items()}


def installed(name: str) -> bool:
    """Whether what the method of this name needs is installed. Raises InputError for an unknown name."""
    extra = _entry(name).extra
    return not extra or find_spec(_BROUGHT[extra]) is not None


def _entry(name: str) -> Entry:
    if name in METHODS:
        return METHODS[name]
    if len(Path(name).parts) > 1:
        raise InputError(f"{name}: no such folder of weights; check the path")
    near = difflib.get_close_matches(name.lower(), METHODS, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise InputError(f"no method is called {name!r}: {meant}`inpainter methods` lists them")


class _Callable(ModuleType):
    """This module, callable: importing it puts it in the place of the function `inpainter.methods`."""

    def __call__(self) -> dict[str, str]:
        return summaries()


sys.modules[__name__].__class__ = _Callable
