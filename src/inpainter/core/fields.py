"""Documented dataclasses whose fields a person sets: their help as data, and their spelling `name:field=value`."""

import ast
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Container, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin

from inpainter.core.errors import InputError
from inpainter.core.paths import exists

# A colon that a field's name and an equals sign follow; any other belongs to a name, a path or a value.
_FIELD = re.compile(r":(?=[A-Za-z]\w*=)")
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def split_fields(text: str, known: Container[str] = ()) -> tuple[str, dict[str, str]]:
    """Split `name:field=value:field=value` into the name and the fields; what is an existing path is all name.

    Raises InputError when a field is given twice, or when one of the names `known` is followed by no `field=value`.
    """
    parts = _FIELD.split(text)
    names = (":".join(parts[:count]) for count in range(len(parts), 1, -1))
    name = next((name for name in names if exists(name)), parts[0])
    given = {}
    for part in _FIELD.split(text[len(name) :])[1:]:
        field, _, value = part.partition("=")
        if field in given:
            raise InputError(f"{text}: {field} is given twice; give it once")
        given[field] = value
    start, colon, rest = name.partition(":")
    if colon and start in known and not exists(name):
        what = f"{rest!r} is no setting" if rest else "a setting is missing"
        raise InputError(f"'{text}': {what}; write {start}:name=value")
    return name, given


def read_fields(kind: type, given: Mapping[str, Any], where: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Values for fields of a dataclass, each as its type: of text, or of what YAML or JSON made of it.

    Raises InputError, which starts with `where`, on a field that the class has not (or is in `without`) and on a value
    that is none for it.
    """
    hints = typing.get_type_hints(kind)
    known = [field.name for field in fields(kind) if field.name not in without]
    values = {}
    for name, value in given.items():
        field = name.replace("-", "_")
        if field not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(f"{where} has no field {name!r}: {has}")
        try:
            values[field] = _value(hints[field], value)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{where}: {name} is {value!r}: give {_wanted(hints[field])}") from error
    return values


def _value(kind: Any, value: Any) -> Any:
    """A value of this type; raises ValueError or TypeError where it is none."""
    options = get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        if value is None and type(None) in options:
            return None
        return _value(next(option for option in options if option is not type(None)), value)
    if get_origin(kind) is Literal:
        if value not in options:
            raise ValueError
        return value
    if get_origin(kind) is tuple:
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(_value(options[0], part) for part in parts)
    if kind is bool:
        if str(value).lower() not in _WORDS:
            raise ValueError
        return _WORDS[str(value).lower()]
    # True is a number to Python; to a person it is none.
    if isinstance(value, bool) or (kind is int and isinstance(value, float) and value != int(value)):
        raise ValueError
    return kind(value)


def _wanted(kind: Any) -> str:
    options = get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return _wanted(options[0])
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, options))}"
    if get_origin(kind) is tuple:
        return f"{_wanted(options[0])}, or several with commas between"
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "text")


def field_docs(kind: type) -> dict[str, str]:
    """The sentence under each field of a dataclass, base classes' fields included: what help texts are made of."""
    docs: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        if not is_dataclass(cls):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, doc in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_string(doc):
                docs[field.target.id] = " ".join(ast.literal_eval(doc.value).split())  # pyright: ignore[reportAttributeAccessIssue]
    return docs


def _is_string(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
