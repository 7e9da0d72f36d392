"""The command line."""

import json
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from inpainter._version import __version__

# Whatever needs NumPy is imported where it is used: help should not wait for it.

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
    grow: int = 0,
    seed: int = 0,
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
        How to fill: a name that `inpainter methods` lists, an .onnx file, or a folder of trained weights.
    mask_colour
        What means "fill this" in the mask: white, black, alpha (transparent) or a colour such as #ff0000.
    resize_mask
        Scale a mask of another size to the photo's.
    grow
        Widen the mask by so many pixels.
    seed
        Seed of methods that draw random numbers.
    overwrite
        Replace an output that exists.
    max_megapixels
        Refuse larger pictures.
    debug
        Show the trace of an error.
    """
    from inpainter.engine.batch import FillOptions
    from inpainter.methods import load

    inpainter = load(method)
    options = FillOptions(
        mask_colour=mask_colour, resize_mask=resize_mask, grow=grow, seed=seed, overwrite=overwrite,
        max_megapixels=max_megapixels,
    )  # fmt: skip
    if image.is_dir():
        return _fill_folder(image, mask, output, inpainter, options, method)
    return _fill_file(image, mask, output, inpainter, options)


def _fill_file(image: Path, mask: Path, output: Path | None, inpainter: Any, options: Any) -> int:
    from inpainter.engine.batch import default_output, fill_file

    start = time.perf_counter()
    report = fill_file(image, mask, output or default_output(image), inpainter, options, on_hole=_go_on)
    for note in report.notes:
        _say(f"note: {note}")
    holes = f"{report.holes} {'hole' if report.holes == 1 else 'holes'}"
    print(f"{report.output}: {holes}, {report.filled_pixels} pixels, {time.perf_counter() - start:.1f} s")
    return 0


def _fill_folder(image: Path, mask: Path, output: Path | None, inpainter: Any, options: Any, method: str) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from inpainter.core import InputError
    from inpainter.engine.batch import REPORT, fill_folder

    if output is None:
        raise InputError(f"{image}: is a folder; name the folder to write to with -o")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("filling", total=None)

        def on_file(result: Any, done: int, total: int) -> None:
            _go_on()
            progress.update(task, completed=done, total=total)
            for note in result.notes if result.status == "filled" else ():
                console.print(f"note: {result.photo}: {note}", markup=False, highlight=False, soft_wrap=True)
            if result.error:
                console.print(f"error: {result.error}", markup=False, highlight=False, soft_wrap=True)

        results = fill_folder(image, mask, output, inpainter, options, method=method, on_file=on_file)
    counts = {status: sum(r.status == status for r in results) for status in ("filled", "skipped", "failed")}
    print(", ".join(f"{count} {status}" for status, count in counts.items() if count) + f"; see {output / REPORT}")
    return 1 if counts["failed"] else 0


@app.command
def mask(
    *,
    kind: str,
    size: str,
    seed: int = 0,
    output: Annotated[Path, Parameter(alias="-o")],
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    debug: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Draw a mask: white where to fill.

    Parameters
    ----------
    kind
        One of: centre, square, blocks, circle, half, lines, strokes, blob, text, scatter, pixels, noise.
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
    from inpainter.photos.write import write_mask

    drawn = _mask_kind(kind)(seed=seed)(*_parse_size(size))
    write_mask(drawn, output, overwrite=overwrite)
    print(f"{output}: {kind}, {drawn.shape[0]}×{drawn.shape[1]} (height×width), {drawn.mean():.1%} to fill")
    return 0


@app.command
def methods(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """List the methods.

    Parameters
    ----------
    as_json
        Print JSON, with the whole cards.
    """
    from inpainter.methods import METHODS, card, installed

    if as_json:
        cards = [asdict(card(name)) | {"installed": installed(name)} for name in METHODS]
        print(json.dumps(cards, indent=2, ensure_ascii=False))
        return 0
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for heading in ("method", "what it is", "needs"):
        table.add_column(heading)
    for name, entry in METHODS.items():
        needs = "" if installed(name) else f"pip install 'inpainter[{entry.extra}]'"
        table.add_row(name, entry.summary, needs.replace("[", "\\["))
    Console().print(table)
    return 0


# Imported when called, so that the other commands start without torch.
app.command("inpainter.apps.study:train", name="train", help="Train a method on a folder of pictures or parquet files.")
app.command("inpainter.apps.study:evaluate", name="evaluate", help="Measure methods side by side, and write a report.")


class _Stopped(BaseException):
    """Ctrl-C or a termination, by its number; it unwinds, so that half-written files are removed."""


_stops: list[int] = []


def _stop(number: int, _frame: object) -> None:
    _stops.append(number)
    raise _Stopped(number)


def _go_on(*_progress: int) -> None:
    """Stop here if a signal came in a moment (a finaliser) in which Python drops exceptions."""
    if _stops:
        raise _Stopped(_stops[0])


def main() -> None:
    """Run the command line and leave with its exit code: 0 done, 1 some photos failed, 2 bad input."""
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


def _mask_kind(kind: str) -> Any:
    from difflib import get_close_matches

    from inpainter.core import InputError
    from inpainter.masks import KINDS

    if kind in KINDS:
        return KINDS[kind]
    near = get_close_matches(kind, KINDS, 3, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(KINDS)}"
    raise InputError(f"mask kind '{kind}': there is none of that name; {hint}")


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
