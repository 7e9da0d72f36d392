"""Previews go, everything else stays: EXIF, Photoshop resources and XMP, whole, damaged and random."""

import base64
import struct
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from inpainter.photos.previews import find_jpegs, strip_exif, strip_photoshop, strip_xmp, wipe_jpegs
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
def test_nothing_but_the_pointer_and_the_picture_changes(order: str) -> None:
    picture = jpeg()
    block = exif(order, thumbnail=picture)
    cleaned, _ = strip_exif(block)
    place = block.index(picture)
    changed = {index for index, (old, new) in enumerate(zip(block, cleaned, strict=True)) if old != new}
    pointer = range(8 + 2 + 5 * 12, 8 + 2 + 5 * 12 + 4)
    assert changed - set(range(place, place + len(picture))) <= set(pointer)
    assert not any(cleaned[place : place + len(picture)])


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


@pytest.mark.parametrize("number", [1033, 1036])
@pytest.mark.parametrize("name", [b"", b"a", b"odd", b"even"])
def test_photoshop_thumbnail_goes_and_its_neighbours_stay(number: int, name: bytes) -> None:
    before = resource(1028, b"\x1c\x02\x05\0\x05Title", name)
    after = resource(1061, b"sixteen bytes...", name) + resource(2000, b"odd", name)
    thumbnail = resource(number, bytes(28) + jpeg(), name)
    assert strip_photoshop(before + thumbnail + after) == (before + after, ["Photoshop thumbnail"])
    assert strip_photoshop(before + after) == (before + after, [])


def test_exif_and_xmp_inside_photoshop_are_cleaned() -> None:
    packet = packet_with("<xmpGImg:image>AAAA</xmpGImg:image>")
    block = resource(1058, exif("<", thumbnail=jpeg())) + resource(1060, packet) + resource(1061, b"kept")
    cleaned, dropped = strip_photoshop(block)
    assert dropped == ["EXIF thumbnail", "XMP thumbnail"]
    expected = resource(1058, strip_exif(exif("<", thumbnail=jpeg()))[0])
    assert cleaned == expected + resource(1060, packet.replace(b"AAAA", b"")) + resource(1061, b"kept")


def test_truncated_photoshop_never_raises_nor_shows() -> None:
    block = resource(1028, b"\x1c\x02\x05\0\x05Title", b"odd") + resource(1036, bytes(28) + jpeg((32, 32)))
    for length in range(len(block)):
        assert not list(find_jpegs(strip_photoshop(block[:length])[0]))


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"8BIM", b"8BIM\x04\x0c\0\0", b"8BIM\x04\x22\0\0\0\0\0\x40II*\0"])
)
def test_random_photoshop_never_raises(data: bytes, head: bytes) -> None:
    cleaned, dropped = strip_photoshop(head + data)
    assert dropped or cleaned == head + data


# ---------------------------------------------------------------- XMP


@pytest.mark.parametrize(
    ("whole", "left"),
    [
        ("<xmpGImg:image>AAAA&#xA;BBBB</xmpGImg:image>", "<xmpGImg:image></xmpGImg:image>"),
        ("<xmpGImg:image  >AAAA</xmpGImg:image >", "<xmpGImg:image  ></xmpGImg:image >"),
        ("<xmpGImg:image><![CDATA[A>A]]></xmpGImg:image>", "<xmpGImg:image></xmpGImg:image>"),
        ("<rdf:li xmpGImg:width='9' xmpGImg:image='AAAA'/>", "<rdf:li xmpGImg:width='9' xmpGImg:image=''/>"),
        ('<rdf:li\n ex:a="a>b" xmpGImg:image = "AA"/>', '<rdf:li\n ex:a="a>b" xmpGImg:image = ""/>'),
        ("<q:image xmlns:q='http://ns.adobe.com/xap/1.0/g/img/'>AA</q:image>", None),
        ("<GImage:Data>AAAA</GImage:Data>", "<GImage:Data></GImage:Data>"),
        ("<GDepth:Data>AAAA</GDepth:Data>", "<GDepth:Data></GDepth:Data>"),
        ("<a><Container:Directory><rdf:Seq><rdf:li/></rdf:Seq></Container:Directory></a>", "<a></a>"),
        ("<a><Container:Directory/></a>", "<a></a>"),
        ("<a><hdrgm:Version>1.0</hdrgm:Version></a>", "<a></a>"),
        ("<a ex:b='1' hdrgm:Version='1.0' ex:c='2'/>", "<a ex:b='1' ex:c='2'/>"),
        ("<a GCamera:MicroVideoOffset='12' GCamera:SpecialType='9'/>", "<a GCamera:SpecialType='9'/>"),
    ],
)
def test_pictures_in_xmp_go_and_the_rest_stays_byte_for_byte(whole: str, left: str | None) -> None:
    left = whole.replace(">AA<", "><") if left is None else left
    cleaned, dropped = strip_xmp(packet_with(whole))
    assert len(dropped) == 1
    assert cleaned == packet_with(left)
    ElementTree.fromstring(cleaned)
    assert strip_xmp(cleaned) == (cleaned, [])


