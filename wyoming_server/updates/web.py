"""Bytes from a repository's host, never more than was signed, and never for ever. For the updater's process only."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Timeout

from .. import __version__
from ..errors import EndlessDataError, OversizedError, TruncatedError, UnreachableRepositoryError
from .jobs import Limits

_CHUNK_BYTES = 1 << 16
_MOST_REDIRECTS = 3
_SPARE_BYTES = 1 << 20
"""Of all tries together, beyond what they may bring."""
_WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504}


class NotThereError(Exception):
    """The host answers that it has no such file, or gives none."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"{url} answers {status}")
        self.status = status


class _CutError(Exception):
    """The connection gave less than it should have; trying again may help."""

    def __init__(self, error: type[TruncatedError | UnreachableRepositoryError | EndlessDataError], why: str) -> None:
        super().__init__(why)
        self.error = error


class Sink(Protocol):
    """What bytes go into."""

    def have(self) -> int:
        """Return how many bytes are there."""

    def add(self, chunk: bytes) -> None:
        """Append."""

    def restart(self) -> None:
        """Drop what is there."""


class InMemory:
    """A sink for small files."""

    def __init__(self) -> None:
        self.content = bytearray()

    def have(self) -> int:
        """Return how many bytes are there."""
        return len(self.content)

    def add(self, chunk: bytes) -> None:
        """Append."""
        self.content += chunk

    def restart(self) -> None:
        """Drop what is there."""
        self.content.clear()


