"""Turns as the records have them: figures over days, over time, and one by one."""

import asyncio
import datetime as dt
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ..errors import EdgeVoiceError
from ..pipeline.types import Outcome
from ..records.data_keys import DataKeys
from ..records.database import Job
from ..records.day_sums import days_between, sum_up
from ..records.incidents import Incident, last_incidents, noting
from ..records.load_samples import EVERY_SECONDS, LoadSample, sampling, thin
from ..records.pseudonyms import Pseudonyms
from ..records.recent import TurnFigures
from ..records.store import Store
from ..records.turn_queries import Kept, Wanted, last_spoken, last_turns
from ..records.turn_record import TurnLabel, TurnRecord
from ..records.turn_sums import BUDGET_MS
from ..records.turns import labelling, writing
from ..resilience.degraded import Condition, Facts
from .feed import Json
from .history_queries import DAY_MS, HOUR_MS, cells_between, cells_since, points, points_by_day
from .history_told import cells_told, days_told, incidents_told, models_told, records_told
from .noticed import Noticed

_LOGGER = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
SETTLED_SECONDS = 3600.0
"""So long after its end a day is summed up: by then all is known of its turns. And so long a clock has to have held."""
SUM_SECONDS = 3600.0
JUMP_SECONDS = 300.0
"""A clock that is off by more than that since the last look was set."""
REMEMBERED = 500
"""Turns whose ids are known still: what comes to be known of them later reaches the right epoch."""
MOST_AN_HOUR = 6
"""Incidents of one kind and subject: a lane that comes and goes is one story."""
STEPS_MS = ((48, HOUR_MS), (744, 6 * HOUR_MS))
"""(hours at most, step) of figures over time; beyond, a day."""
_MOST_SUBJECTS = 256


@dataclass(slots=True, kw_only=True)
class _Remembered:
    """A turn whose id is known still."""

    day: dt.date
    known_as: str = ""
    """Its hash, once it is written down."""

    def written(self, known_as: str) -> None:
        """Hear as which; from the records' thread."""
        self.known_as = known_as


