"""The wheel: what is in it, and that it runs where there is no source around it. `make package` tries more."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

from conftest import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built of a copy, so that the build leaves nothing in the source."""
    place = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, place)
    (place / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "pypi.md", place / "docs")
    shutil.copytree(ROOT / "src", place / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place / "dist", place]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return next((place / "dist").glob("*.whl"))


def test_it_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    package = {name for name in names if ".dist-info/" not in name}
    assert package == {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "inpainter").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert "inpainter/py.typed" in package
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_its_metadata_reads_well_on_a_package_index(wheel):
    archive = zipfile.ZipFile(wheel)
    name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
    metadata = message_from_string(archive.read(name).decode())
    assert metadata["Author"] == "inpainter contributors"
    assert metadata["Description-Content-Type"] == "text/markdown"
    text = str(metadata.get_payload())
    assert text.startswith("# inpainter")
    # A package index knows no place that a relative link or picture could be relative to.
    assert not [target for target in re.findall(r"\]\(([^)]+)\)|(?:src|href)=", text) if "://" not in target]
    needed = metadata.get_all("Requires-Dist") or []
    assert not any("torch" in line and "extra ==" not in line for line in needed)
    assert any(line.startswith("jpeglib") and "platform_machine" in line for line in needed)


def test_it_runs_outside_the_source_and_knows_what_is_missing(wheel, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    shutil.copy(ROOT / "demo" / "photo.jpg", tmp_path)
    shutil.copy(ROOT / "demo" / "mask.png", tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "INPAINTER_WEIGHTS"}
    without_torch = "import sys; sys.modules['torch'] = None; from inpainter.__main__ import main; main()"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", without_torch, *words]
        return subprocess.run(
            command, cwd=tmp_path, env=environment | {"PYTHONPATH": str(site)}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    version = tomllib.loads("v = " + (site / "inpainter" / "_version.py").read_text().partition("= ")[2])["v"]
    assert run("--version").stdout.strip() == version
    assert "pip install 'inpainter[torch]'" in run("methods", "cascade").stdout
    described = {each["name"]: each for each in json.loads(run("methods", "--json").stdout)}
    assert described["auto"]["ready"]
    assert not described["cascade"]["ready"]
    assert run("fill", "photo.jpg", "mask.png", "-o", "filled.jpg").returncode == 0
    ended = run("fill", "photo.jpg", "mask.png", "-o", "no.jpg", "-m", "cascade")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "pip install 'inpainter[torch]'" in ended.stderr
    assert not (tmp_path / "no.jpg").exists()
