"""The past of a surface that remembers what it was asked: one of each thing that can be told."""

from collections.abc import Callable, Mapping, Sequence

from wyoming_server.listeners.control_surface import Json

AT = "2026-11-22T10:00:00.123+00:00"
SPREAD: Json = {"p50": 180.0, "p95": 260.0}
STAGES = ("capture", "inference", "hold", "post", "cloud", "transport")
CELL: Json = {
    "language": "en", "microphone_class": None, "turns": 812, "escalations": 70, "errors": 3, "uploads": 71,
    "escalation_rate": 0.086, "error_rate": 0.004, "retry_rate": 0.03, "abandonment_rate": None, "within_budget": 0.97,
    "disagreement": {"value": 0.07, "low": 0.03, "high": 0.12, "pairs": 71},
    "last_word_to_text_ms": SPREAD, "end_to_text_ms": {"p50": None, "p95": None},
    "stages_ms": dict.fromkeys(STAGES, SPREAD), "cloud_seconds": 140.2, "cloud_cost": 0.014,
}  # fmt: skip
FIGURES: Json = {"days": 7, "since": AT, "budget_ms": 300.0, "cells": [CELL | {"language": None}, CELL]}
SERIES: Json = {
    "step_seconds": 3600,
    "points": [{"at": AT, "turns": 12, "escalations": 1, "errors": 0, "retries": 1, "last_word_to_text_p50_ms": 180.0,
                "last_word_to_text_p95_ms": 260.0, "end_to_text_p50_ms": None, "end_to_text_p95_ms": None,
                "cloud_seconds": 1.9, "cpu_percent": 12.0, "memory_percent": 41.0, "decode_busy": None}],
}  # fmt: skip
RECORD: Json = {
    "number": 17, "at": AT, "satellite": None, "microphone_class": "far_field", "language": "en", "model": "base",
    "action": "accept", "ended_by": "silence", "route": "edge", "lane": None, "error": None, "class": "device-command",
    "intent": "HassTurnOn", "result": "intent", "critical": False, "rules": [], "risk": 0.04, "threshold": 0.31,
    "points": {"base": -20.0}, "quality": {"snr_db": 21.0, "clipping": None}, "latency_ms": {"capture": 64.0},
    "speech_seconds": 1.4, "retries": 0, "cloud_seconds": 0.0, "cloud_cost": 0.0, "wrong": False, "disagreed": None,
    "baseline": False, "recording": True,
}  # fmt: skip
INCIDENT: Json = {"at": AT, "kind": "mode", "subject": "edge_only", "message": "No lane can be asked."}
ALARM: Json = {
    "metric": "escalation", "language": "en", "since": AT, "at": AT, "before": 0.25, "now": 0.4, "turns": 180,
    "e_value": 23000.0, "cause": "noise", "subject": "", "message": "Rooms are noisier than they were.",
}  # fmt: skip
DRIFT: Json = {
    "state": "drifted", "turns_to_go": 0, "alarms": [ALARM],
    "metrics": [{"metric": "risk", "language": "en", "reference_turns": 1000, "turns": 180, "before": 0.1, "now": None,
                 "e_value": 3.0, "alarm_at": 100_000.0}],
}  # fmt: skip
KEPT_NOW: Json = {
    "bytes": 8_400_000, "turns": 5200, "transcripts": 0, "recordings": 1, "corrections": 0, "oldest": "2026-10-23",
    "key": "good",
}  # fmt: skip
LINEAGE: Json = {
    "version": 1,
    "classes": [{"name": "turns", "title": "Turn records", "holds": "figures", "source": "each turn",
                 "purpose": "these pages", "processed": "on the hub", "stored": "edge-voice.sqlite", "form": "rows",
                 "ends": "with its window", "days": 30, "setting": "records.turn_days", "on_by_default": True,
                 "recipients": []}],
    "flows": [{"kind": "column", "where": "turn", "field": "risk", "data_class": "turns", "form": "a number"}],
}  # fmt: skip
KEPT: Json = {
    "now": KEPT_NOW,
    "classes": [{"name": "turns", "days": 30, "setting": "records.turn_days", "rows": 5200, "oldest": "2026-10-23"}],
}
BASELINE: Json = {
    "began": AT, "ends": AT, "ended": None, "consent": "2026-11-22", "turns": 40, "failed": 1, "retried": 2,
    "abandoned": 0, "pairs": 38, "disagreed": 3, "would_escalate": 4, "seconds": 80.0, "seconds_cap": 3600.0,
    "cost": 0.01, "money_cap": 2.0, "last_word_to_text_ms": SPREAD, "end_to_text_ms": SPREAD, "reason": "",
}  # fmt: skip
HEADLINE: Json = {
    "month": "2026-10", "made_at": AT, "turns": 5200, "escalation_rate": 0.08, "within_budget": 0.97,
    "end_to_text_p95_ms": 40.0, "last_word_to_text_p95_ms": 260.0, "cloud_seconds": 900.0, "cloud_cost": 0.09,
    "currency": "USD",
}  # fmt: skip
SCORECARD: Json = {
    "headline": HEADLINE, "complete": True, "months": ["2026-10"], "budget_ms": 300.0, "figures": CELL,
    "last_month": None, "languages": [CELL], "baseline": BASELINE, "without_hub": {"seconds": 9000.0, "cost": 0.9},
    "days": [{"day": "2026-10-01", "turns": 170, "escalations": 12, "errors": 0, "end_to_text_p95_ms": 40.0,
              "last_word_to_text_p95_ms": None}],
    "lanes": [{"lane": "OpenAI", "trust": "cloud", "uploads": 71, "seconds": 900.0, "cost": 0.09}],
    "models": [{"label": "home-en@1.1.0", "turns": 5200, "since": AT}], "incidents": [INCIDENT],
    "advice": [{"code": "noise", "message": "Move the kitchen's microphone."}],
}  # fmt: skip
WAV = b"RIFF\x24\0\0\0WAVEfmt "
COUNTERS = b"# HELP edge_voice_turns_total Turns.\n# TYPE edge_voice_turns_total counter\nedge_voice_turns_total 12\n"
SCORECARD_PAGE = "<!doctype html><title>October</title><style>p { color: #123 }</style><p>5200 turns</p>"

