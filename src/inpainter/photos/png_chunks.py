"""The metadata chunks of PNG files: reading them, cleaning them, and putting them into another file."""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from inpainter.core import InputError
from inpainter.photos.metadata import Metadata, said
from inpainter.photos.previews import EXIF_PREFIX, holds_jpeg, strip_exif, strip_photoshop
from inpainter.photos.xmp import strip_xmp

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_TEXT = 64 << 20
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_PROFILE = re.compile(rb"\s*(\S+)\s+(\d+)\s+([0-9a-fA-F\s]*)")
_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"

_COLOUR = (b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"cICP", b"mDCV", b"cLLI")
_SAMPLE = (b"sBIT", b"bKGD", b"hIST")
_BEFORE_PICTURE = (b"pHYs", b"sPLT")
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_ANYWHERE = (b"eXIf", b"tIME", *_TEXT)
_MANY = (*_TEXT, b"sPLT")
_FROM_ENCODED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_NOT_WORTH_SAYING = (*_FROM_ENCODED, b"iDOT", b"acTL", b"fcTL", b"fdAT")
"""iDOT only tells one decoder where the compressed rows begin."""
_BASE64_JPEG = re.compile(rb"/9j/[A-Za-z0-9+/=\s]{97,}")


class _Chunk(NamedTuple):
    name: bytes
    data: bytes
    after_picture: bool = False

    def encode(self) -> bytes:
        crc = zlib.crc32(self.data, zlib.crc32(self.name))
        return struct.pack(">I", len(self.data)) + self.name + self.data + struct.pack(">I", crc)


# ---------------------------------------------------------------- PNG: reading


