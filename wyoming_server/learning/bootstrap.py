"""Whether one score beats another on turns that came in groups."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .curves import Ranking, ordered

type Statistic = Callable[[Ranking], float]
"""A figure of a ranking, higher being better; NaN where it is undefined."""

STATISTICS: Mapping[str, Statistic] = {
    "auroc": Ranking.auroc,
    "caught_at_0.15": lambda ranking: ranking.caught_at(0.15),
    "excess_aurc": lambda ranking: -ranking.excess_aurc(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A difference, and where it would fall on other groups of the same kind."""

    difference: float
    """On the turns themselves; above 0 the first score is the better one."""
    low: float
    """2.5th percentile."""
    high: float
    """97.5th percentile."""
    rounds: int
    """Resamples in which the figure was defined."""


def paired_differences(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    wrong: npt.ArrayLike,
    groups: Sequence[Hashable],
    *,
    generator: np.random.Generator,
    statistics: Mapping[str, Statistic] = STATISTICS,
    rounds: int = 2000,
) -> dict[str, Interval | None]:
    """Return statistic(first) − statistic(second) of two scores of the same turns, each with its 95 % interval.

    Whole groups are drawn with replacement, and both scores see the same draw: recordings of one sentence by one
    voice stand and fall together, and single ones drawn apart would make the interval far too narrow (percentile
    interval: Efron & Tibshirani 1993; groups: Davison & Hinkley 1997, §3.8; for speech recognisers: Bisani & Ney
    2004). None where a figure is undefined on the turns themselves or in half of the draws, or without any draws.
    """
    number: dict[Hashable, int] = {}
    members = np.array([number.setdefault(group, len(number)) for group in groups])
    labels = np.asarray(wrong, bool)
    sides = [_Side.of(score, labels, members) for score in (first, second)]
    drawn: dict[str, list[float]] = {name: [] for name in statistics}
    for _ in range(rounds):
        draw = np.bincount(generator.integers(0, len(number), len(number)), minlength=len(number))
        one, other = (side.ranking(draw) for side in sides)
        for name, statistic in statistics.items():
            drawn[name].append(statistic(one) - statistic(other))
    whole = [side.ranking(np.ones(len(number), np.intp)) for side in sides]
    return {
        name: _interval(statistic(whole[0]) - statistic(whole[1]), np.array(drawn[name]))
        for name, statistic in statistics.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Side:
    """One score's turns in its own order, so that no draw has to sort."""

    wrong: npt.NDArray[np.bool_]
    ties: npt.NDArray[np.intp]
    groups: npt.NDArray[np.intp]

    @classmethod
    def of(cls, score: npt.ArrayLike, wrong: npt.NDArray[np.bool_], groups: npt.NDArray[np.intp]) -> _Side:
        order, ties = ordered(score)
        return cls(wrong=wrong[order], ties=ties, groups=groups[order])

    def ranking(self, draw: npt.NDArray[np.intp]) -> Ranking:
        """Return the ranking of the turns with each group taken as often as it was drawn."""
        return Ranking.resampled(self.wrong, self.ties, draw[self.groups])


def _interval(difference: float, drawn: npt.NDArray[np.float64]) -> Interval | None:
    defined = drawn[~np.isnan(drawn)]
    if np.isnan(difference) or 2 * len(defined) < max(1, len(drawn)):
        return None
    low, high = np.percentile(defined, (2.5, 97.5))
    return Interval(difference=float(difference), low=float(low), high=float(high), rounds=len(defined))
