"""The metadata chunks of PNG files: reading them, cleaning them, and putting them into another file."""

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from inpainter.core import InputError
from inpainter.photos.metadata import Metadata, said
from inpainter.photos.previews import EXIF_PREFIX, holds_jpeg, strip_exif, strip_photoshop
from inpainter.photos.xmp import strip_xmp

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_TEXT = 64 << 20
_XMP_KEYWORD, _XMP_PREFIX = b"XML:com.adobe.xmp", b"http://ns.adobe.com/xap/1.0/\0"
# ImageMagick's profiles: a line with a name, a line with a length, lines of hexadecimal digits.
_PROFILE_KEYWORD, _PROFILE_HEAD = b"Raw profile type ", re.compile(rb"\s*(\S[^\n]*?)[ \t\r]*\n\s*(\d+)\s")
_PROFILES = {
    b"<": "xmp", EXIF_PREFIX: "exif", b"II*\0": "exif", b"MM\0*": "exif", b"8BIM": "photoshop", b"\x1c": "iptc"
}  # fmt: skip
_STRIPS = {"xmp": strip_xmp, "photoshop": strip_photoshop}
_BASE64_JPEG = re.compile(rb"/9j/[A-Za-z0-9+/=\s]{97,}")

_COLOUR = (b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"cICP", b"mDCV", b"cLLI")
_SAMPLE = (b"sBIT", b"bKGD", b"hIST")
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_MANY = (*_TEXT, b"sPLT")
# Known chunks → their place in a file: the picture comes before 4.
_PLACES = {
    **dict.fromkeys((*_COLOUR, b"sBIT"), 0), b"PLTE": 1, b"tRNS": 1,
    **dict.fromkeys((b"bKGD", b"hIST", b"pHYs", b"sPLT"), 2), **dict.fromkeys((*_TEXT, b"eXIf", b"tIME"), 3),
}  # fmt: skip
# iDOT only says to one decoder where the compressed rows begin.
_NOT_WORTH_SAYING = (b"PLTE", b"tRNS", b"iDOT", b"acTL", b"fcTL")


class _Chunk(NamedTuple):
    name: bytes
    data: bytes
    after_picture: bool = False

    @property
    def keyword(self) -> bytes:
        return self.data.partition(b"\0")[0] if self.name in _TEXT else b""

    @property
    def label(self) -> str:
        return f"PNG {'text' if self.keyword else 'chunk'} {(self.keyword or self.name).decode('latin-1')!r}"

    @property
    def place(self) -> int:
        place = _PLACES.get(self.name, 3)
        return place + self.after_picture if place == 3 else place

    def encode(self) -> bytes:
        crc = zlib.crc32(self.data, zlib.crc32(self.name))
        return struct.pack(">I", len(self.data)) + self.name + self.data + struct.pack(">I", crc)


def _read(file: bytes) -> tuple[bytes, list[_Chunk], list[memoryview], list[str]]:
    """The header's data; the chunks but it and the picture's; those, as they stand in the file; the damaged ones."""
    if not file.startswith(_SIGNATURE):
        raise InputError("not a PNG file: its signature is missing; give a PNG")
    header, at, name = b"", len(_SIGNATURE), b""
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
        elif name not in (b"IEND", b"fdAT"):
            chunk = _Chunk(name, bytes(whole[8:-4]), bool(picture))
            # libvips turns a picture as even a damaged EXIF block says.
            if zlib.crc32(whole[4:-4]) != int.from_bytes(whole[-4:], "big") and name != b"eXIf":
                damaged.append(f"damaged PNG chunk {name.decode('latin-1')!r}")
            elif name == b"IHDR":
                header = chunk.data
            else:
                chunks.append(chunk)
    if len(header) != 13:
        raise InputError("the PNG file has no header chunk; get a whole copy of the file")
    return header, chunks, picture, damaged


def png_facts(path: Path, file: bytes) -> tuple[bool, list[str]]:
    """Whether a PNG holds an animation, and what to say of it. Raises InputError when it is cut short."""
    try:
        header, chunks, _, _ = _read(file)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    names = [chunk.name for chunk in chunks if not chunk.after_picture]
    # A palette becomes full colour anyway, which is said.
    keyed = b"tRNS" in names and header[9] != 3
    frames = next((chunk.data[:4] for chunk in chunks if chunk.name == b"acTL"), b"")
    # The only frame of an animation may be the picture itself.
    single = frames == struct.pack(">I", 1) and b"fcTL" in names
    return b"acTL" in names and not single, ["the transparent colour becomes an alpha channel"] if keyed else []


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


