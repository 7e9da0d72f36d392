"""Ways to say where to fill: files, arrays, painted copies and boxes, for files and for what programs hold."""

import cv2
import numpy as np
import pytest
from PIL import Image

import inpainter
from conftest import Constant, Drawing
from inpainter.core import Box, InputError
from inpainter.engine.batch import FillOptions, fill_file
from inpainter.engine.candidates import fill_file_candidates
from inpainter.photos.mask_file import Boxes, Painted, boxes_mask
from makers import assert_helpful, assert_nothing_left, box_mask, picture, save, stored
from painting import near

HEIGHT, WIDTH = 80, 120
WHERE = box_mask(HEIGHT, WIDTH, 20, 30, 50, 70)


@pytest.fixture
def photo(tmp_path):
    return save(tmp_path / "photo.png", picture(HEIGHT, WIDTH))


def changed(photo, output):
    return (np.asarray(Image.open(photo)) != np.asarray(Image.open(output))).any(axis=2)


def with_paint(samples):
    """A copy with the place painted red."""
    painted = samples.copy()
    painted[WHERE] = (255, 0, 0)
    return painted


# ---------------------------------------------------------------- boxes


def test_boxes_are_filled_as_far_as_they_lie_in_the_photo(photo, tmp_path):
    boxes = Boxes((Box(10, 20, 30, 40), Box(100, -5, 50, 10)))
    report = fill_file(photo, boxes, tmp_path / "out.png", Constant())
    wanted = box_mask(HEIGHT, WIDTH, 20, 10, 60, 40) | box_mask(HEIGHT, WIDTH, 0, 100, 5, 120)
    assert (boxes_mask(boxes, HEIGHT, WIDTH) == wanted).all()
    assert report.filled_pixels == wanted.sum()
    assert not changed(photo, tmp_path / "out.png")[~wanted].any()


def test_boxes_are_upright(tmp_path):
    samples = picture(HEIGHT, WIDTH)
    photo = save(tmp_path / "photo.png", stored(samples, 6), orientation=6)
    fill_file(photo, Boxes((Box(30, 20, 40, 30),)), tmp_path / "out.png", Constant())
    assert not changed(photo, tmp_path / "out.png")[~stored(WHERE.astype(np.uint8), 6).astype(bool)].any()


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        ([(200, 10, 5, 5)], "200,10,5,5: lies outside .* 120×80"),
        ([(0, 0, 5, 5), (-9, 10, 9, 5)], "-9,10,9,5: lies outside"),
        ([(1, 2, 0, 5)], "above 0"),
        ([(1, 2, 5, -5)], "above 0"),
        ([], "give one or more"),
        ([(1, 2, 5)], "width, height"),
        ([(1, 2, 5, 2.5)], "whole numbers"),
    ],
)
def test_boxes_without_a_pixel_are_refused(photo, tmp_path, boxes, says):
    for given in (photo, picture(HEIGHT, WIDTH)):
        with pytest.raises(InputError, match=says) as caught:
            inpainter.fill(given, boxes=boxes)
        assert_helpful(caught.value)
    assert_nothing_left(tmp_path, "photo.png")


def test_a_box_over_everything_is_not_called_inverted(photo, tmp_path):
    with pytest.raises(InputError, match="covers the whole picture") as caught:
        fill_file(photo, Boxes((Box(0, 0, WIDTH, HEIGHT),)), tmp_path / "out.png", Constant())
    assert_helpful(caught.value)
    assert "inverted" not in str(caught.value)
    report = fill_file(photo, Boxes((Box(0, 0, WIDTH, HEIGHT - 5),)), tmp_path / "out.png", Constant())
    assert any("94% of the photo" in note and "inverted" not in note for note in report.notes)


# ---------------------------------------------------------------- painted copies


def test_a_painted_copy_says_where(photo, tmp_path):
    copy = save(tmp_path / "copy.jpg", with_paint(picture(HEIGHT, WIDTH)), Q=90)
    report = fill_file(photo, Painted(copy), tmp_path / "out.png", Constant())
    different = changed(photo, tmp_path / "out.png")
    assert different[WHERE].mean() > 0.95
    assert not different[~near(WHERE, 4)].any()
    assert report.filled_pixels >= WHERE.sum()


def test_nothing_painted_is_an_empty_mask(photo, tmp_path):
    copy = save(tmp_path / "copy.png", picture(HEIGHT, WIDTH))
    report = fill_file(photo, Painted(copy), tmp_path / "out.png", Constant())
    assert report.notes == ("copy.png: nothing to fill: the photo is copied",)


def test_the_copy_is_never_written_over(photo, tmp_path):
    copy = save(tmp_path / "copy.png", with_paint(picture(HEIGHT, WIDTH)))
    with pytest.raises(InputError, match="replace its own input"):
        fill_file(photo, Painted(copy), copy, Constant())


def test_candidates_take_copies_and_boxes(photo, tmp_path):
    copy = save(tmp_path / "copy.png", with_paint(picture(HEIGHT, WIDTH)))
    for name, mask in (("a", Painted(copy)), ("b", Boxes((Box(30, 20, 40, 30),)))):
        made = fill_file_candidates(photo, mask, tmp_path / f"{name}.png", 2, Drawing())
        assert len(made.outputs) == 2
        assert made.filled_pixels >= WHERE.sum()


# ---------------------------------------------------------------- Python


KINDS = {
    "uint8": lambda samples: samples,
    "uint16": lambda samples: samples.astype(np.uint16) * 257,
    "float32": lambda samples: (samples / 255).astype(np.float32),
    "float16": lambda samples: (samples / 255).astype(np.float16),
    "pil": Image.fromarray,
    "bytes": lambda samples: cv2.imencode(".png", samples[..., ::-1])[1].tobytes(),
}


