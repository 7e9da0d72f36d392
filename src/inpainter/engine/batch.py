"""From photo files to photo files: one, or a folder of them with a report."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from inpainter.core import Inpainter, InputError, Mask, OnStep
from inpainter.core.paths import exists
from inpainter.core.seed import check_seed
from inpainter.engine.removal import Picture, fill_pictures, grown
from inpainter.engine.where import MaskLike, mask_files, reader, where_to_fill
from inpainter.photos.files import atomic, check_apart, check_output, output_error
from inpainter.photos.mask_colour import check_mask_colour
from inpainter.photos.photo import MAX_MEGAPIXELS, Photo, open_photo
from inpainter.photos.sniff import SUFFIXES
from inpainter.photos.write import check_format, copy_photo, write_photo

REPORT = "report.jsonl"
_INVERTED = 0.5
# A file name need not be text; what is not is written as JSON's own escape, and read back as the same name.
_ODD_NAMES = "backslashreplace"


@dataclass(frozen=True)
class Told:
    """Where texture may come from, as a user says it."""

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

    def __post_init__(self) -> None:
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
    """Return NAME-filled.EXT beside the photo."""
    return photo.with_name(f"{photo.stem}-filled{photo.suffix}")


def fill_file(
    photo: Path, mask: MaskLike, output: Path, inpainter: Inpainter, options: FillOptions = FillOptions(), *,
    source: Told | None = None, on_step: OnStep | None = None,
) -> FillReport:  # fmt: skip
    """Fill a photo file where `mask` says so and write `output`, whole or not at all.

    `mask` is a file, an upright array, a painted copy of the photo or boxes.

    Nothing outside the mask changes (for JPEG: no block that the mask does not touch). `on_step(done, total)` hears of
    the progress and may raise `Cancelled`. Raises InputError. In both cases nothing was written.
    """
    job = prepare(photo, mask, [output], options, source)
    if not job.pixels:
        notes = [*job.notes, *copy_photo(job.photo, output, overwrite=options.overwrite)]
        return FillReport(output, 0, 0, tuple(notes))
    (fill,) = fill_pictures(inpainter, [job.picture], on_step=on_step)
    notes = [*job.notes, *fill.notes, *write_photo(job.photo, output, fill.patches, overwrite=options.overwrite)]
    return FillReport(output, len(fill.patches), job.pixels, tuple(notes))


@dataclass(frozen=True)
class Job:
    """A photo file that is ready to be filled."""

    photo: Photo
    picture: Picture
    pixels: int
    """How many are to be filled; where none is, the photo is copied."""
    notes: list[str]


def prepare(
    photo: Path, mask: MaskLike, outputs: Sequence[Path], options: FillOptions, source: Told | None, *,
    keep_sources: bool = False,
) -> Job:  # fmt: skip
    """Look at a photo, its masks and the names of the outputs; raises InputError where anything is in the way.

    With `keep_sources` not even `overwrite` lets an output replace a file that it is made from.
    """
    file = open_photo(photo, max_megapixels=options.max_megapixels)
    sources = (photo, *mask_files(mask), *(source.files if source else ()))
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


@dataclass(frozen=True)
class FileResult:
    """What became of one photo of a folder; a line of report.jsonl."""

    photo: str
    mask: str
    output: str
    status: str
    """`filled`, `failed` or `skipped` (done by an earlier run, still the same)."""
    error: str = ""
    notes: tuple[str, ...] = ()
    holes: int = 0
    filled_pixels: int = 0
    seconds: float = 0.0
    key: str = ""
    """SHA-256 of photo, mask and options."""
    output_sha256: str = ""


def fill_folder(
    photos: Path, masks: Path, output: Path, inpainter: Inpainter, options: FillOptions = FillOptions(), *,
    method: str, on_file: Callable[[FileResult, int, int], None] | None = None, on_step: OnStep | None = None,
) -> list[FileResult]:  # fmt: skip
    """Fill every photo of a folder; `masks` is a folder with masks of the same stems, or one mask for all.

    A photo that fails is reported and the rest goes on. `report.jsonl` in `output` has a line per photo; what it says
    is done, and still is (same photo, mask, options and output, by hash), is skipped. `method` names the inpainter
    in that hash. `on_file(result, done, total)` is called after each; `on_step(done, total)` hears of the progress, in
    photos, and may raise `Cancelled`. Raises InputError when nothing can start.
    """
    check_mask_colour(options.mask_colour)
    pairs = _pairs(photos, masks)
    _check_folder(output, photos, masks)
    earlier = _read_report(output / REPORT)
    _write_report(output / REPORT, list(earlier.values()))
    results = []
    for done, (photo, mask) in enumerate(pairs):
        step = on_step and partial(_part_of_folder, on_step, done, len(pairs))
        result = _fill_one(photo, mask, output / photo.name, inpainter, options, method, earlier.get(photo.name), step)
        results.append(result)
        _append_report(output / REPORT, result)
        if on_step:
            on_step(len(results), len(pairs))
        if on_file:
            on_file(result, len(results), len(pairs))
    # What was appended for safety becomes a line per photo of this run.
    _write_report(output / REPORT, [asdict(result) for result in results])
    return results


def _part_of_folder(on_step: OnStep, before: int, photos: int, done: float, total: float) -> None:
    on_step(before + done / max(total, 1), photos)


def _fill_one(
    photo: Path, mask: Path | str, output: Path, inpainter: Inpainter, options: FillOptions, method: str,
    earlier: dict | None, on_step: OnStep | None,
) -> FileResult:  # fmt: skip
    if isinstance(mask, str):
        return FileResult(photo.name, "", output.name, "failed", error=mask)
    start = time.perf_counter()
    key = ""
    try:
        key = _key(photo, mask, options, method)
        if earlier and earlier["key"] == key and output.is_file() and _sha256(output) == earlier["output_sha256"]:
            fields = {name: earlier[name] for name in ("holes", "filled_pixels", "seconds", "output_sha256")}
            return FileResult(
                photo.name, mask.name, output.name, "skipped", notes=tuple(earlier["notes"]), key=key, **fields
            )
        report = fill_file(photo, mask, output, inpainter, options, on_step=on_step)
    except Exception as error:
        known = isinstance(error, InputError)
        text = str(error) if known else f"{photo}: a fault of the program ({error!r}); fill it alone with --debug"
        return FileResult(photo.name, mask.name, output.name, "failed", error=text, key=key)
    return FileResult(
        photo.name, mask.name, output.name, "filled", notes=report.notes, holes=report.holes,
        filled_pixels=report.filled_pixels, seconds=round(time.perf_counter() - start, 3), key=key,
        output_sha256=_sha256(output),
    )  # fmt: skip


def _pairs(photos: Path, masks: Path) -> list[tuple[Path, Path | str]]:
    """Pair each photo with its mask, or with the reason why it has none."""
    found = sorted(path for path in photos.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise InputError(f"{photos}: holds no photo (JPEG, PNG, WebP, TIFF or AVIF); name another folder")
    if not exists(masks):
        raise InputError(f"{masks}: no such file or folder; check the name")
    if masks.is_file():
        return [(photo, masks) for photo in found]
    by_stem: dict[str, list[Path]] = {}
    for path in sorted(masks.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            by_stem.setdefault(path.stem, []).append(path)
    pairs: list[tuple[Path, Path | str]] = []
    for photo in found:
        named = by_stem.get(photo.stem, [])
        if len(named) == 1:
            pairs.append((photo, named[0]))
        elif named:
            names = ", ".join(path.name for path in named)
            pairs.append((photo, f"{photo}: several masks have its name ({names}); keep one"))
        else:
            pairs.append((photo, f"{photo}: no mask of its name in {masks}; add {photo.stem}.png"))
    return pairs


def _check_folder(output: Path, photos: Path, masks: Path) -> None:
    if exists(output) and not output.is_dir():
        raise InputError(f"{output}: is not a folder; a folder of photos needs a folder to write to")
    for source, what in ((photos, "photos"), (masks, "masks")):
        if output.resolve() == source.resolve():
            raise InputError(f"{output}: is the folder of the {what} themselves; name another with -o")
    if not exists(output):
        if not output.parent.is_dir():
            raise InputError(f"{output}: its parent folder does not exist; make it first")
        try:
            output.mkdir()
        except OSError as error:
            raise InputError(f"{output}: cannot be made ({(error.strerror or str(error)).lower()})") from error
    check_output(output / REPORT, overwrite=True)


def _key(photo: Path, mask: Path, options: FillOptions, method: str) -> str:
    asked = asdict(options)
    # How large a file may be and whether outputs may be replaced does not change what comes out.
    del asked["overwrite"], asked["max_megapixels"]
    text = json.dumps([_sha256(photo), _sha256(mask), method, asked], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from error


def _read_report(path: Path) -> dict[str, dict]:
    """Return what an earlier report says was filled, by photo: the last line counts, a torn one is passed over."""
    if not path.exists():
        return {}
    wanted = set(FileResult.__dataclass_fields__)
    lines = {}
    for text in path.read_text("utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        if not isinstance(line, dict) or set(line) != wanted or line["status"] not in ("filled", "skipped"):
            continue
        if isinstance(line["photo"], str) and isinstance(line["notes"], list):
            lines[line["photo"]] = line
    return lines


def _line(result: dict) -> str:
    return json.dumps(result, ensure_ascii=False) + "\n"


def _append_report(path: Path, result: FileResult) -> None:
    try:
        with path.open("a", encoding="utf-8", errors=_ODD_NAMES) as file:
            file.write(_line(asdict(result)))
    except OSError as error:
        raise output_error(path, error) from error


def _write_report(path: Path, lines: list[dict]) -> None:
    with atomic(path, overwrite=True) as temporary:
        temporary.write_text("".join(map(_line, lines)), "utf-8", errors=_ODD_NAMES)
