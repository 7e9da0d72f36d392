"""One training loop for every objective, on every device."""

import copy
import logging
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import torch
from lightning.fabric import Fabric
from lightning.fabric.utilities.rank_zero import rank_zero_only
from torch import Tensor, nn

from inpainter.core import InputError
from inpainter.core.recipe import Recipe
from inpainter.data.sources import read_pictures
from inpainter.engine.checkpoint import save_pretrained, trainable
from inpainter.engine.job import Job, Outcome
from inpainter.engine.losses import Losses
from inpainter.engine.progress import Progress, Status
from inpainter.engine.run_facts import (
    facts_of_job,
    facts_of_pictures,
    refuse_other_pictures,
    refuse_other_run,
    refuse_other_start,
)
from inpainter.engine.run_folder import ENDED, RunFolder, require_tensorboard
from inpainter.engine.validation import HeldOut, batch_on, pairs_for
from inpainter.nn.average import MovingAverage
from inpainter.nn.device import torch_device
from inpainter.nn.objective import Batch, Objective
from inpainter.nn.pretrained import start_from_weights
from inpainter.nn.random import drawing_from


def train(job: Job) -> Outcome:
    """Train as `job` says and leave a run folder; resumed, a run ends with the same weights as without a break.

    Raises InputError for what a user can fix: nothing to read, a loss that is not finite, a full disk, the run folder
    of another run, too little memory.
    """
    try:
        with _stop_signals() as stop:
            return _Trainer(job).run(stop)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _too_large(job.recipe) from error
    except ValueError as error:
        if "more than 1 value per channel" in str(error):
            raise InputError("recipe: batch is too small for batch norm: give 2 or more pictures a step") from error
        raise
    except RuntimeError as error:
        if "can't allocate memory" in str(error):
            raise _too_large(job.recipe) from error
        raise


