"""Baselines: periods in which a service answered all. Jobs for the store: each takes a connection.

A baseline's turns are those with `is_baseline` whose numbers lie after those that there were when it began: numbers do
not jump when a clock does.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from .recent import nearest_rank

TIMES = ("last_word_to_text_ms", "end_to_text_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What became of a baseline's turns."""

    turns: int = 0
    """In which somebody spoke."""
    failed: int = 0
    """That no service answered: the hub's text was taken, or none."""
    retried: int = 0
    abandoned: int = 0
    pairs: int = 0
    """That both heard."""
    disagreed: int = 0
    """Of these: the hub would have done something else."""
    would_escalate: int = 0
    """That the hub would have asked about anyway."""
    times: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """Name of TIMES → p50 and p95 in ms, by the nearest rank, of turns that a service answered to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBaseline:
    """A baseline as it is written down."""

    number: int = 0
    began: datetime
    ends: datetime
    ended: datetime | None = None
    consent: str
    """The day on which the owner agreed."""
    seconds_cap: float
    money_cap: float
    after_turn: int = 0
    """The number of the last turn before it."""
    after_upload: int = 0
    ran_seconds: float = 0.0
    """For how long a server has been recording it, by a clock that does not jump."""
    seconds: float = 0.0
    """Of audio, that left."""
    cost: float = 0.0
    reason: str = ""
    """Why it ended; empty while it runs."""
    counted: Counted = field(default_factory=Counted)


def begin_baseline(new: KeptBaseline, connection: sqlite3.Connection) -> KeptBaseline:
    """Write down that a baseline begins; return it with its number and those that it begins after."""
    last = dict(connection.execute("SELECT name, seq FROM sqlite_sequence WHERE name IN ('turn', 'upload')").fetchall())
    begun = replace(new, after_turn=last.get("turn", 0), after_upload=last.get("upload", 0))
    number = connection.execute(
        "INSERT INTO baseline (began_utc, ends_utc, consent, seconds_cap, money_cap, figures)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (_utc(begun.began), _utc(begun.ends), begun.consent, begun.seconds_cap, begun.money_cap, _figures(begun)),
    ).lastrowid
    return replace(begun, number=number or 0)


def keep_baseline(one: KeptBaseline, connection: sqlite3.Connection) -> None:
    """Write down what has become of a baseline; one that was purged meanwhile stays purged."""
    ended = "" if one.ended is None else _utc(one.ended)
    connection.execute(
        "UPDATE baseline SET ended_utc = ?, figures = ? WHERE number = ?", (ended, _figures(one), one.number)
    )


def last_baselines(connection: sqlite3.Connection) -> tuple[KeptBaseline | None, KeptBaseline | None]:
    """Return the one that is being recorded, and the last that has ended."""
    found = connection.execute(
        "SELECT number, began_utc, ends_utc, ended_utc, consent, seconds_cap, money_cap, figures FROM baseline"
        " ORDER BY number DESC LIMIT 20"
    )
    rows = [one for row in found if (one := _row(*row)) is not None]
    running = rows[0] if rows and rows[0].ended is None else None
    return running, next((one for one in rows if one.ended is not None), None)


def count_baseline(one: KeptBaseline, connection: sqlite3.Connection) -> Counted:
    """Count a baseline's turns, as far as their records are there."""
    counts = connection.execute(
        "SELECT count(*), total(action = 'error' OR (route = 'edge' AND action NOT IN ('discard', 'ask_text'))),"
        " total(retried), total(abandoned), count(disagreed), total(disagreed), total(would_escalate)"
        " FROM turn WHERE is_baseline AND (spoke OR error <> '') AND number > ?",
        (one.after_turn,),
    ).fetchone()
    turns, failed, retried, abandoned, pairs, disagreed, would_escalate = map(int, counts)
    return Counted(
        turns=turns,
        failed=failed,
        retried=retried,
        abandoned=abandoned,
        pairs=pairs,
        disagreed=disagreed,
        would_escalate=would_escalate,
        times=_times(one, connection),
    )


def _times(one: KeptBaseline, connection: sqlite3.Connection) -> dict[str, tuple[float | None, float | None]]:
    found = connection.execute(
        "SELECT last_word_to_text_ms, end_to_text_ms FROM turn WHERE is_baseline AND route = 'cloud' AND number > ?",
        (one.after_turn,),
    ).fetchall()
    return {name: _spread([round(row[at], 1) for row in found if row[at] is not None]) for at, name in enumerate(TIMES)}


def _spread(times_ms: list[float]) -> tuple[float | None, float | None]:
    times_ms.sort()
    return nearest_rank(times_ms, 0.5), nearest_rank(times_ms, 0.95)


def uploaded(one: KeptBaseline, currency: str, connection: sqlite3.Connection) -> tuple[float, float]:
    """Return the seconds of audio that left for a baseline, and what they cost in a currency; no audits or tests."""
    seconds, cost = connection.execute(
        "SELECT total(seconds), total(cost) FILTER (WHERE currency = ?) FROM upload"
        " WHERE has_left AND number > ? AND reason NOT IN ('audit', 'away', 'test') AND ending <> 'summed-up'",
        (currency, one.after_upload),
    ).fetchone()
    return seconds, cost


def _figures(one: KeptBaseline) -> str:
    counted = one.counted
    counts = {key: getattr(counted, key) for key in _COUNTS}
    rest = {key: getattr(one, key) for key in _REST}
    return json.dumps({**rest, **counts, "times": {key: list(value) for key, value in counted.times.items()}})


_COUNTS = ("turns", "failed", "retried", "abandoned", "pairs", "disagreed", "would_escalate")
_REST = ("after_turn", "after_upload", "ran_seconds", "seconds", "cost", "reason")


def _row(  # one column each
    number: int,
    began: str,
    ends: str,
    ended: str,
    consent: str,
    seconds_cap: float,
    money_cap: float,
    figures: str,
) -> KeptBaseline | None:
    """Return what a row says; None for one that cannot be read."""
    try:
        told: dict[str, Any] = json.loads(figures)
        counted = Counted(
            **{key: int(told[key]) for key in _COUNTS},
            times={key: (value[0], value[1]) for key, value in told["times"].items()},
        )
        return KeptBaseline(
            number=number,
            began=datetime.fromisoformat(began),
            ends=datetime.fromisoformat(ends),
            ended=datetime.fromisoformat(ended) if ended else None,
            consent=consent,
            seconds_cap=seconds_cap,
            money_cap=money_cap,
            counted=counted,
            **{key: told[key] for key in _REST},
        )
    except ValueError, KeyError, TypeError, IndexError, AttributeError:
        return None


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
