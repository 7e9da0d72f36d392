"""The command line."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

from inpainter._version import __version__
from inpainter.apps.numbers import Whole, whole

# Whatever needs NumPy is imported where it is used: help should not wait for it.

Device = Literal["auto", "cpu", "cuda", "mps"]

app = App(
    name="inpainter",
    help="Fills the missing part of a picture: remove a thing, mend a scratch; nothing else in the photo changes.",
    version=__version__,
    print_error=False,
    exit_on_error=False,
    result_action="return_value",
)


@app.command
def fill(
    image: Path,
    mask: Path,
    *,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    method: Annotated[str, Parameter(alias="-m")] = "auto",
    mask_colour: Annotated[str, Parameter(alias="--mask-color")] = "white",
    resize_mask: Annotated[bool, Parameter(negative="")] = False,
    grow: Whole = 0,
    seed: Whole = 0,
    device: Device = "auto",
    quality: Literal["fast", "balanced", "best"] | None = None,
    source: Path | None = None,
    avoid: Path | None = None,
    candidates: Annotated[int | None, Parameter(converter=whole)] = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    max_megapixels: float = 400.0,
    debug: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Fill a photo where a mask says so, or every photo of a folder.

    Parameters
    ----------
    image
        A photo (JPEG, PNG, WebP, TIFF, AVIF), or a folder of photos.
    mask
        A picture of the same size that is white where to fill. For a folder: one mask for all, or a folder of masks
        named like the photos.
    output
        Where to write; the suffix chooses the format. Default: NAME-filled.EXT beside the photo. For a folder: a
        folder, which then also holds report.jsonl; started again, what is done is skipped.
    method
        How to fill: a name that `inpainter methods` lists, an .onnx file, or a folder of trained weights; with settings
        (`inpainter methods NAME` lists them) as in `telea:radius=5`.
    mask_colour
        What means "fill this" in the mask: white, black, alpha (transparent) or a colour such as #ff0000.
    resize_mask
        Scale a mask of another size to the photo's.
    grow
        Widen the mask by so many pixels.
    seed
        Seed of methods that draw random numbers.
    device
        Where networks compute; auto takes the fastest that is there.
    quality
        Short for --method auto:quality=…: fast takes half the time and is a little worse; best takes a third longer,
        and on average measured no better than balanced.
    source
        A mask, white where texture may be copied from: only from there.
    avoid
        A mask, white where texture may not be copied from; the pixels next to the hole still set its shades.
    candidates
        Make so many fills of a photo to choose from, 1 to 16, with the seeds from --seed on: NAME-filled-1.EXT, the
        best by the method's own measure, and so on; NAME-candidates.png shows them all. For methods that draw
        (auto, exemplar, latent-search).
    overwrite
        Replace an output that exists.
    max_megapixels
        Refuse larger pictures.
    debug
        Show the trace of an error.
    """
    from inpainter.core import InputError
    from inpainter.core.paths import is_folder
    from inpainter.engine.batch import FillOptions
    from inpainter.engine.pictures import source_for
    from inpainter.methods import load

    if quality:
        if method != "auto":
            raise InputError(f"--quality is a setting of auto, not of {method}: leave one of them out")
        method = f"auto:quality={quality}"
    inpainter = load(method, device)
    options = FillOptions(
        mask_colour=mask_colour, resize_mask=resize_mask, grow=grow, seed=seed, overwrite=overwrite,
        max_megapixels=max_megapixels,
    )  # fmt: skip
    if is_folder(image):
        if source or avoid:
            raise InputError("--source and --avoid are for one photo: fill them one by one")
        if candidates is not None:
            raise InputError("--candidates is for one photo: fill them one by one")
        return _fill_folder(image, mask, output, inpainter, options, method)
    told = source_for(inpainter, source, avoid, options)
    if candidates is not None:
        return _fill_candidates(image, mask, output, candidates, inpainter, options, told)
    return _fill_file(image, mask, output, inpainter, options, told)


def _fill_file(image: Path, mask: Path, output: Path | None, inpainter: Any, options: Any, told: Any) -> int:
    from inpainter.engine.batch import default_output, fill_file

    start = time.perf_counter()
    with _bar("filling") as (step, _):
        report = fill_file(image, mask, output or default_output(image), inpainter, options, source=told, on_step=step)
    for note in report.notes:
        _say(f"note: {note}")
    holes = f"{report.holes} {'hole' if report.holes == 1 else 'holes'}"
    print(f"{report.output}: {holes}, {_pixels(report.filled_pixels)}, {time.perf_counter() - start:.1f} s")
    return 0


