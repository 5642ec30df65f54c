"""The egress ledger: a row before each upload, and caps that hold."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.server.proofs.ledger_kills import prove
from wyoming_server.errors import CapReachedError, DiskError, LaneUnreachableError
from wyoming_server.pipeline.lanes import LaneSettings, Ledger, Upload
from wyoming_server.pipeline.policy import Trust
from wyoming_server.records.caps import LedgerSettings
from wyoming_server.records.ledger import STAYS_HOME, EgressLedger
from wyoming_server.records.schema import MIGRATIONS
from wyoming_server.records.store import Store, opened_store

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=BERLIN)


@dataclass
class Clock:
    """A home's wall clock that stands still until somebody moves it."""

    now: datetime = field(default=NOON)

    def __call__(self) -> datetime:
        return self.now


def upload(seconds: float = 2.0, **changes: Any) -> Upload:
    values = {"lane": "openai", "trust": Trust.CLOUD, "turn_id": "t1", "reason": "risk", "consent": "2026-11-01"}
    return Upload(**(values | {"seconds": seconds, "bytes": 64_044, "cost": 0.01} | changes))


@asynccontextmanager
async def books(
    folder: Path, clock: Clock | None = None, **caps: Any
) -> AsyncIterator[tuple[EgressLedger, Store, Clock]]:
    clock = clock or Clock()
    async with opened_store(folder / "edge-voice.sqlite") as store:
        yield await EgressLedger.opened(store, LedgerSettings(**caps), clock), store, clock


def delete_all(folder: Path) -> None:
    for one in folder.iterdir():
        one.unlink()


