"""A mask and an empty folder for tests of bad input."""

from pathlib import Path

import pytest

from hostile_files import HEIGHT, WIDTH
from makers import (
    box_mask,
    save_mask,
)  # fmt: skip


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """A hole in the upper left, far from where files are cut."""
    (tmp_path / "masks").mkdir()
    return save_mask(tmp_path / "masks" / "mask.png", box_mask(HEIGHT, WIDTH, 2, 2, 9, 9))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"
