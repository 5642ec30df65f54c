"""What every entity has in common: its device, its name, its availability, and how its commands fail."""

from collections.abc import Awaitable
from typing import override

from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity
from yarl import URL

from .const import CONF_FINGERPRINT, DOMAIN
from .coordinator import EdgeVoiceCoordinator
from .entity_past import keeps_records
from .errors import EdgeVoiceError, raised
from .protocol import Satellite, Status


async def async_command[T](command: Awaitable[T]) -> T:
    """Return what a call of the client returns. Raises a translated HomeAssistantError."""
    try:
        return await command
    except EdgeVoiceError as error:
        raise raised(error) from error


class EdgeVoiceEntity(CoordinatorEntity[EdgeVoiceCoordinator]):
    """An entity of the hub."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: EdgeVoiceCoordinator, description: EntityDescription) -> None:
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{coordinator.server_id}_{description.key}"
        self._attr_device_info = hub_device_info(coordinator)

    @property
    def status(self) -> Status:
        """Return the hub's last status."""
        return self.coordinator.data

    @override
    async def async_update(self) -> None:
        """Ask the hub for nothing: what changes is pushed."""

    async def async_command[T](self, command: Awaitable[T]) -> T:
        """Return what a call of the client returns. Raises a translated HomeAssistantError."""
        return await async_command(command)


class SatelliteEntity(EdgeVoiceEntity):
    """An entity of one satellite. It is unavailable once the hub has forgotten the satellite."""

    def __init__(self, coordinator: EdgeVoiceCoordinator, satellite_id: str, description: EntityDescription) -> None:
        super().__init__(coordinator, description)
        self.satellite_id = satellite_id
        self._attr_unique_id = f"{coordinator.server_id}_{satellite_id}_{description.key}"
        self._attr_device_info = satellite_device_info(coordinator, satellite_id)

    @property
    def satellite(self) -> Satellite | None:
        """Return the satellite as the hub knows it."""
        return self.status.satellite(self.satellite_id)

    @property
    @override
    def available(self) -> bool:
        return super().available and self.satellite is not None


def hub_device_info(coordinator: EdgeVoiceCoordinator) -> DeviceInfo:
    """Return the device that the hub is."""
    return DeviceInfo(
        identifiers={(DOMAIN, coordinator.server_id)},
        entry_type=DeviceEntryType.SERVICE,
        manufacturer="Edge Voice",
        model="Edge Voice hub",
        name=coordinator.config_entry.title,
        sw_version=coordinator.data.server.version,
        configuration_url=status_page(coordinator),
    )


def status_page(coordinator: EdgeVoiceCoordinator) -> str | None:
    """Return the address of the hub's status page, None where a browser elsewhere could not open it."""
    at = coordinator.config_entry.data
    if at.get(CONF_FINGERPRINT) is None or not keeps_records(coordinator.data):
        return None  # plain HTTP is for programs of the hub's own machine; and hubs without records have no page
    return str(URL.build(scheme="https", host=at[CONF_HOST], port=at[CONF_PORT], path="/"))


def satellite_device_info(coordinator: EdgeVoiceCoordinator, satellite_id: str) -> DeviceInfo:
    """Return the device that holds what the hub knows of a satellite."""
    info = DeviceInfo(
        identifiers={(DOMAIN, satellite_device(coordinator.server_id, satellite_id))},
        entry_type=DeviceEntryType.SERVICE,
        name=satellite_name(coordinator.hass, satellite_id),
    )
    hub = dr.async_get(coordinator.hass).async_get_device_by_identifier(
        (DOMAIN, coordinator.server_id), coordinator.config_entry.entry_id
    )
    if hub is not None:
        info["via_device_id"] = hub.id
    return info


def satellite_device(server_id: str, satellite_id: str) -> str:
    """Return a satellite's identifier in the device registry."""
    return f"{server_id}_{satellite_id}"  # async_announce_satellites reads the id back from it


def satellite_name(hass: HomeAssistant, satellite_id: str) -> str:
    """Return what the owner calls a satellite: its device's name, its entity's, or its id."""
    registered = er.async_get(hass).async_get(satellite_id)
    if registered is None:
        return satellite_id
    device = dr.async_get(hass).async_get(registered.device_id) if registered.device_id else None
    names = (device and (device.name_by_user or device.name), registered.name, registered.original_name)
    return next((name for name in names if name), satellite_id)
