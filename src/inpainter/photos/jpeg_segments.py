"""The metadata segments of JPEG files: reading them, cleaning them, and putting them into another JPEG."""

import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, pairwise
from typing import NamedTuple

from inpainter.photos.jpeg_header import APP0, APP14, COM, SOI, SOS, Jpeg, read_header
from inpainter.photos.jpeg_header import segments as walk
from inpainter.photos.metadata import Metadata, said
from inpainter.photos.previews import EXIF_PREFIX, byte_order, find_jpegs, strip_exif, strip_photoshop
from inpainter.photos.xmp import strip_xmp

_APP1, _APP2, _APP11, _APP13 = 0xE1, 0xE2, 0xEB, 0xED
_LONGEST = 65533
_ROOM = 64
_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION_PREFIX = b"http://ns.adobe.com/xmp/extension/\0"
_EXTENSION_HEADER = len(_EXTENSION_PREFIX) + 40
_PHOTOSHOP_PREFIX = b"Photoshop 3.0\0"
_ICC_PREFIX = b"ICC_PROFILE\0"

_KINDS = (
    ("jfif", APP0, b"JFIF\0"),
    ("jfxx", APP0, b"JFXX\0"),
    ("exif", _APP1, EXIF_PREFIX),
    ("xmp", _APP1, _XMP_PREFIX),
    ("xmp", _APP1, _EXTENSION_PREFIX),
    ("thermal", _APP1, b"FLIR\0"),
    ("icc", _APP2, _ICC_PREFIX),
    ("multi-picture", _APP2, b"MPF\0"),
    ("gain map", _APP2, b"urn:iso:std:iso:ts:21496:-1"),
    ("residual", _APP11, b""),
    ("photoshop", _APP13, _PHOTOSHOP_PREFIX),
    ("adobe", APP14, b"Adobe"),
)
_GOES_WHOLE = {
    "jfxx": "JFIF thumbnail",
    "thermal": "thermal picture",
    "multi-picture": "multi-picture index",
    "gain map": "gain map of an Ultra-HDR photo",
    # JUMBF with Content Credentials (a signature that no longer holds, with thumbnails), or a residual picture.
    "residual": "APP11 data (Content Credentials or a residual picture)",
}


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
        return "COM" if self.marker == COM else f"APP{self.marker - APP0}"

    def encode(self) -> bytes:
        """The segment as it stands in a file."""
        return struct.pack(">BBH", 0xFF, self.marker, len(self.payload) + 2) + self.payload


Cleaned = tuple[list[bytes], list[str]]


# ---------------------------------------------------------------- reading


def jpeg_metadata(source: bytes | Jpeg) -> Metadata:
    """The blocks of a JPEG file that other formats can carry, without previews. Raises InputError when damaged."""
    segments, dropped = _cleaned_segments(source)
    payloads: dict[str, list[bytes]] = {}
    for segment in segments:
        payloads.setdefault(segment.kind, []).append(segment.payload)
    icc = [payload[len(_ICC_PREFIX) :] for payload in payloads.get("icc", [])]
    xmp = [payload for payload in payloads.get("xmp", []) if payload.startswith(_XMP_PREFIX)]
    dropped += ["extended XMP"] * (len(xmp) < len(payloads.get("xmp", [])))
    dropped += ["JPEG comment"] * ("COM" in payloads)
    return Metadata(
        exif=_join(EXIF_PREFIX, payloads.get("exif", [])),
        xmp=_join(_XMP_PREFIX, xmp[:1]),
        icc=b"".join(part[2:] for part in sorted(icc, key=lambda part: part[:1])),
        photoshop=_join(_PHOTOSHOP_PREFIX, payloads.get("photoshop", [])),
        dropped=tuple(said(dropped)),
    )


def _cleaned_segments(source: bytes | Jpeg) -> tuple[list[MetadataSegment], list[str]]:
    """The APPn and COM segments of a JPEG file, in their order and without previews, and what was dropped."""
    jpeg = source if isinstance(source, Jpeg) else read_header(source)
    segments = [MetadataSegment(one.marker, jpeg.data[one.payload : one.end]) for one in jpeg.header if one.is_metadata]
    before: dict[str, list[bytes]] = {}
    for segment in segments:
        before.setdefault(segment.kind, []).append(segment.payload)
    dropped: list[str] = []
    after: dict[str, Iterator[bytes]] = {}
    # Kind by kind, since one block may be spread over several segments. No kind becomes more; the last places go.
    for kind, payloads in before.items():
        goes = _GOES_WHOLE.get(kind)
        kept, found = ([], [goes]) if goes else _CLEANERS.get(kind, _clean_other)(payloads)
        dropped += found
        after[kind] = iter(kept)
    cleaned = [one._replace(payload=payload) for one in segments for payload in islice(after[one.kind], 1)]
    return cleaned, said(dropped + _behind(jpeg))


def _behind(jpeg: Jpeg) -> list[str]:
    """What lies behind the end of the picture, in words; padding is not worth a word."""
    rest = jpeg.data[jpeg.segments[-1].end :] if jpeg.complete else b""
    if not rest.strip(b"\0\xff\r\n "):
        return []
    found = ["video of a motion photo"] * (b"ftyp" in rest)
    if any(find_jpegs(rest)):
        ultra = any(name in jpeg.data for name in (b"hdr-gain-map", b"HDRGainMap", b"iso:ts:21496"))
        found.append("gain map of an Ultra-HDR photo" if ultra else "further pictures behind the photo")
    return found or [f"{len(rest):,} bytes behind the end of the photo"]


