"""Patches of a picture at one size: describing them, finding the nearest for each, and averaging them.

Written for NumPy: every step works on all patches at once. A *target* is a 7×7 patch that touches the hole, a *source*
one that is known whole; both are named by the flat index of their centre. `found[t]` is the source of target t;
together they are the nearest-neighbour field.
"""

from copy import copy

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.core import Mask

Floats = NDArray[np.float32]
Indices = NDArray[np.int32]

SIDE, REACH = 7, 3
"""The side of a patch, px, and its reach from the centre."""
CHROMA, TEXTURE = 3.0, 0.7
"""Weights of colour and of texture in a patch's description, relative to luma."""
COHERENCE = 0.2
"""The penalty λ for a target whose 8 neighbours all have other offsets."""
BIAS = 20.0
"""How much darker or lighter than itself a source may be taken, levels of 255 (Darabi et al. 2012, section 3)."""
PLACE = 16
"""The side of the places that an initial fill may have to do without, px."""
EXACT = 30_000_000
"""Up to this many pairs of target and source, all are searched for the nearest."""


class Level:
    """The picture at one size, with its targets, its sources and their neighbours."""

    def __init__(self, picture: Floats, mask: Mask, barred: Mask) -> None:
        self.picture, self.mask, self.barred = picture, mask, barred
        self.height, self.width = mask.shape
        self._covering: list[Indices] = []
        inner = np.zeros(mask.shape, bool)
        inner[REACH : self.height - REACH, REACH : self.width - REACH] = True
        self.is_source = (inner & ~_widened(mask | barred)).ravel()
        self.sources = np.flatnonzero(self.is_source).astype(np.int32)
        self.targets = np.flatnonzero(inner & _widened(mask)).astype(np.int32)
        self.count = len(self.targets)
        self.missing = np.flatnonzero(mask).astype(np.int32)
        self.depth = depth_of(mask)
        # Which target a pixel is the centre of; `count` is none. Targets keep away from the border by the reach of a
        # patch, so that no index of a neighbour runs over into another row's targets.
        self.target_at = np.full(mask.size, self.count, np.int32)
        self.target_at[self.targets] = np.arange(self.count, dtype=np.int32)
        rows, columns = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
        self.steps = (rows * self.width + columns).ravel().astype(np.int32)
        self.squares = (rows**2 + columns**2).ravel().astype(np.float32)
        self.means = cv2.blur(picture, (SIDE, SIDE)).reshape(-1, 3)
        # Deep in the hole everything rests on guesses.
        self.trust = np.power(np.float32(1.3), -np.minimum(self.depth.ravel()[self.targets], 20))

    def search_ready(self) -> None:
        """Describe the sources and index neighbours; only levels that are searched need it, or have memory for it."""
        near = (-1, 1, -self.width, self.width, -self.width - 1, 1 - self.width, self.width - 1, self.width + 1)
        self.near = [(step, self.target_at.take(self.targets + step, mode="clip")) for step in near]
        self._covering = [self._covered_by(step) for step in self.steps]
        self.texture = _gradients(self.picture)
        self.described = self.describe(self.picture, self.texture)

    def some_sources(self, rng: np.random.Generator) -> "Level":
        """Return the same level with the sources of about half of its places."""
        rows, columns = -(-self.height // PLACE), -(-self.width // PLACE)
        taken = np.kron(rng.random((rows, columns)) < 0.5, np.ones((PLACE, PLACE), bool))
        some = copy(self)
        some.is_source = self.is_source & taken[: self.height, : self.width].ravel()
        some.sources = np.flatnonzero(some.is_source).astype(np.int32)
        return some if len(some.sources) else self

    def _covered_by(self, step: int) -> Indices:
        """Return which target covers each missing pixel at this place in the patch."""
        return self.target_at.take(self.missing - step, mode="clip")

    def describe(self, picture: Floats, texture: Floats) -> Floats:
        """Return 23 numbers for the patch at every pixel, `(H·W, 23)`: low frequencies (DCT) and amount of texture."""
        planes = np.empty((23, self.height, self.width), np.float32)
        luma = np.ascontiguousarray(picture[..., 0])
        colours = [np.ascontiguousarray(picture[..., channel]) * np.float32(CHROMA) for channel in (1, 2)]
        filters = [(luma, u, v) for u in range(5) for v in range(5 - u)]
        filters += [(colour, u, v) for colour in colours for u, v in ((0, 0), (0, 1), (1, 0))]
        for plane, (channel, u, v) in zip(planes, filters, strict=False):
            cv2.sepFilter2D(channel, cv2.CV_32F, _DCT[u], _DCT[v], dst=plane)
        for plane, channel in zip(planes[21:], np.moveaxis(texture, 2, 0), strict=True):
            plane[:] = cv2.blur(channel, (SIDE, SIDE)) * np.float32(TEXTURE * SIDE)
        return np.ascontiguousarray(planes.reshape(23, -1).T)

    def _describe_targets(self, picture: Floats, texture: Floats) -> Floats:
        """Return the same numbers for the targets alone: faster, where they are few."""
        covered = self.targets[:, None] + self.steps
        luma = picture[..., 0].ravel()[covered] @ _LOW.T
        colours = [picture[..., channel].ravel()[covered] @ (_LOW[[0, 1, 5]] * CHROMA).T for channel in (1, 2)]
        amounts = [texture[..., axis].ravel()[covered].mean(axis=1) * (TEXTURE * SIDE) for axis in (0, 1)]
        return np.column_stack([luma, *colours, *amounts]).astype(np.float32)

    def look_at(self, estimate: Floats, found: Indices) -> Floats:
        """Describe the targets as the estimate has them now; returns their distances.

        The texture is not the estimate's, which is blurred by its votes, but that of each pixel's source (Newson et
        al., section 3.3).
        """
        texture = self.texture.reshape(-1, 2).copy()
        texture[self.targets] = np.where(
            self.mask.ravel()[self.targets, None], texture[found], texture[self.targets]
        )  # fmt: skip
        texture = texture.reshape(self.height, self.width, 2)
        if self.count * 4 < self.mask.size:
            self.wanted = self._describe_targets(estimate, texture)
        else:
            self.wanted = self.describe(estimate, texture)[self.targets]
        return self.distance(np.arange(self.count), found)

    def distance(self, targets: NDArray[np.integer], sources: Indices) -> Floats:
        """Return the squared difference of the descriptions of pairs."""
        difference = self.described.take(sources, axis=0)
        difference -= self.wanted[targets]
        return np.einsum("ij,ij->i", difference, difference)

    # ------------------------------------------------------------------------------------------------------- search

    def consider(self, found: Indices, distance: Floats, candidates: Indices, margin: float = 1) -> None:
        """Take the candidates that are better by d(1 + λn/8), n of 8 neighbours having another offset."""
        inside = (candidates >= 0) & (candidates < self.mask.size) & (candidates != found)
        some = np.flatnonzero(inside & self.is_source.take(candidates, mode="clip"))
        new = candidates[some]
        theirs = self.distance(some, new)
        # Those that cannot win by any coherence are skipped.
        hopeful = theirs < distance[some] * (1 + COHERENCE)
        some, new, theirs = some[hopeful], new[hopeful], theirs[hopeful]
        offsets = np.append(found - self.targets, np.int32(2**30))
        alone_new = self._alone(some, new - self.targets[some], offsets)
        alone_old = self._alone(some, offsets[some], offsets)
        better = theirs * (1 + COHERENCE * alone_new) < margin * distance[some] * (1 + COHERENCE * alone_old)
        found[some[better]], distance[some[better]] = new[better], theirs[better]

    def _alone(self, targets: NDArray[np.integer], offset: Indices, offsets: Indices) -> Floats:
        """Return for every target the share of its 8 neighbours with another offset."""
        alone = np.zeros(len(targets), np.float32)
        for _, neighbours in self.near:
            theirs = neighbours[targets]
            alone += (offsets[theirs] != offset) & (theirs < self.count)
        return alone / np.float32(8)

    def propagate(self, found: Indices, distance: Floats, times: int = 1) -> None:
        """Consider the sources of the four nearest neighbours, shifted (Barnes et al., section 3.2)."""
        for _ in range(times):
            for step, neighbours in self.near[:4]:
                moved = np.append(found, np.int32(-(2**30)))[neighbours] - np.int32(step)
                self.consider(found, distance, moved)

    def jitter(self, found: Indices, distance: Floats, far: int, rng: np.random.Generator) -> None:
        """Consider places near the present sources."""
        rows, columns = rng.integers(-far, far + 1, (2, self.count), dtype=np.int32)
        self.consider(found, distance, found + rows * np.int32(self.width) + columns)

    def search_all(self, found: Indices, distance: Floats, margin: float) -> bool:
        """Consider the nearest of all sources where that is affordable; returns whether it was.

        |t − s|² is least where t·s − |s|²/2 is largest: one matrix product, in parts that fit into the cache.
        """
        if self.count * len(self.sources) > EXACT:
            return False
        sources = self.described[self.sources]
        table = np.vstack([sources.T, -np.einsum("ij,ij->i", sources, sources) / 2])
        wanted = np.column_stack([self.wanted, np.ones(self.count, np.float32)])
        rows = max(1, 1_000_000 // len(self.sources))
        product = np.empty((rows, len(self.sources)), np.float32)
        best = np.empty(self.count, np.int64)
        for first in range(0, self.count, rows):
            part = wanted[first : first + rows]
            best[first : first + rows] = np.matmul(part, table, out=product[: len(part)]).argmax(axis=1)
        self.consider(found, distance, self.sources[best], margin)
        return True

    # ---------------------------------------------------------------------------------------------------------- votes

    def bias(self, estimate: Floats, found: Indices) -> Floats:
        """Return how much lighter each target is than its source, a colour, `(count + 1, 4)`; the last row is 0."""
        means = cv2.blur(estimate, (SIDE, SIDE)).reshape(-1, 3)[self.targets]
        bias = np.zeros((self.count + 1, 4), np.float32)
        bias[:-1, :3] = np.clip(means - self.means[found], -BIAS, BIAS)
        return bias

    def weights(self, distance: Floats, turn: int) -> Floats:
        """Return the weight of each target's patch: the lower the worse it fits, more so from round to round."""
        spread = max(float(np.percentile(distance, 75)) / (1 + turn), 1e-3)
        return np.exp(-np.minimum(distance / (2 * spread), 60)) * self.trust

    def vote(self, estimate: Floats, found: Indices, weights: Floats) -> Floats:
        """Return the mean, at every pixel, of all patches that cover it, biased (Wexler et al., equation 4)."""
        return self._gather(estimate, found, self.bias(estimate, found), weights)

    def _gather(self, estimate: Floats, found: Indices, bias: Floats, weights: Floats) -> Floats:
        # A pixel is 16 bytes, colours and a one, which NumPy gathers as one complex number: several times as fast.
        pixels = np.dstack([self.picture, np.ones(self.mask.shape, np.float32)]).view(np.complex128).ravel()
        biases, sources, weights = bias.view(np.complex128).ravel(), np.append(found, 0), np.append(weights, 0)
        total = np.zeros((len(self.missing), 4), np.float32)
        for step, covering in zip(self.steps, self._covering or map(self._covered_by, self.steps), strict=True):
            said = pixels.take(sources.take(covering) + step, mode="clip").view(np.float32).reshape(-1, 4)
            said += biases.take(covering).view(np.float32).reshape(-1, 4)
            said *= weights.take(covering)[:, None]
            total += said
        mean = np.asarray(total[:, :3] / np.maximum(total[:, 3:], np.float32(1e-30)), np.float32)
        return self._put(estimate, mean, total[:, 3] > 0)

    def copy(self, estimate: Floats, found: Indices, distance: Floats) -> Floats:
        """Return every pixel from the best patch that covers it, which keeps texture sharp; nearer centres first."""
        badness = np.append(distance / self.trust, np.inf).astype(np.float32)
        least = np.full(len(self.missing), np.inf, np.float32)
        chosen = np.full(len(self.missing), self.count, np.int32)
        places = np.zeros(len(self.missing), np.int32)
        coverings = self._covering or map(self._covered_by, self.steps)
        for step, square, covering in zip(self.steps, self.squares, coverings, strict=True):
            bad = badness.take(covering) * (1 + square / 18)
            better = bad < least
            least[better], chosen[better], places[better] = bad[better], covering[better], step
        said = self.picture.reshape(-1, 3).take(np.append(found, 0).take(chosen) + places, axis=0, mode="clip")
        said = said + self.bias(estimate, found)[chosen, :3]
        return self._put(estimate, said, chosen < self.count)

    def _put(self, estimate: Floats, values: Floats, where: NDArray[np.bool_]) -> Floats:
        filled = estimate.reshape(-1, 3).copy()
        filled[self.missing[where]] = values[where]
        return filled.reshape(estimate.shape)


def _widened(mask: Mask) -> Mask:
    """Return the centres of all patches that touch the mask."""
    window = np.ones((SIDE, SIDE), np.uint8)
    return cv2.dilate(mask.view(np.uint8), window, borderType=cv2.BORDER_CONSTANT, borderValue=(0,)).view(np.bool_)


def _gradients(picture: Floats) -> Floats:
    """Return |∂x Y| and |∂y Y|, `(H, W, 2)`."""
    luma = np.ascontiguousarray(picture[..., 0])
    slopes = [np.abs(cv2.Sobel(luma, cv2.CV_32F, *axes, ksize=1)) / 2 for axes in ((1, 0), (0, 1))]
    return np.asarray(np.dstack(slopes), np.float32)


def depth_of(mask: Mask) -> Floats:
    """Return for every pixel the distance to the nearest known one, px; nothing beyond the border is known."""
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(depth, np.float32)


def nearest(where: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for every pixel of `(H, W)` the flat index of the nearest True one in `where`, which has at least one."""
    _, labels = cv2.distanceTransformWithLabels(
        (~where).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    # Every True pixel has a label of its own, shared by the pixels nearest to it.
    label_of = np.asarray(labels, np.int64)
    place_of = np.zeros(int(label_of.max()) + 1, np.int64)
    place_of[label_of[where]] = np.flatnonzero(where)
    return place_of[label_of]


def dct(side: int) -> Floats:
    """Return the orthonormal discrete cosine transform of `side` values, one row per frequency."""
    waves = np.sqrt(2 / side) * np.cos(np.pi / side * np.outer(np.arange(side), np.arange(side) + 0.5))
    waves[0] /= np.sqrt(2)
    return np.asarray(waves, np.float32)


_DCT = dct(SIDE)
# The products of two of its rows that give a patch's low frequencies, in the order of `describe`.
_LOW = np.stack([np.outer(_DCT[v], _DCT[u]).ravel() for u in range(5) for v in range(5 - u)])
