"""A satellite at Home Assistant's WebSocket API: speaks to the Assist pipeline in real time, keeps every event."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.home_assistant.recordings import BYTES_PER_SECOND, FRAME_SAMPLES

_CHUNK_BYTES = 2 * FRAME_SAMPLES
_LISTENING = frozenset({"wake_word-start", "stt-start"})
_LISTENED = frozenset({"stt-end", "error", "run-end"})
RUN_SECONDS = 40.0
"""A run that is not over by then hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineEvent:
    """What the pipeline said."""

    type: str
    data: Mapping[str, Any]
    at_s: float | None
    """Seconds since the first sample was spoken; None before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A pipeline run that has ended."""

    events: tuple[PipelineEvent, ...]
    said_all: bool
    """Whether all audio had been sent before the speech was understood or refused."""

    @property
    def kinds(self) -> list[str]:
        """The events' types in the order in which they came."""
        return [event.type for event in self.events]

    def first(self, kind: str) -> PipelineEvent:
        """Return the first event of a type; an AssertionError shows what came instead."""
        for event in self.events:
            if event.type == kind:
                return event
        raise AssertionError(f"no {kind} among {[(event.type, event.data) for event in self.events]}")

    @property
    def text(self) -> str:
        """What was understood."""
        text: str = self.first("stt-end").data["stt_output"]["text"]
        return text

    @property
    def spoken(self) -> str:
        """What was answered."""
        said: str = self.first("intent-end").data["intent_output"]["response"]["speech"]["plain"]["speech"]
        return said

    @property
    def conversation_id(self) -> str:
        """Which conversation it belongs to."""
        found: str = self.first("run-start").data["conversation_id"]
        return found

    @property
    def error_code(self) -> str:
        """Why it ended early."""
        code: str = self.first("error").data["code"]
        return code

    @property
    def response_type(self) -> str:
        """What the conversation agent made of the text: action_done, query_answer or error."""
        kind: str = self.first("intent-end").data["intent_output"]["response"]["response_type"]
        return kind


async def paced(pcm: bytes, speed: float = 1.0) -> AsyncGenerator[bytes]:
    """Give 10 ms chunks in real time, or so much faster: each when its last sample has been said."""
    start_s = time.monotonic()
    for offset in range(0, len(pcm), _CHUNK_BYTES):
        chunk = pcm[offset : offset + _CHUNK_BYTES]
        await asyncio.sleep(max(0.0, start_s + (offset + len(chunk)) / BYTES_PER_SECOND / speed - time.monotonic()))
        yield chunk


@dataclass(slots=True)
class _Voice:
    """The sending half of a run."""

    socket: aiohttp.ClientWebSocketResponse
    handler: int = 0
    started_s: float | None = None
    said_all: bool = False

    async def speak(self, audio: AsyncIterator[bytes]) -> None:
        async for chunk in audio:
            await self.socket.send_bytes(bytes([self.handler]) + chunk)
        self.said_all = True
        await self.socket.send_bytes(bytes([self.handler]))

    def now(self) -> float | None:
        return None if self.started_s is None else time.monotonic() - self.started_s


class Assist:
    """One WebSocket session; one run at a time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take an authenticated socket on which nothing was sent yet."""
        self._socket, self._last_id = socket, 0

    async def call(self, kind: str, **message: Any) -> Any:
        """Send a command and return its result; an AssertionError carries the refusal."""
        number = await self._send(kind, **message)
        while True:
            reply = await self._socket.receive_json()
            if reply["type"] == "result" and reply["id"] == number:
                assert reply["success"], reply["error"]
                return reply["result"]

    async def our_agent(self) -> str:
        """Return our conversation entity."""
        registry = await self.call("config/entity_registry/list")
        ours = (str(one["entity_id"]) for one in registry if one["platform"] == "edge_voice")
        return next(one for one in ours if one.startswith("conversation."))

    async def create_pipeline(
        self,
        stt: str,
        *,
        name: str = "",
        agent: str = "conversation.home_assistant",
        wake_word: tuple[str, str] | None = None,
    ) -> str:
        """Create an English pipeline without a voice; return its id. `wake_word` is an entity and one of its words."""
        entity, word = wake_word or (None, None)
        created = await self.call(
            "assist_pipeline/pipeline/create",
            name=name or f"{stt} {self._last_id}",
            language="en",
            conversation_engine=agent,
            conversation_language="en",
            stt_engine=stt,
            stt_language="en",
            tts_engine=None,
            tts_language=None,
            tts_voice=None,
            wake_word_entity=entity,
            wake_word_id=word,
        )
        pipeline: str = created["id"]
        return pipeline

    async def run(
        self,
        pipeline: str,
        audio: AsyncIterator[bytes],
        *,
        start_stage: str = "stt",
        seconds: float = RUN_SECONDS,
        conversation_id: str | None = None,
        **given: Any,
    ) -> Run:
        """Speak `audio` to a pipeline until it is understood, refused or said; return the run once it has ended.

        With a `conversation_id`, it goes on with that conversation. `given` goes into the run's input. Raises
        TimeoutError when the run is not over after so many seconds.
        """
        number = await self._send(
            "assist_pipeline/run",
            start_stage=start_stage,
            end_stage="intent",
            pipeline=pipeline,
            input={"sample_rate": 16000, **given} if start_stage != "intent" else given,
            **({} if conversation_id is None else {"conversation_id": conversation_id}),
        )
        events: list[PipelineEvent] = []
        voice = _Voice(self._socket)
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            speaking: asyncio.Task[None] | None = None
            async for event in self._events(number, voice):
                events.append(event)
                if event.type in _LISTENING and speaking is None:
                    voice.started_s = time.monotonic()
                    speaking = tasks.create_task(voice.speak(audio))
                if event.type in _LISTENED and speaking is not None:
                    speaking.cancel()
        return Run(events=tuple(events), said_all=voice.said_all)

    async def close(self) -> None:
        """Hang up, as a satellite does that loses its power: Home Assistant cancels what still runs."""
        await self._socket.close()

    async def _send(self, kind: str, **message: Any) -> int:
        self._last_id += 1
        await self._socket.send_json({"id": self._last_id, "type": kind, **message})
        return self._last_id

    async def _events(self, number: int, voice: _Voice) -> AsyncGenerator[PipelineEvent]:
        """Give a run's events until its last."""
        while True:
            message = await self._socket.receive_json()
            if message["id"] != number:
                continue
            if message["type"] == "result":
                assert message["success"], message["error"]
                continue
            event = PipelineEvent(
                type=message["event"]["type"], data=message["event"].get("data") or {}, at_s=voice.now()
            )
            if event.type == "run-start":
                voice.handler = event.data["runner_data"]["stt_binary_handler_id"]
            yield event
            if event.type == "run-end":
                return


@contextlib.asynccontextmanager
async def session(url: str, token: str) -> AsyncIterator[Assist]:
    """Open an authenticated session with the Home Assistant at that address."""
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}/api/websocket") as socket:
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": token})
        reply = await socket.receive_json()
        assert reply["type"] == "auth_ok", reply
        yield Assist(socket)
