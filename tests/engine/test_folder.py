"""Folders of photos: reports, restarts, pairs of photos and masks, what is left out, and being stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from conftest import Constant, Drawing
from inpainter.core import Box, InputError
from inpainter.engine import folder
from inpainter.engine.batch import FillOptions, FillReport, fill_file
from inpainter.engine.folder import Run, fill_files, fill_folder
from inpainter.engine.folder_report import REPORT, FileResult
from inpainter.engine.lock import LOCK, only_run
from inpainter.photos.mask_file import Boxes, Painted
from makers import assert_helpful, assert_nothing_left, box_mask, picture, save, save_mask

HEIGHT, WIDTH = 32, 44
MASK = box_mask(HEIGHT, WIDTH, 4, 4, 12, 16)
NAMES = ("a.png", "b.jpg", "c.tif")


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A folder of three photos, one of their masks, and a folder to write to that is not there yet."""
    photos, masks = tmp_path / "photos", tmp_path / "masks"
    photos.mkdir()
    masks.mkdir()
    for seed, name in enumerate(NAMES):
        save(photos / name, picture(HEIGHT, WIDTH, seed=seed))
        save_mask(masks / f"{Path(name).stem}.png", MASK)
    return photos, masks, tmp_path / "out"


def filled(photos, masks, out, inpainter=None, options=FillOptions(), method="constant", recursive=False, **hears):
    return fill_folder(photos, masks, Run(out, inpainter or Constant(), options, method, **hears), recursive=recursive)


def run(
    places: tuple[Path, Path, Path], options: FillOptions = FillOptions(), method: str = "constant"
) -> dict[str, str]:
    return {result.photo: result.status for result in filled(*places, options=options, method=method)}


def report_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / REPORT).read_text("utf-8").splitlines()]


def test_fills_a_folder_and_reports_each(places: tuple[Path, Path, Path]) -> None:
    photos, masks, out = places
    seen: list[tuple[str, int, int]] = []
    results = filled(
        photos, masks, out,
        on_file=lambda result, done, total: seen.append((result.photo, done, total)),
    )  # fmt: skip
    assert seen == [("a.png", 1, 3), ("b.jpg", 2, 3), ("c.tif", 3, 3)]
    assert_nothing_left(out, *NAMES, REPORT)
    assert [set(line) for line in report_of(out)] == [set(FileResult.__dataclass_fields__)] * 3
    for result, line in zip(results, report_of(out), strict=True):
        assert (line["photo"], line["status"], line["holes"], line["filled_pixels"]) == (result.photo, "filled", 1, 96)
        alone = photos.parent / f"alone-{result.photo}"
        fill_file(photos / result.photo, masks / result.mask, alone, Constant())
        assert (out / result.photo).read_bytes() == alone.read_bytes()


def test_what_a_method_says_is_in_the_report_of_a_file_and_of_a_folder(places: tuple[Path, Path, Path]) -> None:
    photos, masks, out = places
    report = fill_file(photos / "a.png", masks / "a.png", photos / "out.png", Drawing(says="made up"))
    assert report.notes == ("made up",)
    (photos / "out.png").unlink()
    filled(*places, Drawing(says="made up"))
    for line in report_of(out):
        assert line["notes"].count("made up") == 1


def test_one_mask_for_all(places: tuple[Path, Path, Path]) -> None:
    photos, masks, out = places
    assert run((photos, masks / "a.png", out)) == dict.fromkeys(NAMES, "filled")


def test_started_again_it_skips_what_is_done(places: tuple[Path, Path, Path]) -> None:
    assert run(places) == dict.fromkeys(NAMES, "filled")
    times = {name: (places[2] / name).stat().st_mtime_ns for name in NAMES}
    first = report_of(places[2])
    for _ in range(2):
        assert run(places) == dict.fromkeys(NAMES, "skipped")
    assert {name: (places[2] / name).stat().st_mtime_ns for name in NAMES} == times
    assert [line | {"status": "filled"} for line in report_of(places[2])] == first


