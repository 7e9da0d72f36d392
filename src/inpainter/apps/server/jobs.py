"""Fills that clients asked for: each waits for a worker process, is carried out there, and is kept a while."""

import asyncio
import json
import os
import secrets
import shutil
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inpainter.apps.server.limits import LIMITS, Limits

# What a line of a worker may be long: notes and results, never pictures.
_LINE = 2**20
_CANCELLED = {"code": "cancelled", "what": "the fill was cancelled", "remedy": ""}


@dataclass(eq=False)
class Job:
    """One order, and what became of it."""

    order: dict[str, Any]
    """What the worker gets; its `folder` is the job's own."""
    name: str
    """The name of the client's file, without its suffix."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    """Nobody who was not told it can guess it."""
    state: str = "queued"
    """`queued`, `running`, then `done`, `failed` or `cancelled`."""
    done: float = 0
    total: float = 0
    outcome: dict[str, Any] = field(default_factory=dict)
    """What the worker made, once it is done."""
    error: dict[str, Any] | None = None
    version: int = 0
    """How often it changed."""
    listeners: int = 0
    touched: float = field(default_factory=time.monotonic)
    """When somebody last asked for it."""
    finished: float | None = None
    size: int = 0
    """Bytes that its results take."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to cancel it."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self.order["folder"])

    @property
    def under_way(self) -> bool:
        """Whether it waits or is carried out."""
        return self.state in ("queued", "running")

    def change(self, **fields: Any) -> None:
        """Set fields and tell those who wait for a change."""
        for name, value in fields.items():
            setattr(self, name, value)
        if not self.under_way and self.finished is None:
            self.finished = time.monotonic()
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def after(self, version: int) -> None:
        """Wait until it has changed since that version."""
        while self.version <= version:
            await self._changed.wait()

    async def end(self) -> None:
        """Wait until it is over."""
        while self.under_way:
            await self.after(self.version)


class BusyError(Exception):
    """As many fills wait as may."""


class Jobs:
    """All jobs, and the worker processes that carry them out, one at a time each."""

    def __init__(self, folder: Path, workers: int, limits: Limits = LIMITS) -> None:
        self.folder, self.workers, self.limits = folder, workers, limits
        self.all: dict[str, Job] = {}
        """Those that are remembered, by their ids."""
        self._waiting: deque[Job] = deque()
        self._coming = 0
        self._came = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the workers."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self.workers)]
        self._tasks.append(asyncio.create_task(self._tidy()))

    async def close(self) -> None:
        """End the workers and all jobs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for job in self.all.values():
            if job.under_way:
                _cancelled(job)

    @property
    def waiting(self) -> int:
        """How many wait for a worker."""
        return len(self._waiting)

    def before(self, job: Job) -> int:
        """How many wait longer than this one."""
        return self._waiting.index(job) if job in self._waiting else 0

    def get(self, name: str) -> Job | None:
        """The job of this name; asking for it keeps it alive."""
        job = self.all.get(name)
        if job:
            job.touched = time.monotonic()
        return job

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the queue for a job whose upload comes; raises BusyError where all are taken."""
        if len(self._waiting) + self._coming >= self.limits.waiting:
            raise BusyError
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1

    def new_folder(self) -> Path:
        """A folder of its own for a job, which nobody else may read."""
        folder = self.folder / secrets.token_hex(8)
        with suppress(FileNotFoundError):
            folder.mkdir(mode=0o700)
            return folder
        # A system that tidies its temporary files took even the folder of this service.
        self.folder.mkdir(mode=0o700)
        folder.mkdir(mode=0o700)
        return folder

    async def add(self, job: Job) -> None:
        """Let a job, which has a place, wait for a worker."""
        self.all[job.id] = job
        self._waiting.append(job)
        await self._forget_old()
        async with self._came:
            self._came.notify()

    async def cancel(self, job: Job) -> None:
        """Stop a job; one that waits is over at once."""
        job.stop.set()
        if job in self._waiting:
            self._waiting.remove(job)
            _cancelled(job)
        await job.end()

    async def forget(self, job: Job) -> None:
        """Cancel a job and remove all that is kept of it."""
        # What was never taken is carried out by nobody.
        if self.all.pop(job.id, None) and job.under_way:
            await self.cancel(job)
        await asyncio.to_thread(shutil.rmtree, job.folder, ignore_errors=True)

    async def _forget_old(self) -> None:
        """Forget what is too much to keep: the longest over goes first; what is under way is bounded by the queue."""
        over = sorted((one for one in self.all.values() if one.finished), key=lambda one: one.finished or 0)
        # One is kept, however large.
        while over and (len(self.all) > self.limits.kept
                        or (len(over) > 1 and sum(one.size for one in over) > self.limits.kept_bytes)):  # fmt: skip
            await self.forget(over.pop(0))

    async def _work(self) -> None:
        """Carry out jobs in one worker process, replaced when it dies or does not stop."""
        worker, job = await Worker.start(self.folder), None
        try:
            while True:
                async with self._came:
                    await self._came.wait_for(lambda: bool(self._waiting))
                    job = self._waiting.popleft()
                for one in self._waiting:
                    one.change()
                # It may have died while it had nothing to do.
                if not worker.alive:
                    worker = await Worker.start(self.folder)
                await self._carry_out(job, worker)
                await self._forget_old()
                # Now rather than when the next job waits for it.
                if not worker.alive:
                    worker = await Worker.start(self.folder)
        finally:
            # The service is stopped: nobody is to wait for it.
            if job and job.under_way:
                _cancelled(job)
            await worker.kill()

    async def _carry_out(self, job: Job, worker: "Worker") -> None:
        job.change(state="running")
        answer = asyncio.create_task(worker.answer(job))
        stop = asyncio.create_task(job.stop.wait())
        try:
            await asyncio.wait({answer, stop}, timeout=self.limits.fill, return_when=asyncio.FIRST_COMPLETED)
            late = not answer.done() and not job.stop.is_set()
            if not answer.done():
                worker.send({"cancel": True})
                await asyncio.wait({answer}, timeout=self.limits.cancel)
            if not answer.done():
                await worker.kill()
            said = await answer
            job.size = await asyncio.to_thread(_keep_results, job.folder, said)
        finally:
            stop.cancel()
            answer.cancel()
        if job.stop.is_set() and said.get("state") != "done":
            _cancelled(job)
        elif late:
            job.change(state="failed", error={
                "code": "timeout", "what": f"the fill took longer than {self.limits.fill:.0f} s and was stopped",
                "remedy": "mark less, or choose a faster method",
            })  # fmt: skip
        elif said:
            job.change(**said, done=job.total if said["state"] == "done" else job.done)
        else:
            job.change(state="failed", error={
                "code": "internal", "what": "the process that filled this photo ended unexpectedly",
                "remedy": "try again; if it happens again, save the photo anew, as PNG or JPEG, and try that",
            })  # fmt: skip

    async def _tidy(self) -> None:
        """Cancel what nobody listens to any more, and forget what was kept long enough."""
        while True:
            await asyncio.sleep(min(1, self.limits.unheard / 4))
            now = time.monotonic()
            for job in list(self.all.values()):
                if job.finished and now - job.finished > self.limits.keep:
                    await self.forget(job)
                elif job.under_way and not job.listeners and now - job.touched > self.limits.unheard:
                    # It may take a moment, in which the others are not to wait.
                    job.stop.set()
                    if job in self._waiting:
                        await self.cancel(job)


