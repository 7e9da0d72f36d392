"""Finding the coded picture inside an AVIF file.

Sources: ISO/IEC 14496-12 (boxes; section 8.11 for `meta` and what is in it), ISO/IEC 23008-12 (`grid`, `ipma`), and
AV1 Image File Format (Alliance for Open Media), section 2.
"""

from dataclasses import dataclass, field

Boxes = dict[bytes, list[bytes]]
_ENOUGH = 1 << 20  # bytes: the headers of a picture, and metadata before them, are shorter


@dataclass(frozen=True)
class Av1Item:
    """A picture coded in AV1: how, and its units."""

    bit_depth: int
    """8, 10 or 12 bits a sample."""
    monochrome: bool
    subsampling: str
    """'4:4:4', '4:2:2' or '4:2:0'; '4:0:0' when monochrome."""
    units: bytes
    """Its OBUs as far as the first MiB, those of the configuration first."""


@dataclass
class _Item:
    kind: bytes = b""
    properties: list[int] = field(default_factory=list)
    method: int = 0
    extents: list[tuple[int, int]] = field(default_factory=list)


class _Fields:
    """Reads big-endian numbers one behind the other; raises ValueError past the end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def u(self, size: int) -> int:
        if self.at + size > len(self.data):
            raise ValueError("a box ends too early")
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "big")

    def version_and_flags(self) -> tuple[int, int]:
        return self.u(1), self.u(3)


def primary_av1_item(data: bytes) -> Av1Item:
    """Find the primary picture of the AVIF file `data`; of a picture made of tiles, the first tile.

    Raises ValueError when the file is damaged or its primary picture is coded in another way.
    """
    meta = _one(_boxes(data), b"meta")
    inner = _boxes(meta[4:])
    items = _items(inner)
    chosen = _primary(_one(inner, b"pitm"))
    for _ in range(8):  # a tile may be derived again; a file that goes in circles must not hang us
        if chosen not in items:
            raise ValueError("the primary picture is missing")
        if items[chosen].kind == b"av01":
            return _av1_item(data, inner, items[chosen])
        chosen = _derived_from(inner, chosen)
    raise ValueError("the primary picture is not coded in AV1")


def _boxes(data: bytes) -> Boxes:
    """Sort the boxes in `data` by type, those of one type in order."""
    found: Boxes = {}
    for kind, body in _in_order(data):
        found.setdefault(kind, []).append(body)
    return found


def _in_order(data: bytes) -> list[tuple[bytes, bytes]]:
    """Split `data` into boxes (ISO/IEC 14496-12, section 4.2): type and body of each."""
    found: list[tuple[bytes, bytes]] = []
    at = 0
    while at + 8 <= len(data):
        size, kind, start = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        elif size == 0:
            size = len(data) - at
        if size < start - at:
            raise ValueError("the size of a box is damaged")
        found.append((kind, data[start : at + size]))
        at += size
    return found


def _one(boxes: Boxes, kind: bytes) -> bytes:
    if kind not in boxes:
        raise ValueError(f"the box '{kind.decode('latin-1')}' is missing")
    return boxes[kind][0]


def _primary(body: bytes) -> int:
    fields = _Fields(body)
    version, _ = fields.version_and_flags()
    return fields.u(4 if version else 2)


def _items(inner: Boxes) -> dict[int, _Item]:
    items: dict[int, _Item] = {}
    _read_kinds(_one(inner, b"iinf"), items)
    _read_places(_one(inner, b"iloc"), items)
    for body in _boxes(_one(inner, b"iprp")).get(b"ipma", []):
        _read_properties(body, items)
    return items


def _read_kinds(body: bytes, items: dict[int, _Item]) -> None:
    fields = _Fields(body)
    version, _ = fields.version_and_flags()
    fields.u(4 if version else 2)
    for entry in _boxes(body[fields.at :]).get(b"infe", []):
        fields = _Fields(entry)
        version, _ = fields.version_and_flags()
        if version >= 2:
            number = fields.u(2 if version == 2 else 4)
            fields.u(2)  # item_protection_index
            items.setdefault(number, _Item()).kind = fields.u(4).to_bytes(4, "big")


def _read_places(body: bytes, items: dict[int, _Item]) -> None:
    """Section 8.11.3, ItemLocationBox."""
    fields = _Fields(body)
    version, _ = fields.version_and_flags()
    sizes = fields.u(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version in (1, 2) else 0
    number_size = 4 if version == 2 else 2
    for _ in range(fields.u(number_size)):
        item = items.setdefault(fields.u(number_size), _Item())
        item.method = fields.u(2) & 15 if version in (1, 2) else 0
        fields.u(2)  # data_reference_index
        base = fields.u(base_size)
        count = fields.u(2)
        if count > 1 and not offset_size + length_size:
            raise ValueError("an item has many pieces at one place")
        for _ in range(count):
            fields.u(index_size)
            item.extents.append((base + fields.u(offset_size), fields.u(length_size)))


def _read_properties(body: bytes, items: dict[int, _Item]) -> None:
    """ISO/IEC 23008-12, section 9.3: which properties an item has, as numbers from 1."""
    fields = _Fields(body)
    version, flags = fields.version_and_flags()
    width = 2 if flags & 1 else 1
    for _ in range(fields.u(4)):
        item = items.setdefault(fields.u(2 if version == 0 else 4), _Item())
        # The highest bit says that the property is essential.
        item.properties += [fields.u(width) & (1 << (8 * width - 1)) - 1 for _ in range(fields.u(1))]


def _derived_from(inner: Boxes, number: int) -> int:
    """The first of the items that item `number` is put together from (a reference of type `dimg`)."""
    body = _one(inner, b"iref")
    size = 4 if body[:1] > b"\0" else 2
    for reference in _boxes(body[4:]).get(b"dimg", []):
        fields = _Fields(reference)
        if fields.u(size) == number and fields.u(2):
            return fields.u(size)
    raise ValueError("the primary picture is not coded in AV1")


def _av1_item(data: bytes, inner: Boxes, item: _Item) -> Av1Item:
    properties = _in_order(_one(_boxes(_one(inner, b"iprp")), b"ipco"))
    own = [properties[i - 1] for i in item.properties if 0 < i <= len(properties)]
    configuration = next((body for kind, body in own if kind == b"av1C"), b"")
    if len(configuration) < 4:
        raise ValueError("the box 'av1C' is missing")
    # AV1 Codec ISO Media File Format Binding, section 2.3.3: the third byte holds the flags in this order.
    high, twelve, monochrome, across, down = (configuration[2] >> shift & 1 for shift in (6, 5, 4, 3, 2))
    if item.method > 1:
        raise ValueError("the picture is put together from other items")
    place = data if item.method == 0 else _one(inner, b"idat")
    payload = b""
    for at, length in item.extents:
        wanted = _ENOUGH - len(payload)
        payload += place[at : at + min(length or wanted, wanted)]  # a length of 0 is 'to the end'
    return Av1Item(
        bit_depth=12 if high and twelve else 10 if high else 8,
        monochrome=bool(monochrome),
        subsampling="4:0:0" if monochrome else {(0, 0): "4:4:4", (1, 0): "4:2:2"}.get((across, down), "4:2:0"),
        units=configuration[4:] + payload,
    )
