"""Photo files: what is in one, and reading the parts of it that a fill needs."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from inpainter.core import Box, Image, InputError
from inpainter.photos.avif import avif_colours
from inpainter.photos.cicp import grey_profile, in_own_colours
from inpainter.photos.heic import load_heic
from inpainter.photos.jpeg_header import Jpeg, read_header
from inpainter.photos.png_chunks import png_facts
from inpainter.photos.sniff import PHOTOS, REMEDIES, SUFFIXES, is_sequence, sniff
from inpainter.photos.tiff_samples import PALETTE_NOTE, load_tiff

Samples = NDArray[Any]
"""What a picture holds, `(H, W, bands)`: one or three colours, then alpha if there is one.

Of uint8 or uint16; of an array also of floating point in [0, 1].
"""

MAX_MEGAPIXELS = 400.0
_LOADERS = {"jpeg": "jpegload", "png": "pngload", "webp": "webpload", "avif": "heifload"}
# No photo needs more bytes a pixel in its file: four samples of 16 bit.
_MOST_BYTES = 8
# So much is read whatever its pixels are: a small photo may have a long video behind it.
_LARGE = 1 << 30
_COLOURS = {"b-w": 1, "grey16": 1, "srgb": 3, "rgb": 3, "rgb16": 3, "cmyk": 4}
_STRIP_ROWS = 256

# EXIF orientation → (transpose, then flip top-bottom, then flip left-right) that makes the stored picture upright.
_TURNS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


@dataclass(frozen=True)
class Photo:
    """A photo file whose header has been read; its pixels are read on demand.

    Width, height, boxes and arrays are upright, as a person sees the photo; the file may store it turned.
    """

    path: Path
    format: str
    """One of `jpeg`, `png`, `webp`, `tiff`, `avif`, `heic`."""
    width: int
    height: int
    depth: int
    """Bits per sample in memory: 8 or 16."""
    colours: int
    """1 for grey, 3 for RGB."""
    alpha: bool
    orientation: int
    """EXIF orientation, 1 to 8, of the picture as stored."""
    cmyk: bool
    """Whether the file is CMYK; its samples are then given as sRGB."""
    data: bytes = dataclasses.field(default=b"", repr=False)
    """The whole file, so that nobody changes it meanwhile; of TIFF nothing, which is read part by part."""
    page: int = 0
    """Which page of a TIFF, from 0 on."""
    pages: int = 1
    """How many it has."""
    decoded: pyvips.Image | None = dataclasses.field(default=None, repr=False, compare=False)
    """The picture of a HEIC, which libvips does not decode."""
    notes: tuple[str, ...] = ()
    """What a reader should know about how the file is taken."""

    @property
    def bands(self) -> int:
        """How many samples a pixel has."""
        return self.colours + self.alpha

    @property
    def megapixels(self) -> float:
        """Its size in millions of pixels."""
        return self.width * self.height / 1e6

    @cached_property
    def jpeg(self) -> Jpeg:
        """What the markers of a JPEG say, parsed once however often it is written. Raises InputError."""
        return read_header(self.data)

    def pixels(self, access: str = "sequential") -> pyvips.Image:
        """Return the picture as stored (not turned), as libvips decodes it, with `bands` bands."""
        image = self.decoded or load_pixels(self.data or self.path, self.format, access, self.page)
        if self.cmyk:
            image = image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=self.depth)
        return image

    def check(self) -> None:
        """Decode all of it and keep nothing; raise InputError when the file turns out to be damaged."""
        with readable(self.path):
            self.pixels().avg()

    def crops(self, boxes: Sequence[Box]) -> list[Samples]:
        """Read boxes of the upright picture, in one pass over the file and with little more memory than they take.

        Raises InputError when the file turns out to be damaged.
        """
        if not boxes:
            return []
        with readable(self.path):
            image = self.pixels()
            stored = [self.to_stored_box(box) for box in boxes]
            region = pyvips.Region.new(image)
            dtype = np.uint8 if self.depth == 8 else np.uint16
            arrays = [np.empty((box.height, box.width, self.bands), dtype) for box in stored]
            end = max(box.bottom for box in stored)
            for top in range(min(box.y for box in stored), end, _STRIP_ROWS):
                rows = min(_STRIP_ROWS, end - top)
                strip = np.frombuffer(region.fetch(0, top, image.width, rows), dtype)
                strip = strip.reshape(rows, image.width, self.bands)
                for box, array in zip(stored, arrays, strict=True):
                    first, last = max(box.y, top), min(box.bottom, top + rows)
                    if first < last:
                        array[first - box.y : last - box.y] = strip[first - top : last - top, box.x : box.right]
        return [self.to_upright(array) for array in arrays]

    def to_upright(self, stored: NDArray) -> NDArray:
        """Turn an array `(H, W, …)` from the way the file stores it to the way a person sees it."""
        transpose, vertical, horizontal = _TURNS[self.orientation]
        turned = stored.swapaxes(0, 1) if transpose else stored
        return turned[:: -1 if vertical else 1, :: -1 if horizontal else 1]

    def to_stored(self, upright: NDArray) -> NDArray:
        """Undo `to_upright`."""
        transpose, vertical, horizontal = _TURNS[self.orientation]
        turned = upright[:: -1 if vertical else 1, :: -1 if horizontal else 1]
        return turned.swapaxes(0, 1) if transpose else turned

    def to_stored_box(self, box: Box) -> Box:
        """Say where a box of the upright picture lies in the picture as stored."""
        transpose, vertical, horizontal = _TURNS[self.orientation]
        y = self.height - box.bottom if vertical else box.y
        x = self.width - box.right if horizontal else box.x
        return Box(y, x, box.height, box.width) if transpose else Box(x, y, box.width, box.height)


def to_image(samples: Samples) -> Image:
    """Make the `(H, W, 3)` float32 image in [0, 1] that methods see of `(H, W, bands)` samples; alpha is left out."""
    colours = samples[..., : 3 if samples.shape[2] > 2 else 1]
    image = colours.astype(np.float32)
    if samples.dtype.kind == "u":
        image /= np.float32(np.iinfo(samples.dtype).max)
    return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))


def to_samples(image: Image, like: Samples) -> Samples:
    """Make samples of an image: as many colours as `like` has, in its type, with the alpha of `like`."""
    colours = 3 if like.shape[2] > 2 else 1
    values = image if colours == 3 else image.mean(axis=2, keepdims=True)
    if like.dtype.kind == "u":
        values = np.rint(np.clip(values, 0, 1) * np.iinfo(like.dtype).max)
    samples = np.empty_like(like)
    samples[..., :colours] = values
    samples[..., colours:] = like[..., colours:]
    return samples


def open_photo(path: Path, *, max_megapixels: float = MAX_MEGAPIXELS, page: int | None = None) -> Photo:
    """Read a photo's header; of a TIFF of several pages, `page` (from 1 on) is the photo.

    Raises InputError for whatever is no photo that we can keep whole: a missing file, another format, a picture of
    more than `max_megapixels`, an animation, pages of which none is chosen, samples of neither 8 nor 16 bit.
    """
    kind, data = _read(path, max_megapixels)
    decoded = None
    with readable(path):
        animated, notes = png_facts(data) if kind == "png" else (is_sequence(data), [])
        if animated:
            raise InputError("holds several pictures (an animation); save the one you mean alone", code="unsupported")
        if kind == "heic":
            decoded, notes = load_heic(data, max_megapixels * 1e6)
            header = decoded = in_own_colours(decoded, data)
        else:
            header = load_pixels(data or path, kind)
        pages = field(header, "n-pages", 1)
        if page is not None and not 1 <= page <= pages:
            raise InputError(f"has {pages} page{'s' * (pages > 1)}, not page {page}; choose one of them")
        if pages > 1 and (page is None or kind != "tiff"):
            remedy = f"pages; choose with page=1 to page={pages}" if kind == "tiff" else "choose one and save it alone"
            raise InputError(f"holds several pictures ({remedy})", code="unsupported")
        if pages > 1:
            header = load_pixels(path, kind, page=(page or 1) - 1)
            notes.append(f"page {page} of {pages} is filled, and written without the others")
    megapixels = header.width * header.height / 1e6
    if megapixels > max_megapixels:
        digits = ".0f" if megapixels >= 1000 else ".3g"
        raise InputError(
            f"{path}: {header.width}×{header.height} is {megapixels:{digits}} megapixels, over the limit of "
            f"{max_megapixels:g}; if you trust the file, pass max_megapixels={int(megapixels) + 1}",
            code="too-large",
        )
    if kind == "avif" and avif_colours(data).grey:
        notes.append("grey in AVIF is written as three equal channels")
    if kind == "avif" and grey_profile(data):
        notes.append("AVIF of three channels holds no grey profile: its tones become sRGB's")
    if kind != "heic" and SUFFIXES.get(path.suffix.lower(), kind) != kind:
        notes.append(f"{path.name}: is a {kind.upper()} file, in spite of its name")
    photo = _describe(path, kind, header, notes)
    return dataclasses.replace(photo, data=data, page=(page or 1) - 1, pages=pages, decoded=decoded)


def field(image: pyvips.Image, name: str, default: Any = None) -> Any:
    """Return what libvips found in the file under this name."""
    return image.get(name) if image.get_typeof(name) else default


def _describe(path: Path, kind: str, header: pyvips.Image, notes: list[str]) -> Photo:
    if header.format not in ("uchar", "ushort"):
        raise InputError(
            f"{path}: its samples are {header.format}, not unsigned integers of 8 or 16 bit; save it as 16 bit",
            code="unsupported",
        )
    colours = _COLOURS.get(str(header.interpretation), 0)
    alpha = header.bands - colours
    if not colours or alpha not in (0, 1):
        raise InputError(
            f"{path}: {header.bands} channels of {header.interpretation}; save it as grey or RGB, alpha or none",
            code="unsupported",
        )
    cmyk = header.interpretation == "cmyk"
    if cmyk:
        profile = "its own profile" if field(header, "icc-profile-data") else "a standard CMYK profile"
        notes.append(f"CMYK becomes sRGB through {profile}")
    bits = field(header, "bits-per-sample", 8)
    if header.get_typeof("palette"):
        notes.append(PALETTE_NOTE)
    elif kind in ("png", "tiff") and bits < 8:
        notes.append(f"{bits} bit a sample become 8: a fill needs tones in between")
    orientation = field(header, "orientation", 1)
    # AVIF and HEIC are handed out upright, whatever their EXIF says.
    orientation = orientation if orientation in _TURNS and kind not in ("avif", "heic") else 1
    width, height = (header.height, header.width) if _TURNS[orientation][0] else (header.width, header.height)
    depth = 8 if header.format == "uchar" else 16
    colours = 3 if cmyk else colours
    return Photo(path, kind, width, height, depth, colours, alpha == 1, orientation, cmyk, notes=tuple(notes))


def _read(path: Path, max_megapixels: float) -> tuple[str, bytes]:
    """Return a photo's format, by what it holds and not by its name, and the whole file, of TIFF nothing."""
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder, not a picture; name a file")
        if path.exists() and not path.is_file():
            # Opening a pipe would wait for its other end; and it cannot be read twice.
            raise InputError(f"{path}: is a pipe or a device, not a file; save the picture to a file first")
        with path.open("rb") as file:
            head = file.read(4096)
            kind = sniff(head)
            whole = kind in PHOTOS and kind != "tiff"
            if whole and path.stat().st_size > max(_LARGE, max_megapixels * 1e6 * _MOST_BYTES):
                raise InputError(
                    f"{path}: too large a file for a photo; pass a larger max_megapixels=", code="too-large"
                )
            file.seek(0)
            data = file.read() if whole else b""
    except InputError:
        raise
    # ValueError: a name that no file can have.
    except (FileNotFoundError, ValueError):
        raise InputError(f"{path}: no such file; check the name", code="not-found") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be read ({reason}); check its permissions") from error
    if kind in PHOTOS:
        return kind, data
    if not head:
        raise InputError(f"{path}: the file is empty; get a whole copy of it")
    allowed = "JPEG, PNG, WebP, TIFF, AVIF or HEIC"
    what = f"not a picture that can be read; give a {allowed} file"
    if kind:
        what = f"a {kind.upper()} file, not {allowed}; {REMEDIES.get(kind, f'save it as {allowed}')}"
    raise InputError(f"{path}: {what}", code="unsupported")


