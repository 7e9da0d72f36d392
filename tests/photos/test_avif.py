"""What libvips leaves out of AVIF files: colours described by numbers, limited grey, and the EXIF block as it is."""

import io
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms, features
from PIL.PngImagePlugin import PngInfo

from inpainter.core import InputError
from inpainter.photos.avif import avif_colours, with_exif
from inpainter.photos.cicp import in_own_colours, profile_for
from inpainter.photos.photo import open_photo
from makers import XMP, box_mask, profile, save
from photo_readers import fill
from photos.metadata_blocks import exif, tags_of

pytestmark = pytest.mark.skipif(not features.check("avif"), reason="this Pillow writes no AVIF")
HEIGHT, WIDTH = 64, 128
MASK = box_mask(HEIGHT, WIDTH, 8, 8, 24, 24)


def steps(bands: int = 3) -> np.ndarray:
    """Flat areas of 32 x 32 whose levels reach from 0 to 255."""
    levels = np.array([[0, 255, 60, 200], [128, 90, 16, 235]], np.uint8).repeat(32, 0).repeat(32, 1)
    return levels if bands == 1 else np.dstack([levels, levels[::-1], levels[:, ::-1]])


def avif(path: Path, samples: np.ndarray, cicp: tuple[int, int, int] | None = None, **options: Any) -> Path:
    """An AVIF as Pillow writes it; with other numbers in its description of colours."""
    out = io.BytesIO()
    # Decoders smooth halved chroma each in its own way.
    Image.fromarray(samples).save(out, "AVIF", quality=95, **{"subsampling": "4:4:4"} | options)
    data = out.getvalue()
    if cicp:
        at = data.index(b"nclx") + 4
        data = data[:at] + struct.pack(">HHH", *cicp) + data[at + 6 :]
    path.write_bytes(data)
    return path


def shown(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def info(path: Path) -> dict:
    with Image.open(path) as image:
        image.load()
        return dict(image.info)


@pytest.mark.parametrize(
    ("cicp", "red", "green", "blue", "at_half"),
    [
        # xy of the primaries, and the light of half the signal: sRGB's curve, and the inverse of BT.709's.
        ((12, 13, 6), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06), 0.21404),
        ((9, 14, 9), (0.708, 0.292), (0.17, 0.797), (0.131, 0.046), 0.25972),
        ((9, 1, 9), (0.708, 0.292), (0.17, 0.797), (0.131, 0.046), 0.25972),
        ((12, 4, 6), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06), 0.5**2.2),
    ],
)
def test_wide_colours_become_a_profile(
    tmp_path: Path, cicp: tuple, red: tuple, green: tuple, blue: tuple, at_half: float
) -> None:
    photo, output = avif(tmp_path / "photo.avif", steps(), cicp), tmp_path / "out.avif"
    fill(photo, MASK, output)
    block = info(output)["icc_profile"]
    found = ImageCms.ImageCmsProfile(io.BytesIO(block))
    # What the profile says of D50 is adapted back to the white of the primaries (D65) by the matrix that it names.
    back = np.linalg.inv(np.array(found.profile.chromatic_adaptation[0]))
    colours = found.profile.red_primary, found.profile.green_primary, found.profile.blue_primary
    for (xyz, _), expected in zip(colours, (red, green, blue), strict=True):
        at = back @ np.array(xyz)
        assert at[:2] / at.sum() == pytest.approx(expected, abs=2e-4)
    assert sum(np.array(xyz) for xyz, _ in colours) == pytest.approx((0.9642, 1, 0.8249), abs=2e-4)
    half = ImageCms.applyTransform(
        Image.new("RGB", (1, 1), (128, 128, 128)),
        ImageCms.buildTransform(found, ImageCms.createProfile("sRGB"), "RGB", "RGB"),
    ).getpixel((0, 0))
    level = at_half * (128 / 127.5) ** 2.1
    expected = 255 * (1.055 * level ** (1 / 2.4) - 0.055)
    assert np.abs(np.array(half) - expected).max() < 2
    # And the samples are those that another decoder makes of the source.
    before, after = (shown(path).astype(int) for path in (photo, output))
    assert np.abs(after - before)[~MASK].max() <= 6


def test_wide_colours_reach_other_formats(tmp_path: Path) -> None:
    photo = avif(tmp_path / "photo.avif", steps(), (12, 13, 6))
    for suffix in (".jpg", ".png", ".webp", ".tif"):
        fill(photo, MASK, tmp_path / f"out{suffix}")
        assert info(tmp_path / f"out{suffix}")["icc_profile"] == profile_for(12, 13)


