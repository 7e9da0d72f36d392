"""HEIC, what phones make, is read, and written as something else.

`phone.heic` was made by libheif's heif-enc: 64 x 48 pixels, red rising to the right, green downwards, with the EXIF
block and the profile of `makers`; then turned by 90 degrees, as phones do it (a box `irot`, and orientation 6 in EXIF).
"""

import builtins
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import inpainter
from inpainter.core import InputError
from inpainter.photos.cicp import profile_for
from inpainter.photos.photo import open_photo
from makers import CAMERA, EXPOSED, box_mask, exif, picture, profile, save, save_mask, thumbnail
from photo_readers import fill

PHONE = Path(__file__).with_name("phone.heic")
HEIGHT, WIDTH = 64, 48
MASK = box_mask(HEIGHT, WIDTH, 8, 8, 24, 24)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pytest.importorskip("pi_heif", reason="needs the extra [heic]")
    path = tmp_path / "photo.heic"
    path.write_bytes(PHONE.read_bytes())
    return path


def expected() -> np.ndarray:
    y, x = np.mgrid[:48, :64]
    return np.rot90(np.dstack([40 + x * 3, 60 + y * 3, 200 - x - y]), -1)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_it_is_written_in_another_format_with_all_that_it_says(photo: Path, suffix: str) -> None:
    output = photo.with_name(f"out{suffix}")
    report = fill(photo, MASK, output)
    assert any("HEIC is read only" in note for note in report.notes)
    with Image.open(output) as image:
        after = np.asarray(image.convert("RGB")).astype(int)
        assert image.info["icc_profile"] == profile()
        tags = image.getexif()
    assert (tags[0x010F], tags.get(0x0112, 1)) == (CAMERA, 1)
    assert np.abs(after - expected())[~MASK].max() <= 12
    assert np.abs(after[12:20, 12:20] - 128).max() <= 12


def test_by_default_it_becomes_a_jpeg(photo: Path) -> None:
    mask = save_mask(photo.with_name("mask.png"), MASK)
    with pytest.warns(inpainter.FillNote, match="HEIC is read only"):
        assert inpainter.fill(photo, mask, "telea") == photo.with_name("photo-filled.jpg")
    with pytest.warns(inpainter.FillNote):
        assert inpainter.fill(photo.read_bytes(), mask, "telea")[:2] == b"\xff\xd8"
    with pytest.raises(InputError, match=r"out\.heic: HEIC is read only; use \.jpg"):
        inpainter.fill(photo, mask, "telea", output=photo.with_name("out.heic"))


def test_without_the_extra_one_line_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name == "pi_heif":
            raise ImportError("no such module", name=name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    path = tmp_path / "IMG.HEIC"
    path.write_bytes(PHONE.read_bytes())
    with pytest.raises(InputError, match=r"IMG\.HEIC: a HEIC photo needs pi_heif.*pip install .*\[heic\]") as caught:
        open_photo(path)
    assert caught.value.code == "missing-extra"


@pytest.mark.parametrize("damage", [slice(300, None), slice(900, None), slice(500, 520)])
def test_a_damaged_one_is_one_line(photo: Path, damage: slice) -> None:
    data = bytearray(photo.read_bytes())
    data[damage] = b"" if damage.stop is None else bytes(20)
    photo.write_bytes(data)
    said = ""
    try:
        open_photo(photo)
    except InputError as error:
        said = str(error)
    assert not said or ("photo.heic" in said and "\n" not in said)
    assert said or damage.stop is not None


def test_an_item_whose_type_is_no_text_is_refused(photo: Path) -> None:
    # pi_heif itself dies of it, and takes the whole run along.
    data = photo.read_bytes()
    at = data.index(b"infe", data.index(b"Exif") - 20)
    photo.write_bytes(data[: at + 12] + b"E\xeaif" + data[at + 16 :])
    run = "import sys, pathlib\nfrom inpainter.photos.photo import open_photo\nopen_photo(pathlib.Path(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", run, str(photo)], capture_output=True, text=True)
    assert "InputError" in done.stderr
    assert "photo.heic: damaged" in done.stderr


