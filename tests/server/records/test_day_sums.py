"""A day's turns as sums: exact before and after, once each, whatever the clock says."""

import datetime as dt
import math
import random
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from wyoming_server.records.data_keys import DataKeys
from wyoming_server.records.day_sums import MOST_CELLS, SLICE, days_between, sum_slice, sum_up, sums_between
from wyoming_server.records.pseudonyms import Pseudonyms
from wyoming_server.records.store import Store, opened_store
from wyoming_server.records.turn_record import TurnLabel, TurnRecord
from wyoming_server.records.turn_sums import BUDGET_MS, Cells, Sums, together
from wyoming_server.records.turns import labelling, writing

from .made_turns import day_of_turns, made_labels, made_turn

FIRST = dt.date(2026, 11, 1)
LAST = dt.date(2026, 11, 4)
AFTER = LAST + dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """A store, and the names in it."""

    store: Store
    names: Pseudonyms

    async def add(self, records: Sequence[TurnRecord], labels: Sequence[tuple[TurnLabel, dt.date]] = ()) -> None:
        jobs = [writing(one, self.names) for one in records]
        jobs += [labelling(one, day, self.names) for one, day in labels]
        for job in jobs:
            self.store.later(job)
        await self.store.flush()

    async def cells(self, first: dt.date = FIRST, last: dt.date = LAST) -> dict[dt.date, Cells]:
        return await self.store.read(partial(sums_between, first, last))

    async def count(self, condition: str) -> int:
        def ask(connection: sqlite3.Connection) -> int:
            found = connection.execute("SELECT day, summed FROM turn").fetchall()
            return sum(bool(summed) is (condition == "summed") for _, summed in found)

        return await self.store.read(ask)


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with opened_store(tmp_path / "edge-voice.sqlite", interval_seconds=3600) as store:
        yield Records(store=store, names=Pseudonyms(DataKeys(tmp_path)))


def told(days: dict[dt.date, Cells]) -> dict[dt.date, dict[tuple[str, str], tuple[object, ...]]]:
    """What can be compared of sums."""
    return {
        day: {
            cell: (
                *(getattr(sums, name) for name in ("turns", "silent", "escalations", "errors", "judged", "retried")),
                *(getattr(sums, name) for name in ("abandoned", "alone", "in_budget", "uploads", "baseline")),
                pytest.approx(sums.cloud_seconds),
                dict(sums.pairs),
                dict(sums.models),
                sorted(sums.times[6].tolist()),
            )
            for cell, sums in cells.items()
        }
        for day, cells in days.items()
    }


async def some_days(records: Records, turns: int = 60) -> list[TurnRecord]:
    chance, made = random.Random(5), list[TurnRecord]()
    for offset in range((LAST - FIRST).days + 1):
        day = FIRST + dt.timedelta(days=offset)
        here = day_of_turns(chance, day, turns)
        await records.add(here, [(label, day) for one in here for label in made_labels(chance, one)])
        made += here
    return made


def nearest_rank(values: list[float], share: float) -> float:
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


async def test_sums_are_what_the_turns_come_to(records: Records) -> None:
    made = await some_days(records)
    for _ in ("of turns", "of days"):
        sums = together(one for cells in (await records.cells()).values() for one in cells.values())
        spoken = [one for one in made if one.spoke]
        taken = [one.spans.last_word_to_text_ms for one in spoken if one.spans]
        assert sums.turns == len([one for one in made if one.spoke or one.error])
        assert sums.silent == len(made) - sums.turns
        assert sums.escalations == len([one for one in made if one.action == "escalate"])
        assert sums.cloud_seconds == pytest.approx(sum(one.cloud_seconds for one in made), abs=0.01)
        assert sums.models["base"] == (len(spoken), round(spoken[0].at.timestamp() * 1000))
        for share in (0.5, 0.95):
            assert sums.percentile("last_word_to_text", share) == pytest.approx(nearest_rank(taken, share), abs=0.051)
        own = [one.spans.last_word_to_text_ms for one in spoken if one.spans and one.action == "accept"]
        assert (sums.alone, sums.in_budget) == (len(own), len([ms for ms in own if round(ms, 2) <= BUDGET_MS]))
        assert await sum_up(records.store, before=AFTER) in {len(made), 0}


