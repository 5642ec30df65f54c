"""What a person sees of a home: states, their attributes, and how long it takes until they change."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from tests.integration.conftest import until
from tests.integration.peer import TURN, Json

OURS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.TODO,  # to-do lists
    Platform.UPDATE,
]
TURN_EVENT = "event.edge_voice_turn"


def value_of(hass: HomeAssistant, entity_id: str) -> str:
    """Return an entity's state; an AssertionError when there is none."""
    state = hass.states.get(entity_id)
    assert state is not None, entity_id
    return state.state


def attributes_of(hass: HomeAssistant, entity_id: str) -> dict[str, Any]:
    """Return an entity's attributes; an AssertionError when there is none."""
    state = hass.states.get(entity_id)
    assert state is not None, entity_id
    return dict(state.attributes)


async def until_state(hass: HomeAssistant, entity_id: str, value: str) -> None:
    """Wait until an entity has a state."""
    await until(lambda: (state := hass.states.get(entity_id)) is not None and state.state == value)


async def until_attribute(hass: HomeAssistant, entity_id: str, name: str, value: object) -> None:
    """Wait until an entity has an attribute."""
    await until(lambda: (state := hass.states.get(entity_id)) is not None and state.attributes.get(name) == value)


def entities_of(hass: HomeAssistant, entry: ConfigEntry) -> list[er.RegistryEntry]:
    """Return the entities of an entry that are rows of descriptions."""
    everything = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return [one for one in everything if one.domain in OURS]


async def act(hass: HomeAssistant, action: str, entity_id: str, **data: object) -> None:
    """Do what a tap on an entity does, and wait for its end."""
    domain, _, service = action.partition(".")
    await hass.services.async_call(domain, service, {"entity_id": entity_id, **data}, blocking=True)


def turn(**changes: Any) -> Json:
    """Return a turn's message, as the contract's own example but for some changes."""
    return {"type": "turn", "turn": TURN | changes}
