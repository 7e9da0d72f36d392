"""The command line: what it does, what it says, and its exit codes."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest

import inpainter
from inpainter.apps.cli import main
from inpainter.masks import KINDS
from inpainter.methods import METHODS, declared


@pytest.fixture(autouse=True)
def restored_signals():
    """Give the test process its own handlers back, which main() replaces."""
    hook = sys.unraisablehook
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    sys.unraisablehook = hook


@pytest.fixture
def folder(tmp_path, rng):
    """A folder with a photo, a mask of its size, and a smaller mask."""
    smooth = cv2.GaussianBlur(rng.integers(0, 255, (60, 80, 3), np.uint8), (0, 0), 3)
    cv2.imwrite(str(tmp_path / "photo.png"), smooth)
    mask = np.zeros((60, 80), np.uint8)
    mask[20:30, 30:45] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    cv2.imwrite(str(tmp_path / "small.png"), mask[::2, ::2])
    return tmp_path


@pytest.fixture
def run(monkeypatch, capsys, folder):
    """Run a command line in the folder; answer its exit code and what it wrote to stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["inpainter", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, said.out, said.err

    return call


LONG = "a" * 300


@pytest.mark.parametrize(
    "line",
    [
        ("fill", LONG, "mask.png"), ("fill", "photo.png", LONG), ("fill", "photo.png", "mask.png", "-m", LONG),
        ("fill", "photo.png", "mask.png", "-m", f"{LONG}.onnx"), ("fill", "photo.png", "mask.png", "-m", f"{LONG}/x"),
        ("fill", "photo.png", "mask.png", "-o", f"{LONG}.png"), ("fill", ".", LONG, "-o", "out"),
        ("fill", ".", "mask.png", "-o", LONG), ("methods", LONG), ("evaluate", "--data", LONG, "-o", "out"),
        ("evaluate", "--data", ".", "--methods", LONG, "-o", "/out"),
        ("mask", "--kind", "lines", "--size", "40x40", "-o", f"{LONG}.png"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_name_that_is_too_long_is_one_line(run, line):
    code, out, err = run(*line)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert LONG in err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("fill", "photo.png", "mask.png", "-m", ""), "no method given"),
        (("fill", "photo.png", "mask.png", "--seed", "-1"), "seed -1: give a whole number from 0 to 1844"),
        (("fill", "photo.png", "mask.png", "--max-megapixels", "nan"), "max_megapixels is nan: give a number above 0"),
        (("fill", "photo.png", "mask.png", "--grow", "1000000"), "covers the whole picture"),
        (("evaluate", "--data", "", "-o", "out"), "data '': no source is named"),
        (("evaluate", "--data", ".,", "-o", "out"), "no source is named"),
        (("evaluate", "--data", ".", "-o", "."), "lies in the folder of pictures"),
        (("evaluate", "--data", ".", "-o", "a/b"), "lies in the folder of pictures"),
        (("evaluate", "--data", "*", "-o", "out"), "neither a parquet file nor a picture|lies in the folder"),
        (("evaluate", "--data", ".", "--metrics", ",", "-o", "/out"), "no methods, masks or metrics"),
        (("evaluate", "--data", ".", "--seed", "-1", "-o", "/out"), "seed -1"),
        (("evaluate", "--data", ".", "--seed", str(2**64), "-o", "/out"), "seed 18446744073709551616"),
        (("evaluate", "--data", ".", "--first", "-1", "-o", "/out"), "first is -1: give 0 or more"),
        (("evaluate", "--data", ".", "--limit", "-1", "-o", "/out"), "limit is -1: give 1 or more"),
        (("evaluate", "--data", ".", "--size", "0", "-o", "/out"), "size is 0: give 1 or more"),
    ],
    ids=range(15),
)
def test_a_value_that_is_none_is_one_line(run, folder, line, says):
    (folder / "out").mkdir()
    code, out, err = run(*line)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert re.search(f"^error: .*({says})", err)


def test_fill_writes_beside_the_photo_and_only_inside_the_mask(run, folder):
    code, out, err = run("fill", "photo.png", "mask.png", "--method", "telea")
    assert code == 0
    assert out.startswith("photo-filled.png: 1 hole, 150 pixels")
    assert err == ""
    before, after = (cv2.imread(str(folder / name)) for name in ("photo.png", "photo-filled.png"))
    mask = cv2.imread(str(folder / "mask.png"), cv2.IMREAD_GRAYSCALE) > 0
    assert (before[~mask] == after[~mask]).all()
    assert (before[mask] != after[mask]).any()


def test_auto_is_the_default(run, folder):
    assert run("fill", "photo.png", "mask.png", "-o", "a.png")[0] == 0
    assert run("fill", "photo.png", "mask.png", "-o", "b.png", "--method", "auto")[0] == 0
    assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()


def test_grow_widens_the_hole(run):
    _, out, _ = run("fill", "photo.png", "mask.png", "-m", "telea", "--grow", "1")
    pixels = int(re.search(r"(\d+) pixels", out)[1])
    assert 150 < pixels <= 17 * 12


def test_notes_go_to_stderr(run):
    code, _, err = run("fill", "photo.png", "small.png", "--resize-mask", "-m", "telea")
    assert code == 0
    assert err == "note: small.png: scaled from 40×30 to 80×60\n"


def test_notes_of_where_texture_comes_from_are_told_like_all_others(run):
    line = ("fill", "photo.png", "mask.png", "--avoid", "small.png", "--resize-mask", "--overwrite")
    scaled = "note: small.png: scaled from 40×30 to 80×60\n"
    assert run(*line)[2] == scaled
    assert run(*line, "--source", "mask.png")[2].startswith(scaled)
    assert run(*line, "--candidates", "2")[2].startswith(scaled)
    assert run("fill", "photo.png", "small.png", *line[3:])[2] == scaled


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--source", "none.png"), "none.png: no such file"), (("--avoid", "small.png"), "the avoid mask is 40×30"),
        (("--source", "mask.png", "-m", "telea"), "cannot be restricted"), (("-m", "telea:radius=0"), "1 to 100"),
        (("--grow", "-1"), "grow -1"), (("--candidates", "2"), "nothing to choose from"),
    ],
)  # fmt: skip
def test_an_empty_mask_hides_no_bad_input(run, folder, more, says):
    cv2.imwrite(str(folder / "empty.png"), np.zeros((60, 80), np.uint8))
    before = sorted(folder.iterdir())
    code, out, err = run("fill", "photo.png", "empty.png", *more)
    assert (code, out) == (2, "")
    assert says in err
    assert sorted(folder.iterdir()) == before


