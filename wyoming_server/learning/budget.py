"""What was sent → what a second of cloud audio costs now, and what may still be sent.

Two budgets, each with a dual price by online mirror descent, λ_{t+1} = [λ_t + η (s_t − B_remaining / T_remaining)]_+
(Balseiro, Lu and Mirrokni, arXiv 2011.10124: O(√T) regret), and a hard cap: the price keeps a budget from running dry
before its day or month is over, the cap holds whatever the price did.
"""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from ..errors import SnapshotError
from ..pipeline.checked import Checked, ranged
from ..pipeline.policy import Price
from .snapshot import Snapshot, name, number, parts, read

_VERSION = 1
_DAY_S = 86_400.0
_DAYS_PER_MONTH = 30.0
_LIKELY_TURNS_PER_DAY = 60.0
_MEMORY_DAYS = 7.0
"""How long a home's habit of speaking is remembered."""
_LIKELY_SECONDS = 3.0
"""Of one request, before any was sent."""
_SIZE_MEMORY = 20.0
"""Requests over which their usual size is averaged."""
_DEAREST = 10.0
"""Highest price of a usual request, in units of one wrong light switch: as a wrong unlocked door."""
_AMOUNT = number(at_least=0.0)
_PURSE = parts({"period": name, "spent": _AMOUNT, "price": _AMOUNT, "size": _AMOUNT})
_FIELDS = {"turns_per_day": _AMOUNT, "last_s": vol.Any(None, number()), "audio": _PURSE, "money": _PURSE}


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSettings(Checked):
    """What the owner lets leave the home; 0 lets nothing leave, infinity sets no cap."""

    seconds_per_day: float = ranged(600.0, at_least=0.0)
    """Audio sent to cloud lanes."""
    money_per_month: float = ranged(5.0, at_least=0.0)
    """In the owner's currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What may still be sent."""

    seconds_today: float
    money_this_month: float
    seconds_until_day: float
    """Time until the day's budget begins anew."""
    seconds_until_month: float
    reason: str
    """A sentence when nothing may be sent; empty when something may."""


class _Purse:
    """One budget: what of it is spent in the running period, and its dual price per unit."""

    __slots__ = ("period", "price", "size", "spent")

    def __init__(self, size: float) -> None:
        self.period = ""
        """Such as 2026-11-22 or 2026-11."""
        self.spent = 0.0
        self.price = 0.0
        """λ"""
        self.size = size
        """Of a usual request; 0 while it is not known."""

    def begin(self, period: str) -> None:
        """Start anew in a later period. The price stays: tomorrow is much like today.

        A clock that was set back gives nothing back.
        """
        if period > self.period:
            self.spent = 0.0
        self.period = period

    def take(self, amount: float, cap: float, *, turns_left: float, turns_per_month: float) -> None:
        """Take what one turn spent, 0 for nothing, and move the price."""
        fair = max(0.0, cap - self.spent) / max(1.0, turns_left)
        self.spent += amount
        if amount > 0.0:
            self.size += (amount - self.size) / _SIZE_MEMORY if self.size else amount
        if self.size and cap < math.inf:
            # Mirror descent's step: the worth of a request, per its size squared, over the root of the horizon.
            step = 1.0 / (self.size * self.size * math.sqrt(max(1.0, turns_per_month)))
            self.price = min(_DEAREST / self.size, max(0.0, self.price + step * (amount - fair)))


