"""Filling a hole with patches of the photo itself, found from coarse to fine.

The family: Wexler, Shechtman, Irani 2007 (patches vote, from coarse to fine); Barnes and others 2009 (PatchMatch: good
offsets come from neighbours); Darabi and others 2012 (a source may be darker or lighter); Newson and others 2014
(a feature for texture); Herling, Broll 2014 (coherence); Guleryuz 2006 (few frequencies explain a block).

The work at one size of the picture is in `patches.py`; this module combines the sizes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from inpainter.core import Card, Image, Inpainter, Mask, Method, Settings, View, Work
from inpainter.methods import METHODS
from inpainter.methods.classical import TO_YCBCR, marched
from inpainter.methods.patches import REACH, Floats, Indices, Level, dct, nearest

CONTEXT, LEAST = 0.35, 160
"""How far around the hole sources are searched: a share of its longer side, and a minimum in px."""
COARSEST = 24
"""The hole's thickness, px, at which the pyramid ends."""
MARGIN = 0.85
"""A source found among all must be better by this factor than the present one, or coherent patches are torn apart."""
SEARCHED = 120_000
"""Levels with more targets are not searched: the sources of the level below are copied at full sharpness."""
RIM, RING = 2.0, 10
"""How fast the transition at the rim fades into the patches, px, and how deep it goes."""
SMOOTH, SHARE, SHADE = 5.0, 0.6, 16.0
"""Shades coarser than this (σ, px) are taken, by this share, from a smooth fill, as patches are often a little too dark
or light; differences far above the third number (levels of 255) are left."""
BLOCK, STRIDE = 16, 4
"""The side of the blocks that are transformed for the smooth fill and the rim, px, and their distance."""


@dataclass(frozen=True, kw_only=True)
class ExemplarSettings(Settings):
    """Settings of exemplar."""

    quality: Literal["fast", "balanced", "best"] = "balanced"
    """How long it searches: `fast` takes half the time and is a little worse; `best` takes a third longer, and on
    average measured no better than `balanced`."""


@dataclass(frozen=True)
class _Effort:
    starts: tuple[str, ...]
    coarsest: int
    """Iterations at the coarsest level."""
    finer: tuple[int, ...]
    """At the levels above it, the last for all that follow."""
    full: int
    """At full size."""
    among_all: bool = True
    """Whether every round searches all sources for the nearest, where that is affordable."""


_EFFORTS = {
    "fast": _Effort(("smooth",), 6, (3, 2, 1), 0),
    "balanced": _Effort(("mean", "copy", "smooth"), 10, (6, 4, 3, 2), 2),
    "best": _Effort(("mean", "copy", "smooth"), 16, (10, 8, 6, 4), 4),
}
# Its initial fill is searched among all sources, and little changes then: dust is filled quickly.
_THIN = _Effort(("copy",), 6, (1,), 0, among_all=False)


class Exemplar(Inpainter):
    """Patches of the photo, copied where they fit best."""

    view = View(amount=CONTEXT, least=LEAST)

    def __init__(self, quality: str) -> None:
        self.card = EXEMPLAR.card
        self._effort = _EFFORTS[quality]

    def predict(self, image: Image, mask: Mask, work: Work) -> Image:
        picture = to_ycbcr(image)
        barred = np.zeros_like(mask) if work.source is None else ~work.source & ~mask
        levels = _pyramid(picture, mask, barred)
        if levels is None:
            work.note("too little is left to take texture from: the fill is smooth")
            return marched(image, mask)
        rng = np.random.default_rng(work.seed)
        filled = _fill(levels, self._effort, rng, work)
        return to_rgb(filled)


def to_ycbcr(picture: Image) -> Floats:
    """Return levels of brightness and colour, in which patches are compared, for a picture in [0, 1]."""
    return (picture @ (TO_YCBCR.T * np.float32(255))).astype(np.float32)


def to_rgb(picture: Floats) -> Image:
    """Return the picture in [0, 1] for such levels."""
    return np.clip(picture @ np.linalg.inv(TO_YCBCR * np.float32(255)).T, 0, 1).astype(np.float32)


# ------------------------------------------------------------------------------------------------------------ the fill


