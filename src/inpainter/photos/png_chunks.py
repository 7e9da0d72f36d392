"""The metadata chunks of PNG files: reading them, cleaning them, and putting them into another file."""

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from inpainter.core import InputError
from inpainter.photos.metadata import Metadata, said
from inpainter.photos.previews import EXIF_PREFIX, holds_jpeg, strip_exif, strip_photoshop
from inpainter.photos.xmp import strip_xmp

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_TEXT = 64 << 20
_XMP_KEYWORD, _PROFILE_KEYWORD = b"XML:com.adobe.xmp", b"Raw profile type "
_PROFILE_HEAD = re.compile(rb"\s*(\S[^\n]*?)[ \t\r]*\n\s*(\d+)\s")
_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
_PROFILE_STARTS = {
    b"<": "xmp", EXIF_PREFIX: "exif", b"II*\0": "exif", b"MM\0*": "exif", b"8BIM": "photoshop", b"\x1c": "iptc"
}  # fmt: skip
_STRIPS = {"xmp": strip_xmp, "photoshop": strip_photoshop}

_COLOUR = (b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"cICP", b"mDCV", b"cLLI")
_SAMPLE = (b"sBIT", b"bKGD", b"hIST")
_BEFORE_PICTURE = (b"pHYs", b"sPLT")
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_KNOWN = (*_COLOUR, *_SAMPLE, *_BEFORE_PICTURE, *_TEXT, b"eXIf", b"tIME")
_MANY = (*_TEXT, b"sPLT")
# iDOT only says to one decoder where the compressed rows begin.
_NOT_WORTH_SAYING = (b"PLTE", b"tRNS", b"iDOT", b"acTL", b"fcTL")
_BASE64_JPEG = re.compile(rb"/9j/[A-Za-z0-9+/=\s]{97,}")


class _Chunk(NamedTuple):
    name: bytes
    data: bytes
    after_picture: bool = False

    @property
    def keyword(self) -> bytes:
        return self.data.partition(b"\0")[0] if self.name in _TEXT else b""

    def encode(self) -> bytes:
        crc = zlib.crc32(self.data, zlib.crc32(self.name))
        return struct.pack(">I", len(self.data)) + self.name + self.data + struct.pack(">I", crc)

    def rank(self) -> int:
        """Its place in a file: the picture's own chunks have 1, the picture comes before 4."""
        if self.name in (*_COLOUR, b"sBIT"):
            return 0
        if self.name in (b"PLTE", b"tRNS"):
            return 1
        return 2 if self.name in (*_SAMPLE, *_BEFORE_PICTURE) else 4 if self.after_picture else 3


@dataclass
class _Png:
    header: bytes = b""
    chunks: list[_Chunk] = field(default_factory=list)
    """All but the header and the picture's."""
    picture: list[memoryview] = field(default_factory=list)
    """The picture's chunks, as they stand in the file."""
    damaged: list[str] = field(default_factory=list)


def _read(file: bytes) -> _Png:
    if not file.startswith(_SIGNATURE):
        raise InputError("not a PNG file: its signature is missing; give a PNG")
    png, at, name = _Png(), len(_SIGNATURE), b""
    while name != b"IEND":
        length, name = int.from_bytes(file[at : at + 4], "big"), file[at + 4 : at + 8]
        whole = memoryview(file)[at : at + length + 12]
        if len(whole) < length + 12:
            raise InputError("the PNG file ends before its end chunk; get a whole copy of the file")
        at += len(whole)
        if name == b"IDAT":
            png.picture.append(whole)
        elif name not in (b"IEND", b"fdAT"):
            chunk = _Chunk(name, bytes(whole[8:-4]), bool(png.picture))
            if zlib.crc32(whole[4:-4]) != int.from_bytes(whole[-4:], "big"):
                png.damaged.append(f"damaged PNG chunk {name.decode('latin-1')!r}")
            elif name == b"IHDR":
                png.header = chunk.data
            else:
                png.chunks.append(chunk)
    if len(png.header) != 13:
        raise InputError("the PNG file has no header chunk; get a whole copy of the file")
    return png


