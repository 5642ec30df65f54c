"""Every figure that a sensor shows, one row each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription, SensorStateClass
from homeassistant.const import (
    PERCENTAGE,
    SIGNAL_STRENGTH_DECIBELS,
    EntityCategory,
    UnitOfInformation,
    UnitOfTime,
)
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .protocol import Disagreement, Satellite, Status, Threshold, Turn


@dataclass(frozen=True, kw_only=True)
class EdgeVoiceSensorDescription[Subject](SensorEntityDescription):
    """A figure of a status, a turn, or a satellite."""

    value_fn: Callable[[Subject], StateType | datetime]
    attributes_fn: Callable[[Subject], dict[str, Any]] | None = None
    unit_fn: Callable[[Subject], str] | None = None
    """Where the server knows the unit: its currency."""
    since_fn: Callable[[], datetime] | None = None
    """Since when a total counts."""
    is_known_fn: Callable[[Subject], bool] | None = None
    """Whether the hub speaks of it at all; None: every hub does."""


DIAGNOSTIC: Mapping[str, Any] = {"entity_category": EntityCategory.DIAGNOSTIC}
RARELY_LOOKED_AT: Mapping[str, Any] = {**DIAGNOSTIC, "entity_registry_enabled_default": False}


def percent(rate: float | None) -> float | None:
    """Return a rate of 0 to 1 as people read it."""
    return None if rate is None else round(100.0 * rate, 2)


def moment(at: datetime | None) -> str | None:
    """Return a time as attributes have it."""
    return None if at is None else at.isoformat()


def _month_began() -> datetime:
    return dt_util.start_of_local_day().replace(day=1)


def share[Subject](
    key: str, value_fn: Callable[[Subject], StateType], **more: Any
) -> EdgeVoiceSensorDescription[Subject]:
    """Return the row of a share, in percent."""
    return EdgeVoiceSensorDescription(
        key=key,
        native_unit_of_measurement=PERCENTAGE,
        suggested_display_precision=1,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=value_fn,
        **({"translation_key": key} | more),
    )


def _milliseconds[Subject](
    key: str, value_fn: Callable[[Subject], StateType], **more: Any
) -> EdgeVoiceSensorDescription[Subject]:
    return EdgeVoiceSensorDescription(
        key=key,
        translation_key=key,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        suggested_display_precision=0,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=value_fn,
        **more,
    )


def _count[Subject](
    key: str, value_fn: Callable[[Subject], StateType], **more: Any
) -> EdgeVoiceSensorDescription[Subject]:
    """Return a count since the server's start: a smaller one is a new beginning."""
    return EdgeVoiceSensorDescription(
        key=key, translation_key=key, state_class=SensorStateClass.TOTAL_INCREASING, value_fn=value_fn, **more
    )


def _seconds_sent(key: str, value_fn: Callable[[Status], StateType]) -> EdgeVoiceSensorDescription[Status]:
    return EdgeVoiceSensorDescription(
        key=key,
        translation_key=key,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_display_precision=0,
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=value_fn,
    )


def _recent(key: str, value_fn: Callable[[Satellite], StateType]) -> EdgeVoiceSensorDescription[Satellite]:
    """Return a count among a satellite's last turns, which goes up and down."""
    return EdgeVoiceSensorDescription(
        key=key,
        translation_key=key,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=value_fn,
        **RARELY_LOOKED_AT,
    )


def _stage(stage: str) -> EdgeVoiceSensorDescription[Status]:
    return _milliseconds(
        f"stage_{stage}_p95", lambda status: status.figures.stages_p95_ms.get(stage), **RARELY_LOOKED_AT
    )


MODES = ["normal", "edge_only", "starter", "shedding", "cloud_only", "unavailable"]
_MODEL_STATES = ["measuring", "waiting", "fetching", "loading", "ready", "failed"]
_ROUTES = ["edge", "cloud", "client"]
SATELLITE_STATES = ["good", "noisy", "text_only"]
STAGES = ("capture", "inference", "hold", "post", "cloud", "transport")

