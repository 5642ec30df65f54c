"""How much speech may leave the home, and how much has."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from ..pipeline.checked import Checked, ranged
from ..pipeline.lanes import Upload

_ROUNDING = 1e-6

type Clock = Callable[[], datetime]
"""Returns the home's own time, with its time zone: days and months begin and end by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSettings(Checked):
    """How much may leave the home. 0 seconds or 0 money: nothing may leave."""

    cloud_seconds_per_day: float = ranged(600.0, at_least=0.0, at_most=86_400.0)
    """Of audio, over all cloud lanes."""
    cloud_money_per_month: float = ranged(5.0, at_least=0.0, at_most=10_000.0)
    """By the lanes' prices, which are taken to be in `currency`."""
    hedge_seconds_per_day: float = ranged(120.0, at_least=0.0, at_most=86_400.0)
    """Of those seconds, for uploads that start before the hub has decided."""
    audit_seconds_per_day: float = ranged(60.0, at_least=0.0, at_most=86_400.0)
    """Of those seconds, for what is sent only to see whether the hub was right."""
    currency: str = "USD"
    """Of the lanes' prices. Those that are built in are US dollars, and nothing is converted: with another currency,
    each lane needs a `price_per_minute` in it. Costs in another one, from before it was changed, do not count towards
    the cap."""
    time_zone: str = ""
    """The home's, such as Europe/Berlin; empty: the machine's."""

    def __post_init__(self) -> None:
        """Refuse a time zone that does not exist, too."""
        Checked.__post_init__(self)
        if self.time_zone:
            _zone(self.time_zone)

    def clock(self) -> Clock:
        """Return the home's wall clock."""
        if not self.time_zone:
            return lambda: datetime.now(UTC).astimezone()
        zone = _zone(self.time_zone)
        return lambda: datetime.now(zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"the time zone {name!r} is not known; one is Europe/Berlin") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What may still leave."""

    seconds: float
    """Today."""
    money: float
    """This month."""
    hedge_seconds: float
    """Today, of `seconds`."""
    audit_seconds: float
    """Today, of `seconds`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What has left by a day."""

    day: date
    seconds: float = 0.0
    hedge_seconds: float = 0.0
    audit_seconds: float = 0.0
    money: float = 0.0
    """In the day's month."""

    def plus(self, upload: Upload) -> Used:
        """Return the same with one more upload on the day."""
        return Used(
            day=self.day,
            seconds=self.seconds + upload.seconds,
            hedge_seconds=self.hedge_seconds + (upload.seconds if upload.reason == "hedge" else 0.0),
            audit_seconds=self.audit_seconds + (upload.seconds if upload.reason == "audit" else 0.0),
            money=self.money + upload.cost,
        )

    def on(self, day: date) -> Used:
        """Return the same as another day sees it, as far as that can be known without looking it up."""
        if day == self.day:
            return self
        same_month = (day.year, day.month) == (self.day.year, self.day.month)
        return Used(day=day, money=self.money if same_month else 0.0)


def used_by(day: date, currency: str, connection: sqlite3.Connection) -> Used:
    """Return what has left by a day: that day, and in its month."""
    seconds, hedges, audits, money = connection.execute(
        "SELECT total(seconds) FILTER (WHERE day = :day),"
        " total(seconds) FILTER (WHERE day = :day AND reason = 'hedge'),"
        " total(seconds) FILTER (WHERE day = :day AND reason = 'audit'),"
        " total(cost) FILTER (WHERE currency = :currency)"
        " FROM upload WHERE has_left AND day BETWEEN :first AND :last",
        {"day": f"{day}", "currency": currency, "first": f"{day:%Y-%m}-01", "last": f"{day:%Y-%m}-31"},
    ).fetchone()
    return Used(day=day, seconds=seconds, hedge_seconds=hedges, audit_seconds=audits, money=money)


def refusal_of(upload: Upload, used: Used, caps: LedgerSettings) -> str:
    """Return why an upload may not happen; nothing when it may."""
    then = used.plus(upload)
    limits = [
        (then.seconds, caps.cloud_seconds_per_day, "cloud_seconds_per_day", "s of audio a day"),
        (then.money, caps.cloud_money_per_month, "cloud_money_per_month", f"{caps.currency} a month"),
    ]
    if upload.reason == "hedge":
        limits.append((then.hedge_seconds, caps.hedge_seconds_per_day, "hedge_seconds_per_day", "s a day for hedges"))
    if upload.reason == "audit":
        limits.append((then.audit_seconds, caps.audit_seconds_per_day, "audit_seconds_per_day", "s a day for audits"))
    for wanted, cap, name, unit in limits:
        if cap <= 0.0 or wanted > cap + _ROUNDING:
            return f"the cap of {cap:g} {unit} is reached ({name})" if cap else f"{name} is 0, so nothing may leave"
    return ""
