"""The classical methods: no training, no weights; each fill is computed from the picture's own known pixels.

`telea` and `navier-stokes` come from OpenCV, `fsr` from its contributed xphoto module, `biharmonic` from scikit-image;
`mean` is the floor to measure against.
"""

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.core import Card, Image, Inpainter, InputError, Mask, Method, Settings, View, Work
from inpainter.methods import METHODS

Channel = NDArray[np.float32]
"""One channel of a picture, `(H, W)`."""

SCALE = 2**20
"""The scale of 1.0 in OpenCV's marching.

OpenCV's Telea adds the *direction* of the gradient, a number of about one at any scale, so that a constant
picture in [0, 1] comes back anywhere from -1 to 2, and one in 8 bits up to 5 levels off. At this scale it is 1e-6.
"""
SHORTEST = 3
"""OpenCV reads past the end of pictures with one row or column, so they are widened to this."""

FSR_BLOCK = 16
"""The side of the largest block that FSR works on, in pixels."""
FSR_CONTEXT = 32
"""FSR's window reaches 14 pixels beyond a block: known pixels farther than this from the mask have no effect."""
TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
"""Brightness and two colour differences (ITU-R BT.601, full range), in which FSR does best and is fastest.

Ours, because OpenCV's conversion there and back is off by 7 levels of 16 bits.
"""

BIHARMONIC_PIXELS = 1_000_000
"""The largest hole that biharmonic solved where it was measured; beyond, SciPy's solver may end the whole process."""
MEMORY_SHARE = 0.5
"""The share of the machine's memory that one hole may take."""
UNKNOWN_MEMORY = 4 * 2**30
"""The memory assumed where the system does not report it, bytes."""


@dataclass(frozen=True, kw_only=True)
class MarchingSettings(Settings):
    """Settings of OpenCV's two marching methods."""

    radius: int = 3
    """How far it looks around a pixel, px, 1 to 100: 5 and 10 are slower and worse on scratches and text."""

    def __post_init__(self) -> None:
        self._require(1 <= self.radius <= 100, "radius", "1 to 100 px")


@dataclass(frozen=True, kw_only=True)
class FsrSettings(Settings):
    """Settings of FSR."""

    profile: Literal["fast", "best"] = "fast"
    """OpenCV's profiles: `best` takes many times as long and, on the photos tried, was not nearer to the truth."""


class Mean(Inpainter):
    """One colour for the whole hole."""

    def __init__(self) -> None:
        self.card = MEAN.card

    def predict(self, image: Image, mask: Mask, work: Work) -> Image:
        image[mask] = image[~mask].mean(0, dtype=np.float64)
        return image


class Marching(Inpainter):
    """One of OpenCV's two methods that march from the rim inwards."""

    def __init__(self, card: Card, flag: int, radius: int) -> None:
        self.card = card
        # A pixel is filled from those within the radius, whose gradients need as many pixels again.
        self.view = View(context="pixels", amount=2 * radius)
        self._flag, self._radius = flag, radius

    def predict(self, image: Image, mask: Mask, work: Work) -> Image:
        return marched(image, mask, self._flag, self._radius)


class FrequencySelective(Inpainter):
    """FSR of OpenCV's xphoto, on the part of the picture that it needs."""

    def __init__(self, profile: str) -> None:
        self.card = FSR.card
        # Two OpenCV packages installed side by side overwrite each other's files.
        if not hasattr(getattr(cv2, "xphoto", None), "inpaint"):
            raise InputError(
                "fsr needs OpenCV's xphoto, which another OpenCV package has overwritten: pip uninstall opencv-python "
                "opencv-python-headless opencv-contrib-python opencv-contrib-python-headless, then pip install "
                "opencv-contrib-python-headless"
            )
        self._flag = cv2.xphoto.INPAINT_FSR_BEST if profile == "best" else cv2.xphoto.INPAINT_FSR_FAST

    def predict(self, image: Image, mask: Mask, work: Work) -> Image:
        rows, columns = _window(mask)
        part, missing = image[rows, columns], mask[rows, columns]
        height, width = missing.shape
        # Beyond the last whole block OpenCV leaves holes open, so the part is mirrored out to whole blocks.
        pad = [(0, -height % FSR_BLOCK), (0, -width % FSR_BLOCK)]
        part, missing = np.pad(part, [*pad, (0, 0)], "symmetric"), np.pad(missing, pad, "symmetric")
        # Grey at a whole level, so that grey stays grey through the rounding to 8 bits.
        middle = np.array([0, 128 / 255, 128 / 255], np.float32)
        filled = _each_channel(lambda channel: _extrapolate(channel, missing, self._flag), part @ TO_YCBCR.T + middle)
        image[rows, columns] = ((filled - middle) @ np.linalg.inv(TO_YCBCR).T)[:height, :width]
        return image


