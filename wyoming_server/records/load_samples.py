"""How the hub was loaded: a sample every five minutes for two days, then one for each hour."""

import datetime as dt
import sqlite3
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import partial

from .turns import milliseconds

EVERY_SECONDS = 300.0
WHOLE_DAYS = 2
"""For which every sample is kept: figures over time have steps of an hour, then of more."""
HOUR_MS = 3_600_000
SLICE = 48
"""Hours that are put together in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSample:
    """What the machine was doing."""

    cpu_percent: float
    memory_percent: float
    memory_mb: float
    """Of this process."""
    decode_busy: float
    """Share of the last minute in which the recogniser worked, 0 to 1."""
    waiting: int
    """Turns."""
    throttled: bool | None
    """None where the machine does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanLoad:
    """Over some time."""

    cpu_percent: float
    memory_percent: float
    decode_busy: float


def sampling(at: dt.datetime, sample: LoadSample) -> Callable[[sqlite3.Connection], object]:
    """Return the job that writes a sample down."""
    return partial(_insert, milliseconds(at), sample)


def loads_between(
    since_ms: int, until_ms: int, step_ms: int, offset_ms: int, connection: sqlite3.Connection
) -> dict[int, MeanLoad]:
    """Return the mean of each step that has samples, by the step's number since 1970 in a zone that far from UTC."""
    found = connection.execute(
        "SELECT (at_ms + :offset) / :step, avg(cpu_percent), avg(memory_percent), avg(decode_busy) FROM load_sample"
        " WHERE at_ms BETWEEN :since AND :until GROUP BY 1",
        {"offset": offset_ms, "step": step_ms, "since": since_ms, "until": until_ms},
    )
    return {
        step: MeanLoad(cpu_percent=cpu, memory_percent=memory, decode_busy=busy) for step, cpu, memory, busy in found
    }


def thin(now: dt.datetime, connection: sqlite3.Connection) -> int:
    """Put the samples of hours that are past WHOLE_DAYS together, SLICE hours at most; return how many hours it were.

    The mean of each, but for what waited and whether the processor was slowed: the most.
    """
    before_ms = (milliseconds(now) - WHOLE_DAYS * 24 * HOUR_MS) // HOUR_MS * HOUR_MS
    hours = connection.execute(
        "SELECT at_ms / :hour * :hour, avg(cpu_percent), avg(memory_percent), avg(memory_mb), avg(decode_busy),"
        " max(waiting), max(throttled) FROM load_sample WHERE at_ms < :before"
        " GROUP BY 1 HAVING count(*) > 1 LIMIT :most",
        {"hour": HOUR_MS, "before": before_ms, "most": SLICE},
    ).fetchall()
    for at_ms, *_ in hours:
        connection.execute("DELETE FROM load_sample WHERE at_ms BETWEEN ? AND ?", (at_ms, at_ms + HOUR_MS - 1))
    connection.executemany("INSERT INTO load_sample VALUES (?, ?, ?, ?, ?, ?, ?)", hours)
    return len(hours)


def _insert(at_ms: int, sample: LoadSample, connection: sqlite3.Connection) -> None:
    # A clock that was put back may come by the same moment again.
    connection.execute("INSERT OR REPLACE INTO load_sample VALUES (?, ?, ?, ?, ?, ?, ?)", (at_ms, *astuple(sample)))
