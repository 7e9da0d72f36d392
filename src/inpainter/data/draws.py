"""Random numbers that depend only on where they are used: counter-based instead of stateful."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def scramble(numbers: Numbers) -> Numbers:
    """Turn each counter into a random 64-bit number (the finaliser of SplitMix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        z = numbers + _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def keys(seed: int, epoch: int, indices: NDArray[np.integer]) -> Numbers:
    """Return one random key for each picture of an epoch: a pure function of (seed, epoch, index)."""
    start = scramble(scramble(np.array([seed], dtype=np.uint64)) ^ np.uint64(epoch))
    return scramble(start ^ scramble(np.asarray(indices, dtype=np.uint64)))


def integers(key: Numbers, count: int, low: int, high: int, stream: int = 0) -> NDArray[np.int64]:
    """Return `(len(key), count)` integers in [low, high), uniform; another `stream` gives independent ones."""
    with np.errstate(over="ignore"):
        counters = key[:, None] + np.arange(stream * 1000, stream * 1000 + count, dtype=np.uint64) * _GOLDEN
    # The high 32 bits times the range: below 2⁻²⁰ from uniform for ranges of a picture's size.
    return low + ((scramble(counters) >> np.uint64(32)) * np.uint64(high - low) >> np.uint64(32)).astype(np.int64)
