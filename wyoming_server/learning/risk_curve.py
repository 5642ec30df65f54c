"""Recent log-odds + a calibration → how many errors each threshold would let through."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from ..pipeline.policy import Calibration
from .calibration import Values, logit

_ENOUGH_TURNS = 50
"""Fewer turns than this are no distribution; typical ones stand in for as many and fade as the home's own come."""


class RiskCurve:
    """The plug-in risk of every threshold: s ↦ (1/M) Σ_{x ≤ s} p̂(x).

    Until there are enough turns to know what is usual, a text is accepted when its own probability of being wrong is
    at most what is allowed: stricter, since the mean over all turns is then smaller still.
    """

    __slots__ = ("_calibration", "_logits", "_risks")

    def __init__(self, recent: Values, typical: Sequence[float], calibration: Calibration, *, fills: int) -> None:
        """Take the log-odds of recent turns, shape (n,), and typical ones that stand in until there are `fills`."""
        self._calibration = calibration
        self._logits: list[float] = []
        self._risks: list[float] = []
        """Ascending: the mean risk up to and with each of the logits."""
        standing_in = np.asarray(typical if len(recent) < fills else (), dtype=np.float64)
        if len(recent) + (_ENOUGH_TURNS if len(standing_in) else 0) >= _ENOUGH_TURNS:
            self._draw(recent, standing_in)

    def _draw(self, recent: Values, standing_in: Values) -> None:
        logits = np.concatenate((recent, standing_in))
        weights = np.ones(len(logits))
        if len(standing_in):
            weights[len(recent) :] = min(1.0, _ENOUGH_TURNS / len(standing_in))
        order = np.argsort(logits, kind="stable")
        logits, weights = logits[order], weights[order]
        line = self._calibration.intercept + self._calibration.slope * logits
        risks = np.cumsum(weights / (1.0 + np.exp(-line))) / weights.sum()
        last_of_equals = np.append(logits[1:] != logits[:-1], True)
        self._logits, self._risks = logits[last_of_equals].tolist(), risks[last_of_equals].tolist()

    def highest(self, allowance: float) -> float:
        """Return the highest log-odds to accept so that the mean risk is at most `allowance`; -inf for none.

        Never above what was seen: a text riskier than all before it is no usual one.
        """
        if allowance <= 0.0:
            return float("-inf")
        if not self._risks:
            return (logit(allowance) - self._calibration.intercept) / self._calibration.slope
        accepted = bisect_right(self._risks, allowance)
        return self._logits[accepted - 1] if accepted else float("-inf")
