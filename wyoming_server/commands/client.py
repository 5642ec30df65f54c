"""A Wyoming client that speaks recordings to a server, as a satellite would, and times what comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.wake import Detect, Detection, NotDetected

from ..errors import (
    EdgeVoiceError,
    InvalidSettingsError,
    MalformedEventError,
    ServerUnreachableError,
    TurnError,
    TurnTimeoutError,
)
from .recording import Recording, chunks

CONNECT_SECONDS = 5.0
UNTIL_ANSWERED_SECONDS = 5.0
"""How long room noise trails a recording at most when the client waits for the answer before it stops."""
_STOP_SECONDS = 1.0
"""How long a transcript-stop may take after its transcript: it carries spans, nothing that a user waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a recording is spoken to the server."""

    chunk_seconds: float = 0.01
    real_time: bool = True
    """Each chunk leaves when its last sample has been said; otherwise as fast as the server takes them."""
    client_silence_seconds: float | None = None
    """Room noise after the last voiced sample, then audio-stop, as Home Assistant does; None: the recording alone."""
    until_answered: bool = False
    """Room noise trails until the answer comes, as from a satellite that leaves the endpoint to the server."""
    answer_seconds: float = 30.0
    """Longest wait for the answer once the audio has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server made of a recording, in seconds of the monotonic clock."""

    text: str
    language: str | None
    detail: Mapping[str, Any]
    """transcript.context.edge_voice, the complete spans of transcript-stop included; empty from other servers."""
    chunks: Sequence[str]
    """The texts of transcript-chunk events."""
    stop_to_text_s: float | None
    """Client's audio-stop → transcript; None when the server answered before it."""
    last_word_to_text_s: float | None
    """Last voiced sample, found by energy → transcript; None for a recording without any or not in real time."""
    started_s: float
    """Monotonic time of the first sample."""
    answered_s: float
    """Monotonic time of the transcript."""


@dataclass(slots=True)
class _Events:
    """What one turn has received: kept by a reader task while the audio is still being sent."""

    client: AsyncClient
    uri: str
    final: frozenset[str]
    seen: list[tuple[float, Event]] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    async def read(self) -> None:
        """Read until the answer is complete or the connection ends."""
        loop = asyncio.get_running_loop()
        try:
            while not self.answered.is_set():
                event = await self.client.read_event()
                if event is None:
                    self.ended = True
                    return
                self.seen.append((loop.time(), event))
                if event.type in self.final or Error.is_type(event.type):
                    self.answered.set()
            if self.has("transcript-start") and not self.has("error"):
                async with asyncio.timeout(_STOP_SECONDS):
                    while not self.has("transcript-stop") and (event := await self.client.read_event()):
                        self.seen.append((loop.time(), event))
        except TimeoutError:
            pass  # the answer stands without the spans
        except OSError, EOFError:
            self.ended = True
        finally:
            self.answered.set()

    def has(self, kind: str) -> bool:
        """Return whether an event of that type came."""
        return any(event.type == kind for _, event in self.seen)

    def answer(self) -> tuple[float, Event]:
        """Return the final event and its time; raises the server's error, or says that none came."""
        for at, event in self.seen:
            if Error.is_type(event.type):
                raise refusal(event)
            if event.type in self.final:
                return at, event
        raise ServerUnreachableError(f"{self.uri} closed the connection without an answer; its own log may say why")


def refusal(event: Event) -> EdgeVoiceError:
    """Return the exception that a Wyoming error event's code names; a TurnError when it names none of ours."""
    said = event.data.get("text") or "the server gave no reason"
    leaves: list[type[EdgeVoiceError]] = [EdgeVoiceError]
    for kind in leaves:  # grows as it goes: the tree, breadth first
        leaves.extend(kind.__subclasses__())
    code = event.data.get("code")
    named = [kind for kind in leaves if kind.code == code and "code" in vars(kind)]
    return named[-1](said) if named else TurnError(f"{said} (the server's code: {code})")


