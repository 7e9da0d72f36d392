"""Hostile and odd photo files, one line a kind: real collections are full of them. A new kind is a new line."""

import io
import lzma
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from makers import XMP, exif, picture, png, png_chunk, profile, thumbnail, vips
from photos.metadata_files import raw_profile, riff, riff_chunks, source_file
from tiff_maker import Tags, packed_12, tiff, tiff_tags

SIDE = 64
RGB, GREY = picture(SIDE, SIDE, 3), picture(SIDE, SIDE, 1)
VIVID = np.array([[[230, 30, 20], [20, 40, 220]]], np.uint8).repeat(SIDE, 0).repeat(SIDE // 2, 1)
RGBA, DEEP = picture(SIDE, SIDE, 4), picture(SIDE, SIDE, 3, 16)


@dataclass(frozen=True)
class Kind:
    """How to make a file, and what is to become of it."""

    suffix: str
    make: Callable[[], bytes]
    refused: str = ""
    """What the refusal says; empty: it is filled."""
    near: int = 0
    """How many levels the samples outside the mask may be from what other readers see."""


# ---------------------------------------------------------------- makers


def pillow(format: str, image: np.ndarray = RGB, mode: str = "", **options: Any) -> Callable[[], bytes]:
    def make() -> bytes:
        out = io.BytesIO()
        shown = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
        (shown.convert(mode) if mode else shown).save(out, format, **options)
        return out.getvalue()

    return make


def several(format: str) -> Callable[[], bytes]:
    return pillow(format, save_all=True, append_images=[Image.fromarray(RGB[::-1])])


def by_vips(suffix: str, samples: np.ndarray = RGB, **options: Any) -> Callable[[], bytes]:
    return lambda: bytes(vips(samples).write_to_buffer(suffix, **options))


def by_tifffile(samples: np.ndarray, **options: Any) -> Callable[[], bytes]:
    def make() -> bytes:
        out = io.BytesIO()
        tifffile.imwrite(out, samples, metadata=None, **({"photometric": "rgb"} | options))
        return out.getvalue()

    return make


def by_hand(data: bytes = RGB.tobytes(), bands: int = 3, tags: Tags | None = None, **more: int) -> Callable[[], bytes]:
    return lambda: tiff((tiff_tags(SIDE, SIDE, bands, **more) | (tags or {}), [data]))


def cut(make: Callable[[], bytes], share: float = 0.5) -> Callable[[], bytes]:
    return lambda: (data := make())[: int(len(data) * share)]


def longer(make: Callable[[], bytes], behind: bytes = b"more" * 50) -> Callable[[], bytes]:
    return lambda: make() + behind


def changed(make: Callable[[], bytes], old: bytes, new: bytes, count: int = 1) -> Callable[[], bytes]:
    def replaced() -> bytes:
        data = make()
        assert old in data
        return data.replace(old, new, count)

    return replaced


def spoiled(make: Callable[[], bytes], at: int, length: int) -> Callable[[], bytes]:
    """Zeros at a place, counted from the end when it is negative."""

    def with_zeros() -> bytes:
        data = bytearray(make())
        start = at % len(data)
        data[start : start + length] = bytes(length)
        return bytes(data)

    return with_zeros


def of_png(
    rows: bytes = RGB.tobytes(), depth: int = 8, kind: int = 2, before: tuple[bytes, ...] = ()
) -> Callable[[], bytes]:
    return lambda: png(SIDE, SIDE, depth=depth, kind=kind, rows=rows, before=before)


def with_chunks(*before: bytes) -> Callable[[], bytes]:
    return of_png(before=before)


def text(keyword: bytes, value: bytes, name: bytes = b"tEXt") -> bytes:
    return png_chunk(name, keyword + b"\0" + (b"\0" + zlib.compress(value) if name != b"tEXt" else value))


def few_bits(depth: int, kind: int) -> Callable[[], bytes]:
    rows = np.random.default_rng(depth).bytes(SIDE * SIDE * depth // 8)
    palette = np.random.default_rng(1).bytes(3 << depth)
    return of_png(rows, depth, kind, (png_chunk(b"PLTE", palette),) if kind == 3 else ())


def lossless_jpeg() -> bytes:
    """A grey JPEG of the lossless process (ITU-T T.81, annex H): each sample less its left, or first its upper one."""
    samples = GREY[..., 0].astype(int)
    before = np.concatenate([np.vstack([[128], samples[:-1, :1]]), samples[:, :-1]], axis=1)
    bits = ""
    for difference in (samples - before).ravel().tolist():
        size = abs(difference).bit_length()
        value = difference if difference > 0 else difference + (1 << size) - 1
        bits += f"{size:04b}" + (f"{value:0{size}b}" if size else "")
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    codes = bytes([0, 0, 0, 9, *[0] * 12, *range(9)])
    parts = [
        (0xC3, struct.pack(">BHHBBBB", 8, SIDE, SIDE, 1, 1, 0x11, 0)), (0xC4, b"\0" + codes),
        (0xDA, bytes([1, 1, 0, 1, 0, 0])),
    ]  # fmt: skip
    head = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in parts)
    return b"\xff\xd8" + head + scan + b"\xff\xd9"


def coarse_jpeg() -> bytes:
    """A JPEG whose coefficients, multiplied by the largest steps, lie far beyond 8 bit."""
    data = bytearray(pillow("JPEG", quality=95)())
    for table in (at for at in range(len(data)) if data[at : at + 4] == b"\xff\xdb\0\x43"):
        data[table + 5 : table + 69] = b"\xff" * 64
    return bytes(data)


def one_frame() -> bytes:
    """An animation of one picture, which is the file's only one."""
    control = struct.pack(">IIIIIHHBB", 0, SIDE, SIDE, 0, 0, 1, 1, 0, 0)
    return png(
        SIDE, SIDE, kind=2, rows=RGB.tobytes(),
        before=(png_chunk(b"acTL", struct.pack(">II", 1, 0)), png_chunk(b"fcTL", control)),
    )  # fmt: skip


def unspecified_avif() -> bytes:
    """An AVIF that says only its range, and another one in its AV1 stream: what the container says counts."""
    data = changed(pillow("AVIF", VIVID, quality=95), b"colrnclx\0\1\0\r\0\6", b"colrnclx" + b"\0\2" * 3)()
    bits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}"
    bits = bits.replace(f"{1:08b}{13:08b}{6:08b}1", f"{2:08b}" * 3 + "0")
    return int(bits, 2).to_bytes(len(data), "big")


