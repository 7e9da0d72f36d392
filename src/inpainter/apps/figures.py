"""The figures of a report as PNG files: methods side by side, and one picture under several masks."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.core import Image, Mask
from inpainter.engine.evaluation import Result

SIDE, GAP, LINE = 160, 6, 18
"""Of a cell, between cells, and of a line of text, px."""
Sheet = NDArray[np.uint8]
"""A figure `(H, W, 3)`."""


class Cell(NamedTuple):
    """A picture of a figure, with a line of text beneath."""

    image: Image
    caption: str = ""


def comparison(results: Sequence[Result], kind: str) -> Sheet | None:
    """Draw the pictures of a kind of mask, a row each: what is given, every method's fill, the truth."""
    shown = [result.shown.get(kind, []) for result in results]
    if not all(shown):
        return None
    rows = []
    for pictures in zip(*shown, strict=True):
        truth = pictures[0].truth
        rows.append([Cell(given(truth, pictures[0].mask)), *(Cell(one.answer) for one in pictures), Cell(truth)])
    return grid(["given", *(Path(result.method).name for result in results), "truth"], rows)


def extremes(results: Sequence[Result], kind: str) -> Sheet | None:
    """Draw each method's best and worst fills of a kind of mask, PSNR in the hole beneath, under what was given."""
    measured = [result for result in results if result.extremes.get(kind)]
    if not measured:
        return None
    rows = []
    for result in measured:
        name, found = Path(result.method).name, result.extremes[kind]
        rows.append([Cell(given(one.truth, one.mask)) for _, one in found])
        rows.append([Cell(one.answer, f"{name} {psnr:.1f} dB") for psnr, one in found])
    columns = max(len(result.extremes[kind]) for result in measured)
    best = (columns + 1) // 2
    return grid(["best"] * best + ["worst"] * (columns - best), rows)


def under_masks(results: Sequence[Result], kind: str) -> Sheet | None:
    """Draw one picture under several masks: what is given, then a row a method, the latent's distance beneath."""
    measured = [result for result in results if result.under_masks.get(kind)]
    if not measured:
        return None
    shown = measured[0].under_masks[kind]
    rows = [[Cell(given(one.truth, one.mask)) for one in shown]]
    for result in measured:
        name = Path(result.method).name
        rows.append([Cell(one.answer, f"{name} {one.distance:.4f}") for one in result.under_masks[kind]])
    return grid([f"mask {i + 1}" for i in range(len(shown))], rows)


def given(truth: Image, mask: Mask) -> Image:
    """What a method gets, its hole in white."""
    return np.where(mask[..., None], np.float32(1), truth)


def png(image: Image | Sheet) -> bytes:
    """Encode a picture."""
    samples = image if image.dtype == np.uint8 else (image * 255).round().astype(np.uint8)
    # OpenCV's quick strategy makes files of enlarged pictures ten times as large.
    small = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT]
    return cv2.imencode(".png", np.ascontiguousarray(samples[..., ::-1]), small)[1].tobytes()


def grid(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Sheet:
    """Draw rows of pictures under the heads of their columns; each fits a square of 160 px."""
    width = len(heads) * (SIDE + GAP) + GAP
    bands = [_band(heads, width)]
    for row in rows:
        band = np.full((SIDE + GAP, width, 3), 255, dtype=np.uint8)
        for column, cell in enumerate(row):
            picture = _fitted(cell.image)
            height, across = picture.shape[:2]
            y, x = (SIDE - height) // 2, GAP + column * (SIDE + GAP) + (SIDE - across) // 2
            band[y : y + height, x : x + across] = picture
        bands.append(band)
        if any(cell.caption for cell in row):
            bands.append(_band([cell.caption for cell in row], width))
    return np.concatenate(bands)


def _band(words: Sequence[str], width: int) -> Sheet:
    """A line of text, a word a column, each shrunk until it fits."""
    band = np.full((LINE + GAP, width, 3), 255, dtype=np.uint8)
    for column, word in enumerate(words):
        taken = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)[0][0]
        scale = 0.45 * min(1.0, SIDE / max(taken, 1))
        taken = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0]
        x = GAP + column * (SIDE + GAP) + max(0, SIDE - taken) // 2
        cv2.putText(band, word, (x, LINE - 4), cv2.FONT_HERSHEY_SIMPLEX, scale, (26, 26, 26), 1, cv2.LINE_AA)
    return band


def _fitted(image: Image) -> Sheet:
    scale = SIDE / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    # The pixels of small pictures stay visible; of larger ones they would become uneven.
    enlarge = cv2.INTER_NEAREST if scale >= 2 else cv2.INTER_LINEAR
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else enlarge)
    return (np.clip(scaled, 0, 1) * 255).round().astype(np.uint8)