class PausedLedger(EgressLedger):
    """A ledger that stops between its row and its commit."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.began, self.go_on = threading.Event(), threading.Event()

    def _reserve(self, *parts: Any) -> Any:
        reserved = super()._reserve(*parts)
        self.began.set()
        self.go_on.wait(10)
        return reserved


async def refused(ledger: Ledger, one: Upload) -> str:
    with pytest.raises(CapReachedError) as error:
        await ledger.open(one)
    assert error.value.lane == one.lane
    return str(error.value)


async def test_who_counts_uploads_is_told_of_each_that_went_once(tmp_path: Path) -> None:
    told = list[Upload]()
    async with books(tmp_path, cloud_seconds_per_day=5.0) as (ledger, _, _):
        ledger.on_upload = told.append
        went, never = upload(2.0), upload(2.0, turn_id="t2")
        first, second = await ledger.open(went), await ledger.open(never)
        assert told == []
        await ledger.close(second, LaneUnreachableError.code, 0.1)
        for _ in range(2):
            await ledger.close(first, "answered", 0.4)
        assert told == [went]
        await refused(ledger, upload(4.0))
        at_home = upload(9.0, trust=Trust.HOME)
        await ledger.close(await ledger.open(at_home), "answered", 0.4)
        away = upload(1.0, reason="away")
        await ledger.record(away, NOON, "answered", 0.4)
        await ledger.record(away, NOON, LaneUnreachableError.code, 0.4)
        assert told == [went, at_home, away]


async def test_an_upload_is_on_record_for_everybody_when_open_returns(tmp_path: Path) -> None:
    async with books(tmp_path) as (ledger, store, _):
        number = await ledger.open(upload())
        with closing(sqlite3.connect(store.path)) as other:
            other.row_factory = sqlite3.Row
            rows = [dict(row) for row in other.execute("SELECT * FROM upload")]
    assert rows == [
        {
            "number": number,
            "at_utc": "2026-11-22T11:00:00.000+00:00",
            "day": "2026-11-22",
            "lane": "openai",
            "turn_id": "t1",
            "reason": "risk",
            "consent": "2026-11-01",
            "seconds": 2.0,
            "bytes": 64_044,
            "cost": 0.01,
            "currency": "USD",
            "ending": "",
            "took_seconds": None,
            "has_left": 1,
        }
    ]


def test_a_row_has_no_place_for_text_satellites_or_keys() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        columns = {row[1] for row in connection.execute("PRAGMA table_info(upload)")}
    asked = {"number", "at_utc", "day", "lane", "turn_id", "reason", "consent", "seconds", "bytes", "cost", "currency"}
    assert columns == asked | {"ending", "took_seconds", "has_left"}


async def test_its_ending_is_written_once(tmp_path: Path) -> None:
    async with books(tmp_path) as (ledger, _, _):
        first, second = await ledger.open(upload()), await ledger.open(upload(turn_id="t2"))
        await ledger.close(first, "answered", 0.4)
        await ledger.close(first, "cancelled", 9.0)
        await ledger.close(999, "answered", 1.0)
        newest, oldest = await ledger.rows(10)
        assert (newest.number, newest.ending, newest.took_seconds) == (second, "", None)
        assert (oldest.number, oldest.ending, oldest.took_seconds) == (first, "answered", 0.4)
        assert (oldest.at, oldest.day) == (NOON.astimezone(UTC), NOON.date())
        assert await ledger.rows(1) == (newest,)
        assert await ledger.rows(5, before=second) == (oldest,)


# --- caps


async def test_no_day_has_more_seconds_than_its_cap(tmp_path: Path) -> None:
    async with books(tmp_path, cloud_seconds_per_day=10) as (ledger, _, clock):
        for _ in range(5):
            await ledger.open(upload(2.0))
        assert "cloud_seconds_per_day" in await refused(ledger, upload(0.1))
        assert ledger.remaining().seconds == 0.0
        clock.now = datetime(2026, 11, 22, 23, 59, 59, tzinfo=BERLIN)
        await refused(ledger, upload(0.1))
        clock.now += timedelta(seconds=1)
        assert ledger.remaining().seconds == 10.0
        await ledger.open(upload(10.0))
        await refused(ledger, upload(0.1))


async def test_seconds_that_add_up_to_the_cap_exactly_are_allowed(tmp_path: Path) -> None:
    async with books(tmp_path, cloud_seconds_per_day=0.3) as (ledger, _, _):
        for _ in range(3):
            await ledger.open(upload(0.1))  # in floating point, 0.1 + 0.1 + 0.1 is a little more than 0.3
        await refused(ledger, upload(0.001))


async def test_no_month_costs_more_than_its_cap_and_the_next_begins_at_the_homes_midnight(tmp_path: Path) -> None:
    async with books(tmp_path, cloud_money_per_month=1.0) as (ledger, _, clock):
        clock.now = datetime(2026, 11, 1, 0, 0, tzinfo=BERLIN)
        await ledger.open(upload(cost=0.6))
        clock.now = datetime(2026, 11, 30, 23, 59, tzinfo=BERLIN)
        assert "cloud_money_per_month" in await refused(ledger, upload(cost=0.5))
        await ledger.open(upload(cost=0.4))
        assert ledger.remaining().money == pytest.approx(0.0)
        clock.now = datetime(2026, 12, 1, 0, 0, tzinfo=BERLIN)  # still November in UTC
        assert ledger.remaining().money == 1.0
        await ledger.open(upload(cost=1.0))
        await refused(ledger, upload(cost=0.01))
        assert [one.cost for one in await ledger.this_month()] == [1.0]


@pytest.mark.parametrize("cap", ["cloud_seconds_per_day", "cloud_money_per_month"])
async def test_a_cap_of_nothing_lets_nothing_leave_not_even_what_is_free_and_short(tmp_path: Path, cap: str) -> None:
    async with books(tmp_path, **{cap: 0}) as (ledger, _, _):
        assert f"{cap} is 0" in await refused(ledger, upload(0.0, cost=0.0))
        assert await ledger.rows(10) == ()


@pytest.mark.parametrize(("reason", "cap"), [("hedge", "hedge_seconds_per_day"), ("audit", "audit_seconds_per_day")])
async def test_hedges_and_audits_have_caps_of_their_own_within_the_whole(tmp_path: Path, reason: str, cap: str) -> None:
    async with books(tmp_path, cloud_seconds_per_day=10, **{cap: 3}) as (ledger, _, _):
        await ledger.open(upload(2.0, reason=reason))
        assert cap in await refused(ledger, upload(2.0, reason=reason))
        await ledger.open(upload(8.0))
        assert "cloud_seconds_per_day" in await refused(ledger, upload(1.0, reason=reason))


async def test_of_two_that_race_for_the_last_second_one_gets_it(tmp_path: Path) -> None:
    async with (
        books(tmp_path, cloud_seconds_per_day=20) as (one, _, _),
        books(tmp_path, cloud_seconds_per_day=20) as (other, _, _),
    ):
        found = await asyncio.gather(
            *(ledger.open(upload(1.0)) for _ in range(20) for ledger in (one, other)), return_exceptions=True
        )
        numbers = [one for one in found if isinstance(one, int)]
        assert (len(numbers), len(set(numbers))) == (20, 20)
        assert sum(isinstance(one, CapReachedError) for one in found) == 20
        assert len(await one.rows(100)) == 20


async def test_who_comes_while_the_last_second_is_being_taken_waits_and_is_refused(tmp_path: Path) -> None:
    async with (
        books(tmp_path, cloud_seconds_per_day=2) as (_, store, clock),
        books(tmp_path, cloud_seconds_per_day=2) as (other, _, _),
    ):
        paused = PausedLedger(store, LedgerSettings(cloud_seconds_per_day=2), clock)
        first = asyncio.create_task(paused.open(upload(2.0)))
        await asyncio.to_thread(paused.began.wait, 10)
        second = asyncio.create_task(other.open(upload(2.0)))
        await asyncio.sleep(0.05)
        paused.go_on.set()
        assert await first == 1
        with pytest.raises(CapReachedError):
            await second


async def test_caps_hold_over_a_restart_and_can_be_changed_under_way(tmp_path: Path) -> None:
    async with books(tmp_path, cloud_seconds_per_day=10) as (ledger, _, _):
        await ledger.open(upload(8.0))
    async with books(tmp_path, cloud_seconds_per_day=10) as (ledger, _, _):
        assert ledger.remaining().seconds == 2.0
        await refused(ledger, upload(3.0))
        ledger.adopt(LedgerSettings(cloud_seconds_per_day=11))
        await ledger.open(upload(3.0))


async def test_what_could_not_leave_is_given_back_and_stays_on_record(tmp_path: Path) -> None:
    async with books(tmp_path, cloud_seconds_per_day=10) as (ledger, _, _):
        for ending in ("lane-unreachable", "lane-certificate"):
            await ledger.close(await ledger.open(upload(10.0)), ending, 0.1)
            await ledger.rows(1)
            assert ledger.remaining().seconds == 10.0
        await ledger.close(await ledger.open(upload(10.0)), "lane-timeout", 2.2)
        await refused(ledger, upload(1.0))
        assert [(row.ending, row.has_left) for row in await ledger.rows(9)] == [
            ("lane-timeout", True),
            ("lane-certificate", False),
            ("lane-unreachable", False),
        ]
        assert [(one.uploads, one.seconds) for one in await ledger.today()] == [(1, 10.0)]


async def test_a_clock_that_jumps_a_year_and_back_finds_each_day_as_it_left_it(tmp_path: Path) -> None:
    async with books(tmp_path, cloud_seconds_per_day=10) as (ledger, _, clock):
        await ledger.open(upload(8.0))
        clock.now += timedelta(days=365)
        await ledger.open(upload(9.0))
        clock.now = NOON
        await refused(ledger, upload(3.0))
        assert ledger.remaining().seconds == 2.0


async def test_money_in_another_currency_is_shown_and_not_added_up(tmp_path: Path) -> None:
    async with books(tmp_path, currency="JPY", cloud_money_per_month=500) as (ledger, _, _):
        await ledger.open(upload(cost=400.0))
        ledger.adopt(LedgerSettings(currency="EUR", cloud_money_per_month=5))
        await ledger.open(upload(cost=4.0))
        await refused(ledger, upload(cost=2.0))
        assert [(one.cost, one.currency) for one in await ledger.this_month()] == [(4.0, "EUR"), (400.0, "JPY")]


async def test_routing_is_told_before_it_asks_in_vain(tmp_path: Path) -> None:
    cloud = LaneSettings(name="openai", provider="openai", price_per_minute=0.6, consent="2026-11-01")
    home = LaneSettings(name="gpu", provider="wyoming")
    async with books(tmp_path, cloud_seconds_per_day=10, cloud_money_per_month=0.05) as (ledger, _, clock):
        assert ledger.capped(cloud, 5.0) == ""
        assert "cloud_money_per_month" in ledger.capped(cloud, 5.5)
        assert "cloud_seconds_per_day" in ledger.capped(cloud, 10.5)
        await ledger.open(upload(10.0, cost=0.0))
        assert "cloud_seconds_per_day" in ledger.capped(cloud, 0.5)
        assert ledger.capped(home, 1000.0) == ""
        clock.now += timedelta(days=1)
        assert ledger.capped(cloud, 0.5) == ""


# --- the house's own servers


async def test_what_stays_in_the_house_leaves_no_row_touches_no_cap_and_is_counted(tmp_path: Path) -> None:
    home = upload(3.0, lane="gpu", trust=Trust.HOME, consent="", cost=0.0)
    async with books(tmp_path, cloud_seconds_per_day=0) as (ledger, _, clock):
        assert [await ledger.open(home) for _ in range(3)] == [STAYS_HOME] * 3
        await ledger.close(STAYS_HOME, "answered", 0.1)
        assert await ledger.rows(10) == ()
        (total,) = await ledger.today()
        assert (total.lane, total.trust, total.uploads, total.seconds) == ("gpu", Trust.HOME, 3, 9.0)
        clock.now += timedelta(days=1)
        assert await ledger.today() == ()
        assert (await ledger.this_month())[0].uploads == 3


async def test_totals_are_summed_by_lane_and_day(tmp_path: Path) -> None:
    async with books(tmp_path) as (ledger, _, clock):
        await ledger.close(await ledger.open(upload(1.0, cost=0.1)), "answered", 0.3)
        await ledger.open(upload(2.0, lane="deepgram", cost=0.2))
        clock.now += timedelta(days=2)
        await ledger.close(await ledger.open(upload(4.0, cost=0.4)), "lane-empty", 0.3)
        found = [(one.lane, one.uploads, one.seconds, one.cost, one.answered) for one in await ledger.this_month()]
        assert found == [("deepgram", 1, 2.0, 0.2, 0), ("openai", 2, 5.0, pytest.approx(0.5), 1)]
        assert [one.seconds for one in await ledger.today()] == [4.0]
        first = date(2026, 11, 22)
        assert [one.lane for one in await ledger.totals(first, first)] == ["deepgram", "openai"]


async def test_a_purge_leaves_only_what_the_caps_rest_on_and_says_how_many_uploads_went(tmp_path: Path) -> None:
    async with books(tmp_path, cloud_seconds_per_day=10) as (ledger, _, _):
        for _ in range(3):
            await ledger.close(await ledger.open(upload(3.0)), "answered", 0.3)
        await ledger.open(upload(3.0, lane="gpu", trust=Trust.HOME, consent="", cost=0.0))
        assert [await ledger.purge(), await ledger.purge()] == [3, 0]
        (total,) = await ledger.this_month()
        assert (total.lane, total.seconds, ledger.remaining().seconds) == ("openai", 9.0, 1.0)
        (row,) = await ledger.rows(10)
        assert (row.turn_id, row.consent, row.ending) == ("", "", "summed-up")


# --- crashes, cancellation, disks


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_row_is_lost_to_a_kill_and_no_cap_is_passed(tmp_path: Path, seed: int) -> None:
    counts = await asyncio.to_thread(prove, tmp_path, times=3, seed=seed)
    wrong = {name: counts[name] for name in ("rows lost", "caps passed", "left under way", "damaged snapshots")}
    assert wrong == dict.fromkeys(wrong, 0)
    assert counts["kills"] == 3
    assert counts["rows"] > 10


async def test_what_a_crash_left_open_is_marked_interrupted_and_counts_as_sent(tmp_path: Path) -> None:
    async with books(tmp_path, cloud_seconds_per_day=10) as (ledger, _, _):
        number = await ledger.open(upload(8.0))
    async with books(tmp_path, cloud_seconds_per_day=10) as (ledger, _, _):
        await refused(ledger, upload(3.0))
        own = await ledger.open(upload(1.0))
        assert [(row.number, row.ending) for row in await ledger.rows(9)] == [(own, ""), (number, "interrupted")]
        await ledger.close(number, "answered", 0.5)  # a caller that was asked before the restart reports back
        assert (await ledger.rows(1, before=own))[0].ending == "answered"


async def test_an_upload_that_is_called_off_while_its_row_is_written_counts_as_never_sent(tmp_path: Path) -> None:
    async with books(tmp_path, cloud_seconds_per_day=10) as (ledger, store, _):
        go_on, began = threading.Event(), threading.Event()
        store.submit(lambda connection: (began.set(), go_on.wait(10)))
        await asyncio.to_thread(began.wait, 10)
        never_begun = asyncio.create_task(ledger.open(upload(9.0)))
        await asyncio.sleep(0)
        never_begun.cancel()
        await asyncio.gather(never_begun, return_exceptions=True)
        go_on.set()
        assert await ledger.rows(9) == ()

        paused = PausedLedger(store, LedgerSettings(), Clock())
        being_written = asyncio.create_task(paused.open(upload(9.0)))
        await asyncio.to_thread(paused.began.wait, 10)
        being_written.cancel()
        await asyncio.gather(being_written, return_exceptions=True)
        paused.go_on.set()
        assert [(row.ending, row.has_left) for row in await paused.rows(9)] == [("cancelled", False)]

        for wait in range(20):  # cancelled at any moment: queued, being written, or just committed
            late = asyncio.create_task(ledger.open(upload(9.0)))
            await asyncio.sleep(wait * 0.0001)
            late.cancel()
            (found,) = await asyncio.gather(late, return_exceptions=True)
            if isinstance(found, int):
                await ledger.close(found, "lane-unreachable", 0.0)
            await store.flush()
        assert all(not row.has_left and row.ending for row in await ledger.rows(50))
        assert ledger.remaining().seconds == 10.0
        await ledger.open(upload(10.0))


async def test_nothing_leaves_when_the_disk_does_not_answer(tmp_path: Path) -> None:
    async with books(tmp_path, cloud_seconds_per_day=10) as (ledger, store, _):
        go_on, began = threading.Event(), threading.Event()
        store.submit(lambda connection: (began.set(), go_on.wait(10)))
        await asyncio.to_thread(began.wait, 10)
        with pytest.raises(DiskError, match="nothing leaves"):
            await ledger.open(upload())
        go_on.set()
        assert await ledger.rows(9) == ()
        assert ledger.remaining().seconds == 10.0


async def test_nothing_leaves_when_the_row_cannot_be_written_and_uploads_go_on_when_it_can(tmp_path: Path) -> None:
    path = tmp_path / "edge-voice.sqlite"
    path.mkdir()
    async with books(tmp_path) as (ledger, _, _):
        with pytest.raises(DiskError):
            await ledger.open(upload())
        assert await ledger.open(upload(lane="gpu", trust=Trust.HOME)) == STAYS_HOME
        await ledger.close(7, "answered", 1.0)
        with pytest.raises(DiskError):
            await ledger.today()
        path.rmdir()
        number = await ledger.open(upload())
        assert {one.lane: one.uploads for one in await ledger.today()} == {"gpu": 1, "openai": 1}
        # The row is this process's own: what marks the rows of killed ones, and comes late here, leaves it alone.
        assert [(row.number, row.ending) for row in await ledger.rows(9)] == [(number, "")]


async def test_a_number_from_a_file_that_was_set_aside_ends_no_row_of_the_new_one(tmp_path: Path) -> None:
    async with books(tmp_path) as (ledger, store, clock):
        old = await ledger.open(upload())
        delete_all(tmp_path)
        clock.now += timedelta(seconds=1)
        await store.write(lambda connection: connection.execute("SELECT 1"))
        with closing(sqlite3.connect(store.path)) as other:
            other.execute(
                "INSERT INTO upload (number, at_utc, day, lane, turn_id, reason, consent, seconds, bytes, cost,"
                " currency) VALUES (?, 'another', '2026-11-22', 'x', 'y', 'risk', '', 1, 1, 1, 'EUR')",
                (old,),
            )
            other.commit()
        await ledger.close(old, "answered", 1.0)
        with closing(sqlite3.connect(store.path)) as other:
            await store.flush()
            assert other.execute("SELECT ending FROM upload").fetchall() == [("",)]


# --- settings


@pytest.mark.parametrize(
    "values",
    [
        {"cloud_seconds_per_day": -1},
        {"cloud_seconds_per_day": 86_401},
        {"cloud_money_per_month": float("nan")},
        {"time_zone": "Europe/Nowhere"},
        {"time_zone": "../etc/passwd"},
    ],
)
def test_caps_and_zones_that_cannot_be_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(values)).replace("time_zone", "time zone")):
        LedgerSettings(**values)


def test_the_homes_clock_has_a_zone() -> None:
    assert LedgerSettings(time_zone="Asia/Tokyo").clock()().utcoffset() == timedelta(hours=9)
    here = LedgerSettings().clock()()
    assert here.utcoffset() == datetime.now(UTC).astimezone().utcoffset()
