"""TIFF is many formats: each kind of samples is taken as it is meant, or refused with its name and a remedy."""

import io
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from inpainter.core import InputError
from inpainter.photos.photo import open_photo
from makers import assert_helpful, box_mask, picture
from photo_readers import HEIGHT, WIDTH, fill
from tiff_maker import packed_12, tiff, tiff_tags

MASK = box_mask(HEIGHT, WIDTH, 10, 20, 24, 44)
RGB = picture(HEIGHT, WIDTH, 3)
GREY = RGB[..., :1]


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.fromarray(RGB).save(out, "JPEG", subsampling=0)
    return out.getvalue()


def kind(data: bytes = RGB.tobytes(), bands: int = 3, bits: int = 8, tags: dict | None = None, **more: int) -> bytes:
    return tiff((tiff_tags(HEIGHT, WIDTH, bands, bits=bits, **more) | (tags or {}), [data]))


def separate(**options: object) -> bytes:
    out = io.BytesIO()
    planes = np.ascontiguousarray(RGB.transpose(2, 0, 1))
    tifffile.imwrite(out, planes, photometric="rgb", planarconfig="separate", metadata=None, **options)  # pyright: ignore
    return out.getvalue()


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "12 bit RGB": (lambda: kind(packed_12(RGB.astype(int) * 16), bits=12), "12 bit"),
    "12 bit grey": (lambda: kind(packed_12(GREY.astype(int) * 16), 1, 12), "12 bit"),
    "4 bit RGB": (lambda: kind(RGB.tobytes(), bits=4), "4 bit"),
    "5, 6 and 5 bit": (lambda: kind(tags={258: (3, [5, 6, 5])}), "5, 6 bit"),
    "LZMA": (lambda: kind(lzma.compress(RGB.tobytes()), compression=34925), "LZMA"),
    "old JPEG": (lambda: kind(jpeg(), compression=6, photometric=6), "old-style JPEG"),
    "JPEG 2000": (lambda: kind(compression=34712), "JPEG 2000"),
    "unknown compression": (lambda: kind(compression=54321), "compression 54321"),
    "LAB": (lambda: kind(photometric=8), "LAB"),
    "LAB of 16 bit": (lambda: kind(RGB.astype("<u2").tobytes(), bits=16, photometric=8), "LAB"),
    "ICC LAB": (lambda: kind(photometric=9), "LAB"),
    "tiles of one colour each": (lambda: separate(tile=(16, 16)), "tiles of one colour"),
    "YCbCr of fewer colours": (lambda: kind(photometric=6, tags={530: (3, [2, 2])}), "YCbCr"),
    "YCbCr in the studio's range": (
        lambda: kind(photometric=6, tags={530: (3, [1, 1]), 532: (5, [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1])}),
        "YCbCr",
    ),
    "DNG": (lambda: kind(tags={50706: (1, [1, 4, 0, 0])}), "raw"),
    "raw with a thumbnail first": (
        lambda: kind(tags={254: (4, [1]), 330: (4, tiff_tags(HEIGHT, WIDTH, 1, photometric=32803))}),
        "raw",
    ),
    "sensor's mosaic": (lambda: kind(GREY.tobytes(), 1, photometric=32803), "raw"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_kind_that_cannot_be_taken_is_named_with_a_remedy(tmp_path: Path, name: str) -> None:
    make, named = REFUSED[name]
    photo = tmp_path / "photo.tif"
    photo.write_bytes(make())
    with pytest.raises(InputError) as caught:
        open_photo(photo)
    assert_helpful(caught.value, photo)
    assert named in str(caught.value)
    assert "damaged" not in str(caught.value)
    assert caught.value.code == "unsupported"


def written(folder: Path, data: bytes) -> tuple[Path, Path]:
    photo, output = folder / "photo.tif", folder / "out.tif"
    photo.write_bytes(data)
    return photo, output


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg"])
def test_ycbcr_becomes_the_rgb_that_it_means(tmp_path: Path, compression: str) -> None:
    out = io.BytesIO()
    Image.fromarray(RGB).convert("YCbCr").save(out, "TIFF", compression=compression)
    photo, output = written(tmp_path, out.getvalue())
    with tifffile.TiffFile(photo) as file:
        assert file.pages.first.photometric == tifffile.PHOTOMETRIC.YCBCR
    report = fill(photo, MASK, output)
    wanted, after = (np.asarray(Image.open(path).convert("RGB")).astype(int) for path in (photo, output))
    assert np.abs(wanted - RGB).max() < 40
    # Pillow cuts where libvips rounds.
    assert np.abs(after - wanted)[~MASK].max() <= (0 if compression == "jpeg" else 1)
    assert "YCbCr becomes RGB" in report.notes


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(("bands", "depth"), [(2, 8), (4, 8), (4, 16)])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_colours_with_alpha_multiplied_in_stay_so(
    tmp_path: Path, bands: int, depth: int, compression: str | None, orientation: int
) -> None:
    top = 255 if depth == 8 else 65535
    samples = picture(HEIGHT, WIDTH, bands, depth)
    samples[..., -1] = np.linspace(0, top, WIDTH).astype(samples.dtype)
    alpha = samples[..., -1:].astype(int)
    samples[..., :-1] = samples[..., :-1] * alpha // top
    # More than alpha allows, as some programs write.
    samples[0, :, 0] = top
    out = io.BytesIO()
    tifffile.imwrite(
        out, samples, photometric="rgb" if bands == 4 else "minisblack", planarconfig="contig", metadata=None,
        extrasamples=["assocalpha"], compression=compression, extratags=[(274, 3, 1, orientation, True)],
    )  # fmt: skip
    photo, output = written(tmp_path, out.getvalue())
    mask = MASK if orientation == 1 else np.rot90(MASK, -1)
    fill(photo, mask, output)
    with tifffile.TiffFile(output) as file:
        after, page = file.asarray(), file.pages.first
    assert page.extrasamples == (tifffile.EXTRASAMPLE.ASSOCALPHA,)
    assert np.array_equal(after[~MASK], samples[~MASK])
    assert np.array_equal(after[..., -1], samples[..., -1])
    assert np.abs(after[MASK][:, :-1] - alpha[MASK] * 0.5).max() <= 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mask-of-it.png", "out.tif", "photo.tif"]


def test_a_cmyk_picture_with_alpha_multiplied_in_is_refused(tmp_path: Path) -> None:
    photo, _ = written(tmp_path, kind(np.dstack([RGB, RGB[..., :2]]).tobytes(), 5, photometric=5, tags={338: (3, [1])}))
    with pytest.raises(InputError, match="CMYK"):
        open_photo(photo)


@pytest.mark.parametrize(("compression", "damage"), [(None, "cut"), ("zlib", "cut"), ("zlib", "wiped")])
def test_a_tile_that_is_damaged_is_not_taken_as_black(tmp_path: Path, compression: str | None, damage: str) -> None:
    out = io.BytesIO()
    samples = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    tifffile.imwrite(out, samples, photometric="rgb", tile=(32, 32), compression=compression, metadata=None)
    data = out.getvalue()
    end = len(data) - 2000
    photo, output = written(tmp_path, data[:end] if damage == "cut" else data[:end] + bytes(2000))
    with pytest.raises(InputError) as caught:
        fill(photo, box_mask(128, 128, 4, 4, 12, 12), output)
    assert_helpful(caught.value, photo)
    assert "get a whole copy" in str(caught.value)
    assert not output.exists()


def test_tiles_whose_tags_only_make_libtiff_warn_are_taken(tmp_path: Path) -> None:
    tags = tiff_tags(HEIGHT, WIDTH) | {270: (2, b"no end"), 322: (3, [WIDTH]), 323: (3, [HEIGHT])}
    del tags[278]
    photo, output = written(tmp_path, tiff((tags, [RGB.tobytes()]), strips=(324, 325)))
    fill(photo, MASK, output)
    assert np.array_equal(tifffile.imread(output)[~MASK], RGB[~MASK])


def test_an_orientation_of_another_type_is_read_and_written_alike(tmp_path: Path) -> None:
    for type_ in (1, 3, 4):
        photo, output = written(tmp_path, kind(tags={274: (type_, [6])}))
        output.unlink(missing_ok=True)
        assert open_photo(photo).orientation == 6
        report = fill(photo, np.rot90(MASK, -1), output)
        assert report.notes == ()
        with tifffile.TiffFile(output) as file:
            page = file.pages.first
            tag = page.tags[274]
            assert (tag.dtype, tag.value in (6, b"\6")) == (type_, True)
            assert np.array_equal(file.asarray()[~MASK], RGB[~MASK])


def test_planes_of_16_bit(tmp_path: Path) -> None:
    out = io.BytesIO()
    planes = np.ascontiguousarray(picture(HEIGHT, WIDTH, 3, 16).transpose(2, 0, 1))
    tifffile.imwrite(out, planes, photometric="rgb", planarconfig="separate", rowsperstrip=7, metadata=None)
    photo, output = written(tmp_path, out.getvalue())
    fill(photo, MASK, output)
    assert np.array_equal(tifffile.imread(output)[~MASK], planes.transpose(1, 2, 0)[~MASK])
