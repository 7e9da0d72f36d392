"""The tags of TIFF files: reading them, cleaning them, and putting the descriptive ones into another TIFF.

libvips keeps only a few tags when it writes a TIFF: neither EXIF and GPS nor camera, date and author.
"""

import io
import struct
from collections.abc import Iterable
from typing import BinaryIO, NamedTuple, Union

from inpainter.core import InputError
from inpainter.photos.metadata import Metadata, said
from inpainter.photos.previews import TYPE_SIZES, strip_photoshop, wipe_jpegs
from inpainter.photos.xmp import strip_xmp

_SUB_DIRECTORIES, _EXTRA_SAMPLES, _MAKER_NOTE = 330, 338, 37500
_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_XMP, _IPTC, _PHOTOSHOP, _ICC = _BLOCKS = 700, 33723, 34377, 34675
"""Tags whose value is a file format of its own, whatever type it is declared to have."""

# Description, camera, orientation, resolution, page, software, date, author, copyright, rating, Windows' own texts.
_TOLD = {269, 270, 271, 272, 274, 282, 283, 285, 286, 287, 296, 297, 305, 306, 315, 316, 18246, 18249, 33432}
_TOLD |= {*range(40091, 40096), _EXIF, _GPS}
_GEOGRAPHY = {33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113}
_COLOUR = {_ICC, 301, 318, 319}
_DESCRIPTIVE = _TOLD | _GEOGRAPHY | _COLOUR | {*_BLOCKS}
# Below lie the tags of how samples are stored, and behind it three old ones.
_LAST_OF_STRUCTURE, _OLD_STRUCTURE = 600, {32996, 32997, 32998}
_NAMES = {_SUB_DIRECTORIES: "pictures beside the main one (SubIFDs)", 37724: "Photoshop layers"}

_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_SMALLER = {16: 4, 17: 9, 18: 13}
"""Types that only BigTIFF knows, and those of classic TIFF in their place."""
# What stands before the directory of a maker note: nothing, or a name of so many bytes.
_NOTE_NAMES = (0, 6, 8, 10, 12)


class Field(NamedTuple):
    """A tag's value: type, number of items, and bytes in the byte order that was asked for."""

    kind: int
    items: int
    data: bytes
    where: int = 0
    """Where the bytes lay in the file."""


Directory = dict[int, Union[Field, "Directory"]]


class TiffFile:
    """A TIFF or BigTIFF structure to read directories from. Raises InputError when its header is none."""

    def __init__(self, stream: BinaryIO, page: int = 0) -> None:
        self._stream = stream
        self.size = stream.seek(0, 2)
        stream.seek(0)
        head = stream.read(16)
        self.order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        self.big = head[2:4].strip(b"\0") == b"+"
        if not self.order or head[2:4].strip(b"\0") not in (b"*", b"+") or len(head) < (16 if self.big else 8):
            raise InputError("not a TIFF file: its header is none; give a TIFF")
        self.pointer = self.order + ("Q" if self.big else "I")
        self._entry = struct.Struct(self.order + ("HHQ8s" if self.big else "HHI4s"))
        (self.first,) = struct.unpack_from(self.pointer, head, 8 if self.big else 4)
        for _ in range(page):
            start, table = self._table(self.first)
            behind = self._read(start + len(table), struct.calcsize(self.pointer))
            self.first = struct.unpack(self.pointer, behind)[0] if behind else 0

    def directory(self, offset: int = 0, order: str = "") -> tuple[dict[int, Field], list[str]]:
        """The tags at `offset`, or of the page, in byte `order` (the file's own by default), and what is unreadable."""
        fields: dict[int, Field] = {}
        dropped: list[str] = []
        start, table = self._table(offset or self.first)
        room = struct.calcsize(self.pointer)
        for place, (tag, kind, items, inline) in enumerate(self._entry.iter_unpack(table)):
            size = items * TYPE_SIZES.get(kind, 0)
            where, data = start + (place + 1) * self._entry.size - room, inline[:size]
            if size > room:
                (where,) = struct.unpack(self.pointer, inline)
                data = self._read(where, size)
            if kind not in TYPE_SIZES or len(data) != size:
                dropped.append(f"damaged TIFF tag {tag}")
                continue
            if self.order != (order or self.order) and tag not in _BLOCKS:
                item = TYPE_SIZES[kind] // (2 if kind in (5, 10) else 1)  # a rational is two numbers
                data = b"".join(data[at : at + item][::-1] for at in range(0, size, item))
            fields[tag] = Field(kind, items, data, where)
        return fields, dropped

    def numbers(self, field: Field | None) -> list[int]:
        """The whole numbers that a field in the file's byte order holds; [] when it holds none."""
        return _numbers(field, self.order)

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


