"""The command line."""

import json
import os
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter, UnknownCommandError

from inpainter._version import __version__
from inpainter.apps.numbers import Whole, whole
from inpainter.apps.stops import Stopped, leave, leaving, listen
from inpainter.apps.terminal import say, show_all

# Whatever needs NumPy is imported where it is used: help should not wait for it.

Device = Literal["auto", "cpu", "cuda", "mps"]

app = App(
    name="inpainter",
    help="Fills the missing part of a picture: remove a thing, repair a scratch; nothing else in the photo changes.",
    version=__version__,
    version_flags=("--version", "-V"),
    print_error=False,
    exit_on_error=False,
    result_action="return_value",
)


@app.command(usage="Usage: inpainter fill PHOTO... MASK [OPTIONS]")
def fill(
    *files: Annotated[str, Parameter(name="PHOTO... MASK", metavar="PATH")],
    output: Annotated[str | None, Parameter(alias="-o", metavar="PATH")] = None,
    painted: Path | None = None,
    box: Annotated[tuple[str, ...], Parameter(negative="", metavar="X,Y,W,H", show_default=False)] = (),
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
    encode_quality: Annotated[int | None, Parameter(converter=whole)] = None,
    page: Annotated[int | None, Parameter(converter=whole)] = None,
    recursive: Annotated[bool, Parameter(negative="")] = False,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    max_megapixels: float = 400.0,
    quiet: Annotated[bool, Parameter(alias="-q", negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    debug: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Fill photos where a mask says so: one, several, or all of a folder.

    Parameters
    ----------
    files
        A photo (JPEG, PNG, WebP, TIFF, AVIF, HEIC), several, or a folder of photos; and last the mask, a picture of the
        same size that is white where to fill. For several photos: one mask for all, or a folder of masks named like
        the photos, as NAME.png or NAME_mask.png. `-` is standard input.
    output
        Where to write; the suffix chooses the format. Default: NAME-filled.EXT beside the photo. In a folder the output
        has the photo's name. For several photos: a folder, which then also holds report.jsonl; started again, what
        is done is skipped. `-` is standard output, where a photo from standard input goes by itself.
    painted
        Instead of a mask: a copy of the photo, painted over where to fill; for several photos a folder of them.
    box
        Instead of a mask: fill this rectangle, in pixels of the upright photo; may be given several times.
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
    encode_quality
        1 to 100, of what is encoded with loss: lossy WebP and AVIF, a JPEG whose blocks cannot be carried over, and a
        photo that becomes one of these. By default one that loses little.
    page
        The page of a TIFF that has several, from 1 on; it is written alone.
    recursive
        Fill the photos of sub-folders, too; the output, and a folder of masks, have the same sub-folders.
    overwrite
        Replace an output that exists.
    max_megapixels
        Refuse larger pictures.
    quiet
        Say nothing but errors: no bar, no notes, no summary.
    as_json
        Print a JSON object for each photo, a line each, and nothing else, on standard output.
    debug
        Show the trace of an error.
    """
    from inpainter.apps.filling import Fill
    from inpainter.apps.inputs import read_inputs
    from inpainter.core import InputError
    from inpainter.engine.batch import FillOptions

    if quality:
        if method != "auto":
            raise InputError(f"--quality is a setting of auto, not of {method}: leave one of them out")
        method = f"auto:quality={quality}"
    if (painted or box) and (mask_colour != "white" or resize_mask):
        raise InputError("--mask-colour and --resize-mask are for a mask: leave them out, or --painted and --box")
    options = FillOptions(
        mask_colour=mask_colour, resize_mask=resize_mask, grow=grow, seed=seed, overwrite=overwrite,
        max_megapixels=max_megapixels, encode_quality=encode_quality, page=page,
    )  # fmt: skip
    asked = Fill(
        read_inputs(files, painted, box), output, method, device, options, source, avoid, candidates, recursive, quiet,
        as_json,
    )  # fmt: skip
    return asked.run()


@app.command
def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int | None, Parameter(converter=whole)] = None,
    allow_host: Annotated[tuple[str, ...], Parameter(negative="", metavar="NAME", show_default=False)] = (),
    workers: Annotated[int | None, Parameter(converter=whole)] = None,
    browser: Annotated[bool, Parameter(negative="--no-browser")] = True,
    debug: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Open a web page to remove things from photos, and an HTTP interface for programs; no photo leaves this machine.

    Parameters
    ----------
    host
        The address to listen at. By default only this machine reaches it; with 0.0.0.0 others of the network do, who
        need the token that is printed with the address.
    port
        The port; by default the first that is free from 8750 on.
    allow_host
        A name that the service is reached by through a proxy; may be given several times.
    workers
        How many photos are filled at a time; each takes some memory.
    browser
        Open the page in the browser.
    debug
        Show the trace of an error.
    """
    from inpainter.apps.server.serve import Serve

    return Serve(host, port, allow_host, workers, browser).run()


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
    """Draw a mask at random, for tests and experiments: white where to fill.

    Parameters
    ----------
    kind
        One of: centre, square, blocks, circle, half, lines, strokes, blob, text, scatter, pixels, noise; with fields
        as in `blob:largest=0.2`.
    size
        Height × width in pixels, e.g. 480x640, or a photo whose size it is.
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
        print(json.dumps(described[0] if name else described, indent=2))
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
    print(f"can be restricted in where it copies texture from: {'yes' if card['uses_source'] else 'no'}")
    print(f"makes another fill from another seed: {'yes' if card['draws'] else 'no'}")
    print(f"can fill a picture that is missing as a whole: {'yes' if card['fills_everything'] else 'no'}")
    for setting in card["settings"]:
        print(f"  {card['name']}:{setting['name']}={setting['default']}\n      {setting['what']}")


# Imported when called, so that the other commands start without torch.
app.command("inpainter.apps.study:train", name="train", help="Train a method on a folder of pictures or parquet files.")
app.command(
    "inpainter.apps.study:evaluate", name="evaluate", help="Measure methods side by side, and write a report.",
    help_epilogue="It needs more than the base install: pip install 'inpainter\\[torch]', in a checkout of the source "
    "pip install -c constraints.txt -e '.\\[torch]'",
)  # fmt: skip


@app.command(name="--install-completion", show=True)
def install_completion(*, shell: Literal["bash", "zsh", "fish", "powershell"] | None = None) -> int:
    """Let the shell complete commands and options by the Tab key.

    Parameters
    ----------
    shell
        Unless given, the one that this is typed in.
    """
    from cyclopts.completion import ShellDetectionError

    from inpainter.core import InputError

    try:
        path = app.install_completion(shell=shell)
    except (ShellDetectionError, OSError) as error:
        raise InputError(f"completion cannot be installed ({error}): name the shell with --shell") from error
    print(f"{path}: written; it works in every shell that is opened from now on")
    return 0


# No argument of a program holds this character, so that nothing that is typed is taken for it.
_HYPHEN = "\0-"


def _restored(_app: Any, _commands: Any, arguments: Any) -> None:
    """Give a lone hyphen back, once options are parsed: cyclopts takes it for an option that nobody knows."""
    for argument in arguments:
        argument.tokens = [token.evolve(value="-") if token.value == _HYPHEN else token for token in argument.tokens]


app.config = (_restored,)


def main() -> None:
    """Run the command line and leave with its exit code: 0 done, 1 some photos failed, 2 bad input."""
    # Without this libvips writes remarks of its own to stderr.
    os.environ.setdefault("VIPS_WARNING", "0")
    listen()
    show_all()
    arguments = sys.argv[1:]
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    if arguments[:1] == ["fill"]:
        arguments = [_HYPHEN if argument == "-" else argument for argument in arguments]
    try:
        code = app(arguments)
        if sys.stdout:
            sys.stdout.flush()
        leaving()
    except Stopped as stopped:
        leave(stopped.args[0])
        return
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does.
        if sys.stderr:
            sys.stderr.close()
        code = 141
    except OSError as error:
        if error.filename is not None or "--debug" in arguments:
            raise
        # Of files errors are one line already: this is standard output, on a full disk.
        say(f"error: standard output: cannot be written ({(error.strerror or str(error)).lower()})")
        _drop_standard_output()
        code = 2
    except Exception as error:
        if "--debug" in arguments or not _can_be_mended(error):
            raise
        say(f"error: {_one_line(error)}")
        code = 2
    sys.exit(code if isinstance(code, int) else 0)


def _drop_standard_output() -> None:
    """Let nothing more be written there, or Python would try once more at the end."""
    if sys.stdout:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse_size(size: str) -> tuple[int, int]:
    from inpainter.core import InputError

    if Path(size).is_file():
        from inpainter.photos.photo import open_photo

        photo = open_photo(Path(size))
        return photo.height, photo.width
    height, times, width = size.lower().replace("×", "x").partition("x")
    if times and height.isdecimal() and width.isdecimal() and 0 < int(height) * int(width) <= 400_000_000:
        return int(height), int(width)
    raise InputError(f"size '{size}': give height x width in pixels, as 480x640, up to 400 megapixels, or a photo")


def _can_be_mended(error: Exception) -> bool:
    from inpainter.core import InputError

    return isinstance(error, InputError | CycloptsError)


def _one_line(error: Exception) -> str:
    if isinstance(error, UnknownCommandError) and error.unused_tokens and error.app:
        return _no_command(error.unused_tokens[0], error.app)
    return " ".join(str(error).split()).replace(_HYPHEN, "-")


def _no_command(name: str, under: App) -> str:
    """Say what was meant; cyclopts would import every command to say it."""
    from difflib import get_close_matches

    option = name.startswith("-")
    if not option and Path(name).exists():
        return f"no command is called {name!r}: to fill a photo, `inpainter fill {name} …`"
    near = get_close_matches(name.lower(), [known for known in under if known.startswith("-") == option], n=2)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    path = "inpainter" if under is app else f"inpainter {under.name[0]}"
    return f"no command is called {name!r}: {meant}`{path} --help` lists them"
