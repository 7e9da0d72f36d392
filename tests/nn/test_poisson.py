"""Poisson blending against a slow solution of its equations, at the picture's border too."""

import numpy as np
import pytest
import torch

from inpainter.nn.poisson import poisson_blend


def slow(image: np.ndarray, guide: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Gauss-Seidel on Σ_q (x_p − x_q) = Σ_q (g_p − g_q) over the neighbours q of p that lie in the picture."""
    x = np.where(hole, 0.5, image)
    height, width = hole.shape
    for _ in range(3000):
        for y, left in zip(*np.nonzero(hole), strict=True):
            beside = [(y - 1, left), (y + 1, left), (y, left - 1), (y, left + 1)]
            beside = [(a, b) for a, b in beside if 0 <= a < height and 0 <= b < width]
            x[y, left] = sum(x[q] + guide[y, left] - guide[q] for q in beside) / len(beside)
    return x


def holes() -> dict[str, np.ndarray]:
    middle, corner, edges, scattered = (np.zeros((7, 6), dtype=bool) for _ in range(4))
    middle[2:5, 2:4] = True
    corner[:3, :2] = True
    edges[1:6, 0] = edges[2:4, 5] = edges[6, :] = True
    scattered[1, 1] = scattered[3, 4] = scattered[5:, 0] = True
    return {"middle": middle, "corner": corner, "edges": edges, "scattered": scattered}


@pytest.mark.parametrize("name", holes())
def test_it_solves_the_equations(name, rng):
    hole = holes()[name]
    image, guide = rng.random((3, *hole.shape)), rng.random((3, *hole.shape))
    mask = torch.from_numpy(hole)[None, None]
    found = poisson_blend(torch.from_numpy(image)[None], torch.from_numpy(guide)[None], mask)[0].numpy()
    for band in range(3):
        assert found[band] == pytest.approx(slow(image[band], guide[band], hole), abs=1e-9)


def test_a_picture_in_another_shade_comes_back_as_it_was(rng):
    image = torch.from_numpy(rng.random((2, 3, 8, 9)).astype(np.float32))
    mask = torch.zeros(2, 1, 8, 9, dtype=torch.bool)
    mask[0, 0, 2:5, 3:7] = True
    mask[1, 0, :, :3] = True
    found = poisson_blend(image.masked_fill(mask, 0), (image * 1 + 0.25), mask)
    assert torch.equal(found.masked_fill(mask, 0), image.masked_fill(mask, 0))
    assert found.numpy() == pytest.approx(image.numpy(), abs=1e-5)


def test_the_left_border_is_no_neighbour_of_the_right(rng):
    image = torch.from_numpy(rng.random((1, 3, 6, 6)))
    other = image.clone()
    other[:, :, :, 0] = 1 - other[:, :, :, 0]
    mask = torch.zeros(1, 1, 6, 6, dtype=torch.bool)
    mask[:, :, 1:5, 4:] = True
    guide = torch.zeros_like(image)
    hole = mask.expand_as(image)
    assert torch.equal(poisson_blend(image, guide, mask)[hole], poisson_blend(other, guide, mask)[hole])


def test_nothing_missing_and_everything_missing(rng):
    image, guide = (torch.from_numpy(rng.random((1, 3, 5, 5))) for _ in range(2))
    nothing = torch.zeros(1, 1, 5, 5, dtype=torch.bool)
    assert torch.equal(poisson_blend(image, guide, nothing), image)
    assert torch.equal(poisson_blend(image, guide, ~nothing), guide)
