"""Wyoming events on a stream, with the limits and the errors that the library's own reader does without."""

import asyncio
import json
from typing import Any

from wyoming.event import Event

from ..errors import EventTooLargeError, MalformedEventError

HEADER_LIMIT_BYTES = 64 * 1024
WRITE_TIMEOUT_SECONDS = 5.0
"""A peer that takes nothing for so long is gone."""
LINGER_SECONDS = 1.0
"""How long a peer that was refused may take to notice."""


async def read_event(reader: asyncio.StreamReader, *, limit_bytes: int) -> Event | None:
    """Return the next event; None when the peer is gone, also in mid-event.

    Raises MalformedEventError or EventTooLargeError, after which the stream's framing is lost and it must be closed.
    """
    try:
        line = await reader.readline()
        if not line:
            return None
        header = _header(line)
        data = await _part(reader, header, "data_length", limit_bytes)
        payload = await _part(reader, header, "payload_length", limit_bytes)
    except asyncio.IncompleteReadError, OSError:  # also ETIMEDOUT and EHOSTUNREACH: it lost its power
        return None
    except ValueError as error:  # readline, for a line beyond the reader's limit
        raise EventTooLargeError(f"An event's header is longer than {HEADER_LIMIT_BYTES} bytes") from error
    fields = _object(header.get("data"))
    if data:
        fields |= _object(_json(data))
    return Event(type=header["type"], data=fields, payload=payload or None)


def _header(line: bytes) -> dict[str, Any]:
    header = _json(line)
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise MalformedEventError('An event\'s header must be one line of JSON with a "type"')
    return header


async def _part(reader: asyncio.StreamReader, header: dict[str, Any], key: str, limit_bytes: int) -> bytes:
    length = header.get(key)
    if length is None:
        return b""
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise MalformedEventError(f"An event's {key} must be a whole number of bytes")
    if length > limit_bytes:
        raise EventTooLargeError(f"An event's {key} is more than the {limit_bytes} bytes that are taken")
    return await reader.readexactly(length)


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedEventError("An event is not JSON") from error


def _object(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedEventError("An event's data must be a JSON object")
    return value


class EventWriter:
    """The one writer of a connection. What is written after the peer has gone is dropped."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        """Own a stream's writing side."""
        self._writer = writer

    @property
    def closing(self) -> bool:
        """Whether the peer is known to take nothing any more."""
        return self._writer.is_closing()

    def write(self, event: Event) -> None:
        """Put an event on its way; never blocks."""
        header: dict[str, Any] = {"type": event.type, "version": "1.10.2"}
        # JSON may carry half a character, which UTF-8 cannot, and some texts here are the peer's own.
        data = json.dumps(event.data, ensure_ascii=False).encode(errors="replace") if event.data else b""
        if data:
            header["data_length"] = len(data)
        if event.payload:
            header["payload_length"] = len(event.payload)
        if not self._writer.is_closing():
            self._writer.write(json.dumps(header).encode() + b"\n" + data + (event.payload or b""))

    async def flush(self) -> None:
        """Wait until the peer has taken what was written; drops a peer that does not."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                await self._writer.drain()
        except TimeoutError:
            self._writer.transport.abort()
        except OSError:
            self._writer.close()  # the peer is gone; to abort a pipe that is closed fails

    async def close(self) -> None:
        """Close the stream; what was written last still goes out."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                await self._writer.drain()
                self._writer.close()
                await self._writer.wait_closed()
        except TimeoutError:
            self._writer.transport.abort()
        except OSError:
            self._writer.close()

    async def close_after_refusal(self, reader: asyncio.StreamReader) -> None:
        """Close the stream towards a peer that may still be sending.

        What it sends is read for a moment: closing with unread bytes would reset the connection, and the refusal
        would be lost with it.
        """
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await self._writer.drain()
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                while await reader.read(HEADER_LIMIT_BYTES):
                    pass
        except OSError:
            pass
        await self.close()
