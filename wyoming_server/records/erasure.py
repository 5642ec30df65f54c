"""Erasing for good: rows in slices, keys before what they sealed, then the file's free pages and its log.

After `finish` none of it is in the data folder, nor can an older copy of the records be opened by the hub's key.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from ..errors import DiskError
from .believed_day import EVER, Expired
from .data_keys import EPOCH_DAYS, IDENTIFIERS, DataKeys
from .kept_rows import KeptRows, counted, erased_some
from .store import Store

_LOGGER = logging.getLogger(__name__)


class Erasure:
    """Erases by classes. One purge or sweep at a time."""

    def __init__(self, store: Store, keys: DataKeys) -> None:
        self._store, self._keys = store, keys

    async def erase(self, rows: KeptRows, expired: Expired = EVER, *, satellites: Sequence[str] | None = None) -> int:
        """Erase what is over, all without saying more, or of some satellites, and return how much. Raises DiskError.

        What was sealed cannot be read any more once the first slice has gone, save of single satellites: others' days
        have the same keys.
        """
        if rows.sealed and satellites is None:
            await self._store.write(partial(self._keys.drop, rows.sealed, expired))
        erased = 0
        while went := await self._store.write(partial(_some, rows, expired, satellites)):
            erased += went
        return erased

    async def begin(self) -> None:
        """Renew the hub's key: should this process be killed before `finish`, `mend` finishes at the next start.

        To be called before anything is erased. Without it, the log would hold what has gone, and the key to it.
        Raises nothing: what should go goes all the same, and `finish` says what is wrong.
        """
        with suppress(DiskError):
            await self._renew()

    async def _renew(self) -> None:
        await asyncio.to_thread(self._keys.renew)  # not by the thread that uploads wait for: the disk takes its time

    async def is_due(self, rows: KeptRows, expired: Expired) -> bool:
        """Tell whether `erase` would erase any; changes nothing. Raises DiskError."""
        return await self._store.write(partial(_would_go, rows, expired))

    async def forget_names(self, expired: Expired = EVER) -> int:
        """Erase keys of identifiers: of epochs of which no day is left. Raises DiskError."""
        return await self._store.write(partial(_drop_epochs, self._keys, expired))

    async def count(self, rows: KeptRows, satellites: Sequence[str] | None = None) -> int:
        """Return how many rows there are, by looking into the file anew. Raises DiskError."""
        count, _ = await self._store.read(partial(counted, rows, satellites))
        return count

    async def finish(self, *, wholly: bool) -> None:
        """Have what was erased nowhere in the files, as `Store.shrink` does, and renew the hub's key. DiskError."""
        while True:
            await self._renew()
            has_keys = await self._store.write(self._keys.mend)
            await self._store.shrink(wholly=wholly)
            if has_keys:
                await asyncio.to_thread(self._keys.settle)
                return
            if await self._store.write(self._keys.destroy):  # else a turn has just made one
                return

    async def mend(self) -> None:
        """Go on with what was cut short. Raises DiskError."""
        if not await asyncio.to_thread(lambda: self._keys.is_settled):
            await self._store.write(self._keys.mend)
            await self._store.shrink(wholly=False)  # a lost supply must not bring back what only the old key opens
            await asyncio.to_thread(self._keys.settle)

    async def remove_damaged(self, until: date | None = None) -> int:
        """Remove files that were set aside, of days up to one or all, and return how many. Raises DiskError."""
        return await asyncio.to_thread(_remove_damaged, self._store.path, until)


def _some(rows: KeptRows, expired: Expired, satellites: Sequence[str] | None, connection: sqlite3.Connection) -> int:
    is_shredded = bool(rows.sealed) and satellites is None
    if is_shredded:  # nothing opens it any more: overwriting a hundred megabytes would only wear the disk
        connection.execute("PRAGMA secure_delete = FAST")
    try:
        return erased_some(rows, expired, satellites, connection)
    finally:
        if is_shredded:
            connection.execute("PRAGMA secure_delete = ON")


def _would_go(rows: KeptRows, expired: Expired, connection: sqlite3.Connection) -> bool:
    connection.execute("SAVEPOINT trial")
    went = erased_some(rows, expired, None, connection)
    connection.execute("ROLLBACK TO trial")
    connection.execute("RELEASE trial")
    return went > 0


def _drop_epochs(keys: DataKeys, expired: Expired, connection: sqlite3.Connection) -> int:
    whole = expired
    if expired.until != date.max:  # an epoch is named after its first day, and goes with its last
        whole = Expired(until=expired.until - timedelta(days=EPOCH_DAYS - 1), beyond=expired.beyond)
    return keys.drop(IDENTIFIERS, whole, connection)


def _remove_damaged(path: Path, until: date | None) -> int:
    removed = 0
    try:
        for one in path.parent.glob(f"{path.stem}.damaged-*"):
            if until is None or datetime.fromtimestamp(one.stat().st_mtime, UTC).date() <= until:
                one.unlink(missing_ok=True)
                removed += 1
    except OSError as error:
        raise DiskError(f"A damaged file of the records cannot be removed: {error.strerror or error}") from error
    if removed:
        _LOGGER.info("%d files of damaged records are past their time and were removed", removed)
    return removed
