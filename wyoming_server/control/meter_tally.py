"""Counts, as plain as they can be: a turn costs a few additions, and nothing of Prometheus is loaded for them."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .meter_families import BUCKETS, Family

type Labels = tuple[str, ...]
"""Values in the order of the family's labels."""

type Sample = tuple[Family, Labels, float | None]
"""A metric, its labels, and its value; None: nothing is known, and nothing is said."""


def by_family(samples: Iterable[Sample]) -> dict[Family, Mapping[Labels, float]]:
    """Return samples by what they are of; a series has one value, the last."""
    found: dict[Family, dict[Labels, float]] = {}
    for family, labels, value in samples:
        if value is not None:
            found.setdefault(family, {})[labels] = float(value)
    return dict(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A histogram's state."""

    counts: tuple[int, ...]
    """How many fell into each of BUCKETS, and beyond; not cumulative."""
    sum: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """All series at one moment."""

    values: Mapping[Family, Mapping[Labels, float]]
    """Counters and gauges."""
    histograms: Mapping[Family, Mapping[Labels, Observed]]


@dataclass(slots=True)
class _Histogram:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    sum: float = 0.0


class Tally:
    """Counters and histograms since the start."""

    def __init__(self) -> None:
        self._counters: dict[Family, dict[Labels, float]] = {}
        self._histograms: dict[Family, dict[Labels, _Histogram]] = {}

    def add(self, family: Family, *labels: str, by: float = 1.0) -> None:
        """Count; never down."""
        series = self._counters.setdefault(family, {})
        series[labels] = series.get(labels, 0.0) + max(0.0, by)

    def observe(self, family: Family, *labels: str, seconds: float) -> None:
        """Take a time into a histogram."""
        series = self._histograms.setdefault(family, {})
        known = series.get(labels)
        if known is None:
            known = series[labels] = _Histogram()
        known.counts[bisect_left(BUCKETS, seconds)] += 1
        known.sum += max(0.0, seconds)

    def drop(self, label: str, values: Collection[str]) -> None:
        """Forget every series whose label has one of these values."""
        tables: tuple[Mapping[Family, dict[Labels, Any]], ...] = (self._counters, self._histograms)
        for family, series in ((family, series) for table in tables for family, series in table.items()):
            if label in family.labels:
                at = family.labels.index(label)
                for labels in [one for one in series if one[at] in values]:
                    del series[labels]

    def counters(self) -> dict[Family, Mapping[Labels, float]]:
        """Return the counters as they are now."""
        return {family: dict(series) for family, series in self._counters.items()}

    def histograms(self) -> dict[Family, Mapping[Labels, Observed]]:
        """Return the histograms as they are now."""
        return {
            family: {labels: Observed(counts=tuple(one.counts), sum=one.sum) for labels, one in series.items()}
            for family, series in self._histograms.items()
        }
