"""The texture network of neural patch synthesis, and its training from photos alone: no labels.

Yang et al. use VGG-19, trained on ImageNet's labels. Ours has its layers, narrower.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.core.recipe import Recipe
from inpainter.nn.objective import Batch, Objective
from inpainter.nn.vgg import VGGFeatures

TAPS = ("relu3_1", "relu4_1")
"""The layers whose patches are compared (Yang et al., section 3.3)."""

# ------------------------------------------------------------------------------------------------------- the recipe


@dataclass(frozen=True, kw_only=True)
class TextureRecipe(Recipe):
    """The training of the texture network, from photos alone: which patches come from one photo?"""

    size: int = 128
    """Side of the squares that views are taken from, px."""
    batch: int = 256
    """Pictures per step, over all devices; two views of each are compared with those of all others."""
    epochs: int = 110
    """Passes through all pictures."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """The learning-rate schedule: constant, or a cosine to 0 over the epochs."""
    average: float = 0.999
    """Decay of the moving average of the weights, which is saved at the end; 0 saves the last weights."""
    validation: int = 200
    """Pictures at the end of the source that are held out of the training."""
    widths: tuple[int, ...] = (48, 96, 208, 416)
    """Channels of the four blocks; VGG-19 has 64, 128, 256, 512."""
    view: int = 64
    """Side of the views, px."""
    temperature: float = 0.1
    """Temperature: similarities are divided by it before the softmax."""
    patches: int = 8
    """Patches compared per view and layer."""
    texture: float = 1.0
    """Weight of the comparison of patches."""
    whole: float = 1.0
    """Weight of the comparison of whole views."""
    colours: float = 10.0
    """Weight of the squared error of colours predicted from the features, which keeps colour in them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(len(self.widths) == 4 and min(self.widths) >= 1, "widths", "four numbers of 1 or more")
        self._require(self.size >= 64, "size", "64 or more")
        self._require(self.view >= 32 and self.view % 8 == 0, "view", "a multiple of 8 from 32")
        self._require(0 < self.temperature < math.inf, "temperature", "a number above 0")
        self._require(self.patches >= 1, "patches", "1 or more")
        for name in ("texture", "whole", "colours"):
            self._require(0 <= getattr(self, name) < math.inf, name, "0 or more")
        self._require(self.texture + self.whole + self.colours > 0, "texture", "one of the three losses a weight")


PRESETS = {"texture": TextureRecipe()}

# ---------------------------------------------------------------------------------------------------- the objective


class TextureObjective(Objective):
    """Features that show which patches come from the same photo, at any colours and scale; no labels.

    Two views of every picture, each cut, scaled, turned, mirrored and coloured at random (Chen et al. 2020, SimCLR).
    At both layers, for patches of 3×3 features as the synthesis compares them, by their cosine, and for whole views by
    the mean and deviation of each channel through a small network: −log of the share of softmax that falls to the
    other view of the same picture (for patches to any patch of it, Miech et al. 2020, since a photo has several
    textures). And a linear map predicts colours from the features, so that the network does not forget them.
    """

    masked = False

    def __init__(self, recipe: TextureRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.features = make_network(recipe)
        widths = recipe.widths[2:]
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(2 * width, 512), nn.ReLU(), nn.Linear(512, 128)) for width in widths
        )
        # 4×4 and 8×8 pixels per place of the layer.
        self.colours = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, 3 * cell**2, 1), nn.PixelShuffle(cell))
            for width, cell in zip(widths, (4, 8), strict=True)
        )

    @property
    def kept(self) -> nn.Module:
        return self.features

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"network": self}

    def forward(self, player: str, batch: Batch) -> dict[str, Tensor]:
        recipe = self.recipe
        seen = torch.cat([view_of(batch.image, recipe.view, batch.generator) for _ in range(2)])
        found = self.features(seen)
        terms: dict[str, Tensor] = {}
        for tap, layer, head, colours in zip(TAPS, found, self.heads, self.colours, strict=True):
            if recipe.texture:
                patches = functional.normalize(drawn_patches(layer, recipe.patches, batch.generator).float(), dim=2)
                terms[f"patches_{tap}"] = recipe.texture * contrast(patches, recipe.temperature)
            if recipe.whole:
                codes = functional.normalize(head(statistics(layer)).float(), dim=1)
                terms[f"whole_{tap}"] = recipe.whole * contrast(codes[:, None], recipe.temperature)
            if recipe.colours:
                terms[f"colours_{tap}"] = recipe.colours * functional.mse_loss(colours(layer).float(), seen)
        return terms

    def validate(self, kept: Any, batches: Iterable[Batch]) -> dict[str, float]:
        """Measure the share of patches with one of the picture's other corner among their five nearest, per layer."""
        corners: list[list[list[Tensor]]] = [[], []]
        for batch in batches:
            half = batch.image.shape[-1] // 2
            corners[0].append(kept(batch.image[..., :half, :half]))
            corners[1].append(kept(batch.image[..., half:, half:]))
        drawing = torch.Generator().manual_seed(0)
        scores = {}
        for i, tap in enumerate(TAPS):
            here, there = (
                functional.normalize(drawn_patches(torch.cat([f[i] for f in found]).float().cpu(), 8, drawing), dim=2)
                for found in corners
            )
            scores[f"retrieval_{tap}"] = retrieval(here, there)
        return scores

    def sample(self, kept: Any, batch: Batch) -> Tensor:
        """Return the picture, two views, and the second's colours as predicted from both layers."""
        views = [view_of(batch.image, self.recipe.view, batch.generator) for _ in range(2)]
        predicted = [colours(layer).float() for colours, layer in zip(self.colours, kept(views[1]), strict=True)]
        small = functional.interpolate(batch.image, size=self.recipe.view, mode="area")
        return torch.cat([small, *views, *predicted], dim=3).clamp(0, 1)


