"""What needs somebody to look: the cloud, the mode, the budget, a microphone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import EdgeVoiceEntity, SatelliteEntity
from .growing import async_add_per_satellite
from .protocol import Satellite, Status
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 0

_ALWAYS_DEGRADED = frozenset({"cloud_only", "shedding", "starter", "unavailable"})


@dataclass(frozen=True, kw_only=True)
class EdgeVoiceBinarySensorDescription[Subject](BinarySensorEntityDescription):
    """Something that is so or not, of a status or a satellite."""

    is_on_fn: Callable[[Subject], bool | None]


def _degraded(status: Status) -> bool:
    """Return whether the hub does less than its owner asked for: a home that wants no cloud lacks none."""
    if status.mode == "edge_only":
        return status.cloud.reachable is False or status.cloud.over_budget
    return status.mode in _ALWAYS_DEGRADED


BINARY_SENSORS: tuple[EdgeVoiceBinarySensorDescription[Status], ...] = (
    EdgeVoiceBinarySensorDescription(
        key="cloud_reachable",
        translation_key="cloud_reachable",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda status: status.cloud.reachable,
    ),
    EdgeVoiceBinarySensorDescription(
        key="degraded",
        translation_key="degraded",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=_degraded,
    ),
    EdgeVoiceBinarySensorDescription(
        key="over_budget",
        translation_key="over_budget",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda status: status.cloud.over_budget,
    ),
)

SATELLITE_BINARY_SENSORS: tuple[EdgeVoiceBinarySensorDescription[Satellite], ...] = (
    EdgeVoiceBinarySensorDescription(
        key="microphone_unusable",
        translation_key="microphone_unusable",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda satellite: satellite.state == "text_only",
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: EdgeVoiceConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the server's, and those of satellites as it hears of them."""
    async_add_entities(
        StatusBinarySensor(entry.runtime_data.coordinator, description) for description in BINARY_SENSORS
    )
    async_add_per_satellite(
        hass,
        entry,
        async_add_entities,
        lambda coordinator, satellite_id: [
            SatelliteBinarySensor(coordinator, satellite_id, description) for description in SATELLITE_BINARY_SENSORS
        ],
    )


class StatusBinarySensor(EdgeVoiceEntity, BinarySensorEntity):
    """Of the server."""

    entity_description: EdgeVoiceBinarySensorDescription[Status]

    @property
    @override
    def is_on(self) -> bool | None:
        """Return whether it is so; None where the question makes no sense, as without a cloud lane."""
        return self.entity_description.is_on_fn(self.status)


class SatelliteBinarySensor(SatelliteEntity, BinarySensorEntity):
    """Of one satellite."""

    entity_description: EdgeVoiceBinarySensorDescription[Satellite]

    @property
    @override
    def is_on(self) -> bool | None:
        """Return whether it is so."""
        return None if self.satellite is None else self.entity_description.is_on_fn(self.satellite)
