"""Taking back: what was kept and learned, what is known of a satellite, a baseline, and a model that is worse."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .client import EdgeVoiceClient
from .entity import EdgeVoiceEntity, SatelliteEntity
from .entity_bundle import KINDS, BundleEntity, bundle_kinds
from .entity_past import OF_TURNS, keeps_records
from .growing import async_add_as_they_appear, async_add_per_satellite, satellites_with_names
from .protocol import Status
from .queue_events import keeps_requests
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class EdgeVoiceButtonDescription(ButtonEntityDescription):
    """Something that the server does once."""

    press_fn: Callable[[EdgeVoiceClient], Coroutine[Any, Any, object]]
    is_possible_fn: Callable[[Status], bool] | None = None
    """Whether there is something to press it for; None: always."""


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


def _may_drop(status: Status) -> bool:
    """Whether a request waits that is not being done."""
    queue = status.queue
    return queue is not None and queue.waiting + queue.ready + queue.needs_you > 0


_ERASED = {"erase_recordings": ("recordings",), "erase_texts": ("transcripts", "corrections"), "erase_turns": OF_TURNS}


PAST_BUTTONS: tuple[EdgeVoiceButtonDescription, ...] = (
    *(
        EdgeVoiceButtonDescription(
            key=key,
            translation_key=key,
            entity_category=EntityCategory.CONFIG,
            entity_registry_enabled_default=False,
            press_fn=partial(EdgeVoiceClient.purge, what=what),
            is_possible_fn=keeps_records,
        )
        for key, what in _ERASED.items()
    ),
    EdgeVoiceButtonDescription(
        key="stop_baseline",
        translation_key="stop_baseline",
        entity_category=EntityCategory.CONFIG,
        press_fn=lambda client: client.past.end_baseline(),
        is_possible_fn=lambda status: status.baseline is not None,
    ),
)
"""Those of hubs that keep records."""

QUEUE_BUTTONS: tuple[EdgeVoiceButtonDescription, ...] = (
    EdgeVoiceButtonDescription(
        key="flush_requests",
        translation_key="flush_requests",
        press_fn=lambda client: client.queue.flush(),
        is_possible_fn=lambda status: status.queue is not None and status.queue.waiting > 0,
    ),
    EdgeVoiceButtonDescription(
        key="drop_requests",
        translation_key="drop_requests",
        entity_category=EntityCategory.CONFIG,
        press_fn=lambda client: client.queue.drop(),
        is_possible_fn=_may_drop,
    ),
)
"""Those of hubs that keep requests for later."""

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

ERASE_SATELLITE = SatelliteButtonDescription(
    key="erase_satellite",
    translation_key="erase_satellite",
    entity_category=EntityCategory.CONFIG,
    entity_registry_enabled_default=False,
    press_fn=lambda client, satellite_id: client.purge(OF_TURNS, satellite_id),
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
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=lambda status: ["past"] if keeps_records(status) else [],
        build=lambda coordinator, _: [ServerButton(coordinator, description) for description in PAST_BUTTONS],
    )
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=lambda status: ["queue"] if keeps_requests(status) else [],
        build=lambda coordinator, _: [ServerButton(coordinator, description) for description in QUEUE_BUTTONS],
    )
    async_add_per_satellite(
        hass,
        entry,
        async_add_entities,
        lambda coordinator, satellite_id: [
            SatelliteButton(coordinator, satellite_id, description) for description in SATELLITE_BUTTONS
        ],
    )
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=lambda status: satellites_with_names(status) if keeps_records(status) else [],
        build=lambda coordinator, satellite_id: [EraseButton(coordinator, satellite_id, ERASE_SATELLITE)],
    )


class ServerButton(EdgeVoiceEntity, ButtonEntity):
    """Something that the server does once. It is unavailable while there is nothing to do it for."""

    entity_description: EdgeVoiceButtonDescription

    @property
    @override
    def available(self) -> bool:
        is_possible = self.entity_description.is_possible_fn
        return super().available and (is_possible is None or is_possible(self.status))

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


class EraseButton(SatelliteButton):
    """Erases what a satellite heard, with what of it waits."""

    @override
    async def async_press(self) -> None:
        """Let it be done; an older hub knows of no requests that wait."""
        what = (*OF_TURNS, "queue") if keeps_requests(self.status) else OF_TURNS
        await self.async_command(self.coordinator.client.purge(what, self.satellite_id))


class RollBackButton(BundleEntity, ButtonEntity):
    """Returns to the model before; the one that is left is not tried again."""

    @override
    async def async_press(self) -> None:
        """Let it be done, between two turns. Where nothing was before, the hub says so."""
        await self.async_command(self.coordinator.client.roll_back_bundle(self.kind_name))
