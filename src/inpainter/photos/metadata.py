"""What a photo says about itself, apart from its samples: the blocks that another container can carry."""

import io
import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from inpainter.core import InputError
from inpainter.photos.previews import EXIF_PREFIX, said, strip_exif, strip_photoshop
from inpainter.photos.tiff_structure import TiffFile
from inpainter.photos.xmp import strip_xmp, upright_xmp

STRIPS = {"exif": strip_exif, "xmp": strip_xmp, "photoshop": strip_photoshop}
"""What takes previews out of a block, and says what it has dropped: the names are fields of `Metadata`."""
_IPTC_MARK = b"8BIM" + struct.pack(">H", 0x0404)
_ORIENTATION = 0x0112


class Piece(NamedTuple):
    """Part of a file that goes as it stands into another one of its format."""

    data: bytes
    kind: str = ""
    """Which block of `Metadata` it holds, or part of it."""
    label: str = ""
    """What is lost where it has no place; nothing where that is not worth a word."""
    late: bool = False
    """Whether it follows the picture."""


@dataclass(frozen=True)
class Metadata:
    """Metadata blocks of a photo, without previews; an empty block means that there is none."""

    exif: bytes = b""
    """The TIFF structure, without the prefix `Exif\\0\\0`."""
    xmp: bytes = b""
    """The XMP packet."""
    icc: bytes = b""
    """The ICC profile."""
    photoshop: bytes = b""
    """Photoshop image resource blocks; IPTC is resource 1028 of them."""
    pieces: tuple[Piece, ...] = ()
    """What its own format keeps as it stands, in order: blocks that have not changed, and what is in no block."""
    dropped: tuple[str, ...] = ()
    """What did not survive, in plain words."""

    def new(self, *kinds: str) -> list[tuple[str, bytes]]:
        """The names and bytes of those of these blocks that no piece holds."""
        held = {piece.kind for piece in self.pieces}
        return [(kind, block) for kind in kinds if (block := getattr(self, kind)) and kind not in held]

    def with_icc(self, icc: bytes) -> "Metadata":
        """The same with another profile."""
        return replace(self, icc=icc, pieces=tuple(piece for piece in self.pieces if piece.kind != "icc"))

    def moved(self) -> "Metadata":
        """The same for another format, with samples that stand upright."""
        lost = [piece.label for piece in self.pieces if piece.label]
        exif, xmp = upright_exif(self.exif), upright_xmp(self.xmp)
        return replace(self, exif=exif, xmp=xmp, pieces=(), dropped=tuple(said([*self.dropped, *lost])))


def cleaned(blocks: dict[str, bytes], pieces: list[Piece] | None = None, dropped: list[str] | None = None) -> Metadata:
    """Metadata of raw blocks, with every preview taken out; pieces of blocks that change so go.

    `exif` may have its prefix; bare `iptc` becomes a Photoshop resource unless `photoshop` has one already.
    """
    kept, lost = list(pieces or []), list(dropped or [])
    clean = {"icc": blocks.get("icc", b"")}
    for kind, strip in STRIPS.items():
        clean[kind], found = strip(blocks.get(kind, b"").removeprefix(EXIF_PREFIX))
        kept = [piece for piece in kept if not (found and piece.kind == kind)]
        lost += found
    iptc = blocks.get("iptc", b"")
    if iptc and _IPTC_MARK not in clean["photoshop"]:
        clean["photoshop"] += _IPTC_MARK + b"\0\0" + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)
    return Metadata(**clean, pieces=tuple(kept), dropped=tuple(said(lost)))


def upright_exif(exif: bytes) -> bytes:
    """An EXIF block whose orientation tag, where it has one, says that the samples need no turning."""
    block = bytearray(exif)
    # What is no TIFF structure has no orientation.
    with suppress(InputError):
        file = TiffFile(io.BytesIO(exif))
        field = file.directory(wanted=(_ORIENTATION,))[0].get(_ORIENTATION)
        # The orientation should be a SHORT; some cameras write another whole number, and readers heed it.
        if field and len(field.values) == 1:
            size = len(field.encode(file.order))
            block[field.where : field.where + size] = (1).to_bytes(size, "little" if file.order == "<" else "big")
    return bytes(block)
