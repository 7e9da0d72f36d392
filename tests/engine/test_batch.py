"""One photo file filled: what is said of it, and where it is written."""

from pathlib import Path

import numpy as np
from PIL import Image

from conftest import Constant
from inpainter.engine.batch import FillOptions, default_output, fill_file
from makers import box_mask, picture, save, save_mask

HEIGHT, WIDTH = 32, 44


def test_reports_holes_and_pixels(tmp_path: Path) -> None:
    photo = save(tmp_path / "photo.png", picture(200, 300))
    mask = box_mask(200, 300, 10, 10, 20, 20) | box_mask(200, 300, 150, 250, 160, 265)
    seen: list[tuple[float, float]] = []
    inpainter = Constant()
    report = fill_file(
        photo, save_mask(tmp_path / "mask.png", mask), tmp_path / "out.png", inpainter, FillOptions(seed=7),
        on_step=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert (report.holes, report.filled_pixels, report.notes) == (2, 250, ())
    assert report.output == tmp_path / "out.png"
    # In pixels, of which the first hole has 100 and the second 150.
    assert seen == [(0, 250), (100, 250), (250, 250)]
    assert [work.seed for *_, work in inpainter.seen] == [7, 7]


def test_grow_widens_the_mask(tmp_path: Path) -> None:
    photo = save(tmp_path / "photo.png", picture(HEIGHT, WIDTH))
    mask = save_mask(tmp_path / "mask.png", box_mask(HEIGHT, WIDTH, 15, 20, 16, 21))
    fill_file(photo, mask, tmp_path / "out.png", Constant(1.0), FillOptions(grow=3))
    changed = (np.asarray(Image.open(tmp_path / "out.png").copy()) == 255).all(axis=2)
    y, x = np.nonzero(changed)
    assert changed.sum() > 20
    assert (y.min(), y.max(), x.min(), x.max()) == (12, 18, 17, 23)


def test_default_output() -> None:
    assert default_output(Path("a/b.c.JPG")) == Path("a/b.c-filled.JPG")
