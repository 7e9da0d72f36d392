"""Neural patch synthesis, measured: `python benchmarks/patch_synthesis.py measure SET [LABEL …] [--pictures FOLDER]`.

SET is `photos-384` (36 photos of photos/val, their middle 384 px, a hole of 192 in the middle), `objects-384` (the same
with blobs of 4 to 10 %), `large-512` (30 disjoint crops of three photos at half their size, a hole of 256) or
`calibration` (every sixth of the 36). Each label's numbers go to results/patch_synthesis/SET/LABEL.json; what is there
is not measured again, so that it goes on where it was stopped. `labels SET` lists them. `--pictures` leaves the first
fills as JPEG, of which `figures FOLDER` makes docs/pictures/patch-synthesis-*.jpg. `speed` times a hole of 256 in
512 px, `removal FOLDER` fills the removal photos.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from inpainter.core import Image, Inpainter, Mask, Work
from inpainter.data.sources import decode, read_pictures
from inpainter.engine.plots import COLOURS, panel, paper
from inpainter.masks import mask_kind
from inpainter.methods import load
from inpainter.methods.patch_synthesis import CONTENT, PATCH_SYNTHESIS, PatchSynthesis, PatchSynthesisSettings
from inpainter.metrics.perceptual import load_lpips, lpips_distance
from inpainter.metrics.pixel import mean_absolute_error, mean_squared_error, psnr
from inpainter.metrics.structure import boundary_gradient_error, gradient_energy_ratio, ssim
from inpainter.nn.device import torch_device
from inpainter.nn.facts import trained_weights
from inpainter.nn.patch_texture import nearest_patches
from inpainter.nn.vgg import VGGFeatures, load_vgg
from measure import DATA
from measure_cifar import ROOT, numbers_into_card
from texture import VGG, ours, untrained

RESULTS, PICTURES = ROOT / "benchmarks" / "results" / "patch_synthesis", ROOT / "docs" / "pictures"
SHOWN = 8
"""Pictures of every label that are kept to look at."""
NAME = "patch-synthesis"
DOCUMENT = f"{NAME}:hole=box:pixels=optimised"
ALPHAS, BETAS = (0.0, 0.01, 0.1, 1.0, 10.0), (0.0, 0.1)
ITERATIONS = (5, 10, 40, 120)


@dataclass(frozen=True)
class Case:
    """A picture of float32 in [0, 1], and what of it is missing."""

    image: Image
    mask: Mask


def cases(name: str) -> list[Case]:
    """The pictures and masks of a set."""
    if name == "large-512":
        crops: list[Image] = []
        for path in sorted((DATA / "large").glob("*.jpg")):
            picture = decode(path.read_bytes())
            assert not isinstance(picture, str)
            half = np.asarray(
                cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA),
                np.uint8,
            )
            rows, columns = half.shape[0] // 512, half.shape[1] // 512
            crops += [_unit(half[512 * r : 512 * r + 512, 512 * c : 512 * c + 512])
                      for r in range(rows) for c in range(columns)]  # fmt: skip
        return [Case(crop, _centre(512)) for crop in crops]
    photos = [p for p in read_pictures(f"{DATA}/photos/val.parquet").pictures if min(p.shape[:2]) >= 384]
    crops = [_unit(_middle(photo, 384)) for photo in photos]
    if name == "objects-384":
        blobs = [mask_kind("blob:smallest=0.04:largest=0.1")(seed=i)(384, 384) for i in range(len(crops))]
        return [Case(*each) for each in zip(crops, blobs, strict=True)]
    chosen = crops[::6] if name == "calibration" else crops
    return [Case(crop, _centre(384)) for crop in chosen]


def _unit(picture: NDArray[np.uint8]) -> Image:
    return (picture / np.float32(255)).astype(np.float32)


def _middle(photo: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    y, x = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
    return photo[y : y + side, x : x + side]


def _centre(side: int) -> Mask:
    mask = np.zeros((side, side), dtype=np.bool_)
    mask[side // 4 : -side // 4, side // 4 : -side // 4] = True
    return mask


# ------------------------------------------------------------------------------------------------------------- labels

Maker = Callable[[], Inpainter]


def labels(name: str, runs: Path) -> dict[str, Maker]:
    """What is measured on a set, by a short name."""
    beside = {
        "content": lambda: load(trained_weights(CONTENT)),
        "patch-synthesis": lambda: load(NAME),
        "content-exemplar": lambda: load(NAME, content="exemplar"),
        "content-exemplar-one-scale": lambda: load(NAME, content="exemplar", scales=1),
        "exemplar": lambda: load("exemplar"),
        "telea": lambda: load("telea"),
        "partial-conv": lambda: load(ROOT / "weights" / "partial-conv-cifar10-equal"),
    }
    if name != "calibration":
        return beside
    return {
        **beside,
        "document": lambda: load(DOCUMENT, iterations=100, refresh=1),
        "content-cascade": lambda: load(NAME, content="cascade"),
        "texture-only": lambda: load(NAME, content="mean", texture_weight=1000.0),
        "content-l2": lambda: load(runs / "content-l2-0" / "weights"),
        "patch-synthesis-content-l2": lambda: load(NAME, content=str(runs / "content-l2-0" / "weights")),
        **{f"alpha={a}": lambda a=a: load(NAME, texture_weight=a) for a in ALPHAS},
        **{f"optimised-alpha={a}": lambda a=a: load(NAME, pixels="optimised", texture_weight=a) for a in ALPHAS},
        **{f"beta={b}": lambda b=b: load(NAME, variation=b) for b in BETAS},
        **{f"optimised-beta={b}": lambda b=b: load(NAME, pixels="optimised", variation=b) for b in BETAS},
        **{f"iterations={n}": lambda n=n: load(NAME, iterations=n) for n in ITERATIONS},
        **{f"refresh={n}": lambda n=n: load(NAME, refresh=n) for n in (1, 5, 20)},
        "adam": lambda: load(NAME, optimiser="adam"),
        "scales=1": lambda: load(NAME, scales=1),
        "scales=2": lambda: load(NAME, scales=2),
        # relu3_1 alone: ours, the real VGG's (normalised), ours untrained.
        "relu3_1": lambda: _with_features(_first_tap(ours(PATCH_SYNTHESIS.shipped_weights()))),
        "relu3_1-vgg": lambda: _with_features(load_vgg_relu3_1()),
        "relu3_1-untrained": lambda: _with_features(_first_tap(untrained())),
    }


def _with_features(network: VGGFeatures) -> Inpainter:
    device = torch_device("auto")
    return PatchSynthesis(
        network, load(trained_weights(CONTENT)), PatchSynthesisSettings(), PATCH_SYNTHESIS.card, device
    )


def _first_tap(network: VGGFeatures) -> VGGFeatures:
    network.taps, network.layers = network.taps[:1], network.layers[: network.layers.index(network.taps[0]) + 1]
    return network


def load_vgg_relu3_1() -> VGGFeatures:
    """The real VGG's features, to relu3_1 alone."""
    network = load_vgg(VGG)
    network.taps = ("relu3_1",)
    return network


