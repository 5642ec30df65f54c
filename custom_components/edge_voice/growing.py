"""Entities for what the hub comes to know: satellites, languages, thresholds."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback, async_get_current_platform

from .const import DOMAIN
from .coordinator import EdgeVoiceCoordinator
from .protocol import Status
from .types import EdgeVoiceConfigEntry


@callback
def async_add_as_they_appear[Key](
    hass: HomeAssistant,
    entry: EdgeVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    *,
    named: Callable[[Status], Iterable[Key]],
    build: Callable[[EdgeVoiceCoordinator, Key], Sequence[Entity]],
) -> None:
    """Add the entities of what the status names now, and of what it names later, once each.

    What is named again after it was gone has its entities still, unless they were removed with their device.
    """
    coordinator = entry.runtime_data.coordinator
    domain = async_get_current_platform().domain
    registry = er.async_get(hass)
    known: set[Key] = set()
    present: set[Key] = set()

    @callback
    def look() -> None:
        before = present.copy()
        present.clear()
        present.update(named(coordinator.data))
        for key in sorted(present - before, key=str):
            entities = build(coordinator, key)
            ids = [registry.async_get_entity_id(domain, DOMAIN, one.unique_id or "") for one in entities]
            if key not in known or not any(ids):
                known.add(key)
                async_add_entities(entities)

    look()
    entry.async_on_unload(coordinator.async_add_listener(look))


@callback
def async_add_per_satellite(
    hass: HomeAssistant,
    entry: EdgeVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    build: Callable[[EdgeVoiceCoordinator, str], Sequence[Entity]],
) -> None:
    """Add the entities of each satellite when the hub first hears of it, and again after it was forgotten."""
    async_add_as_they_appear(hass, entry, async_add_entities, named=satellites_with_names, build=build)


def satellites_with_names(status: Status) -> list[str]:
    """Return the satellites with names: behind an address stand all phones and browsers that speak through it."""
    return [one.id for one in status.satellites if not _is_address(one.id)]


def _is_address(satellite_id: str) -> bool:
    try:
        ip_address(satellite_id)
    except ValueError:
        return False
    return True
