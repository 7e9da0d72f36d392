"""A moving average of weights: steadier than the last ones, at no cost in the gradient."""

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential moving average of a module's parameters and running statistics, by their `state_dict()` names.

    The decay starts low, min(decay, (1 + t) / (10 + t)), so that the first weights are soon forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values: dict[str, Tensor] = {name: value.clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the module's values after step `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        now = module.state_dict()
        means, news = [], []
        for name, mean in self.values.items():
            if mean.is_floating_point():
                means.append(mean)
                news.append(now[name])
            else:
                mean.copy_(now[name])
        torch._foreach_lerp_(means, news, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
