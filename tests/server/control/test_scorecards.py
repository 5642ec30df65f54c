"""Scorecards of real turns in a real store, under clocks that jump, and months in which nobody spoke."""

import datetime as dt
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from wyoming_server.control.months import MonthBook
from wyoming_server.control.scorecards import HELD_SECONDS
from wyoming_server.errors import DiskError, UnknownMonthError
from wyoming_server.listeners import control_past as shapes
from wyoming_server.listeners.control_values import checked
from wyoming_server.monthly.page import page_of
from wyoming_server.pipeline.cloud import Lanes
from wyoming_server.records.caps import LedgerSettings
from wyoming_server.records.day_sums import sum_up
from wyoming_server.records.ledger import EgressLedger
from wyoming_server.settings import Settings

from ..monthly.sample_month import baseline
from ..monthly.scorecard_home import BERLIN, ScorecardHome, scorecard_home

OCTOBER = dt.date(2026, 10, 1)
NOVEMBER = dt.datetime(2026, 11, 1, 0, 5, tzinfo=BERLIN)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[ScorecardHome]:
    async with scorecard_home(tmp_path, dt.datetime(2026, 10, 1, tzinfo=BERLIN)) as one:
        yield one


def as_told(scorecard: dict[str, Any]) -> dict[str, Any]:
    """Return a scorecard that is as the contract says."""
    return dict(checked(shapes.SCORECARD, scorecard))


async def made(hub: ScorecardHome) -> dict[str, Any] | None:
    """Let the clock hold for as long as it has to, and make what is due."""
    cards = hub.scorecards()
    assert await cards.make_due() is None
    hub.passes(HELD_SECONDS)
    return await cards.make_due()


async def test_a_month_that_is_over_gets_its_scorecard_once(hub: ScorecardHome) -> None:
    spoken = await hub.hears(OCTOBER, 31, 12)
    hub.is_set(NOVEMBER)
    cards = hub.scorecards()
    assert await cards.make_due() is None, "the last turns may still be labelled"
    hub.passes(HELD_SECONDS)
    headline = await cards.make_due()
    assert headline is not None
    assert (headline["month"], headline["turns"]) == ("2026-10", spoken)
    assert headline == cards.headline
    assert await cards.make_due() is None
    again = hub.scorecards()
    await again.load()
    assert again.headline == headline
    hub.passes(HELD_SECONDS)
    assert await again.make_due() is None, "it was made before the restart"


async def test_whoever_listens_hears_of_it_once(hub: ScorecardHome) -> None:
    await hub.hears(OCTOBER, 2, 6)
    hub.is_set(NOVEMBER)
    heard: list[dict[str, Any]] = []
    ledger = await EgressLedger.opened(hub.store, hub.settings.ledger, lambda: hub.now)
    lanes = Lanes([], ledger, clock=lambda: hub.clock_s, capped=ledger.capped, settings=hub.settings.cloud)
    book = MonthBook(
        hub.history(),
        store=hub.store,
        lanes=lanes,
        ledger=ledger,
        model=lambda: "base",
        settings=lambda: hub.settings,
        wall=lambda: hub.now,
        clock=lambda: hub.clock_s,
        publish=heard.append,
    )
    await book.begin()
    assert book.status() == {"baseline": None, "scorecard": None}
    await book.look()
    hub.passes(HELD_SECONDS)
    await book.look()
    await book.look()
    (told,) = heard
    assert checked(shapes.HEADLINE, told["scorecard"]) == book.status()["scorecard"]
    assert told["type"] == "scorecard"


