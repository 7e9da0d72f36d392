"""The command line with several photos, streams, folders as outputs, JSON, and terminals that lack letters."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from inpainter.photos.mask_file import Boxes, Painted


@pytest.fixture
def folder(tmp_path, rng):
    """A folder with two photos and a mask of their size."""
    for name in ("a.png", "b.jpg"):
        smooth = cv2.GaussianBlur(rng.integers(0, 255, (60, 80, 3), np.uint8), (0, 0), 3)
        cv2.imwrite(str(tmp_path / name), smooth)
    mask = np.zeros((60, 80), np.uint8)
    mask[20:30, 30:45] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    return tmp_path


def fill(folder: Path, *arguments: str, method="telea", **more) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "inpainter", "fill", "-m", method, *arguments]
    more = {"stdin": subprocess.DEVNULL} | more if "input" not in more else more
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, **more)


def records(ended: subprocess.CompletedProcess) -> list[dict]:
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_several_photos_and_a_mask(folder):
    ended = fill(folder, "a.png", "b.jpg", "mask.png", "-o", "out")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout == b"2 filled; see out/report.jsonl\n"
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["a.png", "b.jpg", "report.jsonl"]
    assert b"2 skipped" in fill(folder, "b.jpg", "a.png", "mask.png", "-o", "out").stdout


def test_a_folder_as_output_takes_the_photos_name(folder):
    (folder / "out").mkdir()
    assert fill(folder, "a.png", "mask.png", "-o", "out").returncode == 0
    before = (folder / "out" / "a.png").read_bytes()
    again = fill(folder, "a.png", "mask.png", "-o", "out", "--grow", "3")
    assert (again.returncode, b"--overwrite" in again.stderr) == (2, True)
    assert (folder / "out" / "a.png").read_bytes() == before
    assert [path.name for path in (folder / "out").iterdir()] == ["a.png"]


def test_streams(folder):
    assert fill(folder, "b.jpg", "mask.png", "-o", "file.jpg").returncode == 0
    wanted = (folder / "file.jpg").read_bytes()
    photo, mask = (folder / "b.jpg").read_bytes(), (folder / "mask.png").read_bytes()
    for arguments, given in (
        (("-", "mask.png"), photo), (("b.jpg", "-", "-o", "-"), mask), (("b.jpg", "mask.png", "--output=-"), b""),
    ):  # fmt: skip
        ended = fill(folder, *arguments, input=given)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout == wanted
        assert ended.stderr.startswith(b"-: 1 hole, 150 pixels, ")
    assert fill(folder, "-", "mask.png", "-o", "two.jpg", input=photo).stdout.startswith(b"two.jpg: 1 hole")
    assert (folder / "two.jpg").read_bytes() == wanted
    # A file of that name has a path.
    shutil.copy(folder / "b.jpg", folder / "-")
    assert fill(folder, "./-", "mask.png", "-o", "three.jpg").returncode == 0
    assert (folder / "three.jpg").read_bytes() == wanted


@pytest.mark.parametrize(("given", "says"), [(b"", b"is empty"), (b"a letter", b"stdin: ")])
def test_a_stream_that_is_no_picture_is_one_line(folder, given, says):
    before = sorted(folder.iterdir())
    ended = fill(folder, "-", "mask.png", input=given)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.startswith(b"error: ")
    assert ended.stderr.count(b"\n") == 1
    assert says in ended.stderr
    assert sorted(folder.iterdir()) == before


def test_no_picture_goes_to_or_comes_from_a_terminal(folder):
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "inpainter", "fill", "-m", "telea"]
    for line, streams, says in (
        (["a.png", "mask.png", "-o", "-"], {"stdout": slave}, b"standard output is closed, or a terminal"),
        (["-", "mask.png", "-o", "x.png"], {"stdin": slave}, b"standard input is closed, or a terminal"),
    ):
        ended = subprocess.run(
            [*command, *line], cwd=folder, stderr=subprocess.PIPE, check=False, timeout=60, **streams
        )
        assert ended.returncode == 2
        assert says in ended.stderr
    os.close(slave)
    os.close(master)


def test_json_is_a_line_a_photo_and_nothing_else(folder):
    fields = {"photo", "output", "status", "holes", "filled_pixels", "seconds", "notes", "error"}
    (one,) = records(fill(folder, "a.png", "mask.png", "--json"))
    assert set(one) == fields
    assert (one["photo"], one["output"], one["status"], one["holes"], one["filled_pixels"]) == (
        "a.png", "a-filled.png", "filled", 1, 150,
    )  # fmt: skip
    failed = fill(folder, "a.png", "mask.png", "--json")
    (one,) = records(failed)
    assert (failed.returncode, set(one), one["status"]) == (2, fields, "failed")
    assert failed.stderr.decode() == f"error: {one['error']}\n"
    (folder / "photos").mkdir()
    for name in ("a.png", "b.jpg"):
        shutil.copy(folder / name, folder / "photos")
    (folder / "photos" / "c.png").write_text("no photo")
    for status in ("filled", "skipped"):
        many = fill(folder, "photos", "mask.png", "-o", "out", "--json", "-q")
        assert many.returncode == 1
        found = records(many)
        assert all(set(one) == fields for one in found)
        assert [one["status"] for one in found] == [status, status, "failed"]
        assert found[0]["photo"] == os.path.join("photos", "a.png")  # noqa: PTH118
        assert many.stderr.decode() == f"error: {found[2]['error']}\n"
    (one,) = records(fill(folder, "a.png", "mask.png", "--candidates", "2", "--json", method="auto"))
    assert set(one) == fields | {"candidates", "sheet"}
    assert [each["output"] for each in one["candidates"]] == ["a-filled-1.png", "a-filled-2.png"]


def test_quiet_says_nothing_but_errors(folder):
    empty = np.zeros((60, 80), np.uint8)
    cv2.imwrite(str(folder / "empty.png"), empty)
    ended = fill(folder, "a.png", "empty.png", "-q")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    assert fill(folder, "a.png", "empty.png", "--quiet").stderr.startswith(b"error: ")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_that_lacks_letters(folder, encoding):
    (folder / "a.png").rename(folder / "фото ×.png")
    cv2.imwrite(str(folder / "small.png"), np.full((6, 8), 0, np.uint8))
    env = os.environ | {"PYTHONIOENCODING": encoding}
    ended = fill(folder, "фото ×.png", "mask.png", env=env)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"???? " in ended.stdout
    assert (folder / "фото ×-filled.png").exists()
    assert fill(folder, "фото ×.png", "small.png", env=env).stderr.count(b"\n") == 1
    assert records(fill(folder, "фото ×.png", "mask.png", "--overwrite", "--json", env=env))[0]["photo"] == "фото ×.png"


def test_what_stands_for_a_mask_is_passed_on(folder, monkeypatch, capsys):
    from inpainter.apps import filling
    from inpainter.apps.cli import app
    from inpainter.engine.batch import FillReport

    masks = []

    def fake(photo, mask, output, *_, **__):
        masks.append(mask)
        return FillReport(output, 1, 1, ())

    monkeypatch.setattr(filling, "fill_file", fake)
    monkeypatch.chdir(folder)
    assert app(["fill", "a.png", "--box", "1,2,3,4", "--box", " 5, 6,7,8 "]) == 0
    assert app(["fill", "--painted", "mask.png", "a.png"]) == 0
    assert masks == [Boxes(((1, 2, 3, 4), (5, 6, 7, 8))), Painted(Path("mask.png"))]
    assert capsys.readouterr().out.count("a-filled.png: 1 hole, 1 pixel,") == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_standard_output_that_is_full_is_one_line(folder):
    for words in (["fill", "-m", "telea", "a.png", "mask.png", "--overwrite"], ["methods"], ["--help"], ["--version"]):
        with Path("/dev/full").open("wb") as full:
            ended = subprocess.run([sys.executable, "-m", "inpainter", *words], cwd=folder, stdout=full,
                                   stderr=subprocess.PIPE, check=False)  # fmt: skip
        assert ended.returncode == 2
        assert ended.stderr.decode().startswith("error: standard output: cannot be written (no space left")
        assert ended.stderr.count(b"\n") == 1
    assert (folder / "a-filled.png").exists()


def test_nobody_listens(folder):
    """With standard error closed, photos are filled all the same, and bad input ends in code 2."""
    command = f"{sys.executable} -m inpainter fill -m telea"
    for words, code in (("a.png mask.png -o x.png", 0), ("a.png b.jpg mask.png -o out", 0), ("none.png mask.png", 2)):
        for closed in ("2>&-", "2>/dev/full"):
            ended = subprocess.run(f"{command} {words} --overwrite {closed}", shell=True, cwd=folder, check=False)
            assert ended.returncode == code, (words, closed)
    assert (folder / "x.png").exists()
    assert (folder / "out" / "b.jpg").exists()


def test_a_box_that_reaches_beyond_the_photo_is_cut_with_a_note(folder):
    ended = fill(folder, "a.png", "--box", "70,50,40,5", "-o", "x.png")
    assert ended.returncode == 0
    assert ended.stderr == b"note: box 70,50,40,5: reaches beyond the photo, which is 80\xc3\x9760, and is cut\n"
    assert b"50 pixels" in ended.stdout
