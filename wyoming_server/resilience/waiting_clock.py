"""What time it is for requests that wait for hours, when clocks leap: none goes because a clock shows another year.

While the hub runs, its own monotonic seconds tell a leap from the passing of time. Over a restart, the time between is
believed when it is none or up to two days; what is longer, or goes back, counts as no time at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

LEAP_MS = 60_000
"""A step of the clock beyond this, compared with monotonic time, is a leap."""
LONGEST_OFF_MS = 2 * 24 * 3_600_000
"""A weekend off."""


@dataclass(slots=True, kw_only=True)
class WaitingClock:
    """Turns what the wall clock shows into time that goes on evenly. `look` is to be called often."""

    ahead_ms: int = 0
    """By how much the wall clock is ahead of what is believed."""
    shown_ms: int | None = None
    """What it showed when it was last looked at."""
    _looked_s: float | None = None

    def look(self, wall_ms: int, now_s: float) -> int:
        """Return the time to go by, in milliseconds; `wall_ms` is what the clock shows, `now_s` monotonic seconds."""
        if self._looked_s is not None and self.shown_ms is not None:
            leap_ms = wall_ms - self.shown_ms - round(1000.0 * (now_s - self._looked_s))
            self.ahead_ms += leap_ms if abs(leap_ms) > LEAP_MS else 0
        elif self.shown_ms is not None:
            off_ms = wall_ms - self.shown_ms
            self.ahead_ms += 0 if 0 <= off_ms <= LONGEST_OFF_MS else off_ms
        self.shown_ms, self._looked_s = wall_ms, now_s
        return wall_ms - self.ahead_ms

    def wall_of(self, believed_ms: int) -> int:
        """Return what the wall clock will show at a time to go by."""
        return believed_ms + self.ahead_ms

    def snapshot(self) -> dict[str, Any]:
        """Return what outlives a restart."""
        return {"ahead_ms": self.ahead_ms, "shown_ms": self.shown_ms}

    @classmethod
    def restored(cls, state: Mapping[str, Any] | None) -> Self:
        """Return what a snapshot holds; as new when that is none of ours."""
        known = state or {}
        ahead, shown = known.get("ahead_ms"), known.get("shown_ms")
        if isinstance(ahead, int) and isinstance(shown, int):
            return cls(ahead_ms=ahead, shown_ms=shown)
        return cls()
