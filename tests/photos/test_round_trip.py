"""Photos come back as they were outside the mask: every format, depth, colour, orientation and profile.

What a file holds is told by Pillow, OpenCV, tifffile and jpeglib, none of which the writers use to make PNG, TIFF, WebP
or AVIF; for JPEG, jpeglib reads coefficients of whole files only.
"""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from makers import (
    XMP,
    box_mask,
    exif,
    picture,
    png,
    png_chunk,
    png_header,
    profile,
    save,
    stored,
)  # fmt: skip
from photo_readers import HEIGHT, ORIENTATIONS, WIDTH, alpha_apart, fill, middle, name_of, read, told, upright_size

LOSSLESS = [
    *((".png", bands, depth, {}) for bands in (1, 2, 3, 4) for depth in (8, 16)),
    *((".webp", bands, 8, {"lossless": True, "exact": True}) for bands in (3, 4)),
    *((".tif", bands, depth, {}) for bands in (1, 2, 3, 4) for depth in (8, 16)),
    *((".tif", 3, depth, {"compression": "lzw", "predictor": "horizontal"}) for depth in (8, 16)),
    *((".tif", 4, depth, {"compression": "deflate"}) for depth in (8, 16)),
    *((".tif", bands, 16, {"compression": "packbits"}) for bands in (1, 3)),
    (".tif", 3, 16, {"bigtiff": True}),
    (".tif", 3, 8, {"tile": True, "tile_width": 32, "tile_height": 16}),
]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("case", LOSSLESS, ids=name_of)
def test_lossless_keeps_every_sample_outside_the_mask(tmp_path: Path, case: tuple, orientation: int) -> None:
    suffix, bands, depth, options = case
    icc = profile("GRAY" if bands < 3 else "RGB")
    source = picture(HEIGHT, WIDTH, bands, depth, seed=orientation)
    photo = save(tmp_path / f"photo{suffix}", source, orientation=orientation, icc=icc, xmp=XMP, **options)
    output = tmp_path / f"out{suffix}"
    mask = box_mask(*upright_size(orientation), 3, 20, 17, 44)

    report = fill(photo, mask, output)

    assert report.notes == ()
    assert report.filled_pixels == 14 * 24
    before, after = read(photo), read(output)
    assert after.shape == before.shape
    assert after.dtype == before.dtype == (np.uint8 if depth == 8 else np.uint16)
    where = stored(mask, orientation)
    assert np.array_equal(after[~where], before[~where])
    assert (alpha_apart(after)[0][where] == middle(after)).all()
    if bands in (2, 4):
        assert np.array_equal(alpha_apart(after)[1], alpha_apart(before)[1])
    says = told(photo)
    assert says["icc"] == icc
    assert says["xmp"]
    assert says["orientation"] == orientation
    assert told(output) == says
    if suffix == ".png":
        assert png_header(output.read_bytes()) == png_header(photo.read_bytes())