def _pyramid(picture: Floats, mask: Mask, barred: Mask) -> list[Level] | None:
    """Return the levels from full size down to where the hole is thin; None where no patch of the picture is known."""
    levels = [Level(picture, mask, barred)]
    if not len(levels[0].sources) or not levels[0].count:
        return None
    # How many sources there are for every missing pixel; a level with far fewer has lost its texture.
    share = min(1.0, len(levels[0].sources) / mask.sum())
    while 2 * levels[-1].depth.max() > COARSEST and min(levels[-1].mask.shape) >= 28:
        level = levels[-1]
        half = Level(*halved(level.picture, level.mask, level.barred))
        if len(half.sources) < max(200, 0.4 * share * half.mask.sum()) or not half.count:
            break
        levels.append(half)
    # A huge hole in a thin frame, whose search would take minutes, has few sources anyway.
    return levels if levels[-1].count <= 2 * SEARCHED else None


def _fill(levels: list[Level], effort: _Effort, rng: np.random.Generator, work: Work) -> Floats:
    if len(levels) == 1:
        # A thin hole has only the full size, where one initial fill does as well as three.
        effort = _THIN
    rounds = [effort.coarsest, *effort.finer, *[effort.finer[-1]] * len(levels)][: len(levels)]
    if len(levels) > 1:
        rounds[-1] = effort.full
    searched = [level.count <= SEARCHED for level in levels[::-1]]
    costs = [n * level.count for n, level in zip(rounds, levels[::-1], strict=True)]
    total = sum(costs) + costs[0] * (len(effort.starts) - 1) + levels[0].count
    done = 0.0

    def after(part: float) -> None:
        nonlocal done
        done += part
        work.step(done, total)

    coarsest = levels[-1]
    coarsest.search_ready()
    # With any seed but the default the initial fill uses part of the sources, and so the result differs.
    some = coarsest.some_sources(rng) if work.seed else coarsest
    tries = [_start(coarsest, some, how, rounds[0], effort.among_all, rng, after) for how in effort.starts]
    estimate, found, distance = min(tries, key=lambda one: float(one[2].mean()))
    for number, level in enumerate(levels[-2::-1], 1):
        lower = levels[-number]
        estimate, found, distance = lifted(lower, level, estimate, found, distance)
        if rounds[number] and searched[number]:
            level.search_ready()
            estimate = level.vote(estimate, found, level.trust)
            estimate, found, distance = _iterate(level, estimate, found, rounds[number], effort.among_all, rng, after)
        else:
            estimate = level.vote(estimate, found, level.trust)
    level = levels[0]
    if searched[-1] and rounds[-1]:
        distance = level.look_at(estimate, found)
        level.propagate(found, distance)
    work.energy = float(distance.mean())
    return joined(level, level.copy(estimate, found, distance), _smooth(levels))


def _start(
    level: Level, some: Level, how: str, rounds: int, among_all: bool, rng: np.random.Generator,
    after: Callable[[float], None],
) -> tuple[Floats, Indices, Floats]:  # fmt: skip
    """Fill the coarsest level from one initial fill, made of some of its sources."""
    estimate = marched(level.picture, level.mask) if how == "smooth" else _peeled(some, how, rng)
    found = rng.choice(some.sources, level.count)
    distance = some.look_at(estimate, found)
    if not some.search_all(found, distance, 1):
        for _ in range(20):
            some.consider(found, distance, rng.choice(some.sources, level.count))
            some.propagate(found, distance)
    estimate = level.vote(estimate, found, level.trust)
    return _iterate(level, estimate, found, rounds, among_all, rng, after)


def _iterate(
    level: Level, estimate: Floats, found: Indices, rounds: int, among_all: bool, rng: np.random.Generator,
    after: Callable[[float], None],
) -> tuple[Floats, Indices, Floats]:  # fmt: skip
    """Search and vote in turn."""
    distance = level.look_at(estimate, found)
    for turn in range(rounds):
        if turn:
            distance = level.look_at(estimate, found)
        level.propagate(found, distance, 2 if turn < 2 else 1)
        for far in (1, 4):
            level.jitter(found, distance, far, rng)
        if among_all:
            level.search_all(found, distance, MARGIN)
        estimate = level.vote(estimate, found, level.weights(distance, turn))
        after(level.count)
    return estimate, found, distance


