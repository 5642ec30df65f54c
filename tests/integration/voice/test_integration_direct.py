"""The hub is away: the owner's own lane hears, within the caps, and the hub's ledger is told when it is back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from homeassistant.components import stt
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.home_assistant.recordings import recording, words
from tests.home_assistant.server_process import edge_voice
from tests.integration.conftest import entry_for, entry_of_server, set_up, until
from tests.integration.peer import Peer, listening, refusal
from tests.integration.voice.conftest import speak_to, with_lane
from tests.integration.voice.ear import SECOND, said
from tests.integration.voice.house import House, never_returns, raises

CAPS = {"seconds_left_today": 100.0, "money_left_this_month": 5.0}
NOBODY = 9
"""A port on which nobody listens."""


async def away(hass: HomeAssistant, peer: Peer, *, port: int = NOBODY, **options: Any) -> MockConfigEntry:
    """Return the entry of a hub that can be steered and not be spoken to."""
    peer.status["cloud"] |= CAPS
    entry = with_lane(entry_for(peer.port, wyoming_port=port), **options)
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.coordinator.connected)
    await speak_to(hass)
    return entry


@pytest.fixture
async def gone(parlour: HomeAssistant, rooms: House, peer: Peer) -> AsyncIterator[MockConfigEntry]:
    """That entry."""
    entry = await away(parlour, peer)
    yield entry
    await parlour.config_entries.async_unload(entry.entry_id)


def rows(peer: Peer) -> list[dict[str, Any]]:
    """Return the ledger rows that the hub was given."""
    return [row for _, path, body in peer.asked if path == "/api/v1/ledger" for row in body["rows"]]


def rows_of(entry: MockConfigEntry) -> list[dict[str, Any]]:
    """Return the rows that the hub was not yet given."""
    kept: list[dict[str, Any]] = entry.runtime_data.voice.direct._rows
    return kept


async def test_the_owners_lane_hears_instead_of_a_hub_that_is_away(
    parlour: HomeAssistant, gone: MockConfigEntry, rooms: House, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        await rooms.kitchen.hear(said())
        assert rooms.kitchen.data("stt-end")["stt_output"]["text"] == "Turn on the kitchen light"
    assert bytes(rooms.service.heard) == SECOND * 2
    assert caplog.text.count("stt.service") == 0
    assert [one.getMessage() for one in caplog.records].count(
        "The hub cannot be reached (ConnectionRefusedError); Service is asked instead"
    ) >= 1


async def test_what_was_sent_is_handed_in_when_the_hub_is_back(
    parlour: HomeAssistant, gone: MockConfigEntry, rooms: House, peer: Peer
) -> None:
    await rooms.kitchen.hear(said())
    rooms.service.hears = raises
    await rooms.kitchen.hear(said())
    assert not rows(peer)
    await peer.drop()
    await until(lambda: len(rows(peer)) == 2)
    answered, failed = rows(peer)
    assert (answered["lane"], answered["seconds"], answered["ending"]) == ("Service", 1.0, "answered")
    assert failed["ending"] == "lane-timeout"
    assert answered["turn_id"] != failed["turn_id"]
    assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"
    await peer.drop()
    await until(lambda: not rows_of(gone))
    assert len(rows(peer)) == 2  # once each


async def test_a_row_is_kept_over_a_restart_and_until_the_ledger_takes_it(
    parlour: HomeAssistant, rooms: House, peer: Peer
) -> None:
    refused = 0

    async def unknown(_: object) -> Any:
        nonlocal refused
        refused += 1
        return refusal(404, "unknown-lane", "no such lane")

    entry = await away(parlour, peer)
    await rooms.kitchen.hear(said())
    peer.answers["/api/v1/ledger"] = unknown
    assert await parlour.config_entries.async_reload(entry.entry_id)
    await until(lambda: refused)
    assert len(rows_of(entry)) == 1
    del peer.answers["/api/v1/ledger"]
    await peer.drop()
    await until(lambda: rows(peer))
    await parlour.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({"direct_fallback": False}, {}),
        ({}, {"policy": {"cloud_allowed": False}}),
        ({}, {"policy": {"routing_mode": "edge"}}),
        ({}, {"cloud": {"seconds_left_today": 0.0}}),
        ({}, {"cloud": {"money_left_this_month": 0.0}}),
    ],
)
async def test_what_the_owner_does_not_allow_fails_at_once(
    parlour: HomeAssistant,
    rooms: House,
    peer: Peer,
    options: dict[str, Any],
    changes: dict[str, dict[str, Any]],
) -> None:
    entry = await away(parlour, peer, **options)
    for part, change in changes.items():
        await peer.push_status(**{part: peer.status[part] | change})
    await until(lambda: all(_has(entry, part, change) for part, change in changes.items()))
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(320)
            await asyncio.sleep(0.001)

    await rooms.kitchen.hear(endless())
    assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"
    assert taken < 100  # a second of speech
    assert not rooms.service.asked
    await parlour.config_entries.async_unload(entry.entry_id)


def _has(entry: MockConfigEntry, part: str, change: dict[str, Any]) -> bool:
    status = getattr(entry.runtime_data.coordinator.data, part)
    return all(getattr(status, key) == value for key, value in change.items())


async def test_a_room_whose_speech_stays_on_the_hub_goes_nowhere_while_that_is_away(
    parlour: HomeAssistant, rooms: House, peer: Peer
) -> None:
    entry = await away(parlour, peer)
    kitchen = peer.status["satellites"][0] | {"id": rooms.kitchen.entity_id, "routing_mode": "edge"}
    await peer.push_status(satellites=[kitchen])
    await until(lambda: entry.runtime_data.coordinator.data.satellite(rooms.kitchen.entity_id))
    await rooms.kitchen.hear(said())
    assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"
    assert not rooms.service.heard


async def test_the_cap_counts_what_was_sent_meanwhile(
    parlour: HomeAssistant, gone: MockConfigEntry, rooms: House, peer: Peer
) -> None:
    await peer.push_status(cloud=peer.status["cloud"] | {"seconds_left_today": 1.5})
    await until(lambda: gone.runtime_data.coordinator.data.cloud.seconds_left_today == 1.5)
    for _ in range(3):
        await rooms.kitchen.hear(said())
    assert len(rooms.service.asked) == 2
    assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"


async def test_a_hub_that_breaks_off_in_mid_sentence_loses_not_a_word(
    parlour: HomeAssistant, rooms: House, peer: Peer
) -> None:
    async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8_000)

    pcm = bytes(range(160)) * 2 * 150
    async with listening(breaks_off) as port:
        entry = await away(parlour, peer, port=port)
        await rooms.kitchen.hear(said(pcm))
    assert bytes(rooms.service.heard) == pcm
    assert rooms.kitchen.data("stt-end")["stt_output"]["text"] == "Turn on the kitchen light"
    await parlour.config_entries.async_unload(entry.entry_id)


async def test_a_lane_that_fails_or_hears_nothing_is_an_end_of_the_run(
    parlour: HomeAssistant, gone: MockConfigEntry, rooms: House
) -> None:
    rooms.service.hears = rooms.service.says(None, stt.SpeechResultState.ERROR)
    await rooms.kitchen.hear(said())
    assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"
    rooms.service.hears = rooms.service.says("")
    await rooms.kitchen.hear(said())
    assert rooms.kitchen.data("error")["code"] == "stt-no-text-recognized"
    rooms.service.languages = ["de-DE"]
    asked = len(rooms.service.asked)
    await rooms.kitchen.hear(said())
    assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"
    assert len(rooms.service.asked) == asked


async def test_nothing_is_left_of_an_entry_that_is_removed(
    parlour: HomeAssistant, rooms: House, peer: Peer, hass_storage: dict[str, Any]
) -> None:
    entry = await away(parlour, peer)
    await rooms.kitchen.hear(said())
    await until(lambda: any("uploads" in key for key in hass_storage))
    await parlour.config_entries.async_remove(entry.entry_id)
    assert not [key for key in hass_storage if "uploads" in key]


async def test_a_lane_that_never_answers_ends_too(
    parlour: HomeAssistant, gone: MockConfigEntry, rooms: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.edge_voice.direct.DIRECT_SECONDS", 0.2)
    rooms.service.hears = never_returns
    async with asyncio.timeout(5.0):
        await rooms.kitchen.hear(said())
    assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"


async def test_a_real_hub_takes_the_rows(home: HomeAssistant, house: House) -> None:
    kitchen = recording("kitchen.wav")
    with edge_voice(control_port=0) as first:
        entry = with_lane(await entry_of_server(home, first))
        await set_up(home, entry)
        await until(lambda: entry.runtime_data.coordinator.connected)
        await speak_to(home)
        port, control_port, data = first.port, first.control_port, first.data
        client = entry.runtime_data.client
        first.kill()
        await house.kitchen.hear(said(kitchen.pcm))
        assert house.kitchen.data("stt-end")["stt_output"]["text"] == "Turn on the kitchen light"
        with edge_voice(port=port, control_port=control_port, data=data):
            await until(lambda: entry.runtime_data.coordinator.connected)
            await until(lambda: not rows_of(entry))
            ledger = await client.ledger()
            assert [one["lane"] for one in ledger["rows"]] == ["Service"]
            assert ledger["rows"][0]["seconds"] == pytest.approx(kitchen.seconds, abs=0.1)
            await house.kitchen.hear(said(kitchen.followed_by_room(2.0)))
            assert words(house.kitchen.data("stt-end")["stt_output"]["text"]) == words(kitchen.text)
            await home.config_entries.async_unload(entry.entry_id)
