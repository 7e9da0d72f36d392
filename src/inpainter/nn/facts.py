"""What `recipe.json` in a folder of trained weights says; read without torch."""

import json
from pathlib import Path
from typing import Any

from inpainter.core import InputError

WEIGHTS, RECIPE, CARD = "weights.safetensors", "recipe.json", "README.md"
SHIPPED = Path(__file__).parents[3] / "weights"
"""The weights trained for good, in the source; they are not in the wheel."""


def read_facts(folder: str | Path) -> dict[str, Any]:
    """Method, recipe, SHA-256 and what else is known; raises InputError when it is missing or not to be understood."""
    path = Path(folder) / RECIPE
    try:
        facts = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise InputError(f"{folder}: no {RECIPE} that names a method: give a folder of trained weights") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give a folder of trained weights") from error
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON: get the weights again") from error
    if not isinstance(facts, dict) or not {"method", "recipe", "sha256"} <= facts.keys():
        raise InputError(f"{path}: does not name method, recipe and sha256: get the weights again")
    return facts