def _too_large(recipe: Recipe) -> InputError:
    half = max(1, recipe.batch // 2)
    return InputError(
        f"memory: a batch of {recipe.batch} does not fit: try --recipe.batch {half}, or --recipe.accumulate 2 for the "
        "same batch in two parts; the last checkpoint is kept"
    )


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of exiting; the loop finishes its step and saves."""
    caught: list[int] = []
    kinds = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(kind, lambda number, frame: caught.append(number)) for kind in kinds]
    except ValueError:  # not in the main thread, where signals cannot be caught
        yield caught
        return
    try:
        yield caught
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


class _Trainer:
    """The state of one training, with saving and restoring it."""

    def __init__(self, job: Job) -> None:
        self.job, self.recipe = job, job.recipe
        self.started, self.seconds_before, self.step = time.monotonic(), 0.0, 0
        self.folder = RunFolder(job.out)
        # Fabric's messages say nothing that the run does not record; they come from either logger.
        for name in ("lightning.fabric", "lightning.pytorch"):
            logging.getLogger(name).setLevel(logging.WARNING)
        kind = torch_device(job.device).type
        # Autocast to bfloat16 on Apple's GPUs is slower than float32 where it works at all.
        precision = "32-true" if kind == "mps" else self.recipe.precision
        # The parameters that a loss uses change from player to player. One device needs no strategy.
        strategy = "auto" if job.devices == 1 else "ddp_find_unused_parameters_true"
        self.fabric = Fabric(accelerator=kind, devices=job.devices, precision=precision, strategy=strategy)
        self.fabric.launch()
        self.losses = Losses(self.fabric)
        recipe = self.recipe
        if recipe.batch % (self.fabric.world_size * recipe.accumulate):
            raise InputError(f"recipe: batch is {recipe.batch}: give a multiple of devices × accumulate")
        if job.tensorboard:
            require_tensorboard()
        self._before_reading()
        # The networks too: a recipe with unsuitable weights should not fail after minutes of decoding.
        self._build()
        reading = Status(quiet=job.quiet or not self._first)
        pictures = read_pictures(
            job.data, smallest=recipe.size * recipe.shrink, workers=job.workers, without=job.without,
            on_read=reading.read,
        )  # fmt: skip
        reading.close()
        pictures = pictures.shrunk(recipe.shrink)
        training, held_out = pictures.split(recipe.validation)
        self.held_out = HeldOut(self.bare, held_out, recipe, self.fabric.device)
        self.pairs = pairs_for(self.bare, training, recipe, recipe.batch, job.seed, recipe.flip)
        self.last = job.steps if job.steps is not None else recipe.epochs * self.pairs.steps_per_epoch
        self.facts["data"] = facts_of_pictures(job.data, pictures)
        if self.checkpoint is not None:
            refuse_other_pictures(self.before, self.facts)

    def _before_reading(self) -> None:
        """Refuse an unusable folder, or another run's, before minutes of decoding."""
        described = self.folder.described()
        if described is not None and not self.job.resume:
            raise InputError(f"{self.job.out}: holds a run already: add --resume to go on, or give another folder")
        self.facts = facts_of_job(self.job)
        self.before = described or {}
        self.checkpoint = self.folder.newest() if described is not None else None
        if self.checkpoint is not None:
            refuse_other_run(self.before, self.facts, type(self.recipe))
        refuse_other_start(self.before, self.facts, begun=self.checkpoint is not None)
        if "start" in self.before:
            self.facts["start"] = self.before["start"]

    def _build(self) -> None:
        with drawing_from(torch.Generator().manual_seed(self.job.seed)):
            bare = trainable(self.job.method).objective(self.recipe)
        if self.job.start and self.checkpoint is None:
            start_from_weights(bare.kept, self.job.start)
        bare.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.bare: Objective = bare
        self.players = bare.players
        options = {player: {"lr": self.recipe.learning_rate, **bare.adam(player)} for player in self.players}
        self.rates = {player: option["lr"] for player, option in options.items()}
        optimisers = [
            torch.optim.Adam(module.parameters(), fused=self.fabric.device.type in ("cpu", "cuda"), **options[player])
            for player, module in self.players.items()
        ]
        self.objective, *wrapped = self.fabric.setup(bare, *optimisers)
        self.optimisers = dict(zip(self.players, wrapped, strict=True))
        self.copy = copy.deepcopy(bare.kept).eval()
        self.average = MovingAverage(bare.kept, self.recipe.average) if self.recipe.average else None

    def run(self, stop: list[int]) -> Outcome:
        """Train from the folder's newest checkpoint, or from the start, to the end or until stopped."""
        self._take_up()
        progress = Progress(self.last, self.step, self.recipe.batch, quiet=self.job.quiet or not self._first)
        part = slice(self.fabric.global_rank, None, self.fabric.world_size)
        self.objective.train()
        for arrays in self.pairs.ahead(self.step, self.last, part):
            rank = self.fabric.global_rank
            terms = self._take_step(batch_on(self.fabric.device, arrays, self.job.seed, self.step, rank))
            self.losses.add(self.step, terms)
            self.step += 1
            if self.step % self.job.log_every == 0:
                self._log(progress)
            if self.step % self.job.sample_every == 0:
                self._draw_sheet()
            if self.step % (self.job.validate_every * self.pairs.steps_per_epoch) == 0:
                self._validate()
            if self.step == self.last:
                break
            if self._stopping(stop):
                break
            if self.step % self.job.checkpoint_every == 0:
                self.losses.check()
                self._save()
        self.losses.check()
        return self._end(progress)

    @property
    def _first(self) -> bool:
        return self.fabric.is_global_zero

    def _take_step(self, batch: Batch) -> dict[str, Tensor]:
        """Take one turn of every player on one batch; return the terms, named player/term where there are several."""
        seen: dict[str, Tensor] = {}
        for player, module in self.players.items():
            optimiser = self.optimisers[player]
            for group in optimiser.param_groups:
                group["lr"] = self.rates[player] * self._rate_factor()
            self._only(player)
            optimiser.zero_grad(set_to_none=True)
            for terms in self._passes(player, batch):
                for name, value in terms.items():
                    name = name if len(self.players) == 1 else f"{player}/{name}"
                    seen[name] = seen.get(name, 0) + value.detach() / self.recipe.accumulate
            if self.recipe.clip:
                self.fabric.clip_gradients(module, optimiser, max_norm=self.recipe.clip, error_if_nonfinite=False)
            optimiser.step()
        if self.average is not None:
            self.average.update(self.bare.kept, self.step)
        return seen

    def _passes(self, player: str, batch: Batch) -> Iterator[dict[str, Tensor]]:
        parts = self.recipe.accumulate
        for i in range(parts):
            # New micro-batches for every player: sharing results over all of them would take the memory that they save.
            micro = Batch(batch.image[i::parts], batch.mask[i::parts], batch.generator) if parts > 1 else batch
            with self.fabric.no_backward_sync(self.objective, enabled=i < parts - 1):
                terms = self.objective(player, micro)
                self.fabric.backward(torch.stack(list(terms.values())).sum() / parts)
            yield terms

    def _only(self, player: str) -> None:
        """Stop gradients to players whose turn is over, so that results of the first turn can be reused later."""
        if len(self.players) > 1:
            over = False
            for other, module in reversed(self.players.items()):
                module.requires_grad_(not over)
                over = over or other == player

    def _rate_factor(self) -> float:
        if self.recipe.schedule == "constant":
            return 1.0
        whole = self.recipe.epochs * self.pairs.steps_per_epoch
        return 0.5 * (1 + math.cos(math.pi * min(self.step / whole, 1)))

    def _stopping(self, stop: list[int]) -> bool:
        late = self.job.minutes is not None and time.monotonic() - self.started > self.job.minutes * 60
        mine = late or bool(stop)
        # All ranks must leave at the same step.
        return mine if self.fabric.world_size == 1 else bool(self.fabric.broadcast(mine))

    def _log(self, progress: Progress, **more: Any) -> None:
        losses = self.losses.means()
        speed = progress.show(self.step, losses)
        if self._first:
            epoch = self.step / self.pairs.steps_per_epoch
            entry = {
                "step": self.step,
                "epoch": round(epoch, 4),
                "losses": losses,
                "images_per_second": round(speed, 1),
            }
            self.folder.log({**entry, "learning_rate": self.recipe.learning_rate * self._rate_factor(), **more})

    def _kept(self) -> nn.Module:
        """Return a copy of the module to be saved, with its final weights, in evaluation mode."""
        source = self.average.values if self.average is not None else self.bare.kept.state_dict()
        self.copy.load_state_dict(source)
        return self.copy.to(self.fabric.device).eval()

    def _validate(self, **more: Any) -> dict[str, float]:
        found = self.held_out.validate(self._kept()) if self._first else {}
        if found:
            self.folder.log({"step": self.step, "validation": found, **more})
            self.folder.draw_curves(self.pairs.steps_per_epoch)
        return found

    def _draw_sheet(self) -> None:
        path = self.folder.samples / f"step-{self.step:09d}.png"
        # The last step's may exist already.
        if self._first and not path.exists():
            self.held_out.sample_sheet(self._kept(), path)

    def _save(self) -> None:
        if not self._first:
            return
        tensors = {f"objective.{name}": value for name, value in self.bare.state_dict().items()}
        for name, value in self.average.values.items() if self.average is not None else ():
            tensors[f"average.{name}"] = value
        for player, optimiser in self.optimisers.items():
            for index, slots in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{player}.{index}.{slot}": value for slot, value in slots.items()}
        # safetensors needs plain layouts and no shared memory.
        whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        state = {"seconds": self.seconds_before + time.monotonic() - self.started, "losses": self.losses.rows}
        self.folder.save(self.step, whole, state)

    def _take_up(self) -> None:
        """Restore the newest intact checkpoint, or describe a new run."""
        if self.checkpoint is not None:
            self._restore(*self.checkpoint)
            self.checkpoint = None
        if self._first:
            self.folder.create()
            self.folder.describe(self.facts)
            self.folder.rewind_log(self.step)
            if self.job.tensorboard:
                self.folder.open_events()

    def _restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        def under(prefix: str) -> dict[str, Tensor]:
            return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}

        self.bare.load_state_dict(under("objective."))
        if self.average is not None:
            self.average.values = {
                name: value.to(self.fabric.device, memory_format=_format(value))
                for name, value in under("average.").items()
            }
        for player, optimiser in self.optimisers.items():
            slots: dict[int, dict[str, Tensor]] = {}
            for name, value in under(f"optimiser.{player}.").items():
                index, slot = name.split(".")
                slots.setdefault(int(index), {})[slot] = value.to(memory_format=_format(value))
            optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
        self.step, self.seconds_before = state["step"], state["seconds"]
        self.losses.rows = state.get("losses", [])

    def _end(self, progress: Progress) -> Outcome:
        outcome = Outcome(self.step, finished=self.step >= self.last)
        if self._first:
            self._save()
            outcome.validation = self._leave_last(progress)
            numbers = {
                "steps": self.step,
                "epochs": round(self.step / self.pairs.steps_per_epoch, 2),
                "minutes": round((self.seconds_before + time.monotonic() - self.started) / 60, 1),
                "validation": outcome.validation,
            }
            save_pretrained(self._kept(), self.folder.weights, {**self.facts, "trained": numbers})
        progress.close()
        self.folder.close()
        # No rank exits while another may still need it.
        self.fabric.barrier()
        return outcome

    def _leave_last(self, progress: Progress) -> dict[str, float]:
        """Log the rest, marked as ended, and draw the last sheet; return the last validation."""
        if self.losses.rows:
            self._log(progress, **ENDED)
        self._draw_sheet()
        found = self.folder.validated(self.step) or self._validate(**ENDED)
        self.folder.draw_curves(self.pairs.steps_per_epoch)
        return found


def _format(value: Tensor) -> torch.memory_format:
    return torch.channels_last if value.ndim == 4 else torch.contiguous_format


def run(job: Job, out: TextIO) -> int:
    """Train, and print in one line on `out` how it ended."""
    outcome = train(job)
    if rank_zero_only.rank != 0:  # pyright: ignore[reportFunctionMemberAccess]
        return 0
    state = "finished" if outcome.finished else "stopped; --resume goes on from here"
    numbers = "".join(f", {name} {value:.6f}" for name, value in outcome.validation.items())
    print(f"{job.out}: step {outcome.step}, {state}{numbers}", file=out)
    return 0
