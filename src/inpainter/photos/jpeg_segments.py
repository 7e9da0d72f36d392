"""The metadata segments of JPEG files: reading them, cleaning them, and putting them into another JPEG."""

import hashlib
import re
import shutil
import struct
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from inpainter.core import InputError
from inpainter.photos.metadata import Metadata, said
from inpainter.photos.previews import EXIF_PREFIX, byte_order, find_jpegs, strip_exif, strip_photoshop
from inpainter.photos.xmp import strip_xmp

_APP0, _APP1, _APP2, _APP11, _APP13, _APP14, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE, 0xFE
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_LONGEST = 65533

_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION_PREFIX = b"http://ns.adobe.com/xmp/extension/\0"
_EXTENSION_HEADER = len(_EXTENSION_PREFIX) + 40  # digest of the whole in 32 hexadecimal digits, its length, our offset
_EXTENSION_CHUNK = 65000
_PHOTOSHOP_PREFIX = b"Photoshop 3.0\0"
_ICC_PREFIX = b"ICC_PROFILE\0"

_KINDS = (
    ("jfif", _APP0, b"JFIF\0"),
    ("jfxx", _APP0, b"JFXX\0"),
    ("exif", _APP1, EXIF_PREFIX),
    ("xmp", _APP1, _XMP_PREFIX),
    ("extended xmp", _APP1, _EXTENSION_PREFIX),
    ("thermal", _APP1, b"FLIR\0"),
    ("icc", _APP2, _ICC_PREFIX),
    ("multi-picture", _APP2, b"MPF\0"),
    ("gain map", _APP2, b"urn:iso:std:iso:ts:21496:-1"),
    ("flashpix", _APP2, b"FPXR\0"),
    ("residual", _APP11, b""),
    ("photoshop", _APP13, _PHOTOSHOP_PREFIX),
    ("adobe", _APP14, b"Adobe"),
)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


class MetadataSegment(NamedTuple):
    """A metadata segment: its marker (0xE0 to 0xEF, 0xFE) and what follows its length."""

    marker: int
    payload: bytes

    @property
    def kind(self) -> str:
        """What the segment holds; `APPn` or `COM` for what has no name here."""
        for kind, marker, prefix in _KINDS:
            if self.marker == marker and self.payload.startswith(prefix):
                return kind
        return "COM" if self.marker == _COMMENT else f"APP{self.marker - _APP0}"

    def encode(self) -> bytes:
        """The segment as it stands in a file."""
        return struct.pack(">BBH", 0xFF, self.marker, len(self.payload) + 2) + self.payload


Cleaned = tuple[list[bytes], list[str]]


# ---------------------------------------------------------------- reading


def _header(stream: BinaryIO) -> list[MetadataSegment]:
    """Every segment before the first scan; the stream is left at the marker of the scan."""
    stream.seek(0)
    if stream.read(2) != b"\xff\xd8":
        raise InputError("not a JPEG file: it does not begin with FF D8; give a JPEG")
    segments = []
    while True:
        marker = _next_marker(stream)
        if marker in _STANDALONE:
            continue
        if marker in (0xDA, 0xD9):
            stream.seek(-2, 1)
            return segments
        length = int.from_bytes(stream.read(2), "big")
        payload = stream.read(max(length - 2, 0))
        if length < 2 or len(payload) != length - 2:
            raise InputError("the JPEG file ends inside its header; get a whole copy of the file")
        segments.append(MetadataSegment(marker, payload))


def _next_marker(stream: BinaryIO) -> int:
    if stream.read(1) != b"\xff":
        raise InputError("the JPEG file is damaged: no marker where one must be; get a whole copy of the file")
    marker = b"\xff"
    while marker == b"\xff":
        marker = stream.read(1)
    if not marker:
        raise InputError("the JPEG file ends inside its header; get a whole copy of the file")
    return marker[0]


def _is_metadata(segment: MetadataSegment) -> bool:
    return _APP0 <= segment.marker <= 0xEF or segment.marker == _COMMENT


