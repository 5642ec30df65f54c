"""Drift as the control API tells it."""

import datetime as dt

from ..learning.drift import Standing
from ..learning.drift_alarm import Alarm, message
from .feed import Json


def told_alarm(alarm: Alarm) -> Json:
    """Return an alarm's fields."""
    return {
        "metric": alarm.metric.value,
        "language": alarm.language,
        "since": _moment(alarm.since_s),
        "at": _moment(alarm.at_s),
        "before": round(alarm.before, 4),
        "now": round(alarm.now, 4),
        "turns": alarm.turns,
        "e_value": _rounded(alarm.e_value),
        "cause": alarm.cause.value,
        "subject": alarm.subject,
        "message": message(alarm),
    }


def told_standing(language: str, one: Standing) -> Json:
    """Return a metric's fields beside its reference."""
    return {
        "metric": one.metric.value,
        "language": language,
        "reference_turns": one.reference_turns,
        "turns": one.turns,
        "before": None if one.before is None else round(one.before, 4),
        "now": None if one.now is None else round(one.now, 4),
        "e_value": _rounded(one.e_value),
        "alarm_at": _rounded(one.alarm_at),
    }


def _moment(at_s: float) -> str:
    return dt.datetime.fromtimestamp(at_s, dt.UTC).isoformat(timespec="seconds")


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
