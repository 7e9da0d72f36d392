"""What tests share: the data folder, and an inpainter so simple that its answers are known."""

import os
import signal
from pathlib import Path
from typing import Any

# Two tests run side by side on two cores: a second thread each would only get in the other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from inpainter.core import Card, Inpainter, View, Work

ROOT = Path(__file__).parents[1]

# Started in the background, as by nohup, signals are ignored, by what the tests start, too.
for name, usual in (("SIGINT", signal.default_int_handler), ("SIGTERM", signal.SIG_DFL), ("SIGHUP", signal.SIG_DFL)):
    number = getattr(signal, name, None)
    if number and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


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


class Drawing(Constant):
    """Answers another value for every seed, and measures it: seed 2 is best, then 1, 3, 0, 4 and on.

    `batches` remembers how many crops came together.
    """

    def __init__(self, *, measures: bool = True, says: str = "", **options: Any) -> None:
        super().__init__(**{"draws": True} | options)
        self.measures, self.says = measures, says
        self.batches: list[int] = []

    def predict_batch(self, images, masks, works):
        self.batches.append(len(works))
        return super().predict_batch(images, masks, works)

    def predict(self, image, mask, work):
        self.seen.append((image.copy(), mask.copy(), work))
        if self.measures:
            work.energy = abs(work.seed - 1.9)
        if self.says:
            work.note(self.says)
        work.step(1, 1)
        return np.full_like(image, self.shade(work.seed))

    @staticmethod
    def shade(seed: int) -> float:
        """The value that a seed draws, whole levels of 8 bits."""
        return (40 + 10 * seed) / 255


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