def png_facts(path: Path, file: bytes) -> tuple[bool, list[str]]:
    """Whether a PNG holds an animation, and what to say of it. Raises InputError when it is cut short."""
    try:
        png = _read(file)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    names = [chunk.name for chunk in png.chunks if not chunk.after_picture]
    # A palette becomes full colour anyway, which is said.
    keyed = b"tRNS" in names and png.header[9] != 3
    return b"acTL" in names, ["the transparent colour becomes an alpha channel"] if keyed else []


# ---------------------------------------------------------------- what a chunk holds


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


def _text_of(chunk: _Chunk) -> tuple[bytes, bytes, bool]:
    """All that precedes the text, the text decompressed, and whether it was compressed. Raises ValueError."""
    start = len(chunk.keyword) + 1
    squeezed = chunk.name == b"zTXt" or (chunk.name == b"iTXt" and chunk.data[start : start + 1] == b"\1")
    start += {b"tEXt": 0, b"zTXt": 1, b"iTXt": 2}[chunk.name]
    for _ in range(2 if chunk.name == b"iTXt" else 0):  # language and translated keyword
        start = chunk.data.index(b"\0", start) + 1
    if start > len(chunk.data):
        raise ValueError("no text")
    return chunk.data[:start], _inflate(chunk.data[start:]) if squeezed else chunk.data[start:], squeezed


def _block_of(chunk: _Chunk) -> tuple[str, bytes, Callable[[bytes], _Chunk], bool]:
    """The kind of block that a chunk holds, the block, how to put another in its place, and if that must be done.

    The kinds are those of `Metadata`, and '' for other text. Raises ValueError when it is damaged.
    """
    if chunk.name == b"eXIf":
        return "exif", chunk.data, lambda block: chunk._replace(data=block), False
    if chunk.name == b"iCCP":
        return "icc", _inflate(chunk.data[chunk.data.index(b"\0") + 2 :]), lambda _: chunk, False
    head, text, squeezed = _text_of(chunk)

    def with_text(text: bytes) -> _Chunk:
        return chunk._replace(data=head + (zlib.compress(text) if squeezed else text))

    if not chunk.keyword.startswith(_PROFILE_KEYWORD):
        return "xmp" if chunk.keyword == _XMP_KEYWORD else "", text, with_text, False
    # ImageMagick's layout: a line with a name, a line with a length, lines of hexadecimal digits.
    found = _PROFILE_HEAD.match(text)
    if not found:
        raise ValueError("not a profile")
    digits, length = text[found.end() :].translate(None, b" \t\r\n\0"), int(found[2])
    whole = bytes.fromhex(digits[: 2 * length].decode("ascii"))
    if len(whole) < length:
        raise ValueError("cut short")
    block = whole.removeprefix(_XMP_PREFIX)
    kind = next((kind for start, kind in _PROFILE_STARTS.items() if block.startswith(start)), "other")

    def with_block(block: bytes) -> _Chunk:
        return with_text(_profile_text(found[1], (_XMP_PREFIX if whole.startswith(_XMP_PREFIX) else b"") + block))

    return kind, block, with_block, len(digits) > 2 * length


def _profile_text(name: bytes, block: bytes) -> bytes:
    digits = block.hex().encode()
    lines = b"\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return b"\n%s\n%8d\n%s\n" % (name, len(block), lines)


def _cleaned(chunk: _Chunk) -> tuple[_Chunk | None, list[str]]:
    """The chunk without previews; None when it has to go as a whole."""
    named = chunk.name.decode("latin-1")
    if chunk.name not in (*_TEXT, b"eXIf"):
        held = chunk.name not in _COLOUR and holds_jpeg(chunk.data)
        return (None, [f"PNG chunk {named!r} (holds a picture)"]) if held else (chunk, [])
    named = chunk.keyword.decode("latin-1") or named
    try:
        kind, block, replaced, longer = _block_of(chunk)
    except ValueError:
        return None, [f"damaged PNG text {named!r}"]
    if not kind:
        held = holds_jpeg(block) or _BASE64_JPEG.search(block)
        return (None, [f"PNG text {named!r} (holds a picture)"]) if held else (chunk, [])
    block, dropped = _STRIPS.get(kind, strip_exif)(block)
    if longer:
        dropped.append(f"bytes behind the announced length of PNG text {named!r}")
    return (replaced(block) if block else None) if dropped else chunk, dropped


# ---------------------------------------------------------------- reading and writing


