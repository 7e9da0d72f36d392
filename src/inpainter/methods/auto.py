"""The default: the classical methods of the base install, each where it measures best.

The thresholds come from `benchmarks/results/classical.json`, and a test holds them to it. They look only at the mask,
never at a clock, so the same photo gives the same answer everywhere.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.core import Card, Image, Inpainter, Mask, Method, Work
from inpainter.methods import METHODS, classical

CARD = Card(
    name="auto",
    summary=METHODS["auto"].summary,
    source="This project, from fsr and navier-stokes; thresholds measured by benchmarks/classical.py",
    good_for="not having to choose: the best classical fill that takes about 3 seconds on a laptop",
    bad_for="big holes over objects or texture, which come out smooth; no classical method knows what was there",
)

RING = 12
"""How far in from the rim, in pixels, a thick hole is filled at full size, so that lines and texture go on."""
THICK = 2 * RING
"""Thicker holes, in pixels, are filled at half the size first: alone, FSR's windows lose their way in them."""
FSR_BLOCKS = 1500
"""FSR takes time for every 4×4 block that it touches, on one core 1 to 2 ms in photos and nearly 4 ms in pure noise;
more than these are left to navier-stokes."""


class Auto(Inpainter):
    """Thin holes by `fsr`; thick ones coarse to fine; whatever would take too long by `navier-stokes`."""

    card = CARD

    def __init__(self) -> None:
        self._fsr = classical.FSR.load(classical.FsrSettings(), "cpu")
        self._navier_stokes = classical.NAVIER_STOKES.load(classical.MarchingSettings(), "cpu")

    def predict(self, image: Image, mask: Mask, work: Work) -> Image:
        depth = _depth(mask)
        limit = FSR_BLOCKS
        if 2 * depth.max() > THICK:
            small, small_mask = halve(image, mask)
            inner = _double(self.predict(small, small_mask, work), mask.shape)
            image = np.where(mask[..., None], inner, image)
            mask = mask & (depth <= RING)
            # The rings of all sizes, each half as long as the next, then stay within the limit together.
            limit = FSR_BLOCKS // 2
        chosen = self._fsr if blocks(mask) <= limit else self._navier_stokes
        # Each is one call of a library, from which no steps come.
        return chosen(image, mask, Work(work.seed))


def thickness(mask: Mask) -> float:
    """The width of the widest place of a mask in pixels: twice the way from its deepest pixel to the nearest known."""
    return 2 * float(_depth(mask).max())


def blocks(mask: Mask) -> int:
    """How many of FSR's smallest blocks, 4×4 pixels from the top left, the mask touches."""
    height, width = mask.shape
    whole = np.pad(mask, [(0, -height % 4), (0, -width % 4)])
    return int(whole.reshape(whole.shape[0] // 4, 4, whole.shape[1] // 4, 4).any(axis=(1, 3)).sum())


def halve(image: Image, mask: Mask) -> tuple[Image, Mask]:
    """Picture and mask at half the size: every colour is the mean of its known pixels, missing where none is known."""
    height, width = mask.shape
    pad = [(0, height % 2), (0, width % 2)]
    known = ~np.pad(mask, pad, "edge")
    colours = np.where(known[..., None], np.pad(image, [*pad, (0, 0)], "edge"), np.float32(0))
    size = (known.shape[1] // 2, known.shape[0] // 2)
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(colours, size, interpolation=cv2.INTER_AREA)
    mean = total / np.maximum(share, np.float32(0.25))[..., None]
    return np.clip(mean, 0, 1).astype(np.float32), share == 0


def _double(image: Image, shape: tuple[int, ...]) -> Image:
    height, width = shape
    size = (2 * image.shape[1], 2 * image.shape[0])
    doubled = np.clip(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), 0, 1)
    return doubled[:height, :width].astype(np.float32, copy=False)


def _depth(mask: Mask) -> NDArray[np.float32]:
    """For every pixel the way to the nearest known one; the picture's border counts as nothing known."""
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return depth.astype(np.float32, copy=False)


AUTO = Method(CARD, lambda settings, device: Auto())
