"""The weights that the project trained: whole, small, and better than the classical methods that they stand beside."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from inpainter.data.sources import read_pictures
from inpainter.engine.card import model_card
from inpainter.engine.evaluation import Evaluation, Result, evaluate
from inpainter.methods import card, load
from inpainter.methods.texture_network import TextureRecipe, drawn_patches, make_network, retrieval
from inpainter.nn.facts import MODEL_CARD, RECIPE
from inpainter.nn.vgg import load_vgg

WEIGHTS = Path(__file__).parents[2] / "weights"
FOLDERS = sorted(path for path in WEIGHTS.iterdir() if path.is_dir())
ON_LINES = ("blind-autoencoder", "partial-conv")
ON_BLOCKS = ("context-encoder", "cascade")
TRAINED = {
    "blind-autoencoder": "cifar10-paper",
    "partial-conv": "cifar10",
    "context-encoder": "128-blocks",
    "cascade": "residual-blocks",
    "latent-search": "celeba",
    "patch-synthesis": "texture",
}
"""What a bare name takes."""
LARGEST = 50_000_000


@pytest.fixture(scope="module")
def measured(request) -> dict[str, dict[str, float]]:
    source = request.getfixturevalue("data") / "cifar10" / "test.parquet"
    results = evaluate(
        Evaluation(methods=("telea", "navier-stokes", *ON_LINES), data=str(source), limit=100,
                   bare=True, metrics=("mse_hole", "mse_whole_raw")), load,
    )  # fmt: skip
    return {result.method: means(result, "lines") for result in results}


def means(result: Result, kind: str) -> dict[str, float]:
    return {name: found["mean"] for name, found in result.kinds[kind]["metrics"].items()}


def test_they_are_small():
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()) < LARGEST


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_is_named_after_method_and_preset_and_its_card_says_what_was_measured(folder):
    facts = json.loads((folder / RECIPE).read_text())
    assert folder.name == f"{facts['method']}-{facts['preset']}"
    assert load(folder).card.name == facts["method"]
    text = (folder / MODEL_CARD).read_text()
    assert text == model_card(card(facts["method"]), facts)
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
    for method in ON_LINES:
        assert measured[method]["mse_hole"] < 0.95 * measured["navier-stokes"]["mse_hole"]
        assert measured[method]["mse_hole"] < 0.8 * measured["telea"]["mse_hole"]


def test_knowing_the_mask_is_worth_half_the_error(measured):
    assert measured["partial-conv"]["mse_whole_raw"] < 0.5 * measured["blind-autoencoder"]["mse_whole_raw"]


def test_a_cascade_fills_better_than_one_context_encoder_and_both_better_than_one_colour(data):
    results = evaluate(
        Evaluation(methods=("mean", *ON_BLOCKS), data=str(data / "photos" / "val.parquet"), masks=("blocks",), size=128,
                   limit=20, metrics=("mse_hole",)), load,
    )  # fmt: skip
    floor, encoder, cascade = (means(result, "blocks")["mse_hole"] for result in results)
    assert encoder < 0.6 * floor
    assert cascade < 0.95 * encoder


def test_what_is_searched_for_in_faces_is_nearer_than_what_the_rim_says(data):
    # Faces that were held out of the training; the test split is for the tables alone.
    results = evaluate(
        Evaluation(methods=("telea", "latent-search"), data=str(data / "celeba" / "celeba-64.parquet"), first=8200,
                   masks=("centre:side=20",), limit=24, metrics=("psnr_hole",)), load,
    )  # fmt: skip
    telea, found = (means(result, "centre:side=20")["psnr_hole"] for result in results)
    assert found > max(telea, 19.4)


def test_our_features_tell_textures_apart_as_well_as_vggs(data):
    """Top-5 retrieval at relu3_1, of DTD's pictures that no training saw: at least .85 of the real VGG's."""
    vgg = data.parent / "weights" / "vgg19_norm_relu3_1.safetensors"
    if not vgg.exists():
        pytest.skip(f"no {vgg}")
    pictures = read_pictures(f"{data}/dtd/dtd-64.parquet[1000:1100]").pictures
    image = torch.from_numpy(np.stack(list(pictures))).permute(0, 3, 1, 2).float() / 255
    torch.manual_seed(0)
    networks = {
        "vgg": load_vgg(vgg),
        "ours": load("patch-synthesis").network,
        "untrained": make_network(TextureRecipe()).eval(),
    }
    found = {}
    for name, network in networks.items():
        at = -1 if name == "vgg" else 0
        drawing = torch.Generator().manual_seed(0)
        with torch.no_grad():
            here, there = (
                functional.normalize(drawn_patches(network(part)[at], 8, drawing), dim=2)
                for part in (image[..., :32, :32], image[..., 32:, 32:])
            )
        found[name] = retrieval(here, there)
    assert found["ours"] > 0.85 * found["vgg"]
    assert found["ours"] > 1.2 * found["untrained"]
