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
HELD_SECONDS = 86_400.0


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
    held_s: float = 0.0
    """For how long the clock has shown one that is not."""
    ahead_since: date | None = None
    """Since when rows are known that are dated later than today."""
    _looked_s: float | None = None

    def look(self, today: date, now_s: float, newest: date | None) -> date | None:
        """Return the day to go by; None while the clock has leapt, and nothing is to be let go.

        `today` is what the clock shows, `now_s` monotonic seconds, `newest` the day of the newest row.
        """
        since_s, self._looked_s = now_s - (now_s if self._looked_s is None else self._looked_s), now_s
        known = self.known or newest or today
        if abs(today - known) > timedelta(days=LEAP_DAYS):
            self.known = known
            self.held_s += max(0.0, since_s)
            if self.held_s < HELD_SECONDS:
                return None
        self.known, self.held_s = today, 0.0
        is_ahead = newest is not None and newest > today + timedelta(days=LEAP_DAYS)
        self.ahead_since = (self.ahead_since or today) if is_ahead else None
        return today

    def expired(self, today: date, days: int) -> Expired:
        """Return what is over, by the day that `look` returned, of what is kept for so many days."""
        is_over = self.ahead_since is not None and (today - self.ahead_since).days >= days
        return Expired(
            until=today - timedelta(days=days), beyond=today + timedelta(days=LEAP_DAYS) if is_over else date.max
        )

    def snapshot(self) -> dict[str, Any]:
        """Return what outlives a restart."""
        return {
            "known": self.known and self.known.isoformat(),
            "held_s": self.held_s,
            "ahead_since": self.ahead_since and self.ahead_since.isoformat(),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any] | None) -> BelievedDay:
        """Return what a snapshot holds; as new when that is none of ours."""
        try:
            known, ahead = ((state or {}).get(name) for name in ("known", "ahead_since"))
            return cls(
                known=date.fromisoformat(known) if known else None,
                held_s=min(HELD_SECONDS, max(0.0, float((state or {}).get("held_s", 0.0)))),
                ahead_since=date.fromisoformat(ahead) if ahead else None,
            )
        except TypeError, ValueError:
            return cls()