@pytest.mark.parametrize(
    "options", [{"byteorder": ">"}, {"byteorder": ">", "bigtiff": True}, {"bigtiff": True}], ids=str
)
@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_of_either_byte_order_and_size(tmp_path: Path, options: dict, dtype: str, compression: str | None) -> None:
    source = picture(HEIGHT, WIDTH, 3, 8 * int(dtype[1]))
    photo, output = tmp_path / "photo.tif", tmp_path / "out.tif"
    tifffile.imwrite(
        photo, source, photometric="rgb", compression=compression, resolution=(240, 120), resolutionunit=2,
        description="two boats", software=None, metadata=None, **options,
    )  # fmt: skip
    mask = box_mask(HEIGHT, WIDTH, 40, 50, 48, 64)
    fill(photo, mask, output)
    with tifffile.TiffFile(output) as file:
        after, page = file.asarray(), file.pages[0]
        tags = {name: page.tags[name].value for name in ("XResolution", "YResolution", "ImageDescription")}
    assert np.array_equal(after[~mask], source[~mask])
    assert (after[mask] == middle(after)).all()
    assert tags == {"XResolution": (240, 1), "YResolution": (120, 1), "ImageDescription": "two boats"}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_tiff_keeps_exif_and_author(tmp_path: Path, orientation: int) -> None:
    photo, output = tmp_path / "photo.tif", tmp_path / "out.tif"
    image = Image.fromarray(picture(HEIGHT, WIDTH, 3))
    block = Image.Exif()
    block.load(exif(orientation))
    block[0x8298] = "nobody's"
    image.save(photo, exif=block, dpi=(240, 240))
    fill(photo, box_mask(*upright_size(orientation), 3, 20, 17, 44), output)
    says = told(photo)
    assert told(output) == says
    assert says["Make"] == "A camera"
    assert says["Copyright"] == "nobody's"
    assert says["ExifTag"]["DateTimeOriginal"] == "2024:05:06 07:08:09"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_whose_zero_is_white(tmp_path: Path, dtype: type) -> None:
    source = picture(HEIGHT, WIDTH, 1, 8 * np.dtype(dtype).itemsize)[..., 0]
    photo, output = tmp_path / "photo.tif", tmp_path / "out.tif"
    tifffile.imwrite(photo, source, photometric="miniswhite")
    mask = box_mask(HEIGHT, WIDTH, 0, 0, 9, 9)
    fill(photo, mask, output, value=0.0)

    def light(path: Path) -> np.ndarray:
        """Samples with 0 = black."""
        with tifffile.TiffFile(path) as file:
            page, samples = file.pages[0], file.asarray()
        return np.iinfo(dtype).max - samples if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE else samples

    assert np.array_equal(light(output)[~mask], light(photo)[~mask])
    assert (light(output)[mask] == 0).all()


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("kind", [0, 3])
def test_png_of_few_bits_and_palettes(tmp_path: Path, bits: int, kind: int) -> None:
    rows = np.random.default_rng(bits).integers(0, 256, HEIGHT * -(-WIDTH * bits // 8), np.uint8).tobytes()
    palette = np.random.default_rng(1).integers(0, 256, 3 << bits, np.uint8).tobytes()
    before = [png_chunk(b"PLTE", palette)] if kind == 3 else []
    photo, output = tmp_path / "photo.png", tmp_path / "out.png"
    photo.write_bytes(png(WIDTH, HEIGHT, depth=bits, kind=kind, rows=rows, before=before))
    mask = box_mask(HEIGHT, WIDTH, 5, 5, 12, 30)
    report = fill(photo, mask, output)
    colours = "RGB" if kind == 3 else "L"
    wanted = np.asarray(Image.open(photo).convert("RGB"))
    after = Image.open(output)
    assert after.mode == colours
    assert np.array_equal(np.asarray(after.convert("RGB"))[~mask], wanted[~mask])
    assert (np.asarray(after)[mask] == 128).all()
    assert len(report.notes) == 1
    assert ("palette" if kind == 3 else "bit") in report.notes[0]


@pytest.mark.parametrize("kind", ["palette", "grey", "rgb"])
def test_png_transparency_by_colour_becomes_the_same_alpha(tmp_path: Path, kind: str) -> None:
    image = Image.fromarray(picture(HEIGHT, WIDTH, 3))
    image = {"palette": image.quantize(16), "grey": image.convert("L"), "rgb": image}[kind]
    see_through = image.getpixel((1, 1))
    photo, output = tmp_path / "photo.png", tmp_path / "out.png"
    image.save(photo, transparency=see_through)
    mask = box_mask(HEIGHT, WIDTH, 20, 20, 30, 30)
    fill(photo, mask, output)
    wanted, after = (np.asarray(Image.open(path).convert("RGBA")) for path in (photo, output))
    assert (wanted[..., 3] == 0).any()
    assert np.array_equal(after[..., 3], wanted[..., 3])
    assert np.array_equal(after[~mask], wanted[~mask])


def test_tiff_of_one_bit_or_with_a_palette(tmp_path: Path) -> None:
    mask = box_mask(HEIGHT, WIDTH, 20, 20, 30, 30)
    for mode, options in (("1", {}), ("1", {"compression": "group4"}), ("P", {})):
        photo, output = tmp_path / f"photo-{mode}-{len(options)}.tif", tmp_path / f"out-{mode}-{len(options)}.tif"
        Image.fromarray(picture(HEIGHT, WIDTH, 3)).convert(mode).save(photo, **options)
        report = fill(photo, mask, output)
        wanted, after = (np.asarray(Image.open(path).convert("RGB")) for path in (photo, output))
        assert np.array_equal(after[~mask], wanted[~mask]), mode
        assert (after[mask] == 128).all()
        assert report.notes


@given(
    height=st.integers(1, 40), width=st.integers(1, 40), bands=st.sampled_from([1, 2, 3, 4]),
    depth=st.sampled_from([8, 16]), orientation=st.sampled_from(ORIENTATIONS), suffix=st.sampled_from([".png", ".tif"]),
    cover=st.floats(0.01, 0.9), seed=st.integers(0, 999),
)  # fmt: skip
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_size_and_any_mask(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, bands: int, depth: int, orientation: int,
    suffix: str, cover: float, seed: int,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("any")
    photo, output = folder / f"photo{suffix}", folder / f"out{suffix}"
    save(photo, picture(height, width, bands, depth, seed), orientation=orientation)
    mask = np.random.default_rng(seed).random(upright_size(orientation, height, width)) < cover
    mask.flat[0] = False
    fill(photo, mask, output)
    before, after, where = read(photo), read(output), stored(mask, orientation)
    assert np.array_equal(after[~where], before[~where])
    assert (alpha_apart(after)[0][where] == middle(after)).all() or not mask.any()
    if bands in (2, 4):
        assert np.array_equal(alpha_apart(after)[1], alpha_apart(before)[1])