def test_what_changed_is_noticed(places: tuple[Path, Path, Path]) -> None:
    photos, masks, out = places
    run(places)
    again = FillOptions(overwrite=True)
    assert run(places, again) == dict.fromkeys(NAMES, "skipped")

    save(photos / "a.png", picture(HEIGHT, WIDTH, seed=9))
    assert run(places, again) == {"a.png": "filled", "b.jpg": "skipped", "c.tif": "skipped"}
    save_mask(masks / "b.png", box_mask(HEIGHT, WIDTH, 4, 4, 12, 17))
    assert run(places, again) == {"a.png": "skipped", "b.jpg": "filled", "c.tif": "skipped"}
    (out / "c.tif").write_bytes(b"something else")
    assert run(places, again) == {"a.png": "skipped", "b.jpg": "skipped", "c.tif": "filled"}
    (out / "c.tif").unlink()
    assert run(places) == {"a.png": "skipped", "b.jpg": "skipped", "c.tif": "filled"}

    assert run(places, FillOptions(seed=1, overwrite=True)) == dict.fromkeys(NAMES, "filled")
    assert run(places, FillOptions(seed=1, grow=1, overwrite=True)) == dict.fromkeys(NAMES, "filled")
    other = FillOptions(seed=1, grow=1, overwrite=True)
    assert run(places, other, method="another") == dict.fromkeys(NAMES, "filled")
    assert run(places, other, method="another") == dict.fromkeys(NAMES, "skipped")


def test_a_changed_photo_does_not_replace_its_output_unasked(places: tuple[Path, Path, Path]) -> None:
    photos, _, out = places
    run(places)
    before = (out / "a.png").read_bytes()
    save(photos / "a.png", picture(HEIGHT, WIDTH, seed=9))
    results = filled(*places)
    assert [result.status for result in results] == ["failed", "skipped", "skipped"]
    assert_helpful(results[0].error, out / "a.png")
    assert (out / "a.png").read_bytes() == before
    assert run(places, FillOptions(overwrite=True))["a.png"] == "filled"


def test_times_and_names_of_files_do_not_matter(places: tuple[Path, Path, Path]) -> None:
    run(places)
    os.utime(places[0] / "a.png", (1, 1))
    shutil.copytree(places[2], places[2].with_name("moved"))
    assert run((*places[:2], places[2].with_name("moved"))) == dict.fromkeys(NAMES, "skipped")


