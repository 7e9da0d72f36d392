"""Masks of many small parts: blocks, pixels and thresholded noise."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.core import Mask
from inpainter.masks.kind import MINIMUM_SIDE, MaskKind, lowest, nearest


@dataclass(frozen=True, kw_only=True)
class Scatter(MaskKind):
    """Scattered 2×2 blocks that do not overlap and cover exactly the area asked for.

    Set `area` to 400 at 64 px (the default share there) for the holes of the studies of semantic inpainting by latent
    search that have the area of a 20×20 square: 100 blocks. Blocks are put one after the other at random places that
    are still free; where so many are asked for that free places run out, they are drawn from the cells of a 2×2 grid.
    """

    fraction: float = 400 / 4096
    """The share of the picture to cover, 1/64 to 0.85, rounded to whole blocks."""
    area: int | None = None
    """The number of pixels to cover, in place of `fraction`: a multiple of 4."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # Above .85 the blocks of a 17×17 picture could not cover it: its last row and column stay free.
        self._require_between(1 / 64, 0.85, "fraction")
        if self.area is not None:
            whole = self.area >= 4 and self.area % 4 == 0
            near = max(4, 4 * nearest(self.area / 4)) if self.area > 0 else 4
            self._require(whole, f"area is {self.area} px, not a number of 2×2 blocks: give a multiple of 4, as {near}")

    @property
    def cover(self) -> tuple[float, float]:
        if self.area is None:
            rounding = 2 / MINIMUM_SIDE**2
            return self.fraction - rounding, self.fraction + rounding
        return 0.0, self.area / max(MINIMUM_SIDE**2, self.area + 1)

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        count = self._count(height, width)
        corners = _free_places(height - 1, width - 1, count, rng)
        if corners is None:
            rows, columns = np.divmod(rng.permutation((height // 2) * (width // 2))[:count], width // 2)
            corners = 2 * rows, 2 * columns
        mask = np.zeros((height, width), dtype=np.bool_)
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
            mask[corners[0] + down, corners[1] + right] = True
        return mask

    def _count(self, height: int, width: int) -> int:
        if self.area is None:
            return nearest(self.fraction * height * width / 4)
        room = 4 * (height // 2) * (width // 2)
        if room == height * width:
            room -= 4  # something of the picture must be left
        self._require(
            self.area <= room, f"area is {self.area} px: {height}×{width} holds 2×2 blocks of {room} px at most"
        )
        return self.area // 4


def _free_places(
    rows: int, columns: int, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Choose `count` of rows × columns corners of 2×2 blocks, one after the other, each among those still free.

    Return None when too few are free. All are ranked at random first; a corner that outranks all that it would overlap
    is chosen and excludes those, until none is left. This gives the same choice as going through the ranks from the
    top, so the `count` of the highest rank are those that would have been chosen first.
    """
    rank = 1.0 + rng.permutation(rows * columns).reshape(rows, columns)
    overlap = np.ones((3, 3), dtype=np.uint8)
    chosen = np.zeros_like(rank)
    while rank.any():
        winners = (rank > 0) & (rank == cv2.dilate(rank, overlap))
        chosen[winners] = rank[winners]
        rank[cv2.dilate(winners.astype(np.uint8), overlap) > 0] = 0
    if np.count_nonzero(chosen) < count:
        return None
    down, right = np.nonzero(lowest(-chosen, count))
    return down, right


@dataclass(frozen=True, kw_only=True)
class Pixels(MaskKind):
    """Single missing pixels anywhere, by default 80 % of the picture.

    The random pattern of Yeh et al. 2017 (80 % missing). There each pixel is missing by chance; here the number is
    exact, so that masks of different seeds are equally hard.
    """

    fraction: float = 0.8
    """The share of the picture to cover, 1/64 to 63/64."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_between(1 / 64, 63 / 64, "fraction")

    @property
    def cover(self) -> tuple[float, float]:
        rounding = 0.5 / MINIMUM_SIDE**2
        return self.fraction - rounding, self.fraction + rounding

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        return lowest(rng.random((height, width)), nearest(self.fraction * height * width))


@dataclass(frozen=True, kw_only=True)
class Noise(MaskKind):
    """Smooth random regions: enlarged noise, its darkest parts masked, 20 to 30 % of the picture.

    The random region of the context encoder (Pathak et al. 2016, "Region masks"; its released code): uniform noise,
    enlarged bicubically by 10000/600, masked below a threshold. There one pattern of 10000×10000 is made for a whole
    run, the threshold is fixed at 1/4, and crops are drawn until one covers 20 to 30 %. Here each seed has its own
    noise, made for the picture alone; the cover is drawn uniformly and the threshold follows from it, so nothing is
    drawn twice. The grain follows the picture's size: at 128 px it is the original's.
    """

    grain: float | None = None
    """Pixels per sample of the noise, 2 or more; 0.13 of the shorter side (16.7 px at 128) unless given."""
    smallest: float = 0.2
    """The least share of the picture to cover, 0.02 to 0.9."""
    largest: float = 0.3
    """The largest share of the picture to cover, at least 0.01 more than `smallest`, at most 0.95."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(self.grain is None or self.grain >= 2, f"grain is {self.grain}: give 2 px or more")
        self._require_between(0.02, 0.9, "smallest")
        self._require_order("smallest", "largest", gap=0.01)
        self._require_between(0.03, 0.95, "largest")

    @property
    def cover(self) -> tuple[float, float]:
        return self.smallest, self.largest

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        grain = self.grain or min(height, width) / 128 * (10000 / 600)
        down, across = (rng.random() + np.arange(side) / grain for side in (height, width))
        noise = rng.random((int(down[-1]) + 4, int(across[-1]) + 4))
        size = height * width
        count = rng.integers(np.ceil(self.smallest * size), np.floor(self.largest * size) + 1)
        return lowest(_enlarge(_enlarge(noise, down).T, across).T, int(count))


def _enlarge(samples: NDArray[np.float64], position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate `samples` bicubically along the first axis, at 1 + `position` of them.

    In float64 rather than with OpenCV's float32: no pixel near the threshold then depends on the machine. Keys 1981,
    equation 15 (a = -1/2).
    """
    first = position.astype(np.intp)
    enlarged = np.zeros((position.size, *samples.shape[1:]))
    for tap in range(4):
        distance = np.abs(1 + position - (first + tap))[:, None]
        near = 1.5 * distance**3 - 2.5 * distance**2 + 1
        far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
        weight = np.where(distance < 1, near, np.where(distance < 2, far, 0))
        enlarged += weight * samples[first + tap]
    return enlarged
