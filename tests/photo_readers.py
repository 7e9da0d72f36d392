"""What a photo file holds, by readers that the package does not write with; for JPEG, AVIF and WebP, Pillow."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageOps

from conftest import Constant
from inpainter.engine.batch import FillOptions, FillReport, fill_file
from makers import (
    save_mask,
)  # fmt: skip

ORIENTATIONS = range(1, 9)
HEIGHT, WIDTH = 48, 64


def read(path: Path) -> np.ndarray:
    """The samples of a lossless file as an independent reader decodes them, `(H, W, bands)`, as stored."""
    if path.suffix == ".webp":
        return np.atleast_3d(np.asarray(Image.open(path)))
    if path.suffix == ".png":
        return np.atleast_3d(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    with tifffile.TiffFile(path) as file:
        if file.pages[0].compression in (1, 8, 32773):
            return np.atleast_3d(file.asarray())
    # tifffile decodes no LZW by itself, and OpenCV refuses turned pictures.
    lying = path.with_suffix(".lying.tif")
    shutil.copyfile(path, lying)
    with tifffile.TiffFile(lying, mode="r+") as file:
        file.pages[0].tags["Orientation"].overwrite(1)
    return np.atleast_3d(cv2.imread(str(lying), cv2.IMREAD_UNCHANGED))


_EXIF_TAGS = (0x010F, 0x013B, 0x0112, 0x011A, 0x011B, 0x0128)
_TIFF_TAGS = (
    "ImageWidth", "ImageLength", "BitsPerSample", "SamplesPerPixel", "Compression", "PhotometricInterpretation",
    "ExtraSamples", "Orientation", "XResolution", "YResolution", "ResolutionUnit", "ImageDescription", "Make", "Artist",
    "Copyright", "ExifTag",
)  # fmt: skip


def told(path: Path) -> dict[str, object]:
    """What a file says about itself, by Pillow; a TIFF by tifffile."""
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            tags = file.pages[0].tags
            said = {name: tags[name].value for name in _TIFF_TAGS if name in tags}
            icc, xmp = (bytes(tags[tag].value) if tag in tags else b"" for tag in (34675, 700))
        return said | {"icc": icc, "xmp": xmp, "orientation": said.get("Orientation")}
    with Image.open(path) as image:
        tags = image.getexif()
        return {
            "size": image.size,
            "format": image.format,
            "mode": image.mode,
            "main": {tag: value for tag, value in tags.items() if tag in _EXIF_TAGS},
            "exif": dict(tags.get_ifd(0x8769)),
            "icc": image.info.get("icc_profile"),
            "xmp": image.info.get("xmp") or image.info.get("XML:com.adobe.xmp"),
            "dpi": image.info.get("dpi"),
            "orientation": tags.get(0x0112),
        }


def upright_size(orientation: int, height: int = HEIGHT, width: int = WIDTH) -> tuple[int, int]:
    return (width, height) if orientation > 4 else (height, width)


def fill(photo: Path, mask: np.ndarray, output: Path, value: float = 0.5, **options: object) -> FillReport:
    mask_file = save_mask(photo.with_name("mask-of-it.png"), mask)
    return fill_file(photo, mask_file, output, Constant(value), FillOptions(**options))  # pyright: ignore


def middle(samples: np.ndarray) -> int:
    """What Constant's 0.5 becomes."""
    return 128 if samples.dtype == np.uint8 else 32768


def alpha_apart(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    if samples.shape[2] in (2, 4):
        return samples[..., :-1], samples[..., -1]
    return samples, None


def seen(path: Path) -> np.ndarray:
    """What a person sees: RGBA, upright."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))


def name_of(case: tuple | str) -> str:
    if isinstance(case, str):
        return case
    suffix, bands, depth, options = case
    return f"{suffix[1:]}-{bands}x{depth}{''.join(f'-{key}={value}' for key, value in options.items())}"
