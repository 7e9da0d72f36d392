"""Many photos filled into one folder, with a report; what an earlier run did is skipped."""

import hashlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

from inpainter._version import __version__
from inpainter.core import Inpainter, InputError, OnStep
from inpainter.core.paths import exists, file_sha256, is_folder
from inpainter.engine.batch import FillOptions, fill_file
from inpainter.engine.folder_report import (
    REPORT,
    FileResult,
    Lines,
    append_result,
    merged,
    read_report,
    write_report,
)
from inpainter.engine.listing import masks_named, photos_in, pictures_in
from inpainter.engine.lock import LOCK, only_run
from inpainter.engine.where import FileMask
from inpainter.photos.files import check_output
from inpainter.photos.mask_file import Boxes, Painted, check_mask_colour
from inpainter.photos.sniff import true_suffix


@dataclass(frozen=True)
class Run:
    """How to fill many photos, and the callbacks."""

    output: Path
    inpainter: Inpainter
    options: FillOptions
    method: str
    """The identity of the inpainter with its weights; with another one nothing counts as done."""
    on_file: Callable[[FileResult, int, int], None] | None = None
    """Called with (result, done, total) after each photo."""
    on_step: OnStep | None = None
    """Called with the progress, in photos; may raise `Cancelled`."""
    on_note: Callable[[str], None] | None = None
    """Called with a note for everything left out."""


@dataclass(frozen=True)
class _Item:
    photo: Path
    name: str
    """Its name in the report: in a sub-folder, the relative path."""
    output: str
    """Its path in the output folder: the name, with the suffix of what is written."""
    mask: FileMask | str
    """The mask, or the reason why there is none."""


def fill_folder(photos: Path, masks: FileMask, run: Run, *, recursive: bool = False) -> list[FileResult]:
    """Fill every photo of a folder, with `recursive` also of its sub-folders, which the output then mirrors.

    A photo that fails is reported and the others are still filled. `report.jsonl` in the output has a line per photo;
    photos that it lists as done and unchanged (photo, mask, options, method, version and output, by hash) are skipped.
    Raises InputError when nothing can start.
    """
    source = _file_of(masks)
    _check_masks(masks)
    if source and is_folder(source) and source.resolve() == photos.resolve():
        raise InputError(f"{photos}: photos and masks are in one folder; move the masks into a folder of their own")
    _check_place(run.output, [photos], source)
    found, left_out = photos_in(photos, recursive=recursive, without=[run.output, *([source] if source else [])])
    if not found:
        raise InputError(f"{photos}: holds no photo (JPEG, PNG, WebP, TIFF, AVIF or HEIC); name another folder")
    return _fill_all(_items(found, photos, masks), run, left_out)


def fill_files(photos: Sequence[Path], masks: FileMask, run: Run) -> list[FileResult]:
    """Fill photos like those of a folder; each is written under its own name. Raises InputError."""
    source = _file_of(masks)
    _check_masks(masks)
    left = [photo for photo in photos if not (source and exists(photo) and photo.samefile(source))]
    if not left:
        raise InputError(f"{source}: is the only photo, and the mask; name a photo, too")
    notes = [f"{source}: is the mask, and is not filled"] if len(left) < len(photos) else []
    names: dict[str, Path] = {}
    for photo in left:
        if is_folder(photo):
            raise InputError(f"{photo}: is a folder; give it alone, or the photos in it")
        other = names.setdefault(os.path.normcase(photo.name), photo)
        if other is not photo and exists(photo) and exists(other) and photo.samefile(other):
            raise InputError(f"{photo}: is given twice; give it once")
        if other is not photo:
            raise InputError(f"{photo}: would have the same output as {other}; fill them into two folders")
    _check_place(run.output, list(dict.fromkeys(photo.parent for photo in left)), source)
    return _fill_all(_items(left, None, masks), run, notes)


def _file_of(masks: FileMask) -> Path | None:
    if isinstance(masks, Boxes):
        return None
    return masks.copy if isinstance(masks, Painted) else masks


def _check_masks(masks: FileMask) -> None:
    source = _file_of(masks)
    if source and not exists(source):
        raise InputError(f"{source}: no such file or folder; check the name")
    if isinstance(masks, Painted) and not is_folder(masks.copy):
        raise InputError(f"{source}: is a copy of one photo; for several name a folder of painted copies")


def _items(photos: Sequence[Path], root: Path | None, masks: FileMask) -> list[_Item]:
    """Pair each photo with its mask, or with the reason why it has none."""
    source = _file_of(masks)
    listed = lru_cache(None)(pictures_in)
    stems: defaultdict[Path, set[str]] = defaultdict(set)
    for photo in photos:
        stems[photo.parent].add(photo.stem)
    items = []
    taken = {photo.relative_to(root) if root else Path(photo.name) for photo in photos}
    for photo in photos:
        name = photo.relative_to(root) if root else Path(photo.name)
        mask: FileMask | str = masks
        if source and is_folder(source):
            place = source / name.parent
            named = masks_named(photo.stem, listed(place), stems[photo.parent])
            if len(named) == 1:
                mask = Painted(named[0]) if isinstance(masks, Painted) else named[0]
            elif named:
                mask = f"{photo}: several masks have its name ({', '.join(path.name for path in named)}); keep one"
            else:
                mask = f"{photo}: no mask of its name in {place}; add {photo.stem}.png or {photo.stem}_mask.png"
        suffix = true_suffix(photo)
        output = name.with_suffix(suffix)
        if output != name and output in taken:
            output = name.with_name(name.name + suffix)
        items.append(_Item(photo, name.as_posix(), output.as_posix(), mask))
    return items


