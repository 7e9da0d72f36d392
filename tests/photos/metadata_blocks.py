"""Metadata blocks that tests build byte by byte, and what an independent reader finds in them."""

import io
import struct

from PIL import Image

RED = (255, 0, 0)


def jpeg(size: tuple[int, int] = (160, 120), **options: object) -> bytes:
    """A red picture that nobody may find afterwards."""
    out = io.BytesIO()
    Image.new("RGB", size, RED).save(out, "JPEG", **options)
    return out.getvalue()


def directory(entries: list[tuple[int, int, int, bytes]], start: int, order: str, following: int = 0) -> bytes:
    """An IFD at `start` whose long values come right behind it."""
    behind = start + 2 + 12 * len(entries) + 4
    table, values = struct.pack(order + "H", len(entries)), b""
    for tag, kind, count, data in entries:
        table += struct.pack(order + "HHI", tag, kind, count)
        if len(data) > 4:
            table += struct.pack(order + "I", behind + len(values))
            values += data + bytes(len(data) % 2)
        else:
            table += data.ljust(4, b"\0")
    return table + struct.pack(order + "I", following) + values


def exif(order: str, *, thumbnail: bytes = b"", strips: bytes = b"", maker: bytes = b"maker\x80\xff\0" * 9) -> bytes:
    """A block with IFD0, EXIF and GPS directories, and IFD1 when there is a thumbnail; without prefix."""

    def number(value: int) -> bytes:
        return struct.pack(order + "I", value)

    def short(value: int) -> bytes:
        return struct.pack(order + "H", value)

    photo_entries = [(0x829A, 5, 1, number(1) + number(125)), (0x927C, 7, len(maker), maker), (0xA001, 3, 1, short(1))]
    gps_entries = [(1, 2, 2, b"N\0"), (2, 5, 3, b"".join(number(part) for part in (52, 1, 31, 1, 12, 1)))]

    def main_directory(photo_at: int, gps_at: int, next_at: int) -> bytes:
        entries = [
            (0x010F, 2, 9, b"A maker.\0"),
            (0x0112, 3, 1, short(6)),
            (0x011A, 5, 1, number(300) + number(1)),
            (0x8769, 4, 1, number(photo_at)),
            (0x8825, 4, 1, number(gps_at)),
        ]
        return directory(entries, 8, order, next_at)

    photo_at = 8 + len(main_directory(0, 0, 0))
    photo = directory(photo_entries, photo_at, order)
    gps = directory(gps_entries, photo_at + len(photo), order)
    next_at = photo_at + len(photo) + len(gps)
    following = b""
    if thumbnail or strips:
        tags = (0x0201, 0x0202) if thumbnail else (0x0111, 0x0117)
        picture = thumbnail or strips
        place = next_at + 2 + 3 * 12 + 4
        entries = [(0x0103, 3, 1, short(6 if thumbnail else 1))]
        entries += [(tags[0], 4, 1, number(place)), (tags[1], 4, 1, number(len(picture)))]
        following = directory(entries, next_at, order) + picture
    head = (b"II*\0" if order == "<" else b"MM\0*") + number(8)
    return head + main_directory(photo_at, photo_at + len(photo), next_at if following else 0) + photo + gps + following


def tags_of(block: bytes) -> dict[str, object]:
    """What an independent reader finds."""
    found = Image.Exif()
    found.load(b"Exif\0\0" + block.removeprefix(b"Exif\0\0"))
    main = {tag: value for tag, value in found.items() if tag not in (0x8769, 0x8825)}
    return {"main": main, "photo": dict(found.get_ifd(0x8769)), "gps": dict(found.get_ifd(0x8825))}


def resource(number: int, data: bytes, name: bytes = b"") -> bytes:
    label = bytes([len(name)]) + name
    label += bytes(len(label) % 2)
    return b"8BIM" + struct.pack(">H", number) + label + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)


SPACES = {
    "xmpGImg": "http://ns.adobe.com/xap/1.0/g/img/",
    "GImage": "http://ns.google.com/photos/1.0/image/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "ex": "http://example.org/",
}
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def packet_with(content: str, attributes: str = "") -> bytes:
    declared = " ".join(f"xmlns:{prefix}='{space}'" for prefix, space in SPACES.items())
    text = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" {declared}{attributes}>\n'
        f"<dc:title>Ein schöner > Tag</dc:title>{content}<!-- xmpGImg:image --></rdf:Description></rdf:RDF></x:xmpmeta>"
        + " " * 50
        + '\n<?xpacket end="w"?>'
    )
    return text.encode()
