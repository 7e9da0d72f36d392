"""What a request asks for: its parts, checked as far as it can be without looking into a picture."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from inpainter.apps.server.limits import LIMITS
from inpainter.core import InputError
from inpainter.photos.sniff import PHOTOS, REMEDIES, SUFFIXES, sniff

OPTIONS: dict[str, Any] = {
    "method": "auto", "settings": {}, "grow": 0, "seed": 0, "candidates": 1, "mask_colour": "white",
    "resize_mask": False, "encode_quality": None, "page": None,
}  # fmt: skip
"""The options and their defaults."""
_WHERE = ("mask", "painted", "regions")
_FILES = ("image", "mask", "painted", "source", "avoid")
_LARGEST = 2**31 - 1


@asynccontextmanager
async def read_form(request: Request) -> AsyncIterator[FormData]:
    """The parts of a request, closed after the block; raises InputError for what is no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise InputError("the request: is not multipart/form-data; send the photo as the part image")
    try:
        form = await request.form(max_files=len(_FILES), max_fields=2, max_part_size=2**18)
    except (UnicodeError, LookupError):
        raise InputError("the request: its parts are not in the charset that it names; send UTF-8") from None
    try:
        yield form
    finally:
        await form.close()


async def fill_order(form: FormData, folder: Path, *, several: bool) -> dict[str, Any]:
    """The order of a fill, whose files are put into `folder`; raises InputError."""
    _check_parts(form, (*_FILES, "regions", "options"))
    given = [name for name in _WHERE if name in form]
    if len(given) != 1:
        found = f"{' and '.join(given)} are" if given else "nothing is"
        raise InputError(f"the request: {found} given to say where to fill; send one of mask, painted and regions")
    options = _options(_json(form, "options", "{}"), several=several)
    order: dict[str, Any] = {"do": "fill", "folder": str(folder), "options": options}
    if "regions" in form:
        order["regions"] = _regions(_json(form, "regions", "{}"))
    return order | await _files(form, folder)


async def preview_order(form: FormData, folder: Path) -> dict[str, Any]:
    """The order of a preview; raises InputError."""
    _check_parts(form, ("image",))
    return {"do": "preview", "folder": str(folder)} | await _files(form, folder)


def file_name(form: FormData) -> str:
    """The name of the client's photo without its suffix: what the result is named after."""
    upload = form["image"]
    name = (upload.filename or "") if isinstance(upload, UploadFile) else ""
    # Of a path only the last part, of either kind of system, and nothing that a header cannot hold.
    name = "".join(letter for letter in name.replace("\\", "/").rpartition("/")[2] if letter.isprintable())
    stem = Path(name).stem.strip(". ")[:120]
    return stem or "photo"


def _check_parts(form: FormData, known: tuple[str, ...]) -> None:
    for name in form:
        if name not in known:
            raise InputError(f"the request: has a part {name[:40]!r}; it takes {', '.join(known)}")
        if len(form.getlist(name)) > 1:
            raise InputError(f"the request: has several parts {name}; send one")
    if "image" not in form:
        raise InputError("the request: has no photo; send it as the part image, a file")


async def _files(form: FormData, folder: Path) -> dict[str, str]:
    """Put the files of a form into a folder, named by what they are and by their first bytes."""
    names = {}
    for part in _FILES:
        if part in form:
            upload = form[part]
            if not isinstance(upload, UploadFile):
                raise InputError(f"{part}: is a text; send it as a file")
            head = await upload.read(4096)
            names[part] = f"{part}{_suffix(part, head)}"
            with (folder / names[part]).open("xb") as file:
                while head:
                    await asyncio.to_thread(file.write, head)
                    head = await upload.read(2**20)
    return names


def _suffix(part: str, head: bytes) -> str:
    """The suffix for a file by its first bytes; raises InputError for what is no photo that can be read."""
    kind = sniff(head)
    if kind not in PHOTOS:
        what = "the file is empty" if not head else f"is a {kind.upper()} file" if kind else "is no picture"
        remedy = REMEDIES.get(kind, "send a JPEG, PNG, WebP, TIFF or AVIF file")
        raise InputError(f"{'the photo' if part == 'image' else part}: {what}; {remedy}", code="unsupported")
    return next(suffix for suffix, of in SUFFIXES.items() if of == kind)


def _json(form: FormData, part: str, default: str) -> dict[str, Any]:
    text = form.get(part, default)
    if not isinstance(text, str):
        raise InputError(f"{part}: is a file; send it as a text")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{part}: is not JSON; send an object") from None
    if not isinstance(value, dict):
        raise InputError(f"{part}: is not a JSON object; send one, in braces")
    return value


def _options(given: dict[str, Any], *, several: bool) -> dict[str, Any]:
    known = {name: value for name, value in OPTIONS.items() if several or name != "candidates"}
    for name, value in given.items():
        if name not in known:
            raise InputError(f"options: has {name[:40]!r}; it takes {', '.join(known)}")
        # A bool is a number to Python; to JSON it is none. What has no default is a number.
        kind = int if known[name] is None else type(known[name])
        if type(value) is not kind and (value, known[name]) != (None, None):
            wanted = {str: "a text", int: "a whole number", bool: "true or false", dict: "an object"}
            raise InputError(f"options: {name} is {json.dumps(value)[:40]}; give {wanted[kind]}")
        if isinstance(value, int) and not 0 <= value <= _LARGEST:
            raise InputError(f"options: {name} is {str(value)[:40]}; give 0 to {_LARGEST}")
    options = OPTIONS | given
    for name, value in options["settings"].items():
        if not isinstance(value, str | int | float | bool):
            raise InputError(f"options.settings: {name[:40]} is {json.dumps(value)[:40]}; give a single value")
    return options


def _regions(given: dict[str, Any]) -> dict[str, Any]:
    boxes, polygons = given.get("boxes", []), given.get("polygons", [])
    for name in given:
        if name not in ("boxes", "polygons"):
            raise InputError(f"regions: has {name[:40]!r}; it takes boxes and polygons")
    if not isinstance(boxes, list) or not isinstance(polygons, list) or not boxes + polygons:
        raise InputError("regions: give boxes, polygons, or both, as lists that are not empty")
    if len(boxes) + len(polygons) > LIMITS.regions:
        raise InputError(f"regions: are {len(boxes) + len(polygons)}; give at most {LIMITS.regions}, or a mask")
    for box in boxes:
        if not _are_numbers(box, 4) or not all(isinstance(number, int) for number in box):
            raise InputError("regions.boxes: give [x, y, width, height] each, whole numbers of pixels")
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 3 or not all(_are_numbers(point, 2) for point in polygon):
            raise InputError("regions.polygons: give three or more corners [x, y] each, in pixels")
    if sum(map(len, polygons)) > LIMITS.points:
        raise InputError(f"regions.polygons: have more than {LIMITS.points} corners; send a mask instead")
    return {"boxes": boxes, "polygons": polygons}


def _are_numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list) and len(value) == count
        and all(type(number) in (int, float) and math.isfinite(number) and abs(number) <= _LARGEST for number in value)
    )  # fmt: skip
