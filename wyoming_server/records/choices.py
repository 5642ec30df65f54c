"""What the owner has changed at runtime: named JSON values that outlive a restart.

Unlike what is learned, a choice is committed before it is confirmed: who was told that nothing leaves the home must be
able to rely on it. Names never reach the log whole, since those of satellites' choices hold the satellite's own.
"""

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

from ..errors import DiskError, InvalidSettingsError
from .checksum import checksum
from .store import Store

_LOGGER = logging.getLogger(__name__)
POLICY = "policy"
LANES = "lanes"
SATELLITES = "satellite/"
"""The family of the satellites' settings; the satellite's id follows."""
LARGEST_BYTES = 256 << 10
"""Of one value: fifty lanes with service accounts' keys."""
MOST_CHOICES = 1000
LONGEST_NAME = 512

type _Row = tuple[str, str, str]


class Choices:
    """The owner's choices, read once and held in memory. Made by `opened`."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock
        self._texts: dict[str, str] = {}
        self._unread: set[str] = set()
        self._failure: DiskError | None = None

    @classmethod
    async def opened(cls, store: Store, clock: Callable[[], datetime]) -> Self:
        """Return the choices of a store; the clock, which returns a time with its zone, dates them. Raises nothing."""
        self = cls(store, clock)
        try:
            rows = await store.read(_rows)
        except DiskError as error:
            _LOGGER.error("what the owner has chosen cannot be read: %s", error)  # noqa: TRY400  # it says it all
            self._failure = error
            return self
        for name, digest, text in rows:
            if checksum(text) == digest and _is_json(text):
                self._texts[name] = text
            else:
                self._unread.add(name)
                _LOGGER.warning("a choice of the owner is damaged and not used: %s", name.partition("/")[0])
        return self

    @property
    def failure(self) -> DiskError | None:
        """Why nothing could be read at the start; None when all was."""
        return self._failure

    @property
    def unread(self) -> frozenset[str]:
        """Choices that are damaged; they stay until they are saved anew, dropped or purged."""
        return frozenset(self._unread)

    def all(self) -> dict[str, Any]:
        """Return every choice that can be read, as values of the caller's own."""
        return {name: json.loads(text) for name, text in self._texts.items()}

    def get(self, name: str, default: Any = None) -> Any:
        """Return one choice, as a value of the caller's own."""
        text = self._texts.get(name)
        return default if text is None else json.loads(text)

    async def save(self, name: str, value: Any) -> None:
        """Commit a choice. Raises DiskError, and InvalidSettingsError beyond what is kept; the one before stays then.

        A value that is no JSON is the caller's mistake: TypeError or ValueError.
        """
        if len(name) > LONGEST_NAME or not _is_utf8(name):
            raise InvalidSettingsError(f"A name has at most {LONGEST_NAME} characters, all of which can be written")
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
        if len(text) > LARGEST_BYTES:  # ASCII alone, so characters are bytes
            raise InvalidSettingsError(f"That has {len(text)} bytes; at most {LARGEST_BYTES} are kept: shorten it")
        if name not in self._texts and len(self._texts) >= MOST_CHOICES:
            raise InvalidSettingsError(f"{MOST_CHOICES} settings are kept already: forget satellites that are gone")
        saved_utc = self._clock().astimezone(UTC).isoformat(timespec="seconds")
        await self._store.write(partial(_replace, (name, saved_utc, checksum(text), text)))
        self._texts[name] = text
        self._unread.discard(name)

    async def drop(self, name: str) -> bool:
        """Forget a choice; tell whether there was one. Raises DiskError."""
        return await self._erase([name]) > 0

    async def purge(self, *names: str) -> int:
        """Forget choices, or whole families of them ("satellite/"), or all without a name; return how many.

        Raises DiskError.
        """
        known = [*self._texts, *self._unread]
        return await self._erase(
            [one for one in known if not names or one.startswith(_families(names)) or one in names]
        )

    async def _erase(self, names: list[str]) -> int:
        erased = await self._store.write(partial(_delete, names))
        for name in names:
            self._texts.pop(name, None)
            self._unread.discard(name)
        return erased


def _families(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(one for one in names if one.endswith("/"))


def _is_utf8(text: str) -> bool:
    """Tell whether sqlite takes a text: half a surrogate pair, which JSON can hold, is refused there."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError, RecursionError:
        return False
    return True


def _rows(connection: sqlite3.Connection) -> list[_Row]:
    return connection.execute("SELECT name, digest, value FROM choice ORDER BY name").fetchall()


def _replace(row: tuple[str, str, str, str], connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO choice (name, saved_utc, digest, value) VALUES (?, ?, ?, ?)", row)


def _delete(names: list[str], connection: sqlite3.Connection) -> int:
    return sum(connection.execute("DELETE FROM choice WHERE name = ?", (name,)).rowcount for name in names)
