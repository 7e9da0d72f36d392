"""Latent search beside context encoders and others: `python benchmarks/latent_search.py {grid,speed,figures} …`.

grid SET …: three sets × five kinds of mask. Writes results/evaluation/SET/METHOD.json and figures; what is there
already is not measured again, so that it goes on where it was stopped. It wants the runs of trainings.py:
`SET-encoder-HOLE` for every hole and `SET-encoder-all`. Then run `python -m inpainter.apps.results`.

speed: the plain search of 3,000 steps beside the fast one, on the same pictures: results/latent_search.json.

figures: samples, steps from face to face in the latent space, and the losses of a search, as pictures under
docs/pictures/.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from inpainter.apps.report import write_figures
from inpainter.core import Image, Inpainter, Work
from inpainter.data.sources import read_pictures
from inpainter.engine.evaluation import Evaluation, Result, evaluate
from inpainter.masks import mask_kind
from inpainter.methods import load
from inpainter.methods.latent_search import LatentSearch, LatentSearchSettings, importance
from inpainter.nn.network import NetworkInpainter
from measure import DATA
from measure import write as write_result
from measure_cifar import RESULTS, ROOT
from trainings import HOLES

WEIGHTS = ROOT / "weights"
LPIPS = DATA.parent / "weights" / "lpips_squeeze.safetensors"
METRICS = ("psnr_hole", "ssim_hole", "boundary_gradient_error", "gradient_energy_ratio", "lpips_whole_composed")
SETS = {
    "celeba": ("faces-64", "celeba/celeba-64.parquet", 8400, 100),
    "dtd": ("textures-64", "dtd/dtd-64.parquet", 1000, 64),
    "pets": ("pets-64", "pets/pets-64.parquet", 1750, 64),
}
"""Name → its folder of results, file, first row of the test split, and pictures measured."""
BESIDE = ("mean", "telea", "biharmonic", "auto")
PLAIN = LatentSearchSettings(steps=3000, rate=0.01, patience=0, samples=1)
"""The document's search: Adam from one random z, all its steps."""


def grid(name: str, runs: Path) -> None:
    """Measure everything on one set."""
    folder, file, first, limit = SETS[name]
    weights = str(WEIGHTS / f"latent-search-{name}")

    def measure(kinds: list[str], method: str, loading: Callable[[str], Inpainter] = load) -> Result:
        return evaluate(
            Evaluation(methods=(method,), data=str(DATA / file), first=first, limit=limit, masks=kinds, bare=True,
                       metrics=METRICS, lpips_weights=str(LPIPS) if LPIPS.exists() else None), loading,
        )[0]  # fmt: skip

    every = list(HOLES.values())
    makers: dict[str, Callable[[], Result]] = {
        "latent-search": lambda: measure(every, weights),
        "latent-search-best-of-4": lambda: measure(every, weights, lambda path: load(path, restarts=4)),
        "latent-search-overlay": lambda: measure(every, weights, lambda path: load(path, blend="overlay")),
        "context-encoder-each": lambda: _joined(
            [measure([kind], str(runs / f"{name}-encoder-{hole}-0" / "weights")) for hole, kind in HOLES.items()]
        ),
        "context-encoder-all": lambda: measure(every, str(runs / f"{name}-encoder-all-0" / "weights")),
        **{method: lambda method=method: measure(every, method) for method in BESIDE},
    }
    results = []
    for label, make in makers.items():
        path = RESULTS / folder / f"{label}.json"
        if path.exists():
            continue
        result = make()
        result.method = label
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result.to_dict(), indent=1) + "\n")
        print(label, {kind: round(found["metrics"]["psnr_hole"]["mean"], 2) for kind, found in result.kinds.items()},
              flush=True)  # fmt: skip
        results.append(result)
    if len(results) == len(makers):
        write_figures(results, RESULTS / folder)


def _joined(results: list[Result]) -> Result:
    """One result of networks of which each has a kind of mask of its own."""
    whole = results[0]
    for other in results[1:]:
        whole.kinds |= other.kinds
        whole.shown |= other.shown
        whole.facts["mask_hashes"] |= other.facts["mask_hashes"]
    return whole


# -------------------------------------------------------------------------------------------------------------- speed


