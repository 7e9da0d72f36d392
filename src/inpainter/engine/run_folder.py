"""The folder that one training writes: checkpoints that are whole or absent, and a log of one JSON object a line."""

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from inpainter.core import InputError
from inpainter.core.errors import needing
from inpainter.core.paths import exists
from inpainter.engine.plots import curves
from inpainter.photos.files import write_whole

KEPT = 2
"""Checkpoints kept: the newest, and one before in case it is damaged."""
ENDED = {"ended": True}
"""Marks an entry of the log that exists only because the run ended there; removed when the run is resumed."""


def require_tensorboard() -> None:
    """Raise InputError where the library is not installed."""
    with needing("tensorboard", "training: --tensorboard"):
        import tensorboard  # noqa: F401  # pyright: ignore[reportUnusedImport]


class RunFolder:
    """`RUN/`: `run.json`, `log.jsonl`, `curves.svg`, `checkpoints/`, `samples/`, `weights/`, `tensorboard/`."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.samples = self.path / "samples"
        self.weights = self.path / "weights"
        self.log_path = self.path / "log.jsonl"
        self.curves = self.path / "curves.svg"
        self.description = self.path / "run.json"
        self.events: Any = None

    def create(self) -> None:
        """Make the folders; raises InputError when that is not possible."""
        try:
            for folder in (self.checkpoints, self.samples):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be made ({error.strerror}): give another folder") from error

    def describe(self, facts: dict[str, Any]) -> None:
        """Write the facts of the run: method, recipe, seed, versions, data."""
        write_whole(self.description, (json.dumps(facts, indent=2) + "\n").encode())

    def described(self) -> dict[str, Any] | None:
        """Return the facts of the run, or None in a new folder; raises InputError when they are unreadable."""
        if not exists(self.description):
            return None
        try:
            return json.loads(self.description.read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"{self.description}: not readable as JSON: remove the run folder") from error

    def save(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Write a checkpoint. Its JSON file, with the SHA-256, comes last: without it the checkpoint does not count."""
        data = save_tensors(tensors)
        write_whole(self.checkpoints / f"step-{step:09d}.safetensors", data)
        facts = {"step": step, "sha256": hashlib.sha256(data).hexdigest(), **state}
        write_whole(self.checkpoints / f"step-{step:09d}.json", json.dumps(facts).encode())
        for old in self._newest_first()[KEPT:]:
            old.unlink()
            old.with_suffix(".safetensors").unlink(missing_ok=True)

    def newest(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return the newest intact checkpoint, as (tensors, state); None when there is none."""
        for path in self._newest_first():
            try:
                state = json.loads(path.read_text())
                data = path.with_suffix(".safetensors").read_bytes()
                if hashlib.sha256(data).hexdigest() == state["sha256"]:
                    return load_tensors(data), state
            except (OSError, ValueError, KeyError, TypeError, SafetensorError):
                continue
        return None

    def _newest_first(self) -> list[Path]:
        return sorted(self.checkpoints.glob("step-*.json"), reverse=True)

    def log(self, entry: dict[str, Any]) -> None:
        """Add a line to the log."""
        try:
            with self.log_path.open("a") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise InputError(
                f"{self.log_path}: cannot be written ({error.strerror}): make room, then resume"
            ) from error
        if self.events is not None:
            self._add_events(entry)

    def open_events(self) -> None:
        """Write the log from here on as TensorBoard events, too; remove earlier events that are not in the log."""
        from torch.utils.tensorboard import SummaryWriter

        last = max((entry["step"] for entry in self.read_log()), default=0)
        self.events = SummaryWriter(str(self.path / "tensorboard"), purge_step=last + 1)

    def _add_events(self, entry: dict[str, Any]) -> None:
        for kind in ("losses", "validation"):
            for name, value in entry.get(kind, {}).items():
                self.events.add_scalar(f"{kind}/{name}", value, entry["step"])
        for name in ("learning_rate", "images_per_second"):
            if name in entry:
                self.events.add_scalar(name, entry[name], entry["step"])

    def close(self) -> None:
        """Flush and close the events."""
        if self.events is not None:
            self.events.close()

    def read_log(self) -> list[dict[str, Any]]:
        """Return the log's entries; a line cut short by a kill is left out."""
        entries = []
        for line in self.log_path.read_text().splitlines() if self.log_path.exists() else []:
            try:
                entries.append(json.loads(line))
            except ValueError:
                continue
        return entries

    def draw_curves(self, steps_per_epoch: int) -> None:
        """Draw the log as curves."""
        write_whole(self.curves, curves(self.read_log(), steps_per_epoch).encode())

    def validated(self, step: int) -> dict[str, float]:
        """Return the validation logged at `step`; empty without any."""
        found = [entry["validation"] for entry in self.read_log() if entry["step"] == step and "validation" in entry]
        return found[-1] if found else {}

    def rewind_log(self, step: int) -> None:
        """Remove the entries after `step`, which will be repeated, and those marked as ended."""
        kept = [entry for entry in self.read_log() if entry["step"] <= step and not ENDED.items() <= entry.items()]
        write_whole(self.log_path, "".join(json.dumps(entry) + "\n" for entry in kept).encode())
