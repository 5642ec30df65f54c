"""Keys of what is kept under seal, one for each class and day, wrapped by the hub's: what a key sealed ends with it.

The hub's key lies in a file of its own, which backups leave out: the records alone open nothing, and neither does an
older copy of them once the hub's key was renewed. Whoever may read the whole data folder can open what is kept now.
"""

import importlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ..errors import DiskError
from ..whole_file import part_of
from . import private_file
from .believed_day import Expired

_LOGGER = logging.getLogger(__name__)
FILE_NAME = "records-key"
"""In the data folder."""
IDENTIFIERS, TRANSCRIPTS, CORRECTIONS, RECORDINGS = "identifiers", "transcripts", "corrections", "recordings"
QUEUED = "queued"
"""The classes that have keys."""
EPOCH_DAYS = 30
"""A key of IDENTIFIERS serves so long; its day is the epoch's first."""
KEY_BYTES = 32
NONCE_BYTES = 12
_MOST_KEYS = 8

type Entropy = Callable[[int], bytes]
type _Row = tuple[int, str, str, bytes]
"""Number, class, day, wrapped key."""


class Cipher(Protocol):
    """What `sealing` offers."""

    def sealed(self, key: bytes, content: bytes, bound_to: bytes, nonce: bytes) -> bytes:
        """Return what opens with this key alone."""

    def unsealed(self, key: bytes, content: bytes, bound_to: bytes) -> bytes | None:
        """Return what was sealed; None when it does not open."""

    def keyed_hash(self, key: bytes, content: bytes) -> bytes:
        """Return 32 bytes that only who has the key can tell."""


def cipher() -> Cipher:
    """Return the cipher; the first call loads it (20 ms), so it is not for the event loop."""
    loaded: Cipher = importlib.import_module(".sealing", __package__)
    return loaded


class KeyState(StrEnum):
    """How the hub's key fits what was sealed."""

    GOOD = "good"
    NONE = "none"
    """Nothing was sealed yet."""
    MISSING = "missing"
    WRONG = "wrong"
    """At least some of what was sealed opens with another key alone."""