def test_a_profile_in_the_file_counts_more(tmp_path: Path) -> None:
    photo = avif(tmp_path / "photo.avif", steps(), icc_profile=profile())
    fill(photo, MASK, tmp_path / "out.avif")
    assert info(tmp_path / "out.avif")["icc_profile"] == profile()


@pytest.mark.parametrize("cicp", [(1, 13, 6), (2, 2, 2), (1, 1, 1), (1, 6, 6)])
def test_srgb_gets_no_profile(tmp_path: Path, cicp: tuple) -> None:
    photo = avif(tmp_path / "photo.avif", steps(), cicp)
    fill(photo, MASK, tmp_path / "out.avif")
    assert "icc_profile" not in info(tmp_path / "out.avif")


@pytest.mark.parametrize(("cicp", "name"), [((9, 16, 9), "PQ"), ((9, 18, 9), "HLG"), ((10, 13, 6), "CICP 10/13")])
def test_hdr_is_refused_with_a_remedy(tmp_path: Path, cicp: tuple, name: str) -> None:
    photo = avif(tmp_path / "photo.avif", steps(), cicp)
    with pytest.raises(InputError, match=rf"photo\.avif: its .*{name}.*export it as") as caught:
        fill(photo, MASK, tmp_path / "out.avif")
    assert caught.value.code == "unsupported"
    assert not (tmp_path / "out.avif").exists()


@pytest.mark.parametrize("range", ["full", "limited"])
@pytest.mark.parametrize("subsampling", ["4:0:0", "4:4:4"])
def test_grey_keeps_its_levels(tmp_path: Path, subsampling: str, range: str) -> None:
    photo = avif(tmp_path / "photo.avif", steps(1), subsampling=subsampling, range=range)
    output = tmp_path / "out.avif"
    report = fill(photo, MASK, output)
    assert any("three equal channels" in note for note in report.notes) == (subsampling == "4:0:0")
    before = shown(photo).reshape(HEIGHT, WIDTH, -1)[..., 0].astype(int)
    after = shown(output).astype(int)
    assert np.ptp(after, axis=2).max() == 0
    assert np.abs(after[..., 0] - before)[~MASK].max() <= 5
    assert np.abs(after[..., 0] - steps(1))[~MASK].max() <= 6


@pytest.mark.parametrize("block", [b"", exif("<"), exif(">", maker=bytes(range(256)) * 40)], ids=len)
@pytest.mark.parametrize("xmp", [b"", XMP], ids=len)
@pytest.mark.parametrize("icc", [b"", profile()], ids=len)
@pytest.mark.parametrize("bands", [3, 4])
def test_exif_is_the_source_s_own_and_other_readers_open_it(
    tmp_path: Path, bands: int, icc: bytes, xmp: bytes, block: bytes
) -> None:
    photo, output = tmp_path / "photo.png", tmp_path / "out.avif"
    samples = steps() if bands == 3 else np.dstack([steps(), steps(1)])
    text = PngInfo()
    if xmp:
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    Image.fromarray(samples).save(photo, exif=upright_exif(block) or None, icc_profile=icc or None, pnginfo=text)
    fill(photo, MASK, output)
    again = tmp_path / "again.avif"
    fill(output, MASK, again)
    for path in (output, again):
        assert cv2.imread(str(path)).shape == (HEIGHT, WIDTH, 3)
        with Image.open(path) as image:
            found = image.info.get("exif", b"").removeprefix(b"Exif\0\0")
            assert image.size == (WIDTH, HEIGHT)
            assert image.info.get("icc_profile", b"") == icc
        assert tags_of(found) == tags_of(upright_exif(block)) if block else not found
        image = pyvips.Image.heifload(str(path))
        assert (image.get("exif-data") if block else b"") == found
        assert image.avg() > 0


def upright_exif(block: bytes) -> bytes:
    """What a fill keeps: without rotation, because AVIF stands upright."""
    turned = bytearray(block)
    if not block:
        return b""
    order = "<" if block[:2] == b"II" else ">"
    count = struct.unpack_from(order + "H", block, 8)[0]
    for at in range(10, 10 + 12 * count, 12):
        if struct.unpack_from(order + "H", block, at)[0] == 0x0112:
            struct.pack_into(order + "H", turned, at + 8, 1)
    return bytes(turned)