async def test_summing_up_changes_nothing_that_is_told_and_doing_it_twice_nothing_at_all(records: Records) -> None:
    await some_days(records)
    before = told(await records.cells())
    days = await records.store.read(partial(days_between, FIRST, LAST))
    assert await sum_up(records.store, before=LAST) == 180
    assert told(await records.cells()) == before
    assert await sum_up(records.store, before=LAST) == 0
    assert await sum_up(records.store, before=AFTER) == 60
    assert told(await records.cells()) == before
    assert await records.store.read(partial(days_between, FIRST, LAST)) == days


async def test_sums_outlive_their_turns_and_never_count_one_again(records: Records) -> None:
    await some_days(records)
    before = told(await records.cells())
    await sum_up(records.store, before=LAST)
    await records.store.write(lambda one: one.execute("DELETE FROM turn WHERE day < ?", (f"{LAST}",)).rowcount)
    assert await sum_up(records.store, before=AFTER) == 60
    assert told(await records.cells()) == before


async def test_a_days_sums_take_in_what_comes_later_also_in_slices(records: Records) -> None:
    chance = random.Random(7)
    morning, evening = (day_of_turns(chance, FIRST, SLICE + 20) for _ in range(2))
    await records.add(morning)
    assert await records.store.write(partial(sum_slice, AFTER)) == SLICE  # the clock was a day ahead for a while
    await records.add(evening)
    assert await sum_up(records.store, before=AFTER) == SLICE + 40
    both = together((await records.cells())[FIRST].values())
    assert both.turns + both.silent == 2 * (SLICE + 20)
    taken = [one.spans.end_to_text_ms for one in (*morning, *evening) if one.spans]
    assert both.percentile("end_to_text", 0.95) == pytest.approx(nearest_rank(taken, 0.95), abs=0.051)


async def test_a_clock_that_was_a_year_ahead_leaves_the_days_that_are_right_as_they_were(records: Records) -> None:
    await some_days(records)
    before = told(await records.cells())
    ahead = dt.datetime(2027, 11, 2, 12, tzinfo=dt.UTC)
    chance = random.Random(8)
    await records.add([made_turn(chance, ahead)])
    await sum_up(records.store, before=ahead.date())  # as it looked then, all of these days were over
    late = replace(made_turn(chance, dt.datetime(2026, 11, 4, 20, tzinfo=dt.UTC)), language="en", action="accept")
    await records.add([late])
    now = told(await records.cells())
    assert {day: now[day] for day in list(now)[:-1]} == {day: before[day] for day in list(before)[:-1]}
    every = [together(cells.values()) for cells in ((await records.cells(LAST, LAST))[LAST],)]
    assert sum(one.turns + one.silent for one in every) == 61
    assert await records.count("not summed") == 2  # the late one, and the one of a day that is not over


async def test_a_baselines_turns_count_apart(records: Records) -> None:
    chance = random.Random(9)
    at = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
    asked = next(one for one in (made_turn(chance, at) for _ in range(99)) if one.uploads)
    await records.add([replace(asked, is_baseline=True, would_escalate=False)])
    (sums,) = (await records.cells())[at.date()].values()
    assert (sums.baseline, sums.turns, sums.escalations, sums.times.shape[1]) == (1, 0, 0, 0)
    assert (sums.uploads, sums.cloud_seconds) == (1, pytest.approx(asked.cloud_seconds, abs=0.001))


async def test_a_peer_that_names_many_languages_makes_no_more_cells_than_there_may_be(records: Records) -> None:
    at = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
    turn = TurnRecord(turn_id="x", at=at, action="accept", language="en", spoke=True)
    several = [replace(turn, language=f"x{chr(97 + n // 26)}-{chr(97 + n % 26)}") for n in range(100)]
    await records.add([turn, turn, *several])
    await sum_up(records.store, before=AFTER)
    cells = (await records.cells())[at.date()]
    assert len(cells) <= MOST_CELLS
    assert cells["en", "far_field"].turns == 2
    assert sum(one.turns for one in cells.values()) == 102


async def test_days_without_turns_are_not_there(records: Records) -> None:
    assert await records.cells() == {}
    assert await sum_up(records.store, before=AFTER) == 0
    assert together(()).percentile("inference", 0.5) is None
    assert Sums().spread("cloud") == (None, None)
