"""Entities for what the server comes to know: satellites, languages, thresholds."""

from collections.abc import Callable, Iterable

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .coordinator import EdgeVoiceCoordinator
from .entity import satellite_device
from .protocol import Status
from .types import EdgeVoiceConfigEntry


@callback
def async_add_as_they_appear[Key](
    entry: EdgeVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    *,
    named: Callable[[Status], Iterable[Key]],
    build: Callable[[EdgeVoiceCoordinator, Key], Iterable[Entity]],
    gone: Callable[[Key], bool] = lambda _: False,
) -> None:
    """Add the entities of what the status names now, and of what it names later, once each.

    `gone` tells of a key that is named again whether its entities were removed meanwhile.
    """
    coordinator = entry.runtime_data.coordinator
    known: set[Key] = set()
    left: set[Key] = set()

    @callback
    def look() -> None:
        present = set(named(coordinator.data))
        known.difference_update({key for key in left & present if gone(key)})
        left.difference_update(present)
        left.update(known - present)
        if new := present - known:
            known.update(new)
            async_add_entities(entity for key in sorted(new, key=str) for entity in build(coordinator, key))

    look()
    entry.async_on_unload(coordinator.async_add_listener(look))


@callback
def async_add_per_satellite(
    hass: HomeAssistant,
    entry: EdgeVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    build: Callable[[EdgeVoiceCoordinator, str], Iterable[Entity]],
) -> None:
    """Add the entities of each satellite when the hub first hears of it, and again after it was forgotten."""
    devices = dr.async_get(hass)

    def gone(satellite_id: str) -> bool:
        identifier = (DOMAIN, satellite_device(entry.runtime_data.server_id, satellite_id))
        return devices.async_get_device_by_identifier(identifier, entry.entry_id) is None

    async_add_as_they_appear(
        entry,
        async_add_entities,
        named=lambda status: [one.id for one in status.satellites],
        build=build,
        gone=gone,
    )
