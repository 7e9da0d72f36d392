"""Draws from a generator are those of the global state with its seed, and leave that state alone."""

import threading

import pytest
import torch
from torch import nn

from inpainter.nn.random import drawing_from

DRAWS = {
    "rand": lambda: torch.rand(5),
    "randn": lambda: torch.randn(5),
    "randint": lambda: torch.randint(0, 9, (5,)),
    "randperm": lambda: torch.randperm(9),
    "normal": lambda: torch.normal(torch.zeros(5), 2.0),
    "bernoulli": lambda: torch.bernoulli(torch.full((20,), 0.5)),
    "multinomial": lambda: torch.full((20,), 0.5).multinomial(3),
    "poisson": lambda: torch.poisson(torch.full((5,), 4.0)),
    "rand_like": lambda: torch.rand_like(torch.zeros(5, dtype=torch.float64)),
    "randn_like": lambda: torch.randn_like(torch.zeros(5), dtype=torch.float64),
    "normal_": lambda: torch.empty(5).normal_(1, 2),
    "uniform_": lambda: torch.empty(5).uniform_(1, 2),
    "random_": lambda: torch.empty(5).random_(9),
    "bernoulli_": lambda: torch.empty(20).bernoulli_(0.5),
    "exponential_": lambda: torch.empty(5).exponential_(),
    "geometric_": lambda: torch.empty(5).geometric_(0.5),
    "cauchy_": lambda: torch.empty(5).cauchy_(),
    "log_normal_": lambda: torch.empty(5).log_normal_(),
    "init.uniform_": lambda: nn.init.uniform_(torch.empty(5)),
    "init.normal_": lambda: nn.init.normal_(torch.empty(5)),
    "init.trunc_normal_": lambda: nn.init.trunc_normal_(torch.empty(50)),
    "init.kaiming_uniform_": lambda: nn.init.kaiming_uniform_(torch.empty(4, 5)),
    "init.kaiming_normal_": lambda: nn.init.kaiming_normal_(torch.empty(4, 5)),
    "init.xavier_uniform_": lambda: nn.init.xavier_uniform_(torch.empty(4, 5)),
    "init.xavier_normal_": lambda: nn.init.xavier_normal_(torch.empty(4, 5)),
    "init.orthogonal_": lambda: nn.init.orthogonal_(torch.empty(4, 5)),
    "init.sparse_": lambda: nn.init.sparse_(torch.empty(4, 5), 0.5),
    "layers": lambda: torch.cat([
        value.flatten() for layer in (nn.Linear(3, 4), nn.Conv2d(3, 4, 3), nn.Embedding(3, 4), nn.LSTM(2, 3),
                                      nn.MultiheadAttention(4, 2), nn.TransformerEncoderLayer(4, 2, 8))
        for value in layer.state_dict().values()
    ]),
}  # fmt: skip


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS.keys())
def test_the_numbers_are_those_of_the_global_seed(draw):
    torch.manual_seed(7)
    wanted = draw()
    torch.manual_seed(8)
    before = torch.get_rng_state()
    with drawing_from(torch.Generator().manual_seed(7)):
        found = draw()
    assert torch.equal(found, wanted)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_generator_that_is_named_is_taken():
    named = torch.Generator().manual_seed(1)
    wanted = torch.rand(3, generator=torch.Generator().manual_seed(1))
    ours = torch.Generator().manual_seed(2)
    before = ours.get_state()
    with drawing_from(ours):
        assert torch.equal(torch.rand(3, generator=named), wanted)
        assert torch.equal(torch.empty(3).uniform_(generator=named.manual_seed(1)), wanted)
    assert torch.equal(ours.get_state(), before)


def test_another_thread_draws_as_ever():
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    found = []
    with drawing_from(torch.Generator().manual_seed(7)):
        thread = threading.Thread(target=lambda: found.append(torch.rand(2)))
        thread.start()
        thread.join()
    assert torch.equal(found[0], wanted)
