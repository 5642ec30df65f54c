"""Where each class of data lies in the records, and how its rows are counted and erased.

`:last` and `:beyond` are days as in `Expired`, `:last_ms` and `:beyond_ms` the same as milliseconds since 1970,
`:satellites` a JSON list of hashes or NULL for all, and `:most` how many rows go at once.
"""

import datetime as dt
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .believed_day import Expired
from .data_keys import CORRECTIONS, QUEUED, RECORDINGS, TRANSCRIPTS

_DAY_MS = 86_400_000
_MOST = 50
_MOST_SOUNDS = 5
"""Half a megabyte: as long as an urgent job may have to wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRows:
    """A class of data."""

    name: str
    """In the register of data."""
    days: str
    """The field of `RecordSettings` that holds its window; empty: it has none."""
    count: str
    """Returns how many there are, and the oldest one's day."""
    erase: str = ""
    """Erases some of those that are over."""
    at_once: int = _MOST
    sealed: str = ""
    """The class of its keys."""


_SEALED_COUNT = (
    "SELECT count(*), min(day) FROM sealed WHERE class = :sealed"
    " AND (:satellites IS NULL OR satellite IN (SELECT value FROM json_each(:satellites)))"
)
_SEALED_ERASE = (
    "DELETE FROM sealed WHERE number IN (SELECT number FROM sealed WHERE class = :sealed"
    " AND (day <= :last OR day > :beyond)"
    " AND (:satellites IS NULL OR satellite IN (SELECT value FROM json_each(:satellites))) LIMIT :most)"
)
TURNS = KeptRows(
    name="turns",
    days="turn_days",
    count="SELECT count(*), min(day) FROM turn"
    " WHERE :satellites IS NULL OR satellite IN (SELECT value FROM json_each(:satellites))",
    erase="DELETE FROM turn WHERE number IN (SELECT number FROM turn WHERE (day <= :last OR day > :beyond)"
    " AND (:satellites IS NULL OR satellite IN (SELECT value FROM json_each(:satellites))) LIMIT :most)",
)
PAIRS = KeptRows(
    name="pairs",
    days="pair_days",
    count="SELECT count(*), min(day) FROM turn WHERE disagreed IS NOT NULL",
    erase="UPDATE turn SET disagreed = NULL, token_error_rate = NULL, audited = NULL, chance = NULL"
    " WHERE number IN (SELECT number FROM turn WHERE disagreed IS NOT NULL AND (day <= :last OR day > :beyond)"
    " LIMIT :most)",
)
TEXTS, CORRECTED, SOUNDS = (
    KeptRows(name=name, days=days, count=_SEALED_COUNT, erase=_SEALED_ERASE, sealed=name, at_once=at_once)
    for name, days, at_once in (
        (TRANSCRIPTS, "transcript_days", _MOST),
        (CORRECTIONS, "correction_days", _MOST),
        (RECORDINGS, "recording_days", _MOST_SOUNDS),
    )
)
SHREDDED = KeptRows(
    name="shredded",
    days="turn_days",
    count="SELECT count(*), min(day) FROM sealed WHERE NOT EXISTS"
    " (SELECT 1 FROM data_key WHERE data_key.class = sealed.class AND data_key.day = sealed.day)",
    erase="DELETE FROM sealed WHERE number IN (SELECT number FROM sealed WHERE NOT EXISTS"
    " (SELECT 1 FROM data_key WHERE data_key.class = sealed.class AND data_key.day = sealed.day) LIMIT :most)",
    at_once=_MOST_SOUNDS,
)
"""What has lost its key to a purge that was killed."""
QUEUE = KeptRows(
    name="queue",
    days="",
    count="SELECT count(*), min(day) FROM queued WHERE state <> 'over'"
    " AND (:satellites IS NULL OR satellite IN (SELECT value FROM json_each(:satellites)))",
    erase="DELETE FROM queued WHERE number IN (SELECT number FROM queued WHERE (day <= :last OR day > :beyond)"
    " AND (:satellites IS NULL OR satellite IN (SELECT value FROM json_each(:satellites))) LIMIT :most)",
    at_once=_MOST_SOUNDS,
    sealed=QUEUED,
)
"""It goes by the hour, each request by its own: `queued_rows`."""
DAY_SUMS = KeptRows(
    name="day-sums",
    days="aggregate_days",
    count="SELECT count(*), min(day) FROM day_sum",
    erase="DELETE FROM day_sum WHERE rowid IN"
    " (SELECT rowid FROM day_sum WHERE day <= :last OR day > :beyond LIMIT :most)",
)
SCORECARDS = KeptRows(
    name="scorecards",
    days="aggregate_days",
    count="SELECT count(*), min(month || '-01') FROM month",
    erase="DELETE FROM month WHERE month || '-31' <= :last OR month || '-01' > :beyond",
)
BASELINES = KeptRows(
    name="baselines",
    days="aggregate_days",
    count="SELECT count(*), substr(min(began_utc), 1, 10) FROM baseline",
    erase="DELETE FROM baseline WHERE substr(ends_utc, 1, 10) <= :last OR substr(began_utc, 1, 10) > :beyond",
)
INCIDENTS = KeptRows(
    name="incidents",
    days="aggregate_days",
    count="SELECT count(*), date(min(at_ms) / 1000, 'unixepoch') FROM incident",
    erase="DELETE FROM incident WHERE number IN"
    " (SELECT number FROM incident WHERE at_ms <= :last_ms OR at_ms > :beyond_ms LIMIT :most)",
)
LOAD = KeptRows(
    name="load",
    days="aggregate_days",
    count="SELECT count(*), date(min(at_ms) / 1000, 'unixepoch') FROM load_sample",
    erase="DELETE FROM load_sample WHERE at_ms IN"
    " (SELECT at_ms FROM load_sample WHERE at_ms <= :last_ms OR at_ms > :beyond_ms LIMIT :most)",
)
LEDGER = KeptRows(
    name="ledger",
    days="ledger_days",
    count="SELECT count(*), min(day) FROM upload WHERE ending <> 'summed-up'",
    erase="DELETE FROM upload WHERE number IN"
    " (SELECT number FROM upload WHERE day <= :last OR day > :beyond LIMIT :most)",
)
AT_HOME = KeptRows(
    name="ledger-at-home",
    days="ledger_days",
    count="SELECT count(*), min(day) FROM home_use",
    erase="DELETE FROM home_use WHERE day <= :last OR day > :beyond",
)
LEARNED = KeptRows(
    name="learned",
    days="learned_days",
    count="SELECT count(*), substr(min(saved_utc), 1, 10) FROM snapshot",
    erase="DELETE FROM snapshot WHERE substr(saved_utc, 1, 10) <= :last OR substr(saved_utc, 1, 10) > :beyond",
)
CHOICES = KeptRows(
    name="choices",
    days="",
    count="SELECT count(*), substr(min(saved_utc), 1, 10) FROM choice WHERE name = 'policy'",
)
SATELLITES = KeptRows(
    name="satellites",
    days="",
    count="SELECT count(*), substr(min(saved_utc), 1, 10) FROM choice WHERE name GLOB 'satellite/*'",
)
LANES = KeptRows(
    name="lanes",
    days="",
    count="SELECT count(*), substr(min(saved_utc), 1, 10) FROM choice WHERE name = 'lanes'",
)
KEYS = KeptRows(name="data-keys", days="", count="SELECT count(*), min(day) FROM data_key WHERE class <> 'identifiers'")
IDENTIFIER_KEYS = KeptRows(
    name="identifier-keys", days="", count="SELECT count(*), min(day) FROM data_key WHERE class = 'identifiers'"
)

