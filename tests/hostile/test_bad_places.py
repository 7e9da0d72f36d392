"""Places that cannot be written to, full disks and stops: one helpful line, nothing half-written."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from conftest import Constant
from hostile_files import HEIGHT, KINDS, WIDTH, make, refused, size_of
from inpainter.core import InputError
from inpainter.engine.batch import FillOptions, fill_file
from inpainter.photos.photo import open_photo
from makers import (
    assert_helpful,
    assert_nothing_left,
    box_mask,
    save,
    save_mask,
)  # fmt: skip

# ---------------------------------------------------------------- places to write to


def test_places_that_cannot_be_written_to(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    assert "does not exist" in refused(photo, mask, folder / "absent" / "out.png", folder / "absent" / "out.png")
    assert "not a folder" in refused(photo, mask, photo / "out.png", photo / "out.png")
    (folder / "taken.png").mkdir()
    assert "folder" in refused(photo, mask, folder / "taken.png", folder / "taken.png")
    assert "suffix" in refused(photo, mask, folder / "out.gif", folder / "out.gif")
    assert "suffix" in refused(photo, mask, folder / "out", folder / "out")
    assert "file name too long" in refused(photo, mask, folder / ("n" * 300 + ".png"), "n" * 100)


def test_a_folder_that_may_not_be_written_to(folder: Path, mask: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = make(mask.parent, ".png")
    folder.chmod(0o500)
    if os.geteuid() == 0:  # nobody can forbid the superuser to write: pretend
        monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != folder)
    assert "permission" in refused(photo, mask, folder / "out.png", folder / "out.png")


def test_a_permission_that_is_taken_away_in_between(folder: Path, mask: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = make(mask.parent, ".png")
    monkeypatch.setattr(os, "open", Mock(side_effect=PermissionError(13, "Permission denied")))
    assert "permission denied" in refused(photo, mask, folder / "out.png", folder / "out.png")


def test_special_files_are_not_replaced(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    os.mkfifo(folder / "pipe.png")
    with pytest.raises(InputError) as caught:
        fill_file(photo, mask, folder / "pipe.png", Constant(), FillOptions(overwrite=True))
    assert_helpful(caught.value, folder / "pipe.png")
    assert (folder / "pipe.png").is_fifo()


def test_output_that_is_the_input_or_exists(folder: Path, mask: Path) -> None:
    photo = make(folder, ".png")
    assert "its own input" in refused(photo, mask, photo, photo)
    assert "its own input" in refused(photo, mask, mask, mask)
    (folder / "out.png").write_bytes(b"mine")
    assert "overwrite=True" in refused(photo, mask, folder / "out.png", folder / "out.png")
    (folder / "link.png").symlink_to(photo)
    assert "its own input" in refused(photo, mask, folder / "link.png", folder / "link.png")
    os.link(photo, folder / "hard.png")
    assert "its own input" in refused(photo, mask, folder / "hard.png", folder / "hard.png")
    (folder / "dangling.png").symlink_to(folder / "absent.png")
    assert "exists" in refused(photo, mask, folder / "dangling.png", folder / "dangling.png")


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_can_replace_itself_when_asked(folder: Path, mask: Path, kind: str) -> None:
    photo = make(folder, kind)
    expected = folder / f"elsewhere{photo.suffix}"
    fill_file(photo, mask, expected, Constant())
    photo.chmod(0o640)
    fill_file(photo, mask, photo, Constant(), FillOptions(overwrite=True))
    assert photo.read_bytes() == expected.read_bytes()
    assert photo.stat().st_mode & 0o777 == 0o640
    assert_nothing_left(folder, photo.name, expected.name)


@pytest.mark.parametrize(
    "name",
    ["-o.png", "a b's \"c\".png", "[page=1].png", "photo.png[page=1].png", "é漢😀.png", "%d%s.png",
     "😀" * 61 + ".png", "e" * 251 + ".png", "#ff0000.PNG"],
    ids=["dash", "quotes", "options", "suffixed", "script", "format", "bytes", "long", "colour"],
)  # fmt: skip
def test_odd_names(folder: Path, mask: Path, name: str) -> None:
    photo = make(folder, ".png").rename(folder / name)
    (folder / "out").mkdir()
    odd_mask = folder / "out" / f"m{name[-8:]}"
    shutil.copyfile(mask, odd_mask)
    fill_file(photo, odd_mask, folder / "out" / name, Constant())
    assert size_of(folder / "out" / name) == ("PNG", (WIDTH, HEIGHT))
    assert_nothing_left(folder / "out", name, odd_mask.name)


def test_a_name_that_is_not_text(folder: Path, mask: Path) -> None:
    photo = folder / os.fsdecode(b"caf\xe9.png")
    try:
        make(folder, ".png").rename(photo)
    except OSError:
        pytest.skip("this file system wants names in UTF-8")
    output = folder / os.fsdecode(b"caf\xe9-filled.png")
    fill_file(photo, mask, output, Constant())
    assert output.is_file()


def test_two_names_on_two_lines(folder: Path, mask: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_photo(folder / "a\nb.png")
    assert "no such file" in str(caught.value)


# ---------------------------------------------------------------- the disk


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_full_disk(folder: Path, mask: Path, kind: str, overwrite: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = make(folder, kind)
    output = folder / f"out{photo.suffix}"
    if overwrite:
        output.write_bytes(b"mine")
    monkeypatch.setattr(os, "fsync", full)
    line = refused(photo, mask, output, output, overwrite=overwrite)
    assert "disk is full" in line


LIMITED = """
import resource, signal, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from conftest import Constant
from inpainter.core import InputError
from inpainter.engine.batch import FillOptions, fill_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
for photo in sys.argv[2:]:
    photo = Path(photo)
    try:
        fill_file(photo, Path(sys.argv[1]), photo.parent / "out" / photo.name, Constant())
        print("written")
    except InputError as error:
        print(error)
