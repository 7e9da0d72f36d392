"""The base class of all kinds of mask: seed, call, declared cover, and checks of the fields."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NoReturn, final

import numpy as np
from numpy.typing import NDArray

from inpainter.core import InputError, Mask

MINIMUM_SIDE = 16
"""The smallest side, in pixels, of a picture that a mask can be drawn for."""


@dataclass(frozen=True, kw_only=True)
class MaskKind(ABC):
    """A kind of mask: `kind(height, width)` draws it, and the same fields and size always draw the same one."""

    seed: int = 0
    """Where the random drawing starts: the same seed draws the same mask."""

    def __post_init__(self) -> None:
        whole = isinstance(self.seed, int | np.integer) and not isinstance(self.seed, bool)
        self._require(whole and self.seed >= 0, f"seed is {self.seed!r}: give a whole number from 0 up")

    @property
    @abstractmethod
    def cover(self) -> tuple[float, float]:
        """The least and the largest share of the picture, in [0, 1], that is masked.

        Holds for every seed and every size from 16×16 up whose sides are at most 1:4. At least one pixel is always
        masked and one always left. The least share is 0 only where no positive one can be promised: where a field
        sets a length or area in pixels, which is little in a large picture, and where the kind's docstring says so.
        """

    @final
    def __call__(self, height: int, width: int) -> Mask:
        """Draw the mask for a picture of `height` × `width` pixels: `(height, width)` bool, True = fill.

        Raises InputError when a side is below 16 pixels or the fields do not fit the size.
        """
        if min(height, width) < MINIMUM_SIDE:
            self._refuse(f"a picture of {height}×{width} is too small: both sides must be {MINIMUM_SIDE} px or more")
        return self._draw(height, width, np.random.default_rng(self.seed))

    @abstractmethod
    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        """Draw the mask; both sides are at least 16 pixels."""

    def _refuse(self, problem: str) -> NoReturn:
        raise InputError(f"mask kind {type(self).__name__.lower()}: {problem}")

    def _require(self, holds: bool, problem: str) -> None:
        if not holds:
            self._refuse(problem)

    def _require_between(self, low: float, high: float, *names: str) -> None:
        """Check that each named field lies in [low, high]; NaN does not."""
        for name in names:
            value = getattr(self, name)
            self._require(low <= value <= high, f"{name} is {value}: give {low:g} to {high:g}")

    def _require_order(self, lower: str, upper: str, gap: float = 0) -> None:
        """Check that the field `upper` is at least the field `lower` plus `gap`."""
        least = getattr(self, lower) + gap
        value = getattr(self, upper)
        self._require(value >= least, f"{upper} is {value}: with this {lower}, give {least:g} or more")


def lowest(values: NDArray[Any], count: int) -> Mask:
    """Mark exactly the `count` smallest of `values`, which has the mask's shape."""
    mask = np.zeros(values.size, dtype=np.bool_)
    mask[np.argpartition(values, count - 1, axis=None)[:count]] = True
    return mask.reshape(values.shape)


def nearest(value: float) -> int:
    """Round a positive length in pixels to the nearest whole one, halves up."""
    return int(value + 0.5)


ROUNDING = 0.5 / MINIMUM_SIDE
"""How far rounding to whole pixels can move a length, as a share of a side (16 px or more)."""
