"""The blind autoencoder: its code."""

import torch

from inpainter.core import Card
from inpainter.methods.blind_autoencoder import BlindAutoencoder, BlindAutoencoderRecipe
from inpainter.nn.network import NetworkInpainter
from ready import awake

SMALL = BlindAutoencoderRecipe(size=32, widths=(8, 12, 16), pooled=2)


def test_the_code_is_the_bottleneck_and_knows_nothing_of_the_hole_but_that_it_is_black():
    network = awake(BlindAutoencoder(SMALL))
    image, mask = torch.rand(2, 3, 32, 24), torch.rand(2, 1, 32, 24) < 0.2
    mask[:, :, 0, 0] = False
    code = network.encode(image, mask)
    assert code.shape == (2, 16 * 8 * 6)
    assert torch.equal(code, network.encode(image.masked_fill(mask, torch.nan), mask))
    black = image.masked_fill(mask, 0)
    assert torch.equal(code, network.encode(black, torch.zeros_like(mask)))
    # It is all that the decoder gets.
    features = code.unflatten(1, (16, 8, 6))
    assert torch.equal(network.last(network.decoder(features)), network.raw(image, mask))
    moved = image.clone()
    moved[:, :, 0, 0] = 1 - moved[:, :, 0, 0]
    assert not torch.equal(code, network.encode(moved, mask))


def test_its_inpainter_encodes():
    card = Card("blind", "s", "s", "s", "s")
    assert NetworkInpainter(BlindAutoencoder(SMALL), card).encodes
