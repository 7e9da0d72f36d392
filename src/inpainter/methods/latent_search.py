"""Semantic inpainting by searching a DCGAN's latent space (Yeh et al. 2017), as used by Gupta et al."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.core import Card, Inpainter, Settings, View, Work
from inpainter.core.recipe import Recipe
from inpainter.methods import METHODS
from inpainter.nn.adversarial import Discriminator, draw_dcgan_weights, real_or_not
from inpainter.nn.augment import augmented
from inpainter.nn.device import quick_halves
from inpainter.nn.network import Network, NetworkInpainter
from inpainter.nn.objective import Batch, Objective
from inpainter.nn.poisson import poisson_blend
from inpainter.nn.trained import TrainedMethod

# ------------------------------------------------------------------------------------------------------- the recipe


@dataclass(frozen=True, kw_only=True)
class LatentSearchRecipe(Recipe):
    """The training of a DCGAN on whole pictures; the defaults are the document's."""

    size: int = 64
    """Side of the square pictures, px: 64, or another power of two from 16."""
    batch: int = 64
    """Pictures per step, over all devices."""
    epochs: int = 15
    """Passes through all pictures."""
    learning_rate: float = 2e-4
    """Adam's learning rate, for generator and discriminator."""
    validation: int = 200
    """Pictures at the end of the source that are held out of the training."""
    width: int = 128
    """Channels next to the picture; they double with every halving; the document has up to 1024."""
    latent: int = 100
    """Dimensions of z, uniform in [−1, 1]."""
    augment: bool = False
    """Show the discriminator real and generated pictures mirrored, shaded, shifted and cut at random."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(self.size >= 16 and self.size & (self.size - 1) == 0, "size", "a power of two from 16")
        for name in ("width", "latent"):
            self._require(getattr(self, name) >= 1, name, "1 or more")

    @property
    def widths(self) -> list[int]:
        """Return the discriminator's channels after each halving down to 4×4; for the generator, in reverse."""
        return [self.width * 2**i for i in range((self.size // 4).bit_length() - 1)]


_PAPER = LatentSearchRecipe()
# Small sets: the discriminator is kept from learning them by heart, and the weights' moving average is kept.
_OURS = LatentSearchRecipe(width=48, epochs=40, average=0.999, augment=True)
_SMALLER = replace(_OURS, width=32, validation=50)

PRESETS = {
    "celeba": _OURS,
    "dtd": replace(_SMALLER, epochs=150),
    "pets": replace(_SMALLER, epochs=100),
    # The document's width, steps and epochs, on any data.
    "celeba-paper": _PAPER,
    "dtd-paper": replace(_PAPER, validation=50),
    "pets-paper": replace(_PAPER, validation=50),
}

# ----------------------------------------------------------------------------------------------------- the settings


@dataclass(frozen=True, kw_only=True)
class LatentSearchSettings(Settings):
    """Settings of a search. As in the document: steps=3000, rate=0.01, schedule=constant, samples=1."""

    steps: int = 100
    """Steps of Adam."""
    rate: float = 0.4
    """Its learning rate at the start."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """The learning-rate schedule: a cosine to 0 over the steps, or constant."""
    samples: int = 64
    """Number of random z; the search starts from the one with the smallest loss."""
    restarts: int = 1
    """Searches per fill, of which the one with the smallest loss is taken."""
    prior: float = 0.003
    """Weight λ of the prior loss, log(1 − D(G(z))); 0 searches without the discriminator."""
    window: int = 7
    """Side of the square in which missing neighbours give a known pixel its weight, px, odd."""
    reduction: Literal["mean", "sum"] = "mean"
    """The context loss is the weighted mean or the weighted sum of absolute differences in [−1, 1]; λ depends on it."""
    blend: Literal["poisson", "overlay"] = "poisson"
    """Give the hole the gradients of the picture found, as the original, or its colours, as the document."""

    def __post_init__(self) -> None:
        for name in ("steps", "samples", "restarts"):
            self._require(getattr(self, name) >= 1, name, "1 or more")
        self._require(self.prior >= 0, "prior", "0 or more")
        self._require(self.rate > 0, "rate", "a number above 0")
        self._require(self.window >= 3 and self.window % 2 == 1, "window", "an odd number of px from 3")


# ------------------------------------------------------------------------------------------------------ the networks


Slopes = Callable[[Tensor], tuple[Tensor, Tensor]]
"""z `(B, L)` → its losses `(B,)` and their gradients `(B, L)`."""


class Generator(nn.Sequential):
    """z `(B, L)` → 4×4 places, transposed convolutions 4×4 of stride 2 up to the picture `(B, 3, S, S)` in [−1, 1].

    Batch norm and ReLU after all but the last, then tanh (Radford et al. 2016).
    """

    def __init__(self, recipe: LatentSearchRecipe) -> None:
        widths = recipe.widths[::-1]
        layers: list[nn.Module] = [nn.Linear(recipe.latent, widths[0] * 16, bias=False), nn.Unflatten(1, (-1, 4, 4))]
        for incoming, out in pairwise((*widths, 3)):
            layers += [nn.BatchNorm2d(incoming), nn.ReLU(inplace=True)]
            layers.append(nn.ConvTranspose2d(incoming, out, 4, 2, 1, bias=False))
        super().__init__(*layers, nn.Tanh())
        draw_dcgan_weights(self)


class LatentSearch(Network):
    """Generator and discriminator; a prediction is the generated picture that is nearest around the hole."""

    optional_parts = ("discriminator",)
    discriminator: Discriminator | None
    """None where the weights have none: then there is no prior loss."""

    def __init__(self, recipe: LatentSearchRecipe) -> None:
        super().__init__()
        # The networks know whole pictures: a face, and where in it the eyes are.
        self.view = View(fixed=(recipe.size, recipe.size), context="whole")
        self.latent = recipe.latent
        self.settings = LatentSearchSettings()
        self.generator = Generator(recipe)
        self.discriminator = Discriminator(recipe.widths)

    def predict(self, image: Tensor, mask: Tensor, works: Sequence[Work]) -> Tensor:
        works = works or [Work() for _ in image]
        z, energy = self.search(image * 2 - 1, mask, works)
        for work, value, hole in zip(works, energy.tolist(), mask, strict=True):
            self._note(work, value, whole=bool(hole.all()))
        generated = (self.generator(z) + 1) / 2
        if self.settings.blend == "overlay":
            return generated
        return poisson_blend(image, generated.to(image.dtype), mask)

    def _note(self, work: Work, energy: float, *, whole: bool) -> None:
        work.energy = None if whole else energy
        if whole:
            work.note("the mask covers everything: the fill is a sample of the generator")
        elif self.settings.reduction == "mean" and energy > FAR:
            work.note("nothing that it can generate is near this picture: another method fills it better")
        if self.settings.prior and self.discriminator is None:
            work.note("these weights have no discriminator: it searches without the prior loss")

    def search(self, target: Tensor, mask: Tensor, works: Sequence[Work]) -> tuple[Tensor, Tensor]:
        """Return the z `(B, L)` found for pictures `(B, 3, S, S)` in [−1, 1], and their losses `(B,)`.

        ẑ = argmin L_c(z) + L_p(z), z in [−1, 1]: Adam from the best of some random z, keeping the best z of all
        steps. A few hundred large steps that shrink to 0 reach as far as thousands of small ones.
        """
        settings, restarts = self.settings, self.settings.restarts
        weight = importance(mask, settings.window, settings.reduction)
        with torch.no_grad():
            z = self._starts(target, weight, works)
        target, weight = (x.repeat_interleave(restarts, 0) for x in (target, weight))
        best, lowest = z.clone(), torch.full((len(z),), torch.inf, device=z.device)
        mean, square = torch.zeros_like(z), torch.zeros_like(z)
        # Where nothing is known, there is nothing to search for.
        known = (~mask).flatten(1).any(1).repeat_interleave(restarts)
        steps = settings.steps if known.any() else 0
        # bfloat16, where it is fast, suffices until the steps are small.
        exact = math.floor(0.9 * steps) if settings.schedule == "cosine" and quick_halves(z.device) else 0
        for step in range(steps):
            if step in (0, exact):
                slopes = self._slopes(z, target, weight, rough=step < exact)
            loss, slope = slopes(z)  # pyright: ignore[reportPossiblyUnboundVariable]
            lowest = torch.full_like(lowest, torch.inf) if step == exact else lowest
            # A NaN loss is never lower.
            better = loss < lowest
            best, lowest = torch.where(better[:, None], z, best), torch.where(better, loss, lowest)
            slope = slope * known[:, None]
            mean = 0.9 * mean + 0.1 * slope
            square = 0.999 * square + 0.001 * slope.square()
            moved = (mean / (1 - 0.9 ** (step + 1))) / ((square / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8)
            rate = settings.rate * (
                0.5 * (1 + math.cos(math.pi * step / steps)) if settings.schedule == "cosine" else 1
            )
            z = torch.where(moved.isfinite(), z - rate * moved, best).clamp(-1, 1)
            for work in works:
                work.step(step + 1, steps)
        lowest = lowest.view(-1, restarts)
        chosen = lowest.argmin(1)
        return best.view(-1, restarts, self.latent)[torch.arange(len(works)), chosen], lowest.amin(1)

    def losses(self, z: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """L_c = ‖W ⊙ (G(z) − y)‖₁ and L_p = λ log(1 − D(G(z))), each `(B,)` (Yeh et al., equations 3 and 5)."""
        return self._losses_of(self.generator(z), target, weight)

    def _losses_of(self, generated: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        context = (weight * (generated - target).abs()).sum((1, 2, 3))
        if not self.settings.prior or self.discriminator is None:
            return context, torch.zeros_like(context)
        # log(1 − sigmoid(l)) = log sigmoid(−l), without the cancellation.
        return context, self.settings.prior * functional.logsigmoid(-self.discriminator(generated))

    def _slope(self, z: Tensor, target: Tensor, weight: Tensor, *, rough: bool) -> tuple[Tensor, Tensor]:
        with torch.enable_grad(), torch.autocast(z.device.type, torch.bfloat16, enabled=rough):
            z = z.detach().requires_grad_()
            loss = torch.add(*self.losses(z, target, weight))
            (slope,) = torch.autograd.grad(loss.sum(), z)
        return loss.detach(), slope

    def _slopes(self, z: Tensor, target: Tensor, weight: Tensor, *, rough: bool) -> Slopes:
        """Return z → losses and gradients; on a GPU a CUDA graph: launching a kernel takes longer than running it."""
        if not z.is_cuda:
            return lambda z: self._slope(z, target, weight, rough=rough)
        here = z.clone()
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        # The libraries' initialisation must not be recorded.
        with torch.cuda.stream(aside):
            for _ in range(3):
                self._slope(here, target, weight, rough=rough)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss, slope = self._slope(here, target, weight, rough=rough)

        def played(z: Tensor) -> tuple[Tensor, Tensor]:
            here.copy_(z)
            graph.replay()
            return loss.clone(), slope.clone()

        return played

    def _starts(self, target: Tensor, weight: Tensor, works: Sequence[Work]) -> Tensor:
        """Return the best of some random z, for each picture and restart: `(B·restarts, L)`."""
        settings = self.settings
        chosen = torch.empty(len(works), settings.restarts, self.latent, device=target.device)
        for seed in dict.fromkeys(work.seed for work in works):
            rows = [i for i, work in enumerate(works) if work.seed == seed]
            drawing = torch.Generator().manual_seed(seed)
            for turn in range(settings.restarts):
                z = torch.rand(settings.samples, self.latent, generator=drawing).to(target.device) * 2 - 1
                if settings.samples > 1:
                    generated = self.generator(z)
                    z = torch.stack(
                        [z[torch.add(*self._losses_of(generated, target[i], weight[i])).argmin()] for i in rows]
                    )
                chosen[rows, turn] = z
        return chosen.flatten(0, 1)


def importance(mask: Tensor, window: int, reduction: str = "sum") -> Tensor:
    """Return W `(B, 1, H, W)`: for each known pixel the share of its neighbours that are missing; 0 in the hole.

    W_i = Σ_{j ∈ N(i)} (1 − M_j) / |N(i)|, M = 1 where known, N the square of `window` px around i as far as it lies in
    the picture (Yeh et al., equation 2). With `mean` it is scaled so that the context loss is the mean over the
    weighted values: Σ 3W = 1.
    """
    missing = mask.float()
    share = functional.avg_pool2d(missing, window, 1, window // 2, count_include_pad=False) * (1 - missing)
    if reduction == "sum":
        return share
    return share / (3 * share.sum((1, 2, 3), keepdim=True)).clamp(min=1e-12)


# ---------------------------------------------------------------------------------------------------- the objective


class LatentSearchObjective(Objective):
    """The losses of a DCGAN on whole pictures, without masks; generator and discriminator are saved."""

    masked = False

    def __init__(self, recipe: LatentSearchRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = network = LatentSearch(recipe)
        assert network.discriminator is not None
        # In a tuple, so that torch does not register them twice: they are parts of the network.
        self._players = (network.discriminator, network.generator)

    @property
    def players(self) -> dict[str, nn.Module]:
        return dict(zip(("discriminator", "generator"), self._players, strict=True))

    def adam(self, player: str) -> dict[str, Any]:
        return {"betas": (0.5, 0.999)}

    def forward(self, player: str, batch: Batch) -> dict[str, Tensor]:
        if player == "discriminator":
            # The generator's turn uses the same pictures, with the updated discriminator.
            batch.shared["generated"] = self.players["generator"](self._drawn(batch, len(batch.image)))
            generated = batch.shared["generated"].detach()
            return {
                "real": real_or_not(self._judged(batch.image * 2 - 1, batch), True),
                "generated": real_or_not(self._judged(generated, batch), False),
            }
        return {"adversarial": real_or_not(self._judged(batch.shared["generated"], batch), True)}

    def _judged(self, pictures: Tensor, batch: Batch) -> Tensor:
        seen = augmented(pictures.float(), batch.generator) if self.recipe.augment else pictures
        return self.players["discriminator"](seen)

    def _drawn(self, batch: Batch, count: int) -> Tensor:
        z = torch.rand(count, self.recipe.latent, generator=batch.generator, device=batch.image.device)
        return z * 2 - 1

    def validate(self, kept: Any, batches: Iterable[Batch]) -> dict[str, float]:
        """Search briefly for a few pictures, a square of 5/16 of the side missing: PSNR there, and the losses.

        Also `spread`, the standard deviation of generated pixels over z, which is small for a collapsed generator.
        """
        batch = next(iter(batches))
        image = batch.image[:LOOKED_AT]
        side = image.shape[-1]
        mask = torch.zeros_like(image[:, :1], dtype=torch.bool)
        edge = side // 2 - side * 5 // 32
        mask[:, :, edge:-edge, edge:-edge] = True
        kept.settings = LatentSearchSettings(steps=60, samples=16, prior=0, blend="overlay")
        works = [Work(i) for i in range(len(image))]
        raw = kept.raw(image, mask, works).float()
        hole = mask.expand_as(image)
        squared = (raw - image).square()[hole].view(len(image), -1).mean(1)
        return {
            "psnr_hole": (-10 * squared.log10()).mean().item(),
            "search_loss": sum(work.energy or 0.0 for work in works) / len(works),
            "spread": kept.generator(self._drawn(batch, 64)).float().std(0).mean().item(),
        }

    def sample(self, kept: Any, batch: Batch) -> Tensor:
        """Return a true picture and seven generated ones."""
        count = len(batch.image)
        generated = kept.generator(self._drawn(batch, 7 * count)).float().unflatten(0, (count, 7))
        return torch.cat([batch.image, *((generated + 1) / 2).unbind(1)], dim=3)


LOOKED_AT = 16
"""Pictures that are searched for after every epoch."""
FAR = 0.18
"""A mean loss above this, which no held-out face has with the face generator, means that nothing near was found."""

# ------------------------------------------------------------------------------------------------------- the method


def make_inpainter(network: LatentSearch, card: Card, settings: LatentSearchSettings, device: Any) -> Inpainter:
    """Return the trained networks with the settings of a search, ready to fill."""
    network.settings = settings
    return NetworkInpainter(network, card, device)


LATENT_SEARCH = TrainedMethod(
    Card(
        name="latent-search",
        summary=METHODS["latent-search"].summary,
        source=(
            "R. Yeh and others: Semantic Image Inpainting with Deep Generative Models, CVPR 2017; "
            "K. Gupta, S. Karnati, A. Singh, W. Wang, who compare it with the context encoder"
        ),
        good_for="pictures of the kind it was trained on (upright faces that fill the picture), at its small size",
        bad_for="any other picture; fine detail: everything is made at 64 px",
        extra="torch",
        fills_everything=True,
        draws=True,
    ),
    make_inpainter,
    LatentSearchSettings,
    presets=PRESETS,
    network=LatentSearch,
    objective=LatentSearchObjective,
    shipped=METHODS["latent-search"].weights[0],
)
