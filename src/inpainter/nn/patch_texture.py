"""The texture term of neural patch synthesis (Yang et al. 2017), its nearest patches, and the steps that lower it."""

import torch
from torch import Tensor
from torch.nn import functional

from inpainter.nn.device import quick_halves
from inpainter.nn.vgg import VGGFeatures

_AROUND = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1))
"""The 3×3 places of a patch, relative to its middle."""


def reach(network: VGGFeatures) -> int:
    """Return how far beyond its own block the last feature sees, px: a convolution adds one place of its input.

    relu3_1: 2·1 + 2·2 + 4 = 10; relu4_1: 2·1 + 2·2 + 4·4 + 8 = 30.
    """
    stride, far = 1, 0
    for name in network.layers:
        if name.startswith("pool"):
            stride *= 2
        else:
            far += stride
    return far


def stride_of(network: VGGFeatures) -> int:
    """Return the side of the last feature's block of pixels."""
    return 2 ** sum(name.startswith("pool") for name in network.layers)


def window(mask: Tensor, network: VGGFeatures) -> tuple[slice, slice]:
    """Return the part of a picture `(…, H, W)` that the texture term needs when only the missing pixels change.

    The hole, out to whole blocks of the last feature; one block more, for the patches; and the receptive field of
    all these. Sides are whole blocks, so that pooling is aligned as in the whole picture.
    """
    stride = stride_of(network)
    margin = stride + reach(network)
    sides = []
    for axis, length in ((-1, mask.shape[-2]), (-2, mask.shape[-1])):
        places = mask.flatten(0, -3).any(0).any(axis).nonzero()
        first, last = int(places[0]) // stride * stride, (int(places[-1]) // stride + 1) * stride
        first, last = (first - margin) // stride * stride, -(-(last + margin) // stride) * stride
        sides.append(slice(max(first, 0), min(last, length)))
    return sides[0], sides[1]


def total_variation(picture: Tensor, mask: Tensor) -> Tensor:
    """Υ = mean of (x_p − x_q)² over the pairs of neighbours of which at least one is missing.

    `picture` is `(1, C, H, W)`, `mask` bool `(1, 1, H, W)`. The paper (equation 4) has the sum.
    """
    total, count = picture.new_zeros(()), 0
    for axis in (2, 3):
        length = picture.shape[axis]
        first, second = (each.narrow(axis, 0, length - 1) for each in (picture, mask))
        pairs = second | mask.narrow(axis, 1, length - 1)
        total = total + ((picture.narrow(axis, 1, length - 1) - first) * pairs).square().sum()
        count += int(pairs.sum()) * picture.shape[1]
    return total / max(count, 1)


# --------------------------------------------------------------------------------------------------- nearest patches


