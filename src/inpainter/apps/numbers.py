"""Whole numbers as they are typed."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter


def whole(_kind: Any, tokens: Sequence[Any]) -> int:
    """One whole number; ValueError for any other text, where the library would round 2.5."""
    return _whole(tokens[0].value)


def whole_numbers(_kind: Any, tokens: Sequence[Any]) -> tuple[int, ...]:
    """Whole numbers with commas between, as everywhere, or the option once for each."""
    return tuple(_whole(part) for token in tokens for part in token.value.split(","))


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"give a whole number, not {text!r}") from None


Whole = Annotated[int, Parameter(converter=whole)]
