"""`inpainter serve`: a socket, a private folder, and a browser."""

import errno
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inpainter.apps.server.guard import is_loopback
from inpainter.apps.stops import SIGNALS
from inpainter.core import InputError

PORT = 8750
# Where that is taken, the next ones are tried.
_PORTS, _LAST_PORT = 20, 65_535
_MOST_WORKERS = 64
_FOLDER = "inpainter-serve-"
# A folder is locked at once; one that is not, and so old, was left by a service that was killed. In seconds.
_LEFT_AFTER = 60
# What the system says of a port that another program has; on Windows also that access is denied.
_TAKEN = {errno.EADDRINUSE, getattr(errno, "WSAEACCES", errno.EADDRINUSE)}
# Uploads under way would keep a service that is stopped from ending, s.
_GRACE = 1
# What says that there is a screen, or which browser to take.
_SCREENS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
# Connections that wait to be taken; so many are taken before any is closed.
_BACKLOG = 32


@dataclass(frozen=True)
class Serve:
    """One call of `inpainter serve`."""

    host: str = "127.0.0.1"
    port: int | None = None
    """None: the first that is free, from PORT on."""
    allow_host: tuple[str, ...] = ()
    workers: int | None = None
    browser: bool = True

    def run(self) -> int:
        """Serve until a signal comes, and return the exit code."""
        if self.port is not None and self.port > _LAST_PORT:
            raise InputError(
                f"port {self.port}: there is none; give --port a number from 0, any that is free, to {_LAST_PORT}"
            )
        if self.workers is not None and not 1 <= self.workers <= _MOST_WORKERS:
            raise InputError(f"{self.workers} workers: give --workers a number from 1 to {_MOST_WORKERS}")
        listening = self._listen()
        token = None if is_loopback(self.host) else secrets.token_urlsafe(24)
        address = f"http://{self._shown(listening)}/" + (f"#token={token}" if token else "")
        print(f"inpainter is at {address}  (Ctrl-C stops it)", flush=True)
        if self.browser:
            _open_browser(address)
        # Only now: whoever has the address already waits in the socket's queue.
        from inpainter.apps.server.app import make_app

        with private_folder() as folder:
            app = make_app(folder, workers=self.workers or _default_workers(), hosts=self.allow_host, token=token)
            server_of(app).run(sockets=[listening])
        return 0

    def _listen(self) -> socket.socket:
        ports = [self.port] if self.port is not None else range(PORT, PORT + _PORTS)
        for port in ports:
            try:
                return self._bound(port)
            except OSError as error:
                taken = error.errno in _TAKEN
                if not taken or self.port is not None:
                    what = "is taken by another program" if taken else (error.strerror or str(error)).lower()
                    other = "--port" if taken else "--host or --port"
                    raise InputError(f"{self.host}:{port}: {what}; name another with {other}") from error
        raise InputError(f"ports {PORT} to {PORT + _PORTS - 1} are taken by other programs; name another with --port")

    def _bound(self, port: int) -> socket.socket:
        family, kind, protocol, _, address = socket.getaddrinfo(self.host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            if os.name != "nt":  # where it would let two programs share a port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
        except BaseException:
            listening.close()
            raise
        return listening

    def _shown(self, listening: socket.socket) -> str:
        """The address to open, as a browser takes it."""
        host, port = listening.getsockname()[:2]
        if host in ("0.0.0.0", "::"):
            host = _own_address(listening.family) or host
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def server_of(app: Any) -> Any:
    """A server that runs an application as `inpainter serve` does."""
    import uvicorn.server

    from inpainter.apps.server.connection import Connection, log_only_faults

    # A terminal that is closed, too: an exception from nowhere would leave the event loop waiting for ever.
    uvicorn.server.HANDLED_SIGNALS = tuple(one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # First, so that whoever waits for a fill hears that it is over, rather than being cut off with a trace.
            await app.state.jobs.close()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, proxy_headers=False, ws="none",
        lifespan="on", http=Connection, loop="asyncio", timeout_graceful_shutdown=_GRACE, backlog=_BACKLOG,
    )  # fmt: skip
    log_only_faults()
    return Server(config)


def _own_address(family: int) -> str:
    """The address that other machines of the network reach this one by; empty without a network."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
        # Nothing is sent: the system only chooses the way.
        asking.connect(("192.0.2.1", 9) if family == socket.AF_INET else ("2001:db8::1", 9))
        return str(asking.getsockname()[0])
    return ""


def _default_workers() -> int:
    """Two, so that a long fill does not keep a short one waiting; more on a large machine, as each takes memory."""
    return max(2, min(4, (os.cpu_count() or 1) // 2))


def _open_browser(address: str) -> None:
    """Open the page, where there is a screen; without one a browser of text would take the terminal."""
    import threading
    import webbrowser

    screenless = sys.platform.startswith("linux") and not any(map(os.environ.get, _SCREENS))
    if not screenless:
        # Some browsers return when they are closed.
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


@contextmanager
def private_folder() -> Iterator[Path]:
    """A temporary folder that only this user can read, gone in the end; those that killed services left go, too."""
    from inpainter.engine.lock import only_run

    _remove_left()
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
    try:
        with only_run(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left() -> None:
    from inpainter.engine.lock import only_run

    for old in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        with suppress(OSError, InputError):
            facts = old.lstat()
            if time.time() - facts.st_mtime < _LEFT_AFTER or (os.name != "nt" and facts.st_uid != os.getuid()):
                continue
            with only_run(old):
                shutil.rmtree(old, ignore_errors=True)
