"""How well a score tells wrong texts from right ones: the figures of selective prediction, exact and with ties.

Everything is read off one curve: of n turns, how many errors lie among the k riskiest. Turns of equal risk come in
no order, so a tie counts with its expectation; a score that knows nothing is then exactly a random router.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

type Floats = npt.NDArray[np.float64]
"""Shape (n,)."""
type Flags = npt.NDArray[np.bool_]
"""Shape (n,)."""
type Counts = npt.NDArray[np.intp]
"""Shape (n,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Turns in the order in which a score would escalate them."""

    caught: Floats
    """Errors to expect among the k riskiest turns, for k from 0 to n: shape (n + 1,), from 0 to all errors."""

    @classmethod
    def of(cls, score: npt.ArrayLike, wrong: npt.ArrayLike) -> Self:
        """Return the ranking of n turns by a score that is higher where a text is likelier wrong.

        Raises ValueError for arrays that are empty, of unequal length, or that hold NaN; infinities are fine.
        """
        flags = np.asarray(wrong, bool)
        order, ties = ordered(score)
        if flags.shape != order.shape:
            raise ValueError(f"{len(order)} scores need as many labels, not an array of shape {flags.shape}")
        return cls.resampled(flags[order], ties)

    @classmethod
    def resampled(cls, wrong: Flags, ties: Counts, counts: Counts | None = None) -> Self:
        """Return the ranking of turns in the order of `ordered`, each taken as often as `counts` says (once)."""
        if counts is not None:
            wrong, ties = np.repeat(wrong, counts), np.repeat(ties, counts)
        cumulated = np.concatenate(([0.0], np.cumsum(wrong, dtype=np.float64)))
        ends = np.concatenate(([0], np.flatnonzero(np.diff(ties)) + 1, [len(ties)]))
        return cls(np.interp(np.arange(len(cumulated)), ends, cumulated[ends]))

    @classmethod
    def oracle(cls, turns: int, errors: int) -> Self:
        """Return the ranking of one who knows: every error before every right text."""
        return cls(np.minimum(np.arange(turns + 1, dtype=np.float64), errors))

    @classmethod
    def random(cls, turns: int, errors: int) -> Self:
        """Return the expectation of a router that knows nothing."""
        return cls(np.linspace(0.0, errors, turns + 1))

    @property
    def turns(self) -> int:
        """How many there are: n."""
        return len(self.caught) - 1

    @property
    def errors(self) -> float:
        """How many of them are wrong."""
        return float(self.caught[-1])

    def best(self) -> Ranking:
        """Return the oracle's ranking of the same turns."""
        return Ranking.oracle(self.turns, round(self.errors))

    def auroc(self) -> float:
        """Return the probability that a wrong text scores above a right one, a tie counting half.

        That is the area under the ROC curve (Hanley & McNeil 1982); NaN where nothing, or everything, is wrong.
        """
        right = self.turns - self.errors
        if not self.errors or not right:
            return math.nan
        false_alarms = (np.arange(self.turns + 1) - self.caught) / right
        return float(np.trapezoid(self.caught / self.errors, false_alarms))

    def error_at_coverage(self) -> Floats:
        """Return the share of errors among the i safest turns, for i from 1 to n: the risk–coverage curve.

        El-Yaniv & Wiener 2010; Geifman & El-Yaniv 2017.
        """
        kept = np.arange(1, self.turns + 1)
        accepted: Floats = (self.errors - self.caught[::-1][1:]) / kept
        return accepted

    def aurc(self) -> float:
        """Return the area under the risk–coverage curve: its mean over the coverages 1/n … 1.

        Geifman, Uziel & El-Yaniv, ICLR 2019.
        """
        return float(self.error_at_coverage().mean())

    def excess_aurc(self) -> float:
        """Return the area above the oracle's: what a better score could gain.

        The plain area grows with the error rate itself, so that two sets, or two models, do not compare by it
        (E-AURC: Geifman, Uziel & El-Yaniv, ICLR 2019).
        """
        return self.aurc() - self.best().aurc()

    def augrc(self) -> float:
        """Return the mean, over coverages, of the probability that a text is accepted and wrong.

        The area above weighs the safest turns most, where one error among few swings it; this one weighs every
        coverage alike (Traub et al., NeurIPS 2024).
        """
        return float((self.errors - self.caught[::-1][1:]).mean() / self.turns)

    def caught_at(self, share: float) -> float:
        """Return the share of errors caught when that share of turns is escalated; NaN without errors."""
        at = float(np.interp(share * self.turns, np.arange(self.turns + 1), self.caught))
        return at / self.errors if self.errors else math.nan

    def cost_quality(self, points: int | None = None) -> tuple[Floats, Floats]:
        """Return (share escalated, share of all turns that is accepted and wrong), from none to all escalated.

        Every turn by default, else so many points at even distances. What is escalated counts as mended, as for an
        oracle in the cloud.
        """
        shares = np.linspace(0.0, 1.0, (points or self.turns + 1))
        caught = np.interp(shares * self.turns, np.arange(self.turns + 1), self.caught)
        return shares, (self.errors - caught) / self.turns


def ordered(score: npt.ArrayLike) -> tuple[Counts, Counts]:
    """Return the turns' indices, riskiest first, and for each in that order the number of its tie, from 0 on.

    Raises ValueError as Ranking.of does.
    """
    scores = np.asarray(score, np.float64)
    if scores.ndim != 1 or not len(scores):
        raise ValueError(f"one row of scores is needed, not an array of shape {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError("a score is not a number")
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    return order, np.cumsum(np.concatenate(([False], falling[1:] != falling[:-1])))


@dataclass(frozen=True, slots=True, kw_only=True)
class AtThreshold:
    """What a threshold would have done to some turns."""

    turns: int
    error: float
    """Share of all turns that is accepted and wrong: what the threshold's learner holds below its target."""
    escalation: float
    """Share of all turns above the threshold."""
    accepted_error: float | None
    """Share of wrong ones among those accepted; None when none is."""


def at_threshold(risk: npt.ArrayLike, wrong: npt.ArrayLike, threshold: float) -> AtThreshold:
    """Return what accepting every turn of at most that risk does. Raises ValueError without turns."""
    risks, flags = np.asarray(risk, np.float64), np.asarray(wrong, bool)
    if not len(risks):
        raise ValueError("without turns there is no share of them")
    accepted = risks <= threshold
    errors, kept = int((accepted & flags).sum()), int(accepted.sum())
    return AtThreshold(
        turns=len(risks),
        error=errors / len(risks),
        escalation=1.0 - kept / len(risks),
        accepted_error=errors / kept if kept else None,
    )
