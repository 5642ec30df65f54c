"""An entry's life with the real hub and with one that fails: set up, reloaded, unloaded, removed, migrated."""

from datetime import timedelta

import pytest
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.loader import async_get_integration
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from wyoming.event import Event

from custom_components.edge_voice.const import DOMAIN
from tests.home_assistant.server_process import ServerProcess
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.peer import ID, SATELLITE, Peer, WyomingPeer, babbling, listening, says


async def test_the_real_hub_is_set_up_reloaded_and_unloaded_without_a_trace(
    core: HomeAssistant, entry: MockConfigEntry
) -> None:
    entities = {one.entity_id for one in er.async_entries_for_config_entry(er.async_get(core), entry.entry_id)}
    assert {one.split(".")[0] for one in entities} >= {"sensor", "binary_sensor", "event", "stt", "conversation"}
    states = {one: core.states.get(one) for one in entities}
    away = {one for one, state in states.items() if state is not None and state.state == STATE_UNAVAILABLE}
    queue = {f"button.edge_voice_{what}_waiting_requests" for what in ("try", "drop")}
    assert {one.removesuffix("_now") for one in away} == queue | {"button.edge_voice_stop_the_cloud_baseline"}
    assert await core.config_entries.async_reload(entry.entry_id)
    await until(lambda: entry.runtime_data.coordinator.connected)
    assert {one.entity_id for one in er.async_entries_for_config_entry(er.async_get(core), entry.entry_id)} == entities
    assert await core.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert not [one for one in core.states.async_all() if one.entity_id in entities and one.state != STATE_UNAVAILABLE]


async def test_the_hub_is_one_device_and_each_satellite_another_that_hangs_on_it(
    core: HomeAssistant, peer_entry: MockConfigEntry
) -> None:
    devices = dr.async_entries_for_config_entry(dr.async_get(core), peer_entry.entry_id)
    by_identifier = {identifier: one for one in devices for _, identifier in one.identifiers}
    assert set(by_identifier) == {ID, f"{ID}_{SATELLITE}"}
    assert by_identifier[f"{ID}_{SATELLITE}"].via_device_id == by_identifier[ID].id
    assert by_identifier[ID].sw_version == "0.1.0"


async def test_a_satellite_comes_when_it_is_heard_and_goes_when_it_is_forgotten(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry
) -> None:
    await until(lambda: peer_entry.runtime_data.coordinator.connected)

    def names() -> set[str]:
        devices = dr.async_entries_for_config_entry(dr.async_get(core), peer_entry.entry_id)
        return {one.name or "" for one in devices}

    (known,) = peer.status["satellites"]
    other = known | {"id": "assist_satellite.bedroom"}
    await peer.push_status(satellites=[known, other])
    await until(lambda: "assist_satellite.bedroom" in names())
    await peer.push_status(satellites=[other])
    await until(lambda: SATELLITE not in names())
    assert "assist_satellite.bedroom" in names()


async def test_a_satellite_that_a_restarted_hub_has_yet_to_hear_keeps_its_device_and_is_announced(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry
) -> None:
    coordinator = peer_entry.runtime_data.coordinator
    await until(lambda: coordinator.connected)
    peer.status["satellites"] = []
    peer.asked.clear()
    connects = peer.connects
    await peer.drop()
    await until(lambda: peer.connects > connects and coordinator.connected)
    await until(lambda: ("PUT", f"/api/v1/satellites/{SATELLITE}", {}) in peer.asked)
    devices = dr.async_get(core)
    device = devices.async_get_device_by_identifier((DOMAIN, f"{ID}_{SATELLITE}"), peer_entry.entry_id)
    hub = devices.async_get_device_by_identifier((DOMAIN, ID), peer_entry.entry_id)
    assert device is not None
    assert hub is not None
    module = (await async_get_integration(core, DOMAIN)).get_component()
    assert await module.async_remove_config_entry_device(core, peer_entry, device) is True
    assert await module.async_remove_config_entry_device(core, peer_entry, hub) is False


async def test_a_hub_that_is_away_is_tried_again(core: HomeAssistant, peer: Peer) -> None:
    await peer.stop()
    entry = entry_for(peer.port)
    await set_up(core, entry, ConfigEntryState.SETUP_RETRY)
    assert "does not answer" in (entry.reason or "")
    await peer.start()
    async_fire_time_changed(core, dt_util.utcnow() + timedelta(minutes=5))
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    await core.async_block_till_done()


