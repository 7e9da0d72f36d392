"""The connections of the service, and what is logged of them."""

import asyncio
import logging
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """An HTTP connection that is closed where the head of a request does not come: a few clients could take all."""

    patience = 20.0
    """Seconds for a head."""
    most = 100
    """Connections at once: where no more files may be open (macOS has 256), asyncio turns in circles."""
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        self._late = self.loop.call_later(self.patience, transport.close)

    def data_received(self, data: bytes) -> None:
        """Take what comes; between two requests uvicorn itself closes what is idle."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._late is None:
            self._late = self.loop.call_later(self.patience, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._late:
            self._late.cancel()
        self._late = None


def log_only_faults() -> None:
    """Log faults of the program, and neither what clients get wrong nor requests that end with the service."""
    logging.getLogger("uvicorn.error").addFilter(_is_fault)
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


def _is_fault(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[1]:
        return not isinstance(record.exc_info[1], asyncio.CancelledError)
    # What fails at the start or end of the application comes as a text.
    text = record.getMessage()
    return "Traceback" in text and "CancelledError" not in text
