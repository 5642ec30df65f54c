"""What the owner should know of figures that have become worse, with those that tell."""

from collections.abc import Mapping
from typing import Final

from .entity_past import BAD_KEYS
from .past_events import DRIFT_METRICS
from .protocol import Status
from .protocol_past import Alarm

DRIFT: Final = "drift"
RECORDS_KEY: Final = "records-key"
SATURATED: Final = "hub-saturated"
_UNKNOWN: Final = "–"


def is_key_usable(status: Status) -> bool:
    """Whether what was sealed can be read: then another trouble with the key is meant, which the hub's words tell."""
    return status.records is None or status.records.key not in BAD_KEYS


def drift_figures(language: str, status: Status) -> Mapping[str, str]:
    """Return each figure of a language before, now, and over how many turns; a dash stands for what is as it was."""
    alarms = status.drift.alarms if status.drift else ()
    found = {one.metric: one for one in alarms if one.language == language}
    figures: dict[str, str] = {}
    for metric in DRIFT_METRICS:
        one = found.get(metric, Alarm(metric=metric, language=language))
        figures |= {
            f"{metric}_before": _share(one.before),
            f"{metric}_now": _share(one.now),
            f"{metric}_turns": str(one.turns) if metric in found else _UNKNOWN,
        }
    return figures


def _share(share: float | None) -> str:
    return _UNKNOWN if share is None else f"{100.0 * share:.1f} %"