# ------------------------------------------------------------------------------------------------------------ measure


def measure(name: str, chosen: Sequence[str], runs: Path, pictures: Path | None) -> None:
    """Fill the pictures of a set and write what the fills come to."""
    lpips = load_lpips(DATA.parent / "weights" / "lpips_squeeze.safetensors")
    seen = cases(name)
    makers = labels(name, runs)
    for label in chosen or makers:
        path = RESULTS / name / f"{label}.json"
        if path.exists():
            continue
        inpainter = makers[label]()
        rows = []
        for number, case in enumerate(seen):
            fill, energy, seconds = _filled(inpainter, case)
            rows.append({**_numbers(lpips, case, fill), "seconds": seconds, "energy": energy})
            if pictures is not None and number < SHOWN:
                _keep(pictures / name / label / f"{number}.jpg", fill)
        found = {key: _mean([row[key] for row in rows]) for key in rows[0]}
        shares = _known([row["gradient_energy_ratio"] for row in rows])
        found["gradient_energy_median"] = round(float(np.median(shares)), 4)
        where = torch.cuda.get_device_name() if torch.cuda.is_available() else "processor"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"pictures": len(rows), "computed_on": where, "means": found,
                                    "each": [_rounded(row) for row in rows]}, indent=1) + "\n")  # fmt: skip
        if (name, label) == ("photos-384", "content"):
            numbers_into_card(
                trained_weights(CONTENT), {f"{name} {key}": found[key] or 0.0 for key in ("psnr", "ssim", "lpips")}
            )
        print(
            name, label, {key: found[key] for key in ("psnr", "lpips", "gradient_energy_median", "seconds")}, flush=True
        )


