"""The samples of TIFF files: which of its many kinds are taken, reading them by libvips, and writing them alike."""

import os
from pathlib import Path
from typing import Any

import pyvips

from inpainter.core import InputError
from inpainter.photos.tiff_tags import Field, TiffFile

PALETTE_NOTE = "the palette becomes full colour: a fill needs colours that it may not have"
_SUBFILE, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANES = 254, 258, 259, 262, 277, 284
_TILE_OFFSETS, _TILE_LENGTHS, _SUB_DIRECTORIES, _EXTRA_SAMPLES = 324, 325, 330, 338
_SUBSAMPLING, _COEFFICIENTS, _REFERENCES, _DNG_VERSION = 530, 529, 532, 50706
# Value of the Compression tag → its name in libvips; TIFF 6.0, section 8, and the registered private ones.
_KEPT = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits"}
_JPEG = 7
_READ = {*_KEPT, 2, 3, 4, _JPEG, 50001}  # fax of three kinds, JPEG, WebP
_COMPRESSIONS = {
    6: "old-style JPEG",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50002: "JPEG XL",
}
_PALETTE, _CMYK, _YCBCR = 3, 5, 6
_PHOTOMETRICS = {4: "a transparency mask", 8: "LAB", 9: "ICC LAB", 10: "ITU LAB", 32844: "LogL", 32845: "LogLuv"}
_SENSORS = {32803, 34892}
_ASSOCIATED = 1
# ITU-R BT.601, full range.
_TO_RGB = [[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]]


class _Page:
    """A page's tags by name. Raises InputError for a kind of samples that cannot be taken."""

    def __init__(self, path: Path, page: int) -> None:
        with path.open("rb") as stream:
            file = TiffFile(stream, page)
            self._fields = file.directory()[0]
            main = self._fields if not page else TiffFile(stream).directory()[0]
        self._file, self._path = file, path
        self.compression, self.photometric = self.number(_COMPRESSION), self.number(_PHOTOMETRIC, 0)
        self.associated = self.numbers(_EXTRA_SAMPLES)[:1] == [_ASSOCIATED]
        self.tiled = _TILE_OFFSETS in self._fields
        if _DNG_VERSION in main or self.photometric in _SENSORS or _is_thumbnail_of_raw(file, main):
            raise self._unsupported("raw from a sensor", "develop it with a raw converter and export it as such a TIFF")
        self._check()

    def numbers(self, tag: int) -> list[int]:
        return self._file.numbers(self._fields.get(tag))

    def number(self, tag: int, default: int = 1) -> int:
        return (self.numbers(tag) or [default])[0]

    @property
    def converted(self) -> bool:
        """Whether its samples are YCbCr that libtiff hands out as they are."""
        return self.photometric == _YCBCR and self.compression != _JPEG

    def _check(self) -> None:
        if self.compression not in _READ:
            raise self._unsupported(_COMPRESSIONS.get(self.compression, f"compression {self.compression}"))
        bits = self.numbers(_BITS) or [1]
        if len(set(bits)) > 1 or bits[0] not in ((1, 2, 4, 8, 16) if self.number(_SAMPLES) == 1 else (8, 16, 32, 64)):
            raise self._unsupported(f"{', '.join(map(str, sorted(set(bits))))} bit a sample")
        if self.photometric > _YCBCR or self.photometric == 4:
            raise self._unsupported(_PHOTOMETRICS.get(self.photometric, f"photometric {self.photometric}"))
        if self.number(_PLANES) == 2 and self.tiled:
            raise self._unsupported("tiles of one colour each")
        if self.associated and self.photometric == _CMYK:
            raise self._unsupported("CMYK with alpha multiplied in")
        rationals = self._fields.get(_REFERENCES)
        if self.converted and (
            (self.numbers(_SUBSAMPLING), bits) != ([1, 1], [8, 8, 8])
            or _COEFFICIENTS in self._fields
            or (rationals and _quotients(rationals, self._file.order) != [0, 255, 128, 255, 128, 255])
        ):
            raise self._unsupported("YCbCr of this kind")
        ends = map(sum, zip(self.numbers(_TILE_OFFSETS), self.numbers(_TILE_LENGTHS), strict=False))
        if max(ends, default=0) > self._file.size:
            # libvips would take a missing tile as black.
            raise InputError(f"{self._path}: cut short; get a whole copy of it")

    def _unsupported(self, what: str, remedy: str = "save it as such a TIFF") -> InputError:
        return InputError(
            f"{self._path}: {what}, which is not supported (grey, RGB or CMYK of 8 or 16 bit is, compressed by LZW or "
            f"deflate or not at all); {remedy}",
            code="unsupported",
        )


def _is_thumbnail_of_raw(file: TiffFile, main: dict[int, Field]) -> bool:
    return file.numbers(main.get(_SUBFILE))[:1] == [1] and _SUB_DIRECTORIES in main


def _quotients(rationals: Field, order: str) -> list[float]:
    endian = "little" if order == "<" else "big"
    parts = [int.from_bytes(rationals.data[at : at + 4], endian) for at in range(0, len(rationals.data), 4)]
    return [above / max(below, 1) for above, below in zip(parts[::2], parts[1::2], strict=False)]


def load_tiff(path: Path, access: str = "sequential", page: int = 0) -> pyvips.Image:
    """Open a page of a TIFF with libvips, which decodes it as far as it is asked for, in ordinary reads.

    Raises InputError for a kind of samples that cannot be taken.
    """
    kind = _Page(path, page)
    load: Any = pyvips.Image.tiffload

    def opened(fail_on: str) -> pyvips.Image:
        # A file may change between two calls of one process: libvips's cache would give its old pixels.
        return load(os.fsencode(path), access=access, page=page, fail_on=fail_on, revalidate=True)

    image = opened("error")
    if kind.tiled:
        # A damaged tile counts as a warning only, and is black; so do tags that are merely odd, without a word.
        try:
            opened("warning").crop(0, 0, 1, 1).avg()
            image = opened("warning")
        except pyvips.Error as error:
            if "".join(str(error).splitlines()[1:]).strip():
                raise
    if kind.converted:
        image = image.linear([1, 1, 1], [0, -128, -128]).recomb(_TO_RGB).rint().cast("uchar")
        image = image.copy(interpretation="srgb")
    return image


def tiff_settings(path: Path, page: int = 0) -> tuple[dict[str, Any], list[str]]:
    """Choose how to encode a TIFF's samples as they were, and say what changes."""
    kind = _Page(path, page)
    name = _KEPT.get(kind.compression, "deflate")
    settings: dict[str, Any] = {"compression": name}
    if name in ("lzw", "deflate"):
        settings["predictor"] = "horizontal"
    notes = []
    if kind.compression not in _KEPT:
        notes.append(f"its compression (number {kind.compression}) becomes deflate, which loses nothing")
    if kind.photometric == _PALETTE:
        notes.append(PALETTE_NOTE)
    if kind.photometric == _YCBCR:
        notes.append("YCbCr becomes RGB")
    return settings, notes


def has_associated_alpha(path: Path, page: int = 0) -> bool:
    """Whether a TIFF's colours have alpha multiplied in."""
    return _Page(path, page).associated


def mark_unassociated(path: Path, page: int = 0) -> None:
    """Make a TIFF say that its colours have alpha not multiplied in, so that libvips hands out what is stored."""
    with path.open("r+b") as stream:
        file = TiffFile(stream, page)
        field = file.directory()[0][_EXTRA_SAMPLES]
        stream.seek(field.where)
        stream.write(bytes(len(field.data)))
