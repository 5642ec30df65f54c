"""Which satellites, and which of our entities, an automation's target means."""

from homeassistant.components.assist_satellite import DOMAIN as SATELLITE_DOMAIN
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
def of_this_integration(hass: HomeAssistant, entities: set[str], translation_key: str) -> set[str]:
    """Return those of some entities that this integration made under a key, whatever they are called now."""
    registry = er.async_get(hass)
    return {
        one
        for one in entities
        if (entry := registry.async_get(one)) is not None
        and entry.platform == DOMAIN
        and entry.translation_key == translation_key
    }
