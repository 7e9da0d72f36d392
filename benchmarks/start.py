"""How soon a fill is done: import, help, 12 megapixels against a bare OpenCV script; how large the install is."""

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

import measure

ROOT = Path(__file__).parents[1]
PHOTO = measure.DATA / "large" / "leaf-on-snow_Nikon-D3100.jpg"
BARE = """
import cv2, sys
photo, mask = cv2.imread(sys.argv[1]), cv2.imread(sys.argv[2], cv2.IMREAD_GRAYSCALE)
cv2.imwrite(sys.argv[3], cv2.inpaint(photo, mask, 3, cv2.INPAINT_TELEA))
"""
IMPORT = "import time; start = time.perf_counter(); import inpainter; print(time.perf_counter() - start)"
TIMES = 9


def main() -> None:
    """Measure, and write results/start.json."""
    python = sys.executable
    script = str(Path(python).with_name("inpainter"))
    imports = [float(subprocess.check_output([python, "-c", IMPORT])) for _ in range(TIMES)]
    helps = measure.alternate({"help": [script, "--help"]}, TIMES)["help"]
    result = {
        "import_seconds": measure.median(imports),
        "help_seconds": measure.median([run.seconds for run in helps]),
        "install": install_size(),
        "twelve_megapixels": twelve_megapixels(python, script),
    }
    measure.write("start", result, ("inpainter", "opencv-contrib-python-headless", "pyvips", "jpeglib"))


def twelve_megapixels(python: str, script: str) -> dict[str, float]:
    """Time `inpainter fill --method telea`, whole process, against OpenCV alone on the same file and mask."""
    with tempfile.TemporaryDirectory() as folder:
        photo, mask = f"{folder}/photo.jpg", f"{folder}/mask.png"
        picture = cv2.imread(str(PHOTO))
        if picture is None:
            raise SystemExit(f"{PHOTO}: no such photo; set INPAINTER_DATA")
        cv2.imwrite(photo, cv2.resize(picture, (4000, 3000), interpolation=cv2.INTER_AREA))
        hole = np.zeros((3000, 4000), np.uint8)
        hole[1200:1800, 1700:2300] = 255
        cv2.imwrite(mask, hole)
        commands = {
            "ours": [script, "fill", photo, mask, "-o", f"{folder}/ours.jpg", "-m", "telea", "--overwrite"],
            "bare": [python, "-c", BARE, photo, mask, f"{folder}/bare.jpg"],
        }
        runs = measure.alternate(commands, TIMES)
    seconds = {name: measure.median([run.seconds for run in of]) for name, of in runs.items()}
    return {
        "seconds": seconds["ours"],
        "bare_opencv_seconds": seconds["bare"],
        "ratio": round(seconds["ours"] / seconds["bare"], 2),
        "megabytes": measure.median([run.megabytes for run in runs["ours"]], 0),
        "bare_opencv_megabytes": measure.median([run.megabytes for run in runs["bare"]], 0),
    }


def install_size() -> dict[str, object]:
    """Install the base package into an empty environment, weigh it, and look for torch."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.check_call([sys.executable, "-m", "venv", folder])
        pip = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", ROOT]
        subprocess.check_call(pip)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink())
        torch = any(Path(folder).rglob("site-packages/torch"))
    return {"megabytes": round(size / 1e6), "torch": torch}


if __name__ == "__main__":
    main()