class DataKeys:
    """Finds, makes and erases keys, within jobs and queries of the store. Thread-safe; keeps no key in memory.

    The hub's key file holds one key, or several while it is renewed: the first one wraps, and any may unwrap. So who
    finds an older key file again may append it to the present one.
    """

    def __init__(self, folder: Path, *, entropy: Entropy = os.urandom) -> None:
        """Use the hub's key of a data folder, made there with the first data key."""
        self._path, self._entropy, self._lock = folder / FILE_NAME, entropy, threading.Lock()
        self._failure = ""

    @property
    def failure(self) -> str:
        """Why the hub's key could not be used the last time; empty when it could."""
        return self._failure

    def of(self, kind: str, day: date, connection: sqlite3.Connection) -> bytes | None:
        """Return the key (32 bytes) of a class and day, made where there is none that opens. For jobs, which write.

        None where the hub's key can be neither read nor made: the log says so, and nothing is to be kept then.
        """
        try:
            hubs = self._hubs_or_new()
        except DiskError as error:
            self._say(f"{error}: no text, no sound, and not who spoke, is kept until then")
            return None
        self._say("")
        if found := _opened(_rows_of(kind, day, connection), hubs):
            return found[0]
        made = self._entropy(KEY_BYTES)
        connection.execute(
            "INSERT INTO data_key (class, day, wrapped) VALUES (?, ?, ?)",
            (kind, f"{day}", self._wrapped(made, hubs[0], kind, f"{day}")),
        )
        return made

    def find(self, kind: str, day: date, connection: sqlite3.Connection) -> bytes | None:
        """Return the key of a class and day; None where there is none that opens. For queries."""
        return next(iter(self.every(kind, day, connection)), None)

    def every(self, kind: str, day: date, connection: sqlite3.Connection) -> list[bytes]:
        """Return all keys of a class and day that open, the newest first: two where the hub's key was lost."""
        return _opened(_rows_of(kind, day, connection), self._hubs())

    def days(self, kind: str, connection: sqlite3.Connection) -> list[date]:
        """Return the days that have keys, the newest first, whether they open or not."""
        found = connection.execute("SELECT DISTINCT day FROM data_key WHERE class = ? ORDER BY day DESC", (kind,))
        return [date.fromisoformat(day) for (day,) in found]

    def state(self, connection: sqlite3.Connection) -> KeyState:
        """Return how the hub's key fits what was sealed."""
        rows, hubs = _all_rows(connection), self._hubs()
        if not rows:
            return KeyState.NONE
        if len(_opened(rows, hubs)) == len(rows):
            return KeyState.GOOD
        return KeyState.WRONG if self._path.exists() else KeyState.MISSING

    def drop(self, kind: str, expired: Expired, connection: sqlite3.Connection) -> int:
        """Erase a class's keys of the days that are over, and return how many."""
        return connection.execute(
            "DELETE FROM data_key WHERE class = ? AND (day <= ? OR day > ?)",
            (kind, f"{expired.until}", f"{expired.beyond}"),
        ).rowcount

    def opens_all(self, kind: str, connection: sqlite3.Connection) -> bool:
        """Tell whether every key of a class opens."""
        rows = [row for row in _all_rows(connection) if row[1] == kind]
        return len(_opened(rows, self._hubs())) == len(rows)

    def renew(self) -> None:
        """Begin another hub's key, so that older copies of the records open no more. Blocks. Raises DiskError.

        `mend` wraps all by it; the old one stays in the file until `settle`, which is due once that is on the disk
        itself. Where it was cut short that often that the file is full, all stays as it is: each may still wrap some.
        """
        with self._lock:
            hubs = _parted(private_file.read(self._path))  # one that cannot be read now must not be written over
            if len(hubs) < _MOST_KEYS:
                self._write((self._entropy(KEY_BYTES), *hubs))

    def mend(self, connection: sqlite3.Connection) -> bool:
        """Wrap all by the key that is to wrap, where the file holds others; tell whether any is wrapped at all."""
        self._rewrap(self._hubs(), connection)
        return bool(_all_rows(connection))

    def settle(self) -> None:
        """Leave in the file only the key that wraps. Blocks. Raises DiskError."""
        with self._lock:
            private_file.remove(part_of(self._path))
            hubs = self._hubs()
            if len(hubs) > 1:
                self._write(hubs[:1])

    def destroy(self, connection: sqlite3.Connection) -> bool:
        """Remove the hub's key, unless it wraps any: tell whether that is so. Raises DiskError."""
        if _all_rows(connection):
            return False
        with self._lock:
            private_file.remove(self._path)
        return True

    @property
    def is_settled(self) -> bool:
        """Whether the file holds one key at most. Blocks."""
        return len(self._hubs()) <= 1

    def _rewrap(self, hubs: Sequence[bytes], connection: sqlite3.Connection) -> None:
        for row in _all_rows(connection):
            number, kind, day, _ = row
            for key in _opened((row,), hubs[1:]):
                anew = self._wrapped(key, hubs[0], kind, day)
                connection.execute("UPDATE data_key SET wrapped = ? WHERE number = ?", (anew, number))

    def _wrapped(self, key: bytes, hub: bytes, kind: str, day: str) -> bytes:
        return cipher().sealed(hub, key, _bound_to(kind, day), self._entropy(NONCE_BYTES))

    def _hubs(self) -> tuple[bytes, ...]:
        """Return the hub's keys, read anew each time: a folder that was put back from a backup has another."""
        try:
            return _parted(private_file.read(self._path))
        except DiskError as error:
            self._say(f"{error}: what was kept under seal cannot be read until then")
            return ()

    def _hubs_or_new(self) -> tuple[bytes, ...]:
        with self._lock:
            hubs = _parted(private_file.read(self._path))
            if not hubs:
                hubs = (self._entropy(KEY_BYTES),)
                self._write(hubs)
            return hubs

    def _write(self, hubs: Sequence[bytes]) -> None:
        private_file.write(self._path, b"".join(hubs))

    def _say(self, failure: str) -> None:
        """Log a failure once."""
        if failure and failure != self._failure:
            _LOGGER.error("%s", failure)
        self._failure = failure


def _rows_of(kind: str, day: date, connection: sqlite3.Connection) -> list[_Row]:
    return connection.execute(
        "SELECT number, class, day, wrapped FROM data_key WHERE class = ? AND day = ? ORDER BY number DESC",
        (kind, f"{day}"),
    ).fetchall()


def _all_rows(connection: sqlite3.Connection) -> list[_Row]:
    return connection.execute("SELECT number, class, day, wrapped FROM data_key ORDER BY number").fetchall()


def _opened(rows: Sequence[_Row], hubs: Sequence[bytes]) -> list[bytes]:
    """Return the keys of those rows that one of the hub's keys opens."""
    found = []
    for _, kind, day, wrapped in rows:
        tried = (cipher().unsealed(hub, wrapped, _bound_to(kind, day)) for hub in hubs)
        found += [key for key in tried if key][:1]
    return found


def _bound_to(kind: str, day: str) -> bytes:
    """Return what a key is bound to: a row that was moved to another class or day does not open there."""
    return f"edge-voice data key\0{kind}\0{day}".encode()


def _parted(content: bytes | None) -> tuple[bytes, ...]:
    """Return the whole keys of a file. A line's end that an editor has left after them must not cost them."""
    whole = (content or b"")[: _MOST_KEYS * KEY_BYTES]
    return tuple(whole[at : at + KEY_BYTES] for at in range(0, len(whole) - KEY_BYTES + 1, KEY_BYTES))
