"""Previews go, everything else stays: EXIF, Photoshop resources and XMP, whole, damaged and random."""

import base64
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from inpainter.photos.previews import find_jpegs, strip_exif, strip_photoshop, wipe_jpegs
from inpainter.photos.xmp import strip_xmp, upright_xmp
from photos.metadata_blocks import RED, exif, jpeg, packet_with, resource, tags_of

ORDERS = pytest.mark.parametrize("order", ["<", ">"])


def thumbnail_tags(block: bytes) -> dict[int, object]:
    found = Image.Exif()
    found.load(b"Exif\0\0" + block)
    return dict(found.get_ifd(ExifTags.IFD.IFD1))


# ---------------------------------------------------------------- JPEG streams


def test_finds_streams_among_other_bytes_to_their_last() -> None:
    first, second = jpeg(), jpeg(progressive=True)
    data = b"before\xff\xd8 no" + first + b"between" + second + b"after"
    found = [data[start:end] for start, end in find_jpegs(data)]
    assert found == [first, second]


def test_a_thumbnail_inside_a_preview_does_not_end_it() -> None:
    outer = jpeg(exif=b"Exif\0\0" + exif("<", thumbnail=jpeg((16, 16))))
    assert outer.count(b"\xff\xd9") >= 2
    assert list(find_jpegs(outer)) == [(0, len(outer))]


def test_finds_a_stream_whose_first_byte_the_camera_changed() -> None:
    broken = b"\x00" + jpeg()[1:]
    wiped, found = wipe_jpegs(b"maker" + broken + b"more")
    assert found
    assert wiped.replace(b"\0", b"") == b"makermore"


@given(st.binary(max_size=400))
def test_chance_bytes_are_no_stream_without_its_start(data: bytes) -> None:
    data = data.replace(b"\xd8\xff", b"\xd8\xfe")
    assert wipe_jpegs(data) == (data, False)


# ---------------------------------------------------------------- EXIF


@ORDERS
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_thumbnail_goes_and_every_tag_stays(order: str, prefix: bytes) -> None:
    block = exif(order, thumbnail=jpeg())
    assert thumbnail_tags(block)
    cleaned, dropped = strip_exif(prefix + block)
    assert dropped == ["EXIF thumbnail"]
    assert len(cleaned) == len(prefix + block)
    assert cleaned.startswith(prefix)
    assert not list(find_jpegs(cleaned))
    assert jpeg()[:20] not in cleaned
    assert jpeg()[-20:] not in cleaned
    assert tags_of(cleaned) == tags_of(block)
    assert not thumbnail_tags(cleaned[len(prefix) :])


@ORDERS
def test_nothing_but_the_pointer_the_directory_and_the_picture_changes(order: str) -> None:
    picture = jpeg()
    block = exif(order, thumbnail=picture)
    cleaned, _ = strip_exif(block)
    place = block.index(picture)
    changed = {index for index, (old, new) in enumerate(zip(block, cleaned, strict=True)) if old != new}
    pointer = range(8 + 2 + 5 * 12, 8 + 2 + 5 * 12 + 4)
    # The thumbnail's directory of three entries precedes it here.
    assert changed - set(range(place - 42, place + len(picture))) <= set(pointer)
    assert not any(cleaned[place - 42 : place + len(picture)])


@ORDERS
def test_uncompressed_thumbnail_goes(order: str) -> None:
    samples = bytes(RED) * 400
    cleaned, dropped = strip_exif(exif(order, strips=samples))
    assert dropped == ["EXIF thumbnail"]
    assert bytes(RED) * 2 not in cleaned
    assert tags_of(cleaned) == tags_of(exif(order))


@ORDERS
def test_preview_in_a_maker_note_goes_and_the_note_stays(order: str) -> None:
    before, after = b"Nikon\0\x02\x10" + bytes(range(200)), bytes(range(255, 55, -1))
    block = exif(order, maker=before + jpeg() + after)
    cleaned, dropped = strip_exif(block)
    assert dropped == ["preview in the EXIF block"]
    assert cleaned == block.replace(jpeg(), bytes(len(jpeg())))


@ORDERS
def test_preview_that_is_cut_short_ends_with_its_maker_note(order: str) -> None:
    block = exif(order, maker=b"Nikon\0" + jpeg()[:-300]) + b"bytes that no directory names"
    cleaned, dropped = strip_exif(block)
    assert dropped == ["preview in the EXIF block"]
    assert cleaned == block.replace(jpeg()[:-300], bytes(len(jpeg()) - 300))
    assert tags_of(cleaned)["gps"] == tags_of(exif(order))["gps"]


