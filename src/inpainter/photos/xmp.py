"""Taking pictures out of XMP packets, byte for byte where nothing was taken."""

import base64
import re
from collections.abc import Sequence
from xml.parsers import expat

_GIMG = "http://ns.adobe.com/xap/1.0/g/img/"
_GIMAGE = "http://ns.google.com/photos/1.0/image/"
_GDEPTH = "http://ns.google.com/photos/1.0/depthmap/"
_GCAMERA = "http://ns.google.com/photos/1.0/camera/"
_GAIN_MAP = "http://ns.adobe.com/hdr-gain-map/1.0/"
_CONTAINERS = ("http://ns.google.com/photos/1.0/container/", "http://ns.google.com/photos/dd/1.0/container/")

_PICTURES = {
    f"{_GIMG} image": "XMP thumbnail",
    f"{_GIMAGE} Data": "second picture in XMP",
    f"{_GDEPTH} Data": "depth map in XMP",
    f"{_GDEPTH} Confidence": "depth map in XMP",
}
"""Properties whose value is a picture: the property stays, empty."""

_LISTINGS = {f"{space} Directory": "listing of further pictures in XMP" for space in _CONTAINERS}
_FOLLOWERS = {_GAIN_MAP: "gain map"}
_MOTION = re.compile(rf"{re.escape(_GCAMERA)} (MicroVideo|MotionPhoto)")

_TAG = re.compile(rb"<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")
_ATTRIBUTE = re.compile(rb"\s+([^\s=/>]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_BASE64_PICTURE = re.compile(rb"(?:/9j/|iVBORw0KGgo)(?:[A-Za-z0-9+/=\s]|&#(?:10|13|x0?[aAdD]);){97,}")
_SUSPECT = re.compile(rb"G[iI]mg:image|GImage:Data|GDepth:(?:Data|Confidence)|/9j/|iVBORw0KGgo")


class _Cuts:
    """Walks a packet and notes which bytes to cut, and why."""

    def __init__(self, xmp: bytes) -> None:
        self.cuts: list[tuple[int, int]] = []
        self.dropped: list[str] = []
        self._xmp = xmp
        self._depth = 0
        self._cutting: tuple[int, int, int, str] | None = None  # depth, start, end of the start tag, why
        self._parser = expat.ParserCreate("utf-8", " ")
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.Parse(xmp, True)

    @staticmethod
    def _refuse(*_: object) -> None:
        # A document type can define entities, which would hide text from a reader of bytes.
        raise ValueError("document type in XMP")

    def _tag(self, position: int) -> tuple[int, int]:
        found = _TAG.match(self._xmp, position)
        if not found:
            raise ValueError("tag without end")
        return found.span()

    def _start(self, name: str, attributes: Sequence[str]) -> None:
        self._depth += 1
        if self._cutting:
            return
        start, end = self._tag(self._parser.CurrentByteIndex)
        if why := _PICTURES.get(name):
            self._cutting = (self._depth, end, end, why)
        elif why := _follower(name):
            self._cutting = (self._depth, start, end, why)
        else:
            self._attributes(start, end, attributes[::2])

    def _attributes(self, start: int, end: int, names: Sequence[str]) -> None:
        written = [
            found
            for found in _ATTRIBUTE.finditer(self._xmp, start, end)
            if found[1] != b"xmlns" and not found[1].startswith(b"xmlns:")
        ]
        for name, found in zip(names, written, strict=True):
            if why := _PICTURES.get(name):
                self._cut(found.start(2) + 1, found.end(2) - 1, why)
            elif why := _follower(name):
                self._cut(*found.span(), why)

    def _cut(self, start: int, end: int, why: str) -> None:
        if start < end:
            self.cuts.append((start, end))
            self.dropped.append(why)

    def _end(self, _name: str) -> None:
        if self._cutting and self._cutting[0] == self._depth:
            _, start, tag_end, why = self._cutting
            end = tag_end
            # Where an empty element ends, expat names a place in or behind its only tag.
            if self._xmp[tag_end - 2 : tag_end] != b"/>":
                end = self._parser.CurrentByteIndex
                if start < tag_end:
                    end = self._tag(end)[1]
            self._cut(start, end, why)
            self._cutting = None
        self._depth -= 1


def _follower(name: str) -> str:
    """Why an element or attribute goes whole: it speaks of a picture that no longer follows. Empty when it stays."""
    if _MOTION.match(name):
        return "motion photo"
    return _LISTINGS.get(name) or _FOLLOWERS.get(name.partition(" ")[0], "")


def strip_xmp(xmp: bytes) -> tuple[bytes, list[str]]:
    """An XMP packet without pictures, and what was dropped.

    Thumbnails, Google's second pictures and depth maps, and any other base64 JPEG or PNG become empty; gain-map and
    motion-photo properties and the listing of further pictures go, because those do not follow the photo any more.
    All else stays byte for byte (a packet in UTF-16 that is changed becomes UTF-8). A damaged packet that may hold a
    picture goes whole: the result is empty.
    """
    text = xmp
    try:
        if xmp[:2] in (b"\xff\xfe", b"\xfe\xff"):
            text = xmp.decode("utf-16").encode()
        elif xmp[:2] in (b"<\0", b"\0<"):
            text = xmp.decode("utf-16-le" if xmp[:1] == b"<" else "utf-16-be").encode()
        core = text.rstrip(b"\0 \t\r\n")
        found = _Cuts(core)
    except (expat.ExpatError, ValueError):
        return (b"", ["damaged XMP that may hold a picture"]) if _SUSPECT.search(text) else (xmp, [])
    stripped = _without(core, found.cuts)
    dropped = list(dict.fromkeys(found.dropped))
    spans = [span for match in _BASE64_PICTURE.finditer(stripped) if (span := _picture_span(match))]
    if spans:
        stripped = _without(stripped, spans)
        dropped.append("picture in XMP")
    return (stripped + text[len(core) :], dropped) if dropped else (xmp, [])


def _without(data: bytes, cuts: list[tuple[int, int]]) -> bytes:
    kept, position = [], 0
    for start, end in sorted(cuts):
        kept.append(data[position:start])
        position = end
    return b"".join(kept) + data[position:]


def _picture_span(match: re.Match[bytes]) -> tuple[int, int] | None:
    """Where the base64 picture lies, without white space after it; None when the text only looks like one."""
    head = re.sub(rb"&#\w+;|[^A-Za-z0-9+/]", b"", match[0][:96])
    start = base64.b64decode(head[:8].ljust(8, b"A"))
    if not start.startswith(b"\x89PNG") and not 0xC0 <= start[3] < 0xFF:
        return None
    return match.start(), match.start() + len(match[0].rstrip())