def speed(count: int, alone: int) -> None:
    """The plain and the fast search in a batch and picture by picture: time and final loss."""
    network = _network("celeba")
    image = _faces(8400, count)
    mask = torch.from_numpy(mask_kind("centre:side=20")()(64, 64))[None, None].expand(count, 1, -1, -1)
    fast = LatentSearchSettings()
    found: dict[str, dict[str, float]] = {}
    losses: dict[str, NDArray[np.float32]] = {}
    for label, settings in (("plain", PLAIN), ("fast", fast)):
        for batch, of in (("batch", count), ("alone", alone)):
            start = time.perf_counter()
            parts = [slice(0, of)] if batch == "batch" else [slice(i, i + 1) for i in range(of)]
            network.settings = settings
            z = torch.cat([network.search(image[p] * 2 - 1, mask[p], _works(p))[0] for p in parts])
            seconds = time.perf_counter() - start
            losses[f"{label} {batch}"] = _losses(network, z, image[:of], mask[:of])
            found[f"{label} {batch}"] = {"pictures": of, "seconds": round(seconds, 2)}
            print(label, batch, found[f"{label} {batch}"], losses[f"{label} {batch}"].mean(), flush=True)
    for batch in ("batch", "alone"):
        plain, quick = losses[f"plain {batch}"], losses[f"fast {batch}"]
        found[f"fast {batch}"] |= {
            "time_of_plain": round(found[f"fast {batch}"]["seconds"] / found[f"plain {batch}"]["seconds"], 4),
            "loss_no_higher": float(np.mean(quick <= plain)),
            "loss_within_a_hundredth": float(np.mean(quick <= plain + 0.01 * np.abs(plain))),
        }
        for label, values in (("plain", plain), ("fast", quick)):
            found[f"{label} {batch}"] |= {"loss": round(float(values.mean()), 5)}
    write_result("latent_search", {"hole": "centre:side=20", "speed": found}, ("torch",))


def _works(part: slice) -> list[Work]:
    return [Work(seed) for seed in range(part.start, part.stop)]


def _losses(network: LatentSearch, z: torch.Tensor, image: torch.Tensor, mask: torch.Tensor) -> NDArray[np.float32]:
    network.settings = LatentSearchSettings()
    with torch.no_grad():
        return torch.add(*network.losses(z, image * 2 - 1, importance(mask, 7, "mean"))).numpy()


def _network(name: str) -> LatentSearch:
    inpainter = load(WEIGHTS / f"latent-search-{name}")
    assert isinstance(inpainter, NetworkInpainter)
    assert isinstance(inpainter.network, LatentSearch)
    return inpainter.network


def _faces(first: int, count: int) -> torch.Tensor:
    pictures = read_pictures(f"{DATA}/celeba/celeba-64.parquet[{first}:{first + count}]").pictures
    return torch.from_numpy(np.stack(list(pictures))).permute(0, 3, 1, 2).float() / 255


# ------------------------------------------------------------------------------------------------------------ figures


def figures() -> None:
    """What the generators make, and how a search goes."""
    for name in SETS:
        network = _network(name)
        drawn = torch.Generator().manual_seed(0)
        z = torch.rand(40, network.latent, generator=drawn) * 2 - 1
        steps = torch.linspace(0, 1, 10)[:, None]
        lines = [z[i] * (1 - steps) + z[i + 1] * steps for i in range(4)]
        with torch.no_grad():
            pictures = [(network.generator(each) + 1) / 2 for each in (z, torch.cat(lines))]
        for what, made in zip(("samples", "interpolation"), pictures, strict=True):
            _save(f"latent-search-{name}-{what}", _sheet(list(made.permute(0, 2, 3, 1).numpy()), 10))
    _loss_curve()


def _loss_curve() -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    network = _network("celeba")
    image = _faces(8400, 8)
    mask = torch.from_numpy(mask_kind("centre:side=20")()(64, 64))[None, None].expand(8, 1, -1, -1)
    figure, axes = plt.subplots(figsize=(6, 3.2))
    for label, settings in (("plain, 3,000 steps", replace(PLAIN, steps=1500)), ("fast", LatentSearchSettings())):
        network.settings = settings
        seen: list[float] = []
        slope = network._slope

        def watched(z, target, weights, seen=seen, slope=slope):
            loss, gradient = slope(z, target, weights)
            seen.append(float(loss.mean()))
            return loss, gradient

        network._slope = watched  # pyright: ignore[reportAttributeAccessIssue]
        network.search(image * 2 - 1, mask, _works(slice(0, 8)))
        del network._slope
        axes.plot(seen, label=label)
    axes.set(xlabel="step", ylabel="loss, mean over those still searching", xscale="log")
    axes.legend()
    figure.tight_layout()
    figure.savefig(ROOT / "docs" / "pictures" / "latent-search-loss.svg", metadata={"Date": None})


def _sheet(pictures: list[Image], columns: int) -> NDArray[np.uint8]:
    rows = [np.concatenate(pictures[i : i + columns], axis=1) for i in range(0, len(pictures), columns)]
    return (np.concatenate(rows) * 255).round().clip(0, 255).astype(np.uint8)


def _save(name: str, sheet: NDArray[np.uint8]) -> None:
    path = ROOT / "docs" / "pictures" / f"{name}.jpg"
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("grid", "speed", "figures"))
    parser.add_argument("sets", nargs="*", choices=[*SETS, []])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--count", type=int, default=64, help="pictures in the batch whose speed is measured")
    parser.add_argument("--alone", type=int, default=8, help="pictures searched for one at a time")
    options = parser.parse_args()
    if options.what == "grid":
        for name in options.sets or SETS:
            grid(name, options.runs)
    elif options.what == "speed":
        speed(options.count, options.alone)
    else:
        figures()


if __name__ == "__main__":
    main()
