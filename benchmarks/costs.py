"""What the default fill costs: seconds against the size of the hole and of the photo, whole processes, memory.

Writes results/costs.json and draws docs/pictures/costs.svg of it (`draw` draws alone); the photo is one of large/,
cut or scaled. About five minutes on two cores.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import measure
from inpainter.core import Mask
from inpainter.engine.plots import panel, paper
from inpainter.engine.removal import fill_images
from inpainter.methods import load

PHOTO = measure.DATA / "large" / "stones_Oppo-R7-Plus.jpg"
FIGURE = Path(__file__).parents[1] / "docs" / "pictures" / "costs.svg"
QUALITIES = ("fast", "balanced", "best")
COLOURS = {"fast": "#56b4e9", "balanced": "#0072b2", "best": "#000000"}
SIDE = 512
SHARES = (1, 2, 5, 10, 20, 30, 40, 50)
"""Of the 512×512 photo that are missing, %: squares in the middle."""
MEGAPIXELS = (0.25, 1, 3, 6, 12, 24)
HOLES = {"5 % of the photo": 0.05, "128×128 px": 128 * 128}
"""Of photos of those sizes: a share, or pixels that stay as many."""
ASKED = 1.6
"""Seconds that a whole process may take for a 512×512 photo."""
TIMES = 5


def square(height: int, width: int, pixels: float) -> Mask:
    """A square of so many pixels in the middle."""
    side = round(pixels**0.5)
    top, left = (height - side) // 2, (width - side) // 2
    mask = np.zeros((height, width), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def disc(diameter: int) -> Mask:
    """A disc in the middle of the 512×512 photo."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, (SIDE // 2, SIDE // 2), diameter // 2, 1, -1)
    return mask > 0


def scaled(photo: NDArray[np.uint8], megapixels: float) -> NDArray[np.uint8]:
    """The photo at another size, with its own aspect."""
    factor = (megapixels * 1e6 / (photo.shape[0] * photo.shape[1])) ** 0.5
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(photo, None, fx=factor, fy=factor, interpolation=way), np.uint8)


