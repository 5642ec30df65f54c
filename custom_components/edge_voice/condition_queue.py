"""What automations may ask of hubs and satellites, besides their problems: how they are, and whether requests wait."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Unpack, cast, override

import probatio as vol
from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import Condition, ConditionCheckParams, ConditionConfig
from homeassistant.helpers.target import TargetSelection
from homeassistant.helpers.typing import ConfigType

from .const import DOMAIN
from .protocol import Status
from .sensor_descriptions import MODES, SATELLITE_STATES
from .targets import hubs_of, satellites_of
from .types import EdgeVoiceConfigEntry

CONF_MODE = "mode"
CONF_STATE = "state"


def _schema(options: dict[vol.Marker, Any]) -> vol.Schema:
    return vol.Schema(
        {
            vol.Optional(CONF_TARGET): cv.TARGET_FIELDS,
            vol.Required(CONF_OPTIONS, default={}): options,
        }
    )


class _StatusCondition(Condition):
    """Whether something holds of a hub that is listened to."""

    _schema: ClassVar[vol.Schema] = _schema({})

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the configuration, checked."""
        return cast("ConfigType", cls._schema(config))

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take which are meant, and what must hold."""
        super().__init__(hass, config)
        self._options = config.options or {}
        self._targets = TargetSelection(config.target or {})

    @property
    @override
    def needs_polling(self) -> bool:
        """Whatever changes a status may change it, and hubs come and go."""
        return True

    @override
    async def _async_track_changes(self, action: Callable[[], None]) -> CALLBACK_TYPE:
        return lambda: None

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        return any(self._holds(status) for status in self._statuses())

    @abstractmethod
    def _holds(self, status: Status) -> bool:
        """Tell whether it holds of a hub."""

    def _statuses(self) -> Iterator[Status]:
        """Yield what is known of each hub that is meant and listened to."""
        meant = self._hubs()
        entries: list[EdgeVoiceConfigEntry] = self._hass.config_entries.async_loaded_entries(DOMAIN)
        for entry in entries:
            if (meant is None or entry.entry_id in meant) and entry.runtime_data.coordinator.connected:
                yield entry.runtime_data.coordinator.data

    def _hubs(self) -> set[str] | None:
        """Return the entries of the hubs that are meant; None for all."""
        return hubs_of(self._hass, self._targets)


class ModeIsCondition(_StatusCondition):
    """A hub is in one of these modes."""

    _schema = _schema({vol.Required(CONF_MODE): vol.All(cv.ensure_list, [vol.In(MODES)])})

    @override
    def _holds(self, status: Status) -> bool:
        return status.mode in self._options[CONF_MODE]


class RequestsWaitCondition(_StatusCondition):
    """Requests wait for a speech service, or to be done."""

    @override
    def _holds(self, status: Status) -> bool:
        return status.queue is not None and status.queue.waiting + status.queue.ready + status.queue.started > 0


class RequestsNeedYouCondition(_StatusCondition):
    """Requests wait for their owner's word."""

    @override
    def _holds(self, status: Status) -> bool:
        return status.queue is not None and status.queue.needs_you > 0


class MicrophoneIsCondition(_StatusCondition):
    """A satellite hears as well as this: any of those that are meant."""

    _schema = _schema({vol.Required(CONF_STATE): vol.All(cv.ensure_list, [vol.In(SATELLITE_STATES)])})

    @override
    def _hubs(self) -> None:
        return None

    @override
    def _holds(self, status: Status) -> bool:
        meant, states = satellites_of(self._hass, self._targets), self._options[CONF_STATE]
        return any(one.state in states for one in status.satellites if meant is None or one.id in meant)


QUEUE_CONDITIONS: dict[str, type[Condition]] = {
    "microphone_is": MicrophoneIsCondition,
    "mode_is": ModeIsCondition,
    "requests_need_you": RequestsNeedYouCondition,
    "requests_wait": RequestsWaitCondition,
}