def test_grey_of_more_than_8_bits_and_what_it_says_in_several_lines(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pi_heif

    class Grey:
        size, mode, info = (WIDTH, HEIGHT), "I;16", {}
        __array_interface__ = picture(HEIGHT, WIDTH, 1, 16)[..., 0].__array_interface__

    class File(list):
        primary_index = 0

    monkeypatch.setattr(pi_heif, "open_heif", lambda *_, **__: File([Grey()]))
    opened = open_photo(photo)
    assert (opened.colours, opened.depth, opened.alpha) == (1, 16, False)

    def failing(*_: Any, **__: Any) -> None:
        raise ValueError("more than\nthe limit\n")

    monkeypatch.setattr(pi_heif, "open_heif", failing)
    with pytest.raises(InputError, match=r"damaged or cut short \(more than the limit\)"):
        open_photo(photo)


def test_a_long_exif_block_fits_into_a_jpeg_without_its_thumbnail(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pi_heif

    real = pi_heif.open_heif

    def with_long_exif(*arguments: Any, **options: Any) -> Any:
        file = real(*arguments, **options)
        file[0].info["exif"] = b"Exif\0\0" + exif(1, thumbnail() + bytes(70_000))
        return file

    monkeypatch.setattr(pi_heif, "open_heif", with_long_exif)
    report = fill(photo, MASK, photo.with_name("out.jpg"))
    assert not any("too long" in note for note in report.notes)
    with Image.open(photo.with_name("out.jpg")) as image:
        assert (image.getexif()[0x010F], image.getexif().get_ifd(0x8769)[0x9003]) == (CAMERA, EXPOSED)


def test_larger_than_the_limit(photo: Path) -> None:
    with pytest.raises(InputError, match="over the limit"):
        open_photo(photo, max_megapixels=0.001)


def test_a_heic_in_a_folder(photo: Path, tmp_path: Path) -> None:
    from conftest import Constant
    from inpainter.engine.batch import FillOptions
    from inpainter.engine.folder import Run, fill_folder

    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    photo.rename(photos / "a.heic")
    (photos / "b.heic").write_bytes(PHONE.read_bytes())
    save(photos / "b.jpg", picture(HEIGHT, WIDTH))
    mask = save_mask(tmp_path / "mask.png", MASK)
    for status in ("filled", "skipped"):
        results = fill_folder(photos, mask, Run(out, Constant(), FillOptions(), "constant"))
        assert [(one.photo, one.output, one.status) for one in results] == [
            ("a.heic", "a.jpg", status), ("b.heic", "b.heic.jpg", status), ("b.jpg", "b.jpg", status)
        ]  # fmt: skip
    assert sorted(path.suffix for path in out.iterdir() if path.suffix != ".jsonl") == [".jpg"] * 3


def test_colours_described_by_numbers(photo: Path) -> None:
    data = photo.read_bytes()
    # The profile's box becomes one of numbers: Display P3.
    at = data.index(b"colrprof") + 4
    photo.write_bytes(data[:at] + b"nclx" + struct.pack(">HHHB", 12, 13, 6, 128) + data[at + 11 :])
    fill(photo, MASK, photo.with_name("out.png"))
    with Image.open(photo.with_name("out.png")) as image:
        assert image.info["icc_profile"] == profile_for(12, 13)


def test_a_sequence_and_an_unknown_codec_are_named(photo: Path) -> None:
    data = PHONE.read_bytes()
    photo.write_bytes(data[:8] + b"hevc" + data[12:])
    with pytest.raises(InputError, match="several pictures"):
        open_photo(photo)
    # A still picture first, and a sequence beside it.
    photo.write_bytes(data.replace(b"mif1heicmiaf", b"mif1heichevc"))
    assert (open_photo(photo).height, open_photo(photo).width) == (HEIGHT, WIDTH)
    photo.write_bytes(data.replace(b"hvc1", b"xyz1"))
    with pytest.raises(InputError, match=r"photo\.heic: holds no picture .* supported; export it as") as caught:
        open_photo(photo)
    assert caught.value.code == "unsupported"
