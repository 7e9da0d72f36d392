"""The exceptions that a caller is meant to catch, and what is said where an optional install is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from inpainter.core.install import to_install


class InputError(ValueError):
    """Something the user can put right; the message is one line: what, where, remedy.

    The command line prints the line and ends with exit code 2. Any other exception is a bug.
    """


class Cancelled(BaseException):
    """Raised by a caller's `on_step` to stop a fill; nothing half-written is left.

    A BaseException, like KeyboardInterrupt: no `except Exception` on its way may take it for a failure.
    """


class FillNote(UserWarning):
    """What a user should know of a fill that went well, such as a palette that became full colour."""


@contextmanager
def needing(extra: str, what: str) -> Iterator[None]:
    """Turn the failed import of what only an extra brings into the command that gets it.

    Without an extra a missing library is a broken install, which its own trace explains best.
    """
    try:
        yield
    except ImportError as error:
        if not extra:
            raise
        missing = (error.name or "more").partition(".")[0]
        raise InputError(f"{what} needs {missing}, which is not installed: {to_install(extra)}") from error
