"""Diagnostics, system health and the logbook: what they tell, and what they must not."""

import asyncio
import json
from typing import Any

import pytest
from homeassistant.components.diagnostics import REDACTED
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.edge_voice.const import DOMAIN, EVENT_TRANSCRIPT, SUBENTRY_LANE
from custom_components.edge_voice.logbook import async_describe_events
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.peer import ALARM, BASELINE, ID, SATELLITE, TOKEN, TURN, Peer

SAID = "call Aunt Petunia"


async def test_diagnostics_tell_how_it_works_and_not_who_where_or_what(
    core: HomeAssistant, peer: Peer, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(core, "diagnostics", {})
    lane = {"kind": "entity", "entity_id": "stt.cloud", "name": "Cloud", "trust": "cloud", "satellites": [SATELLITE]}
    plain = entry_for(peer.port)
    entry = MockConfigEntry(
        domain=DOMAIN,
        unique_id=ID,
        data=dict(plain.data) | {"fingerprint": None},
        subentries_data=[ConfigSubentryData(data=lane, subentry_type=SUBENTRY_LANE, title="Cloud", unique_id=None)],
    )
    peer.status["warnings"] = [{"code": "microphone-clipping", "message": SAID, "subject": SATELLITE}]
    peer.status["last_turn"] = TURN | {"text": SAID}
    alarm = ALARM | {"cause": "new-satellite", "subject": SATELLITE, "message": SAID}
    peer.status["drift"] = {"state": "drifted", "turns_to_go": 0, "alarms": [alarm]}
    peer.status["baseline"] = BASELINE | {"reason": SAID}
    await set_up(core, entry)
    coordinator = entry.runtime_data.coordinator
    await until(lambda: coordinator.connected)
    await peer.push({"type": "turn", "turn": TURN | {"turn_id": "t9", "text": SAID}})
    await until(lambda: coordinator.recent_turns and coordinator.recent_turns[0].turn_id == "t9")
    await until(lambda: entry.runtime_data.ledger.known)
    told = await get_diagnostics_for_config_entry(core, hass_client, entry)
    written = json.dumps(told)
    for secret in (TOKEN, SAID, SATELLITE, "127.0.0.1", ID, entry.entry_id):
        assert secret not in written, secret
    (satellite,) = told["status"]["satellites"]
    assert satellite["id"].startswith("satellite ")
    words = {
        satellite["id"],
        told["recent_turns"][0]["satellite"],
        told["status"]["warnings"][0]["subject"],
        told["status"]["drift"]["alarms"][0]["subject"],
        *told["entry"]["lanes"][0]["satellites"],
    }
    assert len(words) == 1
    assert told["status"]["figures"]["turns"] == 120
    assert told["status"]["drift"]["alarms"][0]["now"] == ALARM["now"]
    assert told["status"]["records"]["turns"] == 5200
    assert told["status"]["baseline"]["pairs"] == BASELINE["pairs"]
    assert told["ledger"]["this_month"][0]["uploads"] == 31
    assert "rows" not in told["ledger"]
    assert told["status"]["bundles"]["region"] == told["status"]["bundles"]["repository"]["url"] == REDACTED
    assert told["status"]["bundles"]["kinds"][0]["offered"]["reasons"][0]["code"] == "region"
    assert told["recent_turns"][0]["latency_ms"]["capture"] == 64.0


async def test_diagnostics_of_a_hub_that_knows_no_bundles_lack_them(
    core: HomeAssistant, peer: Peer, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(core, "diagnostics", {})
    del peer.status["bundles"]
    entry = entry_for(peer.port)
    await set_up(core, entry)
    assert (await get_diagnostics_for_config_entry(core, hass_client, entry))["status"]["bundles"] is None


async def test_diagnostics_of_a_hub_that_is_away_name_the_error(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(core, "diagnostics", {})
    coordinator = peer_entry.runtime_data.coordinator
    await until(lambda: coordinator.connected)
    await peer.stop()
    await until(lambda: not coordinator.connected)
    told = await get_diagnostics_for_config_entry(core, hass_client, peer_entry)
    assert (told["connected"], told["last_error"]) == (False, "CannotConnectError")


async def test_system_health_asks_each_hub(core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry) -> None:
    async def health() -> dict[str, Any]:
        info = await get_system_health_info(core, DOMAIN)
        return {key: await one if asyncio.iscoroutine(one) else one for key, one in info.items()}

    assert await async_setup_component(core, "system_health", {})
    await core.async_block_till_done()
    await until(lambda: peer_entry.runtime_data.coordinator.connected)
    assert await health() == {
        "hubs": 1,
        "reachable": "ok",
        "connected": True,
        "version": "0.1.0",
        "mode": "normal",
        "model": "base (ready)",
        "turns": 120,
        "waiting": 0,
    }
    other = Peer()
    other.health["id"] = other.status["server"]["id"] = other.hello["id"] = "f" * 32
    await other.start()
    entry = entry_for(other.port, server_id="f" * 32)
    await set_up(core, entry)
    await core.config_entries.async_unload(peer_entry.entry_id)
    await core.config_entries.async_setup(peer_entry.entry_id)
    await until(lambda: entry.runtime_data.coordinator.connected)
    await other.stop()
    told = await health()
    assert told["hubs"] == 2
    reachable = [told["reachable 1"], told["reachable 2"]]
    assert "ok" in reachable
    assert {"type": "failed", "error": "cannot_connect"} in reachable
    await core.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (
            {"text": "turn on the light", "satellite": SATELLITE, "route": "edge"},
            SATELLITE,
            "“turn on the light”, heard by the hub",
        ),
        ({"text": "hm", "satellite": None, "route": "client"}, "Edge Voice", "“hm”, heard with the cloud"),
        ({"text": "", "satellite": "hall"}, "hall", "nothing understandable"),
    ],
)
async def test_the_logbook_tells_what_was_said_and_who_heard_it(
    core: HomeAssistant, data: dict[str, Any], name: str, message: str
) -> None:
    described: dict[tuple[str, str], Any] = {}
    async_describe_events(core, lambda domain, event_type, describe: described.update({(domain, event_type): describe}))
    told = described[(DOMAIN, EVENT_TRANSCRIPT)](Event(EVENT_TRANSCRIPT, data))
    assert (told["name"], told["message"]) == (name, message)
    assert told.get("entity_id") == (SATELLITE if name == SATELLITE else None)


async def test_each_error_and_each_issue_has_its_text(core: HomeAssistant) -> None:
    from custom_components.edge_voice import errors, issues

    texts = await async_get_translations(core, "en", "exceptions", {DOMAIN})
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.EdgeVoiceError)]
    keys = {one.key for one in kinds if hasattr(one, "key")} | set(errors._REFUSALS.values())
    assert len(keys) > 15
    assert not [key for key in keys if f"component.{DOMAIN}.exceptions.{key}.message" not in texts]
    told = await async_get_translations(core, "en", "issues", {DOMAIN})
    for code in issues._SEVERITY:
        assert f"component.{DOMAIN}.issues.{code.replace('-', '_')}.title" in told
    for setting in issues._SETTINGS:
        assert f"component.{DOMAIN}.issues.suggestion_{setting}.fix_flow.step.confirm.description" in told
