"""The discriminator that several papers share, and its loss."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Discriminator(nn.Sequential):
    """Convolutions 4×4 of stride 2 down to 4×4 places, then one of 4×4: `(B, 3, S, S)` to logits `(B,)`.

    LeakyReLU 0.2 after each, batch norm after all but the first (Radford et al. 2016; Pathak et al. 2016). `widths`
    are the channels after each halving, so S is 4·2^len(widths). It sees the picture only: one that also saw the
    mask would win by finding the seam.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        layers: list[nn.Module] = []
        for incoming, out in zip((3, *widths), widths, strict=False):
            layers.append(nn.Conv2d(incoming, out, 4, 2, 1, bias=False))
            layers += [nn.BatchNorm2d(out)] if incoming != 3 else []
            # In place: allocating memory costs more than the computation.
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        super().__init__(*layers, nn.Conv2d(widths[-1], 1, 4, bias=False), nn.Flatten(0))
        draw_dcgan_weights(self)


def draw_dcgan_weights(module: nn.Module) -> None:
    """Draw weights as DCGAN does: N(0, 0.02) for convolutions, N(1, 0.02) and 0 for batch norm."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(part.weight, 0, 0.02)
        elif isinstance(part, nn.modules.batchnorm._BatchNorm):  # pyright: ignore[reportPrivateUsage]
            nn.init.normal_(part.weight, 1, 0.02)
            nn.init.zeros_(part.bias)


def real_or_not(logits: Tensor, real: bool) -> Tensor:
    """Return the mean binary cross-entropy of the discriminator's logits with all-real or all-generated labels.

    The discriminator minimises −log D(x) − log(1 − D(G)), the generator −log D(G), its non-saturating form.
    """
    return functional.binary_cross_entropy_with_logits(logits.float(), torch.full_like(logits, real, dtype=torch.float))
