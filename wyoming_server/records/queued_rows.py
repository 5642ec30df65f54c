"""The rows of requests that wait, in jobs and queries of the store; what was said in them only as sealed bytes."""

import sqlite3
from dataclasses import dataclass, field
from datetime import date

from ..errors import UnknownRequestError
from ..pipeline.policy import WaitKind
from ..resilience.queue import State, Waiting, Why

_ROWS = (
    "SELECT id, number, state, kind, at_ms, until_ms, tries, why, started_by, repeats, length(content) + length(sound)"
    " FROM queued"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedParts:
    """What was said, as it lies on the disk."""

    day: date
    """Of the key."""
    satellite: str = ""
    """Its keyed hash."""
    content: bytes = field(default=b"", repr=False)
    sound: bytes = field(default=b"", repr=False)
    """Empty once it is not needed any more."""


def waiting(connection: sqlite3.Connection) -> list[Waiting]:
    """Return all that are not over, in their order."""
    rows = connection.execute(_ROWS + " WHERE state <> 'over' ORDER BY number")
    return [_waiting(row) for row in rows]


def find(request_id: str, connection: sqlite3.Connection) -> Waiting:
    """Return one, over or not. Raises UnknownRequestError."""
    row = connection.execute(_ROWS + " WHERE id = ?", (request_id,)).fetchone()
    if row is None:
        raise UnknownRequestError("No request that waits has that id: it was dropped, has expired, or never was")
    return _waiting(row)


def insert(one: Waiting, parts: SealedParts, connection: sqlite3.Connection) -> Waiting:
    """Write one down; return it with its number and size."""
    connection.execute(
        "INSERT INTO queued (id, day, satellite, state, kind, at_ms, until_ms, tries, why, started_by, repeats,"
        " content, sound) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(one.id, f"{parts.day}", parts.satellite, one.state.value, one.kind.value, one.at_ms, one.until_ms),
            *(one.tries, one.why.value, one.started_by, one.repeats, parts.content, parts.sound),
        ),
    )
    return find(one.id, connection)


def update(one: Waiting, connection: sqlite3.Connection) -> Waiting:
    """Write down where one stands; of one that is over, what was said is erased."""
    connection.execute(
        "UPDATE queued SET state = ?, kind = ?, until_ms = ?, tries = ?, why = ?, started_by = ? WHERE id = ?",
        (one.state.value, one.kind.value, one.until_ms, one.tries, one.why.value, one.started_by, one.id),
    )
    if one.state is State.OVER:
        connection.execute("UPDATE queued SET content = x'', sound = x'', satellite = '' WHERE id = ?", (one.id,))
    return find(one.id, connection)


def put_parts(request_id: str, content: bytes, sound: bytes, connection: sqlite3.Connection) -> None:
    """Put other content in the place of what was there."""
    connection.execute("UPDATE queued SET content = ?, sound = ? WHERE id = ?", (content, sound, request_id))


def parts_of(request_id: str, connection: sqlite3.Connection) -> SealedParts | None:
    """Return what was said; None where nothing is there any more."""
    row = connection.execute(
        "SELECT day, satellite, content, sound FROM queued WHERE id = ? AND content <> x''", (request_id,)
    ).fetchone()
    if row is None:
        return None
    day, satellite, content, sound = row
    return SealedParts(day=date.fromisoformat(day), satellite=satellite, content=content, sound=sound)


def delete(request_id: str, connection: sqlite3.Connection) -> int:
    """Erase one; return how many that were."""
    return connection.execute("DELETE FROM queued WHERE id = ?", (request_id,)).rowcount


def forget(now_ms: int, connection: sqlite3.Connection) -> None:
    """Erase ids that are over and have been remembered for long enough."""
    connection.execute("DELETE FROM queued WHERE state = 'over' AND until_ms <= ?", (now_ms,))


def drop_keys(kind: str, today: date, connection: sqlite3.Connection) -> int:
    """Erase the keys of days of which nothing is left, and return how many."""
    return connection.execute(
        "DELETE FROM data_key WHERE class = ? AND day <> ?"
        " AND day NOT IN (SELECT day FROM queued WHERE content <> x'')",
        (kind, f"{today}"),
    ).rowcount


def _waiting(row: tuple[str, int, str, str, int, int, int, str, str, str, int]) -> Waiting:
    key, number, state, kind, at_ms, until_ms, tries, why, started_by, repeats, size = row
    return Waiting(
        id=key,
        number=number,
        state=State(state),
        kind=WaitKind(kind),
        at_ms=at_ms,
        until_ms=until_ms,
        tries=tries,
        why=Why(why),
        started_by=started_by,
        repeats=repeats,
        bytes=size,
    )