def nearest_patches(wanted: Tensor, sought: Tensor, source: Tensor, allowed: Tensor) -> Tensor:
    """Return for each 3×3 patch sought the allowed one nearest in direction: flat indices into `source`, row by row.

    nn(i) = argmax_j ⟨P_i, P_j⟩ / ‖P_j‖, the cosine up to a factor of i, as in the released code: so a blurred start,
    whose features are small, does not match blurred patches. The paper has the least ‖P_i − P_j‖².

    `wanted` is `(C, h, w)`, `source` `(C, H, W)`; `sought` and `allowed` are bool and False along the borders, where
    no whole patch lies. ⟨P_i, P_j⟩ = Σ_d ⟨φ(i + d), φ(j + d)⟩: features are multiplied place by place, a row of
    targets at a time, and the products added along diagonals. This is a ninth of the work for whole patches, and
    needs little memory.
    """
    height, width = source.shape[1:]
    columns = sought.any(0).nonzero()
    left, right = int(columns[0]), int(columns[-1]) + 1
    norms = functional.avg_pool2d(source.square().sum(0, keepdim=True), 3, 1)[0] * 9
    inverse = norms.clamp(min=1e-12).rsqrt()
    barred = torch.zeros_like(inverse).masked_fill(~allowed[1:-1, 1:-1], -torch.inf)
    flat = source.flatten(1)

    def along_rows(row: int) -> Tensor:
        products = (wanted[:, row, left - 1 : right + 1].T @ flat).view(-1, height, width)
        count = right - left
        sums = products[:count, :, : width - 2] + products[1 : count + 1, :, 1 : width - 1]
        return sums.add_(products[2:, :, 2:])

    found, rows = [], sought.any(1).nonzero().flatten().tolist()
    ready: dict[int, Tensor] = {}
    for row in rows:
        ready = {near: ready[near] if near in ready else along_rows(near) for near in (row - 1, row, row + 1)}
        alike = ready[row - 1][:, :-2] + ready[row][:, 1:-1]
        alike.add_(ready[row + 1][:, 2:]).mul_(inverse).add_(barred)
        best = alike.flatten(1).argmax(1)[sought[row, left:right]]
        found.append((best // (width - 2) + 1) * width + best % (width - 2) + 1)
    return torch.cat(found)


def voted(source: Tensor, found: Tensor, sought: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean feature of all patches found over every place `(C, h, w)`, their number `(h, w)`, and the rest.

    Σ_i ‖P_i − P_nn(i)‖² = Σ_p n_p ‖φ(p) − m_p‖² + rest, with m_p the mean of the n_p features of the patches over p,
    and rest = Σ_p Σ ‖wanted − m_p‖², which does not depend on φ.
    """
    channels, (height, width) = len(source), sought.shape
    places = sought.flatten().nonzero().flatten()
    total = source.new_zeros(channels, height * width)
    count, squares = source.new_zeros(height * width), source.new_zeros(())
    flat, one = source.flatten(1), source.new_ones(len(places))
    for down, right in _AROUND:
        said = flat[:, found + down * source.shape[2] + right]
        total.index_add_(1, places + down * width + right, said)
        count.index_add_(0, places + down * width + right, one)
        squares += said.square().sum()
    mean = total / count.clamp(min=1)
    rest = (squares - (count * mean.square()).sum()).clamp(min=0)
    return mean.view(channels, height, width), count.view(height, width), rest


class PatchTexture:
    """E_t of one picture: how far the 3×3 patches of features in the hole are from patches outside it.

    E_t = mean over taps of Σ_{i ∈ R} ‖P_i − P_nn(i)‖² / (9 C |R| v), with R the feature places whose block of pixels
    touches the hole and v the mean square of the features outside: 0 is a copy, 2 random patches. The paper
    (equation 3) divides by |R| alone.

    `picture` is `(1, 3, H, W)` in [0, 1], sides multiples of `stride_of(network)`, its hole filled somehow; `mask` and
    `barred`, where patches must not be taken from, are bool `(1, 1, H, W)`.
    """

    def __init__(self, network: VGGFeatures, picture: Tensor, mask: Tensor, barred: Tensor) -> None:
        self.network = network
        self.rows, self.columns = window(mask, network)
        self._quick = quick_halves(picture.device)
        with torch.no_grad():
            whole = self.features(picture)
        self._parts: list[_Part] = []
        for tap, source in enumerate(whole):
            stride = picture.shape[2] // source.shape[1]
            touched, shut = (functional.max_pool2d(each.float(), stride)[0, 0] > 0 for each in (mask, mask | barred))
            inner = torch.zeros_like(touched)
            inner[1:-1, 1:-1] = True
            allowed = inner & ~(functional.max_pool2d(shut.float()[None], 3, 1, 1)[0] > 0)
            sought = touched & inner
            if allowed.any() and sought.any():
                place = (_divided(self.rows, stride), _divided(self.columns, stride))
                scale = 9 * len(source) * source[:, ~shut].square().mean().item()
                self._parts.append(_Part(tap, stride, source, allowed, sought, place, max(scale, 1e-12)))

    @property
    def possible(self) -> bool:
        """Whether there are patches to match and patches to take."""
        return bool(self._parts)

    def features(self, picture: Tensor) -> list[Tensor]:
        """Return the network's features of a picture, `(C, h, w)` each, float32."""
        with torch.autocast(picture.device.type, torch.bfloat16, enabled=self._quick):
            return [each[0].float() for each in self.network(picture)]

    @torch.no_grad()
    def match(self, part: Tensor) -> None:
        """Match the nearest patches again; `part` is the picture's part in `rows` and `columns`."""
        features = self.features(part)
        for each in self._parts:
            each.match(features[each.tap])

    def __call__(self, part: Tensor) -> Tensor:
        """Return E_t of the picture with `part` in `rows` and `columns`."""
        features = self.features(part)
        return torch.stack([each.distance(features[each.tap]) for each in self._parts]).mean()

    def offsets(self) -> tuple[Tensor, Tensor, int]:
        """Return the finest tap's offsets to its patches, `(2, h, w)` rows down and columns right; where; its stride.

        All are in places of its features, over the whole picture; the stride is in px.
        """
        part = min(self._parts, key=lambda each: each.stride)
        return part.offsets(), part.sought, part.stride


class _Part:
    """The share of one tap in E_t."""

    def __init__(
        self, tap: int, stride: int, source: Tensor, allowed: Tensor, sought: Tensor, place: tuple[slice, slice],
        scale: float,
    ) -> None:  # fmt: skip
        self.tap, self.stride, self.source, self.allowed, self.sought = tap, stride, source, allowed, sought
        self._inside = sought[place]
        self._scale = scale * int(sought.sum())

    def match(self, features: Tensor) -> None:
        self.found = nearest_patches(features, self._inside, self.source, self.allowed)
        self._mean, self._count, self._rest = voted(self.source, self.found, self._inside)

    def distance(self, features: Tensor) -> Tensor:
        return ((self._count * (features - self._mean).square()).sum() + self._rest) / self._scale

    def offsets(self) -> Tensor:
        width = self.source.shape[2]
        rows, columns = self.sought.nonzero(as_tuple=True)
        offsets = torch.zeros(2, *self.sought.shape, dtype=torch.long, device=self.found.device)
        offsets[:, rows, columns] = torch.stack([self.found // width - rows, self.found % width - columns])
        return offsets


def _divided(pixels: slice, stride: int) -> slice:
    return slice(pixels.start // stride, pixels.stop // stride)
