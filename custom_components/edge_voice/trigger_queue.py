"""What automations start from: requests that wait or were done, and hubs and satellites that are not as before."""

from typing import Any, ClassVar, override

import probatio as vol
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.trigger import Trigger, TriggerActionRunner, TriggerNotTriggeredReporter

from .protocol import Satellite, Status
from .protocol_queue import NEEDS_YOU, QueueMoved, WaitingRequest
from .queue_events import KEPT, KINDS, request_attributes
from .queue_stages import Finished, Stage
from .queue_words import message_of
from .sensor_descriptions import MODES, SATELLITE_STATES, moment
from .signals import SIGNAL_FINISHED, SIGNAL_MODE, SIGNAL_QUEUE, SIGNAL_SATELLITE
from .trigger_bases import CONF_HOW, HubTrigger, SatelliteTrigger, schema_of

CONF_KIND = "kind"
CONF_MODE = "mode"
CONF_STATE = "state"
_KIND_OPTIONS: dict[vol.Marker, Any] = {vol.Optional(CONF_KIND): vol.All(cv.ensure_list, [vol.In(KINDS)])}
_NEEDS_YOU_OPTIONS: dict[vol.Marker, Any] = _KIND_OPTIONS | {
    vol.Optional(CONF_HOW): vol.All(cv.ensure_list, [vol.In(sorted(NEEDS_YOU))])
}
_MODE_OPTIONS: dict[vol.Marker, Any] = {vol.Optional(CONF_MODE): vol.All(cv.ensure_list, [vol.In(MODES)])}
_STATE_OPTIONS: dict[vol.Marker, Any] = {vol.Optional(CONF_STATE): vol.All(cv.ensure_list, [vol.In(SATELLITE_STATES)])}


class RequestTrigger(HubTrigger):
    """A request that waits has moved."""

    _schema = schema_of(_KIND_OPTIONS)
    _events: ClassVar[frozenset[str]]

    def _matches(self, request: WaitingRequest) -> bool:
        kinds = self._options.get(CONF_KIND)
        return not kinds or request.kind in kinds

    def _is_wanted(self, event: str) -> bool:
        return event in self._events

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Run the action at each move that is meant; reloads of the entry do not detach it."""

        @callback
        def moved(entry_id: str, queue: QueueMoved) -> None:
            request = queue.request
            if self._is_meant(entry_id) and self._is_wanted(queue.event) and self._matches(request):
                told: dict[str, Any] = {"request": request_attributes(request) | {"event": queue.event}}
                if queue.event in NEEDS_YOU:
                    told["message"] = message_of(request.language, "", is_done=False)
                run_action(told, f"request {request.number} {queue.event}")

        return async_dispatcher_connect(self._hass, SIGNAL_QUEUE, moved)


class RequestKeptTrigger(RequestTrigger):
    """A request waits from now on until a speech service can be reached."""

    _events = frozenset({KEPT})


class RequestNeedsYouTrigger(RequestTrigger):
    """A request was not done, or may have been: its owner says what becomes of it."""

    _schema = schema_of(_NEEDS_YOU_OPTIONS)
    _events = NEEDS_YOU

    @override
    def _is_wanted(self, event: str) -> bool:
        how = self._options.get(CONF_HOW)
        return super()._is_wanted(event) and (not how or event in how)


class RequestDoneTrigger(RequestTrigger):
    """A request that waited was done here. What the agent answered is told to this automation only."""

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Run the action once for each; reloads of the entry do not detach it."""

        @callback
        def finished(entry_id: str, one: Finished) -> None:
            request = one.request
            if one.ended is Stage.DONE and self._is_meant(entry_id) and self._matches(request):
                told = {
                    "request": request_attributes(request) | {"event": one.ended.value},
                    "answer": one.answer,
                    "message": message_of(request.language, one.answer, is_done=True),
                }
                run_action(told, f"request {request.number} done")

        return async_dispatcher_connect(self._hass, SIGNAL_FINISHED, finished)


class ModeChangedTrigger(HubTrigger):
    """A hub works otherwise than before."""

    _schema = schema_of(_MODE_OPTIONS)

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Run the action when a mode that is meant was entered; reloads of the entry do not detach it."""

        @callback
        def changed(entry_id: str, status: Status, before: str) -> None:
            modes = self._options.get(CONF_MODE)
            if self._is_meant(entry_id) and (not modes or status.mode in modes):
                told = {
                    "mode": status.mode,
                    "from": before,
                    "reason": status.mode_reason,
                    "since": moment(status.mode_since),
                    "ends": status.mode_ends,
                }
                run_action({"mode": told}, f"mode {status.mode}")

        return async_dispatcher_connect(self._hass, SIGNAL_MODE, changed)


class SatelliteChangedTrigger(SatelliteTrigger):
    """A satellite hears better or worse than before."""

    _schema = schema_of(_STATE_OPTIONS)

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Run the action when a state that is meant was entered; reloads of the entry do not detach it."""

        @callback
        def changed(_: str, satellite: Satellite, before: str) -> None:
            states = self._options.get(CONF_STATE)
            if self._is_meant(satellite.id) and (not states or satellite.state in states):
                told = {
                    "satellite": satellite.id,
                    "state": satellite.state,
                    "from": before,
                    "reason": satellite.reason,
                    "since": moment(satellite.since),
                    "ends": satellite.ends,
                    "snr_db": satellite.evidence.snr_db,
                    "clipping": satellite.evidence.clipping,
                }
                run_action({"satellite": told}, f"{satellite.id} is {satellite.state}")

        return async_dispatcher_connect(self._hass, SIGNAL_SATELLITE, changed)


QUEUE_TRIGGERS: dict[str, type[Trigger]] = {
    "mode_changed": ModeChangedTrigger,
    "request_done": RequestDoneTrigger,
    "request_kept": RequestKeptTrigger,
    "request_needs_you": RequestNeedsYouTrigger,
    "satellite_changed": SatelliteChangedTrigger,
}
