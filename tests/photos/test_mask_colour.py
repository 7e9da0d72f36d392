"""What means "fill this": names and numbers of colours, and strokes of them found whole."""

import numpy as np
import pytest

from inpainter.core import InputError
from inpainter.photos.mask_file import check_mask_colour, read_mask
from makers import save
from painting import near, painted_over, photographs, saved, stroke


def test_names_of_colours() -> None:
    for given, wanted in [
        ("#AbCdEf", "#abcdef"), ("Alpha", "alpha"), ("White", "white"), ("BLACK", "black"), ("red", "#ff0000"),
        ("Magenta", "#ff00ff"), ("green", "#008000"), ("lime", "#00ff00"), ("#f0A", "#ff00aa"),
        ("red:40", "#ff0000:40"), ("#010101:0", "#010101:0"), ("white:7", "#ffffff:7"),
    ]:  # fmt: skip
        assert check_mask_colour(given) == wanted
        assert check_mask_colour(wanted) == wanted
    for colour in ("", "puce", "#ffff", "#12345g", "0xffffff", "#1234567", "red:", "red:256", "red:-1", "alpha:3", "#"):
        with pytest.raises(InputError, match="#ff0000"):
            check_mask_colour(colour)


@pytest.mark.parametrize(("name", "rgb"), [("red", (255, 0, 0)), ("lime", (0, 255, 0)), ("magenta", (255, 0, 255))])
def test_strokes_on_photos_are_found_whole(data, tmp_path, name, rgb) -> None:
    for seed, photo in enumerate(photographs(data, 4)):
        cover = stroke(*photo.shape[:2], seed)
        painted = painted_over(photo, cover, rgb)
        for number, quality in enumerate((None, 90, 75)):
            path = saved(painted, tmp_path / f"{seed}{number}.{'jpg' if quality else 'png'}", quality or 0)
            mask, notes = read_mask(path, colour=name)
            assert mask[cover >= 0.5].mean() > 0.99
            assert mask[~near(cover > 0.02, 2)].mean() < 1e-4
            assert notes == []


def test_a_spelt_tolerance_takes_that_and_nothing_else(tmp_path) -> None:
    ramp = np.zeros((4, 256, 3), np.uint8)
    ramp[..., 0] = np.arange(256)
    path = save(tmp_path / "mask.png", ramp)
    for colour, first in (("red:0", 255), ("red:9", 246), ("#f00:200", 55), ("red", 213)):
        mask, _ = read_mask(path, colour=colour)
        assert np.array_equal(mask[0], np.arange(256) >= first), colour


def test_an_edge_across_the_rows_that_are_read_together_is_found(tmp_path) -> None:
    samples = np.zeros((520, 8, 3), np.uint8)
    samples[512:, :, 0] = 255
    samples[511, :, 0] = 140
    mask, _ = read_mask(save(tmp_path / "mask.png", samples), colour="red")
    assert np.array_equal(mask[:, 0], np.arange(520) >= 511)
