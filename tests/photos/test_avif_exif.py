"""The EXIF block of an AVIF file is the source's, byte for byte."""

import io
from pathlib import Path

import pytest
import pyvips
from PIL import Image, features

from inpainter.photos.avif_exif import exif_stand_in, place_avif_exif
from photos.metadata_blocks import exif, tags_of


def written(path: Path, block: bytes) -> bytes:
    image = pyvips.Image.black(64, 48, bands=3).copy(interpretation="srgb")
    image.set_type(pyvips.GValue.blob_type, "exif-data", block)
    image.heifsave(str(path), compression="av1", effort=0)
    return pyvips.Image.new_from_buffer(path.read_bytes(), "").get("exif-data")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("length", [0, 1, 5000, 60_000])
def test_block_is_the_source_s_own(tmp_path: Path, order: str, length: int) -> None:
    path = tmp_path / "a.avif"
    block = exif(order, maker=b"maker\x80\xff\0" + bytes(range(1, 256)) * (length // 255) + b"\xaa" * (length % 255))
    found = written(path, exif_stand_in(block))
    size = path.stat().st_size
    path.write_bytes(place_avif_exif(path.read_bytes(), found, block))
    back = pyvips.Image.new_from_buffer(path.read_bytes(), "")
    after = back.get("exif-data").removeprefix(b"Exif\0\0")
    assert after.rstrip(b"\0") == block.rstrip(b"\0")
    assert tags_of(after) == tags_of(block)
    assert path.stat().st_size == size
    assert (back.width, back.height, back.avg()) == (64, 48, 0)
    if features.check("avif"):
        seen = Image.open(io.BytesIO(path.read_bytes()))
        seen.load()
        assert tags_of(seen.info["exif"])["photo"] == tags_of(block)["photo"]


def test_libvips_alone_would_change_the_block(tmp_path: Path) -> None:
    # When this fails, the stand-in is no longer needed.
    block = exif(">")
    assert written(tmp_path / "a.avif", b"Exif\0\0" + block).removeprefix(b"Exif\0\0") != block


def test_a_block_that_does_not_fit_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    found = written(path, exif_stand_in(b""))
    before = path.read_bytes()
    assert not place_avif_exif(before, found, exif("<", maker=bytes(5000)))
    assert not place_avif_exif(before, b"not in the file" * 10, exif("<")[:100])
