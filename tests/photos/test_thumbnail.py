"""Part of a photo, small: upright, in sRGB, with patches in it."""

from pathlib import Path

import numpy as np
import pytest

from inpainter.core import Box, InputError
from inpainter.photos.photo import open_photo
from inpainter.photos.thumbnail import thumbnail
from inpainter.photos.write import Patch
from makers import picture, profile, save, upright

BOX = Box(8, 4, 24, 16)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_upright(tmp_path: Path, orientation: int) -> None:
    samples = picture(40, 60)
    photo = open_photo(save(tmp_path / "photo.tif", samples, orientation=orientation))
    seen = thumbnail(photo, [], BOX, (BOX.height, BOX.width))
    assert (seen == upright(samples, orientation)[BOX.slices]).all()


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 16])
def test_every_kind_of_samples_has_three_colours_of_8_bits(tmp_path: Path, bands: int, depth: int) -> None:
    samples = picture(40, 60, bands, depth)
    seen = thumbnail(open_photo(save(tmp_path / "photo.png", samples)), [], BOX, (BOX.height, BOX.width))
    assert (seen.shape, seen.dtype) == ((16, 24, 3), np.uint8)
    scaled = samples[BOX.slices].astype(float) / np.iinfo(samples.dtype).max
    alpha = scaled[..., -1:] if bands in (2, 4) else 1
    colours = scaled[..., :1] if bands < 3 else scaled[..., :3]
    wanted = (colours * alpha + 1 - alpha) * np.ones(3)
    assert np.abs(seen / 255 - wanted).max() < 2.5 / 255


def test_patches_are_in_it_and_its_size_is_what_is_asked_for(tmp_path: Path) -> None:
    photo = open_photo(save(tmp_path / "photo.png", picture(60, 80)))
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    patch = Patch(Box(16, 12, 8, 8), red, np.ones((8, 8), bool))
    for size in ((16, 24), (8, 12), (48, 72), (5, 7)):
        seen = thumbnail(photo, [patch], BOX, size)
        assert seen.shape == (*size, 3)
        middle = seen[round(size[0] * 0.75), round(size[1] * 0.5)]
        assert middle[0] > 180
        assert middle[1:].max() < 90


def test_a_profile_is_heeded_and_a_broken_one_is_no_end(tmp_path: Path) -> None:
    samples = np.full((40, 60, 3), (220, 60, 60), np.uint8)
    plain, wide, broken = (
        thumbnail(open_photo(save(tmp_path / f"{name}.png", samples, icc=icc)), [], BOX, (16, 24))
        for name, icc in (("plain", b""), ("wide", profile()), ("broken", profile()[:200]))
    )
    assert (plain == samples[BOX.slices]).all()
    # What Display P3 calls this is a stronger red.
    assert wide[0, 0, 0] > 225
    assert broken.shape == plain.shape


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    path = save(tmp_path / "photo.jpg", picture(400, 600))
    path.write_bytes(path.read_bytes()[:2000])
    photo = open_photo(path)
    with pytest.raises(InputError, match="damaged or cut short"):
        thumbnail(photo, [], Box(0, 200, 600, 200), (20, 60))
