"""One event per turn: where it was heard, how sure, how fast and why. Never what was said: events are restored."""

from dataclasses import asdict
from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import EdgeVoiceEntity
from .protocol import Asking, Turn
from .turns import ASKING_CLOUD, TURN_TYPES, turn_attributes, turn_type
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 0

TURN = EventEntityDescription(key="turn", translation_key="turn", event_types=[ASKING_CLOUD, *TURN_TYPES])


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EdgeVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the hub's event."""
    async_add_entities([TurnEvent(entry.runtime_data.coordinator, TURN)])


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