def lifted(
    lower: Level, level: Level, estimate: Floats, found: Indices, distance: Floats
) -> tuple[Floats, Indices, Floats]:
    """Return a level's result at twice the size: offsets doubled, and moved to the nearest source where needed."""
    rows, columns = np.divmod(level.targets, level.width)
    centres = np.clip(rows // 2, REACH, lower.height - 1 - REACH) * lower.width
    centres += np.clip(columns // 2, REACH, lower.width - 1 - REACH)
    at = lower.target_at[nearest((lower.target_at < lower.count).reshape(lower.mask.shape)).ravel()[centres]]
    rows = rows + 2 * (found // lower.width - lower.targets // lower.width)[at]
    columns = columns + 2 * (found % lower.width - lower.targets % lower.width)[at]
    places = np.clip(rows, 0, level.height - 1) * level.width + np.clip(columns, 0, level.width - 1)
    filled = doubled(estimate, level.picture, level.mask, cv2.INTER_LINEAR)
    return filled, nearest(level.is_source.reshape(level.mask.shape)).ravel()[places].astype(np.int32), distance[at]


def _peeled(level: Level, how: str, rng: np.random.Generator, most: int = 3000) -> Floats:
    """Fill from the rim inwards, each pixel from the source whose known part is nearest (exact masked distance).

    Σ m(a − b)² = const + m·b² − 2(ma)·b: two matrix products. `copy` takes the middle of the best patch, `mean`
    the mean of all best patches that overlap there.
    """
    sources = level.sources if len(level.sources) <= most else rng.choice(level.sources, most, replace=False)
    pixels = level.picture.reshape(-1, 3)
    patches = pixels[sources[:, None] + level.steps].reshape(len(sources), -1)
    filled, hole = pixels.copy(), level.mask.copy()
    while hole.any():
        rim = hole & (cv2.erode(hole.view(np.uint8), np.ones((3, 3), np.uint8)) == 0)
        # Where the hole reaches the picture's border there is no rim.
        rows, columns = np.nonzero(rim if rim.any() else hole)
        places = rows * level.width + columns
        middle = np.clip(rows, REACH, level.height - 1 - REACH) * level.width
        middle = middle + np.clip(columns, REACH, level.width - 1 - REACH)
        centres, which = np.unique(middle, return_inverse=True)
        covered = centres[:, None] + level.steps
        known = np.repeat(~hole.ravel()[covered], 3, axis=1).astype(np.float32)
        here = filled[covered].reshape(len(centres), -1) * known
        costs = known @ (patches * patches).T - 2 * here @ patches.T
        best = sources[costs.argmin(axis=1)]
        if how == "copy":
            filled[places] = pixels[best[which] + (places - middle)]
        else:
            said, flat = pixels[best[:, None] + level.steps].reshape(-1, 3), covered.ravel()
            votes = np.bincount(flat, minlength=len(filled))[places]
            for channel in range(3):
                filled[places, channel] = np.bincount(flat, said[:, channel], len(filled))[places] / votes
        hole.ravel()[places] = False
    return filled.reshape(level.picture.shape)


def halved(picture: Floats, mask: Mask, barred: Mask) -> tuple[Floats, Mask, Mask]:
    """Halve the size: colours are means of known pixels, missing where none is known, barred where one is barred."""
    pad = [(0, mask.shape[0] % 2), (0, mask.shape[1] % 2)]
    known = ~np.pad(mask, pad, "edge")
    colours = np.where(known[..., None], np.pad(picture, [*pad, (0, 0)], "edge"), np.float32(0))
    size = (known.shape[1] // 2, known.shape[0] // 2)
    share, bar = (cv2.resize(each.astype(np.float32), size, interpolation=cv2.INTER_AREA)
                  for each in (known, np.pad(barred, pad, "edge")))  # fmt: skip
    total = cv2.resize(colours, size, interpolation=cv2.INTER_AREA)
    mean = np.asarray(total / np.maximum(share, np.float32(0.25))[..., None], np.float32)
    return mean, share == 0, bar > 0


# -------------------------------------------------------------------------------------------------------- smooth fills


def joined(level: Level, copied: Floats, smooth: Floats) -> Floats:
    """Return the copied patches with the shades of the smooth fill, joined to the known pixels at the rim."""
    coarse = [cv2.GaussianBlur(each, (0, 0), SMOOTH) for each in (smooth, copied)]
    wrong = coarse[0] - coarse[1]
    # A large difference is an object that the smooth fill lacks, not a shade.
    wrong *= np.float32(SHARE) / (1 + np.square(wrong / np.float32(SHADE)).sum(axis=2, keepdims=True))
    shaded = np.where(level.mask[..., None], copied + wrong, copied)
    share = np.exp((1 - level.depth) / RIM)[..., None]
    return shaded + share * (_by_frequencies(shaded, level.mask, level.depth) - shaded)


def _smooth(levels: Sequence[Level]) -> Floats:
    """Return a fill without texture, from the smallest level up: the rim of each, inside it the level below."""
    filled = marched(levels[-1].picture, levels[-1].mask)
    for level in reversed(levels):
        if filled.shape != level.picture.shape:
            filled = doubled(filled, level.picture, level.mask)
        filled = _by_frequencies(filled, level.mask, level.depth)
    return filled


def doubled(lower: Floats, picture: Floats, mask: Mask, interpolation: int = cv2.INTER_CUBIC) -> Floats:
    """Return a picture with its hole filled from the one at half its size."""
    height, width = mask.shape
    twice = cv2.resize(lower, (2 * lower.shape[1], 2 * lower.shape[0]), interpolation=interpolation)
    return np.where(mask[..., None], twice[:height, :width], picture).astype(np.float32)


def _by_frequencies(filled: Floats, mask: Mask, depth: Floats, rounds: int = 8) -> Floats:
    """Fill the ring next to the known pixels with the few frequencies that explain the blocks around it.

    Overlapping blocks are transformed (DCT), coefficients below a threshold dropped, and the ring takes the mean of
    the blocks; the threshold falls from round to round (Guleryuz 2006, section III).
    """
    height, width = mask.shape
    if min(height, width) < BLOCK:
        return filled
    ring = mask & (depth <= RING)
    # The number of the ring's pixels in each block, by its top left pixel.
    sums = cv2.integral(ring.view(np.uint8))
    counts = sums[BLOCK:, BLOCK:] - sums[:-BLOCK, BLOCK:] - sums[BLOCK:, :-BLOCK] + sums[:-BLOCK, :-BLOCK]
    rows, columns = np.ogrid[: counts.shape[0], : counts.shape[1]]
    at_rows = (rows % STRIDE == 0) | (rows == counts.shape[0] - 1)
    at_columns = (columns % STRIDE == 0) | (columns == counts.shape[1] - 1)
    tops, lefts = np.nonzero((counts > 0) & at_rows & at_columns)
    inside = np.arange(BLOCK)[:, None] * width + np.arange(BLOCK)
    covered = (tops * width + lefts)[:, None] + inside.ravel()
    flat, places = covered.ravel(), np.flatnonzero(ring)
    votes = np.bincount(flat, minlength=mask.size)[places]
    pixels = filled.reshape(-1, 3).copy()
    for threshold in np.geomspace(60, 6, rounds):
        for channel in range(3):
            spectrum = pixels[covered, channel] @ _BLOCK_DCT.T
            brightness = spectrum[:, 0].copy()
            spectrum[np.abs(spectrum) < threshold] = 0
            spectrum[:, 0] = brightness
            said = np.bincount(flat, (spectrum @ _BLOCK_DCT).ravel(), mask.size)
            pixels[places, channel] = said[places] / votes
    return pixels.reshape(filled.shape)


# Two-dimensional: one row per pair of frequencies of a block.
_BLOCK_DCT = np.kron(dct(BLOCK), dct(BLOCK))

EXEMPLAR = Method(
    Card(
        name="exemplar",
        summary=METHODS["exemplar"].summary,
        source=(
            "This project, after Y. Wexler, E. Shechtman, M. Irani, Space-Time Completion of Video, 2007; C. Barnes "
            "and others, PatchMatch, 2009; S. Darabi and others, Image Melding, 2012; A. Newson and others, Video "
            "Inpainting of Complex Scenes, 2014; J. Herling, W. Broll, High-Quality Real-Time Video Inpainting with "
            "PixMix, 2014; O. Guleryuz, Nonlinear Approximation Based Image Recovery, 2006"
        ),
        good_for="removing things: grass, sand, water, walls, foliage, whatever the photo has more of",
        bad_for="what the photo shows once only: faces, cars, the end of a thing behind another; it makes them up",
        uses_source=True,
        draws=True,
    ),
    lambda settings, device: Exemplar(settings.quality),
    ExemplarSettings,
)
