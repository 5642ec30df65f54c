"""A turn as a row: what is known of it, without its text and without a name."""

import datetime as dt
import json
import math
import re
import sqlite3
from collections.abc import Callable
from functools import partial

from ..pipeline.timeline import Spans
from .pseudonyms import SATELLITE, SESSION, TURN, Pseudonyms
from .turn_record import TurnLabel, TurnRecord

OTHER = "other"
"""Stands for what has not the form of what it should be: it could be a sentence that somebody sent."""
LONGEST = 100
"""Characters of a name."""
MOST_NAMES = 64
"""Of points and rules."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,3}")
_NAME = re.compile(r"[\w.:@/+-]+")
_UNTIMED = dict.fromkeys(
    (
        *("capture_ms", "inference_ms", "hold_ms", "post_ms", "cloud_ms", "transport_ms"),
        *("last_word_to_text_ms", "end_to_text_ms"),
    )
)
_INSERT = """
    INSERT INTO turn (
        turn, at_ms, day, satellite, session, trusted, microphone_class, language, model, action, route, lane, error,
        workload, critical, intent, ended_by, spoke, rules, risk, logit, threshold, points, log_probability, entropy,
        snr_db, clipping, level_dbfs, noise_dbfs, speech_ratio, speech_seconds, retries, capture_ms, inference_ms,
        hold_ms, post_ms, cloud_ms, transport_ms, last_word_to_text_ms, end_to_text_ms, uploads, cloud_seconds,
        cloud_cost, is_baseline, would_escalate
    ) VALUES (
        :turn, :at_ms, :day, :satellite, :session, :trusted, :microphone_class, :language, :model, :action, :route,
        :lane, :error, :workload, :critical, :intent, :ended_by, :spoke, :rules, :risk, :logit, :threshold, :points,
        :log_probability, :entropy, :snr_db, :clipping, :level_dbfs, :noise_dbfs, :speech_ratio, :speech_seconds,
        :retries, :capture_ms, :inference_ms, :hold_ms, :post_ms, :cloud_ms, :transport_ms, :last_word_to_text_ms,
        :end_to_text_ms, :uploads, :cloud_seconds, :cloud_cost, :is_baseline, :would_escalate
    )
"""
_LABEL = """
    UPDATE turn SET
        wrong = coalesce(:wrong, wrong),
        retried = coalesce(:retried, retried),
        corrected = coalesce(:corrected, corrected),
        abandoned = coalesce(:abandoned, abandoned),
        no_intent = coalesce(:no_intent, no_intent),
        result = coalesce(:result, result),
        intent = coalesce(:intent, intent),
        disagreed = coalesce(:disagreed, disagreed),
        token_error_rate = coalesce(:token_error_rate, token_error_rate),
        audited = coalesce(:audited, audited),
        chance = coalesce(:chance, chance)
    WHERE turn = :turn
"""

type Write = Callable[[sqlite3.Connection], object]


def writing(record: TurnRecord, pseudonyms: Pseudonyms, tell: Callable[[str], object] = lambda _: None) -> Write:
    """Return the job that writes a turn down, and tells, in its own thread, as which hash."""
    return partial(_insert, record, pseudonyms, tell)


def labelling(label: TurnLabel, day: dt.date, pseudonyms: Pseudonyms) -> Write:
    """Return the job that adds what came to be known of a turn of some day; one that was let go stays gone."""
    return partial(_update, label, day, pseudonyms)


def milliseconds(at: dt.datetime) -> int:
    """Return a moment as the rows have it: since 1970, UTC."""
    return round(at.timestamp() * 1000.0)


def language_of(text: str) -> str:
    """Return a language's code as it is written down: what has not its form is not one."""
    return text if not text or _LANGUAGE.fullmatch(text) else OTHER


def name_of(text: str) -> str:
    """Return a name of ours or of a program's as it is written down: a sentence is none."""
    return text if not text or (len(text) <= LONGEST and _NAME.fullmatch(text)) else OTHER


def _insert(
    record: TurnRecord, pseudonyms: Pseudonyms, tell: Callable[[str], object], connection: sqlite3.Connection
) -> None:
    day = record.at.date()
    known_as = pseudonyms.at(day, connection)
    turn = known_as(TURN, record.turn_id)
    connection.execute(
        _INSERT,
        {
            "turn": turn,
            "at_ms": milliseconds(record.at),
            "day": f"{day}",
            "satellite": known_as(SATELLITE, record.satellite),
            "session": known_as(SESSION, record.session),
            **_decision(record),
            **_heard(record),
            **(_timed(record.spans) if record.spans else _UNTIMED),
        },
    )
    tell(turn)


def _decision(record: TurnRecord) -> dict[str, object]:
    points = {name_of(name): round(value, 1) for name, value in list(record.points.items())[:MOST_NAMES]}
    return {
        "trusted": record.trusted,
        "microphone_class": record.microphone_class,
        "language": language_of(record.language),
        "model": name_of(record.model),
        "action": record.action,
        "route": record.route,
        "lane": record.lane[:LONGEST],
        "error": record.error,
        "workload": record.workload,
        "critical": record.critical,
        "intent": name_of(record.intent),
        "ended_by": record.ended_by,
        "rules": json.dumps([name_of(one) for one in record.rules[:MOST_NAMES]], separators=(",", ":")),
        "risk": _rounded(record.risk, 4),
        "logit": _rounded(record.logit, 4),
        "threshold": _rounded(record.threshold, 4),
        "points": json.dumps(points, separators=(",", ":")),
        "retries": record.retries,
        "uploads": record.uploads,
        "cloud_seconds": round(record.cloud_seconds, 3),
        "cloud_cost": round(record.cloud_cost, 8),
        "is_baseline": record.is_baseline,
        "would_escalate": record.would_escalate,
    }


def _heard(record: TurnRecord) -> dict[str, object]:
    return {
        "spoke": record.spoke,
        "log_probability": _rounded(record.log_probability, 4),
        "entropy": _rounded(record.entropy, 4),
        "snr_db": _rounded(record.snr_db, 1),
        "clipping": _rounded(record.clipping, 5),
        "level_dbfs": _rounded(record.level_dbfs, 1),
        "noise_dbfs": _rounded(record.noise_dbfs, 1),
        "speech_ratio": _rounded(record.speech_ratio, 3),
        "speech_seconds": round(record.speech_seconds, 2),
    }


def _timed(spans: Spans) -> dict[str, float]:
    return {name: round(getattr(spans, name), 2) for name in _UNTIMED}


def _update(label: TurnLabel, day: dt.date, pseudonyms: Pseudonyms, connection: sqlite3.Connection) -> None:
    came_out = {
        "wrong": label.wrong,
        "retried": label.retried,
        "corrected": label.corrected,
        "abandoned": label.abandoned,
        "no_intent": label.no_intent,
        "result": None if label.result is None else name_of(label.result),
        "intent": name_of(label.intent) if label.intent else None,
        "disagreed": label.disagreed,
        "token_error_rate": _rounded(label.token_error_rate, 4),
        "audited": label.audited,
        "chance": _rounded(label.chance, 6),
    }
    for turn in pseudonyms.on(day, TURN, label.turn_id, connection):
        connection.execute(_LABEL, {"turn": turn, **came_out})


def _rounded(value: float | None, digits: int) -> float | None:
    return round(value, digits) if value is not None and math.isfinite(value) else None
