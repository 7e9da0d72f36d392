"""Strokes that tests paint on pictures, as an image editor paints and saves them."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from inpainter.data.sources import read_pictures


def photographs(data: Path, count: int) -> list[np.ndarray]:
    """Photographs of the shared data, `(H, W, 3)` uint8."""
    return list(read_pictures(str(data / "photos" / "val.parquet"), limit=count).pictures)


def stroke(height: int, width: int, seed: int, thinnest: int = 6) -> np.ndarray:
    """How much of each pixel three antialiased strokes cover."""
    rng = np.random.default_rng(seed)
    large = np.zeros((4 * height, 4 * width), np.uint8)
    for _ in range(3):
        points = (rng.random((4, 1, 2)) * [4 * width, 4 * height]).astype(np.int32)
        cv2.polylines(large, [points], False, 255, 4 * int(rng.integers(thinnest, 30)))
    return cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA) / 255


def painted_over(photo: np.ndarray, cover: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The photo with a colour laid over it."""
    return np.rint(photo * (1 - cover[..., None]) + np.array(colour) * cover[..., None]).astype(np.uint8)


def saved(samples: np.ndarray, path: Path, quality: int = 75) -> Path:
    """A file as most programs save it: a JPEG with its colours at half resolution."""
    options = {"quality": quality, "subsampling": 2} if path.suffix == ".jpg" else {}
    Image.fromarray(samples).save(path, **options)
    return path


def near(mask: np.ndarray, radius: int) -> np.ndarray:
    """What lies within so many pixels of a mask."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * radius + 1,) * 2, np.uint8)) > 0
