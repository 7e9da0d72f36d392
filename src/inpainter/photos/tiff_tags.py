"""The tags of TIFF files: reading them, cleaning them, and putting the descriptive ones into another TIFF.

libvips keeps only a few tags when it writes a TIFF: neither EXIF and GPS nor camera, date and author.
"""

import io
import struct
from collections.abc import Container
from typing import BinaryIO, NamedTuple, Union

from inpainter.core import InputError
from inpainter.photos.metadata import Metadata, said
from inpainter.photos.previews import strip_photoshop, wipe_jpegs
from inpainter.photos.xmp import strip_xmp

_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_SUB_DIRECTORIES, _EXTRA_SAMPLES, _MAKER_NOTE = 330, 338, 37500
_XMP, _IPTC, _PHOTOSHOP, _ICC = _BLOCKS = 700, 33723, 34377, 34675
"""Tags whose value is a file format of its own, whatever type it is declared to have."""
# Orientation and resolution: one number or damaged, since they change how a picture is shown.
_SINGLE = {274, 282, 283, 296}
# Description, camera, page, software, date, author, copyright, rating, Windows' own texts.
_TOLD = {269, 270, 271, 272, 285, 286, 287, 297, 305, 306, 315, 316, 18246, 18249, 33432, *range(40091, 40096)}
_TOLD |= {*_SINGLE, _EXIF, _GPS}
_GEOGRAPHY = {33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113}
_COLOUR = {_ICC, 301, 318, 319}
_DESCRIPTIVE = _TOLD | _GEOGRAPHY | _COLOUR | {*_BLOCKS}
# Up to here, and three old ones, the tags say how samples are stored.
_LAST_OF_STRUCTURE, _OLD_STRUCTURE = 600, {32996, 32997, 32998}
_NAMES = {_SUB_DIRECTORIES: "pictures beside the main one (SubIFDs)", 37724: "Photoshop layers"}

