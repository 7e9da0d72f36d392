"""The HTTP interface: what each address does."""

import asyncio
import errno
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from inpainter._version import __version__
from inpainter.apps.server.catalogue import Catalogue
from inpainter.apps.server.guard import (
    COOKIE,
    SESSION,
    Guard,
    Receive,
    Scope,
    Send,
    TooLongError,
    error_fields,
    problem,
)
from inpainter.apps.server.jobs import BusyError, Job, Jobs
from inpainter.apps.server.limits import LIMITS, Limits
from inpainter.apps.server.openapi import document
from inpainter.apps.server.orders import file_name, fill_order, preview_order, read_form
from inpainter.core import InputError

PAGE = Path(__file__).parents[1] / "page"
# A code of an error that a client can put right → the status of the reply.
STATUS = {
    "invalid": 400, "not-found": 404, "unsupported": 415, "too-large": 413, "missing-extra": 501, "exists": 409,
    "no-space": 507, "cancelled": 409, "timeout": 504, "internal": 500,
}  # fmt: skip
_RETRY_AFTER = 10
# A line that says nothing, so that what lies between does not take the connection for dead, s.
_HEARTBEAT = 15


def make_app(
    folder: Path, *, workers: int, hosts: tuple[str, ...] = (), token: str | None = None, limits: Limits = LIMITS
) -> Starlette:
    """The application; its jobs' files lie in `folder`, which is private."""
    service = Service(Jobs(folder, workers, limits))

    @asynccontextmanager
    async def running(_app: Starlette) -> AsyncIterator[None]:
        service.jobs.start()
        yield
        await service.jobs.close()

    app = Starlette(
        routes=service.routes(),
        lifespan=running,
        middleware=[Middleware(Guard, hosts=hosts, token=token, limits=limits)],
        exception_handlers={
            InputError: _input_error, HTTPException: _http_error, TooLongError: _too_long, BusyError: _busy,
            OSError: _system_error, ClientLeft: _left, ClientDisconnect: _left,
        },  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    app.state.jobs = service.jobs
    return app


class Service:
    """What the addresses share."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs, self._catalogue = jobs, Catalogue()

    def routes(self) -> list[Route]:
        """Every address."""
        return [
            Route("/", self.page),
            Route("/page/{name}", self.page),
            Route("/openapi.json", self.openapi),
            Route("/v1/health", self.health),
            Route(SESSION, self.session, methods=["POST"]),
            Route("/v1/methods", self.methods),
            Route("/v1/fill", self.fill, methods=["POST"]),
            Route("/v1/preview", self.preview, methods=["POST"]),
            Route("/v1/jobs", self.new_job, methods=["POST"]),
            Route("/v1/jobs/{id}", self.job, methods=["GET"]),
            Route("/v1/jobs/{id}", self.forget_job, methods=["DELETE"]),
            Route("/v1/jobs/{id}/events", self.events),
            Route("/v1/jobs/{id}/results/{number:int}", self.result),
        ]

    async def page(self, request: Request) -> Response:
        """A file of the page."""
        name = request.path_params.get("name", "index.html")
        # Compared with what is there, never made into a path.
        file = next((file for file in PAGE.iterdir() if file.name == name and file.is_file()), None)
        if file is None:
            raise HTTPException(404)
        # Another version of the program may serve another page from the same address.
        return FileResponse(file, media_type=guess_type(name)[0], headers={"Cache-Control": "no-cache"})

    async def openapi(self, _request: Request) -> Response:
        """This interface, for programs."""
        return JSONResponse(document())

    async def health(self, _request: Request) -> Response:
        """Whether it is there."""
        return JSONResponse({"status": "ok", "version": __version__, "workers": self.jobs.workers,
                             "waiting": self.jobs.waiting})  # fmt: skip

    async def session(self, request: Request) -> Response:
        """Put the token, once handed in, into a cookie that no script reads and no other site's page sends."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        reply = Response(status_code=204)
        if token:
            reply.set_cookie(COOKIE, token, httponly=True, samesite="strict", path="/")
        return reply

    async def methods(self, _request: Request) -> Response:
        """The methods."""
        return JSONResponse({"methods": await self._catalogue.methods()})

    async def fill(self, request: Request) -> Response:
        """Fill a photo and return it; a client that leaves stops it."""
        job = await self._ordered(request, partial(fill_order, several=False), listeners=1)
        try:
            await _unless_gone(request.receive, job.end())
        except BaseException:
            # Also where the service is stopped: nobody waits for it any more.
            await asyncio.shield(self.jobs.forget(job))
            raise
        if job.error:
            await self.jobs.forget(job)
            return _problem_of(**job.error)
        notes = {"Inpainter-Notes": json.dumps(job.outcome["notes"])}
        return self._file(job, 1, notes, BackgroundTask(self.jobs.forget, job))

    async def preview(self, request: Request) -> Response:
        """A small upright JPEG of a photo that a browser cannot show."""
        job = await self._ordered(request, preview_order, listeners=1)
        try:
            await _unless_gone(request.receive, job.end())
            if job.error:
                return _problem_of(**job.error)
            size = {f"Inpainter-{side.title()}": str(job.outcome[side]) for side in ("width", "height")}
            jpeg = await asyncio.to_thread((job.folder / job.outcome["results"][0]["file"]).read_bytes)
            return Response(jpeg, media_type="image/jpeg", headers=size)
        finally:
            await asyncio.shield(self.jobs.forget(job))

    async def new_job(self, request: Request) -> Response:
        """Take a photo to be filled, and return at once."""
        job = await self._ordered(request, partial(fill_order, several=True))
        return JSONResponse(self._described(job), 202, headers={"Location": f"/v1/jobs/{job.id}"})

    async def job(self, request: Request) -> Response:
        """How far a job is, and what came of it."""
        return JSONResponse(self._described(self._job(request)))

    async def forget_job(self, request: Request) -> Response:
        """Cancel a job and forget its results."""
        await self.jobs.forget(self._job(request))
        return Response(status_code=204)

    async def events(self, request: Request) -> Response:
        """The same as it changes, until the job is over."""
        last = request.headers.get("last-event-id", "")
        return _Events(self, self._job(request), int(last) if last.isdecimal() and len(last) < 10 else -1)

    async def result(self, request: Request) -> Response:
        """A filled photo."""
        job, number = self._job(request), request.path_params["number"]
        if job.error or job.under_way:
            return problem(409, "cancelled" if job.error else "invalid", f"the job is {job.state}",
                           "ask for the result of a job that is done")  # fmt: skip
        if not 1 <= number <= len(job.outcome["results"]):
            raise HTTPException(404)
        return self._file(job, number)

    async def _ordered(self, request: Request, order_of: Callable[..., Any], listeners: int = 0) -> Job:
        """The job that a request asks for, waiting for a worker."""
        # Before the upload is read, which would be for nothing.
        with self.jobs.place():
            folder = self.jobs.new_folder()
            job = Job({"folder": str(folder)}, "", listeners=listeners)
            try:
                async with read_form(request) as form:
                    job.order = await order_of(form, folder)
                    job.name = file_name(form)
                await self.jobs.add(job)
            except BaseException:
                await asyncio.shield(self.jobs.forget(job))
                raise
            return job

    def _job(self, request: Request) -> Job:
        job = self.jobs.get(request.path_params["id"])
        if job is None:
            raise HTTPException(404)
        return job

    def _described(self, job: Job) -> dict[str, Any]:
        finished = job.outcome.get("results", [])
        left = None
        if job.finished is not None:
            left = max(0, round(job.finished + self.jobs.limits.keep - time.monotonic()))
        return {
            "id": job.id, "state": job.state, "waiting": self.jobs.before(job), "done": job.done, "total": job.total,
            "notes": job.outcome.get("notes", []), "error": error_fields(**job.error) if job.error else None,
            "results": [
                {"seed": one["seed"], "energy": one["energy"], "url": f"/v1/jobs/{job.id}/results/{number}"}
                for number, one in enumerate(finished, 1)
            ],
            "expires_in": left,
        }  # fmt: skip

    def _file(self, job: Job, number: int, headers: dict[str, str] | None = None, then: Any = None) -> Response:
        file = job.folder / job.outcome["results"][number - 1]["file"]
        try:
            facts = file.stat()
        except FileNotFoundError:
            raise HTTPException(404) from None
        numbered = f"-{number}" if len(job.outcome["results"]) > 1 else ""
        name = f"{job.name}-filled{numbered}{file.suffix}"
        # The second is for programs that know only ASCII.
        plain = "".join(letter if letter.isascii() and letter not in '"\\%' else "_" for letter in name)
        disposition = f"attachment; filename*=utf-8''{quote(name, safe='')}; filename=\"{plain}\""
        return FileResponse(file, media_type=guess_type(name)[0], background=then, stat_result=facts,
                            headers={"Content-Disposition": disposition, **(headers or {})})  # fmt: skip


class _Events(Response):
    """Server-sent events of a job; the stream ends with the job, or when its client leaves."""

    def __init__(self, service: Service, job: Job, last: int) -> None:
        super().__init__(media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        # How long it is, nobody knows.
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        self._service, self._job, self._last = service, job, last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        self._job.listeners += 1
        try:
            with suppress(ClientLeft):
                await _unless_gone(receive, self._stream(send))
        finally:
            self._job.listeners -= 1
            self._job.touched = time.monotonic()

    async def _stream(self, send: Send) -> None:
        job, seen = self._job, self._last if self._last <= self._job.version else -1
        while True:
            try:
                async with asyncio.timeout(_HEARTBEAT):
                    # What is over has one last event, also for whoever had it.
                    if job.under_way:
                        await job.after(seen)
            except TimeoutError:
                await send({"type": "http.response.body", "body": b": still here\n\n", "more_body": True})
                continue
            seen = job.version
            name = "progress" if job.under_way else job.state
            text = f"id: {seen}\nevent: {name}\ndata: {json.dumps(self._service._described(job))}\n\n"
            await send({"type": "http.response.body", "body": text.encode(), "more_body": name == "progress"})
            if name != "progress":
                return


class ClientLeft(Exception):  # noqa: N818, it is no error
    """The client left."""


async def _unless_gone(receive: Callable[[], Awaitable[Any]], doing: Any) -> Any:
    """Wait for something, and give it up when the client leaves, with `ClientLeft`."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    work, leaving = asyncio.ensure_future(doing), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ClientLeft
        return await work
    finally:
        work.cancel()
        leaving.cancel()


# ----------------------------------------------------------------------------------------------------------- the errors


def _problem_of(code: str, what: str, remedy: str) -> Response:
    return problem(STATUS.get(code, 500), code, what, remedy)


async def _input_error(_request: Request, error: Any) -> Response:
    return _problem_of(error.code, error.what, error.remedy)


async def _http_error(_request: Request, error: Any) -> Response:
    if error.status_code == 404:
        return problem(404, "not-found", "there is nothing at this address",
                       "results are kept for a while only; GET /openapi.json lists the addresses")  # fmt: skip
    if error.status_code == 405:
        return problem(405, "invalid", "this address does not take this method",
                       "GET /openapi.json lists the addresses", error.headers)  # fmt: skip
    return problem(error.status_code, "invalid", f"the request: {error.detail}")


async def _too_long(_request: Request, error: Any) -> Response:
    return error.reply


async def _busy(_request: Request, _error: Any) -> Response:
    return problem(429, "busy", "too many photos wait to be filled", "try again in some seconds",
                   {"Retry-After": str(_RETRY_AFTER)})  # fmt: skip


async def _left(_request: Request, _error: Any) -> Response:
    return Response(status_code=499)


async def _system_error(_request: Request, error: Any) -> Response:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    return problem(507, "no-space", "the disk of the service is full", "try again when there is room")
