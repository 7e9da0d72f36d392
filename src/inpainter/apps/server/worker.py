"""A process that fills: orders come in on standard input, a JSON object a line; progress and results go out so, too.

What clients send is parsed here alone, so that a file that kills a decoder kills this process and not the service.
The lines are JSON, not pickles: a process that a hostile file took over cannot make its parent run anything.
"""

import json
import os
import queue
import re
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from inpainter.apps.server.limits import LIMITS

# Progress is shown, not recorded: more often than this nobody sees it, s.
_STEP_EVERY = 0.1
# Clients do not know the names of the files here, nor the libraries that read them.
_FILES = {
    "image": "the photo", "mask": "the mask", "painted": "the painted copy", "source": "the mask of the source",
    "avoid": "the mask to avoid", "filled": "the filled photo",
}  # fmt: skip
_FILE = re.compile(rf"\b({'|'.join(_FILES)})\.\w+")
_LIBRARY = re.compile(r"(damaged or cut short|not supported) \(.*?\)(?=; |$)")


def main() -> None:
    """Do what comes in until standard input ends."""
    # What a library prints must not stand between the lines.
    lines = os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)
    os.environ.setdefault("VIPS_WARNING", "0")
    with suppress(OSError):
        # Where memory runs out, the system ends this process rather than the service or the user's browser.
        Path("/proc/self/oom_score_adj").write_text("1000")
    Worker(sys.stdin.buffer, lines).run()


class Worker:
    """The loop: one order at a time, while a thread listens for what cancels it."""

    def __init__(self, orders: BinaryIO, lines: BinaryIO) -> None:
        self._orders, self._lines = orders, lines
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._said = 0.0

    def run(self) -> None:
        """Say that it is ready, then carry out orders."""
        # The first fill should not wait for what all fills import.
        import pyvips

        import inpainter.engine.candidates  # noqa: F401
        from inpainter.methods import load

        load("auto")
        # It keeps what it has decoded, for a file that comes again; here none does.
        pyvips.cache_set_max(0)
        threading.Thread(target=self._listen, daemon=True).start()
        self._say(ready=True)
        while True:
            order = self._waiting.get()
            self._say(**self._outcome(order))

    def _listen(self) -> None:
        for line in self._orders:
            order = json.loads(line)
            if "cancel" in order:
                self._cancelled.set()
            else:
                self._cancelled.clear()
                self._waiting.put(order)
        # The service is gone: nobody wants what is under way.
        os._exit(0)

    def _say(self, **fields: Any) -> None:
        try:
            self._lines.write(json.dumps(fields).encode() + b"\n")
        except OSError:
            os._exit(0)

    def _step(self, done: float, total: float) -> None:
        from inpainter.core import Cancelled

        if self._cancelled.is_set():
            raise Cancelled
        now = time.monotonic()
        if now - self._said >= _STEP_EVERY:
            self._said = now
            self._say(step=[float(done), float(total)])

    def _outcome(self, order: dict[str, Any]) -> dict[str, Any]:
        """What became of an order: `done`, `failed` or `cancelled`."""
        from inpainter.core import Cancelled, InputError

        do = {"fill": fill, "preview": preview}[order["do"]]
        # What a library leaves there when this process is killed goes with the job.
        os.environ["TMPDIR"] = tempfile.tempdir = order["folder"]
        try:
            return {"done": do(order, self._step)}
        except Cancelled:
            return {"cancelled": True}
        except InputError as error:
            return {"failed": described(error, order["folder"])}
        except MemoryError:
            return {"failed": {"code": "too-large", "what": "the computer has not enough memory for this photo",
                               "remedy": "mark less of it, or scale it down"}}  # fmt: skip
        except Exception:
            # For whoever runs the service; clients learn nothing of its inside.
            traceback.print_exc()
            return {"failed": {"code": "internal", "what": "something went wrong in the program", "remedy": ""}}


