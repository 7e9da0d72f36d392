"""Making a Job: command-line options override a YAML file, which overrides the preset."""

import dataclasses
from pathlib import Path
from typing import Any

from inpainter.core import InputError
from inpainter.core.fields import field_docs, read_fields
from inpainter.core.recipe import Recipe
from inpainter.engine.checkpoint import trainable
from inpainter.engine.job import Job

NOT_OPTIONS = ("method", "recipe")
"""The fields of a Job that are not options themselves."""


def build_recipe(method: str, preset: str | None, changes: dict[str, Any]) -> tuple[str, Recipe]:
    """Return the preset's name (by default the method's first) and its recipe with the given fields replaced."""
    found = trainable(method)
    presets = found.presets
    name = preset or next(iter(presets))
    if name in found.renamed:
        raise InputError(f"--preset {name}: is called {found.renamed[name]} now: give that")
    if name not in presets:
        raise InputError(f"--preset {name}: {method} has no such preset: choose from {', '.join(presets)}")
    return name, dataclasses.replace(presets[name], **read_fields(type(presets[name]), changes, "recipe"))


def build_job(method: str, config: Path | None, given: dict[str, Any], changes: dict[str, Any]) -> Job:
    """Return the job of the given options and recipe fields, over those of the file `config`, over the preset's.

    Raises InputError for an unknown field, an invalid value, and a missing option.
    """
    file = _read_table(config) if config else {}
    in_recipe = _table(file.pop("recipe", None) or {}, f"{config}: recipe")
    # The method is known before the file is read; the file may name it for the reader.
    file.pop("method", None)
    recipe_fields = read_fields(trainable(method).recipe, in_recipe, f"{config}: recipe") | changes
    options = read_fields(Job, file, str(config), without=NOT_OPTIONS) | given
    for name in ("data", "out"):
        if name not in options:
            raise InputError(f"training: --{name} is missing: give {_lowered(field_docs(Job)[name])}")
    options["preset"], recipe = build_recipe(method, options.get("preset"), recipe_fields)
    return Job(method=method, recipe=recipe, **options)


def _lowered(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].rstrip(".")


def _read_table(path: Path) -> dict[str, Any]:
    import yaml

    class Once(yaml.SafeLoader):
        """YAML without duplicate keys, of which the first would be lost silently."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if twice := [name for name in names if names.count(name) > 1]:
                raise InputError(f"{path}: {twice[0]} is given twice: give it once")
            return super().construct_mapping(node, deep)

    try:
        content = yaml.load(path.read_text(), Once)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give a YAML file") from error
    except (UnicodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable as YAML ({str(error).splitlines()[0]}): correct it") from error
    return _table(content, str(path))


def _table(content: Any, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise InputError(f"{where}: no table of options: write lines like `data: FOLDER`")
    return {str(name): value for name, value in content.items()}
