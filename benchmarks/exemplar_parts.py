"""What each part of the default fill brings: it is filled without the part, on 20 photos and the masks of exemplar.py.

The shipped code has no switches for its parts; here they are taken out from outside. Writes
results/exemplar_parts.json: LPIPS, PSNR, gradient energy ratio, and seconds of processor, which what else the machine
does hardly touches. About ten minutes on two cores.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

import measure
from exemplar import KINDS, mask_of, photos
from inpainter.engine.removal import fill_images
from inpainter.methods import exemplar as fill
from inpainter.methods import load, patches
from inpainter.metrics.perceptual import load_lpips, lpips_distance
from inpainter.metrics.pixel import psnr
from inpainter.metrics.structure import gradient_energy_ratio

FIRST, LAST = 20, 40
"""Photos of the validation set, the first and the one after the last; the very first ones were tuned on."""


def constants(module: Any, **values: object) -> Callable[[], AbstractContextManager[object]]:
    """Give constants of a module other values."""
    return lambda: patch.dict(vars(module), values)


def effort(**values: Any) -> Callable[[], AbstractContextManager[object]]:
    """Change what `balanced` does."""
    return lambda: patch.dict(fill._EFFORTS, balanced=replace(fill._EFFORTS["balanced"], **values))


@contextmanager
def bare_rim() -> Iterator[None]:
    """Leave the outermost pixels as the patches have them; the smooth fill keeps its own frequencies."""
    joined = fill.joined

    def without(*given: Any) -> Any:
        with patch.object(fill, "_by_frequencies", lambda filled, *_: filled):
            return joined(*given)

    with patch.object(fill, "joined", without):
        yield


def blurred_end() -> AbstractContextManager[object]:
    """End with the mean of what all patches say."""
    return patch.object(patches.Level, "copy", lambda level, estimate, found, distance: estimate)


def other_seed() -> AbstractContextManager[object]:
    """Draw other random numbers: what differs by no more than this is no difference."""
    draw = np.random.default_rng
    return patch.object(np.random, "default_rng", lambda seed: draw(seed + 1))


PARTS: dict[str, tuple[str, Callable[[], AbstractContextManager[object]]]] = {
    "as it is": ("balanced", nullcontext),
    "as it is, another seed": ("balanced", other_seed),
    "no shades of the smooth fill": ("balanced", constants(fill, SHARE=0)),
    "no frequencies at the rim": ("balanced", bare_rim),
    "no copying at the end: the mean of votes": ("balanced", blurred_end),
    "one first guess, Navier–Stokes": ("balanced", effort(starts=("smooth",))),
    "one first guess, peeled": ("balanced", effort(starts=("copy",))),
    "no rounds at full size": ("balanced", effort(full=0)),
    "no search among all sources": ("balanced", constants(patches, EXACT=0)),
    "no texture in descriptions": ("balanced", constants(patches, TEXTURE=0)),
    "colours count as luma does": ("balanced", constants(patches, CHROMA=1)),
    "no coherence": ("balanced", constants(patches, COHERENCE=0)),
    "sources as dark or light as they are": ("balanced", constants(patches, BIAS=0)),
    "no pyramid": ("balanced", constants(fill, COARSEST=10**9)),
    "`fast`": ("fast", nullcontext),
    "`best`": ("best", nullcontext),
}
"""What is left out → the quality, and how it is left out."""


def main() -> None:
    """Measure, and write results/exemplar_parts.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--last", type=int, default=LAST, help="the number after the last photo's")
    parser.add_argument(
        "parts", nargs="*", help="what is left out, as in the table: only these are measured again (all)"
    )
    options = parser.parse_args()
    last, path = options.last, measure.RESULTS / "exemplar_parts.json"
    kept = json.loads(path.read_text())["kinds"] if options.parts else {}
    lpips = load_lpips(measure.DATA.parent / "weights" / "lpips_squeeze.safetensors")
    pictures = photos(last)[FIRST:]
    names, result = ("lpips", "psnr", "gradient_energy_ratio", "processor_seconds"), {}
    for kind in KINDS:
        masks = [mask_of(kind, number, truth.shape) for number, truth in enumerate(pictures, FIRST)]
        result[kind] = {}
        for part, (quality, left_out) in PARTS.items():
            if options.parts and part not in options.parts:
                result[kind][part] = kept[kind][part]
                continue
            rows = []
            with left_out():
                inpainter = load("exemplar", quality=quality)
                for truth, mask in zip(pictures, masks, strict=True):
                    start = time.process_time()
                    (filled,) = fill_images(inpainter, [np.where(mask[..., None], 0, truth).astype(np.uint8)], [mask])
                    seconds = time.process_time() - start
                    right, made = (picture.astype(np.float32) / np.float32(255) for picture in (truth, filled))
                    rows.append((lpips_distance(lpips, right, made), psnr(right, made, mask),
                                 gradient_energy_ratio(right, made, mask), seconds))  # fmt: skip
            means = np.nanmean(rows, axis=0)
            result[kind][part] = {name: round(float(v), 4) for name, v in zip(names, means, strict=True)}
            print(kind, part, json.dumps(result[kind][part]), flush=True)
    what = "means over photos; lpips of the whole picture, psnr and gradient energy ratio in the hole"
    measure.write("exemplar_parts", {"what": what, "photos": [FIRST, last], "kinds": result},
                  ("numpy", "opencv-contrib-python-headless"))  # fmt: skip


if __name__ == "__main__":
    main()
