"""The one table of methods. Listing it imports no method and no torch; adding a method is one file and one line."""

import difflib
import json
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from inpainter.core import DEVICES, Card, Inpainter, InputError, Method, Settings
from inpainter.core.errors import needing
from inpainter.core.fields import read_fields, split_fields
from inpainter.core.install import to_install
from inpainter.core.paths import file_sha256, is_file, is_folder
from inpainter.nn.facts import TO_GET_WEIGHTS, has_weights, read_facts


class Entry(NamedTuple):
    """A line of the table."""

    place: str
    """Where its `Method` is declared: `module:NAME`, with a module of this package."""
    extra: str
    """The extra that it needs; empty when the base install is enough."""
    summary: str
    weights: tuple[str, ...] = ()
    """The folders, `METHOD-PRESET`, of the shipped weights that its bare name loads, its own first."""


METHODS: dict[str, Entry] = {
    "auto": Entry("auto:AUTO", "", "The default: patches of the photo itself; a smooth fill where there are none."),
    "exemplar": Entry("exemplar:EXEMPLAR", "", "Patches of the photo itself, found from coarse to fine."),
    "mean": Entry("classical:MEAN", "", "The mean colour of what is known: the floor to measure others against."),
    "telea": Entry("classical:TELEA", "", "Averages inwards from the rim of the hole; scratches in an instant."),
    "navier-stokes": Entry(
        "classical:NAVIER_STOKES", "", "Carries edges inwards from the rim of the hole; in an instant too."
    ),
    "fsr": Entry("classical:FSR", "", "Carries texture on by its main frequencies; thin holes, in seconds."),
    "biharmonic": Entry(
        "classical:BIHARMONIC", "biharmonic", "Bends a smooth surface over the hole; skies, skin, soft shading."
    ),
    "blind-autoencoder": Entry(
        "blind_autoencoder:BLIND_AUTOENCODER",
        "torch",
        "An autoencoder that is never told where the hole is; for small pictures.",
        ("blind-autoencoder-cifar10-paper",),
    ),
    "partial-conv": Entry(
        "partial_conv:PARTIAL_CONV",
        "torch",
        "A U-Net whose convolutions look at valid pixels only; for small pictures.",
        ("partial-conv-cifar10",),
    ),
    "context-encoder": Entry(
        "context_encoder:CONTEXT_ENCODER",
        "torch",
        "Predicts the hole from one code of its surroundings; for small pictures.",
        ("context-encoder-128-blocks",),
    ),
    "cascade": Entry(
        "cascade:CASCADE",
        "torch",
        "Context encoders, a small one and a large one that starts from its fill.",
        ("cascade-residual-blocks",),
    ),
    "latent-search": Entry(
        "latent_search:LATENT_SEARCH",
        "torch",
        "The generated picture that is nearest around the hole; faces of 64 px.",
        ("latent-search-celeba",),
    ),
    "patch-synthesis": Entry(
        "patch_synthesis:PATCH_SYNTHESIS",
        "torch",
        "Another method's fill, given the photo's own texture by a network's features.",
        ("patch-synthesis-texture", "context-encoder-content"),
    ),
}


# Extra → the modules that a fill needs and only the extra installs.
_BROUGHT = {"biharmonic": ("skimage",), "torch": ("torch", "safetensors")}


def load(name_or_path: str | os.PathLike[str], device: str = "auto", **settings: Any) -> Inpainter:
    """Return the method of this name, or the model in this `.onnx` file, weights folder or run, ready to fill.

    A name may carry settings, `telea:radius=5`; those given by keyword override it. `device` is one of `core.DEVICES`.
    Raises InputError for an unknown name, setting or device, a missing file, or a method whose extra is
    missing.
    """
    if device not in DEVICES:
        raise InputError(f"device {device!r}: no such device; give one of {', '.join(DEVICES)}")
    of, path, given = _named(name_or_path)
    if path is not None and not of:
        from inpainter.methods.exported import Exported

        _refuse_settings(str(path), given | settings)
        return Exported(path, device)
    with needing(_entry(of).extra, of):
        found = declared(of)
        if device not in found.devices:
            raise InputError(f"{of} computes on the processor only, not on {device}: leave the device out")
        return found.load(_settings(found, given | settings), device, path)