@ORDERS
def test_a_block_without_preview_is_untouched(order: str) -> None:
    assert strip_exif(exif(order)) == (exif(order), [])


@ORDERS
def test_damaged_offsets_lose_no_tag_and_show_no_picture(order: str) -> None:
    block = exif(order, thumbnail=jpeg())
    pointer = 8 + 2 + 5 * 12
    for offset in (0, 1, 8, pointer, len(block) - 3, len(block), 0xFFFFFFFF):
        hostile = block[:pointer] + struct.pack(order + "I", offset) + block[pointer + 4 :]
        cleaned, _ = strip_exif(hostile)
        assert len(cleaned) == len(block)
        assert not list(find_jpegs(cleaned))
        assert tags_of(cleaned) == tags_of(block)


def test_a_damaged_offset_into_a_preview_keeps_none_of_it() -> None:
    block = exif(">", maker=jpeg((8, 8)))
    place = block.index(jpeg((8, 8)))
    hostile = block.replace(struct.pack(">HHII", 0x927C, 7, len(jpeg((8, 8))), place), struct.pack(
        ">HHII", 0x927C, 7, len(jpeg((8, 8))), place + 1))  # fmt: skip
    assert hostile != block
    assert not list(find_jpegs(strip_exif(hostile)[0]))


@ORDERS
def test_a_thumbnail_that_claims_the_whole_block_takes_no_tag_along(order: str) -> None:
    block = exif(order, strips=b"\xaa" * 64)
    place, length = block.index(b"\xaa" * 64), struct.pack(order + "I", 64)
    hostile = block.replace(struct.pack(order + "I", place), struct.pack(order + "I", 1))
    hostile = hostile.replace(length, struct.pack(order + "I", len(block)))
    cleaned, _ = strip_exif(hostile)
    assert tags_of(cleaned) == tags_of(block)
    assert b"\xaa" not in cleaned


@ORDERS
def test_truncated_anywhere_never_raises_nor_shows(order: str) -> None:
    block = exif(order, thumbnail=jpeg((32, 32)))
    for length in range(len(block)):
        cleaned, _ = strip_exif(block[:length])
        assert len(cleaned) == length
        assert not list(find_jpegs(cleaned))


@settings(max_examples=300)
@given(st.binary(max_size=300), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0MM\0*"]))
def test_random_exif_never_raises(data: bytes, head: bytes) -> None:
    cleaned, _ = strip_exif(head + data)
    assert len(cleaned) == len(head + data)


@settings(max_examples=300)
@given(st.data(), st.sampled_from("<>"))
def test_exif_with_random_damage_never_shows(data: st.DataObject, order: str) -> None:
    block = bytearray(exif(order, thumbnail=jpeg((16, 16)), maker=jpeg((8, 8))))
    where = block.index(b"\xff\xd8\xff")
    for _ in range(data.draw(st.integers(1, 8))):
        block[data.draw(st.integers(0, where - 1))] = data.draw(st.integers(0, 255))
    cleaned, _ = strip_exif(bytes(block))
    assert len(cleaned) == len(block)
    assert not list(find_jpegs(cleaned))


# ---------------------------------------------------------------- Photoshop


@pytest.mark.parametrize("number", [1033, 1036, 1058, 1060, 1061, 2000])
@pytest.mark.parametrize("name", [b"", b"a", b"odd", b"even"])
def test_of_photoshop_only_iptc_and_resolution_stay(number: int, name: bytes) -> None:
    iptc, resolution = resource(0x0404, b"\x1c\x02\x05\0\x05Title", name), resource(0x03ED, bytes(16), name)
    other = resource(number, b"odd" + jpeg(), name)
    assert strip_photoshop(iptc + other + resolution) == (
        iptc + resolution,
        ["Photoshop data other than IPTC and resolution"],
    )
    assert strip_photoshop(iptc + resolution) == (iptc + resolution, [])


def test_truncated_photoshop_never_raises_nor_shows() -> None:
    block = resource(1028, b"\x1c\x02\x05\0\x05Title", b"odd") + resource(1036, bytes(28) + jpeg((32, 32)))
    for length in range(len(block)):
        assert not list(find_jpegs(strip_photoshop(block[:length])[0]))


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"8BIM", b"8BIM\x04\x0c\0\0", b"8BIM\x04\x22\0\0\0\0\0\x40II*\0"])
)
def test_random_photoshop_never_raises(data: bytes, head: bytes) -> None:
    cleaned, dropped = strip_photoshop(head + data)
    # Zeros behind the last one are padding.
    assert dropped or cleaned.rstrip(b"\0") == (head + data).rstrip(b"\0")