def _fill_candidates(
    image: Path, mask: Path, output: Path | None, count: int, inpainter: Any, options: Any, told: Any
) -> int:
    from inpainter.engine.candidates import fill_file_candidates

    start = time.perf_counter()
    with _bar("filling") as (step, _):
        made = fill_file_candidates(image, mask, output, count, inpainter, options, source=told, on_step=step)
    for note in made.notes:
        _say(f"note: {note}")
    for path, candidate in zip(made.outputs, made.candidates, strict=True):
        energy = candidate.fill.energy
        print(f"{path}: seed {candidate.seed}" + ("" if energy is None else f", energy {energy:.4g}"))
    fills = f"{count} {'candidate' if count == 1 else 'candidates'}"
    print(f"{made.sheet}: {fills}, {_pixels(made.filled_pixels)}, {time.perf_counter() - start:.1f} s")
    return 0


def _fill_folder(image: Path, mask: Path, output: Path | None, inpainter: Any, options: Any, method: str) -> int:
    from inpainter.core import InputError
    from inpainter.engine.batch import REPORT, fill_folder

    if output is None:
        raise InputError(f"{image}: is a folder; name the folder to write to with -o")
    with _bar("filling") as (step, say):

        def on_file(result: Any, *_: int) -> None:
            for note in result.notes if result.status == "filled" else ():
                say(f"note: {result.photo}: {note}")
            if result.error:
                say(f"error: {result.error}")

        results = fill_folder(
            image, mask, output, inpainter, options, method=method, on_file=on_file, on_step=step
        )  # fmt: skip
    counts = {status: sum(r.status == status for r in results) for status in ("filled", "skipped", "failed")}
    print(", ".join(f"{count} {status}" for status, count in counts.items() if count) + f"; see {output / REPORT}")
    return 1 if counts["failed"] else 0


@contextmanager
def _bar(what: str) -> Iterator[tuple[Callable[[float, float], None], Callable[[str], None]]]:
    """A bar on a terminal; gives what moves it and what writes a line above it.

    The time that has passed goes on by itself: of a method that is one call of a library, nothing else moves.
    """
    if not sys.stderr.isatty():
        yield _go_on, _say
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
               TextColumn("left"), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)

        def step(done: float, total: float) -> None:
            _go_on()
            # Before the first step is done the bar swings: nobody knows yet how long it takes.
            progress.update(task, completed=done, total=total if done else None)

        yield step, lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True)


