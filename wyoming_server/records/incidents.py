"""What its owner should know happened: rows with a sentence of ours, and no more."""

import datetime as dt
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .turns import milliseconds

LONGEST_SUBJECT = 200
LONGEST_MESSAGE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One of them."""

    at: dt.datetime
    kind: str
    """`mode`, `drift`, `bundle`, `lane`, `records`, `load` or `baseline`."""
    subject: str
    """A language, a bundle, a lane; empty where it is the hub itself."""
    message: str


def noting(incident: Incident) -> Callable[[sqlite3.Connection], object]:
    """Return the job that writes one down."""
    return partial(_insert, incident)


def last_incidents(most: int, until: dt.datetime, connection: sqlite3.Connection) -> list[Incident]:
    """Return the newest first, none of a time that is still to come: a clock was wrong then."""
    found = connection.execute(
        "SELECT at_ms, kind, subject, message FROM incident WHERE at_ms <= ? ORDER BY at_ms DESC, number DESC LIMIT ?",
        (milliseconds(until), most),
    )
    return [
        Incident(
            at=dt.datetime.fromtimestamp(at_ms / 1000.0, until.tzinfo), kind=kind, subject=subject, message=message
        )
        for at_ms, kind, subject, message in found
    ]


def _insert(incident: Incident, connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO incident (at_ms, kind, subject, message) VALUES (?, ?, ?, ?)",
        (
            milliseconds(incident.at),
            incident.kind,
            incident.subject[:LONGEST_SUBJECT],
            incident.message[:LONGEST_MESSAGE],
        ),
    )
