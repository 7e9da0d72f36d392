"""The metadata chunks of PNG files: reading them, cleaning them, and putting them into another file."""

import re
import struct
import zlib
from typing import NamedTuple

from inpainter.core import InputError
from inpainter.photos.metadata import STRIPS, Metadata, Piece, cleaned
from inpainter.photos.previews import EXIF_PREFIX, holds_jpeg

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_TEXT = 64 << 20
_XMP_KEYWORD, _XMP_PREFIX = b"XML:com.adobe.xmp", b"http://ns.adobe.com/xap/1.0/\0"
# ImageMagick's profiles: a line with a name, a line with a length, lines of hexadecimal digits.
_PROFILE_KEYWORD, _PROFILE_HEAD = b"Raw profile type ", re.compile(rb"\s*(\S[^\n]*?)[ \t\r]*\n\s*(\d+)\s")
_PROFILES = {
    b"<": "xmp", EXIF_PREFIX: "exif", b"II*\0": "exif", b"MM\0*": "exif", b"8BIM": "photoshop", b"\x1c": "iptc"
}  # fmt: skip
_BASE64_JPEG = re.compile(rb"/9j/[A-Za-z0-9+/=\s]{97,}")

_SAMPLE = (b"sBIT", b"bKGD", b"hIST")
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_ONCE = (b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"pHYs", b"eXIf", b"tIME", *_SAMPLE)
# iDOT only says to one decoder where the compressed rows begin.
_NOT_WORTH_SAYING = (b"PLTE", b"tRNS", b"iDOT", b"acTL", b"fcTL")


class _Chunk(NamedTuple):
    name: bytes
    data: bytes
    late: bool = False
    """Whether it follows the picture."""

    @property
    def keyword(self) -> bytes:
        return self.data.partition(b"\0")[0] if self.name in _TEXT else b""

    @property
    def label(self) -> str:
        return f"PNG {'text' if self.keyword else 'chunk'} {(self.keyword or self.name).decode('latin-1')!r}"

    def encode(self) -> bytes:
        crc = zlib.crc32(self.data, zlib.crc32(self.name))
        return struct.pack(">I", len(self.data)) + self.name + self.data + struct.pack(">I", crc)


def _read(file: bytes) -> tuple[list[_Chunk], list[memoryview], list[str]]:
    """The chunks but the picture's, the header's first; those, as they stand in the file; the damaged ones."""
    if not file.startswith(_SIGNATURE):
        raise InputError("not a PNG file: its signature is missing; give a PNG")
    at, name = len(_SIGNATURE), b""
    chunks: list[_Chunk] = []
    picture: list[memoryview] = []
    damaged: list[str] = []
    while name != b"IEND":
        length, name = int.from_bytes(file[at : at + 4], "big"), file[at + 4 : at + 8]
        whole = memoryview(file)[at : at + length + 12]
        if len(whole) < length + 12:
            raise InputError("the PNG file ends before its end chunk; get a whole copy of the file")
        at += len(whole)
        if name == b"IDAT":
            picture.append(whole)
        # libvips turns a picture as even a damaged EXIF block says.
        elif zlib.crc32(whole[4:-4]) != int.from_bytes(whole[-4:], "big") and name not in (b"eXIf", b"IEND", b"fdAT"):
            damaged.append(f"damaged PNG chunk {name.decode('latin-1')!r}")
        elif name not in (b"IEND", b"fdAT"):
            chunks.append(_Chunk(name, bytes(whole[8:-4]), bool(picture)))
    if not chunks or chunks[0].name != b"IHDR" or len(chunks[0].data) != 13:
        raise InputError("the PNG file has no header chunk; get a whole copy of the file")
    return chunks, picture, damaged


def png_facts(file: bytes) -> tuple[bool, list[str]]:
    """Whether a PNG holds an animation, and what to say of it. Raises InputError when it is cut short."""
    (header, *chunks), _, _ = _read(file)
    names = [chunk.name for chunk in chunks if not chunk.late]
    # A palette becomes full colour anyway, which is said.
    keyed = b"tRNS" in names and header.data[9] != 3
    frames = next((chunk.data[:4] for chunk in chunks if chunk.name == b"acTL"), b"")
    # The only frame of an animation may be the picture itself.
    single = frames == struct.pack(">I", 1) and b"fcTL" in names
    return b"acTL" in names and not single, ["the transparent colour becomes an alpha channel"] if keyed else []


def _inflate(data: bytes) -> bytes:
    """Decompress, up to a limit. Raises ValueError beyond it or when the data is damaged."""
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(data, _LONGEST_TEXT)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not inflater.eof:
        raise ValueError("cut short, or too long")
    return text


