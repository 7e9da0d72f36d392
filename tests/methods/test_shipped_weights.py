"""The weights that the project trained: whole, small, and better than the classical methods that they stand beside."""

import json
from pathlib import Path

import pytest

from inpainter.engine.evaluation import Evaluation, evaluate
from inpainter.methods import load
from inpainter.nn.pretrained import CARD, RECIPE

WEIGHTS = Path(__file__).parents[2] / "weights"
FOLDERS = sorted(path for path in WEIGHTS.iterdir() if path.is_dir())
TRAINED = {"blind-autoencoder": "cifar10-paper", "partial-conv": "cifar10-equal"}
LARGEST = 60_000_000


@pytest.fixture(scope="module")
def measured(request) -> dict[str, dict[str, float]]:
    source = request.getfixturevalue("data") / "cifar10" / "test.parquet"
    results = evaluate(
        Evaluation(methods=("telea", "navier-stokes", *TRAINED), data=str(source), limit=100,
                   metrics=("mse_hole", "mse_whole_raw")), load,
    )  # fmt: skip
    return {
        result.method: {name: found["mean"] for name, found in result.kinds["lines"]["metrics"].items()}
        for result in results
    }


def test_they_are_small():
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()) < LARGEST


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_is_named_after_method_and_preset_and_its_card_says_what_was_measured(folder):
    facts = json.loads((folder / RECIPE).read_text())
    assert folder.name == f"{facts['method']}-{facts['preset']}"
    assert load(folder).method.name == facts["method"]
    text = (folder / CARD).read_text()
    assert facts["sha256"] in text
    assert facts["measured"]
    for name, value in facts["measured"].items():
        assert f"| {name} | {value:.6f} |" in text


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_card_tells_of_the_machine_it_was_made_on(folder):
    facts = json.loads((folder / RECIPE).read_text())
    named = [*facts["recipe"].values(), *facts["data"].values()]
    assert not any(value.startswith(("/", "~")) for value in named if isinstance(value, str))
    assert not facts["git_revision"].endswith("-dirty")


@pytest.mark.parametrize("method", TRAINED)
def test_a_bare_name_takes_them(method):
    found = load(method).network.state_dict()
    wanted = load(WEIGHTS / f"{method}-{TRAINED[method]}").network.state_dict()
    assert all((found[name] == value).all() for name, value in wanted.items())


def test_they_fill_lines_better_than_marching_inwards(measured):
    for method in TRAINED:
        assert measured[method]["mse_hole"] < 0.95 * measured["navier-stokes"]["mse_hole"]
        assert measured[method]["mse_hole"] < 0.8 * measured["telea"]["mse_hole"]


def test_knowing_the_mask_is_worth_half_the_error(measured):
    assert measured["partial-conv"]["mse_whole_raw"] < 0.5 * measured["blind-autoencoder"]["mse_whole_raw"]
