"""Keeping the EXIF block of an AVIF file byte for byte, although libvips makes it anew.

libvips parses EXIF before it writes and serialises it again: tags are added, and maker notes, which hold offsets into
the block, move. So a stand-in of enough length is written, and the true block put in its place afterwards.
"""

import struct

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


def place_avif_exif(written: bytes, found: bytes, exif: bytes) -> bytes:
    """The AVIF file `written` with `exif` (without prefix) where it holds the block `found`; empty if it is too long.

    `found` is the field `exif-data` that libvips reads from the file. Zeros fill the rest, behind the block's own end.
    """
    found = found.removeprefix(EXIF_PREFIX)
    if not found or len(exif) > len(found) or found not in written:
        return b""
    return written.replace(found, exif.ljust(len(found), b"\0"), 1)