def load_pixels(file: bytes | Path, kind: str, access: str = "sequential", page: int = 0) -> pyvips.Image:
    """Open a TIFF by its path, or another photo by its bytes, with libvips, which decodes as far as it is asked for."""
    if isinstance(file, Path):
        return load_tiff(file, access, page)
    if kind == "avif" and avif_colours(file).matrix == 2:
        # Without a matrix libheif goes by the stream, even for the range; all others by the container and BT.601.
        file = re.sub(rb"(colrnclx.{4}\x00)\x02", b"\\1\x06", file, flags=re.DOTALL)
    # Handed over as a buffer, the bytes would be copied each time.
    source = pyvips.Source.new_from_memory(file)
    # Half a JPEG is an error, not a picture with a grey half.
    image = getattr(pyvips.Image, f"{_LOADERS[kind]}_source")(source, access=access, fail_on="truncated")
    # As pyvips's own new_from_source does, which knows fewer brands of AVIF: the bytes live as long as the image.
    image._references.append(source)
    return in_own_colours(image, file) if kind == "avif" else image


def in_srgb(image: pyvips.Image) -> pyvips.Image:
    """Eight bits a sample and three colours, those that the picture's profile means."""
    if image.get_typeof("icc-profile-data"):
        # Without a profile that works two pictures can be compared as well.
        with suppress(pyvips.Error):
            image = image.icc_transform("srgb", embedded=True, depth=8)
    image = image.colourspace("srgb").cast("uchar")
    return image if image.bands == 3 else image[0].bandjoin([image[0], image[0]])


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what libvips says of a file that it cannot decode into an InputError."""
    try:
        yield
    except InputError as error:
        # Readers of bytes do not know whose they are.
        if str(path) in str(error):
            raise
        raise InputError(f"{path}: {error}", code=error.code) from error
    except pyvips.Error as error:
        reason = vips_reason(error)
        # What libjpeg calls an unsupported marker is none.
        if re.search(r"unsupported(?! marker)|not (supported|implemented|configured)|cannot handle", reason, re.I):
            raise InputError(
                f"{path}: not supported ({reason}); export it as PNG, or as a TIFF of 8 or 16 bit RGB",
                code="unsupported",
            ) from error
        raise InputError(f"{path}: damaged or cut short ({reason}); get a whole copy of it") from error


def vips_reason(error: pyvips.Error) -> str:
    """Return the most telling line of what libvips said: the last one, behind warnings; the first is pyvips's own."""
    lines = [line.strip() for line in str(error).splitlines()[1:] if line.strip()]
    return lines[-1] if lines else "no decoder can read it"
