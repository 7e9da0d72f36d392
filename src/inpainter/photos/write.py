"""Writing photos back: the fill goes in, everything else stays as it was."""

import errno
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from inpainter.core import Box, InputError, Mask
from inpainter.photos.avif_exif import exif_stand_in, place_avif_exif
from inpainter.photos.containers import Metadata, carry_tiff_tags, metadata_of, splice_jpeg, splice_png, splice_webp
from inpainter.photos.files import atomic, check_output, gone_afterwards, output_error
from inpainter.photos.jpeg import StoredPatch, patch_blocks
from inpainter.photos.jpeg_header import read_header
from inpainter.photos.jpeg_library import CarryError
from inpainter.photos.jpeg_segments import with_density
from inpainter.photos.photo import PALETTE_NOTE, Photo, Samples, field, load_pixels, vips_reason
from inpainter.photos.quality import avif_settings, webp_settings
from inpainter.photos.sniff import SUFFIXES
from inpainter.photos.tiff_tags import TiffFile

# How a photo that changes its format is written: what loses little that anybody sees.
_CONVERTED: dict[str, dict[str, Any]] = {
    "jpeg": {"Q": 95, "subsample_mode": "off"},
    "png": {"compression": 6},
    "webp": {"lossless": True, "exact": True},
    "tiff": {"compression": "deflate", "predictor": "horizontal"},
    "avif": {"compression": "av1", "Q": 85, "subsample_mode": "off"},
}
_SAVERS = {"jpeg": "jpegsave", "png": "pngsave", "webp": "webpsave", "tiff": "tiffsave", "avif": "heifsave"}
# Value of the Compression tag → its name in libvips; TIFF 6.0, section 8, and the registered private ones.
_TIFF_COMPRESSIONS = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits", 50000: "zstd"}
_COMPRESSION_TAG, _PHOTOMETRIC_TAG = 259, 262
_PALETTE = 3
_MEASURED_MEGAPIXELS = 100
_BIG_TIFF_BYTES = 3_500_000_000


@dataclass(frozen=True)
class Patch:
    """A part of the upright picture with its new samples."""

    box: Box
    samples: Samples
    """`(height, width, bands)` as the photo has them; outside the mask they are the photo's own."""
    mask: Mask
    """Which of them are new, `(height, width)`."""


def check_format(output: Path, photo: Photo) -> str:
    """Return the format that `output` asks for by its suffix; raise InputError when it names none that we write."""
    kind = SUFFIXES.get(output.suffix.lower())
    if kind:
        return kind
    if output.suffix.lower() == photo.path.suffix.lower():
        return photo.format
    raise InputError(f"{output}: the suffix names no format to write; use .jpg, .png, .webp, .tif or .avif")


def write_photo(photo: Photo, output: Path, patches: Sequence[Patch], *, overwrite: bool) -> list[str]:
    """Write `photo` with `patches` in it, whole or not at all, and say what could not stay as it was.

    Format, size, depth, profile, alpha and metadata stay, unless the suffix of `output` asks for another format.
    Outside the masks, lossless formats keep every sample and JPEG every block that no mask touches; lossy WebP and
    AVIF, and JPEGs whose blocks cannot be carried over, are encoded anew at the nearest quality. Embedded previews,
    which would still show what was removed, are left out. Raises InputError.
    """
    check_output(output, overwrite=overwrite, sources=(photo.path,))
    check_format(output, photo)
    with atomic(output, overwrite=overwrite) as temporary:
        return encode_photo(photo, output, patches, temporary)


def encode_photo(photo: Photo, output: Path, patches: Sequence[Patch], temporary: Path) -> list[str]:
    """Write what `write_photo` does into a file that is to become `output`."""
    kind = check_format(output, photo)
    notes = list(photo.notes)
    with _explained(photo, output):
        if kind != photo.format:
            notes += _write_converted(photo, kind, patches, temporary)
        elif kind == "jpeg":
            notes += _write_jpeg(photo, patches, temporary)
        else:
            notes += _write_same(photo, patches, temporary)
    return notes


