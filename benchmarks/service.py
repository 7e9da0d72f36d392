"""What the HTTP service costs: over the same fill in Python, and under clients who leave, lie and are cut off."""

import io
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import cv2
import httpx
import numpy as np
from PIL import Image

import inpainter
import measure

CLIENTS, FILLS, LEAVING, HOSTILE = 8, 60, 6, 6
TIMES = 9


def main() -> None:
    """Measure, and write results/service.json."""
    photo = cv2.imread(str(measure.DATA / "large" / "leaf-on-snow_Nikon-D3100.jpg"))
    if photo is None:
        raise SystemExit(f"{measure.DATA}: no photos; set INPAINTER_DATA")
    result = {"overhead": overhead(photo), "load": load(photo)}
    measure.write("service", result, ("inpainter", "starlette", "uvicorn", "python-multipart"))


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen, httpx.Client]]:
    """A service in a process of its own, and a client of it."""
    command = [sys.executable, "-m", "inpainter", "serve", "--no-browser", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        with httpx.Client(base_url=found[0], timeout=300, trust_env=False) as client:
            client.get("/v1/health")
            yield process, client
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def overhead(photo: np.ndarray) -> dict[str, float]:
    """Time a fill of 12 megapixels by `telea` over HTTP and by `inpainter.fill` on the same bytes, in turn."""
    data = encoded(cv2.resize(photo, (4000, 3000), interpolation=cv2.INTER_AREA), ".jpg")
    hole = np.zeros((3000, 4000), np.uint8)
    hole[1200:1800, 1700:2300] = 255
    mask = png_of_one_bit(hole)
    method = inpainter.load("telea")
    seconds: dict[str, list[float]] = {"python": [], "service": []}
    with serving("--workers", "1") as (_, client):
        for turn in range(TIMES + 1):
            start = time.perf_counter()
            wanted = inpainter.fill(data, mask, method)
            middle = time.perf_counter()
            reply = client.post("/v1/fill", files={"image": ("a.jpg", data), "mask": ("m.png", mask)},
                                data={"options": json.dumps({"method": "telea"})})  # fmt: skip
            end = time.perf_counter()
            assert reply.content == wanted
            if turn:
                seconds["python"].append(middle - start)
                seconds["service"].append(end - middle)
    more = [after - before for before, after in zip(seconds["python"], seconds["service"], strict=True)]
    return {
        "python_seconds": measure.median(seconds["python"]),
        "service_seconds": measure.median(seconds["service"]),
        "overhead_seconds": measure.median(more),
    }


def load(photo: np.ndarray) -> dict[str, object]:
    """Let 8 clients fill 60 photos at once; some leave midway, some send hostile files, one worker is killed."""
    draw = random.Random(0)
    kinds = ["good"] * (FILLS - LEAVING - HOSTILE) + ["leaving"] * LEAVING + ["hostile"] * HOSTILE
    draw.shuffle(kinds)
    photos = [photo_of(photo, number) for number in range(FILLS)]
    wanted = [inpainter.fill(*one, "telea") if kind == "good" else b""
              for one, kind in zip(photos, kinds, strict=True)]  # fmt: skip
    seconds: list[float] = []
    wrong: list[str] = []
    errors: list[str] = []
    with serving() as (process, client):
        # Each worker has filled once, so that what is measured is what stays.
        with ThreadPoolExecutor(CLIENTS) as warm:
            list(warm.map(lambda one: post(client, *one), photos[:8]))
        before = resident(process.pid)
        killed = threading.Event()

        def fill(number: int) -> None:
            kind, (image, mask) = kinds[number], photos[number]
            if kind == "hostile":
                # Cut short, noise, and what is no picture.
                bad = (image[: len(image) // 2], image[:300] + os.urandom(5000), b"GIF89a" + bytes(500))[number % 3]
                reply = post(client, bad, mask)
                if reply.status_code not in (400, 413, 415):
                    wrong.append(f"{number}: hostile got {reply.status_code}")
                return
            if kind == "leaving":
                try:
                    post(client, image, mask, timeout=0.05)
                    wrong.append(f"{number}: nobody could leave")
                except httpx.TimeoutException:
                    pass
                return
            if number == FILLS // 2:
                killed.set()
            start = time.perf_counter()
            reply = post(client, image, mask)
            seconds.append(time.perf_counter() - start)
            if reply.status_code == 500:
                errors.append(reply.json()["error"]["what"])
            elif reply.content != wanted[number]:
                wrong.append(f"{number}: {reply.status_code}, another file")

        def kill() -> None:
            killed.wait()
            os.kill(workers(process.pid)[0], signal.SIGKILL)

        threading.Thread(target=kill, daemon=True).start()
        # Somebody in the middle of the line is good, and gives the signal.
        kinds[FILLS // 2] = "good"
        wanted[FILLS // 2] = inpainter.fill(*photos[FILLS // 2], "telea")
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(fill, range(FILLS)))
        time.sleep(3)
        after = resident(process.pid)
        left = client.get("/v1/health").json()["waiting"]
    return {
        "clients": CLIENTS, "fills": FILLS, "leaving": LEAVING, "hostile": kinds.count("hostile"),
        "wrong_replies": wrong, "errors_of_the_killed_worker": errors, "waiting_afterwards": left,
        "p50_seconds": measure.median(seconds), "p95_seconds": round(statistics.quantiles(seconds, n=20)[-1], 3),
        "megabytes_before": round(before), "megabytes_after": round(after), "memory_ratio": round(after / before, 2),
    }  # fmt: skip


def photo_of(photo: np.ndarray, number: int) -> tuple[bytes, bytes]:
    """One of many photos of 1 to 4 megapixels, each with another hole."""
    draw = np.random.default_rng(number)
    width = int(draw.integers(1200, 2400))
    small = cv2.resize(photo, (width, width * 3 // 4), interpolation=cv2.INTER_AREA)
    hole = np.zeros(small.shape[:2], np.uint8)
    y, x = draw.integers(100, width // 2, 2)
    hole[y : y + 150, x : x + 150] = 255
    return encoded(small, ".jpg"), png_of_one_bit(hole)


def post(client: httpx.Client, image: bytes, mask: bytes, timeout: float = 300) -> httpx.Response:
    """Ask for a fill by `telea`, again where the service is busy."""
    while True:
        reply = client.post("/v1/fill", files={"image": ("a.jpg", image), "mask": ("m.png", mask)},
                            data={"options": json.dumps({"method": "telea"})}, timeout=timeout)  # fmt: skip
        if reply.status_code != 429:
            return reply
        time.sleep(0.2)


def encoded(picture: np.ndarray, suffix: str) -> bytes:
    """The picture as a file."""
    return cv2.imencode(suffix, picture)[1].tobytes()


def png_of_one_bit(hole: np.ndarray) -> bytes:
    """A mask as the page sends it."""
    out = io.BytesIO()
    Image.fromarray(hole).convert("1").save(out, "PNG")
    return out.getvalue()


def workers(pid: int) -> list[int]:
    """The processes that a process started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(one) for task in tasks for one in (task / "children").read_text().split()]


def resident(pid: int) -> float:
    """Megabytes that a service and its workers hold."""
    kilobytes = 0
    for one in (pid, *workers(pid)):
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text())
        kilobytes += int(found[1]) if found else 0
    return kilobytes / 1024


if __name__ == "__main__":
    main()
