"""The default fill beside what people install today: 40 photos, strokes of 10 %, blobs of 15 %, the middle quarter.

The others (PyPatchMatch, patchmatch-cython, OpenCV's FSR and Telea) run in an environment of their own, which is made
unless its Python is given: `python benchmarks/exemplar.py [--peers PYTHON]`. Writes results/exemplar.json: LPIPS of the
whole picture, PSNR and SSIM in the hole, boundary error, gradient energy ratio, seconds in process. Masks are drawn
until their cover is within 2 %, from seed = number of the photo. About ten minutes on two cores.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

import measure
from inpainter.core import Mask
from inpainter.engine.removal import fill_images
from inpainter.masks import mask_kind
from inpainter.methods import load
from inpainter.metrics.perceptual import load_lpips, lpips_distance
from inpainter.metrics.pixel import psnr
from inpainter.metrics.structure import boundary_gradient_error, gradient_energy_ratio, ssim

KINDS = {"strokes 10 %": ("strokes", 0.1), "blobs 15 %": ("blob", 0.15), "centre 25 %": ("centre", 0.25)}
OURS = {"fast": "auto:quality=fast", "balanced": "auto", "best": "auto:quality=best"}
PEERS = """
import sys, time, json
import cv2, numpy as np, patchmatch, patchmatch_cython

def fsr(image, mask):
    filled = np.zeros_like(image)
    cv2.xphoto.inpaint(image, np.where(mask, 0, 255).astype(np.uint8), filled, cv2.xphoto.INPAINT_FSR_FAST)
    return filled

fills = {
    "pypatchmatch": lambda image, mask: patchmatch.inpaint(image, mask.astype(np.uint8) * 255, patch_size=5),
    "patchmatch-cython": lambda image, mask: patchmatch_cython.inpaint_pyramid(image, mask, seed=0),
    "fsr": fsr,
    "telea": lambda image, mask: cv2.inpaint(image, mask.astype(np.uint8), 3, cv2.INPAINT_TELEA),
}
folder, times = sys.argv[1], {}
for name in json.load(open(folder + "/names.json")):
    image, mask = np.load(f"{folder}/{name}-image.npy"), np.load(f"{folder}/{name}-mask.npy")
    times[name] = {}
    for peer, fill in fills.items():
        # OpenCV's FSR takes the picture for blue, green, red.
        picture = np.ascontiguousarray(image[..., ::-1] if peer == "fsr" else image)
        start = time.perf_counter()
        filled = np.asarray(fill(picture, mask))
        times[name][peer] = time.perf_counter() - start
        np.save(f"{folder}/{name}-{peer}.npy", filled[..., ::-1] if peer == "fsr" else filled)
json.dump(times, open(folder + "/times.json", "w"))
"""


def photos(count: int) -> list[NDArray[np.uint8]]:
    """The first photos of the validation set, whole."""
    rows = pq.read_table(measure.DATA / "photos" / "val.parquet", columns=["image"]).slice(0, count).to_pylist()
    encoded = [np.frombuffer(row["image"]["bytes"], np.uint8) for row in rows]
    decoded = [np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8) for data in encoded]
    return [np.ascontiguousarray(picture[..., ::-1]) for picture in decoded]


def mask_of(kind: str, number: int, shape: tuple[int, ...]) -> Mask:
    """The first mask, from seed = number on in steps of 1000, whose cover is within 2 % of what is asked."""
    name, cover = KINDS[kind]
    for seed in range(number, 1_000_000, 1000):
        mask = mask_kind(name)(seed=seed)(shape[0], shape[1])
        if abs(float(mask.mean()) - cover) <= 0.02:
            return mask
    raise SystemExit(f"{kind}: no seed draws a mask of this cover")


def environment() -> str:
    """Install the others into an environment of their own; returns its Python."""
    folder = tempfile.mkdtemp(prefix="peers-")
    subprocess.check_call([sys.executable, "-m", "venv", folder])
    python = f"{folder}/bin/python"
    packages = ("pypatchmatch==2.2.0", "patchmatch-cython==0.2.1", "opencv-contrib-python-headless", "numpy")
    subprocess.check_call([python, "-m", "pip", "install", "--quiet", *packages])
    return python


def main() -> None:
    """Measure, and write results/exemplar.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="the Python of an environment with the others and OpenCV's contributed modules")
    parser.add_argument("--limit", type=int, default=40)
    options = parser.parse_args()
    peers = options.peers or environment()
    lpips = load_lpips(measure.DATA.parent / "weights" / "lpips_squeeze.safetensors")
    ours = {name: load(method) for name, method in OURS.items()}
    result = {}
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as place:
            folder, cases = Path(place), {}
            for number, truth in enumerate(photos(options.limit)):
                mask = mask_of(kind, number, truth.shape)
                cases[str(number)] = truth, mask
                np.save(folder / f"{number}-image.npy", np.where(mask[..., None], 0, truth).astype(np.uint8))
                np.save(folder / f"{number}-mask.npy", mask)
            (folder / "names.json").write_text(json.dumps(list(cases)))
            subprocess.run([peers, "-c", PEERS, str(folder)], check=True)
            times = json.loads((folder / "times.json").read_text())
            rows: dict[str, list[tuple[float, ...]]] = {}
            for name, (truth, mask) in cases.items():
                fills = {peer: np.load(folder / f"{name}-{peer}.npy") for peer in times[name]}
                blanked = np.where(mask[..., None], 0, truth).astype(np.uint8)
                for method, inpainter in ours.items():
                    start = time.perf_counter()
                    (fills[method],) = fill_images(inpainter, [blanked], [mask])
                    times[name][method] = time.perf_counter() - start
                right = truth.astype(np.float32) / np.float32(255)
                for method, fill in fills.items():
                    filled = np.where(mask[..., None], fill, truth).astype(np.float32) / np.float32(255)
                    rows.setdefault(method, []).append((
                        lpips_distance(lpips, right, filled), psnr(right, filled, mask), ssim(right, filled, mask),
                        boundary_gradient_error(right, filled, mask), gradient_energy_ratio(right, filled, mask),
                        times[name][method],
                    ))  # fmt: skip
        names = ("lpips", "psnr", "ssim", "boundary_gradient_error", "gradient_energy_ratio", "seconds")
        result[kind] = {
            method: {n: round(float(v), 4) for n, v in zip(names, np.nanmean(of, axis=0), strict=True)}
            for method, of in rows.items()
        }
        print(kind, json.dumps(result[kind], indent=1), flush=True)
    what = "means over photos; lpips of the whole picture, psnr and ssim in the hole, seconds in process"
    measure.write("exemplar", {"what": what, "photos": options.limit, "kinds": result},
                  ("numpy", "opencv-contrib-python-headless"))  # fmt: skip


if __name__ == "__main__":
    main()
