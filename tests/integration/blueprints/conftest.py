"""A home with the blueprints installed, a hub that can be told what happens, and a phone."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.edge_voice.const import DOMAIN
from tests.home_assistant.phone import Phone, without_camera
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.peer import TURN, Peer

without_camera()

NEVER = {"quiet_from": "00:00:00", "quiet_to": "00:00:00"}
ALWAYS = {"quiet_from": "00:00:00", "quiet_to": "23:59:59"}

PLATFORMS = [Platform.BINARY_SENSOR, Platform.CONVERSATION, Platform.SELECT, Platform.SENSOR, Platform.SWITCH]

type Use = Callable[..., Awaitable[str]]
"""Makes an automation or script of a blueprint by its file's name, with inputs; returns its entity."""


@pytest.fixture(autouse=True)
def _what_blueprints_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up the entities that they use, and not the many others."""
    monkeypatch.setattr("custom_components.edge_voice.PLATFORMS", PLATFORMS)


@pytest.fixture
def hass_config_dir(tmp_path: Path) -> str:
    """A folder of its own, since blueprints are installed into it."""
    return str(tmp_path)


@pytest.fixture
async def entry(core: HomeAssistant, peer: Peer) -> MockConfigEntry:
    """The small hub's entry, whose events flow."""
    peer.status |= {"last_turn": TURN}
    one = entry_for(peer.port)
    await set_up(core, one)
    await until(lambda: one.runtime_data.coordinator.connected)
    return one


@pytest.fixture
def hub(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """The hub's device."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return next(one.id for one in devices if one.model == "Edge Voice hub")


@pytest.fixture
async def phone(
    core: HomeAssistant, entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> AsyncIterator[Phone]:
    """Anna's phone."""
    assert await async_setup_component(core, "mobile_app", {})
    async with Phone.registered("Anna's phone", await hass_client()) as one:
        await core.async_block_till_done()
        yield one


@pytest.fixture
def phone_device(hass: HomeAssistant, phone: Phone) -> str:
    """What is chosen for it in a blueprint's form."""
    (entry,) = hass.config_entries.async_entries("mobile_app")
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return device.id


@pytest.fixture
async def use(core: HomeAssistant, entry: MockConfigEntry) -> AsyncIterator[Use]:
    """Install the blueprints as an owner does, and make automations of them."""
    assert await async_setup_component(core, "persistent_notification", {})
    await core.services.async_call(DOMAIN, "install_blueprints", blocking=True)

    async def make(name: str, domain: str = "automation", **inputs: Any) -> str:
        blueprint = {"path": f"edge_voice/{name}.yaml", "input": inputs}
        one: dict[str, Any] = {"alias": name, "use_blueprint": blueprint}
        config = {domain: [one | {"id": name}] if domain == "automation" else {name: one}}
        # On the disk, too, for reloads.
        await core.async_add_executor_job(Path(core.config.path("configuration.yaml")).write_text, json.dumps(config))
        assert await async_setup_component(core, domain, config)
        await core.async_block_till_done()
        state = core.states.get(f"{domain}.{name}")
        assert state is not None
        assert state.state == ("on" if domain == "automation" else "off"), state
        return state.entity_id

    yield make
    for one in core.states.async_entity_ids("automation"):
        await core.services.async_call("automation", "turn_off", {"entity_id": one}, blocking=True)
