"""L-BFGS and Adam go downhill, also when the loss becomes another one."""

import pytest
import torch
from torch import Tensor

from inpainter.nn.descent import LBFGS, Adam, Descent


def bent(x: Tensor) -> tuple[float, Tensor]:
    """Rosenbrock's valley in many dimensions, and its slope."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        loss = (100 * (x[1:] - x[:-1].square()).square() + (1 - x[:-1]).square()).sum()
        (slope,) = torch.autograd.grad(loss, x)
    return loss.item(), slope


def lowest(descent: Descent, steps: int, restarted: int = 10**9) -> float:
    x, best = torch.zeros(20), float("inf")
    for turn in range(steps):
        if turn and turn % restarted == 0:
            descent.restart()
        loss, slope = bent(x)
        best = min(best, loss)
        x = descent.step(x, loss, slope)
    return best


def test_lbfgs_follows_a_bent_valley_where_adam_lags():
    assert lowest(LBFGS(), 150) < 0.1 < lowest(Adam(150), 150) < bent(torch.zeros(20))[0]


def test_a_restart_costs_little():
    assert lowest(LBFGS(), 200, restarted=25) < 0.1


def test_lbfgs_solves_a_quadratic_of_few_curvatures_at_once():
    curvatures = torch.tensor([1.0, 1.0, 10.0, 10.0, 100.0])
    x = torch.ones(5)
    descent = LBFGS()
    for _ in range(20):
        loss = float((curvatures * x.square()).sum() / 2)
        x = descent.step(x, loss, curvatures * x)
    assert loss < 1e-8


def test_the_first_step_goes_as_far_as_asked():
    slope = torch.tensor([3e-9, 0.0, -4e-9])
    moved = LBFGS(first=0.25).step(torch.zeros(3), 1.0, slope)
    assert moved.square().mean().sqrt().item() == pytest.approx(0.25)
    assert (moved * slope).sum() < 0


def test_a_step_that_ends_higher_is_halved():
    descent = LBFGS(first=1.0)
    first = descent.step(torch.zeros(1), 1.0, torch.ones(1))
    assert first.item() == -1
    assert descent.step(first, 2.0, torch.ones(1)).item() == -0.5


def test_adams_steps_shrink_to_nothing():
    descent, x = Adam(10, rate=0.1), torch.zeros(1)
    moves = []
    for _ in range(10):
        after = descent.step(x, 0.0, torch.ones(1))
        moves.append(abs((after - x).item()))
        x = after
    assert moves == sorted(moves, reverse=True)
    assert moves[-1] == pytest.approx(0, abs=1e-6)