class Biharmonic(Inpainter):
    """The biharmonic fill of scikit-image."""

    def __init__(self) -> None:
        self.card = BIHARMONIC.card
        from skimage.restoration import inpaint_biharmonic

        self._inpaint = inpaint_biharmonic

    def predict(self, image: Image, mask: Mask, work: Work) -> Image:
        # The solver kills the process when it gets no memory, so nothing can be caught.
        pixels = int(np.count_nonzero(mask))
        need, most = solver_bytes(pixels), MEMORY_SHARE * _memory()
        if pixels > BIHARMONIC_PIXELS or need > most:
            raise InputError(
                f"biharmonic: a hole of {pixels} pixels, which would take {need / 1e9:.1f} GB of memory, is too large "
                f"here; fill it by another method, such as auto, or make it smaller"
            )
        return self._inpaint(image, mask, channel_axis=-1)


def solver_bytes(pixels: int) -> float:
    """Return how much memory SciPy's solver takes at most for a hole of this many pixels.

    Measured for squares, the worst shape, of 22,500 to 1,000,000 pixels: 2,500 to 4,500 bytes per pixel, growing
    with the logarithm, as the fill-in of such a system does.
    """
    return pixels * max(325 * math.log2(max(pixels, 1)) - 1840, 2000)


def _memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # such as Windows
        return UNKNOWN_MEMORY


def marched(image: Image, mask: Mask, flag: int = cv2.INPAINT_NS, radius: int = 3) -> Image:
    """Fill `(H, W, 3)` float32 of any range from the rim inwards by `cv2.inpaint`."""
    height, width = mask.shape
    pad = [(0, max(0, SHORTEST - height)), (0, max(0, SHORTEST - width))]
    missing = np.pad(mask.astype(np.uint8), pad, "edge")

    def march(channel: Channel) -> Channel:
        filled = cv2.inpaint(channel * np.float32(SCALE), missing, radius, flag)
        return (filled / np.float32(SCALE)).astype(np.float32, copy=False)

    return _each_channel(march, np.pad(image, [*pad, (0, 0)], "edge"))[:height, :width]


def _each_channel(fill: Callable[[Channel], Channel], image: Image) -> Image:
    """Fill the three channels side by side (OpenCV lets other threads run); a grey picture needs one."""
    channels = [np.ascontiguousarray(image[..., index]) for index in range(3)]
    if np.array_equal(channels[0], channels[1]) and np.array_equal(channels[0], channels[2]):
        return np.repeat(fill(channels[0])[..., None], 3, axis=2)
    with ThreadPoolExecutor(3) as pool:
        return np.stack(list(pool.map(fill, channels)), axis=-1)


def _window(mask: Mask) -> tuple[slice, slice]:
    """Return the rows and columns around the mask that FSR uses, aligned to its blocks."""

    def span(axis: int) -> slice:
        first, last = np.flatnonzero(mask.any(axis=axis))[[0, -1]]
        start = max(0, first - FSR_CONTEXT) // FSR_BLOCK * FSR_BLOCK
        return slice(int(start), int(last + 1 + FSR_CONTEXT))

    return span(1), span(0)


