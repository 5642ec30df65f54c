"""What the ledger tells those who ask: its rows, and their sums."""

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime

from ..pipeline.lanes import Upload
from ..pipeline.policy import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One upload."""

    number: int
    at: datetime
    """In UTC."""
    day: date
    """The home's day, whose cap it counts towards."""
    lane: str
    turn_id: str
    reason: str
    consent: str
    """The day of the consent that it rests on."""
    seconds: float
    bytes: int
    cost: float
    currency: str
    ending: str
    """Empty while it is under way."""
    took_seconds: float | None
    """None while it is under way, and for what was interrupted."""
    has_left: bool
    """False when it ended before any byte could leave; it then counts towards no cap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTotal:
    """What went to a lane over some days."""

    lane: str
    trust: Trust
    uploads: int
    """Without those that never left."""
    seconds: float
    bytes: int
    cost: float
    currency: str
    """Empty for what stayed at home. A lane has a total for each currency that it was paid in."""
    answered: int
    """Always 0 for what stayed at home: that is counted without its endings."""


def last_rows(most: int, before: int | None, connection: sqlite3.Connection) -> tuple[LedgerRow, ...]:
    """Return the newest rows, newest first."""
    found = connection.execute(
        "SELECT number, at_utc, day, lane, turn_id, reason, consent, seconds, bytes, cost, currency, ending,"
        " took_seconds, has_left FROM upload WHERE :before IS NULL OR number < :before"
        " ORDER BY number DESC LIMIT :most",
        {"before": before, "most": max(0, most)},
    )
    return tuple(_row(*one) for one in found)


def _row(
    number: int,
    at_utc: str,
    day: str,
    lane: str,
    turn_id: str,
    reason: str,
    consent: str,
    seconds: float,
    size: int,
    cost: float,
    currency: str,
    ending: str,
    took_seconds: float | None,
    has_left: int,
) -> LedgerRow:
    return LedgerRow(
        number=number,
        at=datetime.fromisoformat(at_utc),
        day=date.fromisoformat(day),
        lane=lane,
        turn_id=turn_id,
        reason=reason,
        consent=consent,
        seconds=seconds,
        bytes=size,
        cost=cost,
        currency=currency,
        ending=ending,
        took_seconds=took_seconds,
        has_left=bool(has_left),
    )


def totals(first_day: date, last_day: date, connection: sqlite3.Connection) -> tuple[LaneTotal, ...]:
    """Return the sums of each lane over some days, both included."""
    found = connection.execute(
        "SELECT lane, 'cloud', count(*), total(seconds), sum(bytes), total(cost), currency,"
        " count(*) FILTER (WHERE ending = 'answered')"
        " FROM upload WHERE has_left AND day BETWEEN :first AND :last GROUP BY lane, currency"
        " UNION ALL SELECT lane, trust, sum(uploads), total(seconds), sum(bytes), 0.0, '', 0"
        " FROM home_use WHERE day BETWEEN :first AND :last GROUP BY lane, trust"
        " ORDER BY 1, 2, 7",
        {"first": first_day.isoformat(), "last": last_day.isoformat()},
    )
    return tuple(
        LaneTotal(
            lane=lane,
            trust=Trust(trust),
            uploads=uploads,
            seconds=seconds,
            bytes=size,
            cost=cost,
            currency=currency,
            answered=answered,
        )
        for lane, trust, uploads, seconds, size, cost, currency, answered in found
    )


def count_at_home(day: date, upload: Upload, connection: sqlite3.Connection) -> None:
    """Count an upload that stays in the house: no row, only a sum for each day and lane."""
    connection.execute(
        "INSERT INTO home_use (day, lane, trust, uploads, seconds, bytes) VALUES (?, ?, ?, 1, ?, ?)"
        " ON CONFLICT DO UPDATE SET uploads = uploads + 1, seconds = seconds + excluded.seconds,"
        " bytes = bytes + excluded.bytes",
        (day.isoformat(), upload.lane, upload.trust.value, upload.seconds, upload.bytes),
    )


def summed_up(today: date, connection: sqlite3.Connection) -> int:
    """Erase rows, and what stayed at home; of this month one stays for each day, lane, currency and reason.

    Returns how many uploads went.
    """
    went = int(connection.execute("SELECT count(*) FROM upload WHERE ending NOT IN ('', 'summed-up')").fetchone()[0])
    first = today.replace(day=1).isoformat()
    kept = connection.execute(
        "SELECT day, lane, reason, currency, sum(seconds), sum(bytes), sum(cost) FROM upload"
        " WHERE has_left AND ending <> '' AND day >= ? GROUP BY day, lane, reason, currency",
        (first,),
    ).fetchall()
    connection.execute("DELETE FROM upload WHERE ending <> ''")
    connection.execute("DELETE FROM home_use")  # no cap rests on it
    connection.executemany(
        "INSERT INTO upload (at_utc, day, lane, turn_id, reason, consent, seconds, bytes, cost, currency, ending)"
        " VALUES (?, ?, ?, '', ?, '', ?, ?, ?, ?, 'summed-up')",
        [
            (f"{day}T00:00:00.000+00:00", day, lane, reason, seconds, size, cost, currency)
            for day, lane, reason, currency, seconds, size, cost in kept
        ],
    )
    return went
