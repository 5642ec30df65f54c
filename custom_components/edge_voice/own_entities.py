"""Which entities are ours, and which pipeline a satellite speaks to."""

from homeassistant.components.assist_pipeline.const import OPTION_PREFERRED
from homeassistant.components.assist_pipeline.pipeline import Pipeline, async_get_pipeline, async_get_pipelines
from homeassistant.components.assist_satellite.const import DATA_COMPONENT
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er


@callback
def own_entity(hass: HomeAssistant, entry: ConfigEntry, domain: str) -> str | None:
    """Return the enabled entity of a domain that belongs to an entry, or None."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return next((one.entity_id for one in entities if one.domain == domain and not one.disabled), None)


@callback
def pipeline_of(hass: HomeAssistant, satellite: str) -> Pipeline | None:
    """Return the pipeline that a satellite speaks to, or None when it cannot be told."""
    component = hass.data.get(DATA_COMPONENT)
    entity = component.get_entity(satellite) if component else None
    if entity is None:
        return None
    select = entity.pipeline_entity_id
    state = hass.states.get(select) if select else None
    if state is None or state.state == OPTION_PREFERRED:
        return async_get_pipeline(hass)
    return next((one for one in async_get_pipelines(hass) if one.name == state.state), None)
