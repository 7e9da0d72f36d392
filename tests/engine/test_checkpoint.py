"""A folder of weights comes back as it was, or is refused in one line."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from inpainter.core import InputError
from inpainter.engine.checkpoint import save_pretrained, trainable, trainable_methods
from inpainter.methods import blind_autoencoder, declared, list_methods, load, partial_conv
from inpainter.nn.trained import TrainedMethod
from ready import SMALL

RECIPE = partial_conv.PartialConvRecipe(size=16, widths=(8, 8), kernels=(3, 3), last_width=4)


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = partial_conv.PartialConvUNet(RECIPE)
    network.train()
    network.raw(torch.rand(4, 3, 16, 16), torch.rand(4, 1, 16, 16) < 0.2)  # running statistics that are not 0 and 1
    return network.eval()


@pytest.fixture
def folder(network, tmp_path):
    facts = {
        "method": "partial-conv", "preset": "tiny", "recipe": RECIPE.to_dict(), "seed": 3,
        "data": {"source": "p.parquet", "pictures": 5, "fingerprint": "abc"}, "versions": {"torch": "2"},
        "trained": {"steps": 7, "validation": {"mse_whole_raw": 0.00123, "mse_hole": 0.125}},
        "measured": {"mse_hole": 0.25},
        "remarks": ["The pictures are not free."],
    }  # fmt: skip
    save_pretrained(network, tmp_path / "w", facts)
    return tmp_path / "w"


def test_comes_back_in_half_precision(folder, network):
    loaded = load(folder).network
    before, after = network.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    for name, value in before.items():
        wanted = value.half().to(value.dtype) if value.is_floating_point() else value
        assert torch.equal(after[name], wanted), name
    assert not loaded.training


def test_fills_as_an_inpainter(folder, network, rng):
    image, mask = rng.random((32, 16, 3), dtype=np.float32), np.zeros((32, 16), dtype=bool)
    mask[5:9] = True
    filled = load(folder)(image, mask)
    with torch.inference_mode():
        wanted = network(torch.from_numpy(image).permute(2, 0, 1)[None], torch.from_numpy(mask)[None, None])
    np.testing.assert_allclose(filled, wanted[0].permute(1, 2, 0).numpy(), atol=0.01)
    np.testing.assert_array_equal(filled[~mask], image[~mask])


def test_the_card_tells_what_is_known(folder):
    card = (folder / "README.md").read_text()
    for text in (
        "# partial-conv: tiny",
        "Liu",
        "p.parquet",
        "abc",
        "0.001230",
        # What older runs called by the metric's name, beside the metric.
        "| mse_hole_pooled | 0.125000 |",
        "| mse_hole | 0.250000 |",
        "0.250000",
        "| steps trained | 7 |",
        "learning_rate",
        "- The pictures are not free.",
    ):
        assert text in card
    facts = json.loads((folder / "recipe.json").read_text())
    assert facts["sha256"] == hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()


def refused(folder, reason):
    with pytest.raises(InputError, match=reason) as caught:
        load(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not readable as JSON"),
        ("[]", "does not name"),
        ('{"method": "partial-conv"}', "does not name"),
        ('{"method": [], "recipe": {}, "sha256": ""}', "does not name"),
    ],
)
def test_refuses_a_recipe_that_is_none(folder, text, reason):
    (folder / "recipe.json").write_text(text)
    refused(folder, reason)


def test_any_module_can_be_saved(tmp_path):
    parts = torch.nn.ModuleDict({"mapping": torch.nn.Linear(2, 3), "decoder": torch.nn.Conv2d(3, 3, 1)})
    save_pretrained(parts, tmp_path, {"method": "partial-conv", "recipe": {}})
    assert load_file(tmp_path / "weights.safetensors").keys() == parts.state_dict().keys()


def test_the_table_knows_which_methods_are_trained():
    assert trainable_methods() == [name for name in list_methods() if isinstance(declared(name), TrainedMethod)]
    with pytest.raises(InputError, match="telea: not a method that can be trained: choose from blind-autoencoder"):
        trainable("telea")


@pytest.mark.parametrize("name", sorted({*trainable_methods()} - {"cascade"}))
def test_the_network_of_a_recipe_is_what_its_objective_keeps(name):
    method = trainable(name)
    recipe = replace(next(iter(method.presets.values())), **SMALL.get(name, {}))
    shapes = [
        {key: value.shape for key, value in module.state_dict().items()}
        for module in (method.network(recipe), method.objective(recipe).kept)
    ]
    assert shapes[0] == shapes[1]
    assert all(type(preset) is method.recipe for preset in method.presets.values())


def test_presets_are_what_the_study_compares():
    long, equal = (partial_conv.PRESETS[name] for name in ("cifar10-100-epochs", "cifar10-equal"))
    assert long == replace(equal, epochs=100)
    assert blind_autoencoder.PRESETS["cifar10-paper"].epochs == 20
    assert equal.epochs == blind_autoencoder.PRESETS["cifar10-equal"].epochs
