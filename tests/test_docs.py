"""The documents agree with the code and with what was measured, and what they tell people to type works."""

import math
import re
import shlex
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from conftest import ROOT
from costs import FIGURE, drawn
from inpainter.engine.checkpoint import save_pretrained, trainable
from inpainter.engine.training import train
from inpainter.methods import METHODS, card
from readme import PAGES, filled_in, result
from ready import SMALL
from trainings import TRAININGS, job

README = (ROOT / "README.md").read_text()


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_have_the_numbers_of_the_result_files(page):
    assert filled_in(page.read_text()) == page.read_text(), "run benchmarks/readme.py"


def test_the_figure_of_costs_shows_the_result_file():
    assert FIGURE.read_text() == drawn(result("costs")), "run benchmarks/costs.py draw"


def test_pictures_are_small_and_say_where_they_are_from():
    told = (FIGURE.parent / "README.md").read_text()
    for path in FIGURE.parent.iterdir():
        assert path.stat().st_size < 60_000
        assert path.name in told or path.name == "README.md"


@pytest.fixture
def project(tmp_path):
    """A folder as a user has it after `make demo`, with two folders of photos and masks."""
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    for folder, source in (("photos", "demo/photo.jpg"), ("masks", "demo/mask.png")):
        (tmp_path / folder).mkdir()
        for stem in ("a", "b"):
            picture = cv2.imread(str(ROOT / source))[100:250, 150:300]
            cv2.imwrite(str(tmp_path / folder / f"{stem}.png"), picture)
    return tmp_path


def test_readme_commands_run(project):
    # A service runs until it is stopped: tests/apps/server and tests/browser run it.
    lines = [line for block in blocks("sh") for line in block.splitlines() if re.match("inpainter (?!serve)", line)]
    assert len(lines) >= 5
    for line in lines:
        command = [sys.executable, "-m", *shlex.split(line)]
        subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=120)
    made = {
        "filled.jpg",
        "filled.png",
        "strokes.png",
        "filled/a.png",
        "filled/b.png",
        "filled/report.jsonl",
        "report/report.html",
    }
    assert all((project / name).exists() for name in made | {"report/report.html", "runs/first/weights/README.md"})


@pytest.mark.parametrize("page", ["README.md", "docs/masks.md"])
def test_python_of_the_pages_runs(project, page):
    for block in blocks("python", (ROOT / page).read_text()):
        subprocess.run([sys.executable, "-c", block], cwd=project, check=True, timeout=120)


@pytest.mark.parametrize("page", ["nsd.md", "pypi.md"])
def test_python_of_other_pages_runs(project, page):
    for block in blocks("python", (ROOT / "docs" / page).read_text()):
        subprocess.run([sys.executable, "-c", block], cwd=project, check=True, timeout=120)


@pytest.mark.parametrize("name", TRAININGS)
def test_the_trainings_behind_the_results_fit_together(name, tmp_path):
    ours = job(name, tmp_path, 3, None, None)
    assert ours.out == tmp_path / f"{name}-3"
    if first := TRAININGS[name][2].get("first"):
        earlier = job(str(first), tmp_path, 3, None, None)
        assert ours.recipe.to_dict()["first"] == str(earlier.out / "weights")
        # The first network fills holes of the same kind, cut from squares of the same size, and has the same layers.
        assert earlier.recipe.size * earlier.recipe.shrink == ours.recipe.size
        for field in ("masks", "judged", "flip", "width", "bottleneck", "latent", "activation"):
            assert earlier.recipe.to_dict()[field] == ours.recipe.to_dict()[field]


@pytest.mark.parametrize("name", TRAININGS)
def test_every_training_behind_the_results_takes_two_steps(name, tmp_path):
    """On pictures of noise, with networks as narrow as they go."""
    ours = small(job(name, tmp_path, 3, None, None, 2))
    if first := TRAININGS[name][2].get("first"):
        earlier = small(job(str(first), tmp_path, 3, None, None))
        facts = {"method": earlier.method, "recipe": earlier.recipe.to_dict()}
        save_pretrained(trainable(earlier.method).network(earlier.recipe), earlier.out / "weights", facts)
    (tmp_path / "pictures").mkdir()
    side = ours.recipe.size * ours.recipe.shrink
    for i, picture in enumerate(np.random.default_rng(0).integers(0, 256, (5, side, side, 3), dtype=np.uint8)):
        cv2.imwrite(str(tmp_path / "pictures" / f"{i}.png"), picture)
    outcome = train(replace(ours, data=str(tmp_path / "pictures"), device="cpu", quiet=True))
    assert (outcome.step, outcome.finished) == (2, True)
    assert all(math.isfinite(value) for value in outcome.validation.values())


def small(job):
    return replace(job, recipe=replace(job.recipe, **SMALL.get(job.method, {}), batch=2, validation=1))


def test_every_method_has_a_page_and_a_card_that_agrees_with_the_table():
    for name, entry in METHODS.items():
        page = (ROOT / "docs" / "methods" / f"{name}.md").read_text()
        assert page.startswith(f"# {name}\n")
        described = card(name)
        assert described.name == name
        assert described.extra == entry.extra


def test_links_between_documents_lead_somewhere():
    pages = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    for page in [*pages, *(ROOT / "docs").rglob("*.md")]:
        prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", prose):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
