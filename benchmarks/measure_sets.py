"""Methods side by side on the sets of docs/results.md: `python benchmarks/measure_sets.py SET WEIGHTS …`.

WEIGHTS are folders that trainings wrote (see trainings.py); other methods are measured beside them. Writes
benchmarks/results/evaluation/SET/METHOD-fill.json (the fills that users get; with --bare METHOD.json, of the bare
networks) and figures, and the numbers into the cards of weights that ship; then run
`python benchmarks/results_page.py`.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import torch

from inpainter.apps.figures import extremes, png
from inpainter.apps.report import write_figures
from inpainter.engine.evaluation import NSD, Evaluation, evaluate
from inpainter.methods import load
from measure_cifar import RESULTS, ROOT, into_card, write

DATA = Path(os.environ.get("INPAINTER_DATA", ROOT.parent / "shared" / "data"))
BESIDE = ("mean", "telea", "biharmonic", str(ROOT / "weights" / "partial-conv-cifar10-equal"))
METRICS = ("psnr_hole", "ssim_hole", "mse_hole", "boundary_gradient_error", "gradient_energy_ratio",
           "lpips_whole_composed")  # fmt: skip

PHOTOS = {"data": "photos/val.parquet", "size": 128}
BLOCKS = {**PHOTOS, "masks": ("blocks",), "metrics": (*METRICS, NSD)}
SETS: dict[str, dict[str, Any]] = {
    "photos-128-blocks": {"methods": BESIDE, **BLOCKS},
    "photos-128-blocks-4000": {"methods": (), **BLOCKS},
    "photos-128-centre-4000": {"methods": (), **PHOTOS, "masks": ("centre",), "metrics": METRICS},
    "photos-128-blocks-equal": {"methods": (), **BLOCKS},
    "photos-128-centre-equal": {"methods": (), **PHOTOS, "masks": ("centre",), "metrics": METRICS},
    "photos-128-blocks-nsd-loss": {"methods": (), **BLOCKS},
    "photos-128-centre": {"methods": BESIDE, **PHOTOS, "masks": ("centre",), "metrics": METRICS},
    "photos-blob": {
        "methods": ("mean", "telea", "navier-stokes", str(ROOT / "weights" / "partial-conv-cifar10-equal")),
        "data": "photos/val.parquet", "masks": ("blob",), "metrics": METRICS,
    },
    "cifar10-losses": {
        "methods": BESIDE, "data": "cifar10/test.parquet", "masks": ("centre",), "limit": 500, "metrics": METRICS,
    },
}  # fmt: skip
"""Name → what is measured on what. photos/val has 120 pictures, so NSD takes 120 where the paper has 250."""


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=SETS, nargs="?")
    parser.add_argument("weights", nargs="*")
    parser.add_argument("--bare", action="store_true", help="the whole picture at once, and NSD")
    options = parser.parse_args()
    if options.set is None:
        print("\n".join(SETS))
        return
    if not DATA.is_dir():
        sys.exit(f"{DATA}: there are no pictures to measure on; set INPAINTER_DATA to the data folder")
    chosen = SETS[options.set]
    # NSD is of the encoder, whichever way a fill is made.
    metrics = tuple(name for name in chosen["metrics"] if options.bare or name != NSD)
    lpips = DATA.parent / "weights" / "lpips_squeeze.safetensors"
    torch.set_num_threads(1)
    results = evaluate(
        Evaluation(
            **{**chosen, "methods": (*chosen["methods"], *options.weights), "data": str(DATA / chosen["data"]),
               "metrics": metrics},
            bare=options.bare, lpips_weights=str(lpips) if lpips.exists() else None,
        ), load,
    )  # fmt: skip
    write(options.set, results)
    (kind,) = chosen["masks"]
    if options.bare:
        write_figures(results, RESULTS / options.set)
        # The best and the worst of the trained ones alone: of all of them the file would be too large to keep.
        if (figure := extremes(results[len(chosen["methods"]) :], kind)) is not None:
            (RESULTS / options.set / f"extremes-{kind}.png").write_bytes(png(figure))
    way = "" if options.bare else " filled,"
    for result, weights in zip(results[len(chosen["methods"]) :], options.weights, strict=True):
        if Path(weights).resolve().parent == ROOT / "weights":
            into_card(Path(weights), {f"{chosen['data']}, {kind},{way}": result}, kind)


if __name__ == "__main__":
    main()
