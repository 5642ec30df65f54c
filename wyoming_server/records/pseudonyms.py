"""Who spoke, as the records have it: keyed hashes that begin anew every thirty days.

Of an identifier that somebody guesses, only who holds the epoch's key can tell whether it is there; once the key is
erased with the epoch's last records, nobody can. Two epochs have nothing in common.
"""

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterable
from typing import Protocol

from .data_keys import EPOCH_DAYS, IDENTIFIERS, cipher

TURN, SATELLITE, SESSION = "turn", "satellite", "session"
"""The kinds: the same name as another kind is another hash."""
HEX_DIGITS = 16

type Pseudonym = Callable[[str, str], str]
"""(kind, identifier) → its hash; empty for an empty identifier."""


class EpochKeys(Protocol):
    """The keys, as `DataKeys` has them."""

    def of(self, kind: str, day: dt.date, connection: sqlite3.Connection) -> bytes | None:
        """Return a day's key, made where there is none; None where none can be."""

    def every(self, kind: str, day: dt.date, connection: sqlite3.Connection) -> list[bytes]:
        """Return all keys of a day that open."""

    def days(self, kind: str, connection: sqlite3.Connection) -> list[dt.date]:
        """Return the days that have keys."""


class Pseudonyms:
    """Hashes identifiers within jobs and queries of the store; never on the event loop."""

    def __init__(self, keys: EpochKeys) -> None:
        """Hash by the keys of a data folder."""
        self._keys = keys

    def at(self, day: dt.date, connection: sqlite3.Connection) -> Pseudonym:
        """Return how identifiers of the home's day are written down. For jobs. Without a key: not at all."""
        key = self._keys.of(IDENTIFIERS, epoch(day), connection)
        return _under(key) if key else lambda _kind, _identifier: ""

    def on(self, day: dt.date, kind: str, identifier: str, connection: sqlite3.Connection) -> list[str]:
        """Return the hashes that an identifier can have on a day: two where the hub's key was lost in its epoch."""
        keys = self._keys.every(IDENTIFIERS, epoch(day), connection)
        return [_under(key)(kind, identifier) for key in keys if identifier]

    def among(self, kind: str, identifiers: Iterable[str], connection: sqlite3.Connection) -> dict[str, str]:
        """Return every hash that identifiers have in any epoch, and whose it is. For queries; 10 us for each."""
        names = list(identifiers)
        found = {
            known_as(kind, one): one
            for day in self._keys.days(IDENTIFIERS, connection)
            for known_as in map(_under, self._keys.every(IDENTIFIERS, day, connection))
            for one in names
        }
        found.pop("", None)
        return found

    def every(self, kind: str, identifier: str, connection: sqlite3.Connection) -> list[str]:
        """Return all hashes of one identifier. For queries."""
        return list(self.among(kind, [identifier], connection))


def epoch(day: dt.date) -> dt.date:
    """Return the first day of a day's epoch."""
    return dt.date.fromordinal(day.toordinal() // EPOCH_DAYS * EPOCH_DAYS)


def _under(key: bytes) -> Pseudonym:
    """Return how identifiers are hashed under a key."""
    hashed = cipher().keyed_hash

    def known_as(kind: str, identifier: str) -> str:
        content = f"{kind}\0{identifier}".encode(errors="replace")
        return hashed(key, content).hex()[:HEX_DIGITS] if identifier else ""

    return known_as