def _block_of(chunk: _Chunk) -> tuple[str, bytes, Callable[[bytes], _Chunk], bool]:
    """The kind of block that a chunk holds, the block, how to put another in its place, and whether more follows it.

    The kinds are those of `Metadata`, 'other' for an unknown profile and '' for all else. Raises ValueError when it is
    damaged.
    """
    if chunk.name == b"iCCP":
        return "icc", _inflate(chunk.data[chunk.data.index(b"\0") + 2 :]), lambda _: chunk, False
    if chunk.name not in _TEXT:
        return "exif" if chunk.name == b"eXIf" else "", chunk.data, lambda block: chunk._replace(data=block), False
    start = len(chunk.keyword) + 1
    squeezed = chunk.name == b"zTXt" or (chunk.name == b"iTXt" and chunk.data[start : start + 1] == b"\1")
    start += _TEXT.index(chunk.name)  # how the text is compressed
    for _ in range(2 if chunk.name == b"iTXt" else 0):  # language and translated keyword
        start = chunk.data.index(b"\0", start) + 1
    if start > len(chunk.data):
        raise ValueError("no text")
    text = _inflate(chunk.data[start:]) if squeezed else chunk.data[start:]

    def with_text(text: bytes) -> _Chunk:
        return chunk._replace(data=chunk.data[:start] + (zlib.compress(text) if squeezed else text))

    if not chunk.keyword.startswith(_PROFILE_KEYWORD):
        return "xmp" if chunk.keyword == _XMP_KEYWORD else "", text, with_text, False
    found = _PROFILE_HEAD.match(text)
    digits, length = text[found.end() :].translate(None, b" \t\r\n\0") if found else b"", int(found[2]) if found else 0
    whole = bytes.fromhex(digits[: 2 * length].decode("ascii"))
    if not found or len(whole) < length:
        raise ValueError("not a profile, or cut short")
    prefix = _XMP_PREFIX if whole.startswith(_XMP_PREFIX) else b""
    block = whole.removeprefix(prefix)
    kind = next((kind for start, kind in _PROFILES.items() if block.startswith(start)), "other")
    name = found[1]
    return kind, block, lambda block: with_text(_profile(name, prefix + block)), len(digits) > 2 * length


def _profile(name: bytes, block: bytes) -> bytes:
    digits = block.hex().encode()
    lines = b"\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return b"\n%s\n%8d\n%s\n" % (name, len(block), lines)


def _cleaned(chunk: _Chunk) -> tuple[_Chunk | None, list[str]]:
    """The chunk without previews; None when it has to go as a whole."""
    if chunk.name in _COLOUR:
        return chunk, []
    try:
        kind, block, replaced, longer = _block_of(chunk)
    except ValueError:
        return None, [f"damaged {chunk.label}"]
    if not kind:
        held = holds_jpeg(block) or _BASE64_JPEG.search(block)
        return (None, [f"{chunk.label} (holds a picture)"]) if held else (chunk, [])
    block, dropped = _STRIPS.get(kind, strip_exif)(block)
    dropped += [f"what follows the profile in {chunk.label}"] if longer else []
    return (replaced(block) if block else None) if dropped else chunk, dropped


# ---------------------------------------------------------------- reading and writing


def png_metadata(source: bytes) -> Metadata:
    """The blocks of a PNG file that other formats can carry, without previews. Raises InputError when damaged."""
    _, chunks, _, dropped = _read(source)
    blocks: dict[str, bytes] = {}
    for chunk in chunks:
        if chunk.name in (*_TEXT, b"eXIf", b"iCCP"):
            try:
                kind, block, _, _ = _block_of(chunk)
            except ValueError:
                dropped.append(f"damaged {chunk.label}")
                continue
            if kind in ("", "other"):
                dropped.append(chunk.label)
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
    header, own, picture, _ = _read(encoded)
    if isinstance(source, Metadata):
        chunks, dropped = _chunks_of(source), list(source.dropped)
    else:
        before, chunks, _, dropped = _read(source)
        palettes = [[chunk.data for chunk in side if chunk.name == b"PLTE"] for side in (chunks, own)]
        # Bytes 8 and 9 of the header are bit depth and colour type.
        same_samples = before[8:10] == header[8:10] and (header[9] != 3 or palettes[0] == palettes[1])
        chunks = _wanted(chunks, dropped, same_samples=same_samples)
    ours = {b"PLTE", b"tRNS", *(() if same_colours else _COLOUR), *([b"pHYs"] if isinstance(source, Metadata) else [])}
    chunks = [chunk for chunk in chunks if chunk.name not in ours] + [chunk for chunk in own if chunk.name in ours]
    chunks = [_Chunk(b"IHDR", header), *sorted(chunks, key=lambda chunk: chunk.place), _Chunk(b"IEND", b"")]
    parts = [chunk.encode() for chunk in chunks]
    ahead = sum(chunk.place < 4 for chunk in chunks[:-1])
    return b"".join([_SIGNATURE, *parts[:ahead], *picture, *parts[ahead:]]), said(dropped)


def _wanted(chunks: list[_Chunk], dropped: list[str], *, same_samples: bool) -> list[_Chunk]:
    """Those that still hold when only pixels have changed, cleaned; what is dropped is added to `dropped`."""
    kept: list[_Chunk] = []
    for chunk in chunks:
        if chunk.name in _NOT_WORTH_SAYING:
            continue
        safe_to_copy = chunk.name.isalpha() and chunk.name[:1].islower() and chunk.name[3:].islower()
        wanted = (chunk.name in _PLACES or safe_to_copy) and (same_samples or chunk.name not in _SAMPLE)
        once = chunk.name in _PLACES and chunk.name not in _MANY
        if not wanted or (once and any(chunk.name == one.name for one in kept)):
            dropped.append(chunk.label)
            continue
        cleaned, found = _cleaned(chunk)
        dropped += found
        kept += [cleaned] if cleaned else []
    return kept


def _chunks_of(metadata: Metadata) -> list[_Chunk]:
    profile = zlib.compress(_profile(b"iptc", metadata.photoshop))
    chunks = [
        (metadata.icc, _Chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))),
        (metadata.exif, _Chunk(b"eXIf", metadata.exif.removeprefix(EXIF_PREFIX))),
        (metadata.xmp, _Chunk(b"iTXt", _XMP_KEYWORD + b"\0\0\0\0\0" + metadata.xmp)),
        (metadata.photoshop, _Chunk(b"zTXt", _PROFILE_KEYWORD + b"iptc\0\0" + profile)),
    ]
    return [chunk for block, chunk in chunks if block]
