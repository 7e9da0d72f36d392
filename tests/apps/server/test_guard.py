"""Who may ask, how much may be sent, and what every reply says to a browser."""

import contextlib
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from inpainter.apps.server.connection import Connection
from inpainter.apps.server.guard import HEADERS, is_loopback
from server_makers import JPEG, LARGE, LARGE_MASK, MASK, SLOW, Running, form, wait_for

Serving = Callable[..., Running]


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST", "[::1]:{}", "127.0.0.1"])
def test_the_services_own_names(service: Running, host: str) -> None:
    reply = service.client.get("/v1/health", headers={"Host": host.format(service.port)})
    assert reply.status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b", "[", "192.168.0.1", "0"]
)
@pytest.mark.parametrize("path", ["/", "/v1/health", "/openapi.json"])
def test_a_name_that_points_here_is_not_the_services(service: Running, host: str, path: str) -> None:
    reply = service.client.get(path, headers={"Host": host})
    # Of some uvicorn itself says that they are no names.
    assert reply.status_code in (403, 400)


def test_a_request_without_a_host(service: Running) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as raw:
        raw.sendall(b"GET /v1/methods HTTP/1.0\r\n\r\n")
        assert b" 403 " in raw.recv(100)


def test_a_name_behind_a_proxy_is_allowed_by_option(serving: Serving) -> None:
    service = serving(hosts=("photos.example",))
    for host, status in (("photos.example", 200), ("Photos.example:443", 200), ("other.example", 403)):
        assert service.client.get("/v1/health", headers={"Host": host}).status_code == status
    files, data = form(image=JPEG, mask=MASK, options={"method": "telea"})
    headers = {"Host": "photos.example", "Origin": "https://photos.example"}
    assert service.client.post("/v1/fill", files=files, data=data, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "foo://127.0.0.1:{}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:{}"},
        {"Origin": "http://127.0.0.1.evil.example:{}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_may_not_ask(service: Running, headers: dict[str, str]) -> None:
    headers = {name: value.format(service.port) for name, value in headers.items()}
    files, data = form(image=JPEG, mask=MASK)
    before = sorted(service.folder.iterdir())
    for reply in (
        service.client.post("/v1/fill", files=files, data=data, headers=headers),
        service.client.post("/v1/jobs", headers=headers),
        service.client.get("/v1/methods", headers=headers),
        service.client.delete("/v1/jobs/x", headers=headers),
    ):
        assert reply.status_code == 403
        assert reply.json()["error"]["code"] == "forbidden"
        assert "access-control-allow-origin" not in reply.headers
    assert sorted(service.folder.iterdir()) == before


def test_the_services_own_page_may_ask(service: Running) -> None:
    headers = {"Origin": f"http://127.0.0.1:{service.port}", "Sec-Fetch-Site": "same-origin"}
    files, data = form(image=JPEG, mask=MASK, options={"method": "telea"})
    assert service.client.post("/v1/fill", files=files, data=data, headers=headers).status_code == 200


def test_a_link_on_another_site_opens_the_page(service: Running) -> None:
    assert service.client.get("/page/none", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 404


def test_a_token(serving: Serving) -> None:
    service = serving(token="right")
    asked = ("/v1/methods", "/v1/jobs/x", "/v1/jobs/x/events", "/v1/jobs/x/results/1")
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "inpainter-token=wrong"}, {"Cookie": "=;;\x01"}):
        for path in asked:
            reply = service.client.get(path, headers=headers)
            assert (reply.status_code, reply.json()["error"]["code"]) == (401, "unauthorised")
        for path in ("/v1/fill", "/v1/jobs", "/v1/preview", "/v1/session"):
            assert service.client.post(path, headers=headers).status_code == 401
    assert service.client.get("/v1/health").status_code == 200
    assert service.client.get("/v1/methods", headers={"Authorization": "Bearer right"}).status_code == 200
    reply = service.client.post("/v1/session", headers={"Authorization": "Bearer right"})
    assert reply.status_code == 204
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    # The client keeps it, as a browser does.
    assert service.client.get("/v1/methods").status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1/health", "/v1/jobs/none", "/nothing", "/v1/fill"])
def test_every_reply_has_the_headers(service: Running, path: str) -> None:
    for reply in (service.client.get(path), service.client.get(path, headers={"Host": "evil.example"})):
        for name, value in HEADERS.items():
            assert reply.headers[name] == value
        assert reply.headers["cache-control"] in ("no-store", "no-cache")
        assert "server" not in reply.headers


def test_no_script_but_the_services_own_runs() -> None:
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"


def test_a_body_that_says_it_is_too_large(serving: Serving) -> None:
    service = serving(body=10_000)
    with socket.create_connection(("127.0.0.1", service.port)) as raw:
        head = "POST /v1/fill HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        raw.sendall(f"{head}Content-Length: 10001\r\n\r\n".encode())
        # It says so before anything has come.
        assert b" 413 " in raw.recv(1000)