def method_of(name_or_path: str) -> str:
    """Return the name of the method that `load` would take, and check its settings; nothing is loaded.

    Raises InputError as `load` does, and for an exported model, which has no card.
    """
    of, path, given = _named(name_or_path)
    if not of:
        raise InputError(f"{path}: an exported model has no card and no settings: `inpainter fill` takes it as it is")
    if given:
        _settings(declared(of), given)
    return of


def identity(name_or_path: str) -> str:
    """Return what determines the fills of the method that `load` would take: name, settings, SHA-256 of all weights.

    The same weights in another place are the same, others in the same place are not. Raises InputError as `load` does.
    """
    of, path, given = _named(name_or_path)
    if path is not None and not of:
        return json.dumps(["", file_sha256(path)])
    with needing(_entry(of).extra, of):
        weights = declared(of).weights_sha256(path)
    # A setting may name weights, too, or a method that has some.
    named = {value: identity(value) for value in given.values() if value in METHODS or is_folder(value)}
    named |= {value: file_sha256(Path(value)) for value in given.values() if is_file(value)}
    return json.dumps([of, weights, sorted((name, named.get(value, value)) for name, value in given.items())])


def declared(name: str) -> Method:
    """Return the method of this name as its file declares it. Raises InputError where its extra is missing."""
    module, _, attribute = _entry(name).place.partition(":")
    with needing(_entry(name).extra, name):
        return getattr(import_module(f"inpainter.methods.{module}"), attribute)


def card(name: str) -> Card:
    """Return the card of the method of this name, even where its extra is missing. Raises InputError."""
    entry = _entry(name)
    try:
        return declared(name).card
    except InputError:
        # The module needs torch to be imported: without it there is only what the table has.
        pass
    unread = f"to read it, {to_install(entry.extra)}"
    return Card(name, entry.summary, unread, unread, unread, extra=entry.extra)


def list_methods() -> dict[str, str]:
    """Return every method's name with its one-sentence summary."""
    return {name: entry.summary for name, entry in METHODS.items()}


def installed(name: str) -> bool:
    """Return whether the requirements of this method are installed. Raises InputError for an unknown name."""
    extra = _entry(name).extra
    return not extra or all(find_spec(library) for library in _BROUGHT[extra])


def needs(name: str) -> list[str]:
    """Return what is missing before the bare name can fill, each with how to get it; empty when it is ready.

    Raises InputError for an unknown name.
    """
    entry = _entry(name)
    missing = [folder for folder in entry.weights if not has_weights(folder)]
    return [
        *([] if installed(name) else [to_install(entry.extra)]),
        *([f"weights {' and '.join(missing)}: {TO_GET_WEIGHTS}"] if missing else []),
    ]


def takes_device(name_or_path: str) -> bool:
    """Return whether it can compute on several devices: a trained network, ours or in a file."""
    name, _ = split_fields(name_or_path, METHODS)
    # Nothing is loaded of a method that is not installed.
    return name not in METHODS or not installed(name) or "cuda" in declared(name).devices


def _named(name_or_path: str | os.PathLike[str]) -> tuple[str, Path | None, dict[str, str]]:
    """Return the name of the method, its path, if any, and the settings given with it.

    The name of a folder of trained weights comes from its recipe; the file of an exported model has none.
    """
    # A Path is always a path, even where it happens to be a method's name.
    path = None if isinstance(name_or_path, str) else Path(name_or_path)
    name, given = split_fields(str(name_or_path), METHODS)
    # The empty path would be the current folder.
    if not name:
        raise InputError("no method given: `inpainter methods` lists them")
    if path is None and name not in METHODS and (is_folder(name) or name.lower().endswith(".onnx")):
        path = Path(name)
    if path is None:
        return name, None, given
    return _method_in(path) if is_folder(path) else "", path, given


def _settings(found: Method, given: dict[str, Any]) -> Settings:
    return found.settings(**read_fields(found.settings, given, found.card.name))


def _method_in(folder: Path) -> str:
    return str(read_facts(folder)["method"])


def _refuse_settings(name: str, given: dict[str, Any]) -> None:
    if given:
        raise InputError(f"{name}: an exported model has no settings, not {', '.join(given)}: leave them out")


def _entry(name: str) -> Entry:
    if name in METHODS:
        return METHODS[name]
    if len(Path(name).parts) > 1:
        raise InputError(f"{name}: no such folder of weights; check the path")
    near = difflib.get_close_matches(name.lower(), METHODS, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise InputError(f"no method is called {name!r}: {meant}`inpainter methods` lists them")