WINDOWED = (SHREDDED, TEXTS, CORRECTED, SOUNDS, PAIRS, TURNS, DAY_SUMS, SCORECARDS, BASELINES, INCIDENTS, LOAD,
            LEDGER, AT_HOME, LEARNED)  # fmt: skip
"""What goes by itself, in this order."""
ALL = (*WINDOWED, QUEUE, CHOICES, SATELLITES, LANES, KEYS, IDENTIFIER_KEYS)


def counted(rows: KeptRows, satellites: Sequence[str] | None, connection: sqlite3.Connection) -> tuple[int, str | None]:
    """Return how many rows there are, of some satellites or all, and the oldest one's day."""
    count, oldest = connection.execute(rows.count, _bound(rows, satellites=satellites)).fetchone()
    return int(count), oldest


def erased_some(
    rows: KeptRows, expired: Expired, satellites: Sequence[str] | None, connection: sqlite3.Connection
) -> int:
    """Erase some rows that are over and return how many; 0 when there are no more."""
    bound = _bound(rows, satellites=satellites) | {
        "last": f"{expired.until}",
        "beyond": f"{expired.beyond}",
        "last_ms": _after_ms(expired.until),
        "beyond_ms": _after_ms(expired.beyond),
        "most": rows.at_once,
    }
    return connection.execute(rows.erase, bound).rowcount


def newest_day(connection: sqlite3.Connection) -> dt.date | None:
    """Return the newest day that any row is of, by the home's calendar; None without rows."""
    (day,) = connection.execute(
        "SELECT max(day) FROM (SELECT max(day) AS day FROM turn UNION ALL SELECT max(day) FROM sealed"
        " UNION ALL SELECT max(day) FROM upload UNION ALL SELECT max(day) FROM day_sum"
        " UNION ALL SELECT date(max(at_ms) / 1000, 'unixepoch') FROM incident"
        " UNION ALL SELECT date(max(at_ms) / 1000, 'unixepoch') FROM load_sample)"
    ).fetchone()
    return dt.date.fromisoformat(day) if day else None


def _bound(rows: KeptRows, *, satellites: Sequence[str] | None) -> dict[str, Any]:
    return {"sealed": rows.sealed, "satellites": None if satellites is None else json.dumps(list(satellites))}


def _after_ms(day: dt.date) -> int:
    """Return the end of a day, in UTC: what is kept for more than a month does not count hours."""
    return (day.toordinal() - dt.date(1970, 1, 1).toordinal() + 1) * _DAY_MS
