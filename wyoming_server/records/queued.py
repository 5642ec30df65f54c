"""Requests that wait for a speech service, on the disk: every step is one transaction, committed before it is told."""

import asyncio
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from ..errors import InvalidRequestError, QueueFullError, RecordsKeyError, RequestTakenError
from ..pipeline.policy import WaitKind
from ..resilience.queue import HOUR_MS, REMEMBERED_MS, State, Waiting, Why, expired, hours_of, may_repeat, refusal
from ..resilience.queue_settings import QueueSettings
from . import queued_rows as rows
from .data_keys import QUEUED, DataKeys
from .queued_seals import UNREADABLE, QueuedSeals, Said
from .store import Store

type Step = Callable[[Waiting], Waiting]
"""Where a request stands → where it is to stand; may raise."""
SYNC_SECONDS = 0.05
"""A turn waits no longer for the disk itself: after a lane was asked in vain, it has not much more."""
AT_LEAST_HOURS = 1.0
"""What its owner has repeated may wait so long, even where its kind may not wait any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToKeep:
    """A request that is to wait."""

    kind: WaitKind
    at_ms: int
    """By the wall clock."""
    now_ms: int
    """By the clock that is believed."""
    said: Said
    sound: bytes = field(repr=False)
    """Mono PCM at 16 kHz of 16 bits: what a service needs to hear."""


class QueuedRequests:
    """The table. Every call may raise DiskError; then all is as it was."""

    def __init__(
        self,
        store: Store,
        keys: DataKeys,
        *,
        settings: Callable[[], QueueSettings],
        today: Callable[[], date],
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        """Keep by the settings of now; `today` is the home's day."""
        self._store, self._seals = store, QueuedSeals(keys)
        self._settings, self._today, self._new_id = settings, today, new_id

    async def all(self) -> list[Waiting]:
        """Return all that are not over, in their order."""
        return await self._store.read(rows.waiting)

    async def said(self, request_ids: Sequence[str]) -> dict[str, Said]:
        """Return what was said in each; those that nothing opens are missing."""
        return await self._store.read(partial(self._all_said, tuple(request_ids)))

    async def sound(self, request_id: str) -> bytes | None:
        """Return its sound; None where there is none that opens."""
        return await self._store.read(
            lambda connection: self._seals.sound(request_id, rows.parts_of(request_id, connection), connection)
        )

    async def keep(self, wanted: ToKeep) -> Waiting:
        """Write a request down. Raises QueueFullError, RecordsKeyError; cancelled, it is taken back."""
        request_id, loop = self._new_id(), asyncio.get_running_loop()
        future = self._store.submit(partial(self._kept, request_id, wanted), urgent=True)
        try:
            one = await asyncio.wrap_future(future)
            await self._store.outlive_power(SYNC_SECONDS)  # it is promised with the next word
        except asyncio.CancelledError:
            future.add_done_callback(partial(self._take_back, request_id, loop))
            raise
        return one

    async def change(self, request_id: str, step: Step) -> tuple[Waiting, Waiting]:
        """Have one take a step; return where it stood and where it stands. Raises UnknownRequestError likewise."""
        return await self._store.write(partial(self._changed, request_id, step), urgent=True)

    async def hear(self, request_id: str, text: str, step: Step) -> tuple[Waiting, Waiting]:
        """Write down a service's text, let the sound go, and have it take a step. Raises UnknownRequestError."""
        return await self._store.write(partial(self._heard, request_id, text, step), urgent=True)

    async def repeat(self, request_id: str, text: str | None, now_ms: int) -> tuple[Waiting, Waiting]:
        """Write one down in the place of another, which is over; return both, the other first.

        Raises UnknownRequestError, RequestTakenError, InvalidRequestError, RecordsKeyError.
        """
        return await self._store.write(partial(self._repeated, request_id, self._new_id(), text, now_ms), urgent=True)

    async def drop(self, check: Callable[[Waiting], None], request_id: str | None = None) -> list[Waiting]:
        """Erase one, or all, that `check` does not raise for; return them. Of one alone, what it raises is raised.

        Raises UnknownRequestError likewise.
        """
        return await self._store.write(partial(self._dropped, check, request_id), urgent=True)

    async def expire(self, now_ms: int) -> list[tuple[Waiting, Waiting | None]]:
        """Let go what is over; return each that has moved, and where it stands then."""
        return await self._store.write(partial(self._expired, now_ms))

    # In the writer's thread.

    def _kept(self, request_id: str, wanted: ToKeep, connection: sqlite3.Connection) -> Waiting:
        settings, day = self._settings(), self._today()
        parts = self._seals.sealed(request_id, day, wanted.said, wanted.sound, connection)
        size = len(parts.content) + len(parts.sound)
        if reason := refusal(wanted.kind, size, rows.waiting(connection), settings):
            raise QueueFullError(reason)
        one = Waiting(
            id=request_id,
            number=0,
            state=State.WAITING,
            kind=wanted.kind,
            at_ms=wanted.at_ms,
            until_ms=wanted.now_ms + round(hours_of(wanted.kind, settings) * HOUR_MS),
        )
        return rows.insert(one, parts, connection)

    def _take_back(self, request_id: str, loop: asyncio.AbstractEventLoop, future: Future[Waiting]) -> None:
        """Erase what was written down after nobody waited for it any more."""
        if not future.cancelled() and future.exception() is None:
            loop.call_soon_threadsafe(lambda: self._store.later(partial(rows.delete, request_id), soon=True))

    def _changed(self, request_id: str, step: Step, connection: sqlite3.Connection) -> tuple[Waiting, Waiting]:
        before = rows.find(request_id, connection)
        after = step(before)
        return before, before if after == before else rows.update(after, connection)

    def _heard(self, request_id: str, text: str, step: Step, connection: sqlite3.Connection) -> tuple[Waiting, Waiting]:
        before = rows.find(request_id, connection)
        parts = rows.parts_of(request_id, connection)
        said = self._seals.said(request_id, parts, connection)
        if parts is not None and said is not None:
            anew = self._seals.sealed(request_id, parts.day, replace(said, text=text), b"", connection)
            rows.put_parts(request_id, anew.content, b"", connection)
        return before, rows.update(step(before), connection)

    def _repeated(
        self, request_id: str, new_id: str, text: str | None, now_ms: int, connection: sqlite3.Connection
    ) -> tuple[Waiting, Waiting]:
        before = rows.find(request_id, connection)
        may_repeat(before)
        parts = rows.parts_of(request_id, connection)
        said = self._seals.said(request_id, parts, connection)
        if said is None and text is None:
            raise RecordsKeyError(UNREADABLE)
        said = said or Said()
        if text is None and before.why in {Why.OTHER, Why.CRITICAL}:
            raise InvalidRequestError("What the service heard may not wait: repeat it with what was really said")
        words = text or said.text
        sound = b"" if words else self._seals.sound(request_id, parts, connection) or b""
        if not words and not sound:
            raise RecordsKeyError(UNREADABLE)
        anew = self._seals.sealed(new_id, self._today(), replace(said, text=words), sound, connection)
        hours = max(AT_LEAST_HOURS, hours_of(before.kind, self._settings()))
        one = Waiting(
            id=new_id,
            number=0,
            state=State.READY if words else State.WAITING,
            kind=before.kind,
            at_ms=before.at_ms,
            until_ms=now_ms + round(hours * HOUR_MS),
            repeats=request_id,
        )
        over = rows.update(replace(before, state=State.OVER, until_ms=now_ms + REMEMBERED_MS), connection)
        return over, rows.insert(one, anew, connection)

    def _dropped(
        self, check: Callable[[Waiting], None], request_id: str | None, connection: sqlite3.Connection
    ) -> list[Waiting]:
        if request_id is not None:
            gone = [rows.find(request_id, connection)]
            check(gone[0])
        else:
            gone = [one for one in rows.waiting(connection) if _passes(check, one)]
        for one in gone:
            rows.delete(one.id, connection)
        rows.drop_keys(QUEUED, self._today(), connection)
        return gone

    def _expired(self, now_ms: int, connection: sqlite3.Connection) -> list[tuple[Waiting, Waiting | None]]:
        moved = list[tuple[Waiting, Waiting | None]]()
        for one in rows.waiting(connection):
            after = expired(one, now_ms, self._settings())
            if after is None:
                rows.delete(one.id, connection)
            elif after != one:
                after = rows.update(after, connection)
            if after != one:
                moved.append((one, after))
        rows.forget(now_ms, connection)
        rows.drop_keys(QUEUED, self._today(), connection)
        return moved

    def _all_said(self, request_ids: Sequence[str], connection: sqlite3.Connection) -> dict[str, Said]:
        found = {one: self._seals.said(one, rows.parts_of(one, connection), connection) for one in request_ids}
        return {one: said for one, said in found.items() if said is not None}


def _passes(check: Callable[[Waiting], None], one: Waiting) -> bool:
    try:
        check(one)
    except RequestTakenError:
        return False
    return True
