"""Monthly scorecards as they were made, and the months that have turns. Jobs for the store: each takes a connection."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMonth:
    """A scorecard, and when it was made."""

    made: datetime
    scorecard: Mapping[str, Any]


def known_months(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the months that have sums, turns in none yet, or a scorecard, as YYYY-MM, the oldest first.

    Of turns whose sums were purged nothing is counted any more: theirs would be the scorecard of a month of silence.
    """
    found = connection.execute(
        "SELECT DISTINCT substr(day, 1, 7) FROM day_sum UNION SELECT DISTINCT substr(day, 1, 7) FROM turn"
        " WHERE NOT summed UNION SELECT month FROM month ORDER BY 1"
    )
    return tuple(month for (month,) in found)


def kept_month(month: str, connection: sqlite3.Connection) -> KeptMonth | None:
    """Return a month's scorecard; None where none was made, or it cannot be read."""
    found = connection.execute("SELECT made_utc, scorecard FROM month WHERE month = ?", (month,)).fetchone()
    if found is None:
        return None
    try:
        made, scorecard = datetime.fromisoformat(found[0]), json.loads(found[1])
    except ValueError:
        return None
    return KeptMonth(made=made, scorecard=scorecard) if isinstance(scorecard, dict) else None


def keep_month(month: str, made: datetime, scorecard: Mapping[str, Any], connection: sqlite3.Connection) -> None:
    """Keep a month's scorecard in the place of the one before."""
    text = json.dumps(dict(scorecard), separators=(",", ":"))
    connection.execute(
        "INSERT OR REPLACE INTO month (month, made_utc, scorecard) VALUES (?, ?, ?)",
        (month, made.astimezone(UTC).isoformat(timespec="seconds"), text),
    )


def seconds_by_day(first_day: str, last_day: str, connection: sqlite3.Connection) -> dict[str, float]:
    """Return the seconds that left the home on each of these days, both included, on which any did."""
    found = connection.execute(
        "SELECT day, total(seconds) FROM upload WHERE has_left AND day BETWEEN ? AND ? GROUP BY day",
        (first_day, last_day),
    )
    return dict(found.fetchall())


def incidents_between(
    first: datetime, end: datetime, most: int, connection: sqlite3.Connection
) -> list[dict[str, Any]]:
    """Return what happened from one moment to before another, the newest first."""
    found = connection.execute(
        "SELECT at_ms, kind, subject, message FROM incident WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms DESC LIMIT ?",
        (_ms(first), _ms(end), most),
    )
    return [
        {"at": _moment(at_ms, first), "kind": kind, "subject": subject, "message": message}
        for at_ms, kind, subject, message in found
    ]


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _moment(at_ms: int, like: datetime) -> str:
    return datetime.fromtimestamp(at_ms / 1000, like.tzinfo).isoformat(timespec="seconds")
