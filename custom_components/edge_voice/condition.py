"""What automations may ask: where the last turn went, and how the hub is."""

from collections.abc import Callable
from typing import Unpack, cast, override

import probatio as vol
from homeassistant.const import CONF_OPTIONS, CONF_TARGET, STATE_ON, Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import (
    Condition,
    ConditionCheckParams,
    ConditionConfig,
    EntityStateConditionBase,
)
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.target import TargetSelection
from homeassistant.helpers.typing import ConfigType

from .condition_queue import QUEUE_CONDITIONS
from .const import DOMAIN
from .protocol import Turn
from .signals import SIGNAL_TURN
from .targets import problems_of, satellites_of
from .turns import ROUTES_AWAY
from .types import EdgeVoiceConfigEntry

_BINARY_SENSORS = {Platform.BINARY_SENSOR.value: DomainSpec()}
_ON: set[str | bool] = {STATE_ON}
_SCHEMA = vol.Schema(
    {
        vol.Optional(CONF_TARGET): cv.TARGET_FIELDS,
        vol.Required(CONF_OPTIONS, default={}): {},
    }
)


class RouteWasCloudCondition(Condition):
    """Whether a speech service answered the last turn, of some satellites or of all."""

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the configuration, checked."""
        return cast("ConfigType", _SCHEMA(config))

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take which satellites are meant."""
        super().__init__(hass, config)
        self._targets = TargetSelection(config.target or {})

    @property
    @override
    def needs_polling(self) -> bool:
        """Only a turn changes it."""
        return False

    @override
    async def _async_track_changes(self, action: Callable[[], None]) -> CALLBACK_TYPE:
        @callback
        def heard(_: str, __: Turn) -> None:
            action()

        return async_dispatcher_connect(self._hass, SIGNAL_TURN, heard)

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        meant = satellites_of(self._hass, self._targets)
        turns = [turn for turn in _turns(self._hass) if meant is None or turn.satellite in meant]
        return bool(turns) and max(turns, key=lambda turn: turn.at).route in ROUTES_AWAY


def _turns(hass: HomeAssistant) -> list[Turn]:
    """Return what was heard of every hub's turns; after a restart of Home Assistant, the last one of each."""
    entries: list[EdgeVoiceConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    coordinators = [entry.runtime_data.coordinator for entry in entries]
    remembered = [one.data.last_turn for one in coordinators if one.data.last_turn is not None]
    return [turn for one in coordinators for turn in one.recent_turns] + remembered


def _problem_condition(key: str) -> type[Condition]:
    """Return the condition that one of the hub's binary sensors is on."""

    class ProblemCondition(EntityStateConditionBase):
        """A problem of a hub."""

        _domain_specs = _BINARY_SENSORS
        _primary_entities_only = False  # the sensors are diagnostic ones
        _states = _ON

        @property
        @override
        def needs_polling(self) -> bool:
            """A hub may be named by an entity whose changes are not those of its problem."""
            return True

        @override
        def entity_filter(self, entities: set[str]) -> set[str]:
            """Return the sensors of this problem of the hubs that the target names, by whatever of theirs."""
            return problems_of(self._hass, entities, key)

    return ProblemCondition


CONDITIONS: dict[str, type[Condition]] = QUEUE_CONDITIONS | {
    "is_degraded": _problem_condition("degraded"),
    "is_drifting": _problem_condition("drift"),
    "is_over_budget": _problem_condition("over_budget"),
    "is_straining": _problem_condition("straining"),
    "route_was_cloud": RouteWasCloudCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions of this integration."""
    return CONDITIONS
