"""Streams of figures from 0 to 1 → evidence, valid whenever it is looked at, that their mean has risen. Pure; numpy.

An e-detector (Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection",
arXiv 2203.03532) is a sum of bets, one begun at each turn, that the change is now: by Shiryaev's and Roberts'
recursion, M = (M + 1) · (1 + stake · (x − mean)). As long as the mean of each turn, given those before, is no higher
than the one bet against, M is expected to be at most the number of turns, at any time that one may choose to stop: so
an alarm at M ≥ A comes after A turns on average, or later. A weighted mean of e-detectors is one, too, however they
hang together; so figures that alarm at A divided by their weight share the one A, and no correction is needed for
there being several.

For figures of 0 and 1 a bet is the likelihood ratio of a higher rate; for others it is a bet on a bounded mean
(Waudby-Smith and Ramdas, arXiv 2010.09686), which asks nothing of their distribution.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .drift_figures import COUNTED, FIGURES, INDEX, Figure
from .drift_reference import LEAST_DEVIATION, Reference
from .e_process import Values

EFFECTS: Values = np.array([0.2, 0.35, 0.6])
"""Rises that are bet on, in standard deviations of one turn: of a rate of 25 %, to 34, 40 and 51 %."""
_SHARES = (0.3, 0.4, 0.3)
SHARES: Values = np.array(_SHARES)
"""Of the money on each; all add up to 1."""
WEIGHTS: Values = np.array([one.weight for one in FIGURES])
_RATES = np.array([one.kind in COUNTED for one in FIGURES])
LEAST_MEAN = 0.02
"""Nobody minds what happens in fewer turns; a reference that holds none is taken for this."""
_MOST_STAKED = 0.9
"""Of the money, on any one turn."""
_LARGEST = 1e12
"""Far above any alarm: what comes back to its reference is not to take years to show it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bets:
    """What is bet against, and how much: each of shape (…, figures, effects)."""

    means: Values
    stakes: Values
    """0 where there is no reference: no bet is held."""


def levels(run_length: float) -> Values:
    """Return from which e-value on each figure alarms, (figures,), so that all together keep the run length."""
    return np.asarray(run_length / WEIGHTS)


def bets(mean: Values, deviation: Values, turns: Values, clumping: Values, run_length: float) -> Bets:
    """Return the bets against a reference's means, which rest on so many turns each: shape (…, figures).

    Two allowances are added to what is bet against, d being a bet's effect in deviations:

    - ln A · clumping / (turns · d) for the reference's own error, e: a bet against a mean that lies e too low is right
      so often that alarms come after A^(1 − 2e/d) turns. Averaged over normal errors, they come after A with it.
    - (1 − 1/clumping) · d/2 for turns that hang together, as those of a loud evening do. The stake is smaller by their
      clumping, too: so many turns say no more than one that stands for itself.
    """
    mean = np.maximum(mean, LEAST_MEAN)
    spread = np.maximum(np.where(_RATES, np.sqrt(mean * (1.0 - mean)), deviation), LEAST_DEVIATION)[..., np.newaxis]
    clumps = np.maximum(clumping, 1.0)[..., np.newaxis]
    error = clumps * np.log(levels(run_length))[:, np.newaxis] / (np.maximum(turns, 1.0)[..., np.newaxis] * EFFECTS)
    means = mean[..., np.newaxis] + spread * (error + (1.0 - 1.0 / clumps) * EFFECTS / 2.0)
    stakes = np.minimum(EFFECTS / (spread * clumps), _MOST_STAKED / means)
    return Bets(means=means, stakes=np.where((means < 1.0) & (turns[..., np.newaxis] > 0), stakes, 0.0))


def growth[T: (float, Values)](x: T, mean: T, stake: T) -> T:
    """Return by which share of itself a turn makes a bet grow."""
    return stake * (x - mean)


def grown[T: (float, Values)](evidence: T, by: T) -> T:
    """Return what bets begun at every turn up to this one are worth after it."""
    return (evidence + 1.0) * (1.0 + by)


class Detector:
    """The bets on one figure of one language. Mutable.

    Beside each bet's evidence it keeps what became of it since it was last worth nothing: the likeliest moment of the
    change (Page 1954), and the figure's mean since. In plain floats, since a turn is one number: arrays cost the event
    loop ten times as much.
    """

    __slots__ = ("_means", "_stakes", "climb", "evidence", "since", "total", "turns")

    def __init__(self, known: Reference, of: Figure, run_length: float) -> None:
        """Bet against a figure's reference."""
        at, (mean, deviation, turns, clumps) = INDEX[of.name], np.zeros((4, len(FIGURES)))
        mean[at], deviation[at], turns[at], clumps[at] = known.mean, known.deviation, known.turns, known.clumping
        against = bets(mean, deviation, turns, clumps, run_length)
        self._means: list[float] = against.means[at].tolist()
        self._stakes: list[float] = against.stakes[at].tolist()
        self.clear()

    def clear(self) -> None:
        """Forget all evidence."""
        self.evidence, self.climb, self.since, self.turns, self.total = ([0.0] * len(EFFECTS) for _ in range(5))

    def step(self, x: float, now: float) -> None:
        """Take a turn's figure, 0 to 1; `now` is its time."""
        for at, (mean, stake) in enumerate(zip(self._means, self._stakes, strict=True)):
            if not stake:
                continue
            by = growth(x, mean, stake)
            self.evidence[at] = min(grown(self.evidence[at], by), _LARGEST)
            if self.climb[at] <= 0.0:
                self.since[at], self.turns[at], self.total[at] = now, 0.0, 0.0
            self.turns[at] += 1.0
            self.total[at] += x
            self.climb[at] = max(self.climb[at] + math.log1p(by), 0.0)

    @property
    def e_value(self) -> float:
        """Return its e-value."""
        return math.sumprod(self.evidence, _SHARES)

    @property
    def leading(self) -> int:
        """Return which effect's bet has most evidence."""
        return max(range(len(EFFECTS)), key=lambda at: self.evidence[at] * _SHARES[at])


class Detectors:
    """The bets on all figures of many homes at once, as `Detector` has them. Mutable."""

    __slots__ = ("evidence",)

    def __init__(self, *shape: int) -> None:
        """Begin with no evidence: an array of shape (*shape, figures, effects)."""
        self.evidence = np.zeros((*shape, len(FIGURES), len(EFFECTS)))

    def step(self, values: Values, against: Bets) -> None:
        """Take a turn's figures, (…, figures) of 0 to 1, NaN where the turn says nothing of one."""
        x = values[..., np.newaxis]
        seen = ~np.isnan(x) & (against.stakes > 0.0)
        after = grown(self.evidence, growth(x, against.means, against.stakes))
        self.evidence = np.where(seen, np.minimum(after, _LARGEST), self.evidence)

    def e_values(self) -> Values:
        """Return each figure's e-value: (…, figures)."""
        return np.asarray(self.evidence @ SHARES)

    def clear(self, at: Any) -> None:
        """Forget the evidence of some: an index of homes and figures."""
        self.evidence[at] = 0.0
