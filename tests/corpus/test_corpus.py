"""Each kind of the corpus by the command line: filled with nothing else changed, or refused in one helpful line."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps, UnidentifiedImageError

from corpus.kinds import KINDS, SIDE
from makers import assert_helpful

FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".avif": "AVIF", ".tif": "TIFF"}
# The readers warn of what is odd in a file.
pytestmark = pytest.mark.filterwarnings("ignore")
HOLE, BLOCK = 16, 16

# All in one process, which starts once; what a library writes to its own stderr is heard, too.
RUNNER = """
import json, os, sys, tempfile, traceback
from inpainter.apps.cli import main
for line in sys.stdin:
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        sys.argv = ["inpainter", *json.loads(line)]
        try:
            code = main()
        except SystemExit as left:
            code = left.code
        except BaseException:
            code = traceback.format_exc()
        sys.stderr.flush()
        said.seek(0)
        print("\\n" + json.dumps([code, said.read().decode(errors="replace")]), flush=True)
"""


class Answer(NamedTuple):
    code: object
    said: str
    photo: Path


def span(length: int) -> tuple[int, int]:
    """A hole in the middle, so that it is the same however the picture is turned: its start and its length."""
    return ((length - HOLE) // 2, HOLE) if length > HOLE else (0, length)


def size(path: Path) -> tuple[int, int]:
    """(height, width) upright, as Pillow sees it."""
    try:
        with Image.open(path) as image:
            # Of the others all are square.
            turned = image.format in ("JPEG", "PNG", "WEBP") and image.getexif().get(0x0112, 1) > 4
            return (image.width, image.height) if turned else (image.height, image.width)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return SIDE, SIDE


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    folder = tmp_path_factory.mktemp("corpus")
    commands, photos = [], {}
    for number, (name, kind) in enumerate(KINDS.items()):
        photo = folder / f"{number}{kind.suffix}"
        photo.write_bytes(kind.make())
        (top, high), (left, wide) = map(span, size(photo))
        box = f"{left},{top},{wide},{high}"
        commands.append(json.dumps(["fill", str(photo), "--box", box, "--method", "telea"]))
        photos[name] = photo
    done = subprocess.run([sys.executable, "-c", RUNNER], input="\n".join(commands), capture_output=True, text=True)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    # Where the process died, the rest have no answer.
    found += [["the process died", done.stderr]] * (len(commands) - len(found))
    return {name: Answer(*answer, photos[name]) for (name, answer) in zip(KINDS, found, strict=True)}


def by_pillow(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        deep = image.format == "TIFF" and 16 in np.atleast_1d(image.getexif().get(258, 8))
        if deep or image.mode.startswith(("I", "F")):
            raise ValueError("not its depth")
        return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))


def by_opencv(path: Path) -> np.ndarray:
    if path.suffix == ".avif":
        raise ValueError("takes grey of limited range as it is stored, and turns twice")
    samples = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if samples is None or path.suffix == ".avif":
        raise ValueError("not read, or of AVIF without turning it and in another range")
    # Grey and colour, with or without alpha, are compared as the same.
    if samples.ndim == 2 or samples.shape[2] < 3:
        samples = cv2.cvtColor(np.ascontiguousarray(np.atleast_3d(samples)[..., :1]), cv2.COLOR_GRAY2BGR)
    return samples


def by_tifffile(path: Path) -> np.ndarray:
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        samples = page.asarray()
        if page.photometric not in (0, 1, 2, 5) or page.planarconfig == 2 or page.bitspersample < 8:
            raise ValueError("samples mean something else")
        white = page.photometric == 0
    samples = np.atleast_3d(samples)
    if white:
        samples[..., 0] = np.iinfo(samples.dtype).max - samples[..., 0]
    return samples


READERS: tuple[Callable[[Path], np.ndarray], ...] = (by_pillow, by_opencv, by_tifffile)


def seen(read: Callable[[Path], np.ndarray], path: Path) -> np.ndarray | None:
    try:
        return read(path).astype(int)
    except (ValueError, OSError, KeyError, NotImplementedError, cv2.error, tifffile.TiffFileError):
        return None


def outside(shape: tuple[int, ...], *, blocks: bool) -> np.ndarray:
    """Where nothing may change: not in the hole; of JPEG, not in blocks that the hole touches or next to them."""
    mask = np.ones(shape[:2], bool)
    (top, high), (left, wide) = map(span, shape[:2])
    bottom, right = top + high, left + wide
    if blocks:
        near = 4  # colours at half the size are blended over a block's border
        top, left = (max(0, side // BLOCK * BLOCK - near) for side in (top, left))
        bottom, right = (-(-side // BLOCK) * BLOCK + near for side in (bottom, right))
    mask[top:bottom, left:right] = False
    return mask


def told(path: Path) -> dict[object, object]:
    """What a file says of itself, by Pillow: description, camera, orientation, author, EXIF and GPS, profile, XMP."""
    try:
        with Image.open(path) as image:
            tags, info = image.getexif(), image.info
            # AVIF is written upright.
            turned = () if image.format == "AVIF" else (274,)
            found: dict[object, object] = {tag: tags.get(tag) for tag in (270, 271, 315, *turned)}
            found |= {tag: dict(tags.get_ifd(tag)) for tag in (0x8769, 0x8825)}
            found |= {"icc": info.get("icc_profile"), "xmp": info.get("xmp") or info.get("XML:com.adobe.xmp")}
            return {name: value for name, value in found.items() if value and not (name == 0x8769 and 256 in value)}
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, struct.error):
        return {}


@pytest.mark.parametrize("name", KINDS)
def test_kind(answers: dict[str, Answer], name: str) -> None:
    kind, (code, said, photo) = KINDS[name], answers[name]
    outputs = list(photo.parent.glob(f"{photo.stem}-filled.*"))
    lines = [line for line in said.splitlines() if line]
    assert code in (0, 2), said
    assert all(line.startswith(("error: ", "note: ")) for line in lines), said
    if kind.refused:
        assert (code, len(lines), outputs) == (2, 1, []), said
        assert_helpful(lines[0], photo)
        assert kind.refused in lines[0]
        return
    assert code == 0, said
    (output,) = outputs
    compared = 0
    for read in READERS:
        before, after = seen(read, photo), seen(read, output)
        if before is None or after is None or before.shape != after.shape:
            continue
        compared += 1
        where = outside(after.shape, blocks=output.suffix == ".jpg")
        difference = np.abs(after - before)[where]
        assert where.any()
        if any(words in said for words in ("encoded again", "becomes lossless")):
            assert difference.mean() <= max(kind.near, 2), (read, said)
        else:
            assert difference.max() <= kind.near, (read, said)
    assert compared, "no reader has read both"
    if output.suffix == photo.suffix:
        assert told(output) | told(photo) == told(output)
    with Image.open(output) as image:
        assert image.format == FORMATS[output.suffix]
