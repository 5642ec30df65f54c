"""The past as the control API asks for it, and what is written into it by itself."""

import datetime as dt
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from wyoming_server.control.history import LOOK_SECONDS, MOST_AN_HOUR, SETTLED_SECONDS, SUM_SECONDS, TurnHistory
from wyoming_server.control.midnight import midnight
from wyoming_server.errors import DiskError
from wyoming_server.learning.comparison import Comparison
from wyoming_server.learning.disagreement import Disagreements, Pair, intent_share
from wyoming_server.listeners import control_past as shapes
from wyoming_server.listeners.control_values import checked
from wyoming_server.pipeline.policy import LaneHealth, LaneState, Trust
from wyoming_server.records.data_keys import DataKeys
from wyoming_server.records.load_samples import EVERY_SECONDS, thin
from wyoming_server.records.store import Store, opened_store
from wyoming_server.records.turn_record import TurnRecord
from wyoming_server.resilience.degraded import Condition, Facts, Mode

from ..records.made_turns import SATELLITES, day_of_turns, made_labels, made_turn

BERLIN = ZoneInfo("Europe/Berlin")
NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=BERLIN)
LOAD = {
    "cpu_percent": 40.0,
    "memory_percent": 50.0,
    "memory_mb": 200.0,
    "decode_busy": 0.25,
    "waiting": 1,
    "throttled": None,
}


@dataclass(slots=True, kw_only=True)
class Hub:
    """A history with clocks that are set by hand."""

    store: Store
    folder: Path
    now: dt.datetime = NOW
    clock_s: float = 1000.0
    mode: Mode = Mode.NORMAL
    lane: LaneState = LaneState.READY
    """Of the first."""
    lanes: Sequence[str] = ("My service",)
    kept: dict[str, Any] = field(default_factory=dict)
    satellites: Sequence[str] = SATELLITES

    def history(self) -> TurnHistory:
        return TurnHistory(
            self.store,
            DataKeys(self.folder),
            kept=lambda turns, _connection: dict.fromkeys(turns, self.kept) if self.kept else {},
            satellites=lambda: self.satellites,
            condition=self.condition,
            load=lambda: dict(LOAD),
            clock=lambda: self.clock_s,
            wall=lambda: self.now,
        )

    def condition(self) -> tuple[Condition, Facts]:
        states = (self.lane, LaneState.READY)
        lanes = [
            LaneHealth(name=one, trust=Trust.CLOUD, state=state) for one, state in zip(self.lanes, states, strict=False)
        ]
        reason = "" if self.mode is Mode.NORMAL else f"It is {self.mode.value}."
        return Condition(mode=self.mode, reason=reason), Facts(lanes=tuple(lanes))

    def passes(self, seconds: float) -> None:
        self.clock_s += seconds
        self.now += dt.timedelta(seconds=seconds)

    async def looks(self, history: TurnHistory, times: int = 2) -> None:
        for _ in range(times):
            await history.look()
            self.passes(LOOK_SECONDS)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    async with opened_store(tmp_path / "edge-voice.sqlite", interval_seconds=3600) as store:
        yield Hub(store=store, folder=tmp_path)


def heard(history: TurnHistory, records: Sequence[TurnRecord], seed: int = 4) -> None:
    chance = random.Random(seed)
    for one in records:
        history.turn(one, None)
        for label in made_labels(chance, one):
            history.label(label)


def days_before(now: dt.datetime, days: int, turns: int = 30) -> list[TurnRecord]:
    """The turns of some days and of this one, as far as it has come."""
    chance = random.Random(2)
    made = [one for n in range(days, -1, -1) for one in day_of_turns(chance, now.date() - dt.timedelta(days=n), turns)]
    return [replace(one, at=one.at.astimezone(now.tzinfo)) for one in made if one.at <= now]


async def test_figures_have_a_cell_for_all_and_for_each_language_and_microphone(hub: Hub) -> None:
    history = hub.history()
    records = days_before(NOW, 9)
    heard(history, records)
    told = checked(shapes.FIGURES, await history.figures(7))
    recent = [one for one in records if one.at >= NOW - dt.timedelta(days=7) and (one.spoke or one.error)]
    counts = Counter((one.language, one.microphone_class) for one in recent)
    cells = {(one["language"], one["microphone_class"]): one for one in told["cells"]}
    assert told["cells"][0] == cells[None, None]
    assert cells[None, None]["turns"] == len(recent)
    assert cells["en", None]["turns"] == sum(turns for (language, _), turns in counts.items() if language == "en")
    assert {key: one["turns"] for key, one in cells.items() if None not in key} == counts
    assert cells[None, None]["stages_ms"]["capture"]["p50"] == pytest.approx(66, abs=2)
    assert told["since"] == "2026-11-15T12:00:00+01:00"


