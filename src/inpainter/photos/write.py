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

from inpainter.core import Box, InputError, Mask, compose
from inpainter.photos.avif import avif_colours, with_exif
from inpainter.photos.cicp import with_block
from inpainter.photos.files import atomic, check_output, output_error
from inpainter.photos.jpeg import StoredPatch, patch_blocks
from inpainter.photos.jpeg_library import CarryError
from inpainter.photos.jpeg_segments import jpeg_metadata, splice_jpeg, with_density
from inpainter.photos.metadata import Metadata, cleaned
from inpainter.photos.photo import Photo, Samples, field, vips_reason
from inpainter.photos.png_chunks import png_metadata, splice_png
from inpainter.photos.sniff import SUFFIXES
from inpainter.photos.tiff_samples import TiffPage, mark_unassociated
from inpainter.photos.tiff_tags import carry_tiff_tags, tiff_metadata
from inpainter.photos.webp_chunks import is_lossless_webp, splice_webp, webp_metadata

# How WebP and AVIF are encoded with loss: benchmarks/photo_quality.py.
LOSSY: dict[str, dict[str, Any]] = {
    "webp": {"Q": 90, "alpha_q": 100, "exact": True},
    "avif": {"Q": 85, "effort": 3, "subsample_mode": "off", "compression": "av1"},
}
_LOSSLESS: dict[str, dict[str, Any]] = {
    "webp": {"lossless": True, "exact": True},
    "avif": {"lossless": True, "effort": 3, "compression": "av1"},
}
_SPLICES = {"jpeg": splice_jpeg, "png": splice_png, "webp": splice_webp}
_MEASURED_MEGAPIXELS = 100
_BIG_TIFF_BYTES = 3_500_000_000
_JPEG_QUALITY = 95
_DEFLATE = {"compression": "deflate", "predictor": "horizontal"}


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
    if not kind and output.suffix.lower() == photo.path.suffix.lower():
        kind = photo.format
    if kind and kind != "heic":
        return kind
    if kind:
        raise InputError(f"{output}: HEIC is read only; use .jpg, or .png, which loses nothing")
    raise InputError(f"{output}: the suffix names no format to write; use .jpg, .png, .webp, .tif or .avif")


def write_photo(
    photo: Photo, output: Path, patches: Sequence[Patch], *, overwrite: bool, quality: int | None = None
) -> list[str]:
    """Write `photo` with `patches` in it, whole or not at all, and say what could not stay as it was.

    Outside the masks, lossless formats keep every sample and JPEG every block that no mask touches; what cannot is
    encoded again, at `quality` (1 to 100) or one that loses little. The suffix of `output` may ask for another format.
    Previews, which would still show what was removed, are left out. Raises InputError.
    """
    check_output(output, overwrite=overwrite, sources=(photo.path,))
    check_format(output, photo)
    with atomic(output, overwrite=overwrite) as temporary:
        return encode_photo(photo, output, patches, temporary, quality)


def encode_photo(
    photo: Photo, output: Path, patches: Sequence[Patch], temporary: Path, quality: int | None = None
) -> list[str]:
    """Write what `write_photo` does into a file that is to become `output`."""
    kind = check_format(output, photo)
    notes, same = list(photo.notes), kind == photo.format
    if photo.format == "heic":
        notes.append(f"HEIC is read only: the photo becomes {kind.upper()}")
    elif not same and SUFFIXES.get(photo.path.suffix.lower()) == kind:
        notes.append(f"the photo becomes {kind.upper()}, as the output's name says")
    with _explained(photo, output):
        if same and kind == "jpeg":
            try:
                return notes + _carry_jpeg(photo, patches, temporary)
            except CarryError as reason:
                notes.append(f"every block is encoded again, at quality {quality or _JPEG_QUALITY}: {reason}")
        settings, lost = _settings(photo, kind, quality)
        twin, stored = _as_stored(photo, patches, temporary) if same else (photo, patches)
        # Turning needs the rows in another order than the file has them.
        image = patched(twin, stored, "sequential" if same or photo.orientation == 1 else "random")
        metadata = _metadata(photo, image)
        if not same:
            image, metadata, more = _converted(image, metadata.moved(), photo, kind)
            lost += more
        elif kind == "avif":
            # It is decoded, and written, upright.
            metadata = metadata.moved()
        return notes + lost + _encode(image, kind, settings, metadata, temporary)