@dataclass(frozen=True, slots=True)
class Connection:
    """One open connection to a Wyoming server; turns follow each other on it."""

    client: AsyncClient
    uri: str

    async def describe(self, seconds: float = CONNECT_SECONDS) -> Info:
        """Return what the server says it can do."""
        with _named(self.uri):
            await self.client.write_event(Describe().event())
            async with asyncio.timeout(seconds):
                while event := await self.client.read_event():
                    if Info.is_type(event.type):
                        return Info.from_event(event)
                    if Error.is_type(event.type):
                        raise refusal(event)
        raise ServerUnreachableError(f"{self.uri} closed the connection when asked what it can do")

    async def transcribe(
        self, recording: Recording, manner: Manner, *, language: str | None = None, **asked: Any
    ) -> Answer:
        """Speak a recording; return the answer. `asked` goes into transcribe.context.edge_voice.

        Raises what the server's error names, TurnTimeoutError, or ServerUnreachableError.
        """
        opening = Transcribe(language=language, context={"edge_voice": asked} if asked else None).event()
        events, started_s, stopped_s = await self._speak(recording, manner, opening, frozenset({"transcript"}))
        at, event = events.answer()
        transcript = Transcript.from_event(event)
        voiced = recording.last_voiced_second() if manner.real_time else None
        return Answer(
            text=transcript.text.strip(),
            language=transcript.language,
            detail=_detail(events),
            chunks=tuple(event.data.get("text", "") for _, event in events.seen if event.type == "transcript-chunk"),
            stop_to_text_s=None if stopped_s is None or at < stopped_s else at - stopped_s,
            last_word_to_text_s=None if voiced is None else at - started_s - voiced,
            started_s=started_s,
            answered_s=at,
        )

    async def detect(
        self, recording: Recording, manner: Manner, names: Sequence[str] | None = None
    ) -> Detection | None:
        """Speak a recording to the wake words; return the first detection, or None when the server hears none."""
        final = frozenset({"detection", "not-detected"})
        opening = Detect(names=list(names) if names else None).event()
        events, _, _ = await self._speak(recording, manner, opening, final)
        _, event = events.answer()
        return None if NotDetected.is_type(event.type) else Detection.from_event(event)

    async def _speak(
        self, recording: Recording, manner: Manner, opening: Event, final: frozenset[str]
    ) -> tuple[_Events, float, float | None]:
        """Send the opening and the audio while a task reads; return events, first sample's and audio-stop's times."""
        events = _Events(self.client, self.uri, final)
        reader = asyncio.create_task(events.read(), name="read-answer")
        try:
            async with asyncio.timeout(recording.seconds + manner.answer_seconds):  # a server may also stop reading
                with _named(self.uri):
                    await self.client.write_event(opening)
                    started_s, stopped_s = await self._send(recording, manner, events)
                await asyncio.shield(reader)
        except TimeoutError:
            waited = f"within {manner.answer_seconds:g} s of the end of the audio"
            raise TurnTimeoutError(f"{self.uri} did not answer {waited}") from None
        finally:
            reader.cancel()
            await asyncio.wait([reader])
        return events, started_s, stopped_s

    async def _send(self, recording: Recording, manner: Manner, events: _Events) -> tuple[float, float | None]:
        """Send the audio on an absolute schedule, so that nothing drifts, until it ends or the answer comes."""
        loop = asyncio.get_running_loop()
        shape = {"rate": recording.rate_hz, "width": recording.width_bytes, "channels": recording.channels}
        await self.client.write_event(AudioStart(**shape).event())
        started_s, sent_s = loop.time(), 0.0
        try:
            for piece in chunks(spoken(recording, manner), recording, manner.chunk_seconds):
                sent_s += len(piece) / recording.frame_bytes / recording.rate_hz
                if manner.real_time:
                    await asyncio.sleep(max(0.0, started_s + sent_s - loop.time()))
                if events.answered.is_set():
                    break
                await self.client.write_event(AudioChunk(**shape, audio=piece).event())
            stopped_s = None if events.answered.is_set() else loop.time()
            await self.client.write_event(AudioStop().event())
        except OSError:  # an early answer may close the connection under the audio
            await events.answered.wait()
            return started_s, None
        return started_s, stopped_s


def spoken(recording: Recording, manner: Manner) -> bytes:
    """Return what is sent: the recording, shortened or prolonged by its own room noise as the manner wants."""
    if manner.until_answered:
        return recording.pcm + recording.room(UNTIL_ANSWERED_SECONDS)
    voiced = recording.last_voiced_second()
    if manner.client_silence_seconds is None or voiced is None:
        return recording.pcm
    wanted = round((voiced + manner.client_silence_seconds) * recording.rate_hz) * recording.frame_bytes
    missing = wanted - len(recording.pcm)
    return recording.pcm[:wanted] + recording.room(max(0, missing) / recording.frame_bytes / recording.rate_hz)


def _detail(events: _Events) -> Mapping[str, Any]:
    """Return what the transcript says about itself, with the spans that only its stop can know."""
    merged: dict[str, Any] = {}
    for _, event in events.seen:
        if event.type in {"transcript", "transcript-stop"}:
            told = (event.data.get("context") or {}).get("edge_voice") or {}
            spans = {**merged.get("latency_ms", {}), **told.get("latency_ms", {})}
            merged |= {**told, **({"latency_ms": spans} if spans else {})}
    return merged


@contextlib.contextmanager
def _named(uri: str) -> Iterator[None]:
    """Turn the network's failures into one that names the address."""
    try:
        yield
    except (OSError, EOFError) as error:
        reason = str(error) or "it does not answer"  # a timeout has no words of its own
        raise ServerUnreachableError(f"{uri}: {reason}; is a Wyoming server listening there?") from error
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedEventError(f"{uri} sent something that is not Wyoming: {error}") from error


@contextlib.asynccontextmanager
async def connected(uri: str) -> AsyncIterator[Connection]:
    """Open a connection and close it at the end; raises ServerUnreachableError, or InvalidSettingsError for the URI."""
    try:
        client = AsyncClient.from_uri(uri)
    except ValueError as error:
        raise InvalidSettingsError(f"{uri}: {error}; for example tcp://127.0.0.1:10300") from error
    with _named(uri):
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.connect()
    try:
        yield Connection(client, uri)
    finally:
        with contextlib.suppress(OSError):
            await client.disconnect()