# Type → `struct`'s code of its numbers; of a rational two. Floating point is copied, never looked at.
_CODES = {3: "H", 4: "I", 5: "II", 8: "h", 9: "i", 10: "ii", 11: "I", 12: "Q", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_BYTES, _DIRECTORY = (1, 2, 6, 7), 13
_SMALLER = {16: 4, 17: 9, 18: 13}
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
        return struct.pack(f"{order}{len(self.values)}{_CODES[self.kind][0]}", *self.values)


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
            start, table = self._table(self.first)
            behind = self._read(start + len(table), self.pointer.size)
            self.first = self.pointer.unpack(behind)[0] if behind else 0

    def directory(self, offset: int = 0, wanted: Container[int] | None = None) -> tuple[dict[int, Field], list[str]]:
        """The tags at `offset`, by default of the page, those `wanted` with their values, and what is unreadable."""
        fields: dict[int, Field] = {}
        dropped: list[str] = []
        start, table = self._table(offset or self.first)
        for place, (tag, kind, items, inline) in enumerate(self._entry.iter_unpack(table), 1):
            if wanted is not None and tag not in wanted:
                fields[tag] = Field(kind, b"")
                continue
            code = "B" if kind in _BYTES else _CODES.get(kind, "")
            size = items * struct.calcsize(f"={code}")
            where, data = start + place * self._entry.size - len(inline), inline[:size]
            if size > len(inline):
                (where,) = self.pointer.unpack(inline)
                data = self._read(where, size)
            if not code or len(data) != size:
                dropped.append(f"damaged TIFF tag {tag}")
            elif kind in _BYTES or tag in _BLOCKS:
                fields[tag] = Field(kind if kind in _BYTES else 7, data, where)
            else:
                numbers = struct.unpack(f"{self.order}{items * len(code)}{code[0]}", data)
                small = kind in _SMALLER and all(abs(number) < 1 << 31 for number in numbers)
                fields[tag] = Field(_SMALLER[kind] if small else kind, numbers, where)
        return fields, dropped

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


# ---------------------------------------------------------------- what a source tells


def _told_by(file: TiffFile) -> tuple[Directory, list[str]]:
    """The descriptive tags of a page, with EXIF and GPS, cleaned; and what was dropped."""
    fields, dropped = file.directory(wanted=_DESCRIPTIVE)
    for tag in sorted(fields.keys() - _DESCRIPTIVE - _OLD_STRUCTURE):
        if tag > _LAST_OF_STRUCTURE or tag in _NAMES:
            dropped.append(_NAMES.get(tag, f"TIFF tag {tag}"))
    return _copied(file, {tag: fields[tag] for tag in fields.keys() & _DESCRIPTIVE}, dropped), dropped


def _copied(file: TiffFile, fields: dict[int, Field], dropped: list[str], depth: int = 2) -> Directory:
    """Copy a directory and what is below it: EXIF and GPS, and interoperability below EXIF; without previews."""
    copied: Directory = {}
    for tag, field in fields.items():
        values, picture = field.values, False
        if tag in (_EXIF, _GPS, _INTEROPERABILITY):
            below, found = file.directory(values[0]) if depth and values and values[0] else ({}, [])
            dropped += found
            if below:
                copied[tag] = _copied(file, below, dropped, depth - 1)
            continue
        if tag in _SINGLE and (field.kind in (2, 7) or len(values) != len(_CODES.get(field.kind, "B"))):
            dropped.append(f"damaged TIFF tag {tag}")
            continue
        if tag in (_XMP, _PHOTOSHOP) and isinstance(values, bytes):
            values, found = (strip_xmp if tag == _XMP else strip_photoshop)(values)
            dropped += found
        elif isinstance(values, bytes) and tag not in _BLOCKS:
            values, picture = wipe_jpegs(values)
        dropped += ["preview in a TIFF tag"] if picture else []
        if field.kind in _SMALLER:
            dropped.append(f"TIFF tag {tag} (too large a number)")
        elif values and field.kind != _DIRECTORY:
            copied[tag] = field._replace(values=values)
    return copied


def tiff_metadata(source: BinaryIO, page: int = 0) -> Metadata:
    """The blocks of a TIFF's page that other formats can carry, without previews; EXIF is put together from its tags.

    Raises InputError when the header is none.
    """
    file = TiffFile(source, page)
    told, dropped = _told_by(file)
    blocks = [field.encode("") if isinstance(field := told.get(tag), Field) else b"" for tag in _BLOCKS]
    exif = {tag: told[tag] for tag in told.keys() & _TOLD}
    head = {"<": b"II*\0\x08\0\0\0", ">": b"MM\0*\0\0\0\x08"}[file.order]
    metadata = Metadata.clean(
        exif=head + encode_directory(exif, 8, file.order, big=False) if exif else b"", xmp=blocks[0], iptc=blocks[1],
        photoshop=blocks[2], icc=blocks[3],
    )  # fmt: skip
    return metadata.with_dropped(dropped)


# ---------------------------------------------------------------- writing


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
            items //= len(_CODES.get(kind, "B"))
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
            size = items * (struct.calcsize(f"={_CODES.get(kind, 'B')}") if kind <= 12 else 1 << 32)
            far += [(at + 8, offset - field.where, size)] if size > 4 else []
        # Offsets that count from the note's own beginning would lie before its directory's end.
        if far and all(end <= offset <= len(note) - size for _, offset, size in far):
            for at, offset, _ in far:
                struct.pack_into(order + "I", note, at, offset + place)
            break
    return bytes(note)


def carry_tiff_tags(
    source: BinaryIO | Metadata, encoded: BinaryIO, *, same_colours: bool = True, page: int = 0
) -> list[str]:
    """Give `encoded`, a TIFF of one page open for reading and writing, the descriptive tags of `source`.

    `source` is a TIFF file (classic or BigTIFF, either byte order), of which `page` counts, or the metadata of a photo
    of another format. Description, camera, dates, author, orientation, resolution, geography, ICC, XMP, IPTC, Photoshop
    resources, EXIF and GPS are copied, values in the byte order of `encoded`; maker notes byte for byte, but for
    offsets. Pictures beside the main one are not. A new directory goes to the end of the file. With
    `same_colours=False` the tags that define colour are those of `encoded`. Returns what was dropped, in plain words.
    """
    file = TiffFile(encoded)
    own, _ = file.directory()
    if isinstance(source, Metadata):
        told, dropped = _told_in(source)
        replaced = set(told)
    else:
        came = TiffFile(source, page)
        told, dropped = _told_by(came)
        replaced = _DESCRIPTIVE
        # libvips passes samples on as they are, so whether there is alpha, and multiplied in, follows from the source.
        extra = came.directory(wanted=(_EXTRA_SAMPLES,))[0].get(_EXTRA_SAMPLES)
        if extra and _EXTRA_SAMPLES in own and len(own[_EXTRA_SAMPLES].values) == len(extra.values):
            told[_EXTRA_SAMPLES] = extra
        elif not extra:
            own.pop(_EXTRA_SAMPLES, None)
    ours = set() if same_colours else _COLOUR
    kept = {tag: own[tag] for tag in own.keys() - (replaced - ours)}
    theirs = {tag: told[tag] for tag in told.keys() - ours}
    position = file.size + file.size % 2
    encoded.seek(position)
    encoded.write(encode_directory(kept | theirs, position, file.order, big=file.big))
    encoded.seek(8 if file.big else 4)
    encoded.write(file.pointer.pack(position))
    return said(dropped)


def _told_in(metadata: Metadata) -> tuple[Directory, list[str]]:
    told: Directory = {}
    dropped = list(metadata.dropped)
    if metadata.exif:
        try:
            told, found = _told_by(TiffFile(io.BytesIO(metadata.exif)))
            dropped += found
        except InputError:
            dropped.append("damaged EXIF")
    blocks = {_XMP: metadata.xmp, _PHOTOSHOP: metadata.photoshop, _ICC: metadata.icc}
    return told | {tag: Field(1 if tag == _XMP else 7, data) for tag, data in blocks.items() if data}, dropped
