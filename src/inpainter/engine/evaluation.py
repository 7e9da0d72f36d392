"""Comparing methods: the same pictures, the same masks, and results that record both."""

import hashlib
import math
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inpainter.core import Image, Inpainter, InputError, Mask
from inpainter.core.errors import needing
from inpainter.core.fields import split_fields
from inpainter.core.paths import exists
from inpainter.core.seed import check_seed
from inpainter.data.draws import keys
from inpainter.data.sources import Pictures, read_pictures
from inpainter.engine.removal import fill_images
from inpainter.masks import kind_number, mask_kind
from inpainter.methods import METHODS
from inpainter.metrics import METRICS
from inpainter.nn.facts import RECIPE, read_facts, weights_in

if TYPE_CHECKING:
    from inpainter.engine.nsd import Encoded, UnderMask

COVER_BINS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0)
"""Edges of the bins for results by cover."""
SHOWN = 6
"""Pictures that the report shows per kind of mask."""
EXTREMES = 3
"""How many of a method's best fills, and of its worst, the report shows."""
TOGETHER = 32
"""Pictures filled at a time: many networks are faster on several."""
NSD = "nsd"
"""The metric of a method's encoder instead of its fills, measured only where it is named."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What to measure, and on what."""

    methods: Sequence[str]
    """Names of methods, or folders of trained weights or of runs."""
    data: str
    """A folder, or parquet files: see `read_pictures`."""
    masks: Sequence[str] = ("lines",)
    """Kinds of mask, as `mask_kind` reads them; each is measured on every picture."""
    limit: int | None = 200
    """How many pictures, from the first; None takes all."""
    first: int = 0
    """The index of the first picture in the source, to leave out those that were trained on."""
    bare: bool = False
    """Whether a network sees the whole picture, at once, and its raw prediction is measured too; otherwise pictures are
    filled as by `inpainter fill`, hole by hole."""
    size: int | None = None
    """Side of the squares that are cut from the middle of the pictures, px; the pictures as they are unless given."""
    seed: int = 0
    """The seed of the masks."""
    metrics: Sequence[str] = tuple(METRICS)
    """The metrics to measure; `nsd`, which takes long, only where it is named here."""
    nsd_pictures: int = 250
    """How many pictures NSD is measured on, from the first, regardless of `limit` (k)."""
    nsd_masks: int = 100
    """How many masks of every kind each of them gets (n)."""
    by_cover: bool = False
    """Whether to sort the results by the share of the picture that is missing, too."""
    lpips_weights: str | None = None
    """The file of LPIPS weights; without it LPIPS is not measured."""

    def __post_init__(self) -> None:
        for kind in self.masks:
            mask_kind(kind)
        for name in self.metrics:
            if name not in METRICS and name != NSD:
                raise InputError(f"metrics: no metric {name!r}: choose from {', '.join((*METRICS, NSD))}")
        if self.nsd_pictures < 1 or self.nsd_masks < 2:
            raise InputError(
                f"nsd: {self.nsd_pictures} pictures, {self.nsd_masks} masks each: give 1 or more, and 2 masks or more"
            )
        if not (self.methods and self.masks and self.metrics):
            raise InputError("evaluation: no methods, masks or metrics: give at least one of each")
        check_seed(self.seed)
        for name, least in (("first", 0), ("limit", 1), ("size", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"evaluation: {name} is {value}: give {least} or more")


@dataclass
class Shown:
    """A picture of the report."""

    truth: Image
    mask: Mask
    answer: Image


@dataclass
class Result:
    """The measurements of one method."""

    method: str
    facts: dict[str, Any]
    """Pictures, masks and versions that the numbers are from."""
    kinds: dict[str, dict[str, Any]]
    """By kind of mask: `metrics`, `seconds`, and `by_cover` and `nsd` if asked for."""
    shown: dict[str, list[Shown]] = field(default_factory=dict)
    extremes: dict[str, list[tuple[float, Shown]]] = field(default_factory=dict)
    """By kind of mask, fills with their PSNR in the hole, dB: the best first, then the worst, the very worst last."""
    under_masks: dict[str, list["UnderMask"]] = field(default_factory=dict)
    """By kind of mask, one picture with several masks, for methods whose NSD was measured."""

    def to_dict(self) -> dict[str, Any]:
        """Return all but the pictures, as plain values."""
        return {"method": self.method, **self.facts, "masks": self.kinds}


def evaluate(
    evaluation: Evaluation, load: Callable[[str], Inpainter], progress: Callable[[str, int, int], None] | None = None
) -> list[Result]:
    """Measure every method of `evaluation` on the same pictures and masks.

    `load` makes an inpainter of a name; `progress(method, done, total)` is called after every picture. Raises
    InputError for a source without pictures, an unknown method, kind or metric.
    """
    # All of them first: a mistyped name should not fail after an hour of measuring.
    inpainters = {name: load(name) for name in evaluation.methods}
    pictures, truths = _pictures(evaluation)
    lpips = _lpips(evaluation)
    kinds = {kind: _masks(kind, evaluation, truths) for kind in evaluation.masks}
    latent = _nsd(inpainters, evaluation, progress) if NSD in evaluation.metrics else {}
    facts = {
        "data": {
            "source": ",".join(part.rpartition("/")[2] for part in evaluation.data.split(",")),
            "pictures": len(truths),
            "first": evaluation.first,
            "size": evaluation.size,
            "left_out": pictures.broken,
            "fingerprint": pictures.fingerprint,
        },
        "metrics": list(evaluation.metrics),
        "through": "bare" if evaluation.bare else "fill",
        "seed": evaluation.seed,
        "mask_hashes": {kind: _hash(masks) for kind, masks in kinds.items()},
        "machine": {"processor": platform.machine(), "python": platform.python_version(), **_graphics()},
    }
    labels = _labels(evaluation.methods)
    results = []
    for name, inpainter in inpainters.items():
        result = Result(labels[name], {**facts, "card": asdict(inpainter.card), **_weights(name)}, {})
        total, done = len(truths) * len(kinds), 0
        for kind, masks in kinds.items():
            rows: list[dict[str, float]] = []
            for row, shown in _measured(inpainter, truths, masks, evaluation, lpips):
                rows.append(row)
                if len(rows) <= SHOWN:
                    result.shown.setdefault(kind, []).append(shown)
                if math.isfinite(row.get("psnr_hole", math.inf)):
                    _keep_extreme(result.extremes.setdefault(kind, []), row["psnr_hole"], shown)
                done += 1
                if progress:
                    progress(name, done, total)
            covers = [float(mask.mean()) for mask in masks]
            result.kinds[kind] = _summary(rows, covers, evaluation.by_cover)
            if encoded := latent.get(kind, {}).get(name):
                result.kinds[kind][NSD] = encoded.facts
                result.under_masks[kind] = encoded.shown
        results.append(result)
    return results


def _keep_extreme(extremes: list[tuple[float, Shown]], psnr: float, shown: Shown) -> None:
    """Put a fill among the best and the worst, in place."""
    extremes.append((psnr, shown))
    extremes.sort(key=lambda each: -each[0])
    # Those neither among the first nor among the last.
    del extremes[EXTREMES:-EXTREMES]


def _labels(names: Sequence[str]) -> dict[str, str]:
    """Return a short, unique name for every method: a folder's last part, or the run's for its `weights`."""
    labels: dict[str, str] = {}
    for name in names:
        path = Path(name)
        label = path.parent.name if path.name == "weights" and path.parent.name else path.name
        taken = list(labels.values())
        labels[name] = label if label not in taken else f"{label}-{taken.count(label) + len(taken)}"
    return labels


def _weights(name: str) -> dict[str, Any]:
    """Return facts of a folder of trained weights, with how long they were trained."""
    folder, _ = split_fields(name)
    if name in METHODS or not exists(weights_in(folder) / RECIPE):
        return {}
    facts = read_facts(folder)
    trained = facts.get("trained", {})
    known = {key: facts.get(key) for key in ("method", "preset", "seed", "sha256", "recipe")}
    return {"weights": {**known, "epochs": trained.get("epochs"), "steps": trained.get("steps")}}


def _pictures(evaluation: Evaluation) -> tuple[Pictures, list[Image]]:
    last = None if evaluation.limit is None else evaluation.first + evaluation.limit
    pictures = read_pictures(evaluation.data, smallest=evaluation.size or 16, limit=last)
    chosen = pictures.pictures[evaluation.first :]
    if not len(chosen):
        raise InputError(f"{evaluation.data}: {len(pictures)} pictures, none from number {evaluation.first} on")
    return pictures, [_middle(picture, evaluation.size).astype(np.float32) / np.float32(255) for picture in chosen]


def _middle(picture: np.ndarray, size: int | None) -> np.ndarray:
    if size is None:
        return picture
    y, x = (picture.shape[0] - size) // 2, (picture.shape[1] - size) // 2
    return picture[y : y + size, x : x + size]


def _masks(kind: str, evaluation: Evaluation, truths: list[Image]) -> list[Mask]:
    """Return a mask for every picture: a function of kind, seed and the picture's index in the source."""
    place = np.arange(evaluation.first, evaluation.first + len(truths))
    drawn = keys(evaluation.seed, kind_number(kind), place).tolist()
    draw = mask_kind(kind)
    return [draw(seed=key)(*truth.shape[:2]) for key, truth in zip(drawn, truths, strict=True)]


def _graphics() -> dict[str, str]:
    """Return the GPU that networks compute on, if any, whose seconds are reported."""
    torch = sys.modules.get("torch")
    return {"graphics": torch.cuda.get_device_name()} if torch is not None and torch.cuda.is_available() else {}


def _hash(masks: list[Mask]) -> str:
    digest = hashlib.sha256()
    for mask in masks:
        digest.update(f"{mask.shape}".encode() + np.packbits(mask).tobytes())
    return digest.hexdigest()


def _lpips(evaluation: Evaluation) -> Callable[[Image, Image], float] | None:
    if evaluation.lpips_weights is None:
        return None
    with needing("torch", "metrics: LPIPS"):
        from inpainter.metrics.perceptual import load_lpips, lpips_distance

    network = load_lpips(evaluation.lpips_weights)
    return lambda truth, filled: lpips_distance(network, truth, filled)


def _nsd(
    inpainters: dict[str, Inpainter], evaluation: Evaluation, progress: Callable[[str, int, int], None] | None
) -> dict[str, dict[str, "Encoded"]]:
    """Return the NSD of each method that has an encoder, by kind of mask."""
    # Here, because the other metrics need no torch.
    with needing("torch", f"metrics: {NSD}"):
        from inpainter.engine.nsd import measure_nsd, refuse_sizes

    pictures, truths = _pictures(replace(evaluation, limit=evaluation.nsd_pictures))
    refuse_sizes(inpainters, truths)
    found = {}
    for kind in evaluation.masks:
        found[kind] = measure_nsd(inpainters, truths, kind, count=evaluation.nsd_masks, first=evaluation.first,
                                  seed=evaluation.seed, progress=progress)  # fmt: skip
        for encoded in found[kind].values():
            encoded.facts["fingerprint"] = pictures.fingerprint
    return found


def _measured(
    inpainter: Inpainter,
    truths: list[Image],
    masks: list[Mask],
    evaluation: Evaluation,
    lpips: Callable[[Image, Image], float] | None,
) -> Iterator[tuple[dict[str, float], Shown]]:
    for first in range(0, len(truths), TOGETHER):
        some, theirs = truths[first : first + TOGETHER], masks[first : first + TOGETHER]
        start = time.perf_counter()
        fills, raws = (_bare if evaluation.bare else _as_users_do)(inpainter, some, theirs, evaluation.seed)
        seconds = (time.perf_counter() - start) / len(some)
        for truth, mask, filled, raw in zip(some, theirs, fills, raws, strict=True):
            row = {"seconds": seconds}
            for name in evaluation.metrics:
                if name == NSD:
                    continue
                metric = METRICS[name]
                shown = raw if metric.raw else filled
                if metric.measure is not None and shown is not None:
                    row[name] = metric.measure(truth, shown, mask)
                elif metric.measure is None and lpips is not None:
                    row[name] = lpips(truth, filled)
            yield row, Shown(truth, mask, filled)


def _as_users_do(
    inpainter: Inpainter, truths: Sequence[Image], masks: Sequence[Mask], seed: int
) -> tuple[list[Image], list[None]]:
    """Fill pictures like photos, in 8 bits, hole by hole; there is no raw prediction."""
    # The truth under the mask never leaves this function.
    photos = [
        np.rint(np.where(mask[..., None], 0, truth) * 255).astype(np.uint8)
        for truth, mask in zip(truths, masks, strict=True)
    ]
    fills = fill_images(inpainter, photos, masks, seed=seed)
    return [filled.astype(np.float32) / np.float32(255) for filled in fills], [None] * len(fills)


def _bare(
    inpainter: Inpainter, truths: Sequence[Image], masks: Sequence[Mask], seed: int
) -> tuple[list[Image], list[Image | None]]:
    """Fill whole pictures, and return raw predictions as well for sizes that the inpainter takes."""
    blanked = [np.where(mask[..., None], np.float32(0), truth) for truth, mask in zip(truths, masks, strict=True)]
    fills = fill_images(inpainter, blanked, masks, seed=seed, view=replace(inpainter.view, context="whole"))
    raws: list[Image | None] = []
    for image, mask in zip(blanked, masks, strict=True):
        raw = inpainter.raw(image[None], mask[None]) if inpainter.view.accept(*mask.shape) else None
        raws.append(None if raw is None else raw[0])
    return fills, raws


def _summary(rows: list[dict[str, float]], covers: list[float], by_cover: bool) -> dict[str, Any]:
    """Return means and spreads over pictures; metrics without a number for any picture are absent."""
    summary: dict[str, Any] = {
        "cover": _statistics(covers),
        "seconds": _statistics([row["seconds"] for row in rows]),
        "metrics": _by_name(rows),
    }
    if by_cover:
        summary["by_cover"] = []
        for low, high in pairwise(COVER_BINS):
            inside = [row for row, cover in zip(rows, covers, strict=True) if low < cover <= high]
            if inside:
                summary["by_cover"].append(
                    {"from": low, "to": high, "pictures": len(inside), "metrics": _by_name(inside)}
                )
    return summary


def _by_name(rows: list[dict[str, float]]) -> dict[str, dict[str, Any]]:
    """Summarise every metric over the pictures that have it: raw predictions exist for some sizes only."""
    found = {name: [row[name] for row in rows if name in row] for name in METRICS}
    return {name: _statistics(values) for name, values in found.items() if values}


def _statistics(values: list[float]) -> dict[str, Any]:
    """Return mean, spread (standard deviation over pictures) and count; NaN values are left out."""
    found = np.array([value for value in values if math.isfinite(value)])
    if not found.size:
        # None, because JSON has no NaN.
        return {"mean": None, "spread": None, "pictures": 0}
    return {"mean": float(found.mean()), "spread": float(found.std()), "pictures": int(found.size)}
