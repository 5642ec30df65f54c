"""Requests that wait for a speech service, as turns bring them, and as their owner sees and steers them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from ..errors import EdgeVoiceError, InvalidRequestError, QueueFullError, RequestTakenError
from ..listeners.connection import Services
from ..pipeline.cloud import trimmed
from ..pipeline.policy import Caller
from ..pipeline.types import Interpretation, Kept
from ..records.data_keys import DataKeys
from ..records.queued import QueuedRequests, ToKeep
from ..records.queued_seals import UNREADABLE, Said
from ..resilience.queue import State, Waiting, ended, full, lost, started
from ..resilience.queue_settings import QueueSettings
from ..settings import Settings
from .feed import Json
from .parts import Parts
from .queue_book import QueueBook
from .queue_hearing import QueueHearing
from .queue_told import moment, whole_fields

LOOK_SECONDS = 1.0
"""How often it is seen whether a service is back, while anything waits."""
NOT_NOW = "Only lists, notes and reminders wait, and nothing that may open a door: say a device's command now instead"


class QueueDesk:
    """Keeps requests for turns, and answers for them."""

    def __init__(self, book: QueueBook, hearing: QueueHearing, *, settings: Callable[[], Settings]) -> None:
        """Answer by the settings of now."""
        self._book, self._hearing, self._settings = book, hearing, settings
        self._nudged = asyncio.Event()

    async def begin(self) -> None:
        """Take up what an earlier run left; never raises for the disk."""
        with suppress(EdgeVoiceError):  # the store's own failure is a warning of the status
            await self._book.begin()

    async def run(self) -> None:
        """Have services asked, and let go what is over, until cancelled."""
        while True:
            await self._book.let_go()
            self._nudged.clear()
            with suppress(EdgeVoiceError):
                while await self._hearing.step():
                    await self._book.let_go()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._nudged.wait()

    # What turns bring.

    async def keep(self, one: Interpretation, *, turn_id: str, caller: Caller, language: str | None) -> Kept:
        """Have a request on the disk. Raises QueueFullError, DiskError, RecordsKeyError; then it was not kept."""
        if one.workload.waits is None:
            raise QueueFullError("only lists, notes and reminders wait")
        kept = await self._book.keep(
            ToKeep(
                kind=one.workload.waits,
                at_ms=self._book.wall_ms(),
                now_ms=self._book.now_ms(),
                said=Said(
                    heard=one.hypothesis.text,
                    language=language or "",
                    satellite=caller.satellite,
                    session=caller.session,
                    device=caller.device,
                    turn_id=turn_id,
                ),
                sound=trimmed(one.speech).astype("<i2", copy=False).tobytes(),
            )
        )
        if one.answer is not None:
            self._hearing.failed_just_now(kept)
        self._nudged.set()
        return Kept(id=kept.id, expires_at=moment(self._book.expires_ms(kept)))

    # What its owner sees.

    def status(self) -> Json:
        """Return how many wait, as the status tells it."""
        held = self._book.held
        return {
            "enabled": self._settings().routing.defer,
            **self._book.counts(),
            "oldest": moment(min(one.at_ms for one in held)) if held else None,
            "reason": full(0, held, self._queue),
        }

    async def all(self) -> Json:
        """Return every request with what was said, and the settings. Raises DiskError."""
        held, queue = self._book.held, self._queue
        said = await self._book.said(held)
        return {
            "requests": [whole_fields(one, said.get(one.id), self._book.told(one)) for one in held],
            "enabled": self._settings().routing.defer,
            "hours": {"list": queue.list_hours, "note": queue.note_hours, "reminder": queue.reminder_hours},
            "most_requests": queue.most_requests,
            "bytes": sum(one.bytes for one in held),
            "most_bytes": queue.most_mb * 2**20,
        }

    # What its owner, or who does them, wants.

    async def flush(self) -> Json:
        """Ask the services now; return the same. Raises DiskError."""
        self._hearing.hurry()
        self._nudged.set()
        return await self.all()

    async def drop_all(self) -> Json:
        """Drop all but what is being done; return how many. Raises DiskError."""
        return {"dropped": await self._book.drop()}

    async def drop(self, request_id: str) -> Json:
        """Drop one; return how many. Raises UnknownRequestError, RequestTakenError, DiskError."""
        return {"dropped": await self._book.drop(request_id)}

    async def start(self, request_id: str, by: str) -> Json:
        """Hand a ready request to who does it. Raises UnknownRequestError, RequestTakenError, DiskError."""
        said = await self._book.said_in(request_id)

        def step(one: Waiting) -> Waiting:
            if said is None and one.state is State.READY:
                return lost(one, self._book.now_ms(), self._queue)
            return started(one, by, self._book.now_ms())

        _, one = await self._book.change(request_id, step)
        if one.state is not State.STARTED:
            raise RequestTakenError(UNREADABLE)
        return whole_fields(one, said, self._book.told(one))

    async def end(self, request_id: str, by: str, result: str) -> Json:
        """Hear how it ended. Raises UnknownRequestError, RequestTakenError, DiskError."""
        step = partial(ended, by=by, result=result, now_ms=self._book.now_ms(), settings=self._queue)
        before, after = await self._book.change(request_id, step)
        return {"ended": after != before}

    async def repeat(self, request_id: str, text: str | None) -> Json:
        """Return a new request in the place of one that needs its owner's word. Raises likewise."""
        words = (text or "").strip() or None
        if words is not None:
            workload = await self._hearing.workload(words, self._book.whose(request_id).language)
            if workload.critical or not workload.can_wait:
                raise InvalidRequestError(NOT_NOW)
        one = await self._book.repeat(request_id, words)
        self._nudged.set()
        return whole_fields(one, await self._book.said_in(one.id), self._book.told(one))

    def forget(self, satellite: str | None) -> None:
        """Hear that all, or what a satellite has said, is being erased from the disk."""
        self._book.forget(satellite)

    @property
    def _queue(self) -> QueueSettings:
        return self._settings().queue


def queue_of(
    parts: Parts,
    keys: DataKeys,
    *,
    services: Callable[[], Services],
    settings: Callable[[], Settings],
    publish: Callable[[Json], None],
) -> QueueDesk:
    """Build the desk with what it stands on; `services` and `settings` are those of now."""
    requests = QueuedRequests(
        parts.brain.store, keys, settings=lambda: settings().queue, today=lambda: parts.wall().date()
    )
    book = QueueBook(requests, parts.brain.snapshots, wall=parts.wall, clock=parts.clock, publish=publish)
    hearing = QueueHearing(book, parts.brain.lanes, services=services, settings=settings, clock=parts.clock)
    return QueueDesk(book, hearing, settings=settings)
