"""Whether a path is there, and a file's hash. Of a name too long to be one pathlib raises; here it is not there."""

import hashlib
import os
from pathlib import Path

from inpainter.core.errors import InputError


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether there is such a file or folder."""
    return os.path.exists(path)  # noqa: PTH110


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether there is such a folder."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is such a file."""
    return os.path.isfile(path)  # noqa: PTH113


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content. Raises InputError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); check the name", code="not-found"
        ) from error