async def test_a_scorecard_has_the_months_figures_as_the_contract_says(hub: ScorecardHome) -> None:
    await hub.hears(dt.date(2026, 9, 20), 11, 10, seed=1)
    spoken = await hub.hears(OCTOBER, 31, 12)
    hub.history().happened("lane", "OpenAI", "OpenAI failed three times.")
    hub.is_set(NOVEMBER)
    hub.baseline = baseline()
    card = as_told(await hub.scorecards().of(None))
    assert card["complete"]
    assert card["months"] == ["2026-09", "2026-10"]
    assert card["figures"]["turns"] == spoken == sum(one["turns"] for one in card["days"])
    assert card["last_month"]["turns"] > 0
    assert {one["language"] for one in card["languages"]} == {"en", "de", "fr"}
    (lane,) = card["lanes"]
    assert (lane["lane"], lane["trust"], lane["seconds"]) == ("OpenAI", "cloud", 2.0 * lane["uploads"])
    assert card["headline"]["cloud_cost"] == pytest.approx(0.0001 * lane["seconds"])
    assert [one["label"] for one in card["models"]] == ["base"]
    assert [one["message"] for one in card["incidents"]] == ["OpenAI failed three times."]
    assert card["without_hub"]["seconds"] == pytest.approx(spoken * 2461.0 / 1164, abs=0.1)
    assert "October 2026" in page_of(card)


async def test_the_month_that_runs_is_told_as_not_complete(hub: ScorecardHome) -> None:
    spoken = await hub.hears(OCTOBER, 5, 10)
    card = as_told(await hub.scorecards().of("2026-10"))
    assert (card["complete"], card["headline"]["turns"]) == (False, spoken)


async def test_nobody_spoke_yet_this_month(hub: ScorecardHome) -> None:
    card = as_told(await hub.scorecards().of("2026-10"))
    assert (card["figures"]["turns"], [one["code"] for one in card["advice"]]) == (0, ["no-turns"])
    assert "Nobody has spoken" in page_of(card)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [(None, "No month is over yet"), ("2026-08", "no records of August 2026"), ("2026-11", "no records of November")],
)
async def test_a_month_that_is_not_known_is_refused_with_those_that_are(
    hub: ScorecardHome, wanted: str | None, said: str
) -> None:
    await hub.hears(OCTOBER, 2, 4)
    with pytest.raises(UnknownMonthError, match=said) as refused:
        await hub.scorecards().of(wanted)
    assert "2026-10" in str(refused.value)


async def test_months_in_which_the_server_was_off_are_made_up(hub: ScorecardHome) -> None:
    await hub.hears(dt.date(2026, 8, 5), 3, 6)
    await hub.hears(OCTOBER, 2, 6)
    hub.is_set(dt.datetime(2026, 12, 5, 9, 0, tzinfo=BERLIN))
    assert await made(hub) is None, "the last month had no turns, so there is nothing new to tell"
    assert [await kept(hub, month) for month in ("2026-08", "2026-09", "2026-10")] == [True, False, True]
    assert (await hub.scorecards().of(None))["headline"]["month"] == "2026-10"


async def kept(hub: ScorecardHome, month: str) -> bool:
    """Tell whether a scorecard lies in the store."""

    def count(connection: sqlite3.Connection) -> int:
        return int(connection.execute("SELECT count(*) FROM month WHERE month = ?", (month,)).fetchone()[0])

    return bool(await hub.store.read(count))


async def test_a_clock_that_is_a_year_ahead_for_a_moment_makes_nothing(hub: ScorecardHome) -> None:
    await hub.hears(OCTOBER, 3, 6)
    cards = hub.scorecards()
    hub.is_set(dt.datetime(2027, 10, 4, tzinfo=BERLIN))
    assert await cards.make_due() is None
    hub.is_set(dt.datetime(2026, 10, 4, tzinfo=BERLIN))
    hub.passes(HELD_SECONDS)
    assert await cards.make_due() is None
    assert not await kept(hub, "2026-10")


async def test_what_a_wrong_clock_made_is_made_anew_when_the_month_is_over(hub: ScorecardHome) -> None:
    first = await hub.hears(OCTOBER, 3, 6)
    hub.is_set(dt.datetime(2027, 10, 4, tzinfo=BERLIN))
    assert await made(hub) is None, "it is not the month before"
    assert await kept(hub, "2026-10")
    hub.is_set(dt.datetime(2026, 10, 4, tzinfo=BERLIN))
    more = await hub.hears(dt.date(2026, 10, 4), 3, 6, seed=9)
    assert (await hub.scorecards().of("2026-10"))["figures"]["turns"] == first + more
    hub.is_set(NOVEMBER)
    headline = await made(hub)
    assert headline is not None
    assert headline["turns"] == first + more


