"""How long each method takes for a hole of 600×600 pixels in a photo, and how much memory; a process each."""

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

import measure
from inpainter.methods import METHODS, installed

PHOTO = measure.DATA / "large" / "leaf-on-snow_Nikon-D3100.jpg"


def main() -> None:
    """Measure, and write results/large_hole.json."""
    script = str(Path(sys.executable).with_name("inpainter"))
    methods = {}
    with tempfile.TemporaryDirectory() as folder:
        photo, mask = f"{folder}/photo.png", f"{folder}/mask.png"
        picture = cv2.imread(str(PHOTO))
        if picture is None:
            raise SystemExit(f"{PHOTO}: no such photo; set INPAINTER_DATA")
        cv2.imwrite(photo, picture[800:2400, 1400:3000])
        hole = np.zeros((1600, 1600), np.uint8)
        hole[500:1100, 500:1100] = 255
        cv2.imwrite(mask, hole)
        for name in METHODS:
            if not installed(name):
                continue
            run = measure.run([script, "fill", photo, mask, "-o", f"{folder}/{name}.png", "-m", name])
            methods[name] = {"seconds": round(run.seconds, 2), "megabytes": round(run.megabytes)}
    measure.write("large_hole", {"methods": methods}, ("opencv-contrib-python-headless", "scikit-image"))


if __name__ == "__main__":
    main()
