"""Texts and sound of turns, each under seal: bound to its class, its turn and its day, so that none opens elsewhere."""

import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ..errors import NotKeptError, RecordsKeyError
from .data_keys import CORRECTIONS, FILE_NAME, NONCE_BYTES, RECORDINGS, TRANSCRIPTS, DataKeys, Entropy, cipher

SEALED = (TRANSCRIPTS, CORRECTIONS, RECORDINGS)
LOST = (
    f"What was kept under seal before cannot be read: the key file '{FILE_NAME}' in the data folder is gone, or not the"
    f" one of that time. Append the old '{FILE_NAME}' to the present one and restart the server; or purge turns,"
    " transcripts, recordings and corrections. What is kept from now on is not affected"
)
_ANY = "surrogatepass"
"""Texts can come from JSON, which can hold what UTF-8 cannot."""
_TOLD_AS = {TRANSCRIPTS: "text", CORRECTIONS: "correction"}

type _Row = tuple[str, str, str, bytes]
"""Turn, class, day, content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSeal:
    """What is to be kept of a turn."""

    kind: str
    """One of SEALED."""
    day: date
    """The home's."""
    turn: str
    """Its keyed hash; so is the satellite's."""
    satellite: str
    content: bytes = field(repr=False)
    """A text (`text_bytes`), or mono PCM at 16 kHz of 16 bits."""


class Seals:
    """Seals in jobs of the store, and opens in queries."""

    def __init__(self, keys: DataKeys, *, entropy: Entropy = os.urandom) -> None:
        self._keys, self._entropy = keys, entropy
        self._recorded: int | None = None
        """Bytes of recordings, or more; None until they were counted. Touched by the writer's thread alone."""

    def put(self, wanted: ToSeal, connection: sqlite3.Connection) -> bool:
        """Keep something, in place of what was kept of that kind of the turn; tell whether a key was to be had."""
        if not wanted.turn or (key := self._keys.of(wanted.kind, wanted.day, connection)) is None:
            return False
        bound_to = _bound_to(wanted.kind, wanted.turn, f"{wanted.day}")
        content = cipher().sealed(key, wanted.content, bound_to, self._entropy(NONCE_BYTES))
        connection.execute("DELETE FROM sealed WHERE turn = ? AND class = ?", (wanted.turn, wanted.kind))
        connection.execute(
            "INSERT INTO sealed (class, day, turn, satellite, content) VALUES (?, ?, ?, ?, ?)",
            (wanted.kind, f"{wanted.day}", wanted.turn, wanted.satellite, content),
        )
        return True

    def put_recording(self, wanted: ToSeal, most_bytes: int, connection: sqlite3.Connection) -> None:
        """Keep a turn's sound, and let the oldest go where all are more than so many bytes."""
        if not self.put(wanted, connection):
            return
        known = self._recorded + len(wanted.content) if self._recorded is not None else None
        if known is None or known > most_bytes:
            known = _recorded_bytes(connection)
        while known > most_bytes:
            number, size = connection.execute(
                "SELECT number, length(content) FROM sealed WHERE class = ? ORDER BY number LIMIT 1", (RECORDINGS,)
            ).fetchone()
            connection.execute("DELETE FROM sealed WHERE number = ?", (number,))
            known -= size
        self._recorded = known

    def of_turns(self, turns: Sequence[str], connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
        """Return, by a turn's hash, its `text`, its `correction`, and `recording`: what of it is kept and opens."""
        rows = connection.execute(
            "SELECT turn, class, day, CASE class WHEN ? THEN x'' ELSE content END FROM sealed"
            " WHERE turn IN (SELECT value FROM json_each(?)) ORDER BY number",
            (RECORDINGS, json.dumps(list(turns))),
        ).fetchall()
        keys = _DayKeys(self._keys, connection)
        found = dict[str, dict[str, Any]]()
        for row in rows:
            turn, kind, day, _ = row
            if kind == RECORDINGS:
                if keys.open_all(kind, day) or (keys.of(kind, day) and self._has_sound(turn, connection)):
                    found.setdefault(turn, {})["recording"] = True
            elif (opened := keys.opened(row)) is not None:
                found.setdefault(turn, {})[_TOLD_AS[kind]] = opened.decode(errors=_ANY)
        return found

    def _has_sound(self, turn: str, connection: sqlite3.Connection) -> bool:
        try:
            return bool(self.recording(turn, connection))
        except RecordsKeyError:
            return False

    def recording(self, turn: str, connection: sqlite3.Connection) -> bytes:
        """Return a turn's sound, as it was given. Raises NotKeptError, RecordsKeyError."""
        row: _Row | None = connection.execute(
            "SELECT turn, class, day, content FROM sealed WHERE turn = ? AND class = ? AND ? <> ''",
            (turn, RECORDINGS, turn),
        ).fetchone()
        if row is None:
            raise NotKeptError("The sound of that turn was not kept, or is not any more")
        opened = _DayKeys(self._keys, connection).opened(row)
        if opened is None:
            raise RecordsKeyError(LOST)
        return opened


class _DayKeys:
    """The keys that one query needs, each unwrapped once."""

    def __init__(self, keys: DataKeys, connection: sqlite3.Connection) -> None:
        self._keys, self._connection = keys, connection
        self._known = dict[tuple[str, str], list[bytes]]()

    def of(self, kind: str, day: str) -> list[bytes]:
        """Return a day's keys."""
        if (kind, day) not in self._known:
            self._known[kind, day] = self._keys.every(kind, date.fromisoformat(day), self._connection)
        return self._known[kind, day]

    def open_all(self, kind: str, day: str) -> bool:
        """Tell whether they open all of the day, so that nothing need be read to know it: a lost key leaves its row."""
        (count,) = self._connection.execute(
            "SELECT count(*) FROM data_key WHERE class = ? AND day = ?", (kind, day)
        ).fetchone()
        return 0 < int(count) == len(self.of(kind, day))

    def opened(self, row: _Row) -> bytes | None:
        """Return what a row holds; None where no key opens it."""
        turn, kind, day, content = row
        tried = (cipher().unsealed(key, content, _bound_to(kind, turn, day)) for key in self.of(kind, day))
        return next((one for one in tried if one is not None), None)


def text_bytes(text: str) -> bytes:
    """Return a text as it is sealed."""
    return text.encode(errors=_ANY)


def _bound_to(kind: str, turn: str, day: str) -> bytes:
    return f"edge-voice sealed\0{kind}\0{turn}\0{day}".encode()


def _recorded_bytes(connection: sqlite3.Connection) -> int:
    return int(
        connection.execute(
            "SELECT coalesce(sum(length(content)), 0) FROM sealed WHERE class = ?", (RECORDINGS,)
        ).fetchone()[0]
    )