def _filled(inpainter: Inpainter, case: Case) -> tuple[Image, float | None, float]:
    work = Work(0)
    start = time.perf_counter()
    if inpainter.view.accept(*case.mask.shape):
        fill = inpainter(case.image, case.mask, work)
    else:
        fill = _unit(inpainter.fill((case.image * 255).round().astype(np.uint8), case.mask))
    return fill, work.energy, time.perf_counter() - start


def _numbers(lpips: Any, case: Case, fill: Image) -> dict[str, float]:
    truth, mask = case.image, case.mask
    return {
        "l1": mean_absolute_error(truth, fill, mask),
        "l2": mean_squared_error(truth, fill, mask),
        "psnr": psnr(truth, fill, mask),
        "ssim": ssim(truth, fill, mask),
        "lpips": lpips_distance(lpips, truth, fill),
        "boundary_gradient_error": boundary_gradient_error(truth, fill, mask),
        "gradient_energy_ratio": gradient_energy_ratio(truth, fill, mask),
    }


def _mean(values: list[float | None]) -> float | None:
    known = _known(values)
    return round(float(np.mean(known)), 5) if known else None


def _known(values: list[float | None]) -> list[float]:
    """Without what is not measured: where the truth is flat, there is no share of its gradients."""
    return [value for value in values if value is not None and math.isfinite(value)]


def _rounded(row: dict[str, float | None]) -> dict[str, float | None]:
    return {key: None if value is None or not math.isfinite(value) else round(value, 4) for key, value in row.items()}


def _keep(path: Path, fill: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    small = cv2.resize(fill, (192, 192), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), (small[..., ::-1] * 255).round(), [cv2.IMWRITE_JPEG_QUALITY, 88])


# ------------------------------------------------------------------------------------------------------------ figures

FIGURES = {
    # The document's figures 5 to 8.
    "parts": ("calibration", ("content", "texture-only", "patch-synthesis")),
    "weights": ("calibration", tuple(f"optimised-alpha={a}" for a in ALPHAS)),
    "adversary": ("calibration", ("content-l2", "patch-synthesis-content-l2", "content", "patch-synthesis")),
    "photos": ("photos-384", ("content", "patch-synthesis", "content-exemplar", "exemplar", "telea")),
    "large": ("large-512", ("content", "patch-synthesis", "exemplar", "telea")),
    "objects": ("objects-384", ("content", "patch-synthesis", "exemplar", "telea")),
}
TILE, ROWS = 104, 4


def figures(folder: Path) -> None:
    """Sheets of the fills that `measure --pictures` left: what is missing, the labels' fills, the truth."""
    for figure, (name, chosen) in FIGURES.items():
        # Those of the large photos are in their order: some of each.
        places = (0, 2, 4, 6) if name == "large-512" else range(ROWS)
        rows = []
        for place in places:
            if not all((folder / name / label / f"{place}.jpg").exists() for label in chosen):
                break
            case = cases(name)[place]
            fills = [decode((folder / name / label / f"{place}.jpg").read_bytes()) for label in chosen]
            truth = (case.image * 255).round().astype(np.uint8)
            holed = np.where(case.mask[..., None], np.uint8(255), truth)
            tiles = [cv2.resize(each, (TILE, TILE), interpolation=cv2.INTER_AREA)
                     for each in (holed, *fills, truth) if not isinstance(each, str)]  # fmt: skip
            rows.append(np.concatenate(tiles, 1))
        if rows:
            sheet = np.concatenate(rows)[..., ::-1]
            cv2.imwrite(str(PICTURES / f"patch-synthesis-{figure}.jpg"), sheet, [cv2.IMWRITE_JPEG_QUALITY, 62])


# -------------------------------------------------------------------------------------------------------------- speed


def speed(times: int) -> None:
    """Seconds for a hole of 256 in 512 px, and for its nearest patches: results/patch_synthesis_speed.json."""
    case = cases("large-512")[0]
    path = RESULTS.parent / "patch_synthesis_speed.json"
    whole = json.loads(path.read_text()) if path.exists() else {}
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} cores"
    found: dict[str, Any] = {}
    for label, inpainter in {"default": load(NAME), "optimised": load(NAME, pixels="optimised")}.items():
        seconds = [_filled(inpainter, case)[2] for _ in range(times + 1)]
        found[label] = {"first": round(seconds[0], 2), "again": round(float(np.median(seconds[1:])), 2)}
        print(label, found[label], flush=True)
    found["nearest"] = _nearest(case, times)
    found["costs"] = costs()
    (PICTURES / "patch-synthesis-costs.svg").write_text(drawn(found["costs"]))
    path.write_text(json.dumps({**whole, where: found}, indent=1) + "\n")


