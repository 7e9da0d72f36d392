"""Part of a photo as a person sees it, small: upright, in sRGB, without alpha."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inpainter.core import Box
from inpainter.photos.photo import Photo, in_srgb, readable
from inpainter.photos.write import Patch, patched


def thumbnail(photo: Photo, patches: Sequence[Patch], box: Box, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A box of the upright photo, with patches in it, at (height, width): `(height, width, 3)`, transparent as white.

    Little of the photo lies in memory at a time. Raises InputError when the file turns out to be damaged.
    """
    with readable(photo.path):
        image = patched(photo, patches).extract_area(*photo.to_stored_box(box))
        if photo.alpha:
            image = image.flatten(background=[255 if photo.depth == 8 else 65535])
        # Vertically and horizontally as the file stores it.
        height, width = photo.to_stored(np.empty((*size, 0))).shape[:2]
        image = image.resize(width / image.width, vscale=height / image.height)
        image = in_srgb(image)
        samples = np.frombuffer(image.write_to_memory(), np.uint8).reshape(image.height, image.width, 3)
    return np.ascontiguousarray(photo.to_upright(samples))