def _block_of(chunk: _Chunk) -> tuple[str, bytes, bool]:
    """The kind of block that a chunk holds, or '', the block or text, and whether more follows a profile.

    Raises ValueError when it is damaged.
    """
    if chunk.name == b"iCCP":
        return "icc", _inflate(chunk.data[chunk.data.index(b"\0") + 2 :]), False
    if chunk.name not in _TEXT:
        return "exif" if chunk.name == b"eXIf" else "", chunk.data, False
    start = len(chunk.keyword) + 1
    squeezed = chunk.name == b"zTXt" or (chunk.name == b"iTXt" and chunk.data[start : start + 1] == b"\1")
    start += _TEXT.index(chunk.name)  # how the text is compressed
    for _ in range(2 if chunk.name == b"iTXt" else 0):  # language and translated keyword
        start = chunk.data.index(b"\0", start) + 1
    if start > len(chunk.data):
        raise ValueError("no text")
    text = _inflate(chunk.data[start:]) if squeezed else chunk.data[start:]
    if not chunk.keyword.startswith(_PROFILE_KEYWORD):
        return "xmp" if chunk.keyword == _XMP_KEYWORD else "", text, False
    found = _PROFILE_HEAD.match(text)
    digits, length = text[found.end() :].translate(None, b" \t\r\n\0") if found else b"", int(found[2]) if found else 0
    whole = bytes.fromhex(digits[: 2 * length].decode("ascii"))
    if not found or len(whole) < length:
        raise ValueError("not a profile, or cut short")
    block = whole.removeprefix(_XMP_PREFIX)
    kind = next((kind for start, kind in _PROFILES.items() if block.startswith(start)), "")
    return kind, block.removeprefix(EXIF_PREFIX), len(digits) > 2 * length


def _profile(block: bytes) -> bytes:
    digits = block.hex().encode()
    lines = b"\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return b"\niptc\n%8d\n%s\n" % (len(block), lines)


# ---------------------------------------------------------------- reading and writing


def png_metadata(file: bytes) -> Metadata:
    """What a PNG file says of itself, without previews; unknown chunks count when their name says that they are safe.

    Raises InputError when it is damaged. Source: PNG Specification, Third Edition, section 5.4.
    """
    (header, *chunks), _, dropped = _read(file)
    # A palette, few bits and a transparent colour become other samples.
    other_samples = header.data[9] == 3 or header.data[8] < 8 or any(chunk.name == b"tRNS" for chunk in chunks)
    blocks: dict[str, bytes] = {}
    pieces: list[Piece] = []
    seen: set[bytes] = set()
    for chunk in chunks:
        if chunk.name in _NOT_WORTH_SAYING:
            continue
        name = chunk.name
        safe = name in (*_ONCE, *_TEXT, b"sPLT") or (name.isalpha() and name[:1].islower() and name[3:].islower())
        if not safe or (name in _SAMPLE and other_samples) or (name in _ONCE and name in seen):
            dropped.append(chunk.label)
            continue
        seen.add(name)
        try:
            kind, block, longer = _block_of(chunk)
        except ValueError:
            dropped.append(f"damaged {chunk.label}")
            continue
        if not kind and (holds_jpeg(block) or _BASE64_JPEG.search(block)):
            dropped.append(f"{chunk.label} (holds a picture)")
            continue
        block, found = STRIPS[kind](block) if kind in STRIPS else (block, [])
        found += [f"what follows the profile in {chunk.label}"] * longer
        dropped += found
        if kind and (kind not in blocks or not chunk.keyword.startswith(_PROFILE_KEYWORD)):
            blocks[kind] = block
        if not found:
            kind = "photoshop" if kind == "iptc" else kind
            label = chunk.label if name in _TEXT and not kind else ""
            pieces.append(Piece(chunk.encode(), kind, label, chunk.late))
    return cleaned(blocks, pieces, dropped)


def splice_png(metadata: Metadata, encoded: bytes) -> tuple[bytes, list[str]]:
    """The PNG `encoded` with `metadata` in place of its own, and what was dropped.

    The resolution is that of `encoded` where no piece says it.
    """
    (header, *own), picture, _ = _read(encoded)
    blocks = dict(metadata.new("icc", "exif", "xmp", "photoshop"))
    chunks = (
        ("icc", b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)),
        ("exif", b"eXIf", metadata.exif),
        ("xmp", b"iTXt", _XMP_KEYWORD + b"\0\0\0\0\0" + metadata.xmp),
        ("photoshop", b"zTXt", _PROFILE_KEYWORD + b"iptc\0\0" + zlib.compress(_profile(metadata.photoshop))),
    )
    ahead = [_Chunk(name, data).encode() for kind, name, data in chunks if kind in blocks]
    ahead += [piece.data for piece in metadata.pieces if not piece.late]
    # Where libvips knows none, it writes one sample per millimetre.
    unknown = struct.pack(">IIB", 1000, 1000, 1)
    if not any(piece.data[4:8] == b"pHYs" for piece in metadata.pieces):
        ahead += [chunk.encode() for chunk in own if chunk.name == b"pHYs" and chunk.data != unknown]
    behind = [piece.data for piece in metadata.pieces if piece.late]
    written = [_SIGNATURE, header.encode(), *ahead, *picture, *behind, _Chunk(b"IEND", b"").encode()]
    return b"".join(written), list(metadata.dropped)
