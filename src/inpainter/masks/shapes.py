"""Masks of plain shapes: squares, circles and halves."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from inpainter.core import Mask
from inpainter.masks.kind import MINIMUM_SIDE, ROUNDING, MaskKind, nearest


def _square_cover(side: int) -> tuple[float, float]:
    """The cover of a square of `side` px that is smaller than the picture's sides."""
    return 0.0, (side / max(MINIMUM_SIDE, side + 1)) ** 2


def _fraction_cover(fraction: float) -> tuple[float, float]:
    return (fraction - ROUNDING) ** 2, (fraction + ROUNDING) ** 2


@dataclass(frozen=True, kw_only=True)
class Centre(MaskKind):
    """The rectangle in the middle, by default of half of each side.

    The context encoder's hole (Pathak et al. 2016); Yeh et al. 2017 and its studies fix `side` to 10, 20 or 30 px at
    64 px. It does not depend on the seed.
    """

    fraction: float = 0.5
    """The rectangle's sides as a share of the picture's sides, 1/16 to 15/16."""
    side: int | None = None
    """The side of a square in pixels, in place of `fraction`; it must be shorter than the picture's sides."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_between(1 / 16, 15 / 16, "fraction")
        self._require(self.side is None or self.side >= 1, f"side is {self.side}: give 1 px or more")

    @property
    def cover(self) -> tuple[float, float]:
        return _fraction_cover(self.fraction) if self.side is None else _square_cover(self.side)

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        if self.side is None:
            rows, columns = nearest(self.fraction * height), nearest(self.fraction * width)
        else:
            fits = self.side < min(height, width)
            self._require(fits, f"side is {self.side}: for {height}×{width} give {min(height, width) - 1} px or less")
            rows = columns = self.side
        top, left = (height - rows) // 2, (width - columns) // 2
        mask = np.zeros((height, width), dtype=np.bool_)
        mask[top : top + rows, left : left + columns] = True
        return mask


@dataclass(frozen=True, kw_only=True)
class Square(MaskKind):
    """One square at a random place, never quite in the middle."""

    fraction: float = 0.35
    """The square's side as a share of √(height × width), 1/16 to 0.45."""
    side: int | None = None
    """The side in pixels, in place of `fraction`; it must be shorter than the picture's sides."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # Above .45 it would not fit into a picture of 1:4.
        self._require_between(1 / 16, 0.45, "fraction")
        self._require(self.side is None or self.side >= 1, f"side is {self.side}: give 1 px or more")

    @property
    def cover(self) -> tuple[float, float]:
        return _fraction_cover(self.fraction) if self.side is None else _square_cover(self.side)

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        longest = min(height, width) - 1
        if self.side is None:
            side = min(nearest(self.fraction * math.sqrt(height * width)), longest)
        else:
            self._require(self.side <= longest, f"side is {self.side}: for {height}×{width} give {longest} px or less")
            side = self.side
        rows, columns = height - side + 1, width - side + 1
        middle = (rows - 1) // 2 * columns + (columns - 1) // 2
        place = int(rng.integers(rows * columns - 1))
        top, left = divmod(place + (place >= middle), columns)
        mask = np.zeros((height, width), dtype=np.bool_)
        mask[top : top + side, left : left + side] = True
        return mask


@dataclass(frozen=True, kw_only=True)
class Blocks(MaskKind):
    """Several smaller squares at random places, possibly overlapping, up to a quarter of the picture in total.

    The random blocks of Pathak et al. 2016 ("Region masks"). Sides are uniform between 1/8 and 1/4 of
    √(height × width); a square that would bring the total above `largest` is left out.
    """

    fewest: int = 2
    """The least number of squares."""
    most: int = 8
    """The largest number of squares."""
    largest: float = 0.25
    """The largest share of the picture that the squares may cover together, 0.1 to 0.9."""

    _SIDES = 1 / 8, 1 / 4

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_between(1, 1000, "fewest", "most")
        self._require_order("fewest", "most")
        self._require_between(0.1, 0.9, "largest")

    @property
    def cover(self) -> tuple[float, float]:
        shortest, longest = self._SIDES
        return (shortest - ROUNDING) ** 2, min(self.largest, self.most * (longest + ROUNDING) ** 2)

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        mask = np.zeros((height, width), dtype=np.bool_)
        scale = math.sqrt(height * width)
        for _ in range(rng.integers(self.fewest, self.most + 1)):
            side = min(nearest(rng.uniform(*self._SIDES) * scale), min(height, width))
            top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
            block = mask[top : top + side, left : left + side]
            new = block.size - np.count_nonzero(block)
            if np.count_nonzero(mask) + new <= self.largest * mask.size:
                block[:] = True
        return mask


_DISC_ERROR = 2.65
"""How far the number of pixels in a disc is from its area, in radii: at most this for radii from 1 px up (counted for
all radii to 200 px and all four parities of the sides; it falls with the radius)."""


@dataclass(frozen=True, kw_only=True)
class Circle(MaskKind):
    """A disc in the middle.

    Set `diameter` to 20 at 64 px for the hole of the studies of semantic inpainting by latent search (after Yeh et
    al. 2017). It does not depend on the seed.
    """

    fraction: float = 20 / 64
    """The diameter as a share of √(height × width), 1/8 to 0.45."""
    diameter: int | None = None
    """The diameter in pixels, in place of `fraction`; at most the picture's shorter side."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_between(1 / 8, 0.45, "fraction")
        self._require(self.diameter is None or self.diameter >= 2, f"diameter is {self.diameter}: give 2 px or more")

    @property
    def cover(self) -> tuple[float, float]:
        if self.diameter is None:
            area = math.pi / 4 * self.fraction**2
            rounding = _DISC_ERROR * self.fraction / 2 / MINIMUM_SIDE
            return area - rounding, area + rounding
        # The pixels whose centres lie in a disc all lie in the disc that is larger by a pixel's diagonal.
        return 0.0, math.pi / 4 * ((self.diameter + math.sqrt(2)) / max(MINIMUM_SIDE, self.diameter)) ** 2

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        if self.diameter is None:
            squared = self.fraction**2 * height * width
        else:
            fits = self.diameter <= min(height, width)
            self._require(fits, f"diameter is {self.diameter}: for {height}×{width} give {min(height, width)} or less")
            squared = self.diameter**2
        # Twice the distance from the middle, so that it is a whole number for even and odd sides.
        y = 2 * np.arange(height)[:, None] - (height - 1)
        x = 2 * np.arange(width) - (width - 1)
        return y**2 + x**2 <= squared


@dataclass(frozen=True, kw_only=True)
class Half(MaskKind):
    """The left, right, top or bottom half; of an odd side, the smaller part."""

    which: Literal["left", "right", "top", "bottom"] | None = None
    """The half to mask: left, right, top or bottom; drawn by the seed unless given."""

    _HALVES = "left", "right", "top", "bottom"

    def __post_init__(self) -> None:
        super().__post_init__()
        known = self.which is None or self.which in self._HALVES
        self._require(known, f"which is {self.which!r}: give one of {', '.join(self._HALVES)}")

    @property
    def cover(self) -> tuple[float, float]:
        return 8 / 17, 0.5

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        which = self.which or self._HALVES[rng.integers(4)]
        mask = np.zeros((height, width), dtype=np.bool_)
        part = {
            "left": np.s_[:, : width // 2],
            "right": np.s_[:, width - width // 2 :],
            "top": np.s_[: height // 2],
            "bottom": np.s_[height - height // 2 :],
        }
        mask[part[which]] = True
        return mask
