"""The context encoder (Pathak et al. 2016), as in its released code, and as used by Zieliński et al. and Cao."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.core import Card, View, Work
from inpainter.core.recipe import Recipe
from inpainter.methods import METHODS
from inpainter.nn.adversarial import Discriminator, draw_dcgan_weights, real_or_not
from inpainter.nn.channelwise import ChannelwiseLinear
from inpainter.nn.network import Network
from inpainter.nn.objective import Batch, Objective
from inpainter.nn.trained import TrainedMethod

# ------------------------------------------------------------------------------------------------------- the recipe


@dataclass(frozen=True, kw_only=True)
class ContextEncoderRecipe(Recipe):
    """The training of a context encoder; the defaults are those of the released code where it has them."""

    size: int = 128
    """Side of the square pictures, px: 32, 64 or 128."""
    masks: str = "blocks"
    """Kind of mask drawn for every picture; several separated by commas: one of them each time."""
    batch: int = 64
    """Pictures per step, over all devices."""
    learning_rate: float = 2e-3
    """Adam's learning rate for the generator: ten times the discriminator's, as in the released code."""
    discriminator_rate: float = 2e-4
    """Adam's learning rate for the discriminator."""
    validation: int = 200
    """Pictures at the end of the source that are held out of the training."""
    width: int = 64
    """Channels after the first layer; the others are multiples of it, up to eight times."""
    bottleneck: Literal["conv", "channelwise"] = "conv"
    """The released code's full 4×4 convolution, or the paper's channel-wise layer and 1×1 convolution."""
    latent: int = 4000
    """Channels of the `conv` bottleneck: the dimensions of its code."""
    activation: Literal["relu", "elu"] = "relu"
    """LeakyReLU 0.2 in the encoder and ReLU in the decoder, or ELU in both."""
    output: Literal["whole", "region"] = "whole"
    """The region predicted: the whole picture, for any mask, or its middle square of half the side."""
    judged: Literal["composed", "region"] = "composed"
    """The discriminator's input: the composed picture, for any mask, or the prediction's middle square alone."""
    overlap: int = 4
    """Width of the ring of known pixels around the hole that is predicted too, px."""
    overlap_weight: float = 10.0
    """Weight of the squared error in that ring; inside the hole it is 1."""
    reconstruction: float = 0.999
    """Weight of the reconstruction loss; 0 trains on the adversarial loss alone."""
    adversarial: float = 0.001
    """Weight of the adversarial loss; 0 trains without a discriminator."""
    nsd: float = 0.0
    """Weight of the normalized squared-distortion between the codes of one picture under two masks."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(self.size in ENCODER, "size", f"{', '.join(map(str, ENCODER))}")
        for name in ("width", "latent"):
            self._require(getattr(self, name) >= 1, name, "1 or more")
        for name in ("overlap", "overlap_weight", "reconstruction", "adversarial", "nsd"):
            self._require(getattr(self, name) >= 0, name, "0 or more")
        self._require(self.reconstruction + self.adversarial > 0, "reconstruction", "one of the two losses a weight")
        central = self.judged == "composed" or self.masks.partition(":")[0] == "centre"
        self._require(central, "judged", "composed where masks are not centre")
        if self.output == "region":
            self._require(4 * self.overlap < self.size, "overlap", "less than a quarter of the size")

    def at(self, size: int) -> "ContextEncoderRecipe":
        """Return the recipe of a network with the same layers at another size, without a subclass's fields."""
        same = {field.name: getattr(self, field.name) for field in fields(ContextEncoderRecipe)}
        return ContextEncoderRecipe(**{**same, "size": size})


ENCODER = {32: (2, 4, 8), 64: (1, 2, 4, 8), 128: (1, 1, 2, 4, 8)}
"""Channels after every halving down to 4×4, as multiples of `width` (train.lua; for 64 px train_random.lua)."""

# Holes in the middle are judged as in the released code: in the composed picture the seam would give them away.
_CIFAR = ContextEncoderRecipe(
    size=32, flip=True, masks="centre", judged="region", latent=512, overlap=1, epochs=20, validation=5000
)
# The input of a cascade's first network: pictures of 128 px scaled down.
_64 = ContextEncoderRecipe(size=64, shrink=2, flip=True, overlap=2, epochs=50)
_128 = ContextEncoderRecipe(size=128, flip=True, overlap=4, epochs=50)
_CONTENT = replace(
    _128, masks="centre", judged="region", activation="elu", width=32, latent=360, batch=64, average=0.999
)

