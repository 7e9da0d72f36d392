"""Jobs: progress, candidates, cancelling, and workers that die."""

import asyncio
import errno
import io
import json
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import inpainter
from inpainter.apps.server import worker
from inpainter.apps.server.jobs import Worker
from server_makers import (
    DEAF,
    LARGE,
    LARGE_MASK,
    MASK,
    PNG,
    SLOW,
    Running,
    form,
    wait_for,
)

Serving = Callable[..., Running]
SMALL: dict[str, Any] = {"image": PNG, "mask": MASK, "options": {"method": "telea"}}
LONG: dict[str, Any] = {"image": LARGE, "mask": LARGE_MASK, "options": SLOW}


def events(service: Running, job: str, **headers: str) -> list[dict[str, Any]]:
    """All events of a job until its stream ends."""
    with service.client.stream("GET", f"{job}/events", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        blocks = "".join(stream.iter_text()).split("\n\n")
    found = []
    for block in blocks[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append({"id": int(fields["id"]), "event": fields["event"], "job": json.loads(fields["data"])})
    return found


def test_a_job_tells_its_progress_and_keeps_its_results(service: Running) -> None:
    parts = {"image": ("dog.png", PNG), "mask": MASK, "options": {"method": "exemplar", "candidates": 2, "seed": 5}}
    job = service.job(**parts)
    told = events(service, job)
    assert [one["event"] for one in told[:-1]] == ["progress"] * (len(told) - 1)
    assert [one["id"] for one in told] == sorted({one["id"] for one in told})
    last = told[-1]["job"]
    assert (told[-1]["event"], last["state"], last["error"]) == ("done", "done", None)
    assert last["done"] == last["total"] > 0
    assert 0 < last["expires_in"] <= 900
    assert service.client.get(job).json() | {"expires_in": 0} == last | {"expires_in": 0}
    made = inpainter.fill(PNG, MASK, "exemplar", seed=5, candidates=2)
    assert sorted(one["seed"] for one in last["results"]) == [5, 6]
    assert last["results"][0]["energy"] <= last["results"][1]["energy"]
    for number, (one, wanted) in enumerate(zip(last["results"], made, strict=True), 1):
        reply = service.client.get(one["url"])
        assert reply.content == wanted
        assert reply.headers["content-disposition"].endswith(f'"dog-filled-{number}.png"')
    assert service.client.get(f"{job}/results/3").status_code == 404
    # Whoever comes late hears the end, too, and whoever comes again.
    assert [one["event"] for one in events(service, job)] == ["done"]
    assert [one["event"] for one in events(service, job, **{"Last-Event-ID": str(told[-1]["id"])})] == ["done"]
    assert service.client.delete(job).status_code == 204
    assert service.client.get(job).status_code == 404


def test_events_go_on_after_the_last_one_heard(serving: Serving) -> None:
    service = serving()
    job = service.job(**LONG)
    wait_for(lambda: service.client.get(job).json()["done"] > 0)
    with service.client.stream("GET", f"{job}/events") as stream:
        first = next(stream.iter_text())
    heard = int(first.split("\n")[0].removeprefix("id: "))
    with service.client.stream("GET", f"{job}/events", headers={"Last-Event-ID": str(heard)}) as stream:
        again = next(stream.iter_text())
    assert int(again.split("\n")[0].removeprefix("id: ")) > heard
    service.client.delete(job)


def test_an_error_is_the_jobs(service: Running) -> None:
    job = service.job(image=PNG, mask=PNG)
    told = events(service, job)[-1]
    assert told["event"] == "failed"
    assert told["job"]["error"]["code"] == "invalid"
    assert "looks like a photo" in told["job"]["error"]["message"]
    assert service.client.get(f"{job}/results/1").status_code == 409


def test_cancelling_what_runs_and_what_waits(serving: Serving) -> None:
    service = serving()
    running, waiting = service.job(**LONG), service.job(**LONG)
    service.until(running, "running")
    (worker,) = service.workers()
    found = service.client.get(waiting).json()
    assert (found["state"], found["waiting"]) == ("queued", 0)
    third = service.job(**SMALL)
    assert service.client.get(third).json()["waiting"] == 1
    wait_for(lambda: service.client.get(running).json()["done"] > 0)
    assert service.client.delete(waiting).status_code == 204
    assert service.client.delete(running).status_code == 204
    assert service.until(third, "done")["results"]
    # It stopped where it was asked to, and nobody had to kill it.
    assert service.workers() == [worker]


def test_a_worker_that_does_not_stop_is_replaced_alone(serving: Serving) -> None:
    service = serving(workers=2, cancel=0.2)
    wait_for(lambda: len(service.workers()) == 2)
    deaf = service.job(image=LARGE, mask=LARGE_MASK, options=DEAF)
    other = service.job(**LONG)
    # Its one step is the one before the call.
    for job in (deaf, other):
        wait_for(lambda job=job: service.client.get(job).json()["total"] > 0)
    before = set(service.workers())
    assert service.client.delete(deaf).status_code == 204
    after = wait_for(lambda: len(now := set(service.workers())) == 2 and now != before and now)
    assert len(before & after) == 1
    assert service.client.get(other).json()["state"] == "running"
    service.client.delete(other)
    assert service.post(**SMALL).status_code == 200


def test_a_worker_that_dies_gives_one_error(serving: Serving) -> None:
    service = serving()
    job = service.job(**LONG)
    wait_for(lambda: service.client.get(job).json()["done"] > 0)
    (worker,) = service.workers()
    os.kill(worker, signal.SIGKILL)
    error = service.until(job, "failed")["error"]
    assert error["code"] == "internal"
    assert error["what"] == "the process that filled this photo ended unexpectedly"
    assert service.post(**SMALL).status_code == 200
    (other,) = service.workers()
    assert other != worker


def test_a_worker_that_died_idle_is_not_noticed(serving: Serving) -> None:
    service = serving()
    assert service.post(**SMALL).status_code == 200
    (worker,) = service.workers()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not service.workers())
    # The service hears of it a moment after the system does.
    time.sleep(0.5)
    assert service.post(**SMALL).content == inpainter.fill(PNG, MASK, "telea")


@pytest.mark.parametrize(
    "line", [5, [], {}, {"step": 1}, {"step": ["x", None]}, {"done": []}, {"done": {}}, {"failed": 3}, {"failed": {}}]
)
def test_a_worker_that_says_what_none_does(serving: Serving, monkeypatch: pytest.MonkeyPatch, line: Any) -> None:
    read = Worker._read

    async def garbled(worker: Worker) -> Any:
        return said if "ready" in (said := await read(worker) or {}) else line

    service = serving()
    wait_for(service.workers)
    monkeypatch.setattr(Worker, "_read", garbled)
    reply = service.post(**SMALL)
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "internal")
    monkeypatch.undo()
    assert service.post(**SMALL).status_code == 200


