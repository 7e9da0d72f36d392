"""Partial convolution: a convolution that looks at valid pixels only (Liu et al. 2018, section 3.1)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class PartialConv2d(nn.Conv2d):
    """Convolve valid pixels, rescale for the missing ones, and return where the output is valid (equations 1 and 2).

    With X the input, M its validity, and both sums over all channels and window positions:

        y = Wᵀ(X ⊙ M) · sum(1) / sum(M) + b    and    valid' = True    where sum(M) > 0,
        y = 0                                   and    valid' = False   elsewhere.

    Border: sum(1) counts the positions inside the picture, so the padding is absent, not missing, and a full mask
    gives the plain convolution up to the last pixel. (The authors' code counts the padding as a hole, which
    scales a 3×3 window up by 1.5 at an edge and 2.25 in a corner.)

    Args:
        in_channels: channels of the input, all masks together.
        out_channels: channels of the output.
        kernel_size: side of the window.
        stride: step of the window.
        padding: pixels added on every side; at most half the window, so that every window meets the picture.
        bias: whether b is learned.
        groups_of_channels: how many consecutive channels each mask stands for, where features with different masks
            are concatenated, as a U-Net's skips are; without it one mask stands for all.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
        groups_of_channels: Sequence[int] | None = None,
    ) -> None:
        if padding > kernel_size // 2:
            raise ValueError(f"padding {padding} is more than half of the window, {kernel_size}")
        counts = (in_channels,) if groups_of_channels is None else tuple(groups_of_channels)
        if sum(counts) != in_channels or min(counts) < 1:
            raise ValueError(f"groups of {counts} channels do not make {in_channels} channels")
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, bias=bias)
        self.channel_counts = counts

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, input: Tensor | Sequence[Tensor], valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return (features, where they are valid).

        `input` is `(B, in_channels, H, W)`, or its groups of channels as a tuple, which saves concatenating them;
        `valid` is bool `(B, G, H, W)` with one map for each group of channels, so `(B, 1, H, W)` by default. The
        output is `(B, out_channels, H', W')` with bool `(B, 1, H', W')`.
        Raises ValueError when the shapes or the mask's type do not fit.
        """
        parts = self._parts(input) if isinstance(input, Tensor) else input
        self._check(parts, valid)
        # Products of one type: a bool or float32 factor would convert each of them.
        dtype = _compute_type(parts[0])
        cover = self._cover(valid)
        met = cover > 0
        # In mixed precision the ratio is computed in float32 and rounded once.
        ratio = torch.where(met, 1 / cover, 0).to(dtype)
        y = self._convolved(parts, valid, dtype)
        if self.bias is None:
            return y * ratio, met
        # b · [sum(M) > 0], in one pass with the product.
        return torch.addcmul(self.bias.to(dtype).view(1, -1, 1, 1) * met.to(dtype), y, ratio), met

    def _convolved(self, parts: Sequence[Tensor], valid: Tensor, dtype: torch.dtype) -> Tensor:
        """Return Wᵀ(X ⊙ M) as a sum over the groups: convolution is linear, so nothing has to be concatenated."""
        weights = [self.weight] if len(parts) == 1 else self.weight.split(self.channel_counts, dim=1)
        y = None
        for g, (x, weight) in enumerate(zip(parts, weights, strict=True)):
            masked = x.to(dtype) * valid[:, g : g + 1].to(dtype)
            part = functional.conv2d(masked, weight, None, self.stride, self.padding)
            y = part if y is None else y + part
        assert y is not None
        return y

    def _parts(self, x: Tensor) -> Sequence[Tensor]:
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(f"partial convolution wants features (B, {self.in_channels}, H, W), not {tuple(x.shape)}")
        return x.split(self.channel_counts, dim=1)

    def _cover(self, valid: Tensor) -> Tensor:
        """Return sum(M) / sum(1) for every window, (B, 1, H', W') float32, from one map instead of one per channel."""
        if valid.shape[1] == 1:
            share = valid.float()
        else:
            counts = valid.new_tensor(self.channel_counts, dtype=torch.float32).view(1, -1, 1, 1)
            share = (valid * counts).sum(1, keepdim=True)
        # The mean over the positions inside the picture; of integers up to here, so 1 is exact.
        mean = functional.avg_pool2d(share, self.kernel_size, self.stride, self.padding, count_include_pad=False)  # pyright: ignore[reportArgumentType]
        return mean if valid.shape[1] == 1 else mean / self.in_channels

    def _check(self, parts: Sequence[Tensor], valid: Tensor) -> None:
        counts = self.channel_counts
        batch, height, width = valid.shape[0], *valid.shape[-2:]
        wanted = [(batch, count, height, width) for count in counts]
        came = [tuple(part.shape) for part in parts]
        if came != wanted:
            raise ValueError(f"partial convolution wants features {wanted} for this mask, not {came}")
        if valid.dtype != torch.bool or tuple(valid.shape) != (batch, len(counts), height, width):
            wanted_mask = (batch, len(counts), height, width)
            raise ValueError(
                f"partial convolution wants a bool mask {wanted_mask}, not {valid.dtype} {tuple(valid.shape)}"
            )


def partial_average(x: Tensor, valid: Tensor, kernel: int, stride: int = 1, padding: int = 0) -> tuple[Tensor, Tensor]:
    """Partial convolution with the constant weights 1 / sum(1), per channel: the mean of the valid pixels.

        y = sum(X ⊙ M) / sum(M)    where sum(M) > 0,    0 elsewhere.

    `x` is `(B, C, H, W)` floating point, `valid` bool `(B, 1, H, W)`; windows that extend beyond the picture below or
    to the right count. Returns the same as PartialConv2d.
    """
    share = valid.to(x.dtype)
    # Both over the same number of positions, which cancels.
    cover, mean = (
        functional.avg_pool2d(values, kernel, stride, padding, ceil_mode=True) for values in (share, x * share)
    )
    met = cover > 0
    return torch.where(met, mean / torch.where(met, cover, 1), 0), met


def fill_by_averages(image: Tensor, valid: Tensor, steps: int = 4) -> Tensor:
    """Fill the missing pixels by partial averages of 3×3, repeated until all is known; valid pixels stay.

    Each step fills one pixel inwards from the rim. Parts thicker than `steps` from both sides are filled at half the
    size, by the same rule, and brought back by nearest upsampling, so that a large hole costs little more than a small
    one. A picture without a valid pixel becomes 1/2. `image` is `(B, C, H, W)` in [0, 1], `valid` bool
    `(B, 1, H, W)`; each picture of a batch is filled independently of the others.
    """
    for _ in range(steps):
        if valid.all():
            return image
        mean, met = partial_average(image, valid, 3, padding=1)
        image, valid = torch.where(valid, image, mean), valid | met
    if valid.all():
        return image
    height, width = image.shape[-2:]
    if height == width == 1:
        return torch.where(valid, image, 0.5)
    coarse = fill_by_averages(*partial_average(image, valid, 2, stride=2), steps)
    return torch.where(valid, image, functional.interpolate(coarse, scale_factor=2.0)[..., :height, :width])


def _compute_type(x: Tensor) -> torch.dtype:
    """Return the type of a convolution's output for `x`, autocast included."""
    return torch.get_autocast_dtype(x.device.type) if torch.is_autocast_enabled(x.device.type) else x.dtype
