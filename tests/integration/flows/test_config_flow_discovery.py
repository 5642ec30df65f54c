"""Servers that announce themselves, in the network or through the Supervisor."""

from ipaddress import ip_address
from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_HASSIO, SOURCE_ZEROCONF, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.hassio import HassioServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo

from tests.integration.conftest import entry_for, set_up
from tests.integration.flows.conftest import WYOMING, Encrypt
from tests.integration.flows.walk import Walk, config_flow
from tests.integration.peer import ID, TOKEN, Peer, refusal

OTHER = "f" * 32


def announced(port: int, *, control: str = "lan", host: str = "127.0.0.1", **properties: Any) -> ZeroconfServiceInfo:
    """Return what zeroconf hands over."""
    known = {"id": ID, "version": "0.1.0", "api": "1", "control": control, "control_port": str(port), "tls": "0"}
    return ZeroconfServiceInfo(
        ip_address=ip_address(host),
        ip_addresses=[ip_address(host)],
        port=port,
        hostname="hub.local.",
        type="_edge-voice._tcp.local.",
        name="Edge Voice (hub 0123)._edge-voice._tcp.local.",
        properties=known | properties,
    )


async def hears(hass: HomeAssistant, announcement: ZeroconfServiceInfo) -> Walk:
    """Hear an announcement."""
    return await config_flow(hass, SOURCE_ZEROCONF, announcement)


async def test_an_announced_server_is_paired_without_an_address_being_typed(core: HomeAssistant, hub: Peer) -> None:
    walk = await hears(core, announced(hub.port))
    assert walk.step == "authorize"
    (progress,) = core.config_entries.flow.async_progress()
    assert progress["context"]["title_placeholders"] == {"name": "Edge Voice (hub 0123)"}
    await walk.choose("pair")
    done = await walk.submit({"code": "123456"})
    assert done["result"].unique_id == ID
    assert done["result"].data["port"] == hub.port


async def test_a_server_for_its_own_machine_is_found_if_that_is_ours(core: HomeAssistant, hub: Peer) -> None:
    walk = await hears(core, announced(hub.port, control="loopback", host="192.0.2.7"))
    await walk.choose("token")
    done = await walk.submit({"token": TOKEN})
    assert done["result"].data["host"] == "127.0.0.1"


async def test_a_server_of_another_machine_says_how_to_open_it_and_is_looked_at_again(
    core: HomeAssistant, hub: Peer
) -> None:
    hub.health["id"] = OTHER  # ours, which is not the one that was announced
    walk = await hears(core, announced(hub.port, control="loopback"))
    assert walk.step == "loopback_only"
    assert walk.placeholders == {"host": "127.0.0.1", "port": str(hub.port)}
    await walk.submit({})
    assert walk.error == "still_loopback_only"
    hub.health["id"] = ID
    await walk.submit({})
    assert walk.step == "authorize"


async def test_a_server_without_a_control_port_is_looked_for_at_the_usual_one(core: HomeAssistant, hub: Peer) -> None:
    walk = await hears(core, announced(WYOMING, control="off", control_port=None))
    assert walk.step == "loopback_only"
    assert walk.placeholders["port"] == "10380"


async def test_an_announced_server_that_does_not_answer_is_left_alone(core: HomeAssistant, hub: Peer) -> None:
    walk = await hears(core, announced(1))
    assert walk.reason == "cannot_connect"
    walk = await hears(core, announced(hub.port, id=None))
    assert walk.reason == "not_edge_voice"
    hub.health["id"] = OTHER
    walk = await hears(core, announced(hub.port))
    assert walk.reason == "other_server"


async def test_a_known_server_is_followed_to_its_new_address(core: HomeAssistant, hub: Peer) -> None:
    entry = entry_for(hub.port, wyoming_port=WYOMING)
    await set_up(core, entry)
    await hub.stop()
    hub.port = 0
    await hub.start()
    walk = await hears(core, announced(hub.port))
    assert walk.reason == "already_configured"
    assert entry.data["port"] == hub.port
    await core.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


async def test_an_entry_that_could_not_load_is_loaded_when_its_server_is_heard_again(
    core: HomeAssistant, hub: Peer
) -> None:
    entry = entry_for(1, wyoming_port=WYOMING)
    await set_up(core, entry, ConfigEntryState.SETUP_RETRY)
    await hears(core, announced(hub.port))
    await core.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


async def test_nobody_leads_a_known_server_astray(core: HomeAssistant, hub: Peer, encrypt: Encrypt) -> None:
    entry = entry_for(1)
    entry.add_to_hass(core)
    await encrypt()  # the same id, with a certificate that was never pinned
    walk = await hears(core, announced(hub.port))
    assert walk.reason == "already_configured"
    walk = await hears(core, announced(2))
    assert walk.reason == "already_configured"
    assert entry.data["port"] == 1


async def test_what_is_known_already_is_not_even_asked(core: HomeAssistant, hub: Peer) -> None:
    entry_for(1).add_to_hass(core)
    walk = await hears(core, announced(1))
    assert walk.reason == "already_configured"


def from_supervisor(port: int, fingerprint: str | None = None) -> HassioServiceInfo:
    """Return what the Supervisor hands over."""
    config = {"host": "127.0.0.1", "port": port, "token": TOKEN, "fingerprint": fingerprint, "id": ID}
    return HassioServiceInfo(config=config, name="Edge Voice", slug="edge_voice", uuid="1234")


async def test_the_add_on_is_added_by_one_click(core: HomeAssistant, hub: Peer) -> None:
    walk = await config_flow(core, SOURCE_HASSIO, from_supervisor(hub.port))
    assert walk.step == "hassio_confirm"
    done = await walk.submit({})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["data"]["token"] == TOKEN
    assert done["result"].state is ConfigEntryState.LOADED


async def test_a_reinstalled_add_on_brings_its_new_token_and_certificate(
    core: HomeAssistant, hub: Peer, encrypt: Encrypt
) -> None:
    entry = entry_for(1, token="old")
    entry.add_to_hass(core)
    fingerprint = await encrypt()
    walk = await config_flow(core, SOURCE_HASSIO, from_supervisor(hub.port, "ab" * 32))
    assert walk.reason == "certificate_changed"  # somebody else in the Supervisor's network
    walk = await config_flow(core, SOURCE_HASSIO, from_supervisor(hub.port, fingerprint))
    assert walk.reason == "already_configured"
    assert (entry.data["port"], entry.data["token"], entry.data["fingerprint"]) == (hub.port, TOKEN, fingerprint)


@pytest.mark.parametrize(("port", "reason"), [(1, "cannot_connect"), (None, "token_refused")])
async def test_an_add_on_that_does_not_let_us_in_is_left_alone(
    core: HomeAssistant, hub: Peer, port: int | None, reason: str
) -> None:
    async def refuse(_: object) -> Any:
        return refusal(401, "token-refused", "no")

    hub.answers["/api/v1/status"] = refuse
    walk = await config_flow(core, SOURCE_HASSIO, from_supervisor(port or hub.port))
    assert walk.reason == reason
