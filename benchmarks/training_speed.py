"""Pictures a second of the training loop, beside a plain loop of the same network; memory of the training.

The plain loop is what one writes first: a data set that decodes each picture when it is asked for and draws its mask,
a DataLoader, float32, NCHW, Adam as it comes. Both take turns in one process, on CIFAR-10. Writes
results/training_speed.json. Run: `python benchmarks/training_speed.py [--steps 60] [--threads 1]`.
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

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image as PillowImage
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from inpainter.engine.checkpoint import trainable, trainable_methods
from inpainter.engine.run_folder import RunFolder
from inpainter.engine.training import Job, train
from inpainter.masks import Lines

RESULT = Path(__file__).parent / "results" / "training_speed.json"
INTERVAL = 10
"""Steps between two readings of the clock."""


class PlainData(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Pictures decoded, and masks drawn, one by one."""

    def __init__(self, path: Path) -> None:
        table = pq.read_table(path, columns=["image"])
        self.encoded = [row["bytes"] for row in table["image"].to_pylist()]

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        picture = np.asarray(PillowImage.open(io.BytesIO(self.encoded[index])).convert("RGB"))
        image = torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255
        return image, torch.from_numpy(Lines(seed=index)(32, 32))[None]


def plain_loop(method: str, data: Dataset[tuple[torch.Tensor, torch.Tensor]], steps: int) -> list[float]:
    """Pictures a second in every interval."""
    module = trainable(method)
    recipe = next(iter(module.PRESETS.values()))
    torch.manual_seed(0)
    objective = module.make_objective(recipe)
    optimiser = torch.optim.Adam(objective.parameters(), lr=recipe.learning_rate)
    speeds, start = [], time.perf_counter()
    for step, (image, mask) in enumerate(DataLoader(data, recipe.batch, shuffle=True), 1):
        loss = functional.mse_loss(objective.network.raw(image, mask), image)
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


def our_loop(method: str, source: Path, steps: int, folder: Path) -> list[float]:
    """Pictures a second in every interval, from the run's log."""
    recipe = replace(next(iter(trainable(method).PRESETS.values())), validation=100)
    train(Job(method=method, recipe=recipe, data=str(source), out=folder, steps=steps, log_every=INTERVAL,
              accelerator="cpu", quiet=True))  # fmt: skip
    return [entry["images_per_second"] for entry in RunFolder(folder).read_log() if "losses" in entry]


def main() -> None:
    """Measure and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = Path(os.environ.get("INPAINTER_DATA", Path(__file__).parents[2] / "shared" / "data"))
    source = data / "cifar10" / "test.parquet"
    if not source.is_file():
        sys.exit(f"{source}: there are no pictures to measure on; set INPAINTER_DATA to the data folder")
    plain_data = PlainData(source)
    methods = {}
    for method in trainable_methods():
        plain: list[float] = []
        ours: list[float] = []
        for turn in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                # The first interval of each holds what is done once.
                plain += plain_loop(method, plain_data, options.steps)[1:]
                ours += our_loop(method, source, options.steps, Path(folder) / str(turn))[1:]
        # Shared machines are slow at times, never fast: the quartile above is what the code can do.
        speeds = [statistics.quantiles(values, n=4)[2] for values in (plain, ours)]
        methods[method] = {
            "plain_images_per_second": round(speeds[0], 1),
            "images_per_second": round(speeds[1], 1),
            "ratio": round(speeds[1] / speeds[0], 2),
        }
        print(method, methods[method], flush=True)
    result = {
        "what": "training, CIFAR-10, batch of the preset, CPU; ratio to a plain float32 NCHW loop",
        "threads": options.threads,
        "torch": torch.__version__,
        "methods": methods,
        "peak_memory_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