def _keep_results(folder: Path, said: dict[str, Any]) -> int:
    """Remove from a job's folder all but its results, of which the bytes are returned."""
    results, size = [one["file"] for one in said.get("outcome", {}).get("results", [])], 0
    # A client that left has taken the folder with it.
    with suppress(OSError):
        for file in folder.iterdir():
            if file.name in results:
                size += file.stat().st_size
            else:
                file.unlink()
    return size


def _fields(said: dict[str, Any]) -> dict[str, Any]:
    """The last line of a worker as fields of its job, each of the kind that replies are made of."""
    if "failed" in said:
        error = {name: str(said["failed"][name]) for name in ("code", "what", "remedy")}
        return {"state": "failed", "error": error}
    if "done" not in said:
        return {"state": "cancelled", "error": _CANCELLED}
    done = said["done"]
    results = [
        # Of its own folder, whatever it says.
        {"file": Path(one["file"]).name, "seed": one.get("seed"), "energy": one.get("energy")}
        for one in done["results"]
    ]
    return {"state": "done", "outcome": {**done, "results": results, "notes": list(map(str, done["notes"]))}}


def _cancelled(job: Job) -> None:
    job.change(state="cancelled", error=_CANCELLED)


class Worker:
    """A worker process, seen from here; it ends when its standard input does, so that none is left behind."""

    def __init__(self, process: asyncio.subprocess.Process | None) -> None:
        self._process = process

    @property
    def alive(self) -> bool:
        """Whether it can take an order."""
        return bool(self._process) and self._process.returncode is None

    @classmethod
    async def start(cls, folder: Path) -> "Worker":
        """Start one and wait until it is ready; where it cannot be, it is not alive."""
        # What `-P` leaves out of the path is the current folder, whose files may have any names. Ctrl-C in the terminal
        # is for the service, which ends its workers itself.
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "inpainter.apps.server.worker", stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE, limit=_LINE, start_new_session=True,
                env=os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)),
            )  # fmt: skip
        except (OSError, RuntimeError):
            # The system has no more files, threads or memory now; when the next job comes it may have.
            traceback.print_exc()
            return cls(None)
        worker = cls(process)
        try:
            if not await worker._read():
                await worker.kill()
        except BaseException:
            await worker.kill()
            raise
        return worker

    async def answer(self, job: Job) -> dict[str, Any]:
        """Hand over the order of a job and return what comes of it; empty when the process ended."""
        self.send(job.order)
        # What is no line of a worker as we know it comes from one that broke, or was taken over.
        with suppress(TypeError, ValueError, LookupError, AttributeError):
            while said := await self._read():
                if "step" not in said:
                    return _fields(said)
                done, total = map(float, said["step"])
                job.change(done=done, total=total)
        await self.kill()
        return {}

    def send(self, order: dict[str, Any]) -> None:
        """Write a line to it, which may be gone."""
        if self._process and self._process.stdin:
            with suppress(OSError, RuntimeError):
                self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def kill(self) -> None:
        """End it at once."""
        if self._process:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _read(self) -> dict[str, Any] | None:
        """The next line of it; None when there is none any more."""
        if not self._process or not self._process.stdout:
            return None
        try:
            line = await self._process.stdout.readline()
            return json.loads(line) if line else None
        except (ValueError, RecursionError):  # not a line of ours
            return None
