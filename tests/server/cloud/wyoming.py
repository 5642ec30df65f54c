"""A speech-to-text server that speaks Wyoming (wyoming 1.10's README), strictly, and fails as told."""

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from .audio import BadAudioError, Samples, Sound, read_pcm
from .hearing import Hearing
from .protocol import RefusedError
from .recorder import Recorder, listening
from .wyoming_faults import WYOMING_FAULTS, ClosedError, Speaking, WyomingFault

LONGEST_LINE = 2**20
INFO = {
    "asr": [
        {
            "name": "stand-in",
            "attribution": {"name": "stand-in", "url": "https://speech.example"},
            "installed": True,
            "description": "A stand-in",
            "version": "1",
            "supports_transcript_streaming": False,
            "models": [
                {
                    "name": "stand-in",
                    "attribution": {"name": "stand-in", "url": "https://speech.example"},
                    "installed": True,
                    "description": "A stand-in",
                    "version": "1",
                    "languages": ["de", "en", "fr"],
                }
            ],
        }
    ]
}


@dataclass(slots=True, kw_only=True)
class Session:
    """One connection, as it went."""

    connection: int
    opened_s: float
    kinds: list[str] = field(default_factory=list)
    """The types of the events that came, without repetitions in a row."""
    transcribe: dict[str, Any] | None = None
    """The data of its last `transcribe`."""
    sound: Sound | None = None
    turns: int = 0
    bytes: int = 0
    """Of audio."""
    refusal: str = ""
    fault: str = ""
    disconnected: bool = False
    """Whether the client went away while an answer was due."""


@dataclass(slots=True, kw_only=True)
class Event:
    """One event."""

    kind: str
    data: dict[str, Any]
    payload: bytes


@dataclass(slots=True)
class WyomingStandIn:
    """A running stand-in."""

    url: str = ""
    hearing: Hearing = field(default_factory=Hearing)
    language: str | None = None
    """Said with each transcript; None: what was asked for."""
    delay_seconds: float = 0.0
    recorder: Recorder = field(default_factory=Recorder)
    """Only its count of connects is used."""
    sessions: list[Session] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    _always: str | None = None
    _script: deque[str | None] = field(default_factory=deque)

    @property
    def refusals(self) -> list[str]:
        """How clients broke the protocol."""
        return [one.refusal for one in self.sessions if one.refusal]

    def hears(self, samples: Samples, text: str) -> None:
        """Register what these samples say."""
        self.hearing.learn(samples, text)

    def always(self, fault: str) -> None:
        """Fail so until `well`."""
        assert fault not in self.origins, f"{fault} has an address of its own"
        self._always = fault

    def script(self, *faults: str | None) -> None:
        """Let the next turns fail so, one after the other."""
        self._script.extend(faults)

    def well(self) -> None:
        """Be well again."""
        self._always = None
        self._script.clear()

    def set(self, fault: str) -> str:
        """Fail so, whichever kind of fault it is; return the address to use."""
        if fault in self.origins:
            return self.origins[fault]
        self.always(fault)
        return self.url

    def lane(self, **more: Any) -> dict[str, Any]:
        """Return the fields of LaneSettings that lead here."""
        return {"name": "wyoming", "provider": "wyoming", "url": self.url, **more}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        session = Session(connection=len(self.sessions) + 1, opened_s=asyncio.get_running_loop().time())
        self.sessions.append(session)
        speaking = Speaking(reader=reader, writer=writer)
        try:
            await self._serve(session, speaking)
        except RefusedError as refused:
            session.refusal = refused.reason
            await speaking.event("error", {"text": refused.reason, "code": "protocol"})
        except ClosedError:
            pass
        except ConnectionError, asyncio.IncompleteReadError:
            session.disconnected = True
        finally:
            writer.close()

    async def _serve(self, session: Session, speaking: Speaking) -> None:
        """Take turns until the client goes."""
        if (coming := self._coming()) and coming.when == "at once":
            await self._next(session, speaking)
        while (turn := await self._turn(session, speaking)) is not None:
            sound, fault = turn
            heard = self.hearing(sound) if fault is None or fault.heard is None else fault.heard
            await asyncio.sleep(self.delay_seconds)
            if fault and fault.act and fault.when == "answer":
                await fault.act(speaking, heard)
            else:
                asked = (session.transcribe or {}).get("language")
                said = (fault and fault.language) or self.language or asked
                await speaking.event("transcript", {"text": heard, **({"language": said} if said else {})})

    def _coming(self) -> WyomingFault | None:
        name = self._script[0] if self._script else self._always
        return WYOMING_FAULTS[name] if name else None

    async def _next(self, session: Session, speaking: Speaking) -> WyomingFault | None:
        """Take the fault of a turn that begins, and do it when it is for now."""
        fault = self._coming()
        if self._script:
            self._script.popleft()
        session.fault = fault.name if fault else ""
        if fault and fault.when == "at once":
            await fault.act(speaking, "")
        return fault

    async def _turn(self, session: Session, speaking: Speaking) -> tuple[Sound, WyomingFault | None] | None:
        """Return the audio of a whole turn and its fault, or None when the client goes between turns."""
        turn, fault = _Turn(), None
        while event := await _event(speaking.reader, between=not turn.begun):
            if not session.kinds or session.kinds[-1] != event.kind:
                session.kinds.append(event.kind)
            if event.kind in ("describe", "ping"):
                await speaking.event(*(("info", INFO) if event.kind == "describe" else ("pong", event.data)))
                continue
            if not turn.begun:
                fault = await self._next(session, speaking)
            turn.take(event)
            session.transcribe = turn.transcribe or session.transcribe
            session.bytes += len(event.payload)
            if event.kind == "audio-chunk" and fault and fault.when == "mid audio":
                await fault.act(speaking, "")
            if event.kind == "audio-stop":
                session.sound, session.turns = turn.sound(), session.turns + 1
                return session.sound, fault
        return None


