"""How fast, how sure, how much and what it cost: figures of the server, of its last turn and of each satellite."""

import abc
from collections.abc import Callable
from datetime import datetime
from typing import Any, override

from homeassistant.components.sensor import SensorEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .coordinator import EdgeVoiceCoordinator
from .entity import EdgeVoiceEntity, SatelliteEntity
from .growing import async_add_as_they_appear, async_add_per_satellite
from .ledger_watch import LedgerWatch
from .protocol import Satellite, Status, Turn
from .protocol_past import Ledger
from .sensor_descriptions import (
    FIRST_RESPONSE,
    SATELLITE_SENSORS,
    SENSORS,
    TURN_SENSORS,
    EdgeVoiceSensorDescription,
    disagreement_row,
    threshold_row,
)
from .sensor_descriptions_past import LEDGER_SENSORS, PAST_SENSORS
from .sensor_descriptions_queue import QUEUE_SENSORS
from .signals import SIGNAL_TEXT_RETURNED
from .turns import newest_turn
from .types import EdgeVoiceConfigEntry

PARALLEL_UPDATES = 0

_MOST_RETURNED = 20
"""Turns whose text has been returned and whose own figures are still on their way."""
_NEWER = {one.key: one for one in (*PAST_SENSORS, *QUEUE_SENSORS)}
"""Those that older hubs do not know."""


async def async_setup_entry(
    hass: HomeAssistant, entry: EdgeVoiceConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the server's sensors now, and those of satellites and languages as it hears of them."""
    coordinator = entry.runtime_data.coordinator
    async_add_entities(StatusSensor(coordinator, description) for description in SENSORS)
    async_add_entities(TurnSensor(coordinator, description) for description in TURN_SENSORS)
    async_add_entities([FirstResponseSensor(coordinator, FIRST_RESPONSE)])
    ledger = entry.runtime_data.ledger
    async_add_entities(LedgerSensor(coordinator, ledger, description) for description in LEDGER_SENSORS)
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=_known_here,
        build=lambda coordinator, key: [StatusSensor(coordinator, _NEWER[key])],
    )
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=lambda status: [(one.language, one.microphone_class) for one in status.thresholds],
        build=lambda coordinator, key: [_threshold_sensor(coordinator, *key)],
    )
    async_add_as_they_appear(
        hass,
        entry,
        async_add_entities,
        named=lambda status: [one.language for one in status.disagreement],
        build=lambda coordinator, language: [_disagreement_sensor(coordinator, language)],
    )
    async_add_per_satellite(
        hass,
        entry,
        async_add_entities,
        lambda coordinator, satellite_id: [
            SatelliteSensor(coordinator, satellite_id, description) for description in SATELLITE_SENSORS
        ],
    )


def _known_here(status: Status) -> list[str]:
    return [key for key, one in _NEWER.items() if one.is_known_fn is None or one.is_known_fn(status)]


