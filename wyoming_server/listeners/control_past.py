"""The shapes of what the control API tells of the past: records, drift, privacy, months and baselines."""

from .control_shapes import AMOUNT, COUNT, MICROPHONES, NAME, PROSE, RATE, STAGES, SUMS, WHAT
from .control_values import Choice, Maybe, Moment, Named, Number, Several, Text, Truth, Whole, record

RESOURCES = record(
    {
        **dict.fromkeys(("cpu_percent", "memory_percent", "memory_mb"), Maybe(AMOUNT)),
        "throttled": Maybe(Truth()),
        "decode_busy": RATE,
        "waiting": COUNT,
        "most_waiting": COUNT,
        "saturated": Truth(),
        "reason": PROSE,
    }
)
DRIFT_METRICS = ("escalation", "risk", "confidence", "disagreement", "latency")
CAUSES = ("new-satellite", "noise", "language", "bundle", "cloud", "unknown")
ALARM = Named(
    "Alarm",
    record(
        {
            "metric": Choice(*DRIFT_METRICS),
            "language": NAME,
            "since": Moment(),
            "at": Moment(),
            "before": Number(),
            "now": Number(),
            "turns": COUNT,
            "e_value": AMOUNT,
            "cause": Choice(*CAUSES),
            "subject": NAME,
            "message": PROSE,
        }
    ),
)
DRIFT_FIELDS = {"state": Choice("learning", "steady", "drifted"), "turns_to_go": COUNT, "alarms": Several(ALARM)}
DRIFT = Named(
    "Drift",
    record(
        {
            **DRIFT_FIELDS,
            "metrics": Several(
                record(
                    {
                        "metric": Choice(*DRIFT_METRICS),
                        "language": NAME,
                        "reference_turns": COUNT,
                        "turns": COUNT,
                        "before": Maybe(Number()),
                        "now": Maybe(Number()),
                        "e_value": AMOUNT,
                        "alarm_at": AMOUNT,
                    }
                )
            ),
        }
    ),
)
DRIFT_EVENT = record({"type": Choice("drift"), "event": Choice("alarm", "accepted", "settled"), "alarm": Maybe(ALARM)})
KEPT_NOW = record(
    {
        "bytes": COUNT,
        **dict.fromkeys(("turns", "transcripts", "recordings", "corrections"), COUNT),
        "oldest": Maybe(Text(most=10)),
        "key": Choice("good", "none", "missing", "wrong"),
    }
)
_SPREAD = record({"p50": Maybe(AMOUNT), "p95": Maybe(AMOUNT)})
_FIGURES = {
    **dict.fromkeys(("turns", "escalations", "errors", "uploads"), COUNT),
    **dict.fromkeys(("escalation_rate", "error_rate", "retry_rate", "abandonment_rate", "within_budget"), Maybe(RATE)),
    "disagreement": Maybe(record({"value": RATE, "low": RATE, "high": RATE, "pairs": COUNT})),
    **dict.fromkeys(("last_word_to_text_ms", "end_to_text_ms"), _SPREAD),
    "stages_ms": record(dict.fromkeys(STAGES, _SPREAD)),
    **dict.fromkeys(("cloud_seconds", "cloud_cost"), AMOUNT),
}
CELL = Named("Cell", record({"language": Maybe(NAME), "microphone_class": Maybe(Choice(*MICROPHONES)), **_FIGURES}))
FIGURES = record({"days": Whole(1), "since": Moment(), "budget_ms": AMOUNT, "cells": Several(CELL, least=1)})
POINT = Named(
    "Point",
    record(
        {
            "at": Moment(),
            **dict.fromkeys(("turns", "escalations", "errors", "retries"), COUNT),
            **dict.fromkeys(
                ("last_word_to_text_p50_ms", "last_word_to_text_p95_ms", "end_to_text_p50_ms", "end_to_text_p95_ms"),
                Maybe(AMOUNT),
            ),
            "cloud_seconds": AMOUNT,
            **dict.fromkeys(("cpu_percent", "memory_percent", "decode_busy"), Maybe(AMOUNT)),
        }
    ),
)
SERIES = record({"step_seconds": Whole(1), "points": Several(POINT)})
RECORD = Named(
    "Record",
    record(
        {
            "number": COUNT,
            "at": Moment(),
            "satellite": Maybe(NAME),
            "microphone_class": Choice(*MICROPHONES),
            **dict.fromkeys(("language", "model", "action", "ended_by"), NAME),
            **dict.fromkeys(("route", "lane", "error", "class", "intent", "result"), Maybe(NAME)),
            "critical": Truth(),
            "rules": Several(NAME),
            **dict.fromkeys(("risk", "threshold"), Maybe(RATE)),
            "points": {Text(): Number()},
            "quality": {Text(): Maybe(Number())},
            "latency_ms": Maybe({Text(): Maybe(Number())}),
            "speech_seconds": AMOUNT,
            "retries": COUNT,
            **dict.fromkeys(("cloud_seconds", "cloud_cost"), AMOUNT),
            **dict.fromkeys(("wrong", "disagreed"), Maybe(Truth())),
            "baseline": Truth(),
            "recording": Truth(),
        },
        {"text": PROSE, "correction": PROSE, "turn_id": NAME},
    ),
)
"""`turn_id` only where the hub still remembers it: the records hold a keyed hash of it."""
RECORDS = record({"records": Several(RECORD)})
INCIDENT = Named("Incident", record({"at": Moment(), "kind": NAME, "subject": NAME, "message": PROSE}))
INCIDENTS = record({"incidents": Several(INCIDENT)})
_DAYS = Maybe(Whole(0))
LINEAGE = record(
    {
        "version": Whole(1),
        "classes": Several(
            record(
                {
                    **dict.fromkeys(("name", "title"), NAME),
                    **dict.fromkeys(("holds", "source", "purpose", "processed", "stored", "form", "ends"), PROSE),
                    "days": _DAYS,
                    "setting": Maybe(NAME),
                    "on_by_default": Truth(),
                    "recipients": Several(PROSE),
                }
            )
        ),
        "flows": Several(
            record({"kind": NAME, "where": PROSE, "field": NAME, "data_class": NAME, "form": PROSE}),
        ),
    }
)
KEPT = record(
    {
        "now": KEPT_NOW,
        "classes": Several(
            record({"name": NAME, "days": _DAYS, "setting": Maybe(NAME), "rows": Maybe(COUNT), "oldest": Maybe(NAME)})
        ),
    }
)
PURGED = record({"erased": {Choice(*WHAT): COUNT}, "left": {Choice(*WHAT): COUNT}})
BASELINE = Named(
    "Baseline",
    record(
        {
            "began": Moment(),
            "ends": Moment(),
            "ended": Maybe(Moment()),
            "consent": NAME,
            **dict.fromkeys(("turns", "failed", "retried", "abandoned", "pairs", "disagreed", "would_escalate"), COUNT),
            **dict.fromkeys(("seconds", "seconds_cap", "cost", "money_cap"), AMOUNT),
            **dict.fromkeys(("last_word_to_text_ms", "end_to_text_ms"), _SPREAD),
            "reason": PROSE,
        }
    ),
)
BASELINES = record({"running": Maybe(BASELINE), "last": Maybe(BASELINE)})
HEADLINE = record(
    {
        "month": Text(most=7),
        "made_at": Moment(),
        "turns": COUNT,
        **dict.fromkeys(("escalation_rate", "within_budget"), Maybe(RATE)),
        **dict.fromkeys(("end_to_text_p95_ms", "last_word_to_text_p95_ms"), Maybe(AMOUNT)),
        **dict.fromkeys(("cloud_seconds", "cloud_cost"), AMOUNT),
        "currency": NAME,
    }
)
SCORECARD = Named(
    "MonthlyScorecard",
    record(
        {
            "headline": HEADLINE,
            "complete": Truth(),
            "months": Several(Text(most=7)),
            "budget_ms": AMOUNT,
            "figures": CELL,
            "last_month": Maybe(CELL),
            "languages": Several(CELL),
            "baseline": Maybe(BASELINE),
            "without_hub": Maybe(record({"seconds": AMOUNT, "cost": AMOUNT})),
            "days": Several(
                record(
                    {
                        "day": Text(most=10),
                        **dict.fromkeys(("turns", "escalations", "errors"), COUNT),
                        **dict.fromkeys(("end_to_text_p95_ms", "last_word_to_text_p95_ms"), Maybe(AMOUNT)),
                    }
                )
            ),
            "lanes": SUMS,
            "models": Several(record({"label": NAME, "turns": COUNT, "since": Maybe(Moment())})),
            "incidents": Several(INCIDENT),
            "advice": Several(record({"code": NAME, "message": PROSE})),
        }
    ),
)
