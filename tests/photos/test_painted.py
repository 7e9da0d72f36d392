"""What is painted on a copy of a photo is found, and nothing else, however the copy was saved."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from inpainter.core import InputError
from inpainter.photos.painted import painted_mask
from inpainter.photos.photo import open_photo
from makers import assert_helpful, box_mask, picture, profile, save, stored, upright
from painting import near, painted_over, photographs, saved, stroke

RED = (255, 0, 0)


def found(photo, copy):
    return painted_mask(open_photo(photo), copy)


def assert_found(mask, cover, least=0.99):
    assert mask[cover >= 0.5 * cover.max()].mean() >= least
    # Where strokes cross at a sharp angle, the corner is closed.
    assert (mask & ~near(cover > 0.02, 4)).mean() < 1e-3
    specks = mask & ~near(cover > 0.02, 12)
    assert not specks.any()


@pytest.mark.parametrize("strength", [1, 0.5])
@pytest.mark.parametrize("quality", [None, 90, 75, 50])
def test_strokes_are_found_whole_and_nothing_else(data, tmp_path, quality, strength) -> None:
    for seed, samples in enumerate(photographs(data, 3)):
        cover = strength * stroke(*samples.shape[:2], seed)
        photo = saved(samples, tmp_path / f"{seed}.png")
        copy = saved(painted_over(samples, cover, RED), tmp_path / f"c.{'jpg' if quality else 'png'}", quality or 0)
        assert_found(found(photo, copy), cover)


@pytest.mark.parametrize("quality", [None, 90, 75, 50])
def test_a_copy_with_nothing_painted_is_an_empty_mask(data, tmp_path, quality) -> None:
    for seed, samples in enumerate(photographs(data, 3)):
        photo = saved(samples, tmp_path / f"{seed}.png")
        copy = saved(samples, tmp_path / f"c.{'jpg' if quality else 'png'}", quality or 0)
        assert not found(photo, copy).any()


@pytest.mark.parametrize("converted", [True, False])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_copy_that_lost_its_profile(data, tmp_path, suffix, converted) -> None:
    samples = photographs(data, 1)[0]
    cover = stroke(*samples.shape[:2], 0)
    photo = save(tmp_path / "photo.png", samples, icc=profile())
    seen = samples
    if converted:
        # As programs do that write sRGB, and no profile.
        image = ImageCms.profileToProfile(
            Image.fromarray(samples), str(_written(tmp_path / "p3.icc", profile())), ImageCms.createProfile("sRGB")
        )
        seen = np.asarray(image)
    assert_found(found(photo, saved(painted_over(seen, cover, RED), tmp_path / f"copy.{suffix}", 90)), cover)


def _written(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_and_its_upright_copy(tmp_path, orientation) -> None:
    samples = picture(300, 200)
    photo = save(tmp_path / "photo.png", samples, orientation=orientation)
    seen = upright(samples, orientation).copy()
    where = box_mask(*seen.shape[:2], 20, 30, 60, 90)
    seen[where] = RED
    mask = found(photo, save(tmp_path / "copy.png", seen))
    assert mask[where].all()
    assert not mask[~near(where, 4)].any()
    turned = save(tmp_path / "turned.png", stored(seen, orientation), orientation=orientation)
    assert np.array_equal(found(photo, turned), mask)


@pytest.mark.parametrize(("bands", "depth"), [(1, 8), (2, 8), (4, 8), (1, 16), (3, 16), (4, 16)])
def test_photos_of_other_kinds(tmp_path, bands, depth) -> None:
    samples = picture(120, 90, bands, depth)
    where = box_mask(120, 90, 20, 30, 60, 80)
    photo = save(tmp_path / "photo.png", samples)
    eight = (samples >> (depth - 8)).astype(np.uint8)
    rgba = np.dstack([np.broadcast_to(eight[..., : 3 if bands > 2 else 1], (120, 90, 3)), eight[..., -1]])
    if bands in (1, 3):
        rgba[..., 3] = 255
    rgba[where] = (*RED, 255)
    mask = found(photo, save(tmp_path / "copy.png", rgba))
    assert mask[where].all()
    assert not mask[~near(where, 4)].any()
    # Rubbed out instead of painted over.
    rgba[where] = 0
    assert found(photo, save(tmp_path / "rubbed.png", rgba))[where].mean() > 0.99


def test_what_is_no_painted_copy_is_said(data, tmp_path) -> None:
    first, second = photographs(data, 2)
    photo = saved(first, tmp_path / "photo.png")
    with pytest.raises(InputError, match=r"the painted copy is .* but photo\.png is") as caught:
        found(photo, saved(first[:-1], tmp_path / "cut.png"))
    assert_helpful(caught.value, tmp_path / "cut.png")
    height, width = first.shape[:2]
    other = np.asarray(Image.fromarray(second).resize((width, height)))
    with pytest.raises(InputError, match="is it a copy of this photo") as caught:
        found(photo, saved(other, tmp_path / "other.jpg"))
    assert_helpful(caught.value, tmp_path / "other.jpg")


def test_more_rows_than_are_read_together(tmp_path) -> None:
    samples = picture(1100, 40)
    seen = samples.copy()
    where = box_mask(1100, 40, 250, 10, 520, 25)
    seen[where] = RED
    mask = found(save(tmp_path / "photo.png", samples), save(tmp_path / "copy.png", seen))
    assert mask[where].all()
    assert not mask[~near(where, 4)].any()
