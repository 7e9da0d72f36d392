"""What `recipe.json` in a folder of trained weights says; read without torch."""

import json
import os
from pathlib import Path
from typing import Any

from inpainter.core import InputError
from inpainter.core.install import checkout
from inpainter.core.paths import exists

WEIGHTS, RECIPE, CARD = "weights.safetensors", "recipe.json", "README.md"
TO_GET_WEIGHTS = "they lie in weights/ of the source: set INPAINTER_WEIGHTS to where that folder is"


def weights_home() -> Path | None:
    """The folder of the weights trained for good, one `METHOD-PRESET` each: `INPAINTER_WEIGHTS`, or a checkout's.

    They are not in the wheel: there it is None.
    """
    if named := os.environ.get("INPAINTER_WEIGHTS"):
        return Path(named)
    source = checkout()
    return source / "weights" if source else None


def has_weights(folder: str) -> bool:
    """Whether the weights trained for good have this folder, `METHOD-PRESET`."""
    home = weights_home()
    return home is not None and exists(home / folder / RECIPE)


def trained_weights(folder: str) -> Path:
    """This folder, `METHOD-PRESET`, of the weights trained for good; raises InputError where it is missing."""
    home = weights_home()
    if home is None or not has_weights(folder):
        place = f"not in {home}" if home else "not installed"
        raise InputError(f"weights {folder} are {place}: {TO_GET_WEIGHTS}")
    return home / folder


def weights_in(folder: str | Path) -> Path:
    """The folder of weights that is meant: this one, or of a run folder its `weights`."""
    inside = Path(folder) / "weights"
    return inside if exists(inside / RECIPE) and not exists(Path(folder) / RECIPE) else Path(folder)


def read_facts(folder: str | Path) -> dict[str, Any]:
    """Method, recipe, SHA-256 and what else is known of the weights in a folder of them, or in a run folder.

    Raises InputError when that is missing or not to be understood.
    """
    path = weights_in(folder) / RECIPE
    try:
        facts = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise InputError(f"{folder}: no {RECIPE} that names a method: give a folder of trained weights") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give a folder of trained weights") from error
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON: get the weights again") from error
    kinds = {"method": str, "recipe": dict, "sha256": str}
    if not isinstance(facts, dict) or not all(isinstance(facts.get(name), kind) for name, kind in kinds.items()):
        raise InputError(f"{path}: does not name method, recipe and sha256: get the weights again")
    return facts
