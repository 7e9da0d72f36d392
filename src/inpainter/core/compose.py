"""Putting a fill into a picture without touching the rest of it."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Sample = TypeVar("Sample", bound=np.generic)


def compose(image: NDArray[Sample], filled: NDArray[Sample], mask: NDArray[np.bool_]) -> NDArray[Sample]:
    """Take `filled` where `mask` is True and `image`, bit for bit, everywhere else.

    `image` and `filled` are `(H, W)` or `(H, W, C)` of one dtype, `mask` is `(H, W)` bool.
    Raises ValueError when shapes or dtypes differ.
    """
    if image.shape != filled.shape or image.shape[:2] != mask.shape:
        raise ValueError(f"shapes differ: image {image.shape}, filled {filled.shape}, mask {mask.shape}")
    if image.dtype != filled.dtype or mask.dtype != np.bool_:
        raise ValueError(f"types differ: image {image.dtype}, filled {filled.dtype}, mask {mask.dtype} (wanted bool)")
    composed = image.copy()
    np.copyto(composed, filled, where=mask if image.ndim == 2 else mask[..., None])
    return composed