@app.command
def mask(
    *,
    kind: str,
    size: str,
    seed: Whole = 0,
    output: Annotated[Path, Parameter(alias="-o")],
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    debug: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Draw a mask: white where to fill.

    Parameters
    ----------
    kind
        One of: centre, square, blocks, circle, half, lines, strokes, blob, text, scatter, pixels, noise; with fields
        as in `blob:largest=0.2`.
    size
        Height × width in pixels, e.g. 480x640.
    seed
        The same seed draws the same mask.
    output
        The picture to write; its suffix chooses the format.
    overwrite
        Replace an output that exists.
    debug
        Show the trace of an error.
    """
    from inpainter.masks import mask_kind
    from inpainter.photos.write import write_mask

    drawn = mask_kind(kind)(seed=seed)(*_parse_size(size))
    write_mask(drawn, output, overwrite=overwrite)
    print(f"{output}: {kind}, {drawn.shape[0]}×{drawn.shape[1]} (height×width), {drawn.mean():.1%} to fill")
    return 0


@app.command
def methods(
    name: str | None = None, /, *, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False
) -> int:
    """List the methods, or say all about one.

    Parameters
    ----------
    name
        The method whose card and settings to print: a name, or a folder of trained weights.
    as_json
        Print JSON, with the whole cards.
    """
    from inpainter.methods import METHODS, method_of, needs
    from inpainter.nn.facts import TO_GET_WEIGHTS

    if name is not None:
        # As it stands in a command, settings and all, it is the same method.
        name = method_of(name)
    if as_json:
        described = [_described(name)] if name else [_described(name) for name in METHODS]
        print(json.dumps(described[0] if name else described, indent=2, ensure_ascii=False))
        return 0
    if name:
        _print_card(_described(name))
        return 0
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for heading in ("method", "what it is", "needs"):
        table.add_column(heading)
    for name, entry in METHODS.items():
        # The weights by name only: where they lie is said once, below.
        table.add_row(
            name, entry.summary, "\n".join(need.partition(":")[0] for need in needs(name)).replace("[", "\\[")
        )
    Console().print(table)
    if any(TO_GET_WEIGHTS in need for name in METHODS for need in needs(name)):
        print(f"weights: {TO_GET_WEIGHTS}; the source archive has them, the wheel does not")
    return 0


def _described(name: str) -> dict[str, Any]:
    """The card of a method, what its name alone still needs, and, if it is installed, its settings."""
    from inpainter.core.fields import field_docs
    from inpainter.methods import card, declared, installed, needs

    there, missing = installed(name), needs(name)
    found = asdict(card(name)) | {"installed": there, "ready": not missing, "needs": missing, "settings": []}
    if there:
        kind = declared(name).settings
        docs = field_docs(kind)
        found["settings"] = [
            {"name": field.name, "default": field.default, "what": docs[field.name]} for field in fields(kind)
        ]
    return found


def _print_card(card: dict[str, Any]) -> None:
    print(f"{card['name']}: {card['summary']}")
    for need in card["needs"]:
        print(f"needs: {need}")
    if not card["installed"]:
        return
    for title in ("source", "good_for", "bad_for", "extra"):
        if card[title]:
            print(f"{title.replace('_', ' ')}: {card[title]}")
    print(f"can be told where to take texture from: {'yes' if card['uses_source'] else 'no'}")
    print(f"makes another fill from another seed: {'yes' if card['draws'] else 'no'}")
    print(f"can fill a picture of which nothing is known: {'yes' if card['fills_everything'] else 'no'}")
    for setting in card["settings"]:
        print(f"  {card['name']}:{setting['name']}={setting['default']}\n      {setting['what']}")


# Imported when called, so that the other commands start without torch.
app.command("inpainter.apps.study:train", name="train", help="Train a method on a folder of pictures or parquet files.")
app.command("inpainter.apps.study:evaluate", name="evaluate", help="Measure methods side by side, and write a report.")


class _Stopped(BaseException):
    """Ctrl-C or a termination, by its number; it unwinds, so that half-written files are removed."""


_stops: list[int] = []


def _stop(number: int, _frame: object) -> None:
    _stops.append(number)
    raise _Stopped(number)


def _go_on(*_progress: float) -> None:
    """Stop here if a signal came in a moment (a finaliser, a callback) in which Python drops exceptions."""
    if _stops:
        raise _Stopped(_stops[0])


def _dropped(what: Any) -> None:
    """Say nothing of a signal that was dropped, because `_go_on` makes it good; of all else, what Python says."""
    if not isinstance(what.exc_value, _Stopped):
        sys.__unraisablehook__(what)


def main() -> None:
    """Run the command line and leave with its exit code: 0 done, 1 some photos failed, 2 bad input."""
    sys.unraisablehook = _dropped
    # Without this libvips writes remarks of its own to stderr.
    os.environ.setdefault("VIPS_WARNING", "0")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    arguments = sys.argv[1:]
    try:
        code = app(arguments)
        sys.stdout.flush()
    except _Stopped as stopped:
        _say("stopped; nothing half-written is left")
        code = 128 + stopped.args[0]
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does.
        sys.stderr.close()
        code = 141
    except Exception as error:
        if "--debug" in arguments or not _can_be_mended(error):
            raise
        _say(f"error: {_one_line(error)}")
        code = 2
    sys.exit(code if isinstance(code, int) else 0)


def _pixels(count: int) -> str:
    return f"{count} {'pixel' if count == 1 else 'pixels'}"


def _parse_size(size: str) -> tuple[int, int]:
    from inpainter.core import InputError

    height, times, width = size.lower().replace("×", "x").partition("x")
    if times and height.isdecimal() and width.isdecimal() and 0 < int(height) * int(width) <= 400_000_000:
        return int(height), int(width)
    raise InputError(f"size '{size}': give height x width in pixels, e.g. 480x640, at most 400 megapixels")


def _can_be_mended(error: Exception) -> bool:
    from inpainter.core import InputError

    return isinstance(error, InputError | CycloptsError)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _say(line: str) -> None:
    print(line, file=sys.stderr)
