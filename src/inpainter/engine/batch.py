"""From a photo file to a photo file."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inpainter.core import Inpainter, InputError, Mask, OnStep
from inpainter.core.paths import exists
from inpainter.core.seed import check_seed
from inpainter.engine.removal import Picture, fill_pictures, grown
from inpainter.engine.where import MaskLike, mask_files, reader, where_to_fill
from inpainter.photos.files import check_apart, check_output
from inpainter.photos.photo import MAX_MEGAPIXELS, Photo, open_photo
from inpainter.photos.sniff import true_suffix
from inpainter.photos.write import check_format, copy_photo, write_photo

_INVERTED = 0.5


@dataclass(frozen=True)
class TextureSource:
    """Where texture may be copied from, as a user says it."""

    where: Callable[[tuple[int, ...]], tuple[Mask, list[str]]]
    """Of a picture of (height, width), upright: the pixels, and what there is to say. Raises InputError."""
    files: tuple[Path, ...] = ()
    """What that is read from."""


@dataclass(frozen=True)
class FillOptions:
    """What a person may ask of a fill."""

    mask_colour: str = "white"
    """What means "fill this" in the mask: white, black, alpha, or a colour such as red, #ff0000 or red:40."""
    resize_mask: bool = False
    """Scale a mask of another size to the photo's, instead of refusing it."""
    grow: int = 0
    """Widen the mask by so many pixels."""
    seed: int = 0
    """Seed of methods that draw random numbers."""
    overwrite: bool = False
    """Replace outputs that exist."""
    max_megapixels: float = MAX_MEGAPIXELS
    """Refuse larger pictures before they are decoded."""
    encode_quality: int | None = None
    """1 to 100: of what is encoded with loss; None: what loses little."""
    page: int | None = None
    """The page of a TIFF that has several, from 1 on."""

    def __post_init__(self) -> None:
        for name, value, most in (("encode_quality", self.encode_quality, 100), ("page", self.page, math.inf)):
            if value is not None and not (type(value) is int and 1 <= value <= most):
                raise InputError(f"{name}={value}: give a whole number from 1 {'to 100' if most == 100 else 'on'}")
        check_seed(self.seed)
        # Written so that NaN fails too, which would let everything pass.
        if not self.max_megapixels > 0:
            raise InputError(f"max_megapixels is {self.max_megapixels}: give a number above 0")


@dataclass(frozen=True)
class FillReport:
    """What was done to one photo."""

    output: Path
    holes: int
    filled_pixels: int
    notes: tuple[str, ...]


def default_output(photo: Path) -> Path:
    """Return NAME-filled.EXT beside the photo; EXT is that of what the file holds."""
    return photo.with_name(f"{photo.stem}-filled{true_suffix(photo)}")


def fill_file(
    photo: Path, mask: MaskLike, output: Path, inpainter: Inpainter, options: FillOptions = FillOptions(), *,
    source: TextureSource | None = None, on_step: OnStep | None = None,
) -> FillReport:  # fmt: skip
    """Fill a photo file where `mask` says so and write `output`, whole or not at all.

    `mask` is a file, an upright array, a painted copy of the photo or boxes.

    Nothing outside the mask changes (for JPEG: no block that the mask does not touch). `on_step(done, total)` is called
    with the progress and may raise `Cancelled`. Raises InputError. In both cases nothing was written.
    """
    job = prepare(photo, mask, [output], options, source)
    writing = {"overwrite": options.overwrite, "quality": options.encode_quality}
    if not job.pixels:
        notes = [*job.notes, *copy_photo(job.photo, output, **writing)]
        return FillReport(output, 0, 0, tuple(notes))
    (fill,) = fill_pictures(inpainter, [job.picture], on_step=on_step)
    opened, pixels, notes = job.photo, job.pixels, [*job.notes, *fill.notes]
    del job  # its mask is as large as the photo, and writing wants the memory
    notes += write_photo(opened, output, fill.patches, **writing)
    return FillReport(output, len(fill.patches), pixels, tuple(notes))


@dataclass(frozen=True)
class Job:
    """A photo file that is ready to be filled."""

    photo: Photo
    picture: Picture
    pixels: int
    """How many are to be filled; where none is, the photo is copied."""
    notes: list[str]


def prepare(
    photo: Path, mask: MaskLike, outputs: Sequence[Path], options: FillOptions, source: TextureSource | None, *,
    keep_sources: bool = False,
) -> Job:  # fmt: skip
    """Look at a photo, its masks and the names of the outputs; raises InputError where anything is in the way.

    With `keep_sources` not even `overwrite` lets an output replace a file that it is made from.
    """
    file = open_photo(photo, max_megapixels=options.max_megapixels, page=options.page)
    sources = (photo, *mask_files(mask), *(source.files if source else ()))
    for path in sources:
        if not exists(path):
            raise InputError(f"{path}: no such file; check the name", code="not-found")
    for output in outputs:
        check_output(output, overwrite=options.overwrite, sources=sources, keep_sources=keep_sources)
        check_format(output, file)
    check_apart(outputs)
    asked = where_to_fill(
        file, mask, colour=options.mask_colour, resize=options.resize_mask, max_megapixels=options.max_megapixels
    )
    notes, name = list(asked.notes), Path(asked.name).name.removeprefix("the ")
    where = grown(asked.mask, options.grow)
    covered = int(np.count_nonzero(where))
    allowed = None
    if source:
        # Looked at also where nothing is to be filled: what is wrong is said before the mask is right.
        allowed, more = source.where((file.height, file.width))
        notes += more
    if covered == 0:
        notes.append(f"{name}: nothing to fill: the photo is copied")
    if covered > _INVERTED * where.size:
        inverted = f"; if the mask is inverted, {asked.invert}" if asked.invert else ""
        notes.append(f"{name}: {covered / where.size:.0%} of the photo is to be filled{inverted}")
    if asked.own_alpha and covered:
        notes.append(f"{name}: its transparent part becomes opaque, so that the fill is seen")
    picture = Picture(where, reader(file, asked, where), allowed, options.seed, asked.name, asked.invert)
    return Job(file, picture, covered, list(dict.fromkeys(notes)))