def copy_photo(photo: Photo, output: Path, *, overwrite: bool, quality: int | None = None) -> list[str]:
    """Copy a photo that needs no fill: byte for byte, unless the suffix asks for another format or it is one page."""
    if check_format(output, photo) != photo.format or photo.pages > 1:
        return write_photo(photo, output, [], overwrite=overwrite, quality=quality)
    check_output(output, overwrite=overwrite, sources=(photo.path,))
    photo.check()
    if not (output.exists() and output.samefile(photo.path)):
        with atomic(output, overwrite=overwrite) as temporary:
            if photo.data:
                temporary.write_bytes(photo.data)
            else:
                shutil.copyfile(photo.path, temporary)
    return []


def write_mask(mask: Mask, output: Path, *, overwrite: bool) -> None:
    """Write a mask `(H, W)` as a picture, white = fill; PNG, TIFF or WebP, since a mask must stay exact."""
    check_output(output, overwrite=overwrite)
    kind = SUFFIXES.get(output.suffix.lower())
    if kind not in ("png", "tiff", "webp"):
        raise InputError(f"{output}: a mask must stay exact; use .png, .tif or .webp")
    image = pyvips.Image.new_from_array(mask.view(np.uint8) * np.uint8(255)).copy(interpretation="b-w")
    settings = {"png": {"bitdepth": 1}, "tiff": _DEFLATE, "webp": _LOSSLESS["webp"]}[kind]
    with atomic(output, overwrite=overwrite) as temporary, _explained(None, output):
        getattr(image, f"{kind}save")(os.fsencode(temporary), **settings)


# ---------------------------------------------------------------- the same format


def _carry_jpeg(photo: Photo, patches: Sequence[Patch], temporary: Path) -> list[str]:
    carried = [
        StoredPatch(*photo.to_stored_box(patch.box)[:2], photo.to_stored(patch.samples), photo.to_stored(patch.mask))
        for patch in patches
    ]
    output, dropped = splice_jpeg(jpeg_metadata(photo.jpeg), patch_blocks(photo.jpeg, carried))
    temporary.write_bytes(output)
    return _left_out(dropped)


def _settings(photo: Photo, kind: str, quality: int | None) -> tuple[dict[str, Any], list[str]]:
    """Choose how to encode a photo, and say what that loses."""
    same = kind == photo.format
    if kind == "png":
        return {"compression": 6}, []
    if kind == "tiff":
        return TiffPage(photo.path, photo.page).settings() if same else (_DEFLATE, [])
    if kind == "jpeg":
        # Codes made to measure save some percent, but libjpeg holds the whole photo in memory to measure it.
        measured = photo.megapixels <= _MEASURED_MEGAPIXELS
        settings = {"Q": quality or _JPEG_QUALITY, "subsample_mode": "off", "optimize_coding": measured}
        return settings | {"interlace": same and photo.jpeg.progressive}, []
    if kind == "webp":
        lossless = is_lossless_webp(photo.data) if same else not quality
    else:
        # Only without loss are colours kept as red, green and blue (matrix 0 of H.273).
        lossless = same and avif_colours(photo.data).matrix == 0
    if lossless or (kind == "avif" and photo.alpha):
        larger = ["AVIF with alpha becomes lossless, and larger, so that the alpha stays as it is"]
        return _LOSSLESS[kind], larger * (same and not lossless)
    settings = LOSSY[kind] | ({"Q": quality} if quality else {})
    return settings, [f"lossy {kind.upper()} is encoded again, at quality {settings['Q']}"] * same


def _as_stored(photo: Photo, patches: Sequence[Patch], temporary: Path) -> tuple[Photo, Sequence[Patch]]:
    """The photo and its patches as a TIFF with alpha multiplied in stores them; libvips divides it out and rounds."""
    if photo.format != "tiff" or not TiffPage(photo.path, photo.page).associated:
        return photo, patches
    twin = replace(photo, path=temporary.with_name("twin"))
    shutil.copyfile(photo.path, twin.path)
    mark_unassociated(twin.path, photo.page)
    multiplied = []
    for patch, stored in zip(patches, twin.crops([patch.box for patch in patches]), strict=True):
        shares = patch.samples[..., -1:] / np.iinfo(stored.dtype).max
        colours = np.rint(patch.samples[..., :-1] * shares).astype(stored.dtype)
        stored[..., :-1] = compose(stored[..., :-1], colours, patch.mask)
        multiplied.append(replace(patch, samples=stored))
    return twin, multiplied


# ---------------------------------------------------------------- another format


