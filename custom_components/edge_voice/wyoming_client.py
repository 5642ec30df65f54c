"""One utterance over Wyoming: audio goes up while the answer is awaited."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wyoming.asr import Transcribe
from wyoming.asr import Transcript as WireTranscript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_read_event, async_write_event
from wyoming.info import Describe, Info

from .errors import CannotConnectError, EdgeVoiceError, NotEdgeVoiceError, RefusedError, SlowServerError

RATE: Final = 16_000
WIDTH: Final = 2
CHANNELS: Final = 1
CONTEXT_KEY: Final = "edge_voice"
CONNECT_SECONDS: Final = 3.0
WRITE_SECONDS: Final = 5.0
"""A hub that takes no audio for so long is stuck."""
ANSWER_SECONDS: Final = 4.0
"""After the last audio. The hub promises an answer within 3 s, whatever happens but a cable that is pulled."""
DESCRIBE_SECONDS: Final = 2.0
BATCH_BYTES: Final = 640
"""20 ms: half the messages of the 10 ms chunks that Home Assistant makes, and no later for the hub's 32 ms windows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WyomingTarget:
    """Where a hub listens for speech."""

    host: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """What a hub heard, and how."""

    text: str
    language: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The transcript's context of ours: turn_id, action, route, risk …; empty from another server."""


class Wire:
    """A connection. Whatever goes wrong on it is raised as one of errors.py."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: dict[str, str]) -> None:
        self._reader = reader
        self._writer = writer
        self._place = place

    async def write(self, event: Eventable) -> None:
        """Send an event. Raises CannotConnectError, or SlowServerError when the hub does not take it."""
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await async_write_event(event.event(), self._writer)
        except TimeoutError as error:
            raise SlowServerError("takes no audio", **self._place) from error
        except OSError as error:
            raise CannotConnectError(type(error).__name__, **self._place) from error

    async def read(self) -> Event:
        """Return the next event; waits as long as it takes. Raises RefusedError for the hub's own `error`."""
        try:
            event = await async_read_event(self._reader)
        except (OSError, EOFError) as error:
            raise CannotConnectError(type(error).__name__, **self._place) from error
        except (AttributeError, KeyError, TypeError) as error:
            raise NotEdgeVoiceError(type(error).__name__, **self._place) from error
        if event is None:
            raise CannotConnectError("closed", **self._place)
        if Error.is_type(event.type):
            told = event.data
            raise RefusedError(str(told.get("code") or "error"), str(told.get("text") or ""))
        return event

    async def close(self) -> None:
        """Close; what was not yet sent is dropped, because nobody needs it any more."""
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def connected(target: WyomingTarget, connect_timeout: float = CONNECT_SECONDS) -> AsyncIterator[Wire]:
    """Connect to a hub until the end. Raises CannotConnectError."""
    place = {"host": target.host, "port": str(target.port)}
    try:
        async with asyncio.timeout(connect_timeout):
            reader, writer = await asyncio.open_connection(target.host, target.port)
    except (OSError, TimeoutError) as error:
        raise CannotConnectError(type(error).__name__, **place) from error
    wire = Wire(reader, writer, place)
    try:
        yield wire
    finally:
        await wire.close()


async def transcribe(
    target: WyomingTarget,
    *,
    language: str | None,
    context: Mapping[str, Any],
    chunks: AsyncIterator[bytes],
    sensitivity: str | None = None,
    connect_timeout: float = CONNECT_SECONDS,
    answer_timeout: float = ANSWER_SECONDS,
) -> Transcript:
    """Send 16 kHz 16-bit mono audio and return the transcript as soon as it comes, whether or not the audio has ended.

    The first chunk is asked for once the hub is connected. The caller closes them: another lane may go on with them.
    Raises one of errors.py, and whatever the chunks raise but TimeoutError.
    """
    try:
        async with connected(target, connect_timeout) as wire:
            asked = {CONTEXT_KEY: dict(context)}
            request = Transcribe(language=language, context=asked, vad_sensitivity=sensitivity)
            return await _exchange(wire, request, chunks, answer_timeout)
    except TimeoutError as error:
        raise SlowServerError("no answer in time", host=target.host, port=str(target.port)) from error


async def speaks_wyoming(target: WyomingTarget) -> bool:
    """Whether a Wyoming server answers there, ours or anybody's."""
    try:
        async with asyncio.timeout(DESCRIBE_SECONDS), connected(target) as wire:
            await wire.write(Describe())
            return Info.is_type((await wire.read()).type)
    except EdgeVoiceError, TimeoutError:
        return False


async def _exchange(wire: Wire, request: Transcribe, chunks: AsyncIterator[bytes], answer_timeout: float) -> Transcript:
    """Send and await side by side. Both tasks have ended when this returns."""
    upload = asyncio.create_task(_upload(wire, request, chunks))
    answer = asyncio.create_task(_answer(wire))
    try:
        await asyncio.wait((upload, answer), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            upload.result()
            async with asyncio.timeout(answer_timeout):
                return await answer
        return answer.result()
    finally:
        upload.cancel()
        answer.cancel()
        await asyncio.gather(upload, answer, return_exceptions=True)


async def _upload(wire: Wire, request: Transcribe, chunks: AsyncIterator[bytes]) -> None:
    """Send what is asked, and the audio in small batches. A hub that hangs up is no error here: its answer says why."""
    batch = bytearray()
    with contextlib.suppress(CannotConnectError):
        await wire.write(request)
        await wire.write(AudioStart(rate=RATE, width=WIDTH, channels=CHANNELS))
        async for chunk in chunks:
            batch += chunk
            if len(batch) >= BATCH_BYTES:
                await wire.write(_chunk(batch))
                batch.clear()
        if batch:
            await wire.write(_chunk(batch))
        await wire.write(AudioStop())


async def _answer(wire: Wire) -> Transcript:
    """Return the transcript; partial ones and voice marks are passed over."""
    while True:
        event = await wire.read()
        if WireTranscript.is_type(event.type):
            return _transcript(event)


def _transcript(event: Event) -> Transcript:
    text, language, context = event.data.get("text"), event.data.get("language"), event.data.get("context")
    if not isinstance(text, str):
        raise NotEdgeVoiceError("a transcript has no text")
    fields = context.get(CONTEXT_KEY) if isinstance(context, dict) else None
    return Transcript(
        text=text,
        language=language if isinstance(language, str) else None,
        fields=fields if isinstance(fields, dict) else {},
    )


def _chunk(audio: bytearray) -> AudioChunk:
    return AudioChunk(rate=RATE, width=WIDTH, channels=CHANNELS, audio=bytes(audio))
