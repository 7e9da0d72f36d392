"""The pictures of README.md and docs/methods/exemplar.md: what is to go, tinted, beside what the default makes of it.

Run: `python demo/before_after.py`. The photos come with scikit-image (the extra `[biharmonic]`); their licences are in
docs/pictures/README.md.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

import inpainter

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
TINT = np.array((230, 0, 80), np.float32)
WIDTH, GAP = 396, 8
QUALITY = 80
"""Of the JPEG files, so that each stays below 60 kB."""


def main() -> None:
    """Fill, and write the pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name, (photo, mask) in {
        "badges": badges(), "tripod": tripod(), "lettering": lettering(), "cup": cup(),
    }.items():  # fmt: skip
        filled = inpainter.fill(photo, mask > 0)
        tinted = np.where(mask[..., None] > 0, photo * 0.45 + TINT * 0.55, photo).astype(np.uint8)
        height = photo.shape[0] * WIDTH // photo.shape[1]
        pair = [cv2.resize(each, (WIDTH, height), interpolation=cv2.INTER_AREA) for each in (tinted, filled)]
        beside = np.hstack([pair[0], np.full((height, GAP, 3), 255, np.uint8), pair[1]])
        path = FOLDER / f"{name}.jpg"
        cv2.imwrite(str(path), beside[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def badges() -> Pair:
    """An astronaut, and the two badges on her suit."""
    photo = data.astronaut()
    mask = np.zeros(photo.shape[:2], np.uint8)
    cv2.circle(mask, (171, 388), 45, 255, -1)
    return photo, polygon(mask, (270, 330), (336, 334), (336, 380), (270, 378))


def tripod() -> Pair:
    """A man with a camera on a lawn, and the tripod from his hands down."""
    grey = data.camera()
    mask = np.zeros(grey.shape, np.uint8)
    corners = ((270, 240), (300, 220), (356, 255), (356, 318), (340, 322), (428, 511), (218, 511), (280, 310))
    return np.dstack([grey] * 3), polygon(mask, *corners)


def lettering() -> Pair:
    """A cat, and her name and three scratches across the print."""
    photo = data.chelsea()
    mask = np.zeros(photo.shape[:2], np.uint8)
    cv2.putText(mask, "Chelsea", (112, 285), cv2.FONT_HERSHEY_SCRIPT_COMPLEX, 2.6, (255,), 5, cv2.LINE_AA)
    for one, other in (((20, 60), (300, 0)), ((430, 30), (330, 290)), ((60, 20), (20, 260))):
        cv2.line(mask, one, other, (255,), 2)
    return photo, mask


def cup() -> Pair:
    """A cup with its saucer and spoon on a table, but without the shadow that they throw."""
    photo = data.coffee()
    mask = np.zeros(photo.shape[:2], np.uint8)
    cv2.ellipse(mask, (278, 208), (218, 194), 20, 0, 360, (255,), -1)
    return photo, polygon(mask, (392, 58), (432, 58), (432, 110), (392, 120))


def polygon(mask: NDArray[np.uint8], *corners: tuple[int, int]) -> NDArray[np.uint8]:
    """The mask with a polygon more."""
    cv2.fillPoly(mask, [np.array(corners, np.int32)], (255,))
    return mask


if __name__ == "__main__":
    main()
