"""The structure of TIFF files, which EXIF blocks have, too: directories of tags, read and written."""

import struct
from collections.abc import Container
from typing import BinaryIO, NamedTuple, Union

from inpainter.core import InputError

BLOCKS = 700, 33723, 34377, 34675
"""Tags whose value is a file format of its own, whatever type it is declared to have: XMP, IPTC, Photoshop, ICC."""
_MAKER_NOTE = 37500

# Type → `struct`'s code of its numbers; of a rational two. Floating point is copied, never looked at.
CODES = {3: "H", 4: "I", 5: "II", 8: "h", 9: "i", 10: "ii", 11: "I", 12: "Q", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_BYTES = (1, 2, 6, 7)
BIG_ONLY = {16: 4, 17: 9, 18: 13}
"""Types that only BigTIFF knows, and those of classic TIFF in their place."""


class Field(NamedTuple):
    """A tag's value, in no byte order: bytes of the types that are bytes and of the blocks, numbers of all others."""

    kind: int
    values: bytes | tuple[int, ...]
    where: int = 0
    """Where they lay in the file."""

    def encode(self, order: str) -> bytes:
        """The bytes of the value in a byte order."""
        if isinstance(self.values, bytes):
            return self.values
        return struct.pack(f"{order}{len(self.values)}{CODES[self.kind][0]}", *self.values)


Directory = dict[int, Union[Field, "Directory"]]


class TiffFile:
    """A page of a TIFF or BigTIFF structure, to read directories from. Raises InputError when its header is none."""

    def __init__(self, stream: BinaryIO, page: int = 0) -> None:
        self._stream = stream
        self.size = stream.seek(0, 2)
        stream.seek(0)
        head = stream.read(16)
        self.order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        self.big = head[2:4].strip(b"\0") == b"+"
        if not self.order or head[2:4].strip(b"\0") not in (b"*", b"+") or len(head) < (16 if self.big else 8):
            raise InputError("not a TIFF file: its header is none; give a TIFF")
        self.pointer = struct.Struct(self.order + ("Q" if self.big else "I"))
        self._entry = struct.Struct(self.order + ("HHQ8s" if self.big else "HHI4s"))
        (self.first,) = self.pointer.unpack_from(head, self.pointer.size if self.big else 4)
        for _ in range(page):
            self.first = self.following(self.first)[1]

    def directory(self, offset: int = 0, wanted: Container[int] | None = None) -> tuple[dict[int, Field], list[str]]:
        """The tags at `offset`, by default of the page, those `wanted` with their values, and what is unreadable."""
        fields: dict[int, Field] = {}
        dropped: list[str] = []
        start, table = self._table(offset or self.first)
        for place, (tag, kind, items, inline) in enumerate(self._entry.iter_unpack(table), 1):
            if wanted is not None and tag not in wanted:
                fields[tag] = Field(kind, b"")
                continue
            code = "B" if kind in _BYTES else CODES.get(kind, "")
            size = items * struct.calcsize(f"={code}")
            where, data = start + place * self._entry.size - len(inline), inline[:size]
            if size > len(inline):
                (where,) = self.pointer.unpack(inline)
                data = self._read(where, size)
            if not code or len(data) != size:
                dropped.append(f"damaged TIFF tag {tag}")
            elif kind in _BYTES or tag in BLOCKS:
                fields[tag] = Field(kind if kind in _BYTES else 7, data, where)
            else:
                numbers = struct.unpack(f"{self.order}{items * len(code)}{code[0]}", data)
                small = kind in BIG_ONLY and all(abs(number) < 1 << 31 for number in numbers)
                fields[tag] = Field(BIG_ONLY[kind] if small else kind, numbers, where)
        return fields, dropped

    def following(self, offset: int) -> tuple[int, int]:
        """Where the directory at `offset` ends in the offset of the next one, and that offset; 0 where it does not."""
        start, table = self._table(offset)
        where = start + len(table)
        data = self._read(where, self.pointer.size)
        return (where, self.pointer.unpack(data)[0]) if data else (0, 0)

    def spans(self, offset: int) -> tuple[list[tuple[int, int]], dict[int, Field]]:
        """Where the directory at `offset` and its values start and end, and the values."""
        fields, _ = self.directory(offset)
        start, table = self._table(offset)
        end = start + len(table) + self.pointer.size
        values = [(field.where, field.where + len(field.encode(self.order))) for field in fields.values()]
        return [(offset, end), *values], fields

    def _table(self, offset: int) -> tuple[int, bytes]:
        """Where the entries of the directory at `offset` begin, and those that are in the file."""
        start = offset + (8 if self.big else 2)
        count = int.from_bytes(self._read(offset, start - offset), "little" if self.order == "<" else "big")
        whole = min(count, 65535, max(self.size - start, 0) // self._entry.size)
        return start, self._read(start, whole * self._entry.size)

    def _read(self, offset: int, length: int) -> bytes:
        if offset + length > self.size:
            return b""
        self._stream.seek(offset)
        return self._stream.read(length)


def encode_directory(directory: Directory, position: int, order: str, *, big: bool) -> bytes:
    """A directory as it stands in a file at `position` (even), its values and the directories below it behind it."""
    entry, pointer = order + ("HHQ" if big else "HHI"), order + ("Q" if big else "I")
    room = struct.calcsize(pointer)
    entries = struct.pack(order + ("Q" if big else "H"), len(directory))
    table = len(entries) + len(directory) * (struct.calcsize(entry) + room) + room
    table, values = table + table % 2, bytearray()
    for tag in sorted(directory):
        value, place = directory[tag], position + table + len(values)
        if isinstance(value, dict):
            kind, items, data = 18 if big else 4, 1, encode_directory(value, place, order, big=big)
        else:
            kind, items, data = value.kind, len(value.values), value.encode(order)
            items //= len(CODES.get(kind, "B"))
            data = _moved_note(value, data, place) if tag == _MAKER_NOTE else data
        entries += struct.pack(entry, tag, kind, items)
        if isinstance(value, Field) and len(data) <= room:
            entries += data.ljust(room, b"\0")
        else:
            entries += struct.pack(pointer, place)
            values += data + bytes(len(data) % 2)
    return entries.ljust(table, b"\0") + bytes(values)


def _moved_note(field: Field, data: bytes, place: int) -> bytes:
    """A maker note at `place`; its offsets, where they count from the file's beginning, move with it."""
    note = bytearray(data)
    # Its directory, of which the byte order is not known, comes first or behind a name of so many bytes.
    for order, start in ((order, start + 2) for order in "<>" for start in (0, 6, 8, 10, 12)):
        count = struct.unpack_from(order + "H", note, start - 2)[0] if len(note) >= start else 0
        end = start + 12 * count
        if not count or end > len(note):
            continue
        far: list[tuple[int, int, int]] = []
        for at in range(start, end, 12):
            _, kind, items, offset = struct.unpack_from(order + "HHII", note, at)
            size = items * (struct.calcsize(f"={CODES.get(kind, 'B')}") if kind <= 12 else 1 << 32)
            far += [(at + 8, offset - field.where, size)] if size > 4 else []
        # Offsets that count from the note's own beginning would lie before its directory's end.
        if far and all(end <= offset <= len(note) - size for _, offset, size in far):
            for at, offset, _ in far:
                struct.pack_into(order + "I", note, at, offset + place)
            break
    return bytes(note)