PRESETS = {
    "128-blocks": _128,
    "128-centre": replace(_128, masks="centre", judged="region"),
    "64-blocks": _64,
    "64-centre": replace(_64, masks="centre", judged="region"),
    "cifar10-blocks": replace(_CIFAR, masks="blocks", judged="composed"),
    "cifar10-centre": _CIFAR,
    # Cao's three on CIFAR-10. The larger learning rate is for the joint loss only, as in the released code.
    "joint": _CIFAR,
    "l2-only": replace(_CIFAR, adversarial=0.0, reconstruction=1.0, learning_rate=2e-4),
    "adv-only": replace(_CIFAR, adversarial=1.0, reconstruction=0.0, learning_rate=2e-4),
    # The released code's geometry: 64×64 predicted, of which the network sees a ring of 4 px.
    "released-code": replace(_128, masks="centre:side=56", output="region", judged="region"),
    # The text of Zieliński et al. names the paper's layer; a cascade's preset of this name has two of these.
    "channelwise-128-blocks": replace(_128, bottleneck="channelwise"),
    "channelwise-128-centre": replace(_128, bottleneck="channelwise", masks="centre", judged="region"),
    "channelwise-64-blocks": replace(_64, bottleneck="channelwise"),
    "channelwise-64-centre": replace(_64, bottleneck="channelwise", masks="centre", judged="region"),
    # The content network of neural patch synthesis (Yang et al. 2017), ELU as in Li's review, small enough to ship.
    "content": _CONTENT,
    "content-l2": replace(_CONTENT, adversarial=0.0, reconstruction=1.0),
    "nsd-loss": replace(_128, nsd=0.1),
}
RENAMED = {"paper": "released-code"}

# ------------------------------------------------------------------------------------------------------ the network


