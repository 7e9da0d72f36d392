"""The metrics of a fill. Every name says where (hole, whole picture, boundary) and of what (raw, composed)."""

from collections.abc import Callable
from dataclasses import dataclass

from inpainter.core import Image, Mask
from inpainter.metrics.pixel import mean_absolute_error, mean_squared_error, psnr
from inpainter.metrics.structure import boundary_gradient_error, gradient_energy_ratio, ssim

Measure = Callable[[Image, Image, Mask], float]
"""(truth, filled, mask) → number."""


@dataclass(frozen=True)
class Metric:
    """The description of a metric."""

    title: str
    """For the head of a table."""
    what: str
    """One sentence: what is averaged over what."""
    better: str
    """`higher`, `lower`, or `one` where 1 is best."""
    raw: bool
    """Whether it measures the raw prediction, not the composed one."""
    measure: Measure | None
    """None for LPIPS, which needs weights."""
    digits: int = 4


def _hole(function: Callable[[Image, Image, Mask | None], float]) -> Measure:
    return lambda truth, filled, mask: function(truth, filled, mask)


def _whole(function: Callable[[Image, Image, Mask | None], float]) -> Measure:
    return lambda truth, filled, mask: function(truth, filled, None)


_COMPOSED = "the composed fill, whose known pixels are the truth's"
_RAW = "the network's raw output, known pixels included, clamped to [0, 1]"

METRICS: dict[str, Metric] = {
    "l1_hole": Metric("L1, hole", "mean |error| over the hole's values", "lower", False, _hole(mean_absolute_error)),
    "mse_hole": Metric("MSE, hole", "mean squared error over the hole's values", "lower", False,
                       _hole(mean_squared_error), 5),
    "psnr_hole": Metric("PSNR, hole, dB", "PSNR of the hole's values per picture, then averaged", "higher", False,
                        _hole(psnr), 2),
    "ssim_hole": Metric("SSIM, hole", f"the SSIM map of {_COMPOSED}, over the hole", "higher", False, _hole(ssim)),
    "l1_whole_composed": Metric("L1, whole, composed", f"mean |error| over all values of {_COMPOSED}", "lower", False,
                                _whole(mean_absolute_error)),
    "mse_whole_composed": Metric("MSE, whole, composed", f"mean squared error over all values of {_COMPOSED}", "lower",
                                 False, _whole(mean_squared_error), 5),
    "psnr_whole_composed": Metric("PSNR, whole, composed, dB", f"PSNR per picture of {_COMPOSED}, then averaged",
                                  "higher", False, _whole(psnr), 2),
    "ssim_whole_composed": Metric("SSIM, whole, composed", f"SSIM of {_COMPOSED}", "higher", False, _whole(ssim)),
    "l1_whole_raw": Metric("L1, whole, raw", f"mean |error| over all values of {_RAW}", "lower", True,
                           _whole(mean_absolute_error)),
    "mse_whole_raw": Metric("MSE, whole, raw", f"mean squared error over all values of {_RAW}", "lower", True,
                            _whole(mean_squared_error), 5),
    "psnr_whole_raw": Metric("PSNR, whole, raw, dB", f"PSNR per picture of {_RAW}, then averaged", "higher", True,
                             _whole(psnr), 2),
    "ssim_whole_raw": Metric("SSIM, whole, raw", f"SSIM of {_RAW}", "higher", True, _whole(ssim)),
    "boundary_gradient_error": Metric("Boundary gradient error", "mean ||∇fill| − |∇truth|| across the hole's "
                                      "boundary, composed", "lower", False, boundary_gradient_error),
    "gradient_energy_ratio": Metric("Gradient energy ratio", "Σ|∇fill|² / Σ|∇truth|² over pairs of neighbours "
                                    "inside the hole; 0 is flat, below 1 is blur; holes without pairs and flat truths "
                                    "are left out", "one", False, gradient_energy_ratio, 3),
    "lpips_whole_composed": Metric("LPIPS, whole, composed", f"LPIPS (SqueezeNet) of {_COMPOSED}", "lower", False,
                                   None),
}  # fmt: skip
"""Every metric by its name, in the order of tables."""

__all__ = ["METRICS", "Metric"]
