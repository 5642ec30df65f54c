"""Turns of the past as the control API tells of them (docs/control-api.md)."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence

from ..learning.disagreement import intent_share
from ..records.incidents import Incident
from ..records.load_samples import MeanLoad
from ..records.turn_queries import Found, Row
from ..records.turn_sums import SPANS, Cells, Spread, Sums, Totals, together
from .feed import Json

STAGES = SPANS[:6]
_TIMES = tuple((span, f"{span}_ms") for span in SPANS)
_QUALITY = ("snr_db", "clipping", "level_dbfs", "noise_dbfs", "speech_ratio")


def cells_told(cells: Cells) -> list[Json]:
    """Return what all come to, then each language, each kind of microphone, and each of both."""
    languages = sorted({language for language, _ in cells} - {""})
    microphones = sorted({microphone for _, microphone in cells})
    return [
        _cell(cells.values(), None, None),
        *(_cell(_of(cells, language=one), one, None) for one in languages),
        *(_cell(_of(cells, microphone=one), None, one) for one in microphones),
        *(_cell([sums], *cell) for cell, sums in sorted(cells.items()) if cell[0]),
    ]


def _of(cells: Cells, *, language: str | None = None, microphone: str | None = None) -> list[Sums]:
    return [sums for cell, sums in cells.items() if cell[0] == language or cell[1] == microphone]


def _cell(several: Iterable[Sums], language: str | None, microphone: str | None) -> Json:
    sums = together(several)
    share = intent_share([(chance, differs, turns) for (chance, differs), turns in sums.pairs.items()])
    return {
        "language": language,
        "microphone_class": microphone,
        "turns": sums.turns,
        "escalations": sums.escalations,
        "errors": sums.errors,
        "uploads": sums.uploads,
        "escalation_rate": _rate(sums.escalations, sums.turns),
        "error_rate": _rate(sums.errors, sums.turns),
        "retry_rate": _rate(sums.retried, sums.judged),
        "abandonment_rate": _rate(sums.abandoned, sums.judged),
        "within_budget": _rate(sums.in_budget, sums.alone),
        "disagreement": share
        and {
            "value": round(share.value, 4),
            "low": round(share.low, 4),
            "high": round(share.high, 4),
            "pairs": sums.pairs.total(),
        },
        "last_word_to_text_ms": _spread(sums.spread("last_word_to_text")),
        "end_to_text_ms": _spread(sums.spread("end_to_text")),
        "stages_ms": {stage: _spread(sums.spread(stage)) for stage in STAGES},
        "cloud_seconds": round(sums.cloud_seconds, 3),
        "cloud_cost": round(sums.cloud_cost, 6),
    }


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _spread(spread: Spread) -> Json:
    return {"p50": spread[0], "p95": spread[1]}


def days_told(days: Mapping[dt.date, Totals]) -> list[Json]:
    """Return each day that has turns."""
    return [_day(day, totals) for day, totals in days.items() if totals.turns]


def _day(day: dt.date, totals: Totals) -> Json:
    return {
        "day": f"{day}",
        "turns": totals.turns,
        "escalations": totals.escalations,
        "errors": totals.errors,
        "end_to_text_p95_ms": totals.end_to_text_ms[1],
        "last_word_to_text_p95_ms": totals.last_word_to_text_ms[1],
    }


def models_told(zone: dt.tzinfo | None, cells: Cells) -> list[Json]:
    """Return how many turns each model heard, the most first."""
    ranked = sorted(together(cells.values()).models.items(), key=lambda one: -one[1][0])
    return [
        {"label": model, "turns": turns, "since": _moment(first_ms, zone, "seconds")}
        for model, (turns, first_ms) in ranked
    ]


def point_told(at: dt.datetime, totals: Totals | None, load: MeanLoad | None) -> Json:
    """Return a step of figures over time; without turns, and without a sample, what is known of it all the same."""
    turns = totals or Totals()
    return {
        "at": at.isoformat(timespec="seconds"),
        "turns": turns.turns,
        "escalations": turns.escalations,
        "errors": turns.errors,
        "retries": turns.retried,
        "last_word_to_text_p50_ms": turns.last_word_to_text_ms[0],
        "last_word_to_text_p95_ms": turns.last_word_to_text_ms[1],
        "end_to_text_p50_ms": turns.end_to_text_ms[0],
        "end_to_text_p95_ms": turns.end_to_text_ms[1],
        "cloud_seconds": turns.cloud_seconds,
        "cpu_percent": round(load.cpu_percent, 1) if load else None,
        "memory_percent": round(load.memory_percent, 1) if load else None,
        "decode_busy": round(load.decode_busy, 4) if load else None,
    }


def records_told(zone: dt.tzinfo | None, found: Found) -> list[Json]:
    """Return single turns."""
    return [_record(row, found, zone) for row in found.rows]


def _record(row: Row, found: Found, zone: dt.tzinfo | None) -> Json:
    kept, turn_id = found.kept.get(row["turn"]), found.turn_ids.get(row["turn"])
    record = {
        "number": row["number"],
        "at": _moment(row["at_ms"], zone, "milliseconds"),
        "satellite": found.names.get(row["satellite"]),
        "microphone_class": row["microphone_class"],
        "language": row["language"],
        "model": row["model"],
        "action": row["action"],
        "route": row["route"] or None,
        "lane": row["lane"] or None,
        "error": row["error"] or None,
        "class": row["workload"] or None,
        "critical": bool(row["critical"]),
        "intent": row["intent"] or None,
        "result": row["result"] or None,
        "ended_by": row["ended_by"],
        "rules": json.loads(row["rules"]),
        "risk": row["risk"],
        "threshold": row["threshold"],
        "points": json.loads(row["points"]),
        "quality": {name: row[name] for name in _QUALITY},
        "latency_ms": None if row["last_word_to_text_ms"] is None else {one: row[name] for one, name in _TIMES},
        "speech_seconds": row["speech_seconds"],
        "retries": row["retries"],
        "cloud_seconds": row["cloud_seconds"],
        "cloud_cost": row["cloud_cost"],
        "wrong": _truth(row["wrong"]),
        "disagreed": _truth(row["disagreed"]),
        "baseline": bool(row["is_baseline"]),
        "recording": False,
    }
    if turn_id:
        record["turn_id"] = turn_id
    return record | kept if kept else record


def _truth(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def incidents_told(incidents: Sequence[Incident]) -> list[Json]:
    """Return what happened."""
    return [_incident(one) for one in incidents]


def _incident(one: Incident) -> Json:
    return {
        "at": one.at.isoformat(timespec="seconds"),
        "kind": one.kind,
        "subject": one.subject,
        "message": one.message,
    }


def _moment(at_ms: int, zone: dt.tzinfo | None, precision: str) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000.0, zone).isoformat(timespec=precision)
