"""JPEGs that few programs write: filled, or refused in one line, and nothing on the terminal but our own notes."""

import io
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from makers import XMP, box_mask, exif, picture, upright
from photo_readers import fill, seen

MASK = box_mask(48, 64, 8, 16, 24, 40)


class Bits:
    """The bits of a scan, in which FF is stuffed."""

    def __init__(self) -> None:
        self.bits = ""

    def add(self, value: int, length: int) -> None:
        self.bits += format(value, f"0{length}b") if length else ""

    def number(self, value: int, length: int) -> None:
        """A difference or coefficient of so many bits (ISO/IEC 10918-1, F.1.2.1)."""
        self.add(value if value > 0 else value + (1 << length) - 1, length)

    def bytes(self) -> bytes:
        padded = self.bits + "1" * (-len(self.bits) % 8)
        return int(padded, 2).to_bytes(len(padded) // 8, "big").replace(b"\xff", b"\xff\0")


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def code_table(slot: int, symbols: list[int], length: int) -> bytes:
    """Codes of one length for all symbols, in their order."""
    counts = bytes(len(symbols) if size == length else 0 for size in range(1, 17))
    return segment(0xC4, bytes([slot]) + counts + bytes(symbols))


def frame(marker: int, height: int, width: int, components: int) -> bytes:
    parts = b"".join(bytes([number + 1, 0x11, 0]) for number in range(components))
    return segment(marker, struct.pack(">BHHB", 8, height, width, components) + parts)


def scan(components: int, end: bytes) -> bytes:
    return segment(0xDA, bytes([components]) + b"".join(bytes([number + 1, 0]) for number in range(components)) + end)


def lossless_jpeg(samples: np.ndarray) -> bytes:
    """SOF3 with the left neighbour as predictor (annex H)."""
    height, width, bands = samples.shape
    values, bits = samples.astype(int), Bits()
    for row in range(height):
        for column in range(width):
            before = values[row, column - 1] if column else values[row - 1, 0] if row else np.full(bands, 128)
            for difference in (values[row, column] - before).tolist():
                size = abs(difference).bit_length()
                bits.add(size, 4)
                bits.number(difference, size)
    head = b"\xff\xd8" + frame(0xC3, height, width, bands) + code_table(0, list(range(10)), 4)
    return head + scan(bands, b"\1\0\0") + bits.bytes() + b"\xff\xd9"


def jpeg_of_coefficients(blocks: list[tuple[int, int]]) -> bytes:
    """Grey, a column of blocks, each of a first coefficient and one wave."""
    bits, before = Bits(), 0
    for first, wave in blocks:
        size = abs(first - before).bit_length()
        bits.add(size, 5)
        bits.number(first - before, size)
        before = first
        if wave:
            bits.add(abs(wave).bit_length(), 5)
            bits.number(wave, abs(wave).bit_length())
        bits.add(0, 5)  # the end of the block
    head = b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64) + frame(0xC0, 8 * len(blocks), 8, 1)
    head += code_table(0, list(range(16)), 5) + code_table(0x10, list(range(16)), 5)
    return head + scan(1, b"\0\x3f\0") + bits.bytes() + b"\xff\xd9"


