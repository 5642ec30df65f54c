"""What triggers for happenings at satellites and hubs have in common: which of them are meant."""

from typing import Any, ClassVar, cast, override

import probatio as vol
from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.target import TargetSelection
from homeassistant.helpers.trigger import Trigger, TriggerConfig
from homeassistant.helpers.typing import ConfigType

from .targets import hubs_of, satellites_of

CONF_HOW = "how"
WITHOUT_OPTIONS: dict[vol.Marker, Any] = {}


def schema_of(options: dict[vol.Marker, Any]) -> vol.Schema:
    """Return the schema of a trigger that hears of every satellite, or hub, unless some are named."""
    return vol.Schema(
        {
            vol.Optional(CONF_TARGET): cv.TARGET_FIELDS,
            vol.Required(CONF_OPTIONS, default={}): options,
        }
    )


class HappeningTrigger(Trigger):
    """Something that happened at a satellite or a hub."""

    _schema: ClassVar[vol.Schema] = schema_of(WITHOUT_OPTIONS)

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the configuration, checked."""
        return cast("ConfigType", cls._schema(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take which are meant, and what else must hold."""
        super().__init__(hass, config)
        self._options = config.options or {}
        self._targets = TargetSelection(config.target or {})


class SatelliteTrigger(HappeningTrigger):
    """Something that happened to a satellite, or its turn."""

    def _is_meant(self, satellite: str | None) -> bool:
        meant = satellites_of(self._hass, self._targets)
        return meant is None or satellite in meant


class HubTrigger(HappeningTrigger):
    """Something that happened at a hub."""

    def _is_meant(self, entry_id: str) -> bool:
        meant = hubs_of(self._hass, self._targets)
        return meant is None or entry_id in meant
