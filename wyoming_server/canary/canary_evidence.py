"""What is counted of a turn, and the evidence that a candidate is worse: arrays, for one hub or for a fleet of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..learning import e_process
from ..learning.e_process import Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One way in which a turn can be bad."""

    name: str
    weight: float
    """Of its e-value in the mean; all add up to 1. What its owner notices weighs most."""
    prior: float
    """How often a turn is so, as long as nothing is known."""
    said: str
    """What such turns did, for people."""
    is_paired: bool = False
    """Whether a candidate that is unheard shows it, on the very turns that the incumbent answers."""


_METRICS = (
    Metric(name="escalated", weight=0.15, prior=0.25, said="would have been sent to a speech service", is_paired=True),
    Metric(name="failed", weight=0.45, prior=0.05, said="failed or were said again"),
    Metric(name="disagreed", weight=0.15, prior=0.1, said="were heard otherwise by a speech service", is_paired=True),
    Metric(name="slow", weight=0.1, prior=0.05, said="were slow"),
    Metric(name="error", weight=0.15, prior=0.01, said="ended in an error", is_paired=True),
)
METRICS: Mapping[str, Metric] = {one.name: one for one in _METRICS}
NAMES = tuple(METRICS)
PAIRED = frozenset(one.name for one in _METRICS if one.is_paired)
WEIGHTS = tuple(one.weight for one in _METRICS)
PRIORS: Values = np.array([one.prior for one in _METRICS])
MOST_BASELINE = 8
"""Turns of the baseline that one of the candidate is compared with at most: more tell next to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One metric so far."""

    metric: str
    baseline: float | None
    """Share of turns; None before any was counted."""
    candidate: float | None
    baseline_turns: int
    candidate_turns: int
    e_value: float
    """Above 1 speaks against the candidate."""

    def as_json(self) -> dict[str, Any]:
        """Return it as the control API says it."""
        return {
            "metric": self.metric,
            "baseline": None if self.baseline is None else round(self.baseline, 4),
            "candidate": None if self.candidate is None else round(self.candidate, 4),
            "baseline_turns": self.baseline_turns,
            "candidate_turns": self.candidate_turns,
            "e_value": float(f"{self.e_value:.3g}"),
        }


class Bets:
    """The bets of one candidate, or of one on each of many hubs: shape (hubs, metrics, odds). Mutable."""

    __slots__ = ("bad", "grown", "turns")

    def __init__(self, hubs: int = 1) -> None:
        """Begin with nothing known."""
        self.grown: Values = np.zeros((hubs, len(NAMES), len(e_process.ODDS)))
        self.turns: Values = np.zeros((hubs, len(NAMES)))
        """Of the baseline, by which the next block is guessed."""
        self.bad: Values = np.zeros((hubs, len(NAMES)))

    def learn(self, turns: Values, bad: Values, at: Any = slice(None)) -> None:
        """Take baseline turns, (hubs, metrics), to learn its rates from; they are evidence of nothing."""
        self.turns[at] += turns
        self.bad[at] += bad

    def compare(
        self,
        baseline_turns: Values,
        baseline_bad: Values,
        candidate_turns: Values,
        candidate_bad: Values,
        at: Any = slice(None),
    ) -> None:
        """Take a block of turns of both, each (hubs, metrics); no turn may be in two."""
        expected = e_process.rate(self.bad[at], self.turns[at], PRIORS)
        self.grown[at] += e_process.compared(baseline_turns, baseline_bad, candidate_turns, candidate_bad, expected)
        self.learn(baseline_turns, baseline_bad, at)

    def pair(self, candidate_only: Values, baseline_only: Values, at: Any = slice(None)) -> None:
        """Take turns that both have heard, (hubs, metrics): in how many only one of them was bad."""
        self.grown[at] += e_process.paired(candidate_only, baseline_only)

    def e_values(self, at: Any = slice(None)) -> Values:
        """Return each metric's e-value: (hubs, metrics)."""
        return e_process.e_value(self.grown[at])

    def e_value(self, at: Any = slice(None)) -> Values:
        """Return all metrics' e-value: (hubs,)."""
        return e_process.mean(self.e_values(at), WEIGHTS)


def spread(available: Values, fresh: Values, to_come: Values) -> Values:
    """Return how many baseline turns to compare with `fresh` ones of the candidate, so that they last to the end."""
    wanted = np.ceil(available * fresh / np.maximum(to_come, np.maximum(fresh, 1.0)))
    return np.minimum(np.minimum(wanted, MOST_BASELINE * fresh), available)
