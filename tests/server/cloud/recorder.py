"""Keeps what arrived, without mercy."""

import socket
from dataclasses import dataclass, field

from .audio import Sound


@dataclass(slots=True, kw_only=True)
class Connection:
    """One connection that came as far as HTTP."""

    number: int
    opened_s: float
    closed_s: float | None = None
    requests: int = 0


@dataclass(slots=True, kw_only=True)
class Arrival:
    """One request."""

    provider: str
    """Empty when no provider has such a path."""
    operation: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    raw_headers: tuple[tuple[bytes, bytes], ...]
    connection: int
    reused: bool
    """Whether the connection had carried another request before."""
    arrived_s: float
    """When its headers were read, on the event loop's clock, as are all times."""
    first_byte_s: float | None = None
    read_s: float | None = None
    answered_s: float | None = None
    """When the whole answer was handed to the connection."""
    body: bytes = b""
    fields: dict[str, list[str]] = field(default_factory=dict)
    sound: Sound | None = None
    status: int | None = None
    refusal: str = ""
    """How it broke the documented protocol."""
    fault: str = ""
    disconnected: bool = False
    """Whether the client went away before its answer was whole."""

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        found = (value for key, value in self.raw_headers if key.decode("latin-1").lower() == name.lower())
        value = next(found, None)
        return None if value is None else value.decode("latin-1")


@dataclass(slots=True)
class Recorder:
    """Everything that a stand-in saw."""

    arrivals: list[Arrival] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    connects: int = 0
    """Connections that were accepted, those included whose TLS handshake failed."""

    def of(self, operation: str) -> list[Arrival]:
        """Return the requests for one purpose."""
        return [one for one in self.arrivals if one.operation == operation]

    @property
    def refusals(self) -> list[str]:
        """Return how requests broke the protocol; empty when none did."""
        return [f"{one.provider} {one.path}: {one.refusal}" for one in self.arrivals if one.refusal]

    @property
    def everything(self) -> bytes:
        """Return all bytes of all requests, to search for what should not have left."""
        pieces = []
        for one in self.arrivals:
            pieces += [one.path.encode(), repr(one.query).encode(), *(b": ".join(pair) for pair in one.raw_headers)]
            pieces.append(one.body)
        return b"\n".join(pieces)


class CountingSocket(socket.socket):
    """A listening socket that counts whom it lets in."""

    recorder: Recorder

    def accept(self) -> tuple[socket.socket, object]:
        """Accept one more."""
        accepted = super().accept()
        self.recorder.connects += 1
        return accepted


def listening(recorder: Recorder) -> CountingSocket:
    """Return a socket that listens on a free port of 127.0.0.1 and counts for this recorder."""
    one = CountingSocket(socket.AF_INET, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    one.listen(128)
    one.setblocking(False)
    one.recorder = recorder
    return one
