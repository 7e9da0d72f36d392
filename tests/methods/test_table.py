"""The table of methods: names lead to inpainters, mistakes to one line that helps."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT
from inpainter.core import Box, Card, Inpainter, InputError
from inpainter.core.fields import field_docs
from inpainter.core.install import checkout, to_install
from inpainter.methods import METHODS, card, declared, identity, load, needs, takes_device
from ready import ready


@pytest.mark.parametrize("name", METHODS)
def test_every_line_of_the_table_leads_to_its_method(name):
    inpainter = ready(name)
    assert isinstance(inpainter, Inpainter)
    assert inpainter.card == card(name)
    assert inpainter.card.name == name
    assert inpainter.card.extra == METHODS[name].extra


@pytest.mark.parametrize("name", METHODS)
def test_cards_are_complete_and_summaries_are_one_short_sentence(name):
    words = card(name)
    assert isinstance(words, Card)
    assert all((words.summary, words.source, words.good_for, words.bad_for))
    summary = METHODS[name].summary
    assert words.summary == summary
    assert summary.endswith(".")
    assert len(summary) <= 80
    assert "\n" not in summary


def test_listing_the_table_imports_no_method_and_no_heavy_library():
    script = (
        "import sys, inpainter.methods as m; assert len(m.METHODS) >= 5; "
        "heavy = {'cv2', 'onnxruntime', 'skimage', 'scipy', 'torch'} & set(sys.modules); assert not heavy, heavy; "
        "assert not {n for n in sys.modules if n.startswith('inpainter.methods.')}"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("typed", "offered"), [("teela", "telea"), ("Navier-Stoke", "navier-stokes"), ("biharmonik", "biharmonic")]
)
def test_an_unknown_name_is_answered_with_the_nearest(typed, offered):
    with pytest.raises(InputError, match=f"did you mean {offered}") as caught:
        load(typed)
    assert "inpainter methods" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_near_to_nothing_is_answered_with_the_list():
    with pytest.raises(InputError, match="'zzzz': `inpainter methods` lists them"):
        load("zzzz")
    with pytest.raises(InputError, match="lists them"):
        card("zzzz")


def test_a_missing_extra_is_answered_with_the_command_and_the_card_is_still_there(monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "skimage"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(
        InputError, match=r"biharmonic needs skimage.*pip install -c constraints.txt -e '\.\[biharmonic\]'"
    ) as caught:
        load("biharmonic")
    assert "\n" not in str(caught.value)
    assert card("biharmonic").extra == "biharmonic"


@pytest.fixture
def from_a_wheel(monkeypatch):
    """The package as the wheel installs it: with no source around it."""
    for place in ("inpainter.core.install.checkout", "inpainter.nn.facts.checkout"):
        monkeypatch.setattr(place, lambda: None)


def test_from_a_wheel_the_trained_methods_are_not_ready_and_say_what_is_missing(from_a_wheel):
    for name, entry in METHODS.items():
        assert [folder for need in needs(name) for folder in entry.weights if folder in need] == list(entry.weights)
        if entry.weights:
            with pytest.raises(
                InputError, match=f"{entry.weights[0]} are not installed: .*INPAINTER_WEIGHTS"
            ) as caught:
                load(name)
            assert "\n" not in str(caught.value)


def test_from_a_wheel_the_variable_says_where_the_weights_are(from_a_wheel, monkeypatch, tmp_path):
    ours = ROOT / "weights"
    monkeypatch.setenv("INPAINTER_WEIGHTS", str(ours))
    assert not any(needs(name) for name in METHODS)
    assert load("partial-conv").card.name == "partial-conv"
    # A method that takes two networks is ready with both, and not with one.
    (tmp_path / "patch-synthesis-texture").symlink_to(ours / "patch-synthesis-texture")
    monkeypatch.setenv("INPAINTER_WEIGHTS", str(tmp_path))
    assert "weights context-encoder-content:" in needs("patch-synthesis")[0]
    with pytest.raises(InputError, match="patch-synthesis: weights context-encoder-content are not in"):
        load("patch-synthesis")


def test_a_checkout_needs_no_variable(monkeypatch):
    monkeypatch.delenv("INPAINTER_WEIGHTS", raising=False)
    assert not any(needs(name) for name in METHODS)
    assert checkout() == ROOT


def test_only_a_source_of_this_project_is_a_checkout(monkeypatch, tmp_path):
    package = tmp_path / "src" / "inpainter" / "core" / "install.py"
    monkeypatch.setattr("inpainter.core.install.__file__", str(package))
    for text in (None, "no TOML [", '[project]\nname = "other"', "[tool.x]"):
        if text is not None:
            (tmp_path / "pyproject.toml").write_text(text)
        assert checkout.__wrapped__() is None
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "inpainter"')
    assert checkout.__wrapped__() == tmp_path


def test_the_command_for_an_extra_is_of_the_way_it_was_installed(monkeypatch):
    assert to_install("torch") == "pip install -c constraints.txt -e '.[torch]'"
    monkeypatch.setattr("inpainter.core.install.checkout", lambda: None)
    assert to_install("torch") == "pip install 'inpainter[torch]'"


def test_a_broken_base_install_is_a_bug_and_not_a_missing_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "inpainter.methods.classical", raising=False)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError):
        load("telea")


def test_a_path_that_leads_nowhere_is_no_misspelt_name():
    with pytest.raises(InputError, match="runs/none/weights: no such folder"):
        load("runs/none/weights")


@pytest.mark.parametrize("name", METHODS)
def test_a_device_that_is_not_there_is_one_line(name):
    with pytest.raises(InputError, match="mps") as caught:
        load(name, device="mps")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="'tpu': no such device; give one of auto, cpu, cuda, mps"):
        load(name, device="tpu")


def test_a_device_is_chosen_where_the_method_has_more_than_one():
    assert {name for name in METHODS if takes_device(name)} == {
        name for name in METHODS if "cuda" in declared(name).devices
    }
    assert takes_device("a-model.onnx")


def test_settings_come_with_the_name_or_by_keyword():
    image, mask = np.random.default_rng(0).random((30, 40, 3), dtype=np.float32), np.zeros((30, 40), bool)
    mask[10:20, 10:20] = True
    narrow, wide = load("navier-stokes")(image, mask), load("navier-stokes:radius=12")(image, mask)
    assert (narrow != wide).any()
    assert (load("navier-stokes", radius=12)(image, mask) == wide).all()
    assert (load("navier-stokes:radius=5", radius=12)(image, mask) == wide).all()
    # It looks further, so it is shown more.
    assert load("telea:radius=12").view.frame(Box(90, 90, 10, 10), 300, 300).width == 10 + 4 * 12
    assert (load("fsr:profile=best")(image, mask) != load("fsr")(image, mask)).any()


def test_every_setting_has_its_sentence():
    for name in METHODS:
        kind = declared(name).settings
        assert list(field_docs(kind)) == [field.name for field in fields(kind)]


def test_a_path_is_a_path_also_where_a_method_has_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "telea").mkdir()
    assert load("telea").card.name == "telea"
    with pytest.raises(InputError, match=r"telea: no recipe\.json"):
        load(Path("telea"))


def test_weights_of_what_is_not_trained_are_one_line(tmp_path):
    (tmp_path / "recipe.json").write_text('{"method": "telea", "recipe": {}, "sha256": ""}')
    with pytest.raises(InputError, match="telea is not a method that is trained"):
        load(tmp_path)


def test_a_method_is_what_its_weights_are_wherever_they_lie(tmp_path):
    for name, sha256 in (("one", "1"), ("two", "2"), ("copy", "1")):
        (tmp_path / name).mkdir()
        facts = {"method": "partial-conv", "recipe": {}, "sha256": sha256}
        (tmp_path / name / "recipe.json").write_text(json.dumps(facts))
        (tmp_path / f"{name}.onnx").write_text(sha256)
    for end in ("", ".onnx"):
        one, two, copy = (identity(f"{tmp_path / name}{end}") for name in ("one", "two", "copy"))
        assert one == copy != two
    # A setting may name weights, too.
    one, two, copy = (identity(f"patch-synthesis:content={tmp_path / name}") for name in ("one", "two", "copy"))
    assert one == copy != two
    shipped = json.loads((declared("partial-conv").shipped_weights() / "recipe.json").read_text())
    assert shipped["sha256"] in identity("partial-conv")
    assert identity("telea") != identity("telea:radius=5") != identity("mean")