class TurnHistory:
    """Keeps every turn, and answers for the past: a `Hearer`, and the control API's `History`. Nothing in it blocks."""

    def __init__(
        self,
        store: Store,
        keys: DataKeys,
        *,
        kept: Kept,
        satellites: Callable[[], Sequence[str]],
        condition: Callable[[], tuple[Condition, Facts]],
        load: Callable[[], Json],
        clock: Callable[[], float],
        wall: Callable[[], dt.datetime],
    ) -> None:
        """Keep turns in a store; `kept` finds what else is kept of them, `load` and `condition` are those of now.

        `wall` is the home's own time, with its zone.
        """
        self._store, self._pseudonyms, self._kept = store, Pseudonyms(keys), kept
        self._satellites, self._condition, self._load = satellites, condition, load
        self._clock, self._wall = clock, wall
        self._remembered = OrderedDict[str, _Remembered]()
        """By turn id."""
        self._told = OrderedDict[tuple[str, str], deque[float]]()
        self._noticed = Noticed(self.happened)
        self._sample_due_s = self._held_since_s = clock()
        self._sum_due_s = self._held_since_s + SETTLED_SECONDS
        self._ahead_s = self._ahead()

    # What is written down.

    def turn(self, record: TurnRecord, _outcome: Outcome | None, /) -> None:
        """Keep a turn."""
        self._remembered[record.turn_id] = turn = _Remembered(day=record.at.date())
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        self._store.later(writing(record, self._pseudonyms, turn.written))

    def label(self, label: TurnLabel) -> None:
        """Keep what came to be known of one."""
        turn = self._remembered.get(label.turn_id)
        day = label.at.date() if turn is None else turn.day
        self._store.later(labelling(label, day, self._pseudonyms))

    def woke(self, satellite: str, word: str) -> None:
        """Wake words are counted elsewhere."""

    def happened(self, kind: str, subject: str, message: str) -> None:
        """Write down what its owner should know happened."""
        now_s, key = self._clock(), (kind, subject)
        told = self._told.pop(key, None) or deque(maxlen=MOST_AN_HOUR)
        self._told[key] = told
        if len(self._told) > _MOST_SUBJECTS:
            self._told.popitem(last=False)
        if len(told) < MOST_AN_HOUR or now_s - told[0] >= 3600.0:
            told.append(now_s)
            self._store.later(noting(Incident(at=self._wall(), kind=kind, subject=subject, message=message)))

    def forget(self) -> None:
        """Forget which turns those of the records are: they are being erased."""
        self._remembered.clear()

    # What is asked.

    async def figures(self, days: int) -> Json:
        """Return exact rates and times of the last days, for all and for each language and microphone. DiskError."""
        now = self._wall()
        since = now - dt.timedelta(days=days)
        cells = await self._read(partial(cells_since, since, now), cells_told)
        return {"days": days, "since": since.isoformat(timespec="seconds"), "budget_ms": BUDGET_MS, "cells": cells}

    async def series(self, hours: int) -> Json:
        """Return figures over time. Raises DiskError."""
        now = self._wall()
        since = (now.astimezone(dt.UTC) - dt.timedelta(hours=hours)).astimezone(now.tzinfo)
        step_ms = next((step_ms for longest, step_ms in STEPS_MS if hours <= longest), DAY_MS)
        query = partial(points, since, now, step_ms) if step_ms < DAY_MS else partial(points_by_day, since, now)
        return {"step_seconds": step_ms // 1000, "points": await self._read(query, list)}

    async def records(self, most: int, before: int | None, *, language: str | None, satellite: str | None) -> Json:
        """Return single turns, newest first. Raises DiskError."""
        wanted = Wanted(most=most, before=before, language=language, satellite=satellite)
        await self._store.flush()
        turn_ids = {turn.known_as: turn_id for turn_id, turn in self._remembered.items() if turn.known_as}
        query = partial(last_turns, wanted, tuple(self._satellites()), turn_ids, self._pseudonyms, self._kept)
        return {"records": await self._read(query, partial(records_told, self._wall().tzinfo))}

    async def last_spoken(self, most: int) -> list[TurnFigures]:
        """Return what the newest turns, also of earlier runs, add to the figures, oldest first. Raises DiskError."""
        return await self._store.read(partial(last_spoken, most))

    async def incidents(self, most: int) -> Json:
        """Return what its owner should know happened, newest first. Raises DiskError."""
        return {"incidents": await self._read(partial(last_incidents, most, self._wall()), incidents_told)}

    async def figures_between(self, first: dt.date, last: dt.date) -> list[Json]:
        """Return the cells of whole days, the first for all together. Raises DiskError."""
        return await self._read(partial(cells_between, first, last), cells_told)

    async def days_between(self, first: dt.date, last: dt.date) -> list[Json]:
        """Return each day that has turns. Raises DiskError."""
        return await self._read(partial(days_between, first, last), days_told)

    async def models_between(self, first: dt.date, last: dt.date) -> list[Json]:
        """Return how many turns each model heard, the most first. Raises DiskError."""
        told = partial(models_told, self._wall().tzinfo)
        return await self._read(partial(cells_between, first, last), told)

    async def _read[T](self, query: Job[T], tell: Callable[[T], list[Json]]) -> list[Json]:
        """Return what a query finds as it is told: both in a thread, since a month's figures take milliseconds."""
        await self._store.flush()
        return await self._store.read(lambda connection: tell(query(connection)))

    # Its task.

    async def run(self) -> None:
        """Sum up days that are over, sample the load, and notice what changes, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                _LOGGER.exception("a look at how the hub is doing failed; the next one comes in %g s", LOOK_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Do what is due now."""
        now_s = self._clock()
        self._watch_clock(now_s)
        self._noticed.look(*self._condition(), str(self._store.failure or ""))
        if now_s >= self._sample_due_s:
            self._sample_due_s = now_s + EVERY_SECONDS
            self._store.later(sampling(self._wall(), _sample(self._load())))
        if now_s >= self._sum_due_s and now_s - self._held_since_s >= SETTLED_SECONDS:
            self._sum_due_s = now_s + SUM_SECONDS
            with suppress(EdgeVoiceError):  # the store says why; the days stay due
                await self._settle()

    async def _settle(self) -> None:
        now = self._wall()
        await self._store.flush()
        await sum_up(self._store, before=(now - dt.timedelta(seconds=SETTLED_SECONDS)).date())
        while await self._store.write(partial(thin, now)):
            pass

    def _watch_clock(self, now_s: float) -> None:
        """See whether the home's clock was set: no day is over by its word until it has held for a while."""
        ahead_s = self._ahead()
        if abs(ahead_s - self._ahead_s) > JUMP_SECONDS:
            self._held_since_s = now_s
        self._ahead_s = ahead_s

    def _ahead(self) -> float:
        return self._wall().timestamp() - self._clock()


def _sample(load: Json) -> LoadSample:
    return LoadSample(
        cpu_percent=load["cpu_percent"],
        memory_percent=load["memory_percent"],
        memory_mb=load["memory_mb"],
        decode_busy=load["decode_busy"],
        waiting=load["waiting"],
        throttled=load["throttled"],
    )
