"""What means "fill this" in a mask: white, black, transparent, or a colour by its name or numbers."""

import re

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.core import InputError, Mask

# The sixteen basic names of CSS, and those that people also type.
_NAMES = {
    "black": "#000000", "silver": "#c0c0c0", "gray": "#808080", "grey": "#808080", "white": "#ffffff",
    "maroon": "#800000", "red": "#ff0000", "purple": "#800080", "fuchsia": "#ff00ff", "magenta": "#ff00ff",
    "green": "#008000", "lime": "#00ff00", "olive": "#808000", "yellow": "#ffff00", "navy": "#000080",
    "blue": "#0000ff", "teal": "#008080", "aqua": "#00ffff", "cyan": "#00ffff", "orange": "#ffa500",
    "pink": "#ffc0cb", "brown": "#a52a2a",
}  # fmt: skip
# Measured on strokes over photos, antialiased, and as JPEG of quality 75 and 90 with colours at half resolution: 24
# finds 82 to 97 % of what is painted; 40 with the rim 99.2 to 100 %, and, but for dull colours, 0.00 % of the rest
# (tests/photos/test_mask_colour.py measures it in small).
_CORE, _RIM_WIDTH = 40, 2
HALF = 127.5
"""Samples of 8 bits above this are white."""


def check_mask_colour(colour: str) -> str:
    """Return the colour as white, black, alpha, #rrggbb or #rrggbb:N; raise InputError when it names none.

    It may be a name of CSS or #rgb as well; N is how far each channel may be off.
    """
    name, colon, tolerance = colour.lower().partition(":")
    if name in ("white", "black", "alpha") and not colon:
        return name
    name = _NAMES.get(name, name)
    if re.fullmatch(r"#[0-9a-f]{3}", name):
        name = "#" + "".join(2 * digit for digit in name[1:])
    known = re.fullmatch(r"#[0-9a-f]{6}", name)
    if known and (not colon or (re.fullmatch(r"[0-9]{1,3}", tolerance) and int(tolerance) <= 255)):
        return f"{name}:{int(tolerance)}" if colon else name
    raise InputError(
        f"mask colour {colour!r}: give white, black, alpha, or a colour such as red or #ff0000, "
        "with a tolerance of 0 to 255 if wanted (red:40)"
    )


def hexadecimal(samples: NDArray[np.uint8]) -> str:
    """Write a colour of one or three samples as #rrggbb."""
    red, green, blue = np.broadcast_to(samples, (3,)).tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def grey_of(strip: NDArray[np.uint8], colours: int) -> NDArray:
    """The brightness of `(H, W, bands)` samples, of which `colours` are colours."""
    first = strip[..., 0]
    # Most masks in colour are grey, which is quicker to find than the mean.
    if colours == 1 or (np.array_equal(first, strip[..., 1]) and np.array_equal(first, strip[..., 2])):
        return first
    # The brightest channel would make pure red white; the mean of the channels does not.
    return strip[..., :3].mean(axis=2, dtype=np.float32)


def opaque_of(strip: NDArray[np.uint8], colours: int) -> Mask | None:
    """Where `(H, W, bands)` samples are opaque by half or more; None where they have no alpha."""
    return strip[..., colours] >= 128 if strip.shape[2] > colours else None


def degrees(strip: NDArray[np.uint8], colours: int, colour: str, half: float = HALF) -> NDArray[np.uint8]:
    """How surely `(H, W, bands)` samples mean "fill this": 2 or more, 1 (where a 2 is near) or 0.

    `colours` of the bands are colours, and one more alpha; `colour` is what `check_mask_colour` returns; brightness
    from `half` up is white.
    """
    opaque = opaque_of(strip, colours)
    if colour == "alpha":
        assert opaque is not None  # read_mask has refused files without alpha
        return 2 * (~opaque).astype(np.uint8)
    if colour.startswith("#"):
        wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.int16)
        far = np.abs(strip[..., :colours].astype(np.int16) - wanted)
        spelt = colour[8:]
        sure = 2 * (far <= (int(spelt) if spelt else _CORE)).all(axis=2).astype(np.uint8)
        if not spelt:
            # A pixel that is half covered is half as far off as what lies under it can be.
            sure |= (far <= np.maximum(wanted, 255 - wanted) / 2).all(axis=2)
    else:
        grey = grey_of(strip, colours)
        white = np.asarray(grey >= half)
        sure = 2 * (white if colour == "white" else ~white).astype(np.uint8)
    return np.asarray(sure if opaque is None else sure * opaque, np.uint8)


def with_rim(sure: NDArray[np.uint8]) -> Mask:
    """The mask that degrees make, in their place: what is sure, and what is likely next to it, like an edge."""
    likely = sure == 1
    core = np.greater_equal(sure, 2, out=sure.view(np.bool_))
    if not likely.any():
        return core
    disc = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * _RIM_WIDTH + 1, 2 * _RIM_WIDTH + 1))
    return core | (likely & cv2.dilate(core.view(np.uint8), disc).view(np.bool_))
