"""What the tests of bad input share: small whole photos, and the check that a bad one is refused."""

from pathlib import Path

import pytest
from PIL import Image

from conftest import Constant
from inpainter.core import InputError
from inpainter.engine.batch import FillOptions, fill_file
from makers import (
    XMP,
    assert_helpful,
    picture,
    profile,
    save,
)  # fmt: skip

HEIGHT, WIDTH = 40, 56
SUFFIXES = (".jpg", ".png", ".webp", ".tif", ".avif")
KINDS = (".jpg", "progressive.jpg", ".png", "16.png", ".webp", "lossy.webp", ".tif", "lzw.tif", ".avif", "alpha.avif")


def make(folder: Path, kind: str) -> Path:
    """A small whole photo, with metadata."""
    options = {
        ".jpg": {"Q": 90},
        "progressive.jpg": {"interlace": True},
        ".webp": {"lossless": True},
        "lzw.tif": {"compression": "lzw"},
        ".avif": {"effort": 1},
        "alpha.avif": {"effort": 1},
    }.get(kind, {})
    bands = 4 if kind in (".png", ".webp", "alpha.avif") else 3
    samples = picture(HEIGHT, WIDTH, bands, 16 if kind == "16.png" else 8)
    return save(
        folder / f"photo{'.' if kind[0] != '.' else ''}{kind}",
        samples,
        orientation=1,
        icc=profile(),
        xmp=XMP,
        **options,
    )


def refused(photo: Path, mask: Path, output: Path | None = None, *names: Path | str, **options: object) -> str:
    """Check that filling is refused in one helpful line and that nothing is written; return the line."""
    output = output or photo.with_name(f"out{photo.suffix}")
    before = {path: path.read_bytes() for path in photo.parent.iterdir() if path.is_file()}
    with pytest.raises(InputError) as caught:
        fill_file(photo, mask, output, Constant(), FillOptions(**options))  # pyright: ignore
    assert_helpful(caught.value, *(names or (photo,)))
    assert {path: path.read_bytes() for path in photo.parent.iterdir() if path.is_file()} == before
    return str(caught.value)


def size_of(path: Path) -> tuple[str | None, tuple[int, int]]:
    with Image.open(path) as image:
        return image.format, image.size
