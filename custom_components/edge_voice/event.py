"""What happens: a turn (how sure, how fast and why; never its text: events are restored), a bundle, drift, a month."""

from dataclasses import asdict
from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bundle_events import BUNDLE_EVENTS, bundle_attributes
from .entity import EdgeVoiceEntity
from .entity_bundle import knows_bundles
from .entity_past import keeps_records
from .growing import async_add_as_they_appear
from .past_events import DRIFT_EVENTS, READY, drift_attributes, month_attributes
from .protocol import Asking, MonthOver, Turn
from .protocol_bundles import BundleMoved
from .protocol_past import DriftMoved
from .protocol_queue import QueueMoved
from .queue_events import QUEUE_EVENTS, keeps_requests, moved_attributes
from .turns import ASKING_CLOUD, TURN_TYPES, turn_attributes, turn_type
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 0

TURN = EventEntityDescription(key="turn", translation_key="turn", event_types=[ASKING_CLOUD, *TURN_TYPES])
BUNDLE = EventEntityDescription(
    key="bundle",
    translation_key="bundle",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=[*BUNDLE_EVENTS],
)
DRIFT = EventEntityDescription(
    key="drift",
    translation_key="drift",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=[*DRIFT_EVENTS],
)
SCORECARD = EventEntityDescription(
    key="scorecard",
    translation_key="scorecard",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=[READY],
)
WAITING_REQUEST = EventEntityDescription(
    key="waiting_request", translation_key="waiting_request", event_types=[*QUEUE_EVENTS]
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EdgeVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the hub's events."""
    async_add_entities([TurnEvent(entry.runtime_data.coordinator, TURN)])
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=knows_bundles,
        build=lambda coordinator, _: [BundleEvent(coordinator, BUNDLE)],
    )
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=lambda status: ["past"] if keeps_records(status) else [],
        build=lambda coordinator, _: [DriftEvent(coordinator, DRIFT), MonthEvent(coordinator, SCORECARD)],
    )
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=lambda status: ["queue"] if keeps_requests(status) else [],
        build=lambda coordinator, _: [QueueEvent(coordinator, WAITING_REQUEST)],
    )


class TurnEvent(EdgeVoiceEntity, EventEntity):
    """Fires when a turn has ended, and while a speech service is being asked."""

    _unrecorded_attributes = frozenset({"latency_ms", "lanes", "points", "quality", "reason", "rules", "why"})

    @override
    async def async_added_to_hass(self) -> None:
        """Hear of the server's turns."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_add_turn_listener(self._heard))
        self.async_on_remove(self.coordinator.async_add_asking_listener(self._asking))

    @callback
    def _heard(self, turn: Turn) -> None:
        self._trigger_event(turn_type(turn), turn_attributes(turn))
        self.async_write_ha_state()

    @callback
    def _asking(self, asked: Asking) -> None:
        self._trigger_event(ASKING_CLOUD, asdict(asked))
        self.async_write_ha_state()


class BundleEvent(EdgeVoiceEntity, EventEntity):
    """Fires when a model comes, goes on, or goes."""

    _unrecorded_attributes = frozenset({"evidence", "message"})

    @override
    async def async_added_to_hass(self) -> None:
        """Hear of the server's bundles."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_add_bundle_listener(self._moved))

    @property
    @override
    def available(self) -> bool:
        return super().available and self.status.bundles is not None

    @callback
    def _moved(self, moved: BundleMoved) -> None:
        if moved.event in BUNDLE_EVENTS:  # a newer hub may know more
            self._trigger_event(moved.event, bundle_attributes(moved))
            self.async_write_ha_state()


class QueueEvent(EdgeVoiceEntity, EventEntity):
    """Fires when a request that waits has moved. Its attributes never say what was said."""

    _unrecorded_attributes = frozenset({"reason"})

    @override
    async def async_added_to_hass(self) -> None:
        """Hear of the server's requests."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_add_queue_listener(self._moved))

    @property
    @override
    def available(self) -> bool:
        return super().available and keeps_requests(self.status)

    @callback
    def _moved(self, moved: QueueMoved) -> None:
        if moved.event in QUEUE_EVENTS:  # a newer hub may know more
            self._trigger_event(moved.event, moved_attributes(moved))
            self.async_write_ha_state()


class PastEvent(EdgeVoiceEntity, EventEntity):
    """Of hubs that keep records; of others it is unavailable."""

    _unrecorded_attributes = frozenset({"message"})

    @property
    @override
    def available(self) -> bool:
        return super().available and keeps_records(self.status)


class DriftEvent(PastEvent):
    """Fires when a figure has become worse, or is as before again."""

    @override
    async def async_added_to_hass(self) -> None:
        """Hear of the server's alarms."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_add_drift_listener(self._moved))

    @callback
    def _moved(self, moved: DriftMoved) -> None:
        if moved.event in DRIFT_EVENTS:  # a newer hub may know more
            self._trigger_event(moved.event, drift_attributes(moved))
            self.async_write_ha_state()


class MonthEvent(PastEvent):
    """Fires when a month's scorecard is there."""

    @override
    async def async_added_to_hass(self) -> None:
        """Hear of the server's scorecards."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_add_month_listener(self._over))

    @callback
    def _over(self, over: MonthOver) -> None:
        self._trigger_event(READY, month_attributes(over))
        self.async_write_ha_state()