# ---------------------------------------------------------------- XMP


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("<xmpGImg:image>AAAA&#xA;BBBB</xmpGImg:image>", "thumbnail"),
        ("<xmpGImg:image  ><![CDATA[A>A]]></xmpGImg:image >", "thumbnail"),
        ("<rdf:li\n ex:a='a>b' xmpGImg:image = 'AA'/>", "thumbnail"),
        ("<q:image xmlns:q='http://ns.adobe.com/xap/1.0/g/img/'>AA</q:image>", "thumbnail"),
        ("<xmp:Thumbnails xmlns:xmp='http://ns.adobe.com/xap/1.0/'/>", "thumbnail"),
        ("<GImage:Data>AAAA</GImage:Data>", "second picture"),
        ("<GDepth:Data>AAAA</GDepth:Data>", "depth map"),
        ("<Container:Directory><rdf:Seq><rdf:li/></rdf:Seq></Container:Directory>", "list of further pictures"),
        ("<a ex:b='1' hdrgm:Version='1.0' ex:c='2'/>", "gain map of an Ultra-HDR photo"),
        ("<a GCamera:MotionPhoto='1'/>", "motion photo"),
        ("<a GCamera:MicroVideoOffset='12' GCamera:SpecialType='9'/>", "motion photo"),
        (f"<ex:own>{base64.encodebytes(jpeg()).decode()}</ex:own>", "picture"),
        (f"<ex:own ex:value='{base64.encodebytes(jpeg()).decode().strip()}'/>".replace("\n", "&#xA;"), "picture"),
    ],
)
@pytest.mark.parametrize("coding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_xmp_with_a_picture_or_a_list_of_pictures_goes_whole(content: str, what: str, coding: str) -> None:
    packet = packet_with(content).decode()
    for whole_or_cut in (packet, packet.partition("</rdf:Description>")[0]):
        assert strip_xmp(whole_or_cut.encode(coding)) == (b"", [f"XMP ({what})"])


@pytest.mark.parametrize(
    "content",
    [
        f"<ex:own>/9j/{'a' * 20} http://example.org/9j/{'AB/' * 60}</ex:own>",
        "<xmpMM:DerivedFrom xmlns:xmpMM='http://ns.adobe.com/xap/1.0/mm/' stRef:instanceID='xmp.iid:1'/>",
        "<dc:description>On the MotionPhoto of hdrgm:Version and xmp:Thumbnails</dc:description>",
        "<a GCamera:SpecialTypeID='9'/>",
    ],
)
def test_references_captions_and_what_only_looks_like_a_picture_stay(content: str) -> None:
    packet = packet_with(content)
    assert strip_xmp(packet) == (packet, [])


def test_a_motion_photo_of_several_pictures_is_said_as_both() -> None:
    packet = packet_with("<Container:Directory/>", " GCamera:MotionPhoto='1'")
    assert strip_xmp(packet) == (b"", ["XMP (motion photo, list of further pictures)"])


def test_entities_hide_nothing() -> None:
    hidden = b"<!DOCTYPE a [<!ENTITY e '/9j/4AAQSkZJRg'>]><a>&e;&e;</a>"
    assert strip_xmp(hidden) == (b"", ["XMP (text that cannot be searched)"])


@pytest.mark.parametrize(
    "form",
    [
        '<a tiff:Orientation="{}"/>',
        "<a tiff:Orientation = '{}'/>",
        "<tiff:Orientation>{}</tiff:Orientation>",
        "<tiff:Orientation>\n{}\n</tiff:Orientation>",
    ],
)
def test_orientation_in_xmp_becomes_upright(form: str) -> None:
    assert upright_xmp(packet_with(form.format(6))) == packet_with(form.format(1))
    assert upright_xmp(packet_with(form.format(1))) == packet_with(form.format(1))


SCRAPS = ["<xmpGImg:image", "<GImage:Data>", "</GImage:Data>", " hdrgm:a='", "<a>", "</a>", ">", "/>", "'", '"']
SCRAPS += ["/9j/", "A" * 99, "&#xA;", "<![CDATA[", "]]>", "<!--", "-->", " ", "=", "\0"]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(SCRAPS)))
def test_mangled_xmp_stays_or_goes_whole(parts: list[str]) -> None:
    packet = packet_with("".join(parts))
    cleaned, dropped = strip_xmp(packet)
    assert cleaned == (b"" if dropped else packet)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<", b"<a>", b"<a b='/9j/"]))
def test_random_xmp_never_raises(data: bytes, head: bytes) -> None:
    cleaned, dropped = strip_xmp(head + data)
    # Zeros behind the last one are padding.
    assert dropped or cleaned.rstrip(b"\0") == (head + data).rstrip(b"\0")
