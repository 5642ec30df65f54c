"""Which day it is, when clocks leap: what is kept for days must not go in a moment, nor stay for ever.

A hub without a battery for its clock may start in another year, and one that was off for a month starts a month later.
Nothing in the records tells these apart, so a leap is believed when it has held for a day of uptime, over restarts;
until then nothing is let go. Rows that were written while the clock was ahead are dated later than today: their true
age is not known, so their window begins when they are noticed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

LEAP_DAYS = 2
"""A step of so many days is nothing strange: a weekend off."""
DAY_SECONDS = HELD_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Days whose rows are let go."""

    until: date
    """The last of those before."""
    beyond: date = date.max
    """And all after this one: a clock that was ahead has dated them."""


EVER = Expired(until=date.max)
"""All days."""


@dataclass(slots=True, kw_only=True)
class BelievedDay:
    """The day to go by. `look` is to be called every hour or so."""

    known: date | None = None
    """The last one that was believed."""
    known_s: float = 0.0
    """Uptime since then."""
    shown: date | None = None
    """What the clock showed when it leapt."""
    shown_s: float = 0.0
    """Uptime since then."""
    ahead_since: date | None = None
    """Since when rows are known that are dated later than today."""
    _looked_s: float | None = None

    def look(self, today: date, now_s: float, newest: date | None) -> date | None:
        """Return the day to go by; None while the clock has leapt, and nothing is to be let go.

        `today` is what the clock shows, `now_s` monotonic seconds, `newest` the day of the newest row.
        """
        since_s = 0.0 if self._looked_s is None else max(0.0, now_s - self._looked_s)
        self._looked_s = now_s
        self.known = self.known or newest or today
        self.known_s += since_s
        if _has_leapt(today, self.known, self.known_s) and not self._has_held(today, since_s):
            return None
        self.known, self.known_s, self.shown, self.shown_s = today, 0.0, None, 0.0
        is_ahead = newest is not None and newest > today + timedelta(days=LEAP_DAYS)
        self.ahead_since = (self.ahead_since or today) if is_ahead else None
        return today

    def _has_held(self, today: date, since_s: float) -> bool:
        """Tell whether the clock has gone on for a day from where it has leapt to."""
        self.shown_s += since_s
        if self.shown is None or _has_leapt(today, self.shown, self.shown_s):
            self.shown, self.shown_s = today, 0.0
        return self.shown_s >= HELD_SECONDS

    def expired(self, today: date, days: int) -> Expired:
        """Return what is over, by the day that `look` returned, of what is kept for so many days."""
        is_over = self.ahead_since is not None and (today - self.ahead_since).days >= days
        return Expired(
            until=today - timedelta(days=days), beyond=today + timedelta(days=LEAP_DAYS) if is_over else date.max
        )

    def snapshot(self) -> dict[str, Any]:
        """Return what outlives a restart."""
        days = (self.known, self.shown, self.ahead_since)
        return {"days": [day and day.isoformat() for day in days], "seconds": [self.known_s, self.shown_s]}

    @classmethod
    def restored(cls, state: Mapping[str, Any] | None) -> BelievedDay:
        """Return what a snapshot holds; as new when that is none of ours."""
        try:
            known, shown, ahead = (day and date.fromisoformat(day) for day in (state or {})["days"])
            known_s, shown_s = map(float, (state or {})["seconds"])
        except KeyError, TypeError, ValueError:
            return cls()
        return cls(known=known, known_s=known_s, shown=shown, shown_s=shown_s, ahead_since=ahead)


def _has_leapt(today: date, day: date, since_s: float) -> bool:
    """Tell whether today is another day than the uptime since some day accounts for."""
    return abs((today - day).days - since_s / DAY_SECONDS) > LEAP_DAYS
