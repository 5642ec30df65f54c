"""The network between Home Assistant and a server: can be cut or stall, and make the server look newer than it is."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

NEWER = (re.compile(rb'"min_version": ?1\b'), b'"min_version": 9')
_CHUNK = 65_536


class Wire:
    """Two ports of this machine that lead to a server's two."""

    def __init__(self) -> None:
        self.cut = False
        """No connection gets through, and those that are there end."""
        self._flows = asyncio.Event()
        self._flows.set()
        self.newer = False
        """What the server says of its version is that of one which no longer speaks to us."""
        self._targets: dict[int, int] = {}
        self._streams: set[asyncio.StreamWriter] = set()

    def stalls(self, *, stalled: bool) -> None:
        """Let nothing through, and tell nobody, as when a cable is pulled; False: plug it in again."""
        if stalled:
            self._flows.clear()
        else:
            self._flows.set()

    def leads(self, port: int, target: int) -> None:
        """Have one of our ports lead to one of the server's."""
        self._targets[port] = target

    async def listen(self, stack: contextlib.AsyncExitStack) -> int:
        """Open a port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        await stack.enter_async_context(server)
        stack.push_async_callback(self.end)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def end(self) -> None:
        """End every connection."""
        for stream in tuple(self._streams):
            stream.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here = writer.get_extra_info("sockname")[1]
        target = self._targets.get(here)
        if self.cut or target is None:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.transport.abort()
            return
        self._streams |= {writer, far_writer}
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer, back=True))
        finally:
            self._streams -= {writer, far_writer}
            for stream in (writer, far_writer):
                stream.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if back:
                    data = self._told(data)
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
            writer.write_eof()

    def _told(self, data: bytes) -> bytes:
        """Return what the server says, with our port for speech in place of its own: both have five digits."""
        for ours, theirs in self._targets.items():
            data = data.replace(b'"wyoming_port": %d' % theirs, b'"wyoming_port": %d' % ours)
        return NEWER[0].sub(NEWER[1], data) if self.newer else data


@contextlib.asynccontextmanager
async def wire() -> AsyncIterator[tuple[Wire, int, int]]:
    """Yield a wire, and its ports for control and for speech."""
    async with contextlib.AsyncExitStack() as stack:
        one = Wire()
        yield one, await one.listen(stack), await one.listen(stack)
