"""The channel-wise fully-connected layer of the context encoder (Pathak et al. 2016, section 3.1)."""

import math

import torch
from torch import Tensor, nn


class ChannelwiseLinear(nn.Module):
    """Connect every place of a channel with every place of the same channel, and with no other channel's.

    Features `(B, C, H, W)` keep their shape. It carries information across the picture with C·(HW)² weights,
    where a fully-connected layer has (C·HW)²; a 1×1 convolution after it carries information across channels. There is
    no bias: batch norm follows.
    """

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, side * side, side * side))
        nn.init.normal_(self.weight, std=1 / math.sqrt(side * side))

    def forward(self, x: Tensor) -> Tensor:
        # y[b, c, j] = Σᵢ x[b, c, i] · w[c, i, j]: one matrix product per channel.
        places = x.flatten(2).transpose(0, 1)
        return torch.bmm(places, self.weight).transpose(0, 1).reshape(x.shape)
