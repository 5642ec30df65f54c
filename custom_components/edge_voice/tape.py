"""What is being said, kept for as long as a turn lasts: whoever hears it may fail, and another take over."""

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Final, Protocol, Self, runtime_checkable

BYTES_PER_SECOND: Final = 32_000
"""Of 16 kHz, 16-bit, mono."""
KEPT_SECONDS: Final = 30.0
"""Commands end after 15 s; of longer streams, which are files, only the last are kept."""
_KEPT_BYTES: Final = round(KEPT_SECONDS * BYTES_PER_SECOND)
_WINDOW_BYTES: Final = 1024
"""32 ms: the server hears in windows of so much, so what does not complete one can wait for what does."""
_LARGEST_BYTES: Final = 32 * _WINDOW_BYTES


@runtime_checkable
class _Closable(Protocol):
    async def aclose(self) -> None: ...


class Tape:
    """Reads a stream in a task of its own, so that no reader that gives up ends the stream. One reader at a time."""

    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        """Take a stream of 16 kHz, 16-bit, mono; nothing is read before this is entered."""
        self._stream = stream
        self._memory = bytearray()
        self._begin = 0
        """Offset of the memory's first byte in the stream."""
        self._taken = 0
        """How far readers have come."""
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._failure: Exception | None = None
        self.ended = asyncio.Event()
        """Set when the stream is over, or has failed."""

    async def __aenter__(self) -> Self:
        """Begin to read."""
        self._reading = asyncio.create_task(self._read(), name="edge_voice tape")
        return self

    async def __aexit__(self, *failure: object) -> None:
        """Stop reading and close the stream: the pipeline has no more use for it."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        if isinstance(self._stream, _Closable):
            with contextlib.suppress(Exception):
                await self._stream.aclose()

    @property
    def seconds(self) -> float:
        """How much has been heard so far."""
        return self._end / BYTES_PER_SECOND

    @property
    def whole(self) -> bytes | None:
        """All that was heard so far, or None where that is more than is kept."""
        return None if self._begin else bytes(self._memory)

    async def chunks(self, most_seconds: float = math.inf) -> AsyncGenerator[bytes]:
        """Yield what is kept from its beginning, then what is said, until its end. Raises what the stream raised.

        `most_seconds` ends it early: a stream that nobody ends would go on for as long as the satellite has power.
        """
        self._taken = self._begin
        while self._taken < most_seconds * BYTES_PER_SECOND:
            self._changed.clear()
            ready = self._end if self.ended.is_set() else self._end - self._end % _WINDOW_BYTES
            if ready > self._taken:
                first = self._taken - self._begin
                self._taken = min(ready, self._taken + _LARGEST_BYTES)
                yield bytes(self._memory[first : self._taken - self._begin])
                self._room.set()
            elif not self.ended.is_set():
                await self._changed.wait()
            elif self._failure is not None:
                raise self._failure
            else:
                return

    @property
    def _end(self) -> int:
        return self._begin + len(self._memory)

    async def _read(self) -> None:
        try:
            async for chunk in self._stream:
                self._memory += chunk
                if len(self._memory) > _KEPT_BYTES:
                    await self._forget()
                if self._end // _WINDOW_BYTES > (self._end - len(chunk)) // _WINDOW_BYTES:
                    self._changed.set()
        except Exception as error:  # noqa: BLE001  # whatever a satellite's stream raises is the reader's to meet
            self._failure = error
        finally:
            self.ended.set()
            self._changed.set()

    async def _forget(self) -> None:
        """Let go of the oldest, once it has been taken: a file may come faster than anybody hears."""
        surplus = len(self._memory) - _KEPT_BYTES
        while self._begin + surplus > self._taken:
            self._room.clear()
            self._changed.set()
            await self._room.wait()
        del self._memory[:surplus]
        self._begin += surplus
