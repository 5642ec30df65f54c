"""An integration for the walk through a real Home Assistant: a satellite in each room, which speaks recordings."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Set up the satellites."""
    await hass.config_entries.async_forward_entry_setups(entry, [Platform.ASSIST_SATELLITE])
    return True
