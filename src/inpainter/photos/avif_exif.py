"""Keeping the EXIF block of an AVIF file byte for byte, although libvips makes it anew.

libvips parses EXIF before it writes and serialises it again: tags are added, and maker notes, which hold offsets into
the block, move. So a stand-in of enough length is written, and the true block put in its place afterwards.
"""

import mmap
import struct
from typing import BinaryIO

from inpainter.photos.previews import EXIF_PREFIX

_EXIF_DIRECTORY, _USER_COMMENT = 0x8769, 0x9286
_UNDEFINED, _LONG = 7, 4


def exif_stand_in(exif: bytes) -> bytes:
    """An EXIF block, with prefix, that is at least as long as `exif` and stays so when libvips makes it anew.

    To be set as the image's field `exif-data` before it is written.
    """
    head = b"MM\0*" + struct.pack(">I", 8)
    main = struct.pack(">HHHIII", 1, _EXIF_DIRECTORY, _LONG, 1, 26, 0)
    comment = struct.pack(">HHHIII", 1, _USER_COMMENT, _UNDEFINED, 8 + len(exif), 44, 0) + b"ASCII\0\0\0"
    return EXIF_PREFIX + head + main + comment + b"x" * len(exif)


def place_avif_exif(written: BinaryIO, found: bytes, exif: bytes) -> bool:
    """Put `exif` (without prefix) where an AVIF file holds the block `found`; whether it fitted.

    `written` is open for reading and writing; `found` is the field `exif-data` that libvips reads from it. Zeros fill
    the rest of the place, behind the block's own end.
    """
    found = found.removeprefix(EXIF_PREFIX)
    if len(exif) > len(found):
        return False
    with mmap.mmap(written.fileno(), 0) as data:
        place = data.find(found)
        if place < 0:
            return False
        data[place : place + len(found)] = exif.ljust(len(found), b"\0")
    return True
