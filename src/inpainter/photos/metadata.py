"""What a photo says about itself, apart from its samples: the blocks that another container can carry."""

import struct
from dataclasses import dataclass, replace

from inpainter.photos.previews import EXIF_PREFIX, byte_order, strip_exif, strip_photoshop
from inpainter.photos.xmp import strip_xmp, upright_xmp

_IPTC_RESOURCE = 0x0404
# TIFF field type → `struct` code. The orientation should be a SHORT; some cameras write another, and readers heed it.
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}


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
    dropped: tuple[str, ...] = ()
    """What did not survive, in plain words."""

    @classmethod
    def clean(
        cls, exif: bytes = b"", xmp: bytes = b"", icc: bytes = b"", photoshop: bytes = b"", iptc: bytes = b""
    ) -> "Metadata":
        """Metadata of raw blocks, such as the fields of a loaded image, with every preview taken out.

        `exif` may have its prefix; bare `iptc` becomes a Photoshop resource unless `photoshop` has one already.
        """
        exif, from_exif = strip_exif(exif.removeprefix(EXIF_PREFIX))
        xmp, from_xmp = strip_xmp(xmp)
        photoshop, from_photoshop = strip_photoshop(photoshop)
        if iptc and _IPTC_MARK not in photoshop:
            padding = bytes(len(iptc) % 2)
            photoshop += _IPTC_MARK + b"\0\0" + struct.pack(">I", len(iptc)) + iptc + padding
        return cls(exif, xmp, icc, photoshop, tuple(from_exif + from_xmp + from_photoshop))

    def with_dropped(self, dropped: list[str]) -> "Metadata":
        """The same, with these things dropped before."""
        return replace(self, dropped=tuple(said([*dropped, *self.dropped])))

    def upright(self) -> "Metadata":
        """The same, saying that the samples need no turning; for writers whose samples already stand upright."""
        return replace(self, exif=set_orientation(self.exif, 1), xmp=upright_xmp(self.xmp))


_IPTC_MARK = b"8BIM" + struct.pack(">H", _IPTC_RESOURCE)


def set_orientation(exif: bytes, orientation: int) -> bytes:
    """An EXIF block (with or without prefix) whose orientation tag, where it has one, says `orientation` (1 to 8)."""
    prefix = EXIF_PREFIX if exif.startswith(EXIF_PREFIX) else b""
    block = bytearray(exif[len(prefix) :])
    order = byte_order(block)
    if order:
        (directory,) = struct.unpack_from(order + "I", block, 4)
        count = struct.unpack_from(order + "H", block, directory)[0] if directory + 2 <= len(block) else 0
        for entry in range(directory + 2, min(directory + 2 + 12 * count, len(block) - 11), 12):
            tag, kind, items = struct.unpack_from(order + "HHI", block, entry)
            if tag == 0x0112 and items == 1 and kind in _WHOLE_NUMBERS:
                struct.pack_into(order + _WHOLE_NUMBERS[kind], block, entry + 8, orientation)
    return prefix + bytes(block)


def said(dropped: list[str]) -> list[str]:
    """Each thing once, in the order in which it was met."""
    return list(dict.fromkeys(dropped))
