"""The contract that every method keeps, because the calls that enforce it are final."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar, final, overload

import numpy as np
from numpy.typing import NDArray

from inpainter.core.compose import compose
from inpainter.core.method import Card
from inpainter.core.view import View
from inpainter.core.work import Work

Image = NDArray[np.float32]
"""Colour samples, `(H, W, 3)`, in [0, 1]."""
Mask = NDArray[np.bool_]
"""Where pixels are missing, `(H, W)`; True = fill this."""
Images = NDArray[np.float32]
"""Several images of one size, `(N, H, W, 3)`."""
Masks = NDArray[np.bool_]
"""Their masks, `(N, H, W)`."""
Codes = NDArray[np.float32]
"""What an encoder makes of images, `(N, D)`."""

Picture = TypeVar("Picture")


class Inpainter(ABC):
    """A method, loaded and ready: `inpainter(image, mask) -> image`.

    A subclass sets `card`, may set `view`, and writes `predict`, or `predict_batch` where many at a time are faster.
    It cannot break the contract:

    1. what lies under the mask is blanked (0) before `predict` sees it, so nothing of the truth leaks;
    2. what lies outside the mask comes back bit for bit;
    3. shapes, types and ranges are checked before and after;
    4. the seed is handed on, so that the same seed and input give the same fill on the same machine.
    """

    card: Card
    view: View = View()
    """The sizes it takes and the surroundings it wants to see."""
    encodes: bool = False
    """Whether it has an encoder, whose code NSD can be measured of."""

    def __repr__(self) -> str:
        return f"<inpainter {self.card.name}: {self.card.summary}>"

    @final
    def __call__(self, image: Image, mask: Mask, work: Work | None = None) -> Image:
        """Fill `image` where `mask` is True, at a size that `view` accepts.

        `image` is `(H, W, 3)` float32 in [0, 1]; `mask` is `(H, W)` bool; the fill is shaped like `image`. Raises
        TypeError or ValueError, saying what came and what is wanted.
        """
        self._check_kind(image, mask, ("H", "W"))
        return self._filled(image[None], mask[None], [work or Work()])[0]

    @final
    def call_batch(self, images: Images, masks: Masks, works: Sequence[Work] | None = None) -> Images:
        """Fill N images of one size at a time: the same contract, and as many works, one for each.

        `images` is `(N, H, W, 3)` float32 in [0, 1]; `masks` is `(N, H, W)` bool. Raises TypeError or ValueError.
        """
        self._check_kind(images, masks, ("N", "H", "W"))
        works = [Work() for _ in masks] if works is None else works
        if len(works) != len(masks):
            raise ValueError(f"{self.card.name} wants a work for each of {len(masks)} images, not {len(works)}")
        return self._filled(images, masks, works)

    @overload
    def fill(self, image: Picture, mask: Any, *, candidates: int, **options: Any) -> list[Picture]: ...
    @overload
    def fill(self, image: Picture, mask: Any, *, candidates: None = None, **options: Any) -> Picture: ...
    @final
    def fill(self, image: Any, mask: Any, **options: Any) -> Any:
        """Fill a picture of any kind and size with this method: `inpainter.fill`, whose options it takes."""
        # The package's door, which lies above all rooms.
        import inpainter

        return inpainter.fill(image, mask, self, **options)

    @abstractmethod
    def predict(self, image: Image, mask: Mask, work: Work) -> Image:
        """Return a whole `(H, W, 3)` picture; only what lies under the mask is used.

        `image` is 0 under the mask, which has at least one True pixel. Both may be changed in place. What is random
        comes from a generator made of `work.seed`, never from a process's global state. A method that can says in
        `work.energy` how good its fill is, and by `work.note` what the user should know of it.
        """

    def predict_batch(self, images: Images, masks: Masks, works: Sequence[Work]) -> Images:
        """Return N whole pictures `(N, H, W, 3)`; by default each by `predict`."""
        return np.stack([self.predict(*each) for each in zip(images, masks, works, strict=True)])

    def raw(self, images: Images, masks: Masks) -> Images | None:
        """The whole pictures as a network sees them, known pixels too, in [0, 1]; None where a method makes none."""
        return None

    def encode(self, images: Images, masks: Masks) -> Codes:
        """The codes `(N, D)` of images whose holes are hidden; only where `encodes`."""
        raise NotImplementedError(f"{self.card.name} has no encoder")

    def _filled(self, images: Images, masks: Masks, works: Sequence[Work]) -> Images:
        blanked = images.copy()
        blanked[masks] = 0
        self._check_values(blanked, masks, works)
        holed = np.flatnonzero(masks.any(axis=(1, 2))).tolist()
        if not holed:
            return blanked
        # All of them, mostly: then nothing is copied.
        some = slice(None) if len(holed) == len(masks) else holed
        theirs = [works[i] for i in holed]
        filled = np.asarray(self.predict_batch(blanked[some], masks[some].copy(), theirs), dtype=np.float32)
        wanted = (len(holed), *images.shape[1:])
        if filled.shape != wanted:
            raise RuntimeError(f"{self.card.name} returned {filled.shape} for pictures of {wanted}")
        if not all(work.energy is None or math.isfinite(work.energy) for work in theirs):
            raise RuntimeError(f"{self.card.name} gave an energy that is not a finite number")
        whole = images.copy()
        for i, prediction in zip(holed, filled, strict=True):
            if not np.isfinite(prediction[masks[i]]).all():
                raise RuntimeError(f"{self.card.name} returned values that are not finite numbers")
            whole[i] = compose(images[i], np.clip(prediction, 0, 1), masks[i])
        return whole

    def _check_kind(self, image: Image | Images, mask: Mask | Masks, axes: tuple[str, ...]) -> None:
        name = self.card.name
        for what, array, dtype in (("image", image, np.float32), ("mask", mask, np.bool_)):
            if not isinstance(array, np.ndarray) or array.dtype != dtype:
                came = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
                raise TypeError(f"{name} wants the {what} as a NumPy array of {dtype.__name__}, not {came}")
        if image.ndim != len(axes) + 1 or image.shape[-1] != 3 or 0 in image.shape[-3:]:
            raise ValueError(f"{name} wants an image ({', '.join(axes)}, 3), not {image.shape}")
        if mask.shape != image.shape[:-1]:
            raise ValueError(f"{name} wants a mask {image.shape[:-1]} for this image, not {mask.shape}")
        height, width = mask.shape[-2:]
        if not self.view.accept(height, width):
            raise ValueError(
                f"{name} wants {self.view}, not {height}×{width} (height×width); its `fill` takes any size"
            )

    def _check_values(self, blanked: Images, masks: Masks, works: Sequence[Work]) -> None:
        name = self.card.name
        if blanked.size:
            low, high = blanked.min(), blanked.max()
            # Written so that NaN fails too.
            if not (low >= 0 and high <= 1):
                raise ValueError(f"{name} wants values in [0, 1], not {low} to {high}")
        if masks.size and masks.all(axis=(1, 2)).any() and not self.card.fills_everything:
            raise ValueError(f"{name} needs some of the picture: the mask covers all of it")
        for mask, work in zip(masks, works, strict=True):
            if work.source is not None and (work.source.shape != mask.shape or work.source.dtype != np.bool_):
                came = f"{work.source.shape} {work.source.dtype}"
                raise ValueError(f"{name} wants a source of bool {mask.shape}, not {came}")