def described(error: Any, folder: str) -> dict[str, Any]:
    """An InputError as clients get it: without paths, with options as they are sent."""
    from inpainter.core import InputError

    message = _LIBRARY.sub(r"\1", str(error).replace(f"{folder}{os.sep}", ""))
    told = InputError(in_words(message), code=error.code)
    return {"code": told.code, "what": told.what, "remedy": told.remedy}


def in_words(message: str) -> str:
    """A message of the library for clients: `grow=2` becomes `options.grow = 2`, and `image.jpg` the photo."""
    from inpainter.core.errors import spelled

    return _FILE.sub(lambda name: _FILES[name[1]], spelled(message, _spelled))


def _spelled(name: str, value: str) -> str:
    if name in ("painted", "boxes"):
        return {"painted": "the part painted", "boxes": "regions.boxes"}[name]
    value = {"True": "true", "False": "false"}.get(value, value if value.isdecimal() else json.dumps(value))
    return f"options.{name} = {value}"


# ----------------------------------------------------------------------------------------------------------- the orders


def fill(order: dict[str, Any], on_step: Callable[[float, float], None]) -> dict[str, Any]:
    """Fill a photo; the results are files beside it. Raises InputError and Cancelled."""
    from inpainter.engine.batch import FillOptions, default_output, fill_file
    from inpainter.engine.candidates import fill_file_candidates
    from inpainter.engine.pictures import source_for

    folder = Path(order["folder"])
    photo = folder / order["image"]
    checked = opened(photo, order["options"]["page"])
    size = checked.height, checked.width
    # It may be decoded already, and is opened again where it is filled.
    del checked
    for name in ("mask", "painted", "source", "avoid"):
        if name in order:
            opened(folder / order[name])
    options, count = order["options"], order["options"]["candidates"]
    inpainter = loaded(options["method"], json.dumps(options["settings"], sort_keys=True))
    how = FillOptions(
        options["mask_colour"], options["resize_mask"], options["grow"], options["seed"],
        max_megapixels=LIMITS.megapixels, encode_quality=options["encode_quality"], page=options["page"],
    )  # fmt: skip
    texture = {name: folder / order[name] if name in order else None for name in ("source", "avoid")}
    source = source_for(inpainter, texture["source"], texture["avoid"], how)
    where, output = _where(order, folder, size), default_output(photo).with_stem("filled")
    if count == 1:
        report = fill_file(photo, where, output, inpainter, how, source=source, on_step=on_step)
        results = [{"file": report.output.name, "seed": options["seed"], "energy": None}]
    else:
        report = fill_file_candidates(photo, where, output, count, inpainter, how, source=source, on_step=on_step)
        results = [
            {"file": path.name, "seed": one.seed, "energy": one.fill.energy}
            for path, one in zip(report.outputs, report.candidates, strict=True)
        ]
    return {"results": results, "notes": [in_words(note) for note in report.notes]}


def preview(order: dict[str, Any], _on_step: Callable[[float, float], None]) -> dict[str, Any]:
    """Write a photo as an upright JPEG that a browser shows. Raises InputError."""
    import cv2

    from inpainter.core import Box
    from inpainter.photos.thumbnail import thumbnail

    folder = Path(order["folder"])
    photo = opened(folder / order["image"])
    height, width = photo.height, photo.width
    scale = min(1, LIMITS.preview / max(height, width))
    shown = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = thumbnail(photo, [], Box(0, 0, width, height), shown)
    _, jpeg = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    (folder / "preview.jpg").write_bytes(jpeg.tobytes())
    return {"results": [{"file": "preview.jpg"}], "notes": [], "width": width, "height": height}


def opened(photo: Path, page: int | None = None) -> Any:
    """A photo, or its page, whose header is read; raises InputError for what is over the limits."""
    from inpainter.core import InputError
    from inpainter.photos.photo import open_photo

    try:
        file = open_photo(photo, max_megapixels=LIMITS.megapixels, page=page)
    except InputError as error:
        # The library's remedy, a higher limit, is not the client's to choose.
        if error.code == "too-large":
            raise InputError(f"{error.what}; scale it down", code="too-large") from error
        raise
    long, short = max(file.width, file.height), min(file.width, file.height)
    said = f"{photo.name}: {file.width}×{file.height}"
    if long > LIMITS.side:
        raise InputError(f"{said} is over the limit of {LIMITS.side} pixels a side; scale it down", code="too-large")
    if long > LIMITS.aspect * short:
        raise InputError(f"{said} is longer than {LIMITS.aspect} times its width; cut it", code="too-large")
    return file


