"""Which day it is, when clocks leap: nothing goes by a date that has not held, and one that has is believed."""

import datetime as dt
import random
from typing import Any

import pytest

from wyoming_server.records.believed_day import HELD_SECONDS, LEAP_DAYS, BelievedDay

START = dt.date(2026, 11, 22)
HOUR = 3600.0


@pytest.mark.parametrize("seed", range(20))
def test_no_leap_of_less_than_a_day_is_ever_gone_by(seed: int) -> None:
    chance, day = random.Random(seed), BelievedDay(known=START)
    off, wrong_hours, gone_by = 0, 0, 0
    for hour in range(24 * 200):
        true = START + dt.timedelta(days=hour // 24)
        if wrong_hours:
            wrong_hours -= 1
        else:
            off = 0
            if chance.random() < 0.01:
                off, wrong_hours = chance.randrange(-9000, 9000), chance.randrange(1, 20)
        found = day.look(true + dt.timedelta(days=off), hour * HOUR, true)
        gone_by += found is not None
        assert found is None or abs(found - true) <= dt.timedelta(days=LEAP_DAYS)
        if chance.random() < 0.02:  # a restart, and a new monotonic clock with it
            day = BelievedDay.restored(day.snapshot())
    assert gone_by > 2000


@pytest.mark.parametrize("days", [3, 365, 36_500, -3, -365, -36_500])
def test_a_date_that_has_held_for_a_day_of_uptime_is_believed_over_restarts(days: int) -> None:
    day, now = BelievedDay(known=START), START + dt.timedelta(days=days)
    looks = 0
    while day.look(now, looks % 7 * HOUR, START) is None:
        looks += 1
        if looks % 7 == 0:
            day = BelievedDay.restored(day.snapshot())
        assert looks < 60
    assert looks * HOUR >= HELD_SECONDS
    assert day.known == now


def test_the_first_day_is_that_of_the_rows_or_of_the_clock() -> None:
    assert BelievedDay().look(START, 0.0, None) == START
    assert BelievedDay().look(START, 0.0, START - dt.timedelta(days=400)) is None


def test_what_is_dated_ahead_is_over_when_its_window_has_passed_since_it_was_noticed() -> None:
    day, ahead = BelievedDay(known=START), START + dt.timedelta(days=365)
    beyond = []
    for days in range(10):
        today = START + dt.timedelta(days=days)
        assert day.look(today, days * 24 * HOUR, ahead) == today
        beyond.append(day.expired(today, 7).beyond < ahead)
    assert beyond == [False] * 7 + [True] * 3
    day.look(START + dt.timedelta(days=10), 0.0, START)
    assert day.ahead_since is None


@pytest.mark.parametrize(
    "state",
    [None, {}, {"days": 7}, {"days": ["noon", None, None], "seconds": [0, 0]}, {"days": [None] * 3, "seconds": "x"}],
)
def test_a_state_that_is_none_begins_anew(state: Any) -> None:
    assert BelievedDay.restored(state) == BelievedDay()