def test_a_body_that_turns_out_too_large(serving: Serving) -> None:
    service = serving(body=10_000)

    def body() -> object:
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        for _ in range(200):
            yield bytes(1000)

    # The service may close the connection while the client still sends.
    with contextlib.suppress(httpx.WriteError, httpx.ReadError):
        reply = service.client.post(
            "/v1/fill", content=body(), headers={"Content-Type": "multipart/form-data; boundary=x"}
        )  # fmt: skip
        assert reply.status_code == 413
        assert reply.json()["error"]["code"] == "too-large"
    wait_for(lambda: not list(service.folder.iterdir()))


def test_a_body_that_trickles(serving: Serving) -> None:
    service = serving(upload=0.5)
    with socket.create_connection(("127.0.0.1", service.port)) as raw:
        head = "POST /v1/fill HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        raw.sendall(f"{head}Content-Length: 5000\r\n\r\n--x".encode())
        raw.settimeout(20)
        assert b" 408 " in raw.recv(1000)
    # A fill may take longer than an upload.
    files, data = form(image=JPEG, mask=MASK, options={"method": "telea"})
    assert service.client.post("/v1/fill", files=files, data=data).status_code == 200


def test_a_body_that_does_not_come_behind_a_reply_that_does(serving: Serving, capfd: Any) -> None:
    service = serving(upload=0.5)
    job = service.job(image=LARGE, mask=LARGE_MASK, options=SLOW)
    with socket.create_connection(("127.0.0.1", service.port)) as raw:
        raw.sendall(f"GET {job}/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n".encode())
        assert b"text/event-stream" in raw.recv(10_000)
        raw.settimeout(20)
        while raw.recv(10_000):
            pass
    service.client.delete(job)
    assert not capfd.readouterr().err


def test_a_client_that_leaves_while_it_sends_is_no_error(serving: Serving, capfd: Any) -> None:
    service = serving()
    with socket.create_connection(("127.0.0.1", service.port)) as raw:
        head = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        raw.sendall(f"{head}Content-Length: 5000\r\n\r\n--x".encode())
        wait_for(lambda: list(service.folder.iterdir()))
    wait_for(lambda: not list(service.folder.iterdir()))
    assert service.client.get("/v1/health").status_code == 200
    assert not capfd.readouterr().err


def test_a_fault_of_the_program_has_the_headers_and_no_trace(service: Running, monkeypatch: Any, capfd: Any) -> None:
    monkeypatch.setattr(service.app.state.jobs, "get", lambda _name: 1 / 0)
    reply = service.client.get("/v1/jobs/x")
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "internal")
    assert "ZeroDivision" not in reply.text
    assert all(reply.headers[name] == value for name, value in HEADERS.items())


def test_parts_of_files_are_not_sent(service: Running) -> None:
    for asked in ("bytes=0-1", "bytes=9-1", "bytes=999999999-", "bytes=0-1,4-5", "x"):
        reply = service.client.get("/", headers={"Range": asked})
        assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("head", [b"", b"GET / HT", b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT"])
def test_a_head_that_does_not_come(serving: Serving, monkeypatch: Any, head: bytes) -> None:
    monkeypatch.setattr(Connection, "patience", 0.3)
    service = serving()
    with socket.create_connection(("127.0.0.1", service.port)) as raw:
        raw.sendall(head)
        raw.settimeout(20)
        while raw.recv(10_000):
            pass
    # A reply may take longer.
    assert service.post(image=LARGE, mask=LARGE_MASK, options=SLOW).status_code == 200


def test_more_connections_than_there_may_be(serving: Serving, monkeypatch: Any) -> None:
    monkeypatch.setattr(Connection, "most", 3)
    service = serving()
    address = ("127.0.0.1", service.port)
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(socket.create_connection(address)) for _ in range(3)]
        with socket.create_connection(address) as over, contextlib.suppress(ConnectionResetError):
            over.settimeout(5)
            assert over.recv(100) == b""
        kept[0].sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in kept[0].recv(1000)
    wait_for(lambda: _works(service))


def _works(service: Running) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return service.client.get("/v1/health").status_code == 200
    return False


@pytest.mark.parametrize(
    "asked",
    [b"nothing\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"],
)
def test_what_clients_get_wrong_is_not_logged(serving: Serving, capfd: Any, asked: bytes) -> None:
    service = serving()
    with socket.create_connection(("127.0.0.1", service.port)) as raw:
        raw.sendall(asked)
        assert raw.recv(10_000)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert service.client.post("/v1/fill", headers=headers, content=b"nothing").status_code == 400
    assert not capfd.readouterr().err


def test_which_addresses_only_this_machine_reaches() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.2", "example.org", "")))
