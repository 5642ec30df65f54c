"""The mode that is shown: entered and left with hysteresis, so that nobody is told of what lasts a moment.

What a turn does rests on how things are at that moment; this is for people, sensors and the log of incidents.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .degraded import ROWS, Condition, Mode

_RANKS = {row.mode: rank for rank, row in enumerate(ROWS)}
"""The worst mode first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long evidence must last before another mode is shown, in seconds."""

    worse: float = 2.0
    better: float = 3.0
    leaving: Mapping[Mode, float] = field(default_factory=lambda: MappingProxyType({Mode.SHEDDING: 10.0}))
    """Instead of `better`, for a mode that comes back: a line of turns is full, and empty a moment later."""
    at_once: frozenset[Mode] = frozenset({Mode.UNAVAILABLE})
    """Nobody is to wonder why nothing is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The mode that is shown."""

    condition: Condition
    since: dt.datetime
    """When it was entered, by the clock on the wall; another reason for the same mode does not count."""


class Modes:
    """Takes in how things are, as often as anybody looks, and tells what is shown."""

    def __init__(self, patience: Patience | None = None) -> None:
        """Show the first condition that is seen, whatever it is."""
        self._patience = patience or Patience()
        self._held: Held | None = None
        self._other: tuple[bool, float] | None = None
        """Whether what is seen is worse than what is shown, and since which moment it has been so without a break."""

    def look(self, found: Condition, at_s: float, at: dt.datetime) -> Held:
        """Return what is shown, given how things are at a moment: monotonic, and on the wall."""
        held = self._held
        if held is None or self._is_due(found.mode, held.condition.mode, at_s):
            held = Held(condition=found, since=at)
            self._other = None
        elif found.mode is held.condition.mode:
            held = Held(condition=found, since=held.since)
            self._other = None
        self._held = held
        return held

    def _is_due(self, found: Mode, shown: Mode, at_s: float) -> bool:
        if found is shown:
            return False
        is_worse = _RANKS[found] < _RANKS[shown]
        if self._other is None or self._other[0] is not is_worse:
            self._other = is_worse, at_s
        patience = self._patience
        limit_s = patience.worse if is_worse else patience.leaving.get(shown, patience.better)
        return found in patience.at_once or at_s - self._other[1] >= limit_s
