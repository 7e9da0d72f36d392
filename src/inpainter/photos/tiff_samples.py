"""The samples of TIFF files: which of its many kinds are taken, reading them by libvips, and writing them alike."""

import os
from pathlib import Path
from typing import Any

import pyvips

from inpainter.core import InputError
from inpainter.photos.tiff_structure import TiffFile

PALETTE_NOTE = "the palette becomes full colour: a fill needs colours that it may not have"
# TIFF 6.0, and the registered private tags.
_SUBFILE, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANES = 254, 258, 259, 262, 277, 284
_TILE_OFFSETS, _TILE_LENGTHS, _SUB_DIRECTORIES, _EXTRA_SAMPLES = 324, 325, 330, 338
_COEFFICIENTS, _SUBSAMPLING, _REFERENCES, _DNG_VERSION = 529, 530, 532, 50706
_KEPT = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits"}
_JPEG, _PALETTE, _CMYK, _YCBCR, _ASSOCIATED = 7, 3, 5, 6, 1
_READ = {*_KEPT, 2, 3, 4, _JPEG, 50001}  # fax of three kinds, JPEG, WebP
_COMPRESSIONS = {6: "old-style JPEG", 34712: "JPEG 2000", 34887: "LERC", 34925: "LZMA", 50000: "Zstandard"}
_PHOTOMETRICS = {8: "LAB", 9: "ICC LAB", 10: "ITU LAB", 32844: "LogL", 32845: "LogLuv"}
_SENSORS = (32803, 34892)
_FULL_RANGE = [0, 255, 128, 255, 128, 255]
# ITU-R BT.601 in the full range.
_TO_RGB = [[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]]


class TiffPage:
    """How a page's samples are stored. Raises InputError for a kind that cannot be taken."""

    def __init__(self, path: Path, page: int = 0) -> None:
        with path.open("rb") as stream:
            file = TiffFile(stream, page)
            # Others, such as layers, may be very long.
            looked_at = {*range(_SUBFILE, _REFERENCES + 1), _DNG_VERSION}
            pages = [one.directory(wanted=looked_at)[0] for one in (file, TiffFile(stream))]
        of, main = ({tag: list(field.values) for tag, field in fields.items()} for fields in pages)
        self.compression, self.photometric, planes, samples = (
            (of.get(tag) or [1])[0] for tag in (_COMPRESSION, _PHOTOMETRIC, _PLANES, _SAMPLES)
        )
        self.tiled = _TILE_OFFSETS in of
        self.associated = of.get(_EXTRA_SAMPLES, [])[:1] == [_ASSOCIATED]
        self.extra_samples = pages[0].get(_EXTRA_SAMPLES)
        # libtiff hands out YCbCr as it is, but for JPEG's.
        self.ycbcr = self.photometric == _YCBCR and self.compression != _JPEG
        references = of.get(_REFERENCES, [])
        ranges = [above / max(below, 1) for above, below in zip(references[::2], references[1::2], strict=False)]
        bits = of.get(_BITS) or [1]
        known = (1, 2, 4, 8, 16) if samples == 1 else (8, 16, 32, 64)
        thumbnail = _SUB_DIRECTORIES in main and main.get(_SUBFILE) == [1]
        raw = _DNG_VERSION in main or thumbnail or self.photometric in _SENSORS
        odd_ycbcr = of.get(_SUBSAMPLING) != [1, 1] or bits != [8, 8, 8] or _COEFFICIENTS in of
        for wrong, what in (
            (raw, "raw from a sensor"),
            (self.compression not in _READ, _COMPRESSIONS.get(self.compression, f"compression {self.compression}")),
            (len({*bits}) > 1 or bits[0] not in known, f"{', '.join(map(str, sorted({*bits})))} bit a sample"),
            (
                self.photometric not in (0, 1, 2, _PALETTE, _CMYK, _YCBCR),
                _PHOTOMETRICS.get(self.photometric, f"photometric {self.photometric}"),
            ),
            (planes == 2 and self.tiled, "tiles of one colour each"),
            (self.tiled and self.compression == _JPEG and self.extra_samples is not None, "JPEG with alpha in tiles"),
            (self.associated and self.photometric == _CMYK, "CMYK with alpha multiplied in"),
            (self.ycbcr and (odd_ycbcr or ranges not in ([], _FULL_RANGE)), "YCbCr of this kind"),
        ):
            if wrong:
                remedy = "develop it with a raw converter and export it" if raw else "save it"
                raise InputError(
                    f"{what} in a TIFF is not supported; {remedy} as RGB of 8 or 16 bit, by LZW or deflate",
                    code="unsupported",
                )
        ends = map(sum, zip(of.get(_TILE_OFFSETS, []), of.get(_TILE_LENGTHS, []), strict=False))
        if max(ends, default=0) > file.size:
            # libvips would take a missing tile as black.
            raise InputError("cut short; get a whole copy of it")

    def settings(self) -> tuple[dict[str, Any], list[str]]:
        """Choose how to encode the samples as they were, and say what changes."""
        name = _KEPT.get(self.compression, "deflate")
        settings = {"compression": name} | ({"predictor": "horizontal"} if name in ("lzw", "deflate") else {})
        notes = {_PALETTE: [PALETTE_NOTE], _YCBCR: ["YCbCr becomes RGB"]}.get(self.photometric, [])
        if self.compression not in _KEPT:
            notes.append(f"its compression (number {self.compression}) becomes deflate, which loses nothing")
        return settings, notes


def load_tiff(path: Path, access: str = "sequential", page: int = 0) -> pyvips.Image:
    """Open a page of a TIFF with libvips, which decodes it as far as it is asked for, in ordinary reads.

    Raises InputError for a kind of samples that cannot be taken.
    """
    kind = TiffPage(path, page)
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
    if kind.ycbcr:
        matrix = pyvips.Image.new_from_array(_TO_RGB)
        image = image.linear([1, 1, 1], [0, -128, -128]).recomb(matrix).rint().cast("uchar")
        image = image.copy(interpretation="srgb")
    return image


def mark_unassociated(path: Path, page: int = 0) -> None:
    """Make a TIFF say that its colours have alpha not multiplied in, so that libvips hands out what is stored."""
    field = TiffPage(path, page).extra_samples
    if field:
        with path.open("r+b") as stream:
            stream.seek(field.where)
            stream.write(bytes(2 * len(field.values)))
