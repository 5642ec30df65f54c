"""Taking back: what the server learned, what it knows of a satellite, and a model that is worse than the one before."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client import EdgeVoiceClient
from .entity import EdgeVoiceEntity, SatelliteEntity
from .entity_bundle import KINDS, BundleEntity, bundle_kinds
from .growing import async_add_as_they_appear, async_add_per_satellite
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class EdgeVoiceButtonDescription(ButtonEntityDescription):
    """Something that the server does once."""

    press_fn: Callable[[EdgeVoiceClient], Coroutine[Any, Any, object]]


@dataclass(frozen=True, kw_only=True)
class SatelliteButtonDescription(ButtonEntityDescription):
    """Something that the server does once for a satellite."""

    press_fn: Callable[[EdgeVoiceClient, str], Coroutine[Any, Any, object]]


BUTTONS: tuple[EdgeVoiceButtonDescription, ...] = (
    EdgeVoiceButtonDescription(
        key="forget_learned",
        translation_key="forget_learned",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        press_fn=lambda client: client.purge(["learned"]),
    ),
    EdgeVoiceButtonDescription(
        key="reset_policy",
        translation_key="reset_policy",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        press_fn=lambda client: client.reset_policy(),
    ),
)

SATELLITE_BUTTONS: tuple[SatelliteButtonDescription, ...] = (
    SatelliteButtonDescription(
        key="use_home_wake_threshold",
        translation_key="use_home_wake_threshold",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        press_fn=lambda client, satellite_id: client.change_satellite(satellite_id, wake_threshold=None),
    ),
    SatelliteButtonDescription(
        key="forget_satellite",
        translation_key="forget_satellite",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        press_fn=lambda client, satellite_id: client.forget_satellite(satellite_id),
    ),
)

BUNDLE_BUTTONS: dict[str, ButtonEntityDescription] = {
    kind: ButtonEntityDescription(
        key=f"roll_back_{kind}", translation_key=f"roll_back_{kind}", entity_category=EntityCategory.CONFIG
    )
    for kind in KINDS
}


async def async_setup_entry(
    hass: HomeAssistant, entry: EdgeVoiceConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the server's, and those of satellites as it hears of them."""
    async_add_entities(ServerButton(entry.runtime_data.coordinator, description) for description in BUTTONS)
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=bundle_kinds,
        build=lambda coordinator, kind: [RollBackButton(coordinator, kind, BUNDLE_BUTTONS[kind])],
    )
    async_add_per_satellite(
        hass,
        entry,
        async_add_entities,
        lambda coordinator, satellite_id: [
            SatelliteButton(coordinator, satellite_id, description) for description in SATELLITE_BUTTONS
        ],
    )


class ServerButton(EdgeVoiceEntity, ButtonEntity):
    """Something that the server does once."""

    entity_description: EdgeVoiceButtonDescription

    @override
    async def async_press(self) -> None:
        """Let it be done."""
        await self.async_command(self.entity_description.press_fn(self.coordinator.client))


class SatelliteButton(SatelliteEntity, ButtonEntity):
    """Something that the server does once for a satellite."""

    entity_description: SatelliteButtonDescription

    @override
    async def async_press(self) -> None:
        """Let it be done."""
        await self.async_command(self.entity_description.press_fn(self.coordinator.client, self.satellite_id))


class RollBackButton(BundleEntity, ButtonEntity):
    """Returns to the model before; the one that is left is not tried again."""

    @override
    async def async_press(self) -> None:
        """Let it be done, between two turns. Where nothing was before, the hub says so."""
        await self.async_command(self.coordinator.client.roll_back_bundle(self.kind_name))
