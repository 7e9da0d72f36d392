"""Photo files with random damage, seeded: each is filled, or refused in one line that names it, and nothing else.

The corpus of the tests is what is damaged: a few bytes of the header, of a directory, or anywhere; or the end is cut
off. The checksums of PNG are made right again, so that the damage is read.
"""

import os
import random
import sys
import tempfile
import traceback
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

import measure

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from corpus.kinds import KINDS  # pyright: ignore[reportMissingImports]
from inpainter.core import Box, InputError
from inpainter.photos.photo import open_photo
from inpainter.photos.sniff import SUFFIXES
from inpainter.photos.write import Patch, write_photo

SEED, MOST_BYTES, HOLE = 0, 200_000, 8
TRIES = {"jpeg": 2000, "png": 2000, "webp": 1000, "tiff": 3000, "avif": 150}
LOSSLESS = ("png", "tiff")
OUTPUTS = (".jpg", ".png", ".webp", ".tif")


def main() -> None:
    """Try, and write results/photo_fuzz.json; the damaged files that were at fault stay in a folder that is printed."""
    folder = Path(tempfile.mkdtemp())
    result: dict[str, dict[str, int]] = {}
    for format, tries in TRIES.items():
        rng = random.Random(f"{SEED} {format}")
        files = [(kind.suffix, kind.make()) for name, kind in KINDS.items() if name.startswith(format)]
        files = [(suffix, data) for suffix, data in files if 0 < len(data) < MOST_BYTES]
        ends: Counter[str] = Counter()
        for number in range(tries):
            suffix, whole = rng.choice(files)
            photo = folder / f"{format}-{number}{suffix}"
            photo.write_bytes(damaged(whole, rng))
            output = folder / f"output{rng.choice([suffix, *OUTPUTS])}"
            end = heard(photo, output)
            ends[end] += 1
            output.unlink(missing_ok=True)
            if end in ("filled", "refused"):
                photo.unlink()
            else:
                print(photo, end)
        result[format] = {"tries": tries, **ends}
    measure.write("photo_fuzz", {"seed": SEED, "formats": result}, ("inpainter", "pyvips", "jpeglib"))


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """Change up to four bytes of a file, most often where its structure is; at times cut off its end."""
    data = bytearray(whole)
    first = int.from_bytes(data[4:8], "little" if data[:2] == b"II" else "big") if data[:2] in (b"II", b"MM") else 0
    near = range(first, min(first + 300, len(data))) if first < len(data) else range(len(data))
    places = near if rng.random() < 0.7 else range(len(data))
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.choice(places)
        data[at] = rng.choice((0, 1, 255, rng.randrange(256), data[at] ^ 1 << rng.randrange(8)))
    if rng.random() < 0.1:
        del data[rng.randrange(len(data)) :]
    at = 8 if data.startswith(b"\x89PNG") and rng.random() < 0.8 else len(data)
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 <= len(data):
            data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(data)


def heard(photo: Path, output: Path) -> str:
    """Fill, while hearing what is written to stderr by whatever library; say how it ended."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            end = filled(photo, output)
        except Exception:
            end = traceback.format_exc()
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
        said.seek(0)
        lines = said.read().decode(errors="replace")
    return end if not lines else f"{end}, and on stderr: {lines}"


def filled(path: Path, output: Path) -> str:
    """Fill a corner with black, and compare the rest where the format is lossless."""
    try:
        photo = open_photo(path, max_megapixels=1)
        box = Box(0, 0, min(HOLE, photo.width), min(HOLE, photo.height))
        samples = np.zeros_like(photo.crops([box])[0])
        write_photo(photo, output, [Patch(box, samples, np.ones(samples.shape[:2], bool))], overwrite=True)
    except InputError as error:
        return "refused" if "\n" not in str(error) and str(path) in str(error) else f"refused, but: {error}"
    if photo.format in LOSSLESS and SUFFIXES.get(output.suffix) == photo.format and photo.bands in (1, 3):
        whole = Box(0, 0, photo.width, photo.height)
        before, after = (one.crops([whole])[0] for one in (photo, open_photo(output, max_megapixels=1)))
        before[box.slices] = after[box.slices]
        if not np.array_equal(before, after):
            return "filled, but other samples changed"
    return "filled"


if __name__ == "__main__":
    main()
