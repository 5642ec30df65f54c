"""What the card rests on: its modules are served and loaded, and the commands that feed it."""

import asyncio
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from homeassistant.components.frontend import DATA_EXTRA_MODULE_URL
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_send
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.edge_voice.const import DOMAIN
from custom_components.edge_voice.frontend import MODULES, _digest, async_register
from custom_components.edge_voice.signals import SIGNAL_TEXT_RETURNED
from custom_components.edge_voice.websocket import _MOST_WAITS, _WAITS
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.peer import ALARM, ID, LEDGER, TURN, UPLOAD, Peer, never, says

_SECONDS = 10.0


def turn(number: int, **changes: object) -> dict[str, object]:
    """Return a turn of the hub, a minute after the one before."""
    return {**TURN, "turn_id": f"t{number}", "at": f"2026-11-22T10:{number:02}:00+00:00", **changes}


async def told(card: TestClient, key: str) -> dict[str, object]:
    """Return what a subscribed card is told next that has this key."""
    async with asyncio.timeout(_SECONDS):
        while True:
            message = await card.receive_json()
            if message["type"] == "event" and key in message["event"]:
                return message["event"]


async def subscribe(card: TestClient, **message: object) -> dict[str, object]:
    """Subscribe and return the first that is told."""
    await card.send_json_auto_id({"type": "edge_voice/subscribe_turns", **message})
    assert (await card.receive_json())["success"]
    return await told(card, "turns")


def entrance(hass: HomeAssistant) -> str:
    """Return the address of the module that pages load."""
    (url,) = (url for url in hass.data[DATA_EXTRA_MODULE_URL].urls if url.startswith("/edge_voice/"))
    return str(url)


async def test_pages_load_the_card_and_the_modules_that_it_imports(
    core: HomeAssistant, peer_entry: MockConfigEntry, hass_client_no_auth: ClientSessionGenerator
) -> None:
    client = await hass_client_no_auth()
    folder = entrance(core).rpartition("/")[0]
    for module in MODULES.rglob("*.js"):
        reply = await client.get(f"{folder}/{module.relative_to(MODULES).as_posix()}")
        assert reply.status == 200
        assert reply.content_type.endswith("javascript")
        assert await reply.text() == module.read_text("utf-8")


async def test_the_modules_are_registered_once(core: HomeAssistant, peer_entry: MockConfigEntry) -> None:
    before = entrance(core)
    await async_register(core)
    assert entrance(core) == before


def test_the_address_changes_with_any_module(tmp_path: Path) -> None:
    (tmp_path / "one.js").write_text("1")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/two.js").write_text("2")
    before = _digest(tmp_path)
    assert _digest(tmp_path) == before
    (tmp_path / "texts/two.js").write_text("3")
    changed = _digest(tmp_path)
    (tmp_path / "texts/two.js").rename(tmp_path / "texts/other.js")
    assert len({before, changed, _digest(tmp_path)}) == 3


