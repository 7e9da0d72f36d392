"""JPEG segments keep order and bytes; previews go, whichever segment holds them."""

import hashlib
import io

import pytest
from PIL import Image

from inpainter.core import InputError
from inpainter.photos.jpeg_segments import splice_jpeg
from inpainter.photos.previews import find_jpegs
from photos.metadata_blocks import RED, exif, jpeg, packet_with, resource, tags_of
from photos.metadata_files import (
    EXIF_SEGMENT,
    ICC,
    ICC_SEGMENT,
    IPTC,
    JFIF,
    OTHER_ICC,
    PLAIN_XMP,
    XMP_PREFIX,
    XMP_SEGMENT,
    extended,
    fields,
    header_of,
    metadata_of,
    picture,
    same_samples,
    saved,
    segment,
    spliced,
    with_segments,
)

ADOBE_RGB = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")


def test_jpeg_segments_keep_order_and_bytes() -> None:
    kept = [JFIF, segment(0xEC, b"Ducky\0\1"), EXIF_SEGMENT, XMP_SEGMENT, ICC_SEGMENT, segment(0xFE, b"a comment")]
    kept += [segment(0xED, b"Photoshop 3.0\0" + resource(1028, IPTC)), segment(0xE5, b"own"), segment(0xFE, b"two")]
    encoded = saved(picture(), "JPEG", quality=60, progressive=True, icc_profile=OTHER_ICC, comment=b"encoder")
    output, dropped = spliced(splice_jpeg, with_segments(*kept), encoded)
    assert dropped == []
    assert output.startswith(b"\xff\xd8" + b"".join(kept) + b"\xff\xdb")
    assert same_samples(output, encoded)
    assert fields(output)["icc-profile-data"] == ICC


def test_jpeg_previews_go_from_every_segment() -> None:
    red = jpeg((32, 32))
    big = jpeg((900, 700), quality=100)
    part = len(big) // 2
    hidden = [
        segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\4\4" + bytes(RED) * 16),
        segment(0xE0, b"JFXX\0\x10" + red),
        segment(0xE1, b"Exif\0\0" + exif(">", thumbnail=red)),
        segment(0xE1, XMP_PREFIX + packet_with("<xmpGImg:image>/9j/AAAA</xmpGImg:image>")),
        segment(0xE1, b"FLIR\0\1\0\0" + bytes(RED) * 20),
        segment(0xE2, b"MPF\0II*\0"),
        segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"),
        segment(0xE2, b"FPXR\0\0" + red),
        segment(0xE3, big[:part]),
        segment(0xE3, big[part:]),
        segment(0xEB, b"JP\0\1\0\0\0\1jumb" + red),
        segment(0xED, b"Photoshop 3.0\0" + resource(1036, bytes(28) + red)),
        segment(0xFE, red),
    ]
    source = with_segments(*hidden) + jpeg() + b"trailing"
    output, dropped = spliced(splice_jpeg, source, saved(picture(), "JPEG"))
    assert [(start, end) for start, end in find_jpegs(output)] == [(0, len(output))]
    assert bytes(RED) * 2 not in output
    assert b"trailing" not in output
    markers = [marker for marker, _ in header_of(output)]
    assert markers == [0xE0, 0xE1]
    assert header_of(output)[0][1] == b"JFIF\0\1\1\0\0\1\0\1\0\0"
    assert tags_of(header_of(output)[1][1]) == tags_of(exif(">"))
    assert sorted(dropped) == sorted([
        "JFIF thumbnail",
        "EXIF thumbnail",
        "XMP (thumbnail)",
        "thermal picture",
        "multi-picture index",
        "gain map of an Ultra-HDR photo",
        "preview in a JPEG segment",
        "APP11 data (Content Credentials or a residual picture)",
        "Photoshop data other than IPTC and resolution",
    ])  # fmt: skip


def test_a_file_of_several_pictures_becomes_one() -> None:
    source = saved(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (40, 30), RED)])
    assert getattr(Image.open(io.BytesIO(source)), "n_frames", 1) == 2
    output, dropped = spliced(splice_jpeg, source, saved(picture(), "JPEG"))
    found = Image.open(io.BytesIO(output))
    assert found.format == "JPEG"
    assert "multi-picture index" in dropped
    assert "further pictures behind the photo" in dropped
    assert b"MPF\0" not in output


def test_ultra_hdr_and_motion_photos_are_said_as_such() -> None:
    index, space = segment(0xE2, b"MPF\0II*\0"), "http://ns.adobe.com/hdr-gain-map/1.0/"
    hdr = segment(0xE1, XMP_PREFIX + packet_with("", " hdrgm:Version='1.0'"))
    gain_map = with_segments(segment(0xE1, XMP_PREFIX + f"<a xmlns:hdrgm='{space}' hdrgm:Version='1'/>".encode()))
    ultra = with_segments(JFIF, hdr, index) + gain_map
    output, dropped = spliced(splice_jpeg, ultra, saved(picture(), "JPEG"))
    assert header_of(output) == [(0xE0, JFIF[4:])]
    assert sorted(dropped) == [
        "XMP (gain map of an Ultra-HDR photo)",
        "gain map of an Ultra-HDR photo",
        "multi-picture index",
    ]
    assert [*find_jpegs(output)] == [(0, len(output))]
    motion = with_segments(JFIF) + b"\0\0\0\x18ftypmp42" + bytes(99)
    output, dropped = spliced(splice_jpeg, motion, saved(picture(), "JPEG"))
    assert dropped == ["video of a motion photo"]
    assert b"ftyp" not in output


