"""The exceptions that a caller is meant to catch, and what is said where an optional install is missing."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from inpainter.core.install import to_install

Code = Literal["invalid", "not-found", "exists", "unsupported", "too-large", "missing-extra", "no-space"]
"""Kinds of errors that a user can put right."""


class InputError(ValueError):
    """Something the user can put right; the message is one line: where, what is wrong, and the remedy.

    The command line prints the line and ends with exit code 2. Any other exception is a bug. Options are named as in
    Python, `overwrite=True`; an app that spells them otherwise translates them (`spelled`).
    """

    def __init__(self, message: str, *, code: Code = "invalid") -> None:
        super().__init__(message)
        self.code: Code = code
        """What kind of error it is, for programs."""

    @property
    def what(self) -> str:
        """Where and what is wrong: the message up to its remedy."""
        return self._parts[0]

    @property
    def remedy(self) -> str:
        """What the user can do: the message after its last semicolon, or, where it has none, after its last colon."""
        return self._parts[1]

    @property
    def _parts(self) -> tuple[str, str]:
        message = str(self)
        mark = "; " if "; " in message else ": "
        what, found, remedy = message.rpartition(mark)
        return (what, remedy) if found else (message, "")


OPTIONS = (
    "mask_colour", "resize_mask", "overwrite", "max_megapixels", "recursive", "painted", "boxes", "grow", "page",
    "encode_quality",
)  # fmt: skip
"""The options that messages name, as in Python: `NAME=VALUE`, or `NAME=` alone."""
_OPTION = re.compile(rf"\b({'|'.join(OPTIONS)})=('[^']*'|[\w.]+)?")


def spelled(message: str, spell: Callable[[str, str], str]) -> str:
    """A message with every option that it names in an app's own words.

    `spell(name, value)` gets them as Python has them, the value without quotes: `True`, or empty where none is named.
    """
    return _OPTION.sub(lambda match: spell(match[1], (match[2] or "").strip("'")), message)


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
        raise InputError(
            f"{what} needs {missing}, which is not installed: {to_install(extra)}", code="missing-extra"
        ) from error
