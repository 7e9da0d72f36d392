"""What the command line says: to people, to programs, and how far a fill is."""

import io
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from inpainter.apps.stops import go_on


def say(line: str) -> None:
    """Write a line to standard error, if anybody listens."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(typed(line), file=sys.stderr, flush=True)


def typed(message: str) -> str:
    """A message of the library with its options as they are typed: `overwrite=True` becomes `--overwrite`."""
    from inpainter.core.errors import spelled

    return spelled(message, _option)


def _option(name: str, value: str) -> str:
    flag = "--box" if name == "boxes" else f"--{name.replace('_', '-')}"
    return flag if value in ("", "True") else f"{flag} {shlex.quote(value)}"


def show_all() -> None:
    """Let a terminal that lacks a letter show a question mark; a name must not end a program that has done its work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@dataclass(frozen=True)
class Talk:
    """How one command talks."""

    quiet: bool = False
    """Only errors."""
    as_json: bool = False
    """Standard output has a JSON object a photo, and nothing else."""
    taken: bool = False
    """Standard output is the photo."""

    def notes(self, notes: Sequence[str], say: Callable[[str], None] = say) -> None:
        """What there is to say of a fill."""
        for note in () if self.quiet else notes:
            say(f"note: {note}")

    def summary(self, line: str) -> None:
        """What was done."""
        if self.taken and not self.quiet:
            say(line)
        elif not (self.quiet or self.as_json) and sys.stdout is not None:
            print(line)

    def record(self, **fields: Any) -> None:
        """What became of a photo, for programs. In ASCII, so that every name survives any terminal's encoding."""
        if self.as_json:
            notes = [typed(note) for note in fields["notes"]]
            print(json.dumps({**fields, "notes": notes, "error": typed(fields["error"])}), flush=True)

    @contextmanager
    def bar(self, what: str) -> Iterator[tuple[Callable[[float, float], None], Callable[[str], None]]]:
        """A bar on a terminal; gives what moves it and what writes a line above it.

        The time that has passed goes on by itself: of a method that is one call of a library, nothing else moves.
        """
        if self.quiet or sys.stderr is None or not sys.stderr.isatty():
            yield go_on, say
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
                   TextColumn("left"), TimeRemainingColumn())  # fmt: skip
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(what, total=None)

            def step(done: float, total: float) -> None:
                go_on()
                # Before the first step is done the bar swings: nobody knows yet how long it takes.
                progress.update(task, completed=done, total=total if done else None)

            yield step, lambda line: console.print(typed(line), markup=False, highlight=False, soft_wrap=True)


def counted(count: int, what: str) -> str:
    """`1 hole`, `2 holes`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
