"""Latent search beside context encoders and others: `python benchmarks/latent_search.py {grid,speed,figures} …`.

grid SET …: three sets × five kinds of mask. Writes results/evaluation/SET/METHOD.json and figures; what is there
already is not measured again, so that it goes on where it was stopped. It wants the runs of trainings.py:
`SET-encoder-HOLE` for every hole and `SET-encoder-all`. Then run `python benchmarks/results_page.py`.

speed: the plain search of 3,000 steps beside quicker ones, on the same pictures: results/latent_search.json.

epochs: samples of the document's generators as their trainings go on, of the runs' sample sheets.

figures: samples, steps from face to face in the latent space, and the losses of a search, as pictures under
docs/pictures/.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from inpainter.apps.report import write_figures
from inpainter.core import Image, Inpainter, Work
from inpainter.data.sources import decode, read_pictures
from inpainter.engine.evaluation import Evaluation, Result, evaluate
from inpainter.engine.plots import panel, paper
from inpainter.masks import mask_kind
from inpainter.methods import load
from inpainter.methods.latent_search import LatentSearch, LatentSearchSettings, importance
from inpainter.nn.network import NetworkInpainter
from inpainter.nn.poisson import poisson_blend
from measure import DATA
from measure import write as write_result
from measure_cifar import RESULTS, ROOT, into_card
from trainings import HOLES

WEIGHTS, PICTURES = ROOT / "weights", ROOT / "docs" / "pictures"
LPIPS = DATA.parent / "weights" / "lpips_squeeze.safetensors"
METRICS = ("psnr_hole", "ssim_hole", "boundary_gradient_error", "gradient_energy_ratio", "lpips_whole_composed")
SETS = {
    "celeba": ("faces-64", "celeba/celeba-64.parquet", 8400, 100),
    "dtd": ("textures-64", "dtd/dtd-64.parquet", 1000, 64),
    "pets": ("pets-64", "pets/pets-64.parquet", 1750, 64),
}
"""Name → its folder of results, file, first row of the test split, and pictures measured."""
BESIDE = ("mean", "telea", "biharmonic", "auto")
PLAIN = LatentSearchSettings(steps=3000, rate=0.01, schedule="constant", samples=1)
"""The document's search: small steps of Adam from one random z."""
SEARCHES = {
    "plain": PLAIN,
    "fast": LatentSearchSettings(steps=750),
    "fast, best of 2": LatentSearchSettings(steps=600, restarts=2),
    "default": LatentSearchSettings(),
}
"""Fast has the steps it takes to come to the plain one's loss; the default stops before, where fills are better."""


