"""The discriminator and its game, and the channel-wise layer, against slow transcriptions."""

import math

import numpy as np
import pytest
import torch

from inpainter.nn.adversarial import Discriminator, real_or_not
from inpainter.nn.channelwise import ChannelwiseLinear


@pytest.mark.parametrize(("widths", "side"), [((8, 16), 16), ((8, 16, 32), 32), ((4, 4, 8, 16, 32), 128)])
def test_a_discriminator_gives_one_logit_a_picture(widths, side):
    torch.manual_seed(0)
    judge = Discriminator(widths).eval()
    pictures = torch.rand(3, 3, side, side) * 2 - 1
    logits = judge(pictures)
    assert logits.shape == (3,)
    # Of each picture by itself.
    torch.testing.assert_close(judge(pictures[1:2]), logits[1:2])


def test_a_discriminator_of_other_sizes_refuses():
    with pytest.raises((RuntimeError, ValueError)):
        Discriminator((8, 16))(torch.rand(1, 3, 8, 8))


def test_real_or_not_is_the_cross_entropy():
    logits = torch.tensor([-2.0, 0.5, 3.0])
    share = [1 / (1 + math.exp(-x)) for x in logits.tolist()]
    assert real_or_not(logits, True).item() == pytest.approx(-sum(map(math.log, share)) / 3, rel=1e-5)
    assert real_or_not(logits, False).item() == pytest.approx(-sum(math.log(1 - p) for p in share) / 3, rel=1e-5)


def test_the_channelwise_layer_is_a_full_layer_within_each_channel(rng):
    layer = ChannelwiseLinear(3, 4).double()
    x = torch.from_numpy(rng.normal(size=(2, 3, 4, 4)))
    y = layer(x).detach().numpy()
    weight = layer.weight.detach().numpy()
    wanted = np.zeros((2, 3, 4, 4))
    for b in range(2):
        for c in range(3):
            for i in range(16):
                for j in range(16):
                    wanted[b, c, j // 4, j % 4] += x[b, c, i // 4, i % 4].item() * weight[c, i, j]
    np.testing.assert_allclose(y, wanted, rtol=1e-12)


def test_nothing_crosses_from_channel_to_channel():
    layer = ChannelwiseLinear(3, 4)
    x = torch.rand(1, 3, 4, 4)
    changed = x.clone()
    changed[:, 1] += 1
    same = (layer(x) == layer(changed)).all(dim=(0, 2, 3))
    assert same.tolist() == [True, False, True]
