"""Metadata from one format to another, hostile files, and camera photos; read back by Pillow and libvips."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inpainter.core import InputError
from inpainter.photos.jpeg_segments import splice_jpeg
from inpainter.photos.metadata import Metadata, upright_exif
from inpainter.photos.png_chunks import splice_png
from inpainter.photos.previews import find_jpegs
from inpainter.photos.tiff_tags import carry_tiff_tags
from inpainter.photos.webp_chunks import splice_webp
from photos.metadata_blocks import exif, resource, tags_of
from photos.metadata_files import (
    EXIF_SEGMENT,
    GAMA,
    ICC,
    ICCP,
    IPTC,
    JFIF,
    ORDERS,
    PLAIN_XMP,
    fields,
    metadata_of,
    picture,
    same_samples,
    saved,
    segment,
    source_file,
    spliced,
    tiff_source,
    whole,
    with_chunks,
    with_segments,
)

STARTS = {
    "jpeg": [b"", b"\xff\xd8", b"\xff\xd8\xff\xe1\x00\x40Exif\0\0MM\0*", with_segments(JFIF, EXIF_SEGMENT)[:-200]],
    "png": [b"", with_chunks([], [])[:33], with_chunks([GAMA, ICCP], [])[:-12]],
    "webp": [b"", b"RIFF\xff\0\0\0WEBP", b"RIFF\xff\0\0\0WEBPEXIF\x08\0\0\0", saved(picture(), "WEBP")[:-8]],
    "tiff": [b"", b"II*\0\x08\0\0\0", b"MM\0+\0\x08\0\0" + bytes(7) + b"\x10", tiff_source(">")[:-50]],
}


SPLICES = {"jpeg": splice_jpeg, "png": splice_png, "webp": splice_webp}


@ORDERS
@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_metadata_of_each_format(format: str, order: str) -> None:
    found = metadata_of(source_file(format, order), format)
    assert (found.xmp, found.icc) == (PLAIN_XMP, ICC)
    assert found.photoshop == (b"" if format == "webp" else resource(1028, IPTC))
    assert tags_of(found.exif) == tags_of(exif(order))
    assert not list(find_jpegs(found.exif))
    assert found.dropped == ("EXIF thumbnail",)


def test_profile_in_parts_comes_together_in_order() -> None:
    parts = [segment(0xE2, b"ICC_PROFILE\0" + bytes((n, 2)) + p) for n, p in ((2, ICC[300:]), (1, ICC[:300]))]
    assert metadata_of(with_segments(*parts), "jpeg").icc == ICC


@ORDERS
@pytest.mark.parametrize(
    ("format", "splice"),
    [("JPEG", splice_jpeg), ("PNG", splice_png), ("WEBP", splice_webp)],
    ids=["jpeg", "png", "webp"],
)
def test_metadata_into_each_format_byte_for_byte(format: str, splice: Callable[..., list[str]], order: str) -> None:
    encoded = saved(picture(), format)
    output, dropped = spliced(splice, whole(exif(order)), encoded)
    assert same_samples(output, encoded)
    found = metadata_of(output, format.lower())
    assert (found.exif, found.xmp, found.icc) == (exif(order), PLAIN_XMP, ICC)
    assert found.photoshop == (b"" if format == "WEBP" else resource(1028, IPTC))
    assert dropped == (["Photoshop and IPTC data"] if format == "WEBP" else [])
    seen = Image.open(io.BytesIO(output))
    assert seen.info["icc_profile"] == ICC
    assert tags_of(seen.info["exif"]) == tags_of(exif(order))
    assert fields(output)["xmp-data"] == PLAIN_XMP


def test_metadata_too_long_for_jpeg_is_said() -> None:
    metadata = Metadata(
        exif=exif("<", maker=bytes(70_000)), xmp=PLAIN_XMP.replace(b"kept", b"k" * 70_000), icc=ICC * 200
    )
    output, dropped = spliced(splice_jpeg, metadata, saved(picture(), "JPEG"))
    assert dropped == ["XMP (too long for a JPEG file)"]
    assert tags_of(metadata_of(output, "jpeg").exif) == tags_of(metadata.exif)
    assert metadata_of(output, "jpeg").icc == ICC * 200


@ORDERS
def test_orientation_is_the_only_tag_that_changes(order: str) -> None:
    turned = tags_of(upright_exif(exif(order)))
    before = tags_of(exif(order))
    assert before["main"].pop(0x112) == 6
    assert turned["main"].pop(0x112) == 1
    assert turned == before


@settings(max_examples=400, deadline=None)
@given(st.data(), st.binary(max_size=200), st.sampled_from(sorted(STARTS)))
def test_random_bytes_are_refused_or_read(data: st.DataObject, rest: bytes, format: str) -> None:
    source = data.draw(st.sampled_from(STARTS[format])) + rest
    for read in (
        lambda: metadata_of(source, format),
        lambda: spliced(SPLICES[format], source, saved(picture(), format)) if format in SPLICES else None,
    ):
        with contextlib.suppress(InputError):
            read()


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from("<>"), st.booleans())
def test_damaged_tiff_is_refused_or_read(data: st.DataObject, order: str, big: bool) -> None:
    source = bytearray(tiff_source(order, big))
    for _ in range(data.draw(st.integers(1, 6))):
        source[data.draw(st.integers(0, 400))] = data.draw(st.integers(0, 255))
    plain = saved(picture(), "TIFF")
    written = io.BytesIO(plain)
    try:
        carry_tiff_tags(metadata_of(bytes(source), "tiff"), written)
    except InputError:
        assert written.getvalue() == plain
        return
    with tifffile.TiffFile(io.BytesIO(written.getvalue())) as file:
        assert file.asarray().tobytes() == Image.open(io.BytesIO(plain)).tobytes()


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(["jpeg", "png", "webp"]))
def test_cut_anywhere_is_refused_or_read(data: st.DataObject, format: str) -> None:
    source = source_file(format, ">")
    source = source[: data.draw(st.integers(0, len(source) - 1))]
    try:
        output, _ = spliced(SPLICES[format], source, saved(picture(), format))
    except InputError:
        return
    assert len(list(find_jpegs(output))) <= (format == "jpeg")


def test_camera_photos_come_out_clean(data: Path) -> None:
    paths = sorted((data / "large").glob("*.jpg"))
    assert paths
    for path in paths:
        source = path.read_bytes()
        output, _ = spliced(splice_jpeg, source, saved(picture(), "JPEG"))
        assert list(find_jpegs(output)) == [(0, len(output))], path.name
        before, after = (Image.open(io.BytesIO(data)).info.get("exif", b"") for data in (source, output))
        changed = {old_new for old_new in zip(before, after, strict=True) if old_new[0] != old_new[1]}
        assert all(new == 0 for _, new in changed), path.name
        told = [tags_of(block) for block in (before, after)]
        notes = [one["photo"].pop(0x927C, b"") for one in told]
        assert told[0] == told[1], path.name
        assert len(notes[0]) == len(notes[1]), path.name
