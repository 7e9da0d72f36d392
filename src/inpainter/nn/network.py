"""The contract of core's Inpainter for torch batches, and an adapter from Network to Inpainter."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from inpainter.core import Card, Codes, Image, Images, Inpainter, Mask, Masks, View, Work


class Network(nn.Module, ABC):
    """A trainable method: `network(image, mask) -> image` on batches.

    A subclass writes `predict`, and may set `view` and write `code`. It cannot break the contract:

    1. what lies under the mask is blanked (0) before `predict` sees it;
    2. what lies outside the mask comes back bit for bit;
    3. shapes and types are checked;
    4. the fill depends on input, weights and the works' seeds alone.
    """

    view: View = View()
    encodes: bool = False
    """Whether it has an encoder, whose code `encode` returns."""
    trained_on: int | None = None
    """The side of the pictures that it was trained on, px, where it fills larger ones without scaling them down."""

    @final
    def forward(self, image: Tensor, mask: Tensor, works: Sequence[Work] = ()) -> Tensor:
        """Fill `image` where `mask` is True.

        `image` is `(B, 3, H, W)` floating point in [0, 1]; `mask` is bool `(B, 1, H, W)`; the fill is like `image`.
        `works` has one for each picture, or none where neither seeds nor progress are needed. Raises TypeError or
        ValueError, which say what was given and what is expected.
        """
        filled = self.raw(image, mask, works)
        return torch.where(mask, filled.clamp(0, 1).to(image.dtype), image)

    @final
    def raw(self, image: Tensor, mask: Tensor, works: Sequence[Work] = ()) -> Tensor:
        """Return the whole predicted picture `(B, 3, H, W)`, neither composed nor clamped. For losses."""
        self._check(image, mask)
        return self.predict(image.masked_fill(mask, 0), mask, works)

    @final
    def encode(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the code `(B, D)` of pictures `(B, 3, H, W)` in [0, 1] with holes `(B, 1, H, W)`, for NSD."""
        self._check(image, mask)
        return self.code(image.masked_fill(mask, 0), mask)

    @abstractmethod
    def predict(self, image: Tensor, mask: Tensor, works: Sequence[Work]) -> Tensor:
        """Return a whole picture `(B, 3, H, W)`, around [0, 1]; `image` is 0 under the mask.

        Random numbers come from `torch.Generator`s seeded by the works. Gradients may be used inside
        (`torch.enable_grad()`): a search in a latent space is a prediction, too.
        """

    def code(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the code `(B, D)` of pictures that are 0 under their masks; only where `encodes`."""
        raise NotImplementedError(f"{type(self).__name__} has no encoder")

    def _check(self, image: Tensor, mask: Tensor) -> None:
        name = type(self).__name__
        if not image.is_floating_point() or mask.dtype != torch.bool:
            raise TypeError(f"{name} wants a floating point image and a bool mask, not {image.dtype} and {mask.dtype}")
        if image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(f"{name} wants an image (B, 3, H, W), not {tuple(image.shape)}")
        if mask.shape != (image.shape[0], 1, *image.shape[2:]):
            wanted = (image.shape[0], 1, *image.shape[2:])
            raise ValueError(f"{name} wants a mask {wanted} for this image, not {tuple(mask.shape)}")
        if not self.view.accept(image.shape[2], image.shape[3]):
            raise ValueError(f"{name} wants {self.view}, not {image.shape[2]}×{image.shape[3]} (height×width)")


class NetworkInpainter(Inpainter):
    """A Network as an Inpainter: on one device, in evaluation mode."""

    def __init__(self, network: Network, card: Card, device: str | torch.device = "cpu") -> None:
        self.card = card
        self.view = network.view
        self.encodes = network.encodes
        # The faster layout for convolutions of several pictures.
        self.network = network.to(device, memory_format=torch.channels_last).eval()  # pyright: ignore[reportCallIssue]
        # A prediction may use gradients, but never the weights'.
        self.network.requires_grad_(False)
        self.device = torch.device(device)

    def predict(self, image: Image, mask: Mask, work: Work) -> Image:
        return self.predict_batch(image[None], mask[None], [work])[0]

    def predict_batch(self, images: Images, masks: Masks, works: Sequence[Work]) -> Images:
        side = self.network.trained_on
        for mask, work in zip(masks, works, strict=True):
            if side is not None and _is_thick(mask, side / 2):
                work.note(
                    f"{self.card.name} was trained on pictures of {side} px, and a hole is too thick for it: its "
                    "colours may be wrong; auto fills photos better"
                )
        with torch.no_grad():
            return _array(self.network(*self._tensors(images, masks), works))

    def raw(self, images: Images, masks: Masks) -> Images:
        with torch.no_grad():
            return _array(self.network.raw(*self._tensors(images, masks)).clamp(0, 1))

    def encode(self, images: Images, masks: Masks) -> Codes:
        with torch.no_grad():
            return self.network.encode(*self._tensors(images, masks)).float().cpu().numpy()

    def _tensors(self, images: Images, masks: Masks) -> tuple[Tensor, Tensor]:
        # (N, H, W, 3) viewed as (N, 3, H, W) is channels_last already.
        pictures = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
        return pictures.to(self.device), torch.from_numpy(masks)[:, None].to(self.device)


def _is_thick(mask: Mask, thickness: float) -> bool:
    """Return whether a disc of more than this diameter fits into a hole."""
    # Half of it, because distances are to the nearest known pixel.
    return float(cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5).max()) > thickness / 2 + 0.5


def _array(pictures: Tensor) -> Images:
    return np.ascontiguousarray(pictures.permute(0, 2, 3, 1).float().cpu().numpy())
