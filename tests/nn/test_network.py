"""The contract on batches, and the adapter to core's."""

import numpy as np
import pytest
import torch

from inpainter.core import Card, View, Work
from inpainter.nn.average import MovingAverage
from inpainter.nn.network import Network, NetworkInpainter

MODEL_CARD = Card("seeing", "remembers its input", "tests", "tests", "photos", extra="torch")


class Seeing(Network):
    """Returns a constant outside [0, 1] in places, and remembers what it saw."""

    view = View(minimum=4, multiple=2)
    encodes = True

    def __init__(self):
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor(1.5))
        self.noise = False

    def predict(self, image, mask, works):
        self.seen = image.clone()
        if not self.noise:
            return self.value * torch.ones_like(image)
        drawn = [torch.rand(image.shape[1:], generator=torch.Generator().manual_seed(work.seed)) for work in works]
        return torch.stack(drawn)

    def code(self, image, mask):
        return image.flatten(1)


@pytest.fixture
def pair(rng):
    image = torch.from_numpy(rng.random((2, 3, 6, 8), dtype=np.float32))
    return image, torch.from_numpy(rng.random((2, 1, 6, 8)) < 0.3)


@pytest.mark.parametrize(("hole", "noted"), [((16, 16), False), ((5, 90), False), ((24, 24), True), ((96, 96), True)])
def test_a_hole_thicker_than_it_was_trained_for_is_noted(hole, noted):
    network = Seeing()
    network.trained_on = 32
    image, mask = np.full((96, 96, 3), 0.5, np.float32), np.zeros((96, 96), bool)
    mask[1 : 1 + hole[0], 1 : 1 + hole[1]] = True
    mask[-1, -1] = False
    works = [Work(), Work()]
    NetworkInpainter(network, MODEL_CARD).call_batch(np.stack([image] * 2), np.stack([mask, mask & False]), works)
    assert len(works[0].notes) == noted
    assert all("32 px" in note and "auto" in note for note in works[0].notes)
    assert works[1].notes == []


def test_blanks_composes_and_clamps(pair):
    image, mask = pair
    network = Seeing()
    filled = network(image, mask)
    outside = ~mask.expand_as(image)
    assert (network.seen[mask.expand_as(image)] == 0).all()
    assert torch.equal(network.seen[outside], image[outside])
    assert torch.equal(filled[outside], image[outside])
    assert (filled[mask.expand_as(image)] == 1).all()


def test_the_truth_cannot_leak_even_as_nan(pair):
    image, mask = pair
    network = Seeing()
    assert torch.equal(network(image, mask), network(image.masked_fill(mask, torch.nan), mask))


def test_raw_is_not_composed_and_has_gradients(pair):
    network = Seeing()
    raw = network.raw(*pair)
    assert (raw == 1.5).all()
    raw.sum().backward()
    assert network.value.grad is not None


@pytest.mark.parametrize(
    ("image", "mask", "error"),
    [
        (torch.zeros(1, 3, 6, 6, dtype=torch.uint8), torch.zeros(1, 1, 6, 6, dtype=torch.bool), TypeError),
        (torch.zeros(1, 3, 6, 6), torch.zeros(1, 1, 6, 6), TypeError),
        (torch.zeros(1, 1, 6, 6), torch.zeros(1, 1, 6, 6, dtype=torch.bool), ValueError),
        (torch.zeros(3, 6, 6), torch.zeros(1, 6, 6, dtype=torch.bool), ValueError),
        (torch.zeros(2, 3, 6, 6), torch.zeros(1, 1, 6, 6, dtype=torch.bool), ValueError),
        (torch.zeros(1, 3, 6, 5), torch.zeros(1, 1, 6, 5, dtype=torch.bool), ValueError),
    ],
)
def test_checks_at_the_door(image, mask, error):
    with pytest.raises(error, match="Seeing wants"):
        Seeing()(image, mask)


def test_the_adapter_keeps_cores_contract(rng):
    inpainter = NetworkInpainter(Seeing(), MODEL_CARD)
    image, mask = rng.random((6, 8, 3), dtype=np.float32), rng.random((6, 8)) < 0.3
    filled = inpainter(image, mask)
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    assert (filled[mask] == 1).all()
    assert inpainter.view == Seeing.view
    assert inpainter.encodes
    with pytest.raises(ValueError, match="seeing wants"):
        inpainter(image[:5], mask[:5])


def test_the_adapter_draws_from_the_seed_and_from_nowhere_else(rng):
    network = Seeing()
    network.noise = True
    inpainter = NetworkInpainter(network, MODEL_CARD)
    image, mask = rng.random((6, 8, 3), dtype=np.float32), rng.random((6, 8)) < 0.3
    state = torch.get_rng_state()
    first = inpainter(image, mask, Work(3))
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(7)
    np.testing.assert_array_equal(first, inpainter(image, mask, Work(3)))
    assert (first != inpainter(image, mask, Work(4)))[mask].any()
    # Many at a time, each by its own seed.
    both = inpainter.call_batch(np.stack([image, image]), np.stack([mask, mask]), [Work(4), Work(3)])
    np.testing.assert_array_equal(first, both[1])


def test_the_code_is_of_what_is_known(pair):
    image, mask = pair
    network = Seeing()
    code = network.encode(image.masked_fill(mask, torch.nan), mask)
    assert torch.equal(code, image.masked_fill(mask, 0).flatten(1))
    with pytest.raises(ValueError, match="Seeing wants"):
        network.encode(image[..., :5], mask)
    assert not Network.encodes


def test_a_prediction_may_take_gradients_but_not_the_weights(rng):
    class Searching(Seeing):
        def predict(self, image, mask, works):
            with torch.enable_grad():
                z = torch.zeros(1, requires_grad=True)
                (self.value * (z - 0.25)).square().sum().backward()
            return torch.ones_like(image) * -z.grad

    network = Searching()
    image, mask = rng.random((6, 8, 3), dtype=np.float32), rng.random((6, 8)) < 0.3
    # d/dz (1.5 (z − 0.25))² at 0 is −1.125, clamped from 1.125 to 1.
    assert (NetworkInpainter(network, MODEL_CARD)(image, mask)[mask] == 1).all()
    assert network.value.grad is None


def test_moving_average_against_the_recursion():
    module = torch.nn.Linear(1, 1, bias=False)
    average, wanted = MovingAverage(module, 0.9), module.weight.item()
    for step, value in enumerate((1.0, -2.0, 0.5, 3.0)):
        torch.nn.init.constant_(module.weight, value)
        average.update(module, step)
        decay = min(0.9, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * value
    assert average.values["weight"].item() == pytest.approx(wanted, rel=1e-6)
