"""Every training behind docs/results.md, by its name: `python benchmarks/trainings.py NAME … [--out runs]`.

Each writes a run folder and goes on where it was stopped; one that starts from another's weights is to be named after
it. Without names it lists them. `--minutes N` stops each cleanly in that time, `--epochs N` ends it there, in a folder
of its own, `--steps N` ends it there, to go on later. The encoders of 64 px, SET-encoder-HOLE, were given 1000 steps.
"""

import argparse
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from inpainter.core.recipe import Recipe
from inpainter.engine.checkpoint import trainable
from inpainter.engine.training import Job, run

DATA = Path(os.environ.get("INPAINTER_DATA", Path(__file__).parents[2] / "shared" / "data"))
CIFAR = ",".join(f"{DATA}/cifar10/train-{part}.parquet" for part in "01")
FACES, TEXTURES, PETS = (
    f"{DATA}/{name}"
    for name in (
        # Their last rows are what is measured on.
        "celeba/celeba-64.parquet[:8400]",
        "dtd/dtd-64.parquet[:1000]",
        "pets/pets-64.parquet[:1750]",
    )
)
PHOTOS = ",".join(f"{DATA}/photos/train-{part}.parquet" for part in "abcd")

RESEARCH = "cvjena/labelmefacade"
FREE = ("texture", "content", "content-l2")
"""Trained without the photos that are for research alone."""

# Fewer epochs than the presets'. The networks of the documents, with 71 million weights, take a graphics processor;
# half as wide they do without, in an evening on two cores.
HALF = {"width": 32, "average": 0.999, "batch": 32}
NARROW = {**HALF, "bottleneck": "channelwise"}
CIFAR_HALF = {"width": 32, "latent": 384, "average": 0.999, "epochs": 4}

SEARCHED = {"celeba": FACES, "dtd": TEXTURES, "pets": PETS}
EPOCHS = {"celeba": 128, "dtd": 14, "pets": 26}
"""Steps of 64 pictures that an epoch has."""
LONG = {name: math.ceil(20_000 / steps) for name, steps in EPOCHS.items()}
"""Epochs of each set that make 20,000 steps."""
HOLES = {
    "10": "centre:side=10",
    "20": "centre:side=20",
    "30": "centre:side=30",
    "circle": "circle",
    "scatter": "scatter",
}
"""The masks that the latent search and context encoders are compared on, by a short name."""

Training = tuple[str, str, Mapping[str, object]]


def _cascade(masks: str, kind: str, layers: str = "", **changes: object) -> dict[str, Training]:
    """A cascade in both forms, its first network, and the context encoder to hold it against."""
    first = f"context-encoder-64-{masks}{kind}"
    return {
        first: ("context-encoder", f"{layers}64-{masks}", changes),
        f"context-encoder-128-{masks}{kind}": ("context-encoder", f"{layers}128-{masks}", changes),
        f"cascade-128-{masks}{kind}": ("cascade", f"{layers}128-{masks}", {**changes, "first": first}),
        f"cascade-residual-128-{masks}{kind}": ("cascade", f"residual-{masks}", {**changes, "first": first}),
    }


def _against_search() -> dict[str, Training]:
    """Context encoders of 64 px: for every set one for every mask, as the document retrains them, and one for all."""
    kinds = {**HOLES, "all": ",".join(HOLES.values())}
    # Holes of every kind: what is judged is the composed picture. Without flips: what was measured had none.
    changes = {"width": 32, "latent": 512, "shrink": 1, "average": 0.999, "batch": 32, "validation": 50,
               "flip": False, "judged": "composed"}  # fmt: skip
    return {
        f"{name}-encoder-{hole}": ("context-encoder", "64-centre", {**changes, "masks": masks})
        for name in SEARCHED for hole, masks in kinds.items()
    }  # fmt: skip


