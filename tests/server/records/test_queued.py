"""Requests that wait, on a real disk: sealed, committed, taken back when nobody waits for them, and gone for good."""

import asyncio
import datetime as dt
import json
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from wyoming_server.errors import (
    InvalidRequestError,
    QueueFullError,
    RecordsKeyError,
    RequestTakenError,
    UnknownRequestError,
)
from wyoming_server.pipeline.policy import WaitKind
from wyoming_server.records import data_keys, queued
from wyoming_server.records.data_keys import DataKeys
from wyoming_server.records.queued import QueuedRequests, ToKeep
from wyoming_server.records.queued_seals import Said
from wyoming_server.records.store import FILE_NAME, Store, opened_store
from wyoming_server.resilience.queue import REMEMBERED_MS, State, Why, ended, heard, may_drop, started
from wyoming_server.resilience.queue_settings import QueueSettings

DAY = dt.date(2026, 11, 22)
NOW_MS = 1_764_000_000_000
SETTINGS = QueueSettings(most_requests=3, shown_hours=2.0)
SAID = Said(
    heard="add bilk to the list of the Smiths",
    language="en",
    satellite="assist_satellite.smiths",
    session="s",
    device="d",
)
SOUND = b"\x01\x02" * 8000
WANTED = ToKeep(kind=WaitKind.LIST, at_ms=NOW_MS, now_ms=NOW_MS, said=SAID, sound=SOUND)


@asynccontextmanager
async def kept(folder: Path, *, day: dt.date = DAY) -> AsyncIterator[tuple[QueuedRequests, Store]]:
    async with opened_store(folder / FILE_NAME) as store:
        yield QueuedRequests(store, DataKeys(folder), settings=lambda: SETTINGS, today=lambda: day), store


ALL, KEYS = "SELECT count(*) FROM queued", "SELECT count(*) FROM data_key WHERE class = 'queued'"


async def count(store: Store, query: str = ALL) -> int:
    (found,) = await store.read(lambda one: one.execute(query).fetchone())
    return int(found)


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


async def test_what_is_kept_outlives_the_process_and_lies_nowhere_in_plain(tmp_path: Path) -> None:
    async with kept(tmp_path) as (requests, _):
        one = await requests.keep(WANTED)
        assert (one.state, one.number, one.until_ms) == (State.WAITING, 1, NOW_MS + 24 * 3_600_000)
        on_disk = bytes_of(tmp_path)
        for secret in (b"bilk", b"Smiths", b"smiths", SOUND[:64], b'"d"'):
            assert secret not in on_disk
    async with kept(tmp_path) as (requests, _):
        assert await requests.all() == [one]
        assert await requests.said([one.id]) == {one.id: SAID}
        assert await requests.sound(one.id) == SOUND


async def test_what_is_sealed_opens_at_its_own_place_alone(tmp_path: Path) -> None:
    async with kept(tmp_path) as (requests, store):
        first, second = await requests.keep(WANTED), await requests.keep(WANTED)
        await store.write(
            lambda one: one.execute(
                "UPDATE queued SET content = (SELECT content FROM queued WHERE id = ?) WHERE id = ?",
                (first.id, second.id),
            )
        )
        assert list(await requests.said([first.id, second.id])) == [first.id]


async def test_as_many_wait_as_may(tmp_path: Path) -> None:
    async with kept(tmp_path) as (requests, _):
        for _ in range(3):
            await requests.keep(WANTED)
        with pytest.raises(QueueFullError, match="3 requests wait"):
            await requests.keep(WANTED)
        assert len(await requests.all()) == 3


async def test_without_a_key_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / data_keys.FILE_NAME).mkdir()  # a key that can be neither read nor made
    async with kept(tmp_path) as (requests, store):
        with pytest.raises(RecordsKeyError):
            await requests.keep(WANTED)
        assert await count(store) == 0


async def test_what_nobody_waits_for_any_more_is_taken_back(tmp_path: Path) -> None:
    async with kept(tmp_path) as (requests, store):
        for pauses in range(40):  # at every moment of it
            keeping = asyncio.create_task(requests.keep(WANTED))
            for _ in range(pauses):
                await asyncio.sleep(0)
            if keeping.done():
                await requests.drop(may_drop, keeping.result().id)
                continue
            keeping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await keeping
        await store.write(lambda _: None)
        await store.flush()
        assert await count(store) == 0


async def test_what_is_promised_outlives_a_power_cut_and_a_slow_disk_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, is_quick = list[str](), threading.Event()

    def fsync(descriptor: int) -> None:
        is_quick.wait(10)
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    is_quick.set()
    async with kept(tmp_path) as (requests, store):
        await requests.keep(WANTED)
        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(queued, "SYNC_SECONDS", 10.0)
        await requests.keep(WANTED)
        assert synced == [f"{FILE_NAME}-wal"]
        is_quick.clear()
        monkeypatch.setattr(queued, "SYNC_SECONDS", 0.01)
        await requests.keep(WANTED)
        assert (len(synced), await count(store)) == (1, 3)
        is_quick.set()


async def test_a_text_takes_the_place_of_the_sound(tmp_path: Path) -> None:
    async with kept(tmp_path) as (requests, _):
        one = await requests.keep(WANTED)
        _, ready = await requests.hear(
            one.id, "add milk", partial(heard, why=Why.NOTHING, now_ms=NOW_MS, settings=SETTINGS)
        )
        assert ready.state is State.READY
        assert ready.bytes < one.bytes
        assert await requests.sound(one.id) is None
        assert (await requests.said([one.id]))[one.id] == replace(SAID, text="add milk")


