"""What a partial convolution costs beside a plain one, and what the weights' errors are on thin and on thick lines.

The cost: beside a plain convolution and a transcription with full-channel masks, as ratios of medians, the contestants
taking turns in one process; forward and backward. The errors: of the composed test pictures of CIFAR-10, under lines of
1 to 2 px as they are trained on, of 1 px, and of 2 px, which OpenCV draws as 3 to 5. Writes results/partial_conv.json;
what is left out (`--rounds 0`, `--pictures 0`) stays as it was.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.engine.evaluation import Evaluation, evaluate
from inpainter.methods import load
from inpainter.nn.partial_conv import PartialConv2d

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "partial_conv.json"
DATA = Path(os.environ.get("INPAINTER_DATA", ROOT.parent / "shared" / "data"))
LINES = ("lines", "lines:thickness=1", "lines:thickness=2")
BATCH, SIDE, COVER = 8, 32, 0.15


class Transcription(nn.Conv2d):
    """The equation as most write it down: a second convolution, of ones, over a mask as deep as the features."""

    def forward(self, input: Tensor, valid: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        mask = valid.to(input.dtype).expand_as(input)
        ones = torch.ones_like(self.weight)
        with torch.no_grad():
            total = functional.conv2d(mask, ones, None, self.stride, self.padding)
            ratio = ones[0].numel() / (total + 1e-8) * total.clamp(0, 1)
        return functional.conv2d(input * mask, self.weight, None, self.stride, self.padding) * ratio


def seconds(step: Callable[[], Tensor]) -> float:
    """Of one forward and backward pass."""
    start = time.perf_counter()
    step().sum().backward()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(channels: int, rounds: int, device: str) -> dict[str, float]:
    """Medians in milliseconds, and ratios to the plain convolution."""
    torch.manual_seed(0)
    x = torch.randn(BATCH, channels, SIDE, SIDE, device=device).requires_grad_()
    valid = torch.rand(BATCH, 1, SIDE, SIDE, device=device) > COVER
    plain = nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(device)
    partial = PartialConv2d(channels, channels, 3, padding=1, bias=False).to(device)
    transcription = Transcription(channels, channels, 3, padding=1, bias=False).to(device)
    steps: dict[str, Callable[[], Tensor]] = {
        "plain": lambda: plain(x),
        "partial": lambda: partial(x, valid)[0],
        "transcription": lambda: transcription(x, valid),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 3):
        for name, step in steps.items():
            taken = seconds(step)
            if turn >= 3:
                times[name].append(taken)
    # Shared machines are slow at times, never fast: the quartile below is what the code costs.
    typical = {name: statistics.quantiles(taken, n=4)[0] for name, taken in times.items()}
    return {
        **{f"{name}_ms": round(1000 * value, 3) for name, value in typical.items()},
        "partial_over_plain": round(typical["partial"] / typical["plain"], 3),
        "transcription_over_partial": round(typical["transcription"] / typical["partial"], 3),
    }


def measure_lines(weights: list[str], pictures: int) -> dict[str, dict[str, dict[str, float]]]:
    """By weights and kind of line: the share of a picture that is missing, and the mean squared errors."""
    metrics = ("mse_hole", "mse_whole_composed", "mse_whole_raw")
    results = evaluate(
        Evaluation(methods=weights, data=str(DATA / "cifar10" / "test.parquet"), masks=LINES, limit=pictures,
                   metrics=metrics, bare=True), load,
    )  # fmt: skip
    return {
        result.method: {
            kind: {"cover": round(found["cover"]["mean"], 4)}
            | {name: round(found["metrics"][name]["mean"], 6) for name in metrics}
            for kind, found in result.kinds.items()
        }
        for result in results
    }


def main() -> None:
    """Measure and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="0 leaves the costs out")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--weights", nargs="*", default=sorted(str(p) for p in ROOT.glob("weights/partial-conv-*")))
    parser.add_argument("--pictures", type=int, default=10_000, help="0 leaves the errors out")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    if options.rounds:
        result |= {
            "what": f"forward + backward, 3×3, {BATCH}×channels×{SIDE}×{SIDE}, float32, {COVER:.0%} missing",
            "device": options.device,
            "threads": options.threads,
            "torch": torch.__version__,
            "channels": {str(n): measure(n, options.rounds, options.device) for n in (64, 128, 256, 512)},
        }
    if options.pictures:
        if not DATA.is_dir():
            sys.exit(f"{DATA}: there are no pictures to measure on; set INPAINTER_DATA to the data folder")
        measured = measure_lines(options.weights, options.pictures)
        result["lines"] = {"what": "CIFAR-10 test pictures, bare networks", "pictures": options.pictures, **measured}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
