"""Mask generators: one seeded, frozen dataclass per kind, each called as `kind(height, width) -> mask`."""

import dataclasses
import typing
from collections.abc import Callable
from functools import partial

from inpainter.core import InputError
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
    """The place in `KINDS` of the kind that `text` names, its fields aside: where draws of different kinds part."""
    return list(KINDS).index(text.partition(":")[0])


def mask_kind(text: str) -> Callable[..., MaskKind]:
    """The kind that `text` names, to be called with a seed: `centre`, or with fields, `centre:side=56`.

    More than one field: `blocks:fewest=3:most=5`. Raises InputError on an unknown kind or field, or a wrong value.
    """
    name, _, given = text.partition(":")
    if name not in KINDS:
        raise InputError(f"masks: no kind {name!r}: choose from {', '.join(KINDS)}")
    kind = KINDS[name]
    known = {field.name for field in dataclasses.fields(kind)} - {"seed"}
    fields: dict[str, float] = {}
    for part in given.split(":") if given else ():
        field, _, value = part.partition("=")
        if field not in known:
            raise InputError(f"masks: {name} has no field {field!r}: it has {', '.join(sorted(known))}")
        whole = int in (kinds := typing.get_type_hints(kind)[field], *typing.get_args(kinds))
        try:
            fields[field] = int(value) if whole else float(value)
        except ValueError as error:
            raise InputError(f"masks: {field} is {value!r}: give a number, as in {name}:{field}=1") from error
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