BAD = [
    (["fill", "none.png", "mask.png"], "none.png: no such file"),
    (["fill", "photo.png", "none.png"], "none.png: no such file"),
    (["fill", "photo.png", "small.png"], "--resize-mask"),
    (["fill", "photo.png", "mask.png", "--method", "tela"], "telea"),
    (["fill", "photo.png", "mask.png", "--method", "none.onnx"], "none.onnx"),
    (["fill", "photo.png", "mask.png", "--mask-colour", "mauve"], "#ff0000"),
    (["fill", "photo.png", "mask.png", "--mask-colour", "alpha"], "no alpha"),
    (["fill", "photo.png", "mask.png", "-o", "photo.png"], "--overwrite"),
    (["fill", "photo.png", "mask.png", "-o", "none/out.png"], "mkdir"),
    (["fill", "photo.png", "mask.png", "-o", "out.bmp"], ".png"),
    (["fill", "photo.png", "mask.png", "--grow", "-3"], "grow"),
    (["fill", "photo.png", "mask.png", "--grow", "wide"], "grow"),
    (["mask", "--kind", "lines", "--size", "60x80", "-o", "full/"], "full: is a folder; name a file in it"),
    (["fill", "photo.png", "full/white.png"], "if it is inverted, pass --mask-colour black"),
    (["fill", "photo.png", "full/black.png", "--mask-colour", "Black"], "if it is inverted, pass --mask-colour white"),
    (["fill", "photo.png", "full/white.png", "--mask-colour", "#ffffff"], "inverted, save it the other way round"),
    (["fill", "photo.png", "mask.png", "--max-megapixels", "0.001"], "80×60 is 0.0048 megapixels, over the limit of"),
    (["fill", "photo.png", "mask.png", "--source", "small.png"], "small.png: the source mask is 40×30"),
    (["fill", "photo.png", "mask.png", "--avoid", "small.png"], "small.png: the avoid mask is 40×30"),
    *[
        (line.split(), "give a whole number, not '2.5'")
        for line in (
            "fill photo.png mask.png --grow 2.5",
            "fill photo.png mask.png --seed 2.5",
            "fill photo.png mask.png --candidates 2.5",
            "mask --kind lines --size 60x80 -o m.png --seed 2.5",
            "evaluate --data . -o out --limit 2.5",
            "evaluate --data . -o out --size 2.5",
            "evaluate --data . -o out --first 2.5",
            "evaluate --data . -o out --nsd-masks 2.5",
        )
    ],
    (["fill", "photo.png", "mask.png", "--max-megapixels", "0.001"], "--max-megapixels"),
    (["fill", ".", "mask.png"], "-o"),
    (["fill", ".", "mask.png", "-o", "."], "name another output"),
    (["fill", "photo.png"], "mask"),
    (["fil"], "no command is called 'fil': did you mean fill?"),
    (["help", "fil"], "did you mean fill?"),
    (["train", "partial-con"], "did you mean partial-conv? `inpainter train --help` lists them"),
    (["fill", "photo.png", "mask.png", "--qualty", "best"], "Unknown option: --qualty. Did you mean --quality?"),
    (["fill", "photo.png", "-", "--qualty", "best"], "Did you mean --quality?"),
    (["fill", "photo.png", "mask.png", "--seed", "-"], "give a whole number, not '-'"),
    (["fill"], "no photo and no mask given"),
    (["fill", "photo.png", "mask.png", "-o", ""], "the output has no name"),
    (["fill", "photo.png", "mask.png", "-o", ".", "--overwrite"], ".: is the folder of photo.png itself"),
    (["fill", "photo.png", "mask.png", "-o", "-", "--json"], "cannot both go to standard output"),
    (["fill", "photo.png", "mask.png", "-o", "-", "--candidates", "2"], "makes several files"),
    (["fill", "photo.png", "small.png", "mask.png"], "2 photos; name the folder to write to with -o"),
    (
        ["fill", "photo.png", "./photo.png", "--box", "1,2,3,4"],
        "2 photos (with --painted or --box all are photos); name",
    ),
    (["fill", "photo.png", "--box", "1,2,3,4", "--painted", "mask.png"], "give one of them"),
    (["fill", "--box", "1,2,3,4"], "no photo given"),
    *[
        (["fill", "photo.png", "--box", text], "box")
        for text in ("1,2,3", "1,2,3,4,5", "1,2,3.5,4", "a", "", "1,2,0,4")
    ],
    (
        ["fill", "photo.png", "mask.png", "--box", "1,2,3,4", "-o", "q.png"],
        "mask.png looks like a mask, and --box says",
    ),
    (["fill", "photo.png", "./photo.png", "--box", "1,2,3,4", "-o", "q.png"], "q.png: is the name of a picture"),
    (["fill", "photo.png", "mask.png", "q.png"], "q.png: no such file: check the name of the mask, or put -o"),
    (["fill", "photo.png", "--box", "1,2,3,4", "5,6,7,8"], "5,6,7,8: looks like one more box: give each with a --box"),
    (["fill", "phtos", "mask.png", "-o", "none"], "phtos: no such file or folder"),
    (["fill", ".", "mask.png", "-o", "q.png"], "a folder of photos are given; name a folder"),
    (["fill", "photo.png", "mask.png", "-o", "none"], "none: no such folder, and no name of a picture"),
    (["fill", "photo.png", "mask.png", "-o", "q.png/"], "q.png/: no such folder"),
    (["fill", "", ""], "an empty name"),
    (["fill", "photo.png", "--painted", "-"], "--painted -: standard input"),
    (
        ["fill", "photo.png", "--box", "1,2,3,4", "--mask-colour", "red"],
        "--mask-colour and --resize-mask are for a mask",
    ),
    (["photo.png", "mask.png"], "to fill a photo, `inpainter fill photo.png …`"),
    (["fill", "-", "-"], "standard input can be one photo, or the mask"),
    (["fill", "-", "photo.png", "mask.png", "-o", "out"], "has no name to be written under"),
    (["fill", "-", "mask.png", "-o", "full"], "has no name; name a file in it"),
    (["fill", "photo.png", "mask.png", "--recursive"], "--recursive is for"),
    (["fill", "full", "full", "-o", "out"], "move the masks into a folder of their own"),
    (["fill", "photo.png", "small.png", "none.png", "-o", "out"], "none.png: no such file"),
    (["fill", "photo.png", "full/white.png", "full/../photo.png", "mask.png", "-o", "out"], "is given twice"),
    (["fill", "photo.png", "mask.png", "--metod", "telea"], "metod"),
    (["fill", "photo.png", "mask.png", "--method", "telea:radios=4"], "radius"),
    (["fill", "photo.png", "mask.png", "--method", "telea:radius=0"], "1 to 100"),
    (["fill", "photo.png", "mask.png", "--method", "telea:radius"], "telea:name=value"),
    (["fill", "photo.png", "mask.png", "--method", "mean:radius=4"], "it has none"),
    (["fill", "photo.png", "mask.png", "--device", "tpu"], "cuda"),
    (["fill", "photo.png", "mask.png", "--quality", "good"], "balanced"),
    (["fill", "photo.png", "mask.png", "--quality", "best", "-m", "fsr"], "setting of auto"),
    (["fill", "photo.png", "mask.png", "--source", "mask.png", "-m", "fsr"], "cannot be restricted"),
    (["fill", "photo.png", "mask.png", "--source", "small.png"], "40×30"),
    (["fill", ".", "mask.png", "-o", "out", "--avoid", "mask.png"], "one by one"),
    (["fill", ".", "mask.png", "-o", "out", "--candidates", "3"], "one by one"),
    (["fill", "photo.png", "mask.png", "--candidates", "0"], "1 to 16"),
    (["fill", "photo.png", "mask.png", "--candidates", "-2"], "1 to 16"),
    (["fill", "photo.png", "mask.png", "--candidates", "17"], "1 to 16"),
    (["fill", "photo.png", "mask.png", "--candidates", "few"], "candidates"),
    (["fill", "photo.png", "mask.png", "--candidates", "2", "-m", "telea"], "the same fill from every seed"),
    (["fill", "photo.png", "small.png", "--candidates", "2"], "--resize-mask"),
    (["fill", "photo.png", "mask.png", "--candidates", "2", "-o", "out.bmp"], ".png"),
    (["fill", "photo.png", "mask.png", "--candidates", "2", "-o", "none/out.png"], "mkdir"),
    (["fill", "photo.png", "mask.png", "--device", "cuda"], "leave the device out"),
    (["methods", "teela"], "telea"),
    (["methods", ""], "no method given"),
    (["methods", "telea:radius=0"], "1 to 100"),
    (["methods", "telea:foo=1", "--json"], "it has radius"),
    (["methods", "auto:quality=nope"], "one of fast, balanced, best"),
    (["methods", "auto:"], "'auto:': a setting is missing; write auto:name=value"),
    (["methods", "auto:fast"], "'auto:fast': 'fast' is no setting; write auto:name=value"),
    (["methods", "."], "no recipe.json"),
    (["methods", "net.onnx"], "an exported model has no card"),
    (["methods", "none/weights"], "no such folder"),
    (["mask", "--kind", "blob:most=3", "--size", "60x80", "-o", "m.png"], "largest"),
    (["mask", "--kind", "lins", "--size", "60x80", "-o", "m.png"], "lines"),
    (["mask", "--kind", "lines", "--size", "60", "-o", "m.png"], "480x640"),
    (["mask", "--kind", "lines", "--size", "60x80", "-o", "m.jpg"], ".png"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_is_one_line_and_exit_code_2_and_nothing_is_written(run, folder, arguments, says):
    (folder / "full").mkdir()
    for name, value in (("white", 255), ("black", 0)):
        cv2.imwrite(str(folder / "full" / f"{name}.png"), np.full((60, 80), value, np.uint8))
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert says in err
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


def test_one_pixel_is_one(run, folder):
    for count, said in ((1, "1 hole, 1 pixel,"), (2, "1 hole, 2 pixels,")):
        mask = np.zeros((60, 80), np.uint8)
        mask[5, 5 : 5 + count] = 255
        cv2.imwrite(str(folder / "few.png"), mask)
        assert said in run("fill", "photo.png", "few.png", "-m", "telea", "--overwrite")[1]


def test_a_mask_that_covers_most_is_told_of_with_the_other_colour(run, folder):
    for name, other in (("white", "black"), ("black", "white")):
        most = np.full((60, 80), 255 if name == "white" else 0, np.uint8)
        most[:, :4] = 255 - most[0, 0]
        cv2.imwrite(str(folder / "most.png"), most)
        line = ("fill", "photo.png", "most.png", "--mask-colour", name, "-m", "telea", "--overwrite")
        assert f"95% of the photo is to be filled; if the mask is inverted, pass --mask-colour {other}" in run(*line)[2]


def test_debug_shows_the_trace(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["inpainter", "fill", "none.png", "none.png", "--debug"])
    with pytest.raises(inpainter.core.InputError):
        main()


def test_an_existing_output_stays_unless_asked(run, folder):
    (folder / "photo-filled.png").write_text("precious")
    code, _, err = run("fill", "photo.png", "mask.png", "-m", "telea")
    assert code == 2
    assert "--overwrite" in err
    assert (folder / "photo-filled.png").read_text() == "precious"
    assert run("fill", "photo.png", "mask.png", "-m", "telea", "--overwrite")[0] == 0
    assert cv2.imread(str(folder / "photo-filled.png")) is not None


def test_a_folder_reports_what_failed_and_goes_on(run, folder):
    photos, masks = folder / "photos", folder / "masks"
    photos.mkdir()
    masks.mkdir()
    for name in ("a", "b"):
        shutil.copy(folder / "photo.png", photos / f"{name}.png")
        shutil.copy(folder / "mask.png", masks / f"{name}.png")
    (photos / "c.jpg").write_text("no photo")
    shutil.copy(folder / "mask.png", masks / "c.png")
    code, out, err = run("fill", "photos", "masks", "-o", "out", "-m", "telea")
    assert code == 1
    assert "2 filled, 1 failed" in out
    assert "c.jpg" in err
    lines = [json.loads(line) for line in (folder / "out" / "report.jsonl").read_text().splitlines()]
    assert [(line["photo"], line["status"]) for line in lines] == [
        ("a.png", "filled"),
        ("b.png", "filled"),
        ("c.jpg", "failed"),
    ]
    code, out, _ = run("fill", "photos", "masks", "-o", "out", "-m", "telea")
    assert code == 1
    assert "2 skipped, 1 failed" in out


def test_mask_draws_what_the_library_draws(run, folder):
    assert run("mask", "--kind", "strokes", "--size", "60x80", "--seed", "5", "-o", "m.png")[0] == 0
    drawn = cv2.imread(str(folder / "m.png"), cv2.IMREAD_UNCHANGED)
    assert (drawn == KINDS["strokes"](seed=5)(60, 80) * 255).all()


def test_help_of_mask_names_every_kind(run):
    _, out, _ = run("mask", "--help")
    words = set(re.findall(r"[a-z]+", out))
    assert set(KINDS) <= words


def test_methods_lists_every_method(run):
    code, out, _ = run("methods")
    assert code == 0
    assert all(name in out for name in METHODS)
    code, out, _ = run("methods", "--json")
    cards = json.loads(out)
    assert [card["name"] for card in cards] == list(METHODS)
    assert all(card["summary"] and card["source"] and card["good_for"] and card["bad_for"] for card in cards)


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(run, flag):
    assert run(flag) == (0, f"{inpainter.__version__}\n", "")


def test_help_is_a_command_too(run):
    for line in ((), ("fill",), ("train",)):
        assert run("help", *line) == run(*line, "--help")


def test_a_closed_pipe_is_no_trace():
    script = Path(sys.executable).with_name("inpainter")
    ended = subprocess.run(f"'{script}' methods | true", shell=True, capture_output=True, text=True, check=False)
    assert ended.stderr == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_stopped_run_leaves_nothing_half_written(folder, number, code):
    """A folder of many photos, stopped in the middle: whole outputs, a readable report, no temporary file."""
    photos, out = folder / "photos", folder / "out"
    photos.mkdir()
    for index in range(400):
        os.link(folder / "photo.png", photos / f"{index:03}.png")
    command = [sys.executable, "-m", "inpainter", "fill", photos, folder / "mask.png", "-o", out, "-m", "telea"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    while process.poll() is None and (not out.exists() or len(list(out.glob("*.png"))) < 3):
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert err == b"stopped; nothing half-written is left\n"
    written = sorted(path.name for path in out.iterdir())
    assert all(re.fullmatch(r"\d{3}\.png|report\.jsonl", name) for name in written), written
    assert 3 <= len(written) - 1 < 400
    assert all(cv2.imread(str(path)) is not None for path in out.glob("*.png"))
    lines = [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]
    assert {line["photo"] for line in lines} <= set(written)
    assert len(lines) >= len(written) - 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_imports_is_one_line(tmp_path, number):
    (tmp_path / "cyclopts.py").write_text(f"import os; os.kill(os.getpid(), {number})")
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "inpainter", "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": paths})
    assert (ended.returncode, ended.stdout) == (128 + number, "")
    assert ended.stderr == "stopped; nothing half-written is left\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_when_all_is_done_changes_nothing(folder, number):
    late = f"import atexit, os\natexit.register(os.kill, os.getpid(), {number})\n" + SLOW.replace("0.1", "0")
    command = [sys.executable, "-c", late, "fill", "photo.png", "mask.png", "-m", "telea"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (folder / "photo-filled.png").exists()


def test_what_nohup_ignores_stays_ignored(folder):
    ignoring = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    ignoring += SLOW.replace("time.sleep(0.1)", "signal.raise_signal(signal.SIGHUP)")
    command = [sys.executable, "-c", ignoring, "fill", "photo.png", "mask.png", "-m", "telea"]
    assert subprocess.run(command, cwd=folder, check=False).returncode == 0


def test_a_method_is_told_its_settings(run, folder):
    assert run("fill", "photo.png", "mask.png", "-m", "telea:radius=9", "-o", "wide.png")[0] == 0
    image = cv2.imread(str(folder / "photo.png"))
    mask = cv2.imread(str(folder / "mask.png"), cv2.IMREAD_GRAYSCALE)
    wanted = inpainter.load("telea", radius=9).fill(image[..., ::-1].copy(), mask)
    assert (cv2.imread(str(folder / "wide.png"))[..., ::-1] == wanted).all()


def test_a_mask_kind_is_told_its_fields(run, folder):
    assert run("mask", "--kind", "centre:side=10", "--size", "60x80", "-o", "m.png")[0] == 0
    assert (cv2.imread(str(folder / "m.png"), cv2.IMREAD_GRAYSCALE) > 0).sum() == 100


def test_methods_takes_a_folder_of_weights_and_settings_as_fill_does(run, folder):
    (folder / "w").mkdir()
    (folder / "w" / "recipe.json").write_text('{"method": "partial-conv", "recipe": {}, "sha256": ""}')
    assert run("methods", "w") == run("methods", "./w") == run("methods", "partial-conv")
    assert run("methods", "w", "--json") == run("methods", "partial-conv", "--json")
    assert run("methods", "telea:radius=7") == run("methods", "telea")
    assert run("methods", "w:radius=7")[0] == 2


@pytest.mark.parametrize("name", METHODS)
def test_methods_says_all_about_one(run, name):
    code, out, err = run("methods", name)
    assert (code, err) == (0, "")
    card = json.loads(run("methods", name, "--json")[1])
    for words in ("summary", "source", "good_for", "bad_for"):
        assert card[words] in out
    assert f"can be restricted in where it copies texture from: {'yes' if card['uses_source'] else 'no'}" in out
    assert f"makes another fill from another seed: {'yes' if card['draws'] else 'no'}" in out
    for setting in card["settings"]:
        assert f"{name}:{setting['name']}={setting['default']}" in out
        assert setting["what"] in out
    assert [setting["name"] for setting in card["settings"]] == [
        field.name for field in fields(declared(name).settings)
    ]


def test_methods_takes_a_name_with_settings(run):
    assert run("methods", "telea:radius=5") == run("methods", "telea")
    assert run("methods", "telea:radius=5", "--json") == run("methods", "telea", "--json")


def test_methods_of_a_missing_extra_says_how_to_get_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setattr("inpainter.methods.find_spec", lambda name: None)
    code, out, _ = run("methods", "biharmonic")
    assert code == 0
    assert METHODS["biharmonic"].summary in out
    assert "pip install -c constraints.txt -e '.[biharmonic]'" in out


def test_methods_say_which_are_ready(run, monkeypatch, tmp_path):
    monkeypatch.setenv("INPAINTER_WEIGHTS", str(tmp_path))
    described = {each["name"]: each for each in json.loads(run("methods", "--json")[1])}
    assert all(each["installed"] for each in described.values())
    assert {name for name, each in described.items() if each["ready"]} == {
        name for name, entry in METHODS.items() if not entry.weights
    }
    for words in (("methods",), ("methods", "cascade")):
        code, out, _ = run(*words)
        assert code == 0
        assert "INPAINTER_WEIGHTS" in out


SLOW = """
import sys, time
from inpainter.methods import classical
from inpainter.apps.cli import main
march = classical.Marching.predict
def slow(self, image, mask, work):
    for i in range(10):
        work.step(i, 10)
        time.sleep(0.1)
    return march(self, image, mask, work)
classical.Marching.predict = slow
sys.argv[0] = "inpainter"
main()
"""


def test_a_single_photo_has_a_bar_on_a_terminal_and_none_elsewhere(folder):
    command = [sys.executable, "-c", SLOW, "fill", "photo.png", "mask.png", "-m", "telea", "--overwrite"]
    master, slave = os.openpty()
    with subprocess.Popen(command, cwd=folder, stderr=slave, stdout=subprocess.PIPE) as process:
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):
            while part := os.read(master, 4096):
                shown += part
        assert process.stdout.read().startswith(b"photo-filled.png: 1 hole, 150 pixels")
    assert process.returncode == 0
    percent = [int(found) for found in re.findall(rb"(\d+)%", shown)]
    assert any(0 < p < 100 for p in percent)
    assert max(percent) >= 80
    assert sorted(percent) == percent
    assert b"0:00:01" in shown
    quiet = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    assert quiet.stderr == b""


def interrupted(command: list[str], folder: Path) -> None:
    """Run a command in a folder and press Ctrl-C in the midst of it: it stops, and leaves nothing behind."""
    before = sorted(path.name for path in folder.iterdir())
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
    assert process.returncode == 130
    assert "nothing half-written" in said
    assert sorted(path.name for path in folder.iterdir()) == before


def test_ctrl_c_in_a_long_method_leaves_nothing_behind(folder):
    command = [sys.executable, "-c", SLOW.replace("0.1", "2"), "fill", "photo.png", "mask.png", "-m", "telea"]
    interrupted(command, folder)


def test_quality_and_where_to_take_texture_from_on_the_command_line(run, folder):
    image = cv2.imread(str(folder / "photo.png"))
    mask = cv2.imread(str(folder / "mask.png"), cv2.IMREAD_GRAYSCALE)
    left = np.zeros_like(mask)
    left[:, :40] = 255
    cv2.imwrite(str(folder / "left.png"), left)
    for options, more in (
        (["--quality", "fast"], {"method": "auto:quality=fast"}),
        (["--source", "left.png"], {"source": left}),
        (["--avoid", "left.png"], {"avoid": left}),
    ):
        assert run("fill", "photo.png", "mask.png", "-o", "out.png", "--overwrite", *options)[0] == 0
        wanted = inpainter.fill(image[..., ::-1].copy(), mask, **more)
        assert (cv2.imread(str(folder / "out.png"))[..., ::-1] == wanted).all()


def test_candidates_are_files_best_first_and_a_sheet(run, folder):
    code, out, err = run("fill", "photo.png", "mask.png", "--candidates", "3", "--seed", "4")
    assert (code, err) == (0, "")
    *lines, last = out.splitlines()
    told = [re.fullmatch(r"photo-filled-(\d)\.png: seed (\d), energy ([\d.e+]+)", line) for line in lines]
    assert [int(line[1]) for line in told] == [1, 2, 3]
    assert sorted(int(line[2]) for line in told) == [4, 5, 6]
    energies = [float(line[3]) for line in told]
    assert energies == sorted(energies)
    assert re.fullmatch(r"photo-candidates\.png: 3 candidates, 150 pixels, [\d.]+ s", last)
    for line in told:
        assert run("fill", "photo.png", "mask.png", "--seed", line[2], "-o", "one.png", "--overwrite")[0] == 0
        assert (folder / "one.png").read_bytes() == (folder / f"photo-filled-{line[1]}.png").read_bytes()
    assert cv2.imread(str(folder / "photo-candidates.png")).shape[1] > 500


@pytest.mark.parametrize("name", ["out-1.jpg", "out-2.jpg", "out-candidates.png"])
def test_of_candidates_no_file_is_overwritten_unless_asked(run, folder, name):
    (folder / name).write_text("precious")
    line = ("fill", "photo.png", "mask.png", "--candidates", "2", "-o", "out.jpg")
    before = sorted(path.name for path in folder.iterdir())
    code, out, err = run(*line)
    assert (code, out) == (2, "")
    assert re.fullmatch(f"error: {name}: exists already.*--overwrite\n", err)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert run(*line, "--overwrite")[0] == 0
    assert cv2.imread(str(folder / name)) is not None


def test_a_note_of_a_method_is_told(run, folder):
    cv2.imwrite(str(folder / "none.png"), np.zeros((60, 80), np.uint8))
    smooth = "note: too little is left to take texture from: the fill is smooth\n"
    assert run("fill", "photo.png", "mask.png", "--source", "none.png", "-o", "a.png")[2] == smooth
    code, _, err = run("fill", "photo.png", "mask.png", "--source", "none.png", "--candidates", "2")
    assert code == 0
    assert err == smooth + "note: all 2 fills are the same: another seed changes nothing here\n"


def test_a_signal_in_a_moment_that_drops_exceptions_is_told_of_as_any(folder):
    dropping = SLOW.replace("time.sleep(0.1)", "Dropping()").replace(
        "import sys, time", """
import signal, sys
class Dropping:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
""")  # fmt: skip
    command = [sys.executable, "-c", dropping, "fill", "photo.png", "mask.png", "-m", "telea"]
    before = sorted(path.name for path in folder.iterdir())
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (143, "stopped; nothing half-written is left\n")
    assert sorted(path.name for path in folder.iterdir()) == before


def test_ctrl_c_among_candidates_leaves_nothing_behind(folder):
    slow = SLOW.replace("0.1", "2").replace("main()", "classical.TELEA.card.__dict__['draws'] = True\nmain()")
    command = [sys.executable, "-c", slow, "fill", "photo.png", "mask.png", "-m", "telea", "--candidates", "3"]
    interrupted(command, folder)


def test_the_size_of_a_mask_may_be_that_of_a_photo(run, folder):
    """The photo is 80 wide and 60 high."""
    run("mask", "--kind", "lines", "--size", "photo.png", "-o", "drawn.png")
    assert cv2.imread(str(folder / "drawn.png")).shape[:2] == cv2.imread(str(folder / "photo.png")).shape[:2]
