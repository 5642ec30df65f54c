"""Lanes of our own Home Assistant: what the hub cannot ask, the integration asks."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from homeassistant.components import stt
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.home_assistant.recordings import recording
from tests.home_assistant.server_process import ServerProcess
from tests.integration.conftest import entry_of_server, set_up, until
from tests.integration.peer import Peer, never, refusal
from tests.integration.voice.conftest import speak_to, with_lane
from tests.integration.voice.ear import SECOND, Ear, said, stack_traces
from tests.integration.voice.house import Hears, House, does_not_stop, never_returns, raises

LATE = {"capture": 1000.0, "inference": 700.0}
"""A turn that has used so much of its time has half a second left."""
type AddLane = Callable[..., Awaitable[None]]


@pytest.fixture
def add_lane(parlour: HomeAssistant, heard: MockConfigEntry) -> AddLane:
    """Consent to an entity as a lane."""

    async def add(entity_id: str = "stt.service", **data: Any) -> None:
        lane = {"kind": "entity", "name": "Service", "entity_id": entity_id, "consent": "2026-11-22", "trust": "cloud"}
        parlour.config_entries.async_add_subentry(
            heard,
            ConfigSubentry(data=lane | data, subentry_type="cloud_lane", title="Service", unique_id=None),
        )
        await parlour.async_block_till_done()

    return add


def uploads(peer: Peer) -> list[Any]:
    """Return what the hub was told of uploads: how each began and ended."""
    return [body for _, path, body in peer.asked if "/escalation" in path]


def text_of(house: House) -> str:
    """Return what the kitchen's pipeline went on with."""
    text: str = house.kitchen.data("stt-end")["stt_output"]["text"]
    return text


async def test_the_lane_hears_what_was_said_and_its_text_counts(
    parlour: HomeAssistant, heard: MockConfigEntry, add_lane: AddLane, rooms: House, ear: Ear, peer: Peer
) -> None:
    await add_lane()
    ear.says("turn on the kitten light", route="client", lane="Service", turn_id="t3")
    await rooms.kitchen.hear(said())
    assert ear.told["client_lane"] is True
    assert text_of(rooms) == "Turn on the kitchen light"
    assert bytes(rooms.service.heard) == SECOND
    assert rooms.service.asked[0].language == "en-GB"
    await until(lambda: len(uploads(peer)) == 2)
    began, ended = uploads(peer)
    assert began == {"lane": "Service", "seconds": 1.0}
    assert (ended["ending"], ended["text"]) == ("answered", "Turn on the kitchen light")
    assert ended["took_ms"] >= 0.0
    assert parlour.states.get("stt.service").state != "unknown"


@pytest.mark.parametrize(
    ("hears", "ending"),
    [(raises, "lane-timeout"), (never_returns, "lane-timeout"), (does_not_stop, "lane-timeout"), (None, "lane-empty")],
)
async def test_a_lane_that_fails_leaves_the_hubs_text(
    parlour: HomeAssistant,
    heard: MockConfigEntry,
    add_lane: AddLane,
    rooms: House,
    ear: Ear,
    peer: Peer,
    caplog: pytest.LogCaptureFixture,
    hears: Hears | None,
    ending: str,
) -> None:
    await add_lane()
    rooms.service.hears = hears or rooms.service.says(" ")
    ear.says("turn on kitchen light", route="client", lane="Service", latency_ms=LATE)
    began = time.monotonic()
    await rooms.kitchen.hear(said())
    assert time.monotonic() - began < 2.2  # more than what is left would be the whole of what a lane may take
    assert text_of(rooms) == "turn on kitchen light"
    assert not stack_traces(caplog)
    await until(lambda: len(uploads(peer)) == 2)
    assert uploads(peer)[1] | {"took_ms": 0} == {"ending": ending, "took_ms": 0}


async def test_what_matters_is_asked_back_when_the_lane_fails(
    parlour: HomeAssistant, heard: MockConfigEntry, add_lane: AddLane, rooms: House, ear: Ear
) -> None:
    await add_lane()
    rooms.service.hears = raises
    ear.says("turn off front door", route="client", lane="Service", critical=True)
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == "Turn off front door?"
    await speak_to(parlour, agent="conversation.home_assistant")
    await rooms.bedroom.converse(said())
    assert rooms.bedroom.data("error")["code"] == "stt-stream-failed"