def small(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle 512×512 of the photo at one megapixel."""
    photo = scaled(photo, 1)
    top, left = (photo.shape[0] - SIDE) // 2, (photo.shape[1] - SIDE) // 2
    return np.ascontiguousarray(photo[top : top + SIDE, left : left + SIDE])


def by_hole(photo: NDArray[np.uint8]) -> dict[str, dict[str, float]]:
    """Quality → share of the 512×512 photo that is missing → seconds in process."""
    inpainters = {quality: load("auto", quality=quality) for quality in QUALITIES}
    seconds: dict[str, dict[str, float]] = {quality: {} for quality in QUALITIES}
    for share in SHARES:
        mask = square(SIDE, SIDE, SIDE**2 * share / 100)
        runs: dict[str, list[float]] = {quality: [] for quality in QUALITIES}
        # In turn, so that what else the machine does meets them alike.
        for _ in range(TIMES):
            for quality, inpainter in inpainters.items():
                start = time.perf_counter()
                fill_images(inpainter, [photo], [mask])
                runs[quality].append(time.perf_counter() - start)
        for quality, values in runs.items():
            seconds[quality][f"{share} %"] = measure.median(values, 2)
        print(share, runs, flush=True)
    return seconds


def command(folder: str, name: str, photo: NDArray[np.uint8], mask: Mask, quality: str) -> list[str]:
    """What fills the photo, which is written first."""
    paths = [f"{folder}/{name}.jpg", f"{folder}/{name}-mask.png"]
    cv2.imwrite(paths[0], photo, [cv2.IMWRITE_JPEG_QUALITY, 95])
    cv2.imwrite(paths[1], mask.astype(np.uint8) * 255)
    script = str(Path(sys.executable).with_name("inpainter"))
    return [script, "fill", *paths, "-o", f"{folder}/filled.jpg", "--overwrite", "--quality", quality]


def by_photo(photo: NDArray[np.uint8]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Hole → quality → megapixels → seconds and megabytes of a whole process."""
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {hole: {q: {} for q in QUALITIES} for hole in HOLES}
    with tempfile.TemporaryDirectory() as folder:
        for megapixels in MEGAPIXELS:
            picture = scaled(photo, megapixels)
            height, width = picture.shape[:2]
            masks = {
                hole: square(height, width, size * height * width if size < 1 else size) for hole, size in HOLES.items()
            }
            costs = weighed(folder, picture, masks, times=2)
            for hole in HOLES:
                for quality in QUALITIES:
                    found[hole][quality][f"{megapixels:g}"] = costs[hole][quality]
                    print(hole, quality, megapixels, costs[hole][quality], flush=True)
    return found


def weighed(
    folder: str, photo: NDArray[np.uint8], masks: dict[str, Mask], times: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Hole → quality → seconds and megabytes of a whole process, from the file to the file: medians."""
    commands = {
        (hole, quality): command(folder, str(number), photo, mask, quality)
        for number, (hole, mask) in enumerate(masks.items()) for quality in QUALITIES
    }  # fmt: skip
    found: dict[str, dict[str, dict[str, float]]] = {hole: {} for hole in masks}
    for (hole, quality), runs in measure.alternate(commands, times).items():
        found[hole][quality] = {
            "seconds": measure.median([run.seconds for run in runs], 2),
            "megabytes": measure.median([run.megabytes for run in runs], 0),
        }
    return found


def cold(photo: NDArray[np.uint8]) -> dict[str, Any]:
    """What is asked of a whole process on a 512×512 photo, and what it takes."""
    holes = {"disc of 90 px": disc(90), "centre 25 %": square(SIDE, SIDE, SIDE**2 / 4)}
    with tempfile.TemporaryDirectory() as folder:
        return {"asked_seconds": ASKED, "holes": weighed(folder, photo, holes, TIMES)}


def drawn(result: dict[str, Any]) -> str:
    """Seconds against the hole, and seconds and memory against the photo, as SVG."""
    hole = [(quality, COLOURS[quality], "", [(float(share.split()[0]), value) for share, value in found.items()])
            for quality, found in result["hole"].items()]  # fmt: skip
    panels = [panel(0, "512×512 photo, in process", "hole, % of the photo", "s", hole)]
    for number, (title, what, unit) in enumerate(
        (("whole process", "seconds", "s"), ("most memory", "megabytes", "MB"))
    ):
        lines = [
            (where if quality == "balanced" else "", COLOURS[quality], dashes,
             [(float(megapixels), of[what]) for megapixels, of in found.items()])
            for (where, of_quality), dashes in zip(result["photo"].items(), ("", "5 3"), strict=True)
            for quality, found in of_quality.items()
        ]  # fmt: skip
        panels.append(panel(number + 1, title, "photo, megapixels", unit, lines))
    return paper(panels, "What the default fill costs: seconds against the hole, seconds and memory against the photo")


def main() -> None:
    """Measure, write results/costs.json, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}: what is measured again (all); draw, nothing")
    chosen = parser.parse_args().parts or list(PARTS)
    path = measure.RESULTS / "costs.json"
    if chosen != ["draw"]:
        photo = cv2.imread(str(PHOTO))
        if photo is None:
            raise SystemExit(f"{PHOTO}: no such photo; set INPAINTER_DATA")
        photo = np.asarray(photo, np.uint8)
        kept = json.loads(path.read_text()) if path.exists() else {}
        result = {part: take(photo) if part in chosen else kept[part] for part, take in PARTS.items()}
        measure.write("costs", result, ("numpy", "opencv-contrib-python-headless", "pyvips"))
    FIGURE.parent.mkdir(exist_ok=True)
    FIGURE.write_text(drawn(json.loads(path.read_text())))


PARTS = {
    "cold": lambda photo: cold(small(photo)),
    "hole": lambda photo: by_hole(small(photo)),
    "photo": by_photo,
}

if __name__ == "__main__":
    main()
