"""Whether a path is there. Of a name too long to be one pathlib raises; here it is one that is not there."""

import os


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether there is such a file or folder."""
    return os.path.exists(path)  # noqa: PTH110


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether there is such a folder."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is such a file."""
    return os.path.isfile(path)  # noqa: PTH113
