"""A home whose turns are kept with texts and sound: the real store, keys and keeper, on clocks that a test moves."""

import datetime as dt
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.server.home import settings_for_tests
from tests.server.learning.school import turn
from wyoming_server.control.privacy import Keeper
from wyoming_server.control.recorder import record_of
from wyoming_server.pipeline.policy import Caller
from wyoming_server.pipeline.timeline import Spans
from wyoming_server.pipeline.types import Samples
from wyoming_server.records.data_keys import DataKeys
from wyoming_server.records.database import Job
from wyoming_server.records.pseudonyms import Pseudonyms
from wyoming_server.records.snapshots import Snapshots
from wyoming_server.records.store import FILE_NAME, Store, opened_store
from wyoming_server.records.turns import writing
from wyoming_server.settings import Settings

NOON = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
SECONDS = 0.3
"""Of each recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A turn, with what must not be found."""

    turn_id: str
    satellite: str
    text: str
    samples: Samples
    at: dt.datetime


@dataclass(slots=True, kw_only=True)
class KeptHome:
    """A running home."""

    folder: Path
    store: Store
    snapshots: Snapshots
    keeper: Keeper
    settings: Settings
    pseudonyms: Pseudonyms
    chance: random.Random
    now: dt.datetime = NOON
    uptime_s: float = 0.0
    said: list[Said] = field(default_factory=list)

    def word(self) -> str:
        """Return a word that nobody else says."""
        return "".join(self.chance.choices("bcdfghjklmnpqrstvwxz", k=20))

    def say(self, satellite: str = "", text: str = "", at: dt.datetime | None = None) -> Said:
        """Say something now, or then."""
        noise = np.random.default_rng(self.chance.getrandbits(32)).integers(-9000, 9000, round(16_000 * SECONDS))
        one = Said(
            turn_id=f"turn-{self.word()}",
            satellite=satellite or f"satellite-{self.word()}",
            text=text or f"turn on the {self.word()}",
            samples=noise.astype(np.int16),
            at=at or self.now,
        )
        caller = Caller(trusted=True, session=f"session-{self.word()}", satellite=one.satellite)
        outcome = turn(one.text, caller=caller, at_s=0.0)
        assert outcome.interpretation is not None
        speech = replace(outcome.interpretation.speech, samples=one.samples, end_sample=len(one.samples))
        outcome = replace(outcome, turn_id=one.turn_id, interpretation=replace(outcome.interpretation, speech=speech))
        record = record_of(outcome, Spans(), one.at, is_baseline=False)
        self.store.later(writing(record, self.pseudonyms))
        self.keeper.turn(record, outcome)
        self.said.append(one)
        return one

    async def said_and_written(self) -> Said:
        """Say something, and wait until it is on the disk."""
        one = self.say()
        await self.store.flush()
        return one

    def passes(self, **time: float) -> None:
        """Let time pass on both clocks."""
        self.leaps(**time)
        self.uptime_s += dt.timedelta(**time).total_seconds()

    def leaps(self, **time: float) -> None:
        """Have the wall clock leap."""
        self.now += dt.timedelta(**time)

    async def ask[T](self, query: Job[T]) -> T:
        """Return what the file says once all is written."""
        await self.store.flush()
        return await self.store.read(query)

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        """Return rows."""
        return await self.ask(lambda connection: connection.execute(statement, values).fetchall())

    async def days_of(self, table: str) -> list[str]:
        """Return the days that a table has rows of."""
        queries = {
            "turn": "SELECT DISTINCT day FROM turn ORDER BY day",
            "sealed": "SELECT DISTINCT day FROM sealed ORDER BY day",
            "data_key": "SELECT DISTINCT day FROM data_key WHERE class <> 'identifiers' ORDER BY day",
        }
        return [day for (day,) in await self.rows(queries[table])]


def kept_settings(folder: Path, **records: Any) -> Settings:
    """Return settings by which all is kept."""
    return settings_for_tests(folder, control={"keep_transcripts": True}, records={"keep_recordings": True, **records})


@asynccontextmanager
async def kept_home(folder: Path, *, seed: int = 1, now: dt.datetime = NOON, **records: Any) -> AsyncIterator[KeptHome]:
    """Keep in a folder; windows as given."""
    home: KeptHome
    settings = kept_settings(folder, **records)
    async with opened_store(folder / "data" / FILE_NAME, interval_seconds=0.02) as store:

        def wall() -> dt.datetime:
            return home.now

        snapshots = Snapshots(store, wall)
        keeper = Keeper(
            store, snapshots, folder / "data", settings=lambda: home.settings, wall=wall, clock=lambda: home.uptime_s
        )
        home = KeptHome(
            folder=folder / "data",
            store=store,
            snapshots=snapshots,
            keeper=keeper,
            settings=settings,
            pseudonyms=Pseudonyms(DataKeys(folder / "data")),
            chance=random.Random(seed),
            now=now,
        )
        await keeper.begin()
        yield home