class ContextEncoder(Network):
    """Encoder, bottleneck, decoder; all information about the hole passes through the code.

    Encoder: 4×4 convolutions of stride 2 down to 4×4 places, batch norm after all but the first, LeakyReLU 0.2.
    Decoder: transposed ones back, batch norm and ReLU after all but the last, then tanh. No bias anywhere: the
    released code sets them to zero before every step. Inside, pictures are in [−1, 1].
    """

    encodes = True
    mean: Tensor

    def __init__(self, recipe: ContextEncoderRecipe) -> None:
        super().__init__()
        size, self.region = recipe.size, recipe.output == "region"
        self.view = View(fixed=(size, size))
        if self.region:
            # Trained on a hole in the middle: the predicted region without its ring.
            self.view = View(fixed=(size, size), context="square", amount=size / (size / 2 - 2 * recipe.overlap))
        widths = [recipe.width * multiple for multiple in ENCODER[recipe.size]]
        encoder: list[nn.Module] = []
        for incoming, out in pairwise((3, *widths)):
            encoder.append(nn.Conv2d(incoming, out, 4, 2, 1, bias=False))
            encoder += [nn.BatchNorm2d(out)] if incoming != 3 else []
            encoder.append(_down(recipe))
        self.encoder = nn.Sequential(*encoder)
        bottleneck = FullBottleneck if recipe.bottleneck == "conv" else ChannelwiseBottleneck
        self.bottleneck = bottleneck(widths[-1], recipe)
        # The region is half the side: one transposed convolution fewer.
        up = widths[::-1] if not self.region else widths[:0:-1]
        decoder: list[nn.Module] = [nn.BatchNorm2d(widths[-1]), _up(recipe)]
        for incoming, out in pairwise(up):
            decoder += [nn.ConvTranspose2d(incoming, out, 4, 2, 1, bias=False), nn.BatchNorm2d(out), _up(recipe)]
        self.decoder = nn.Sequential(*decoder, nn.ConvTranspose2d(up[-1], 3, 4, 2, 1, bias=False), nn.Tanh())
        # The mean colour of ImageNet, which fills the hole. (The released code has its channels in another order.)
        self.register_buffer("mean", torch.tensor([123.0, 117.0, 104.0]).view(1, 3, 1, 1) / 255, persistent=False)
        draw_dcgan_weights(self)

    def predict(self, image: Tensor, mask: Tensor, works: Sequence[Work]) -> Tensor:
        return self.prediction(image, mask)[0]

    def prediction(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the raw prediction `(B, 3, S, S)` for a blanked picture in [0, 1], and the code it is decoded from."""
        image = self.started(image, mask)
        code = self.encoded(image)
        return self.decode(code, image), code

    def started(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the encoder's input: the picture `(B, 3, S, S)` with the mean colour in the hole."""
        return torch.where(mask, self.mean, image)

    def decode(self, code: Tensor, image: Tensor) -> Tensor:
        """Decode a prediction from the code of `image`, which fills the outside where only the region is predicted."""
        predicted = (self.decoder(self.bottleneck.spread(code)) + 1) / 2
        if not self.region:
            return predicted
        edge = image.shape[-1] // 4
        whole = image.to(predicted.dtype, copy=True)
        whole[:, :, edge:-edge, edge:-edge] = predicted
        return whole

    def code(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the code `(B, D)`, taken after batch norm and before the activation.

        There it is nearest to the N(0, I) that NSD assumes.
        """
        return self.encoded(self.started(image, mask))

    def encoded(self, image: Tensor) -> Tensor:
        """Return the code `(B, D)` of a picture whose hole is already filled."""
        return self.bottleneck(self.encoder(image * 2 - 1))


class FullBottleneck(nn.Module):
    """The released code's 4×4 convolution on 4×4 places, which is a fully-connected layer, and its reverse."""

    def __init__(self, channels: int, recipe: ContextEncoderRecipe) -> None:
        super().__init__()
        self.shape, self.size = (channels, 4, 4), recipe.latent
        self.gather = nn.Linear(16 * channels, recipe.latent, bias=False)
        self.norm = nn.BatchNorm1d(recipe.latent)
        # The code itself is wanted, too.
        self.activation = _down(recipe, inplace=False)
        self.scatter = nn.Linear(recipe.latent, 16 * channels, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.gather(features.flatten(1)))

    def spread(self, code: Tensor) -> Tensor:
        """Features `(B, C, 4, 4)` of a code `(B, D)`."""
        return self.scatter(self.activation(code)).unflatten(1, self.shape)


class ChannelwiseBottleneck(nn.Module):
    """The paper's channel-wise fully-connected layer, then a 1×1 convolution; the code has 16·C dimensions."""

    def __init__(self, channels: int, recipe: ContextEncoderRecipe) -> None:
        super().__init__()
        self.shape, self.size = (channels, 4, 4), 16 * channels
        self.across = ChannelwiseLinear(channels, 4)
        self.norm = nn.BatchNorm2d(channels)
        # The code itself is wanted, too.
        self.activation = _down(recipe, inplace=False)
        self.mix = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.across(features)).flatten(1)

    def spread(self, code: Tensor) -> Tensor:
        """Features `(B, C, 4, 4)` of a code `(B, D)`."""
        return self.mix(self.activation(code.unflatten(1, self.shape)))


def _down(recipe: ContextEncoderRecipe, *, inplace: bool = True) -> nn.Module:
    # In place: allocating memory costs more than the computation.
    return nn.ELU(inplace=inplace) if recipe.activation == "elu" else nn.LeakyReLU(0.2, inplace=inplace)


def _up(recipe: ContextEncoderRecipe) -> nn.Module:
    return nn.ELU(inplace=True) if recipe.activation == "elu" else nn.ReLU(inplace=True)


# ---------------------------------------------------------------------------------------------------- the objective

Predict = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(blanked picture, mask) → (raw prediction, code)."""


class ContextEncoderObjective(Objective):
    """L = 0.999 L_rec + 0.001 L_adv (Pathak et al., equation 3; Zieliński et al., equation 1), D's turn before G's.

    The discriminator sees the predicted region, the middle square of half the side, and nothing around it, or it would
    win by the seam (Pathak et al.; Cao). For holes anywhere it sees the composed picture (ours) without the mask.
    `network` is saved, whose prediction and code are `predict(image, mask)`; its `generator` is trained against the
    discriminator: all of the network, or the last of a cascade.
    """

    def __init__(
        self, recipe: ContextEncoderRecipe, network: Network, generator: ContextEncoder, predict: Predict
    ) -> None:
        super().__init__()
        self.recipe, self.network, self.predict = recipe, network, predict
        # In a tuple, so that torch does not register it twice: it is a part of the network.
        self._generator = (generator,)
        self.region = self.generator.region or recipe.judged == "region"
        widths = [recipe.width * multiple for multiple in ENCODER[recipe.size]]
        if recipe.adversarial:
            # The region is half the side: one halving fewer.
            self.discriminator = Discriminator(widths[1:] if self.region else widths)
        if recipe.nsd:
            self.distortion = Distortion(self.generator.bottleneck.size)

    @property
    def generator(self) -> ContextEncoder:
        """The network that is trained to fill."""
        return self._generator[0]

    @property
    def players(self) -> dict[str, nn.Module]:
        game: dict[str, nn.Module] = {"discriminator": self.discriminator} if self.recipe.adversarial else {}
        return {**game, "generator": self.generator}

    def adam(self, player: str) -> dict[str, Any]:
        betas = {"betas": (0.5, 0.999)}
        return {**betas, "lr": self.recipe.discriminator_rate} if player == "discriminator" else betas

    def forward(self, player: str, batch: Batch) -> dict[str, Tensor]:
        raw, code = self._prediction(batch)
        recipe = self.recipe
        if player == "discriminator":
            truth = real_or_not(self.discriminator(self._judged(batch.image)), True)
            return {
                "real": truth,
                "generated": real_or_not(self.discriminator(self._generated(raw, batch).detach()), False),
            }
        terms = {}
        if recipe.reconstruction:
            terms["reconstruction"] = recipe.reconstruction * reconstruction_loss(
                raw, batch.image, batch.mask, recipe.overlap, recipe.overlap_weight
            )
        if recipe.adversarial:
            terms["adversarial"] = recipe.adversarial * real_or_not(
                self.discriminator(self._generated(raw, batch)), True
            )
        if recipe.nsd:
            terms["nsd"] = recipe.nsd * self._distortion(code, batch)
        return terms

    def _prediction(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the raw prediction and its code, computed once for the discriminator's and the generator's turn."""
        if "prediction" not in batch.shared:
            # As in `network.raw`, except that the code is kept.
            raw, code = self.predict(batch.image.masked_fill(batch.mask, 0), batch.mask)
            batch.shared["prediction"] = raw.float(), code
        return batch.shared["prediction"]

    def _generated(self, raw: Tensor, batch: Batch) -> Tensor:
        """Return the generated half of the discriminator's input."""
        return self._judged(raw if self.region else torch.where(batch.mask, raw, batch.image))

    def _judged(self, image: Tensor) -> Tensor:
        """Return the discriminator's input, in [−1, 1]."""
        edge = image.shape[-1] // 4
        seen = image[:, :, edge:-edge, edge:-edge] if self.region else image
        return seen * 2 - 1

    def _distortion(self, code: Tensor, batch: Batch) -> Tensor:
        """Return NSD of the prediction's code and one under a second mask, for every picture its neighbour's."""
        second = self.network.encode(batch.image, batch.mask.roll(1, 0))
        return self.distortion(code.float(), second.float())


def reconstruction_loss(raw: Tensor, truth: Tensor, mask: Tensor, overlap: int, overlap_weight: float) -> Tensor:
    """L_rec: the mean over hole and ring of w · (2·raw − 2·truth)², w = 1 in the hole and `overlap_weight` in the ring.

    The ring is `overlap` pixels wide and around the hole, in known pixels. The factors 2 make it the error in [−1, 1],
    as in the released code, whose weights are for this range. Pictures `(B, 3, H, W)` in [0, 1], bool
    `(B, 1, H, W)`.
    """
    # The square window, as rows and then columns.
    near = functional.max_pool2d(mask.float(), (2 * overlap + 1, 1), stride=1, padding=(overlap, 0))
    near = functional.max_pool2d(near, (1, 2 * overlap + 1), stride=1, padding=(0, overlap))
    weight = near * overlap_weight + mask * (1 - overlap_weight)
    return (weight * (2 * raw - 2 * truth).square()).sum() / (3 * near.sum()).clamp(min=1)


class Distortion(nn.Module):
    """NSD as a loss (suggested by Zieliński et al.): half the squared distance of two codes over their variance.

    For codes E₁, E₂ `(B, D)` of the same pictures under two masks: mean over pictures and dimensions of
    (E₁ − E₂)² / 2σ², which is 1 when the mask makes the code random. σ² is each dimension's running variance over
    pictures and masks; the gradient goes through the batch's own, so that shrinking the codes gains nothing.
    """

    variance: Tensor

    def __init__(self, dimensions: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("variance", torch.ones(dimensions))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        here = torch.cat([first, second]).var(0, unbiased=False)
        if self.training:
            self.variance.lerp_(here.detach(), self.momentum)
        # The running value, with the gradient of the batch's.
        variance = self.variance + here - here.detach()
        return ((first - second).square() / (2 * variance + 1e-8)).mean()


def make_objective(recipe: ContextEncoderRecipe) -> ContextEncoderObjective:
    """Return the objective, in which all of the network is trained."""
    network = ContextEncoder(recipe)
    return ContextEncoderObjective(recipe, network, network, network.prediction)


# ------------------------------------------------------------------------------------------------------- the method

CONTEXT_ENCODER = TrainedMethod(
    Card(
        name="context-encoder",
        summary=METHODS["context-encoder"].summary,
        source="D. Pathak and others: Context Encoders: Feature Learning by Inpainting, CVPR 2016",
        good_for="studying what surroundings say about a hole; holes of the kind it was trained on, at its small size",
        bad_for="fine detail: everything passes through one code of a picture of at most 128 px",
        extra="torch",
    ),
    presets=PRESETS,
    network=ContextEncoder,
    objective=make_objective,
    shipped=METHODS["context-encoder"].weights[0],
    renamed=RENAMED,
)
