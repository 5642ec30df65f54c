"""Labelled log-odds → Platt's line, shrunk towards the line of its parent.

Online Platt scaling (Gupta and Ramdas, ICML 2023, arXiv 2305.00070) by a weighted, ridge-penalised Newton fit over a
window of labels; the parents are pooled by empirical Bayes.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..pipeline.policy import UNCALIBRATED, Calibration, Cell

type Values = npt.NDArray[np.float64]

LEAST_SLOPE = 0.05
"""A line that fell would call the riskiest texts the safest."""
_MOST_STEPS = 12
_ENOUGH = 1e-7
_LONGEST_STEP = 2.0
"""Newton's steps from a far start overshoot where the logistic is flat."""
_FARTHEST = 30.0
"""Log-odds beyond which a probability has no information left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """How firmly a line is held to its parent's: precisions, in labels of information."""

    intercept: float = 5.0
    slope: float = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Information:
    """A symmetric 2 × 2 precision of (intercept, slope)."""

    intercept: float = 0.0
    cross: float = 0.0
    slope: float = 0.0

    def __add__(self, other: Information) -> Information:
        return Information(
            intercept=self.intercept + other.intercept,
            cross=self.cross + other.cross,
            slope=self.slope + other.slope,
        )

    def times(self, first: float, second: float) -> tuple[float, float]:
        """Return the product with a vector."""
        return self.intercept * first + self.cross * second, self.cross * first + self.slope * second

    def solve(self, first: float, second: float) -> tuple[float, float]:
        """Return the vector whose product is the one given."""
        determinant = self.intercept * self.slope - self.cross * self.cross
        return (
            (self.slope * first - self.cross * second) / determinant,
            (self.intercept * second - self.cross * first) / determinant,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A line, and how much its labels say about it."""

    calibration: Calibration = UNCALIBRATED
    information: Information = Information()


def fit(logits: Values, wrong: Values, weights: Values, *, prior: Calibration, ridge: Ridge, start: Calibration) -> Fit:
    """Return the line that fits labels best: logistic loss plus the ridge to its prior; the slope stays positive.

    `logits`, `wrong` (0 or 1) and `weights` have shape (n,); n may be 0. `start` is where Newton's steps begin, such as
    the fit before this one.
    """
    intercept, slope = start.intercept, max(LEAST_SLOPE, start.slope)
    information = Information()
    for _ in range(_MOST_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(intercept + slope * logits, -_FARTHEST, _FARTHEST)))
        surplus = weights * (probability - wrong)
        down = float(surplus.sum()) + ridge.intercept * (intercept - prior.intercept)
        across = float((surplus * logits).sum()) + ridge.slope * (slope - prior.slope)
        information = _information(logits, weights * probability * (1.0 - probability))
        held = information + Information(intercept=ridge.intercept, slope=ridge.slope)
        first, second = held.solve(down, across)
        if slope - second < LEAST_SLOPE:  # on the edge only the intercept is free
            second = slope - LEAST_SLOPE
            first = (down - held.cross * second) / held.intercept
        longest = max(abs(first), abs(second))
        shorter = min(1.0, _LONGEST_STEP / longest) if longest else 1.0
        intercept, slope = intercept - shorter * first, slope - shorter * second
        if longest < _ENOUGH:
            break
    return Fit(
        calibration=Calibration(intercept=intercept, slope=max(LEAST_SLOPE, slope), turns=len(logits)),
        information=_effective(information, weights),
    )


def _information(logits: Values, curvature: Values) -> Information:
    moment = curvature * logits
    return Information(
        intercept=float(curvature.sum()), cross=float(moment.sum()), slope=float((moment * logits).sum())
    )


def _effective(information: Information, weights: Values) -> Information:
    """Return the information of the labels themselves: one of weight 20 is still one label (Kish)."""
    if not len(weights):
        return information
    share = float(weights.sum() / (weights * weights).sum())
    return Information(
        intercept=share * information.intercept, cross=share * information.cross, slope=share * information.slope
    )


def pooled(children: Iterable[Fit], *, prior: Calibration, ridge: Ridge) -> Calibration:
    """Return a parent's line: the precision-weighted mean of its children's and of its own prior.

    A child says at most as much as the ridge lets it differ from its parent, however many labels it has.
    """
    total = Information(intercept=ridge.intercept, slope=ridge.slope)
    first, second = total.times(prior.intercept, prior.slope)
    turns = 0
    for child in children:
        heard = _dampened(child.information, ridge)
        more = heard.times(child.calibration.intercept, child.calibration.slope)
        total, first, second = total + heard, first + more[0], second + more[1]
        turns += child.calibration.turns
    intercept, slope = total.solve(first, second)
    return Calibration(intercept=intercept, slope=max(LEAST_SLOPE, slope), turns=turns)


def _dampened(information: Information, ridge: Ridge) -> Information:
    """Return (I⁻¹ + R⁻¹)⁻¹ = R − R (I + R)⁻¹ R, which exists without labels, too."""
    held = information + Information(intercept=ridge.intercept, slope=ridge.slope)
    determinant = held.intercept * held.slope - held.cross * held.cross
    return Information(
        intercept=ridge.intercept - ridge.intercept**2 * held.slope / determinant,
        cross=ridge.intercept * ridge.slope * held.cross / determinant,
        slope=ridge.slope - ridge.slope**2 * held.intercept / determinant,
    )


def inherited(cell: Cell, fits: Mapping[Cell, Fit], *, bundle: Calibration, ridge: Ridge) -> Calibration:
    """Return the prior of a cell: the bundle's line, moved by other cells of its language, then of its microphone.

    The cell's own labels are left out: they count once, in its own fit.
    """
    others = {other: one for other, one in fits.items() if other != cell}
    language = [one for other, one in others.items() if other.language == cell.language]
    microphone = [one for other, one in others.items() if other.microphone_class == cell.microphone_class]
    line = pooled(language, prior=bundle, ridge=ridge) if language else bundle
    return pooled(microphone, prior=line, ridge=ridge) if microphone else line


def logit(probability: float) -> float:
    """Return the log-odds of a probability, within ±30."""
    if probability <= 0.0 or probability >= 1.0:
        return -_FARTHEST if probability <= 0.0 else _FARTHEST
    return math.log(probability / (1.0 - probability))
