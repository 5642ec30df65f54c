"""Any Wyoming speech-to-text server on the home's network, such as a machine with a GPU.

One connection serves one utterance: many servers close theirs after it.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_read_event, async_write_event

from ..errors import (
    InvalidSettingsError,
    LaneBusyError,
    LaneError,
    LaneFailedError,
    LaneMalformedError,
    LaneNotPrivateError,
    LaneUnreachableError,
)
from ..pipeline.lanes import LaneRequest, LaneSettings
from ..pipeline.policy import Trust
from ..pipeline.types import SAMPLE_RATE_HZ
from .cloud_lane import CloudLane, Heard, one_line, pcm_of
from .cloud_languages import code_of
from .cloud_trust import is_loopback, reach_of

CONNECT_SECONDS = 5.0
WARM_SECONDS = 30.0
"""How long a connection waits for its utterance."""
ANSWER_LIMIT_BYTES = 256 * 1024
_CHUNK_BYTES = 3200
_AUDIO = {"rate": SAMPLE_RATE_HZ, "width": 2, "channels": 1}


@dataclass(slots=True)
class _Wire:
    """One open connection, read with a limit that the library's own reader does without."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    left: int = ANSWER_LIMIT_BYTES
    ended: bool = False
    """The other side closed it between two events."""

    async def readline(self) -> bytes:
        """Return a line; empty at the end. Raises ValueError beyond the limit."""
        line = await self.reader.readline()
        self.ended = not line
        self._spend(len(line))
        return line

    async def readexactly(self, count: int) -> bytes:
        """Return so many bytes. Raises ValueError beyond the limit."""
        self._spend(count)
        return await self.reader.readexactly(count)

    def _spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ValueError("more than any transcript has")

    @property
    def usable(self) -> bool:
        """Whether the other side still listens, as far as one can tell."""
        return not self.reader.at_eof() and not self.writer.is_closing()

    def drop(self) -> None:
        """Close it; at once when the other side does not take what was written."""
        if self.writer.transport.get_write_buffer_size():
            self.writer.transport.abort()
        else:
            self.writer.close()


