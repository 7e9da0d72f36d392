"""`docs/results.md`, made from committed result files: `python benchmarks/results_page.py` writes it again."""

import argparse
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from claims import claims_table
from inpainter.apps.report import COLUMNS, markdown_page, read_results

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "evaluation"
PAGE = ROOT / "docs" / "results.md"
SPLITS = ("train", "validation", "test")
DOCUMENT = {
    "partial-conv": {"train": 0.0003, "validation": 0.0003, "test": 0.0005},
    "blind-autoencoder": {"train": 0.0009, "validation": 0.0013, "test": 0.0010},
}
"""Mean squared errors that the study of Lokray and Ghosh reports: partial 100 epochs, blind 20."""
THIN = "lines:thickness=1"
"""The lines on which the study's numbers may well be: it names no thickness."""
GOALS = {"partial-conv": 0.0004, "blind-autoencoder": 0.0010}
DOCUMENT_NSD = {"context-encoder": 0.79, "cascade": 0.56}
"""Raw NSD that the paper of the cascade reports (Zieliński et al.), both ± .17."""
COMPARED = ("psnr_hole", "ssim_hole", "boundary_gradient_error")
"""What the two are compared by."""
TITLES = {
    "cifar10-losses": "CIFAR-10, the middle square: joint loss, L2 alone, adversarial alone",
    "cifar10-side-by-side": "CIFAR-10, side by side",
    "faces-64": "CelebA faces of 64 px, held-out test split: latent search and context encoder",
    "textures-64": "DTD textures of 64 px (ten classes), held-out rows: latent search and context encoder",
    "pets-64": "Oxford-IIIT Pets of 64 px, held-out rows: latent search and context encoder",
    "photos-128-blocks": "Photos of 128 px, random blocks: context encoder and cascade",
    "photos-128-blocks-4000": "The same with a bottleneck of 4000",
    "photos-128-blocks-equal": "The same after 5 epochs each: context encoder and residual cascade, three seeds",
    "photos-128-centre-equal": "The middle square after 5 epochs each: context encoder and residual cascade",
    "photos-128-blocks-nsd-loss": "The same with NSD as a loss",
    "photos-blob": "Whole photos, one blob of 5 to 25 %: what users get of each, and what a bare network does",
    "photos-128-centre": "Photos of 128 px, the middle square: context encoder and cascade",
}

HEAD = """# Results

What the five documents claim, and what was measured here. Below stand the tables that this is from, made of the files
in [benchmarks/results](../benchmarks/results) by `python benchmarks/results_page.py`; not written by hand.

"""

WORDS = """
Pictures are in [0, 1]; errors are mean squared. *Raw* is a network's whole output, known pixels included; *composed*
has the known pixels put back; *hole* counts missing pixels only. Our networks are small and trained on two cores, where
it is not said otherwise: 10,000 photos, 45,000 pictures of CIFAR-10, 8,400 faces. Deviations from each document are
listed on the method's page ([methods](methods)).
"""


def results_page(folder: Path = RESULTS) -> str:
    """The page, from `folder/SET/METHOD.json` as `inpainter evaluate` writes them."""
    sets = {path.name: read_results(sorted(path.glob("*.json"))) for path in sorted(folder.iterdir()) if path.is_dir()}
    parts = [HEAD + claims_table() + WORDS] if folder == RESULTS else []
    cifar = {split: sets.pop(f"cifar10-{split}") for split in SPLITS if f"cifar10-{split}" in sets}
    if cifar:
        parts.append(_cifar_section(cifar))
    for name, results in sets.items():
        if results:
            page = markdown_page(results).split("\n", 2)[2].strip().replace("\n## ", "\n### ")
            parts.append(f"## {TITLES.get(name, name)}\n\n{page}\n")
            parts += [_against_context_encoder(results), _figures(folder / name), _notes(folder / name)]
    return "\n".join(part for part in parts if part)


def _notes(folder: Path) -> str:
    """What there is to say beside the numbers: `notes.md`, written by hand."""
    path = folder / "notes.md"
    return path.read_text() if path.exists() else ""