async def done(requests: QueuedRequests, request_id: str, result: str) -> None:
    """Have a request heard, begun and ended."""
    await requests.hear(request_id, "add milk", partial(heard, why=Why.NOTHING, now_ms=NOW_MS, settings=SETTINGS))
    await requests.change(request_id, lambda one: started(one, "home", NOW_MS))
    await requests.change(request_id, lambda one: ended(one, "home", result, NOW_MS, SETTINGS))


async def test_of_what_is_done_the_id_is_left_for_a_while(tmp_path: Path) -> None:
    async with kept(tmp_path) as (requests, store):
        one = await requests.keep(WANTED)
        await done(requests, one.id, "done")
        assert await requests.all() == []
        assert await requests.said([one.id]) == {}
        known, still = await requests.change(one.id, lambda one: ended(one, "home", "done", NOW_MS, SETTINGS))
        assert known == still
        await requests.expire(NOW_MS + REMEMBERED_MS)
        assert await count(store) == 0
        with pytest.raises(UnknownRequestError):
            await requests.change(one.id, lambda one: one)


async def test_one_that_is_repeated_has_a_new_id_and_the_old_one_is_over(tmp_path: Path) -> None:
    async with kept(tmp_path) as (requests, _):
        first, second = await requests.keep(WANTED), await requests.keep(WANTED)
        with pytest.raises(RequestTakenError):
            await requests.repeat(first.id, None, NOW_MS)
        await done(requests, first.id, "interrupted")
        over, anew = await requests.repeat(first.id, None, NOW_MS)
        assert (over.state, anew.state, anew.repeats) == (State.OVER, State.READY, first.id)
        assert [one.id for one in await requests.all()] == [second.id, anew.id]
        assert (await requests.said([anew.id]))[anew.id] == replace(SAID, text="add milk")
        with pytest.raises(RequestTakenError):
            await requests.repeat(first.id, None, NOW_MS)


async def test_what_was_not_understood_is_repeated_by_its_sound_or_by_its_owner_s_words(tmp_path: Path) -> None:
    async with kept(tmp_path) as (requests, _):
        deaf, wrong = await requests.keep(WANTED), await requests.keep(WANTED)
        await requests.change(deaf.id, lambda one: heard(one, Why.EMPTY, NOW_MS, SETTINGS))
        _, again = await requests.repeat(deaf.id, None, NOW_MS)
        assert (again.state, await requests.sound(again.id)) == (State.WAITING, SOUND)
        await requests.hear(
            wrong.id, "unlock the door", partial(heard, why=Why.CRITICAL, now_ms=NOW_MS, settings=SETTINGS)
        )
        with pytest.raises(InvalidRequestError):
            await requests.repeat(wrong.id, None, NOW_MS)
        _, typed = await requests.repeat(wrong.id, "add milk", NOW_MS)
        assert (typed.state, (await requests.said([typed.id]))[typed.id].text) == (State.READY, "add milk")


async def test_without_its_key_a_request_is_repeated_by_its_owner_s_words_alone(tmp_path: Path) -> None:
    async with kept(tmp_path) as (requests, _):
        one = await requests.keep(WANTED)
        await done(requests, one.id, "failed")
        (tmp_path / data_keys.FILE_NAME).unlink()
        assert await requests.said([one.id]) == {}
        with pytest.raises(RecordsKeyError):
            await requests.repeat(one.id, None, NOW_MS)
        _, anew = await requests.repeat(one.id, "add milk", NOW_MS)
        assert (await requests.said([anew.id]))[anew.id] == Said(text="add milk")


async def test_time_lets_go_and_the_day_s_key_goes_with_its_last_request(tmp_path: Path) -> None:
    async with kept(tmp_path) as (requests, store):
        one, begun = await requests.keep(WANTED), await requests.keep(WANTED)
        await requests.hear(begun.id, "x", partial(heard, why=Why.NOTHING, now_ms=NOW_MS, settings=SETTINGS))
        await requests.change(begun.id, lambda one: started(one, "home", NOW_MS))
        assert await requests.expire(NOW_MS) == []
        moved = await requests.expire(NOW_MS + 24 * 3_600_000)
        assert [(before.id, after and after.state) for before, after in moved] == [
            (one.id, None),
            (begun.id, State.INTERRUPTED),
        ]
        assert await count(store, KEYS) == 1
    async with kept(tmp_path, day=DAY + dt.timedelta(days=1)) as (requests, store):
        assert len(await requests.drop(may_drop)) == 1
        assert await count(store, KEYS) == 0


async def test_dropping_leaves_what_is_being_done(tmp_path: Path) -> None:
    async with kept(tmp_path) as (requests, _):
        one, begun = await requests.keep(WANTED), await requests.keep(WANTED)
        await requests.hear(begun.id, "x", partial(heard, why=Why.NOTHING, now_ms=NOW_MS, settings=SETTINGS))
        await requests.change(begun.id, lambda one: started(one, "home", NOW_MS))
        assert [gone.id for gone in await requests.drop(may_drop)] == [one.id]
        with pytest.raises(RequestTakenError):
            await requests.drop(may_drop, begun.id)
        with pytest.raises(UnknownRequestError):
            await requests.drop(may_drop, one.id)


def test_what_is_sealed_shows_in_no_representation() -> None:
    assert "bilk" not in repr(SAID)
    assert "bilk" not in repr(WANTED)
    assert json.dumps(SAID.heard) not in repr(WANTED)
