"""What a month's scorecard is made of."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .month import Month

type Json = dict[str, Any]
"""A JSON object, in the shape that docs/control-api.md gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSum:
    """What went to a lane in the month."""

    lane: str
    trust: str
    """`hub`, `home` or `cloud`."""
    uploads: int
    seconds: float
    cost: float
    currency: str
    """Empty for what stayed at home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeNow:
    """How the home is set up now: what advice may ask to change."""

    model: str = ""
    is_starter: bool = False
    has_cloud: bool = False
    """A cloud lane is consented to, and may be asked."""
    has_lane: bool = False
    """Any lane may be asked."""
    audits: bool = False
    target_error: float = 0.03
    currency: str = "USD"
    seconds_per_day: float = 600.0
    money_per_month: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthFacts:
    """The figures of a month."""

    month: Month
    made: dt.datetime
    complete: bool
    """Whether it is over."""
    budget_ms: float
    cells: Sequence[Json]
    """Figures; the first of all turns."""
    last_month: Json | None = None
    """Those of all turns of the month before; None where nobody spoke."""
    days: Sequence[Json] = ()
    lanes: Sequence[LaneSum] = ()
    models: Sequence[Json] = ()
    incidents: Sequence[Json] = ()
    baseline: Json | None = None
    """The last that has ended, or the one that runs."""
    seconds_by_day: Mapping[str, float] = field(default_factory=dict)
    """Day → seconds that left the home."""
    home: HomeNow = field(default_factory=HomeNow)

    @property
    def figures(self) -> Json:
        """Of all turns."""
        return self.cells[0]

    @property
    def languages(self) -> list[Json]:
        """Of each language that was heard, all microphones together, the most spoken first."""
        found = [one for one in self.cells if one["language"] is not None and one["microphone_class"] is None]
        return sorted(found, key=lambda one: -int(one["turns"]))

    @property
    def microphones(self) -> list[Json]:
        """Of each kind of microphone, all languages together."""
        return [one for one in self.cells if one["language"] is None and one["microphone_class"] is not None]

    @property
    def cloud(self) -> list[LaneSum]:
        """What left the home, in any currency."""
        return [one for one in self.lanes if one.trust == "cloud"]

    @property
    def cost(self) -> float:
        """What that cost, in the currency of now."""
        return sum(one.cost for one in self.cloud if one.currency == self.home.currency)
