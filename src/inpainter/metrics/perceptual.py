"""LPIPS with SqueezeNet 1.1 (Zhang et al. 2018, The Unreasonable Effectiveness of Deep Features, equation 1)."""

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from inpainter.core import Image, InputError

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""The normalisation of pictures in [−1, 1] in the authors' code."""
FIRES = {3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128),
         9: (256, 48, 192), 10: (384, 48, 192), 11: (384, 64, 256), 12: (512, 64, 256)}  # fmt: skip
"""SqueezeNet 1.1's fire modules by index: channels in, squeezed, expanded by each kernel."""
TAPS = {1: 64, 4: 128, 7: 256, 9: 384, 10: 384, 11: 512, 12: 512}
"""Layers whose features are compared, and their channels."""
SMALLEST = 17
"""Shortest side, px, at which the last features still have a pixel."""


class _Fire(nn.Module):
    def __init__(self, incoming: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(incoming, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], dim=1)


class LPIPS(nn.Module):
    """A learned perceptual distance of two pictures: Σ_l mean_hw w_l · (ŷ_l − ŷ0_l)², features of unit length.

    `lpips(a, b)` takes `(B, 3, H, W)` in [0, 1], sides of 17 px or more, and returns `(B,)`; 0 = identical.
    """

    def __init__(self) -> None:
        super().__init__()
        places: dict[str, nn.Module] = {"0": nn.Conv2d(3, 64, 3, stride=2), "1": nn.ReLU()}
        places |= {str(i): nn.MaxPool2d(3, stride=2, ceil_mode=True) for i in (2, 5, 8)}
        places |= {str(i): _Fire(*sizes) for i, sizes in FIRES.items()}
        self.features = nn.ModuleDict({str(i): places[str(i)] for i in range(13)})
        for i, channels in enumerate(TAPS.values()):
            self.add_module(f"lin{i}", nn.Conv2d(channels, 1, 1, bias=False))
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1), persistent=False)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        distance = a.new_zeros(a.shape[0])
        for i, (one, other) in enumerate(zip(self._taps(a), self._taps(b), strict=True)):
            distance = distance + self.get_submodule(f"lin{i}")((one - other).square()).mean((1, 2, 3))
        return distance

    def _taps(self, x: Tensor) -> list[Tensor]:
        x = (2 * x - 1 - self.get_buffer("shift")) / self.get_buffer("scale")
        taps = []
        for name, module in self.features.items():
            x = module(x)
            if int(name) in TAPS:
                taps.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return taps


def load_lpips(path: str | Path) -> LPIPS:
    """Load LPIPS weights from a safetensors file with the official names (`features.0.weight` … `lin6.weight`).

    Raises InputError when the file cannot be read or holds something else.
    """
    network = LPIPS()
    try:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: no LPIPS weights for SqueezeNet ({reason}): give the official ones") from error
    return network.eval().requires_grad_(False)


def lpips_distance(network: LPIPS, truth: Image, filled: Image) -> float:
    """Return the LPIPS of two pictures `(H, W, 3)` in [0, 1]; NaN where a side is below 17 px."""
    if min(truth.shape[:2]) < SMALLEST:
        return float("nan")
    a, b = (torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None] for picture in (truth, filled))
    with torch.inference_mode():
        return float(network(a, b))
