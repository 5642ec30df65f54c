"""What needs somebody to look: the cloud, the mode, the budget, drift, the machine, a microphone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import EdgeVoiceEntity, SatelliteEntity
from .entity_past import BAD_KEYS, keeps_records, tells_load
from .growing import async_add_as_they_appear, async_add_per_satellite
from .protocol import Satellite, Status
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 0

_ALWAYS_DEGRADED = frozenset({"cloud_only", "shedding", "starter", "unavailable"})


@dataclass(frozen=True, kw_only=True)
class EdgeVoiceBinarySensorDescription[Subject](BinarySensorEntityDescription):
    """Something that is so or not, of a status or a satellite."""

    is_on_fn: Callable[[Subject], bool | None]
    attributes_fn: Callable[[Subject], dict[str, Any]] | None = None
    is_known_fn: Callable[[Subject], bool] | None = None
    """Whether the hub speaks of it at all; None: every hub does."""


def _degraded(status: Status) -> bool:
    """Return whether the hub does less than its owner asked for: a home that wants no cloud lacks none."""
    if status.mode == "edge_only":
        return status.cloud.reachable is False or status.cloud.over_budget
    return status.mode in _ALWAYS_DEGRADED


def _drifts(status: Status) -> bool:
    return status.drift is not None and len(status.drift.alarms) > 0


def _why_drifting(status: Status) -> str:
    """Return the alarms' own sentences."""
    return " ".join(one.message for one in (status.drift.alarms if status.drift else ()))


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

PAST_BINARY_SENSORS: dict[str, EdgeVoiceBinarySensorDescription[Status]] = {
    one.key: one
    for one in (
        EdgeVoiceBinarySensorDescription(
            key="drift",
            translation_key="drift",
            device_class=BinarySensorDeviceClass.PROBLEM,
            entity_category=EntityCategory.DIAGNOSTIC,
            is_on_fn=_drifts,
            attributes_fn=lambda status: {"reason": _why_drifting(status)},
            is_known_fn=lambda status: status.drift is not None,
        ),
        EdgeVoiceBinarySensorDescription(
            key="straining",
            translation_key="straining",
            device_class=BinarySensorDeviceClass.PROBLEM,
            entity_category=EntityCategory.DIAGNOSTIC,
            is_on_fn=lambda status: status.resources.saturated,
            attributes_fn=lambda status: {"reason": status.resources.reason},
            is_known_fn=tells_load,
        ),
        EdgeVoiceBinarySensorDescription(
            key="throttled",
            translation_key="throttled",
            device_class=BinarySensorDeviceClass.PROBLEM,
            entity_category=EntityCategory.DIAGNOSTIC,
            is_on_fn=lambda status: status.resources.throttled,
            is_known_fn=lambda status: status.resources.throttled is not None,
        ),
        EdgeVoiceBinarySensorDescription(
            key="records_key",
            translation_key="records_key",
            device_class=BinarySensorDeviceClass.PROBLEM,
            entity_category=EntityCategory.DIAGNOSTIC,
            is_on_fn=lambda status: status.records is not None and status.records.key in BAD_KEYS,
            is_known_fn=keeps_records,
        ),
    )
}
"""Those of hubs that tell of their past."""

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
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=_past_here,
        build=lambda coordinator, key: [StatusBinarySensor(coordinator, PAST_BINARY_SENSORS[key])],
    )
    async_add_per_satellite(
        hass,
        entry,
        async_add_entities,
        lambda coordinator, satellite_id: [
            SatelliteBinarySensor(coordinator, satellite_id, description) for description in SATELLITE_BINARY_SENSORS
        ],
    )


def _past_here(status: Status) -> list[str]:
    return [key for key, one in PAST_BINARY_SENSORS.items() if one.is_known_fn is None or one.is_known_fn(status)]


class StatusBinarySensor(EdgeVoiceEntity, BinarySensorEntity):
    """Of the server. It is unavailable where the hub, an older one, does not know it."""

    entity_description: EdgeVoiceBinarySensorDescription[Status]
    _unrecorded_attributes = frozenset({"reason"})

    @property
    @override
    def available(self) -> bool:
        is_known = self.entity_description.is_known_fn
        return super().available and (is_known is None or is_known(self.status))

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Return what explains it."""
        explained = self.entity_description.attributes_fn
        return None if explained is None else explained(self.status)

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