# ---------------------------------------------------------------- cleaning


def _clean_jfif(payloads: list[bytes]) -> Cleaned:
    cleaned = [payload[:12] + b"\0\0" if len(payload) >= 14 else payload for payload in payloads]
    pictures = any(len(payload) >= 14 and payload[12] * payload[13] for payload in payloads)
    return cleaned, ["JFIF thumbnail"] * pictures


def _join(prefix: bytes, payloads: Iterable[bytes]) -> bytes:
    return b"".join(payload[len(prefix) :] for payload in payloads)


def _clean_exif(payloads: list[bytes]) -> Cleaned:
    """EXIF, which goes on in further segments where it is too long for one; a header begins another block."""
    starts = [at for at, one in enumerate(payloads) if not at or byte_order(one[len(EXIF_PREFIX) :])]
    cleaned: list[bytes] = []
    dropped: list[str] = []
    for start, end in pairwise([*starts, len(payloads)]):
        block, found = strip_exif(_join(EXIF_PREFIX, payloads[start:end]))
        dropped += found
        for payload in payloads[start:end]:
            length = len(payload) - len(EXIF_PREFIX)
            cleaned.append(EXIF_PREFIX + block[:length])
            block = block[length:]
    return cleaned, dropped


def _clean_xmp(payloads: list[bytes]) -> Cleaned:
    """XMP with its extension segments (XMP Specification Part 3, section 1.1.3.1), or none of it."""
    main = [payload for payload in payloads if payload.startswith(_XMP_PREFIX)]
    rest = sorted(payload for payload in payloads if payload.startswith(_EXTENSION_PREFIX))  # by digest, then offset
    _, dropped = strip_xmp(b"".join([*main, *(payload[_EXTENSION_HEADER:] for payload in rest)]))
    return ([], dropped) if dropped else (payloads, [])


def _clean_photoshop(payloads: list[bytes]) -> Cleaned:
    cleaned, dropped = strip_photoshop(_join(_PHOTOSHOP_PREFIX, payloads))
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
        if not any(first < end and position < last for first, last in streams):
            cleaned.append(payload)
        position = end
    return cleaned, ["preview in a JPEG segment"] * bool(streams)


_CLEANERS: dict[str, Callable[[list[bytes]], Cleaned]] = {
    "jfif": _clean_jfif,
    "exif": _clean_exif,
    "xmp": _clean_xmp,
    "icc": lambda payloads: (payloads, []),
    "photoshop": _clean_photoshop,
}


# ---------------------------------------------------------------- writing


def splice_jpeg(
    source: bytes | Jpeg | Metadata, encoded: bytes, *, same_colours: bool = True
) -> tuple[bytes, list[str]]:
    """Return the JPEG `encoded` with the metadata segments of `source` in place of its own, and what was dropped.

    `source` is a JPEG file, or the metadata of a photo of another format. Segments keep their order and bytes, except
    previews, which go, and whatever follows the end of the picture. How a reader takes the components is for `encoded`
    to say, by its Adobe segment or none. With `same_colours=False` (say, CMYK that became sRGB) it has the profile,
    too, and where the source has no JFIF segment, it has that. Raises InputError when a header is damaged.
    """
    own: list[MetadataSegment] = []
    start, tables = len(encoded), b""
    for one in walk(encoded):
        if one.marker == SOS:
            start = one.start
            break
        if one.is_metadata:
            own.append(MetadataSegment(one.marker, encoded[one.payload : one.end]))
        elif one.marker != SOI:
            tables += encoded[one.start : one.end]
    segments, dropped = _segments_of(source) if isinstance(source, Metadata) else _cleaned_segments(source)
    if not _of(segments, "jfif"):
        segments = _of(own, "jfif") + segments
    theirs = ("adobe",) if same_colours else ("adobe", "icc")
    if _of(segments, *theirs) != _of(own, *theirs):
        segments = [segment for segment in segments if segment.kind not in theirs] + _of(own, *theirs)
    head = b"".join(segment.encode() for segment in segments)
    return b"".join([b"\xff\xd8", head, tables, memoryview(encoded)[start:]]), dropped


def with_density(encoded: bytes, x: float, y: float) -> bytes:
    """The JPEG `encoded`, which has no JFIF segment, with one that says so many samples per millimetre.

    libvips, which writes none, says 1, or 72 per inch, also where it knows none.
    """
    inch = [round(25.4 * one) for one in (x, y)]
    if inch in ([25, 25], [72, 72]) or not all(1 <= dots <= 65535 for dots in inch):
        return encoded
    return encoded[:2] + MetadataSegment(APP0, b"JFIF\0\1\2\1" + struct.pack(">HHH", *inch, 0)).encode() + encoded[2:]


def _of(segments: Iterable[MetadataSegment], *kinds: str) -> list[MetadataSegment]:
    return [segment for segment in segments if segment.kind in kinds]


def _segments_of(metadata: Metadata) -> tuple[list[MetadataSegment], list[str]]:
    segments, dropped = [], list(metadata.dropped)
    for what, prefix, block in (("EXIF", EXIF_PREFIX, metadata.exif), ("XMP", _XMP_PREFIX, metadata.xmp)):
        if len(prefix) + len(block) > _LONGEST:
            # What a thumbnail left behind; the zeros of the last values stay.
            block = block.rstrip(b"\0") + bytes(_ROOM)
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
