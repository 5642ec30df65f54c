"""A bundle that hears worse and was never unheard: it leaves by its figures while it answers, and no turn is lost."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.server.bundles import made
from tests.server.bundles.installed_hub import chooses_starter
from tests.server.bundles.publishing import TestRepository, a_repository, served
from wyoming_server.canary import canary
from wyoming_server.commands.recording import PACKAGED, read_recording

from ..home import Home
from ..peer import connected
from .owner import Events, Owner
from .test_control_bundles import FIRST, asr, bundle_event, hearing, owning

BAD = "home-en@1.1.0"
ANSWERS_AT_ONCE = {
    "shadow_turns": 0, "shadow_hours": 0.0, "serving_share": 0.9, "serving_turns": 1000, "watch_turns": 1000,
}  # fmt: skip
SPEAKERS = 2
BASELINE = 24
"""Turns of the first one before the second comes."""
MOST_TURNS = 120
TEXT = "Turn off the office fan."
"""The bad one is never sure of it."""


@dataclass(slots=True)
class People:
    """Who speaks in the home, each in a room of their own, so that no turn retries another."""

    home: Home
    heard: list[tuple[str, str]] = field(default_factory=list)
    """Of each turn, in the order of the answers: the model, and the text."""
    rooms: Iterator[int] = field(default_factory=count)

    async def say(self) -> None:
        """Say it once; an AssertionError unless it is answered."""
        room = next(self.rooms)
        recording = read_recording(PACKAGED / "fan-noisy.wav", text=TEXT)
        told = {"satellite_id": f"assist_satellite.room_{room}", "session_id": f"room {room}"}
        async with connected(self.home.uri) as peer:
            heard = await peer.turn(recording.pcm, {"language": "en", "context": {"edge_voice": told}})
        assert heard.kind == "transcript", heard
        self.heard.append((heard.detail["model"], heard.text))

    async def speak_until(self, ended: asyncio.Future[Any]) -> None:
        """Go on speaking, several at a time, until something has happened and was seen to last."""

        async def speaker() -> None:
            while not ended.done():
                assert len(self.heard) < MOST_TURNS, f"{MOST_TURNS} turns lead nowhere: {self.heard}"
                await self.say()
            await self.say()

        await asyncio.gather(*(speaker() for _ in range(SPEAKERS)))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestRepository:
    monkeypatch.setattr(canary, "RAMP", 1.0)
    chooses_starter(tmp_path / "data")
    found = a_repository(tmp_path / "repository")
    found.publish(made.good(tmp_path / "made"))
    return found


async def goes(folder: Path, repository: TestRepository, **bundles: Any) -> tuple[People, list[str], dict[str, Any]]:
    """Have a good one serve and a bad one come; return what was heard, its steps, and the last one's message."""
    with served(repository.public) as url, hearing(folder, **ANSWERS_AT_ONCE | bundles) as one:
        async with owning(one) as (owner, events):
            root = json.loads(repository.root_bytes)
            await owner.ask("PUT", "bundles/repository", {"url": url, "root": root})
            assert (await bundle_event(events, "activated"))["label"] == FIRST
            people = People(one)
            for _ in range(BASELINE):
                await people.say()
            assert {*people.heard} == {(FIRST, TEXT)}
            repository.publish(made.subtly_bad(folder / "made", version="1.1.0"))
            await owner.ask("POST", "bundles/check", {})
            steps = [message["event"] for message in await steps_until(events, "serving")]
            left = asyncio.ensure_future(steps_until(events, "rolled_back"))
            try:
                await people.speak_until(left)
            finally:
                left.cancel()
            messages = await left
            steps += [message["event"] for message in messages]
            await serves_as_before(owner, folder)
            assert people.heard[-SPEAKERS:] == [(FIRST, TEXT)] * SPEAKERS
    return people, steps, messages[-1]


async def steps_until(events: Events, last: str) -> list[dict[str, Any]]:
    """Return the messages of the bad one's steps until one of them."""
    messages: list[dict[str, Any]] = []
    while not messages or messages[-1]["event"] != last:
        with suppress(TimeoutError):  # how long it may take is counted in turns
            message = await events.until("bundle")
            if message["label"] == BAD:
                messages.append(message)
    return messages


async def serves_as_before(owner: Owner, folder: Path) -> None:
    """The first one serves, as everybody is told, and as the disk says."""
    told = await asr(owner)
    assert (told["active"]["label"], told["candidate"]) == (FIRST, None)
    state = json.loads((folder / "data" / "bundles" / "state.json").read_bytes())
    kind = state["kinds"]["asr"]
    assert (kind["active"], kind["candidate"]) == (FIRST, None)
    assert kind["previous"] != BAD
    assert state["denied"][BAD]["code"] == "worse"
    assert state["last_rollback"]["asr"]["to"] == FIRST


def is_evidence(message: dict[str, Any]) -> None:
    (escalated,) = [row for row in message["evidence"] if row["metric"] == "escalated"]
    assert message["code"] == "worse"
    assert escalated["candidate"] > escalated["baseline"]
    assert escalated["e_value"] > 1.0


async def test_one_that_answers_a_share_goes_by_its_figures(tmp_path: Path, repository: TestRepository) -> None:
    people, steps, message = await goes(tmp_path, repository)
    assert steps == ["offered", "installing", "shadow", "serving", "rolled_back"]
    is_evidence(message)
    assert {model for model, _ in people.heard} == {FIRST, BAD}
    assert all(text == TEXT for model, text in people.heard if model == FIRST)


async def test_one_that_answers_all_goes_by_its_figures(tmp_path: Path, repository: TestRepository) -> None:
    people, steps, message = await goes(tmp_path, repository, serving_turns=1)
    assert steps == ["offered", "installing", "shadow", "serving", "watch", "rolled_back"]
    is_evidence(message)
    assert {model for model, _ in people.heard} == {FIRST, BAD}
    assert all(text == TEXT for model, text in people.heard if model == FIRST)
    with hearing(tmp_path) as again:
        after = People(again)
        await after.say()
        assert after.heard == [(FIRST, TEXT)]
