"""`report.jsonl` in a folder of filled photos: a line of JSON for each, kept from run to run."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inpainter.core import InputError
from inpainter.photos.files import atomic, explained

REPORT = "report.jsonl"
DONE = ("filled", "skipped")
_BEGINNING = '{"photo": '
# A file name need not be valid text; other bytes are written as JSON escapes, and read back as the same name.
_ODD_NAMES = "backslashreplace"


@dataclass(frozen=True)
class FileResult:
    """The result for one photo of a folder; a line of report.jsonl."""

    photo: str
    """Its name; in a sub-folder, the relative path with `/`."""
    mask: str
    output: str
    status: str
    """`filled`, `failed` or `skipped` (done by an earlier run, still the same)."""
    error: str = ""
    notes: tuple[str, ...] = ()
    holes: int = 0
    filled_pixels: int = 0
    seconds: float = 0.0
    key: str = ""
    """SHA-256 of photo, mask, options, method with its weights, and the version of this package."""
    output_sha256: str = ""


Lines = dict[tuple[str, bool], dict[str, Any]]
"""At most two lines per photo: by its name and whether it failed, so that a failure does not discard a fill."""


def read_report(folder: Path) -> Lines:
    """Return the lines of earlier runs; later lines win, and damaged ones are skipped.

    Raises InputError for a file of that name that no run has written: it is not ours to replace.
    """
    path, lines = folder / REPORT, Lines()
    if path.is_symlink():
        raise InputError(f"{path}: is a link, not the report of an earlier run; remove it or name another output")
    if not path.exists():
        return lines
    with explained(path):
        texts = path.read_text("utf-8", errors="replace").splitlines()
    read = [_read(text) for text in texts]
    if not any(read) and any(text.strip() and not text.startswith(_BEGINNING) for text in texts):
        raise InputError(f"{path}: is not the report of an earlier run; move it away or name another output")
    for line in read:
        if line is not None:
            _put(lines, line)
    return lines


def _read(text: str) -> dict[str, Any] | None:
    """Return a line of a report; None where it is none, or one of another version."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or set(line) != set(FileResult.__dataclass_fields__):
        return None
    if line["status"] not in (*DONE, "failed") or not isinstance(line["notes"], list):
        return None
    texts = (line["photo"], line["key"], line["error"], line["output_sha256"], *line["notes"])
    return line if all(isinstance(text, str) for text in texts) else None


def merged(earlier: Lines, results: Sequence[FileResult]) -> Lines:
    """Return the earlier lines with those of a run in the places of the same photos'."""
    lines = dict(earlier)
    for result in results:
        _put(lines, asdict(result))
    return lines


def append_result(folder: Path, result: FileResult) -> None:
    """Append a line, so that the work of a killed run is recorded."""
    path = folder / REPORT
    with explained(path), path.open("a", encoding="utf-8", errors=_ODD_NAMES) as file:
        file.write(_text(asdict(result)))


def write_report(folder: Path, lines: Lines) -> None:
    """Write all lines, or leave the report as it is."""
    with atomic(folder / REPORT, overwrite=True) as temporary:
        temporary.write_text("".join(map(_text, lines.values())), "utf-8", errors=_ODD_NAMES)


def _put(lines: Lines, line: dict[str, Any]) -> None:
    name, failed = line["photo"], line["status"] == "failed"
    done = lines.get((name, False))
    lines.pop((name, True), None)
    if not failed or (done and done["key"] == line["key"]):
        lines.pop((name, False), None)
    lines[name, failed] = line


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"