def costs() -> dict[str, dict[str, float]]:
    """Seconds of a fill as a user gets it: by the side of the hole in 1024 px, and by that of the picture."""
    picture = decode(sorted((DATA / "large").glob("*.jpg"))[0].read_bytes())
    assert not isinstance(picture, str)
    inpainter = load(NAME)
    found: dict[str, dict[str, float]] = {"hole": {}, "picture": {}}
    turns = [("hole", 1024, side) for side in (32, 64, 128, 192, 256)]
    turns += [("picture", side, 96) for side in (256, 512, 1024, 2048)]
    for kind, whole, hole in turns:
        image, mask = _middle(picture, whole), np.zeros((whole, whole), dtype=np.bool_)
        start = (whole - hole) // 2
        mask[start : start + hole, start : start + hole] = True
        before = time.perf_counter()
        inpainter.fill(image, mask)
        found[kind][str(hole if kind == "hole" else whole)] = round(time.perf_counter() - before, 2)
        print(kind, whole, hole, found[kind], flush=True)
    return found


def drawn(found: dict[str, dict[str, float]]) -> str:
    """The costs as plots."""
    titles = {
        "hole": ("hole in 1024 px", "side of the hole, px"),
        "picture": ("hole of 96 px", "side of the photo, px"),
    }
    panels = [
        panel(i, title, below, "s", [("", COLOURS[0], "", [(float(x), y) for x, y in found[kind].items()])])
        for i, (kind, (title, below)) in enumerate(titles.items())
    ]
    return paper(panels, "What neural patch synthesis costs: seconds against the hole, and against the photo")


def _nearest(case: Case, times: int) -> dict[str, float]:
    """The nearest patches of relu3_1, and one matrix product of all those patches, which is a bound for it."""
    device = torch_device("auto")
    network = _first_tap(ours(PATCH_SYNTHESIS.shipped_weights())).to(device)
    picture = torch.from_numpy(case.image).permute(2, 0, 1)[None].to(device)
    with torch.no_grad():
        features = network(picture)[0][0]
    side = features.shape[1]
    sought = torch.zeros(side, side, dtype=torch.bool, device=device)
    sought[side // 4 : -side // 4, side // 4 : -side // 4] = True
    allowed = torch.nn.functional.max_pool2d(sought.float()[None], 3, 1, 1)[0] == 0
    allowed[[0, -1]] = allowed[:, [0, -1]] = False
    patches = torch.nn.functional.unfold(features[None], 3, padding=1)[0].T
    few, many = patches[sought.flatten()], patches[allowed.flatten()]

    def timed(work: Callable[[], Any]) -> float:
        seconds = []
        for _ in range(times + 1):
            start = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - start)
        return round(float(np.median(seconds[1:])), 4)

    def product() -> None:
        # A part of the patches at a time: all products together take memory of their own.
        for part in few.split(256):
            torch.mm(part, many.T)

    found = {"seconds": timed(lambda: nearest_patches(features, sought, features, allowed)), "product": timed(product)}
    print("nearest", found, len(few), len(many), flush=True)
    return {**found, "sought": len(few), "allowed": len(many)}


def removal(folder: Path) -> None:
    """The removal photos as the command line fills them."""
    inpainters = {"patch-synthesis": load(NAME), "content-exemplar": load(NAME, content="exemplar")}
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((DATA / "removal" / "images").glob("*.png")):
        image = cv2.imread(str(path))
        mask = cv2.imread(str(DATA / "removal" / "masks" / path.name), cv2.IMREAD_GRAYSCALE)
        assert image is not None
        assert mask is not None
        for label, inpainter in inpainters.items():
            fill = inpainter.fill(np.ascontiguousarray(image[..., ::-1]), mask >= 128)
            cv2.imwrite(str(folder / f"{path.stem}-{label}.jpg"), fill[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "labels", "figures", "speed", "removal"))
    parser.add_argument("names", nargs="*", metavar="SET or LABEL")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_intermixed_args()
    if options.what == "measure":
        measure(options.names[0], options.names[1:], options.runs, options.pictures)
    elif options.what == "labels":
        print("\n".join(labels(options.names[0], options.runs)))
    elif options.what == "figures":
        figures(Path(options.names[0]))
    elif options.what == "speed":
        speed(options.times)
    else:
        removal(Path(options.names[0]))


if __name__ == "__main__":
    main()
