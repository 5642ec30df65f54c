"""What the owner should know of figures that have become worse, with those that tell."""

from collections.abc import Mapping
from typing import Final

from .past_events import DRIFT_METRICS
from .protocol import Status
from .protocol_past import Alarm

DRIFT: Final = "drift"
RECORDS_KEY: Final = "records-key"
SATURATED: Final = "hub-saturated"
_CONFIDENCE: Final = "confidence"
_UNKNOWN: Final = "–"


def drift_figures(language: str, status: Status) -> Mapping[str, str]:
    """Return each figure of a language before, now, and over how many turns; a dash stands for what is as it was."""
    alarms = status.drift.alarms if status.drift else ()
    found = {one.metric: one for one in alarms if one.language == language}
    figures: dict[str, str] = {}
    for metric in DRIFT_METRICS:
        one = found.get(metric, Alarm(metric=metric, language=language))
        figures |= {
            f"{metric}_before": _figure(metric, one.before),
            f"{metric}_now": _figure(metric, one.now),
            f"{metric}_turns": str(one.turns) if metric in found else _UNKNOWN,
        }
    return figures


def _figure(metric: str, value: float | None) -> str:
    """Return a share as people read it; confidence is none."""
    if value is None:
        return _UNKNOWN
    return f"{value:.3g}" if metric == _CONFIDENCE else f"{100.0 * value:.1f} %"
