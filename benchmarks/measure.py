"""What the benchmarks share: running a process and weighing it, and writing a result file."""

import json
import os
import platform
import statistics
import subprocess
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
DATA = Path(os.environ.get("INPAINTER_DATA", Path(__file__).parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class Run:
    """A process that ended well: its wall time, and the most memory it held."""

    seconds: float
    megabytes: float


def run(command: list[str]) -> Run:
    """Run a process to its end; raises RuntimeError, with what it said, when it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    said = process.stderr.read().decode() if process.stderr else ""
    if status:
        raise RuntimeError(f"{' '.join(command)} failed: {said}")
    return Run(seconds, usage.ru_maxrss / 1024)


def alternate(commands: dict[str, list[str]], times: int) -> dict[str, list[Run]]:
    """Run several commands in turn, so that what else the machine does meets them alike; the first round is dropped."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(times + 1):
        for name, command in commands.items():
            measured = run(command)
            if turn:
                runs[name].append(measured)
    return runs


def median(values: list[float], digits: int = 3) -> float:
    """Return the median, rounded."""
    return round(statistics.median(values), digits)


def write(name: str, result: dict[str, Any], packages: tuple[str, ...]) -> None:
    """Write results/NAME.json: what was measured, with which versions, on how many cores."""
    versions = {package: metadata.version(package) for package in packages}
    where = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()} | versions
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result | {"measured_on": where}, indent=1, ensure_ascii=False) + "\n")
    print(path.read_text())
