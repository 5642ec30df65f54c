"""What was learned, from one start to the next."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wyoming_server.errors import DiskError
from wyoming_server.records.snapshots import LARGEST_BYTES, Snapshots
from wyoming_server.records.store import opened_store


def clock() -> datetime:
    return datetime(2026, 11, 22, 12, tzinfo=UTC)


def rows(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, state FROM snapshot ORDER BY name").fetchall()


async def test_a_state_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "edge-voice.sqlite"
    async with opened_store(path) as store:
        snapshots = Snapshots(store, clock)
        assert await snapshots.load("threshold") is None
        await snapshots.save("threshold", {"cells": {"de far_field": {"logit": -inf, "p": 0.1 + 0.2}}, "turns": 3})
        await snapshots.save("percentiles", {"ünïcode": ["\ud800", None, True]})
        assert (await snapshots.load("threshold") or {})["turns"] == 3
    async with opened_store(path) as store:
        snapshots = Snapshots(store, clock)
        assert await snapshots.load("threshold") == {
            "cells": {"de far_field": {"logit": -inf, "p": 0.1 + 0.2}},
            "turns": 3,
        }
        assert await snapshots.load("percentiles") == {"ünïcode": ["\ud800", None, True]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=st.dictionaries(st.text(), json_values, max_size=5))
async def test_whatever_json_holds_comes_back_exactly(tmp_path: Path, state: dict[str, Any]) -> None:
    async with opened_store(tmp_path / "edge-voice.sqlite") as store:
        await Snapshots(store, clock).save("any", state)
        assert await Snapshots(store, clock).load("any") == state


async def test_many_saves_are_one_write_and_the_newest_wins(tmp_path: Path) -> None:
    path = tmp_path / "edge-voice.sqlite"
    async with opened_store(path, interval_seconds=3600) as store:
        snapshots = Snapshots(store, clock)
        for number in range(1000):
            await snapshots.save("sessions", {"number": number})
        await asyncio.sleep(0.05)
        assert rows(path) == []
    assert rows(path) == [("sessions", '{"number":999}')]


async def test_a_state_is_kept_as_it_was_when_it_was_saved(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "edge-voice.sqlite") as store:
        state = {"cells": [1]}
        await Snapshots(store, clock).save("threshold", state)
        state["cells"].append(2)
        assert await Snapshots(store, clock).load("threshold") == {"cells": [1]}


@pytest.mark.parametrize(
    "damage",
    [
        """UPDATE snapshot SET state = replace(state, '3', '4')""",
        """UPDATE snapshot SET state = substr(state, 1, 5)""",
        """UPDATE snapshot SET digest = ''""",
    ],
)
async def test_a_damaged_state_is_dropped_by_name_and_the_others_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    path = tmp_path / "edge-voice.sqlite"
    async with opened_store(path) as store:
        for name in ("budget", "threshold"):
            await Snapshots(store, clock).save(name, {"turns": 3})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"{damage} WHERE name = 'budget'")
        connection.commit()
    async with opened_store(path) as store:
        snapshots = Snapshots(store, clock)
        assert await snapshots.load("budget") is None
        assert await snapshots.load("threshold") == {"turns": 3}
    assert [name for name, _ in rows(path)] == ["threshold"]
    assert [one.args for one in caplog.records] == [("budget",)]


@pytest.mark.parametrize(
    ("state", "why"),
    [({"x": "y" * LARGEST_BYTES}, "bytes"), ({"x": object()}, "no JSON"), ({("a", "b"): 1}, "no JSON")],
)
async def test_a_state_that_cannot_be_kept_is_refused_by_name_and_the_one_before_stays(
    tmp_path: Path, state: dict[str, Any], why: str
) -> None:
    async with opened_store(tmp_path / "edge-voice.sqlite") as store:
        snapshots = Snapshots(store, clock)
        await snapshots.save("threshold", {"turns": 3})
        with pytest.raises(ValueError, match=f"threshold.*{why}"):
            await snapshots.save("threshold", state)
        assert await snapshots.load("threshold") == {"turns": 3}


async def test_a_state_that_the_disk_refused_is_written_when_it_no_longer_does(tmp_path: Path) -> None:
    path = tmp_path / "edge-voice.sqlite"
    path.mkdir()
    async with opened_store(path) as store:
        snapshots = Snapshots(store, clock)
        with pytest.raises(DiskError):
            await snapshots.load("threshold")
        await snapshots.save("threshold", {"turns": 3})
        await store.flush()
        path.rmdir()
        assert await snapshots.load("threshold") == {"turns": 3}


async def test_a_state_that_is_dropped_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "edge-voice.sqlite"
    async with opened_store(path) as store:
        snapshots = Snapshots(store, clock)
        await snapshots.save("threshold", {"turns": 3})
        await store.flush()
        await snapshots.drop("threshold")
        assert await snapshots.load("threshold") is None
    assert rows(path) == []
