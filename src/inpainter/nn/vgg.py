"""VGG features (Simonyan and Zisserman 2015): for perceptual and style losses, and for textures."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from inpainter.core import InputError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WIDTHS, DEPTHS = (64, 128, 256, 512), (2, 2, 4, 1)
"""Channels of VGG-19's blocks as far as relu4_1, and convolutions in each, between which pictures are halved."""


class VGGFeatures(nn.Module):
    """Features of a VGG at its `taps`, as far as the last of them: `features(image) -> list[Tensor]`.

    `image` is `(B, 3, H, W)` in [0, 1], sides of 8 px or more. A tap is `reluB_I`, as the papers name layers, or
    `poolB`. Blocks of 3×3 convolutions of `widths` channels, each with a ReLU; between blocks 2×2 max-pooling. With
    `reflect`, pictures are mirrored at their borders and odd sides rounded up, as the normalised weights need it; with
    `zeros`, as for the official weights, the padding is zero and odd sides are rounded down. With `norm`, batch
    norm stands before each ReLU.

    The losses of Liu et al. take pool3 as the third; the default here is relu3_1, so that the first five convolutions
    of VGG-19, which are VGG-16's in place and size, are enough.
    """

    def __init__(
        self,
        widths: Sequence[int] = WIDTHS,
        taps: Sequence[str] = ("pool1", "pool2", "relu3_1"),
        padding: Literal["reflect", "zeros"] = "reflect",
        *,
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.taps, self.padding = tuple(taps), padding
        self.layers = _layers(self.taps)
        incoming = 3
        for name in self.layers:
            if name.startswith("relu"):
                out, place = widths[int(name[4]) - 1], name[4:]
                self.add_module(f"conv{place}", nn.Conv2d(incoming, out, 3))
                self.add_module(f"norm{place}", nn.BatchNorm2d(out) if norm else nn.Identity())
                incoming = out
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> list[Tensor]:
        x = (image - self.get_buffer("mean")) / self.get_buffer("std")
        found = {}
        mode = "reflect" if self.padding == "reflect" else "constant"
        for name in self.layers:
            if name.startswith("pool"):
                x = functional.max_pool2d(x, 2, ceil_mode=self.padding == "reflect")
            else:
                padded = functional.pad(x, (1, 1, 1, 1), mode=mode)
                x = self.get_submodule(f"norm{name[4:]}")(self.get_submodule(f"conv{name[4:]}")(padded)).relu()
            found[name] = x
        return [found[name] for name in self.taps]

    def fused(self) -> "VGGFeatures":
        """Fuse each batch norm into its convolution, and return the network itself: the same features, faster."""
        for name in self.layers:
            norm = getattr(self, f"norm{name[4:]}", None)
            if isinstance(norm, nn.BatchNorm2d):
                convolution = self.get_submodule(f"conv{name[4:]}").eval()
                assert isinstance(convolution, nn.Conv2d)
                setattr(self, f"conv{name[4:]}", nn.utils.fuse_conv_bn_eval(convolution, norm.eval()))
                setattr(self, f"norm{name[4:]}", nn.Identity())
        return self


def _layers(taps: Sequence[str]) -> list[str]:
    """Return the names of all layers up to the last tap, in order."""
    order = []
    for block, depth in enumerate(DEPTHS):
        order += [f"relu{block + 1}_{i + 1}" for i in range(depth)]
        order += [f"pool{block + 1}"] if block < len(DEPTHS) - 1 else []
    return order[: max(order.index(tap) for tap in taps) + 1]


def load_vgg(path: str | Path) -> VGGFeatures:
    """Return frozen pool1, pool2 and relu3_1, with weights from a safetensors file (`conv1_1.weight` … `conv3_1.bias`).

    Raises InputError when the file cannot be read or holds something else.
    """
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: no VGG weights up to conv3_1 ({reason}): give a safetensors file of them") from error
    wanted = "no VGG weights up to conv3_1", "give a safetensors file of them"
    return _with_weights(VGGFeatures(), weights, path, *wanted)


_NAMED_HASH = re.compile(r".*-([0-9a-f]{8,64})\.pth")


def load_vgg19(path: str | Path, taps: Sequence[str] = ("relu3_1", "relu4_1")) -> VGGFeatures:
    """Return VGG-19, frozen, with torchvision's official weights, the user's copy of `vgg19-dcbb9e9d.pth`.

    As with torch.hub, the end of the file's name is the beginning of its SHA-256, which is checked. No code in the
    file is run. Raises InputError when the file is missing, truncated or changed, or holds something else.
    """
    path = Path(path)
    found = f"{path}: no VGG-19 weights"
    remedy = "give torchvision's vgg19-dcbb9e9d.pth"
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{found} ({error.strerror}): {remedy}") from error
    named = _NAMED_HASH.fullmatch(path.name)
    if named and not digest.startswith(named[1]):
        raise InputError(f"{found} (its SHA-256 does not begin with {named[1]}): {remedy}, whole and unchanged")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises many kinds
        raise InputError(f"{found} (not a file of tensors): {remedy}") from error
    network = VGGFeatures(taps=taps, padding="zeros")
    # In torchvision's list of layers, convolutions, ReLUs and poolings are all numbered.
    numbers = {name: i for i, name in enumerate(_numbered(network.layers))}
    weights = {
        f"conv{name[4:]}.{kind}": state.get(f"features.{numbers[name]}.{kind}") if isinstance(state, dict) else None
        for name in network.layers if name.startswith("relu") for kind in ("weight", "bias")
    }  # fmt: skip
    missing = {name: value for name, value in weights.items() if not isinstance(value, Tensor)}
    if missing:
        raise InputError(f"{found} (it has no {next(iter(missing))}): {remedy}")
    return _with_weights(network, weights, path, "no VGG-19 weights", remedy)


def _numbered(layers: Sequence[str]) -> list[str]:
    """Return the layers as torchvision counts them: a convolution has one number and its ReLU the next."""
    return [each for name in layers for each in ([name, ""] if name.startswith("relu") else [name])]


def _with_weights(network: VGGFeatures, weights: Mapping[str, Any], path: str | Path, what: str, remedy: str) -> Any:
    try:
        network.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        # The first line says that there is an error, the second which.
        reason = str(error).splitlines()[-1].strip().rstrip(".")
        raise InputError(f"{path}: {what} ({reason}): {remedy}") from error
    return network.requires_grad_(False).eval()
