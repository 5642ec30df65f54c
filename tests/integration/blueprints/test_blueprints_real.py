"""Blueprints that steer a real hub: what they choose is what it holds to."""

from collections.abc import AsyncIterator

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.home_assistant.server_process import ServerProcess
from tests.integration.blueprints.conftest import Use
from tests.integration.conftest import client_for, entry_of_server, set_up, until
from tests.integration.entities.sight import act, until_state, value_of
from tests.integration.peer import SATELLITE

HOME, KITCHEN = "select.edge_voice_routing", "select.assist_satellite_kitchen_routing"
CONFIRM, REFUSE = "switch.edge_voice_confirm_what_matters", "switch.edge_voice_refuse_what_nobody_confirmed"
GUESTS = "input_boolean.guests"
DAY = {"night_from": "00:00:00", "night_to": "00:00:00"}
NIGHT = {"night_from": "00:00:00", "night_to": "23:59:59"}


@pytest.fixture
async def entry(core: HomeAssistant, server: ServerProcess) -> AsyncIterator[MockConfigEntry]:
    """The shared real hub's entry; afterwards it is as its owner left it."""
    client = client_for(core, server.control_port, token=server.token)
    await client.change_satellite(SATELLITE)
    assert await async_setup_component(core, "input_boolean", {"input_boolean": {"guests": {}}})
    one = await entry_of_server(core, server)
    await set_up(core, one)
    await until(lambda: one.runtime_data.coordinator.connected and core.states.get(KITCHEN))
    yield one
    await client.purge(["choices", "satellites"])


@pytest.fixture
def kitchen(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """The device of the kitchen's satellite."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return next(one.id for one in devices if one.model != "Edge Voice hub")


async def test_guests_keep_the_home_and_a_room_on_the_hub_until_they_go(
    hass: HomeAssistant, hub: str, kitchen: str, use: Use
) -> None:
    await use("privacy_guard", places=[hub, kitchen], guests=[GUESTS], **DAY)
    assert (value_of(hass, HOME), value_of(hass, KITCHEN)) == ("auto", "home")
    await act(hass, "input_boolean.turn_on", GUESTS)
    await until_state(hass, HOME, "edge")
    await until_state(hass, KITCHEN, "edge")
    # Whoever lifts it for one place has to turn the automation off.
    await act(hass, "select.select_option", HOME, option="auto")
    await until_state(hass, HOME, "auto")
    await until_state(hass, HOME, "edge")
    await act(hass, "input_boolean.turn_off", GUESTS)
    await until_state(hass, HOME, "auto")
    await until_state(hass, KITCHEN, "home")


async def test_a_room_is_guarded_alone_and_an_owners_own_choice_outlives_a_day_without_guests(
    hass: HomeAssistant, hub: str, kitchen: str, use: Use
) -> None:
    await act(hass, "select.select_option", HOME, option="edge")
    await until_state(hass, HOME, "edge")
    await use("privacy_guard", places=[kitchen], guests=[GUESTS], **DAY)
    await act(hass, "input_boolean.turn_on", GUESTS)
    await until_state(hass, KITCHEN, "edge")
    await act(hass, "input_boolean.turn_off", GUESTS)
    await until_state(hass, KITCHEN, "home")
    assert value_of(hass, HOME) == "edge"


async def test_the_night_is_guarded_from_the_start_and_by_automations_that_are_reloaded(
    hass: HomeAssistant, hub: str, use: Use
) -> None:
    await use("privacy_guard", places=[hub], **NIGHT)
    await hass.services.async_call("automation", "reload", blocking=True)
    await until_state(hass, HOME, "edge")


async def test_what_matters_is_asked_about_after_the_script_has_run(hass: HomeAssistant, hub: str, use: Use) -> None:
    await act(hass, "switch.turn_off", CONFIRM)
    await until_state(hass, CONFIRM, "off")
    hass.states.async_set("lock.front_door", "locked", {"friendly_name": "Front door"})
    blinds = {"friendly_name": "Blinds", "device_class": "blind"}
    hass.states.async_set("cover.blinds", "open", blinds)
    chosen = ["lock.front_door", "cover.blinds", "lock.shed"]
    script = await use("confirm_critical_setup", "script", confirm=CONFIRM, what_matters=chosen)
    answer = await hass.services.async_call("script", script.partition(".")[2], blocking=True, return_response=True)
    assert value_of(hass, CONFIRM) == "on"
    assert answer is not None
    assert answer["asks_back"] is True
    told = str(answer["message"])
    assert told.startswith("A doubtful sentence that matters is now said back before it is done.")
    assert "That holds for Front door." in told
    assert "Never asked about: Blinds." in told
    assert "Not there now: lock.shed." in told
