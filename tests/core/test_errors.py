"""Errors that a user can put right: what is wrong, the remedy, and options in an app's own words."""

import ast

import pytest

from conftest import ROOT
from inpainter import InputError
from inpainter.core.errors import OPTIONS, spelled


@pytest.mark.parametrize(
    ("message", "what", "remedy"),
    [
        ("a.png: exists already; name another output", "a.png: exists already", "name another output"),
        ("grow: must be whole: give 0 or more", "grow: must be whole", "give 0 or more"),
        ("a: b; c: d", "a: b", "c: d"),
        ("nothing", "nothing", ""),
    ],
)
def test_a_message_is_what_is_wrong_and_the_remedy(message, what, remedy):
    error = InputError(message)
    assert (str(error), error.what, error.remedy, error.code) == (message, what, remedy, "invalid")
    assert InputError(message, code="exists").code == "exists"


def test_options_are_spelled_by_the_app():
    message = "x; pass mask_colour='#f00:3', overwrite=True, max_megapixels=500 or painted=, not remask_colour=1"
    found = []

    def spell(name, value):
        found.append((name, value))
        return f"<{name}>"

    said = spelled(message, spell)
    assert said == "x; pass <mask_colour>, <overwrite>, <max_megapixels> or <painted>, not remask_colour=1"
    assert found == [("mask_colour", "#f00:3"), ("overwrite", "True"), ("max_megapixels", "500"), ("painted", "")]


def messages():
    """Every text in the library's own source, with where it stands; the apps may spell options as they like."""
    for path in sorted((ROOT / "src" / "inpainter").rglob("*.py")):
        if path.parts[-2] in ("core", "photos", "masks") or path.stem in ("batch", "pictures", "where", "candidates"):
            docs = set()
            tree = ast.parse(path.read_text())
            for node in ast.walk(tree):
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                    docs.add(node.value)
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs:
                    yield f"{path.name}:{node.lineno}", node.value


def test_the_library_names_no_option_of_the_command_line():
    for where, text in messages():
        for name in OPTIONS:
            assert f"--{name.replace('_', '-')}" not in text, where


def test_every_error_of_the_library_has_a_remedy():
    """Of errors whose whole text stands in the source."""
    seen = 0
    for path in sorted((ROOT / "src" / "inpainter").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "InputError":
                text = ast.unparse(node.args[0])
                if isinstance(node.args[0], ast.JoinedStr | ast.Constant) and "remedy" not in text:
                    seen += 1
                    assert "; " in text or ": " in text, f"{path.name}:{node.lineno}: {text}"
    assert seen > 150