def read_jpeg_segments(source: BinaryIO) -> tuple[list[MetadataSegment], list[str]]:
    """The APPn and COM segments of a JPEG file, in their order and without previews, and what was dropped.

    Only the header is read. Raises InputError when it is damaged.
    """
    segments = [segment for segment in _header(source) if _is_metadata(segment)]
    return _clean(segments)


def jpeg_metadata(source: BinaryIO) -> Metadata:
    """The blocks of a JPEG file that other formats can carry, without previews. Raises InputError as above."""
    segments, dropped = read_jpeg_segments(source)
    payloads: dict[str, list[bytes]] = {}
    for segment in segments:
        payloads.setdefault(segment.kind, []).append(segment.payload)
    exif, _ = _join_exif(payloads.get("exif", []))
    icc = [payload[len(_ICC_PREFIX) :] for payload in payloads.get("icc", [])]
    if "extended xmp" in payloads:
        dropped.append("extended XMP")
    dropped += ["JPEG comment"] * ("COM" in payloads)
    return Metadata(
        exif=exif[len(EXIF_PREFIX) :],
        xmp=payloads.get("xmp", [_XMP_PREFIX])[0][len(_XMP_PREFIX) :],
        icc=b"".join(part[2:] for part in sorted(icc, key=lambda part: part[:1])),
        photoshop=b"".join(payload[len(_PHOTOSHOP_PREFIX) :] for payload in payloads.get("photoshop", [])),
        dropped=tuple(said(dropped)),
    )


# ---------------------------------------------------------------- cleaning


def _clean(segments: list[MetadataSegment]) -> tuple[list[MetadataSegment], list[str]]:
    """Clean segments kind by kind, since one block may be spread over several; unchanged kinds keep their places."""
    dropped: list[str] = []
    digests: dict[bytes, bytes] = {}
    for kind in dict.fromkeys(segment.kind for segment in segments):
        places = [index for index, segment in enumerate(segments) if segment.kind == kind]
        before = [segments[index].payload for index in places]
        if kind == "extended xmp":
            after, found = _clean_extended(before, digests)
        else:
            after, found = _CLEANERS.get(kind, _clean_other)(before)
        dropped += found
        if after != before:
            marker = segments[places[0]].marker
            rest = [segment for index, segment in enumerate(segments) if index not in places[1:]]
            segments = [*rest[: places[0]], *(MetadataSegment(marker, part) for part in after), *rest[places[0] + 1 :]]
    if digests:
        segments = [_with_new_digest(segment, digests) for segment in segments]
    return segments, said(dropped)


def _dropper(what: str) -> Callable[[list[bytes]], Cleaned]:
    return lambda _payloads: ([], [what])


def _clean_jfif(payloads: list[bytes]) -> Cleaned:
    cleaned, dropped = [], []
    for payload in payloads:
        if len(payload) >= 14 and payload[12] * payload[13] > 0:
            dropped.append("JFIF thumbnail")
            payload = payload[:12] + b"\0\0"
        cleaned.append(payload)
    return cleaned, dropped


def _join_exif(payloads: list[bytes]) -> tuple[bytes, int]:
    """The first EXIF block with the segments that continue it, and how many segments those are."""
    if not payloads:
        return b"", 0
    count = 1
    while count < len(payloads) and not byte_order(payloads[count][len(EXIF_PREFIX) :]):
        count += 1
    return payloads[0] + b"".join(payload[len(EXIF_PREFIX) :] for payload in payloads[1:count]), count


def _clean_exif(payloads: list[bytes]) -> Cleaned:
    cleaned, dropped = [], []
    while payloads:
        block, count = _join_exif(payloads)
        block, found = strip_exif(block)
        dropped += found
        position = len(EXIF_PREFIX)
        for payload in payloads[:count]:
            size = len(payload) - len(EXIF_PREFIX)
            cleaned.append(EXIF_PREFIX + block[position : position + size])
            position += size
        payloads = payloads[count:]
    return cleaned, dropped