@pytest.mark.parametrize("where", ["wyoming", "garbage", "html", "other hub"])
async def test_whatever_else_answers_is_named(core: HomeAssistant, peer: Peer, where: str) -> None:
    expected = "Something else than Edge Voice answers"
    if where == "html":
        peer.answers["/health"] = says("<html>")
        entry = entry_for(peer.port)
        await set_up(core, entry, ConfigEntryState.SETUP_RETRY)
    elif where == "other hub":
        expected = "Another Edge Voice hub"
        entry = entry_for(peer.port, server_id="f" * 32)
        await set_up(core, entry, ConfigEntryState.SETUP_RETRY)
    else:
        server = (
            babbling(b"\x00\x01\x02\r\n\r\n")
            if where == "garbage"
            else listening(WyomingPeer([], info=Event("info")).handle)
        )
        async with server as port:
            entry = entry_for(port)
            await set_up(core, entry, ConfigEntryState.SETUP_RETRY)
    assert expected in (entry.reason or "")


async def test_a_wrong_token_asks_for_a_new_one(
    core: HomeAssistant, server: ServerProcess, entry: MockConfigEntry
) -> None:
    await core.config_entries.async_unload(entry.entry_id)
    core.config_entries.async_update_entry(entry, data={**entry.data, "token": "wrong"})
    await core.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    flows = core.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert [one["context"]["source"] for one in flows] == [SOURCE_REAUTH]
    assert server.token not in str(flows)


@pytest.mark.parametrize(
    ("api", "key"),
    [({"version": 0, "min_version": 0}, "server_too_old"), ({"version": 7, "min_version": 7}, "server_too_new")],
)
async def test_another_version_is_an_issue_until_it_fits(
    core: HomeAssistant, peer: Peer, api: dict[str, int], key: str
) -> None:
    peer.health["api"] = api
    entry = entry_for(peer.port)
    await set_up(core, entry, ConfigEntryState.SETUP_RETRY)
    issues = ir.async_get(core).issues
    assert [issue.translation_key for (domain, _), issue in issues.items() if domain == DOMAIN] == [key]
    peer.health["api"] = {"version": 1, "min_version": 1}
    assert await core.config_entries.async_reload(entry.entry_id)
    await until(lambda: not [one for one in ir.async_get(core).issues if one[0] == DOMAIN])


@pytest.mark.parametrize("erase", [True, False])
async def test_removal_erases_on_the_hub_what_the_owner_chose(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry, erase: bool
) -> None:
    core.config_entries.async_update_entry(peer_entry, options={"erase_on_removal": erase})
    await core.async_block_till_done()
    await core.config_entries.async_remove(peer_entry.entry_id)
    purged = [body for method, path, body in peer.asked if path == "/api/v1/purge"]
    assert purged == ([{"what": ["everything"]}] if erase else [])
    assert not dr.async_entries_for_config_entry(dr.async_get(core), peer_entry.entry_id)
    assert not er.async_entries_for_config_entry(er.async_get(core), peer_entry.entry_id)


async def test_removal_goes_on_when_the_hub_is_away(
    core: HomeAssistant, peer: Peer, peer_entry: MockConfigEntry
) -> None:
    core.config_entries.async_update_entry(peer_entry, options={"erase_on_removal": True})
    await core.async_block_till_done()
    await peer.stop()
    await core.config_entries.async_remove(peer_entry.entry_id)
    assert not core.config_entries.async_entries(DOMAIN)


async def test_an_entry_of_a_newer_integration_is_left_alone(core: HomeAssistant, peer: Peer) -> None:
    entry = MockConfigEntry(domain=DOMAIN, unique_id=ID, version=2, data=entry_for(peer.port).data)
    await set_up(core, entry, ConfigEntryState.MIGRATION_ERROR)


async def test_lanes_that_the_hub_does_not_take_are_no_reason_to_fail(
    core: HomeAssistant, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.answers["/api/v1/lanes"] = says('{"code": "unknown-provider", "message": "no"}', status=400)
    entry = entry_for(peer.port)
    await set_up(core, entry)
    await until(lambda: "did not take the cloud lanes" in caplog.text)
    assert entry.runtime_data.coordinator.connected
