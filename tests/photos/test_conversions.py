"""A suffix chooses another format; previews go on the way, whatever the format."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

import inpainter
from conftest import Constant
from inpainter.core import FillNote, InputError
from inpainter.engine.batch import FillOptions, fill_file
from inpainter.engine.folder import Run, fill_files
from inpainter.photos.photo import open_photo
from makers import (
    XMP,
    box_mask,
    exif,
    picture,
    png,
    png_chunk,
    png_chunks,
    profile,
    save,
    save_mask,
    thumbnail,
    upright,
)  # fmt: skip
from photo_readers import (
    HEIGHT,
    WIDTH,
    fill,
    name_of,
    read,
    seen,
    told,
)

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


# ---------------------------------------------------------------- what a name says, and turning


ORIENTED = {
    "attribute": b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>',
    "element": b'<rdf:Description xmlns:t="http://ns.adobe.com/tiff/1.0/"><t:Orientation> 6 </t:Orientation>'
    b"</rdf:Description>",
}


@pytest.mark.parametrize("form", ORIENTED)
@pytest.mark.parametrize("target", [".jpg", ".webp", ".tif", ".avif", ".png"])
def test_xmp_says_no_other_orientation_than_the_pixels(tmp_path: Path, target: str, form: str) -> None:
    packet = XMP.replace(b"</rdf:RDF>", ORIENTED[form] + b"</rdf:RDF>")
    photo = save(tmp_path / "photo.png", picture(HEIGHT, WIDTH), orientation=6, xmp=packet)
    output = tmp_path / f"out{target}"
    fill(photo, box_mask(WIDTH, HEIGHT, 3, 20, 17, 44), output)
    kept, expected = pyvips.Image.new_from_file(str(output)).get("xmp-data"), packet
    if target != ".png":
        expected = packet.replace(b'Orientation="6"', b'Orientation="1"').replace(b"> 6 <", b"> 1 <")
    assert kept == expected


@pytest.mark.parametrize("inside", [".png", ".webp", ".tif", ".avif"])
def test_the_default_output_has_the_suffix_of_what_the_file_holds(tmp_path: Path, inside: str) -> None:
    samples = picture(HEIGHT, WIDTH)
    photo = save(tmp_path / f"photo{inside}", samples).rename(tmp_path / "photo.jpg")
    mask = save_mask(tmp_path / "mask.png", box_mask(HEIGHT, WIDTH, 3, 20, 17, 44))
    with pytest.warns(FillNote) as notes:
        output = inpainter.fill(photo, mask, "telea")
    assert output == tmp_path / f"photo-filled{inside}"
    assert f"photo.jpg: is a {kind_of(inside)} file, in spite of its name" in [str(note.message) for note in notes]
    report = fill_file(photo, mask, tmp_path / "out.jpg", Constant())
    assert "the photo becomes JPEG, as the output's name says" in report.notes
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.format == "JPEG"
    # Of a folder of photos, too.
    (out,) = fill_files([photo], mask, Run(tmp_path / "filled", Constant(), FillOptions(), "constant"))
    assert out.output == f"photo{inside}"


def kind_of(suffix: str) -> str:
    return {".tif": "TIFF"}.get(suffix, suffix[1:].upper())


@pytest.mark.parametrize("source", [".jpg", ".webp", ".avif", ".png"])
@pytest.mark.parametrize("target", [".jpg", ".webp", ".avif"])
def test_encode_quality_sets_what_loses(tmp_path: Path, source: str, target: str) -> None:
    if source == target == ".jpg":
        Image.fromarray(picture(HEIGHT, WIDTH)).save(tmp_path / "photo.jpg", keep_rgb=True, quality=80)
        photo = tmp_path / "photo.jpg"
    else:
        photo = save(tmp_path / f"photo{source}", picture(HEIGHT, WIDTH))
    sizes, mask = [], box_mask(HEIGHT, WIDTH, 3, 20, 17, 44)
    for quality in (30, 60, 98):
        report = fill(photo, mask, tmp_path / f"{quality}{target}", encode_quality=quality)
        sizes.append((tmp_path / f"{quality}{target}").stat().st_size)
        assert (source != target) or any(f"at quality {quality}" in note for note in report.notes)
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("options", [{"encode_quality": 0}, {"encode_quality": 101}, {"encode_quality": 2.5},
                                     {"page": 0}, {"page": True}])  # fmt: skip
def test_options_out_of_range(options: dict) -> None:
    with pytest.raises(InputError, match="give a whole number from 1"):
        FillOptions(**options)


# ---------------------------------------------------------------- pages


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_page_of_a_tiff_is_filled_and_written_alone(tmp_path: Path, order: str, big: bool) -> None:
    photo, pages = tmp_path / "scan.tif", [picture(HEIGHT + 8 * number, WIDTH, seed=number) for number in range(3)]
    with tifffile.TiffWriter(photo, byteorder=order, bigtiff=big) as file:
        for number, page in enumerate(pages, 1):
            file.write(
                page, description=f"page {number}", photometric="rgb", resolution=(100 * number,) * 2, metadata=None
            )
    for number, page in enumerate(pages, 1):
        mask, output = box_mask(*page.shape[:2], 3, 20, 17, 44), tmp_path / f"{number}.tif"
        report = fill(photo, mask, output, page=number)
        assert f"page {number} of 3 is filled, and written without the others" in report.notes
        with tifffile.TiffFile(output) as file:
            assert len(file.pages) == 1
            assert file.pages.first.tags["ImageDescription"].value == f"page {number}"
            assert file.pages.first.tags["XResolution"].value[0] == 100 * number
            after = file.asarray()
        assert np.array_equal(after[~mask], page[~mask])
        fill(photo, ~mask & False, tmp_path / f"copy{number}.tif", page=number)
        with tifffile.TiffFile(tmp_path / f"copy{number}.tif") as file:
            assert len(file.pages) == 1
        fill(photo, mask, tmp_path / f"{number}.png", page=number)
        assert read(tmp_path / f"{number}.png").shape == page.shape
    with pytest.raises(InputError, match=r"scan\.tif: holds several pictures \(pages; choose with page=1 to page=3\)"):
        open_photo(photo)
    with pytest.raises(InputError, match=r"scan\.tif: has 3 pages, not page 4"):
        open_photo(photo, page=4)
    single = save(tmp_path / "one.png", picture())
    assert open_photo(single, page=1).pages == 1
    with pytest.raises(InputError, match=r"one\.png: has 1 page, not page 2"):
        open_photo(single, page=2)


@pytest.mark.parametrize("suffix", [".webp", ".tif", ".jpg"])
def test_a_damaged_profile_does_not_keep_a_photo_from_becoming_a_png(tmp_path: Path, suffix: str) -> None:
    icc = bytearray(profile())
    icc[3] ^= 2  # its length
    photo = save(tmp_path / f"photo{suffix}", picture(HEIGHT, WIDTH, 3), icc=bytes(icc))
    fill(photo, box_mask(HEIGHT, WIDTH, 3, 20, 17, 44), tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (WIDTH, HEIGHT)
