"""Reading `recipe.json` in a folder of trained weights, without torch."""

import json
import os
from pathlib import Path
from typing import Any

from inpainter.core import InputError
from inpainter.core.install import checkout
from inpainter.core.paths import exists

WEIGHTS, RECIPE, MODEL_CARD = "weights.safetensors", "recipe.json", "README.md"
TO_GET_WEIGHTS = "they are in weights/ of the source: set INPAINTER_WEIGHTS to where that folder is"


def weights_home() -> Path | None:
    """Return the folder of the shipped weights, one `METHOD-PRESET` each: `INPAINTER_WEIGHTS`, or a checkout's.

    They are not in the wheel: there it is None.
    """
    if named := os.environ.get("INPAINTER_WEIGHTS"):
        return Path(named)
    source = checkout()
    return source / "weights" if source else None


def has_weights(folder: str) -> bool:
    """Return whether the shipped weights include this folder, `METHOD-PRESET`."""
    home = weights_home()
    return home is not None and exists(home / folder / RECIPE)


def trained_weights(folder: str) -> Path:
    """Return this folder, `METHOD-PRESET`, of the shipped weights; raises InputError where it is missing."""
    home = weights_home()
    if home is None or not has_weights(folder):
        place = f"not in {home}" if home else "not installed"
        raise InputError(f"weights {folder} are {place}: {TO_GET_WEIGHTS}")
    return home / folder


def weights_in(folder: str | Path) -> Path:
    """Return the folder of weights: this one, or the `weights` of a run folder."""
    inside = Path(folder) / "weights"
    return inside if exists(inside / RECIPE) and not exists(Path(folder) / RECIPE) else Path(folder)


def read_facts(folder: str | Path) -> dict[str, Any]:
    """Return method, recipe, SHA-256 and further facts of the weights in a folder or run folder.

    Raises InputError when the file is missing or cannot be parsed.
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
