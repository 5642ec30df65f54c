"""What the control API asks of turns: single ones, and how they went over time."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .pseudonyms import SATELLITE, Pseudonyms
from .recent import TurnFigures, nearest_rank
from .turn_sums import SPANS, Spread, Totals

type Row = dict[str, Any]
"""A turn, by its columns."""
type Kept = Callable[[Sequence[str], sqlite3.Connection], dict[str, dict[str, Any]]]
"""(turns' hashes) → those of which something more is kept: its `text`, its `correction`, that it has a `recording`."""

_LAST = """
    SELECT number, turn, at_ms, satellite, microphone_class, language, model, action, route, lane, error, workload,
        critical, intent, ended_by, rules, risk, threshold, points, snr_db, clipping, level_dbfs, noise_dbfs,
        speech_ratio, speech_seconds, retries, capture_ms, inference_ms, hold_ms, post_ms, cloud_ms, transport_ms,
        last_word_to_text_ms, end_to_text_ms, cloud_seconds, cloud_cost, is_baseline, wrong, result, disagreed
    FROM turn
    WHERE number < :before
        AND (:language IS NULL OR language = :language)
        AND (:satellites IS NULL OR satellite IN (SELECT value FROM json_each(:satellites)))
    ORDER BY number DESC LIMIT :most
"""
_COUNTS = """
    SELECT step, count(*) FILTER (WHERE counts), count(*) FILTER (WHERE counts AND action = 'escalate'),
        count(*) FILTER (WHERE counts AND error <> ''), count(*) FILTER (WHERE counts AND retried),
        total(cloud_seconds)
    FROM (
        SELECT (at_ms + :offset) / :step AS step, (spoke OR error <> '') AND NOT is_baseline AS counts,
            action, error, retried, cloud_seconds
        FROM turn WHERE at_ms BETWEEN :since AND :until
    )
    GROUP BY step
"""
_TIMES = """
    SELECT (at_ms + :offset) / :step, last_word_to_text_ms, end_to_text_ms
    FROM turn
    WHERE at_ms BETWEEN :since AND :until AND spoke AND NOT is_baseline AND last_word_to_text_ms IS NOT NULL
"""
_SPOKEN = """
    SELECT action, error, capture_ms, inference_ms, hold_ms, post_ms, cloud_ms, transport_ms, last_word_to_text_ms,
        end_to_text_ms
    FROM turn WHERE spoke AND NOT is_baseline ORDER BY number DESC LIMIT :most
"""
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which turns."""

    most: int
    before: int | None = None
    """Number of the turn after the newest."""
    language: str | None = None
    satellite: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Turns, the newest first, with what makes them readable."""

    rows: Sequence[Row]
    names: dict[str, str]
    """Hash → satellite, of those that the hub knows now."""
    turn_ids: Mapping[str, str]
    """Hash → turn id, of those that it still remembers."""
    kept: dict[str, dict[str, Any]]
    """Hash → what more is kept."""


def last_turns(
    wanted: Wanted,
    satellites: Sequence[str],
    turn_ids: Mapping[str, str],
    pseudonyms: Pseudonyms,
    kept: Kept,
    connection: sqlite3.Connection,
) -> Found:
    """Return the newest turns of those that are wanted; `turn_ids` are those by their hashes that the hub knows now."""
    connection.row_factory = sqlite3.Row
    hashes = None if wanted.satellite is None else pseudonyms.every(SATELLITE, wanted.satellite, connection)
    found = connection.execute(
        _LAST,
        {
            "before": _LARGEST if wanted.before is None else wanted.before,
            "language": wanted.language,
            "satellites": None if hashes is None else _json_list(hashes),
            "most": wanted.most,
        },
    )
    rows = [dict(row) for row in found]
    return Found(
        rows=rows,
        names=pseudonyms.among(SATELLITE, satellites, connection),
        turn_ids=turn_ids,
        kept=kept([row["turn"] for row in rows if row["turn"]], connection),
    )


def last_spoken(most: int, connection: sqlite3.Connection) -> list[TurnFigures]:
    """Return what the newest turns in which somebody spoke add to the figures, the oldest of them first."""
    found = connection.execute(_SPOKEN, {"most": most}).fetchall()
    return [
        TurnFigures(
            spoke=True,
            escalated=action == "escalate",
            failed=bool(error),
            latency_ms=None if None in times else dict(zip(SPANS, times, strict=True)),
        )
        for action, error, *times in reversed(found)
    ]


def _json_list(hashes: Sequence[str]) -> str:
    return f"[{','.join(f'"{one}"' for one in hashes)}]"


def steps_between(
    since_ms: int, until_ms: int, step_ms: int, offset_ms: int, connection: sqlite3.Connection
) -> dict[int, Totals]:
    """Return each step that has turns, by its number since 1970 in a zone that far from UTC."""
    values = {"since": since_ms, "until": until_ms, "step": step_ms, "offset": offset_ms}
    times: dict[int, list[tuple[float, float]]] = {}
    for step, *spans in connection.execute(_TIMES, values):
        times.setdefault(step, []).append((spans[0], spans[1]))
    return {
        step: Totals(
            turns=turns,
            escalations=escalations,
            errors=errors,
            retried=retried,
            cloud_seconds=round(cloud_seconds, 3),
            last_word_to_text_ms=_spread([one for one, _ in times.get(step, ())]),
            end_to_text_ms=_spread([one for _, one in times.get(step, ())]),
        )
        for step, turns, escalations, errors, retried, cloud_seconds in connection.execute(_COUNTS, values)
    }


def _spread(values: list[float]) -> Spread:
    values.sort()
    return nearest_rank(values, 0.5), nearest_rank(values, 0.95)