class WyomingProvider:
    """Satisfies `Provider`."""

    def __init__(self, settings: LaneSettings) -> None:
        """Connect to nothing yet. Raises InvalidSettingsError."""
        self._lane, self._model = settings.name, settings.model or None
        self._host, self._port = _address(settings)
        self._reach = reach_of(settings, self._host, encrypted=False)
        self._waiting: _Wire | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._closed = False

    async def warm(self) -> None:
        """Have a connection ready for WARM_SECONDS. Raises LaneError."""
        if self._waiting is not None and self._waiting.usable:
            return
        self._keep(await self._connect())

    async def hear(self, request: LaneRequest) -> Heard:
        """Return what it hears. Raises LaneError."""
        wire = self._kept() or await self._connect()
        pcm = pcm_of(request.samples)
        # Read while writing: a server that finds the end of speech by itself may answer, and close, before all is sent.
        sending = asyncio.create_task(self._send(wire, request, pcm), name=f"lane {self._lane} sends")
        try:
            text, language = await self._answer(wire)
        finally:
            sending.cancel()
            wire.drop()
            await asyncio.wait([sending])
        return Heard(text=text, language=language, bytes_sent=len(pcm))

    async def _send(self, wire: _Wire, request: LaneRequest, pcm: bytes) -> None:
        opening = Transcribe(
            name=self._model,
            language=code_of(request.language),
            transcript_names=list(request.prompt) or None,
        )
        chunks = (pcm[at : at + _CHUNK_BYTES] for at in range(0, len(pcm), _CHUNK_BYTES))
        with contextlib.suppress(OSError):  # the reader sees it too, and may find the answer before it
            await async_write_event(opening.event(), wire.writer)
            await async_write_event(AudioStart(**_AUDIO).event(), wire.writer)
            for chunk in chunks:
                await async_write_event(AudioChunk(**_AUDIO, audio=chunk).event(), wire.writer)
            await async_write_event(AudioStop().event(), wire.writer)

    async def _answer(self, wire: _Wire) -> tuple[str, object]:
        """Return the text and its language; pieces count only once the server says that they are all."""
        pieces: list[str] = []
        while True:
            event = await self._event(wire)
            if Error.is_type(event.type):
                raise self._refusal(event.data)
            if Transcript.is_type(event.type):
                return self._text(event), event.data.get("language")
            if TranscriptChunk.is_type(event.type):
                pieces.append(self._text(event))
            elif TranscriptStop.is_type(event.type):
                return "".join(pieces), None

    async def _event(self, wire: _Wire) -> Event:
        try:
            event = await async_read_event(wire)  # type: ignore[arg-type]  # it reads lines and bytes, no more
        except (asyncio.IncompleteReadError, OSError) as error:
            raise self._broken() from error
        except (AttributeError, KeyError, TypeError, RecursionError) as error:
            raise self._malformed() from error
        if event is not None and isinstance(event.type, str) and isinstance(event.data, dict):
            return event
        if event is not None or not wire.ended:
            raise self._malformed()
        raise self._broken()

    def _broken(self) -> LaneError:
        return LaneFailedError(
            f"Lane '{self._lane}': {self._host} closed the connection without an answer; its own log may say why",
            lane=self._lane,
        )

    def _text(self, event: Event) -> str:
        text = event.data.get("text")
        if not isinstance(text, str):
            raise self._malformed()
        return text

    def _malformed(self) -> LaneError:
        return LaneMalformedError(
            f"Lane '{self._lane}': {self._host} answers with something that is not Wyoming; check its url",
            lane=self._lane,
        )

    def _refusal(self, said: dict[str, Any]) -> LaneError:
        code = one_line(str(said.get("code") or "no code"))[:40]
        kind = LaneBusyError if code in {"overloaded", "too-many-connections"} else LaneFailedError
        return kind(f"Lane '{self._lane}' answered with an error ({code}); its own log says why", lane=self._lane)

    async def _connect(self) -> _Wire:
        """Connect to the first permitted address that answers; each is checked after it was resolved, every time."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._connect_to(await self._addresses())
        except (OSError, ValueError) as error:  # a TimeoutError is an OSError; a name may not be encodable
            raise LaneUnreachableError(
                f"Lane '{self._lane}': {self._host}:{self._port} cannot be reached; is the server running?",
                lane=self._lane,
            ) from error

    async def _addresses(self) -> list[str]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        permitted = self._reach.filtered(dict.fromkeys(str(one[4][0]) for one in found))
        if not permitted:
            raise LaneNotPrivateError(
                f"Lane '{self._lane}': {self._host} leads out of the home; give it a private address",
                lane=self._lane,
            )
        return permitted

    async def _connect_to(self, addresses: list[str]) -> _Wire:
        failure: OSError | None = None
        for address in addresses:
            try:
                return _Wire(*await asyncio.open_connection(address, self._port))
            except OSError as error:
                failure = failure or error
        raise failure or OSError("no address")

    def _keep(self, wire: _Wire) -> None:
        self._forget()
        if self._closed:
            wire.drop()
            return
        self._waiting = wire
        self._expiry = asyncio.get_running_loop().call_later(WARM_SECONDS, self._forget)

    def _kept(self) -> _Wire | None:
        """Take the waiting connection, when there is one that still stands."""
        wire, self._waiting = self._waiting, None
        self._forget()
        if wire is not None and not wire.usable:
            wire.drop()
            return None
        return wire

    def _forget(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        if self._waiting is not None:
            self._waiting.drop()
        self._waiting = self._expiry = None

    async def aclose(self) -> None:
        """Drop the waiting connection."""
        self._closed = True
        wire = self._waiting
        self._forget()
        if wire is not None:
            with contextlib.suppress(OSError):
                await wire.writer.wait_closed()


def _address(settings: LaneSettings) -> tuple[str, int]:
    try:
        parts = urlsplit(settings.url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.scheme != "tcp":
        raise InvalidSettingsError(f"Lane '{settings.name}' needs a url such as tcp://192.168.1.20:10300")
    if settings.trust_class is Trust.CLOUD and not is_loopback(host):
        raise InvalidSettingsError(
            f"Lane '{settings.name}': Wyoming knows no encryption, so its server can only be at home; set trust: home"
        )
    return host, port


def make(settings: LaneSettings, wall_clock: Callable[[], float]) -> CloudLane:  # noqa: ARG001  # all providers' form
    """Return a lane. Raises InvalidSettingsError."""
    return CloudLane(settings, WyomingProvider(settings))
