"""The commands for those who study inpainting: `train`, with a sub-command a method, and `evaluate`."""

import inspect
import sys
import typing
import warnings
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from inpainter.apps.numbers import Whole, whole, whole_numbers
from inpainter.core import InputError
from inpainter.core.errors import needing

if typing.TYPE_CHECKING:
    train: App

EVALUATED = "telea,navier-stokes,partial-conv"


def __getattr__(name: str) -> Any:
    """`train`, made when it is asked for."""
    if name == "train":
        return train_app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def train_app() -> App:
    """The command `train`, with a sub-command a method, made from its recipes; without torch it says how to get it."""
    try:
        with needing("torch", "train"):
            from inpainter.engine.checkpoint import trainable_methods
    except InputError as error:
        return _unavailable("train", error)
    app = App(name="train", help="Train a method on a folder of pictures or on parquet files.")
    for method in trainable_methods():
        app.command(_train_command(method), name=method)
    return app


def _unavailable(name: str, error: InputError) -> App:
    """A command whose help says what it lacks, and that says so, too, whatever it is given."""
    app = App(name=name, help_epilogue=str(error), help_format="plaintext")

    @app.default
    def command(*_given: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]) -> int:
        raise error

    return app


def _train_command(method: str) -> Callable[..., int]:
    """A function whose parameters are the job's options and the fields of the method's recipe, all of them real."""
    from inpainter.core.fields import field_docs
    from inpainter.engine.checkpoint import trainable
    from inpainter.engine.job import Job
    from inpainter.engine.options import NOT_OPTIONS, build_job

    found = trainable(method)
    first, preset = next(iter(found.presets.items()))
    docs, kinds = field_docs(Job), typing.get_type_hints(Job)
    parameters = []
    for field in fields(Job):
        if field.name not in NOT_OPTIONS:
            more = f" One of: {', '.join(found.presets)}." if field.name == "preset" else ""
            flag = f"--{field.name.replace('_', '-')}"
            parameters.append(_option(field.name, flag, kinds[field.name], docs[field.name] + more, negative=""))
    parameters.append(_option("config", "--config", Path, "A YAML file with these options and a table `recipe`."))
    docs, kinds = field_docs(found.recipe), typing.get_type_hints(found.recipe)
    for field in fields(preset):
        text = f"{docs[field.name]} {first}: {getattr(preset, field.name)}."
        flag = f"--recipe.{field.name.replace('_', '-')}"
        # The other way about, for what a preset turns on.
        negative = flag.replace("--recipe.", "--recipe.no-") if kinds[field.name] is bool else ""
        parameters.append(_option(f"recipe__{field.name}", flag, kinds[field.name], text, negative=negative))

    def command(**given: Any) -> int:
        typed = {name: value for name, value in given.items() if value is not None}
        changes = {
            name.removeprefix("recipe__"): typed.pop(name) for name in list(typed) if name.startswith("recipe__")
        }
        from inpainter.engine.training import run

        return run(build_job(method, typed.pop("config", None), typed, changes), sys.stdout)

    command.__doc__ = found.card.summary
    command.__signature__ = inspect.Signature(parameters, return_annotation=int)  # pyright: ignore[reportFunctionMemberAccess]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _option(name: str, flag: str, kind: Any, text: str, **more: Any) -> inspect.Parameter:
    if typing.get_origin(kind) is tuple:
        more["converter"] = whole_numbers
    elif int in (kind, *typing.get_args(kind)):
        more["converter"] = whole
    # Without a default of its own: only what is typed may replace what a file or a preset says.
    annotation = Annotated[kind | None, Parameter(name=flag, help=text, show_default=False, **more)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def evaluate(
    *,
    methods: str = EVALUATED,
    data: str,
    masks: str = "lines",
    output: Annotated[Path, Parameter(alias="-o")],
    limit: Whole = 200,
    first: Whole = 0,
    size: Annotated[int | None, Parameter(converter=whole)] = None,
    seed: Whole = 0,
    metrics: str | None = None,
    nsd_pictures: Whole = 250,
    nsd_masks: Whole = 100,
    by_cover: Annotated[bool, Parameter(negative="")] = False,
    bare: Annotated[bool, Parameter(negative="")] = False,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    lpips_weights: Path | None = None,
) -> int:
    """Measure methods on the same pictures and masks, and write a report.

    Parameters
    ----------
    methods
        Names of methods, or folders of trained weights or of runs, with commas between.
    data
        A folder of pictures, or parquet files (with commas between, or a glob pattern).
    masks
        Kinds of mask, with commas between (`inpainter mask --help` lists them); with fields, `centre:side=56`.
    output
        The folder for the report: report.html, report.md, a JSON file a method, and figures.
    limit
        How many pictures to take; 0 takes all.
    first
        The place of the first picture in the source.
    size
        Cut squares of this side from the middle of the pictures, in pixels.
    seed
        Where the drawing of masks starts.
    metrics
        Which metrics to take, with commas between; unless given, all but `nsd`, the normalized squared-distortion of
        the methods' encoders.
    nsd_pictures
        How many pictures to measure `nsd` on, from the first.
    nsd_masks
        How many masks of every kind to encode each of them with for `nsd`.
    by_cover
        Sort the results by the share of the picture that is missing, too, and plot them.
    bare
        Show a method the whole picture at once, and measure its raw picture, too; otherwise every picture is filled as
        `inpainter fill` does it, hole by hole.
    device
        Where networks compute; auto takes the fastest that is there.
    lpips_weights
        The file of LPIPS's weights; without it LPIPS is not measured.
    """
    with needing("torch", "evaluate"):
        from inpainter.apps.report import write_report
        from inpainter.engine.evaluation import Evaluation
        from inpainter.engine.evaluation import evaluate as measure
    from inpainter.methods import load, takes_device
    from inpainter.metrics import METRICS

    evaluation = Evaluation(
        methods=_listed(methods), data=data, masks=_listed(masks), limit=limit or None, first=first, size=size,
        seed=seed, metrics=tuple(METRICS) if metrics is None else _listed(metrics), nsd_pictures=nsd_pictures,
        nsd_masks=nsd_masks, by_cover=by_cover, bare=bare,
        lpips_weights=str(lpips_weights) if lpips_weights else None,
    )  # fmt: skip
    _refuse_among_pictures(output, data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", UserWarning)
        results = measure(
            evaluation,
            lambda name: load(name, device if takes_device(name) else "auto"),
            _show if sys.stderr.isatty() else None,
        )
    for note in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"note: {note}", file=sys.stderr)
    write_report(results, output)
    print(f"{output / 'report.html'}: {len(results)} methods on {results[0].facts['data']['pictures']} pictures")
    return 0


def _refuse_among_pictures(output: Path, data: str) -> None:
    """The figures of a report would be measured the next time."""
    from inpainter.data.sources import folders_of

    for folder in folders_of(data):
        if output.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{output}: lies in the folder of pictures {folder}: name another with -o")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _show(method: str, done: int, total: int) -> None:
    sys.stderr.write(f"\r\033[K{method}: {done} of {total}" + ("\n" if done == total else ""))
    sys.stderr.flush()
