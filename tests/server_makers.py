"""A service on a real socket, in a thread of the test's process, whose workers are processes as ever."""

import asyncio
import io
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from inpainter.apps.server.app import make_app
from inpainter.apps.server.limits import LIMITS
from inpainter.apps.server.serve import server_of
from makers import picture

HEIGHT, WIDTH = 72, 96


class Running:
    """A service that runs."""

    def __init__(self, folder: Path, *, workers: int = 1, **options: Any) -> None:
        limits = {name: options.pop(name) for name in LIMITS._fields if name in options}
        self.folder = folder
        self.app = make_app(folder, workers=workers, limits=LIMITS._replace(**limits), **options)
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self._server = server_of(self.app)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([listening])))
        self._thread.start()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60, trust_env=False)

    def close(self) -> None:
        """Stop it."""
        self.client.close()
        self._server.should_exit = True
        self._thread.join()

    def post(self, path: str = "/v1/fill", **parts: Any) -> httpx.Response:
        """Send a form: bytes as files, with a name or without, all else as JSON."""
        files, data = form(**parts)
        return self.client.post(path, files=files, data=data)

    def job(self, **parts: Any) -> str:
        """Start a job; returns its address."""
        reply = self.post("/v1/jobs", **parts)
        assert reply.status_code == 202, reply.text
        return reply.headers["location"]

    def until(self, job: str, *states: str) -> dict[str, Any]:
        """Ask for a job until it is in one of these states."""
        return wait_for(lambda: (found := self.client.get(job).json())["state"] in states and found)

    def workers(self) -> list[int]:
        """The process numbers of its workers, which have its folder for their temporary files."""
        mine = f"TMPDIR={self.folder}".encode()
        return [pid for pid in children(os.getpid()) if mine in _process_file(pid, "environ").split(b"\0")]


def form(**parts: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The files and the fields of a form."""
    files = {name: value if isinstance(value, tuple) else (f"{name}.jpg", value)
             for name, value in parts.items() if isinstance(value, bytes | tuple)}  # fmt: skip
    return files, {name: json.dumps(value) for name, value in parts.items() if name not in files}


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until something holds, and return it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


def children(pid: int) -> list[int]:
    """The processes that a process started, ended ones left out."""
    found = b" ".join(_process_file(pid, f"task/{task.name}/children") for task in Path(f"/proc/{pid}/task").iterdir())
    return [int(one) for one in found.split() if _process_file(int(one), "cmdline")]


def _process_file(pid: int, name: str) -> bytes:
    """What the system says of a process; nothing of one that is gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def encoded(samples: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as the bytes of a file."""
    out = io.BytesIO()
    Image.fromarray(samples).save(out, kind, **options)
    return out.getvalue()


def decoded(data: bytes) -> np.ndarray:
    """The samples of a file."""
    return np.asarray(Image.open(io.BytesIO(data)))


def mask_of(height: int = HEIGHT, width: int = WIDTH, box: tuple[int, int, int, int] = (20, 16, 24, 20)) -> np.ndarray:
    """A mask, uint8, that is white in a box (x, y, width, height)."""
    x, y, wide, high = box
    mask = np.zeros((height, width), np.uint8)
    mask[y : y + high, x : x + wide] = 255
    return mask


PHOTO = picture(HEIGHT, WIDTH)
MASK = encoded(mask_of())
PNG, JPEG = encoded(PHOTO), encoded(PHOTO, "JPEG", quality=90)
# One call of a library that takes seconds and says nothing meanwhile.
DEAF = {"method": "fsr"}
LARGE, LARGE_MASK = encoded(picture(1200, 1500)), encoded(mask_of(1200, 1500, (200, 150, 1000, 800)))
# A search that says how far it is, and takes seconds.
SLOW = {"method": "exemplar", "settings": {"quality": "best"}}
