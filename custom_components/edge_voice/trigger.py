"""What automations start from: turns, bundles that move, drift, months, and a hub that has a problem."""

from dataclasses import asdict
from typing import Any, override

import probatio as vol
from homeassistant.const import STATE_ON, Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.trigger import (
    EntityTargetStateTriggerBase,
    Trigger,
    TriggerActionRunner,
    TriggerNotTriggeredReporter,
)

from .bundle_events import BUNDLE_EVENTS, ROLLED_BACK, bundle_attributes
from .entity_bundle import KINDS
from .past_events import ALARM, DRIFT_METRICS, drift_attributes, month_attributes
from .protocol import Asking, MonthOver, Turn
from .protocol_bundles import BundleMoved
from .protocol_past import DriftMoved
from .signals import SIGNAL_ASKING, SIGNAL_BUNDLE, SIGNAL_DRIFT, SIGNAL_MONTH, SIGNAL_TURN
from .targets import problems_of
from .trigger_bases import CONF_HOW, WITHOUT_OPTIONS, HubTrigger, SatelliteTrigger, schema_of
from .trigger_queue import QUEUE_TRIGGERS
from .turns import ASKED_TO_TYPE, ESCALATED, TURN_TYPES, turn_attributes, turn_type

CONF_METRIC = "metric"
CONF_MODEL = "model"
CONF_RISK_ABOVE = "risk_above"

_BINARY_SENSORS = {Platform.BINARY_SENSOR.value: DomainSpec()}
_ON = {STATE_ON}
_TURN_OPTIONS: dict[vol.Marker, Any] = {
    vol.Optional(CONF_HOW): vol.All(cv.ensure_list, [vol.In(TURN_TYPES)]),
    vol.Optional(CONF_RISK_ABOVE): vol.All(vol.Coerce(float), vol.Range(0, 100)),
}
_BUNDLE_OPTIONS: dict[vol.Marker, Any] = {
    vol.Optional(CONF_MODEL): vol.All(cv.ensure_list, [vol.In(KINDS)]),
}
_MOVED_OPTIONS: dict[vol.Marker, Any] = _BUNDLE_OPTIONS | {
    vol.Optional(CONF_HOW): vol.All(cv.ensure_list, [vol.In(BUNDLE_EVENTS)]),
}
_DRIFT_OPTIONS: dict[vol.Marker, Any] = {
    vol.Optional(CONF_METRIC): vol.All(cv.ensure_list, [vol.In(DRIFT_METRICS)]),
}


class TurnEndedTrigger(SatelliteTrigger):
    """A turn has ended, in one of these ways, with more than this risk."""

    _schema = schema_of(_TURN_OPTIONS)

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Run the action at each turn that is meant; reloads of the entry do not detach it."""

        @callback
        def heard(_: str, turn: Turn) -> None:
            if self._is_meant(turn.satellite) and self._matches(turn):
                told = turn_attributes(turn) | {"how": turn_type(turn)}
                run_action({"turn": told}, f"turn of {turn.satellite or 'an unnamed satellite'}")

        return async_dispatcher_connect(self._hass, SIGNAL_TURN, heard)

    def _matches(self, turn: Turn) -> bool:
        how, least = self._options.get(CONF_HOW), self._options.get(CONF_RISK_ABOVE)
        if how and turn_type(turn) not in how:
            return False
        return least is None or (turn.risk is not None and 100.0 * turn.risk > least)


class EscalatedTrigger(TurnEndedTrigger):
    """A speech service has answered instead of the hub."""

    _schema = schema_of(WITHOUT_OPTIONS)

    @override
    def _matches(self, turn: Turn) -> bool:
        return turn_type(turn) == ESCALATED


class TextWantedTrigger(TurnEndedTrigger):
    """A satellite cannot hear well enough: whoever spoke is asked to type instead."""

    _schema = schema_of(WITHOUT_OPTIONS)

    @override
    def _matches(self, turn: Turn) -> bool:
        return turn_type(turn) == ASKED_TO_TYPE


class AskingCloudTrigger(SatelliteTrigger):
    """A turn has just been sent to a speech service."""

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Run the action when a satellite's speech leaves the hub; reloads of the entry do not detach it."""

        @callback
        def asking(_: str, asked: Asking) -> None:
            if self._is_meant(asked.satellite):
                run_action({"asking": asdict(asked)}, f"asking {asked.lane}")

        return async_dispatcher_connect(self._hass, SIGNAL_ASKING, asking)


