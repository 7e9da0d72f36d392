"""`inpainter fill`: what was asked for, carried out and reported."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inpainter.apps.inputs import STREAM, Inputs, check_not_itself, check_standard_output, on_disk, output_for
from inpainter.apps.terminal import Talk, counted
from inpainter.core import Inpainter, InputError
from inpainter.core.paths import exists, is_folder
from inpainter.engine.batch import FillOptions, TextureSource, default_output, fill_file
from inpainter.engine.candidates import fill_file_candidates
from inpainter.engine.folder import Run, fill_files, fill_folder
from inpainter.engine.folder_report import REPORT, FileResult
from inpainter.engine.pictures import source_for
from inpainter.engine.unnamed import unnamed_folder
from inpainter.engine.where import FileMask
from inpainter.methods import identity, load
from inpainter.photos.sniff import SUFFIXES, true_suffix


@dataclass(frozen=True)
class Fill:
    """One call of `inpainter fill`."""

    inputs: Inputs
    output: str | None
    method: str
    device: str
    options: FillOptions
    source: Path | None
    avoid: Path | None
    candidates: int | None
    recursive: bool
    quiet: bool
    as_json: bool

    def run(self) -> int:
        """Fill, and return the exit code."""
        self._check()
        inpainter = load(self.method, self.device)
        talk = Talk(self.quiet, self.as_json, taken=self._streams)
        if self.inputs.several:
            with on_disk(self.inputs) as (photos, mask):
                return self._many(photos, mask, inpainter, talk)
        texture = source_for(inpainter, self.source, self.avoid, self.options)
        try:
            with on_disk(self.inputs) as ((photo,), mask):
                if self.candidates is not None:
                    return self._candidates(photo, mask, self.candidates, inpainter, texture, talk)
                return self._one(photo, mask, inpainter, texture, talk)
        except InputError as error:
            talk.record(photo=self.inputs.photos[0], output=self.output, status="failed", holes=0, filled_pixels=0,
                        seconds=0.0, notes=[], error=str(error))  # fmt: skip
            raise

    @property
    def _streams(self) -> bool:
        """Whether the photo goes to standard output."""
        return self.output == STREAM or (self.output is None and self.inputs.photos == (STREAM,))

    def _check(self) -> None:
        photos = self.inputs.photos
        for photo in photos:
            if photo != STREAM and not exists(photo):
                raise InputError(f"{photo}: no such file or folder; check the name", code="not-found")
        if self.inputs.several:
            for option, given in (("--source and --avoid are", self.source or self.avoid),
                                  ("--candidates is", self.candidates is not None)):  # fmt: skip
                if given:
                    raise InputError(f"{option} for one photo: fill them one by one")
            self._check_folder(str(self.output or STREAM))
        if self.recursive and not self.inputs.folder:
            raise InputError(f"{photos[0]}: is not a folder; --recursive is for the photos of one")
        if self._streams:
            if self.candidates is not None:
                raise InputError("--candidates makes several files: name what they are called after with -o")
            check_standard_output(self.as_json)
        elif photos == (STREAM,) and is_folder(str(self.output)):
            raise InputError(f"{self.output}: a photo from standard input has no name; name a file in it")

    def _check_folder(self, output: str) -> None:
        """Raise InputError where the output of several photos is no name for a folder."""
        folder, photos = self.inputs.folder, self.inputs.photos
        why = "" if isinstance(self.inputs.mask, str | Path) else " (with --painted or --box all are photos)"
        if output == STREAM:
            what = f"{photos[0]}: is a folder" if folder else f"{len(photos)} photos"
            raise InputError(f"{what}{why}; name the folder to write to with -o")
        if not exists(output) and Path(output).suffix.lower() in SUFFIXES:
            given = "a folder of photos" if folder else f"{len(photos)} photos"
            raise InputError(f"{output}: is the name of a picture, and {given} are given{why}; name a folder")

    def _one(self, photo: Path, mask: Any, inpainter: Inpainter, texture: TextureSource | None, talk: Talk) -> int:
        start = time.perf_counter()
        if self._streams:
            with unnamed_folder() as folder:
                report = self._filled(photo, mask, folder / f"filled{true_suffix(photo)}", inpainter, texture, talk)
                sys.stdout.buffer.write(report.output.read_bytes())
                sys.stdout.buffer.flush()
        else:
            output = default_output(photo) if self.output is None else output_for(photo, self.output)
            check_not_itself(photo, output, self.output or "")
            report = self._filled(photo, mask, output, inpainter, texture, talk)
        seconds, name = time.perf_counter() - start, STREAM if self._streams else str(report.output)
        talk.notes(report.notes)
        talk.summary(
            f"{name}: {counted(report.holes, 'hole')}, {counted(report.filled_pixels, 'pixel')}, {seconds:.1f} s"
        )
        talk.record(photo=self.inputs.photos[0], output=name, status="filled", holes=report.holes,
                    filled_pixels=report.filled_pixels, seconds=round(seconds, 3), notes=report.notes,
                    error="")  # fmt: skip
        return 0

    def _filled(
        self, photo: Path, mask: Any, output: Path, inpainter: Inpainter, texture: TextureSource | None, talk: Talk
    ) -> Any:
        with talk.bar("filling") as (step, _):
            return fill_file(photo, mask, output, inpainter, self.options, source=texture, on_step=step)

    def _candidates(
        self, photo: Path, mask: Any, count: int, inpainter: Inpainter, texture: TextureSource | None, talk: Talk
    ) -> int:
        start = time.perf_counter()
        output = None if self.output is None else output_for(photo, self.output)
        with talk.bar("filling") as (step, _):
            made = fill_file_candidates(
                photo, mask, output, count, inpainter, self.options, source=texture, on_step=step
            )  # fmt: skip
        seconds = time.perf_counter() - start
        talk.notes(made.notes)
        files = list(zip(map(str, made.outputs), made.candidates, strict=True))
        for path, candidate in files:
            energy = candidate.fill.energy
            talk.summary(f"{path}: seed {candidate.seed}" + ("" if energy is None else f", energy {energy:.4g}"))
        talk.summary(
            f"{made.sheet}: {counted(count, 'candidate')}, {counted(made.filled_pixels, 'pixel')}, {seconds:.1f} s"
        )
        each = [{"output": path, "seed": one.seed, "energy": one.fill.energy} for path, one in files]
        talk.record(photo=self.inputs.photos[0], output=files[0][0], status="filled",
                    holes=len(files[0][1].fill.patches), filled_pixels=made.filled_pixels, seconds=round(seconds, 3),
                    notes=made.notes, error="", candidates=each, sheet=str(made.sheet))  # fmt: skip
        return 0

    def _many(self, photos: list[Path], mask: FileMask, inpainter: Inpainter, talk: Talk) -> int:
        output = Path(str(self.output))
        places = {photo.name: str(photo) for photo in photos}

        with talk.bar("filling") as (step, say):

            def on_file(result: FileResult, *_: int) -> None:
                if result.status == "filled":
                    talk.notes([f"{result.photo}: {note}" for note in result.notes], say)
                if result.error:
                    say(f"error: {result.error}")
                photo = str(photos[0] / result.photo) if self.inputs.folder else places[result.photo]
                talk.record(photo=photo, output=str(output / result.output), status=result.status, holes=result.holes,
                            filled_pixels=result.filled_pixels, seconds=result.seconds, notes=result.notes,
                            error=result.error)  # fmt: skip

            run = Run(
                output, inpainter, self.options, identity(self.method), on_file=on_file, on_step=step,
                on_note=lambda note: talk.notes([note], say),
            )  # fmt: skip
            if self.inputs.folder:
                results = fill_folder(photos[0], mask, run, recursive=self.recursive)
            else:
                results = fill_files(photos, mask, run)
        counts = {status: sum(r.status == status for r in results) for status in ("filled", "skipped", "failed")}
        summary = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        talk.summary(f"{summary}; see {output / REPORT}")
        return 1 if counts["failed"] else 0
