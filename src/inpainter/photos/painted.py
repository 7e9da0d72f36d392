"""What somebody painted on a copy of a photo: where the two differ by more than saving the copy changed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from inpainter.core import InputError, Mask
from inpainter.photos.photo import MAX_MEGAPIXELS, Photo, field, in_srgb, open_photo, readable

_STRIP_ROWS = 256
# The noise of JPEG alternates from pixel to pixel, paint does not: differences are smoothed by this before they count.
_SMOOTHING, _MARGIN = 1.0, 3
# Smoothed differences below this may be noise, and their 99th percentile says how much of it there is. Measured on
# copies saved as JPEG of quality 50, 75 and 90: one pixel in ten thousand is off by twice that percentile, none by
# four times.
_NOISE_MOST, _QUANTILE = 16, 0.99
_WEAK, _STRONG = 1.6, 4.0
# Conversions between profiles round; without noise anything counts.
_WEAK_LEAST, _STRONG_LEAST = 3, 8
_WEAK_EXACT, _STRONG_EXACT = 1, 4
_STRONG_PIXELS = 3
# Gaps up to twice this, where the paint has the colour of the photo, are paint as well.
_CLOSED = 2
_MOST = 0.5

_Rows = Callable[[int, int], NDArray[np.uint8]]


def painted_mask(photo: Photo, copy: Path, *, max_megapixels: float = MAX_MEGAPIXELS) -> Mask:
    """Return where a copy of the photo differs from it, upright, `(H, W)` bool.

    The copy may have been saved again, as JPEG, too, turned upright, and without its profile. The mask is one or two
    pixels wider than the paint, and one more where the copy lost quality in being saved, which blurs where paint ends.
    Raises InputError where the copy is of another size, or differs in more than half of its pixels.
    """
    other = open_photo(copy, max_megapixels=max_megapixels)
    if (other.height, other.width) != (photo.height, photo.width):
        raise InputError(
            f"{copy}: the painted copy is {other.width}×{other.height}, but {photo.path.name} is "
            f"{photo.width}×{photo.height} (both upright); save the copy at the photo's size"
        )
    profiles = [bool(field(one.pixels(), "icc-profile-data")) for one in (photo, other)]
    far = _differences(photo, other, managed=True)
    if profiles[0] != profiles[1]:
        # Of a copy that lost its profile nobody knows whether its colours were converted before.
        far = min(far, _differences(photo, other, managed=False), key=_noise)
    mask = _painted(far)
    if np.count_nonzero(mask) > _MOST * mask.size:
        share = np.count_nonzero(mask) / mask.size
        raise InputError(
            f"{copy}: differs from {photo.path.name} in {share:.0%} of its pixels: is it a copy of this photo? "
            "Then give one that is as the photo wherever nothing is painted"
        )
    return mask


def _painted(far: NDArray[np.uint8]) -> Mask:
    """Where differences are paint: regions of more than noise, in which some is far more, with their gaps closed."""
    noise = _noise(far)
    weak, strong = max(_WEAK_LEAST, _WEAK * noise), max(_STRONG_LEAST, _STRONG * noise)
    if not noise:
        weak, strong = _WEAK_EXACT, _STRONG_EXACT
    count, found = cv2.connectedComponents((far >= weak).view(np.uint8), connectivity=8)
    labels = np.asarray(found, np.int32)
    sure = np.bincount(labels[far >= strong], minlength=count) >= _STRONG_PIXELS
    sure[0] = False
    painted = sure[labels].view(np.uint8)
    del found, labels
    # Smoothing has widened it by one or two. Closed and widened in one: out by both, and back by one of them.
    margin = 1 if weak > _WEAK_LEAST else 0
    painted = cv2.erode(cv2.dilate(painted, _disc(_CLOSED + margin)), _disc(_CLOSED), borderValue=1)
    return painted.view(np.bool_)


def _disc(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def _noise(far: NDArray[np.uint8]) -> float:
    """How far apart two pictures are where nothing is painted, but for one pixel in a hundred."""
    counts = np.bincount(far.ravel(), minlength=256)[:_NOISE_MOST]
    total = np.cumsum(counts)
    # Of another picture nothing may be so near.
    return float(np.searchsorted(total, _QUANTILE * total[-1])) if total[-1] else _NOISE_MOST


def _differences(photo: Photo, copy: Photo, *, managed: bool) -> NDArray[np.uint8]:
    """How far apart two pictures are in the channel that differs most, smoothed: `(H, W)`, upright."""
    far = np.empty((photo.height, photo.width), np.uint8)
    kept = np.empty((0, photo.width, 4), np.float32)
    done = 0
    for top, strip in _strips(photo, copy, managed=managed):
        block = np.concatenate([kept, strip])
        first, end = top - len(kept), top + len(strip)
        smooth = np.abs(cv2.GaussianBlur(block, (2 * _MARGIN + 1,) * 2, _SMOOTHING)).max(axis=2)
        ready = end if end == photo.height else max(end - _MARGIN, done)
        far[done:ready] = np.rint(smooth[done - first : ready - first])
        done, kept = ready, block[-2 * _MARGIN :]
    return far


def _strips(photo: Photo, copy: Photo, *, managed: bool) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Both pictures' difference, `(rows, W, 4)`, and the row where it begins."""
    one, two = _rows(photo, managed=managed), _rows(copy, managed=managed)
    for top in range(0, photo.height, _STRIP_ROWS):
        rows = min(_STRIP_ROWS, photo.height - top)
        a, b = one(top, rows), two(top, rows)
        if photo.alpha and not copy.alpha:
            # What the copy has under what was transparent is anybody's guess.
            b = np.concatenate([b[..., :3], a[..., 3:]], axis=2)
        yield top, _seen(a) - _seen(b)


def _seen(samples: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Colours as far as they are seen, and the alpha."""
    seen = samples.astype(np.float32)
    seen[..., :3] *= seen[..., 3:] / 255
    return seen


def _rows(photo: Photo, *, managed: bool) -> _Rows:
    """What reads rows of the upright picture, red, green, blue and alpha of 8 bits; `managed`: as its profile means."""
    upright = photo.orientation == 1
    with readable(photo.path):
        stored = photo.pixels("sequential" if upright else "random")
        colours = stored[: photo.colours]
        if not managed and field(colours, "icc-profile-data"):
            colours = colours.copy()
            colours.remove("icc-profile-data")
        alpha = (stored[photo.colours] >> (photo.depth - 8)).cast("uchar") if photo.alpha else 255
        image = in_srgb(colours).bandjoin(alpha)
        region = pyvips.Region.new(image if upright else image.autorot())

    def read(top: int, rows: int) -> NDArray[np.uint8]:
        with readable(photo.path):
            data = region.fetch(0, top, photo.width, rows)
        return np.frombuffer(data, np.uint8).reshape(rows, photo.width, 4)

    return read