def _clean_xmp(payloads: list[bytes]) -> Cleaned:
    cleaned, dropped = [], []
    for payload in payloads:
        packet, found = strip_xmp(payload[len(_XMP_PREFIX) :])
        dropped += found
        if packet or not found:
            cleaned.append(_XMP_PREFIX + packet)
    return cleaned, dropped


def _clean_extended(payloads: list[bytes], digests: dict[bytes, bytes]) -> Cleaned:
    """Extended XMP without pictures; `digests` is told which digest, named in the main packet, became which.

    Source: XMP Specification Part 3 (2020), section 1.1.3.1.
    """
    parts: dict[bytes, list[tuple[int, bytes]]] = {}
    start = len(_EXTENSION_PREFIX)
    for payload in payloads:
        if len(payload) < _EXTENSION_HEADER:
            return [], ["damaged extended XMP"]
        offset = int.from_bytes(payload[start + 36 : start + 40], "big")
        parts.setdefault(payload[start : start + 32], []).append((offset, payload[_EXTENSION_HEADER:]))
    cleaned, dropped = [], []
    for digest, chunks in parts.items():
        packet, found = strip_xmp(b"".join(chunk for _, chunk in sorted(chunks)))
        if not found:
            cleaned += [payload for payload in payloads if payload[start : start + 32] == digest]
            continue
        dropped += found
        digests[digest] = hashlib.md5(packet, usedforsecurity=False).hexdigest().upper().encode()
        for offset in range(0, len(packet), _EXTENSION_CHUNK):
            head = _EXTENSION_PREFIX + digests[digest] + struct.pack(">II", len(packet), offset)
            cleaned.append(head + packet[offset : offset + _EXTENSION_CHUNK])
    return cleaned, dropped


def _with_new_digest(segment: MetadataSegment, digests: dict[bytes, bytes]) -> MetadataSegment:
    payload = segment.payload
    if segment.kind == "xmp":
        for old, new in digests.items():
            if re.fullmatch(rb"[0-9A-Fa-f]{32}", old):
                payload = payload.replace(old, new)
    return MetadataSegment(segment.marker, payload)


def _clean_photoshop(payloads: list[bytes]) -> Cleaned:
    joined = b"".join(payload[len(_PHOTOSHOP_PREFIX) :] for payload in payloads)
    cleaned, dropped = strip_photoshop(joined)
    return (_split(_PHOTOSHOP_PREFIX, cleaned), dropped) if dropped else (payloads, [])


def _split(prefix: bytes, data: bytes) -> list[bytes]:
    room = _LONGEST - len(prefix)
    return [prefix + data[start : start + room] for start in range(0, len(data), room)]


def _clean_other(payloads: list[bytes]) -> Cleaned:
    """Segments without those that a JPEG stream, which may run over several of them, lies in."""
    streams = list(find_jpegs(b"".join(payloads)))
    cleaned, position = [], 0
    for payload in payloads:
        end = position + len(payload)
        if not any(stream.start < end and position < stream.end for stream in streams):
            cleaned.append(payload)
        position = end
    return cleaned, ["preview in a JPEG segment"] if streams else []


_CLEANERS: dict[str, Callable[[list[bytes]], Cleaned]] = {
    "jfif": _clean_jfif,
    "jfxx": _dropper("JFIF thumbnail"),
    "exif": _clean_exif,
    "xmp": _clean_xmp,
    "thermal": _dropper("thermal picture"),
    "icc": lambda payloads: (payloads, []),
    "multi-picture": _dropper("multi-picture index"),
    "gain map": _dropper("gain map"),
    # JUMBF with Content Credentials (a signature that no longer holds, with thumbnails), or a residual picture.
    "residual": _dropper("APP11 data (Content Credentials or a residual picture)"),
    "photoshop": _clean_photoshop,
}


# ---------------------------------------------------------------- writing