def _numbers(field: Field | None, order: str) -> list[int]:
    if field is None or field.kind not in _CODES:
        return []
    return list(struct.unpack(f"{order}{field.items}{_CODES[field.kind]}", field.data))


# ---------------------------------------------------------------- what a source tells


def _told_by(file: TiffFile, order: str) -> tuple[Directory, list[str]]:
    """The descriptive tags of a page, with EXIF and GPS, cleaned; and what was dropped."""
    fields, dropped = file.directory(order=order)
    for tag in fields.keys() - _DESCRIPTIVE - _OLD_STRUCTURE:
        if tag > _LAST_OF_STRUCTURE or tag in _NAMES:
            dropped.append(_NAMES.get(tag, f"TIFF tag {tag}"))
    return _copied(file, {tag: fields[tag] for tag in fields.keys() & _DESCRIPTIVE}, order, dropped), dropped


def _copied(file: TiffFile, fields: dict[int, Field], order: str, dropped: list[str], depth: int = 2) -> Directory:
    """Copy a directory and what is below it: EXIF and GPS, and interoperability below EXIF; without previews."""
    copied: Directory = {}
    for tag, field in fields.items():
        if tag in (_EXIF, _GPS, _INTEROPERABILITY):
            offsets = _numbers(field, order)
            below, found = file.directory(offsets[0], order) if depth and len(offsets) == 1 and offsets[0] else ({}, [])
            dropped += found
            if below:
                copied[tag] = _copied(file, below, order, dropped, depth - 1)
        elif field.kind not in (13, 18):  # where a directory is, which does not follow
            cleaned, found = _cleaned(tag, field, order)
            dropped += found
            if cleaned.items:
                copied[tag] = cleaned
    return copied


def _cleaned(tag: int, field: Field, order: str) -> tuple[Field, list[str]]:
    """The field without pictures, in a type that any TIFF may have; without items when it is damaged."""
    if tag in _BLOCKS:
        strip = {_XMP: strip_xmp, _PHOTOSHOP: strip_photoshop}.get(tag)
        data, dropped = strip(field.data) if strip else (field.data, [])
        return Field(field.kind if TYPE_SIZES[field.kind] == 1 else 7, len(data), data), dropped
    if field.kind in _SMALLER:
        kind = _SMALLER[field.kind]
        try:
            numbers = _numbers(field, order)
            data = struct.pack(f"{order}{len(numbers)}{_CODES[kind]}", *numbers)
        except struct.error:
            return Field(kind, 0, b""), [f"TIFF tag {tag} (too large a number)"]
        field = Field(kind, len(numbers), data)
    # One number or damaged: these change how a picture is shown.
    if tag in (274, 282, 283, 296) and (field.items != 1 or field.kind in (2, 7)):
        return Field(7, 0, b""), [f"damaged TIFF tag {tag}"]
    data, picture = wipe_jpegs(field.data) if field.kind in (1, 2, 6, 7) else (field.data, False)
    return field._replace(data=data), ["preview in a TIFF tag"] if picture else []


def tiff_metadata(source: BinaryIO, page: int = 0) -> Metadata:
    """The blocks of a TIFF file that other formats can carry, without previews; EXIF is put together from its tags.

    Raises InputError when the header is none.
    """
    file = TiffFile(source, page)
    told, dropped = _told_by(file, file.order)
    blocks = [field.data if isinstance(field := told.get(tag), Field) else b"" for tag in _BLOCKS]
    exif = encode_directory({tag: told[tag] for tag in told.keys() & _TOLD}, 8, file.order, big=False)
    head = {"<": b"II*\0\x08\0\0\0", ">": b"MM\0*\0\0\0\x08"}[file.order]
    metadata = Metadata.clean(
        exif=head + exif if told.keys() & _TOLD else b"", xmp=blocks[0], iptc=blocks[1], photoshop=blocks[2],
        icc=blocks[3],
    )  # fmt: skip
    return metadata.with_dropped(dropped)


# ---------------------------------------------------------------- writing


def encode_directory(directory: Directory, position: int, order: str, *, big: bool) -> bytes:
    """A directory as it stands in a file at `position` (even), its values and the directories below it behind it."""
    count, entry, pointer = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    room = struct.calcsize(order + pointer)
    table = struct.calcsize(order + count) + len(directory) * (struct.calcsize(order + entry) + room) + room
    table += table % 2
    entries, values = [struct.pack(order + count, len(directory))], bytearray()
    for tag in sorted(directory):
        value = directory[tag]
        place = position + table + len(values)
        if isinstance(value, dict):
            entries.append(struct.pack(order + entry + pointer, tag, 18 if big else 4, 1, place))
            values += encode_directory(value, place, order, big=big)
        elif len(value.data) <= room:
            entries.append(struct.pack(order + entry, tag, value.kind, value.items) + value.data.ljust(room, b"\0"))
        else:
            entries.append(struct.pack(order + entry + pointer, tag, value.kind, value.items, place))
            values += _moved_note(value, place) if tag == _MAKER_NOTE else value.data
        values += bytes(len(values) % 2)
    return b"".join(entries).ljust(table, b"\0") + bytes(values)


