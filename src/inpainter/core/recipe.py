"""The hyper-parameters of one training, and their documentation as data."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Self

from inpainter.core.errors import InputError
from inpainter.core.fields import read_fields


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every training needs to know; a method's own recipe adds its sizes and weights."""

    # Fields that name a file or folder: of these a run writes down a short name and the SHA-256, and goes by that.
    paths: ClassVar[tuple[str, ...]] = ()
    size: int = 32
    """Side of the square pictures that the network is trained on, px."""
    shrink: int = 1
    """How many times the pictures are scaled down, once, before squares of the size are cut from them."""
    flip: bool = False
    """Whether every other picture, on average, is mirrored left to right."""
    masks: str = "lines"
    """Kind of mask drawn for every picture; of several with commas between, one of them."""
    batch: int = 64
    """Pictures in a step, all devices together."""
    epochs: int = 20
    """How often the training goes through all pictures."""
    learning_rate: float = 1e-3
    """Adam's step size."""
    schedule: Literal["constant", "cosine"] = "constant"
    """How the step size goes on: constant, or a cosine to zero over the epochs."""
    average: float = 0.0
    """Decay of the moving average of the weights, which is what is kept in the end; 0 keeps the last weights."""
    clip: float = 0.0
    """Largest norm of a player's gradient; 0 does not clip."""
    accumulate: int = 1
    """Parts that a step's batch is worked through in, to save memory."""
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"
    """Number format of the passes; weights, sums and losses are float32 in both."""
    validation: int = 5000
    """Pictures at the end of the source that are held out of the training."""

    def __post_init__(self) -> None:
        for name in ("size", "shrink", "batch", "epochs", "accumulate"):
            self._require(getattr(self, name) >= 1, name, "1 or more")
        self._require(self.learning_rate > 0, "learning_rate", "a number above 0")
        self._require(0 <= self.average < 1, "average", "0 to below 1")
        self._require(self.clip >= 0, "clip", "0 or more")
        self._require(self.validation >= 0, "validation", "0 or more")
        self._require(self.batch % self.accumulate == 0, "accumulate", f"a divisor of the batch, {self.batch}")

    def _require(self, holds: bool, name: str, wanted: str) -> None:
        # Written so that NaN fails too.
        if not holds:
            raise InputError(f"recipe: {name} is {getattr(self, name)}: give {wanted}")

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as plain values that JSON holds."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The recipe that `to_dict` described; raises InputError on a field that this class has not."""
        return cls(**read_fields(cls, values, "recipe"))