def test_a_worker_hands_out_nothing_but_its_jobs(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Worker._read

    async def garbled(worker: Worker) -> Any:
        said = await read(worker) or {}
        return {"done": {"results": [{"file": "/etc/passwd"}], "notes": []}} if "done" in said else said

    monkeypatch.setattr(Worker, "_read", garbled)
    assert service.post(**SMALL).status_code == 404


def test_a_worker_that_cannot_be_started(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*_args: Any, **_named: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    service = serving()
    (first,) = wait_for(service.workers)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", none)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not service.workers())
    time.sleep(0.5)
    assert service.post(**SMALL).status_code == 500
    monkeypatch.undo()
    assert service.post(**SMALL).status_code == 200


def test_where_memory_runs_out_a_worker_goes_first(service: Running) -> None:
    for one in wait_for(service.workers):
        wait_for(lambda one=one: Path(f"/proc/{one}/oom_score_adj").read_text() == "1000\n")


def test_what_a_library_leaves_lies_in_the_jobs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere")
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(worker, "fill", lambda _order, _step: [tempfile.gettempdir(), os.environ["TMPDIR"]])
    done = worker.Worker(io.BytesIO(), io.BytesIO())._outcome({"do": "fill", "folder": str(tmp_path)})
    assert done == {"done": [str(tmp_path)] * 2}


def test_a_fill_that_takes_too_long_is_stopped(serving: Serving) -> None:
    service = serving(fill=1.0)
    wait_for(service.workers)
    reply = service.post(**LONG)
    assert reply.status_code == 504
    assert reply.json()["error"]["code"] == "timeout"
    assert service.post(**SMALL).status_code == 200


def test_a_client_that_leaves_stops_its_fill(serving: Serving) -> None:
    service = serving()
    wait_for(service.workers)
    files, data = form(**LONG)
    try:
        service.client.post("/v1/fill", files=files, data=data, timeout=1.0)
        raise AssertionError("the fill was over before it could be left")
    except httpx.ReadTimeout:
        pass
    assert service.post(**SMALL).status_code == 200
    wait_for(lambda: not list(service.folder.iterdir()))


def test_a_job_that_nobody_listens_to_is_cancelled(serving: Serving) -> None:
    service = serving(unheard=0.8)
    listened, forgotten = service.job(**LONG), service.job(**LONG)
    # Looked at from inside: to ask for a job keeps it.
    jobs = service.app.state.jobs.all
    first, second = (jobs[job.rpartition("/")[2]] for job in (listened, forgotten))
    with service.client.stream("GET", f"{listened}/events") as stream:
        # Kept, because with it the stream would be closed.
        lines = stream.iter_lines()
        next(lines)
        wait_for(lambda: second.state == "cancelled")
        assert first.under_way
        assert not first.stop.is_set()
        del lines
    wait_for(lambda: not first.under_way)
    assert first.state == "cancelled"


def test_a_fill_waits_for_as_long_as_its_client_does(serving: Serving) -> None:
    service = serving(unheard=0.2)
    assert service.post(**LONG).status_code == 200


def test_results_are_kept_for_a_while(serving: Serving) -> None:
    service = serving(keep=0.5)
    job = service.job(**SMALL)
    wait_for(lambda: service.client.get(job).status_code == 404)
    wait_for(lambda: not list(service.folder.iterdir()))


def test_no_more_jobs_are_remembered_than_may_be(serving: Serving) -> None:
    service = serving(kept=2)
    jobs = [service.job(**SMALL) for _ in range(3) if service.until(service.job(**SMALL), "done")]
    service.until(jobs[-1], "done")
    assert service.client.get(jobs[0]).status_code == 404
    wait_for(lambda: len(list(service.folder.iterdir())) <= 3)


def test_no_more_is_kept_than_there_is_room_for(serving: Serving) -> None:
    service = serving(kept_bytes=len(PNG) * 3 // 2)
    first = service.job(**SMALL)
    result = service.until(first, "done")["results"][0]["url"]
    # The photo and the mask are needed no more.
    assert [file.name for file in service.folder.glob("*/*")] == ["filled.png"]
    assert service.client.get(result).status_code == 200
    second = service.job(**SMALL)
    service.until(second, "done")
    wait_for(lambda: service.client.get(first).status_code == 404)
    assert service.client.get(f"{second}/results/1").status_code == 200


def test_uploads_take_places_in_the_queue(serving: Serving) -> None:
    service = serving(waiting=2)
    head = "POST /v1/fill HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with ExitStack() as stack:
        for _ in range(2):
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            raw.sendall(f"{head}Content-Length: 5000\r\n\r\n--x".encode())
        wait_for(lambda: len(list(service.folder.iterdir())) == 2)
        assert service.post(**SMALL).status_code == 429
    wait_for(lambda: not list(service.folder.iterdir()))
    assert service.post(**SMALL).status_code == 200


def test_a_folder_that_the_system_took_is_made_again(serving: Serving) -> None:
    service = serving()
    job = service.job(**SMALL)
    result = service.until(job, "done")["results"][0]["url"]
    shutil.rmtree(service.folder)
    assert service.client.get(result).status_code == 404
    assert service.post(**SMALL).status_code == 200
    assert service.folder.stat().st_mode & 0o777 == 0o700


def test_a_full_disk_is_said(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: Any, **_named: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret")

    service = serving()
    monkeypatch.setattr("inpainter.apps.server.app.fill_order", full)
    reply = service.post(**SMALL)
    assert (reply.status_code, reply.json()["error"]["code"]) == (507, "no-space")
    assert "secret" not in reply.text
    assert not list(service.folder.iterdir())


def test_a_full_queue_says_when_to_come_again(serving: Serving) -> None:
    service = serving(waiting=1)
    running = service.job(**LONG)
    service.until(running, "running")
    waiting = service.job(**LONG)
    for path in ("/v1/jobs", "/v1/fill"):
        reply = service.post(path, **SMALL)
        assert reply.status_code == 429
        assert reply.json()["error"]["code"] == "busy"
        assert int(reply.headers["retry-after"]) > 0
    service.client.delete(waiting)
    service.client.delete(running)
    assert service.post(**SMALL).status_code == 200


def test_many_at_once_get_their_own_photos(serving: Serving) -> None:
    service = serving(workers=2)
    photos = [np.full((40, 60, 3), 20 * number, np.uint8) for number in range(8)]
    from server_makers import decoded, encoded, mask_of

    mask = encoded(mask_of(40, 60))
    jobs = [service.job(image=encoded(photo), mask=mask, options={"method": "telea"}) for photo in photos]
    for photo, job in zip(photos, jobs, strict=True):
        (result,) = service.until(job, "done")["results"]
        assert (decoded(service.client.get(result["url"]).content) == photo).all()


def test_a_service_that_ends_leaves_no_process(serving: Serving) -> None:
    service = serving()
    job = service.job(**LONG)
    service.until(job, "running")
    workers = service.workers()
    assert workers
    service.close()
    assert not service.workers()