def _moved_note(field: Field, place: int) -> bytes:
    """A maker note at `place`; its offsets, where they count from the file's beginning, move with it."""
    note = bytearray(field.data)
    for order in "<>":
        for start in (start + 2 for start in _NOTE_NAMES if start + 2 <= len(note)):
            (count,) = struct.unpack_from(order + "H", note, start - 2)
            behind = start + 12 * count
            if not count > 0 or behind > len(note):
                continue
            entries = [struct.unpack_from(order + "HHII", note, at) for at in range(start, behind, 12)]
            sizes = [items * TYPE_SIZES.get(kind, 1 << 32) for _, kind, items, _ in entries]
            far = [(at, size) for at, size in enumerate(sizes) if size > 4]
            # Offsets that count from the note's own beginning would lie before its directory's end.
            if far and all(behind <= entries[at][3] - field.where <= len(note) - size for at, size in far):
                for at, _ in far:
                    struct.pack_into(order + "I", note, start + 12 * at + 8, entries[at][3] - field.where + place)
                return bytes(note)
    return field.data


def carry_tiff_tags(
    source: BinaryIO | Metadata, encoded: BinaryIO, *, same_colours: bool = True, page: int = 0
) -> list[str]:
    """Give `encoded`, a TIFF of one page open for reading and writing, the descriptive tags of `source`.

    `source` is a TIFF file (classic or BigTIFF, either byte order), of which `page` counts, or the metadata of a photo
    of another format. Description, camera, dates, author, orientation, resolution, geography, ICC, XMP, IPTC, Photoshop
    resources, EXIF and GPS are copied, values in the byte order of `encoded`; maker notes byte for byte, but for
    offsets. Pictures beside the main one are not. A new directory goes to the end of the file. With
    `same_colours=False` the tags that define colour are those of `encoded`. Returns what was dropped, in plain words.
    Raises InputError when a header is damaged.
    """
    file = TiffFile(encoded)
    own, damaged = file.directory()
    if damaged or not own:
        raise InputError("the written TIFF has a damaged directory; write it again")
    if isinstance(source, Metadata):
        told, dropped = _told_in(source, file.order)
        replaced: Iterable[int] = told.keys()
    else:
        came = TiffFile(source, page)
        told, dropped = _told_by(came, file.order)
        replaced = _DESCRIPTIVE
        # libvips passes samples on as they are, so whether alpha is multiplied in must follow from the source.
        extra = came.directory(order=file.order)[0].get(_EXTRA_SAMPLES)
        if extra and _EXTRA_SAMPLES in own and own[_EXTRA_SAMPLES].items == extra.items:
            told[_EXTRA_SAMPLES] = extra
    ours = _COLOUR if not same_colours else set()
    told = {tag: value for tag, value in told.items() if tag not in ours}
    gone = {tag: field for tag, field in own.items() if tag in replaced and tag not in ours}

    end = encoded.seek(0, 2)
    position = end + end % 2
    kept: Directory = {tag: field for tag, field in own.items() if tag not in gone}
    directory = encode_directory(kept | told, position, file.order, big=file.big)
    if not file.big and position + len(directory) >= 1 << 32:
        return said([*dropped, "TIFF tags (the file would pass 4 GB; write a BigTIFF)"])
    encoded.write(bytes(end % 2) + directory)
    # What the new directory replaces may hold pictures, so it is not left lying in the file.
    for field in gone.values():
        encoded.seek(field.where)
        encoded.write(bytes(len(field.data)))
    encoded.seek(8 if file.big else 4)
    encoded.write(struct.pack(file.pointer, position))
    return said(dropped)


def _told_in(metadata: Metadata, order: str) -> tuple[Directory, list[str]]:
    told: Directory = {}
    dropped = list(metadata.dropped)
    if metadata.exif:
        try:
            told, found = _told_by(TiffFile(io.BytesIO(metadata.exif)), order)
            dropped += found
        except InputError:
            dropped.append("damaged EXIF")
    for tag, data in ((_XMP, metadata.xmp), (_PHOTOSHOP, metadata.photoshop), (_ICC, metadata.icc)):
        if data:
            told[tag] = Field(1 if tag == _XMP else 7, len(data), data)
    return told, dropped