def png_metadata(source: bytes) -> Metadata:
    """The blocks of a PNG file that other formats can carry, without previews. Raises InputError when damaged."""
    png = _read(source)
    dropped, blocks = png.damaged, {}
    for chunk in png.chunks:
        if chunk.name not in (*_TEXT, b"eXIf", b"iCCP"):
            continue
        try:
            kind, block, _, _ = _block_of(chunk)
        except ValueError:
            dropped.append(f"damaged PNG chunk {chunk.name.decode('latin-1')!r}")
            continue
        if kind in ("", "other"):
            dropped.append(f"PNG text {chunk.keyword.decode('latin-1')!r}")
        elif kind not in blocks or not chunk.keyword.startswith(_PROFILE_KEYWORD):
            blocks[kind] = block
    return Metadata.clean(**blocks).with_dropped(dropped)


def splice_png(source: bytes | Metadata, encoded: bytes, *, same_colours: bool = True) -> tuple[bytes, list[str]]:
    """The PNG `encoded` with the metadata chunks of `source` in place of its own, and what was dropped.

    `source` is a PNG file, or the metadata of a photo of another format (then the resolution is that of `encoded`).
    Chunks keep their bytes, except previews. Unknown chunks follow when their name says that they are safe to copy
    (PNG Specification, Third Edition, section 5.4). With `same_colours=False` the chunks that define colour come from
    `encoded`. Raises InputError when a file is damaged.
    """
    new = _read(encoded)
    ours = {b"PLTE", b"tRNS", *(() if same_colours else _COLOUR)}
    if isinstance(source, Metadata):
        chunks, dropped = _chunks_of(source), list(source.dropped)
        ours.add(b"pHYs")
    else:
        chunks, dropped = _wanted(_read(source), new)
    chunks = [chunk for chunk in chunks if chunk.name not in ours]
    chunks = sorted([*chunks, *(chunk for chunk in new.chunks if chunk.name in ours)], key=_Chunk.rank)
    before = [chunk.encode() for chunk in chunks if chunk.rank() < 4]
    after = [chunk.encode() for chunk in chunks if chunk.rank() == 4]
    end = [*after, _Chunk(b"IEND", b"").encode()]
    return b"".join([_SIGNATURE, _Chunk(b"IHDR", new.header).encode(), *before, *new.picture, *end]), said(dropped)


def _wanted(old: _Png, new: _Png) -> tuple[list[_Chunk], list[str]]:
    """The chunks of an old file that still hold for the new one."""
    palettes = [[chunk.data for chunk in png.chunks if chunk.name == b"PLTE"] for png in (old, new)]
    # Bytes 8 and 9 of the header are bit depth and colour type.
    same_samples = old.header[8:10] == new.header[8:10] and (new.header[9] != 3 or palettes[0] == palettes[1])
    kept: list[_Chunk] = []
    dropped = list(old.damaged)
    for chunk in old.chunks:
        if chunk.name in _NOT_WORTH_SAYING:
            continue
        safe_to_copy = chunk.name.isalpha() and chunk.name[:1].islower() and chunk.name[3:].islower()
        wanted = (chunk.name in _KNOWN or safe_to_copy) and (same_samples or chunk.name not in _SAMPLE)
        once = chunk.name in _KNOWN and chunk.name not in _MANY
        if not wanted or (once and any(chunk.name == one.name for one in kept)):
            dropped.append(f"PNG chunk {chunk.name.decode('latin-1')!r}")
            continue
        cleaned, found = _cleaned(chunk)
        dropped += found
        kept += [cleaned] if cleaned else []
    return kept, dropped


def _chunks_of(metadata: Metadata) -> list[_Chunk]:
    chunks = []
    if metadata.icc:
        chunks.append(_Chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.exif:
        chunks.append(_Chunk(b"eXIf", metadata.exif.removeprefix(EXIF_PREFIX)))
    if metadata.xmp:
        chunks.append(_Chunk(b"iTXt", _XMP_KEYWORD + b"\0\0\0\0\0" + metadata.xmp))
    if metadata.photoshop:
        text = zlib.compress(_profile_text(b"iptc", metadata.photoshop))
        chunks.append(_Chunk(b"zTXt", _PROFILE_KEYWORD + b"iptc\0\0" + text))
    return chunks
