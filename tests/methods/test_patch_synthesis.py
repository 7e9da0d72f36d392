"""Neural patch synthesis: its objective against slow transcriptions, its steps, and what a fill keeps to."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from inpainter.core import Cancelled, InputError, View, Work
from inpainter.methods import patch_synthesis
from inpainter.methods.copying import Sized
from inpainter.methods.patch_synthesis import (
    PATCH_SYNTHESIS,
    JointObjective,
    PatchSynthesis,
    PatchSynthesisSettings,
    lowered,
    make_inpainter,
)
from inpainter.nn.vgg import VGGFeatures


def features(taps: tuple[str, ...] = ("relu3_1", "relu4_1")) -> VGGFeatures:
    torch.manual_seed(0)
    network = VGGFeatures((8, 12, 16, 16), taps).eval()
    for value in network.parameters():
        if value.ndim > 1:
            nn.init.kaiming_normal_(value)
    return network.requires_grad_(False)


def inpainter(network: VGGFeatures | None = None, **settings: Any) -> PatchSynthesis:
    chosen = PatchSynthesisSettings(**{"iterations": 6, "refresh": 3, "content": "telea"} | settings)
    made = make_inpainter(network or features(), PATCH_SYNTHESIS.card, chosen, torch.device("cpu"))
    assert isinstance(made, PatchSynthesis)
    return made


def stripes(height: int = 96, width: int = 112, grey: bool = False) -> np.ndarray:
    """A texture that is the same all over."""
    rows, columns = np.mgrid[:height, :width]
    waves = [0.5 + 0.4 * np.sin(each) for each in (columns * 0.7, columns * 0.7 + rows * 0.5, rows * 0.9)]
    return np.stack(waves[:1] * 3 if grey else waves, axis=-1).astype(np.float32)


def square(height: int = 96, width: int = 112, side: int = 32) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    top, left = (height - side) // 2, (width - side) // 2
    mask[top : top + side, left : left + side] = True
    return mask


def objective(**settings: Any) -> JointObjective:
    mask = square()
    image = stripes()
    start = np.where(mask[..., None], image[::-1] * 0.5, image)
    level = Sized(image, mask, np.zeros_like(mask))
    return JointObjective(features(), level, start, PatchSynthesisSettings(**settings), torch.device("cpu"))


@pytest.fixture
def _exact(monkeypatch):
    monkeypatch.setattr("inpainter.nn.patch_texture.quick_halves", lambda device: False)


# -------------------------------------------------------------------------------------------------------- objective


def test_the_content_term_is_the_mean_square_from_the_start():
    made = objective()
    made.match(made.start)
    x = made.start + torch.linspace(-1, 1, made.start.numel()).view_as(made.start)
    expected = np.mean([(a - b) ** 2 for a, b in zip(x.flatten().tolist(), made.start.flatten().tolist(), strict=True)])
    assert made.terms(x)[0].item() == pytest.approx(expected, rel=1e-5)
    assert made.terms(made.start)[0] == 0


@pytest.mark.usefixtures("_exact")
def test_the_objective_is_the_weighted_sum_of_its_terms():
    made = objective(texture_weight=0.3, variation=0.7)
    made.match(made.start)
    x = made.start * 0.9
    content, texture, variation = (term.item() for term in made.terms(x))
    assert made(x)[0] == pytest.approx(content + 0.3 * texture + 0.7 * variation, rel=1e-6)


@pytest.mark.usefixtures("_exact")
def test_the_slope_is_that_of_finite_differences():
    made = objective(texture_weight=0.3)
    for name, value in vars(made).items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            setattr(made, name, value.double())
    made.texture.network.double()
    for part in made.texture._parts:
        part.source = part.source.double()
    made.texture.features = lambda picture: [each[0] for each in made.texture.network(picture)]
    made.match(made.start)
    draw = torch.Generator().manual_seed(1)
    x = made.start + 0.1 * torch.rand(made.start.shape, generator=draw, dtype=torch.double)
    loss, slope = made(x)
    for _ in range(4):
        way = torch.randn(x.shape, generator=draw, dtype=torch.double)
        step = 1e-6
        rise = (made(x + step * way)[0] - made(x - step * way)[0]) / (2 * step)
        assert (slope * way).sum().item() == pytest.approx(rise, rel=1e-4)
    assert math.isfinite(loss)


@pytest.mark.parametrize("optimiser", ["lbfgs", "adam"])
def test_the_objective_is_lowered(optimiser):
    made = objective(optimiser=optimiser)
    made.match(made.start)
    before = made(made.start)[0]
    best, value = lowered(
        made, PatchSynthesisSettings(iterations=30, refresh=30, optimiser=optimiser), lambda share: None
    )
    assert value < 0.75 * before
    assert made(best)[0] == pytest.approx(value, rel=0.02)


def test_patches_found_at_every_step_stop_no_step():
    made = objective()
    best, value = lowered(made, PatchSynthesisSettings(iterations=20, refresh=1), lambda share: None)
    made.match(made.start)
    assert value < 0.9 * made(made.start)[0]
    assert not torch.equal(best, made.start)


def test_a_value_that_is_no_number_ends_it_at_the_best_before():
    made = objective()
    calls = []

    class Breaking:
        start, match = made.start, staticmethod(made.match)

        def __call__(self, x):
            calls.append(x)
            loss, slope = made(x)
            return (loss, slope) if len(calls) < 4 else (math.nan, slope)

    best, value = lowered(Breaking(), PatchSynthesisSettings(iterations=20), lambda share: None)  # pyright: ignore[reportArgumentType]
    assert len(calls) == 4
    assert math.isfinite(value)
    assert any(torch.equal(best, x) for x in calls[:3])


def test_a_network_gone_wrong_leaves_the_content(recwarn):
    network = features()
    with torch.no_grad():
        next(network.parameters()).fill_(torch.nan)
    work = Work()
    filled = inpainter(network)(stripes(), square(), work)
    assert np.isfinite(filled).all()
    assert work.energy is None
    assert work.notes


# ---------------------------------------------------------------------------------------------------------- the fill


def test_texture_is_carried_into_the_hole():
    image, mask = stripes(), square()
    errors = [np.abs(inpainter(iterations=n)(image, mask) - image)[mask].mean() for n in (1, 25)]
    content = np.abs(inpainter(iterations=25).content(image, mask) - image)[mask].mean()
    assert errors[1] < 0.75 * content


def test_copied_pixels_are_the_photos_own():
    """Its hole is as sharp as the rest, which what is optimised is not."""
    image, mask = stripes(), square()
    rng = np.random.default_rng(0)
    image = np.clip(image + rng.normal(0, 0.1, image.shape), 0, 1).astype(np.float32)
    strength = {
        pixels: np.abs(np.diff(inpainter(pixels=pixels)(image, mask), axis=0))[mask[1:]].mean()
        for pixels in ("copied", "optimised")
    }
    truth = np.abs(np.diff(image, axis=0))[mask[1:]].mean()
    assert strength["optimised"] < 0.7 * truth < strength["copied"] < 1.3 * truth


@pytest.mark.parametrize("settings", [{}, {"hole": "box"}, {"pixels": "optimised"}, {"optimiser": "adam"}])
def test_only_the_hole_changes_and_what_was_there_changes_nothing(settings):
    image, mask = stripes(), square()
    mask[10:14, 20:90] = True
    made = inpainter(**settings)
    filled = made(image, mask, Work(2))
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    other = np.where(mask[..., None], 1 - image, image)
    np.testing.assert_array_equal(made(other, mask, Work(2)), filled)


def test_grey_pictures_stay_grey():
    image, mask = stripes(grey=True), square()
    for pixels in ("copied", "optimised"):
        filled = inpainter(pixels=pixels)(image, mask)
        assert np.ptp(filled, axis=2).max() == 0


def test_texture_is_taken_where_it_is_told():
    """What lies elsewhere, away from the hole, changes nothing."""
    image, mask = stripes(96, 192), square(96, 192)
    source = np.zeros_like(mask)
    source[:, :60] = True
    other = image.copy()
    other[:, 160:] = 0.9
    made = inpainter(features(("relu2_1",)), scales=1)
    first, second = (made(each, mask, Work(source=source)) for each in (image, other))
    np.testing.assert_array_equal(first[mask], second[mask])


def test_a_hole_that_leaves_no_patch_gets_its_content():
    image, mask = stripes(), np.ones((96, 112), bool)
    mask[:6, :6] = False
    work = Work()
    made = inpainter()
    filled = made(image, mask, work)
    assert any("its content stays as it is" in note for note in work.notes)
    assert work.energy is None
    np.testing.assert_allclose(filled, made.content(image, mask), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "scales"), [((384, 384), 3), ((512, 512), 3), ((256, 200), 2), ((90, 90), 1), ((40, 30), 1)]
)
def test_scales_by_size(shape, scales, monkeypatch):
    seen = []

    def at_scale(self, level, fill, work, after):
        seen.append(level.mask.shape)
        return fill, None

    monkeypatch.setattr(PatchSynthesis, "_at_scale", at_scale)
    inpainter()(stripes(*shape), square(*shape, side=12))
    assert len(seen) == scales
    assert seen[-1] == shape
    inpainter(scales=1)(stripes(*shape), square(*shape, side=12))
    assert len(seen) == scales + 1


def test_what_is_too_large_is_optimised_at_half_the_size(monkeypatch):
    seen = []
    real = PatchSynthesis._at_scale

    def at_scale(self, level, *others):
        seen.append(max(level.mask.shape))
        return real(self, level, *others)

    monkeypatch.setattr(PatchSynthesis, "_at_scale", at_scale)
    image, mask = stripes(600, 560), square(600, 560, side=48)
    for pixels in ("copied", "optimised"):
        filled = inpainter(pixels=pixels, iterations=1, scales=1)(image, mask)
        assert filled.shape == image.shape
    assert seen == [300, 300]


def test_its_box_is_all_around_what_is_missing():
    mask = np.zeros((20, 30), bool)
    mask[4, 7] = mask[11, 22] = True
    box = patch_synthesis._box_around(mask)
    assert box[4:12, 7:23].all()
    assert box.sum() == 8 * 16
    assert inpainter(hole="box").view == View(context="square", amount=2)


def test_the_same_again_is_the_same():
    image, mask = stripes(), square()
    np.testing.assert_array_equal(inpainter()(image, mask, Work(4)), inpainter()(image, mask, Work(4)))


def test_progress_goes_to_its_end_and_can_be_stopped():
    image, mask = stripes(256, 256), square(256, 256)
    heard: list[float] = []
    inpainter()(image, mask, Work(on_step=lambda done, total: heard.append(done / total)))
    assert heard == sorted(heard)
    assert len(set(heard)) >= 12
    assert heard[-1] == 1

    def stop(done: float, total: float) -> None:
        if done > total / 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        inpainter()(image, mask, Work(on_step=stop))


# -------------------------------------------------------------------------------------------------------- the settings


@pytest.mark.parametrize(
    "wrong",
    [{"iterations": 0}, {"refresh": 0}, {"variation": -1}, {"texture_weight": math.nan}, {"variation": math.inf}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        PatchSynthesisSettings(**wrong)


def test_content_is_any_method_of_any_size():
    from inpainter.methods import load
    from ready import ready

    image, mask = stripes(), square()
    small = ready("partial-conv")
    made = PatchSynthesis(features(), small, PatchSynthesisSettings(iterations=2), PATCH_SYNTHESIS.card, "cpu")
    assert np.isfinite(made(image, mask)).all()
    assert inpainter(content="exemplar").card.draws
    assert not inpainter().card.draws
    with pytest.raises(InputError, match="no-such"):
        inpainter(content="no-such")
    assert load("telea").card.name == inpainter().content.card.name


def test_notes_of_the_content_are_passed_on():
    image, mask = stripes(), np.ones((96, 112), bool)
    mask[:3, :3] = False
    work = Work()
    inpainter(content="exemplar")(image, mask, work)
    assert any(note.startswith("exemplar: ") for note in work.notes)


def test_the_method_itself_is_no_content(monkeypatch):
    itself = inpainter()
    monkeypatch.setattr(patch_synthesis, "load", lambda *args: itself)
    monkeypatch.setattr(patch_synthesis, "takes_device", lambda name: True)
    settings = PatchSynthesisSettings(content="patch-synthesis")
    with pytest.raises(InputError, match="another method"):
        make_inpainter(features(), PATCH_SYNTHESIS.card, settings, "cpu")


def test_a_missing_texture_file_says_how_to_get_one(tmp_path):
    with pytest.raises(InputError, match=r"vgg19-dcbb9e9d\.pth.*leave texture out"):
        inpainter(texture=str(tmp_path / "vgg19-dcbb9e9d.pth"))
