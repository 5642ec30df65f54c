"""The egress ledger: every upload is a row before its first byte leaves the home, and the owner's caps hold.

A row holds no text, no satellite and no key. It is committed when `open` returns, so it survives the process, however
that ends; when the power fails, the rows of the last seconds may be gone (`Database` says why that price is paid).
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, date, datetime
from functools import partial

from ..errors import (
    CapReachedError,
    DiskError,
)
from ..pipeline.lanes import NEVER_LEFT, LaneSettings, Upload
from ..pipeline.policy import Trust
from .caps import Clock, LedgerSettings, Remaining, Used, refusal_of, used_by
from .database import Job
from .ledger_rows import LaneTotal, LedgerRow, count_at_home, last_rows, summed_up, totals
from .store import Store

STAYS_HOME = 0
"""The number of uploads that leave no row."""
LONGEST_WAIT_SECONDS = 0.5
"""A disk that does not take a row within this time is treated as one that refuses it."""
MOST_UNDER_WAY = 1000
"""Uploads whose end is awaited; a client that never tells of it is not waited for longer."""
INTERRUPTED = "interrupted"
"""The ending of what was under way when the server was killed: it counts as sent."""


class EgressLedger:
    """Writes uploads down and keeps the caps: a `Ledger`. Made by `opened`.

    Reservation and row are one transaction, so of two uploads that race for the last second one gets it, also when
    they are in two processes. Days are those of the clock: one that was wrong spends another day's cap, never more.
    """

    def __init__(self, store: Store, settings: LedgerSettings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._under_way: dict[int, str] = {}
        """Number → time, of rows that this process opened; touched by the writer's thread alone."""
        self._used: Used | None = None
        self.also_capped: Callable[[Upload], str] = lambda _upload: ""
        """A further cap: says why an upload to the cloud may not happen, or counts it and says nothing. Quick."""
        self._uploads: dict[int, Upload] = {}
        self.on_upload: Callable[[Upload], None] = lambda _upload: None
        """Told of each that went, once it has ended; of one that stays at home, as it begins. Must not raise."""

    @classmethod
    async def opened(cls, store: Store, settings: LedgerSettings, clock: Clock | None = None) -> EgressLedger:
        """Return the ledger, with what a killed process left open marked as interrupted. Raises nothing of the disk."""
        ledger = cls(store, settings, clock or settings.clock())
        store.later(ledger._interrupt, soon=True)
        store.later(ledger._count_used, soon=True)
        await store.flush()
        return ledger

    def adopt(self, settings: LedgerSettings) -> None:
        """Keep other caps from now on."""
        self._settings = settings

    async def open(self, upload: Upload) -> int:
        """Commit an upload before it happens and return its number; STAYS_HOME for one that does not leave.

        Raises CapReachedError when it would exceed a cap, and DiskError when it cannot be written: then nothing may
        leave. An upload whose wait is cancelled counts as never sent.
        """
        if upload.trust is not Trust.CLOUD:
            self._store.later(partial(count_at_home, self._today(), upload))
            self.on_upload(upload)
            return STAYS_HOME
        if reason := self.also_capped(upload):
            raise CapReachedError(reason)
        row = self._store.submit(partial(self._reserve, self._clock(), upload), urgent=True)
        try:
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                number, used = await asyncio.wrap_future(row)
        except (TimeoutError, asyncio.CancelledError) as error:
            self._store.later(partial(self._take_back, row), soon=True)
            if isinstance(error, TimeoutError):
                raise DiskError(
                    f"'{self._store.path}' took no row within {LONGEST_WAIT_SECONDS} s, so nothing leaves: "
                    "see whether its disk is failing"
                ) from error
            raise
        self._used = used
        if isinstance(number, CapReachedError):
            raise number
        self._uploads[number] = upload
        if len(self._uploads) > MOST_UNDER_WAY:
            del self._uploads[next(iter(self._uploads))]
        return number

    async def close(self, number: int, ending: str, seconds_taken: float) -> None:
        """Say how an upload ended: `answered`, `cancelled`, or the code of its error. Never raises, nor waits.

        The first ending stays. One of NEVER_LEFT gives its seconds and money back.
        """
        if number != STAYS_HOME:
            self._store.later(partial(self._end, number, ending, seconds_taken), soon=True)
        upload = self._uploads.pop(number, None)
        if upload is not None and ending not in NEVER_LEFT:
            self.on_upload(upload)

    async def record(self, upload: Upload, at: datetime, ending: str, took_seconds: float) -> None:
        """Write down an upload that a client made while it could not ask; it counts towards its day's cap.

        Raises DiskError.
        """
        if upload.trust is Trust.CLOUD:
            await self._store.write(partial(self._add, at, upload, ending, took_seconds))
            if ending not in NEVER_LEFT:
                self.on_upload(upload)

    async def purge(self) -> int:
        """Erase all rows but this month's sums per day and lane, which the caps rest on; return how many went.

        Raises DiskError.
        """
        await self._store.flush()
        return await self._store.write(partial(summed_up, self._today()))

    def capped(self, lane: LaneSettings, seconds: float) -> str:
        """Return why so many seconds may not go to a lane now; nothing when they may. Knows what `remaining` knows."""
        if lane.trust_class is not Trust.CLOUD:
            return ""
        upload = Upload(
            lane=lane.name,
            trust=Trust.CLOUD,
            turn_id="",
            reason="",
            consent=lane.consent,
            seconds=seconds,
            bytes=0,
            cost=lane.cost(seconds),
        )
        return refusal_of(upload, self._used_today(), self._settings)

    def remaining(self) -> Remaining:
        """Return what may still leave, by what was last seen in the file; `open` has the last word."""
        used, caps = self._used_today(), self._settings
        seconds = max(0.0, caps.cloud_seconds_per_day - used.seconds)
        return Remaining(
            seconds=seconds,
            money=max(0.0, caps.cloud_money_per_month - used.money),
            hedge_seconds=min(seconds, max(0.0, caps.hedge_seconds_per_day - used.hedge_seconds)),
            audit_seconds=min(seconds, max(0.0, caps.audit_seconds_per_day - used.audit_seconds)),
        )

    async def today(self) -> tuple[LaneTotal, ...]:
        """Return what went to each lane today. Raises DiskError."""
        day = self._today()
        return await self.totals(day, day)

    async def this_month(self) -> tuple[LaneTotal, ...]:
        """Return what went to each lane since the month began. Raises DiskError."""
        day = self._today()
        return await self.totals(day.replace(day=1), day)

    async def totals(self, first_day: date, last_day: date) -> tuple[LaneTotal, ...]:
        """Return what went to each lane on these days, both included: home lanes, too. Raises DiskError."""
        return await self._read(partial(totals, first_day, last_day))

    async def rows(self, most: int, *, before: int | None = None) -> tuple[LedgerRow, ...]:
        """Return the newest rows first, or the newest before a number. Raises DiskError."""
        return await self._read(partial(last_rows, most, before))

    async def _read[T](self, query: Job[T]) -> T:
        await self._store.flush()
        return await self._store.read(query)

    def _today(self) -> date:
        return self._clock().date()

    def _used_today(self) -> Used:
        today = self._today()
        return self._used.on(today) if self._used is not None else Used(day=today)

    def _reserve(
        self, at: datetime, upload: Upload, connection: sqlite3.Connection
    ) -> tuple[int | CapReachedError, Used]:
        """Write a row unless a cap stands in its way, and return its number and what has left by now."""
        used = used_by(at.date(), self._settings.currency, connection)
        if refusal := refusal_of(upload, used, self._settings):
            return CapReachedError(f"Lane '{upload.lane}' is not asked: {refusal}", lane=upload.lane), used
        at_utc = at.astimezone(UTC).isoformat(timespec="milliseconds")
        number = connection.execute(
            "INSERT INTO upload (at_utc, day, lane, turn_id, reason, consent, seconds, bytes, cost, currency)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
            (
                *(at_utc, at.date().isoformat(), upload.lane, upload.turn_id, upload.reason, upload.consent),
                *(upload.seconds, upload.bytes, upload.cost, self._settings.currency),
            ),
        ).fetchone()[0]
        self._under_way[number] = at_utc
        return number, used.plus(upload)

    def _add(
        self, at: datetime, upload: Upload, ending: str, took_seconds: float, connection: sqlite3.Connection
    ) -> None:
        day = at.astimezone(self._clock().tzinfo).date()
        connection.execute(
            "INSERT INTO upload (at_utc, day, lane, turn_id, reason, consent, seconds, bytes, cost, currency, ending,"
            " took_seconds, has_left) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(at.astimezone(UTC).isoformat(timespec="milliseconds"), day.isoformat(), upload.lane, upload.turn_id),
                *(upload.reason, upload.consent, upload.seconds, upload.bytes, upload.cost, self._settings.currency),
                *(ending, took_seconds, ending not in NEVER_LEFT),
            ),
        )
        self._count_used(connection)

    def _take_back(self, row: Future[tuple[int | CapReachedError, Used]], connection: sqlite3.Connection) -> None:
        """Void a row that was written for nobody. Runs after it: one thread, and urgent jobs come first."""
        if row.cancelled() or row.exception() is not None:
            return
        number, _ = row.result()
        if not isinstance(number, CapReachedError):
            self._end(number, "cancelled", 0.0, connection, has_left=False)

    def _end(
        self,
        number: int,
        ending: str,
        seconds_taken: float,
        connection: sqlite3.Connection,
        *,
        has_left: bool | None = None,
    ) -> None:
        left = ending not in NEVER_LEFT if has_left is None else has_left
        # By its time, too: the file may have been set aside meanwhile, and its numbers begun anew.
        connection.execute(
            "UPDATE upload SET ending = ?, took_seconds = ?, has_left = ?"
            " WHERE number = ? AND at_utc = coalesce(?, at_utc) AND ending IN ('', ?)",
            (
                *(ending, seconds_taken, left),
                *(number, self._under_way.pop(number, None), INTERRUPTED),
            ),
        )
        if not left:
            self._count_used(connection)

    def _interrupt(self, connection: sqlite3.Connection) -> None:
        """Mark what was under way and is not of this process."""
        left_open = connection.execute("SELECT number FROM upload WHERE ending = ''").fetchall()
        connection.executemany(
            "UPDATE upload SET ending = ? WHERE number = ?",
            [(INTERRUPTED, number) for (number,) in left_open if number not in self._under_way],
        )

    def _count_used(self, connection: sqlite3.Connection) -> None:
        self._used = used_by(self._today(), self._settings.currency, connection)
