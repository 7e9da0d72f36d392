"""Masks like hand drawings: lines, strokes, and one painted region."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from inpainter.core import Mask
from inpainter.masks.kind import MaskKind, lowest, nearest


@dataclass(frozen=True, kw_only=True)
class Lines(MaskKind):
    """One to nine straight lines, like scratches, with both ends anywhere in the picture.

    The line masks of the study of blind and partial convolutions on CIFAR-10 (after Liu et al. 2018): thickness 1 or
    2 px at 32 px, growing with the picture. A line that would bring the cover above one half is left out. A lone line
    may be very short, so the least cover is 0; at least one pixel is masked.
    """

    fewest: int = 1
    """The least number of lines."""
    most: int = 9
    """The largest number of lines."""
    thickness: int | None = None
    """The thickness in pixels; 1/32 to 2/32 of the shorter side unless given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_between(1, 1000, "fewest", "most")
        self._require_order("fewest", "most")
        self._require(
            self.thickness is None or self.thickness >= 1, f"thickness is {self.thickness}: give 1 px or more"
        )

    @property
    def cover(self) -> tuple[float, float]:
        return 0.0, 0.5

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        thinnest, thickest = self._thickness(min(height, width))
        canvas = np.zeros((height, width), dtype=np.uint8)
        for _ in range(rng.integers(self.fewest, self.most + 1)):
            x, y = rng.integers(width, size=2).tolist(), rng.integers(height, size=2).tolist()
            thickness = int(rng.integers(thinnest, thickest + 1))
            more = cv2.line(canvas.copy(), (x[0], y[0]), (x[1], y[1]), 1, thickness)
            if cv2.countNonZero(more) <= self.cover[1] * more.size:
                canvas = more
        return canvas > 0

    def _thickness(self, shorter: int) -> tuple[int, int]:
        if self.thickness is None:
            return nearest(shorter / 32), nearest(shorter / 16)
        limit = shorter // 8
        fits = self.thickness <= limit
        self._require(fits, f"thickness is {self.thickness}: give {limit} px or less where a side is {shorter} px")
        return self.thickness, self.thickness