def with_colours(primaries: int, transfer: int) -> Callable[[], bytes]:
    """An AVIF whose `colr` box says which colours it means (ITU-T H.273)."""
    codes = struct.pack(">HH", primaries, transfer)
    return changed(pillow("AVIF", quality=90), b"colrnclx\0\1\0\r", b"colrnclx" + codes)


def multiplied(depth: int = 8) -> np.ndarray:
    samples = picture(SIDE, SIDE, 4, depth)
    top = 255 if depth == 8 else 65535
    samples[..., :3] = samples[..., :3].astype(int) * samples[..., 3:] // top
    return samples


_JPEG, _PNG = pillow("JPEG", quality=90), of_png()
_PLANES = np.ascontiguousarray(RGB.transpose(2, 0, 1))
_EXIF = b"Exif\0\0" + exif(1, thumbnail())
# Its EXIF directory is itself, and so is the next one.
_CIRCLE = b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8, 8)
_RAW_PROFILE = raw_profile("generic profile", _EXIF)
_LETTER = b"<!DOCTYPE html><html><body>not found</body></html>"
_NOISE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
_COMPRESSIONS = ("none", "lzw", "deflate", "packbits")
_NIBBLES = np.random.default_rng(1).bytes(SIDE * SIDE // 2)
_ALPHA: Tags = {338: (3, [2])}
_PALETTE: Tags = {320: (3, [level * 257 for level in range(256)] * 3)}
_TILES = by_tifffile(_NOISE, tile=(16, 16), compression="zlib")

KINDS: dict[str, Kind] = {
    # ------------------------------------------------------------ JPEG
    **{f"jpeg 4:{name}": Kind(".jpg", pillow("JPEG", subsampling=n)) for n, name in enumerate(("4:4", "2:2", "2:0"))},
    **{f"jpeg turned {n}": Kind(".jpg", pillow("JPEG", exif=b"Exif\0\0" + exif(n))) for n in range(1, 9)},
    "jpeg grey": Kind(".jpg", pillow("JPEG", GREY)),
    "jpeg progressive": Kind(".jpg", pillow("JPEG", progressive=True)),
    "jpeg with restarts": Kind(".jpg", pillow("JPEG", restart_marker_blocks=2)),
    "jpeg with a thumbnail": Kind(".jpg", pillow("JPEG", exif=_EXIF, xmp=XMP, icc_profile=profile())),
    "jpeg with all metadata": Kind(".jpg", lambda: source_file("jpeg", ">")),
    "jpeg with bytes behind": Kind(".jpg", longer(_JPEG)),
    "jpeg with a second one": Kind(".jpg", several("MPO")),
    "jpeg cmyk": Kind(".jpg", pillow("JPEG", mode="CMYK", dpi=(300, 300)), near=255),
    "jpeg cut in half": Kind(".jpg", cut(_JPEG), "cut short"),
    "jpeg of unknown markers": Kind(".jpg", changed(_JPEG, b"\xff\xdb", b"junk\xff\x04"), "get a whole copy"),
    "jpeg cut in its header": Kind(".jpg", cut(_JPEG, 0.1), "cut short"),
    "jpeg of no size": Kind(".jpg", changed(_JPEG, b"\x08\0\x40\0\x40", b"\x08\0\0\0\0"), " "),
    "jpeg of 12 bit": Kind(".jpg", changed(_JPEG, b"\x11\x08\0\x40", b"\x11\x0c\0\x40"), " "),
    "jpeg that claims too much": Kind(
        ".jpg", changed(_JPEG, b"\x08\0\x40\0\x40", b"\x08\xff\xdc\xff\xdc"), "megapixels"
    ),
    "jpeg with damaged exif": Kind(".jpg", pillow("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(90))),
    "jpeg with exif in a circle": Kind(".jpg", pillow("JPEG", exif=b"Exif\0\0" + _CIRCLE)),
    "jpeg lossless": Kind(".jpg", lossless_jpeg),
    "jpeg beyond 8 bit": Kind(".jpg", coarse_jpeg),
    "jpeg with zeros between segments": Kind(".jpg", changed(_JPEG, b"\xff\xdb", bytes(4) + b"\xff\xdb")),
    # ------------------------------------------------------------ PNG
    **{f"png grey of {n} bit": Kind(".png", few_bits(n, 0)) for n in (1, 2, 4, 8, 16)},
    **{f"png palette of {n} bit": Kind(".png", few_bits(n, 3)) for n in (1, 2, 4, 8)},
    **{f"png turned {n}": Kind(".png", with_chunks(png_chunk(b"eXIf", exif(n)))) for n in range(1, 9)},
    "png rgb": Kind(".png", _PNG),
    "png rgb of 16 bit": Kind(".png", of_png(DEEP.byteswap().tobytes(), 16)),
    "png grey with alpha": Kind(".png", of_png(picture(SIDE, SIDE, 2).tobytes(), 8, 4)),
    "png with alpha": Kind(".png", of_png(RGBA.tobytes(), 8, 6)),
    "png with alpha of 16 bit": Kind(".png", of_png(picture(SIDE, SIDE, 4, 16).byteswap().tobytes(), 16, 6)),
    "png with a transparent colour": Kind(".png", pillow("PNG", transparency=tuple(RGB[0, 0].tolist()))),
    "png with a transparent palette": Kind(".png", pillow("PNG", mode="P", transparency=3)),
    "png interlaced": Kind(".png", by_vips(".png", interlace=True)),
    "png with gamma": Kind(".png", with_chunks(png_chunk(b"gAMA", struct.pack(">I", 45455)))),
    "png with all metadata": Kind(".png", lambda: source_file("png", "<")),
    "png with a profile of two words": Kind(".png", with_chunks(text(b"Raw profile type APP1", _RAW_PROFILE, b"zTXt"))),
    "png with more than a profile": Kind(".png", with_chunks(text(b"Raw profile type APP1", _RAW_PROFILE + b"ffd8"))),
    "png with text without end": Kind(".png", with_chunks(text(b"Comment", bytes(80 << 20), b"zTXt"))),
    "png with a damaged text": Kind(".png", changed(with_chunks(text(b"Author", b"me")), b"me", b"my")),
    "png turned by a damaged exif": Kind(".png", changed(with_chunks(png_chunk(b"eXIf", exif(6))), b"A cam", b"B cam")),
    "png with a broken profile": Kind(".png", with_chunks(text(b"x", _LETTER, b"iCCP"))),
    "png with bytes behind": Kind(".png", longer(_PNG)),
    "png in jpg": Kind(".jpg", _PNG),
    "png animated": Kind(".png", several("PNG"), "several pictures"),
    "png animated, of one picture": Kind(".png", one_frame),
    "png cut in half": Kind(".png", cut(_PNG), "get a whole copy"),
    "png with exif in a circle": Kind(".png", with_chunks(png_chunk(b"eXIf", _CIRCLE))),
    "png with a chunk of its own": Kind(".png", with_chunks(png_chunk(b"prVt", b"own"), png_chunk(b"prVT", b""))),
    "png with a chunk of no name": Kind(".png", with_chunks(png_chunk(b"\0\1\2\3", b"x")), "get a whole copy"),
    "png with two profiles": Kind(".png", with_chunks(*[text(b"x", profile(), b"iCCP")] * 2)),
    "png with a palette too short": Kind(".png", of_png(bytes(range(64)) * 64, 8, 3, (png_chunk(b"PLTE", bytes(9)),))),
    "png without a palette": Kind(".png", of_png(bytes(SIDE * SIDE), 8, 3), " "),
    "png without an end": Kind(".png", lambda: _PNG()[:-12], "get a whole copy"),
    "png with too few rows": Kind(".png", of_png(RGB.tobytes()[: SIDE * SIDE]), "get a whole copy"),
    "png with a damaged picture": Kind(".png", spoiled(_PNG, 900, 40), "get a whole copy"),
    "png of no size": Kind(".png", lambda: png(0, 0), " "),
    "png that claims too much": Kind(".png", lambda: png(50000, 50000), "megapixels"),
    "png of one row": Kind(".png", lambda: png(SIDE, 1, kind=2, rows=RGB[0].tobytes())),
    "png of one column": Kind(".png", lambda: png(1, SIDE, kind=2, rows=RGB[:, 0].tobytes())),
    # ------------------------------------------------------------ WebP
    "webp": Kind(".webp", pillow("WEBP", lossless=True)),
    "webp with alpha": Kind(".webp", pillow("WEBP", RGBA, lossless=True, exact=True)),
    "webp lossy": Kind(".webp", pillow("WEBP", quality=80)),
    "webp lossy with alpha": Kind(".webp", pillow("WEBP", RGBA, quality=80)),
    "webp with all metadata": Kind(".webp", lambda: source_file("webp", "<")),
    "webp with an unknown chunk": Kind(".webp", lambda: riff(*riff_chunks(source_file("webp", ">")), (b"OWNC", b"1"))),
    "webp animated": Kind(".webp", several("WEBP"), "several pictures"),
    "webp with exif in a circle": Kind(".webp", pillow("WEBP", lossless=True, exif=_CIRCLE)),
    "webp longer than it is": Kind(".webp", changed(pillow("WEBP", lossless=True), b"VP8L", b"VP8L\xff"), " "),
    "webp with bytes behind": Kind(".webp", longer(pillow("WEBP", lossless=True))),
    "webp cut in half": Kind(".webp", cut(pillow("WEBP", lossless=True)), "get a whole copy"),
    # ------------------------------------------------------------ AVIF
    "avif": Kind(".avif", pillow("AVIF", quality=90)),
    "avif with alpha": Kind(".avif", pillow("AVIF", RGBA, quality=90)),
    "avif grey in the studio's range": Kind(".avif", pillow("AVIF", GREY, range="limited")),
    "avif display p3": Kind(".avif", with_colours(12, 13)),
    "avif of an unspecified matrix": Kind(".avif", unspecified_avif),
    "avif hdr": Kind(".avif", with_colours(9, 16), "HDR (PQ)"),
    "avif turned": Kind(".avif", pillow("AVIF", exif=exif(6))),
    "avif with damaged exif": Kind(".avif", pillow("AVIF", exif=b"II*\0\xff\xff\xff\xff")),
    "avif that claims too much": Kind(".avif", changed(pillow("AVIF"), b"\0\0\0\x40" * 2, b"\0\0\xff\xff" * 2), " "),
    "avif animated": Kind(".avif", several("AVIF"), "several pictures"),
    "avif cut in half": Kind(".avif", cut(pillow("AVIF")), "get a whole copy"),
    # ------------------------------------------------------------ TIFF
    **{f"tiff {name}": Kind(".tif", by_vips(".tif", compression=name)) for name in _COMPRESSIONS},
    **{f"tiff of 16 bit, {name}": Kind(".tif", by_vips(".tif", DEEP, compression=name)) for name in _COMPRESSIONS},
    **{f"tiff turned {n}": Kind(".tif", by_hand(tags={274: (3, [n])})) for n in range(1, 9)},
    **{f"tiff turned by a byte {n}": Kind(".tif", by_hand(tags={274: (1, [n])})) for n in (1, 6)},
    "tiff grey with alpha": Kind(".tif", by_vips(".tif", picture(SIDE, SIDE, 2))),
    "tiff with alpha": Kind(".tif", by_vips(".tif", RGBA)),
    "tiff with alpha multiplied in": Kind(".tif", by_tifffile(multiplied(), extrasamples=["assocalpha"])),
    "tiff with deep alpha multiplied in": Kind(".tif", by_tifffile(multiplied(16), extrasamples=["assocalpha"])),
    "tiff with two more channels": Kind(".tif", by_tifffile(np.dstack([RGBA, GREY]), extrasamples=[2, 0]), "channels"),
    "tiff big": Kind(".tif", by_tifffile(RGB, bigtiff=True)),
    "tiff of the other byte order": Kind(".tif", by_tifffile(DEEP, byteorder=">")),
    "tiff in tiles": Kind(".tif", by_vips(".tif", tile=True, tile_width=32, tile_height=32)),
    "tiff in planes": Kind(".tif", by_tifffile(_PLANES, planarconfig="separate")),
    "tiff in jpeg": Kind(".tif", pillow("TIFF", compression="jpeg")),
    "tiff of one bit": Kind(".tif", pillow("TIFF", GREY, "1", compression="group4")),
    "tiff with a palette": Kind(".tif", pillow("TIFF", mode="P")),
    "tiff cmyk": Kind(".tif", pillow("TIFF", mode="CMYK"), near=255),
    "tiff whose zero is white": Kind(".tif", by_tifffile(GREY[..., 0], photometric="miniswhite")),
    "tiff ycbcr": Kind(".tif", pillow("TIFF", mode="YCbCr"), near=1),
    "tiff ycbcr, lzw": Kind(".tif", pillow("TIFF", mode="YCbCr", compression="tiff_lzw"), near=1),
    "tiff ycbcr, jpeg": Kind(".tif", pillow("TIFF", mode="YCbCr", compression="jpeg")),
    "tiff ycbcr of fewer colours": Kind(".tif", by_hand(photometric=6, tags={530: (3, [2, 2])}), "YCbCr"),
    "tiff whose zero is white, with alpha": Kind(
        ".tif", by_hand(picture(SIDE, SIDE, 2).tobytes(), 2, _ALPHA, photometric=0)
    ),
    "tiff whose zero is white, 4 bit": Kind(".tif", by_hand(_NIBBLES, 1, bits=4, photometric=0)),
    "tiff grey of 4 bit": Kind(".tif", by_hand(_NIBBLES, 1, bits=4)),
    "tiff grey of 2 bit": Kind(".tif", by_hand(_NIBBLES[: SIDE * SIDE // 4], 1, bits=2)),
    "tiff of turned bits": Kind(".tif", by_hand(_NIBBLES[: SIDE * SIDE // 8], 1, {266: (3, [2])}, bits=1)),
    "tiff with a palette and alpha": Kind(
        ".tif", by_hand(picture(SIDE, SIDE, 2).tobytes(), 2, _PALETTE | _ALPHA, photometric=3)
    ),
    "tiff in planes, in strips": Kind(".tif", by_tifffile(_PLANES, planarconfig="separate", rowsperstrip=7)),
    "tiff in tiles of jpeg": Kind(
        ".tif", by_vips(".tif", compression="jpeg", tile=True, tile_width=32, tile_height=32)
    ),
    "tiff in tiles of jpeg, with alpha": Kind(
        ".tif",
        lambda: tiff(
            (
                tiff_tags(SIDE, SIDE, 4, compression=7) | _ALPHA | {322: (3, [SIDE]), 323: (3, [SIDE])},
                [pillow("JPEG", mode="CMYK")()],
            ),
            strips=(324, 325),
        ),
        "not supported",
    ),
    "tiff grey in jpeg": Kind(".tif", by_vips(".tif", GREY, compression="jpeg")),
    "tiff big, in tiles, other byte order": Kind(".tif", by_tifffile(DEEP, bigtiff=True, tile=(32, 16), byteorder=">")),
    "tiff in many strips": Kind(".tif", by_tifffile(RGB, rowsperstrip=1)),
    "tiff with bytes behind": Kind(".tif", longer(by_tifffile(RGB))),
    "tiff with masks": Kind(".tif", by_hand(GREY.tobytes(), 1, photometric=4), "photometric 4"),
    "tiff with all metadata": Kind(".tif", by_hand(tags={270: (2, b"Two\0"), 700: (1, XMP), 34675: (7, profile())})),
    "tiff with odd counts": Kind(".tif", by_hand(tags={282: (5, [1, 1, 2, 1]), 270: (2, b"no end")})),
    "tiff with exif in a circle": Kind(".tif", by_hand(tags={0x8769: (4, [8]), 0x8825: (4, [1 << 31])})),
    "tiff with a short strip": Kind(".tif", by_hand(RGB.tobytes()[:-500]), "get a whole copy"),
    "tiff with strips elsewhere": Kind(".tif", by_hand(tags={273: (4, [1 << 30])}), "get a whole copy"),
    "tiff without lengths": Kind(".tif", by_hand(tags={279: (4, [0])})),
    "tiff with a tag without end": Kind(".tif", by_hand(tags={700: (1, XMP), 65000: (2, b"own\0")})),
    "tiff of no size": Kind(".tif", lambda: tiff((tiff_tags(0, 0), [b""])), " "),
    "tiff with four channels": Kind(".tif", by_hand(RGBA.tobytes(), 4)),
    "tiff with pages": Kind(".tif", several("TIFF"), "several pictures"),
    "tiff of 12 bit": Kind(".tif", by_hand(packed_12(RGB.astype(int) * 16), bits=12), "12 bit"),
    "tiff of floats": Kind(".tif", by_tifffile(RGB.astype(np.float32)), "float"),
    "tiff of signed samples": Kind(".tif", by_tifffile(DEEP.astype(np.int16)), "unsigned"),
    "tiff of 32 bit": Kind(".tif", by_tifffile(RGB.astype(np.uint32)), "uint"),
    "tiff zstandard": Kind(".tif", by_hand(compression=50000), "Zstandard"),
    "tiff lzma": Kind(".tif", by_hand(lzma.compress(RGB.tobytes()), compression=34925), "LZMA"),
    "tiff in old jpeg": Kind(".tif", lambda: by_hand(_JPEG(), compression=6, photometric=6)(), "old-style JPEG"),
    "tiff lab": Kind(".tif", by_hand(photometric=8), "LAB"),
    "tiff in tiles of planes": Kind(".tif", by_tifffile(_PLANES, planarconfig="separate", tile=(16, 16)), "tiles"),
    "tiff dng": Kind(".tif", by_hand(tags={50706: (1, [1, 4, 0, 0])}), "raw"),
    "tiff with a raw below": Kind(".tif", by_hand(tags={254: (4, [1]), 330: (4, [8])}), "raw"),
    "tiff cut in half": Kind(".tif", cut(by_tifffile(_NOISE)), "get a whole copy"),
    "tiff in tiles, cut": Kind(".tif", cut(_TILES, 0.9), "get a whole copy"),
    "tiff in damaged tiles": Kind(".tif", spoiled(_TILES, -500, 500), "get a whole copy"),
    "tiff without a directory": Kind(".tif", lambda: b"II*\0\x08\0\0\0", "get a whole copy"),
    "tiff that claims too much": Kind(".tif", lambda: tiff((tiff_tags(50000, 50000, 1), [bytes(64)])), "megapixels"),
    # ------------------------------------------------------------ others
    "gif": Kind(".gif", pillow("GIF"), "GIF"),
    "bmp in jpg": Kind(".jpg", pillow("BMP"), "BMP"),
    "jpeg 2000": Kind(".png", pillow("JPEG2000"), "JPEG 2000"),
    "heic": Kind(".heic", lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(60), " "),
    "letter": Kind(".jpg", lambda: _LETTER, "not a picture"),
    "empty": Kind(".png", lambda: b"", "empty"),
    "noise": Kind(".png", lambda: np.random.default_rng(0).bytes(5000), "not a picture"),
    "zeros": Kind(".tif", lambda: bytes(5000), "not a picture"),
}
