"""The texture network's training: what it is told apart by, and that it learns."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from inpainter.core import InputError
from inpainter.methods.texture_network import (
    PRESETS,
    TextureObjective,
    contrast,
    drawn_patches,
    make_network,
    retrieval,
    view_of,
)
from inpainter.nn.objective import Batch

SMALL = replace(PRESETS["texture"], widths=(8, 12, 16, 16), size=64, view=32, batch=4, patches=4)


def test_contrast_is_the_share_of_softmax_of_the_same_picture():
    """Against the sum, written out in float64: two views of three pictures, two codes of each."""
    codes = torch.nn.functional.normalize(torch.randn(6, 2, 5, generator=torch.Generator().manual_seed(0)), dim=2)
    total = 0.0
    for view in range(6):
        for code in range(2):
            mine, same, others = codes[view, code].double(), 0.0, 0.0
            for other in range(6):
                for their in range(2):
                    if other == view:
                        continue
                    weight = math.exp(float(mine @ codes[other, their].double()) / 0.2)
                    others += weight
                    same += weight if other % 3 == view % 3 else 0.0
            total -= math.log(same / others)
    assert contrast(codes, 0.2).item() == pytest.approx(total / 12, rel=1e-5)


def test_patches_are_whole_and_from_anywhere():
    layer = torch.arange(2 * 3 * 5 * 6, dtype=torch.float).view(2, 3, 5, 6)
    found = drawn_patches(layer, 500, torch.Generator().manual_seed(0)).view(2, 500, 9, 3)
    corners = set()
    for picture in range(2):
        for patch in found[picture]:
            first = int(patch[0, 0]) - picture * 90
            row, column = divmod(first, 6)
            corners.add((row, column))
            wanted = layer[picture, :, row : row + 3, column : column + 3].flatten(1).T
            assert torch.equal(patch, wanted)
    assert corners == {(row, column) for row in range(3) for column in range(4)}


def test_retrieval_counts_pictures_found_among_the_nearest():
    here = torch.eye(8)[:4].view(2, 2, 8)
    assert retrieval(here, here, nearest=1) == 1
    assert retrieval(here, here.flip(0), nearest=1) == 0


def test_views_differ_in_place_and_colour_and_depend_on_the_generator_alone():
    pictures = torch.rand(3, 3, 64, 64)
    one, again, other = (view_of(pictures, 32, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert one.shape == (3, 3, 32, 32)
    assert one.min() >= 0
    assert one.max() <= 1
    assert torch.equal(one, again)
    assert not torch.allclose(one, other, atol=0.05)


def test_it_learns_to_tell_four_pictures_apart():
    rng = np.random.default_rng(0)
    pictures = torch.from_numpy(np.stack([
        np.kron(rng.random((3, side, side)), np.ones((64 // side, 64 // side))) for side in (4, 8, 16, 32)
    ])).float()  # fmt: skip
    torch.manual_seed(0)
    objective = TextureObjective(SMALL)
    descent = torch.optim.Adam(objective.parameters(), 2e-3)
    seen = []
    for step in range(60):
        batch = Batch(pictures, torch.zeros(4, 1, 64, 64, dtype=torch.bool), torch.Generator().manual_seed(step))
        terms = objective("network", batch)
        assert set(terms) == {
            f"{kind}_{tap}" for kind in ("patches", "whole", "colours") for tap in ("relu3_1", "relu4_1")
        }
        loss = torch.stack(list(terms.values())).sum()
        descent.zero_grad()
        loss.backward()
        descent.step()
        seen.append(loss.item())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in objective.features.parameters() if p.ndim > 1)
    assert np.mean(seen[-10:]) < 0.6 * np.mean(seen[:3])
    assert objective.sample(objective.kept.eval(), batch).shape == (4, 3, 32, 160)


def test_what_cannot_be_trained_is_refused():
    nothing = {"texture": 0.0, "whole": 0.0, "colours": 0.0}
    widths = {"widths": (8, 8)}, {"widths": (8, 8, 0, 8)}
    temperatures = {"temperature": 0.0}, {"temperature": math.inf}
    for wrong in (*widths, *temperatures, {"view": 33}, {"size": 32}, {"patches": 0}, {"colours": -1.0}, nothing):
        with pytest.raises(InputError, match=f"recipe: {next(iter(wrong))} is"):
            replace(PRESETS["texture"], **wrong)
    assert sum(p.numel() for p in make_network(PRESETS["texture"]).parameters()) * 2 < 5e6