SENSORS: tuple[EdgeVoiceSensorDescription[Status], ...] = (
    EdgeVoiceSensorDescription(
        key="mode",
        translation_key="mode",
        device_class=SensorDeviceClass.ENUM,
        options=MODES,
        value_fn=lambda status: one_of(MODES, status.mode),
        attributes_fn=lambda status: {
            "reason": status.mode_reason,
            "since": moment(status.mode_since),
            "ends": status.mode_ends,
        },
    ),
    EdgeVoiceSensorDescription(
        key="model",
        translation_key="model",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda status: status.model.name,
        attributes_fn=lambda status: {"languages": list(status.model.languages), "starter": status.model.starter},
    ),
    EdgeVoiceSensorDescription(
        key="model_state",
        translation_key="model_state",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=_MODEL_STATES,
        value_fn=lambda status: one_of(_MODEL_STATES, status.model.state),
        attributes_fn=lambda status: {"note": status.model.note, "progress": status.model.progress},
    ),
    _count("turns", lambda status: status.figures.turns),
    _count("escalations", lambda status: status.figures.escalations),
    _count("errors", lambda status: status.figures.errors, **DIAGNOSTIC),
    share("escalation_rate", lambda status: percent(status.figures.escalation_rate)),
    share("retry_rate", lambda status: percent(status.figures.retry_rate), **DIAGNOSTIC),
    share("abandonment_rate", lambda status: percent(status.figures.abandonment_rate), **DIAGNOSTIC),
    _milliseconds("latency_p50", lambda status: status.figures.last_word_to_text_ms.p50),
    _milliseconds("latency_p95", lambda status: status.figures.last_word_to_text_ms.p95),
    _milliseconds("end_to_text_p50", lambda status: status.figures.end_to_text_ms.p50, **RARELY_LOOKED_AT),
    _milliseconds("end_to_text_p95", lambda status: status.figures.end_to_text_ms.p95, **RARELY_LOOKED_AT),
    *(_stage(stage) for stage in STAGES),
    _seconds_sent("cloud_seconds_today", lambda status: status.cloud.seconds_today),
    _seconds_sent("cloud_seconds_this_month", lambda status: status.cloud.seconds_this_month),
    EdgeVoiceSensorDescription(
        key="cloud_cost_this_month",
        translation_key="cloud_cost_this_month",
        device_class=SensorDeviceClass.MONETARY,
        suggested_display_precision=2,
        state_class=SensorStateClass.TOTAL,
        value_fn=lambda status: status.cloud.cost_this_month,
        unit_fn=lambda status: status.cloud.currency,
        since_fn=_month_began,
    ),
    share("cpu", lambda status: status.resources.cpu_percent, **DIAGNOSTIC),
    share("memory", lambda status: status.resources.memory_percent, **DIAGNOSTIC),
    EdgeVoiceSensorDescription(
        key="memory_used",
        translation_key="memory_used",
        device_class=SensorDeviceClass.DATA_SIZE,
        native_unit_of_measurement=UnitOfInformation.MEGABYTES,
        suggested_display_precision=0,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda status: status.resources.memory_mb,
        **RARELY_LOOKED_AT,
    ),
)

TURN_SENSORS: tuple[EdgeVoiceSensorDescription[Turn], ...] = (
    EdgeVoiceSensorDescription(
        key="last_route",
        translation_key="last_route",
        device_class=SensorDeviceClass.ENUM,
        options=_ROUTES,
        value_fn=lambda turn: one_of(_ROUTES, turn.route),
        attributes_fn=lambda turn: {"lane": turn.lane, "reason": turn.reason},
    ),
    share("last_risk", lambda turn: percent(turn.risk), attributes_fn=lambda turn: {"why": turn.why}),
)

FIRST_RESPONSE: EdgeVoiceSensorDescription[float] = _milliseconds("first_response", lambda milliseconds: milliseconds)

SATELLITE_SENSORS: tuple[EdgeVoiceSensorDescription[Satellite], ...] = (
    EdgeVoiceSensorDescription(
        key="microphone",
        translation_key="microphone",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=SATELLITE_STATES,
        value_fn=lambda satellite: one_of(SATELLITE_STATES, satellite.state),
        attributes_fn=lambda satellite: {
            "reason": satellite.reason,
            "since": moment(satellite.since),
            "ends": satellite.ends,
        },
    ),
    EdgeVoiceSensorDescription(
        key="snr",
        translation_key="snr",
        device_class=SensorDeviceClass.SIGNAL_STRENGTH,
        entity_category=EntityCategory.DIAGNOSTIC,
        native_unit_of_measurement=SIGNAL_STRENGTH_DECIBELS,
        suggested_display_precision=0,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda satellite: satellite.evidence.snr_db,
    ),
    share("clipping", lambda satellite: percent(satellite.evidence.clipping), **RARELY_LOOKED_AT),
    _recent("recent_turns", lambda satellite: satellite.evidence.turns),
    _recent("clipped_turns", lambda satellite: satellite.evidence.clipped_turns),
    _recent("noisy_turns", lambda satellite: satellite.evidence.noisy_turns),
    _count("wakes", lambda satellite: satellite.evidence.wakes, **RARELY_LOOKED_AT),
    _count("false_wakes", lambda satellite: satellite.evidence.false_wakes, **RARELY_LOOKED_AT),
    _count("cut_starts", lambda satellite: satellite.evidence.cut_starts, **RARELY_LOOKED_AT),
)


def one_of(options: list[str], value: str | None) -> str | None:
    """Return a value that this version has a word for, or None: a newer server may say more."""
    return value if value in options else None


def threshold_row(language: str, microphone_class: str) -> EdgeVoiceSensorDescription[Threshold]:
    """Return the row of a language's threshold at a kind of microphone."""
    return share(
        f"threshold_{language}_{microphone_class}",
        lambda threshold: percent(threshold.value),
        attributes_fn=lambda threshold: {
            "guaranteed": threshold.guaranteed,
            "reason": threshold.reason,
            "turns_to_go": threshold.turns_to_go,
        },
        translation_key=f"threshold_{microphone_class}",
        translation_placeholders={"language": language},
        **DIAGNOSTIC,
    )


def disagreement_row(language: str) -> EdgeVoiceSensorDescription[Disagreement]:
    """Return the row of how often hub and cloud heard different things in a language."""
    return share(
        f"disagreement_{language}",
        lambda disagreement: percent(disagreement.value),
        attributes_fn=lambda disagreement: {
            "low": percent(disagreement.low),
            "high": percent(disagreement.high),
            "pairs": disagreement.pairs,
            "population": disagreement.population,
        },
        translation_key="disagreement",
        translation_placeholders={"language": language},
        **DIAGNOSTIC,
    )
