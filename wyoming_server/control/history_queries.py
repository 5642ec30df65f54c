"""What is asked of the past as queries: turns where they are still needed one by one, the sums of days for the rest."""

import datetime as dt
import sqlite3
from collections.abc import Iterable

from ..records.day_sums import days_between, sums_between
from ..records.load_samples import loads_between
from ..records.turn_queries import steps_between
from ..records.turn_sums import Cell, Cells, Sums, cells_of, together
from ..records.turns import milliseconds
from .feed import Json
from .history_told import point_told
from .midnight import midnight

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_EPOCH = dt.date(1970, 1, 1)


def _added(days: Iterable[Cells]) -> Cells:
    """Return the cells of all days together."""
    found: dict[Cell, list[Sums]] = {}
    for cells in days:
        for cell, sums in cells.items():
            found.setdefault(cell, []).append(sums)
    return {cell: together(several) for cell, several in found.items()}


def cells_since(since: dt.datetime, now: dt.datetime, connection: sqlite3.Connection) -> Cells:
    """Return the cells of some time: of its first day from the turns themselves, of the others as they are summed."""
    tomorrow = since.date() + dt.timedelta(days=1)
    days = sums_between(tomorrow, now.date(), connection)
    part = cells_of(connection, day=f"{since.date()}", since_ms=milliseconds(since), summed=True)
    return _added((part, *days.values()))


def cells_between(first: dt.date, last: dt.date, connection: sqlite3.Connection) -> Cells:
    """Return the cells of whole days together."""
    return _added(sums_between(first, last, connection).values())


def points(since: dt.datetime, now: dt.datetime, step_ms: int, connection: sqlite3.Connection) -> list[Json]:
    """Return steps of less than a day, from the turns themselves."""
    offset_ms = _offset_ms(now)
    first, last = ((milliseconds(at) + offset_ms) // step_ms for at in (since, now))
    begin_ms, end_ms = first * step_ms - offset_ms, milliseconds(now)
    turns = steps_between(begin_ms, end_ms, step_ms, offset_ms, connection)
    loads = loads_between(begin_ms, end_ms, step_ms, offset_ms, connection)
    return [
        point_told(
            dt.datetime.fromtimestamp((step * step_ms - offset_ms) / 1000.0, now.tzinfo),
            turns.get(step),
            loads.get(step),
        )
        for step in range(first, last + 1)
    ]


def points_by_day(since: dt.datetime, now: dt.datetime, connection: sqlite3.Connection) -> list[Json]:
    """Return the home's days, from their sums."""
    offset_ms = _offset_ms(now)
    first = since.date()
    turns = days_between(first, now.date(), connection)
    loads = loads_between(milliseconds(midnight(first, now)), milliseconds(now), DAY_MS, offset_ms, connection)
    days = [first + dt.timedelta(days=n) for n in range((now.date() - first).days + 1)]
    return [point_told(midnight(day, now), turns.get(day), loads.get((day - _EPOCH).days)) for day in days]


def _offset_ms(now: dt.datetime) -> int:
    offset = now.utcoffset() or dt.timedelta()
    return round(offset.total_seconds() * 1000.0)