def copy_photo(photo: Photo, output: Path, *, overwrite: bool) -> list[str]:
    """Copy a photo that needs no fill: byte for byte, unless the suffix asks for another format."""
    if check_format(output, photo) != photo.format:
        return write_photo(photo, output, [], overwrite=overwrite)
    check_output(output, overwrite=overwrite, sources=(photo.path,))
    photo.check()
    if not (output.exists() and output.samefile(photo.path)):
        with atomic(output, overwrite=overwrite) as temporary:
            shutil.copyfile(photo.path, temporary)
    return []


def write_mask(mask: Mask, output: Path, *, overwrite: bool) -> None:
    """Write a mask `(H, W)` as a picture, white = fill; PNG, TIFF or WebP, since a mask must stay exact."""
    check_output(output, overwrite=overwrite)
    kind = SUFFIXES.get(output.suffix.lower())
    if kind not in ("png", "tiff", "webp"):
        raise InputError(f"{output}: a mask must stay exact; use .png, .tif or .webp")
    image = pyvips.Image.new_from_array(mask.view(np.uint8) * np.uint8(255)).copy(interpretation="b-w")
    settings = {"bitdepth": 1} if kind == "png" else _CONVERTED[kind]
    with atomic(output, overwrite=overwrite) as temporary, _explained(None, output):
        getattr(image, _SAVERS[kind])(os.fsencode(temporary), **settings)


# ---------------------------------------------------------------- the same format


def _write_jpeg(photo: Photo, patches: Sequence[Patch], temporary: Path) -> list[str]:
    jpeg = read_header(photo.path.read_bytes(), str(photo.path))
    places = [photo.to_stored_box(patch.box) for patch in patches]
    carried = [
        StoredPatch(box.x, box.y, photo.to_stored(patch.samples), photo.to_stored(patch.mask))
        for box, patch in zip(places, patches, strict=True)
    ]
    try:
        output, dropped = splice_jpeg(jpeg, patch_blocks(jpeg, carried))
    except CarryError as reason:
        settings = _CONVERTED["jpeg"] | {
            "interlace": jpeg.progressive,
            # Codes made to measure save some percent, but libjpeg holds the whole photo in memory to measure it.
            "optimize_coding": photo.megapixels <= _MEASURED_MEGAPIXELS,
        }
        notes = [f"every block is encoded again, at quality {settings['Q']}: {reason}"]
        return notes + _write_same(photo, patches, temporary, settings)
    temporary.write_bytes(output)
    return _left_out(dropped)


def _write_same(
    photo: Photo, patches: Sequence[Patch], temporary: Path, settings: dict[str, Any] | None = None
) -> list[str]:
    notes: list[str] = []
    if settings is None:
        settings, notes = _same_settings(photo)
    image = patched(photo, patches)
    if photo.format == "avif":
        metadata = _metadata(photo, image)
        return notes + _encode_avif(image, metadata, settings, temporary)
    with photo.path.open("rb") as source:
        return notes + _encode(image, photo.format, settings, source, temporary, same_colours=not photo.cmyk)


def _same_settings(photo: Photo) -> tuple[dict[str, Any], list[str]]:
    """Choose how to encode a photo in its own format, and say what that loses."""
    if photo.format == "webp":
        settings = webp_settings(photo.path.read_bytes())
    elif photo.format == "avif":
        data = photo.path.read_bytes()
        settings = avif_settings(data, alpha=photo.alpha)
        if settings.get("lossless") and not avif_settings(data).get("lossless"):
            return settings, ["AVIF with alpha becomes lossless, and larger, so that the alpha stays as it is"]
    elif photo.format == "tiff":
        return _tiff_settings(photo)
    else:
        return _CONVERTED[photo.format], []
    if settings.get("lossless"):
        return settings, []
    return settings, [f"lossy {photo.format.upper()} is encoded anew, at quality {settings['Q']}"]


