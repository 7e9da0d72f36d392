"""Normalized squared-distortion: how much a network's latent code depends on where the mask lies, not on the picture.

A measure from the cascade context encoder of Zieliński, Struski, Śmieja and Tabor. For n masks M_i on each of k
pictures P_j, with latents E(P_j, M_i) of D dimensions and their mean Ē_j over a picture's masks:

    NSD = 1/(D·n·k) Σ_j Σ_i ‖E(P_j, M_i) − Ē_j‖²

which is half the mean squared distance of two masks' latents, (1/n²) Σ_i Σ_l ‖E_i − E_l‖² = (2/n) Σ_i ‖E_i − Ē‖², per
dimension, at the cost of n distances and not n². It is 0 where the mask changes nothing and 1 where the latents are
N(0, I) and the mask alone decides them. Latents of real networks are not N(0, I), so beside this *raw* number there is
a second, ours: *standardised*, with every latent dimension shifted and scaled to mean 0 and variance 1 over all
k·n codes first. Then 1 means random for any network, and a network gains nothing by small latents.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from inpainter.core import InputError

Encode = Callable[[Tensor, Tensor], Tensor]
"""(images `(B, 3, H, W)`, masks `(B, 1, H, W)` bool) → latents `(B, D)`."""
BATCH = 16
"""Masks encoded at a time: for a 128 px network on a CPU the fastest; with more, every layer allocates new memory."""
ROUNDING = 4
"""A latent dimension counts as constant when its values differ by at most this many steps of their type."""


@dataclass(frozen=True, eq=False)
class NSD:
    """The normalized squared-distortion of an encoder on some pictures and masks."""

    raw: float
    """The formula as published."""
    spread: float
    """The standard deviation of `raw` over pictures."""
    standardised: float
    """The same after standardising every latent dimension that varies: 0 to 1, without the factor of `unbiased`."""
    standardised_spread: float
    """The standard deviation of `standardised` over pictures."""
    per_image: Tensor
    """`raw` of each picture: `(k,)` float64."""
    constant_dimensions: int
    """Latent dimensions that never change; they have no variance to divide by, and `standardised` leaves them out."""
    dimensions: int
    """D, including the constant ones."""
    masks: int
    """n, per picture."""
    images: int
    """k."""


class RunningNSD:
    """NSD picture by picture: `update` with each one's codes, then `result`.

    It keeps the mean and the variance of every latent dimension for each picture, 16·k·D bytes, beside one
    picture's codes. The variance over all codes is the mean of the pictures' variances plus the variance of their
    means, exactly, as every picture has as many codes. All sums are in float64.
    """

    def __init__(self, *, unbiased: bool = False) -> None:
        """With `unbiased`, all results are times n/(n − 1): the pairs i = l, whose distance is 0, do not count."""
        self._unbiased = unbiased
        self._shape: tuple[int, ...] = ()
        self._means: list[Tensor] = []
        self._variances: list[Tensor] = []
        self._lowest = self._highest = torch.empty(0)
        self._values: Tensor | None = None
        self._step = 0.0

    def update(self, codes: Tensor) -> None:
        """Add one picture's codes `(n, D)`, floating point, one row per mask.

        Raises InputError for fewer than two masks, values that are not finite, and a shape unlike the ones before.
        """
        place = f"nsd: image {len(self._means)}"
        if codes.ndim != 2 or not codes.is_floating_point() or codes.shape[1] < 1:
            raise InputError(f"{place}: codes are {tuple(codes.shape)} {codes.dtype}: give floating point (n, D)")
        if codes.shape[0] < 2:
            raise InputError(f"{place}: {codes.shape[0]} masks: NSD is defined for two masks or more")
        if self._shape and codes.shape != self._shape:
            raise InputError(
                f"{place}: codes are {tuple(codes.shape)}, those before {self._shape}: all must have one shape (n, D)"
            )
        codes = codes.detach().cpu()
        # These two find NaN and infinity as well, in a tenth of the time of checking every value.
        lowest, highest = codes.amin(0).double(), codes.amax(0).double()
        if not (lowest.isfinite() & highest.isfinite()).all():
            raise InputError(f"{place}: the encoder returned NaN or infinity: check its weights and the image")
        self._shape = tuple(codes.shape)
        self._lowest = torch.minimum(self._lowest, lowest) if self._means else lowest
        self._highest = torch.maximum(self._highest, highest) if self._means else highest
        self._step = max(self._step, torch.finfo(codes.dtype).eps)
        # In the same place for every picture: new memory costs more than the sums. With the first code
        # subtracted, equal codes have the variance 0, and mean² is at most n − 1 times the variance, so that the
        # difference below loses no more than the factor n of float64's precision.
        if self._values is None:
            self._values = torch.empty(codes.shape, dtype=torch.float64)
        self._values.copy_(codes)
        first = self._values[0].clone()
        self._values -= first
        mean = self._values.mean(0)
        self._variances.append((self._values.square_().mean(0) - mean.square()).clamp_(min=0))
        self._means.append(mean + first)

    def result(self) -> NSD:
        """Return the NSD of all pictures so far; raises InputError before the first."""
        if not self._means:
            raise InputError("nsd: no images: give at least one")
        n, dimensions = self._shape
        factor = n / (n - 1) if self._unbiased else 1.0
        within, means = torch.stack(self._variances), torch.stack(self._means)
        raw = factor * within.mean(1)
        whole = within.mean(0) + (means - means.mean(0)).square().mean(0)
        largest = torch.maximum(self._lowest.abs(), self._highest.abs())
        varies = (self._highest - self._lowest > ROUNDING * self._step * largest) & (whole > 0)
        # Without a dimension that varies no mask changes anything, so NSD is 0.
        standardised = factor * (within[:, varies] / whole[varies]).mean(1) if varies.any() else torch.zeros_like(raw)
        return NSD(
            raw=float(raw.mean()),
            spread=float(raw.std(correction=0)),
            standardised=float(standardised.mean()),
            standardised_spread=float(standardised.std(correction=0)),
            per_image=raw,
            constant_dimensions=dimensions - int(varies.sum()),
            dimensions=dimensions,
            masks=n,
            images=len(raw),
        )


def nsd(encode: Encode, images: Tensor, masks: Tensor, *, batch: int = BATCH, unbiased: bool = False) -> NSD:
    """Measure an encoder's normalized squared-distortion; any encoder, ours or not.

    `images` is `(k, 3, H, W)` floating point, `masks` bool with True = missing: `(n, 1, H, W)`, shared by all images,
    or `(k, n, 1, H, W)`. `encode(images, masks)` gets up to `batch` masks of one image at a time, `(B, 3, H, W)` and
    `(B, 1, H, W)`, in inference mode, and returns `(B, D)`. It gets the whole images: hiding what lies under the
    mask is the encoder's task. Variances are population variances; `unbiased` multiplies by n/(n − 1). A torch
    network should be in evaluation mode. With k = 1 the standardised number is 1 by construction.

    Raises InputError for shapes and types unlike these, fewer than two masks, and codes that are not finite, not
    `(B, D)` or not of one D. Masks that are all equal give 0, with a warning.
    """
    if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        raise InputError(f"nsd: images are {tuple(images.shape)} {images.dtype}: give floating point (k, 3, H, W)")
    shared = masks.ndim == 4
    if not shared and (masks.ndim != 5 or masks.shape[0] != images.shape[0]):
        raise InputError(
            f"nsd: masks are {tuple(masks.shape)}: give (n, 1, H, W), or (k, n, 1, H, W) for {images.shape[0]} images"
        )
    running = RunningNSD(unbiased=unbiased)
    for place, image in enumerate(images):
        running.update(encode_masks(encode, image, masks if shared else masks[place], batch=batch))
    return running.result()


def encode_masks(encode: Encode, image: Tensor, masks: Tensor, *, batch: int = BATCH) -> Tensor:
    """Return the codes `(n, D)` of one image `(3, H, W)` under n masks `(n, 1, H, W)`, encoded `batch` at a time.

    Masks that are all equal are encoded once, with a warning. Raises InputError as `nsd` does.
    """
    if masks.dtype != torch.bool or masks.shape[1:] != (1, *image.shape[1:]):
        wanted = ", ".join(str(side) for side in image.shape[1:])
        raise InputError(f"nsd: masks are {tuple(masks.shape)} {masks.dtype}: give bool (n, 1, {wanted})")
    count = masks.shape[0]
    if count < 2:
        raise InputError(f"nsd: {count} masks: NSD is defined for two masks or more")
    if batch < 1:
        raise InputError(f"nsd: batch is {batch}: give 1 or more")
    equal = bool((masks == masks[:1]).all())
    if equal:
        warnings.warn("nsd: all masks of an image are equal, so that its NSD is 0 for any encoder", stacklevel=2)
        masks = masks[:1]
    parts: list[Tensor] = []
    with torch.inference_mode():
        # Even parts: a small one at the end costs more per mask than the others.
        for some in masks.tensor_split(-(-len(masks) // batch)):
            codes = encode(image.expand(len(some), -1, -1, -1), some)
            came = tuple(codes.shape)
            if len(came) != 2 or came[0] != len(some):
                raise InputError(f"nsd: the encoder returned {came} for {len(some)} masks: it must be (B, D)")
            if parts and came[1] != parts[0].shape[1]:
                raise InputError(
                    f"nsd: the encoder returned {came[1]} dimensions, before {parts[0].shape[1]}: it must be one D"
                )
            parts.append(codes)
        return torch.cat(parts).expand(count, -1) if equal else torch.cat(parts)