def test_a_failing_file_is_reported_and_skipped(places: tuple[Path, Path, Path]) -> None:
    photos, masks, out = places
    whole = (photos / "b.jpg").read_bytes()
    (photos / "b.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "d.png").write_text("a letter")
    (photos / "e.png").write_bytes((photos / "a.png").read_bytes())
    save_mask(masks / "d.png", MASK)
    results = filled(photos, masks, out)
    assert {result.photo: result.status for result in results} == {
        "a.png": "filled", "b.jpg": "failed", "c.tif": "filled", "d.png": "failed", "e.png": "failed",
    }  # fmt: skip
    for result in results:
        if result.status == "failed":
            assert_helpful(result.error, photos / result.photo)
    assert_nothing_left(out, "a.png", "c.tif", REPORT)
    (photos / "b.jpg").write_bytes(whole)
    assert run(places)["b.jpg"] == "filled"


def test_several_masks_of_one_name(places: tuple[Path, Path, Path]) -> None:
    photos, masks, out = places
    save_mask(masks / "a.tif", MASK)
    result = filled(photos, masks, out)[0]
    assert result.status == "failed"
    assert_helpful(result.error, photos / "a.png", "a.tif")


def test_photos_of_one_stem_share_a_mask_and_no_output(places: tuple[Path, Path, Path]) -> None:
    photos, _, out = places
    save(photos / "a.jpg", picture(HEIGHT, WIDTH))
    assert run(places)["a.jpg"] == run(places)["a.png"].replace("skipped", "filled") == "filled"
    assert (out / "a.jpg").is_file()
    assert (out / "a.png").is_file()


def test_what_is_no_photo_is_passed_over(places: tuple[Path, Path, Path]) -> None:
    (places[0] / "notes.txt").write_text("x")
    (places[0] / "folder.png").mkdir()
    (places[0] / ".hidden").write_text("x")
    assert run(places) == dict.fromkeys(NAMES, "filled")


def test_nothing_can_start(places: tuple[Path, Path, Path], tmp_path: Path) -> None:
    photos, masks, out = places
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for arguments, named in (
        ((tmp_path / "empty", masks, out), tmp_path / "empty"),
        ((photos, tmp_path / "absent", out), tmp_path / "absent"),
        ((photos, masks, tmp_path / "file"), tmp_path / "file"),
        ((photos, masks, tmp_path / "no" / "out"), tmp_path / "no" / "out"),
        ((photos, masks, photos), photos),
        ((photos, masks, masks), masks),
    ):
        with pytest.raises(InputError) as caught:
            filled(*arguments)
        assert_helpful(caught.value, named)
    with pytest.raises(InputError, match="#ff0000"):
        filled(*places, options=FillOptions(mask_colour="puce"))
    assert not out.exists()


@pytest.mark.parametrize(
    "rest", ['{"photo": "c.t', "\n\n", "null\n[]\n3\n", '{"photo": "c.tif"}\n', "\0\0\0", "\ufffd\n"], ids=repr
)
def test_a_torn_report_is_read_as_far_as_it_goes(places: tuple[Path, Path, Path], rest: str) -> None:
    out = places[2]
    run(places)
    lines = (out / REPORT).read_text("utf-8").splitlines(keepends=True)
    (out / REPORT).write_text("".join(lines[:2]) + rest, "utf-8")
    (out / "c.tif").unlink()
    assert run(places) == {"a.png": "skipped", "b.jpg": "skipped", "c.tif": "filled"}
    assert len(report_of(out)) == 3


def test_values_of_other_kinds_in_a_report(places: tuple[Path, Path, Path]) -> None:
    run(places)
    first, *others = report_of(places[2])
    for field, value in (("photo", []), ("notes", 3), ("key", None), ("status", {}), ("output_sha256", 1)):
        lines = [json.dumps(line) for line in ({**first, field: value}, *others)]
        (places[2] / REPORT).write_text("\n".join(lines) + "\n", "utf-8")
        assert run(places, FillOptions(overwrite=True))["b.jpg"] == "skipped"


@pytest.mark.parametrize(
    "content", ['{"mine": 1}\n', "hello", "\0\1", "[" * 100_000, "null\n"], ids=lambda text: text[:12]
)
def test_a_file_that_is_not_our_report_is_not_replaced(places: tuple[Path, Path, Path], content: str) -> None:
    out = places[2]
    out.mkdir()
    (out / REPORT).write_text(content)
    with pytest.raises(InputError, match="not the report of an earlier run; move it away"):
        run(places)
    assert (out / REPORT).read_text() == content
    assert sorted(path.name for path in out.iterdir()) == [REPORT]


def test_a_report_that_is_a_link_is_not_followed(places: tuple[Path, Path, Path]) -> None:
    out = places[2]
    out.mkdir()
    before = (places[0] / "a.png").read_bytes()
    (out / REPORT).symlink_to(places[0] / "a.png")
    with pytest.raises(InputError, match="is a link"):
        run(places)
    assert (places[0] / "a.png").read_bytes() == before


def test_no_output_replaces_a_mask_the_report_or_the_lock(tmp_path: Path, places: tuple[Path, Path, Path]) -> None:
    photos, masks, out = places
    mask = tmp_path / "a.png"
    mask.write_bytes((masks / "a.png").read_bytes())
    hears = Run(tmp_path, Constant(), FillOptions(overwrite=True), "constant")
    before = mask.read_bytes()
    with pytest.raises(InputError, match="is one of the masks"):
        fill_files([photos / "a.png", photos / "b.jpg"], mask, hears)
    assert mask.read_bytes() == before
    for name in (REPORT, LOCK):
        (photos / name).write_bytes((photos / "a.png").read_bytes())
        with pytest.raises(InputError, match="is the name of the"):
            fill_files([photos / name], masks / "a.png", replace(hears, output=out))


def test_a_lock_that_holds_something_is_not_removed(places: tuple[Path, Path, Path]) -> None:
    out = places[2]
    out.mkdir()
    (out / LOCK).write_text("mine")
    run(places)
    assert (out / LOCK).read_text() == "mine"


def test_a_photo_that_was_filled_when_a_stop_came_is_recorded(places: tuple[Path, Path, Path], monkeypatch) -> None:
    """A stop between an output and its line in the report, as by a signal."""

    class Stop(BaseException):
        pass

    append, stopped = folder.append_result, []

    def stop_once(*arguments):
        if not stopped:
            stopped.append(1)
            raise Stop
        append(*arguments)

    monkeypatch.setattr(folder, "append_result", stop_once)
    with pytest.raises(Stop):
        run(places)
    monkeypatch.undo()
    assert run(places) == {"a.png": "skipped", "b.jpg": "filled", "c.tif": "filled"}


def test_what_cannot_start_gives_no_notes(places: tuple[Path, Path, Path]) -> None:
    (places[0] / "more").mkdir()
    places[2].write_text("a file")
    said: list[str] = []
    with pytest.raises(InputError):
        filled(*places, on_note=said.append)
    assert not said


def test_names_that_are_not_text(places: tuple[Path, Path, Path]) -> None:
    photos, masks, out = places
    odd = os.fsdecode(b"caf\xe9")
    try:
        (photos / "a.png").rename(photos / f"{odd}.png")
    except OSError:
        pytest.skip("this file system wants names in UTF-8")
    (masks / "a.png").rename(masks / f"{odd}.png")
    names = {f"{odd}.png": "filled", "b.jpg": "filled", "c.tif": "filled"}
    assert run(places) == names
    assert {line["photo"] for line in report_of(out)} == set(names)
    assert run(places) == dict.fromkeys(names, "skipped")


def test_a_fault_of_the_program_on_one_photo_does_not_end_the_run(places: tuple[Path, Path, Path]) -> None:
    class Broken(Constant):
        def predict(self, image, mask, work):
            if not self.seen:
                self.seen.append((image, mask, work))
                raise ZeroDivisionError("by zero")
            return super().predict(image, mask, work)

    results = filled(*places, Broken())
    assert [result.status for result in results] == ["failed", "filled", "filled"]
    assert_helpful(results[0].error, results[0].photo)
    assert "ZeroDivisionError" in results[0].error
    assert_nothing_left(places[2], REPORT, *(result.output for result in results[1:]))


SLOW = """
import signal, sys, time
sys.path.insert(0, {tests!r})
from dataclasses import replace
from pathlib import Path
from conftest import Constant
from inpainter.engine.batch import FillOptions
from inpainter.engine.folder import Run, fill_folder
class Slow(Constant):
    def predict(self, image, mask, work):
        time.sleep(0.2)
        return super().predict(image, mask, work)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
photos, masks, out = map(Path, sys.argv[1:])
fill_folder(photos, masks, Run(out, Slow(), FillOptions(), "constant"))
"""


@pytest.mark.parametrize(
    ("sign", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT), (signal.SIGKILL, -9)]
)
def test_stopped_in_the_middle_and_started_again(
    places: tuple[Path, Path, Path], sign: signal.Signals, code: int
) -> None:
    photos, masks, out = places
    for number in range(20):
        shutil.copyfile(photos / "a.png", photos / f"n{number}.png")
        shutil.copyfile(masks / "a.png", masks / f"n{number}.png")
    script = SLOW.format(tests=str(Path(__file__).parents[1]))
    words = [sys.executable, "-c", script, *map(str, places)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while len([*out.glob("*.png")]) < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(sign)
        assert process.wait(60) == code
    done = {line["photo"] for line in report_of(out)}
    found = {path.name for path in out.iterdir()} - {REPORT}
    if sign != signal.SIGKILL:
        assert not any(name.startswith(".inpainter-") for name in found)
    whole = {name for name in found if not name.startswith(".")}
    assert 2 <= len(whole) < 23
    assert done <= whole
    assert len(whole - done) <= 1
    for name in whole:
        with Image.open(out / name) as image:
            image.load()
    # A file that appeared just before its line was written counts as not done.
    statuses = run(places, FillOptions(overwrite=True))
    assert {name for name, status in statuses.items() if status == "skipped"} == done
    assert set(statuses.values()) == {"skipped", "filled"}


# ---------------------------------------------------------------- several runs into one folder


def test_the_report_keeps_what_other_runs_did(places: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, masks, out = places
    run(places)
    other = tmp_path / "other"
    other.mkdir()
    save(other / "d.png", picture(HEIGHT, WIDTH, seed=4))
    assert run((other, masks / "a.png", out)) == {"d.png": "filled"}
    assert {line["photo"]: line["status"] for line in report_of(out)} == dict.fromkeys((*NAMES, "d.png"), "filled")
    assert run(places) == dict.fromkeys(NAMES, "skipped")
    assert run((other, masks / "a.png", out)) == {"d.png": "skipped"}


def test_a_failed_run_forgets_nothing_that_is_done(places: tuple[Path, Path, Path]) -> None:
    run(places)
    assert run(places, FillOptions(seed=1)) == dict.fromkeys(NAMES, "failed")
    errors = [line["error"] for line in report_of(places[2]) if line["status"] == "failed"]
    assert all("another photo, mask, option, method or version" in error for error in errors)
    assert run(places) == dict.fromkeys(NAMES, "skipped")
    assert [line["status"] for line in report_of(places[2])] == ["skipped"] * 3


def test_another_version_fills_again(places: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    run(places)
    monkeypatch.setattr(folder, "__version__", "99.0")
    assert run(places, FillOptions(overwrite=True)) == dict.fromkeys(NAMES, "filled")


def test_two_runs_at_once_are_one_line(places: tuple[Path, Path, Path]) -> None:
    out = places[2]
    out.mkdir()
    holder = "import sys, pathlib; from inpainter.engine.lock import only_run\n"
    holder += "with only_run(pathlib.Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", holder, str(out)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"in\n"
        with pytest.raises(InputError, match="another run is writing to it") as caught:
            run(places)
        assert_helpful(caught.value, out)
        assert [path.name for path in out.iterdir()] == [LOCK]
        process.kill()
    # A run that was killed leaves the file, and no lock.
    assert (out / LOCK).exists()
    assert run(places) == dict.fromkeys(NAMES, "filled")
    assert_nothing_left(out, *NAMES, REPORT)


def test_the_lock_where_only_windows_calls_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Windows:
        LK_NBLCK, held = 2, []

        @classmethod
        def locking(cls, _file: int, how: int, length: int) -> None:
            assert (how, length) == (2, 1)
            if cls.held:
                raise PermissionError(13, "denied")
            cls.held.append(True)

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", Windows)
    with only_run(tmp_path), pytest.raises(InputError, match="another run"), only_run(tmp_path):
        pass
    assert_nothing_left(tmp_path)


# ---------------------------------------------------------------- which masks, and what is left out


@pytest.mark.parametrize("name", ["a_mask.png", "a-mask.PNG", "a.mask.webp", "A.PNG", "A_Mask.png"])
def test_ways_to_name_a_mask(places: tuple[Path, Path, Path], name: str) -> None:
    masks = places[1]
    (masks / "a.png").unlink()
    Image.fromarray(MASK).convert("RGB").save(masks / name, lossless=True)
    assert run(places)["a.png"] == "filled"


def test_a_mask_that_is_named_like_another_photo_is_that_ones(places: tuple[Path, Path, Path]) -> None:
    photos, masks, _ = places
    save(photos / "a_mask.png", picture(HEIGHT, WIDTH))
    save_mask(masks / "a_mask.png", MASK)
    assert run(places) == dict.fromkeys((*NAMES, "a_mask.png"), "filled")
    (masks / "a.png").unlink()
    assert run(places, FillOptions(overwrite=True))["a.png"] == "failed"


def test_photos_and_masks_in_one_folder_are_refused(places: tuple[Path, Path, Path]) -> None:
    photos, _, out = places
    save_mask(photos / "a_mask.png", MASK)
    with pytest.raises(InputError, match="move the masks into a folder of their own"):
        filled(photos, photos, out)
    assert not out.exists()


def test_what_is_left_out_is_said_by_kind(places: tuple[Path, Path, Path]) -> None:
    photos, _, out = places
    for name in ("1.gif", "2.GIF", "3.gif", "4.gif", "x.bmp", "._a.png", ".a.png", "notes.txt", ".DS_Store"):
        (photos / name).write_bytes(b"x")
    (photos / "more").mkdir()
    save_mask(photos / "all.png", MASK)
    said: list[str] = []
    results = filled(photos, photos / "all.png", out, on_note=said.append)
    assert [(result.photo, result.status) for result in results] == [(name, "filled") for name in NAMES]
    starts = ["1 BMP file left out (x.bmp): ", "4 GIF files left out (1.gif, 2.GIF, 3.gif, …): ",
              "1 hidden file or folder left out (.a.png): ", "1 file of macOS left out (._a.png): ",
              "1 sub-folder left out (more): pass recursive=True"]  # fmt: skip
    assert len(said) == len(starts)
    assert all(any(line.startswith(start) for line in said) for start in starts), said


def test_sub_folders_are_mirrored(places: tuple[Path, Path, Path]) -> None:
    photos, masks, _ = places
    out = photos / "filled"
    for where in (photos, masks):
        (where / "in" / "deep").mkdir(parents=True)
    save(photos / "in" / "deep" / "a.png", picture(HEIGHT, WIDTH, seed=7))
    save_mask(masks / "in" / "deep" / "a_mask.png", MASK)
    names = dict.fromkeys((*NAMES, "in/deep/a.png"), "filled")
    for status in ("filled", "skipped"):
        results = filled(photos, masks, out, recursive=True)
        assert {result.photo: result.status for result in results} == dict.fromkeys(names, status)
    assert (out / "in" / "deep" / "a.png").is_file()


def test_photos_from_several_places(places: tuple[Path, Path, Path], tmp_path: Path) -> None:
    photos, masks, out = places
    (tmp_path / "other").mkdir()
    save(tmp_path / "other" / "d.png", picture(HEIGHT, WIDTH))
    given = [photos / "a.png", tmp_path / "other" / "d.png", masks / "a.png"]
    said: list[str] = []
    asked = Run(out, Constant(), FillOptions(), "constant", on_note=said.append)
    assert [result.status for result in fill_files(given, masks / "a.png", asked)] == ["filled"] * 2
    assert said == [f"{masks / 'a.png'}: is the mask, and is not filled"]
    assert [result.status for result in fill_files(given[:2], masks / "a.png", asked)] == ["skipped"] * 2
    for bad, says in (([photos / "a.png", tmp_path / "other" / "a.png"], "same output"), ([photos], "is a folder")):
        with pytest.raises(InputError, match=says):
            fill_files(bad, masks / "a.png", asked)
    with pytest.raises(InputError, match="folder of the photos"):
        fill_files([photos / "a.png"], masks / "a.png", Run(photos, Constant(), FillOptions(), "constant"))


def test_no_photo_is_an_output(places: tuple[Path, Path, Path]) -> None:
    photos, masks, _ = places
    # Seen from its parent, the sub-folder `photos` of the photos is the folder of the photos.
    (photos / "photos").mkdir()
    save(photos / "photos" / "a.png", picture(HEIGHT, WIDTH))
    with pytest.raises(InputError, match="is one of the photos"):
        filled(photos, masks / "a.png", photos.parent, options=FillOptions(overwrite=True), recursive=True)


def test_boxes_and_painted_copies_say_where_in_many_photos(places, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, masks, out = places
    seen: list[object] = []

    def fake(photo: Path, mask: object, output: Path, *_: object, **__: object) -> FillReport:
        seen.append(mask)
        output.write_bytes(b"x")
        return FillReport(output, 1, 1, ())

    monkeypatch.setattr(folder, "fill_file", fake)
    boxes = Boxes((Box(1, 2, 3, 4), Box(5, 6, 7, 8)))
    results = filled(photos, boxes, out)
    assert seen == [boxes] * 3
    assert {result.mask for result in results} == {"1,2,3,4 5,6,7,8"}
    assert {result.status for result in filled(photos, boxes, out)} == {"skipped"}
    assert {result.status for result in filled(photos, Boxes((Box(1, 2, 3, 5),)), out)} == {"failed"}
    seen.clear()
    filled(photos, Painted(masks), out.with_name("two"))
    assert seen == [Painted(masks / f"{Path(name).stem}.png") for name in NAMES]
    with pytest.raises(InputError, match="a folder of painted copies"):
        filled(photos, Painted(masks / "a.png"), out)
