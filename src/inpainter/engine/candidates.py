"""Several fills of one picture to choose from: as many seeds, ordered by what the method itself makes of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from numbers import Integral
from pathlib import Path

from inpainter.core import Box, Inpainter, InputError, OnStep
from inpainter.core.paths import is_folder
from inpainter.core.seed import check_seed
from inpainter.engine.batch import FillOptions, Job, TextureSource, default_output, prepare
from inpainter.engine.removal import Fill, Picture, fill_pictures
from inpainter.engine.sheet import Sheet, cell_size, draw_sheet, encoded, surroundings, tinted
from inpainter.engine.where import MaskLike
from inpainter.photos.files import atomic_all, explained
from inpainter.photos.photo import Samples
from inpainter.photos.thumbnail import thumbnail
from inpainter.photos.write import encode_photo

MOST = 16
"""More than these nobody compares, and they would lie in memory together."""


@dataclass(frozen=True)
class Candidate:
    """One of several fills of a picture."""

    seed: int
    fill: Fill


@dataclass(frozen=True)
class Written:
    """What became of a photo file: candidates and the files that they are, best first."""

    outputs: tuple[Path, ...]
    candidates: tuple[Candidate, ...]
    sheet: Path
    """A picture of the photo and all candidates, numbered."""
    filled_pixels: int
    notes: tuple[str, ...]


def check_candidates(inpainter: Inpainter, count: int, seed: int) -> None:
    """Raise InputError unless the method can make so many different fills from this seed on."""
    if not isinstance(count, Integral) or isinstance(count, bool) or not 1 <= count <= MOST:
        raise InputError(f"candidates {count}: give a whole number from 1 to {MOST}")
    if count > 1 and not inpainter.card.draws:
        raise InputError(f"{inpainter.card.name} makes the same fill from every seed: leave candidates out")
    # Not NumPy's numbers, which would overflow.
    check_seed(int(seed) + int(count) - 1)


def make_candidates(
    inpainter: Inpainter, picture: Picture, count: int, *, on_step: OnStep | None = None
) -> tuple[list[Candidate], list[str]]:
    """Fill a picture from its seed and those that follow; returns the fills, best first, and what there is to say.

    All go over together, so that a method that fills many crops at a time does. Where it gives no energy, the fills
    stay in the order of their seeds. Raises InputError for what `check_candidates` refuses and for an empty mask.
    """
    check_candidates(inpainter, count, picture.seed)
    if not picture.mask.any():
        raise InputError(f"{picture.name}: nothing to fill, so there is nothing to choose from; draw the mask")

    # All of them look at the same parts: they are read once.
    @lru_cache(maxsize=1)
    def read(boxes: tuple[Box, ...]) -> list[Samples]:
        return picture.read(boxes)

    seeds = [int(picture.seed) + number for number in range(int(count))]
    pictures = [replace(picture, seed=seed, read=lambda boxes: read(tuple(boxes))) for seed in seeds]
    fills = fill_pictures(inpainter, pictures, on_step=on_step)
    candidates = [Candidate(seed, fill) for seed, fill in zip(seeds, fills, strict=True)]
    notes = list(dict.fromkeys(note for fill in fills for note in fill.notes))
    energies = {fill.energy for fill in fills}
    if None not in energies:
        candidates.sort(key=lambda one: (one.fill.energy, one.seed))
    groups = _same(candidates)
    if len(groups) == 1 < count:
        return candidates, [*notes, f"all {count} fills are the same: another seed changes nothing here"]
    if None in energies and count > 1:
        notes.append(f"{inpainter.card.name} does not say which of its fills is best: they are ordered by seed")
    alike = [f"{', '.join(map(str, group[:-1]))} and {group[-1]}" for group in groups if len(group) > 1]
    if alike:
        notes.append(f"the same fill: {'; '.join(alike)}")
    return candidates, notes


def _same(candidates: Sequence[Candidate]) -> list[list[int]]:
    """The numbers of the candidates, from 1 on, those together that are the same fill."""
    groups: dict[bytes, list[int]] = {}
    for number, candidate in enumerate(candidates, 1):
        made = hashlib.sha256()
        for patch in candidate.fill.patches:
            made.update(patch.samples.tobytes())
        groups.setdefault(made.digest(), []).append(number)
    return list(groups.values())


def candidate_outputs(photo: Path, output: Path | None, count: int) -> tuple[list[Path], Path]:
    """The files of the candidates, NAME-filled-1.EXT and so on, and of the sheet, NAME-candidates.png."""
    if output is not None and (not output.name or is_folder(output)):
        raise InputError(f"{output}: is a folder; name a file in it")
    like = output or default_output(photo)
    sheet = (output or photo).with_name(f"{(output or photo).stem}-candidates.png")
    return [like.with_name(f"{like.stem}-{number + 1}{like.suffix}") for number in range(count)], sheet


def fill_file_candidates(
    photo: Path, mask: MaskLike, output: Path | None, count: int, inpainter: Inpainter,
    options: FillOptions = FillOptions(), *, source: TextureSource | None = None, on_step: OnStep | None = None,
) -> Written:  # fmt: skip
    """Fill a photo file several times, as `fill_file` does it once, and draw a sheet of all: every file or none.

    `output` is what their names are made of, like OUT-1.EXT and OUT-candidates.png; none of them ever replaces a file
    that it is made from. Raises InputError and passes on `Cancelled`; in both cases nothing was written.
    """
    check_candidates(inpainter, count, options.seed)
    outputs, sheet = candidate_outputs(photo, output, count)
    job = prepare(photo, mask, [*outputs, sheet], options, source, keep_sources=True)
    candidates, notes = make_candidates(inpainter, job.picture, count, on_step=on_step)
    notes = [*job.notes, *notes]
    with atomic_all([*outputs, sheet], overwrite=options.overwrite) as places:
        for candidate, path, place in zip(candidates, outputs, places[:-1], strict=True):
            with explained(path):
                notes += encode_photo(job.photo, path, candidate.fill.patches, place, options.encode_quality)
        with explained(sheet):
            places[-1].write_bytes(encoded(_sheet(job, candidates)))
    return Written(tuple(outputs), tuple(candidates), sheet, job.pixels, tuple(dict.fromkeys(notes)))


def _sheet(job: Job, candidates: Sequence[Candidate]) -> Sheet:
    mask = job.picture.mask
    box = surroundings([patch.box for patch in candidates[0].fill.patches], *mask.shape)
    size = cell_size(box, len(candidates) + 1)
    before = tinted(thumbnail(job.photo, [], box, size), mask[box.slices])
    shown = [thumbnail(job.photo, candidate.fill.patches, box, size) for candidate in candidates]
    labels = ["the photo", *(f"{i}   seed {candidate.seed}" for i, candidate in enumerate(candidates, 1))]
    return draw_sheet(list(zip(labels, [before, *shown], strict=True)))
