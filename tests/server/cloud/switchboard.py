"""One address behind which services change: a lane keeps its url while certificates, silence or nobody answer it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

NOTICED_SECONDS = 0.05
"""A client that keeps connections needs a moment to see that one was dropped."""


class Switchboard:
    """Passes connections on to wherever it leads now."""

    def __init__(self, target: str) -> None:
        """Lead to the host and port of an URL."""
        self._target = target
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self.port = 0

    async def leads(self, target: str | None) -> None:
        """Lead to another URL's host and port, None: nobody listens. Connections elsewhere end, and are seen to."""
        if target == self._target:
            return
        self._target = target or ""
        await self.drop()
        await asyncio.sleep(NOTICED_SECONDS)
        if target and self._server is None:
            await self._open()
        if not target and self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, family=socket.AF_INET)
        self.port = self._server.sockets[0].getsockname()[1]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = urlsplit(self._target)
        try:
            far_reader, far_writer = await asyncio.open_connection(found.hostname, found.port)
            try:
                await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
            finally:
                far_writer.transport.abort()
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async def drop(self) -> None:
        """End every connection."""
        tasks = list(self._passing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @classmethod
    @asynccontextmanager
    async def open(cls, target: str) -> AsyncIterator[Switchboard]:
        """Listen on a free port of 127.0.0.1 within the running loop."""
        board = cls(target)
        await board._open()
        try:
            yield board
        finally:
            await board.leads(None)


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, and its end or its reset."""
    try:
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    except ConnectionResetError:
        writer.transport.abort()
        return
    # The other side may be gone, or be TLS, which cannot be half closed: then there is nobody left to tell.
    with contextlib.suppress(OSError, NotImplementedError, RuntimeError):
        writer.write_eof()
