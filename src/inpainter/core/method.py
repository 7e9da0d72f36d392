"""A method as its file declares it: the card, what a user may set, and how it is made ready."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpainter.core.errors import InputError

if TYPE_CHECKING:
    from inpainter.core.inpainter import Inpainter

DEVICES = ("auto", "cpu", "cuda", "mps")
"""Where a method may compute; `auto` is the fastest that is there."""


@dataclass(frozen=True)
class Card:
    """What a person wants to know of a method before choosing it."""

    name: str
    """The name on the command line, e.g. `telea`."""
    summary: str
    """One sentence."""
    source: str
    """The paper or document: authors, title, year."""
    good_for: str
    """Where its fills look right."""
    bad_for: str
    """Where they do not."""
    extra: str = ""
    """The optional install that it needs, e.g. `biharmonic`; empty when the base install is enough."""
    fills_everything: bool = False
    """Whether it can fill a mask that leaves no pixel of the picture."""
    uses_source: bool = False
    """Whether it takes texture only from where it is allowed to; otherwise it looks at all known pixels."""
    draws: bool = False
    """Whether another seed makes another fill, so that there are several to choose from."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a user may set when a method fills; a method's own are a subclass, each field with a sentence under it."""

    def _require(self, holds: bool, name: str, wanted: str) -> None:
        # Written so that NaN fails too.
        if not holds:
            raise InputError(f"settings: {name} is {getattr(self, name)}: give {wanted}")


@dataclass(frozen=True)
class Method:
    """A named way to fill, as its file declares it."""

    card: Card
    make: Callable[..., "Inpainter"]
    """`make(settings, device)` makes it ready to fill."""
    settings: type[Settings] = Settings
    """Its fields are what a user may set."""
    devices: tuple[str, ...] = ("auto", "cpu")
    """Those of `DEVICES` that it can compute on."""

    def load(self, settings: Any, device: str, folder: Path | None = None) -> "Inpainter":
        """The method, ready to fill; only one that is trained takes a folder, of weights."""
        if folder is not None:
            raise InputError(f"{folder}: {self.card.name} is not a method that is trained: give another folder")
        return self.make(settings, device)

    def weights_sha256(self, folder: Path | None = None) -> str:
        """The SHA-256 of the weights that `load` would take; empty for a method that has none."""
        return ""