def _tiff_settings(photo: Photo) -> tuple[dict[str, Any], list[str]]:
    with photo.path.open("rb") as source:
        file = TiffFile(source)
        fields = file.directory(file.first, file.order)[0]
    endian = "little" if file.order == "<" else "big"
    value, colours = (
        int.from_bytes(fields[tag].data, endian) if tag in fields else 1 for tag in (_COMPRESSION_TAG, _PHOTOMETRIC_TAG)
    )
    name = _TIFF_COMPRESSIONS.get(value, "deflate")
    settings: dict[str, Any] = {"compression": name}
    if name in ("lzw", "deflate", "zstd"):
        settings["predictor"] = "horizontal"
    notes = [PALETTE_NOTE] if colours == _PALETTE else []
    if value not in _TIFF_COMPRESSIONS:
        notes.append(f"its compression (number {value}) becomes deflate, which loses nothing")
    return settings, notes


# ---------------------------------------------------------------- another format


def _write_converted(photo: Photo, kind: str, patches: Sequence[Patch], temporary: Path) -> list[str]:
    # Turning needs the rows in another order than the file has them.
    image = patched(photo, patches, "sequential" if photo.orientation == 1 else "random")
    metadata = _metadata(photo, image)
    # Few programs heed an orientation tag outside JPEG and TIFF.
    image = image.autorot() if photo.orientation != 1 else image
    notes = [] if metadata == Metadata() else _left_out(list(metadata.dropped))
    metadata = replace(metadata, dropped=())
    settings = dict(_CONVERTED[kind])
    if kind == "jpeg":
        settings["optimize_coding"] = photo.megapixels <= _MEASURED_MEGAPIXELS
    if photo.alpha and kind == "jpeg":
        image = image.flatten(background=[np.iinfo(np.uint8 if photo.depth == 8 else np.uint16).max])
        notes.append("JPEG has no alpha: transparent parts become white")
    if photo.colours == 1 and metadata.icc and kind in ("webp", "avif"):
        image = image.icc_transform("srgb", embedded=True, depth=photo.depth)
        metadata = replace(metadata, icc=b"")
        notes.append(f"{kind.upper()} holds no grey profile: its tones become sRGB's")
    if photo.depth == 16 and kind in ("jpeg", "webp"):
        image = image.colourspace("b-w" if photo.colours == 1 else "srgb")
        notes.append(f"{kind.upper()} has 8 bit a sample: 16 become 8")
    if kind == "avif":
        if photo.alpha:
            settings = {"compression": "av1", "lossless": True}
        return notes + _encode_avif(image, metadata, settings, temporary)
    return notes + _encode(image, kind, settings, metadata, temporary)


def _metadata(photo: Photo, image: pyvips.Image) -> Metadata:
    """Return what the photo says about itself, for samples that stand upright."""
    if photo.format == "avif":
        names = ("exif-data", "xmp-data", "icc-profile-data")
        metadata = Metadata.clean(*(field(image, name, b"") for name in names))
    else:
        with photo.path.open("rb") as source:
            metadata = metadata_of(source, photo.format)
    if photo.cmyk:
        metadata = replace(metadata, icc=field(image, "icc-profile-data"))
    return metadata.upright()


# ---------------------------------------------------------------- encoding


def patched(photo: Photo, patches: Sequence[Patch], access: str = "sequential") -> pyvips.Image:
    """The picture as stored, with patches in it; computed as far as it is asked for."""
    image = photo.pixels(access)
    for patch in patches:
        x, y, width, height = photo.to_stored_box(patch.box)
        samples = np.ascontiguousarray(photo.to_stored(patch.samples))
        inserted = pyvips.Image.new_from_memory(samples.data, width, height, photo.bands, image.format)
        image = image.insert(inserted.copy(interpretation=image.interpretation), x, y)
    return image


