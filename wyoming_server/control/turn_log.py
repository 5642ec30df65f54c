"""A turn's one line in the log: what became of it and where its time went. No text, and nobody's name."""

import logging
from dataclasses import asdict

from ..records.turn_record import TurnRecord

_LOGGER = logging.getLogger(__name__)

type Plain = str | int | float | bool | None


def log_turn(record: TurnRecord) -> None:
    """Write it: a warning where the turn ended in an error."""
    level = logging.WARNING if record.error else logging.INFO
    if _LOGGER.isEnabledFor(level):
        _LOGGER.log(level, "turn", extra={"fields": fields_of(record)})


def fields_of(record: TurnRecord) -> dict[str, Plain]:
    """Return what the line holds; what was not known is left out."""
    spans = asdict(record.spans) if record.spans else {}
    known: dict[str, Plain] = {
        "action": record.action,
        "error": record.error,
        "route": record.route,
        "lane": record.lane,
        "language": record.language,
        "microphone_class": record.microphone_class,
        "trusted": record.trusted,
        "model": record.model,
        "workload": record.workload,
        "critical": record.critical,
        "ended_by": record.ended_by,
        "spoke": record.spoke,
        "rules": ",".join(record.rules),
        "risk": _rounded(record.risk, 4),
        "threshold": _rounded(record.threshold, 4),
        "snr_db": _rounded(record.snr_db, 1),
        "speech_seconds": _rounded(record.speech_seconds, 2),
        "retries": record.retries,
        **{name: _rounded(took, 1) for name, took in spans.items()},
        "uploads": record.uploads,
        "cloud_seconds": _rounded(record.cloud_seconds, 2),
        "cloud_cost": _rounded(record.cloud_cost, 6),
        "is_baseline": record.is_baseline,
    }
    return {name: value for name, value in known.items() if value not in {None, ""}}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
