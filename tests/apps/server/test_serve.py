"""`inpainter serve` as a command: its address, its end, and what it leaves."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from server_makers import DEAF, LARGE, LARGE_MASK, MASK, PNG, SLOW, children, form, wait_for

TORCHLESS = "import sys; sys.modules['torch'] = None; from inpainter.__main__ import main; main()"


@contextmanager
def serving(
    tmp_path: Path, *options: str, start: tuple[str, ...] = ("-m", "inpainter"), browser: str = ""
) -> Iterator[tuple]:
    """The command, running; gives the process and its address."""
    process = subprocess.Popen(
        [sys.executable, *start, "serve", *([] if browser else ["--no-browser"]), *options], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(tmp_path), "BROWSER": browser},
    )  # fmt: skip
    try:
        assert process.stdout
        line = process.stdout.readline()
        address = re.search(r"http://\S+", line)
        yield process, address[0] if address else line
    finally:
        process.kill()
        process.communicate()


def test_it_fills_and_ends_and_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, start=("-c", TORCHLESS)) as (process, address):
        files, data = form(image=PNG, mask=MASK, options={"method": "telea"})
        assert httpx.post(f"{address}v1/fill", files=files, data=data, timeout=60).status_code == 200
        folders = list(tmp_path.glob("inpainter-serve-*"))
        assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700]
        workers = children(process.pid)
        assert workers
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 130
        assert errors == "stopped; nothing half-written is left\n"
        assert not list(tmp_path.iterdir())
        wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def test_stopped_while_somebody_listens_to_a_fill(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a fill: no trace, and the listener hears that it is over."""
    files, data = form(image=LARGE, mask=LARGE_MASK, options=SLOW)
    with serving(tmp_path, "--port", "0") as (process, address):
        job = httpx.post(f"{address}v1/jobs", files=files, data=data, timeout=60).json()["id"]
        with httpx.stream("GET", f"{address}v1/jobs/{job}/events", timeout=60) as stream:
            lines = stream.iter_lines()
            next(line for line in lines if '"running"' in line)
            process.send_signal(signal.SIGINT)
            assert "event: cancelled" in list(lines)
        _, errors = process.communicate(timeout=30)
        assert errors == "stopped; nothing half-written is left\n"


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("under_way", ["methods", "fill", "events", "delete", "upload", "head"])
def test_it_ends_whatever_is_under_way(tmp_path: Path, under_way: str, twice: bool) -> None:
    with serving(tmp_path, "--port", "0") as (process, address), ExitStack() as stack:
        host, port = address[7:-1].split(":")
        client = stack.enter_context(httpx.Client(base_url=address, timeout=60))
        raw = stack.enter_context(socket.create_connection((host, int(port))))
        files, data = form(image=LARGE, mask=LARGE_MASK, options=DEAF if under_way == "delete" else SLOW)
        asked = {"methods": "GET /v1/methods", "upload": "POST /v1/fill", "head": "GET /v1/meth"}.get(under_way, "")
        if under_way in ("events", "delete"):
            job = client.post("/v1/jobs", files=files, data=data).headers["location"]
            wait_for(lambda: client.get(job).json()["total"] > 0)
            asked = f"GET {job}/events" if under_way == "events" else f"DELETE {job}"
        request = client.build_request("POST", "/v1/fill", files=files, data=data)
        kind, body = request.headers["content-type"], request.read()
        head = f"{asked} HTTP/1.1\r\nHost: {host}\r\n"
        if under_way in ("upload", "fill"):
            head = f"POST /v1/fill HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        raw.sendall(head.encode() + (b"" if under_way == "head" else b"\r\n") + (body if under_way == "fill" else b""))
        client.get("/v1/health")
        time.sleep(0.5)
        processes = children(process.pid)
        process.send_signal(signal.SIGINT)
        if twice:
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (130, "stopped; nothing half-written is left\n")
        assert not list(tmp_path.iterdir())
        wait_for(lambda: not any(Path(f"/proc/{one}").exists() for one in processes))


def test_a_hangup_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0") as (process, address):
        httpx.get(f"{address}v1/health")
        process.send_signal(signal.SIGHUP)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (129, "stopped; nothing half-written is left\n")
        assert not list(tmp_path.iterdir())