@pytest.mark.parametrize("copy", KINDS)
@pytest.mark.parametrize("image", [*KINDS, "path"])
def test_pictures_and_copies_of_all_kinds(photo, image, copy):
    samples = picture(HEIGHT, WIDTH)
    given = photo if image == "path" else KINDS[image](samples)
    filled = inpainter.fill(given, painted=KINDS[copy](with_paint(samples)), method="mean")
    if image in ("path", "bytes"):
        data = filled.read_bytes() if image == "path" else filled
        before, after = samples, cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    else:
        before, after = np.asarray(given), np.asarray(filled)
    different = (before != after).any(axis=2)
    assert different[WHERE].mean() > 0.95
    assert not different[~near(WHERE, 4)].any()


def test_missing_values_of_an_array_need_not_be_numbers():
    samples = picture(HEIGHT, WIDTH) / np.float32(255)
    broken = samples.copy()
    broken[WHERE] = np.nan
    assert np.isfinite(
        inpainter.fill(broken, painted=with_paint((samples * 255).astype(np.uint8)), method="mean")
    ).all()


def test_boxes_of_arrays():
    samples = picture(HEIGHT, WIDTH)
    different = (inpainter.fill(samples, boxes=[(30, 20, 40, 30)], method="mean") != samples).any(axis=2)
    assert not different[~WHERE].any()
    assert different[WHERE].mean() > 0.95


def test_exactly_one_way_is_given(photo):
    for given in ({}, {"mask": WHERE, "boxes": [(1, 2, 3, 4)]}, {"painted": photo, "boxes": [(1, 2, 3, 4)]}):
        with pytest.raises(TypeError, match="exactly one of mask, painted and boxes"):
            inpainter.fill(photo, **given)


def test_masks_of_programs_are_looked_at_as_files_are():
    image, grey = picture(HEIGHT, WIDTH), picture(HEIGHT, WIDTH, bands=1)[..., 0]
    noisy = cv2.cvtColor(np.random.default_rng(0).integers(30, 220, image.shape).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    for mask in (noisy, Image.fromarray(noisy), Image.fromarray(image)):
        with pytest.raises(InputError, match="looks like a photo"):
            inpainter.fill(image, mask)
    labels = np.zeros(grey.shape, np.uint8)
    labels[10:20], labels[30:40] = 1, 2
    for mask in (labels, labels.astype(np.int64), Image.fromarray(labels)):
        with pytest.raises(InputError, match="values 0, 1, 2, none") as caught:
            inpainter.fill(image, mask)
        assert "--" not in str(caught.value)
    with pytest.warns(inpainter.FillNote, match="holds only 0 and 7"):
        filled = inpainter.fill(image, WHERE.astype(np.uint8) * 7, "mean")
    assert not (filled != image)[~WHERE].any()
    assert (filled != image)[WHERE].any()


# ---------------------------------------------------------------- a hole in the photo itself


@pytest.mark.parametrize(
    ("suffix", "bands", "depth"), [(".png", 4, 8), (".png", 2, 16), (".tif", 4, 8), (".webp", 4, 8)]
)
@pytest.mark.parametrize("same_file", [True, False])
def test_a_hole_in_the_photos_own_alpha_becomes_opaque(tmp_path, suffix, bands, depth, same_file):
    samples = picture(HEIGHT, WIDTH, bands, depth)
    top = np.iinfo(samples.dtype).max
    samples[..., -1] = np.where(WHERE, 0, top)
    samples[:5, :5, -1] = top // 2 + 9
    options = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    photo = save(tmp_path / f"cut{suffix}", samples, **options)
    mask = photo
    if not same_file:
        mask = save(tmp_path / "mask.png", np.dstack([np.zeros_like(samples[..., 0]), samples[..., -1]]))
    output = tmp_path / f"out{suffix}"
    report = fill_file(photo, mask, output, Constant(), FillOptions(mask_colour="alpha"))
    assert any("becomes opaque" in note for note in report.notes)
    before, after = (_samples(path) for path in (photo, output))
    assert (after[~WHERE] == before[~WHERE]).all()
    assert (after[WHERE][:, -1] == top).all()
    assert (np.abs(after[WHERE][:, :-1] / top - 0.5) < 0.01).all()


def _samples(path):
    import pyvips

    return pyvips.Image.new_from_file(str(path)).numpy()


def test_the_alpha_of_another_picture_leaves_the_photos_alone(tmp_path):
    samples = picture(HEIGHT, WIDTH, 4)
    photo = save(tmp_path / "photo.png", samples)
    mask = save(tmp_path / "mask.png", np.dstack([np.zeros((HEIGHT, WIDTH)), np.where(WHERE, 0, 255)]).astype(np.uint8))
    report = fill_file(photo, mask, tmp_path / "out.png", Constant(), FillOptions(mask_colour="alpha"))
    assert (_samples(tmp_path / "out.png")[..., -1] == samples[..., -1]).all()
    assert report.notes == ()


def test_a_mask_file_may_name_its_colour(photo, tmp_path):
    copy = save(tmp_path / "copy.png", with_paint(picture(HEIGHT, WIDTH)))
    report = fill_file(photo, copy, tmp_path / "out.png", Constant(), FillOptions(mask_colour="red"))
    assert WHERE.sum() <= report.filled_pixels <= near(WHERE, 2).sum()
    assert not changed(photo, tmp_path / "out.png")[~near(WHERE, 2)].any()
