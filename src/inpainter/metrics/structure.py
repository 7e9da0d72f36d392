"""Structure, seams and sharpness."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.core import Image, Mask

C1, C2 = 0.01**2, 0.03**2
"""The constants of SSIM for values in [0, 1] (Wang et al. 2004, section III-B)."""
RADIUS = 5
"""The radius of SSIM's Gaussian window, 11×11 px, σ = 1.5."""
FLAT = 1e-4
"""A truth whose steps have a mean square up to this, 2.5 levels of 255, has no detail to compare: the ratio would be
arbitrary, and one sky would outweigh all other pictures."""


def ssim(truth: Image, filled: Image, where: Mask | None = None) -> float:
    """Structural similarity (Wang et al. 2004, equation 13), the mean over colours and pixels; at most 1.

    The window is a Gaussian of σ = 1.5 px in 11×11. Over the whole picture, windows that leave it do not count (as in
    the original); with `where` the mean is over those pixels, and the picture is mirrored at its border. Pictures
    with a side below 11 px are mirrored as well.
    """
    similarity = _ssim_map(truth.astype(np.float64), filled.astype(np.float64))
    if where is not None:
        return float(similarity[where].mean())
    if min(similarity.shape[:2]) > 2 * RADIUS:
        similarity = similarity[RADIUS:-RADIUS, RADIUS:-RADIUS]
    return float(similarity.mean())


def _ssim_map(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    def blurred(values: NDArray[np.float64]) -> NDArray[np.float64]:
        size = 2 * RADIUS + 1
        return np.asarray(cv2.GaussianBlur(values, (size, size), 1.5, borderType=cv2.BORDER_REFLECT), dtype=np.float64)

    mx, my = blurred(x), blurred(y)
    vx, vy, covariance = blurred(x * x) - mx * mx, blurred(y * y) - my * my, blurred(x * y) - mx * my
    return (2 * mx * my + C1) * (2 * covariance + C2) / ((mx * mx + my * my + C1) * (vx + vy + C2))


def boundary_gradient_error(truth: Image, filled: Image, mask: Mask) -> float:
    """Return how much stronger or weaker than in the truth the steps across the hole's boundary are; ours.

    The mean of | |∇filled| − |∇truth| | over colours and over all pairs of neighbours of which one is missing and one
    is known. `filled` is composed. 0 to 1; NaN where the mask has no boundary inside the picture.
    """
    steps = []
    for axis in (0, 1):
        across = np.diff(mask, axis=axis)
        sizes = [np.abs(np.diff(picture.astype(np.float64), axis=axis)) for picture in (filled, truth)]
        steps.append(np.abs((sizes[0] - sizes[1])[across]).ravel())
    whole = np.concatenate(steps)
    return float(whole.mean()) if whole.size else float("nan")


def gradient_energy_ratio(truth: Image, filled: Image, mask: Mask) -> float:
    """Return the detail of the fill: Σ|∇filled|² / Σ|∇truth|² over pairs of neighbours that are both missing; ours.

    0 is a flat fill, less than 1 is blur, 1 is as much detail as in the truth, more is noise. Steps across the hole's
    boundary do not count: a flat fill makes strong ones. NaN where the hole has no such pair, or the truth is flat
    there (`FLAT`).
    """
    energies, values = [0.0, 0.0], 0
    for axis in (0, 1):
        inside = mask[:-1] & mask[1:] if axis == 0 else mask[:, :-1] & mask[:, 1:]
        values += int(inside.sum()) * truth.shape[2]
        for i, picture in enumerate((filled, truth)):
            energies[i] += float(np.square(np.diff(picture.astype(np.float64), axis=axis)[inside]).sum())
    return energies[0] / energies[1] if energies[1] > FLAT * values else float("nan")
