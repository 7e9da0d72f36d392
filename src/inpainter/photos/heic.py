"""HEIC and HEIF, what phones make: read by pi-heif (the extra `[heic]`), never written."""

import numpy as np
import pyvips

from inpainter.core import InputError
from inpainter.core.errors import needing
from inpainter.photos.avif import check_items
from inpainter.photos.cicp import with_block


def load_heic(data: bytes, max_pixels: float) -> tuple[pyvips.Image, list[str]]:
    """Return the main picture of a HEIC file, upright, as libvips would hand it out, and what there is to say.

    One that is larger than `max_pixels` is not decoded, and has no samples. Raises InputError.
    """
    with needing("heic", "a HEIC photo"):
        import pi_heif
    check_items(data)
    try:
        file = pi_heif.open_heif(data, convert_hdr_to_8bit=False)
        found = file[file.primary_index]
        width, height = found.size
        if width * height > max_pixels:
            return pyvips.Image.black(width, height), []
        # A copy: what it lends lives no longer than itself.
        samples = np.array(found)
    # It raises whatever libheif or Python says; IndexError where it can decode none of the pictures.
    except (IndexError, ValueError, RuntimeError, OSError, SyntaxError, EOFError) as error:
        if isinstance(error, IndexError) or "nsupported" in str(error):
            what = "holds no picture of a kind that is supported; export it as JPEG or PNG"
            raise InputError(what, code="unsupported") from error
        raise InputError(f"damaged or cut short ({' '.join(str(error).split())}); get a whole copy of it") from error
    grey, deep = samples.ndim == 2 or samples.shape[2] < 3, samples.dtype == np.uint16
    image = pyvips.Image.new_from_array(samples).copy(
        interpretation=("grey16" if deep else "b-w") if grey else ("rgb16" if deep else "srgb")
    )
    for name, key in (("exif-data", "exif"), ("xmp-data", "xmp"), ("icc-profile-data", "icc_profile")):
        image = with_block(image, name, found.info.get(key) or b"")
    if image.get_typeof("orientation"):
        # It stands upright already; libvips would turn an AVIF by it.
        image.remove("orientation")
    notes = [f"left out: further pictures in the file ({len(file) - 1})"] if len(file) > 1 else []
    aux = found.info.get("aux", {})
    if found.info.get("depth_images") or any("depth" in name for name in aux):
        notes.append("left out: depth map")
    if any("hdrgainmap" in name or "21496" in name for name in aux):
        notes.append("left out: gain map (the brighter lights of HDR)")
    return image, notes
