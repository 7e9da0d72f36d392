"""The photos of a folder to fill, their masks, and the files left out."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from inpainter.core import InputError
from inpainter.photos.sniff import REMEDIES, SUFFIXES

_HIDDEN, _MACOS, _FOLDERS, _LINKED = "hidden", "macOS", "sub-folder", "link"
# Suffix → a format that is recognised and refused.
_REFUSED = {
    ".gif": "gif", ".svg": "svg", ".bmp": "bmp", ".dib": "bmp",
    ".jp2": "jpeg 2000", ".j2k": "jpeg 2000", ".jxl": "jpeg xl", ".psd": "psd", ".ico": "ico", ".exr": "openexr",
    ".hdr": "hdr", **dict.fromkeys((".arw", ".cr2", ".cr3", ".crw", ".dng", ".nef", ".orf", ".raf", ".rw2"), "raw"),
}  # fmt: skip
_NAMED = 3


def photos_in(folder: Path, *, recursive: bool, without: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Return the photos of a folder, sorted, and a note for each kind of thing that is left out.

    With `recursive` those of sub-folders too; links to folders are not followed. `without` are files and folders with
    another role, such as the mask and the output.
    """
    left_out: dict[str, list[str]] = {}
    apart = {os.path.realpath(path) for path in without}
    photos = list(_walk(folder, folder, recursive, apart, left_out))
    return photos, [_note(kind, names) for kind, names in sorted(left_out.items())]


def _walk(root: Path, folder: Path, recursive: bool, apart: set[str], left_out: dict[str, list[str]]) -> Iterator[Path]:
    folders = []
    for path in entries(folder):
        if os.path.realpath(path) in apart:
            continue
        kind = _kind(path)
        if kind == _FOLDERS and recursive and not path.is_symlink():
            folders.append(path)
        elif kind == "photo":
            yield path
        elif kind:
            kind = _LINKED if kind == _FOLDERS and recursive else kind
            left_out.setdefault(kind, []).append(path.relative_to(root).as_posix())
    for path in folders:
        yield from _walk(root, path, recursive, apart, left_out)


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    picture = suffix in SUFFIXES or suffix in _REFUSED
    if path.is_dir():
        return _HIDDEN if path.name.startswith(".") else _FOLDERS
    if not picture or not path.is_file():
        return ""
    if path.name.startswith("._"):
        return _MACOS
    if path.name.startswith("."):
        return _HIDDEN
    return _REFUSED.get(suffix, "photo")


def _note(kind: str, names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    many = len(names) > 1
    what, why = {
        _FOLDERS: (
            "sub-folders" if many else "sub-folder",
            f"pass recursive=True to fill the photos in {'them' if many else 'it'}, too",
        ),
        _LINKED: ("links to folders" if many else "link to a folder", "give what it leads to as a folder of its own"),
        _HIDDEN: ("hidden files or folders" if many else "hidden file or folder", "rename what is to be filled"),
        _MACOS: ("files of macOS" if many else "file of macOS", "they hold no picture"),
    }.get(kind, (f"{kind.upper()} files" if many else f"{kind.upper()} file", REMEDIES.get(kind, "")))
    return f"{len(names)} {what} left out ({shown}): {why}"


def entries(folder: Path) -> list[Path]:
    """Return the entries of a folder, sorted. Raises InputError where it cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({(error.strerror or str(error)).lower()})") from error


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures that can be masks; none where there is no such folder."""
    return [path for path in entries(folder) if _kind(path) == "photo"] if folder.is_dir() else []


def masks_named(stem: str, masks: Sequence[Path], photos: set[str]) -> list[Path]:
    """Return the masks that are named like a photo, as NAME.EXT, NAME_mask.EXT, NAME-mask.EXT or NAME.mask.EXT.

    `photos` are the stems of all photos: a mask named like another photo belongs to that one. Where none fits, case
    is ignored.
    """
    names = [f"{stem}{end}" for end in ("", "_mask", "-mask", ".mask")]
    others = photos - {stem}
    mine = [mask for mask in masks if mask.stem in names and mask.stem not in others]
    if mine:
        return mine
    names, others = [name.casefold() for name in names], {other.casefold() for other in others} - {stem.casefold()}
    return [mask for mask in masks if mask.stem.casefold() in names and mask.stem.casefold() not in others]
