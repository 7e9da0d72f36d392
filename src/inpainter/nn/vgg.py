"""VGG features for perceptual and style losses (Simonyan and Zisserman 2015)."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from inpainter.core import InputError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BLOCKS = ((("conv1_1", 3, 64), ("conv1_2", 64, 64)), (("conv2_1", 64, 128), ("conv2_2", 128, 128)),
          (("conv3_1", 128, 256),))  # fmt: skip


class VGGFeatures(nn.Module):
    """Features after pool1, pool2 and relu3_1 of a VGG, frozen: `features(image) -> [Tensor, Tensor, Tensor]`.

    `image` is `(B, 3, H, W)` in [0, 1], sides of 8 px or more. The losses of Liu et al. take pool3 as the third; here
    it is relu3_1, so that the first five convolutions of VGG-19, which are VGG-16's in place and size, are enough.
    Padding by reflection and pooling in ceil mode, as the normalised weights want it.
    """

    def __init__(self) -> None:
        super().__init__()
        for block in BLOCKS:
            for name, incoming, out in block:
                self.add_module(name, nn.Conv2d(incoming, out, 3))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        x = (image - self.get_buffer("mean")) / self.get_buffer("std")
        found = []
        for i, block in enumerate(BLOCKS):
            for name, _, _ in block:
                x = self.get_submodule(name)(functional.pad(x, (1, 1, 1, 1), mode="reflect")).relu()
            if i < len(BLOCKS) - 1:
                x = functional.max_pool2d(x, 2, ceil_mode=True)
            found.append(x)
        return found


def load_vgg(path: str | Path) -> VGGFeatures:
    """The features with the weights of a safetensors file (`conv1_1.weight` … `conv3_1.bias`).

    Raises InputError when the file cannot be read or holds something else.
    """
    network = VGGFeatures()
    try:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: no VGG weights up to conv3_1 ({reason}): give a safetensors file of them") from error
    return network.eval()
