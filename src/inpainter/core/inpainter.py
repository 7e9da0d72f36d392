"""The contract that every method keeps, because the call that enforces it is final."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from inpainter.core.compose import compose
from inpainter.core.method import Method

Image = NDArray[np.float32]
"""Colour samples, `(H, W, 3)`, in [0, 1]."""
Mask = NDArray[np.bool_]
"""Where pixels are missing, `(H, W)`; True = fill this."""


@dataclass(frozen=True)
class Sizes:
    """The picture sizes that an inpainter takes, in pixels."""

    minimum: int = 1
    """The shortest side it can work on."""
    multiple: int = 1
    """Both sides must be multiples of this."""
    fixed: tuple[int, int] | None = None
    """(height, width) where only one size is possible."""

    def accept(self, height: int, width: int) -> bool:
        """Whether a picture of this size can be handed over as it is."""
        if self.fixed is not None:
            return (height, width) == self.fixed
        return min(height, width) >= self.minimum and height % self.multiple == 0 and width % self.multiple == 0

    def __str__(self) -> str:
        if self.fixed is not None:
            return f"{self.fixed[0]}×{self.fixed[1]} (height×width) only"
        return f"sides of at least {self.minimum} px that are multiples of {self.multiple}"


class Inpainter(ABC):
    """A method, loaded and ready: `inpainter(image, mask) -> image`.

    A subclass sets `method`, may set `sizes` and `reach`, and writes `predict`. It cannot break the contract:

    1. what lies under the mask is blanked (0) before `predict` sees it, so nothing of the truth leaks;
    2. what lies outside the mask comes back bit for bit;
    3. shapes, types and ranges are checked before and after;
    4. the seed is handed on, so that the same seed and input give the same answer on the same machine.
    """

    method: Method
    sizes: Sizes = Sizes()
    reach: int | None = None
    """How far beyond a hole it looks, in pixels; None when the surroundings it wants grow with the hole."""

    @final
    def __call__(self, image: Image, mask: Mask, *, seed: int = 0) -> Image:
        """Fill `image` where `mask` is True.

        `image` is `(H, W, 3)` float32 in [0, 1]; `mask` is `(H, W)` bool; the answer is shaped like `image`.
        Raises TypeError or ValueError, saying what came and what is wanted.
        """
        self._check_kind(image, mask)
        blanked = image.copy()
        blanked[mask] = 0
        self._check_values(blanked, mask)
        if not mask.any():
            return blanked
        filled = np.asarray(self.predict(blanked, mask.copy(), seed), dtype=np.float32)
        if filled.shape != image.shape:
            raise RuntimeError(f"{self.method.name} answered {filled.shape} for a picture of {image.shape}")
        if not np.isfinite(filled[mask]).all():
            raise RuntimeError(f"{self.method.name} answered values that are not finite numbers")
        return compose(image, np.clip(filled, 0, 1), mask)

    @abstractmethod
    def predict(self, image: Image, mask: Mask, seed: int) -> Image:
        """Answer a whole `(H, W, 3)` picture; only what lies under the mask is used.

        `image` is 0 under the mask, which has at least one True pixel. Both may be changed in place.
        """

    def _check_kind(self, image: Image, mask: Mask) -> None:
        name = self.method.name
        for what, array, dtype in (("image", image, np.float32), ("mask", mask, np.bool_)):
            if not isinstance(array, np.ndarray) or array.dtype != dtype:
                came = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
                raise TypeError(f"{name} wants the {what} as a NumPy array of {dtype.__name__}, not {came}")
        if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise ValueError(f"{name} wants an image (H, W, 3), not {image.shape}")
        if mask.shape != image.shape[:2]:
            raise ValueError(f"{name} wants a mask {image.shape[:2]} for this image, not {mask.shape}")
        if not self.sizes.accept(*mask.shape):
            raise ValueError(f"{name} wants {self.sizes}, not {mask.shape[0]}×{mask.shape[1]} (height×width)")

    def _check_values(self, blanked: Image, mask: Mask) -> None:
        low, high = blanked.min(), blanked.max()
        # Written so that NaN fails too.
        if not (low >= 0 and high <= 1):
            raise ValueError(f"{self.method.name} wants values in [0, 1], not {low} to {high}")
        if mask.all() and not self.method.fills_everything:
            raise ValueError(f"{self.method.name} needs some of the picture: the mask covers all of it")
