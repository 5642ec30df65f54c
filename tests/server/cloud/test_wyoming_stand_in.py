"""The Wyoming stand-in: heard by the wyoming package's own client, strict, and failing as told."""

import asyncio
import contextlib
from typing import Any

import numpy as np
import pytest
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.info import Describe, Info

from .wyoming import WyomingStandIn, wyoming_stand_in
from .wyoming_faults import WYOMING_FAULTS

SAMPLES = (np.arange(8_000) % 700).astype(np.int16)
SHAPE: dict[str, Any] = {"rate": 16_000, "width": 2, "channels": 1}


def speech(*, language: str | None = "en") -> list[Event]:
    pcm = SAMPLES.tobytes()
    chunks = [AudioChunk(audio=pcm[at : at + 2048], **SHAPE).event() for at in range(0, len(pcm), 2048)]
    return [Transcribe(language=language).event(), AudioStart(**SHAPE).event(), *chunks, AudioStop().event()]


async def turn(url: str, events: list[Event]) -> Event | None:
    host, _, port = url.removeprefix("tcp://").partition(":")
    async with AsyncTcpClient(host, int(port)) as client:
        for event in events:
            await client.write_event(event)
        return await client.read_event()


async def test_the_packages_own_client_is_heard() -> None:
    async with wyoming_stand_in() as lan:
        lan.hears(SAMPLES, "open the garage")
        event = await turn(lan.url, [Describe().event()])
        assert event is not None
        assert Info.from_event(event).asr[0].models[0].languages == ["de", "en", "fr"]
        event = await turn(lan.url, speech())
        assert event is not None
        assert (Transcript.from_event(event).text, Transcript.from_event(event).language) == ("open the garage", "en")
        assert lan.sessions[1].kinds == ["transcribe", "audio-start", "audio-chunk", "audio-stop"]
        assert lan.refusals == []


@pytest.mark.parametrize(
    "events",
    [
        speech()[1:],
        speech()[:1] + speech()[2:],
        [*speech()[:2], AudioChunk(rate=44_100, width=2, channels=1, audio=b"ab").event(), AudioStop().event()],
        [Event(type="detect")],
    ],
)
async def test_it_refuses_what_is_out_of_order(events: list[Event]) -> None:
    async with wyoming_stand_in() as lan:
        event = await turn(lan.url, events)
        assert event is not None
        assert event.type == "error"
        assert len(lan.refusals) == 1


FAILING = [name for name, fault in WYOMING_FAULTS.items() if not fault.lasts and fault.endings != ("answered",)]


async def heard(lan: WyomingStandIn, url: str) -> str | None:
    """Return the transcript's text, or None."""
    with contextlib.suppress(OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        async with asyncio.timeout(0.5):
            event = await turn(url, speech())
        if event is not None and event.type == "transcript":
            return str(event.data["text"])
    return None


async def test_every_fault_shows_at_the_client() -> None:
    async with wyoming_stand_in() as lan:
        for name in FAILING:
            url = lan.set(name)
            shown = await heard(lan, url) != lan.hearing.default
            assert shown or name == "long-payload", name
            lan.well()
        assert await heard(lan, lan.url) == lan.hearing.default
        assert lan.refusals == []