async def test_a_clock_that_is_a_year_back_makes_and_hides_nothing(hub: ScorecardHome) -> None:
    await hub.hears(OCTOBER, 3, 6)
    hub.is_set(NOVEMBER)
    assert await made(hub) is not None
    hub.is_set(dt.datetime(2025, 11, 1, tzinfo=BERLIN))
    cards = hub.scorecards()
    hub.passes(HELD_SECONDS)
    assert await cards.make_due() is None
    assert (await cards.of("2026-10"))["headline"]["month"] == "2026-10"
    with pytest.raises(UnknownMonthError, match="No month is over"):
        await cards.of(None)


async def test_a_month_with_two_currencies_adds_up_neither_to_the_other(hub: ScorecardHome) -> None:
    await hub.hears(OCTOBER, 4, 20, seed=5)
    hub.settings = Settings(ledger=LedgerSettings(currency="EUR"))
    await hub.hears(dt.date(2026, 10, 5), 4, 20, seed=6)
    hub.is_set(NOVEMBER)
    card = as_told(await hub.scorecards().of(None))
    assert [one["lane"] for one in card["lanes"]] == ["OpenAI", "OpenAI (USD)"]
    assert card["headline"]["currency"] == "EUR"
    assert card["headline"]["cloud_cost"] == card["lanes"][0]["cost"]
    assert "currency" in [one["code"] for one in card["advice"]]


async def test_days_on_which_the_cap_was_used_up_are_named(hub: ScorecardHome) -> None:
    hub.settings = Settings(ledger=replace(hub.settings.ledger, cloud_seconds_per_day=6.0))
    with pytest.raises(Exception, match="cloud_seconds_per_day"):
        await hub.hears(OCTOBER, 3, 60)
    hub.is_set(NOVEMBER)
    card = await hub.scorecards().of(None)
    assert "cap-reached" in [one["code"] for one in card["advice"]]


async def test_purged_scorecards_are_gone_from_the_status(hub: ScorecardHome) -> None:
    await hub.hears(OCTOBER, 2, 4)
    hub.is_set(NOVEMBER)
    cards = hub.scorecards()
    hub.passes(HELD_SECONDS)
    await cards.make_due()
    hub.passes(HELD_SECONDS)
    await cards.make_due()
    assert cards.headline is not None
    cards.forget()
    assert cards.headline is None
    assert await cards.make_due() is None, "what was purged is not made again at once"


async def test_a_month_whose_sums_were_purged_gets_no_scorecard_of_its_kept_turns(hub: ScorecardHome) -> None:
    await hub.hears(OCTOBER, 2, 4)
    hub.is_set(NOVEMBER)
    await sum_up(hub.store, before=NOVEMBER.date())
    assert await made(hub) is not None
    for one in ("DELETE FROM day_sum", "DELETE FROM month"):
        await hub.store.write(partial(_done, one))
    assert await made(hub) is None
    assert not await kept(hub, "2026-10")
    with pytest.raises(UnknownMonthError, match="There are no records of October 2026"):
        await hub.scorecards().of("2026-10")


def _done(statement: str, connection: sqlite3.Connection) -> None:
    connection.execute(statement)


async def test_a_headline_that_a_wrong_clock_made_goes_when_the_clock_is_right(hub: ScorecardHome) -> None:
    await hub.hears(OCTOBER, 3, 6)
    cards = hub.scorecards()
    hub.is_set(dt.datetime(2026, 11, 4, tzinfo=BERLIN))
    for _ in range(2):
        await cards.make_due()
        hub.passes(HELD_SECONDS)
    assert cards.headline is not None
    hub.is_set(dt.datetime(2026, 10, 4, tzinfo=BERLIN))
    for _ in range(2):
        await cards.make_due()
        hub.passes(HELD_SECONDS)
    assert cards.headline is None, "no month is over yet"


async def test_a_store_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "edge-voice.sqlite").mkdir()
    async with scorecard_home(tmp_path, NOVEMBER) as hub:
        with pytest.raises(DiskError):
            await hub.scorecards().of(None)
