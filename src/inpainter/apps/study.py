"""The commands for those who study inpainting: `train`, with a sub-command a method, and `evaluate`."""

import inspect
import sys
import typing
import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from inpainter.core import InputError

if typing.TYPE_CHECKING:
    train: App

EVALUATED = "telea,navier-stokes,partial-conv"


def __getattr__(name: str) -> Any:
    """`train`, made when it is asked for."""
    if name == "train":
        return train_app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def train_app() -> App:
    """The command `train`. Its sub-commands are made from the methods' recipes when it is called, which needs torch."""
    try:
        from inpainter.engine.checkpoint import trainable_methods
    except ImportError as error:
        raise InputError(
            f"train needs {error.name or 'more'}, which is not installed: pip install 'inpainter[torch]'"
        ) from error
    app = App(name="train", help="Train a method on a folder of pictures or on parquet files.")
    for method in trainable_methods():
        app.command(_train_command(method), name=method)
    return app


def _train_command(method: str) -> Callable[..., int]:
    """A function whose parameters are the job's options and the fields of the method's recipe, all of them real."""
    from inpainter.core.recipe import field_docs
    from inpainter.engine.checkpoint import trainable
    from inpainter.engine.options import JOB_OPTIONS, build_job

    module = trainable(method)
    preset = next(iter(module.PRESETS.values()))
    docs, kinds = field_docs(type(preset)), typing.get_type_hints(type(preset))
    parameters = []
    for name, (kind, text) in JOB_OPTIONS.items():
        shown = f"{text[0].upper()}{text[1:]}."
        if name == "preset":
            shown += f" One of: {', '.join(module.PRESETS)}."
        parameters.append(_option(name, f"--{name.replace('_', '-')}", kind, shown))
    parameters.append(_option("config", "--config", Path, "A YAML file with these options and a table `recipe`."))
    parameters.append(_option("resume", "--resume", bool, "Go on from the newest good checkpoint.", negative=""))
    for field in fields(preset):
        # No default is given to cyclopts: only what is typed may replace a preset's value.
        text = f"{docs[field.name]} {next(iter(module.PRESETS))}: {getattr(preset, field.name)}."
        flag = f"--recipe.{field.name.replace('_', '-')}"
        several = {"converter": _numbers} if typing.get_origin(kinds[field.name]) is tuple else {}
        parameters.append(_option(f"recipe__{field.name}", flag, kinds[field.name], text, negative="", **several))

    def command(**given: Any) -> int:
        typed = {name: value for name, value in given.items() if value is not None}
        changes = {
            name.removeprefix("recipe__"): typed.pop(name) for name in list(typed) if name.startswith("recipe__")
        }
        from inpainter.engine.training import run

        return run(build_job(method, typed.pop("config", None), typed, changes), sys.stdout)

    command.__doc__ = f"{next(iter(module.CARDS.values())).summary}"
    command.__signature__ = inspect.Signature(parameters, return_annotation=int)  # pyright: ignore[reportFunctionMemberAccess]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _option(name: str, flag: str, kind: Any, text: str, **more: Any) -> inspect.Parameter:
    annotation = Annotated[kind | None, Parameter(name=flag, help=text, show_default=False, **more)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _numbers(kind: Any, tokens: Sequence[Any]) -> tuple[int, ...]:
    """Whole numbers with commas between, as everywhere, or the option once for each."""
    return tuple(int(part) for token in tokens for part in token.value.split(","))


def evaluate(
    *,
    methods: str = EVALUATED,
    data: str,
    masks: str = "lines",
    output: Annotated[Path, Parameter(alias="-o")],
    limit: int = 200,
    first: int = 0,
    size: int | None = None,
    seed: int = 0,
    metrics: str | None = None,
    nsd_pictures: int = 250,
    nsd_masks: int = 100,
    by_cover: Annotated[bool, Parameter(negative="")] = False,
    lpips_weights: Path | None = None,
) -> int:
    """Measure methods on the same pictures and masks, and write a report.

    Parameters
    ----------
    methods
        Names of methods, or folders of trained weights, with commas between.
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
    lpips_weights
        The file of LPIPS's weights; without it LPIPS is not measured.
    """
    from inpainter.apps.report import write_report
    from inpainter.engine.evaluation import Evaluation
    from inpainter.engine.evaluation import evaluate as measure
    from inpainter.methods import load
    from inpainter.metrics import METRICS

    evaluation = Evaluation(
        methods=_listed(methods), data=data, masks=_listed(masks), limit=limit or None, first=first, size=size,
        seed=seed, metrics=_listed(metrics) if metrics else tuple(METRICS), nsd_pictures=nsd_pictures,
        nsd_masks=nsd_masks, by_cover=by_cover,
        lpips_weights=str(lpips_weights) if lpips_weights else None,
    )  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", UserWarning)
        results = measure(evaluation, load, _show if sys.stderr.isatty() else None)
    for note in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"note: {note}", file=sys.stderr)
    write_report(results, output)
    print(f"{output / 'report.html'}: {len(results)} methods on {results[0].facts['data']['pictures']} pictures")
    return 0


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _show(method: str, done: int, total: int) -> None:
    sys.stderr.write(f"\r\033[K{method}: {done} of {total}" + ("\n" if done == total else ""))
    sys.stderr.flush()
