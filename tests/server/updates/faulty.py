"""A static host over loopback that can be told to do what hosts do when they are broken or hostile."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

type Act = Callable[[Exchange], None]


@dataclass
class Exchange:
    """One request, and what an honest host would answer."""

    handler: BaseHTTPRequestHandler
    path: str
    content: bytes
    """The whole file."""
    start: int
    """The first byte that was asked for."""
    ended: threading.Event

    def head(self, status: int, length: int | None, *, total: int | None = None) -> None:
        """Send the status and the headers; without a length the answer ends with the connection."""
        self.handler.send_response(status)
        if length is not None:
            self.handler.send_header("Content-Length", str(length))
        else:
            self.handler.close_connection = True
        if status == 206:
            whole = len(self.content) if total is None else total
            self.handler.send_header("Content-Range", f"bytes {self.start}-{whole - 1}/{whole}")
        self.handler.end_headers()

    def send(self, content: bytes) -> None:
        self.handler.wfile.write(content)

    def honest(self, content: bytes | None = None) -> None:
        """Answer as any host does, from another content if one is given."""
        whole = self.content if content is None else content
        if self.start > len(whole) or (self.start and self.start == len(whole)):
            self.head(416, 0)
            return
        rest = whole[self.start :]
        self.head(206 if self.start else 200, len(rest), total=len(whole))
        self.send(rest)

    def hang_up(self) -> None:
        """Cut the line."""
        self.handler.close_connection = True
        with suppress(OSError):
            self.handler.connection.shutdown(socket.SHUT_RDWR)

    def wait(self, seconds: float) -> None:
        self.ended.wait(seconds)


@dataclass
class Fault:
    """What is done wrong, where, and how often."""

    pattern: str
    act: Act
    times: float = float("inf")


@dataclass
class FaultyHost:
    """The host; it forgets its faults with `heal`."""

    public: Path
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Path and first byte of every request."""

    def break_(self, pattern: str, act: Act, times: float = float("inf")) -> None:
        """Do something else for paths that match."""
        self.faults.append(Fault(pattern, act, times))

    def heal(self) -> None:
        """Be honest from now on."""
        self.faults.clear()

    def fault_for(self, path: str) -> Act | None:
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.pattern, path):
                fault.times -= 1
                return fault.act
        return None


# What a host can do wrong


def flip(at: int = 0) -> Act:
    """Change a bit of one byte."""

    def act(exchange: Exchange) -> None:
        changed = bytearray(exchange.content)
        changed[at] ^= 1
        exchange.honest(bytes(changed))

    return act


def instead(content: bytes) -> Act:
    """Send another file."""
    return lambda exchange: exchange.honest(content)


def shortened(by: int) -> Act:
    """Hold a file that lost its end."""
    return lambda exchange: exchange.honest(exchange.content[:-by])


def cut(after: int) -> Act:
    """Announce all, send some of what was asked for, and hang up."""

    def act(exchange: Exchange) -> None:
        rest = exchange.content[exchange.start :]
        exchange.head(206 if exchange.start else 200, len(rest))
        exchange.send(rest[:after])
        exchange.hang_up()

    return act


def announce(more: int) -> Act:
    """Announce, and send, more than there should be."""

    def act(exchange: Exchange) -> None:
        rest = exchange.content[exchange.start :]
        exchange.head(206 if exchange.start else 200, len(rest) + more)
        exchange.send(rest + b"\0" * more)

    return act


def endless(exchange: Exchange) -> None:
    """Announce nothing, send what was asked for, and go on for ever."""
    exchange.head(206 if exchange.start else 200, None)
    exchange.send(exchange.content[exchange.start :])
    while not exchange.ended.is_set():
        exchange.send(b"\0" * 65536)


def drip(every_s: float, size: int = 1) -> Act:
    """Send as little as keeps a connection alive."""

    def act(exchange: Exchange) -> None:
        rest = exchange.content[exchange.start :]
        exchange.head(206 if exchange.start else 200, len(rest))
        for at in range(0, len(rest), size):
            exchange.send(rest[at : at + size])
            exchange.wait(every_s)
            if exchange.ended.is_set():
                return

    return act


def stall(after: int) -> Act:
    """Send some, and keep the line."""

    def act(exchange: Exchange) -> None:
        rest = exchange.content[exchange.start :]
        exchange.head(206 if exchange.start else 200, len(rest))
        exchange.send(rest[:after])
        exchange.wait(30.0)

    return act


def status(code: int) -> Act:
    """Answer with an error's page."""

    def act(exchange: Exchange) -> None:
        exchange.head(code, 5)
        exchange.send(b"sorry")

    return act


def deaf_to_ranges(exchange: Exchange) -> None:
    """Send everything, whatever part was asked for."""
    exchange.start = 0
    exchange.honest()


def misplaced(by: int) -> Act:
    """Answer with another part than was asked for, and say so."""

    def act(exchange: Exchange) -> None:
        exchange.start = max(0, exchange.start - by)
        exchange.head(206, len(exchange.content) - exchange.start)
        exchange.send(exchange.content[exchange.start :])

    return act


def silent(exchange: Exchange) -> None:
    """Take the request and never answer."""
    exchange.wait(30.0)


def moved(url: str) -> Act:
    """Send whoever asks to another address."""

    def act(exchange: Exchange) -> None:
        exchange.handler.send_response(302)
        exchange.handler.send_header("Location", url + exchange.path)
        exchange.handler.send_header("Content-Length", "0")
        exchange.handler.end_headers()

    return act


@contextmanager
def faulty_host(public: Path) -> Iterator[FaultyHost]:
    """Serve a repository's folder."""
    host, ended = FaultyHost(public), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
            start = int(found[1]) if found else 0
            host.asked.append((self.path, start))
            file = public / self.path.lstrip("/")
            if not file.is_file():
                self.send_error(404)
                return
            exchange = Exchange(self, self.path, file.read_bytes(), start, ended)
            with suppress(OSError):
                (host.fault_for(self.path) or Exchange.honest)(exchange)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  # the base class's name
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # clients that hang up are what this is about

    with Server(("127.0.0.1", 0), Handler) as server:
        host.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield host
        finally:
            ended.set()
            server.shutdown()