def encoded(samples: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(samples).save(out, "JPEG", **({"quality": 92} | options))
    return out.getvalue()


@pytest.mark.parametrize("bands", [1, 3])
def test_lossless_jpeg_is_encoded_again(tmp_path: Path, bands: int, capfd: pytest.CaptureFixture[str]) -> None:
    samples = picture(48, 64, bands)
    (tmp_path / "in.jpg").write_bytes(lossless_jpeg(samples))
    report = fill(tmp_path / "in.jpg", MASK, tmp_path / "out.jpg")
    assert re.search("encoded again, at quality .*its coding is lossless", report.notes[0])
    new = seen(tmp_path / "out.jpg")[..., :bands].astype(int)
    assert np.abs(new - samples)[~MASK].mean() < 4
    assert np.abs(new[10:20, 20:36] - 128).max() < 16
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("junk", [bytes(4), b"\0\xff\0\1", b"junk", b"\xff\xff\xff"])
def test_bytes_between_segments_are_skipped(tmp_path: Path, junk: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    plain = encoded(picture(), exif=b"Exif\0\0" + exif(1))
    for name, data in (("plain", plain), ("odd", plain[:20] + junk + plain[20:])):
        (tmp_path / f"{name}.jpg").write_bytes(data)
        assert fill(tmp_path / f"{name}.jpg", MASK, tmp_path / f"{name}-out.jpg").notes == ()
    assert (tmp_path / "odd-out.jpg").read_bytes() == (tmp_path / "plain-out.jpg").read_bytes()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("blocks", "fits"),
    [
        ([(100, 20), (-1024, 0), (1023, 1023), (0, -1023)], True),
        ([(100, 20), (0, 1024), (50, 0), (60, 0)], False),
        ([(100, 20), (0, -1024), (50, 0), (60, 0)], False),
        ([(100, 20), (0, 0), (1024, 0), (60, 0)], False),
        ([(100, 20), (0, 0), (-1025, 0), (60, 0)], False),
        ([(100, 20), (0, 30000), (50, 0), (-16000, 0)], False),
    ],
)
def test_coefficients_beyond_8_bit_are_not_carried(
    tmp_path: Path, blocks: list[tuple[int, int]], fits: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("jpeglib")
    photo, output = tmp_path / "in.jpg", tmp_path / "out.jpg"
    photo.write_bytes(jpeg_of_coefficients(blocks))
    mask = box_mask(8 * len(blocks), 8, 1, 1, 3, 3)
    notes = fill(photo, mask, output).notes
    assert [bool(re.search("beyond 8-bit", note)) for note in notes] == ([] if fits else [True])
    old, new = seen(photo).astype(int), seen(output).astype(int)
    assert np.abs(new - old)[8:].max() <= (0 if fits else 4)
    assert capfd.readouterr().err == ""


def test_what_libjpeg_says_of_damage_stays_off_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plain = encoded(picture())
    (tmp_path / "in.jpg").write_bytes(plain[:-2] + b"extra" + plain[-2:])
    fill(tmp_path / "in.jpg", MASK, tmp_path / "out.jpg")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "options", [{"dpi": (300, 300)}, {"exif": b"Exif\0\0" + exif(1)}, {"dpi": (72, 72), "exif": b"Exif\0\0" + exif(1)}]
)
def test_cmyk_keeps_its_density(tmp_path: Path, options: dict) -> None:
    photo, output = tmp_path / "in.jpg", tmp_path / "out.jpg"
    Image.fromarray(picture(bands=4), "CMYK").save(photo, "JPEG", **options)
    fill(photo, MASK, output)
    with Image.open(photo) as before, Image.open(output) as after:
        assert (before.mode, after.mode) == ("CMYK", "RGB")
        assert before.info["dpi"] == after.info["dpi"]
        assert after.getexif().get(0x011A) == before.getexif().get(0x011A)


@pytest.mark.parametrize("dpi", [None, (300, 300), (72, 144)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_photo_that_becomes_a_jpeg_keeps_its_density(
    tmp_path: Path, suffix: str, dpi: tuple[int, int] | None
) -> None:
    photo, output = tmp_path / f"in{suffix}", tmp_path / "out.jpg"
    Image.fromarray(picture()).save(photo, **({"dpi": dpi} if dpi else {}))
    fill(photo, MASK, output)
    with Image.open(output) as after:
        assert after.info.get("dpi") == dpi


@pytest.mark.parametrize("target", [".png", ".webp", ".tif", ".avif"])
def test_after_a_conversion_xmp_says_that_the_photo_is_upright(tmp_path: Path, target: str) -> None:
    photo, output = tmp_path / "in.jpg", tmp_path / f"out{target}"
    turned = XMP.replace(
        b"<rdf:Description", b"<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6'", 1
    )
    assert turned != XMP
    photo.write_bytes(encoded(picture(), exif=b"Exif\0\0" + exif(6), xmp=turned))
    fill(photo, upright(MASK, 6), output)
    assert turned.replace(b"Orientation='6'", b"Orientation='1'") in output.read_bytes() or target == ".png"
    assert b"tiff:Orientation='6'" not in output.read_bytes()
    with Image.open(output) as image:
        assert image.size == (48, 64)


@pytest.mark.parametrize("kind", [1, 3, 4])
@pytest.mark.parametrize("target", [".jpg", ".png", ".tif"])
def test_orientation_of_an_odd_type_is_read_and_written_alike(tmp_path: Path, kind: int, target: str) -> None:
    photo, output = tmp_path / "in.jpg", tmp_path / f"out{target}"
    block = b"II*\0\x08\0\0\0" + struct.pack("<HHHI", 1, 0x0112, kind, 1) + b"\6\0\0\0" + bytes(4)
    photo.write_bytes(encoded(picture(), exif=b"Exif\0\0" + block))
    fill(photo, upright(MASK, 6), output)
    # Pillow heeds the right type only.
    old, new = (pyvips.Image.new_from_file(str(path)) for path in (photo, output))
    assert new.get("orientation") == (6 if target == ".jpg" else 1)
    old, new = (image.autorot().numpy().astype(int) for image in (old, new))
    assert old.shape == new.shape == (64, 48, 3)
    assert np.abs(new - old)[~upright(MASK, 6)].mean() < 3