def _png_chunks(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and length of each chunk, the stream being at its data; the next step goes on to the next chunk."""
    stream.seek(0)
    if stream.read(8) != _SIGNATURE:
        raise InputError("not a PNG file: its signature is missing; give a PNG")
    while True:
        head = stream.read(8)
        if len(head) < 8:
            raise InputError("the PNG file ends before its end chunk; get a whole copy of the file")
        length, name = struct.unpack(">I4s", head)
        start = stream.tell()
        yield name, length
        if name == b"IEND":
            return
        stream.seek(start + length + 4)


def _read_png(stream: BinaryIO) -> tuple[bytes, list[_Chunk], list[str]]:
    """The header's data, every whole chunk but the picture's own, and the damaged ones in words."""
    header, chunks, damaged, after = b"", [], [], False
    for name, length in _png_chunks(stream):
        if name in (b"IDAT", b"fdAT"):
            after = True
            continue
        data, crc = stream.read(length), stream.read(4)
        if len(data) < length or len(crc) < 4:
            raise InputError("the PNG file ends inside a chunk; get a whole copy of the file")
        if zlib.crc32(data, zlib.crc32(name)) != int.from_bytes(crc, "big"):
            damaged.append(f"damaged PNG chunk {name.decode('latin-1')!r}")
        elif name == b"IHDR":
            header = data
        else:
            chunks.append(_Chunk(name, data, after))
    if len(header) != 13:
        raise InputError("the PNG file has no header chunk; get a whole copy of the file")
    return header, chunks, damaged


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


def _text_of(chunk: _Chunk) -> tuple[bytes, bytes]:
    """Keyword with all that precedes the text, and the text, decompressed. Raises ValueError when it is damaged."""
    keyword, separator, rest = chunk.data.partition(b"\0")
    if not separator:
        raise ValueError("no keyword")
    if chunk.name == b"tEXt":
        return keyword + b"\0", rest
    if chunk.name == b"zTXt":
        return keyword + b"\0" + rest[:1], _inflate(rest[1:])
    fields = rest[2:].split(b"\0", 2)
    if len(rest) < 2 or len(fields) < 3:
        raise ValueError("international text without its fields")
    start = len(chunk.data) - len(fields[2])
    return chunk.data[:start], _inflate(fields[2]) if rest[0] else fields[2]


# ---------------------------------------------------------------- PNG: cleaning


def _clean_chunk(chunk: _Chunk) -> tuple[_Chunk | None, list[str]]:
    """The chunk without previews; None when it has to go as a whole."""
    if chunk.name == b"eXIf":
        block, dropped = strip_exif(chunk.data)
        return chunk._replace(data=block), dropped
    if chunk.name in _TEXT:
        return _clean_text(chunk)
    if chunk.name not in _COLOUR and holds_jpeg(chunk.data):
        return None, [f"PNG chunk {chunk.name.decode('latin-1')!r} (holds a picture)"]
    return chunk, []


def _clean_text(chunk: _Chunk) -> tuple[_Chunk | None, list[str]]:
    keyword = chunk.data.partition(b"\0")[0]
    named = keyword.decode("latin-1")
    try:
        head, text = _text_of(chunk)
    except ValueError:
        return None, [f"damaged PNG text {named!r}"]
    if keyword == _XMP_KEYWORD:
        cleaned, dropped = strip_xmp(text)
    elif keyword.startswith(b"Raw profile type "):
        cleaned, dropped = _clean_profile(text)
    elif holds_jpeg(text) or _BASE64_JPEG.search(text):
        cleaned, dropped = b"", [f"PNG text {named!r} (holds a picture)"]
    else:
        return chunk, []
    if not dropped:
        return chunk, []
    if not cleaned:
        return None, dropped
    squeezed = chunk.name == b"zTXt" or (chunk.name == b"iTXt" and chunk.data[len(keyword) + 1])
    return chunk._replace(data=head + (zlib.compress(cleaned) if squeezed else cleaned)), dropped


def _profile_bytes(text: bytes) -> tuple[bytes, bytes]:
    """Type and bytes of a profile in ImageMagick's layout: type, length and hexadecimal digits, each on a line."""
    found = _PROFILE.fullmatch(text.strip(b"\0"))
    if not found:
        raise ValueError("not a profile")
    return found[1], bytes.fromhex(found[3].decode("ascii"))


def _profile_text(kind: bytes, block: bytes) -> bytes:
    digits = block.hex().encode()
    lines = b"\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return b"\n%s\n%8d\n%s\n" % (kind, len(block), lines)


def _clean_profile(text: bytes) -> tuple[bytes, list[str]]:
    try:
        kind, block = _profile_bytes(text)
    except ValueError:
        return b"", ["damaged profile in PNG text"]
    if block.startswith(_XMP_PREFIX) or kind == b"xmp":
        packet, dropped = strip_xmp(block.removeprefix(_XMP_PREFIX))
        block = block[: len(block) - len(block.removeprefix(_XMP_PREFIX))] + packet if packet else b""
    elif kind in (b"8bim", b"iptc") and block.startswith(b"8BIM"):
        block, dropped = strip_photoshop(block)
    else:
        block, dropped = strip_exif(block)
    return _profile_text(kind, block) if block else b"", dropped


# ---------------------------------------------------------------- PNG: writing


def png_metadata(source: BinaryIO) -> Metadata:
    """The blocks of a PNG file that other formats can carry, without previews. Raises InputError when damaged."""
    _, chunks, dropped = _read_png(source)
    raw: dict[str, bytes] = {}
    for chunk in chunks:
        keyword = chunk.data.partition(b"\0")[0]
        try:
            if chunk.name == b"eXIf":
                raw["exif"] = chunk.data
            elif chunk.name == b"iCCP":
                raw["icc"] = _inflate(chunk.data[len(keyword) + 2 :])
            elif chunk.name in _TEXT and keyword == _XMP_KEYWORD:
                raw["xmp"] = _text_of(chunk)[1]
            elif chunk.name in _TEXT and keyword.startswith(b"Raw profile type "):
                _take_profile(_text_of(chunk)[1], raw)
            elif chunk.name in _TEXT:
                dropped.append(f"PNG text {keyword.decode('latin-1')!r}")
        except ValueError:
            dropped.append(f"damaged PNG chunk {chunk.name.decode('latin-1')!r}")
    metadata = Metadata.clean(**raw)
    return metadata.with_dropped(dropped)


def _take_profile(text: bytes, raw: dict[str, bytes]) -> None:
    kind, block = _profile_bytes(text)
    if block.startswith(_XMP_PREFIX) or kind == b"xmp":
        raw.setdefault("xmp", block.removeprefix(_XMP_PREFIX))
    elif kind in (b"exif", b"APP1"):
        raw.setdefault("exif", block)
    elif kind in (b"8bim", b"iptc"):
        raw.setdefault("photoshop" if block.startswith(b"8BIM") else "iptc", block)


def splice_png(
    source: BinaryIO | Metadata, encoded: BinaryIO, out: BinaryIO, *, same_colours: bool = True
) -> list[str]:
    """Write to `out` the PNG `encoded` with the metadata chunks of `source` in place of its own.

    `source` is a PNG file, or the metadata of a photo of another format (then the resolution is that of `encoded`).
    Chunks keep their bytes, except previews. Unknown chunks follow when their name says that they are safe to copy
    (PNG Specification, Third Edition, section 5.4). With `same_colours=False` the chunks that define colour come from
    `encoded`. The picture is streamed. Answers what was dropped. Raises InputError when a file is damaged.
    """
    header, own, _ = _read_png(encoded)
    if isinstance(source, Metadata):
        chunks, dropped = _chunks_of(source), list(source.dropped)
        chunks += [chunk for chunk in own if chunk.name == b"pHYs"]
    else:
        chunks, dropped = _wanted(*_read_png(source), header, own)
    if not same_colours:
        chunks = [chunk for chunk in chunks if chunk.name not in _COLOUR]
        chunks += [chunk for chunk in own if chunk.name in _COLOUR]

    out.write(_SIGNATURE + _Chunk(b"IHDR", header).encode())
    _write(out, [chunk for chunk in chunks if chunk.name in _COLOUR or chunk.name == b"sBIT"])
    _write(out, [chunk for chunk in own if chunk.name == b"PLTE"])
    _write(out, [chunk for chunk in own if chunk.name == b"tRNS"])
    _write(out, [chunk for chunk in chunks if chunk.name in (b"bKGD", b"hIST", *_BEFORE_PICTURE)])
    rest = [chunk for chunk in chunks if chunk.name not in (*_COLOUR, *_SAMPLE, *_BEFORE_PICTURE)]
    _write(out, [chunk for chunk in rest if not chunk.after_picture])
    for name, length in _png_chunks(encoded):
        if name == b"IDAT":
            encoded.seek(-8, 1)
            copy_bytes(encoded, out, length + 12)
    _write(out, [chunk for chunk in rest if chunk.after_picture])
    out.write(_Chunk(b"IEND", b"").encode())
    return said(dropped)


def _wanted(
    before: bytes, chunks: list[_Chunk], damaged: list[str], header: bytes, own: list[_Chunk]
) -> tuple[list[_Chunk], list[str]]:
    """The chunks of a source with header `before` that still hold for a picture with `header` and chunks `own`."""
    palettes = [[chunk.data for chunk in side if chunk.name == b"PLTE"] for side in (chunks, own)]
    # Bytes 8 and 9 of the header are bit depth and colour type.
    same_samples = before[8:10] == header[8:10] and (header[9] != 3 or palettes[0] == palettes[1])
    known = (*_COLOUR, *_BEFORE_PICTURE, *_ANYWHERE, *(_SAMPLE if same_samples else ()))
    kept: list[_Chunk] = []
    dropped = list(damaged)
    for chunk in chunks:
        name = chunk.name.decode("latin-1")
        safe_to_copy = chunk.name.isalpha() and chunk.name[:1].islower() and chunk.name[3:].islower()
        twice = chunk.name not in _MANY and chunk.name in known and any(chunk.name == one.name for one in kept)
        if chunk.name in _NOT_WORTH_SAYING:
            continue
        if twice or (chunk.name not in known and not (safe_to_copy and chunk.name not in _SAMPLE)):
            dropped.append(f"PNG chunk {name!r}")
            continue
        cleaned, found = _clean_chunk(chunk)
        dropped += found
        if cleaned:
            kept.append(cleaned)
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
        chunks.append(_Chunk(b"zTXt", b"Raw profile type iptc\0\0" + text))
    return chunks


def _write(out: BinaryIO, chunks: list[_Chunk]) -> None:
    for chunk in chunks:
        out.write(chunk.encode())


def copy_bytes(source: BinaryIO, out: BinaryIO, length: int) -> None:
    """Copy `length` bytes in parts. Raises InputError when `source` has fewer."""
    while length:
        part = source.read(min(length, 1 << 20))
        if not part:
            raise InputError("the file ends inside its picture; get a whole copy of the file")
        out.write(part)
        length -= len(part)
