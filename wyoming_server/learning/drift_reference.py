"""What turns were like: a figure's first turns with a model, which later ones are held against."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import voluptuous as vol

from ..pipeline.checked import Checked, ranged
from ..pipeline.policy import UNCALIBRATED, Calibration
from .calibration import Ridge, fit
from .drift_figures import BUDGET_MS, Figure, Kind, Seen
from .e_process import Values
from .snapshot import Snapshot, name, number, parts, several, whole

SLOWEST = 0.95
"""Slow is what takes longer than so many of the reference's turns did, and than the budget."""
BATCHES = (10, 40)
"""Turns of a batch; both are shorter than the shortest reference."""
RISKY = (0.02, 0.5)
"""Between these shares is the limit of log-odds; a hub that was sure of nothing at first is no measure."""
LEAST_DEVIATION = 0.05
"""Of a figure that hardly moved, what is taken for its deviation."""
MOST_TURNS = 10_000
_RIDGE = Ridge(intercept=0.01, slope=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference(Checked):
    """A figure as it was."""

    model: str
    turns: int = ranged(at_least=1)
    mean: float = ranged(at_least=0.0, at_most=1.0)
    deviation: float = ranged(at_least=0.0, at_most=1.0)
    told: float = ranged(at_least=0.0, at_most=1.0)
    """The mean as people are told it: of a SURPRISE, the share of yes."""
    clumping: float = ranged(1.0, at_least=1.0)
    """How much more the mean of many turns scatters than it would if each stood for itself: evenings are loud."""
    limit: float = 0.0
    """Of log-odds or milliseconds."""
    intercept: float = 0.0
    slope: float = 0.0
    """Of a SURPRISE: log-odds of yes = intercept + slope · log-odds of the turn."""

    def number(self, of: Figure, seen: Seen) -> float:
        """Return what is held against the mean: 0 to 1."""
        if of.kind is Kind.SURPRISE:
            line = Calibration(intercept=self.intercept, slope=self.slope)
            return 0.5 + 0.5 * (seen.is_so - line.probability(seen.value))
        is_limited = of.kind is Kind.RISKY or of.kind is Kind.SLOW  # quicker than a set of enum's members
        return float(seen.value > self.limit) if is_limited else seen.value

    def as_told(self, of: Figure, mean: float) -> float:
        """Return a later mean as people are told it, 0 to 1."""
        return min(1.0, max(0.0, self.told + 2.0 * (mean - self.mean))) if of.kind is Kind.SURPRISE else min(1.0, mean)


def numbers(of: Figure, values: Values, yes: Values, limit: Values, line: tuple[Values, Values]) -> Values:
    """Return what is held against the means, as `Reference.number` does, of many turns or homes at once; by shape.

    `yes` is 0 or 1, and `line` the intercept and slope of a SURPRISE.
    """
    if of.kind is Kind.SURPRISE:
        expected = 1.0 / (1.0 + np.exp(-np.clip(line[0] + line[1] * values, -40.0, 40.0)))
        return np.asarray(0.5 + 0.5 * (yes - expected))
    return np.asarray(values > limit, dtype=float) if of.kind in {Kind.RISKY, Kind.SLOW} else values


def reference(of: Figure, seen: Sequence[Seen], model: str) -> Reference:
    """Return what some turns were like, 50 at least."""
    values = np.array([one.value for one in seen])
    yes = np.array([float(one.is_so) for one in seen])
    limit, line = 0.0, UNCALIBRATED
    if of.kind is Kind.SLOW:
        limit = max(BUDGET_MS, float(np.quantile(values, SLOWEST)))
    elif of.kind is Kind.RISKY:
        limit = float(np.quantile(values, 1.0 - min(RISKY[1], max(RISKY[0], float(yes.mean())))))
    elif of.kind is Kind.SURPRISE:
        line = fit(values, yes, np.ones(len(seen)), prior=UNCALIBRATED, ridge=_RIDGE, start=UNCALIBRATED).calibration
    found = numbers(of, values, yes, np.array(limit), (np.array(line.intercept), np.array(line.slope)))
    mean = min(1.0, max(0.0, float(found.mean())))
    return Reference(
        model=model,
        turns=len(seen),
        mean=mean,
        deviation=min(1.0, float(found.std())),
        clumping=clumping(found),
        told=float(yes.mean()) if of.kind is Kind.SURPRISE else mean,
        limit=limit,
        intercept=line.intercept,
        slope=line.slope,
    )


def clumping(found: Values) -> float:
    """Return by how much the long-run variance of some turns in a row exceeds their variance: 1 and more.

    By overlapping batch means (Meketon and Schmeiser 1984), of two lengths that make up for what batches miss of
    correlations longer than they are (lugsail: Vats and Flegal, Biometrika 2022).
    """
    variance = float(found.var())
    if variance <= 0.0:
        return 1.0
    short, long = (_batched(found, batch) / variance for batch in BATCHES)
    return max(1.0, 2.0 * long - short)


def _batched(found: Values, batch: int) -> float:
    sums = np.concatenate(([0.0], np.cumsum(found - found.mean())))
    turns = len(found)
    means = (sums[batch:] - sums[:-batch]) / batch
    return float((means**2).sum()) * turns * batch / ((turns - batch) * (turns - batch + 1))


def read_seen(rows: Sequence[Sequence[float]]) -> list[Seen]:
    """Return turns from their JSON, whose fields were checked."""
    return [Seen(value, bool(yes)) for value, yes in rows]


def read_reference(fields: Snapshot) -> Reference:
    """Return what `dataclasses.asdict` wrote; its fields were checked."""
    return Reference(**fields)


def _row(value: object) -> list[float]:
    if not isinstance(value, list) or len(value) != 2 or value[1] not in {0, 1}:
        raise vol.Invalid("must be [number, 0 or 1]")
    return [number()(value[0]), value[1]]


_SHARE = number(at_least=0.0, at_most=1.0)
REFERENCE = parts(
    {
        "model": name,
        "turns": whole(at_least=1),
        "clumping": number(at_least=1.0),
        **dict.fromkeys(("mean", "deviation", "told"), _SHARE),
        **dict.fromkeys(("limit", "intercept", "slope"), number()),
    }
)
SEEN = several(_row, at_most=MOST_TURNS)
