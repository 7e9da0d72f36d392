"""A progress line with time left, losses and pictures per second, without a library."""

import sys
import time


class Progress:
    """Shows how far a training is on standard error: in place on a terminal, a line a minute in a log file."""

    def __init__(self, last: int, first: int, batch: int, *, quiet: bool) -> None:
        self.last, self.batch, self.quiet = last, batch, quiet
        self.start = self.before = time.monotonic()
        self.first_step = self.step_before = first
        self.shown = 0.0

    def show(self, step: int, losses: dict[str, float]) -> float:
        """Show this step and answer the pictures per second since the last call."""
        now = time.monotonic()
        speed = (step - self.step_before) * self.batch / max(now - self.before, 1e-9)
        overall = (step - self.first_step) / max(now - self.start, 1e-9)
        self.before, self.step_before = now, step
        terminal = sys.stderr.isatty()
        if self.quiet or (not terminal and now - self.shown < 60):
            return speed
        self.shown = now
        left = (self.last - step) / max(overall, 1e-9)
        done = int(20 * step / max(self.last, 1))
        terms = " ".join(f"{name} {value:.5f}" for name, value in losses.items())
        line = f"[{'#' * done:.<20}] {step}/{self.last} {_clock(left)} left, {speed:.0f} images/s, {terms}"
        sys.stderr.write(f"\r\033[K{line}" if terminal else line + "\n")
        sys.stderr.flush()
        return speed

    def close(self) -> None:
        """Leave the last line standing."""
        if not self.quiet and sys.stderr.isatty():
            sys.stderr.write("\n")


def _clock(seconds: float) -> str:
    minutes, hours = int(seconds // 60) % 60, int(seconds // 3600)
    return f"{hours}:{minutes:02}:{int(seconds) % 60:02}"
