"""Random draws from a generator instead of the process's global state, in code that takes no generator."""

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_DRAWS = frozenset({
    # Tensors made.
    "rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson",
    # Tensors filled.
    "normal_", "uniform_", "random_", "bernoulli_", "exponential_", "geometric_", "cauchy_", "log_normal_",
    # Those of torch.nn.init that hide their calls; the others are visible.
    "kaiming_normal_", "kaiming_uniform_",
})  # fmt: skip
_LIKE: dict[str, Callable[..., Any]] = {"rand_like": torch.Tensor.uniform_, "randn_like": torch.Tensor.normal_}
"""Functions that take no generator, with those that fill an empty tensor with the same numbers."""


class drawing_from(TorchFunctionMode):  # noqa: N801 - it is used as a function
    """Inside `with drawing_from(generator):`, torch draws from `generator` wherever the caller names none.

    It affects this thread only, and functions that make or fill tensors on the generator's device: the weights of
    layers, `torch.randn`. Dropout, which takes no generator, is not affected. A generator seeded like
    `torch.manual_seed` gives the same numbers.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _LIKE and kwargs.get("generator") is None:
            rest = {key: value for key, value in kwargs.items() if key != "generator"}
            return _LIKE[name](torch.empty_like(*args, **rest), generator=self.generator)
        if name in _DRAWS and kwargs.get("generator") is None:
            kwargs = {**kwargs, "generator": self.generator}
        return func(*args, **kwargs)
