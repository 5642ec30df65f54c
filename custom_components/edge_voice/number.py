"""Limits: how often the hub may be wrong, what may be spent, and how surely a wake word must be heard."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.number import NumberDeviceClass, NumberEntity, NumberEntityDescription, NumberMode
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import EdgeVoiceEntity, SatelliteEntity
from .growing import async_add_as_they_appear, async_add_per_satellite
from .protocol import Policy, Satellite, Status
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 1

_SECONDS_PER_DAY = 86400
_MOST_MONEY = 10000
_MOST_HOURS = 720


@dataclass(frozen=True, kw_only=True)
class EdgeVoiceNumberDescription[Subject](NumberEntityDescription):
    """A limit of the policy or of a satellite, which the key names."""

    value_fn: Callable[[Subject], float | None]
    per_unit: float = 1.0
    """How much of the unit that people see is 1 to the server."""
    in_currency: bool = False


def _seconds_per_day(
    key: str, value_fn: Callable[[Policy], float | None], *, enabled: bool = True
) -> EdgeVoiceNumberDescription[Policy]:
    return EdgeVoiceNumberDescription(
        key=key,
        translation_key=key,
        device_class=NumberDeviceClass.DURATION,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=enabled,
        mode=NumberMode.BOX,
        native_min_value=0,
        native_max_value=_SECONDS_PER_DAY,
        native_step=1,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        value_fn=value_fn,
    )


def _hours(key: str, value_fn: Callable[[Policy], float | None]) -> EdgeVoiceNumberDescription[Policy]:
    return EdgeVoiceNumberDescription(
        key=key,
        translation_key=key,
        device_class=NumberDeviceClass.DURATION,
        entity_category=EntityCategory.CONFIG,
        mode=NumberMode.BOX,
        native_min_value=0,
        native_max_value=_MOST_HOURS,
        native_step=1,
        native_unit_of_measurement=UnitOfTime.HOURS,
        value_fn=value_fn,
    )


def _wake_threshold[Subject](
    translation_key: str, value_fn: Callable[[Subject], float | None]
) -> EdgeVoiceNumberDescription[Subject]:
    return EdgeVoiceNumberDescription(
        key="wake_threshold",
        translation_key=translation_key,
        entity_category=EntityCategory.CONFIG,
        native_min_value=0,
        native_max_value=100,
        native_step=1,
        native_unit_of_measurement=PERCENTAGE,
        per_unit=100.0,
        value_fn=value_fn,
    )


NUMBERS: tuple[EdgeVoiceNumberDescription[Policy], ...] = (
    EdgeVoiceNumberDescription(
        key="error_target",
        translation_key="error_target",
        entity_category=EntityCategory.CONFIG,
        mode=NumberMode.BOX,
        native_min_value=0.1,
        native_max_value=50,
        native_step=0.1,
        native_unit_of_measurement=PERCENTAGE,
        per_unit=100.0,
        value_fn=lambda policy: policy.error_target,
    ),
    _seconds_per_day("cloud_seconds_per_day", lambda policy: policy.cloud_seconds_per_day),
    _seconds_per_day("audit_seconds_per_day", lambda policy: policy.audit_seconds_per_day, enabled=False),
    _seconds_per_day("hedge_seconds_per_day", lambda policy: policy.hedge_seconds_per_day, enabled=False),
    EdgeVoiceNumberDescription(
        key="cloud_money_per_month",
        translation_key="cloud_money_per_month",
        device_class=NumberDeviceClass.MONETARY,
        entity_category=EntityCategory.CONFIG,
        in_currency=True,
        mode=NumberMode.BOX,
        native_min_value=0,
        native_max_value=_MOST_MONEY,
        native_step=0.01,
        value_fn=lambda policy: policy.cloud_money_per_month,
    ),
    _wake_threshold("wake_threshold", lambda policy: policy.wake_threshold),
)

NEWER_NUMBERS: dict[str, EdgeVoiceNumberDescription[Policy]] = {
    one.key: one
    for one in (
        _hours("list_hours", lambda policy: policy.list_hours),
        _hours("note_hours", lambda policy: policy.note_hours),
        _hours("reminder_hours", lambda policy: policy.reminder_hours),
    )
}
"""Those that older hubs do not know."""

SATELLITE_NUMBERS: tuple[EdgeVoiceNumberDescription[Satellite], ...] = (
    _wake_threshold("satellite_wake_threshold", lambda satellite: satellite.wake_threshold),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: EdgeVoiceConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the policy's limits, and those of satellites as the server hears of them."""
    async_add_entities(PolicyNumber(entry.runtime_data.coordinator, description) for description in NUMBERS)
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=_known_here,
        build=lambda coordinator, key: [PolicyNumber(coordinator, NEWER_NUMBERS[key])],
    )
    async_add_per_satellite(
        hass,
        entry,
        async_add_entities,
        lambda coordinator, satellite_id: [
            SatelliteNumber(coordinator, satellite_id, description) for description in SATELLITE_NUMBERS
        ],
    )


def _known_here(status: Status) -> list[str]:
    return [key for key, one in NEWER_NUMBERS.items() if one.value_fn(status.policy) is not None]


class LimitNumber[Subject](NumberEntity):
    """A limit in the unit that people see."""

    entity_description: EdgeVoiceNumberDescription[Subject]

    def _shown(self, subject: Subject) -> float | None:
        value = self.entity_description.value_fn(subject)
        return None if value is None else round(value * self.entity_description.per_unit, 3)

    def _told(self, value: float) -> dict[str, float]:
        return {self.entity_description.key: round(value / self.entity_description.per_unit, 6)}


class PolicyNumber(LimitNumber[Policy], EdgeVoiceEntity):
    """A limit for the whole home."""

    @property
    @override
    def native_value(self) -> float | None:
        """Return what the server holds to."""
        return self._shown(self.status.policy)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Return the unit: the server's currency for money."""
        if self.entity_description.in_currency:
            return self.status.cloud.currency
        return super().native_unit_of_measurement

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Tell the server; it pushes what it made of it."""
        await self.async_command(self.coordinator.client.change_policy(**self._told(value)))


class SatelliteNumber(LimitNumber[Satellite], SatelliteEntity):
    """A limit for one satellite; where it has none of its own, the home's is shown, which holds for it."""

    @property
    @override
    def native_value(self) -> float | None:
        """Return what the server holds to."""
        own = None if self.satellite is None else self._shown(self.satellite)
        if own is not None:
            return own
        home = self.status.policy.wake_threshold
        return None if home is None else round(home * self.entity_description.per_unit, 3)

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Tell the server; it pushes what it made of it."""
        await self.async_command(self.coordinator.client.change_satellite(self.satellite_id, **self._told(value)))
