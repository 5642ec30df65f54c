"""Two streams of yes and no → evidence, valid whenever it is looked at, that one says yes too often. Pure; numpy.

An e-value is the factor by which money grows that is bet against "no worse": where that is true, it is expected to stay
at 1 or less however the bets go, so it ever reaches 1/a with probability at most a (Ville's inequality), and looking
after every turn costs nothing. Bets are held on several alternatives, as odds of yes; their weighted mean is an
e-value, too, and so is the mean over several metrics, however these hang together.

Two streams are compared in blocks, each a likelihood ratio of an alternative to that point of the null which is nearest
to it in relative entropy (Turner, Ly and Grünwald, "Generic E-variables for exact sequential k-sample tests",
arXiv 2106.02693; Turner and Grünwald, arXiv 2203.09785, for any convex null). What a block is expected to hold and how
large it is may depend on all that came before, never on what it holds.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

type Values = npt.NDArray[np.float64]

TOLERANCE = 1.1
"""The null: the candidate says yes at most so many times as often as the baseline. A tenth more is no reason to go
back, and a baseline of some weeks ago is no better known than that."""
ODDS: Values = np.array([1.5, 2.0, 2.6, 6.0])
"""What is bet on: the candidate's odds of yes over the baseline's."""
WEIGHTS: Values = np.array([0.15, 0.4, 0.3, 0.1])
KEPT = 1.0 - float(WEIGHTS.sum())
"""Share that is never bet, so that a long good beginning cannot use up what a bad end needs."""
_PRIOR_TURNS = 20.0
_LARGEST = 700.0
"""Of a logarithm, which a float still takes."""


def rate(bad: Values, turns: Values, prior: Values | float) -> Values:
    """Return the rate that the next block is expected to have: what was seen so far, drawn towards a prior."""
    return np.asarray((bad + prior * _PRIOR_TURNS) / (turns + _PRIOR_TURNS))


def compared(
    baseline_turns: Values, baseline_bad: Values, candidate_turns: Values, candidate_bad: Values, expected: Values
) -> Values:
    """Return the logarithms by which one block multiplies each bet: shape (…, odds).

    All are of shape (…); `expected` is the baseline's rate, within (0, 1), as known before the block. A block with an
    empty side says nothing.
    """
    n, s, m, r, a = (
        one[..., np.newaxis] for one in (baseline_turns, baseline_bad, candidate_turns, candidate_bad, expected)
    )
    b = a * ODDS / (1.0 - a + a * ODDS)
    p, q = nearest(a, b, n, m)
    grown = s * np.log(a / p) + (n - s) * np.log((1.0 - a) / (1.0 - p))
    grown = grown + r * np.log(b / q) + (m - r) * np.log((1.0 - b) / (1.0 - q))
    return np.where((b > TOLERANCE * a) & (n > 0) & (m > 0), grown, 0.0)


def nearest(a: Values, b: Values, n: Values, m: Values) -> tuple[Values, Values]:
    """Return the rates (p, TOLERANCE · p) that minimise n · KL(a, p) + m · KL(b, TOLERANCE · p).

    The derivative's numerator is quadratic in p, and its smaller root is the one where both rates are below 1.
    """
    yes = n * a + m * b
    half = yes * (1.0 + TOLERANCE) + n * (1.0 - a) + m * (1.0 - b) * TOLERANCE
    root = np.sqrt(np.maximum(half * half - 4.0 * TOLERANCE * (n + m) * yes, 0.0))
    p = 2.0 * yes / np.maximum(half + root, 1e-300)  # both are 0 for a block of nothing
    p = np.clip(p, 1e-12, (1.0 - 1e-12) / TOLERANCE)
    return p, TOLERANCE * p


def paired(candidate_only: Values, baseline_only: Values) -> Values:
    """Return the logarithms by which pairs on the same audio multiply each bet: shape (…, odds).

    Only pairs that differ tell anything; the null: it is the candidate that is bad in at most TOLERANCE / (1 +
    TOLERANCE) of them.
    """
    null = TOLERANCE / (1.0 + TOLERANCE)
    share = ODDS / (1.0 + ODDS)
    k, m = candidate_only[..., np.newaxis], baseline_only[..., np.newaxis]
    return np.asarray(k * np.log(share / null) + m * np.log((1.0 - share) / (1.0 - null)))


def exceeded(bad: Values, turns: Values, allowed: float) -> Values:
    """Return the logarithms by which counts multiply each bet against "at most `allowed` of them": shape (…, odds)."""
    share = allowed * ODDS / (1.0 - allowed + allowed * ODDS)
    k, m = bad[..., np.newaxis], (turns - bad)[..., np.newaxis]
    return np.asarray(k * np.log(share / allowed) + m * np.log((1.0 - share) / (1.0 - allowed)))


def e_value(grown: Values) -> Values:
    """Return the e-values of bets that have grown by these logarithms: shape (…, odds) → (…)."""
    return np.asarray(KEPT + np.exp(np.minimum(grown, _LARGEST)) @ WEIGHTS)


def mean(e_values: Values, weights: Sequence[float]) -> Values:
    """Return the e-value of several metrics: shape (…, metrics) → (…); the weights add up to 1."""
    return np.asarray(e_values @ np.asarray(weights))
