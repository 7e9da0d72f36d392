"""The options of a training, and its outcome."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from inpainter.core import InputError
from inpainter.core.recipe import Recipe
from inpainter.core.seed import check_seed


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to train, on what, for how long. The fields' docstrings are the help texts."""

    method: str
    """The method's name."""
    recipe: Recipe
    """The hyper-parameters."""
    data: str
    """A folder of pictures, or parquet files (separated by commas, or a glob pattern)."""
    out: Path
    """The run folder."""
    without: str = ""
    """Leave out pictures of parquet files whose path there begins with this."""
    preset: str = ""
    """The preset that the recipe starts from; by default the method's first."""
    start: str = ""
    """A folder of weights, or a run, whose network a new run starts from; its shapes must be the recipe's."""
    seed: int = 0
    """The seed of all random numbers."""
    steps: int | None = None
    """The number of steps, in place of the recipe's epochs."""
    minutes: float | None = None
    """Stop cleanly after this many minutes at the latest, to resume later."""
    resume: bool = False
    """Continue from the newest intact checkpoint."""
    workers: int = 0
    """Processes that decode the pictures; 0 decodes in this one."""
    log_every: int = 50
    """Steps between lines of the log."""
    checkpoint_every: int = 1000
    """Steps between checkpoints."""
    sample_every: int = 2000
    """Steps between sample sheets."""
    validate_every: int = 1
    """Epochs between validations."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto is the fastest device available."""
    devices: int = 1
    """The number of devices."""
    tensorboard: bool = False
    """Write the log as TensorBoard events, too, into RUN/tensorboard."""
    quiet: bool = False
    """Show no progress line."""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        for name in ("log_every", "checkpoint_every", "sample_every", "validate_every", "devices"):
            self._require(getattr(self, name) >= 1, name, "1 or more")
        self._require(self.workers >= 0, "workers", "0 or more")
        self._require(self.steps is None or self.steps >= 1, "steps", "1 or more")
        self._require(self.minutes is None or self.minutes >= 0, "minutes", "0 or more")

    def _require(self, holds: bool, name: str, wanted: str) -> None:
        # Written so that NaN fails too.
        if not holds:
            raise InputError(f"training: --{name.replace('_', '-')} is {getattr(self, name)}: give {wanted}")


@dataclass
class Outcome:
    """How a training ended."""

    step: int
    finished: bool
    """False when it was stopped before its last step, by `minutes` or a signal."""
    validation: dict[str, float] = field(default_factory=dict)
