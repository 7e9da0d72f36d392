"""What cannot be a mask is refused, and what programs write as one is taken."""

import re

import cv2
import numpy as np
import pytest
from PIL import Image

from inpainter.core import InputError
from inpainter.masks import KINDS
from inpainter.photos.mask_file import read_mask
from makers import assert_helpful, box_mask, save
from painting import painted_over, photographs, saved, stroke

BOX = box_mask(40, 60, 5, 8, 20, 30)
KIND_NAMES = ("centre", "square", "blocks", "circle", "lines", "strokes", "blob", "text", "scatter", "noise")


def test_photos_are_refused_as_masks(data, tmp_path) -> None:
    """In colour and grey, as PNG and JPEG, white or black; of 120 photos all are in colour, and 117 in grey."""
    for number, photo in enumerate(photographs(data, 12)):
        grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
        for samples, suffix in ((photo, "png"), (photo, "jpg"), (grey, "png")):
            path = saved(samples, tmp_path / f"{number}.{suffix}")
            for colour in ("white", "black"):
                with pytest.raises(InputError, match="looks like a photo") as caught:
                    read_mask(path, colour=colour)
                assert_helpful(caught.value, path, "painted=", "mask_colour=")


def test_a_photo_with_paint_is_refused_unless_its_colour_is_named(data, tmp_path) -> None:
    photo = photographs(data, 1)[0]
    path = saved(painted_over(photo, stroke(*photo.shape[:2], 1), (255, 255, 255)), tmp_path / "painted.png")
    with pytest.raises(InputError, match="painted="):
        read_mask(path)
    read_mask(path, colour="#ffffff")


def test_where_colours_are_not_the_users_to_choose_none_is_offered(data, tmp_path) -> None:
    path = saved(photographs(data, 1)[0], tmp_path / "photo.png")
    with pytest.raises(InputError, match="looks like a photo") as caught:
        read_mask(path, what="source mask")
    assert "--" not in str(caught.value)


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_masks_of_all_kinds_pass(tmp_path, kind) -> None:
    """As JPEG, feathered, antialiased, and enlarged."""
    drawn = KINDS[kind](seed=1)(300, 400).astype(np.uint8) * np.uint8(255)
    variants = {
        "feathered-2": cv2.GaussianBlur(drawn, (0, 0), 2), "feathered-8": cv2.GaussianBlur(drawn, (0, 0), 8),
        "feathered-32": cv2.GaussianBlur(drawn, (0, 0), 32),
        "enlarged": cv2.resize(drawn, (1600, 1200), interpolation=cv2.INTER_CUBIC),
        "antialiased": cv2.resize(drawn, (200, 150), interpolation=cv2.INTER_AREA),
    }  # fmt: skip
    files = [saved(drawn, tmp_path / f"{quality}.jpg", quality) for quality in (50, 75, 95)]
    files += [saved(samples, tmp_path / f"{name}.png") for name, samples in variants.items()]
    files += [saved(variants[name], tmp_path / f"{name}.jpg", 50) for name in ("feathered-8", "feathered-32")]
    if kind == "scatter":
        # Of specks blurred by 32 px nothing is left.
        files = [path for path in files if path.stem != "feathered-32"]
    for path in files:
        read_mask(path)
        read_mask(path, colour="black")


def numbers(tmp_path, *values: int, deep: bool = False):
    """A file with these values, the first outside the box."""
    rest, *inside = values
    samples = np.full(BOX.shape, rest, np.uint16 if deep else np.uint8)
    samples[BOX] = np.resize(inside or [rest], BOX.sum())
    return save(tmp_path / "numbers.png", samples[..., None])


@pytest.mark.parametrize(("values", "deep"), [((0, 1), False), ((0, 1), True), ((0, 100), False), ((0, 2), True)])
def test_nothing_and_another_value_is_a_mask(tmp_path, values, deep) -> None:
    path = numbers(tmp_path, *values, deep=deep)
    mask, notes = read_mask(path)
    assert np.array_equal(mask, BOX)
    assert notes == [f"numbers.png: holds only 0 and {values[1]}: {values[1]} counts as white"]
    assert np.array_equal(read_mask(path, colour="black")[0], ~BOX)


@pytest.mark.parametrize(
    ("values", "deep"), [((0, 128), False), ((0, 200), False), ((0, 255), True), ((10, 240), True)]
)
def test_two_values_of_which_one_is_bright_are_a_mask(tmp_path, values, deep) -> None:
    assert np.array_equal(read_mask(numbers(tmp_path, *values, deep=deep))[0], BOX)


def test_only_nothing_is_an_empty_mask(tmp_path) -> None:
    for deep in (False, True):
        mask, notes = read_mask(numbers(tmp_path, 0, deep=deep))
        assert not mask.any()
        assert notes == []


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("values", [(0, 1, 2, 5), (1, 2), (50, 0, 100, 150, 200)])
def test_a_map_of_labels_is_refused_with_what_picks_one(tmp_path, values, deep) -> None:
    path = numbers(tmp_path, *values, deep=deep)
    with pytest.raises(
        InputError, match=f"holds the values {', '.join(map(str, sorted(values)))}, none of them white"
    ) as caught:
        read_mask(path)
    assert_helpful(caught.value, path)
    picked = re.search("mask_colour='(.+)'", str(caught.value))
    assert picked
    samples = np.asarray(Image.open(path))
    assert np.array_equal(read_mask(path, colour=picked[1])[0], samples == sorted(values)[1])


def test_a_map_of_coloured_labels_names_them(tmp_path) -> None:
    labels = np.zeros((*BOX.shape, 3), np.uint8)
    labels[5:20] = (128, 0, 0)
    labels[20:30] = (0, 128, 0)
    with pytest.raises(InputError, match=r"colours #000000, #008000, #800000, none .*'#008000:0'"):
        read_mask(save(tmp_path / "labels.png", labels))


def test_a_dim_mask_says_that_nothing_is_white(tmp_path) -> None:
    dim = cv2.GaussianBlur(BOX.astype(np.uint8) * np.uint8(100), (0, 0), 2)
    mask, notes = read_mask(save(tmp_path / "dim.png", dim[..., None]))
    assert not mask.any()
    assert "nothing is white" in notes[0]


def test_a_transparent_hole_hints_at_alpha(tmp_path) -> None:
    cut = np.zeros((*BOX.shape, 4), np.uint8)
    cut[..., 3] = np.where(BOX, 0, 255)
    path = save(tmp_path / "cut.png", cut)
    mask, notes = read_mask(path)
    assert not mask.any()
    assert "pass mask_colour='alpha'" in notes[0]
    assert np.array_equal(read_mask(path, colour="alpha")[0], BOX)


@pytest.mark.parametrize("classes", [40, 150, 200])
def test_a_map_of_many_labels_is_refused(tmp_path, classes) -> None:
    """As of ADE20K: more classes than may be counted as a few, in regions, none of them white."""
    side = 15
    labels = np.kron(np.arange(side * side).reshape(side, side) % classes, np.ones((24, 24))).astype(np.uint8)
    labels[labels < classes // 2] += classes // 3
    with pytest.raises(InputError, match="none of them white, like a map of labels"):
        read_mask(save(tmp_path / "labels.png", labels[..., None]))