def _extrapolate(channel: Channel, mask: Mask, flag: int) -> Channel:
    """Run FSR on one channel in [0, 1]; it always works in 8 bits."""
    # rint and not a cast: a cast rounds down, which darkens.
    source = np.rint(np.clip(np.where(mask, 0, channel), 0, 1) * 255).astype(np.uint8)
    if np.ptp(source[~mask]) == 0:
        return np.full_like(channel, channel[~mask].mean())
    levels = np.empty_like(source)
    cv2.xphoto.inpaint(source, np.where(mask, 0, 255).astype(np.uint8), levels, flag)
    return _smooth_within_a_step(np.where(mask, levels, channel * 255)) / np.float32(255)


def _smooth_within_a_step(levels: NDArray) -> Channel:
    """Undo the rounding to whole levels where the fill is smooth.

    Every value within half a level of a fill in whole levels is equally true to it; the one nearest to the mean of its
    surroundings gives a gradient without bands. Rounded to 8 bits again, the fill is unchanged.
    """
    levels = levels.astype(np.float32)
    near = np.float32(0.499)
    return np.clip(cv2.GaussianBlur(levels, (0, 0), 3), levels - near, levels + near).astype(np.float32, copy=False)


# ---------------------------------------------------------------------------------------------------- the methods

MEAN = Method(
    Card(
        name="mean",
        summary=METHODS["mean"].summary,
        source="the colour that is nearest to all known pixels by squared error",
        good_for="being measured against: what does worse has learnt nothing",
        bad_for="photos: it is a patch of one colour",
    ),
    lambda settings, device: Mean(),
)
TELEA = Method(
    Card(
        name="telea",
        summary=METHODS["telea"].summary,
        source="Alexandru Telea, An Image Inpainting Technique Based on the Fast Marching Method, 2004 (as in OpenCV)",
        good_for="scratches, dust and thin lines; big files, where time matters most",
        bad_for="anything wider than about 30 pixels: it smears and makes no texture",
    ),
    lambda settings, device: Marching(TELEA.card, cv2.INPAINT_TELEA, settings.radius),
    MarchingSettings,
)
NAVIER_STOKES = Method(
    Card(
        name="navier-stokes",
        summary=METHODS["navier-stokes"].summary,
        source=(
            "Marcelo Bertalmío, Andrea Bertozzi, Guillermo Sapiro, Navier-Stokes, Fluid Dynamics, and Image and Video "
            "Inpainting, 2001 (as in OpenCV)"
        ),
        good_for="scratches and lettering over smooth colour; edges that cross a thin hole",
        bad_for="anything wider than about 30 pixels: it leaves streaks and makes no texture",
    ),
    lambda settings, device: Marching(NAVIER_STOKES.card, cv2.INPAINT_NS, settings.radius),
    MarchingSettings,
)
FSR = Method(
    Card(
        name="fsr",
        summary=METHODS["fsr"].summary,
        source=(
            "Nils Genser, Jürgen Seiler, Franz Schilling, André Kaup, Signal and Loss Geometry Aware Frequency "
            "Selective Extrapolation for Error Concealment, 2018; Jürgen Seiler, Markus Jonscher, Michael Schöberl, "
            "André Kaup, Resampling Images to a Regular Grid From a Non-Regular Subset of Pixel Positions Using "
            "Frequency Selective Reconstruction, 2015 (as in OpenCV's xphoto, its fast profile)"
        ),
        good_for="scratches, text and strokes over texture: the nearest to the truth of the classical methods",
        bad_for=(
            "big holes: seconds per hundred pixels of side, and ringing in the middle; it computes with 8 bits a "
            "sample, so a fill in a 16-bit picture has true detail to 8 bits only (smooth areas are smoothed within "
            "that step)"
        ),
    ),
    lambda settings, device: FrequencySelective(settings.profile),
    FsrSettings,
)
BIHARMONIC = Method(
    Card(
        name="biharmonic",
        summary=METHODS["biharmonic"].summary,
        source=(
            "Steven Damelin, Nguyen Hoang, On Surface Completion and Image Inpainting by Biharmonic Functions: "
            "Numerical Aspects, 2018 (as in scikit-image)"
        ),
        good_for="scratches and lettering over gradients and soft shading: skies, skin, walls",
        bad_for=(
            "texture and big holes: it makes bright or dark bulges, and a 600×600 hole takes ten seconds and over 1 GB"
        ),
        extra="biharmonic",
    ),
    lambda settings, device: Biharmonic(),
)
