"""Descriptive tags go from TIFF to TIFF, classic or big, in either byte order, and the samples stay."""

import io
import struct
from pathlib import Path
from typing import Any

import pytest

from inpainter.photos.metadata import cleaned
from inpainter.photos.previews import find_jpegs
from inpainter.photos.tiff_tags import carry_tiff_tags, tiff_metadata
from makers import box_mask
from photo_readers import fill
from photos.metadata_blocks import exif, jpeg, packet_with, resource, tags_of
from photos.metadata_files import (
    ICC,
    IPTC,
    ORDERS,
    OTHER_ICC,
    PLAIN_XMP,
    below,
    carried,
    described,
    fields,
    metadata_of,
    tiff_source,
    vips_tiff,
    whole,
)  # fmt: skip
from tiff_maker import tiff, tiff_tags


@ORDERS
@pytest.mark.parametrize("big_source", [False, True])
@pytest.mark.parametrize("big", [False, True])
def test_tiff_tags_are_carried_over(tmp_path: Path, order: str, big_source: bool, big: bool) -> None:
    source = tiff_source(order, big_source)
    output, dropped = carried(tmp_path, source, bigtiff=big)
    assert set(dropped) == {
        "preview in a TIFF tag",
        "Photoshop data other than IPTC and resolution",
        "Photoshop layers",
        "pictures beside the main one (SubIFDs)",
        "TIFF tag 65000",
    }
    assert described(output) == {
        270: "What it shows",
        271: "A maker.",
        274: 6,
        282: 300.0,
        306: "2024:01:02 03:04:05",
        700: PLAIN_XMP,
        34377: resource(1028, IPTC),
        34675: ICC,
    }
    photo, gps = below(output)
    maker = b"maker" + bytes(len(jpeg((8, 8)))) + b"end"
    assert photo == {"ExposureTime": (1, 125), "MakerNote": maker, "ColorSpace": 1}
    assert gps == {"GPSLatitudeRef": "N", "GPSLatitude": (52, 1, 31, 1, 12, 1)}
    assert not list(find_jpegs(output))
    seen = fields(output)
    assert (seen["xmp-data"], seen["icc-profile-data"], seen["orientation"]) == (PLAIN_XMP, ICC, 6)


@pytest.mark.parametrize(
    "layout", [{}, {"tile": True}, {"compression": "lzw"}, {"compression": "deflate", "predictor": "horizontal"}]
)
@pytest.mark.parametrize("bands", [3, 4])
def test_every_layout_of_tiff_keeps_its_samples(tmp_path: Path, layout: dict[str, Any], bands: int) -> None:
    output, _ = carried(tmp_path, tiff_source(">"), bands=bands, **layout)
    assert described(output)[271] == "A maker."


def test_the_profile_of_a_tiff_can_be_another(tmp_path: Path) -> None:
    output, _ = carried(tmp_path, metadata_of(tiff_source("<"), "tiff").with_icc(OTHER_ICC))
    assert described(output)[34675] == OTHER_ICC
    assert below(output)[1]


def test_no_replaced_block_stays_in_the_file(tmp_path: Path) -> None:
    photo, output = tmp_path / "photo.tif", tmp_path / "out.tif"
    blocks = {34377: (7, resource(1036, bytes(28) + jpeg())), 700: (1, packet_with("<GImage:Data>AAAA</GImage:Data>"))}
    samples = bytes(range(256)) * 4
    photo.write_bytes(tiff((tiff_tags(32, 32, 1) | blocks | {0x8769: (4, {0x927C: (7, jpeg())})}, [samples])))
    report = fill(photo, box_mask(32, 32, 4, 4, 9, 9), output)
    assert len(report.notes) == 3
    assert not list(find_jpegs(output.read_bytes()))
    assert b"AAAA" not in output.read_bytes()


