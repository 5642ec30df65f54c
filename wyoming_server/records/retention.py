"""Letting go: what is past the window of its class goes, every hour and at every start."""

import logging
from collections.abc import Callable
from datetime import date, timedelta

from .believed_day import BelievedDay
from .day_sums import sum_up
from .erasure import Erasure
from .kept_rows import PAIRS, WINDOWED, KeptRows, newest_day
from .record_settings import RecordSettings
from .snapshots import Snapshots
from .store import Store

_LOGGER = logging.getLogger(__name__)
SNAPSHOT = "retention"


class Retention:
    """Sweeps the records. `begin` first."""

    def __init__(
        self,
        store: Store,
        erasure: Erasure,
        snapshots: Snapshots,
        *,
        settings: Callable[[], RecordSettings],
        today: Callable[[], date],
        clock: Callable[[], float],
    ) -> None:
        """Go by the windows of now; `today` is the home's, as its clock says, and `clock` monotonic seconds."""
        self._store, self._erasure, self._snapshots = store, erasure, snapshots
        self._settings, self._today, self._clock = settings, today, clock
        self._day = BelievedDay()
        self._saved: object = None
        self._is_in_doubt = False

    async def begin(self) -> None:
        """Take up which day was believed. Raises DiskError."""
        self._day = BelievedDay.restored(await self._snapshots.load(SNAPSHOT))

    async def sweep(self) -> int:
        """Let go what is over, and return how many rows; none while the clock is in doubt. Raises DiskError."""
        day = self._day.look(self._today(), self._clock(), await self._store.read(newest_day))
        await self._remember()
        if day is None and not self._is_in_doubt:
            _LOGGER.warning(
                "The clock has leapt from %s to %s: nothing is let go until it has held for a day",
                self._day.known,
                self._today(),
            )
        self._is_in_doubt = day is None
        return await self._let_go(day) if day is not None else 0

    async def _remember(self) -> None:
        if (state := self._day.snapshot()) != self._saved:
            await self._snapshots.save(SNAPSHOT, state)
            self._saved = state

    async def _let_go(self, day: date) -> int:
        windows = self._settings()
        until = max(day - timedelta(days=windows.turn_days), day - timedelta(days=windows.pair_days))
        await sum_up(self._store, before=until + timedelta(days=1))
        over = {rows: self._day.expired(day, window(rows, windows)) for rows in WINDOWED}
        due = [rows for rows in WINDOWED if await self._erasure.is_due(rows, over[rows])]
        if due:
            await self._erasure.begin()
        went = 0
        for rows in WINDOWED if due else ():
            went += await self._erasure.erase(rows, over[rows])
        turns = self._day.expired(day, windows.turn_days)
        went += await self._erasure.forget_names(turns)
        await self._erasure.remove_damaged(turns.until)
        if went:
            await self._erasure.finish(wholly=False)
        return went


def window(rows: KeptRows, windows: RecordSettings) -> int:
    """Return for how many days rows are kept: what is of a turn, for no longer than the turn, which it is found by."""
    days = int(getattr(windows, rows.days))
    return min(days, windows.turn_days) if rows.sealed or rows is PAIRS else days
