"""What is watched for drift: five metrics, and the figures of single turns that they are made of."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Metric(enum.StrEnum):
    """What an owner is told of."""

    ESCALATION = "escalation"
    RISK = "risk"
    CONFIDENCE = "confidence"
    DISAGREEMENT = "disagreement"
    LATENCY = "latency"


class Kind(enum.Enum):
    """How what a turn tells becomes a number from 0 to 1, more being worse."""

    SHARE = enum.auto()
    """It is one."""
    RATE = enum.auto()
    """It is 0 or 1."""
    RISKY = enum.auto()
    """1 where the log-odds are above a limit, which as many of the reference's were as the hub was not sure of."""
    SLOW = enum.auto()
    """1 where the milliseconds are more than a limit."""
    SURPRISE = enum.auto()
    """By how much a yes or no is above what the reference's would have been, on average, at the same log-odds."""


COUNTED = frozenset({Kind.RATE, Kind.RISKY, Kind.SLOW})
"""Kinds that are 0 or 1."""


class Seen(NamedTuple):
    """What one turn tells of a figure."""

    value: float
    is_so: bool = False
    """RISKY: the hub was not sure. SURPRISE: the yes or no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that a turn adds to."""

    name: str
    metric: Metric
    kind: Kind
    weight: float
    """Its share of the false alarms; all add up to 1."""
    share: float = 1.0
    """Its reference takes this share of the turns that are wanted, since not every turn tells of it."""
    of_model: bool = True
    """Whether it means something only beside the same model's: then another model's turns are not held against it."""


FIGURES = (
    Figure(name="risky", metric=Metric.ESCALATION, kind=Kind.RISKY, weight=0.3),
    Figure(name="risk", metric=Metric.RISK, kind=Kind.SHARE, weight=0.15),
    Figure(name="doubt", metric=Metric.CONFIDENCE, kind=Kind.SHARE, weight=0.1),
    Figure(name="unsure", metric=Metric.CONFIDENCE, kind=Kind.RATE, weight=0.05),
    Figure(name="differs", metric=Metric.DISAGREEMENT, kind=Kind.SURPRISE, weight=0.2, share=0.3),
    Figure(name="own_time", metric=Metric.LATENCY, kind=Kind.SLOW, weight=0.1, of_model=False),
    Figure(name="lane_time", metric=Metric.LATENCY, kind=Kind.SLOW, weight=0.1, share=0.2, of_model=False),
)
"""`risky`: the scorecard's log-odds; held against a limit that stands still, since the threshold moves by itself as it
learns, and by its owner's hand: neither is drift. `risk`: the probability by the scorecard alone, where the model's
first turns here stand for what is usual. `doubt`: the share of those turns that were surer; `unsure`: nine in ten were.
`differs`: a service heard another command than the hub, beside what is usual at that risk, so that it does not matter
which turns are asked. `own_time`: last word to text without the wait for a lane, in ms; `lane_time`: that wait."""
INDEX: Mapping[str, int] = {one.name: index for index, one in enumerate(FIGURES)}
LEAST_TURNS = 50
"""Fewer are no reference."""
UNSURE = 0.9
BUDGET_MS = 300.0
"""Last word to text; what is within it is never slow."""


def figure(name: str) -> Figure:
    """Return a figure by its name."""
    return FIGURES[INDEX[name]]


def wanted(of: Figure, reference_turns: int) -> int:
    """Return how many turns a figure's reference takes."""
    return max(LEAST_TURNS, round(of.share * reference_turns))
