"""A lock on a folder that one run at a time writes to; the system releases it when the process ends in any way."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from inpainter.core import InputError
from inpainter.photos.files import explained

LOCK = ".inpainter.lock"
_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder until the block ends. Raises InputError when one is writing to it."""
    path = folder / LOCK
    file = _taken(path)
    try:
        yield
    finally:
        if os.name == "nt":  # where an open file cannot be deleted
            file.close()
        with suppress(OSError):
            # What holds something is not ours.
            if not path.stat().st_size:
                path.unlink()
        file.close()


def _taken(path: Path) -> BinaryIO:
    while True:
        with explained(path):
            file = path.open("a+b")
        try:
            _lock(file)
            # Another run may have removed the file between our opening it and locking it.
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in _TAKEN:
                return file  # a file system without locks
            file.close()
            raise InputError(
                f"{path.parent}: another run is writing to it; wait for its end or name another output"
            ) from error
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: BinaryIO) -> None:
    """Lock a file, or raise OSError at once."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        file.seek(0)
        getattr(msvcrt, "locking")(file.fileno(), getattr(msvcrt, "LK_NBLCK"), 1)  # noqa: B009
    else:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
