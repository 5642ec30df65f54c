"""The budget: a price that keeps it from running dry, and a cap that holds whatever the price did."""

import datetime as dt
import json
import math
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from wyoming_server.errors import SnapshotError
from wyoming_server.learning.budget import BudgetSettings, CloudBudget

BERLIN = ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2026, 11, 22, 12, tzinfo=BERLIN)
UNCAPPED = BudgetSettings(seconds_per_day=math.inf, money_per_month=math.inf)


def later(**by: float) -> dt.datetime:
    return NOON + dt.timedelta(**by)


def month_of(seed: int, *, priced: bool) -> tuple[float, int]:
    """Return the mean loss and the blocked requests of a month: 1800 turns, and money for 150 requests."""
    generator = np.random.default_rng(seed)
    risks = 1.0 / (1.0 + np.exp(-generator.normal(-2.94, 2.0, 1800)))
    weights = np.where(generator.random(1800) < 0.1, 10.0, 1.0)
    budget = CloudBudget(BudgetSettings(seconds_per_day=math.inf, money_per_month=150.0))
    start = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    loss, blocked = 0.0, 0
    for number, (risk, weight) in enumerate(zip(risks.tolist(), weights.tolist(), strict=True)):
        at = start + number * dt.timedelta(minutes=24)
        price = budget.price(cost_per_second=1.0 / 3.0).per_second * 3.0 if priced else 0.0
        here = min(0.15 + 0.1 * weight * risk, weight * risk if risk < 0.06 else math.inf)
        there = 0.05 + 0.03 * weight * risk
        is_wanted = there + price < here
        is_sent = is_wanted and not budget.reason(at, cost=1.0)
        blocked += is_wanted and not is_sent
        loss += there if is_sent else here
        budget.turn(at, seconds=3.0 if is_sent else 0.0, cost=1.0 if is_sent else 0.0)
    return loss / 1800, blocked


def test_the_price_spends_a_month_better_than_the_cap_alone() -> None:
    for seed in range(3):
        (priced, blocked), (capped, ran_dry) = month_of(seed, priced=True), month_of(seed, priced=False)
        print(f"loss a turn {priced:.4f} with the price, {capped:.4f} with the cap alone; blocked {blocked}, {ran_dry}")
        assert priced < 0.97 * capped
        assert blocked < 30
        assert ran_dry > 500


def test_the_cap_holds_whatever_the_price_did() -> None:
    budget = CloudBudget(BudgetSettings(seconds_per_day=30.0, money_per_month=1.0))
    sent = 0.0
    for minute in range(600):
        if not budget.reason(later(minutes=minute), seconds=4.0, cost=0.01):
            sent += 4.0
            budget.turn(later(minutes=minute), seconds=4.0, cost=0.01)
    assert sent == 28.0
    assert "today's cap is reached: 28 of 30 seconds" in budget.reason(later(minutes=600), seconds=4.0)
    assert budget.reason(later(minutes=600), seconds=2.0) == ""


def test_a_new_day_brings_new_seconds_and_a_new_month_new_money() -> None:
    budget = CloudBudget(BudgetSettings(seconds_per_day=10.0, money_per_month=2.0))
    budget.turn(NOON, seconds=10.0, cost=2.0)
    assert "today's cap" in budget.reason(later(hours=11.9))
    assert "this month's cap is reached: 2.00 of 2" in budget.reason(later(hours=12))
    assert "this month's cap" in budget.reason(later(days=8.4))
    assert budget.reason(dt.datetime(2026, 12, 1, tzinfo=BERLIN)) == ""


def test_remaining_says_how_much_and_for_how_long() -> None:
    budget = CloudBudget(BudgetSettings(seconds_per_day=10.0, money_per_month=2.0))
    budget.turn(NOON, seconds=4.0, cost=0.5)
    left = budget.remaining(NOON)
    assert (left.seconds_today, left.money_this_month, left.reason) == (6.0, 1.5, "")
    assert left.seconds_until_day == 12 * 3600
    assert left.seconds_until_month == 8.5 * 86400