def test_colours_of_a_file_are_read(tmp_path: Path) -> None:
    path = avif(tmp_path / "a.avif", steps(1), (9, 14, 9), subsampling="4:0:0", range="limited")
    assert avif_colours(path.read_bytes()) == (True, 9, 14, 9, False)
    # The alpha is an item of its own, with one channel.
    path = avif(tmp_path / "b.avif", np.dstack([steps(), steps(1)]), (12, 13, 6))
    assert avif_colours(path.read_bytes()) == (False, 12, 13, 6, True)


@pytest.mark.parametrize("cut", range(20, 300, 7))
def test_a_damaged_description_is_one_line(tmp_path: Path, cut: int) -> None:
    data = bytearray(avif(tmp_path / "a.avif", steps()).read_bytes())
    data[cut : cut + 3] = b"\xff\xff\xff"
    (tmp_path / "a.avif").write_bytes(data)
    said = ""
    try:
        open_photo(tmp_path / "a.avif").check()
    except InputError as error:
        said = str(error)
    assert not said or ("a.avif" in said and "\n" not in said)


def test_ten_bits_of_limited_grey(tmp_path: Path) -> None:
    source = avif(tmp_path / "a.avif", steps(1), subsampling="4:0:0", range="limited").read_bytes()
    # libvips hands 10 bits out as the highest of 16.
    image = pyvips.Image.new_from_array(np.array([[64, 300, 940, 1000]], np.uint16)[..., None].repeat(3, 2) << 6)
    image = image.copy(interpretation="rgb16")
    image.set_type(pyvips.GValue.gint_type, "bits-per-sample", 10)
    levels = in_own_colours(image, source).numpy()[0, :, 0] >> 6
    assert levels.tolist() == [0, 276, 1023, 1023]


def test_lossless_stays_lossless(tmp_path: Path) -> None:
    photo, output = tmp_path / "photo.avif", tmp_path / "out.avif"
    save(photo, np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8), lossless=True)
    report = fill(photo, MASK, output)
    assert report.notes == ()
    before, after = (shown(path) for path in (photo, output))
    assert np.array_equal(before[~MASK], after[~MASK])


def test_an_exif_block_of_any_length(tmp_path: Path) -> None:
    plain = pyvips.Image.black(64, 48, bands=3).copy(interpretation="srgb")
    written = plain.heifsave_buffer(compression="av1", effort=0, keep="none")
    for length in (0, 1, 60_000, 3_000_000):
        data = with_exif(written, b"II*\0\x08\0\0\0\0\0\0\0\0\0" + bytes(length))
        assert len(Image.open(io.BytesIO(data)).info["exif"]) >= length
        (tmp_path / "a.avif").write_bytes(data)
        assert cv2.imread(str(tmp_path / "a.avif")) is not None


def test_a_file_of_another_layout_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inpainter.photos.avif._PLACES", b"other!")
    photo = save(tmp_path / "photo.png", steps(), orientation=1)
    report = fill(photo, MASK, tmp_path / "out.avif")
    assert "left out: EXIF" in report.notes
    assert shown(tmp_path / "out.avif").shape == steps().shape


def test_bytes_behind_the_picture_do_not_matter(tmp_path: Path) -> None:
    # Some phones put their own data there.
    photo = avif(tmp_path / "photo.avif", steps(), (12, 13, 6))
    photo.write_bytes(photo.read_bytes() + b"SEFH" + bytes(range(40)))
    fill(photo, MASK, tmp_path / "out.avif")
    assert info(tmp_path / "out.avif")["icc_profile"] == profile_for(12, 13)


@pytest.mark.parametrize("alpha", [False, True])
def test_a_grey_profile_becomes_srgb_which_is_said(tmp_path: Path, alpha: bool) -> None:
    planes = [steps(1)] * 3 + [np.full((HEIGHT, WIDTH), 100, np.uint8)] * alpha
    photo = avif(tmp_path / "photo.avif", np.dstack(planes), icc_profile=profile("GRAY"))
    report = fill(photo, MASK, tmp_path / "out.avif")
    assert any("its tones become sRGB's" in note for note in report.notes)
    assert "icc_profile" not in info(tmp_path / "out.avif")
    light = (steps(1) / 255) ** 1.8
    tones = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    after = shown(tmp_path / "out.avif").astype(int)
    assert np.abs(after[..., :3] - tones[..., None])[~MASK].max() <= 4
    assert not alpha or (after[..., 3] == 100).all()