@lru_cache(maxsize=4)
def loaded(method: str, settings: str) -> Any:
    """A method of the table with settings that are values: nothing that a client sends names a file."""
    from inpainter.core import InputError
    from inpainter.methods import METHODS, declared, load

    if method not in METHODS:
        # Its own message looks for a folder of that name.
        raise InputError(f"method {method!r}: there is none; GET /v1/methods lists them", code="not-found")
    given = json.loads(settings)
    if given:
        known = settings_schema(declared(method).settings)
        for name in given:
            if name not in known:
                has = f"it has {', '.join(known)}" if known else "it has none"
                raise InputError(f"method {method} has no setting {name!r}: {has}")
    return load(method, "auto", **given)


def _where(order: dict[str, Any], folder: Path, size: tuple[int, int]) -> Any:
    """What says where to fill."""
    from inpainter.engine.where import Where
    from inpainter.photos.mask_file import Painted

    if "mask" in order:
        return folder / order["mask"]
    if "painted" in order:
        return Painted(folder / order["painted"])
    return Where(regions_mask(order["regions"], *size), "regions", "")


def regions_mask(regions: dict[str, Any], height: int, width: int) -> Any:
    """The mask `(height, width)` of boxes and polygons; raises InputError for one that has no pixel in the photo."""
    import cv2
    import numpy as np

    from inpainter.core import Box, InputError
    from inpainter.photos.mask_file import Boxes, boxes_mask

    boxes = tuple(Box(*box) for box in regions["boxes"])
    mask = boxes_mask(Boxes(boxes), height, width) if boxes else np.zeros((height, width), np.bool_)
    for polygon in regions["polygons"]:
        one = np.zeros((height, width), np.uint8)
        # Beyond what OpenCV counts in; a photo ends long before.
        points = np.rint(np.clip(np.array(polygon, np.float64), -1e5, 1e5)).astype(np.int32)
        cv2.fillPoly(one, [points], (1,))
        if not one.any():
            raise InputError(f"polygon {polygon[:2]}…: lies outside the photo, which is {width}×{height} (upright); "
                             "give one inside")  # fmt: skip
        mask |= one.view(np.bool_)
    return mask


# ---------------------------------------------------------------------------------------------------------- the methods


def described_methods() -> list[dict[str, Any]]:
    """Every method's card, what it still needs, and its settings as a JSON schema."""
    from inpainter.methods import METHODS, card, declared, installed, needs

    found = []
    for name in METHODS:
        missing = needs(name)
        settings = settings_schema(declared(name).settings) if installed(name) else {}
        found.append(asdict(card(name)) | {
            "ready": not missing, "needs": missing,
            "settings": {"type": "object", "properties": settings, "additionalProperties": False},
        })  # fmt: skip
    return found


def settings_schema(kind: type) -> dict[str, Any]:
    """A JSON schema of each field of a method's settings that is a value; a text may name a file, and is left out."""
    import typing
    from dataclasses import fields

    from inpainter.core.fields import field_docs

    docs, hints = field_docs(kind), typing.get_type_hints(kind)
    types = {int: "integer", float: "number", bool: "boolean"}
    schema = {}
    for field in fields(kind):
        hint = hints[field.name]
        if typing.get_origin(hint) is typing.Literal:
            allowed: dict[str, Any] = {"enum": list(typing.get_args(hint))}
        elif hint in types:
            allowed = {"type": types[hint]}
        else:
            continue
        schema[field.name] = allowed | {"default": field.default, "description": docs[field.name]}
    return schema


if __name__ == "__main__":
    if sys.argv[1:] == ["methods"]:
        print(json.dumps(described_methods()))
    else:
        main()
