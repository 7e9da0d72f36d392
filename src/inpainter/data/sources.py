"""Where pictures come from: a folder of files or parquet files, decoded once into memory."""

import glob
import hashlib
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from inpainter.core import InputError
from inpainter.core.paths import exists
from inpainter.photos import sniff

SUFFIXES = {suffix for suffix, kind in sniff.SUFFIXES.items() if kind != "heic"} | {".bmp"}
"""File names that a folder is searched for."""
CHUNK = 500
"""Number of pictures that a worker decodes at a time."""

Picture = NDArray[np.uint8]
"""Colour samples `(H, W, 3)`, 0 to 255."""


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures in a fixed order, and why the others are left out."""

    pictures: NDArray[np.uint8] | list[Picture]
    """One array `(N, H, W, 3)` when all have the same size, else a list of arrays."""
    names: list[str]
    """The name of each in its source."""
    broken: list[str]
    """Names of those that could not be decoded, or are smaller than was asked for, with the reason."""
    fingerprint: str
    """SHA-256 over names and encoded bytes, in order: the same pictures, the same fingerprint."""

    def __len__(self) -> int:
        return len(self.pictures)

    def split(self, held_out: int) -> tuple["Pictures", "Pictures"]:
        """Return all but the last `held_out` pictures, and those; raises InputError when none is left to train on."""
        kept = len(self) - held_out
        if kept < 1:
            raise InputError(f"{len(self)} pictures: {held_out} held out for validation leave none: give more pictures")
        return (
            Pictures(self.pictures[:kept], self.names[:kept], self.broken, self.fingerprint),
            Pictures(self.pictures[kept:], self.names[kept:], [], self.fingerprint),
        )

    def shrunk(self, times: int) -> "Pictures":
        """Return the same pictures, scaled down by averaging squares of `times` px; what is left at an edge is dropped.

        Done once, since a training cuts a new square from every picture in every epoch. So those lie on a grid of
        `times` px of the original; no picture may have a side below `times`.
        """
        if times == 1:
            return self
        return Pictures(_stacked([_shrunk(each, times) for each in self.pictures]), self.names, self.broken,
                        self.fingerprint)  # fmt: skip


def read_pictures(
    source: str | Path, *, smallest: int = 1, limit: int | None = None, workers: int = 0, without: str = "",
    on_read: Callable[[int], None] | None = None,
) -> Pictures:  # fmt: skip
    """Decode the pictures of `source` into memory.

    `source` is a folder (searched with its sub-folders, in the order of the names), a parquet file with a column
    `image` of encoded bytes (as Hugging Face's `datasets` writes it), several separated by commas, or a glob pattern of
    them; `NAME.parquet[FIRST:LAST]` is its rows from FIRST to before LAST, either of which may be left out. Pictures
    with a side below `smallest` px or that cannot be decoded are left out and named in `broken`; rows whose path
    begins with `without`, where given, are skipped. At most the first `limit` are read. `workers` processes decode;
    with 0 this process does. The order does not depend on it. `on_read` is called with the number of pictures read so
    far. Raises InputError when there is nothing to read or no picture is left.
    """
    digest = hashlib.sha256()
    pictures: list[Picture] = []
    names: list[str] = []
    broken: list[str] = []
    chunks = _chunked(_encoded(str(source), limit, without), digest)
    for chunk_names, decoded in _decode_all(chunks, smallest, workers):
        for name, picture in zip(chunk_names, decoded, strict=True):
            if isinstance(picture, str):
                broken.append(f"{name}: {picture}")
            else:
                pictures.append(picture)
                names.append(name)
        if on_read:
            on_read(len(pictures) + len(broken))
    if not pictures:
        reason = f": {broken[0]}" if broken else ""
        raise InputError(f"{source}: no picture to use ({len(broken)} left out{reason}): give another source")
    return Pictures(_stacked(pictures), names, broken, digest.hexdigest())


def _stacked(pictures: list[Picture]) -> NDArray[np.uint8] | list[Picture]:
    """Return one array where possible: no object per picture, and a batch is one fancy index."""
    if any(picture.shape != pictures[0].shape for picture in pictures):
        return pictures
    # Filled one by one and freed on the way: never twice in memory.
    whole = np.empty((len(pictures), *pictures[0].shape), dtype=np.uint8)
    for i in range(len(pictures)):
        whole[i] = pictures[i]
        pictures[i] = whole[i]
    return whole


def _shrunk(picture: Picture, times: int) -> Picture:
    """Average squares of `times` px."""
    height, width = (side // times * times for side in picture.shape[:2])
    total = np.zeros((height // times, width // times, 3), dtype=np.float32)
    # Integers, which float32 adds exactly. (A mean over axes of the reshaped picture takes several times as long.)
    for y in range(times):
        for x in range(times):
            total += picture[y:height:times, x:width:times]
    return (total / times**2).round().astype(np.uint8)


Encoded = tuple[str, bytes]

Rows = tuple[int, int | None]
"""First row, and the one after the last."""
_ROWS = re.compile(r"(.+\.parquet)\[(\d*):(\d*)\]")


def _encoded(source: str, limit: int | None, without: str) -> Iterator[Encoded]:
    files = _files(source)
    items = (
        _rows(path, rows, without) if path.suffix == ".parquet" else _file(path, Path(source)) for path, rows in files
    )
    yield from islice(chain.from_iterable(items), limit)


def folders_of(source: str) -> list[Path]:
    """Return the folders that `source`, as `read_pictures` takes it, names. Raises InputError."""
    return [path for path, _ in _named(source) if path.is_dir()]


def _named(source: str) -> list[tuple[Path, Rows]]:
    """Return the folders and files that `source` names, patterns resolved."""
    named = []
    for part in source.split(","):
        # The empty path would be the current folder.
        if not part.strip():
            raise InputError(f"data {source!r}: no source is named: give a folder of pictures or parquet files")
        name, rows = _split_rows(part)
        found = [name] if exists(name) else sorted(glob.glob(name))  # noqa: PTH207 (patterns may be absolute)
        if not found:
            raise InputError(f"{name}: no such folder or file: give a folder of pictures or parquet files")
        named += [(Path(path), rows) for path in found]
    return named


def _split_rows(part: str) -> tuple[str, Rows]:
    """Split off the rows that a part of a source selects."""
    match = None if exists(part) else _ROWS.fullmatch(part)
    if match is None:
        return part, (0, None)
    name, first, last = match.groups()
    rows = int(first or 0), int(last) if last else None
    if rows[1] is not None and rows[1] <= rows[0]:
        raise InputError(f"{part}: no rows in this range: give a first row before the last")
    return name, rows


def _files(source: str) -> list[tuple[Path, Rows]]:
    """Return the files that `source` names, in a fixed order."""
    files: list[tuple[Path, Rows]] = []
    for match, rows in _named(source):
        files += [(path, rows) for path in (_in_folder(match) if match.is_dir() else [match])]
    for path, _ in files:
        if path.suffix != ".parquet" and path.suffix.lower() not in SUFFIXES:
            raise InputError(
                f"{path}: neither a parquet file nor a picture: give a folder of pictures or parquet files"
            )
    if not files:
        raise InputError(f"{source}: no pictures in it: give a folder of pictures or parquet files")
    return files


def _in_folder(folder: Path) -> list[Path]:
    try:
        # rglob silently skips a folder that it may not read.
        next(folder.iterdir(), None)
        return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}): give a folder you may read") from error


def _file(path: Path, root: Path) -> Iterator[Encoded]:
    name = str(path.relative_to(root)) if path.is_relative_to(root) and path != root else path.name
    try:
        yield name, path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): make it readable or remove it") from error


def _rows(path: Path, rows: Rows, without: str) -> Iterator[Encoded]:
    first, last = rows
    try:
        table = pq.ParquetFile(path)
        if "image" not in table.schema_arrow.names or not pa.types.is_struct(table.schema_arrow.field("image").type):
            raise InputError(f"{path}: no column `image` of encoded pictures: it has {table.schema_arrow.names}")
        row = 0
        for batch in table.iter_batches(batch_size=1024, columns=["image"]):
            for item in batch.column("image"):
                if last is not None and row >= last:
                    return
                value = item.as_py() or {} if row >= first else {}
                if row >= first and not (without and str(value.get("path")).startswith(without)):
                    yield f"{path.name}#{row}", value.get("bytes") or b""
                row += 1
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as parquet ({str(error).splitlines()[0]}): get it again") from error


def _chunked(items: Iterator[Encoded], digest: "hashlib._Hash") -> Iterator[list[Encoded]]:
    chunk: list[Encoded] = []
    for name, data in items:
        # Lengths in between, so that bytes cannot move from one picture to the next unnoticed.
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
        chunk.append((name, data))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _decode_all(
    chunks: Iterator[list[Encoded]], smallest: int, workers: int
) -> Iterator[tuple[list[str], list[Picture | str]]]:
    if workers == 0:
        for chunk in chunks:
            yield [name for name, _ in chunk], _decode_chunk([data for _, data in chunk], smallest)
        return
    with ProcessPoolExecutor(workers) as pool:
        waiting = []
        for chunk in chunks:
            names = [name for name, _ in chunk]
            waiting.append((names, pool.submit(_decode_chunk, [data for _, data in chunk], smallest)))
            # Few in flight, or the whole encoded source would be in memory.
            if len(waiting) > 2 * workers:
                names, result = waiting.pop(0)
                yield names, result.result()
        for names, result in waiting:
            yield names, result.result()


def _decode_chunk(encoded: list[bytes], smallest: int) -> list[Picture | str]:
    return [decode(data, smallest) for data in encoded]


def decode(data: bytes, smallest: int = 1) -> Picture | str:
    """Decode one picture to `(H, W, 3)` uint8 RGB, orientation applied, or return the reason why not."""
    if not data:
        return "empty"
    try:
        picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        return f"does not decode ({error.code})"
    if picture is None:
        return "does not decode"
    if min(picture.shape[:2]) < smallest:
        return f"{picture.shape[0]}×{picture.shape[1]} (height×width) is smaller than {smallest} px"
    return np.asarray(picture, dtype=np.uint8)
