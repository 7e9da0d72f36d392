"""The texture term against slow transcriptions in float64, and what it looks at."""

import numpy as np
import pytest
import torch
from torch import Tensor

from inpainter.nn.patch_texture import (
    PatchTexture,
    nearest_patches,
    reach,
    stride_of,
    total_variation,
    voted,
    window,
)
from inpainter.nn.vgg import VGGFeatures

TAPS = ("relu3_1", "relu4_1")


@pytest.fixture
def network() -> VGGFeatures:
    torch.manual_seed(0)
    network = VGGFeatures((4, 6, 8, 10), TAPS)
    for value in network.parameters():
        if value.ndim > 1:
            torch.nn.init.kaiming_normal_(value)
    return network.requires_grad_(False).eval()


@pytest.fixture(autouse=True)
def _exact(monkeypatch):
    """Halves would be compared with doubles."""
    monkeypatch.setattr("inpainter.nn.patch_texture.quick_halves", lambda device: False)


def some_picture(height: int = 96, width: int = 104) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))


def hole(height: int = 96, width: int = 104) -> Tensor:
    mask = torch.zeros(1, 1, height, width, dtype=torch.bool)
    mask[..., 33:50, 30:47] = True
    mask[..., 40:42, 20:60] = True
    return mask


def nowhere(mask: Tensor) -> Tensor:
    return torch.zeros_like(mask)


def patch(features: np.ndarray, y: int, x: int) -> np.ndarray:
    return features[:, y - 1 : y + 2, x - 1 : x + 2]