def _converted(
    image: pyvips.Image, metadata: Metadata, photo: Photo, kind: str
) -> tuple[pyvips.Image, Metadata, list[str]]:
    """Make of a photo as it is stored, and of what it says, what another format can hold; and say what that loses."""
    notes = []
    # Few programs heed an orientation tag outside JPEG and TIFF.
    image = image.autorot() if photo.orientation != 1 else image
    if photo.alpha and kind == "jpeg":
        image = image.flatten(background=[255 if photo.depth == 8 else 65535])
        notes.append("JPEG has no alpha: transparent parts become white")
    if photo.colours == 1 and metadata.icc and kind in ("webp", "avif"):
        image = image.icc_transform("srgb", embedded=True, depth=photo.depth)
        metadata = metadata.with_icc(b"")
        notes.append(f"{kind.upper()} holds no grey profile: its tones become sRGB's")
    if photo.depth == 16 and kind in ("jpeg", "webp"):
        image = image.colourspace("b-w" if photo.colours == 1 else "srgb")
        notes.append(f"{kind.upper()} has 8 bit a sample: 16 become 8")
    return image, metadata, notes


def _metadata(photo: Photo, image: pyvips.Image) -> Metadata:
    """Return what the photo says about itself, for samples as they are stored."""
    if photo.format == "tiff":
        with photo.path.open("rb") as file:
            metadata = tiff_metadata(file, photo.page)
    elif photo.format == "jpeg":
        metadata = jpeg_metadata(photo.jpeg)
    elif photo.format in ("png", "webp"):
        metadata = (png_metadata if photo.format == "png" else webp_metadata)(photo.data)
    else:
        names = {"exif": "exif-data", "xmp": "xmp-data", "icc": "icc-profile-data"}
        metadata = cleaned({kind: field(image, name, b"") for kind, name in names.items()})
    return metadata.with_icc(field(image, "icc-profile-data")) if photo.cmyk else metadata


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


def _encode(image: pyvips.Image, kind: str, settings: dict[str, Any], metadata: Metadata, temporary: Path) -> list[str]:
    """Encode, then give the file its metadata."""
    if kind == "avif":
        written, dropped = _encode_avif(image, metadata, settings)
    elif kind == "tiff":
        size = image.width * image.height * image.bands * (2 if image.format == "ushort" else 1)
        save: Any = image.tiffsave
        save(os.fsencode(temporary), **settings, keep="none", bigtiff=size > _BIG_TIFF_BYTES)
        with temporary.open("r+b") as file:
            return _left_out(carry_tiff_tags(metadata, file))
    else:
        encoded = getattr(image, f"{kind}save_buffer")(**settings, keep="none")
        if kind == "jpeg":
            encoded = with_density(encoded, image.xres, image.yres)
        written, dropped = _SPLICES[kind](metadata, encoded)
    temporary.write_bytes(written)
    return _left_out(dropped)


def _encode_avif(image: pyvips.Image, metadata: Metadata, settings: dict[str, Any]) -> tuple[bytes, list[str]]:
    image = with_block(with_block(image, "xmp-data", metadata.xmp), "icc-profile-data", metadata.icc)
    # Of more than 8 bits a file has 10 or 12, the highest of those that are handed over.
    bits = field(image, "bits-per-sample", 12) if image.format == "ushort" else 8
    save: Any = image.heifsave_buffer
    written = save(**settings, keep="xmp:icc", bitdepth=min(bits, 12))
    told = with_exif(written, metadata.exif)
    lost = ["Photoshop and IPTC data (AVIF has no place for them)"] * bool(metadata.photoshop)
    lost += ["EXIF"] * bool(metadata.exif and not told)
    return told or written, [*metadata.dropped, *lost]


def _left_out(dropped: Sequence[str]) -> list[str]:
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
        raise InputError(f"{photo.path}: {error}", code=error.code) from error
    except pyvips.Error as error:
        # What the system says of the temporary file, whose name is nothing that a user knows.
        system = re.search(r"write error\nsystem error: (.+)", str(error))
        if re.search(r"no space|disk quota", str(error), re.IGNORECASE):
            raise output_error(output, OSError(errno.ENOSPC, "")) from error
        if system:
            number = errno.EFBIG if "too large" in system[1] else errno.EIO
            raise output_error(output, OSError(number, system[1])) from error
        if photo:
            photo.check()
        other = ".png" if SUFFIXES.get(output.suffix.lower()) != "png" else ".tif"
        raise InputError(
            f"{output}: cannot be written ({vips_reason(error)}); try another format, such as {other}"
        ) from error