async def test_turns_come_newest_first_and_never_with_their_text(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    card = await hass_ws_client(core)
    await subscribe(card)
    await peer.push({"type": "turn", "turn": turn(3, text="unlock the front door")})
    assert "text" not in (await told(card, "turn"))["turn"]
    await card.send_json_auto_id({"type": "edge_voice/turns", "limit": 5})
    result = (await card.receive_json())["result"]
    assert [one["turn_id"] for one in result["turns"]] == ["t3", "t1"]
    assert all("text" not in one for one in result["turns"])
    assert result["turns"][1]["class"] == "device-command"
    await card.send_json_auto_id({"type": "edge_voice/turns", "limit": 1})
    assert [one["turn_id"] for one in (await card.receive_json())["result"]["turns"]] == ["t3"]


async def test_what_home_assistant_remembers_is_shown_when_the_hub_does_not_tell(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    card = await hass_ws_client(core)
    await subscribe(card)
    await peer.push({"type": "turn", "turn": turn(2)})
    await told(card, "turn")
    peer.answers["/api/v1/turns"] = says("not JSON")
    await card.send_json_auto_id({"type": "edge_voice/turns"})
    assert [one["turn_id"] for one in (await card.receive_json())["result"]["turns"]] == ["t2", "t1"]


async def test_a_card_hears_of_turns_status_and_a_hub_that_goes_and_comes_back(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    card = await hass_ws_client(core)
    first = await subscribe(card)
    assert [one["turn_id"] for one in first["turns"]] == ["t1"]
    assert first["overview"]["connected"]
    await peer.push_status(mode="edge_only", mode_reason="no lane answers")
    assert (await told(card, "overview"))["overview"]["mode_reason"] == "no lane answers"
    await peer.push_status(mode_ends="a lane answers", queue=peer.status["queue"] | {"waiting": 3})
    shown = (await told(card, "overview"))["overview"]
    assert (shown["mode_ends"], shown["queue"]["waiting"]) == ("a lane answers", 3)
    await peer.stop()
    while (await told(card, "overview"))["overview"]["connected"]:
        pass
    await peer.start()
    while not (await told(card, "overview"))["overview"]["connected"]:
        pass
    await peer.push({"type": "turn", "turn": turn(4)})
    assert (await told(card, "turn"))["turn"]["turn_id"] == "t4"


async def test_a_card_outlives_a_reload_of_its_entry(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    card = await hass_ws_client(core)
    await subscribe(card, entry_id=peer_entry.entry_id)
    await core.config_entries.async_unload(peer_entry.entry_id)
    while (overview := (await told(card, "overview"))["overview"])["state"] != "not_loaded":
        pass
    assert overview["connected"] is False
    await core.config_entries.async_setup(peer_entry.entry_id)
    while not (await told(card, "overview"))["overview"]["connected"]:
        pass
    await peer.push_status(mode="shedding", mode_reason="busy")
    while (await told(card, "overview"))["overview"]["mode"] != "shedding":
        pass


async def test_a_card_that_is_gone_is_told_nothing(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    card = await hass_ws_client(core)
    await card.send_json_auto_id({"type": "edge_voice/subscribe_turns"})
    number = (await card.receive_json())["id"]
    await told(card, "turns")
    await card.send_json_auto_id({"type": "unsubscribe_events", "subscription": number})
    assert (await card.receive_json())["success"]
    await peer.push_status(mode="shedding", mode_reason="busy")
    await core.async_block_till_done()
    await card.send_json_auto_id({"type": "ping"})
    assert (await card.receive_json())["type"] == "pong"


async def test_what_home_assistant_waited_for_its_own_service_is_part_of_the_turn(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    card = await hass_ws_client(core)
    await subscribe(card)
    times = {"capture": 60.0, "cloud": 0.0, "last_word_to_text": 180.0}
    await peer.push({"type": "turn", "turn": turn(6, route="client", lane="Cloud", latency_ms=times)})
    assert (await told(card, "turn"))["turn"]["latency_ms"]["cloud"] == 0.0
    async_dispatcher_send(core, SIGNAL_TEXT_RETURNED, "t6", 500.0)
    again = (await told(card, "turn"))["turn"]
    assert again["latency_ms"] == {"capture": 60.0, "cloud": 500.0, "last_word_to_text": 680.0}
    # Where the hub has asked, its own figures are whole.
    async_dispatcher_send(core, SIGNAL_TEXT_RETURNED, "t1", 20.0)
    await card.send_json_auto_id({"type": "edge_voice/turns"})
    turns = {one["turn_id"]: one["latency_ms"] for one in (await card.receive_json())["result"]["turns"]}
    assert turns["t6"] == again["latency_ms"]
    assert turns["t1"]["last_word_to_text"] == 182.2


async def test_waits_are_forgotten_with_their_turns(core: HomeAssistant, peer_entry: MockConfigEntry) -> None:
    for number in range(1000):
        async_dispatcher_send(core, SIGNAL_TEXT_RETURNED, f"t{number}", 1.0)
    kept = core.data[_WAITS]
    assert len(kept) == _MOST_WAITS
    assert "t999" in kept


async def test_the_overview_names_the_entity_whose_history_is_drawn(
    core: HomeAssistant, peer_entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    card = await hass_ws_client(core)
    await card.send_json_auto_id({"type": "edge_voice/overview"})
    overview = (await card.receive_json())["result"]
    rate = er.async_get(core).async_get_entity_id("sensor", DOMAIN, f"{ID}_escalation_rate")
    assert rate is not None
    assert overview["entities"] == {"escalation_rate": rate}
    assert overview["figures"]["last_word_to_text_ms"] == {"p50": 180.0, "p95": 260.0}
    assert overview["title"] == peer_entry.title


async def test_a_hub_that_is_away_from_the_start_is_shown_as_such(
    core: HomeAssistant, peer: Peer, hass_ws_client: WebSocketGenerator
) -> None:
    await peer.stop()
    entry = entry_for(peer.port)
    await set_up(core, entry, ConfigEntryState.SETUP_RETRY)
    card = await hass_ws_client(core)
    first = await subscribe(card)
    assert first["turns"] == []
    assert first["overview"] == {
        "entry_id": entry.entry_id,
        "title": entry.title,
        "state": "setup_retry",
        "connected": False,
    }


@pytest.mark.parametrize("command", ["edge_voice/turns", "edge_voice/overview", "edge_voice/subscribe_turns"])
async def test_a_hub_is_named_or_the_only_one(
    core: HomeAssistant, peer_entry: MockConfigEntry, hass_ws_client: WebSocketGenerator, command: str
) -> None:
    card = await hass_ws_client(core)

    async def refusal(**message: object) -> dict[str, object]:
        await card.send_json_auto_id({"type": command, **message})
        return (await card.receive_json())["error"]

    error = await refusal(entry_id="gone")
    assert (error["code"], error["translation_key"]) == ("entry_not_found", "entry_not_found")
    entry_for(1, server_id="f" * 32).add_to_hass(core)
    assert (await refusal())["translation_key"] == "several_entries"
    for entry in core.config_entries.async_entries(DOMAIN):
        await core.config_entries.async_remove(entry.entry_id)
    assert (await refusal())["translation_key"] == "no_entry"


async def test_a_hub_that_answers_slowly_does_not_keep_the_card_from_being_closed(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    peer.answers["/api/v1/turns"] = never
    card = await hass_ws_client(core)
    await card.send_json_auto_id({"type": "edge_voice/subscribe_turns"})
    assert (await card.receive_json())["success"]
    await peer.push({"type": "turn", "turn": turn(5)})
    assert (await told(card, "turn"))["turn"]["turn_id"] == "t5"
    await card.close()


async def test_a_card_is_told_what_left_the_home_and_what_has_become_worse(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    await until(lambda: peer_entry.runtime_data.ledger.known)
    card = await hass_ws_client(core)
    first = await subscribe(card)
    assert first["ledger"]["rows"] == [UPLOAD]
    assert first["ledger"]["this_month"] == LEDGER["this_month"]
    assert first["overview"]["drift"] == []
    peer.ledger = LEDGER | {"rows": []}
    await peer.push({"type": "turn", "turn": turn(4, lanes=[{"lane": "groq"}])})
    assert (await told(card, "ledger"))["ledger"]["rows"] == []
    await peer.push_status(drift={"state": "drifted", "turns_to_go": 0, "alarms": [ALARM]})
    assert (await told(card, "overview"))["overview"]["drift"] == [ALARM]
    await core.config_entries.async_reload(peer_entry.entry_id)
    assert (await told(card, "ledger"))["ledger"]["rows"] == []
