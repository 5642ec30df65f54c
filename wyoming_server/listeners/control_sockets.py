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
        self._open: dict[web.WebSocketResponse, str] = {}

    def __len__(self) -> int:
        return len(self._open)

    @contextlib.contextmanager
    def holding(self, socket: web.WebSocketResponse, owner: str = "") -> Iterator[None]:
        """Count a socket among the open ones until the block ends; `owner` is the session that opened it."""
        self._open[socket] = owner
        try:
            yield
        finally:
            del self._open[socket]

    async def close(self, code: int, reason: str, *, owner: str | None = None) -> None:
        """Say goodbye to all, or to those of one session, and wait for theirs."""
        meant = [one for one, session in self._open.items() if owner is None or session == owner]
        await asyncio.gather(*(_close(one, code, reason) for one in meant))


async def _close(socket: web.WebSocketResponse, code: int, reason: str) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await socket.close(code=code, message=reason.encode())
    except TimeoutError, ConnectionError, RuntimeError:  # RuntimeError: it is closing already
        _LOGGER.debug("a WebSocket did not say goodbye")


SOCKETS = web.AppKey("SOCKETS", Sockets)
"""Where the application keeps them."""
