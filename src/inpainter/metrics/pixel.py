"""Pixel-wise errors."""

import numpy as np

from inpainter.core import Image, Mask


def mean_absolute_error(truth: Image, filled: Image, where: Mask | None = None) -> float:
    """L1: the mean of |filled − truth| over all colour values, of the pixels `where` if given. 0 to 1."""
    return float(np.abs(_difference(truth, filled, where)).mean())


def mean_squared_error(truth: Image, filled: Image, where: Mask | None = None) -> float:
    """MSE: the mean of (filled − truth)² over all colour values, of the pixels `where` if given. 0 to 1."""
    return float(np.square(_difference(truth, filled, where)).mean())


def psnr(truth: Image, filled: Image, where: Mask | None = None) -> float:
    """Return the peak signal-to-noise ratio of one picture, 10 log₁₀(1 / MSE) in dB; 100 dB where they are equal.

    Averaged over pictures it is the mean of the pictures' values in dB, not the dB of their mean error.
    """
    error = mean_squared_error(truth, filled, where)
    return min(100.0, -10 * float(np.log10(error))) if error > 0 else 100.0


def _difference(truth: Image, filled: Image, where: Mask | None) -> np.ndarray:
    difference = filled.astype(np.float64) - truth
    return difference if where is None else difference[where]