@dataclass(frozen=True, kw_only=True)
class Strokes(MaskKind):
    """Free-form brush strokes, scribbled to and fro.

    The free-form masks of gated convolution (Yu et al. 2019, "Free-Form Mask Generation"; numbers of its released
    code): each stroke has 4 to 11 turns and a width of its own, steps of N(d/8, d/16) where d is the diagonal, and
    turns by about 2π/5 to either side. Widths follow the shorter side (12 to 40 px at 256). Here every stroke runs in
    a direction of its own, as the original's flips were meant to do, and turns back at the borders instead of running
    along them; strokes are added below the least cover, and a stroke ends where it would exceed the largest.
    """

    fewest: int = 1
    """The least number of strokes."""
    most: int = 3
    """The largest number of strokes, unless they cover too little."""
    thinnest: float = 12 / 256
    """The least width of a stroke as a share of the shorter side, up to 0.2."""
    thickest: float = 40 / 256
    """The largest width of a stroke as a share of the shorter side, up to 0.2."""
    smallest: float = 0.05
    """The least share of the picture to cover, 0.01 to 0.5."""
    largest: float = 0.4
    """The largest share of the picture to cover, at least 0.1 more than `smallest`, at most 0.9."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_between(1, 100, "fewest", "most")
        self._require_order("fewest", "most")
        self._require_between(0.005, 0.2, "thinnest", "thickest")
        self._require_order("thinnest", "thickest")
        self._require_between(0.01, 0.5, "smallest")
        # A gap that any single dab of the brush fits into, so that the least cover is always reached.
        self._require_order("smallest", "largest", gap=0.1)
        self._require_between(0.11, 0.9, "largest")

    @property
    def cover(self) -> tuple[float, float]:
        return self.smallest, self.largest

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        canvas = np.zeros((height, width), dtype=np.uint8)
        covered = 0
        strokes = int(rng.integers(self.fewest, self.most + 1))
        while strokes > 0 or covered < self.smallest * canvas.size:
            strokes -= 1
            brush = max(1, nearest(rng.uniform(self.thinnest, self.thickest) * min(height, width)))
            for start, end in _scribble(height, width, rng):
                more = cv2.line(canvas.copy(), start, end, 1, brush)
                count = cv2.countNonZero(more)
                if count > self.largest * canvas.size:
                    break
                canvas, covered = more, count
        return canvas > 0


Point = tuple[int, int]


def _scribble(height: int, width: int, rng: np.random.Generator) -> Iterator[tuple[Point, Point]]:
    """Walk to and fro across a heading, like a hand that rubs something out; yield segments in (x, y)."""
    diagonal = math.hypot(height, width)
    x, y = rng.uniform(0, width - 1), rng.uniform(0, height - 1)
    heading = rng.uniform(0, 2 * math.pi)
    for turn in range(rng.integers(4, 12)):
        angle = rng.uniform(2 * math.pi / 5 - 2 * math.pi / 15, 2 * math.pi / 5 + 2 * math.pi / 15)
        direction = heading + (angle if turn % 2 else -angle)
        step = min(max(rng.normal(diagonal / 8, diagonal / 16), 0), diagonal / 4)
        start = nearest(x), nearest(y)
        x = _mirrored(x + step * math.cos(direction), width - 1)
        y = _mirrored(y + step * math.sin(direction), height - 1)
        yield start, (nearest(x), nearest(y))


def _mirrored(position: float, last: int) -> float:
    """Reflect a coordinate that leaves the picture at its borders, 0 and `last`."""
    return last - abs(last - position % (2 * last))


@dataclass(frozen=True, kw_only=True)
class Blob(MaskKind):
    """One smooth, irregular region in a single piece, as a person paints over an object.

    Its outline is an ellipse with a few low harmonics (ours; no paper's).
    """

    smallest: float = 0.05
    """The least share of the picture to cover, 0.02 to 0.5."""
    largest: float = 0.25
    """The largest share of the picture to cover, at least 0.02 more than `smallest`, at most 0.6."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_between(0.02, 0.5, "smallest")
        self._require_order("smallest", "largest", gap=0.02)
        self._require_between(0.04, 0.6, "largest")

    @property
    def cover(self) -> tuple[float, float]:
        return self.smallest, self.largest

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        size = height * width
        least = int(np.ceil(self.smallest * size))
        while True:
            count = int(rng.integers(least, np.floor(self.largest * size) + 1))
            mask = _largest_piece(lowest(_distance_to_outline(height, width, rng), count))
            # In small pictures a thin limb may have come off.
            if np.count_nonzero(mask) >= least:
                return mask


def _distance_to_outline(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Return the `(height, width)` distances from a random centre, relative to the outline's in the same direction."""
    # Half as stretched as the picture: round in a square one, and never a band from border to border in a long one.
    stretch = (width / height) ** 0.25
    y = (np.arange(height)[:, None] - rng.uniform(0.3, 0.7) * height) * stretch
    x = (np.arange(width) - rng.uniform(0.3, 0.7) * width) / stretch
    turn, longer = rng.uniform(0, 2 * np.pi), math.sqrt(rng.uniform(1, 2))
    along = (x * math.cos(turn) - y * math.sin(turn)) / longer
    across = (x * math.sin(turn) + y * math.cos(turn)) * longer
    angles = np.linspace(-np.pi, np.pi, 2049)
    outline = np.ones_like(angles)
    for harmonic in range(2, 7):
        outline += rng.uniform(0, 0.6) / harmonic * np.cos(harmonic * angles + rng.uniform(0, 2 * np.pi))
    radius = np.interp(np.arctan2(across, along), angles, np.maximum(outline, 0.2))
    return np.hypot(along, across) / radius


def _largest_piece(mask: Mask) -> Mask:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])
