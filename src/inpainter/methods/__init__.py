"""The one table of methods. Listing it imports no method and no torch; adding a method is one file and one line."""

import difflib
import os
import sys
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
    "telea": Entry(_CLASSICAL, "", "Averages inwards from the rim of the hole; scratches in an instant."),
    "navier-stokes": Entry(_CLASSICAL, "", "Carries edges inwards from the rim of the hole; in an instant too."),
    "fsr": Entry(_CLASSICAL, "", "Carries texture on by its main frequencies; thin holes, in seconds."),
    "biharmonic": Entry(_CLASSICAL, "biharmonic", "Bends a smooth surface over the hole; skies, skin, soft shading."),
}


# Extra → a library that only it brings.
_BROUGHT = {"biharmonic": "skimage"}


def load(name_or_path: str | os.PathLike[str]) -> Inpainter:
    """The method of this name, or the model in this `.onnx` file, ready to fill.

    Raises InputError for an unknown name, a missing file, or a method whose optional install is missing.
    """
    name = str(name_or_path)
    if not isinstance(name_or_path, str) or (name.lower().endswith(".onnx") and name not in METHODS):
        from inpainter.methods.exported import load as load_exported

        return load_exported(Path(name_or_path))
    entry = _entry(name)
    try:
        return import_module(entry.module).load(name)
    except ImportError as error:
        # Without an extra a missing library is a broken install, which its own trace explains best.
        if not entry.extra:
            raise
        raise InputError(
            f"{name} needs {error.name or 'more'}, which is not installed: pip install 'inpainter[{entry.extra}]'"
        ) from error


def card(name: str) -> Method:
    """The card of the method of this name, also where its optional install is missing. Raises InputError."""
    return import_module(_entry(name).module).CARDS[name]


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
    near = difflib.get_close_matches(name.lower(), METHODS, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise InputError(f"no method is called {name!r}: {meant}`inpainter methods` lists them")


class _Callable(ModuleType):
    """This module, callable: importing it puts it in the place of the function `inpainter.methods`."""

    def __call__(self) -> dict[str, str]:
        return summaries()


sys.modules[__name__].__class__ = _Callable
