"""Listeners of the stand-in: watched, mute, or bound and not listening."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from .recorder import Connection, Recorder, listening


class WatchedServer(web.Server):
    """aiohttp's server, watched."""

    def __init__(self, handler: Any, recorder: Recorder) -> None:
        quiet = logging.getLogger(f"{__name__}.http")
        quiet.disabled = True  # clients that vanish are the point here; what matters is kept by the recorder
        super().__init__(handler, handler_cancellation=True, logger=quiet, access_log=None)
        self._recorder = recorder
        self._known: dict[RequestHandler, Connection] = {}

    def connection_of(self, request: web.BaseRequest) -> Connection:
        """Return the connection that a request came by. Raises ConnectionResetError when it is gone already."""
        if (found := self._known.get(request.protocol)) is None:
            raise ConnectionResetError("the client went away at once")
        return found

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        now = asyncio.get_running_loop().time()
        self._known[handler] = Connection(number=len(self._recorder.connections) + 1, opened_s=now)
        self._recorder.connections.append(self._known[handler])

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        if found := self._known.pop(handler, None):
            found.closed_s = asyncio.get_running_loop().time()

    async def stop(self) -> None:
        """Drop all connections and wait for their handlers."""
        tasks = [one._task_handler for one in self.connections if one._task_handler]
        for one in self.connections:
            if one.transport:
                one.transport.abort()
        await asyncio.sleep(0)
        await self.shutdown(1.0)
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def listener_of(server: Any, recorder: Recorder, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Listen; give the port."""
    loop = asyncio.get_running_loop()
    sock = listening(recorder)
    # ssl_shutdown_timeout: a client that is told off by a fault need not say goodbye
    timeouts = {"ssl_handshake_timeout": 30.0, "ssl_shutdown_timeout": 0.5} if context else {}
    listener = await loop.create_server(server, sock=sock, ssl=context, **timeouts)
    try:
        yield sock.getsockname()[1]
    finally:
        listener.close()
        await listener.wait_closed()


class Mute(asyncio.Protocol):
    """Takes everything and says nothing."""

    def __init__(self, everyone: set[asyncio.BaseTransport]) -> None:
        self._everyone = everyone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._everyone.add(transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._everyone.discard(self._transport)


def bound() -> socket.socket:
    """Return a socket that has a port and does not listen: connecting to it is refused."""
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    return one
