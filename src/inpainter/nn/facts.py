"""What `recipe.json` in a folder of trained weights says; read without torch."""

import json
from pathlib import Path
from typing import Any

from inpainter.core import InputError
from inpainter.core.paths import exists

WEIGHTS, RECIPE, CARD = "weights.safetensors", "recipe.json", "README.md"
SHIPPED = Path(__file__).parents[3] / "weights"
"""The weights trained for good, in the source; they are not in the wheel."""


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
