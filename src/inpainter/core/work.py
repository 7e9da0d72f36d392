"""One fill under way."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

OnStep = Callable[[float, float], Any]
"""Called as `on_step(done, total)`; raises `Cancelled` to stop."""


class Work:
    """One fill under way: its seed, where texture may come from, how far it is, and what its method says of it.

    `seed` is where all random drawing starts. `source` is None, or bool `(H, W)`: the known pixels that texture may be
    taken from; a method that cannot be restricted says so on its card. `on_step(done, total)` gets the progress.

    The method may leave two things here. `energy` is its own measure of the fill that it made: lower is better, and
    only fills of the same hole by the same method compare. `notes` are what the user should hear about this fill.
    """

    def __init__(self, seed: int = 0, source: NDArray[np.bool_] | None = None, on_step: OnStep | None = None) -> None:
        self.seed = seed
        self.source = source
        self.energy: float | None = None
        self.notes: list[str] = []
        self._on_step = on_step

    def step(self, done: float, total: float) -> None:
        """Report that `done` of `total` is done, in units of the method's own; the caller may raise `Cancelled`."""
        if self._on_step is not None:
            self._on_step(done, total)

    def note(self, text: str) -> None:
        """Leave one sentence that the user should read about this fill; the same one is kept once."""
        if text not in self.notes:
            self.notes.append(text)
