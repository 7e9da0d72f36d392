"""What the benchmarks share: running a process and weighing it, and writing a result file."""

import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

RESULTS = Path(__file__).parent / "results"
DATA = Path(os.environ.get("INPAINTER_DATA", Path(__file__).parents[2] / "shared" / "data"))
Name = TypeVar("Name")


@dataclass(frozen=True)
class Run:
    """A process that ended well: its wall time, and the most memory it held."""

    seconds: float
    megabytes: float


# A process counts what its parent held when it was made, so that the parent must be small: not this one.
WEIGH = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss, status)
"""


def run(command: list[str]) -> Run:
    """Run a process to its end; raises RuntimeError, with what it said, when it fails."""
    done = subprocess.run([sys.executable, "-c", WEIGH, *command], capture_output=True, text=True, check=True)
    seconds, kilobytes, status = done.stdout.split()
    if int(status):
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr}")
    return Run(float(seconds), int(kilobytes) / 1024)


def alternate(commands: dict[Name, list[str]], times: int) -> dict[Name, list[Run]]:
    """Run several commands in turn, so that what else the machine does meets them alike; the first round is dropped."""
    runs: dict[Name, list[Run]] = {name: [] for name in commands}
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