def _against_context_encoder(results: list[dict[str, Any]]) -> str:
    """What a cascade, or training for a small NSD, changes: each beside the context encoders with layers like its own.

    Empty where there is no such pair.
    """
    lines = [
        "### Beside the context encoder",
        "",
        "| weights | epochs | context encoder | epochs | masks | "
        + " | ".join(COLUMNS[name].title for name in COMPARED) + " | NSD, standardised | ratio | NSD, raw | ratio |",
        "|---" * (len(COMPARED) + 9) + "|",
    ]  # fmt: skip
    heads = len(lines)
    trained = [result for result in results if result.get("weights", {}).get("method") in DOCUMENT_NSD]
    bases = [result for result in trained if _is_plain_context_encoder(result["weights"])]
    for kind in dict.fromkeys(kind for result in trained for kind in result["masks"]):
        for result in trained:
            for base in bases:
                alike = _likeness(result) == _likeness(base)
                if result not in bases and alike:
                    names = [cell for one in (result, base) for cell in (one["method"], str(one["weights"]["epochs"]))]
                    cells = [_change(base, result, kind, name) for name in COMPARED]
                    for form in ("standardised", "raw"):
                        nsds = [one["masks"][kind].get("nsd", {}).get(form) for one in (base, result)]
                        cells += _ratio(*nsds) if all(nsds) else ["not measured", ""]
                    lines.append("| " + " | ".join([*names, kind, *cells]) + " |")
    if len(lines) == heads:
        return ""
    paper = DOCUMENT_NSD["cascade"] / DOCUMENT_NSD["context-encoder"]
    reported = f"raw NSD of {DOCUMENT_NSD['context-encoder']} → {DOCUMENT_NSD['cascade']}, a ratio of {paper:.2f}"
    lines += ["", f"The context encoder's → the other's. The paper of the cascade reports {reported}.", ""]
    return "\n".join(lines)


def _likeness(result: dict[str, Any]) -> tuple[Any, ...]:
    """What makes two trained networks comparable: their layers, the masks of their training, the seed, the fill."""
    recipe = result["weights"]["recipe"]
    layers = tuple(recipe[name] for name in ("masks", "size", "width", "bottleneck", "latent", "activation"))
    return *layers, result["weights"].get("seed"), result["through"]


def _change(base: dict[str, Any], other: dict[str, Any], kind: str, metric: str) -> str:
    found = [one["masks"][kind]["metrics"].get(metric) for one in (base, other)]
    return " → ".join(f"{one['mean']:.{COLUMNS[metric].digits}f}" for one in found) if all(found) else "not measured"


def _ratio(base: dict[str, float], other: dict[str, float]) -> list[str]:
    ratio = f"{other['mean'] / base['mean']:.2f}" if base["mean"] else ""
    return [f"{base['mean']:.3f} ± {base['spread']:.3f} → {other['mean']:.3f} ± {other['spread']:.3f}", ratio]


def _is_plain_context_encoder(weights: dict[str, Any]) -> bool:
    return weights.get("method") == "context-encoder" and weights.get("preset") != "nsd-loss"


def _figures(folder: Path) -> str:
    """The figures that `inpainter evaluate` left beside the result files."""
    place = "../benchmarks/results/evaluation"
    return "\n".join(f"![{path.stem}]({place}/{folder.name}/{path.name})\n" for path in sorted(folder.glob("*.png")))