def test_attributes_of_the_description_go_too() -> None:
    cleaned, dropped = strip_xmp(packet_with("", " hdrgm:Version='1' GImage:Data=\"AAAA\" GImage:Mime='image/jpeg'"))
    assert cleaned == packet_with("", " GImage:Data=\"\" GImage:Mime='image/jpeg'")
    assert sorted(dropped) == ["gain map", "second picture in XMP"]


@pytest.mark.parametrize("form", ["<ex:own>{}</ex:own>", "<ex:own ex:value='{}'/>"])
def test_any_other_base64_jpeg_goes(form: str) -> None:
    picture = base64.encodebytes(jpeg()).decode().strip().replace("\n", "&#xA;")
    cleaned, dropped = strip_xmp(packet_with(form.format(picture)))
    assert dropped == ["picture in XMP"]
    assert cleaned == packet_with(form.format(""))


def test_text_that_only_looks_like_base64_stays() -> None:
    packet = packet_with(f"<ex:own>/9j/{'a' * 20} http://example.org/9j/{'AB/' * 60}</ex:own>")
    assert strip_xmp(packet) == (packet, [])


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read(coding: str) -> None:
    packet = packet_with("<GImage:Data>AAAA</GImage:Data>").decode().encode(coding)
    cleaned, dropped = strip_xmp(packet)
    assert dropped
    assert b"AAAA" not in cleaned.replace(b"\0", b"")
    ElementTree.fromstring(cleaned.decode("utf-8-sig"))


def test_damaged_xmp_goes_only_when_it_may_hold_a_picture() -> None:
    harmless, suspect = packet_with("<a>"), packet_with("<a><xmpGImg:image>AAAA")
    assert strip_xmp(harmless)[0] in (harmless, b"")
    assert strip_xmp(suspect) == (b"", ["damaged XMP that may hold a picture"])
    assert strip_xmp(b"<a>") == (b"<a>", [])
    assert strip_xmp(b"") == (b"", [])


def test_entities_hide_nothing() -> None:
    hidden = b"<!DOCTYPE a [<!ENTITY e '/9j/4AAQSkZJRg'>]><a>&e;&e;</a>"
    assert strip_xmp(hidden)[0] == b""


SCRAPS = ["<xmpGImg:image", "<GImage:Data>", "</GImage:Data>", " hdrgm:a='", "<a>", "</a>", ">", "/>", "'", '"']
SCRAPS += ["/9j/", "A" * 99, "&#xA;", "<![CDATA[", "]]>", "<!--", "-->", " ", "=", "\0"]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(SCRAPS)))
def test_mangled_xmp_never_raises_and_what_was_well_formed_stays_so(parts: list[str]) -> None:
    packet = packet_with("".join(parts))
    cleaned, _ = strip_xmp(packet)
    try:
        ElementTree.fromstring(packet)
    except ElementTree.ParseError:
        return
    ElementTree.fromstring(cleaned)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<", b"<a>", b"<a b='/9j/"]))
def test_random_xmp_never_raises(data: bytes, head: bytes) -> None:
    cleaned, dropped = strip_xmp(head + data)
    assert dropped or cleaned == head + data