async def test_what_the_hub_does_not_allow_is_not_sent(
    parlour: HomeAssistant, heard: MockConfigEntry, add_lane: AddLane, rooms: House, ear: Ear, peer: Peer
) -> None:
    async def capped(_: object) -> Any:
        return refusal(409, "cap-reached", "enough for today")

    await add_lane()
    peer.answers["/api/v1/turns/t1/escalation"] = capped
    ear.says("turn on kitchen light", route="client", lane="Service")
    await rooms.kitchen.hear(said())
    assert text_of(rooms) == "turn on kitchen light"
    assert not rooms.service.asked


async def test_a_hub_that_does_not_say_whether_it_may_be_sent_costs_only_the_lanes_time(
    parlour: HomeAssistant, heard: MockConfigEntry, add_lane: AddLane, rooms: House, ear: Ear, peer: Peer
) -> None:
    await add_lane()
    peer.answers["/api/v1/turns/t1/escalation"] = never
    ear.says("turn on kitchen light", route="client", lane="Service", latency_ms=LATE)
    async with asyncio.timeout(2.0):
        await rooms.kitchen.hear(said())
    assert text_of(rooms) == "turn on kitchen light"
    assert not rooms.service.asked


@pytest.mark.parametrize(
    ("lane", "reason"),
    [
        ({"entity_id": "stt.edge_voice"}, "it would ask itself"),
        ({"entity_id": "stt.gone"}, "it is not there"),
        ({"consent": None}, "nobody consented"),
        ({"satellites": ["assist_satellite.bedroom"]}, "the consent is for another satellite"),
    ],
)
async def test_a_lane_that_may_not_be_asked_is_not_offered(
    parlour: HomeAssistant,
    heard: MockConfigEntry,
    add_lane: AddLane,
    rooms: House,
    ear: Ear,
    lane: dict[str, Any],
    reason: str,
) -> None:
    await add_lane(**lane)
    ear.says("turn on kitchen light", route="client", lane="Service")
    await rooms.kitchen.hear(said())
    assert ear.told["client_lane"] is False, reason
    assert text_of(rooms) == "turn on kitchen light"
    assert not rooms.service.asked


async def test_a_lane_that_does_not_know_the_language_is_not_offered(
    parlour: HomeAssistant, heard: MockConfigEntry, add_lane: AddLane, rooms: House, ear: Ear
) -> None:
    await add_lane()
    rooms.service.languages = ["de-DE"]
    ear.says("turn on kitchen light")
    await rooms.kitchen.hear(said())
    assert ear.told["client_lane"] is False


async def test_a_run_that_is_cancelled_tells_the_hub_so(
    parlour: HomeAssistant, heard: MockConfigEntry, add_lane: AddLane, rooms: House, ear: Ear, peer: Peer
) -> None:
    stopped = asyncio.Event()

    async def hears(_: stt.SpeechMetadata, stream: object) -> stt.SpeechResult:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError

    await add_lane()
    rooms.service.hears = hears
    ear.says("turn on kitchen light", route="client", lane="Service")
    run = asyncio.create_task(rooms.kitchen.hear(said()))
    await until(lambda: rooms.service.asked)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await asyncio.wait_for(stopped.wait(), 2.0)
    await until(lambda: len(uploads(peer)) == 2)
    assert uploads(peer)[1]["ending"] == "cancelled"


async def test_a_real_hub_has_our_lane_asked_and_keeps_the_ledger(
    home: HomeAssistant, house: House, server: ServerProcess
) -> None:
    entry = with_lane(await entry_of_server(home, server))
    house.service.hears = house.service.says("Turn on the bedroom lamp.")
    await set_up(home, entry)
    coordinator, client = entry.runtime_data.coordinator, entry.runtime_data.client
    await until(lambda: coordinator.connected and coordinator.data.lanes)
    await speak_to(home)
    await client.change_policy(routing_mode="cloud")
    try:
        await house.kitchen.hear(said(recording("kitchen.wav").followed_by_room(2.0)))
        assert text_of(house) == "Turn on the bedroom lamp."
        await until(lambda: house.service.asked)
        turn_id = (await client.turns(1))[0].turn_id
        (row,) = [one for one in (await client.ledger())["rows"] if one["turn_id"] == turn_id]
        assert (row["lane"], row["consent"]) == ("Service", "2026-11-22")
        assert row["seconds"] > recording("kitchen.wav").last_voiced_second()
        while row["ending"] != "answered":
            (row,) = [one for one in (await client.ledger())["rows"] if one["turn_id"] == turn_id]
    finally:
        await client.reset_policy()
        await client.change_lanes([])
    await home.config_entries.async_unload(entry.entry_id)
