"""What was learned, kept from one start to the next: named JSON states.

A state is written with the store's next batch, the newest for each name alone: a killed process loses the last seconds
of what it learned, and never finds half a state.
"""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from .checksum import checksum
from .store import Store

_LOGGER = logging.getLogger(__name__)
LARGEST_BYTES = 2 << 20
"""Ten times what a large home learns."""


class Snapshots:
    """Named states in the store."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        """Keep states in a store; the clock, which returns a time with its zone, dates them."""
        self._store, self._clock = store, clock

    async def load(self, name: str) -> Mapping[str, Any] | None:
        """Return a state as it was last saved; None when there is none, or a damaged one, which is then dropped.

        Raises DiskError. Floats come back exactly, infinities included; tuples as lists, other keys as texts.
        """
        await self._store.flush()
        found = await self._store.read(partial(_find, name))
        if found is None:
            return None
        digest, text = found
        state = _decoded(digest, text)
        if state is None:
            _LOGGER.warning("the snapshot '%s' is damaged: what it knew is learned anew", name)
            await self.drop(name)
        return state

    async def save(self, name: str, state: Mapping[str, Any]) -> None:
        """Have a state, as it is now, written within seconds; one that was not written yet is replaced.

        Raises ValueError for a state that JSON cannot hold, or beyond LARGEST_BYTES: the one saved before stays.
        """
        try:
            # In a thread: a quarter of a megabyte takes 3 to 11 ms, which a turn would feel.
            text = await asyncio.to_thread(json.dumps, dict(state), separators=(",", ":"))
        except (TypeError, RecursionError) as error:
            raise ValueError(f"the snapshot '{name}' is no JSON: {error}") from error
        if len(text) > LARGEST_BYTES:  # ASCII alone, so characters are bytes
            raise ValueError(f"the snapshot '{name}' has {len(text)} bytes; allowed are {LARGEST_BYTES}")
        row = (name, self._clock().astimezone(UTC).isoformat(timespec="seconds"), checksum(text), text)
        self._store.later(partial(_replace, row), key=("snapshot", name))

    async def clear(self) -> int:
        """Forget every state at once and return how many there were. Raises DiskError."""
        await self._store.flush()
        return await self._store.write(_delete_all)

    async def drop(self, name: str) -> None:
        """Forget a state, within seconds."""
        self._store.later(partial(_delete, name), key=("snapshot", name))


def _decoded(digest: str, text: str) -> dict[str, Any] | None:
    """Return the state; None when it is not what was written."""
    if checksum(text) != digest:
        return None
    try:
        state = json.loads(text)
    except ValueError:
        return None
    return state if isinstance(state, dict) else None


def _find(name: str, connection: sqlite3.Connection) -> tuple[str, str] | None:
    found: tuple[str, str] | None = connection.execute(
        "SELECT digest, state FROM snapshot WHERE name = ?", (name,)
    ).fetchone()
    return found


def _replace(row: tuple[str, str, str, str], connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO snapshot (name, saved_utc, digest, state) VALUES (?, ?, ?, ?)", row)


def _delete_all(connection: sqlite3.Connection) -> int:
    return connection.execute("DELETE FROM snapshot").rowcount


def _delete(name: str, connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM snapshot WHERE name = ?", (name,))
