"""What `inpainter fill` was given: photos and masks by their names, boxes, standard input and output."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from inpainter.core import Box, InputError
from inpainter.core.paths import exists, is_folder
from inpainter.engine.unnamed import as_file, unnamed_folder
from inpainter.engine.where import FileMask
from inpainter.photos.mask_file import Boxes, Painted, read_mask
from inpainter.photos.sniff import SUFFIXES, true_suffix

STREAM = "-"
"""Standard input or output; a file of that name is `./-`."""
_BOX = r"\s*-?\d+\s*(,\s*-?\d+\s*){3}"


@dataclass(frozen=True)
class Inputs:
    """The photos, and what says where to fill."""

    photos: tuple[str, ...]
    mask: FileMask | str
    """A text: standard input."""

    @property
    def folder(self) -> bool:
        """Whether they are all photos of one folder."""
        return len(self.photos) == 1 and self.photos[0] != STREAM and is_folder(self.photos[0])

    @property
    def several(self) -> bool:
        """Whether there may be more than one photo."""
        return len(self.photos) > 1 or self.folder


def read_inputs(files: Sequence[str], painted: Path | None, boxes: Sequence[str]) -> Inputs:
    """Sort what was given; raises InputError where it says two things, or too little."""
    if "" in files:
        raise InputError("a photo or mask has an empty name: give a path, or - for standard input")
    if painted and str(painted) == STREAM:
        raise InputError("--painted -: standard input can be a photo or a mask; name a file")
    if painted and boxes:
        raise InputError("--painted and --box both say where to fill: give one of them")
    if boxes and (loose := [name for name in files if re.fullmatch(_BOX, name)]):
        raise InputError(f"{loose[0]}: looks like one more box: give each with a --box of its own")
    if painted or boxes:
        option = "--painted" if painted else "--box"
        if not files:
            raise InputError(f"no photo given: inpainter fill PHOTO {option} …")
        if len(files) > 1 and _is_mask(files[-1]):
            raise InputError(f"{files[-1]} looks like a mask, and {option} says where to fill, too: give one of them")
        where = Painted(painted) if painted else Boxes(tuple(map(_box, boxes)))
        return _checked(Inputs(tuple(files), where))
    if len(files) < 2:
        given = f"{files[0]}: no mask given" if files else "no photo and no mask given"
        raise InputError(f"{given}: inpainter fill PHOTO MASK, or --painted COPY or --box X,Y,W,H instead of a mask")
    *photos, last = files
    if len(files) > 2 and Path(last).suffix.lower() in SUFFIXES and not exists(last):
        raise InputError(f"{last}: no such file: check the name of the mask, or put -o before that of the output")
    return _checked(Inputs(tuple(photos), last if last == STREAM else Path(last)))


def _checked(inputs: Inputs) -> Inputs:
    if [*inputs.photos, inputs.mask].count(STREAM) > 1:
        raise InputError("standard input can be one photo, or the mask: name files for the others")
    if STREAM in inputs.photos and len(inputs.photos) > 1:
        raise InputError("a photo from standard input has no name to be written under: fill it alone")
    return inputs


def _is_mask(name: str) -> bool:
    """Whether a file can be read as a mask, as photos cannot, and holds something to fill."""
    try:
        return name != STREAM and bool(read_mask(Path(name))[0].any())
    except InputError:
        return False


def _box(text: str) -> Box:
    if not re.fullmatch(_BOX, text):
        raise InputError(f"box {text!r}: give X,Y,WIDTH,HEIGHT in whole pixels of the upright photo, as 120,80,64,48")
    box = Box(*map(int, text.split(",")))
    if box.width < 1 or box.height < 1:
        raise InputError(f"box {text!r}: is empty; give a width and a height of 1 or more")
    return box


@contextmanager
def on_disk(inputs: Inputs) -> Iterator[tuple[list[Path], FileMask]]:
    """Give the photos and the mask as files; what comes from standard input is one for a moment."""
    with ExitStack() as stack:
        photos = [_received(stack) if photo == STREAM else Path(photo) for photo in inputs.photos]
        yield photos, _received(stack) if isinstance(inputs.mask, str) else inputs.mask


def _received(stack: ExitStack) -> Path:
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError("standard input is closed, or a terminal: send a picture to it, as by `< photo.jpg`")
    data = sys.stdin.buffer.read()
    if not data:
        raise InputError("standard input is empty: send a picture to it, as by `< photo.jpg`")
    return as_file(data, stack.enter_context(unnamed_folder()), "stdin")


def check_standard_output(as_json: bool) -> None:
    """Raise InputError where a photo cannot go to standard output."""
    if as_json:
        raise InputError("the photo and --json cannot both go to standard output: name a file with -o")
    if sys.stdout is None or sys.stdout.isatty():
        raise InputError(
            "standard output is closed, or a terminal: name a file with -o, or send it on, as by `> filled.jpg`"
        )


def output_for(photo: Path, output: str) -> Path:
    """The file to write to: the one that is named, or of a folder that one in it that has the photo's name."""
    if not output:
        raise InputError("the output has no name: name a file or a folder with -o")
    path = Path(output)
    if is_folder(path):
        return path / f"{photo.stem}{true_suffix(photo)}"
    if output.endswith(("/", os.sep)) or (not path.suffix and not exists(path)):
        raise InputError(f"{output}: no such folder, and no name of a picture: make it (mkdir -p), or add .jpg, say")
    return path


def check_not_itself(photo: Path, output: Path, folder: str) -> None:
    """Raise InputError where a folder that is named as the output is the photo's own."""
    if exists(output) and exists(photo) and is_folder(folder) and output.samefile(photo):
        raise InputError(f"{folder}: is the folder of {photo.name} itself; name another folder, or a file, with -o")