def view_of(pictures: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Draw a view `(B, 3, side, side)` of each picture `(B, 3, S, S)` in [0, 1]: strong changes of scale and colour."""
    count = len(pictures)

    def drawn(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator, device=pictures.device) * (high - low) + low

    # A square of 0.3 to 0.9 of the side, turned by up to 20 degrees, anywhere in the picture.
    share = torch.exp(drawn(math.log(0.3), math.log(0.9)))
    angle, mirrored = drawn(-0.35, 0.35), torch.sign(drawn(-1, 1))
    cos, sin = share * angle.cos(), share * angle.sin()
    centre = (1 - share)[:, None] * drawn(-1, 1, 2)
    affine = torch.stack([cos * mirrored, -sin, centre[:, 0], sin * mirrored, cos, centre[:, 1]], 1).view(-1, 2, 3)
    grid = functional.affine_grid(affine, [count, 3, side, side], align_corners=False)
    x = functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    # Light, its colour, contrast, saturation; some grey.
    x = x * torch.exp(drawn(-0.4, 0.4, 1, 1, 1) + drawn(-0.2, 0.2, 3, 1, 1))
    middle = x.mean((1, 2, 3), keepdim=True)
    x = middle + (x - middle) * drawn(0.6, 1.4, 1, 1, 1)
    grey = x.mean(1, keepdim=True)
    saturation = drawn(0, 1.6, 1, 1, 1) * (drawn(0, 1, 1, 1, 1) > 0.1)
    return (grey + (x - grey) * saturation).clamp(0, 1)


def statistics(layer: Tensor) -> Tensor:
    """Return mean and standard deviation of each channel: `(B, C, H, W)` → `(B, 2C)`."""
    deviation, mean = torch.var_mean(layer.float(), (2, 3))
    return torch.cat([mean, (deviation + 1e-6).sqrt()], 1)


def drawn_patches(layer: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return random 3×3 patches of features `(B, C, H, W)`, `count` per picture: `(B, count, 9·C)`."""
    pictures, _, height, width = layer.shape

    def corner(high: int) -> Tensor:
        where = torch.rand(pictures, count, 1, generator=generator, device=generator.device)
        return (where * (high - 2)).long().to(layer.device)

    steps = torch.arange(9, device=layer.device)
    rows, columns = corner(height) + steps // 3, corner(width) + steps % 3
    picture = torch.arange(pictures, device=layer.device)[:, None, None]
    return layer.permute(0, 2, 3, 1)[picture, rows, columns].flatten(2)


def contrast(codes: Tensor, temperature: float) -> Tensor:
    """−log Σ₊ exp(s/τ) / Σ exp(s/τ), mean over all codes: `(2B, N, D)` of length 1, view i and B + i of one picture.

    s is the cosine with each code of all other pictures' views, and of the other view of its own; the latter are the +.
    """
    views, count, _ = codes.shape
    flat = codes.flatten(0, 1)
    similar = flat @ flat.T / temperature
    owner = torch.arange(views, device=codes.device).repeat_interleave(count)
    same = owner % (views // 2) == (owner % (views // 2))[:, None]
    mine = owner == owner[:, None]
    similar = similar.masked_fill(mine, -torch.inf)
    return (similar.logsumexp(1) - similar.masked_fill(~same, -torch.inf).logsumexp(1)).mean()


def retrieval(here: Tensor, there: Tensor, nearest: int = 5) -> float:
    """Return the share of patches `(N, K, D)` of N pictures with one of their picture among the nearest of `there`."""
    similar = here.flatten(0, 1) @ there.flatten(0, 1).T
    found = similar.topk(min(nearest, similar.shape[1]), 1).indices // there.shape[1]
    owner = torch.arange(len(here), device=here.device).repeat_interleave(here.shape[1])
    return (found == owner[:, None]).any(1).float().mean().item()


def make_network(recipe: TextureRecipe) -> VGGFeatures:
    """Return the texture network, with random weights: VGG's layers, narrower, with batch norm before each ReLU."""
    network = VGGFeatures(recipe.widths, TAPS, norm=True)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)  # pyright: ignore[reportArgumentType]
    return network