def grid(name: str, runs: Path) -> None:
    """Measure everything on one set."""
    folder, file, first, limit = SETS[name]
    weights = str(WEIGHTS / f"latent-search-{name}")

    def measure(kinds: list[str], method: str, loading: Callable[[str], Inpainter] = load) -> Result:
        return evaluate(
            Evaluation(methods=(method,), data=str(DATA / file), first=first, limit=limit, masks=kinds,
                       metrics=METRICS, lpips_weights=str(LPIPS) if LPIPS.exists() else None), loading,
        )[0]  # fmt: skip

    every = list(HOLES.values())
    makers: dict[str, Callable[[], Result]] = {
        "latent-search": lambda: measure(every, weights),
        "latent-search-best-of-4": lambda: measure(every, weights, lambda path: load(path, restarts=4)),
        # The document's width: for its epochs, and for 20,000 steps.
        "latent-search-paper": lambda: measure(every, str(runs / f"{name}-paper-0" / "weights")),
        "latent-search-paper-long": lambda: measure(every, str(runs / f"{name}-paper-long-0" / "weights")),
        # Ours, four times as long and more.
        "latent-search-long": lambda: measure(every, str(runs / f"{name}-long-0" / "weights")),
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
        if label == "latent-search":
            into_card(Path(weights), {f"{folder} {kind}": result for kind in every[1:2]}, every[1])
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
    """The searches in a batch and picture by picture: time, final loss, and how far the fill is from the truth."""
    network = _network("celeba")
    # Of the training's pictures, those held out: the test split is for the tables alone.
    image = _faces(8200, count)
    mask = torch.from_numpy(mask_kind("centre:side=20")()(64, 64))[None, None].expand(count, 1, -1, -1)
    found: dict[str, dict[str, Any]] = {}
    for batch, of in (("batch", count), ("alone", alone)):
        parts = [slice(0, of)] if batch == "batch" else [slice(i, i + 1) for i in range(of)]
        losses: dict[str, NDArray[np.float32]] = {}
        seconds: dict[str, float] = {}
        for label, settings in SEARCHES.items():
            network.settings = settings
            start = time.perf_counter()
            z = torch.cat([network.search(image[p] * 2 - 1, mask[p], _works(p))[0] for p in parts])
            seconds[label] = time.perf_counter() - start
            losses[label], psnr, overlaid = _measured(network, z, image[:of], mask[:of])
            found[f"{label}, {batch}"] = {
                "pictures": of,
                "steps": settings.steps,
                "seconds_a_picture": round(seconds[label] / of, 3),
                "time_of_plain": round(seconds[label] / seconds["plain"], 3),
                "loss": round(float(losses[label].mean()), 4),
                "loss_at_most_plain": float(np.mean(losses[label] <= losses["plain"])),
                "loss_within_a_hundredth": float(np.mean(losses[label] <= 1.01 * losses["plain"])),
                "psnr_hole": round(psnr, 2),
                "psnr_hole_overlay": round(overlaid, 2),
            }
            print(label, batch, found[f"{label}, {batch}"], flush=True)
    write_result("latent_search", {"hole": "centre:side=20", "speed": found}, ("torch",))


def _works(part: slice) -> list[Work]:
    return [Work(seed) for seed in range(part.start, part.stop)]


def _measured(
    network: LatentSearch, z: torch.Tensor, image: torch.Tensor, mask: torch.Tensor
) -> tuple[NDArray[np.float32], float, float]:
    """The losses in float32, and the mean PSNR of the holes, blended and overlaid."""
    with torch.no_grad():
        losses = torch.add(*network.losses(z, image * 2 - 1, importance(mask, 7, "mean"))).numpy()
        generated = (network.generator(z) + 1) / 2
    fills = (poisson_blend(image, generated, mask).clamp(0, 1), generated)
    errors = [(fill - image).square()[mask.expand_as(image)].view(len(image), -1).mean(1) for fill in fills]
    blended, overlaid = ((-10 * error.log10()).mean().item() for error in errors)
    return losses, blended, overlaid


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
    (PICTURES / "latent-search-loss.svg").write_text(_loss_curve())


def epochs(runs: Path) -> None:
    """What the same random numbers make as the document's trainings go on: the sheets' first row, top to bottom."""
    for name in SETS:
        for run in (f"{name}-paper", f"{name}-paper-long"):
            sheets = sorted((runs / f"{run}-0" / "samples").glob("*.png"))
            pictures = [decode(sheet.read_bytes()) for sheet in sheets]
            rows = [picture[:64, 64:448] for picture in pictures if not isinstance(picture, str)]
            if rows:
                _save(f"latent-search-{run}-samples", np.concatenate(rows), quality=40)


def _loss_curve() -> str:
    """The mean loss of four held-out faces, step by step."""
    network = _network("celeba")
    image = _faces(8200, 4)
    mask = torch.from_numpy(mask_kind("centre:side=20")()(64, 64))[None, None].expand(4, 1, -1, -1)
    lines = []
    for label, colour in (("plain", "#d55e00"), ("fast", "#0072b2"), ("default", "#009e73")):
        network.settings = SEARCHES[label]
        seen: list[float] = []
        slope = network._slope

        def watched(*given: Any, seen: list[float] = seen, slope: Any = slope, **more: Any) -> Any:
            loss, gradient = slope(*given, **more)
            seen.append(1000 * float(loss.mean()))
            return loss, gradient

        network._slope = watched  # pyright: ignore[reportAttributeAccessIssue]
        network.search(image * 2 - 1, mask, _works(slice(0, 4)))
        del network._slope
        shown = [step for step in (0, 10, 25, 50, 100, 200, 350, 500, 750, 1500, 3000) if step <= len(seen)]
        lines.append((label, colour, "", [(float(step), seen[max(step - 1, 0)]) for step in shown]))
    plots = [panel(0, "loss × 1000 of a search", "steps", "", lines)]
    close = [(label, colour, dashes, [p for p in points if p[0] <= 750]) for label, colour, dashes, points in lines]
    plots.append(panel(1, "its first 750 steps", "steps", "", close))
    return paper(plots, "The loss of a latent search, step by step")


def _sheet(pictures: list[Image], columns: int) -> NDArray[np.uint8]:
    rows = [np.concatenate(pictures[i : i + columns], axis=1) for i in range(0, len(pictures), columns)]
    return (np.concatenate(rows) * 255).round().clip(0, 255).astype(np.uint8)


def _save(name: str, sheet: NDArray[np.uint8], quality: int = 75) -> None:
    cv2.imwrite(str(PICTURES / f"{name}.jpg"), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("grid", "speed", "epochs", "figures"))
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
    elif options.what == "epochs":
        epochs(options.runs)
    else:
        figures()


if __name__ == "__main__":
    main()