async def test_figures_are_the_same_whether_days_are_summed_up_or_not(hub: Hub) -> None:
    hub.now -= dt.timedelta(seconds=2 * SETTLED_SECONDS)
    history = hub.history()
    heard(history, days_before(NOW, 9))
    hub.passes(2 * SETTLED_SECONDS)

    async def told() -> list[dict[str, Any]]:
        figures = [await history.figures(7), await history.figures(30)]
        return [*figures, await history.series(240), await history.series(9600)]

    before = await told()
    await history.look()
    assert len(await summed_days(hub)) == 9
    await hub.store.flush()
    await hub.store.write(lambda one: one.execute("DELETE FROM load_sample").rowcount)
    assert await told() == before


async def test_whole_days_have_figures_for_scorecards(hub: Hub) -> None:
    history = hub.history()
    records = [one for one in days_before(NOW, 9) if one.spoke or one.error]
    heard(history, records)
    first, last = NOW.date() - dt.timedelta(days=9), NOW.date() - dt.timedelta(days=2)
    cells = await history.figures_between(first, last)
    days = await history.days_between(first, last)
    within = [one for one in records if first <= one.at.date() <= last]
    assert cells[0]["turns"] == len(within) == sum(one["turns"] for one in days)
    assert [one["day"] for one in days] == [f"{first + dt.timedelta(days=n)}" for n in range(8)]
    checked(shapes.CELL, cells[0])
    (model,) = await history.models_between(first, last)
    spoken = [one for one in within if one.spoke]
    assert (model["label"], model["turns"]) == ("base", len(spoken))
    assert model["since"] == spoken[0].at.isoformat(timespec="seconds")
    (nothing,) = await history.figures_between(dt.date(2020, 1, 1), dt.date(2020, 1, 31))
    assert (nothing["turns"], nothing["escalation_rate"], nothing["disagreement"]) == (0, None, None)


@pytest.mark.parametrize(("hours", "step_s", "points"), [(24, 3600, 25), (720, 21_600, 121), (960, 86_400, 41)])
async def test_figures_over_time_have_every_step_also_those_without_turns(
    hub: Hub, hours: int, step_s: int, points: int
) -> None:
    history = hub.history()
    records = [one for one in days_before(NOW, 3) if one.spoke or one.error]
    heard(history, records)
    await history.look()
    told = checked(shapes.SERIES, await history.series(hours))
    assert (told["step_seconds"], len(told["points"])) == (step_s, points)
    last = told["points"][-1]
    assert (last["cpu_percent"], told["points"][0]["cpu_percent"]) == (40.0, None)
    begin = dt.datetime.fromisoformat(told["points"][0]["at"])
    assert sum(one["turns"] for one in told["points"]) == len([one for one in records if one.at >= begin])
    assert dt.datetime.fromisoformat(last["at"]).hour * 3600 % step_s == 0


async def test_turns_are_told_with_the_names_that_the_hub_knows_now(hub: Hub) -> None:
    history = hub.history()
    heard(history, days_before(NOW, 1))
    hub.kept = {"text": "turn on the light", "recording": True}
    told = checked(shapes.RECORDS, await history.records(20, None, language=None, satellite=None))["records"]
    numbers = [one["number"] for one in told]
    assert numbers == sorted(numbers, reverse=True)
    assert {one["satellite"] for one in told} <= set(SATELLITES)
    assert {(one["text"], one["recording"], len(one["turn_id"])) for one in told} == {("turn on the light", True, 32)}
    hub.satellites, hub.kept = (), {}
    later = hub.history()  # as after a restart
    told = (await later.records(20, numbers[-1], language="de", satellite=SATELLITES[0]))["records"]
    assert told
    assert {(one["satellite"], one["language"], one.get("turn_id"), one.get("text")) for one in told} == {
        (None, "de", None, None)
    }
    assert told[0]["number"] < numbers[-1]
    assert (await history.records(20, None, language=None, satellite="x"))["records"] == []


