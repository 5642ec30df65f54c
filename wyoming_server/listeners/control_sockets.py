"""The WebSockets that are open, so that a stop and a new token can end them."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from aiohttp import web

_LOGGER = logging.getLogger(__name__)
GOING_AWAY = 1001
TOKEN_ENDED = 4401
_CLOSE_SECONDS = 2.0
"""For a client that does not answer the goodbye."""


class Sockets:
    """Those that somebody holds."""

    def __init__(self) -> None:
        """Hold none."""
        self._open: set[web.WebSocketResponse] = set()

    def __len__(self) -> int:
        return len(self._open)

    @contextlib.contextmanager
    def holding(self, socket: web.WebSocketResponse) -> Iterator[None]:
        """Count a socket among the open ones until the block ends."""
        self._open.add(socket)
        try:
            yield
        finally:
            self._open.discard(socket)

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye to all and wait for theirs."""
        await asyncio.gather(*(_close(one, code, reason) for one in tuple(self._open)))


async def _close(socket: web.WebSocketResponse, code: int, reason: str) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await socket.close(code=code, message=reason.encode())
    except TimeoutError, ConnectionError, RuntimeError:  # RuntimeError: it is closing already
        _LOGGER.debug("a WebSocket did not say goodbye")


SOCKETS = web.AppKey("SOCKETS", Sockets)
"""Where the application keeps them."""