def test_one_that_is_killed_leaves_no_process_and_the_next_tidies(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0") as (process, address):
        wait_for(lambda: len(children(process.pid)) >= 2)
        workers = children(process.pid)
        httpx.get(f"{address}v1/health")
        process.kill()
        process.wait()
        wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
    (left,) = tmp_path.glob("inpainter-serve-*")
    with serving(tmp_path, "--port", "0"):
        # It may be one that is just being made.
        assert left.exists()
    for folder in tmp_path.glob("inpainter-serve-*"):
        os.utime(folder, (time.time() - 100,) * 2)
    with serving(tmp_path, "--port", "0") as (_, address), serving(tmp_path, "--port", "0"):
        httpx.get(f"{address}v1/health")
        mine = wait_for(lambda: [one for one in tmp_path.glob("inpainter-serve-*") if one != left])
        assert not left.exists()
        # That of a service that runs stays, however old it looks.
        for folder in mine:
            os.utime(folder, (time.time() - 100,) * 2)
        with serving(tmp_path, "--port", "0") as (_, other):
            httpx.get(f"{other}v1/health")
            assert all(folder.exists() for folder in mine)


def test_it_opens_the_browser(tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.new; mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    with serving(tmp_path, "--port", "0", browser=str(browser)) as (_, address):
        wait_for(opened.exists)
        assert opened.read_text() == address
    opened.unlink()
    with serving(tmp_path, "--port", "0", "--no-browser", browser=str(browser)) as (_, address):
        httpx.get(f"{address}v1/health")
        assert not opened.exists()


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = subprocess.run([sys.executable, "-m", "inpainter", "serve", "--no-browser", "--port", port],
                              capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == f"error: 127.0.0.1:{port}: is taken by another program; name another with --port\n"


def test_which_addresses_it_binds(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0") as (process, address):
        port = int(re.search(r":(\d+)/", address)[1])  # pyright: ignore[reportOptionalSubscript]
        wanted = f"0100007F:{port:04X}"
        tables = [Path(f"/proc/{process.pid}/net/{table}").read_text().split("\n") for table in ("tcp", "tcp6")]
        # Local address and state; 0A is listening.
        listening = [
            line.split()[1]
            for table in tables
            for line in table[1:]
            if f":{port:04X} " in line[:35] and line.split()[3] == "0A"
        ]
        assert set(listening) == {wanted}


def test_two_at_once_have_a_port_each(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, first), serving(tmp_path) as (_, second):
        assert first != second
        assert {httpx.get(f"{one}v1/health").status_code for one in (first, second)} == {200}


def test_other_machines_need_the_token(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "0.0.0.0", "--port", "0") as (_, address):
        base, token = re.fullmatch(r"(http://[\d.]+:\d+)/#token=(\S{30,})", address).groups()  # pyright: ignore
        assert httpx.get(f"{base}/v1/methods", trust_env=False).status_code == 401
        reply = httpx.get(f"{base}/v1/methods", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert reply.status_code == 200
        port = base.rpartition(":")[2]
        # By whichever of its addresses it was asked; a name is none of them.
        assert httpx.get(f"http://127.0.0.2:{port}/v1/health").status_code == 200
        assert httpx.get(f"{base}/v1/health", headers={"Host": f"evil.example:{port}"}).status_code == 403


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--host", "no.such.host.invalid"), "no.such.host.invalid"),
        (("--host", "203.0.113.1"), "203.0.113.1"),
        (("--port", "99999"), "99999"),
        (("--port", "x"), "port"),
        (("--workers", "0"), "workers"),
    ],
)
def test_what_cannot_be_served(options: tuple[str, ...], says: str) -> None:
    done = subprocess.run([sys.executable, "-m", "inpainter", "serve", "--no-browser", *options],
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


def test_the_service_itself_decodes_nothing() -> None:
    # A file that takes a decoder over gets a worker, not what knows the token and everybody's photos.
    code = "import sys, inpainter.apps.server.app; print([m for m in ('pyvips', 'cv2', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
