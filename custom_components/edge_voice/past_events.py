"""What is told of drift and of months, as automations see it."""

from dataclasses import asdict
from typing import Any, Final

from .protocol import MonthOver
from .protocol_past import Alarm, DriftMoved

ALARM: Final = "alarm"
DRIFT_EVENTS: Final = (ALARM, "settled", "accepted")
DRIFT_METRICS: Final = ("escalation", "risk", "confidence", "disagreement", "latency")
READY: Final = "ready"


def alarm_attributes(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm with its evidence as JSON."""
    told = asdict(alarm)
    return told | {key: told[key] and told[key].isoformat() for key in ("since", "at")}


def drift_attributes(moved: DriftMoved) -> dict[str, Any]:
    """Return what has moved; nothing where the owner has accepted what is."""
    return {} if moved.alarm is None else alarm_attributes(moved.alarm)


def month_attributes(over: MonthOver) -> dict[str, Any]:
    """Return a scorecard's headline as JSON; rates are 0 to 1."""
    return asdict(over.scorecard) | {"made_at": over.scorecard.made_at.isoformat()}