def splice_jpeg(
    source: BinaryIO | Metadata, encoded: BinaryIO, out: BinaryIO, *, same_colours: bool = True
) -> list[str]:
    """Write to `out` the JPEG `encoded` with the metadata segments of `source` in place of its own.

    `source` is a JPEG file, or the metadata of a photo of another format. Segments keep their order and bytes, except
    previews, which go, and whatever follows the end of the picture, which is never copied. With `same_colours=False`
    (say, CMYK that became sRGB) the segments that define colour, JFIF, Adobe and ICC, come from `encoded`; JFIF and
    Adobe do so too when the source's would make a reader take the components of `encoded` for something else.
    Memory: the two headers. Answers what was dropped, in plain words. Raises InputError when a header is damaged.
    """
    tables = _header(encoded)
    own = [segment for segment in tables if _is_metadata(segment)]
    if isinstance(source, Metadata):
        segments, dropped = _segments_of(source)
        colours = [segment for segment in own if segment.kind in ("jfif", "adobe")]
        segments = colours + segments
    else:
        segments, dropped = read_jpeg_segments(source)
    if not same_colours:
        segments = _with_kinds_of(own, segments, ("jfif", "adobe", "icc"))
    elif _coding(segments, tables) != _coding(own, tables):
        segments = _with_kinds_of(own, segments, ("jfif", "adobe"))
    out.write(b"\xff\xd8")
    for segment in segments:
        out.write(segment.encode())
    for segment in tables:
        if not _is_metadata(segment):
            out.write(segment.encode())
    shutil.copyfileobj(encoded, out, 1 << 20)
    return dropped


def _with_kinds_of(
    own: list[MetadataSegment], segments: list[MetadataSegment], kinds: tuple[str, ...]
) -> list[MetadataSegment]:
    """`segments` with those of these kinds taken from `own`; JFIF goes first, as its standard says."""
    first = [segment for segment in own if segment.kind == "jfif" and "jfif" in kinds][:1]
    last = [segment for segment in own if segment.kind in kinds and segment.kind != "jfif"]
    return first + [segment for segment in segments if segment.kind not in kinds] + last


def _coding(segments: list[MetadataSegment], tables: list[MetadataSegment]) -> str:
    """How a reader takes the components of the frame in `tables` when these metadata segments precede it.

    Source: libjpeg's `default_decompress_parms`, which other decoders follow.
    """
    frames = [table.payload for table in tables if table.marker in _FRAMES and len(table.payload) >= 6]
    kinds = {segment.kind: segment.payload for segment in segments}
    components = frames[0][5] if frames else 0
    transform = kinds["adobe"][11:12] if "adobe" in kinds else None
    if components == 4:
        return {None: "plain CMYK", b"\2": "YCCK"}.get(transform, "inverted CMYK")
    if components != 3:
        return f"{components} components"
    if "jfif" in kinds:
        return "YCbCr"
    if transform is not None:
        return "RGB" if transform == b"\0" else "YCbCr"
    return "RGB" if frames[0][6:15:3] == b"RGB" else "YCbCr"


def _segments_of(metadata: Metadata) -> tuple[list[MetadataSegment], list[str]]:
    segments, dropped = [], list(metadata.dropped)
    for what, prefix, block in (("EXIF", EXIF_PREFIX, metadata.exif), ("XMP", _XMP_PREFIX, metadata.xmp)):
        if block and len(prefix) + len(block) <= _LONGEST:
            segments.append(MetadataSegment(_APP1, prefix + block))
        elif block:
            dropped.append(f"{what} (too long for a JPEG file)")
    segments += [MetadataSegment(_APP13, part) for part in _split(_PHOTOSHOP_PREFIX, metadata.photoshop)]
    room = _LONGEST - len(_ICC_PREFIX) - 2
    parts = [metadata.icc[start : start + room] for start in range(0, len(metadata.icc), room)]
    if len(parts) > 255:
        dropped.append("colour profile (too long for a JPEG file)")
        parts = []
    for number, part in enumerate(parts, 1):
        segments.append(MetadataSegment(_APP2, _ICC_PREFIX + bytes((number, len(parts))) + part))
    return segments, dropped
