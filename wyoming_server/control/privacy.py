"""What is kept, why, for how long, and its end."""

import asyncio
import datetime as dt
import logging
import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import DiskError, RecordsKeyError
from ..pipeline.types import Outcome
from ..records import kept_rows, lineage
from ..records.data_keys import DataKeys, KeyState
from ..records.erasure import Erasure
from ..records.retention import Retention
from ..records.seals import LOST
from ..records.snapshots import Snapshots
from ..records.store import Store
from ..records.turn_record import TurnLabel, TurnRecord
from ..settings import Settings
from .feed import Json
from .keepsakes import Keepsakes
from .purge import Eraser, Purge

_LOGGER = logging.getLogger(__name__)
SWEEP_SECONDS = 3600.0
COUNT_SECONDS = 60.0
"""How old the status's counts may be."""
IN_STATUS = (kept_rows.TURNS, kept_rows.TEXTS, kept_rows.SOUNDS, kept_rows.CORRECTED)


class Keeper:
    """Keeps texts and sound where the owner wants that, lets all go in time, and erases: a `Hearer`, and `Privacy`."""

    def __init__(
        self,
        store: Store,
        snapshots: Snapshots,
        folder: Path,
        *,
        settings: Callable[[], Settings],
        wall: Callable[[], dt.datetime],
        clock: Callable[[], float],
    ) -> None:
        """Keep in a store, with the hub's key in a data folder, by the settings of now.

        `wall` is the home's own time, and `clock` monotonic seconds.
        """
        self._store, self._settings, self._clock = store, settings, clock
        self.keys = DataKeys(folder)
        """For all that writes records: whichever meets a failure, the owner is told of it."""
        self._kept = Keepsakes(store, self.keys, settings=settings, today=lambda: wall().date())
        self._erasure = Erasure(store, self.keys)
        self._purge = Purge(store, self.keys, self._erasure)
        self._retention = Retention(
            store,
            self._erasure,
            snapshots,
            settings=lambda: settings().records,
            today=lambda: wall().date(),
            clock=clock,
        )
        self._erasing = asyncio.Lock()
        self._counts: Json = {"bytes": 0, **dict.fromkeys((one.name for one in IN_STATUS), 0), "oldest": None}
        self._key, self._has_moved = KeyState.NONE, False

    def erase_by(self, erasers: Mapping[str, Eraser]) -> None:
        """Learn how to erase what is kept elsewhere."""
        self._purge.erasers = erasers

    async def begin(self) -> None:
        """Look at the key, and at what is kept; never raises for the disk."""
        try:
            await self._retention.begin()
            await self._erasure.mend()
        except DiskError as error:
            _LOGGER.debug("%s", error)  # the store says it
        await self._count()
        if self._key in {KeyState.MISSING, KeyState.WRONG}:
            _LOGGER.warning("%s", LOST)

    def turn(self, record: TurnRecord, outcome: Outcome | None) -> None:
        """Keep what of a turn is wanted."""
        self._has_moved = True
        if outcome is not None:
            self._kept.turn(record, outcome)

    def label(self, label: TurnLabel) -> None:
        """Labels are no texts."""

    def woke(self, satellite: str, word: str) -> None:
        """Wake words are no texts."""

    def corrected(self, turn_id: str, text: str) -> None:
        """Keep what was really said, where texts are kept."""
        self._kept.corrected(turn_id, text)

    def of_turns(self, turns: Sequence[str], connection: sqlite3.Connection) -> dict[str, Json]:
        """Return, by a turn's hash, `text`, `correction` and `recording`: what is kept and opens. For queries."""
        return self._kept.of_turns(turns, connection)

    async def recording(self, number: int) -> bytes:
        """Return a turn's sound as WAV. Raises NotKeptError, RecordsKeyError, DiskError."""
        return await self._kept.recording(number)

    # What is told.

    def status(self) -> Json:
        """Return what of the status is ours, as it was last counted."""
        return {**self._counts, "key": self._key.value}

    def warnings(self) -> list[Json]:
        """Return what its owner should mend."""
        message = LOST if self._key in {KeyState.MISSING, KeyState.WRONG} else self.keys.failure
        return [{"code": RecordsKeyError.code, "message": message, "subject": ""}] if message else []

    def lineage(self) -> Json:
        """Return every class of data and every flow of it."""
        return lineage.told(self._settings().records)

    async def kept(self) -> Json:
        """Return how much is kept of each class now. Raises DiskError."""
        await self._store.flush()
        found = await self._store.read(_all_counted)
        await self._count()
        classes = []
        for one in lineage.classes(self._settings().records):
            rows, oldest = found.get(one.name, (None, None))
            told = {"name": one.name, "days": one.days, "setting": one.setting, "rows": rows, "oldest": oldest}
            classes.append(told)
        return {"now": self.status(), "classes": classes}

    async def _count(self) -> None:
        """Count for the status; never raises for the disk."""
        self._has_moved = False
        try:
            self._counts, self._key = await self._store.read(self._looked)
        except DiskError as error:
            _LOGGER.debug("%s", error)  # the next write says it

    def _looked(self, connection: sqlite3.Connection) -> tuple[Json, KeyState]:
        counted = {rows.name: kept_rows.counted(rows, None, connection) for rows in IN_STATUS}
        path = self._store.path
        counts: Json = {
            "bytes": sum(one.stat().st_size for one in path.parent.glob(f"{path.stem}*{path.suffix}*")),
            **{name: count for name, (count, _) in counted.items()},
            "oldest": min((day for _, day in counted.values() if day), default=None),
        }
        return counts, self.keys.state(connection)

    # Its end.

    async def purge(self, what: Sequence[str], satellite: str | None) -> Json:
        """Erase, of one satellite or altogether; return how much went, and what is left. UsageError, DiskError."""
        async with self._erasing:
            try:
                return await self._purge.run(what, satellite)
            finally:
                await self._count()

    async def sweep(self) -> None:
        """Let go what is past its window; never raises."""
        async with self._erasing:
            try:
                await self._store.flush()
                await self._retention.sweep()
            except DiskError as error:
                _LOGGER.debug("%s", error)  # the store says it, and the next hour comes
            except Exception:
                _LOGGER.exception("what is past its window could not be let go")
        await self._count()

    async def run(self) -> None:
        """Let go what is past its window, until cancelled."""
        swept_s = -math.inf
        while True:
            if self._clock() - swept_s >= SWEEP_SECONDS:
                swept_s = self._clock()
                await self.sweep()
            elif self._has_moved:
                await self._count()
            await asyncio.sleep(COUNT_SECONDS)


def _all_counted(connection: sqlite3.Connection) -> dict[str, tuple[int, str | None]]:
    return {one.name: kept_rows.counted(one, None, connection) for one in kept_rows.ALL}