def _cifar_section(splits: dict[str, list[dict[str, Any]]]) -> str:
    """Training, validation and test beside the document's numbers and the goals."""
    methods = list(dict.fromkeys(result["method"] for results in splits.values() for result in results))
    lines = [
        "## CIFAR-10, line masks: mean squared error over all values of the whole raw picture",
        "",
        "| weights | epochs | seed | train | validation | test | test, hole | test, composed | test, lines of 1 px "
        "| study (train / validation / test) | goal (test) |",
        "|---" * 11 + "|",
    ]
    for method in methods:
        found = {split: _of(method, results) for split, results in splits.items()}
        weights = next(result for result in found.values() if result).get("weights", {})
        name = weights.get("method", method)
        reported = " / ".join(f"{DOCUMENT[name][split]:.4f}" for split in SPLITS) if name in DOCUMENT else ""
        cells = [_mean(found.get(split), "mse_whole_raw") for split in SPLITS]
        cells += [_mean(found.get("test"), metric) for metric in ("mse_hole", "mse_whole_composed")]
        cells.append(_mean(found.get("test"), "mse_whole_raw", THIN))
        goal = f"≤ {GOALS[name]:.4f}" if name in GOALS else ""
        head = [Path(method).name, str(weights.get("epochs", "")), str(weights.get("seed", ""))]
        lines.append("| " + " | ".join([*head, *cells, reported, goal]) + " |")
    lines += ["", *_over_seeds(splits), ""]
    for split, results in splits.items():
        data = results[0]["data"]
        lines.append(f"- {split}: {data['pictures']} pictures of {data['source']} from number {data['first']} on.")
    return "\n".join([*lines, ""])


def _over_seeds(splits: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Means over trainings that differ in nothing but their seed, and the two methods' ratio at equal epochs."""
    trainings: dict[tuple[str, str, int], dict[str, list[dict[str, Any]]]] = {}
    for split, results in splits.items():
        for result in results:
            weights = result.get("weights", {})
            if weights.get("epochs") is not None:
                # The epochs of a recipe are where its training should have ended.
                recipe = {name: value for name, value in weights.get("recipe", {}).items() if name != "epochs"}
                key = weights["method"], json.dumps(recipe, sort_keys=True), round(weights["epochs"])
                trainings.setdefault(key, {}).setdefault(split, []).append(result)
    lines = [
        "| over seeds | epochs | seeds | train | validation | test | test, hole | test, composed |",
        "|---" * 8 + "|",
    ]
    columns = [(split, "mse_whole_raw") for split in SPLITS] + [("test", "mse_hole"), ("test", "mse_whole_composed")]
    for (name, _, epochs), found in sorted(trainings.items()):
        cells = [_spread([_value(result, metric) for result in found.get(split, [])]) for split, metric in columns]
        head = [_named(name, found), str(epochs), str(len(found.get("test", [])))]
        lines.append("| " + " | ".join([*head, *cells]) + " |")
    lines += ["", "±: standard deviation over seeds. At equal epochs, test, whole, raw:", ""]
    tested = {key: found for key, found in sorted(trainings.items()) if "test" in found}
    for (name, _, epochs), ours in tested.items():
        for (other, _, as_many), theirs in tested.items():
            if (name, other, as_many) == ("partial-conv", "blind-autoencoder", epochs):
                ratio = _average(ours["test"]) / _average(theirs["test"])
                lines.append(f"- {epochs} epochs: {_named(name, ours)} / {other} = {ratio:.2f} (goal ≤ 0.50).")
    return lines


def _named(method: str, found: dict[str, list[dict[str, Any]]]) -> str:
    """The method and the presets that its trainings were started from."""
    presets = {result["weights"].get("preset") for results in found.values() for result in results} - {None}
    return ", ".join([method, *sorted(presets)])


def _average(results: list[dict[str, Any]]) -> float:
    return mean(_value(result, "mse_whole_raw") for result in results)


def _value(result: dict[str, Any], metric: str) -> float:
    return result["masks"]["lines"]["metrics"][metric]["mean"]


def _spread(values: list[float]) -> str:
    if not values:
        return "not measured"
    return f"{mean(values):.5f}" + (f" ± {stdev(values):.6f}" if len(values) > 1 else "")


def _of(method: str, results: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((result for result in results if result["method"] == method), None)


def _mean(result: dict[str, Any] | None, metric: str, kind: str = "lines") -> str:
    found = result and result["masks"].get(kind, {}).get("metrics", {}).get(metric)
    return f"{found['mean']:.5f}" if found and found["mean"] is not None else "not measured"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the page is as it should be")
    page = results_page()
    if parser.parse_args().check:
        raise SystemExit(0 if PAGE.read_text() == page else f"{PAGE}: not what the result files say: write it again")
    PAGE.write_text(page)
    print(json.dumps({"page": str(PAGE.relative_to(ROOT)), "lines": page.count("\n")}))


if __name__ == "__main__":
    main()