type Hear = Callable[..., None]


class RecordingPast:
    """Satisfies `History`, `Privacy`, `Months` and `Metrics` with the values above."""

    def __init__(self, hear: Hear) -> None:
        """Tell `hear` what was asked."""
        self._hear = hear

    async def figures(self, days: int) -> Json:
        self._hear("figures", days)
        return FIGURES

    async def series(self, hours: int) -> Json:
        self._hear("series", hours)
        return SERIES

    async def records(self, most: int, before: int | None, *, language: str | None, satellite: str | None) -> Json:
        self._hear("records", most, before, language, satellite)
        return {"records": [RECORD, RECORD | {"text": "turn on the light", "correction": "off", "turn_id": "a-turn"}]}

    async def incidents(self, most: int) -> Json:
        self._hear("incidents", most)
        return {"incidents": [INCIDENT]}

    def lineage(self) -> Json:
        self._hear("lineage")
        return LINEAGE

    async def kept(self) -> Json:
        self._hear("kept")
        return KEPT

    async def purge(self, what: Sequence[str], satellite: str | None) -> Json:
        self._hear("purge", tuple(what), satellite)
        return {"erased": dict.fromkeys(what, 3), "left": dict.fromkeys(what, 0)}

    async def recording(self, number: int) -> bytes:
        self._hear("recording", number)
        return WAV

    async def scorecard(self, month: str | None) -> Json:
        self._hear("scorecard", month)
        return SCORECARD

    async def page(self, month: str | None) -> str:
        self._hear("page", month)
        return SCORECARD_PAGE

    async def baseline(self) -> Json:
        self._hear("baseline")
        return {"running": BASELINE, "last": None}

    async def begin_baseline(self, wanted: Mapping[str, object]) -> Json:
        self._hear("begin_baseline", dict(wanted))
        return {"running": BASELINE, "last": None}

    async def end_baseline(self) -> Json:
        self._hear("end_baseline")
        return {"running": None, "last": BASELINE}

    async def exposition(self) -> bytes:
        self._hear("exposition")
        return COUNTERS


class RecordingDrift:
    """Satisfies `Drift` likewise; apart, because a part's name is another's method."""

    def __init__(self, hear: Hear) -> None:
        """Tell `hear` what was asked."""
        self._hear = hear

    def told(self) -> Json:
        self._hear("drift")
        return DRIFT

    async def accept(self, language: str | None) -> Json:
        self._hear("accept", language)
        return DRIFT
