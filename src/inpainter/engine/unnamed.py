"""Pictures that have no name, as bytes and what a stream gives, as files for a moment."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inpainter.core import InputError
from inpainter.photos.sniff import SUFFIXES, sniff


@contextmanager
def unnamed_folder() -> Iterator[Path]:
    """A temporary folder whose name errors leave out: the caller does not know it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield Path(folder)
        except InputError as error:
            raise InputError(str(error).replace(f"{folder}{os.sep}", ""), code=error.code) from error


def as_file(data: Any, folder: Path, stem: str) -> Path:
    """Write bytes, or what a file object holds, to a file whose suffix is that of its format."""
    content = data.read() if hasattr(data, "read") else data
    if not isinstance(content, bytes | bytearray | memoryview):
        raise TypeError(f"the {stem} is a file object of text: open it in binary mode")
    content = bytes(content)
    kind = sniff(content[:4096])
    suffix = next((suffix for suffix, of in SUFFIXES.items() if of == kind), "")
    path = folder / f"{stem}{suffix}"
    path.write_bytes(content)
    return path
