"""One file or a folder of them: reports, restarts, pairs of photos and masks, and being stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Constant, Drawing
from inpainter.core import InputError
from inpainter.engine.batch import REPORT, FileResult, FillOptions, default_output, fill_file, fill_folder
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


def run(
    places: tuple[Path, Path, Path], options: FillOptions = FillOptions(), method: str = "constant"
) -> dict[str, str]:
    return {result.photo: result.status for result in fill_folder(*places, Constant(), options, method=method)}


def report_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / REPORT).read_text("utf-8").splitlines()]


# ---------------------------------------------------------------- one file


def test_reports_holes_and_pixels(tmp_path: Path) -> None:
    photo = save(tmp_path / "photo.png", picture(200, 300))
    mask = box_mask(200, 300, 10, 10, 20, 20) | box_mask(200, 300, 150, 250, 160, 265)
    seen: list[tuple[float, float]] = []
    inpainter = Constant()
    report = fill_file(
        photo, save_mask(tmp_path / "mask.png", mask), tmp_path / "out.png", inpainter, FillOptions(seed=7),
        on_step=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert (report.holes, report.filled_pixels, report.notes) == (2, 250, ())
    assert report.output == tmp_path / "out.png"
    # In pixels, of which the first hole has 100 and the second 150.
    assert seen == [(0, 250), (100, 250), (250, 250)]
    assert [work.seed for *_, work in inpainter.seen] == [7, 7]


def test_grow_widens_the_mask(tmp_path: Path) -> None:
    photo = save(tmp_path / "photo.png", picture(HEIGHT, WIDTH))
    mask = save_mask(tmp_path / "mask.png", box_mask(HEIGHT, WIDTH, 15, 20, 16, 21))
    fill_file(photo, mask, tmp_path / "out.png", Constant(1.0), FillOptions(grow=3))
    changed = (np.asarray(Image.open(tmp_path / "out.png").copy()) == 255).all(axis=2)
    y, x = np.nonzero(changed)
    assert changed.sum() > 20
    assert (y.min(), y.max(), x.min(), x.max()) == (12, 18, 17, 23)


def test_default_output() -> None:
    assert default_output(Path("a/b.c.JPG")) == Path("a/b.c-filled.JPG")


# ---------------------------------------------------------------- folders


def test_fills_a_folder_and_reports_each(places: tuple[Path, Path, Path]) -> None:
    photos, masks, out = places
    seen: list[tuple[str, int, int]] = []
    results = fill_folder(
        photos, masks, out, Constant(), method="constant",
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
    fill_folder(*places, Drawing(says="made up"), method="drawing")
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
    results = fill_folder(*places, Constant(), method="constant")
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
    results = fill_folder(photos, masks, out, Constant(), method="constant")
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
    result = fill_folder(photos, masks, out, Constant(), method="constant")[0]
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
            fill_folder(*arguments, Constant(), method="constant")
        assert_helpful(caught.value, named)
    with pytest.raises(InputError, match="#ff0000"):
        fill_folder(*places, Constant(), FillOptions(mask_colour="puce"), method="constant")
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

    results = fill_folder(*places, Broken(), method="broken")
    assert [result.status for result in results] == ["failed", "filled", "filled"]
    assert_helpful(results[0].error, results[0].photo)
    assert "ZeroDivisionError" in results[0].error
    assert_nothing_left(places[2], REPORT, *(result.output for result in results[1:]))


SLOW = """
import signal, sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from conftest import Constant
from inpainter.engine.batch import fill_folder
class Slow(Constant):
    def predict(self, image, mask, work):
        time.sleep(0.2)
        return super().predict(image, mask, work)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
fill_folder(*map(Path, sys.argv[1:]), Slow(), method="constant")
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
        assert not any(name.endswith((".part", ".part2")) for name in found)
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