def _encode(
    image: Any, kind: str, settings: dict[str, Any], source: Any, temporary: Path, *, same_colours: bool = True
) -> list[str]:
    """Encode, then give the file the metadata of `source` (an open file of that format, or Metadata)."""
    if kind == "tiff":
        size = image.width * image.height * image.bands * (2 if image.format == "ushort" else 1)
        image.tiffsave(os.fsencode(temporary), **settings, keep="icc", bigtiff=size > _BIG_TIFF_BYTES)
        with temporary.open("r+b") as encoded:
            return _left_out(carry_tiff_tags(source, encoded, same_colours=same_colours))
    splice = {"png": splice_png, "webp": splice_webp}.get(kind)
    bare = temporary.with_name(temporary.name + "2")
    with gone_afterwards(bare):
        getattr(image, _SAVERS[kind])(os.fsencode(bare), **settings, keep="icc")
        if splice is None:
            came = source if isinstance(source, Metadata) else source.read()
            encoded = with_density(bare.read_bytes(), image.xres, image.yres)
            output, dropped = splice_jpeg(came, encoded, same_colours=same_colours)
            temporary.write_bytes(output)
            return _left_out(dropped)
        with bare.open("rb") as encoded, temporary.open("wb") as out:
            return _left_out(splice(source, encoded, out, same_colours=same_colours))


def _encode_avif(image: Any, metadata: Metadata, settings: dict[str, Any], temporary: Path) -> list[str]:
    image = image.copy()
    for name in image.get_fields():
        if name.endswith("-data"):
            image.remove(name)
    blocks = {
        "exif-data": exif_stand_in(metadata.exif) if metadata.exif else b"",
        "xmp-data": metadata.xmp,
        "icc-profile-data": metadata.icc,
    }
    for name, block in blocks.items():
        if block:
            image.set_type(pyvips.GValue.blob_type, name, block)
    image.heifsave(os.fsencode(temporary), **settings)
    dropped = list(metadata.dropped)
    if metadata.exif and not _place_exif(temporary, metadata.exif):
        dropped.append("EXIF (too long for an AVIF file)")
    if metadata.photoshop:
        dropped.append("Photoshop and IPTC data (AVIF has no place for them)")
    return _left_out(dropped)


def _place_exif(written: Path, exif: bytes) -> bool:
    found = field(load_pixels(written, "avif"), "exif-data", b"")
    with written.open("r+b") as file:
        return bool(found) and place_avif_exif(file, found, exif)


def _left_out(dropped: list[str]) -> list[str]:
    return [f"left out: {what}" for what in dropped]


@contextmanager
def _explained(photo: Photo | None, output: Path) -> Iterator[None]:
    """Tell apart a source that cannot be decoded and an output that cannot be written."""
    try:
        yield
    except InputError as error:
        # Readers of containers see a stream, and do not know its name.
        if photo is None or any(str(path) in str(error) for path in (photo.path, output)):
            raise
        raise InputError(f"{photo.path}: {error}") from error
    except pyvips.Error as error:
        reason = vips_reason(error)
        if re.search(r"no space|disk quota", str(error), re.IGNORECASE):
            raise output_error(output, OSError(errno.ENOSPC, "")) from error
        # What the system says of the temporary file, whose name is nothing that a user knows.
        system = re.search(r"write error\nsystem error: (.+)", str(error))
        if system:
            number = errno.EFBIG if "too large" in system[1] else errno.EIO
            raise output_error(output, OSError(number, system[1])) from error
        if photo is None or re.search(r"write|save|too (large|big|wide|high)|dimension", str(error), re.IGNORECASE):
            other = ".png" if SUFFIXES.get(output.suffix.lower()) != "png" else ".tif"
            raise InputError(f"{output}: cannot be written ({reason}); try another format, such as {other}") from error
        raise InputError(f"{photo.path}: damaged or cut short ({reason}); get a whole copy of it") from error
