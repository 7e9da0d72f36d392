"""Descriptive tags go from TIFF to TIFF, classic or big, in either byte order, and the samples stay."""

import io
from pathlib import Path
from typing import Any

import pytest
import pyvips

from inpainter.photos.containers import (
    Metadata,
    carry_tiff_tags,
    metadata_of,
)
from inpainter.photos.previews import find_jpegs
from photos.metadata_blocks import exif, jpeg, resource, tags_of
from photos.metadata_files import ICC, IPTC, ORDERS, PLAIN_XMP, below, carried, described, fields, tiff_source, whole


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


def test_tiff_colours_can_come_from_the_written_file(tmp_path: Path) -> None:
    output, _ = carried(tmp_path, tiff_source("<"), same_colours=False, profile="srgb")
    assert described(output)[34675] not in (None, ICC)
    assert below(output)[1]


def test_replaced_blocks_do_not_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    image = pyvips.Image.black(9, 9).copy()
    image.set_type(pyvips.GValue.blob_type, "photoshop-data", resource(1036, jpeg()))
    image.tiffsave(str(path))
    assert list(find_jpegs(path.read_bytes()))
    with path.open("r+b") as file:
        carry_tiff_tags(io.BytesIO(tiff_source("<")), file)
    assert not list(find_jpegs(path.read_bytes()))


@ORDERS
def test_metadata_into_tiff_and_back(tmp_path: Path, order: str) -> None:
    output, dropped = carried(tmp_path, whole(exif(order)))
    assert dropped == []
    back = metadata_of(io.BytesIO(output), "tiff")
    assert (back.xmp, back.icc, back.photoshop) == (PLAIN_XMP, ICC, resource(1028, IPTC))
    found, expected = tags_of(back.exif), tags_of(exif(order))
    assert (found["photo"], found["gps"]) == (expected["photo"], expected["gps"])
    assert expected["main"].items() <= found["main"].items()


def test_bare_iptc_of_a_tiff_is_found() -> None:
    found = Metadata.clean(iptc=IPTC)
    assert found.photoshop == resource(1028, IPTC)
    assert Metadata.clean(iptc=b"other", photoshop=resource(1028, IPTC)).photoshop == resource(1028, IPTC)
