"""What an inpainter wants to see of a picture."""

import math
from dataclasses import dataclass
from typing import Literal

from inpainter.core.box import Box


@dataclass(frozen=True)
class View:
    """The sizes that an inpainter takes, in pixels, and how much it wants to see around a hole."""

    minimum: int = 1
    """The shortest side it can work on."""
    multiple: int = 1
    """Both sides must be multiples of this."""
    fixed: tuple[int, int] | None = None
    """(height, width) where only one size is possible; a larger frame is scaled to it evenly."""
    context: Literal["ratio", "pixels", "whole", "square"] = "ratio"
    """What `amount` counts: shares of the hole's longer side on each side of it (unless the size is fixed, `least`
    to `most` px); pixels on each side; nothing, where it wants the whole picture; or, with the hole in the middle
    of a square, how many times the hole's longer side the square's side is."""
    amount: float = 0.5
    """How much of that."""
    least: int = 48
    """The least context that grows with the hole, px."""
    most: int = 512
    """The most of it, px."""

    def accept(self, height: int, width: int) -> bool:
        """Whether a picture of this size can be handed over as it is."""
        if self.fixed is not None:
            return (height, width) == self.fixed
        return min(height, width) >= self.minimum and height % self.multiple == 0 and width % self.multiple == 0

    def frame(self, hole: Box, height: int, width: int, widened: float = 1) -> Box:
        """The rectangle around a hole that is handed over, of an aspect and a size that can be.

        It lies in the picture of `height` × `width` where it fits, and sticks out where the picture is smaller or,
        with a `square`, where the hole is near its border. `widened` multiplies the context, or one pixel where there
        is less; as it grows, so does the frame, until it holds the whole picture.
        """
        if self.context == "whole":
            wanted = Box(0, 0, width, height)
        elif self.context == "square":
            side = math.ceil(max(hole.width, hole.height) * max(self.amount, 1) * widened)
            return self._around(hole, *self._taken(side, side))
        else:
            amount = self.amount
            if self.context == "ratio":
                amount *= max(hole.width, hole.height)
                # Of one size, the network's own says how much is seen of a small hole.
                amount = amount if self.fixed else min(max(amount, self.least), self.most)
            # One pixel at least: nothing multiplied stays nothing.
            wanted = hole.within(height, width, math.floor(max(amount, 1) * widened if widened > 1 else amount))
        taken = self._taken(wanted.height, wanted.width)
        if self.fixed is not None and self.context != "whole" and widened <= 1:
            # No larger than the picture if the hole allows, so that little is mirrored.
            inside = (min(taken[0], height), min(taken[1], width))
            taken = max(self._largest_in(*inside), self._taken(hole.height, hole.width))
        return self._around(hole, *taken).moved_into(height, width)

    def _taken(self, height: int, width: int) -> tuple[int, int]:
        """The smallest (height, width) of at least this that can be handed over, scaled where the size is fixed."""
        if self.fixed is not None:
            scale = max(1, height / self.fixed[0], width / self.fixed[1])
            return round(self.fixed[0] * scale), round(self.fixed[1] * scale)
        return self._rounded(height), self._rounded(width)

    def _largest_in(self, height: int, width: int) -> tuple[int, int]:
        assert self.fixed is not None
        scale = max(1, min(height / self.fixed[0], width / self.fixed[1]))
        return round(self.fixed[0] * scale), round(self.fixed[1] * scale)

    def _rounded(self, side: int) -> int:
        return math.ceil(max(side, self.minimum) / self.multiple) * self.multiple

    @staticmethod
    def _around(box: Box, height: int, width: int) -> Box:
        return Box(box.x - (width - box.width) // 2, box.y - (height - box.height) // 2, width, height)

    def __str__(self) -> str:
        if self.fixed is not None:
            return f"{self.fixed[0]}×{self.fixed[1]} (height×width) only"
        return f"sides of at least {self.minimum} px that are multiples of {self.multiple}"
