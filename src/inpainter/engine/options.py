"""From a command line and a YAML file to a Job: command line over file over preset; only what is given counts."""

import argparse
import dataclasses
import typing
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from inpainter.core import InputError
from inpainter.core.recipe import Recipe, field_docs
from inpainter.engine.checkpoint import trainable, trainable_methods
from inpainter.engine.training import Job

JOB_OPTIONS: dict[str, tuple[Any, str]] = {
    "data": (str, "a folder of pictures, or parquet files (with commas between, or a glob pattern)"),
    "out": (Path, "the run folder"),
    "preset": (str, "the recipe to start from; the method's first unless given"),
    "seed": (int, "where all random drawing starts"),
    "steps": (int, "where to end, in place of the recipe's epochs"),
    "minutes": (float, "stop cleanly in this time at the latest, to go on later"),
    "workers": (int, "processes that decode the pictures"),
    "log_every": (int, "steps between lines of the log"),
    "checkpoint_every": (int, "steps between checkpoints"),
    "sample_every": (int, "steps between sample sheets"),
    "accelerator": (str, "auto, cpu, cuda or mps"),
    "devices": (int, "how many devices"),
}


def build_recipe(method: str, preset: str | None, changes: dict[str, Any]) -> tuple[str, Recipe]:
    """The preset's name (the method's first unless given) and its recipe with the given fields replaced."""
    presets = trainable(method).PRESETS
    name = preset or next(iter(presets))
    if name not in presets:
        raise InputError(f"--preset {name}: {method} has no such preset: choose from {', '.join(presets)}")
    known = {field.name for field in dataclasses.fields(presets[name])}
    for change in changes:
        if change not in known:
            raise InputError(f"recipe: {method} has no field {change!r}: it has {', '.join(sorted(known))}")
    return name, dataclasses.replace(presets[name], **changes)


def parse_job(arguments: list[str]) -> Job:
    """The job that `arguments` describe; `--help` prints and leaves. Raises InputError on what does not fit."""
    # The method comes first, so that a value of an option of its recipe is never taken for it.
    named = arguments[0] if arguments and not arguments[0].startswith("-") else None
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--config", type=Path)
    config: Path | None = first.parse_known_args(arguments)[0].config
    file = _read_config(config) if config else {}
    method = named or file.get("method")
    if method is None:
        if not {"-h", "--help"} & set(arguments):
            raise InputError("training: no method given: name one first, or in the --config file")
        _parser(None).parse_args(["--help"])
    assert method is not None
    parsed = vars(_parser(method).parse_args(arguments[1:] if named else arguments))
    given = {name: value for name, value in parsed.items() if value is not None}
    changes = {name[len("recipe.") :]: given.pop(name) for name in list(given) if name.startswith("recipe.")}
    return _job(method, config, file, {name: given[name] for name in given if name != "config"}, changes)


def build_job(method: str, config: Path | None, given: dict[str, Any], changes: dict[str, Any]) -> Job:
    """The job of options and recipe fields that were typed, over those of the file `config`, over the preset's."""
    return _job(method, config, _read_config(config) if config else {}, given, changes)


def _job(method: str, config: Path | None, file: dict[str, Any], given: dict[str, Any], typed: dict[str, Any]) -> Job:
    changes = {name: _from_yaml(method, name, value) for name, value in file.get("recipe", {}).items()} | typed
    plain = {name: value for name, value in file.items() if name not in ("recipe", "method")}
    unknown = plain.keys() - JOB_OPTIONS.keys() - {"resume"}
    if unknown:
        raise InputError(f"{config}: unknown {', '.join(sorted(unknown))}: it takes {', '.join(JOB_OPTIONS)}")
    options = {**{name: _converted(name, value) for name, value in plain.items()}, **given, "method": method}
    for name in ("data", "out"):
        if name not in options:
            raise InputError(f"training: --{name} is missing: give {JOB_OPTIONS[name][1]}")
    options["preset"], options["recipe"] = build_recipe(method, options.get("preset"), changes)
    return Job(**options)


def _parser(method: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m inpainter.engine.training {method or 'METHOD'}",
        description=f"Train a method: {', '.join(trainable_methods())}.",
        allow_abbrev=False,
    )
    parser.add_argument("--config", type=Path, help="a YAML file with these options and a table `recipe`")
    parser.add_argument("--resume", action="store_true", default=None, help="go on from the newest good checkpoint")
    parser.add_argument("--quiet", action="store_true", default=None, help="no progress line")
    for name, (kind, text) in JOB_OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=text)
    if method is not None:
        recipe = next(iter(trainable(method).PRESETS.values()))
        docs, kinds = field_docs(type(recipe)), typing.get_type_hints(type(recipe))
        for field in dataclasses.fields(recipe):
            flags = {f"--recipe.{field.name}": 0, f"--recipe.{field.name.replace('_', '-')}": 0}
            parser.add_argument(
                *flags, dest=f"recipe.{field.name}", help=docs.get(field.name, "").replace("%", "%%"),
                **_argument(kinds[field.name]),
            )  # fmt: skip
    return parser


def _argument(kind: Any) -> dict[str, Any]:
    """How argparse reads a field of this type."""
    if get_origin(kind) is Literal:
        return {"choices": get_args(kind)}
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        return {"type": lambda text: tuple(item(part) for part in text.split(",")), "metavar": "A,B,…"}
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    return {"type": kind}


def _from_yaml(method: str, name: str, value: Any) -> Any:
    """A YAML value as the field's type, so that `1e-3`, which YAML reads as text, is a number."""
    recipe = type(next(iter(trainable(method).PRESETS.values())))
    kind = typing.get_type_hints(recipe).get(name)
    if isinstance(value, list):
        return tuple(value)
    if kind in (int, float) and not isinstance(value, bool):
        try:
            return kind(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"recipe: {name} is {value!r}: give a number") from error
    return value


def _converted(name: str, value: Any) -> Any:
    return value if name == "resume" or value is None else JOB_OPTIONS[name][0](value)


def _read_config(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give a YAML file") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not readable as YAML ({str(error).splitlines()[0]}): mend it") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: no table of options: write lines like `data: FOLDER`")
    return content
