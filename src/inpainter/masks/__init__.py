"""Mask generators: one seeded, frozen dataclass per kind, each called as `kind(height, width) -> mask`."""

import difflib
from collections.abc import Callable
from functools import partial

from inpainter.core import InputError
from inpainter.core.fields import read_fields, split_fields
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


def kind_number(text: str) -> int:
    """Return the index in `KINDS` of the kind that `text` names, without its fields: the salt of its draws."""
    return list(KINDS).index(text.partition(":")[0])


def mask_kind(text: str) -> Callable[..., MaskKind]:
    """Return the kind that `text` names, to be called with a seed: `centre`, or with fields, `centre:side=56`.

    More than one field: `blocks:fewest=3:most=5`. Raises InputError for an unknown kind or field, or an invalid value.
    """
    name, given = split_fields(text, KINDS)
    if name not in KINDS:
        near = difflib.get_close_matches(name, KINDS, 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(KINDS)}"
        raise InputError(f"masks: no kind {name!r}: {hint}")
    kind = KINDS[name]
    fields = read_fields(kind, given, f"masks: {name}", without=("seed",))
    make = partial(kind, **fields)
    make()
    return make


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
    "kind_number",
    "mask_kind",
]
