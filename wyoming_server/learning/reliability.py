"""Whether a risk of 20 % is wrong one time in five."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_Z = 1.959963984540054
"""The normal distribution's 97.5th percentile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Turns of similar risk."""

    turns: int
    predicted: float
    """Their mean risk."""
    observed: float
    """The share of them that is wrong."""
    low: float
    """Where that share may well lie: Wilson's 95 % interval."""
    high: float


def reliability(probability: npt.ArrayLike, wrong: npt.ArrayLike, *, bins: int = 10) -> tuple[Bin, ...]:
    """Return bins of about equally many turns, by rising probability; equal probabilities share a bin.

    Equal counts, not equal widths: most commands are safe, and bins of equal width would hold nearly all turns in one
    and a handful in another (Nguyen & O'Connor 2015; Nixon et al. 2019). Raises ValueError without turns.
    """
    predicted, flags = np.asarray(probability, np.float64), np.asarray(wrong, bool)
    if not len(predicted) or len(predicted) != len(flags):
        raise ValueError("as many labels as probabilities are needed, and one at least")
    order = np.argsort(predicted, kind="stable")
    predicted, flags = predicted[order], flags[order]
    # A cut moves to the first turn of its tie, for a bin that splits one would depend on the order of the file.
    wanted = np.linspace(0, len(predicted), bins + 1)[1:-1].round().astype(int)
    cuts = np.unique(np.searchsorted(predicted, predicted[np.minimum(wanted, len(predicted) - 1)]))
    parts = np.split(np.arange(len(predicted)), cuts[cuts > 0])
    return tuple(_bin(predicted[part], flags[part]) for part in parts)


def _bin(predicted: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_]) -> Bin:
    low, high = wilson(int(wrong.sum()), len(wrong))
    return Bin(turns=len(wrong), predicted=float(predicted.mean()), observed=float(wrong.mean()), low=low, high=high)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error: the mean gap between predicted and observed (Naeini et al. 2015)."""
    turns = sum(one.turns for one in bins)
    return sum(one.turns * abs(one.predicted - one.observed) for one in bins) / turns


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share; honest near 0 and 1, where few hits are (Wilson 1927)."""
    share, square = hits / trials, _Z**2 / trials
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / trials + square / (4 * trials)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)
