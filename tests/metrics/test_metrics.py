"""Metrics against independent references, and against what they must do."""

import io

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image as PillowImage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from inpainter.core import InputError
from inpainter.metrics import METRICS
from inpainter.metrics.perceptual import LPIPS, load_lpips, lpips_distance
from inpainter.metrics.pixel import mean_absolute_error, mean_squared_error, psnr
from inpainter.metrics.structure import boundary_gradient_error, gradient_energy_ratio, ssim


@pytest.fixture
def pair(rng):
    truth = cv2.GaussianBlur(rng.random((40, 36, 3), dtype=np.float32), (0, 0), 2)
    answer = np.clip(truth + rng.normal(0, 0.05, truth.shape), 0, 1).astype(np.float32)
    mask = np.zeros((40, 36), dtype=bool)
    mask[10:20, 8:30] = True
    return truth, answer, mask


def test_pixel_errors_against_loops(pair):
    truth, answer, mask = pair
    absolute, squared, inside = [], [], []
    for y, x in np.ndindex(mask.shape):
        for c in range(3):
            d = float(answer[y, x, c]) - float(truth[y, x, c])
            absolute.append(abs(d))
            squared.append(d * d)
            inside.append(mask[y, x])
    absolute, squared, inside = map(np.array, (absolute, squared, inside))
    assert mean_absolute_error(truth, answer) == pytest.approx(absolute.mean())
    assert mean_squared_error(truth, answer) == pytest.approx(squared.mean())
    assert mean_absolute_error(truth, answer, mask) == pytest.approx(absolute[inside].mean())
    assert mean_squared_error(truth, answer, mask) == pytest.approx(squared[inside].mean())


def test_psnr_and_ssim_against_scikit_image(pair):
    truth, answer, _ = pair
    assert psnr(truth, answer) == pytest.approx(peak_signal_noise_ratio(truth, answer, data_range=1), abs=1e-4)
    wanted = structural_similarity(
        truth.astype(np.float64), answer.astype(np.float64), data_range=1, channel_axis=2, gaussian_weights=True,
        sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    assert ssim(truth, answer) == pytest.approx(wanted, abs=1e-6)


def test_ssim_of_the_hole_is_the_mean_of_its_map(pair):
    truth, answer, mask = pair
    _, full = structural_similarity(
        truth.astype(np.float64), answer.astype(np.float64), data_range=1, channel_axis=2, gaussian_weights=True,
        sigma=1.5, use_sample_covariance=False, full=True,
    )  # fmt: skip
    assert ssim(truth, answer, mask) == pytest.approx(full[mask].mean(), abs=1e-6)


def test_equal_pictures_score_best(pair):
    truth, _, mask = pair
    assert psnr(truth, truth) == 100
    assert ssim(truth, truth) == pytest.approx(1)
    assert boundary_gradient_error(truth, truth, mask) == 0
    assert gradient_energy_ratio(truth, truth, mask) == pytest.approx(1)


def test_boundary_gradient_error_of_a_step():
    truth = np.full((8, 8, 3), 0.5, np.float32)
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:5, 2:6] = True
    answer = np.where(mask[..., None], np.float32(0.75), truth)
    assert boundary_gradient_error(truth, answer, mask) == pytest.approx(0.25)
    # What happens inside the hole, away from its boundary, is not its business.
    answer[3, 3:5] = 0
    assert boundary_gradient_error(truth, answer, mask) == pytest.approx(0.25)
    assert np.isnan(boundary_gradient_error(truth, answer, np.ones((8, 8), dtype=bool)))


def test_gradient_energy_ratio_tells_blur_from_noise(pair, rng):
    truth, _, mask = pair
    sharp = np.clip(truth + rng.normal(0, 0.05, truth.shape), 0, 1).astype(np.float32)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 2)
    ratio = [gradient_energy_ratio(sharp, np.where(mask[..., None], fill, sharp), mask)
             for fill in (blurred, np.clip(sharp + rng.normal(0, 0.1, sharp.shape), 0, 1))]  # fmt: skip
    assert ratio[0] < 0.5
    assert ratio[1] > 1.5


def test_gradient_energy_ratio_looks_inside_the_hole_alone(pair):
    truth, answer, mask = pair
    composed = np.where(mask[..., None], answer, truth)
    steps = [(abs(a[y, x] - a[y + dy, x + dx]) ** 2).sum() for a in (composed.astype(float), truth.astype(float))
             for y, x in np.ndindex(mask.shape) for dy, dx in ((0, 1), (1, 0))
             if y + dy < 40 and x + dx < 36 and mask[y, x] and mask[y + dy, x + dx]]  # fmt: skip
    half = len(steps) // 2
    assert gradient_energy_ratio(truth, composed, mask) == pytest.approx(sum(steps[:half]) / sum(steps[half:]))
    # However strong the seam of a flat fill is, it is no detail.
    for colour in (0, 1):
        assert gradient_energy_ratio(truth, np.where(mask[..., None], np.float32(colour), truth), mask) == 0
    outside = composed.copy()
    outside[~mask] = 0
    assert gradient_energy_ratio(truth, outside, mask) == gradient_energy_ratio(truth, composed, mask)


