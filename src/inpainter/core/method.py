"""The card of a method: what a person wants to know before choosing it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """What a method is, where it comes from, what it needs, and where it is good and bad."""

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
    """Whether it can answer a mask that leaves no pixel of the picture."""
