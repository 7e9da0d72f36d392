"""Loss terms that several papers share. Every L1 is a mean over all values (size-averaged), masked ones included."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def masked_l1(prediction: Tensor, truth: Tensor, where: Tensor) -> Tensor:
    """‖where ⊙ (prediction − truth)‖₁ / N, N the number of **all** values (Liu et al. 2018, section 3.3).

    L_hole and L_valid of the paper; `(B, 3, H, W)` twice and a bool `(B, 1, H, W)`.
    """
    return ((prediction - truth).abs() * where).mean()


def feature_l1(prediction: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Σ_p ‖Ψ_p(prediction) − Ψ_p(truth)‖₁ / N_p over layers p (equation 3, one of its two sums)."""
    return torch.stack([functional.l1_loss(a, t) for a, t in zip(prediction, truth, strict=True)]).sum()


def gram(features: Tensor) -> Tensor:
    """ΨᵀΨ / (C·H·W): `(B, C, H, W)` to `(B, C, C)`."""
    batch, channels, height, width = features.shape
    flat = features.reshape(batch, channels, height * width)
    return flat @ flat.transpose(1, 2) / (channels * height * width)


def style_l1(prediction: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Σ_p ‖gram(Ψ_p(prediction)) − gram(Ψ_p(truth))‖₁ / C_p² over layers p (equations 4 and 5)."""
    return feature_l1([gram(a) for a in prediction], [gram(t) for t in truth])


def total_variation(composed: Tensor, mask: Tensor) -> Tensor:
    """Total variation in the hole dilated by one pixel, divided by the number of all values (equation 6).

    `composed` is `(B, 3, H, W)` with the known pixels put back, `mask` bool `(B, 1, H, W)`. Pairs of neighbours count
    where both lie in the dilated hole.
    """
    region = functional.max_pool2d(mask.float(), 3, stride=1, padding=1) > 0
    across = (composed[..., 1:] - composed[..., :-1]).abs() * (region[..., 1:] & region[..., :-1])
    down = (composed[..., 1:, :] - composed[..., :-1, :]).abs() * (region[..., 1:, :] & region[..., :-1, :])
    return (across.sum() + down.sum()) / composed.numel()
