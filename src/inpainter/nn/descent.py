"""Gradient descent in the pixels of a picture: L-BFGS and Adam, one value and gradient at a time."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Descent(ABC):
    """`x = descent.step(x, loss, slope)`: the next iterate, from the loss and its gradient at `x`."""

    @abstractmethod
    def step(self, x: Tensor, loss: float, slope: Tensor) -> Tensor:
        """Return the next iterate, from the loss and its gradient at this one."""

    def restart(self) -> None:  # noqa: B027
        """Accept that the loss changes from here on, so that earlier values cannot be compared with it."""


class LBFGS(Descent):
    """L-BFGS without a line search, as the released code has it (Nocedal, Wright 2006, algorithm 7.4).

    The first step goes `first` far (root mean square). A step that increases the loss is halved; where even
    that fails, the search restarts along the gradient.
    """

    def __init__(self, history: int = 25, first: float = 0.01) -> None:
        self._history, self._first = history, first
        self._pairs: list[tuple[Tensor, Tensor, float]] = []
        self._from: tuple[Tensor, float, Tensor] | None = None
        self._way, self._halved = torch.zeros(0), 0

    def restart(self) -> None:
        # The curvature is much the same, and with patches matched at every step there would be no other.
        if self._from is not None:
            self._from = (self._from[0], math.inf, self._from[2])

    def step(self, x: Tensor, loss: float, slope: Tensor) -> Tensor:
        if self._from is not None:
            old, before, old_slope = self._from
            if not loss <= before and self._halved < 6:
                self._halved += 1
                return old + self._way * 0.5**self._halved
            moved, turned = x - old, slope - old_slope
            curvature = float(moved @ turned)
            if loss > before:
                self._pairs, x, loss, slope = [], old, before, old_slope
            elif curvature > 1e-10 * float(turned @ turned):
                self._pairs = [*self._pairs, (moved, turned, curvature)][-self._history :]
        self._from, self._halved = (x, loss, slope), 0
        self._way = self._direction(slope)
        return x + self._way

    def _direction(self, slope: Tensor) -> Tensor:
        """−H·slope, H being the inverse Hessian estimated from the last steps: the two loops of algorithm 7.4."""
        if not self._pairs:
            return slope * (-self._first * math.sqrt(slope.numel()) / max(float(slope.norm()), 1e-30))
        way, shares = -slope, []
        for moved, turned, curvature in reversed(self._pairs):
            share = float(moved @ way) / curvature
            way = way - share * turned
            shares.append(share)
        _, turned, curvature = self._pairs[-1]
        way = way * (curvature / float(turned @ turned))
        for (moved, turned, curvature), share in zip(self._pairs, reversed(shares), strict=True):
            way = way + (share - float(turned @ way) / curvature) * moved
        return way


class Adam(Descent):
    """Adam (Kingma, Ba 2015) with a cosine schedule to 0 over `steps` steps."""

    def __init__(self, steps: int, rate: float = 0.03) -> None:
        self._steps, self._rate, self._done = steps, rate, 0
        self._mean: Tensor | float = 0.0
        self._square: Tensor | float = 0.0

    def step(self, x: Tensor, loss: float, slope: Tensor) -> Tensor:
        self._done += 1
        self._mean = 0.9 * self._mean + 0.1 * slope
        self._square = 0.999 * self._square + 0.001 * slope.square()
        mean, square = self._mean / (1 - 0.9**self._done), self._square / (1 - 0.999**self._done)
        rate = self._rate * 0.5 * (1 + math.cos(math.pi * min(self._done / self._steps, 1)))
        return x - rate * mean / (square.sqrt() + 1e-12)