"""


def test_a_writer_that_is_stopped_half_way(folder: Path, mask: Path) -> None:
    """A limit on the size of files fails in the middle of encoding, inside libvips and libjpeg too."""
    photos = []
    for kind in KINDS:
        noise = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
        options = {"lossless": True} if kind == ".webp" else {"effort": 1} if "avif" in kind else {}
        options |= {"interlace": True} if "progressive" in kind else {"compression": "lzw"} if "lzw" in kind else {}
        samples = noise.astype(np.uint16) * 257 if "16" in kind else noise
        photos.append(save(folder / f"photo-{kind}", samples, **options))
    (folder / "out").mkdir()
    hole = save_mask(mask.parent / "hole.png", box_mask(96, 96, 4, 4, 20, 20))
    script = LIMITED.format(tests=str(Path(__file__).parents[1]))
    (folder / "temporary").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, str(hole), *map(str, photos)],
        capture_output=True,
        text=True,
        env=os.environ | {"TMPDIR": str(folder / "temporary")},
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(photos)
    for photo, line in zip(photos, lines, strict=True):
        # The blocks of a JPEG pass through a temporary file elsewhere, which meets the limit before the output does.
        assert_helpful(line, photo.name)
        assert ".inpainter-" not in line
    assert_nothing_left(folder / "out")


def test_losing_a_race_for_the_name(folder: Path, mask: Path) -> None:
    photo, output = make(folder, ".png"), folder / "out.png"

    class Racer(Constant):
        def predict(self, image, mask, seed):
            output.write_bytes(b"somebody else's")
            return super().predict(image, mask, seed)

    with pytest.raises(InputError) as caught:
        fill_file(photo, mask, output, Racer())
    assert_helpful(caught.value, output)
    assert output.read_bytes() == b"somebody else's"
    assert_nothing_left(folder, "photo.png", "out.png")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_stopped_in_the_middle_of_a_fill(folder: Path, mask: Path, stop: type[BaseException]) -> None:
    photo = make(folder, ".png")

    class Stopper(Constant):
        def predict(self, image, mask, seed):
            raise stop

    with pytest.raises(stop):
        fill_file(photo, mask, folder / "out.png", Stopper())
    assert_nothing_left(folder, "photo.png")


# ---------------------------------------------------------------- the command line


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "inpainter", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def bad_calls(folder: Path, mask: Path) -> dict[str, tuple[list[object], Path]]:
    """Arguments and the file that the line must name, by what is wrong."""
    photo = make(folder, ".jpg")
    cut = folder / "cut.jpg"
    cut.write_bytes(photo.read_bytes()[:-300])
    (folder / "letter.jpg").write_text("dear reader")
    return {
        "missing": ([folder / "absent.jpg", mask], folder / "absent.jpg"),
        "text": ([folder / "letter.jpg", mask], folder / "letter.jpg"),
        "cut": ([cut, mask], cut),
        "place": ([photo, mask, "-o", folder / "no" / "out.jpg"], folder / "no" / "out.jpg"),
        "itself": ([photo, mask, "-o", photo], photo),
    }


@pytest.mark.parametrize("wrong", ["missing", "text", "cut", "place", "itself"])
def test_the_command_line_says_one_line_and_ends_with_2(folder: Path, mask: Path, wrong: str) -> None:
    pytest.importorskip("inpainter.methods.classical")
    arguments, named = bad_calls(folder, mask)[wrong]
    before = sorted(folder.iterdir())
    done = command("fill", *arguments, "--method", "telea")
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")
    assert_helpful(done.stderr.removeprefix("error: ").rstrip("\n"), named)
    assert sorted(folder.iterdir()) == before
