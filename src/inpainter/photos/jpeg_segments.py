"""The metadata segments of JPEG files: reading them, cleaning them, and putting them into another JPEG."""

import struct
from collections import defaultdict

from inpainter.photos.jpeg_header import APP0, APP14, COM, SOI, SOS, Jpeg, segments
from inpainter.photos.metadata import Metadata, Piece, cleaned
from inpainter.photos.previews import EXIF_PREFIX, find_jpegs, holds_jpeg, said, strip_exif
from inpainter.photos.xmp import strip_xmp

_APP1, _APP2, _APP11, _APP13 = 0xE1, 0xE2, 0xEB, 0xED
_LONGEST = 65533
_EXTENSION_PREFIX = b"http://ns.adobe.com/xmp/extension/\0"
_EXTENSION_HEADER = len(_EXTENSION_PREFIX) + 40
_BLOCKS = {
    "exif": (_APP1, EXIF_PREFIX),
    "xmp": (_APP1, b"http://ns.adobe.com/xap/1.0/\0"),
    "photoshop": (_APP13, b"Photoshop 3.0\0"),
    "icc": (_APP2, b"ICC_PROFILE\0"),
}
_GOES_WHOLE = (
    (APP0, b"JFXX\0", "JFIF thumbnail"),
    (_APP1, b"FLIR\0", "thermal picture"),
    (_APP2, b"MPF\0", "multi-picture index"),
    (_APP2, b"urn:iso:std:iso:ts:21496:-1", "gain map of an Ultra-HDR photo"),
    # JUMBF with Content Credentials (a signature that no longer holds, with thumbnails), or a residual picture.
    (_APP11, b"", "APP11 data (Content Credentials or a residual picture)"),
)


def jpeg_metadata(jpeg: Jpeg) -> Metadata:
    """What a JPEG file says of itself, without previews."""
    pieces: list[Piece] = []
    parts: dict[str, list[bytes]] = defaultdict(list)
    dropped: list[str] = []
    for marker, _, start, end in (one for one in jpeg.header if one.is_metadata):
        payload = jpeg.data[start:end]
        if goes := [what for at, prefix, what in _GOES_WHOLE if marker == at and payload.startswith(prefix)]:
            dropped += goes
        elif marker == APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14:
            dropped += ["JFIF thumbnail"] * (payload[12] * payload[13] > 0)
            pieces.append(Piece(_segment(marker, payload[:12] + b"\0\0"), "jfif"))
        elif marker == _APP1 and parts["exif"] and payload.startswith((b"Exif\0\0II*\0", b"Exif\0\0MM\0*")):
            # Not more of the first block, but another one.
            block, found = strip_exif(payload)
            pieces.append(Piece(_segment(marker, block)))
            dropped += found
        # How the components mean colours is for the new file to say.
        elif marker != APP14 or not payload.startswith(b"Adobe"):
            named = [kind for kind, (at, prefix) in _BLOCKS.items() if marker == at and payload.startswith(prefix)]
            extension = marker == _APP1 and payload.startswith(_EXTENSION_PREFIX)
            kind = "xmp" if extension else (named or [f"{marker:#x}"])[0]
            label = "extended XMP" if extension else "JPEG comment" * (marker == COM)
            parts["extension" if extension else kind].append(payload[len(_BLOCKS[kind][1]) if named else 0 :])
            pieces.append(Piece(_segment(marker, payload), kind, label))
    # One block or preview may be spread over several segments.
    pictures = {kind for kind in parts.keys() - _BLOCKS if kind != "extension" and holds_jpeg(b"".join(parts[kind]))}
    dropped += ["preview in a JPEG segment"] * bool(pictures)
    # By digest, then offset (XMP Specification Part 3, section 1.1.3.1).
    extensions = b"".join(part[_EXTENSION_HEADER:] for part in sorted(parts["extension"]))
    if found := strip_xmp(b"".join([*parts["xmp"], extensions]))[1]:
        pictures.add("xmp")
        parts["xmp"] = []
        dropped += found
    parts["icc"] = [part[2:] for part in sorted(parts["icc"], key=lambda part: part[:1])]
    blocks = {kind: b"".join(parts[kind][: 1 if kind == "xmp" else None]) for kind in _BLOCKS}
    return cleaned(blocks, [piece for piece in pieces if piece.kind not in pictures], dropped + _behind(jpeg))


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


def splice_jpeg(metadata: Metadata, encoded: bytes) -> tuple[bytes, list[str]]:
    """Return the JPEG `encoded` with `metadata` in place of its own, and what was dropped.

    How a reader takes the components is for `encoded` to say, by its Adobe segment or none.
    """
    start, tables, jfif, adobe = len(encoded), b"", b"", b""
    for one in segments(encoded):
        whole = encoded[one.start : one.end]
        if one.marker == SOS:
            start = one.start
            break
        if one.marker == APP0:
            jfif = whole
        elif one.marker == APP14:
            adobe = whole
        elif one.marker != SOI and not one.is_metadata:
            tables += whole
    dropped, head = list(metadata.dropped), b""
    for kind, block in metadata.new(*_BLOCKS):
        marker, prefix = _BLOCKS[kind]
        room = _LONGEST - len(prefix) - 2 * (kind == "icc")
        if kind == "exif" and len(block) > room:
            # What a thumbnail left behind; the zeros of the last values stay.
            block = block.rstrip(b"\0") + bytes(64)
        parts = [block[at : at + room] for at in range(0, len(block), room)]
        if len(parts) > {"xmp": 1, "icc": 255}.get(kind, len(parts)):
            dropped.append(f"{'XMP' if kind == 'xmp' else 'colour profile'} (too long for a JPEG file)")
            continue
        for number, part in enumerate(parts, 1):
            head += _segment(marker, prefix + bytes((number, len(parts)) if kind == "icc" else ()) + part)
    ahead = b"".join(piece.data for piece in metadata.pieces if piece.kind == "jfif") or jfif
    kept = [piece.data for piece in metadata.pieces if piece.kind != "jfif"]
    return b"".join([b"\xff\xd8", ahead, adobe, head, *kept, tables, memoryview(encoded)[start:]]), said(dropped)


def with_density(encoded: bytes, x: float, y: float) -> bytes:
    """The JPEG `encoded`, which has no JFIF segment, with one that says so many samples per millimetre.

    libvips, which writes none, says 1, or 72 per inch, also where it knows none.
    """
    inch = [round(25.4 * one) for one in (x, y)]
    if inch in ([25, 25], [72, 72]) or not all(1 <= dots <= 65535 for dots in inch):
        return encoded
    return encoded[:2] + _segment(APP0, b"JFIF\0\1\2\1" + struct.pack(">HHH", *inch, 0)) + encoded[2:]


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload
