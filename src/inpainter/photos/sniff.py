"""Telling a picture's format by its first bytes, never by its suffix."""

import re
from pathlib import Path

PHOTOS = ("jpeg", "png", "webp", "tiff", "avif", "heic")
"""The formats that are read; all but HEIC are written, too."""

SUFFIXES = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "jpeg"), ".png": "png", ".webp": "webp",
    **dict.fromkeys((".tif", ".tiff"), "tiff"), ".avif": "avif", **dict.fromkeys((".heic", ".heif", ".hif"), "heic"),
}  # fmt: skip
"""File names' suffixes → the format that they stand for."""

REMEDIES: dict[str, str] = {
    "gif": "save the frame you want as PNG",
    "svg": "it is a drawing, not a photo: export it as PNG at the size you need",
    "bmp": "save it as PNG, which loses nothing",
    **dict.fromkeys(("jpeg 2000", "jpeg xl"), "export it as PNG or TIFF, which lose nothing"),
    "psd": "flatten it and export it as TIFF or PNG",
    "pdf": "export the page as PNG, or take the photo out of it",
    "ico": "export the largest picture in it as PNG",
    **dict.fromkeys(("openexr", "hdr"), "export it as a 16-bit TIFF or PNG"),
    "raw": "develop it with a raw converter and export it as a 16-bit TIFF or a JPEG",
    "mp4": "it is a film: save the frame you want as PNG",
    "zip": "unpack it and give the picture inside",
}
"""What to do with a format that is recognised and refused: name of the format → remedy."""

# Longer and rarer beginnings stand before shorter and commoner ones that they contain.
_BEGINNINGS: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("jpeg", (b"\xff\xd8\xff",)),
    ("png", (b"\x89PNG\r\n\x1a\n",)),
    # Canon CRW; Olympus ORF; Panasonic RW2; Fujifilm; Sigma X3F; Minolta MRW.
    ("raw", (b"II\x1a\0\0\0HEAPCCDR", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM")),
    ("tiff", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("gif", (b"GIF87a", b"GIF89a")),
    ("jpeg 2000", (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
    ("jpeg xl", (b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a")),
    ("psd", (b"8BPS",)),
    ("pdf", (b"%PDF-",)),
    ("openexr", (b"\x76\x2f\x31\x01",)),
    ("hdr", (b"#?RADIANCE", b"#?RGBE")),
    ("zip", (b"PK\x03\x04", b"PK\x05\x06")),
)

_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AV1_BRANDS = {b"avif", b"avis"}
# Brands that promise a structure and no codec (ISO/IEC 23008-12, section 10).
_STILL_BRANDS = {b"mif1", b"mif2", b"mif3", b"miaf", b"msf1"}
_BMP_HEADER_SIZES = {12, 16, 40, 52, 56, 64, 108, 124}


def sniff(head: bytes) -> str:
    """Name a file's format by its magic bytes.

    `head` is the beginning of the file, 64 bytes or more. Returns one of `PHOTOS`, a key of `REMEDIES`, or ''
    when the format is unknown. Raws that are TIFF files in every other way (DNG, NEF, ARW) are called 'tiff'.
    """
    if head[4:8] == b"ftyp":
        return _by_brand(brands(head))
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:4] in (b"II*\0", b"MM\0*") and head[8:10] == b"CR":
        return "raw"  # Canon CR2: 'CR' and a version behind the TIFF header
    for name, beginnings in _BEGINNINGS:
        if head.startswith(beginnings):
            return name
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return "bmp"
    if head[:4] in (b"\0\0\1\0", b"\0\0\2\0") and head[4:6] != b"\0\0" and head[9:10] == b"\0":
        return "ico"
    return "svg" if _is_svg(head) else ""


def true_suffix(path: Path) -> str:
    """Return the suffix of a photo's name, or that of what it is written as where the file holds another format."""
    try:
        with path.open("rb") as file:
            kind = sniff(file.read(4096))
    except (OSError, ValueError):
        return path.suffix
    written = "jpeg" if kind == "heic" else kind
    if kind not in PHOTOS or SUFFIXES.get(path.suffix.lower(), written) == written:
        return path.suffix
    return next(suffix for suffix, of in SUFFIXES.items() if of == written)


def is_sequence(head: bytes) -> bool:
    """Whether a WebP, AVIF or HEIC file is animated; `head` is its beginning, 64 bytes or more.

    WebP says so in a flag (RFC 9649, section 2.7), the others by a brand: a HEIC of another first one has a still, too.
    """
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
        return len(head) > 20 and bool(head[20] & 2)
    found = brands(head)
    return b"avis" in found or found[:1] in ([b"hevc"], [b"hevx"], [b"msf1"])


def brands(head: bytes) -> list[bytes]:
    """List the brands of an ISO-BMFF file, the major one first; [] when it does not begin with `ftyp`.

    Only those that lie within `head` are seen. Source: ISO/IEC 14496-12, section 4.3.
    """
    if head[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(head[:4], "big"), len(head))
    # The four bytes behind the major brand are its minor version.
    return [head[at : at + 4] for at in (8, *range(16, end - 3, 4))]


def _by_brand(found: list[bytes]) -> str:
    major = found[0]
    if major == b"crx ":
        return "raw"  # Canon CR3
    for brand in (major, *found[1:]) if major in _STILL_BRANDS else (major,):
        if brand in _AV1_BRANDS:
            return "avif"
        if brand in _HEVC_BRANDS:
            return "heic"
    # A still picture in a codec that nobody named is, as good as always, a phone's.
    return "heic" if major in _STILL_BRANDS else "mp4"


def _is_svg(head: bytes) -> bool:
    # Prologue, comments and white space before the first element; an unfinished one runs to the end of the head.
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    rest = re.sub(rb"^(?:<\?.*?(?:\?>|$)|<!--.*?(?:-->|$)|\s+)+", b"", text, flags=re.DOTALL)
    return rest.lower().startswith((b"<svg", b"<!doctype svg")) or (text.startswith(b"<?xml") and not rest)