async def test_a_failed_and_a_silent_turn_are_told_too(hub: Hub) -> None:
    history = hub.history()
    chance = random.Random(1)
    records = [made_turn(chance, NOW) for _ in range(999)]
    failed = next(one for one in records if one.error)
    silent = next(one for one in records if not one.spoke and not one.error)
    heard(history, [failed, silent])
    told = checked(shapes.RECORDS, await history.records(9, None, language=None, satellite=None))["records"]
    assert [(one["error"], one["latency_ms"], one["risk"]) for one in told] == [
        (None, None, None),
        ("overloaded", None, None),
    ]


async def test_what_is_asked_of_a_disk_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with opened_store(tmp_path / "file" / "edge-voice.sqlite") as store:
        history = Hub(store=store, folder=tmp_path).history()
        heard(history, days_before(NOW, 0))
        history.happened("mode", "", "x")
        await history.look()
        with pytest.raises(DiskError):
            await history.figures(7)


# --- incidents


async def test_what_changes_and_lasts_is_an_incident_once(hub: Hub) -> None:
    history = hub.history()
    await hub.looks(history)
    assert (await history.incidents(9))["incidents"] == []
    hub.mode = Mode.SHEDDING
    await hub.looks(history, 1)
    hub.mode = Mode.NORMAL
    await hub.looks(history)
    hub.mode, hub.lane = Mode.UNAVAILABLE, LaneState.BROKEN
    await hub.looks(history, 4)
    hub.mode, hub.lane = Mode.NORMAL, LaneState.NOT_CONSENTED
    await hub.looks(history)
    told = checked(shapes.INCIDENTS, await history.incidents(9))["incidents"]
    assert [(one["kind"], one["subject"], one["message"]) for one in reversed(told)] == [
        ("mode", "", "It is unavailable."),
        ("lane", "My service", "'My service' cannot be reached."),
        ("mode", "", "The hub serves as it should again."),
    ]
    assert len((await history.incidents(1))["incidents"]) == 1


@pytest.mark.parametrize(("mode", "incidents"), [(Mode.EDGE_ONLY, 0), (Mode.CLOUD_ONLY, 1)])
async def test_how_a_hub_is_set_up_is_no_incident_and_what_it_lacks_is(hub: Hub, mode: Mode, incidents: int) -> None:
    hub.mode = mode
    history = hub.history()
    await hub.looks(history)
    assert len((await history.incidents(9))["incidents"]) == incidents


async def test_a_lane_that_was_removed_is_no_longer_missed(hub: Hub) -> None:
    history = hub.history()
    hub.lane = LaneState.BROKEN
    await hub.looks(history)
    hub.lanes = ()
    await hub.looks(history)
    hub.lane, hub.lanes = LaneState.READY, ("My service", "Another")
    await hub.looks(history)
    told = (await history.incidents(9))["incidents"]
    assert [one["message"] for one in told] == ["'My service' cannot be reached."]


async def test_what_comes_and_goes_all_the_time_is_told_a_few_times_an_hour(hub: Hub) -> None:
    history = hub.history()
    for _ in range(5 * MOST_AN_HOUR):
        history.happened("lane", "My service", "It is gone.")
        hub.passes(1)
    history.happened("lane", "Another", "It is gone.")
    assert len((await history.incidents(99))["incidents"]) == MOST_AN_HOUR + 1
    hub.passes(3600)
    history.happened("lane", "My service", "It is gone.")
    assert len((await history.incidents(99))["incidents"]) == MOST_AN_HOUR + 2


async def test_a_disk_that_refuses_is_an_incident_once_it_takes_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.touch()
    async with opened_store(folder / "edge-voice.sqlite", interval_seconds=3600) as store:
        hub = Hub(store=store, folder=tmp_path)
        history = hub.history()
        heard(history, days_before(NOW, 0))
        await hub.looks(history)
        folder.unlink()
        await store.flush()
        await hub.looks(history)
        messages = [one["message"] for one in (await history.incidents(9))["incidents"]]
        turns = (await history.figures(7))["cells"][0]["turns"]
    assert messages[0] == "What is written down reaches the disk again."
    assert "cannot be used" in messages[1]
    assert turns > 0


# --- what is done by itself