class BundleMovedTrigger(HubTrigger):
    """A model of a hub has come, gone on, or gone."""

    _schema = schema_of(_MOVED_OPTIONS)

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Run the action at each move that is meant; reloads of the entry do not detach it."""

        @callback
        def moved(entry_id: str, bundle: BundleMoved) -> None:
            if self._is_meant(entry_id) and self._matches(bundle):
                told = bundle_attributes(bundle) | {"how": bundle.event}
                run_action({"bundle": told}, f"{bundle.label or 'the repository'} {bundle.event}")

        return async_dispatcher_connect(self._hass, SIGNAL_BUNDLE, moved)

    def _matches(self, bundle: BundleMoved) -> bool:
        how, kinds = self._options.get(CONF_HOW), self._options.get(CONF_MODEL)
        return (not how or bundle.event in how) and (not kinds or bundle.kind in kinds)


class BundleRolledBackTrigger(BundleMovedTrigger):
    """A model was worse than the one before, which answers again."""

    _schema = schema_of(_BUNDLE_OPTIONS)

    @override
    def _matches(self, bundle: BundleMoved) -> bool:
        return bundle.event == ROLLED_BACK and super()._matches(bundle)


class DriftedTrigger(HubTrigger):
    """A figure of a hub has become worse."""

    _schema = schema_of(_DRIFT_OPTIONS)

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Run the action at each alarm that is meant; reloads of the entry do not detach it."""

        @callback
        def moved(entry_id: str, drift: DriftMoved) -> None:
            if self._is_meant(entry_id) and self._matches(drift):
                told = drift_attributes(drift)
                run_action({"drift": told}, f"drift of {told['metric']} in {told['language']}")

        return async_dispatcher_connect(self._hass, SIGNAL_DRIFT, moved)

    def _matches(self, drift: DriftMoved) -> bool:
        metrics = self._options.get(CONF_METRIC)
        return drift.event == ALARM and drift.alarm is not None and (not metrics or drift.alarm.metric in metrics)


class ScorecardReadyTrigger(HubTrigger):
    """A hub has made the scorecard of a month."""

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Run the action when a month is over; reloads of the entry do not detach it."""

        @callback
        def ready(entry_id: str, over: MonthOver) -> None:
            if self._is_meant(entry_id):
                run_action({"scorecard": month_attributes(over)}, f"scorecard of {over.scorecard.month}")

        return async_dispatcher_connect(self._hass, SIGNAL_MONTH, ready)


def _problem_trigger(key: str) -> type[Trigger]:
    """Return the trigger for one of the hub's binary sensors turning on."""

    class ProblemTrigger(EntityTargetStateTriggerBase):
        """A problem of a hub has begun."""

        _domain_specs = _BINARY_SENSORS
        _primary_entities_only = False  # the sensors are diagnostic ones
        _to_states = _ON

        @override
        def entity_filter(self, entities: set[str]) -> set[str]:
            """Return the sensors of this problem of the hubs that the target names, by whatever of theirs."""
            return problems_of(self._hass, entities, key)

    return ProblemTrigger


TRIGGERS: dict[str, type[Trigger]] = QUEUE_TRIGGERS | {
    "asking_cloud": AskingCloudTrigger,
    "bundle_moved": BundleMovedTrigger,
    "bundle_rolled_back": BundleRolledBackTrigger,
    "degraded": _problem_trigger("degraded"),
    "drifted": DriftedTrigger,
    "escalated": EscalatedTrigger,
    "over_budget": _problem_trigger("over_budget"),
    "scorecard_ready": ScorecardReadyTrigger,
    "straining": _problem_trigger("straining"),
    "text_wanted": TextWantedTrigger,
    "turn_ended": TurnEndedTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers of this integration."""
    return TRIGGERS