@dataclass(slots=True)
class _Turn:
    """The events of one turn, in the order in which they are allowed."""

    transcribe: dict[str, Any] | None = None
    rate_hz: int = 0
    pieces: list[bytes] = field(default_factory=list)
    begun: bool = False

    def take(self, event: Event) -> None:
        """Take one more. Raises RefusedError."""
        self.begun = True
        if event.kind == "transcribe":
            self.transcribe = _transcribe(event)
        elif event.kind == "audio-start":
            self.rate_hz = _rate(event)
        elif event.kind == "audio-chunk":
            if not self.rate_hz or _rate(event) != self.rate_hz:
                raise RefusedError(400, "audio-chunk of another shape than audio-start, or before it")
            self.pieces.append(event.payload)
        elif event.kind != "audio-stop":
            raise RefusedError(400, f"a speech-to-text server is not sent {event.kind}")

    def sound(self) -> Sound:
        """Return what it said. Raises RefusedError."""
        if not self.rate_hz or self.transcribe is None:
            raise RefusedError(400, "audio-stop without transcribe and audio-start before it")
        return _sound(b"".join(self.pieces), self.rate_hz)


def _sound(pcm: bytes, rate_hz: int) -> Sound:
    try:
        return read_pcm(pcm, rate_hz)
    except BadAudioError as error:
        raise RefusedError(400, str(error)) from error


def _transcribe(event: Event) -> dict[str, Any]:
    for name in ("name", "language"):
        if not isinstance(event.data.get(name, ""), str | None):
            raise RefusedError(400, f"transcribe's {name} is no text")
    return event.data


def _rate(event: Event) -> int:
    shape = [event.data.get(name) for name in ("rate", "width", "channels")]
    if not isinstance(shape[0], int) or shape[1:] != [2, 1]:
        raise RefusedError(400, f"{event.kind}: 16-bit mono is expected, not {shape}")
    return shape[0]


async def _event(reader: asyncio.StreamReader, *, between: bool) -> Event | None:
    """Read one event; None at a clean end between turns."""
    line = await reader.readline()
    if not line and between:
        return None
    if not line.endswith(b"\n"):
        raise asyncio.IncompleteReadError(line, None)
    try:
        header = json.loads(line)
        kind, data = header["type"], dict(header.get("data") or {})
        sizes = [header.get(name) or 0 for name in ("data_length", "payload_length")]
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(400, f"no event header: {error}") from error
    if not all(isinstance(size, int) and 0 <= size <= LONGEST_LINE for size in sizes):
        raise RefusedError(400, f"lengths {sizes}")
    extra = await reader.readexactly(sizes[0])
    payload = await reader.readexactly(sizes[1])
    if extra:
        data |= json.loads(extra)
    return Event(kind=kind, data=data, payload=payload)


@asynccontextmanager
async def wyoming_stand_in() -> AsyncIterator[WyomingStandIn]:
    """Serve on a free port of 127.0.0.1 within the running loop."""
    lan = WyomingStandIn()
    tasks = set[asyncio.Task[None]]()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(lan.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    sock = listening(lan.recorder)
    nobody = socket.socket()
    nobody.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(connected, sock=sock, limit=LONGEST_LINE)
    lan.url = f"tcp://127.0.0.1:{sock.getsockname()[1]}"
    lan.origins = {
        "refuses-connection": f"tcp://127.0.0.1:{nobody.getsockname()[1]}",
        "no-such-host": f"tcp://stand-in.invalid:{sock.getsockname()[1]}",
    }
    try:
        yield lan
    finally:
        server.close()
        waiting = list(tasks)
        for task in waiting:
            task.cancel()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        server.abort_clients()
        await server.wait_closed()
        nobody.close()
    if failures := [one for one in ended if isinstance(one, Exception)]:
        raise ExceptionGroup("the Wyoming stand-in itself failed", failures)