def test_padding_behind_the_picture_is_not_worth_a_word() -> None:
    assert spliced(splice_jpeg, with_segments(JFIF) + bytes(9) + b"\r\n", saved(picture(), "JPEG"))[1] == []


def test_photoshop_over_two_segments_is_cleaned_as_one() -> None:
    before, after = resource(0x0404, b"a" * 60_000, b"odd"), resource(0x03ED, b"b" * 60_000)
    block = before + resource(1036, bytes(28) + jpeg()) + after
    cut = 65_000
    parts = [segment(0xED, b"Photoshop 3.0\0" + part) for part in (block[:cut], block[cut:])]
    output, dropped = spliced(splice_jpeg, with_segments(*parts), with_segments())
    assert dropped == ["Photoshop data other than IPTC and resolution"]
    found = [payload.removeprefix(b"Photoshop 3.0\0") for _, payload in header_of(output)]
    assert b"".join(found) == before + after
    assert metadata_of(output, "jpeg").photoshop == before + after


def test_a_second_exif_block_stays_whole_behind_a_first_whose_thumbnail_is_cut_short() -> None:
    first = segment(0xE1, b"Exif\0\0" + exif(">", thumbnail=jpeg((32, 32)))[:-1])
    output, dropped = spliced(splice_jpeg, with_segments(JFIF, first, EXIF_SEGMENT), saved(picture(), "JPEG"))
    assert dropped == ["EXIF thumbnail"]
    assert EXIF_SEGMENT in output
    assert not list(find_jpegs(output[2 : output.index(EXIF_SEGMENT)]))


def test_exif_over_two_segments_is_cleaned_as_one() -> None:
    block = exif("<", maker=bytes(range(256)) * 200, thumbnail=jpeg((1200, 900), quality=100))
    assert len(block) > 65_527
    parts = [segment(0xE1, b"Exif\0\0" + part) for part in (block[:60_000], block[60_000:])]
    output, dropped = spliced(splice_jpeg, with_segments(*parts), with_segments())
    assert "EXIF thumbnail" in dropped
    joined = b"".join(payload[6:] for _, payload in header_of(output))
    assert tags_of(joined) == tags_of(block)
    assert not list(find_jpegs(joined))


def test_extended_xmp_with_a_picture_takes_the_main_packet_along() -> None:
    packet = packet_with(f"<ex:own>kept</ex:own><GDepth:Data>{'A' * 100_000}</GDepth:Data>")
    digest = hashlib.md5(packet).hexdigest().upper().encode()
    main = packet_with(f"<ex:note>{digest.decode()}</ex:note>")
    parts = extended(packet, digest, 40_000)
    source = with_segments(segment(0xE1, XMP_PREFIX + main), *reversed(parts))
    output, dropped = spliced(splice_jpeg, source, with_segments())
    assert dropped == ["XMP (depth map)"]
    assert header_of(output) == []


def test_extended_xmp_without_picture_is_untouched() -> None:
    parts = extended(PLAIN_XMP, b"0123456789ABCDEF" * 2, 300)
    output, dropped = spliced(splice_jpeg, with_segments(*parts), with_segments())
    assert [segment(*one) for one in header_of(output)] == parts
    assert dropped == []


def test_colours_follow_the_samples() -> None:
    source = saved(picture("CMYK"), "JPEG", icc_profile=OTHER_ICC, exif=b"Exif\0\0" + exif("<"))
    assert b"Adobe" in source
    encoded = saved(picture(), "JPEG", icc_profile=ICC, dpi=(300, 300))
    output, _ = splice_jpeg(metadata_of(source, "jpeg").with_icc(ICC), encoded)
    found = Image.open(io.BytesIO(output))
    assert (found.mode, found.info["icc_profile"]) == ("RGB", ICC)
    assert b"Adobe" not in output
    assert same_samples(output, encoded)
    assert tags_of(found.info["exif"]) == tags_of(exif("<"))
    assert found.info["jfif_density"] == (300, 300)


def test_markers_that_would_turn_the_colours_come_from_the_encoded_file() -> None:
    # A source whose components are RGB, encoded again as YCbCr.
    source = with_segments(ADOBE_RGB, EXIF_SEGMENT, ICC_SEGMENT)
    encoded = saved(picture(), "JPEG")
    output, _ = spliced(splice_jpeg, source, encoded)
    assert same_samples(output, encoded)
    assert [marker for marker, _ in header_of(output)] == [0xE0, 0xE1, 0xE2]
    assert fields(output)["icc-profile-data"] == ICC


def test_markers_stay_where_they_say_the_same() -> None:
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")
    carried = with_segments(adobe)
    output, _ = spliced(splice_jpeg, with_segments(adobe, EXIF_SEGMENT), carried)
    assert [segment(*one) for one in header_of(output)] == [adobe, EXIF_SEGMENT]
    assert same_samples(output, carried)
    plain = with_segments(EXIF_SEGMENT)
    output, _ = spliced(splice_jpeg, plain, with_segments())
    assert [segment(*one) for one in header_of(output)] == [EXIF_SEGMENT]
    assert same_samples(output, plain)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 10, 100, 300])
def test_truncated_jpeg_header_is_refused(length: int) -> None:
    with pytest.raises(InputError, match="JPEG"):
        spliced(splice_jpeg, with_segments(JFIF, EXIF_SEGMENT)[:length], saved(picture(), "JPEG"))
