"""One request and the connection that it came by: everything that a fault may do to them."""

import asyncio
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from aiohttp import web

from .protocol import Answer, Service
from .recorder import Arrival


class EndedError(Exception):
    """The fault has ended the connection; nothing is left to send."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request whose headers were read."""

    request: web.BaseRequest
    arrival: Arrival
    elsewhere: str
    """Another host's origin, for redirects."""
    service: Service
    response: web.StreamResponse | None = None

    async def read(self, most: int | None = None) -> bytes:
        """Read the body, or at least so many bytes of it where it has them; note when it came."""
        loop = asyncio.get_running_loop()
        if not self.arrival.body and self.request.headers.get("Expect", "").lower() == "100-continue":
            await self.raw(b"HTTP/1.1 100 Continue\r\n\r\n")
        pieces = [self.arrival.body]
        while piece := await self.request.content.readany():
            self.arrival.first_byte_s = self.arrival.first_byte_s or loop.time()
            pieces.append(piece)
            self.arrival.body = b"".join(pieces)
            if most is not None and len(self.arrival.body) >= most:
                return self.arrival.body
        self.arrival.read_s = loop.time()
        return self.arrival.body

    async def send(self, answer: Answer) -> None:
        """Send an honest answer."""
        await self.send_slowly(answer.status, answer.content_type, answer.chunks, headers=answer.headers)

    async def send_slowly(
        self,
        status: int,
        content_type: str,
        chunks: Iterable[bytes],
        *,
        headers: Mapping[str, str] | None = None,
        pause_seconds: float = 0.0,
    ) -> None:
        """Send a whole and well-formed response with a pause after each chunk."""
        pieces = list(chunks)
        response = web.StreamResponse(status=status, headers={"Content-Type": content_type, **(headers or {})})
        if content_type != "text/event-stream":
            response.content_length = sum(map(len, pieces))
        self.response = response
        self.arrival.status = status
        await response.prepare(self.request)
        for piece in pieces:
            await response.write(piece)
            if pause_seconds:
                await asyncio.sleep(pause_seconds)
        await response.write_eof()

    async def raw(self, *pieces: bytes) -> None:
        """Send bytes that need not be HTTP."""
        for piece in pieces:
            self._transport.write(piece)  # raises once the client has gone
            await self.request.protocol._drain_helper()

    async def end(self) -> NoReturn:
        """Flush and close."""
        self._transport.close()
        raise EndedError

    async def reset(self) -> NoReturn:
        """Close with a TCP reset: unsent bytes are dropped and the client's reads fail."""
        transport = self._transport
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        raise EndedError

    async def hang(self) -> NoReturn:
        """Do nothing until the client goes away."""
        await asyncio.Event().wait()
        raise AssertionError

    @property
    def _transport(self) -> asyncio.Transport:
        transport = self.request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client went away")
        assert isinstance(transport, asyncio.Transport)
        return transport
