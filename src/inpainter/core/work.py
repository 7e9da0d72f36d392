"""One fill under way."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

OnStep = Callable[[float, float], Any]
"""Called as `on_step(done, total)`; raises `Cancelled` to stop."""


class Work:
    """One fill under way: its seed, where texture may come from, and how far it is.

    `seed` is where all random drawing starts. `source` is None, or bool `(H, W)`: the known pixels that texture may be
    taken from; a method that cannot be told says so on its card. `on_step(done, total)` hears of the progress.
    """

    def __init__(self, seed: int = 0, source: NDArray[np.bool_] | None = None, on_step: OnStep | None = None) -> None:
        self.seed = seed
        self.source = source
        self._on_step = on_step

    def step(self, done: float, total: float) -> None:
        """Report that `done` of `total` is done, in units of the method's own; the caller may raise `Cancelled`."""
        if self._on_step is not None:
            self._on_step(done, total)