class FigureSensor[Subject](SensorEntity):
    """A row of a description, of whatever it is a figure of."""

    entity_description: EdgeVoiceSensorDescription[Subject]
    _unrecorded_attributes = frozenset({"alarms", "by_service", "ends", "reason", "why"})

    @property
    @abc.abstractmethod
    def subject(self) -> Subject | None:
        """Return what it is a figure of; None while there is none."""

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """Return the figure; None while there is nothing to speak of."""
        subject = self.subject
        return None if subject is None else self.entity_description.value_fn(subject)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Return the unit: the server's currency for money."""
        unit, subject = self.entity_description.unit_fn, self.subject
        return super().native_unit_of_measurement if unit is None or subject is None else unit(subject)

    @property
    @override
    def last_reset(self) -> datetime | None:
        """Return since when a total counts."""
        return self.entity_description.since_fn() if self.entity_description.since_fn else None

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Return what explains the figure."""
        explained, subject = self.entity_description.attributes_fn, self.subject
        return None if explained is None or subject is None else explained(subject)


class StatusSensor(FigureSensor[Status], EdgeVoiceEntity):
    """A figure of the server. It is unavailable where the hub, an older one, does not know it."""

    @property
    @override
    def available(self) -> bool:
        is_known = self.entity_description.is_known_fn
        return super().available and (is_known is None or is_known(self.status))

    @property
    @override
    def subject(self) -> Status:
        """Return the last status."""
        return self.status


class PartSensor[Part](FigureSensor[Part], EdgeVoiceEntity):
    """A figure of a part of the status that comes and goes, as languages do."""

    def __init__(
        self,
        coordinator: EdgeVoiceCoordinator,
        description: EdgeVoiceSensorDescription[Part],
        part_fn: Callable[[Status], Part | None],
    ) -> None:
        super().__init__(coordinator, description)
        self._part_fn = part_fn

    @property
    @override
    def subject(self) -> Part | None:
        """Return the part as the last status has it."""
        return self._part_fn(self.status)


class SatelliteSensor(FigureSensor[Satellite], SatelliteEntity):
    """A figure of one satellite."""

    @property
    @override
    def subject(self) -> Satellite | None:
        """Return the satellite as the last status has it."""
        return self.satellite


class TurnSensor(FigureSensor[Turn], EdgeVoiceEntity):
    """A figure of the last turn, from the moment in which it ended."""

    @override
    async def async_added_to_hass(self) -> None:
        """Hear of each turn at once; the next status may be seconds away."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_add_turn_listener(self._heard))

    @callback
    def _heard(self, _: Turn) -> None:
        self.async_write_ha_state()

    @property
    @override
    def subject(self) -> Turn | None:
        """Return the last turn; None before the first."""
        return newest_turn(self.status, self.coordinator.recent_turns)


class LedgerSensor(FigureSensor[Ledger], EdgeVoiceEntity):
    """A figure of what left the home."""

    def __init__(
        self,
        coordinator: EdgeVoiceCoordinator,
        ledger: LedgerWatch,
        description: EdgeVoiceSensorDescription[Ledger],
    ) -> None:
        super().__init__(coordinator, description)
        self._ledger = ledger

    @override
    async def async_added_to_hass(self) -> None:
        """Hear when the ledger was read."""
        await super().async_added_to_hass()
        self.async_on_remove(self._ledger.async_add_listener(self.async_write_ha_state))

    @property
    @override
    def subject(self) -> Ledger | None:
        """Return the ledger as it was last read."""
        return self._ledger.known


class FirstResponseSensor(FigureSensor[float], EdgeVoiceEntity):
    """From the last voiced sample to the text in Home Assistant's hands, of the last turn that a pipeline asked for.

    The server knows when the last word was, the speech-to-text entity when it returned: either may be heard of first.
    """

    _milliseconds: float | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Hear of turns from the server, and of returned texts from the speech-to-text entity."""
        await super().async_added_to_hass()
        self._returned: dict[str, float] = {}
        self.async_on_remove(self.coordinator.async_add_turn_listener(self._heard))
        self.async_on_remove(async_dispatcher_connect(self.hass, SIGNAL_TEXT_RETURNED, self._text_returned))

    @callback
    def _text_returned(self, turn_id: str, milliseconds: float) -> None:
        self._returned[turn_id] = milliseconds
        while len(self._returned) > _MOST_RETURNED:
            del self._returned[next(iter(self._returned))]
        for turn in self.coordinator.recent_turns:
            if turn.turn_id == turn_id:
                self._heard(turn)

    @callback
    def _heard(self, turn: Turn) -> None:
        until_text = (turn.latency_ms or {}).get("last_word_to_text")
        if until_text is None or turn.turn_id not in self._returned:
            return
        self._milliseconds = round(until_text + self._returned.pop(turn.turn_id), 1)
        self.async_write_ha_state()

    @property
    @override
    def subject(self) -> float | None:
        """Return the milliseconds; None before the first turn."""
        return self._milliseconds


def _threshold_sensor(coordinator: EdgeVoiceCoordinator, language: str, microphone_class: str) -> SensorEntity:
    key = (language, microphone_class)
    return PartSensor(
        coordinator,
        threshold_row(language, microphone_class),
        lambda status: next((one for one in status.thresholds if (one.language, one.microphone_class) == key), None),
    )


def _disagreement_sensor(coordinator: EdgeVoiceCoordinator, language: str) -> SensorEntity:
    return PartSensor(
        coordinator,
        disagreement_row(language),
        lambda status: next((one for one in status.disagreement if one.language == language), None),
    )
