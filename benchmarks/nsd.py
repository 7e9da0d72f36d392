"""NSD's speed: its O(n) form beside the pair form it stands for, and encoding in batches beside one at a time.

Ratios within one run, the contestants taking turns in one process, on the CPU. The network is drawn, not trained, and
the pictures are noise: neither changes the time. One at a time is measured on fewer encodes, per encode. Writes
results/nsd.json.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from inpainter.engine.checkpoint import trainable
from inpainter.masks import KINDS
from inpainter.metrics.nsd import BATCH, Encode, RunningNSD, nsd
from measure import median, write

ROUNDS = 10
"""Turns of batched and single encoding."""
GOALS = {"codes": 20, "encodes": 3}


def one_pass(pictures: Tensor) -> float:
    """Raw NSD of the codes `(k, n, D)` of pictures as the package takes it, the standardised with it."""
    running = RunningNSD()
    for codes in pictures:
        running.update(codes)
    return running.result().raw


def by_pairs(pictures: Tensor) -> float:
    """The definition, (1/n²) Σ Σ ‖E_i − E_l‖² / (2·D), n distances at a time."""
    return statistics.mean(_pairs(codes.double()) for codes in pictures)


def _pairs(codes: Tensor) -> float:
    whole = sum(float((codes - one).square().sum()) for one in codes)
    return whole / len(codes) ** 2 / 2 / codes.shape[1]


def by_product(pictures: Tensor) -> float:
    """The same pairs by one matrix product, ‖a‖² + ‖b‖² − 2ab, which cancels where codes are alike."""
    return statistics.mean(_product(codes) for codes in pictures)


def _product(codes: Tensor) -> float:
    codes = codes.double()
    products = codes @ codes.T
    norms = products.diagonal()
    whole = float((norms[:, None] + norms - 2 * products).sum())
    return whole / len(codes) ** 2 / 2 / codes.shape[1]


def seconds(work: Callable[[], object]) -> float:
    """Of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_codes(masks: int, dimensions: int, rounds: int) -> dict[str, float]:
    """Milliseconds of each form a picture, of ten, and ratios to the one in use; they must agree."""
    torch.manual_seed(0)
    codes = torch.randn(10, masks, dimensions) + 3
    forms = {"one_pass": one_pass, "pairs": by_pairs, "product": by_product}
    times: dict[str, list[float]] = {name: [] for name in forms}
    for turn in range(rounds + 2):
        for name, form in forms.items():
            start = time.perf_counter()
            answer = form(codes)
            if turn >= 2:
                times[name].append(1000 * (time.perf_counter() - start) / len(codes))
            if abs(answer / one_pass(codes) - 1) > 1e-9:
                raise RuntimeError(f"{name} answers {answer}, not {one_pass(codes)}")
    middle = {name: median(values) for name, values in times.items()}
    return {
        "masks": masks,
        "dimensions": dimensions,
        **{f"{name}_milliseconds": value for name, value in middle.items()},
        "ratio_pairs": round(statistics.median(times["pairs"]) / statistics.median(times["one_pass"]), 1),
        "ratio_product": round(statistics.median(times["product"]) / statistics.median(times["one_pass"]), 1),
    }


def measure_encodes(encode: Encode, size: int, images: int, masks: int, batch: int, single: int) -> dict[str, float]:
    """Milliseconds an encode of the whole NSD in batches and one at a time, `single` encodes of the latter.

    Beside them the same batches in bfloat16, and by how much that changes the numbers: reported, not what is used.
    """
    torch.manual_seed(0)
    drawn = torch.stack([torch.from_numpy(KINDS["blocks"](seed=seed)(size, size)) for seed in range(masks)])[:, None]
    pictures = torch.rand(max(images // ROUNDS, 1), 3, size, size)
    few, some = max(min(single // ROUNDS, masks), 2), pictures[:2]

    def halved(image: Tensor, mask: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return encode(image, mask).float()

    for form, warm in ((encode, batch), (encode, 1), (halved, batch)):
        nsd(form, pictures[:1], drawn[: max(warm, 2)], batch=warm)
    batched, alone, half = [], [], []
    for _ in range(ROUNDS):
        batched.append(seconds(lambda: nsd(encode, pictures, drawn, batch=batch)))
        alone.append(seconds(lambda: nsd(encode, pictures[:1], drawn[:few], batch=1)))
        half.append(seconds(lambda: nsd(halved, some, drawn, batch=batch)))
    counts = (len(pictures) * masks, few, len(some) * masks)
    each, each_alone, each_half = (
        1000 * statistics.median(values) / count for values, count in zip((batched, alone, half), counts, strict=True)
    )
    exact, rounded = (nsd(form, some, drawn, batch=batch) for form in (encode, halved))
    return {
        "size": size,
        "images": len(pictures) * ROUNDS,
        "masks": masks,
        "batch": batch,
        "batched_seconds": round(sum(batched), 1),
        "one_at_a_time_encodes_measured": few * ROUNDS,
        "batched_milliseconds_an_encode": round(each, 3),
        "one_at_a_time_milliseconds_an_encode": round(each_alone, 3),
        "bfloat16_batched_milliseconds_an_encode": round(each_half, 3),
        "ratio": round(each_alone / each, 2),
        "ratio_bfloat16": round(each_alone / each_half, 2),
        "bfloat16_changes_raw_by": round(abs(rounded.raw / exact.raw - 1), 5),
        "bfloat16_changes_standardised_by": round(abs(rounded.standardised / exact.standardised - 1), 5),
    }


def main() -> None:
    """Measure and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="context-encoder:128-blocks", help="METHOD:PRESET, a network that encodes")
    parser.add_argument("--images", type=int, default=250)
    parser.add_argument("--masks", type=int, default=100)
    parser.add_argument("--dimensions", type=int, default=4000, help="of the codes that the forms are compared on")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--single", type=int, default=500, help="encodes to measure one at a time")
    parser.add_argument("--rounds", type=int, default=30, help="of the forms")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    method, _, preset = options.network.partition(":")
    found = trainable(method)
    recipe = found.presets[preset]
    ready: Any = found.make(found.network(recipe), found.card, found.settings(), "cpu")
    result = {
        "what": "NSD on the CPU: a picture's codes by each form; the whole of it in batches and one at a time",
        "threads": options.threads,
        "network": options.network,
        "goals": GOALS,
        "codes": measure_codes(options.masks, options.dimensions, options.rounds),
        "encodes": measure_encodes(
            ready.network.encode, recipe.size, options.images, options.masks, options.batch, options.single
        ),
    }
    write("nsd", result, ("torch", "numpy"))


if __name__ == "__main__":
    main()
