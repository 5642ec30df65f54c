"""Choices with names: where speech may be heard, what is logged, and what kind of microphone a satellite has."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import EdgeVoiceEntity, SatelliteEntity
from .growing import async_add_as_they_appear, async_add_per_satellite, satellites_with_names
from .protocol import Policy, Satellite, Status
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class EdgeVoiceSelectDescription[Subject](SelectEntityDescription):
    """A choice of the policy or of a satellite, which the key names."""

    options: list[str]
    current_fn: Callable[[Subject], str | None]


SELECTS: tuple[EdgeVoiceSelectDescription[Policy], ...] = (
    EdgeVoiceSelectDescription(
        key="routing_mode",
        translation_key="routing_mode",
        entity_category=EntityCategory.CONFIG,
        options=["auto", "edge", "cloud"],
        current_fn=lambda policy: policy.routing_mode,
    ),
)

NEWER_SELECTS: tuple[EdgeVoiceSelectDescription[Policy], ...] = (
    EdgeVoiceSelectDescription(
        key="release_channel",
        translation_key="release_channel",
        entity_category=EntityCategory.CONFIG,
        options=["stable", "beta"],
        current_fn=lambda policy: policy.release_channel,
    ),
    EdgeVoiceSelectDescription(
        key="log_level",
        translation_key="log_level",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        options=["debug", "info", "warning", "error"],
        current_fn=lambda policy: policy.log_level,
    ),
)
"""Those that older hubs do not know."""
_NEWER = {one.key: one for one in NEWER_SELECTS}

SATELLITE_SELECTS: tuple[EdgeVoiceSelectDescription[Satellite], ...] = (
    EdgeVoiceSelectDescription(
        key="microphone_class",
        translation_key="microphone_class",
        entity_category=EntityCategory.CONFIG,
        options=["far_field", "near_field", "phone", "headset"],
        current_fn=lambda satellite: satellite.microphone_class,
    ),
)

AS_THE_HOME = "home"
SATELLITE_ROUTING: EdgeVoiceSelectDescription[Satellite] = EdgeVoiceSelectDescription(
    key="routing_mode",
    translation_key="satellite_routing_mode",
    entity_category=EntityCategory.CONFIG,
    options=[AS_THE_HOME, "edge", "auto", "cloud"],
    current_fn=lambda satellite: satellite.routing_mode or AS_THE_HOME,
)
"""Of hubs that know it."""


async def async_setup_entry(
    hass: HomeAssistant, entry: EdgeVoiceConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the policy's choices, and those of satellites as the server hears of them."""
    async_add_entities(PolicySelect(entry.runtime_data.coordinator, description) for description in SELECTS)
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=_known_here,
        build=lambda coordinator, key: [PolicySelect(coordinator, _NEWER[key])],
    )
    async_add_per_satellite(
        hass,
        entry,
        async_add_entities,
        lambda coordinator, satellite_id: [
            SatelliteSelect(coordinator, satellite_id, description) for description in SATELLITE_SELECTS
        ],
    )
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=_routed,
        build=lambda coordinator, satellite_id: [SatelliteSelect(coordinator, satellite_id, SATELLITE_ROUTING)],
    )


def _routed(status: Status) -> list[str]:
    """Return the satellites that can have a routing of their own."""
    able = {one.id for one in status.satellites if one.routing_mode != ""}
    return [one for one in satellites_with_names(status) if one in able]


def _known_here(status: Status) -> list[str]:
    return [key for key, one in _NEWER.items() if one.current_fn(status.policy) is not None]


class PolicySelect(EdgeVoiceEntity, SelectEntity):
    """A choice for the whole home. It is unavailable where the hub, an older one, does not know it."""

    entity_description: EdgeVoiceSelectDescription[Policy]

    @property
    @override
    def available(self) -> bool:
        return super().available and self.current_option is not None

    @property
    @override
    def current_option(self) -> str | None:
        """Return what the server holds to."""
        return self.entity_description.current_fn(self.status.policy)

    @override
    async def async_select_option(self, option: str) -> None:
        """Tell the server; it pushes what it made of it."""
        await self.async_command(self.coordinator.client.change_policy(**{self.entity_description.key: option}))


class SatelliteSelect(SatelliteEntity, SelectEntity):
    """A choice for one satellite."""

    entity_description: EdgeVoiceSelectDescription[Satellite]

    @property
    @override
    def current_option(self) -> str | None:
        """Return what the server holds to."""
        return None if self.satellite is None else self.entity_description.current_fn(self.satellite)

    @override
    async def async_select_option(self, option: str) -> None:
        """Tell the server; it pushes what it made of it."""
        changes = {self.entity_description.key: None if option == AS_THE_HOME else option}
        await self.async_command(self.coordinator.client.change_satellite(self.satellite_id, **changes))
