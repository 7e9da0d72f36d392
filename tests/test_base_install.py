"""The base install has no torch and starts at once: proven in processes where importing torch raises."""

import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from conftest import ROOT

NO_TORCH = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused}:
            raise AssertionError(name + " was imported")
sys.meta_path.insert(0, Refuse())
"""
EXTRAS = {"torch", "torchvision", "lightning", "skimage", "scipy", "PIL", "pandas", "matplotlib"}
HEAVY = EXTRAS | {"numpy", "cv2", "pyvips", "jpeglib", "onnxruntime", "cyclopts", "rich"}


def python(code: str, refused: set[str], cwd=None) -> None:
    text = NO_TORCH.format(refused=refused) + code
    ended = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=cwd, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("method", ["auto", "exemplar", "telea", "navier-stokes", "fsr"])
def test_a_fill_without_torch(tmp_path, method):
    python(
        f"""
import sys, cv2, numpy as np
photo = np.linspace(0, 255, 40 * 50 * 3).reshape(40, 50, 3).astype(np.uint8)
mask = np.zeros((40, 50), np.uint8); mask[10:20, 10:20] = 255
cv2.imwrite("photo.jpg", photo); cv2.imwrite("mask.png", mask)
from inpainter.apps.cli import main
sys.argv = ["inpainter", "fill", "photo.jpg", "mask.png", "--method", "{method}"]
try:
    main()
except SystemExit as left:
    assert left.code == 0, left.code
assert cv2.imread("photo-filled.jpg").shape == (40, 50, 3)
""",
        EXTRAS,
        tmp_path,
    )


def test_importing_the_package_imports_nothing_heavy():
    python("import inpainter", HEAVY)


def test_listing_methods_imports_no_method():
    python("import inpainter; inpainter.list_methods()", HEAVY - {"numpy"})


def test_help_imports_nothing_that_works_on_pictures():
    code = "import sys; sys.argv = ['inpainter', 'fill', '--help']; from inpainter.apps.cli import main"
    python(f"{code}\ntry: main()\nexcept SystemExit as left: assert left.code == 0", HEAVY - {"cyclopts", "rich"})


@pytest.mark.parametrize("option", ['metrics=("nsd",)', 'lpips_weights="none"'])
def test_a_metric_that_needs_torch_says_how_to_get_it(tmp_path, option):
    python(
        f"""
sys.meta_path.pop(0)
sys.modules["torch"] = None
import cv2, numpy as np
from inpainter.core import InputError
from inpainter.engine.evaluation import Evaluation, evaluate
from inpainter.methods import load
cv2.imwrite("p.png", np.zeros((40, 40, 3), np.uint8))
try:
    evaluate(Evaluation(methods=["telea"], data=".", {option}), load)
except InputError as error:
    assert "needs torch, which is not installed: pip install -c constraints.txt -e '.[torch]'" in str(error), error
else:
    raise AssertionError("measured without torch")
""",
        set(),
        tmp_path,
    )


def test_the_base_install_asks_for_no_torch_and_constraints_pin_every_package_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not any(name in line for line in project["dependencies"] for name in ("torch", "scikit", "scipy"))
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    names = [pin.partition("==")[0].lower() for pin in pins]
    assert all("==" in pin for pin in pins)
    assert len(names) == len(set(names))
    assert "torch==2.13.0" in pins
    # Exact versions are for constraints.txt alone: an extra that names one fits into no other environment.
    ranges = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    assert not any("==" in line.partition(";")[0] for line in ranges)


@pytest.mark.parametrize(
    ("system", "machine", "there"),
    [("linux", "x86_64", True), ("linux", "aarch64", False), ("linux", "armv7l", False), ("darwin", "arm64", True),
     ("darwin", "x86_64", True), ("win32", "AMD64", True), ("win32", "ARM64", False)],
)  # fmt: skip
def test_jpeglib_is_asked_for_where_it_has_a_wheel(system, machine, there):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = next(Requirement(line) for line in project["dependencies"] if line.startswith("jpeglib"))
    assert wanted.marker
    assert wanted.marker.evaluate({"sys_platform": system, "platform_machine": machine}) is there


def test_the_program_that_imports_it_keeps_its_environment_and_its_libvips(tmp_path):
    """Photos read and filled, after the program made its own choices."""
    python(
        """
import logging, os, pkgutil, signal, warnings
from importlib import import_module
sys.meta_path.pop(0)
import cv2, numpy as np, pyvips
def state():
    return {
        "environment": dict(os.environ),
        "libvips": (pyvips.cache_get_max(), pyvips.cache_get_max_mem(), pyvips.cache_get_max_files()),
        "signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "warnings": warnings.filters[:], "logging": logging.root.handlers[:], "numpy": np.geterr(),
        "threads": cv2.getNumThreads(), "hooks": (sys.excepthook, sys.unraisablehook),
    }
pyvips.cache_set_max(77)
cv2.imwrite("photo.jpg", np.zeros((40, 50, 3), np.uint8))
before = state()
import inpainter
for module in pkgutil.walk_packages(inpainter.__path__, "inpainter."):
    # Modules that need torch: it leaves traces of its own.
    if module.name.split(".")[1] in ("core", "photos", "masks") or module.name == "inpainter.apps.cli":
        import_module(module.name)
inpainter.fill("photo.jpg", np.eye(40, 50, dtype=bool))
after = state()
assert after == before, [name for name in before if after[name] != before[name]]
""",
        set(),
        tmp_path,
    )


def test_a_photo_that_changed_is_read_again_whatever_libvips_keeps(tmp_path):
    python(
        """
import cv2, numpy as np, pyvips, os
from pathlib import Path
pyvips.cache_set_max(100)
from inpainter.photos.photo import open_photo, load_pixels
for name, kind in (("a.jpg", "jpeg"), ("a.png", "png"), ("a.webp", "webp"), ("a.tif", "tiff"), ("a.avif", "avif")):
    for value in (10, 200):
        plain = pyvips.Image.black(64, 64, bands=3).linear(1, value).cast("uchar")
        plain.copy(interpretation="srgb").write_to_file(name)
        # As an array that was written in the same second, and of the same size.
        os.utime(name, (1, 1))
        assert abs(open_photo(Path(name)).pixels("random").avg() - value) < 4, (name, value)
""",
        set(),
        tmp_path,
    )
