"""Mask generators: one seeded, frozen dataclass per kind, each called as `kind(height, width) -> mask`."""

from inpainter.masks.drawn import Blob, Lines, Strokes
from inpainter.masks.kind import MINIMUM_SIDE, MaskKind
from inpainter.masks.scattered import Noise, Pixels, Scatter
from inpainter.masks.shapes import Blocks, Centre, Circle, Half, Square
from inpainter.masks.text import Text

KINDS: dict[str, type[MaskKind]] = {
    "centre": Centre,
    "square": Square,
    "blocks": Blocks,
    "circle": Circle,
    "half": Half,
    "lines": Lines,
    "strokes": Strokes,
    "blob": Blob,
    "text": Text,
    "scatter": Scatter,
    "pixels": Pixels,
    "noise": Noise,
}
"""Every kind by its name on the command line: `KINDS["lines"](seed=7)(256, 256)`."""

__all__ = [
    "KINDS",
    "MINIMUM_SIDE",
    "Blob",
    "Blocks",
    "Centre",
    "Circle",
    "Half",
    "Lines",
    "MaskKind",
    "Noise",
    "Pixels",
    "Scatter",
    "Square",
    "Strokes",
    "Text",
]
