"""The descriptive tags of TIFF files: reading them, cleaning them, and putting them into another TIFF.

libvips keeps only a few tags when it writes a TIFF: neither EXIF and GPS nor camera, date and author.
"""

import io
import struct
from typing import BinaryIO, NamedTuple, Union

from inpainter.core import InputError
from inpainter.photos.metadata import Metadata, said
from inpainter.photos.previews import TYPE_SIZES, strip_photoshop, wipe_jpegs
from inpainter.photos.xmp import strip_xmp

_XMP, _IPTC, _PHOTOSHOP, _ICC = 700, 33723, 34377, 34675
_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_BLOCKS = (_XMP, _IPTC, _PHOTOSHOP, _ICC)
"""Tags whose value is a file format of its own, whatever type it is declared to have."""

# Description, camera, orientation, resolution, page, software, date, author, copyright, rating, Windows' own texts.
_TOLD = {269, 270, 271, 272, 274, 282, 283, 285, 286, 287, 296, 297, 305, 306, 315, 316, 18246, 18249, 33432}
_TOLD |= set(range(40091, 40096))
_GEOGRAPHY = {33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113}
_COLOUR = {_ICC, 301, 318, 319}
_DESCRIPTIVE = _TOLD | _GEOGRAPHY | _COLOUR | {*_BLOCKS, _EXIF, _GPS}
_STRUCTURE = {*range(254, 267), 273, *range(277, 282), 284, *range(288, 294), 317, *range(320, 326), *range(332, 348)}
_STRUCTURE = (_STRUCTURE | {*range(512, 522), *range(529, 533), 559, 32996, 32997, 32998}) - {330}
_NAMES = {330: "pictures beside the main one (SubIFDs)", 37724: "Photoshop layers"}
_EXTRA_SAMPLES = 338
_SINGLE = {274: 3, 282: 5, 283: 5, 296: 3}
"""Types of the tags that change how a picture is shown: orientation and resolution are one value or damaged."""

_ITEM_SIZES = TYPE_SIZES | {5: 4, 10: 4}  # a rational is two numbers
_SHRUNK = {16: (4, "Q", "I"), 17: (9, "q", "i"), 18: (4, "Q", "I")}


class Field(NamedTuple):
    """A tag's value: type, number of items, and bytes in the byte order that was asked for."""

    kind: int
    items: int
    data: bytes
    where: int | None = None
    """Where the bytes lay in the file, when not in the directory itself."""


Directory = dict[int, Union[Field, "Directory"]]


