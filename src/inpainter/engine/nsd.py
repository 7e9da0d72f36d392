"""The step of an evaluation that measures encoders: every picture under many masks."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inpainter.core import Image, Inpainter, InputError, Mask
from inpainter.data.draws import keys
from inpainter.engine.removal import fill_images
from inpainter.masks import kind_number, mask_kind
from inpainter.metrics.nsd import Encode, RunningNSD, encode_masks

SHOWN = 6
"""Masks of the first picture that the report shows."""


@dataclass
class UnderMask:
    """The first picture with one of its masks."""

    truth: Image
    mask: Mask
    answer: Image
    distance: float
    """‖E(P, M) − Ē‖² / D: from this mask's latent to the mean over all of the picture's masks. NSD is its mean."""


@dataclass
class Encoded:
    """The measurements of one method with an encoder under one kind of mask."""

    facts: dict[str, Any]
    """The numbers and their conditions, as plain values."""
    shown: list[UnderMask] = field(default_factory=list)


def encoder_of(inpainter: Inpainter) -> Encode | None:
    """Return the encoder of a method for torch batches; None without one."""
    if not inpainter.encodes:
        return None
    return lambda image, mask: torch.from_numpy(
        inpainter.encode(image.permute(0, 2, 3, 1).numpy(), mask[:, 0].numpy())
    )  # fmt: skip


def masks_of(kind: str, seed: int, place: int, count: int, height: int, width: int) -> list[Mask]:
    """Draw the masks of one picture: a function of kind, seed and the picture's index in the source."""
    of_picture = int(keys(seed, kind_number(kind), np.array([place]))[0])
    draw = mask_kind(kind)
    return [draw(seed=key)(height, width) for key in keys(of_picture, 0, np.arange(count)).tolist()]


def refuse_sizes(inpainters: Mapping[str, Inpainter], truths: Sequence[Image]) -> None:
    """Raise InputError when a method with an encoder does not take a picture at its size."""
    for name, inpainter in inpainters.items():
        for truth in truths if encoder_of(inpainter) else ():
            height, width = truth.shape[:2]
            if not inpainter.view.accept(height, width):
                raise InputError(
                    f"nsd: {name} takes {inpainter.view}, not pictures of {height}×{width}: give its size with --size"
                )


def measure_nsd(
    inpainters: Mapping[str, Inpainter],
    truths: Sequence[Image],
    kind: str,
    *,
    count: int,
    first: int = 0,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Encoded]:
    """Measure NSD for every method that has an encoder, on the same pictures and the same `count` masks of each.

    `first` is the index of the first picture in its source. Raises InputError, naming the method, when an encoder's
    output cannot be measured (see `metrics.nsd`).
    """
    encoders = {name: encode for name, inpainter in inpainters.items() if (encode := encoder_of(inpainter))}
    running = {name: RunningNSD() for name in encoders}
    found = {name: Encoded({"seconds": 0.0}) for name in encoders}
    digest = hashlib.sha256()
    for i, truth in enumerate(truths if encoders else ()):
        masks = np.stack(masks_of(kind, seed, first + i, count, *truth.shape[:2]))
        digest.update(f"{masks.shape}".encode() + np.packbits(masks).tobytes())
        image, drawn = torch.from_numpy(truth).permute(2, 0, 1), torch.from_numpy(masks)[:, None]
        for name, encode in encoders.items():
            start = time.perf_counter()
            try:
                codes = encode_masks(encode, image, drawn)
                running[name].update(codes)
            except InputError as problem:
                raise InputError(f"{name}, masks {kind}: {problem}") from problem
            found[name].facts["seconds"] += time.perf_counter() - start
            if i == 0:
                found[name].shown = _shown(inpainters[name], truth, masks, codes, seed)
            if progress:
                progress(f"{name}, NSD, {kind}", i + 1, len(truths))
    for name, of_method in running.items():
        result = of_method.result()
        found[name].facts |= {
            "raw": {"mean": result.raw, "spread": result.spread},
            "standardised": {"mean": result.standardised, "spread": result.standardised_spread},
            "pictures": result.images,
            "masks": result.masks,
            "dimensions": result.dimensions,
            "constant_dimensions": result.constant_dimensions,
            "mask_hash": digest.hexdigest(),
        }
    return found


def _shown(inpainter: Inpainter, truth: Image, masks: np.ndarray, codes: Tensor, seed: int) -> list[UnderMask]:
    values = codes.cpu().double()
    distances = (values - values.mean(0)).square().mean(1).tolist()
    some = list(masks[:SHOWN])
    blanked = [np.where(mask[..., None], np.float32(0), truth) for mask in some]
    fills = fill_images(inpainter, blanked, some, seed=seed, view=replace(inpainter.view, context="whole"))
    return [UnderMask(truth, *each) for each in zip(some, fills, distances, strict=False)]
