"""Settings, recipes and mask kinds: their help as data, and their spelling."""

from dataclasses import dataclass
from typing import Literal

import pytest

from inpainter.core import InputError, Settings
from inpainter.core.fields import field_docs, read_fields, split_fields


@dataclass(frozen=True, kw_only=True)
class Many(Settings):
    steps: int = 5
    """How many."""
    rate: float | None = None
    """How fast;
    it may be left open."""
    kind: Literal["a", "b"] = "a"
    """Which."""
    blend: bool = True
    """Whether."""
    widths: tuple[int, ...] = (1, 2)
    """How wide."""
    content: str = ""
    """From where."""


@pytest.mark.parametrize(
    ("text", "name", "given"),
    [
        ("telea", "telea", {}),
        ("latent-search:steps=500:restarts=4", "latent-search", {"steps": "500", "restarts": "4"}),
        (r"C:\runs\first:steps=3", r"C:\runs\first", {"steps": "3"}),
        ("x:content=a:b/c:steps=3", "x", {"content": "a:b/c", "steps": "3"}),
        ("x:steps=", "x", {"steps": ""}),
    ],
)
def test_a_name_and_its_fields_are_told_apart(text, name, given):
    assert split_fields(text) == (name, given)


def test_an_existing_path_is_all_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run:steps=9").mkdir()
    assert split_fields("run:steps=9") == ("run:steps=9", {})
    assert split_fields("run:steps=9:steps=3") == ("run:steps=9", {"steps": "3"})


def test_what_is_no_field_or_given_twice_is_refused():
    with pytest.raises(InputError, match="steps is given twice"):
        split_fields("x:steps=3:steps=4")
    with pytest.raises(InputError, match="'fast' is no setting; write fsr:name=value"):
        split_fields("fsr:fast", {"fsr"})


def test_values_are_read_as_their_types_from_text_and_from_yaml():
    typed = {"steps": "7", "rate": "1e-3", "kind": "b", "blend": "no", "widths": "3,4,5", "content": "x"}
    wanted = {"steps": 7, "rate": 0.001, "kind": "b", "blend": False, "widths": (3, 4, 5), "content": "x"}
    assert read_fields(Many, typed, "many") == wanted
    assert read_fields(Many, {"steps": 7, "rate": "1e-3", "blend": False, "widths": [3, 4, 5]}, "many") == {
        "steps": 7, "rate": 0.001, "blend": False, "widths": (3, 4, 5),
    }  # fmt: skip
    assert read_fields(Many, {"rate": None}, "many") == {"rate": None}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"stepz": "3"}, "many has no field 'stepz': it has steps, rate"),
        ({"steps": "three"}, "steps is 'three': give a whole number"),
        ({"steps": "1.5"}, "steps is '1.5': give a whole number"),
        ({"steps": 1.5}, "give a whole number"),
        ({"steps": True}, "give a whole number"),
        ({"rate": "fast"}, "rate is 'fast': give a number"),
        ({"kind": "c"}, "kind is 'c': give one of a, b"),
        ({"blend": "maybe"}, "blend is 'maybe': give true or false"),
        ({"widths": "1,x"}, "widths is '1,x': give a whole number, or several with commas between"),
    ],
)
def test_what_does_not_fit_is_one_line(given, says):
    with pytest.raises(InputError, match=says):
        read_fields(Many, given, "many")


def test_a_class_without_fields_says_so():
    with pytest.raises(InputError, match="telea has no field 'x': it has none"):
        read_fields(Settings, {"x": "3"}, "telea")


def test_every_field_has_its_sentence():
    assert field_docs(Many)["rate"] == "How fast; it may be left open."
    assert list(field_docs(Many)) == ["steps", "rate", "kind", "blend", "widths", "content"]
