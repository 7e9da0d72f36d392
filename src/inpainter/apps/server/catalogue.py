"""The methods as clients see them."""

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any


class Catalogue:
    """The cards of all methods, read when first asked for.

    By a process of its own: the cards of trained methods come with torch, which is slow to import and large to keep.
    """

    def __init__(self) -> None:
        self._methods: list[dict[str, Any]] | None = None
        self._reading = asyncio.Lock()

    async def methods(self) -> list[dict[str, Any]] | None:
        """All methods, as `worker.described_methods` has them."""
        async with self._reading:
            if self._methods is None:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-m", "inpainter.apps.server.worker", "methods",
                    stdout=asyncio.subprocess.PIPE, start_new_session=True,
                )  # fmt: skip
                try:
                    said, _ = await process.communicate()
                finally:
                    # It is still there where the service is stopped meanwhile.
                    with suppress(ProcessLookupError):
                        process.kill()
                self._methods = json.loads(said)
            return self._methods