class OnDisk:
    """A sink that outlives this process, so that the next one goes on where it stopped."""

    def __init__(self, path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> None:
        self._path = path
        self._on_bytes = on_bytes
        self._file = path.open("ab", buffering=0)

    def have(self) -> int:
        """Return how many bytes are there."""
        return self._file.tell()

    def add(self, chunk: bytes) -> None:
        """Append."""
        self._file.write(chunk)
        self._on_bytes(self.have())

    def restart(self) -> None:
        """Drop what is there."""
        self._file.truncate(0)
        self._file.seek(0)

    def sync(self) -> None:
        """See it onto the disk itself."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Stop writing."""
        self._file.close()


@dataclass(slots=True)
class _Pace:
    """Whether bytes come fast enough to end, and not over and over; time without a connection does not count."""

    limits: Limits
    length: int
    """Of the file."""
    seconds: float = 0.0
    count: int = 0
    total: int = 0
    """Of all tries: a host that begins anew each time brings bytes, and no end."""

    def came(self, count: int, seconds: float, url: str) -> None:
        """Count. Raises EndlessDataError."""
        self.seconds += seconds
        self.count += count
        self.total += count
        if self.total > self.limits.tries * self.length + _SPARE_BYTES:
            raise EndlessDataError(
                f"{url} is sent over and over: {self.total} bytes came where {self.length} are signed or allowed; look "
                "after the connection, or tell who runs the repository"
            )
        if self.seconds >= self.limits.patience_s:
            if self.count < self.seconds * self.limits.slowest_bytes_per_s:
                raise EndlessDataError(
                    f"{url} comes at {self.count / self.seconds:.0f} bytes a second, so it would never end; "
                    "look after the connection, or the repository's host"
                )
            self.seconds, self.count = 0.0, 0


class Web:
    """A client of one host at a time. Blocks."""

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        # A packed answer would make byte positions mean something else, and could unpack without end.
        headers = {"User-Agent": f"edge-voice/{__version__}", "Accept-Encoding": "identity"}
        self._pool = urllib3.PoolManager(headers=headers, timeout=Timeout(limits.timeout_s))

    def content(self, url: str, largest: int) -> bytes:
        """Return a small file of at most so many bytes.

        Raises NotThereError, OversizedError, EndlessDataError, TruncatedError and UnreachableRepositoryError.
        """
        sink = InMemory()
        self._fill(url, sink, largest, exact=False)
        return bytes(sink.content)

    def fill(self, url: str, sink: Sink, length: int) -> None:
        """Bring a sink to a signed length, on from what it holds. Raises as `content` does."""
        self._fill(url, sink, length, exact=True)

    def _fill(self, url: str, sink: Sink, length: int, *, exact: bool) -> None:
        tries, pace = 0, _Pace(self._limits, length)
        while True:
            before = sink.have()
            try:
                self._stream(url, sink, length, pace, exact=exact)
            except _CutError as cut:
                came = exact and sink.have() > before
                tries = 0 if came else tries + 1
                if tries >= self._limits.tries:
                    raise cut.error(f"{cut}; try again later, or tell who runs the repository") from cut
                if not exact:
                    sink.restart()
                delay_s = self._limits.retry_delay_s * 2**tries / 2
                self._sleep(delay_s)
                # A host that cuts after each byte drips, too; one that cannot be reached does not.
                pace.came(0, delay_s if came else 0.0, url)
            else:
                return

    def _stream(self, url: str, sink: Sink, length: int, pace: _Pace, *, exact: bool) -> None:
        """Append what is missing. Raises _CutError where another try may bring more."""
        if exact and sink.have() == length:
            return
        with self._answer(url, sink.have()) as answer:
            if answer.status == 416:  # it has no more than we have
                raise _CutError(TruncatedError, f"{url} ends after {sink.have()} of {length} signed bytes")
            if answer.status == 206 and _first_byte(answer) != sink.have():
                sink.restart()
                raise _CutError(TruncatedError, f"{url} sends another part than was asked for")
            if answer.status == 200:
                sink.restart()
            left = length - sink.have()
            if (announced := answer.length_remaining) is not None and announced > left:
                raise OversizedError(
                    f"{url} announces {sink.have() + announced} bytes where {length} are signed or allowed; it is not "
                    "read. Tell who runs the repository"
                )
            for chunk in self._chunks(url, answer, pace):
                left -= len(chunk)
                if left < 0:
                    sink.restart()
                    raise EndlessDataError(
                        f"{url} goes on behind the {length} bytes that are signed or allowed; it is read no further. "
                        "Tell who runs the repository"
                    )
                sink.add(chunk)
            if exact and left:
                raise _CutError(TruncatedError, f"{url} ends after {sink.have()} of {length} signed bytes")

    def _chunks(self, url: str, answer: urllib3.BaseHTTPResponse, pace: _Pace) -> Iterator[bytes]:
        start = self._clock()
        while True:
            try:
                # `read` would wait for a whole chunk, and a drip would never be seen.
                chunk = answer.read1(_CHUNK_BYTES, decode_content=False)
            except (ReadTimeoutError, TimeoutError) as error:
                pace.came(0, self._clock() - start, url)
                raise _CutError(EndlessDataError, f"{url} stops in the middle and keeps the line") from error
            except (HTTPError, OSError) as error:
                raise _CutError(TruncatedError, f"{url} was cut in the middle") from error
            now = self._clock()
            pace.came(len(chunk), now - start, url)
            start = now
            if not chunk:
                return
            yield chunk

    @contextmanager
    def _answer(self, url: str, have: int) -> Iterator[urllib3.BaseHTTPResponse]:
        """Ask, from byte `have` on. Raises NotThereError, _CutError and UnreachableRepositoryError."""
        answer = self._followed(url, {"Range": f"bytes={have}-"} if have else {})
        try:
            if answer.status in _WORTH_ANOTHER_TRY:
                raise _CutError(UnreachableRepositoryError, f"{url} answers {answer.status}")
            if answer.status not in {200, 206, 416}:
                raise NotThereError(url, answer.status)
            yield answer
        finally:
            answer.close()

    def _followed(self, url: str, asked: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Return what a URL answers, or the one that it has moved to. Raises as `_answer` does."""
        at = url
        for _ in range(1 + _MOST_REDIRECTS):
            try:
                answer = self._pool.request(
                    "GET",
                    at,
                    headers={**self._pool.headers, **asked},
                    preload_content=False,
                    retries=False,
                    redirect=False,
                )
            except (HTTPError, OSError) as error:
                raise _CutError(UnreachableRepositoryError, f"{url} does not answer ({error})") from error
            moved = answer.get_redirect_location()
            if not moved:
                return answer
            answer.close()
            after = _next(at, moved)
            if after is None:
                raise UnreachableRepositoryError(
                    f"{url} sends this hub on to another address without HTTPS, where nothing is asked for: it might "
                    "be a device in this home. Tell who runs the repository"
                )
            at = after
        raise _CutError(UnreachableRepositoryError, f"{url} has moved more than {_MOST_REDIRECTS} times")


def _next(before: str, moved: str) -> str | None:
    """Return where a host sends this hub, None where it may not: in the clear, that is no farther than itself."""
    try:
        after = urljoin(before, moved)
        old, new = urlsplit(before), urlsplit(after)
    except ValueError:
        return None
    stays = new.scheme == old.scheme == "http" and new.hostname == old.hostname
    return after if stays or new.scheme == "https" else None


def _first_byte(answer: urllib3.BaseHTTPResponse) -> int | None:
    """Return where a partial answer begins; None where it does not say."""
    unit, _, rest = answer.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdecimal() else None
