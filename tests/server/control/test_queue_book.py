"""What is at hand of the requests that wait is what is on the disk, whatever moves while that is being read."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from wyoming_server.control.queue_book import LOOK_SECONDS, QueueBook
from wyoming_server.errors import DiskError
from wyoming_server.pipeline.policy import WaitKind
from wyoming_server.records.data_keys import DataKeys
from wyoming_server.records.queued import QueuedRequests, ToKeep
from wyoming_server.records.queued_seals import Said
from wyoming_server.records.snapshots import Snapshots
from wyoming_server.records.store import FILE_NAME, Store, opened_store
from wyoming_server.resilience.queue import Waiting
from wyoming_server.resilience.queue_settings import QueueSettings

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
SETTINGS = QueueSettings()
KITCHEN = "assist_satellite.kitchen"


class SlowToRead(QueuedRequests):
    """Requests whose reader is held up between looking and telling."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.has_looked, self.goes_on = asyncio.Event(), asyncio.Event()
        self.goes_on.set()

    async def all(self) -> list[Waiting]:
        """Return what is there, when the test has gone on."""
        found = await super().all()
        self.has_looked.set()
        await self.goes_on.wait()
        return found


class Refusing(Snapshots):
    """States that cannot be read at first."""

    refuses = False

    async def load(self, name: str) -> Any:
        """Return a state, once that can be read."""
        if self.refuses:
            raise DiskError("no")
        return await super().load(name)


class Desk:
    """A book on a real store, its clocks, and what it told."""

    def __init__(self, requests: SlowToRead, states: Refusing) -> None:
        self.requests, self.states, self.now_s, self.wall = requests, states, 100.0, NOW
        self.told: list[str] = []
        self.book = QueueBook(
            requests,
            states,
            wall=lambda: self.wall,
            clock=lambda: self.now_s,
            publish=lambda message: self.told.append(message["event"]),
        )

    async def keep(self, satellite: str = KITCHEN) -> Waiting:
        """Keep a request."""
        now_ms = self.book.now_ms()
        said = Said(heard="add milk", language="en", satellite=satellite)
        return await self.book.keep(
            ToKeep(kind=WaitKind.LIST, at_ms=now_ms, now_ms=now_ms, said=said, sound=b"\0\1" * 100)
        )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened_store(tmp_path / FILE_NAME) as one:
        yield one


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    requests = SlowToRead(store, DataKeys(tmp_path), settings=lambda: SETTINGS, today=NOW.date)
    return Desk(requests, Refusing(store, lambda: NOW))


async def test_what_is_kept_or_dropped_while_the_disk_is_read_stays_so(desk: Desk) -> None:
    dropped = await desk.keep()
    desk.requests.goes_on.clear()
    reading = asyncio.create_task(desk.book.read())
    await desk.requests.has_looked.wait()
    kept = await desk.keep()
    await desk.book.drop(dropped.id)
    desk.requests.goes_on.set()
    await reading
    assert desk.book.held == [kept]
    assert desk.book.is_stale
    await desk.book.let_go()
    assert (desk.book.held, desk.book.is_stale) == ([kept], False)


async def test_what_a_purge_erases_while_it_is_read_is_not_at_hand_for_long(desk: Desk) -> None:
    erased = await desk.keep()
    desk.book.forget(KITCHEN)
    await desk.book.let_go()  # before the purge has come to it
    await desk.requests.drop(lambda _: None, erased.id)
    desk.now_s += LOOK_SECONDS
    desk.wall += dt.timedelta(seconds=LOOK_SECONDS)
    await desk.book.let_go()
    assert desk.book.held == []


async def test_a_leap_before_anything_waited_costs_no_hours_after_a_restart(desk: Desk, store: Store) -> None:
    await desk.book.begin()
    await desk.book.let_go()
    desk.now_s += 1.0
    desk.wall += dt.timedelta(days=365)  # as where the clock is set by the network after the start
    await desk.book.let_go()
    await store.flush()
    one = await desk.keep()
    after = Desk(desk.requests, desk.states)
    after.wall = desk.wall
    desk.states.refuses = True
    await after.book.let_go()
    assert after.book.held == []
    desk.states.refuses = False
    await after.book.let_go()
    assert (after.book.held, after.told) == ([one], [])
