"""The WebSocket on which the control API tells what happens."""

import asyncio
import json
from collections.abc import AsyncGenerator

from aiohttp import WSCloseCode, web

from ..errors import InvalidRequestError
from .control_sockets import SOCKETS
from .control_surface import Json, Surface
from .control_visitors import VISITORS

PING_SECONDS = 20.0
PATIENCE_SECONDS = 10.0
"""A client that takes no byte for so long does not read."""
_LARGEST_WORD = 64 * 1024
"""What a client says is ignored, and need not be long for that."""
_BEHIND = b"messages were waiting for too long; connect again"


async def events(
    request: web.Request, surface: Surface, *, patience_seconds: float = PATIENCE_SECONDS
) -> web.WebSocketResponse:
    """Say hello, the status, then all that happens, until either side goes. Raises InvalidRequestError."""
    socket = web.WebSocketResponse(heartbeat=PING_SECONDS, max_msg_size=_LARGEST_WORD, compress=False)
    if not socket.can_prepare(request).ok:
        raise InvalidRequestError(f"{request.path} is a WebSocket; ask with `Upgrade: websocket`")
    await socket.prepare(request)
    with request.app[SOCKETS].holding(socket, request.app[VISITORS].owner_of(request)):
        telling = asyncio.create_task(_tell(socket, surface, patience_seconds), name="control events, out")
        hearing = asyncio.create_task(_ignore(socket), name="control events, in")
        try:
            await asyncio.wait((telling, hearing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            failure = await _ended(telling)
            await _ended(hearing)
        if failure is not None:
            await _close(request, socket, WSCloseCode.INTERNAL_ERROR, b"see the server's log", patience_seconds)
            raise failure
        await _close(request, socket, WSCloseCode.TRY_AGAIN_LATER, _BEHIND, patience_seconds)
    return socket


async def _tell(socket: web.WebSocketResponse, surface: Surface, patience_seconds: float) -> None:
    """Send what happens until the client is gone, or does not keep up."""
    happening = surface.events()
    try:
        await _send(socket, hello(surface.health()), patience_seconds)
        async for message in happening:
            await _send(socket, message, patience_seconds)
    except TimeoutError, ConnectionError:
        return
    finally:
        if isinstance(happening, AsyncGenerator):  # it would stay subscribed until it is collected as garbage
            await happening.aclose()


async def _send(socket: web.WebSocketResponse, message: Json, patience_seconds: float) -> None:
    async with asyncio.timeout(patience_seconds):
        await socket.send_str(json.dumps(message, allow_nan=False))


async def _ignore(socket: web.WebSocketResponse) -> None:
    """Read until the other side goes; aiohttp answers pings and closes meanwhile."""
    async for _ in socket:
        pass


async def _ended(task: asyncio.Task[None]) -> Exception | None:
    """Stop a task; return what it failed of."""
    task.cancel()
    (ending,) = await asyncio.gather(task, return_exceptions=True)
    return ending if isinstance(ending, Exception) else None


async def _close(
    request: web.Request, socket: web.WebSocketResponse, code: int, reason: bytes, patience_seconds: float
) -> None:
    """Say goodbye, unless it was said; the connection is cut when even that is not read."""
    try:
        async with asyncio.timeout(patience_seconds):
            await socket.close(code=code, message=reason)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()


def hello(health: Json) -> Json:
    """Return the first message."""
    return {
        "type": "hello",
        "version": health["api"]["version"],
        "min_version": health["api"]["min_version"],
        "id": health["id"],
        "server_version": health["version"],
    }
