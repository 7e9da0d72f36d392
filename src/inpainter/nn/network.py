"""The contract of core's Inpainter on batches of torch, and the adapter from the one to the other."""

from abc import ABC, abstractmethod
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from inpainter.core import Image, Inpainter, Mask, Method, Sizes


class Network(nn.Module, ABC):
    """A trainable method: `network(image, mask) -> image` on batches.

    A subclass writes `predict`, and may set `sizes`. It cannot break the contract:

    1. what lies under the mask is blanked (0) before `predict` sees it;
    2. what lies outside the mask comes back bit for bit;
    3. shapes and types are checked;
    4. the answer depends on input, weights and torch's random state alone.
    """

    sizes: Sizes = Sizes()

    @final
    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Fill `image` where `mask` is True.

        `image` is `(B, 3, H, W)` floating point in [0, 1]; `mask` is bool `(B, 1, H, W)`; the answer is like `image`.
        Raises TypeError or ValueError, saying what came and what is wanted.
        """
        filled = self.raw(image, mask)
        return torch.where(mask, filled.clamp(0, 1).to(image.dtype), image)

    @final
    def raw(self, image: Tensor, mask: Tensor) -> Tensor:
        """Answer the whole `(B, 3, H, W)` picture as the network sees it: not composed, not clamped. For losses."""
        self._check(image, mask)
        return self.predict(image.masked_fill(mask, 0), mask)

    @abstractmethod
    def predict(self, image: Tensor, mask: Tensor) -> Tensor:
        """Answer a whole picture `(B, 3, H, W)`, around [0, 1]; `image` is 0 under the mask."""

    def _check(self, image: Tensor, mask: Tensor) -> None:
        name = type(self).__name__
        if not image.is_floating_point() or mask.dtype != torch.bool:
            raise TypeError(f"{name} wants a floating point image and a bool mask, not {image.dtype} and {mask.dtype}")
        if image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(f"{name} wants an image (B, 3, H, W), not {tuple(image.shape)}")
        if mask.shape != (image.shape[0], 1, *image.shape[2:]):
            wanted = (image.shape[0], 1, *image.shape[2:])
            raise ValueError(f"{name} wants a mask {wanted} for this image, not {tuple(mask.shape)}")
        if not self.sizes.accept(image.shape[2], image.shape[3]):
            raise ValueError(f"{name} wants {self.sizes}, not {image.shape[2]}×{image.shape[3]} (height×width)")


class NetworkInpainter(Inpainter):
    """A Network as an Inpainter: one picture at a time, on one device, with running statistics."""

    def __init__(self, network: Network, method: Method, device: str | torch.device = "cpu") -> None:
        self.method = method
        self.sizes = network.sizes
        # This layout is the faster one for convolutions of more than one picture.
        self.network = network.to(device, memory_format=torch.channels_last).eval()  # pyright: ignore[reportCallIssue]
        self.device = torch.device(device)

    def predict(self, image: Image, mask: Mask, seed: int) -> Image:
        pictures = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.device)
        masks = torch.from_numpy(mask)[None, None].to(self.device)
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            filled = self.network(pictures, masks)
        return np.ascontiguousarray(filled[0].permute(1, 2, 0).cpu().numpy())

    def raw(self, image: Image, mask: Mask) -> Image:
        """Answer the whole picture `(H, W, 3)`, clamped to [0, 1] but not composed, for measuring."""
        pictures = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].to(self.device)
        with torch.inference_mode():
            answer: Any = self.network.raw(pictures, torch.from_numpy(mask)[None, None].to(self.device))
        return np.ascontiguousarray(answer[0].clamp(0, 1).permute(1, 2, 0).cpu().numpy())
