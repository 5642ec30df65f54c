"""Which satellites, hubs, and entities of ours, an automation's target means."""

from homeassistant.components.assist_satellite import DOMAIN as SATELLITE_DOMAIN
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback, split_entity_id
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from .const import DOMAIN


@callback
def satellites_of(hass: HomeAssistant, targets: TargetSelection) -> set[str] | None:
    """Return the satellites that areas, devices and entities name; None where nothing is named: all are meant."""
    if not targets.has_any_target:
        return None
    selected = async_extract_referenced_entity_ids(hass, targets, expand_group=False)
    named = selected.referenced | selected.indirectly_referenced
    return {one for one in named if split_entity_id(one)[0] == SATELLITE_DOMAIN}


@callback
def hubs_of(hass: HomeAssistant, targets: TargetSelection) -> set[str] | None:
    """Return the entries of the hubs that are named, by whatever of theirs; None where nothing is named: all are."""
    if not targets.has_any_target:
        return None
    selected = async_extract_referenced_entity_ids(hass, targets, expand_group=False, primary_entities_only=False)
    return _hubs_with(er.async_get(hass), selected.referenced | selected.indirectly_referenced)


@callback
def problems_of(hass: HomeAssistant, entities: set[str], key: str) -> set[str]:
    """Return the sensors of a problem, by their key, of the hubs that any of some entities belong to."""
    registry = er.async_get(hass)
    return {
        one.entity_id
        for hub in _hubs_with(registry, entities)
        for one in er.async_entries_for_config_entry(registry, hub)
        if one.domain == Platform.BINARY_SENSOR and one.translation_key == key
    }


def _hubs_with(registry: er.EntityRegistry, entities: set[str]) -> set[str]:
    """Return the entries that have any of some entities."""
    named = [entry for one in entities if (entry := registry.async_get(one)) and entry.platform == DOMAIN]
    return {entry.config_entry_id for entry in named if entry.config_entry_id is not None}
