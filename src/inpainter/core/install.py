"""How this copy of the package is installed, and what gets more of it."""

import tomllib
from functools import cache
from pathlib import Path


@cache
def checkout() -> Path | None:
    """The folder of the project's source that this package runs from; None where it is installed from a wheel."""
    source = Path(__file__).parents[2]
    try:
        project = tomllib.loads((source.parent / "pyproject.toml").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    ours = source.name == "src" and project.get("project", {}).get("name") == "inpainter"
    return source.parent if ours else None


def to_install(extra: str) -> str:
    """The command that installs an extra; for a checkout, one to run in its folder."""
    if checkout():
        # Editable: a copy among the installed packages would not find the checkout's weights.
        return f"pip install -c constraints.txt -e '.[{extra}]'"
    return f"pip install 'inpainter[{extra}]'"
