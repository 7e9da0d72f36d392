"""The whole command line where nothing of the extras is installed: every line of output is meant for a person."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from inpainter.core.install import to_install
from inpainter.methods import METHODS

ABSENT = ("torch", "lightning", "safetensors", "pyarrow", "yaml", "skimage", "scipy", "PIL", "matplotlib", "datasets")
# Of a module that is None Python says what it says of one that is not installed.
SCRIPT = """
import contextlib, io, json, sys, traceback
sys.modules |= dict.fromkeys({absent!r})
from inpainter.apps.cli import main
told = []
for line in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["inpainter", *line]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as left:
            code = left.code
        except BaseException:
            code = traceback.format_exc()
    told.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(told))
"""
HELPS = [["--help"], ["-h"], [], ["help"], ["--install-completion", "--help"],
         *[[name, "--help"] for name in ("fill", "mask", "methods", "train", "evaluate")],
         *[["help", name] for name in ("fill", "train", "evaluate")]]  # fmt: skip
WORK = [["--version"], ["-V"], ["methods"], ["methods", "--json"], *[["methods", name] for name in METHODS],
        ["fill", "photo.png", "mask.png", "-m", "telea"], ["fill", "photo.png", "mask.png", "-o", "auto.png"],
        ["mask", "--kind", "lines", "--size", "20x30", "-o", "drawn.png"]]  # fmt: skip
NEED = to_install("torch")
BAD = [
    (["fil"], "did you mean fill?"), (["tran"], "did you mean train?"), (["nothing-like-it"], "lists them"),
    (["help", "evalute"], "did you mean evaluate?"), (["fill", "a", "b", "--qualty", "best"], "--quality"),
    (["fill", "photo.png", "mask.png", "-m", "partial-con"], "partial-conv"), (["methods", "tela"], "telea"),
    (["mask", "--knd", "lines"], "--kind"), (["--vesion"], "--version"),
    (["train"], NEED), (["train", "partial-conv"], NEED),
    (["train", "partial-conv", "--data", "pictures", "--out", "run"], NEED),
    (["evaluate", "--data", "pictures", "-o", "report"], NEED),
    (["fill", "photo.png", "mask.png", "-m", "partial-conv"], NEED),
    (["fill", "photo.png", "mask.png", "-m", "biharmonic"], to_install("biharmonic")),
]  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Exit code, standard output and standard error of every line."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "pictures").mkdir()
    mask = np.zeros((40, 50), np.uint8)
    mask[10:20, 10:20] = 255
    cv2.imwrite(str(folder / "mask.png"), mask)
    for name in ("photo.png", "pictures/a.png"):
        cv2.imwrite(str(folder / name), np.full((40, 50, 3), 90, np.uint8))
    lines = [*HELPS, *WORK, *[line for line, _ in BAD]]
    words = [sys.executable, "-c", SCRIPT.format(absent=ABSENT), json.dumps(lines)]
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return {" ".join(line): what for line, what in zip(lines, json.loads(ended.stdout), strict=True)}


@pytest.mark.parametrize("line", [" ".join(line) for line in HELPS])
def test_help(told, line):
    code, out, err = told[line]
    assert (code, err) == (0, "")
    assert "Usage: inpainter" in out
    if "train" in line.split() or "evaluate" in line.split():
        assert NEED in " ".join(out.split())


@pytest.mark.parametrize("line", [" ".join(line) for line in WORK])
def test_what_the_base_install_does(told, line):
    code, out, err = told[line]
    assert (code, err) == (0, "")
    assert out


@pytest.mark.parametrize(("line", "says"), BAD, ids=[" ".join(line) for line, _ in BAD])
def test_what_it_cannot_is_one_line(told, line, says):
    code, out, err = told[" ".join(line)]
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert says in err


def test_completion_can_be_installed(tmp_path):
    code = f"import sys; sys.modules |= dict.fromkeys({ABSENT!r}); from inpainter.apps.cli import main; main()"
    words = [sys.executable, "-c", code, "--install-completion", "--shell", "bash"]
    env = os.environ | {"HOME": str(tmp_path)}
    ended = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    path = ended.stdout.partition(": written")[0]
    assert path.startswith(str(tmp_path))
    checked = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