async def test_the_load_is_sampled_and_becomes_one_row_an_hour_after_two_days(hub: Hub) -> None:
    history = hub.history()
    for _ in range(24):
        await history.look()
        await history.look()
        hub.passes(EVERY_SECONDS)
    await hub.store.flush()
    assert await samples(hub) == 24
    hub.passes(3 * 86_400)
    assert await hub.store.write(lambda one: thin(hub.now, one)) == 2
    assert await hub.store.write(lambda one: thin(hub.now, one)) == 0
    assert await samples(hub) == 2
    told = (await history.series(96))["points"]
    assert [one["decode_busy"] for one in told if one["decode_busy"] is not None] == [0.25]


async def samples(hub: Hub) -> int:
    def ask(connection: sqlite3.Connection) -> int:
        return int(connection.execute("SELECT count(*) FROM load_sample").fetchone()[0])

    return await hub.store.read(ask)


async def summed_days(hub: Hub) -> list[str]:
    def ask(connection: sqlite3.Connection) -> list[str]:
        return [day for (day,) in connection.execute("SELECT DISTINCT day FROM day_sum ORDER BY day")]

    return await hub.store.read(ask)


async def test_days_are_summed_up_an_hour_after_they_are_over_also_those_that_the_hub_was_off(hub: Hub) -> None:
    hub.now = NOW.replace(hour=23, minute=0)
    history = hub.history()
    heard(history, days_before(hub.now, 2, turns=3))
    await history.look()
    hub.passes(SETTLED_SECONDS + 60)  # it has held for an hour, and today is over for a minute
    await history.look()
    assert await summed_days(hub) == ["2026-11-20", "2026-11-21"]
    hub.passes(SETTLED_SECONDS)
    await history.look()
    assert await summed_days(hub) == ["2026-11-20", "2026-11-21", "2026-11-22"]


async def test_a_clock_that_leaps_a_year_and_comes_back_sums_up_no_day_that_never_was(hub: Hub) -> None:
    history = hub.history()
    hub.passes(SETTLED_SECONDS)
    heard(history, days_before(hub.now, 0))
    await history.look()
    right = hub.now
    hub.now += dt.timedelta(days=365)
    await history.look()
    history.turn(made_turn(random.Random(1), hub.now), None)
    hub.passes(SETTLED_SECONDS - LOOK_SECONDS)
    await history.look()
    assert await summed_days(hub) == []
    hub.now = right
    for _ in range(5):
        hub.passes(SUM_SECONDS)
        await history.look()
    assert await summed_days(hub) == []  # today is not over
    last = (await history.series(48))["points"][-1]
    assert (last["at"], last["turns"]) == (hub.now.replace(minute=0, second=0).isoformat(), 0)
    for _ in range(24):
        hub.passes(SUM_SECONDS)
        await history.look()
    assert await summed_days(hub) == ["2026-11-22"]


async def test_turn_ids_are_forgotten_when_turns_are_erased(hub: Hub) -> None:
    history = hub.history()
    heard(history, days_before(NOW, 0))
    history.forget()
    told = (await history.records(20, None, language=None, satellite=None))["records"]
    assert told
    assert not [one for one in told if "turn_id" in one]


# --- parts


def test_a_share_of_counted_pairs_is_the_one_of_the_pairs_themselves() -> None:
    chance, kept = random.Random(6), Disagreements()
    counted = Counter[tuple[float | None, bool]]()
    for _ in range(300):
        audited, differs = chance.random() < 0.3, chance.random() < 0.2
        one = Comparison(same_intent=not differs, exact=True, token_edits=0, tokens=3, character_edits=0, characters=9)
        kept.observe("en", Pair(comparison=one, audited=audited, chance=0.05 if audited else 1.0))
        counted[0.05 if audited else None, differs] += 1
    figures = kept.figures("en")
    assert figures is not None
    share = intent_share([(q, differs, turns) for (q, differs), turns in counted.items()])
    assert share is not None
    assert (share.value, share.low, share.high) == pytest.approx(
        (figures.intent.value, figures.intent.low, figures.intent.high)
    )
    assert intent_share([]) is None


def test_a_day_begins_by_its_own_offset_in_summer_and_in_winter() -> None:
    assert midnight(dt.date(2026, 7, 1), NOW).isoformat() == "2026-07-01T00:00:00+02:00"
    assert midnight(dt.date(2026, 11, 1), NOW).isoformat() == "2026-11-01T00:00:00+01:00"
    elsewhere = NOW.astimezone(dt.timezone(dt.timedelta(hours=13)))
    assert midnight(dt.date(2026, 7, 1), elsewhere).isoformat() == "2026-07-01T00:00:00+13:00"
