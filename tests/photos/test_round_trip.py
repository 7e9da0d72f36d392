"""Photos come back as they were outside the mask: every format, depth, colour, orientation and profile.

What a file holds is told by Pillow, OpenCV, tifffile and jpeglib, none of which the writers use to make PNG, TIFF, WebP
or AVIF; for JPEG, jpeglib reads coefficients of whole files only.
"""

import io
import shutil
from pathlib import Path

import cv2
import jpeglib
import numpy as np
import pytest
import pyvips
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from conftest import Constant
from inpainter.engine.batch import FillOptions, FillReport, fill_file
from makers import (
    XMP,
    box_mask,
    exif,
    picture,
    png,
    png_chunk,
    png_chunks,
    png_header,
    profile,
    save,
    save_mask,
    stored,
    thumbnail,
    upright,
)  # fmt: skip

ORIENTATIONS = range(1, 9)
HEIGHT, WIDTH = 48, 64


def read(path: Path) -> np.ndarray:
    """The samples of a lossless file as an independent reader decodes them, `(H, W, bands)`, as stored."""
    if path.suffix == ".webp":
        return np.atleast_3d(np.asarray(Image.open(path)))
    if path.suffix == ".png":
        return np.atleast_3d(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    with tifffile.TiffFile(path) as file:
        if file.pages[0].compression in (1, 8, 32773):
            return np.atleast_3d(file.asarray())
    # tifffile decodes no LZW by itself, and OpenCV refuses turned pictures.
    lying = path.with_suffix(".lying.tif")
    shutil.copyfile(path, lying)
    with tifffile.TiffFile(lying, mode="r+") as file:
        file.pages[0].tags["Orientation"].overwrite(1)
    return np.atleast_3d(cv2.imread(str(lying), cv2.IMREAD_UNCHANGED))


_EXIF_TAGS = (0x010F, 0x013B, 0x0112, 0x011A, 0x011B, 0x0128)
_TIFF_TAGS = (
    "ImageWidth", "ImageLength", "BitsPerSample", "SamplesPerPixel", "Compression", "PhotometricInterpretation",
    "ExtraSamples", "Orientation", "XResolution", "YResolution", "ResolutionUnit", "ImageDescription", "Make", "Artist",
    "Copyright", "ExifTag",
)  # fmt: skip


def told(path: Path) -> dict[str, object]:
    """What a file says about itself, by Pillow; a TIFF by tifffile."""
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            tags = file.pages[0].tags
            said = {name: tags[name].value for name in _TIFF_TAGS if name in tags}
            icc, xmp = (bytes(tags[tag].value) if tag in tags else b"" for tag in (34675, 700))
        return said | {"icc": icc, "xmp": xmp, "orientation": said.get("Orientation")}
    with Image.open(path) as image:
        tags = image.getexif()
        return {
            "size": image.size,
            "format": image.format,
            "mode": image.mode,
            "main": {tag: value for tag, value in tags.items() if tag in _EXIF_TAGS},
            "exif": dict(tags.get_ifd(0x8769)),
            "icc": image.info.get("icc_profile"),
            "xmp": image.info.get("xmp") or image.info.get("XML:com.adobe.xmp"),
            "dpi": image.info.get("dpi"),
            "orientation": tags.get(0x0112),
        }


def upright_size(orientation: int, height: int = HEIGHT, width: int = WIDTH) -> tuple[int, int]:
    return (width, height) if orientation > 4 else (height, width)


def fill(photo: Path, mask: np.ndarray, output: Path, value: float = 0.5, **options: object) -> FillReport:
    mask_file = save_mask(photo.with_name("mask-of-it.png"), mask)
    return fill_file(photo, mask_file, output, Constant(value), FillOptions(**options))  # pyright: ignore


def middle(samples: np.ndarray) -> int:
    """What Constant's 0.5 becomes."""
    return 128 if samples.dtype == np.uint8 else 32768


def alpha_apart(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    if samples.shape[2] in (2, 4):
        return samples[..., :-1], samples[..., -1]
    return samples, None


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


def name_of(case: tuple | str) -> str:
    if isinstance(case, str):
        return case
    suffix, bands, depth, options = case
    return f"{suffix[1:]}-{bands}x{depth}{''.join(f'-{key}={value}' for key, value in options.items())}"


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


# ---------------------------------------------------------------- JPEG


def blocks_touched(mask: np.ndarray, blocks: tuple[int, int], of: tuple[int, int]) -> np.ndarray:
    """Which 8×8 blocks of a plane the mask touches, a sample standing for `of` (height, width) pixels."""
    rows, columns = 8 * of[0], 8 * of[1]
    wide = np.zeros((blocks[0] * rows, blocks[1] * columns), bool)
    height, width = min(mask.shape[0], wide.shape[0]), min(mask.shape[1], wide.shape[1])
    wide[:height, :width] = mask[:height, :width]
    return wide.reshape(blocks[0], rows, blocks[1], columns).any(axis=(1, 3))


def seen(path: Path) -> np.ndarray:
    """What a person sees: RGBA, upright."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))


JPEGS = [
    {"subsampling": 2, "progressive": True},
    {"subsampling": 2},
    {"subsampling": 1},
    {"subsampling": 0, "quality": 97},
    {"subsampling": 0, "progressive": True, "quality": 30},
    {"grey": True},
    {"grey": True, "progressive": True},
    {"subsampling": 2, "restart_marker_rows": 1},
]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("options", JPEGS, ids=str)
def test_jpeg_keeps_every_block_that_the_mask_does_not_touch(tmp_path: Path, options: dict, orientation: int) -> None:
    height, width = 85, 107
    options = dict(options)
    grey = options.pop("grey", False)
    icc = profile("GRAY" if grey else "RGB")
    source = picture(height, width, 1 if grey else 3, seed=orientation)
    photo, output = tmp_path / "photo.jpg", tmp_path / "out.jpg"
    image = Image.fromarray(source[..., 0] if grey else source)
    image.save(photo, exif=b"Exif\0\0" + exif(orientation), icc_profile=icc, xmp=XMP, dpi=(300, 300), **options)
    mask = box_mask(*upright_size(orientation, height, width), 35, 20, 70, 57)

    report = fill(photo, mask, output)

    assert report.notes == ()
    where = stored(mask, orientation)
    before, after = jpeglib.read_dct(str(photo)), jpeglib.read_dct(str(output))
    assert np.array_equal(after.qt, before.qt)
    assert np.array_equal(after.samp_factor, before.samp_factor)
    assert after.progressive_mode == before.progressive_mode
    for name in ("Y",) if grey else ("Y", "Cb", "Cr"):
        old, new = getattr(before, name), getattr(after, name)
        of = (1, 1)
        if name != "Y":
            of = {0: (1, 1), 1: (1, 2), 2: (2, 2)}[options["subsampling"]]
        touched = blocks_touched(where, old.shape[:2], of)
        assert np.array_equal(new[~touched], old[~touched]), name
        assert 0 < touched.sum() < touched.size
    says = told(photo)
    assert says["icc"] == icc
    assert says["xmp"]
    assert told(output) == says
    old, new = seen(photo).astype(int), seen(output).astype(int)
    inside = box_mask(*mask.shape, 40, 25, 65, 52)
    far = ~box_mask(*mask.shape, 35 - 18, 20 - 18, 70 + 18, 57 + 18)
    assert np.array_equal(new[far], old[far])
    assert np.abs(new[inside] - [128, 128, 128, 255]).mean() <= 8
    assert np.abs(old[inside] - [128, 128, 128, 255]).mean() > 15


@pytest.mark.parametrize("kind", ["plain", "adobe", "tiff"])
def test_cmyk_becomes_srgb_and_says_so(tmp_path: Path, kind: str) -> None:
    # Cyan, magenta, yellow, black: red above, dark grey below.
    inks = np.zeros((48, 64, 4), np.uint8)
    inks[:24, :, 1:3] = 255
    inks[24:, :, 3] = 200
    suffix = ".tif" if kind == "tiff" else ".jpg"
    photo, output = tmp_path / f"photo{suffix}", tmp_path / f"out{suffix}"
    if kind == "plain":
        image = pyvips.Image.new_from_array(inks).copy(interpretation="cmyk")
        image.write_to_file(str(photo), Q=95)
    else:
        Image.fromarray(inks, "CMYK").save(photo)
    mask = box_mask(48, 64, 4, 4, 12, 12)
    report = fill(photo, mask, output, value=1.0)
    assert any("CMYK becomes sRGB" in note for note in report.notes)
    with Image.open(output) as image:
        assert image.mode == "RGB"
        after = np.asarray(image).astype(int)
    red, dark, white = after[18, 40], after[40, 40], after[8, 8]
    assert red[0] > 180
    assert max(red[1:]) < 90
    assert dark.max() < 130
    assert np.ptp(dark) < 25
    assert white.min() > 235


def test_jpeg_that_stores_rgb(tmp_path: Path) -> None:
    photo, output = tmp_path / "photo.jpg", tmp_path / "out.jpg"
    Image.fromarray(picture(48, 64, 3)).save(photo, keep_rgb=True, quality=95)
    mask = box_mask(48, 64, 4, 4, 12, 12)
    report = fill(photo, mask, output)
    assert any("encoded anew" in note for note in report.notes)
    old, new = seen(photo).astype(int), seen(output).astype(int)
    assert np.abs(new - old)[20:].mean() < 3
    assert np.abs(new[6:10, 6:10, :3] - 128).max() < 16


# ---------------------------------------------------------------- lossy WebP, AVIF


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("bands", [3, 4])
def test_lossy_webp(tmp_path: Path, bands: int, orientation: int) -> None:
    photo, output = tmp_path / "photo.webp", tmp_path / "out.webp"
    icc = profile()
    source = picture(HEIGHT, WIDTH, bands)
    save(photo, source, orientation=orientation, icc=icc, xmp=XMP, Q=80, alpha_q=50)
    mask = box_mask(*upright_size(orientation), 3, 20, 17, 44)
    report = fill(photo, mask, output)
    assert any("quality" in note for note in report.notes)
    assert told(output) == told(photo)
    assert told(output)["icc"] == icc
    old, new = seen(photo).astype(int), seen(output).astype(int)
    assert np.array_equal(new[..., 3], old[..., 3])
    opaque = old[..., 3] > 0
    assert np.abs(new - old)[~mask & opaque].mean() < 6
    assert np.abs(new[6:14, 24:40, :3] - 128).max() < 16
    assert np.abs(old[6:14, 24:40, :3] - 128).mean() > 15


@pytest.mark.parametrize("depth", [8, 10, 12])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_avif(tmp_path: Path, bands: int, depth: int) -> None:
    photo, output = tmp_path / "photo.avif", tmp_path / "out.avif"
    icc = profile("GRAY" if bands < 3 else "RGB")
    save(photo, picture(HEIGHT, WIDTH, bands, 8 if depth == 8 else 16), orientation=1, icc=icc, xmp=XMP,
         bitdepth=depth, Q=80, effort=2)  # fmt: skip
    mask = box_mask(HEIGHT, WIDTH, 3, 20, 17, 44)
    report = fill(photo, mask, output)
    assert any("AVIF" in note for note in report.notes)
    says = told(photo)
    assert told(output) == says
    assert says["icc"] == (icc if bands > 1 else None)
    before, after = (pyvips.Image.heifload(str(path)) for path in (photo, output))
    assert after.get("bits-per-sample") == before.get("bits-per-sample") == depth
    assert after.bands == before.bands
    scale = 1 if depth == 8 else 257
    old, new = before.numpy().astype(int) // scale, after.numpy().astype(int) // scale
    if bands == 4:
        assert np.array_equal(new[..., 3], old[..., 3])
        assert np.array_equal(new[~mask], old[~mask])
    assert np.abs(new - old)[~mask].mean() < 4
    assert np.abs(new.reshape(HEIGHT, WIDTH, -1)[6:14, 24:40, :3] - 128).max() < 16


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_turned_avif_is_filled_where_a_person_sees_it(tmp_path: Path, orientation: int) -> None:
    photo, output = tmp_path / "photo.avif", tmp_path / "out.avif"
    save(photo, picture(HEIGHT, WIDTH, 3), orientation=orientation, Q=90, effort=1)
    old = seen(photo).astype(int)
    mask = box_mask(*old.shape[:2], 3, 20, 17, 44)
    fill(photo, mask, output)
    new = seen(output).astype(int)
    assert new.shape == old.shape
    assert np.abs(new - old)[~mask].mean() < 6
    assert np.abs(new[6:14, 24:40, :3] - 128).max() < 16


# ---------------------------------------------------------------- other formats

SUFFIXES = (".jpg", ".png", ".webp", ".tif", ".avif")
SOURCES = [
    (".jpg", 3, 8, {"Q": 95}),
    (".jpg", 1, 8, {"Q": 95}),
    (".png", 4, 16, {}),
    (".png", 2, 8, {}),
    (".webp", 4, 8, {"lossless": True, "exact": True}),
    (".webp", 3, 8, {"Q": 90}),
    (".tif", 3, 16, {}),
    (".tif", 1, 16, {}),
    (".avif", 3, 16, {"bitdepth": 10, "Q": 90, "effort": 1}),
    (".avif", 4, 8, {"Q": 90, "effort": 1}),
]


@pytest.mark.parametrize("orientation", [1, 6, 7])
@pytest.mark.parametrize(
    ("case", "target"), [(case, target) for case in SOURCES for target in SUFFIXES if target != case[0]], ids=name_of
)
def test_the_suffix_chooses_another_format(tmp_path: Path, case: tuple, target: str, orientation: int) -> None:
    suffix, bands, depth, options = case
    icc = profile("GRAY" if bands < 3 else "RGB")
    photo, output = tmp_path / f"photo{suffix}", tmp_path / f"out{target}"
    save(photo, picture(HEIGHT, WIDTH, bands, depth), orientation=orientation, icc=icc, xmp=XMP, **options)
    old = seen_in_8_bits(photo)
    mask = box_mask(*old.shape[:2], 3, 20, 17, 44)

    report = fill(photo, mask, output)

    with Image.open(output) as image:
        assert image.format == {".jpg": "JPEG", ".tif": "TIFF"}.get(target, target[1:].upper())
        assert image.getexif().get(0x0112, 1) == 1
        # libvips, which makes the TIFF photos here, gives them no camera.
        assert image.getexif().get(0x010F) == (None if suffix == ".tif" else "A camera")
        grey_lost = bands < 3 and target in (".webp", ".avif")
        assert image.info.get("icc_profile") == (None if grey_lost else icc)
        assert (image.size[1], image.size[0]) == old.shape[:2]
    new = seen_in_8_bits(output)
    notes = " ".join(report.notes)
    assert ("16 become 8" in notes) == (depth == 16 and target in (".jpg", ".webp"))
    assert ("grey profile" in notes) == grey_lost
    assert ("alpha" in notes) == (bands in (2, 4) and target == ".jpg")
    middle = 128
    if grey_lost:
        middle = srgb_of_grey(np.array(127.5))
        old[..., :3] = srgb_of_grey(old[..., :3])
    elif target == ".jpg":
        old = over_white(old)
    elif bands in (2, 4):
        assert np.abs(new[..., 3] - old[..., 3]).max() <= (1 if depth == 16 else 0)
    error = np.abs(new - old)[~mask & (old[..., 3] > 0)]
    lossless = target in (".png", ".tif", ".webp")
    assert error.mean() < (0.6 if lossless else 6)
    if lossless and not grey_lost and suffix in (".png", ".tif", ".webp"):
        assert error.max() <= (1 if depth == 16 else 0)
    if target != ".jpg" or bands in (1, 3):
        assert np.abs(new[6:14, 24:40, :3] - middle).max() < 16


def srgb_of_grey(values: np.ndarray) -> np.ndarray:
    """Values of the grey profile's gamma 1.8 as sRGB has them (IEC 61966-2-1)."""
    light = (values / 255) ** 1.8
    return np.rint(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)).astype(int)


def over_white(image: np.ndarray) -> np.ndarray:
    share = image[..., 3:] / 255
    flat = np.rint(image[..., :3] * share + 255 * (1 - share)).astype(int)
    return np.concatenate([flat, np.full_like(image[..., 3:], 255)], axis=2)


def seen_in_8_bits(path: Path) -> np.ndarray:
    """RGBA of 8 bits, upright, of any file: Pillow's reading, or OpenCV's where Pillow would cut 16 bits."""
    if path.suffix not in (".png", ".tif"):
        return seen(path).astype(int)
    samples = read(path)
    if path.suffix == ".tif" and samples.shape[2] > 2:
        samples = samples[..., [2, 1, 0, 3][: samples.shape[2]]]
    if samples.dtype == np.uint16:
        samples = np.rint(samples / 257).astype(np.uint8)
    if samples.shape[2] == 1:
        samples = cv2.cvtColor(samples, cv2.COLOR_GRAY2RGBA)
    elif samples.shape[2] == 2:
        samples = samples[..., [0, 0, 0, 1]]
    else:
        samples = cv2.cvtColor(samples, cv2.COLOR_BGR2RGBA if samples.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    return upright(samples, told(path)["orientation"] or 1).astype(int)


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize(("source", "target"), [(".png", ".tif"), (".tif", ".png")])
def test_16_bits_stay_when_the_format_changes(tmp_path: Path, bands: int, source: str, target: str) -> None:
    samples = picture(HEIGHT, WIDTH, bands, 16)
    photo = save(tmp_path / f"photo{source}", samples)
    output = tmp_path / f"out{target}"
    mask = box_mask(HEIGHT, WIDTH, 3, 20, 17, 44)
    fill(photo, mask, output)
    after = pyvips.Image.new_from_file(str(output)).numpy().reshape(samples.shape)
    assert after.dtype == np.uint16
    assert np.array_equal(after[~mask], samples[~mask])


# ---------------------------------------------------------------- previews


def previewed(folder: Path, suffix: str) -> Path:
    image, block = Image.fromarray(picture(HEIGHT, WIDTH, 3)), exif(1, thumbnail())
    photo = folder / f"photo{suffix}"
    if suffix == ".avif":
        save(photo, picture(HEIGHT, WIDTH, 3), told=block)
    else:
        image.save(photo, exif=b"Exif\0\0" + block if suffix == ".jpg" else block)
    assert thumbnail() in photo.read_bytes()
    return photo


@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif"])
def test_no_thumbnail_shows_what_was_removed(tmp_path: Path, suffix: str, target: str) -> None:
    photo, output = previewed(tmp_path, suffix), tmp_path / f"out{target}"
    report = fill(photo, box_mask(HEIGHT, WIDTH, 3, 20, 17, 44), output)
    data = output.read_bytes()
    small = thumbnail()
    assert small not in data
    # No part of its scan either.
    scan = small[small.index(b"\xff\xda") + 14 :]
    assert all(scan[at : at + 24] not in data for at in range(0, len(scan) - 24, 8))
    assert any("EXIF thumbnail" in note for note in report.notes)
    with Image.open(output) as image:
        assert image.getexif()[0x010F] == "A camera"
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"


def test_the_mpf_picture_behind_a_jpeg_goes(tmp_path: Path) -> None:
    photo, output = tmp_path / "photo.jpg", tmp_path / "out.jpg"
    small = Image.new("RGB", (40, 30), (250, 10, 20))
    Image.fromarray(picture(HEIGHT, WIDTH, 3)).save(photo, "MPO", save_all=True, append_images=[small])
    assert photo.read_bytes().count(b"\xff\xd8\xff") == 2
    report = fill(photo, box_mask(HEIGHT, WIDTH, 3, 20, 17, 44), output)
    assert output.read_bytes().count(b"\xff\xd8\xff") == 1
    assert any("left out" in note for note in report.notes)
    assert Image.open(io.BytesIO(output.read_bytes())).format == "JPEG"


# ---------------------------------------------------------------- what else a PNG says


def test_png_text_time_and_density_stay(tmp_path: Path) -> None:
    photo, output = tmp_path / "photo.png", tmp_path / "out.png"
    rows = picture(HEIGHT, WIDTH, 3).tobytes()
    said = {
        b"gAMA": (45455).to_bytes(4, "big"),
        b"pHYs": (3000).to_bytes(4, "big") + (2000).to_bytes(4, "big") + b"\1",
        b"tIME": b"\x07\xe8\x05\x06\x07\x08\x09",
        b"tEXt": b"Title\0Two boats",
    }
    before = [png_chunk(name, data) for name, data in said.items()]
    photo.write_bytes(png(WIDTH, HEIGHT, kind=2, rows=rows, before=before))
    fill(photo, box_mask(HEIGHT, WIDTH, 3, 20, 17, 44), output)
    found = png_chunks(output.read_bytes())
    assert {name: found.get(name) for name in said} == said
