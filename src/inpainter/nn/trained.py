"""A trained method: all that its file declares, in one object."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from inpainter.core import Card, Inpainter, InputError, Method
from inpainter.core.recipe import Recipe
from inpainter.nn.device import torch_device
from inpainter.nn.facts import RECIPE, read_facts, trained_weights
from inpainter.nn.network import NetworkInpainter
from inpainter.nn.objective import Objective
from inpainter.nn.pretrained import fill_with_weights


def network_inpainter(network: Any, card: Card, settings: Any, device: Any) -> Inpainter:
    """Return a trained Network, ready to fill."""
    return NetworkInpainter(network, card, device)


@dataclass(frozen=True)
class TrainedMethod(Method):
    """Network, objective, recipes, card and weights of one method."""

    make: Callable[..., Inpainter] = network_inpainter
    """`make(network, card, settings, device)` returns a trained network ready to fill."""
    devices: tuple[str, ...] = ("auto", "cpu", "cuda", "mps")
    _: KW_ONLY
    presets: Mapping[str, Recipe]
    """Recipes by name, all of one class; the first is the default."""
    network: Callable[[Any], nn.Module]
    """Makes the module that a training with a recipe saves, with random weights."""
    objective: Callable[[Any], Objective]
    """Makes the objective of a training with a recipe."""
    shipped: str
    """The folder, `METHOD-PRESET`, of the weights that the bare name loads."""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Former → present names of presets; older weights and runs still have the former."""

    @property
    def recipe(self) -> type[Recipe]:
        """The class of its recipes."""
        return type(next(iter(self.presets.values())))

    def load(self, settings: Any, device: str, folder: Path | None = None) -> Inpainter:
        """Return the network with the shipped weights, or with those in `folder`, ready to fill.

        Raises InputError when the weights are missing, truncated, changed or of another recipe, or without the device.
        """
        place = torch_device(device)
        folder = folder or self.shipped_weights()
        network = fill_with_weights(self.network(self.recipe_in(folder)), folder)
        return self.make(network, self.card, settings, place)

    def weights_sha256(self, folder: Path | None = None) -> str:
        """Return the SHA-256 that the recipe of the weights names, and that `load` checks."""
        return str(read_facts(folder or self.shipped_weights())["sha256"])

    def recipe_in(self, folder: str | Path) -> Recipe:
        """Return the recipe of the weights in a folder; raises InputError when they are another method's."""
        facts = read_facts(folder)
        if facts["method"] != self.card.name:
            name = self.card.name
            raise InputError(
                f"{Path(folder) / RECIPE}: weights of {facts['method']}, not of {name}: give another folder"
            )
        if (former := str(facts.get("preset"))) in self.renamed:
            warnings.warn(f"{folder}: its preset {former} is called {self.renamed[former]} now", stacklevel=3)
        return self.recipe.from_dict(facts["recipe"])

    def shipped_weights(self) -> Path:
        """Return the folder of the weights that the bare name loads; raises InputError, which says how to get them."""
        try:
            return trained_weights(self.shipped)
        except InputError as error:
            name = self.card.name
            raise InputError(
                f"{name}: {error}, or train some (inpainter train {name} --help) and give their folder as the method"
            ) from error
