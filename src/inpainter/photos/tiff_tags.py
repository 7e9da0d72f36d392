"""The tags of TIFF files: reading them, cleaning them, and putting the descriptive ones into another TIFF.

libvips keeps only a few tags when it writes a TIFF: neither EXIF and GPS nor camera, date and author.
"""

import io
from typing import BinaryIO

from inpainter.core import InputError
from inpainter.photos.metadata import Metadata, Piece, cleaned
from inpainter.photos.previews import said, wipe_jpegs
from inpainter.photos.tiff_structure import BIG_ONLY, BLOCKS, CODES, Directory, Field, TiffFile, encode_directory

_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_SUB_DIRECTORIES, _EXTRA_SAMPLES = 330, 338
_XMP, _IPTC, _PHOTOSHOP, _ICC = BLOCKS
_RESOLUTION = {282, 283, 296}
# One number or damaged, since they change how a picture is shown.
_SINGLE = {274, *_RESOLUTION}
# Description, camera, page, software, date, author, copyright, rating, Windows' own texts.
_TOLD = {269, 270, 271, 272, 285, 286, 287, 297, 305, 306, 315, 316, 18246, 18249, 33432, *range(40091, 40096)}
_TOLD |= {*_SINGLE, _EXIF, _GPS}
_GEOGRAPHY = {33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113}
# What only another TIFF has a place for: geography, IPTC, how colours were meant before there were profiles.
_TIFF_ONLY = _GEOGRAPHY | {_IPTC, 301, 318, 319, _EXTRA_SAMPLES}
_DESCRIPTIVE = _TOLD | _TIFF_ONLY | {*BLOCKS}
# Up to here, and three old ones, the tags say how samples are stored.
_LAST_OF_STRUCTURE, _OLD_STRUCTURE = 600, {32996, 32997, 32998}
_NAMES = {_SUB_DIRECTORIES: "pictures beside the main one (SubIFDs)", 37724: "Photoshop layers"}


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
        values = field.values
        if tag in (_EXIF, _GPS, _INTEROPERABILITY):
            below, found = file.directory(values[0]) if depth and values and values[0] else ({}, [])
            dropped += found
            if below:
                copied[tag] = _copied(file, below, dropped, depth - 1)
            continue
        if tag in _SINGLE and (field.kind in (2, 7) or len(values) != len(CODES.get(field.kind, "B"))):
            dropped.append(f"damaged TIFF tag {tag}")
            continue
        if isinstance(values, bytes) and tag not in BLOCKS:
            values, picture = wipe_jpegs(values)
            dropped += ["preview in a TIFF tag"] * picture
        if field.kind in BIG_ONLY:
            dropped.append(f"TIFF tag {tag} (too large a number)")
        elif values and field.kind != 13:  # offsets of directories
            copied[tag] = field._replace(values=values)
    return copied


def tiff_metadata(source: BinaryIO, page: int = 0) -> Metadata:
    """What a TIFF's page says of itself, without previews; EXIF is put together from its tags.

    Raises InputError when the header is none.
    """
    file = TiffFile(source, page)
    told, dropped = _told_by(file)
    found = {tag: field.encode("") for tag, field in told.items() if tag in BLOCKS and isinstance(field, Field)}
    names = {"xmp": _XMP, "iptc": _IPTC, "photoshop": _PHOTOSHOP, "icc": _ICC}
    blocks = {kind: found.get(tag, b"") for kind, tag in names.items()}
    blocks["exif"] = _structure(file, {tag: told[tag] for tag in told.keys() & _TOLD})
    here = Piece(_structure(file, {tag: told[tag] for tag in told.keys() & _TIFF_ONLY}))
    return cleaned(blocks, [here], dropped)


def _structure(file: TiffFile, directory: Directory) -> bytes:
    head = {"<": b"II*\0\x08\0\0\0", ">": b"MM\0*\0\0\0\x08"}[file.order]
    return head + encode_directory(directory, 8, file.order, big=False) if directory else b""


def carry_tiff_tags(metadata: Metadata, encoded: BinaryIO) -> list[str]:
    """Give `encoded`, a TIFF of one page open for reading and writing, the tags that `metadata` describes.

    They go to its end, in its byte order; maker notes byte for byte, but for offsets. Returns what was dropped.
    """
    file = TiffFile(encoded)
    own, _ = file.directory()
    told: Directory = {}
    dropped = list(metadata.dropped)
    for structure in (metadata.exif, *(piece.data for piece in metadata.pieces)):
        if structure:
            try:
                found, lost = _told_by(TiffFile(io.BytesIO(structure)))
            except InputError:
                found, lost = {}, ["damaged EXIF"]
            told |= {tag: found[tag] for tag in found.keys() & (_TOLD | _TIFF_ONLY)}
            dropped += lost
    blocks = {_XMP: metadata.xmp, _PHOTOSHOP: metadata.photoshop, _ICC: metadata.icc}
    told |= {tag: Field(1 if tag == _XMP else 7, data) for tag, data in blocks.items() if data}
    # libvips passes samples on as they are, so whether there is alpha, and multiplied in, follows from the source.
    extra = told.pop(_EXTRA_SAMPLES, None)
    if isinstance(extra, Field) and _EXTRA_SAMPLES in own and len(own[_EXTRA_SAMPLES].values) == len(extra.values):
        told[_EXTRA_SAMPLES] = extra
    elif metadata.pieces and not extra:
        own.pop(_EXTRA_SAMPLES, None)
    # Where libvips knows none, it writes 10 a centimetre.
    if 282 in own and own[282].values == (10, 1):
        own = {tag: field for tag, field in own.items() if tag not in _RESOLUTION}
    position = file.size + file.size % 2
    encoded.seek(position)
    encoded.write(encode_directory(own | told, position, file.order, big=file.big))
    encoded.seek(8 if file.big else 4)
    encoded.write(file.pointer.pack(position))
    return said(dropped)
