"""A server that has to be paired anew, or that has moved."""

import pytest
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.integration.conftest import entry_for, set_up
from tests.integration.flows.conftest import WYOMING, Encrypt
from tests.integration.flows.walk import Walk, suggested
from tests.integration.peer import TOKEN, Peer

HERE = {"host": "127.0.0.1"}


@pytest.fixture
async def entry(core: HomeAssistant, hub: Peer) -> MockConfigEntry:
    """The server's entry, set up."""
    one = entry_for(hub.port, wyoming_port=WYOMING)
    await set_up(core, one)
    return one


async def reauth(hass: HomeAssistant) -> Walk:
    """Open the form that the entry itself has asked for."""
    (flow,) = [one for one in hass.config_entries.flow.async_progress() if one["context"]["source"] == SOURCE_REAUTH]
    return Walk(hass, hass.config_entries.flow, dict(await hass.config_entries.flow.async_configure(flow["flow_id"])))


async def reconfigure(hass: HomeAssistant, entry: MockConfigEntry) -> Walk:
    """Open the form for a changed address."""
    return Walk(hass, hass.config_entries.flow, dict(await entry.start_reconfigure_flow(hass)))


async def test_a_renewed_token_is_asked_for_and_loads_the_entry(core: HomeAssistant, hub: Peer) -> None:
    entry = entry_for(hub.port, token="old", wyoming_port=WYOMING)
    await set_up(core, entry, ConfigEntryState.SETUP_ERROR)
    walk = await reauth(core)
    assert walk.step == "reauth_confirm"
    await walk.submit({})
    await walk.choose("pair")
    await walk.submit({"code": "123456"})
    assert walk.reason == "reauth_successful"
    await core.async_block_till_done()
    assert (entry.data["token"], entry.state) == (TOKEN, ConfigEntryState.LOADED)


async def test_a_changed_certificate_is_warned_of_before_it_is_trusted(
    core: HomeAssistant, hub: Peer, encrypt: Encrypt
) -> None:
    before = await encrypt()
    entry = entry_for(hub.port, wyoming_port=WYOMING)
    entry.add_to_hass(core)
    core.config_entries.async_update_entry(entry, data={**entry.data, "fingerprint": before})
    after = await encrypt()
    await core.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    walk = await reauth(core)
    await walk.submit({})
    assert walk.step == "certificate_changed"
    assert walk.placeholders["fingerprint"].replace(":", "").lower() == after
    await walk.choose("token")
    await walk.submit({"token": TOKEN})
    await core.async_block_till_done()
    assert (entry.data["fingerprint"], entry.state) == (after, ConfigEntryState.LOADED)


async def test_pairing_again_waits_for_a_server_that_is_away_and_refuses_another_one(
    core: HomeAssistant, hub: Peer, entry: MockConfigEntry
) -> None:
    entry.async_start_reauth(core)
    await core.async_block_till_done()
    walk = await reauth(core)
    await hub.stop()
    await walk.submit({})
    assert walk.error == "cannot_connect"
    await hub.start()
    hub.health["id"] = "f" * 32
    await walk.submit({})
    assert walk.reason == "other_server"


async def test_a_loaded_entry_that_is_paired_again_with_the_same_token_is_loaded_anew(
    core: HomeAssistant, hub: Peer, entry: MockConfigEntry
) -> None:
    data = entry.runtime_data
    entry.async_start_reauth(core)
    await core.async_block_till_done()
    walk = await reauth(core)
    await walk.submit({})
    await walk.choose("token")
    await walk.submit({"token": TOKEN})
    await core.async_block_till_done()
    assert entry.runtime_data is not data


async def test_a_server_that_moved_keeps_its_token(core: HomeAssistant, hub: Peer, entry: MockConfigEntry) -> None:
    walk = await reconfigure(core, entry)
    assert walk.step == "reconfigure"
    assert suggested(walk.result) == HERE | {"port": hub.port}
    await walk.submit(HERE | {"port": 1})
    assert walk.error == "cannot_connect"
    await hub.stop()
    hub.port = 0
    await hub.start()
    await walk.submit(HERE | {"port": hub.port})
    assert walk.reason == "reconfigure_successful"
    await core.async_block_till_done()
    assert (entry.data["port"], entry.data["token"]) == (hub.port, TOKEN)
    assert entry.state is ConfigEntryState.LOADED


async def test_another_server_is_not_taken_for_one_that_moved(
    core: HomeAssistant, hub: Peer, entry: MockConfigEntry
) -> None:
    hub.health["id"] = "f" * 32
    walk = await reconfigure(core, entry)
    await walk.submit(HERE | {"port": hub.port})
    assert walk.reason == "other_server"


async def test_a_moved_server_whose_token_was_renewed_says_so_in_the_form(
    core: HomeAssistant, hub: Peer, entry: MockConfigEntry
) -> None:
    hub.token = "renewed"
    walk = await reconfigure(core, entry)
    await walk.submit(HERE | {"port": hub.port})
    assert walk.step == "authorize"
    await walk.choose("token")
    await walk.submit({"token": "renewed"})
    assert walk.reason == "reconfigure_successful"
    assert entry.data["token"] == "renewed"


async def test_a_server_that_opens_to_the_network_is_paired_with_its_first_certificate(
    core: HomeAssistant, hub: Peer, entry: MockConfigEntry, encrypt: Encrypt
) -> None:
    fingerprint = await encrypt()
    walk = await reconfigure(core, entry)
    await walk.submit(HERE | {"port": hub.port})
    assert walk.step == "authorize"
    await walk.choose("pair")
    assert walk.step == "pair"
    await walk.submit({"code": "123456"})
    assert walk.reason == "reconfigure_successful"
    assert entry.data["fingerprint"] == fingerprint
