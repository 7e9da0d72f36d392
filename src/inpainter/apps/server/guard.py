"""Who may ask the service, and what it says to every browser: around the whole application, before anything is read."""

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response

from inpainter.apps.server.limits import LIMITS, Limits

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

COOKIE = "inpainter-token"
SESSION = "/v1/session"
# Whether the service is there may be asked without a token; the page, too, holds nothing of anybody.
_OPEN = ("/v1/health",)
_LOCAL = ("localhost", "127.0.0.1", "::1")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every reply."""


class TooLongError(Exception):
    """A request that is larger than it may be, or takes longer to come."""

    def __init__(self, status: int, code: str, what: str, remedy: str) -> None:
        super().__init__(what)
        self.reply = problem(status, code, what, remedy)


def error_fields(code: str, what: str, remedy: str) -> dict[str, str]:
    """An error as clients get it, in replies and in jobs alike."""
    message = f"{what}; {remedy}" if remedy else what
    return {"code": code, "message": message, "what": what, "remedy": remedy}


def problem(status: int, code: str, what: str, remedy: str = "", headers: dict[str, str] | None = None) -> Response:
    """A reply that is an error, as JSON."""
    return JSONResponse({"error": error_fields(code, what, remedy)}, status, headers=headers)


def is_loopback(host: str) -> bool:
    """Whether an address to bind is this machine's own, which no other can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """Checks host, origin, token and length of each request, and adds the headers of each reply."""

    def __init__(
        self, app: Any, *, hosts: tuple[str, ...] = (), token: str | None = None, limits: Limits = LIMITS
    ) -> None:
        self._app, self._token, self._limits = app, token, limits
        self._hosts = {*_LOCAL, *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        # Parts of a file are an offer that nobody needs, with replies of their own.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"range"]
        refused = self._refused(scope, Headers(scope=scope))
        try:
            await (refused or self._app)(scope, self._limited(receive, lambda: started), send_with_headers)
        except Exception:
            if not started:
                reply = problem(500, "internal", "something went wrong in the program", "try again",
                                {"Connection": "close"})  # fmt: skip
                await reply(scope, receive, send_with_headers)
            # For the log; whoever runs the service should see it.
            raise

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """The reply to a request that may not pass."""
        host = headers.get("host", "")
        if not self._is_ours(host, scope):
            return problem(403, "forbidden", f"this service is not called {host[:100]!r}",
                           "open the address that it printed, or start it with --allow-host NAME")  # fmt: skip
        # A page of another site may send what it likes to this address; its browser says where it came from.
        origin = headers.get("origin")
        foreign = origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}")
        asks = scope["method"] not in ("GET", "HEAD") or scope["path"].startswith("/v1/")
        if asks and (foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site")):
            return problem(403, "forbidden", "the request comes from a page of another site",
                           "use the service's own page")  # fmt: skip
        needs_token = scope["path"].startswith("/v1/") and scope["path"] not in _OPEN
        if self._token and needs_token and not _brings(headers, self._token):
            remedy = "open the address with the token that `inpainter serve` printed"
            headers_back = {"WWW-Authenticate": "Bearer"}
            return problem(401, "unauthorised", "the token is missing or wrong", remedy, headers_back)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._limits.body:
            return self._too_large().reply
        return None

    def _is_ours(self, host: str, scope: Scope) -> bool:
        """Whether a request was sent to a name of this service: the name of a site that points here is none."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        # Where it listens on all addresses, the one that the request came in by.
        return name in self._hosts or (bool(scope.get("server")) and name == scope["server"][0].lower())

    def _too_large(self) -> TooLongError:
        return TooLongError(413, "too-large", f"the request is larger than {self._limits.body // 2**20} MB",
                       "send a smaller file")  # fmt: skip

    def _limited(self, receive: Receive, started: Callable[[], bool]) -> Receive:
        """Take a body only up to the limits of bytes and seconds."""
        came, deadline, whole = 0, asyncio.get_running_loop().time() + self._limits.upload, False

        async def limited() -> Message:
            nonlocal came, whole
            message: Message = {}
            error: TooLongError | None = None
            try:
                # Once the body is here, what comes is the end of the connection.
                async with asyncio.timeout_at(None if whole else deadline):
                    message = await receive()
            except TimeoutError:
                what = f"the request took longer than {self._limits.upload:.0f} s to come"
                error = TooLongError(408, "timeout", what, "send it again")
            came += len(message.get("body", b""))
            if came > self._limits.body:
                error = self._too_large()
            if error and started():
                # Too late for another reply.
                return {"type": "http.disconnect"}
            if error:
                raise error
            whole = not message.get("more_body", False)
            return message

        return limited


def _brings(headers: Headers, token: str) -> bool:
    """Whether a request brings the token, in a header or a cookie."""
    given = [headers.get("authorization", "").removeprefix("Bearer ")]
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        cookies = SimpleCookie()
    given += [cookies[COOKIE].value] if COOKIE in cookies else []
    return any(hmac.compare_digest(one.encode(), token.encode()) for one in given)
