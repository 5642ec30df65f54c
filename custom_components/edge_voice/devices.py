"""Satellites' devices go when the hub forgets them."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntry

from .const import DOMAIN
from .entity import satellite_device
from .types import EdgeVoiceConfigEntry


@callback
def async_watch_devices(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> None:
    """Remove the device of each satellite that the hub forgets while it is listened to.

    One that is merely missing after a restart of the hub stays, unavailable, with its owner's names and automations.
    """
    coordinator = entry.runtime_data.coordinator
    devices = dr.async_get(hass)
    present: set[str] = set()

    @callback
    def remove_forgotten() -> None:
        if not coordinator.connected:
            present.clear()
            return
        known = {one.id for one in coordinator.data.satellites}
        for satellite_id in present - known:
            identifier = (DOMAIN, satellite_device(coordinator.server_id, satellite_id))
            if device := devices.async_get_device_by_identifier(identifier, entry.entry_id):
                devices.async_remove_device(device.id)
        present.clear()
        present.update(known)

    entry.async_on_unload(coordinator.async_add_listener(remove_forgotten))


async def async_announce_satellites(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> None:
    """Tell the hub of the satellites that have a device: it knows their settings again once it hears their names."""
    data = entry.runtime_data
    prefix = satellite_device(data.server_id, "")
    for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
        for domain, identifier in device.identifiers:
            if domain == DOMAIN and identifier.startswith(prefix):
                await data.client.change_satellite(identifier.removeprefix(prefix))


def is_stale(entry: EdgeVoiceConfigEntry, device: DeviceEntry) -> bool:
    """Whether a device is neither the hub nor a satellite that it knows."""
    coordinator = entry.runtime_data.coordinator
    known = {satellite_device(coordinator.server_id, one.id) for one in coordinator.data.satellites}
    known.add(coordinator.server_id)
    return not any(domain == DOMAIN and identifier in known for domain, identifier in device.identifiers)
