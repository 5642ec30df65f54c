"""Turns as they are spoken, in real time, and what a person got for each, of Home Assistant or of the hub alone."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.home_assistant.assist import paced
from tests.home_assistant.hass_process import HomeAssistant
from tests.home_assistant.recordings import BYTES_PER_SECOND, Recording, read, recording, words

MILK = Path(__file__).parents[2] / "audio/commands/waiting/milk.wav"
SENTENCES = {
    "kitchen": recording("kitchen.wav"),
    "time": recording("time.wav"),
    "bedroom": recording("bedroom.wav"),
    "milk": read(MILK, text="Add milk to the shopping list.", kind="clean"),
}
COMMON = ("kitchen", "time", "bedroom")
"""Those that the hub is sure of."""
ROOM_SECONDS = 6.0
"""Said nothing for so long afterwards: longer than any turn may take."""
PATIENCE_SECONDS = 30.0
_SHAPE = {"rate": 16_000, "width": 2, "channels": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What became of one turn."""

    kind: str
    """`text`, `error`, or `away` where Home Assistant itself had gone."""
    text: str = ""
    code: str = ""
    late_s: float = 0.0
    """From the last voiced sample to that."""
    did: str = ""
    """What the conversation made of it, such as action_done."""


@dataclass(slots=True, kw_only=True)
class Spoken:
    """A sentence while it is said."""

    of: Recording
    speed: float = 1.0
    """How much faster than a person it is said."""
    said_s: float = 0.0
    """How much of it has been said."""
    began_s: float = 0.0
    waiting: list[tuple[float, asyncio.Event]] = field(default_factory=list)

    @property
    def ends_s(self) -> float:
        """Where its last voiced sample lies."""
        return self.of.last_voiced_second()

    async def until(self, second: float) -> None:
        """Wait until so much of it has been said."""
        event = asyncio.Event()
        self.waiting.append((second, event))
        await event.wait()

    async def audio(self) -> AsyncGenerator[bytes]:
        """Give its chunks as they are said."""
        self.began_s = time.monotonic()
        async for chunk in paced(self.of.followed_by_room(ROOM_SECONDS), self.speed):
            self.said_s += len(chunk) / BYTES_PER_SECOND
            for second, event in self.waiting:
                if self.said_s >= second:
                    event.set()
            yield chunk

    def late(self) -> float:
        """Return how long ago its last voiced sample was said."""
        return round(time.monotonic() - self.began_s - self.ends_s / self.speed, 2) if self.began_s else 0.0


type Speak = Callable[[Spoken], Any]
"""Says a sentence; a coroutine that returns a Got."""


async def to_home_assistant(hass: HomeAssistant, pipeline: str, spoken: Spoken) -> Got:
    """Say a sentence to an Assist pipeline."""
    try:
        async with hass.session() as assist:
            run = await assist.run(pipeline, spoken.audio(), seconds=PATIENCE_SECONDS)
    except (aiohttp.ClientError, TypeError, ExceptionGroup, AssertionError, OSError) as error:
        if isinstance(error, AssertionError):
            raise
        return Got(kind="away", late_s=spoken.late())
    heard = next((one for one in run.events if one.type in {"stt-end", "error"}), run.events[-1])
    late_s = round((heard.at_s or 0.0) - spoken.ends_s, 2)
    if heard.type == "stt-end":
        intent = next((one for one in run.events if one.type == "intent-end"), None)
        did = intent.data["intent_output"]["response"]["response_type"] if intent else ""
        return Got(kind="text", text=heard.data["stt_output"]["text"], late_s=late_s, did=did)
    return Got(kind="error", code=heard.data.get("code", heard.type), late_s=late_s)


async def to_hub(port: Callable[[], int], spoken: Spoken) -> Got:
    """Say a sentence to the hub itself, as Home Assistant would."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port())
            try:
                return await _turn(reader, writer, spoken)
            finally:
                writer.transport.abort()
    except (OSError, EOFError) as error:  # also a TimeoutError
        return Got(kind="error", code=type(error).__name__, late_s=spoken.late())


async def _turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, spoken: Spoken) -> Got:
    context = {"edge_voice": {"can_confirm": True, "keeps_queue": True, "session_id": uuid.uuid4().hex}}
    context["edge_voice"]["satellite_id"] = context["edge_voice"]["session_id"]  # nobody says the same thing twice
    writer.write(_event("transcribe", {"language": "en", "context": context}) + _event("audio-start", _SHAPE))

    async def say() -> None:
        async for chunk in _batched(spoken.audio()):
            writer.write(_event("audio-chunk", _SHAPE, chunk))
            await writer.drain()
        writer.write(_event("audio-stop", {}))

    saying = asyncio.create_task(say())
    try:
        while True:
            kind, data = await _hear(reader)
            if kind in {"transcript", "error"}:
                return Got(kind=kind.replace("transcript", "text"), text=data["text"], code=data.get("code", ""),
                           late_s=spoken.late())  # fmt: skip
    finally:
        saying.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await saying


async def _batched(audio: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Give 60 ms at a time: what the integration sends."""
    held = b""
    async for chunk in audio:
        held += chunk
        if len(held) >= 0.06 * BYTES_PER_SECOND:
            yield held
            held = b""


def _event(kind: str, data: dict[str, Any], payload: bytes = b"") -> bytes:
    body = json.dumps(data).encode()
    header = {"type": kind, "data_length": len(body)} | ({"payload_length": len(payload)} if payload else {})
    return json.dumps(header).encode() + b"\n" + body + payload


async def _hear(reader: asyncio.StreamReader) -> tuple[str, dict[str, Any]]:
    line = await reader.readline()
    if not line:
        raise EOFError
    header = json.loads(line)
    body = await reader.readexactly(header.get("data_length", 0))
    await reader.readexactly(header.get("payload_length", 0))
    return header["type"], json.loads(body) if body else {}


def whose(got: Got) -> str:
    """Return whose text a turn came to, or how else it ended: the speech service writes no capitals."""
    if got.kind != "text":
        return got.kind
    if not any(words(got.text) == words(SENTENCES[one].text) for one in COMMON):
        return f"text {got.text!r}"
    return "cloud" if got.text == got.text.lower() else "edge"
