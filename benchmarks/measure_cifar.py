"""The tables of docs/results.md for CIFAR-10: errors on training, validation and test pictures, methods side by side.

Writes benchmarks/results/evaluation/SET/METHOD.json and the numbers into the cards of the weights. About ten minutes on
two cores. Run: `python benchmarks/measure_cifar.py`, then `python benchmarks/results_page.py`.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import torch

from inpainter.apps.report import write_figures
from inpainter.engine.card import model_card
from inpainter.engine.evaluation import NSD, Evaluation, Result, evaluate
from inpainter.methods import card, load
from inpainter.nn.facts import MODEL_CARD, RECIPE, read_facts
from inpainter.photos.files import write_whole

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "evaluation"
ERRORS = ("l1_hole", "mse_hole", "psnr_hole", "mse_whole_composed", "psnr_whole_composed", "mse_whole_raw")
# OpenCV draws a line of thickness 2 as 3 to 5 px, one of thickness 1 as one.
LINES = ("lines", "lines:thickness=1")
CLASSICAL = ("mean", "telea", "navier-stokes", "fsr", "biharmonic")


def write(folder: str, results: list[Result]) -> None:
    """One file a method, and one more for the fills that users get: METHOD-fill.json."""
    for result in results:
        through = "" if result.facts["through"] == "bare" else "-fill"
        path = RESULTS / folder / f"{result.method}{through}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result.to_dict(), indent=1) + "\n")


def into_card(weights: Path, measured: dict[str, Result], kind: str = "lines") -> None:
    """Write the means on the sets, under one kind of mask, into the weights' facts, and their card again."""
    numbers = {
        f"{split} {name}": found["mean"]
        for split, result in measured.items()
        for name, found in result.kinds[kind]["metrics"].items()
        if found["mean"] is not None
    }
    for split, result in measured.items():
        for form in ("standardised", "raw") if NSD in result.kinds[kind] else ():
            numbers[f"{split} nsd_{form}"] = result.kinds[kind][NSD][form]["mean"]
    numbers_into_card(weights, numbers)


def numbers_into_card(weights: Path, numbers: dict[str, float]) -> None:
    """Write what was measured, by name, into the weights' facts, and their card again."""
    facts = read_facts(weights)
    facts["measured"] = facts.get("measured", {}) | numbers
    write_whole(weights / RECIPE, (json.dumps(facts, indent=2) + "\n").encode())
    write_whole(weights / MODEL_CARD, model_card(card(facts["method"]), facts).encode())


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", nargs="*", default=sorted(str(p) for p in (ROOT / "weights").glob("*-cifar10-*")))
    parser.add_argument("--limit", type=int, default=10_000, help="of test pictures; 0 leaves them out")
    parser.add_argument("--others", type=int, default=5_000, help="of training and of validation pictures; 0 likewise")
    parser.add_argument(
        "--side-by-side",
        type=int,
        default=500,
        help="test pictures for all methods and kinds of mask; 0 leaves that out",
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = Path(os.environ.get("INPAINTER_DATA", ROOT.parent / "shared" / "data")) / "cifar10"
    if not data.is_dir():
        sys.exit(f"{data}: there are no pictures to measure on; set INPAINTER_DATA to the data folder")
    splits = {
        "train": (f"{data}/train-0.parquet", 0, options.others),
        # The last 5,000 rows, which no training sees.
        "validation": (f"{data}/train-1.parquet", 20_000, options.others),
        "test": (f"{data}/test.parquet", 0, options.limit),
    }
    found: dict[str, dict[str, Result]] = {weights: {} for weights in options.weights}
    for split, (source, first, limit) in splits.items():
        if not limit:
            continue
        results = evaluate(
            Evaluation(
                methods=options.weights, data=source, masks=LINES, first=first, limit=limit, metrics=ERRORS, bare=True
            ),
            load,
        )
        write(f"cifar10-{split}", results)
        for weights, result in zip(options.weights, results, strict=True):
            found[weights][split] = result
            for kind in LINES:
                print(split, kind, result.method, result.kinds[kind]["metrics"]["mse_whole_raw"], flush=True)
    for weights, measured in found.items():
        if measured:
            into_card(Path(weights), measured)
            into_card(Path(weights), {f"{split}, 1 px lines,": result for split, result in measured.items()}, LINES[1])
    if not options.side_by_side:
        return
    lpips = data.parents[1] / "weights" / "lpips_squeeze.safetensors"
    for bare in (True, False):
        results = evaluate(
            Evaluation(
                methods=(*CLASSICAL, *options.weights), data=f"{data}/test.parquet",
                masks=("lines", "blocks", "scatter"), limit=options.side_by_side, by_cover=True, bare=bare,
                lpips_weights=str(lpips) if lpips.exists() else None,
            ), load,
        )  # fmt: skip
        write("cifar10-side-by-side", results)
    write_figures(results, RESULTS / "cifar10-side-by-side")


if __name__ == "__main__":
    main()
