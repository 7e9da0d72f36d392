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

_READERS = {"jpeg": jpeg_metadata, "png": png_metadata, "webp": webp_metadata}


def metadata_of(source: bytes | BinaryIO, format: str, page: int = 0) -> Metadata:
    """The metadata blocks of a JPEG, PNG or WebP file, or of a page of a TIFF open for reading, without previews.

    Raises InputError when the container is damaged.
    """
    if isinstance(source, bytes):
        return _READERS[format](source)
    return tiff_metadata(source, page)