def touched(mask: np.ndarray, stride: int) -> np.ndarray:
    """Places of features whose block of pixels has a True one."""
    height, width = (side // stride for side in mask.shape)
    return mask.reshape(height, stride, width, stride).any(axis=(1, 3))


def inner(shape: tuple[int, int]) -> list[tuple[int, int]]:
    return [(y, x) for y in range(1, shape[0] - 1) for x in range(1, shape[1] - 1)]


def slow_nearest(wanted: np.ndarray, y: int, x: int, source: np.ndarray, candidates: list[tuple[int, int]]) -> int:
    alike = [(patch(wanted, y, x) * patch(source, *at)).sum() / np.linalg.norm(patch(source, *at)) for at in candidates]
    best = candidates[int(np.argmax(alike))]
    return best[0] * source.shape[2] + best[1]


def slow_term(network: VGGFeatures, source: Tensor, picture: Tensor, mask: Tensor, barred: Tensor) -> float:
    """E_t patch by patch, in float64, of the whole picture."""
    network, terms = network.double(), []
    missing, shut = mask[0, 0].numpy(), (mask | barred)[0, 0].numpy()
    for before, after in zip(network(source.double()), network(picture.double()), strict=True):
        known, features = before[0].numpy(), after[0].numpy()
        stride = len(missing) // known.shape[1]
        taken = touched(shut, stride)
        candidates = [at for at in inner(taken.shape) if not patch(taken[None], *at).any()]
        sought = [at for at in inner(taken.shape) if touched(missing, stride)[at]]
        total = 0.0
        for y, x in sought:
            found = slow_nearest(features, y, x, known, candidates)
            total += np.square(patch(features, y, x) - patch(known, *divmod(found, known.shape[2]))).sum()
        terms.append(total / (9 * len(known) * len(sought) * np.square(known[:, ~taken]).mean()))
    network.float()
    return float(np.mean(terms))


def test_nearest_patches_are_those_of_a_slow_search_in_doubles():
    draw = torch.Generator().manual_seed(2)
    wanted, source = (torch.randn(7, *shape, generator=draw).relu() for shape in ((9, 11), (13, 17)))
    sought, allowed = torch.zeros(9, 11, dtype=torch.bool), torch.zeros(13, 17, dtype=torch.bool)
    sought[1:-1, 2:-1] = torch.rand(7, 8, generator=draw) < 0.6
    # A row without any, between others.
    sought[4] = False
    allowed[1:-1, 1:-1] = torch.rand(11, 15, generator=draw) < 0.7
    candidates = [tuple(at) for at in allowed.nonzero().tolist()]
    doubles = wanted.double().numpy(), source.double().numpy()
    expected = [slow_nearest(doubles[0], y, x, doubles[1], candidates) for y, x in sought.nonzero().tolist()]
    assert nearest_patches(wanted, sought, source, allowed).tolist() == expected


def test_votes_have_the_patches_sum_of_squares(rng):
    source, features = (torch.from_numpy(rng.normal(size=(5, 8, 9))) for _ in range(2))
    sought = torch.zeros(8, 9, dtype=torch.bool)
    sought[2:5, 3:7] = sought[6, 1] = True
    found = torch.from_numpy(rng.integers(1, 6, 13) * 9 + rng.integers(1, 7, 13))
    mean, count, rest = voted(source, found, sought)
    expected = sum(
        np.square(patch(features.numpy(), *at) - patch(source.numpy(), *divmod(place, 9))).sum()
        for at, place in zip(sought.nonzero().tolist(), found.tolist(), strict=True)
    )
    assert ((count * (features - mean).square()).sum() + rest).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kept", [False, True], ids=["all", "some barred"])
def test_the_term_is_that_of_a_slow_transcription(network, kept):
    source, mask = some_picture(), hole()
    barred = nowhere(mask)
    barred[..., 60:, :] = kept
    picture = torch.where(mask, some_picture().flip(3), source)
    texture = PatchTexture(network, source, mask, barred)
    part = picture[..., texture.rows, texture.columns]
    texture.match(part)
    assert texture(part).item() == pytest.approx(slow_term(network, source, picture, mask, barred), rel=1e-4)


def test_a_copy_has_no_distance(network):
    """A picture that repeats itself is its own texture."""
    tile = some_picture(16, 16)
    picture = tile.repeat(1, 1, 8, 8)
    mask = torch.zeros(1, 1, 128, 128, dtype=torch.bool)
    mask[..., 56:72, 52:70] = True
    texture = PatchTexture(network, picture, mask, nowhere(mask))
    part = picture[..., texture.rows, texture.columns]
    texture.match(part)
    assert texture(part).item() == pytest.approx(0, abs=1e-6)
    offsets, where, stride = texture.offsets()
    assert stride == 4
    assert (offsets[:, where] % 4 == 0).all()


@pytest.mark.parametrize("padding", ["reflect", "zeros"])
@pytest.mark.parametrize("taps", [TAPS, ("relu3_1",), ("relu2_2", "pool2")])
def test_features_in_the_window_are_those_of_the_whole(taps, padding):
    """Of all places that a patch in the hole has."""
    torch.manual_seed(0)
    network = VGGFeatures((4, 6, 8, 10), taps, padding).eval()
    picture, mask = some_picture(192, 200), torch.zeros(1, 1, 192, 200, dtype=torch.bool)
    for where in (np.s_[90:99, 83:100], np.s_[:5, 150:171], np.s_[180:, 190:]):
        mask[:] = False
        mask[(..., *where)] = True
        rows, columns = window(mask, network)
        assert all(side % stride_of(network) == 0 for each in (rows, columns) for side in (each.start, each.stop))
        wide = torch.nn.functional.max_pool2d(mask.float(), 2 * stride_of(network) + 1, 1, stride_of(network)) > 0
        with torch.no_grad():
            pairs = zip(network(picture), network(picture[..., rows, columns]), strict=True)
        for whole, part in pairs:
            stride = picture.shape[2] // whole.shape[2]
            place = (
                slice(rows.start // stride, rows.stop // stride),
                slice(columns.start // stride, columns.stop // stride),
            )
            needed = torch.from_numpy(touched(wide[0, 0].numpy(), stride))[place]
            torch.testing.assert_close(part[..., needed], whole[(..., *place)][..., needed])
        assert (rows.stop - rows.start) < 192


def test_reach_is_half_of_the_receptive_field_beyond_the_block():
    assert [reach(VGGFeatures(taps=(tap,))) for tap in ("relu1_1", "pool2", "relu3_1", "relu4_1")] == [1, 6, 10, 30]


def test_total_variation_is_that_of_a_slow_transcription():
    picture, mask = some_picture(9, 8), torch.zeros(1, 1, 9, 8, dtype=torch.bool)
    mask[..., 3:6, 5:] = mask[..., 0, 0] = True
    x, m = picture[0].double().numpy(), mask[0, 0].numpy()
    squares = []
    for y, c in np.ndindex(9, 8):
        for down, right in ((1, 0), (0, 1)):
            if y + down < 9 and c + right < 8 and (m[y, c] or m[y + down, c + right]):
                squares.extend(np.square(x[:, y + down, c + right] - x[:, y, c]))
    assert total_variation(picture, mask).item() == pytest.approx(np.mean(squares), rel=1e-5)


def test_candidates_touch_no_hole(network):
    """No patch is found whose own blocks have a missing or barred pixel."""
    picture, mask = some_picture(), hole()
    barred = nowhere(mask)
    barred[..., :20, :] = True
    texture = PatchTexture(network, picture, mask, barred)
    texture.match(picture[..., texture.rows, texture.columns])
    offsets, where, stride = texture.offsets()
    shut = touched((mask | barred)[0, 0].numpy(), stride)
    places = where.nonzero() + offsets[:, where].T
    assert not any(patch(shut[None], *at).any() for at in places.tolist())


def test_a_hole_without_surroundings_has_no_texture(network):
    mask = torch.ones(1, 1, 96, 104, dtype=torch.bool)
    mask[..., :8, :8] = False
    assert not PatchTexture(network, some_picture(), mask, nowhere(mask)).possible
