"""What the owner allows, and whether a satellite is answered before its silence has ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import EdgeVoiceEntity, SatelliteEntity
from .growing import async_add_as_they_appear, async_add_per_satellite
from .protocol import Policy, Satellite, Status
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class EdgeVoiceSwitchDescription[Subject](SwitchEntityDescription):
    """A permission of the policy or of a satellite, which the key names."""

    is_on_fn: Callable[[Subject], bool | None]


def _permission(
    key: str, is_on_fn: Callable[[Policy], bool | None], *, enabled: bool = True
) -> EdgeVoiceSwitchDescription[Policy]:
    return EdgeVoiceSwitchDescription(
        key=key,
        translation_key=key,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=enabled,
        is_on_fn=is_on_fn,
    )


SWITCHES: tuple[EdgeVoiceSwitchDescription[Policy], ...] = (
    _permission("cloud_allowed", lambda policy: policy.cloud_allowed),
    _permission("audits", lambda policy: policy.audits),
    _permission("keep_transcripts", lambda policy: policy.keep_transcripts),
    _permission("confirm_critical", lambda policy: policy.confirm_critical),
    _permission("answer_early", lambda policy: policy.answer_early, enabled=False),
    _permission("ask_text", lambda policy: policy.ask_text, enabled=False),
    _permission("defer", lambda policy: policy.defer),
    _permission("hedge", lambda policy: policy.hedge, enabled=False),
    _permission("refuse_unconfirmed", lambda policy: policy.refuse_unconfirmed, enabled=False),
)

NEWER_SWITCHES: dict[str, EdgeVoiceSwitchDescription[Policy]] = {
    one.key: one
    for one in (
        _permission("automatic_updates", lambda policy: policy.automatic_updates),
        _permission("cohort_reports", lambda policy: policy.cohort_reports),
        _permission("keep_recordings", lambda policy: policy.keep_recordings),
    )
}
"""Those that older hubs do not know."""

SATELLITE_SWITCHES: tuple[EdgeVoiceSwitchDescription[Satellite], ...] = (
    EdgeVoiceSwitchDescription(
        key="answer_early",
        translation_key="satellite_answer_early",
        entity_category=EntityCategory.CONFIG,
        is_on_fn=lambda satellite: satellite.answer_early,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: EdgeVoiceConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the policy's permissions, and those of satellites as the server hears of them."""
    async_add_entities(PolicySwitch(entry.runtime_data.coordinator, description) for description in SWITCHES)
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=_known_here,
        build=lambda coordinator, key: [PolicySwitch(coordinator, NEWER_SWITCHES[key])],
    )
    async_add_per_satellite(
        hass,
        entry,
        async_add_entities,
        lambda coordinator, satellite_id: [
            SatelliteSwitch(coordinator, satellite_id, description) for description in SATELLITE_SWITCHES
        ],
    )


def _known_here(status: Status) -> list[str]:
    return [key for key, one in NEWER_SWITCHES.items() if one.is_on_fn(status.policy) is not None]


class PolicySwitch(EdgeVoiceEntity, SwitchEntity):
    """A permission for the whole home. It is unavailable where the hub, an older one, does not know it."""

    entity_description: EdgeVoiceSwitchDescription[Policy]

    @property
    @override
    def available(self) -> bool:
        return super().available and self.is_on is not None

    @property
    @override
    def is_on(self) -> bool | None:
        """Return what the server holds to."""
        return self.entity_description.is_on_fn(self.status.policy)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Give the permission."""
        await self._change(allowed=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Take it back."""
        await self._change(allowed=False)

    async def _change(self, *, allowed: bool) -> None:
        await self.async_command(self.coordinator.client.change_policy(**{self.entity_description.key: allowed}))


class SatelliteSwitch(SatelliteEntity, SwitchEntity):
    """A permission for one satellite."""

    entity_description: EdgeVoiceSwitchDescription[Satellite]

    @property
    @override
    def is_on(self) -> bool | None:
        """Return what the server holds to."""
        return None if self.satellite is None else self.entity_description.is_on_fn(self.satellite)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Give the permission."""
        await self._change(allowed=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Take it back."""
        await self._change(allowed=False)

    async def _change(self, *, allowed: bool) -> None:
        changes = {self.entity_description.key: allowed}
        await self.async_command(self.coordinator.client.change_satellite(self.satellite_id, **changes))
