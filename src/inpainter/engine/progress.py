"""A progress line with time left, losses and pictures per second, without a library."""

import math
import sys
import time


class Status:
    """A line on standard error that changes: in place on a terminal, a line a minute in a log file."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet, self.shown = quiet, -math.inf

    def write(self, line: str) -> None:
        """Show a line, if it is time for one."""
        now, terminal = time.monotonic(), sys.stderr.isatty()
        if self.quiet or (not terminal and now - self.shown < 60):
            return
        self.shown = now
        sys.stderr.write(f"\r\033[K{line}" if terminal else line + "\n")
        sys.stderr.flush()

    def read(self, pictures: int) -> None:
        """Show how many pictures are decoded."""
        self.write(f"reading: {pictures} pictures")

    def close(self) -> None:
        """Leave the last line standing."""
        if not self.quiet and sys.stderr.isatty():
            sys.stderr.write("\n")


class Progress(Status):
    """How far a training is."""

    def __init__(self, last: int, first: int, batch: int, *, quiet: bool) -> None:
        super().__init__(quiet=quiet)
        self.last, self.batch = last, batch
        self.start = self.before = time.monotonic()
        self.first_step = self.step_before = first

    def show(self, step: int, losses: dict[str, float]) -> float:
        """Show this step and return the pictures per second since the last call."""
        now = time.monotonic()
        speed = (step - self.step_before) * self.batch / max(now - self.before, 1e-9)
        overall = (step - self.first_step) / max(now - self.start, 1e-9)
        self.before, self.step_before = now, step
        left = (self.last - step) / max(overall, 1e-9)
        done = int(20 * step / max(self.last, 1))
        terms = " ".join(f"{name} {value:.5f}" for name, value in losses.items())
        self.write(f"[{'#' * done:.<20}] {step}/{self.last} {_clock(left)} left, {speed:.0f} images/s, {terms}")
        return speed


def _clock(seconds: float) -> str:
    minutes, hours = int(seconds // 60) % 60, int(seconds // 3600)
    return f"{hours}:{minutes:02}:{int(seconds) % 60:02}"