class CloudBudget:
    """Keeps two budgets, audio per day and money per month. Not thread-safe; it reads no clock.

    `at` is the home's own wall clock, with its time zone: days and months begin at its midnight. A snapshot that cannot
    be used is left, and `refusal` says why.
    """

    def __init__(self, settings: BudgetSettings, *, snapshot: Mapping[str, Any] | None = None) -> None:
        """Begin with whole budgets, or where a snapshot left off."""
        self.settings = settings
        """May be set anew at any time."""
        self._audio, self._money = _Purse(_LIKELY_SECONDS), _Purse(0.0)
        self._turns_per_day = _LIKELY_TURNS_PER_DAY
        self._last_s = -math.inf
        self.refusal: SnapshotError | None = None
        """Why the snapshot was refused; None when it was not."""
        if snapshot is not None:
            self._restore(snapshot)

    def price(self, *, cost_per_second: float = 0.0) -> Price:
        """Return what a second of audio costs now on a lane that charges so much money for it."""
        return Price(per_second=self._audio.price + self._money.price * cost_per_second)

    def turn(self, at: dt.datetime, *, seconds: float = 0.0, cost: float = 0.0) -> None:
        """Hear of every routed turn: what it sent and what that cost, 0 when nothing left the home."""
        self._begin(at)
        now_s = at.timestamp()
        passed = max(0.0, now_s - self._last_s) / _DAY_S if self._last_s > -math.inf else 0.0
        self._turns_per_day *= math.exp(-passed / _MEMORY_DAYS)
        if self._last_s > -math.inf:
            self._turns_per_day += 1.0 / _MEMORY_DAYS
        self._last_s = now_s
        month, per_day = self._turns_per_day * _DAYS_PER_MONTH, self._turns_per_day / _DAY_S
        settings, (until_day, until_month) = self.settings, _until(at)
        self._audio.take(seconds, settings.seconds_per_day, turns_left=per_day * until_day, turns_per_month=month)
        self._money.take(cost, settings.money_per_month, turns_left=per_day * until_month, turns_per_month=month)

    def reason(self, at: dt.datetime, *, seconds: float = 0.0, cost: float = 0.0) -> str:
        """Return a sentence that says why a request of that size may not be sent; empty when it may."""
        self._begin(at)
        settings = self.settings
        if settings.seconds_per_day == 0.0:
            return "nothing may be sent: the owner's cap on audio is 0 seconds a day"
        if settings.money_per_month == 0.0:
            return "nothing may be sent: the owner's cap on cost is 0 a month"
        audio, money = self._audio.spent, self._money.spent
        if audio >= settings.seconds_per_day or audio + seconds > settings.seconds_per_day:
            return f"today's cap is reached: {audio:.0f} of {settings.seconds_per_day:g} seconds of audio were sent"
        if money >= settings.money_per_month or money + cost > settings.money_per_month:
            return f"this month's cap is reached: {money:.2f} of {settings.money_per_month:g} were spent"
        return ""

    def remaining(self, at: dt.datetime) -> Remaining:
        """Return what may still be sent."""
        reason = self.reason(at)
        until_day, until_month = _until(at)
        return Remaining(
            seconds_today=max(0.0, self.settings.seconds_per_day - self._audio.spent),
            money_this_month=max(0.0, self.settings.money_per_month - self._money.spent),
            seconds_until_day=until_day,
            seconds_until_month=until_month,
            reason=reason,
        )

    def _begin(self, at: dt.datetime) -> None:
        self._audio.begin(f"{at:%Y-%m-%d}")
        self._money.begin(f"{at:%Y-%m}")

    def snapshot(self) -> Snapshot:
        """Return all that was learned, as JSON-able values."""
        purses = {"audio": self._audio, "money": self._money}
        return {
            "version": _VERSION,
            "turns_per_day": self._turns_per_day,
            "last_s": None if self._last_s == -math.inf else self._last_s,
            **{
                name: {"period": one.period, "spent": one.spent, "price": one.price, "size": one.size}
                for name, one in purses.items()
            },
        }

    def _restore(self, snapshot: Mapping[str, Any]) -> None:
        try:
            fields = read(_FIELDS, snapshot, of="the budget", version=_VERSION)
        except SnapshotError as error:
            self.refusal = error
            return
        self._turns_per_day = fields["turns_per_day"]
        self._last_s = -math.inf if fields["last_s"] is None else fields["last_s"]
        for purse, image in ((self._audio, fields["audio"]), (self._money, fields["money"])):
            purse.period, purse.spent = image["period"], image["spent"]
            purse.price, purse.size = image["price"], image["size"]


def _until(at: dt.datetime) -> tuple[float, float]:
    """Return the seconds until the next day and the next month of the home's clock."""
    midnight = dt.time(tzinfo=at.tzinfo)
    tomorrow = dt.datetime.combine(at.date() + dt.timedelta(days=1), midnight)
    later = at.date().replace(day=1) + dt.timedelta(days=32)
    month = dt.datetime.combine(later.replace(day=1), midnight)
    return tomorrow.timestamp() - at.timestamp(), month.timestamp() - at.timestamp()