class TiffFile:
    """A TIFF or BigTIFF structure to read directories from. Raises InputError when its header is none."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = stream.seek(0, 2)
        stream.seek(0)
        head = stream.read(16)
        self.order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        version = int.from_bytes(head[2:4], "little" if self.order == "<" else "big")
        self.big = version == 43
        if not self.order or version not in (42, 43) or len(head) < (16 if self.big else 8):
            raise InputError("not a TIFF file: its header is none; give a TIFF")
        (self.first,) = struct.unpack_from(self.order + ("Q" if self.big else "I"), head, 8 if self.big else 4)

    def directory(self, offset: int, order: str = "") -> tuple[dict[int, Field], list[str]]:
        """The tags at `offset`, their bytes in byte `order` (the file's own by default), and what was unreadable."""
        fields: dict[int, Field] = {}
        dropped: list[str] = []
        entry = struct.Struct(self.order + ("HHQ8s" if self.big else "HHI4s"))
        start = self._read(offset, 8 if self.big else 2)
        count = int.from_bytes(start, "little" if self.order == "<" else "big") if start else 0
        table = self._read(offset + len(start), min(count, 65535) * entry.size, whole=False)
        for tag, kind, items, inline in entry.iter_unpack(table[: len(table) // entry.size * entry.size]):
            size = items * TYPE_SIZES.get(kind, 0)
            where = None
            data = inline[:size]
            if size > len(inline):
                (where,) = struct.unpack(self.order + ("Q" if self.big else "I"), inline)
                data = self._read(where, size)
            if kind not in TYPE_SIZES or len(data) != size:
                dropped.append(f"damaged TIFF tag {tag}")
                continue
            fields[tag] = Field(kind, items, _swapped(data, kind, tag, self.order, order or self.order), where)
        return fields, dropped

    def _read(self, offset: int, length: int, *, whole: bool = True) -> bytes:
        if offset > self.size or (whole and offset + length > self.size):
            return b""
        self._stream.seek(offset)
        return self._stream.read(length)


def _swapped(data: bytes, kind: int, tag: int, before: str, after: str) -> bytes:
    size = _ITEM_SIZES[kind]
    if before == after or size == 1 or tag in _BLOCKS:
        return data
    return b"".join(data[start : start + size][::-1] for start in range(0, len(data), size))


# ---------------------------------------------------------------- what a source tells


def _number(field: Field | None, order: str) -> int:
    """The single number that a field holds, such as the offset of a directory; 0 when it holds none."""
    if field is None or field.items != 1 or field.kind not in (3, 4, 13, 16, 18):
        return 0
    return int.from_bytes(field.data, "little" if order == "<" else "big")


def _told_by(source: TiffFile, order: str) -> tuple[Directory, list[str]]:
    """The descriptive tags of a file's first directory, with EXIF and GPS, cleaned; and what was dropped."""
    fields, dropped = source.directory(source.first, order)
    told: Directory = {}
    for tag, field in fields.items():
        if tag in (_EXIF, _GPS):
            below, found = _below(source, _number(field, order), order)
            dropped += found
            if below:
                told[tag] = below
        elif tag in _SINGLE and (field.kind, field.items) != (_SINGLE[tag], 1):
            dropped.append(f"damaged TIFF tag {tag}")
        elif tag in _DESCRIPTIVE:
            cleaned, found = _cleaned(tag, field)
            dropped += found
            if cleaned.data:
                told[tag] = cleaned
        elif tag not in _STRUCTURE:
            dropped.append(_NAMES.get(tag, f"TIFF tag {tag}"))
    return told, dropped


def _below(source: TiffFile, offset: int, order: str) -> tuple[Directory, list[str]]:
    """A copy of the EXIF or GPS directory at `offset`, with the interoperability directory below it."""
    if not offset:
        return {}, []
    fields, dropped = source.directory(offset, order)
    copied: Directory = {}
    for tag, field in fields.items():
        if tag == _INTEROPERABILITY:
            below, found = source.directory(_number(field, order), order)
            dropped += found
            if below:
                copied[tag] = {tag: field for tag, field in below.items() if field.kind not in (13, 18)}
        elif field.kind not in (13, 18):
            copied[tag], found = _cleaned(tag, field)
            dropped += found
    return copied, dropped


def _cleaned(tag: int, field: Field) -> tuple[Field, list[str]]:
    if tag in _BLOCKS:
        strip = {_XMP: strip_xmp, _PHOTOSHOP: strip_photoshop}.get(tag)
        data, dropped = strip(field.data) if strip else (field.data, [])
        kind = field.kind if TYPE_SIZES[field.kind] == 1 else 7
        return Field(kind, len(data), data), dropped
    if field.kind in (1, 2, 6, 7):
        data, picture = wipe_jpegs(field.data)
        return field._replace(data=data), ["preview in a TIFF tag"] if picture else []
    return field, []


def tiff_metadata(source: BinaryIO) -> Metadata:
    """The blocks of a TIFF file that other formats can carry, without previews; EXIF is put together from its tags.

    Raises InputError when the header is none.
    """
    file = TiffFile(source)
    told, dropped = _told_by(file, file.order)
    blocks = {tag: field.data for tag in _BLOCKS if isinstance(field := told.get(tag), Field)}
    exif: Directory = {tag: value for tag, value in told.items() if tag in _TOLD or tag in (_EXIF, _GPS)}
    exif = _fitting(exif, big=False, order=file.order, dropped=dropped)
    head = {"<": b"II*\0\x08\0\0\0", ">": b"MM\0*\0\0\0\x08"}[file.order]
    metadata = Metadata.clean(
        exif=head + encode_directory(exif, 8, file.order, big=False) if exif else b"",
        xmp=blocks.get(_XMP, b""),
        icc=blocks.get(_ICC, b""),
        photoshop=blocks.get(_PHOTOSHOP, b""),
        iptc=blocks.get(_IPTC, b""),
    )
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
            values += value.data
        values += bytes(len(values) % 2)
    return b"".join(entries).ljust(table, b"\0") + bytes(values)


def _fitting(directory: Directory, *, big: bool, order: str, dropped: list[str]) -> Directory:
    """The directory without types that only BigTIFF knows, unless `big`."""
    fitting: Directory = {}
    for tag, value in directory.items():
        if isinstance(value, dict):
            fitting[tag] = _fitting(value, big=big, order=order, dropped=dropped)
        elif big or value.kind not in _SHRUNK:
            fitting[tag] = value
        else:
            kind, wide, narrow = _SHRUNK[value.kind]
            try:
                numbers = struct.unpack(f"{order}{value.items}{wide}", value.data)
                fitting[tag] = Field(kind, value.items, struct.pack(f"{order}{value.items}{narrow}", *numbers))
            except struct.error:
                dropped.append(f"TIFF tag {tag} (too large a number)")
    return fitting


def carry_tiff_tags(source: BinaryIO | Metadata, encoded: BinaryIO, *, same_colours: bool = True) -> list[str]:
    """Give `encoded`, a TIFF of one page open for reading and writing, the descriptive tags of `source`.

    `source` is a TIFF file (classic or BigTIFF, either byte order), or the metadata of a photo of another format.
    Description, camera, dates, author, orientation, resolution, geography, ICC, XMP, IPTC, Photoshop resources, EXIF
    and GPS are copied, values in the byte order of `encoded`; maker notes byte for byte. Pictures beside the main one
    are not. A new directory goes to the end of the file. With `same_colours=False` the tags that define colour are
    those of `encoded`. Answers what was dropped, in plain words. Raises InputError when a header is damaged.
    """
    file = TiffFile(encoded)
    own, damaged = file.directory(file.first)
    if damaged or not own:
        raise InputError("the written TIFF has a damaged directory; write it again")
    if isinstance(source, Metadata):
        told, dropped = _told_in(source, file.order)
        replaced = set(told)
    else:
        told, dropped = _told_by(TiffFile(source), file.order)
        replaced = _DESCRIPTIVE
        extra = _extra_samples(TiffFile(source), file.order)
        if extra and _EXTRA_SAMPLES in own and own[_EXTRA_SAMPLES].items == extra.items:
            told[_EXTRA_SAMPLES] = extra
    if not same_colours:
        replaced = replaced - _COLOUR
        told = {tag: value for tag, value in told.items() if tag not in _COLOUR}
    told = _fitting(told, big=file.big, order=file.order, dropped=dropped)
    kept: Directory = {tag: field for tag, field in own.items() if tag not in replaced}

    end = encoded.seek(0, 2)
    position = end + end % 2
    directory = encode_directory(kept | told, position, file.order, big=file.big)
    if not file.big and position + len(directory) >= 1 << 32:
        return said([*dropped, "TIFF tags (the file would pass 4 GB; write a BigTIFF)"])
    encoded.write(bytes(end % 2) + directory)
    # What the new directory replaces may hold pictures, so it is not left lying in the file.
    for tag, field in own.items():
        if tag in replaced and field.where is not None:
            encoded.seek(field.where)
            encoded.write(bytes(len(field.data)))
    encoded.seek(8 if file.big else 4)
    encoded.write(struct.pack(file.order + ("Q" if file.big else "I"), position))
    return said(dropped)


def _extra_samples(source: TiffFile, order: str) -> Field | None:
    # libvips passes samples on as they are, so whether alpha is multiplied in must follow from the source.
    return source.directory(source.first, order)[0].get(_EXTRA_SAMPLES)


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
