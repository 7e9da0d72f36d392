"""The one table of methods. Listing it imports no method and no torch; adding a method is one file and one line."""

from typing import NamedTuple


class Entry(NamedTuple):
    """A line of the table."""

    module: str
    """The module that defines it, which has `load(name) -> Inpainter`."""
    extra: str
    """The optional install that it needs; empty when the base install is enough."""
    summary: str


METHODS: dict[str, Entry] = {
    "blind-autoencoder": Entry(
        "inpainter.methods.blind_autoencoder", "torch", "An autoencoder that is never told where the hole is."
    ),
    "partial-conv": Entry(
        "inpainter.methods.partial_conv", "torch", "A U-Net whose convolutions look at valid pixels only."
    ),
}
