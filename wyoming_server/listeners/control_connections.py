"""TCP connections before they are requests: how many one address may hold, and how long it may say nothing."""

import asyncio
from collections import Counter
from collections.abc import Callable

MOST_PER_ADDRESS = 64
"""A hub, a browser's six and a proxy's pool need far fewer."""
HEADER_SECONDS = 15.0
"""For the first request's headers to arrive whole; connections that never ask would be held for ever."""
_END_OF_HEADERS = b"\r\n\r\n"


class Connections:
    """Makes connections' protocols for an asyncio server."""

    def __init__(
        self,
        make: Callable[[], asyncio.Protocol],
        *,
        most: int = MOST_PER_ADDRESS,
        seconds: float = HEADER_SECONDS,
        only: str = "",
    ) -> None:
        """Watch what `make` makes; with `only`, all other addresses are cut off."""
        self._make, self._most, self.seconds, self._only = make, most, seconds, only
        self._held: Counter[str] = Counter()

    def __call__(self) -> asyncio.Protocol:
        """Return a connection's protocol."""
        return _Watched(self, self._make())

    def take(self, address: str) -> bool:
        """Count a connection; False when its address may hold none, or no more."""
        if (self._only and address.removeprefix("::ffff:") != self._only) or self._held[address] >= self._most:
            return False
        self._held[address] += 1
        return True

    def give_back(self, address: str) -> None:
        """Forget a connection that was counted."""
        self._held[address] -= 1
        if not self._held[address]:
            del self._held[address]


class _Watched(asyncio.Protocol):
    """Passes everything on to the protocol within."""

    def __init__(self, connections: Connections, inner: asyncio.Protocol) -> None:
        self._connections, self._inner = connections, inner
        self._address: str | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # a server's connections are streams
        address = (transport.get_extra_info("peername") or ("",))[0]
        if not self._connections.take(address):
            transport.abort()
            return
        self._address = address
        self._patience = asyncio.get_running_loop().call_later(self._connections.seconds, transport.abort)
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._hear_out()
        if self._address is not None:
            self._connections.give_back(self._address)
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._patience is not None:
            self._tail += data
            if _END_OF_HEADERS in self._tail:
                self._hear_out()
            self._tail = self._tail[-3:]
        if self._address is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._address is not None else None

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def _hear_out(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
