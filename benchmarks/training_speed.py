"""Pictures a second of the training loop, beside a plain loop of the same networks; memory of the training.

The plain loop is what one writes first: a data set that decodes each picture when it is asked for and draws its mask,
a DataLoader, float32, NCHW, Adam as it comes, every player in its turn. Both take turns in one process, on CIFAR-10 and
for 128 px on photos. Writes results/training_speed.json; measures of cases that are not asked for stay as they were.
Run: `python benchmarks/training_speed.py [CASE …] [--steps 60] [--threads 1]`.
"""

import argparse
import io
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image as PillowImage
from torch.utils.data import DataLoader, Dataset

from inpainter.core.recipe import Recipe
from inpainter.engine.checkpoint import trainable
from inpainter.engine.run_folder import RunFolder
from inpainter.engine.training import Job, train
from inpainter.masks import mask_kind
from inpainter.nn.objective import Batch

RESULT = Path(__file__).parent / "results" / "training_speed.json"
INTERVAL = 10
"""Steps between two readings of the clock."""


CASES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "blind-autoencoder": ("blind-autoencoder", "cifar10-paper", "cifar10/test.parquet", {}),
    "partial-conv": ("partial-conv", "cifar10-100-epochs", "cifar10/test.parquet", {}),
    "context-encoder, bottleneck 512": ("context-encoder", "128-blocks", "photos/train-a.parquet", {"latent": 512}),
    "context-encoder, bottleneck 4000": ("context-encoder", "128-blocks", "photos/train-a.parquet", {}),
}
"""Name → method, preset, pictures, and what is changed in the recipe."""


class PlainData(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Pictures decoded, and masks drawn, one by one."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        table = pq.read_table(path, columns=["image"])
        self.encoded = [row["bytes"] for row in table["image"].to_pylist()]
        self.size, self.kind = recipe.size, mask_kind(recipe.masks)

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        picture = np.asarray(PillowImage.open(io.BytesIO(self.encoded[index])).convert("RGB"))
        picture = picture[: self.size, : self.size]
        image = torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255
        return image, torch.from_numpy(self.kind(seed=index)(self.size, self.size))[None]


def plain_loop(method: str, recipe: Recipe, data: PlainData, steps: int) -> list[float]:
    """Pictures a second in every interval."""
    torch.manual_seed(0)
    objective = trainable(method).objective(recipe)
    optimisers = {
        player: torch.optim.Adam(module.parameters(), **{"lr": recipe.learning_rate, **objective.adam(player)})
        for player, module in objective.players.items()
    }
    speeds, start = [], time.perf_counter()
    for step, (image, mask) in enumerate(DataLoader(data, recipe.batch, shuffle=True, drop_last=True), 1):
        batch = Batch(image, mask)
        for player, optimiser in optimisers.items():
            loss = torch.stack(list(objective(player, batch).values())).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if step % INTERVAL == 0:
            now = time.perf_counter()
            speeds.append(INTERVAL * recipe.batch / (now - start))
            start = now
        if step == steps:
            break
    return speeds


def our_loop(method: str, recipe: Recipe, source: Path, steps: int, folder: Path) -> list[float]:
    """Pictures a second in every interval, from the run's log."""
    train(Job(method=method, recipe=replace(recipe, validation=100), data=str(source), out=folder, steps=steps,
              log_every=INTERVAL, device="cpu", quiet=True))  # fmt: skip
    return [entry["images_per_second"] for entry in RunFolder(folder).read_log() if "losses" in entry]


def measured(case: str, data: Path, steps: int, rounds: int) -> dict[str, float]:
    """Both loops' pictures a second, and their ratio."""
    method, preset, file, changes = CASES[case]
    recipe = replace(trainable(method).presets[preset], **changes)
    plain_data = PlainData(data / file, recipe)
    # Pictures of 32 px pass sixteen times as fast.
    steps = steps if recipe.size == 32 else max(2 * INTERVAL, steps // 2)
    plain: list[float] = []
    ours: list[float] = []
    for turn in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            # The first interval of each holds what is done once.
            plain += plain_loop(method, recipe, plain_data, steps)[1:]
            ours += our_loop(method, recipe, data / file, steps, Path(folder) / str(turn))[1:]
    # Shared machines are slow at times, never fast: the quartile above is what the code can do.
    speeds = [statistics.quantiles(values, n=4)[2] for values in (plain, ours)]
    return {
        "plain_images_per_second": round(speeds[0], 1),
        "images_per_second": round(speeds[1], 1),
        "ratio": round(speeds[1] / speeds[0], 2),
    }


def main() -> None:
    """Measure and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = Path(os.environ.get("INPAINTER_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not data.is_dir():
        sys.exit(f"{data}: there are no pictures to measure on; set INPAINTER_DATA to the data folder")
    result = {
        "what": "training on the CPU; ratio to a plain float32 NCHW loop",
        "threads": options.threads,
        "torch": torch.__version__,
        "methods": json.loads(RESULT.read_text())["methods"] if RESULT.exists() else {},
    }
    for case in options.cases:
        found = measured(case, data, options.steps, options.rounds)
        result["methods"][case] = {**found, "peak_memory_megabytes": round(memory())}
        print(case, result["methods"][case], flush=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


def memory() -> float:
    """The most that this process has held so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
