"""What tests share: the data folder, and an inpainter so simple that its answers are known."""

import os
from pathlib import Path

# Two tests run side by side on two cores: a second thread each would only get in the other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from inpainter.core import Card, Inpainter, View, Work

ROOT = Path(__file__).parents[1]


class Constant(Inpainter):
    """Answers one value everywhere, and remembers what it was given."""

    def __init__(self, value: float = 0.5, view: View = View(), **card: bool) -> None:
        self.card = Card("constant", "one value", "tests", "tests", "photos", **card)
        self.value = value
        self.view = view
        self.seen: list[tuple[np.ndarray, np.ndarray, Work]] = []

    def predict(self, image, mask, work):
        self.seen.append((image.copy(), mask.copy(), work))
        return np.full_like(image, self.value)


@pytest.fixture
def constant() -> Constant:
    return Constant()


@pytest.fixture(scope="session")
def data() -> Path:
    """The shared data; a test that needs it is skipped, and says so, where it is absent."""
    folder = Path(os.environ.get("INPAINTER_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data at {folder}: set INPAINTER_DATA")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