def _check_place(output: Path, photos: Sequence[Path], masks: Path | None) -> None:
    if exists(output) and not output.is_dir():
        raise InputError(f"{output}: is not a folder; several photos need a folder to write to")
    places = [(folder, "photos") for folder in photos]
    if masks and is_folder(masks):
        places.append((masks, "masks"))
    for folder, what in places:
        if output.resolve() == folder.resolve():
            raise InputError(f"{output}: is the folder of the {what} themselves; name another output")
    if not exists(output) and not output.parent.is_dir():
        raise InputError(f"{output}: its parent folder does not exist; make it first")


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be made ({(error.strerror or str(error)).lower()})") from error


def _fill_all(items: Sequence[_Item], run: Run, notes: Sequence[str]) -> list[FileResult]:
    check_mask_colour(run.options.mask_colour)
    taken = {os.path.realpath(item.photo): "one of the photos" for item in items}
    for item in items:
        if not isinstance(item.mask, str) and (mask := _file_of(item.mask)):
            taken[os.path.realpath(mask)] = "one of the masks"
    for name, what in ((REPORT, "the report"), (LOCK, "the lock")):
        taken[os.path.realpath(run.output / name)] = f"the name of {what}"
    for item in items:
        output = run.output / item.output
        if what := taken.get(os.path.realpath(output)):
            raise InputError(f"{output}: is {what}; name another output")
    _make_folder(run.output)
    check_output(run.output / REPORT, overwrite=True)
    with only_run(run.output):
        earlier = read_report(run.output)
        write_report(run.output, earlier)
        if run.on_note:
            for note in notes:
                run.on_note(note)
        results = []
        for done, item in enumerate(items):
            step = run.on_step and partial(_part, run.on_step, done, len(items))
            results.append(result := _recorded(item, run, earlier, step))
            if run.on_step:
                run.on_step(len(results), len(items))
            if run.on_file:
                run.on_file(result, len(results), len(items))
        # Lines appended for safety replace the photos' earlier lines.
        write_report(run.output, merged(earlier, results))
    return results


def _recorded(item: _Item, run: Run, earlier: Lines, on_step: OnStep | None) -> FileResult:
    """Fill a photo and add its line to the report; where a stop comes between the two, the line is added all the same.

    Otherwise the next run would find an output that it knows nothing of.
    """
    output = run.output / item.output
    there = os.path.lexists(output)
    try:
        result = _fill_one(item, run, earlier, on_step)
        append_result(run.output, result)
    except BaseException:
        if not there and output.is_file() and not isinstance(item.mask, str):
            key = _key(item.photo, item.mask, run.options, run.method)
            mask, sha256 = _name(item.mask), file_sha256(output)
            append_result(
                run.output, FileResult(item.name, mask, item.output, "filled", key=key, output_sha256=sha256)
            )  # fmt: skip
        raise
    return result


def _part(on_step: OnStep, before: int, photos: int, done: float, total: float) -> None:
    on_step(before + done / max(total, 1), photos)


def _fill_one(item: _Item, run: Run, earlier: Lines, on_step: OnStep | None) -> FileResult:
    if isinstance(item.mask, str):
        return FileResult(item.name, "", item.output, "failed", error=item.mask)
    start, output, key = time.perf_counter(), run.output / item.output, ""
    mask = _name(item.mask)
    done = earlier.get((item.name, False))
    try:
        key = _key(item.photo, item.mask, run.options, run.method)
        if done and done["key"] == key and output.is_file() and file_sha256(output) == done["output_sha256"]:
            fields = {name: done[name] for name in ("holes", "filled_pixels", "seconds", "output_sha256")}
            return FileResult(item.name, mask, item.output, "skipped", notes=tuple(done["notes"]), key=key, **fields)
        if done and done["key"] != key and not run.options.overwrite and os.path.lexists(output):
            raise InputError(
                f"{output}: exists already, of another photo, mask, option, method or version; name another folder or "
                "pass overwrite=True",
                code="exists",
            )
        _make_folder(output.parent)
        report = fill_file(item.photo, item.mask, output, run.inpainter, run.options, on_step=on_step)
    except Exception as error:
        known = isinstance(error, InputError)
        text = str(error) if known else f"{item.photo}: a fault of the program ({error!r}); fill it alone to see where"
        return FileResult(item.name, mask, item.output, "failed", error=text, key=key)
    return FileResult(
        item.name, mask, item.output, "filled", notes=report.notes, holes=report.holes,
        filled_pixels=report.filled_pixels, seconds=round(time.perf_counter() - start, 3), key=key,
        output_sha256=file_sha256(output),
    )  # fmt: skip


def _name(mask: FileMask) -> str:
    if isinstance(mask, Boxes):
        return " ".join(",".join(map(str, box)) for box in mask.boxes)
    return (mask.copy if isinstance(mask, Painted) else mask).name


def _key(photo: Path, mask: FileMask, options: FillOptions, method: str) -> str:
    asked = {name: value for name, value in asdict(options).items() if value is not None}
    # How large a file may be and whether outputs may be replaced does not change what comes out.
    del asked["overwrite"], asked["max_megapixels"]
    source = _file_of(mask)
    where = ["painted" if isinstance(mask, Painted) else "mask", file_sha256(source)] if source else _name(mask)
    text = json.dumps([file_sha256(photo), where, method, __version__, asked], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
