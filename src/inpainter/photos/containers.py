"""Metadata of every container: what a photo says about itself, and putting it into the file that is written.

Each `splice_*` gives an encoded file the metadata of its source byte for byte, without previews; `metadata_of` takes
the blocks out of one format for another.
"""

from typing import BinaryIO

from inpainter.photos.jpeg_segments import jpeg_metadata, splice_jpeg
from inpainter.photos.metadata import Metadata, set_orientation
from inpainter.photos.png_chunks import png_metadata, splice_png
from inpainter.photos.tiff_tags import carry_tiff_tags, tiff_metadata
from inpainter.photos.webp_chunks import splice_webp, webp_metadata

__all__ = [
    "Metadata",
    "carry_tiff_tags",
    "metadata_of",
    "set_orientation",
    "splice_jpeg",
    "splice_png",
    "splice_webp",
]

_READERS = {"png": png_metadata, "webp": webp_metadata, "tiff": tiff_metadata}


def metadata_of(source: BinaryIO, format: str) -> Metadata:
    """The metadata blocks of a JPEG, PNG, WebP or TIFF file, without previews.

    `format` is `jpeg`, `png`, `webp` or `tiff`. AVIF needs no reading here: hand the fields of the loaded image to
    `Metadata.clean`, and call `.upright()` on the result, since libvips turns AVIF pictures upright but leaves the
    EXIF block saying otherwise. Raises InputError when the container is damaged.
    """
    return jpeg_metadata(source.read()) if format == "jpeg" else _READERS[format](source)
