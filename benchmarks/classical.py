"""Which method of the base install fills which hole best: the table that `auto` is held to.

Fills holes of seven kinds in the photos of the validation set and writes `results/classical.json`: for every kind of
hole and method LPIPS of the whole picture, PSNR and SSIM in the hole (means over the photos), how much of the truth's
gradient the fill has, and seconds. Run: `python benchmarks/classical.py [--limit 40]`; it needs the extra `[torch]` and
LPIPS's weights beside the data.
"""

import argparse
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from inpainter.core import Image, Mask
from inpainter.engine.removal import fill_images
from inpainter.methods import load
from inpainter.metrics.perceptual import load_lpips, lpips_distance
from inpainter.metrics.pixel import psnr

SIDE = 256
DATA = Path(os.environ.get("INPAINTER_DATA", Path(__file__).parents[2] / "shared" / "data"))
METHODS = ("auto", "telea", "navier-stokes", "fsr", "biharmonic")
RESULT = Path(__file__).parent / "results" / "classical.json"
LIBRARIES = ("numpy", "opencv-contrib-python-headless", "scikit-image", "scipy")


def photos(limit: int) -> Iterator[Image]:
    """The middle 256×256 of the first photos of the validation set."""
    source = DATA / "photos" / "val.parquet"
    if not source.is_file():
        sys.exit(f"{source}: there are no photos to measure on; set INPAINTER_DATA to the data folder")
    try:
        from pyarrow import parquet  # pyright: ignore[reportMissingImports]
    except ImportError:
        sys.exit("reading the photos needs pyarrow: pip install pyarrow")
    table = parquet.read_table(source, columns=["image"])
    for row in table.slice(0, limit).to_pylist():
        photo = pyvips.Image.new_from_buffer(row["image"]["bytes"], "").colourspace("srgb")  # pyright: ignore
        pixels = photo.smartcrop(SIDE, SIDE, interesting="centre").numpy()[..., :3]
        yield (pixels / 255).astype(np.float32)


def lines(lowest: int, highest: int, count: int) -> Callable[[np.random.Generator], Mask]:
    """Broken lines of this width in pixels."""

    def draw(rng: np.random.Generator) -> Mask:
        mask = np.zeros((SIDE, SIDE), np.uint8)
        for _ in range(count):
            points = rng.integers(16, SIDE - 16, (3, 1, 2)).astype(np.int32)
            cv2.polylines(mask, [points], False, 1, int(rng.integers(lowest, highest + 1)))
        return mask > 0

    return draw


def text(rng: np.random.Generator) -> Mask:
    """A line of lettering."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    place = (int(rng.integers(4, 20)), int(rng.integers(40, SIDE - 20)))
    cv2.putText(mask, "Summer 1974", place, cv2.FONT_HERSHEY_SIMPLEX, 1.1, 1, 3)
    return mask > 0


def blob(width: int) -> Callable[[np.random.Generator], Mask]:
    """An ellipse this wide, and a quarter longer, anywhere in the picture."""

    def draw(rng: np.random.Generator) -> Mask:
        reach = int(width * 0.625) + 2
        centre = rng.integers(reach, SIDE - reach, 2)
        axes = (reach - 2, width // 2)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.ellipse(mask, centre.tolist(), axes, int(rng.integers(180)), 0, 360, 1, -1)
        return mask > 0

    return draw


def square(rng: np.random.Generator) -> Mask:
    """The square of half the side in the middle."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[SIDE // 4 : SIDE * 3 // 4, SIDE // 4 : SIDE * 3 // 4] = True
    return mask


HOLES: dict[str, Callable[[np.random.Generator], Mask]] = {
    "scratch, 2-4 px": lines(2, 4, 2),
    "text, 3 px": text,
    "stroke, 8-16 px": lines(8, 16, 1),
    "blob, 32 px": blob(32),
    "blob, 64 px": blob(64),
    "blob, 128 px": blob(128),
    "square, 128 px": square,
}


def ssim(truth: Image, filled: Image, mask: Mask) -> float:
    """The mean over the hole of the SSIM map of the grey pictures (Wang et al. 2004, 11×11 Gaussian of 1.5 px)."""

    def mean(samples: NDArray[np.float64]) -> NDArray[np.float64]:
        return cv2.GaussianBlur(samples, (11, 11), 1.5).astype(np.float64)

    x, y = (picture.astype(np.float64).mean(axis=2) for picture in (truth, filled))
    mean_x, mean_y = mean(x), mean(y)
    variance_x, variance_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float(similarity[mask].mean())


def thickness(mask: Mask) -> float:
    """The width of the widest place of a mask in pixels: twice the way from its deepest pixel to the nearest known."""
    return 2 * float(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max())


def gradient(picture: Image, mask: Mask) -> float:
    """The mean length of the grey picture's gradient in the hole."""
    rows, columns = np.gradient(picture.mean(axis=2))
    return float(np.hypot(rows, columns)[mask].mean())


def measure(limit: int) -> dict[str, object]:
    """Every kind of hole by every method on every photo."""
    truths = list(photos(limit))
    fill = {name: load(name) for name in METHODS}
    lpips = load_lpips(DATA.parent / "weights" / "lpips_squeeze.safetensors")
    kinds: dict[str, object] = {}
    for number, (kind, draw) in enumerate(HOLES.items()):
        masks = [draw(np.random.default_rng([number, index])) for index in range(len(truths))]
        scores: dict[str, dict[str, float]] = {}
        for name, inpainter in fill.items():
            rows = []
            for truth, mask in zip(truths, masks, strict=True):
                start = time.perf_counter()
                (filled,) = fill_images(inpainter, [truth], [mask])
                seconds = time.perf_counter() - start
                share = gradient(filled, mask) / max(gradient(truth, mask), 1e-6)
                near = lpips_distance(lpips, truth, filled)
                rows.append((near, psnr(truth, filled, mask), ssim(truth, filled, mask), share, seconds))
            means = np.mean(rows, axis=0)
            scores[name] = {
                "lpips": round(float(means[0]), 4),
                "psnr": round(float(means[1]), 2),
                "ssim": round(float(means[2]), 3),
                "gradient": round(float(np.median([row[3] for row in rows])), 2),
                "seconds": round(float(means[4]), 3),
            }
            print(f"{kind:18}{name:15}{scores[name]}", flush=True)
        kinds[kind] = {
            "thickness": round(float(np.median([thickness(mask) for mask in masks])), 1),
            "pixels": round(float(np.mean([mask.sum() for mask in masks]))),
            "methods": scores,
        }
    return {
        "what": "means over the photos; lpips: whole picture; else in the hole; gradient: median share of the truth's",
        "photos": f"{len(truths)} of the validation set, middle {SIDE}×{SIDE}",
        "machine": "2 cores x86-64",
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "holes": kinds,
    }


def main() -> None:
    """Measure and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=40, help="how many photos (default 40)")
    result = measure(parser.parse_args().limit)
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {RESULT}")


if __name__ == "__main__":
    main()