def test_a_day_on_which_the_clocks_change_is_an_hour_longer() -> None:
    autumn = dt.datetime(2026, 10, 25, 0, 0, tzinfo=BERLIN)
    assert CloudBudget(UNCAPPED).remaining(autumn).seconds_until_day == 25 * 3600


def test_a_clock_that_is_set_back_gives_nothing_back() -> None:
    budget = CloudBudget(BudgetSettings(seconds_per_day=10.0, money_per_month=2.0))
    budget.turn(NOON, seconds=10.0, cost=2.0)
    for back in (later(days=-1), later(days=-40)):
        assert "cap is reached" in budget.reason(back, seconds=1.0)
        budget.turn(back)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (BudgetSettings(seconds_per_day=0.0), "cap on audio is 0 seconds a day"),
        (BudgetSettings(money_per_month=0.0), "cap on cost is 0 a month"),
    ],
)
def test_a_cap_of_0_means_that_nothing_may_be_sent_and_says_so(settings: BudgetSettings, says: str) -> None:
    budget = CloudBudget(settings)
    assert budget.reason(NOON).startswith("nothing may be sent")
    assert says in budget.remaining(NOON).reason
    budget.turn(NOON)
    assert budget.price(cost_per_second=0.01).per_second == 0.0


def test_without_caps_nothing_has_a_price() -> None:
    budget = CloudBudget(UNCAPPED)
    for minute in range(500):
        budget.turn(later(minutes=minute), seconds=15.0, cost=1.0)
    assert budget.price(cost_per_second=1.0).per_second == 0.0
    assert budget.reason(later(minutes=500), seconds=1e6, cost=1e6) == ""


def test_the_price_rises_with_waste_and_falls_with_thrift_and_has_a_limit() -> None:
    budget = CloudBudget(BudgetSettings(seconds_per_day=60.0, money_per_month=math.inf))
    prices = []
    for turn in range(3000):
        budget.turn(later(minutes=20 * turn), seconds=3.0)
        prices.append(budget.price().per_second)
    assert 0.0 < prices[50] < prices[200]
    assert max(prices) * 3.0 == pytest.approx(10.0)
    for turn in range(3000, 3300):
        budget.turn(later(minutes=20 * turn))
    assert budget.price().per_second < prices[-1]


def test_a_lane_that_costs_nothing_feels_only_the_price_of_audio() -> None:
    budget = CloudBudget(BudgetSettings(seconds_per_day=math.inf, money_per_month=0.1))
    for minute in range(100):
        budget.turn(later(minutes=minute), seconds=3.0, cost=0.05)
    assert budget.price().per_second == 0.0
    assert budget.price(cost_per_second=0.05 / 3.0).per_second > 0.05


def test_a_restart_changes_nothing() -> None:
    settings = BudgetSettings(seconds_per_day=100.0, money_per_month=1.0)
    budget = CloudBudget(settings)
    for minute in range(70):
        budget.turn(later(minutes=minute), seconds=float(minute % 3), cost=0.001 * minute)
    again = CloudBudget(settings, snapshot=json.loads(json.dumps(budget.snapshot(), allow_nan=False)))
    assert again.refusal is None
    for one in (budget, again):
        one.turn(later(minutes=71), seconds=2.0, cost=0.1)
    assert again.snapshot() == budget.snapshot()
    assert CloudBudget(settings, snapshot=CloudBudget(settings).snapshot()).refusal is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda image: image.update(version=9),
        lambda image: image.update(audio=None),
        lambda image: image["audio"].update(spent=-1.0),
        lambda image: image["money"].update(price=float("nan")),
        lambda image: image["money"].update(period=3),
        lambda image: image.pop("turns_per_day"),
        lambda image: image.update(last_s="now"),
    ],
)
def test_a_damaged_or_future_snapshot_is_refused(damage: Callable[[dict[str, Any]], None]) -> None:
    budget = CloudBudget(BudgetSettings())
    budget.turn(NOON, seconds=5.0, cost=0.1)
    image = json.loads(json.dumps(budget.snapshot()))
    damage(image)
    again = CloudBudget(BudgetSettings(), snapshot=image)
    assert isinstance(again.refusal, SnapshotError)
    assert again.remaining(NOON).seconds_today == 600.0
