"""A sheet of pictures side by side: the photo with its mask, and the candidates."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.core import Box, Mask

LONGEST = 2000
"""The longest side of a sheet, px."""
GAP, LINE = 10, 34
"""The gap between cells, and the height of the label above each, px."""
NARROWEST = 170
"""The least width of a cell, px, so that its label fits."""
ENLARGED = 320
"""Small pictures are enlarged until their longer side has this many pixels."""
AROUND, LEAST = 0.35, 48
"""The context shown around the holes: a share of the longer side of all, and a minimum in px."""
TINT, SHARE = (230, 30, 60), 0.55
"""The colour of the mask, and its opacity."""
PAPER, INK = 255, 26
_MOST_COLUMNS = (LONGEST - GAP) // (NARROWEST + GAP)

Sheet = NDArray[np.uint8]
"""A picture `(H, W, 3)`."""


def surroundings(holes: Sequence[Box], height: int, width: int) -> Box:
    """Return the box of all holes with some context, within a picture of `height` × `width`."""
    box = holes[0]
    for hole in holes[1:]:
        box = box.united(hole)
    return box.within(height, width, max(LEAST, round(AROUND * max(box.width, box.height))))


def cell_size(box: Box, count: int) -> tuple[int, int]:
    """Return the (height, width) of a box on a sheet of `count`: as large as possible, but seldom enlarged."""
    largest = max(1.0, ENLARGED / max(box.height, box.width))
    scale = min(largest, max(_scale(box, count, columns) for columns in range(1, min(count, _MOST_COLUMNS) + 1)))
    # Rounded down, or the sum of many would be too large.
    return max(1, int(box.height * scale)), max(1, int(box.width * scale))


def draw_sheet(cells: Sequence[tuple[str, Sheet]]) -> Sheet:
    """Draw pictures of one size, each under its label, in rows that make the sheet about as wide as a screen."""
    height, width = cells[0][1].shape[:2]
    across, down = max(width, NARROWEST) + GAP, height + LINE + GAP
    fitting = [n for n in range(1, len(cells) + 1) if n * across + GAP <= LONGEST] or [1]
    columns = min(fitting, key=lambda n: (max(n * across, -(-len(cells) // n) * down * 1.5), -n))
    sheet = np.full((-(-len(cells) // columns) * down + GAP, columns * across + GAP, 3), PAPER, np.uint8)
    for place, (label, picture) in enumerate(cells):
        row, column = divmod(place, columns)
        top, left = GAP + row * down, GAP + column * across
        cv2.putText(sheet, label, (left, top + LINE - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (INK,) * 3, 2, cv2.LINE_AA)
        sheet[top + LINE : top + LINE + height, left : left + width] = picture
    return sheet


def tinted(picture: Sheet, mask: Mask) -> Sheet:
    """Return a picture with a mask, of any size, laid over it in colour."""
    height, width = picture.shape[:2]
    smaller = mask.shape[0] > height
    covered = cv2.resize(
        mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_NEAREST
    )
    share = SHARE * covered[..., None]
    return np.rint(picture * (1 - share) + np.array(TINT) * share).astype(np.uint8)


def encoded(sheet: Sheet) -> bytes:
    """Return a sheet as a PNG file."""
    done, data = cv2.imencode(".png", np.ascontiguousarray(sheet[..., ::-1]))
    if not done:
        raise ValueError("the sheet cannot be drawn")
    return data.tobytes()


def _scale(box: Box, count: int, columns: int) -> float:
    """Return the scale of a box in this many columns."""
    rows = -(-count // columns)
    across = (LONGEST - GAP) / columns - GAP
    return min(across / box.width, max(1.0, (LONGEST - GAP) / rows - GAP - LINE) / box.height)
