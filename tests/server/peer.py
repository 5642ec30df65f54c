"""A Wyoming peer that says exactly the bytes that a test wants said, also wrong ones."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

from wyoming_server.commands.recording import PACKAGED, Recording, read_recording

PATIENCE_SECONDS = 20.0
"""A server that says nothing for so long hangs."""
SHAPE = {"rate": 16_000, "width": 2, "channels": 1}
KITCHEN = "Turn on the kitchen light."


def kitchen() -> Recording:
    """Return the recording that says KITCHEN."""
    return read_recording(PACKAGED / "kitchen.wav", text=KITCHEN)


def event(kind: str, data: Mapping[str, Any] | None = None, payload: bytes = b"", **header: Any) -> bytes:
    """Return an event's bytes; `header` overrules what its header says."""
    body = json.dumps(data).encode() if data is not None else b""
    lengths: dict[str, Any] = {"data_length": len(body)} if body else {}
    lengths |= {"payload_length": len(payload)} if payload else {}
    return json.dumps({"type": kind} | lengths | header).encode() + b"\n" + body + payload


def chunk(payload: bytes, **shape: Any) -> bytes:
    """Return an audio-chunk's bytes."""
    return event("audio-chunk", SHAPE | shape, payload)


def audio(pcm: bytes, chunk_bytes: int = 2048, **shape: Any) -> Iterator[bytes]:
    """Return the events of a whole stream."""
    yield event("audio-start", SHAPE | shape)
    for at in range(0, len(pcm), chunk_bytes):
        yield chunk(pcm[at : at + chunk_bytes], **shape)
    yield event("audio-stop", {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An event from the server."""

    kind: str
    data: dict[str, Any]

    @property
    def text(self) -> str:
        """A transcript's or an error's text."""
        text: str = self.data["text"]
        return text

    @property
    def code(self) -> str:
        """An error's code."""
        assert self.kind == "error", self.kind
        code: str = self.data["code"]
        return code

    @property
    def detail(self) -> dict[str, Any]:
        """What the server adds for its own clients."""
        detail: dict[str, Any] = self.data["context"]["edge_voice"]
        return detail


@dataclass(slots=True)
class Peer:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[Heard] = field(default_factory=list)

    async def say(self, *events: bytes) -> None:
        """Send bytes as fast as the server takes them."""
        for one in events:
            self.writer.write(one)
            await self.writer.drain()

    async def hear(self) -> Heard | None:
        """Return the next event; None when the server has closed the connection."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = await self.reader.readline()
            if not line:
                return None
            header = json.loads(line)
            body = await self.reader.readexactly(header.get("data_length", 0))
            await self.reader.readexactly(header.get("payload_length", 0))
        event = Heard(kind=header["type"], data=json.loads(body) if body else {})
        self.heard.append(event)
        return event

    async def until(self, *kinds: str) -> Heard:
        """Return the next event of one of these kinds."""
        while (event := await self.hear()) is not None:
            if event.kind in kinds:
                return event
        raise AssertionError(f"the server closed the connection after {[one.kind for one in self.heard]}")

    async def answer(self) -> Heard:
        """Return the next transcript, once its last event has come too, or error."""
        answer = await self.until("transcript", "error")
        if answer.kind == "transcript":
            await self.until("transcript-stop")
        return answer

    async def turn(self, pcm: bytes, asked: Mapping[str, Any] | None = None, **shape: Any) -> Heard:
        """Speak a whole turn as fast as the server takes it; return its transcript or error."""
        await self.say(event("transcribe", asked or {}), *audio(pcm, **shape))
        return await self.answer()

    async def code(self, *events: bytes) -> str:
        """Say something wrong; return the code of the error that it gets."""
        await self.say(*events)
        return (await self.until("error")).code

    async def serves(self) -> None:
        """Check that this very connection still works."""
        answer = await self.turn(kitchen().pcm)
        assert (answer.kind, answer.text) == ("transcript", KITCHEN)

    async def is_closed(self) -> bool:
        """Read what is left and return whether the server has closed the connection."""
        try:
            while await self.hear() is not None:
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True

    def stop_reading(self) -> None:
        """Take nothing more from the network, so that the server's writes pile up."""
        cast(asyncio.Transport, self.writer.transport).pause_reading()

    def reset(self) -> None:
        """Vanish with an RST, as after a loss of power."""
        link: socket.socket = self.writer.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@asynccontextmanager
async def connected(uri: str) -> AsyncIterator[Peer]:
    """Open a connection to tcp:// or unix://."""
    scheme, _, rest = uri.partition("://")
    if scheme == "unix":
        reader, writer = await asyncio.open_unix_connection(rest)
    else:
        host, _, port = rest.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def bystander(uri: str) -> AsyncIterator[None]:
    """Be in mid-sentence meanwhile, and get the right text afterwards."""
    start, *chunks, stop = audio(kitchen().pcm)
    middle = len(chunks) // 2
    async with connected(uri) as peer:
        await peer.say(event("transcribe", {}), start, *chunks[:middle])
        yield
        await peer.say(*chunks[middle:], stop)
        answer = await peer.answer()
        assert (answer.kind, answer.text) == ("transcript", KITCHEN)
