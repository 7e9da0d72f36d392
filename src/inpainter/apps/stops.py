"""Ctrl-C, a termination and a closed terminal: each unwinds the program once, and ends it in one line."""

import os
import signal
import sys
from typing import Any

# Light, because it is imported before all else: the imports take a moment in which the program may be stopped, too.

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


class Stopped(BaseException):
    """A signal, by its number; it unwinds, so that half-written files are removed."""


_came: list[int] = []
_leaving: list[bool] = []


def listen() -> None:
    """Raise `Stopped` where the program is when a signal comes."""
    _came.clear()
    _leaving.clear()
    sys.unraisablehook = _dropped
    for number in SIGNALS:
        # Ignored by whoever started us, as by `nohup`, it stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def leaving() -> None:
    """From here on a signal changes nothing: the program is ending as it is."""
    _leaving.append(True)


def go_on(*_progress: float) -> None:
    """Stop here if a signal came in a moment (a finaliser, a callback) in which Python drops exceptions."""
    if _came and not _leaving:
        raise Stopped(_came[0])


def leave(number: int) -> None:
    """Say that the program was stopped, and end it at once: what would still run at the end may wait for threads."""
    leaving()
    try:
        print("stopped; nothing half-written is left", file=sys.stderr, flush=True)
        if sys.stdout:
            sys.stdout.flush()
    except (OSError, ValueError):
        # The terminal is closed, which is what a SIGHUP says.
        pass
    os._exit(128 + number)


def _stop(number: int, _frame: object) -> None:
    if not _leaving:
        _came.append(number)
        raise Stopped(number)


def _dropped(what: Any) -> None:
    """Say nothing of a signal that was dropped, because `go_on` makes it good; of all else, what Python says."""
    error = what.exc_value
    while error is not None and not isinstance(error, Stopped):
        error = error.__cause__ or error.__context__
    if error is None and what.exc_type is not Stopped:
        sys.__unraisablehook__(what)