@ORDERS
def test_metadata_into_tiff_and_back(tmp_path: Path, order: str) -> None:
    output, dropped = carried(tmp_path, whole(exif(order)))
    assert dropped == []
    back = metadata_of(output, "tiff")
    assert (back.xmp, back.icc, back.photoshop) == (PLAIN_XMP, ICC, resource(1028, IPTC))
    found, expected = tags_of(back.exif), tags_of(exif(order))
    assert (found["photo"], found["gps"]) == (expected["photo"], expected["gps"])
    assert expected["main"].items() <= found["main"].items()


def test_bare_iptc_of_a_tiff_is_found() -> None:
    assert cleaned({"iptc": IPTC}).photoshop == resource(1028, IPTC)
    assert cleaned({"iptc": b"other", "photoshop": resource(1028, IPTC)}).photoshop == resource(1028, IPTC)


def note_of(order: str, where: int, name: bytes, *, absolute: bool) -> bytes:
    """A maker note that lies at `where`: after its name a directory, whose long value is found by an offset."""
    start = len(name)
    behind = start + 2 + 2 * 12 + 4
    place = behind + (where if absolute else 0)
    entries = struct.pack(order + "HHIHH", 1, 3, 1, 7, 0) + struct.pack(order + "HHII", 2, 2, 12, place)
    return name + struct.pack(order + "H", 2) + entries + bytes(4) + b"long value.\0"


@ORDERS
@pytest.mark.parametrize("name", [b"", b"OLYMP\0\1\0", b"Panasonic\0\0\0"])
@pytest.mark.parametrize("absolute", [True, False])
def test_offsets_in_a_maker_note_that_count_from_the_file_move_along(
    tmp_path: Path, order: str, name: bytes, absolute: bool
) -> None:
    def source(where: int) -> bytes:
        note = note_of(order, where, name, absolute=absolute)
        return tiff(
            (tiff_tags(2, 2, 1) | {0x8769: (4, {0x9003: (2, b"2024"), 0x927C: (7, note)})}, [bytes(4)]), order=order
        )

    where = source(0).index(note_of(order, 0, name, absolute=absolute))
    output, dropped = carried(tmp_path, source(where))
    assert dropped == []
    (found,) = (at for at in (output.find(name + struct.pack(order + "HHHI", 2, 1, 3, 1)),) if at > 0)
    assert found != where
    assert output[found : found + 60].startswith(note_of(order, found, name, absolute=absolute))


@ORDERS
@pytest.mark.parametrize("page", [0, 1, 2])
def test_the_tags_are_those_of_the_page(tmp_path: Path, order: str, page: int) -> None:
    source = tiff(*((tiff_tags(2, 2, 1) | {270: (2, b"page %d\0" % n)}, [bytes(4)]) for n in range(3)), order=order)
    path = tmp_path / "written.tif"
    vips_tiff(path)
    with path.open("r+b") as file:
        assert carry_tiff_tags(tiff_metadata(io.BytesIO(source), page), file) == []
    assert described(path.read_bytes())[270] == f"page {page}"
    block = tiff_metadata(io.BytesIO(source), page).exif
    assert tags_of(block)["main"] == {270: f"page {page}"}


def test_layers_are_not_read(tmp_path: Path) -> None:
    """Photoshop's may be longer than the memory."""
    photo, output = tmp_path / "photo.tif", tmp_path / "out.tif"
    whole = tiff((tiff_tags(32, 32, 1) | {37724: (7, b"a layer, or many")}, [bytes(range(256)) * 4]))
    photo.write_bytes(whole)
    at = whole.index(b"a layer")
    lengths: list[tuple[int, int]] = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            lengths.append((self.tell(), len(data := super().read(size))))
            return data

    tiff_metadata(Watched(whole))
    assert lengths
    assert not any(start <= at < start + length for start, length in lengths)
    assert "left out: Photoshop layers" in fill(photo, box_mask(32, 32, 4, 4, 9, 9), output).notes
