"""The doors that Wyoming peers come through: tcp://, unix:// and stdio://."""

import asyncio
import errno
import ipaddress
import logging
import os
import socket
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from ..errors import AddressRefusedError, EdgeVoiceError, InvalidSettingsError, PortBusyError, TooManyConnectionsError
from ..pipeline.policy import HOME_NETWORKS, Network
from .connection import Connection, Services
from .framing import HEADER_LIMIT_BYTES, EventWriter
from .replies import error

_LOGGER = logging.getLogger(__name__)

_STDIN, _STDOUT, _STDERR = 0, 1, 2
KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 3}
"""Seconds and probes after which a silent peer is asked whether it lives; the system's own wait is two hours."""


class WyomingPort:
    """Accepts connections and serves each in a task of its own; `close` ends them all."""

    def __init__(self, services: Callable[[], Services], *, allow: Sequence[str], connections_per_address: int) -> None:
        """Serve peers from private networks and those in `allow`."""
        self._services = services
        self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(one) for one in allow)
        self._limit = connections_per_address
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._per_address: Counter[str] = Counter()
        self.closed = asyncio.Event()
        """Set when the peer at standard input has gone: nobody else can come that way."""
        self.uris: list[str] = []
        """The addresses as bound."""

    async def __aenter__(self) -> Self:
        """Return itself; nothing listens yet."""
        return self

    async def __aexit__(self, *failure: object) -> None:
        """Stop listening and end every connection."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            server.abort_clients()  # those that came in the very last moment
            await server.wait_closed()

    async def listen(self, uri: str) -> None:
        """Open one address. Raises PortBusyError or InvalidSettingsError."""
        scheme, _, rest = uri.partition("://")
        try:
            match scheme:
                case "tcp":
                    await self._listen_tcp(uri, rest)
                case "unix":
                    await self._listen_unix(rest)
                case _:
                    await self._serve_stdio()
        except (OSError, UnicodeError) as failure:  # UnicodeError: a host that is no name at all
            raise PortBusyError(
                f"{uri} cannot be listened on: {getattr(failure, 'strerror', None) or failure}; "
                "stop what uses it, or choose another with --uri"
            ) from failure

    async def _listen_tcp(self, uri: str, rest: str) -> None:
        host, _, port = rest.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:
            raise InvalidSettingsError(f"server.uris is {uri!r}: allowed is tcp://HOST:PORT")
        server = await asyncio.start_server(self._accept, host.strip("[]"), int(port), limit=HEADER_LIMIT_BYTES)
        self._servers.append(server)
        bound = server.sockets[0].getsockname()[1]
        self.uris.append(f"tcp://{host}:{bound}")

    async def _listen_unix(self, path: str) -> None:
        if not path:
            raise InvalidSettingsError("server.uris is 'unix://': allowed is unix://PATH")
        await asyncio.to_thread(_remove_stale_socket, Path(path))
        self._servers.append(await asyncio.start_unix_server(self._accept, path, limit=HEADER_LIMIT_BYTES))
        self.uris.append(f"unix://{path}")

    async def _serve_stdio(self) -> None:
        """Serve the one peer at standard input and output."""
        if not all(map(_is_pipe, (_STDIN, _STDOUT))):
            raise InvalidSettingsError(
                "server.uris is 'stdio://', and standard input or output is no pipe; "
                "let a program start the server, or use `cat FILE | edge-voice … | cat`"
            )
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=HEADER_LIMIT_BYTES)
        source = os.fdopen(os.dup(_STDIN), "rb", 0)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
        output = os.fdopen(os.dup(_STDOUT), "wb", 0)
        os.dup2(_STDERR, _STDOUT)  # whatever else prints must not end up between two events
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), output
        )
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        task = asyncio.create_task(self._serve(reader, writer), name="stdio")
        self._tasks.add(task)
        task.add_done_callback(self._stdio_ended)
        self.uris.append("stdio://")

    def _stdio_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.closed.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # asyncio runs this callback as a task
        self._tasks.add(task)
        try:
            await self._admit(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            address = _address(writer)
        except OSError:
            writer.transport.abort()  # it has gone again
            return
        try:
            self._check(address)
        except EdgeVoiceError as refusal:
            _LOGGER.warning("a connection was refused: %s", refusal.code)
            events = EventWriter(writer)
            events.write(error(refusal))
            await events.close_after_refusal(reader)
            return
        self._per_address[address] += 1
        try:
            await self._serve(reader, writer, address)
        finally:
            self._per_address[address] -= 1
            if not self._per_address[address]:
                del self._per_address[address]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str = "") -> None:
        await Connection(reader, EventWriter(writer), self._services, address=address).serve()

    def _check(self, address: str) -> None:
        """Raise AddressRefusedError or TooManyConnectionsError."""
        if not address:
            return  # a Unix socket: its file's permissions decide
        host = ipaddress.ip_address(address)
        if not any(host in one for one in (*HOME_NETWORKS, *self._allow)):
            raise AddressRefusedError(
                f"{address} is outside the home's networks; start the server with --allow {address} to let it in"
            )
        if self._per_address[address] >= self._limit:
            raise TooManyConnectionsError(
                f"{address} holds {self._limit} connections already; close some, or raise "
                "server.connections_per_address"
            )


def _address(writer: asyncio.StreamWriter) -> str:
    """Return the peer's IP address, IPv4 in its own form; empty for a Unix socket. Raises OSError for one that left."""
    link = writer.get_extra_info("socket")
    if link is None or link.family not in {socket.AF_INET, socket.AF_INET6}:
        return ""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a satellite that lost its power says no goodbye
    for option, value in KEEP_ALIVE.items():
        if hasattr(socket, option):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    host = ipaddress.ip_address(link.getpeername()[0].partition("%")[0])
    mapped = host.ipv4_mapped if isinstance(host, ipaddress.IPv6Address) else None
    return str(mapped or host)


def _is_pipe(descriptor: int) -> bool:
    """Tell whether the event loop can wait for it: a pipe or a socket, no file and no /dev/null."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _remove_stale_socket(path: Path) -> None:
    """Remove what a killed server left behind. Raises OSError for a live server's: asyncio would remove that, too."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "a server listens there already")
