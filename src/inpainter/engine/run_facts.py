"""The facts that a run records, so that it can be understood, repeated and distinguished from another."""

import hashlib
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from inpainter.core import InputError
from inpainter.core.paths import is_file, is_folder
from inpainter.core.recipe import Recipe
from inpainter.data.sources import Pictures
from inpainter.engine.job import Job
from inpainter.nn.facts import read_facts, weights_in


def facts_of_job(job: Job) -> dict[str, Any]:
    """Return method, recipe, seed, start and versions as plain values: the facts known before reading pictures."""
    named = {name: path for name in job.recipe.paths if (path := getattr(job.recipe, name))}
    return {
        "method": job.method,
        "preset": job.preset,
        "recipe": {**job.recipe.to_dict(), **{name: _short(path) for name, path in named.items()}},
        "files": {name: found for name, path in named.items() if (found := _sha256_of(path))},
        "seed": job.seed,
        **({"start": _facts_of_start(job.start)} if job.start else {}),
        "versions": {
            "python": platform.python_version(),
            **{name: _version(name) for name in ("inpainter", "torch", "lightning", "numpy", "safetensors")},
        },
        "git_revision": _revision(),
    }


def _short(path: str) -> str:
    """Return a relative path as given, and of an absolute one, which only this machine has, the last two parts."""
    return str(Path(*Path(path).parts[1:][-2:])) if Path(path).is_absolute() else path


def _sha256_of(path: str) -> str | None:
    """Return the SHA-256 of a file, or of the weights in a folder or run; None where missing: the objective says so."""
    if is_folder(path):
        return read_facts(path)["sha256"]
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if is_file(path) else None


def _facts_of_start(folder: str) -> dict[str, Any]:
    """Name the folder by its last part, as all files: the run's where it is its `weights`."""
    path = weights_in(folder).resolve()
    name = path.parent.name if path.name == "weights" and path.parent.name else path.name
    return {"folder": name, "sha256": read_facts(folder)["sha256"]}


def facts_of_pictures(data: str, pictures: Pictures) -> dict[str, Any]:
    """Return the facts of the training pictures, as plain values."""
    return {
        # Names only: local paths are private.
        "source": ",".join(Path(part).name for part in data.split(",")),
        "pictures": len(pictures),
        "left_out": pictures.broken,
        "fingerprint": pictures.fingerprint,
    }


def refuse_other_run(before: dict[str, Any], now: dict[str, Any], kind: type[Recipe]) -> None:
    """Raise InputError when the run in the folder has another method, seed or recipe than the one requested.

    `kind` is the class of the requested recipe. More epochs are the same run.
    """
    for name in ("method", "seed"):
        if before[name] != now[name]:
            raise InputError(f"--resume: the run has {name} {before[name]}, not {now[name]}: give another run folder")
    # A field newer than the run has its default.
    recipe = kind.from_dict(before["recipe"]).to_dict()
    free = {"epochs"} if now["recipe"].get("schedule") == "constant" else set()
    for name, wanted in now["recipe"].items():
        if name in kind.paths and recipe[name] and wanted:
            _refuse_other_file(name, before, now)
        elif recipe[name] != wanted and name not in free:
            raise InputError(
                f"--resume: the run's recipe has {name} {recipe[name]}, not {wanted}: give another run folder"
            )


def _refuse_other_file(name: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Compare by SHA-256, wherever the file is now. Older runs, which did not record it, accept any file."""
    was = before.get("files", {}).get(name)
    if was is not None and was != now["files"].get(name):
        flag = f"--recipe.{name.replace('_', '-')}"
        raise InputError(f"--resume: the run began with another {flag} than {now['recipe'][name]}: give the same")


def refuse_other_start(before: dict[str, Any], now: dict[str, Any], *, begun: bool) -> None:
    """Raise InputError when the run in the folder started from other weights than those given.

    `begun` says that there is a checkpoint: the weights need not be given to go on from it.
    """
    was, given = before.get("start"), now.get("start")
    if given is not None and begun and (was is None or was["sha256"] != given["sha256"]):
        raise InputError(
            f"--resume: the run started from {was['folder'] if was else 'random weights'}, not from the weights in "
            f"{given['folder']}: leave --start out, or give another run folder"
        )
    if was is not None and given is None and not begun:
        raise InputError(f"--resume: the run has no checkpoint yet: give --start {was['folder']} again, with its path")


def refuse_other_pictures(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise InputError when the run in the folder began with other pictures."""
    if before["data"]["fingerprint"] != now["data"]["fingerprint"]:
        raise InputError("--resume: the pictures are not those the run began with: give the same --data")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _revision() -> str | None:
    here = Path(__file__).parent
    try:
        found = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"], cwd=here,
                               capture_output=True, text=True, timeout=10, check=True)  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None