def test_gradient_energy_ratio_is_none_where_there_is_nothing_to_compare(pair):
    truth, answer, mask = pair
    dust = np.zeros_like(mask)
    dust[::2, ::2] = True
    assert np.isnan(gradient_energy_ratio(truth, answer, dust))
    assert np.isnan(gradient_energy_ratio(truth, answer, np.zeros_like(mask)))
    assert np.isnan(gradient_energy_ratio(np.full_like(truth, 0.5), answer, mask))
    dust[0, 1] = True
    assert np.isfinite(gradient_energy_ratio(truth, answer, dust))


def test_the_table_measures_what_the_names_say(pair):
    truth, answer, mask = pair
    composed = np.where(mask[..., None], answer, truth)
    for name, metric in METRICS.items():
        assert ("raw" in name) == metric.raw
        if metric.measure is None:
            continue
        value = metric.measure(truth, answer if metric.raw else composed, mask)
        if name.endswith("_hole"):
            spoilt = composed.copy()
            spoilt[30:, :5] = 0.5
            assert name == "ssim_hole" or metric.measure(truth, spoilt, mask) == value
        if name.endswith("_composed") and name.startswith("mse"):
            assert value == pytest.approx(METRICS["mse_hole"].measure(truth, composed, mask) * mask.mean(), rel=1e-5)


# ------------------------------------------------------------------------------------------------------------- LPIPS


@pytest.fixture(scope="module")
def lpips(data_weights) -> LPIPS:
    return load_lpips(data_weights / "lpips_squeeze.safetensors")


@pytest.fixture(scope="module")
def data_weights(request):
    folder = request.getfixturevalue("data").parent / "weights"
    if not folder.is_dir():
        pytest.skip(f"no weights at {folder}")
    return folder


@pytest.fixture(scope="module")
def kodim(request):
    """Kodak's parrots, the picture that the weights' card has numbers for."""
    table = pq.read_table(request.getfixturevalue("data") / "photos" / "val.parquet", columns=["image"])
    rows = [row.as_py() for row in table["image"] if (row.as_py()["path"] or "").endswith("PCD0992/23.png")]
    return np.asarray(PillowImage.open(io.BytesIO(rows[0]["bytes"])).convert("RGB"), dtype=np.float32) / 255


def test_lpips_is_zero_for_the_same_symmetric_and_grows(lpips, kodim):
    rng = np.random.default_rng(0)
    noisy = [np.clip(kodim + rng.normal(0, s / 255, kodim.shape), 0, 1).astype(np.float32) for s in (5, 10, 20, 40)]
    found = [lpips_distance(lpips, kodim, picture) for picture in noisy]
    assert lpips_distance(lpips, kodim, kodim) == 0
    assert found == sorted(found)
    assert lpips_distance(lpips, noisy[2], kodim) == pytest.approx(found[2], rel=1e-5)
    # The weights' card has these numbers for the same photo, lossless and larger: grain that the compression took
    # away hides noise there, and blur has more to take. So near, not equal.
    for value, wanted in zip(found, (0.102, 0.231, 0.414, 0.614), strict=True):
        assert wanted / 2.5 < value < wanted * 2.5
    blurred = [cv2.GaussianBlur(kodim, (0, 0), s) for s in (1, 2, 4)]
    found = [lpips_distance(lpips, kodim, picture) for picture in blurred]
    for value, wanted in zip(found, (0.124, 0.307, 0.466), strict=True):
        assert wanted / 2.5 < value < wanted * 2.5


def test_lpips_against_the_equation(lpips, rng):
    """Equation 1 written out from the features of hooks, in float64."""
    a, b = (torch.from_numpy(rng.random((1, 3, 64, 48), dtype=np.float32)) for _ in range(2))
    seen = []
    hooks = [lpips.features[str(i)].register_forward_hook(lambda m, x, y: seen.append(y.double().numpy()[0]))
             for i in (1, 4, 7, 9, 10, 11, 12)]  # fmt: skip
    with torch.inference_mode():
        found = lpips(a, b).item()
    for hook in hooks:
        hook.remove()
    wanted = 0.0
    for i in range(7):
        one, other = seen[i], seen[i + 7]
        one, other = (f / (np.sqrt((f**2).sum(0)) + 1e-10) for f in (one, other))
        weight = lpips.get_parameter(f"lin{i}.weight").double().numpy().reshape(-1, 1, 1)
        wanted += (weight * (one - other) ** 2).sum(0).mean()
    assert found == pytest.approx(wanted, rel=1e-4)


def test_lpips_of_small_pictures(lpips):
    small = np.zeros((12, 40, 3), np.float32)
    assert np.isnan(lpips_distance(lpips, small, small))
    least = np.zeros((17, 17, 3), np.float32)
    assert lpips_distance(lpips, least, least) == 0


def test_lpips_refuses_other_weights(tmp_path):
    for content in (None, b"nonsense"):
        path = tmp_path / "w.safetensors"
        if content:
            path.write_bytes(content)
        with pytest.raises(InputError, match="no LPIPS weights"):
            load_lpips(path)
