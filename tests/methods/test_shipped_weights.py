"""The weights that the project trained: whole, small, and better than the classical methods that they stand beside."""

import json
from pathlib import Path

import pytest

from inpainter.engine.evaluation import Evaluation, evaluate
from inpainter.methods import load
from inpainter.nn.pretrained import RECIPE, shipped_weights

ROOT = Path(__file__).parents[2]
FOLDERS = ("blind-autoencoder-cifar10-paper", "partial-conv-cifar10-paper")


@pytest.fixture(scope="module")
def measured(request) -> dict[str, dict[str, float]]:
    source = request.getfixturevalue("data") / "cifar10" / "test.parquet"
    methods = ("telea", "navier-stokes", "blind-autoencoder", "partial-conv")
    results = evaluate(
        Evaluation(methods=methods, data=str(source), limit=100, metrics=("mse_hole", "mse_whole_raw")), load
    )
    return {
        result.method: {name: found["mean"] for name, found in result.kinds["lines"]["metrics"].items()}
        for result in results
    }


def test_they_are_small():
    total = sum(path.stat().st_size for folder in FOLDERS for path in (ROOT / "weights" / folder).iterdir())
    assert total < 10_000_000


def test_their_cards_say_what_was_measured():
    for folder in FOLDERS:
        text = (ROOT / "weights" / folder / "README.md").read_text()
        facts = json.loads((ROOT / "weights" / folder / RECIPE).read_text())
        for name, value in facts["measured"].items():
            assert f"| {name} | {value:.6f} |" in text
        assert facts["sha256"] in text


def test_names_and_folders_are_the_same_method():
    for folder in FOLDERS:
        method = folder.removesuffix("-cifar10-paper")
        assert shipped_weights(method, "cifar10-paper") == ROOT / "weights" / folder
        assert load(method).method == load(ROOT / "weights" / folder).method


def test_they_fill_lines_better_than_marching_inwards(measured):
    for method in ("blind-autoencoder", "partial-conv"):
        assert measured[method]["mse_hole"] < 0.95 * measured["navier-stokes"]["mse_hole"]
        assert measured[method]["mse_hole"] < 0.8 * measured["telea"]["mse_hole"]


def test_knowing_the_mask_is_worth_half_the_error(measured):
    assert measured["partial-conv"]["mse_whole_raw"] < 0.5 * measured["blind-autoencoder"]["mse_whole_raw"]
