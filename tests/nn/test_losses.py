"""The five terms against slow transcriptions in float64."""

import itertools

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from inpainter.core import InputError
from inpainter.methods import partial_conv
from inpainter.nn.losses import feature_l1, gram, masked_l1, style_l1, total_variation
from inpainter.nn.objective import Batch
from inpainter.nn.vgg import VGGFeatures, load_vgg


@pytest.fixture
def batch(rng):
    image = torch.from_numpy(rng.random((2, 3, 7, 6)))
    return image, torch.from_numpy(rng.random((2, 3, 7, 6))), torch.from_numpy(rng.random((2, 1, 7, 6)) < 0.2)


def test_masked_l1_divides_by_all_values(batch):
    answer, truth, mask = batch
    total = sum(abs(float(answer[b, c, y, x] - truth[b, c, y, x]))
                for b, c, y, x in np.ndindex(2, 3, 7, 6) if mask[b, 0, y, x])  # fmt: skip
    assert masked_l1(answer, truth, mask).item() == pytest.approx(total / answer.numel())
    whole = masked_l1(answer, truth, mask) + masked_l1(answer, truth, ~mask)
    assert whole.item() == pytest.approx((answer - truth).abs().mean().item())


def test_gram_against_loops(rng):
    features = torch.from_numpy(rng.normal(size=(2, 3, 4, 5)))
    found = gram(features)
    for b, i, j in np.ndindex(2, 3, 3):
        wanted = sum(float(features[b, i, y, x] * features[b, j, y, x]) for y, x in np.ndindex(4, 5)) / (3 * 4 * 5)
        assert found[b, i, j].item() == pytest.approx(wanted)


def test_feature_and_style_terms_sum_over_layers(rng):
    ours, theirs = ([torch.from_numpy(rng.normal(size=(1, c, 4, 4))) for c in (2, 3)] for _ in range(2))
    wanted = sum(np.abs(a.numpy() - b.numpy()).mean() for a, b in zip(ours, theirs, strict=True))
    assert feature_l1(ours, theirs).item() == pytest.approx(wanted)
    wanted = sum(np.abs(gram(a).numpy() - gram(b).numpy()).sum() / a.shape[1] ** 2
                 for a, b in zip(ours, theirs, strict=True))  # fmt: skip
    assert style_l1(ours, theirs).item() == pytest.approx(wanted)


def test_total_variation_in_the_dilated_hole(batch):
    picture, _, mask = batch
    total = 0.0
    for b in range(2):
        hole = {(y, x) for y, x in np.ndindex(7, 6) if mask[b, 0, y, x]}
        region = {(y + i, x + j) for (y, x), i, j in itertools.product(hole, (-1, 0, 1), (-1, 0, 1))}
        for y, x in np.ndindex(7, 6):
            for other in ((y + 1, x), (y, x + 1)):
                if other[0] < 7 and other[1] < 6 and (y, x) in region and other in region:
                    total += (picture[b, :, y, x] - picture[b, :, other[0], other[1]]).abs().sum().item()
    assert total_variation(picture, mask).item() == pytest.approx(total / picture.numel())


@pytest.fixture
def vgg_file(tmp_path):
    torch.manual_seed(0)
    save_file(VGGFeatures().state_dict(), tmp_path / "vgg.safetensors")
    return tmp_path / "vgg.safetensors"


def test_the_five_terms_have_their_weights(vgg_file, rng):
    recipe = partial_conv.PartialConvRecipe(
        size=16, widths=(4, 4), kernels=(3, 3), loss="five-term", features=str(vgg_file)
    )
    torch.manual_seed(1)
    objective = partial_conv.PartialConvObjective(recipe)
    batch = Batch(torch.rand(2, 3, 16, 16), torch.from_numpy(rng.random((2, 1, 16, 16)) < 0.3))
    terms = objective("network", batch)
    raw = objective.network.raw(batch.image, batch.mask)
    composed = torch.where(batch.mask, raw, batch.image)
    psi = load_vgg(vgg_file)
    wanted = {
        "valid": masked_l1(raw, batch.image, ~batch.mask),
        "hole": 6 * masked_l1(raw, batch.image, batch.mask),
        "perceptual": 0.05 * sum(feature_l1(psi(p), psi(batch.image)) for p in (raw, composed)),
        "style": 120 * sum(style_l1(psi(p), psi(batch.image)) for p in (raw, composed)),
        "variation": 0.1 * total_variation(composed, batch.mask),
    }
    assert terms.keys() == wanted.keys()
    for name, value in wanted.items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-4), name
    # VGG is looked through, never trained nor kept with the weights.
    sum(terms.values()).backward()
    assert all(p.grad is None for p in objective.features.parameters())
    assert set(objective.players) == {"network"}


@pytest.mark.parametrize("convolutions", [1, 2])
def test_frozen_batch_norm_keeps_the_encoders_statistics(convolutions):
    recipe = partial_conv.PartialConvRecipe(
        size=16, widths=(4, 4), kernels=(3, 3), freeze_norm=True, convolutions=convolutions
    )
    objective = partial_conv.PartialConvObjective(recipe).train()
    before = {name: value.clone() for name, value in objective.network.state_dict().items()}
    objective("network", Batch(torch.rand(2, 3, 16, 16), torch.rand(2, 1, 16, 16) < 0.2))
    for name, value in objective.network.state_dict().items():
        moved = not torch.equal(value, before[name])
        counted = "running" in name or "num_batches" in name
        assert moved == (counted and not name.startswith(("first", "before", "encoder"))), name


def test_five_terms_without_vgg_weights_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"give their file with --recipe\.features"):
        partial_conv.PartialConvObjective(partial_conv.PRESETS["photos-128"])
    with pytest.raises(InputError, match="no VGG weights"):
        load_vgg(tmp_path / "none.safetensors")


def test_vgg_features_of_real_weights(data, rng):
    """The card of the weights: the channels of relu3_1 have means of about 0.64 to 0.95 on a photo."""
    path = data.parent / "weights" / "vgg19_norm_relu3_1.safetensors"
    if not path.exists():
        pytest.skip(f"no {path}")
    features = load_vgg(path)(torch.from_numpy(rng.random((1, 3, 64, 64), dtype=np.float32)))
    assert [f.shape[1:] for f in features] == [(64, 32, 32), (128, 16, 16), (256, 16, 16)]
    assert all((f >= 0).all() and f.mean() > 0.1 for f in features)