TRAININGS: dict[str, Training] = {
    "partial-conv-100": ("partial-conv", "cifar10-100-epochs", {}),
    "partial-conv": ("partial-conv", "cifar10-equal", {}),
    "partial-conv-cifar10": ("partial-conv", "cifar10", {}),
    "partial-conv-study": ("partial-conv", "study", {}),
    "blind-autoencoder": ("blind-autoencoder", "cifar10-paper", {}),
    "joint": ("context-encoder", "joint", CIFAR_HALF),
    "l2-only": ("context-encoder", "l2-only", CIFAR_HALF),
    "l2-only-joint-step": ("context-encoder", "l2-only", {**CIFAR_HALF, "learning_rate": 2e-3}),
    "adv-only": ("context-encoder", "adv-only", CIFAR_HALF),
    **_cascade("blocks", "", epochs=20),
    **_cascade("centre", "", epochs=20),
    **_cascade("blocks", "-channelwise", "channelwise-", bottleneck="channelwise", epochs=20),
    **_cascade("centre", "-channelwise", "channelwise-", bottleneck="channelwise", epochs=20),
    **_cascade("blocks", "-half", **HALF, epochs=7),
    **_cascade("blocks", "-narrow", **NARROW, epochs=20),
    **_cascade("centre", "-narrow", **NARROW, epochs=5),
    **{name: ("latent-search", name, {}) for name in SEARCHED},
    **{f"{name}-paper": ("latent-search", f"{name}-paper", {}) for name in SEARCHED},
    # 20,000 steps, of which the document's larger sets have 47,500 in its 15 epochs.
    **{f"{name}-paper-long": ("latent-search", f"{name}-paper", {"epochs": epochs}) for name, epochs in LONG.items()},
    **{f"{name}-long": ("latent-search", name, {"epochs": epochs}) for name, epochs in LONG.items()},
    **_against_search(),
    "content": ("context-encoder", "content", {"epochs": 100}),
    "content-l2": ("context-encoder", "content-l2", {"epochs": 100}),
    "nsd-loss": ("context-encoder", "nsd-loss", {**NARROW, "epochs": 7}),
    "texture": ("patch-synthesis", "texture", {}),
}
"""Name → method, preset, and what is changed in the recipe; `first` names the training to start from."""


def job(name: str, out: Path, seed: int, minutes: float | None, epochs: int | None, steps: int | None = None) -> Job:
    """What a name of the table, with a seed and perhaps fewer epochs or steps, stands for."""
    method, preset, changes = TRAININGS[name]
    end = f"-{seed}" if epochs is None else f"-{epochs}-epochs-{seed}"
    if "first" in changes:
        changes = {**changes, "first": str(out / f"{changes['first']}{end}" / "weights")}
    if epochs is not None:
        changes = {**changes, "epochs": epochs}
    recipe: Recipe = replace(trainable(method).presets[preset], **changes)  # pyright: ignore[reportArgumentType]
    data = SEARCHED.get(name.split("-")[0]) or (CIFAR if recipe.size == 32 else PHOTOS)
    # What the package fills with by itself is trained without the pictures that are for research alone.
    without = RESEARCH if name in FREE else ""
    steps_of_epoch = EPOCHS.get(name.split("-")[0], 0)
    return Job(
        method=method, preset=preset, recipe=recipe, data=data, out=out / f"{name}{end}", seed=seed, minutes=minutes,
        steps=steps, resume=True, without=without,
        # Of the document's generators a sheet of every epoch: are they collapsing?
        sample_every=steps_of_epoch if name.endswith("-paper") else 2000,
        # Of short epochs not every one: a look takes as long as many steps.
        validate_every=max(1, 200 // steps_of_epoch) if steps_of_epoch else 1,
    )  # fmt: skip


def main() -> None:
    """Train what is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*TRAININGS, []], help=", ".join(TRAININGS))
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--steps", type=int)
    options = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"{DATA}: there are no pictures to train on; set INPAINTER_DATA to the data folder")
    for name in options.names:
        run(job(name, options.out, options.seed, options.minutes, options.epochs, options.steps), sys.stdout)
    if not options.names:
        print("\n".join(TRAININGS))


if __name__ == "__main__":
    main()
