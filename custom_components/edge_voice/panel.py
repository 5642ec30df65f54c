"""Tells a hub that is an add-on which users are administrators.

The Supervisor says who opens the add-on's panel, and not what they may do; every user can open one. Where there is no
Supervisor there is no such panel, and nothing is told.
"""

import asyncio

from homeassistant.auth import EVENT_USER_ADDED, EVENT_USER_REMOVED, EVENT_USER_UPDATED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.hassio import is_hassio

from .const import LOGGER
from .errors import EdgeVoiceError
from .types import EdgeVoiceConfigEntry


@callback
def async_follow_administrators(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> None:
    """Tell the hub after each connect and each change of a user, until the entry is unloaded."""
    if not is_hassio(hass):
        return
    data = entry.runtime_data
    in_order = asyncio.Lock()

    async def tell() -> None:
        async with in_order:  # of two changes, the hub must not hear the older one last
            users = await hass.auth.async_get_users()
            trusted = [one.id for one in users if one.is_active and one.is_admin and not one.system_generated]
            try:
                await data.client.open_panel(trusted)
            except EdgeVoiceError as error:
                LOGGER.debug("The hub was not told whom its panel is for: %s", error)

    @callback
    def changed(_: Event) -> None:
        if data.coordinator.connected:
            entry.async_create_background_task(hass, tell(), "edge_voice administrators")

    entry.async_on_unload(data.coordinator.async_connected_listener(tell))
    for kind in (EVENT_USER_ADDED, EVENT_USER_UPDATED, EVENT_USER_REMOVED):
        entry.async_on_unload(hass.bus.async_listen(kind, changed))
