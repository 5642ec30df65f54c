"""A turn → what counts for or against the model that heard it."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from ..canary.canary_book import TurnSeen
from ..learning.comparison import compare
from ..learning.learner import scale_of
from ..learning.percentiles import Percentiles
from ..learning.threshold import AdaptiveThreshold, ThresholdSettings
from ..pipeline.policy import UNCALIBRATED
from ..pipeline.risk import score
from ..pipeline.scorecard import Scorecard
from ..pipeline.types import GrammarMatch, Hypothesis, Interpretation

BUDGET_MS = 120.0
"""Of a decode, as docs/architecture.md has it."""
USUAL_TURNS = 200
ENOUGH_TURNS = 20
"""Fewer say nothing of what is usual."""
LAST_TURNS = 50
TOO_SLOW = 2.0
"""Times what is usual, or the budget where that is more."""


class Yardstick:
    """How risky a model's hypotheses are by its own scorecard, with nothing learned from the home.

    Both arms are measured so. What the home has learned belongs to one scorecard: a new model begins without, and would
    look worse, or better, than it is.
    """

    def __init__(self, model: str, card: Scorecard, settings: ThresholdSettings) -> None:
        """Take a model's scorecard and what its owner wants."""
        self.card = card
        self._percentiles = Percentiles({model: card.references})
        self._threshold = AdaptiveThreshold(settings, typical_logits=card.logits)

    def is_risky(self, hypothesis: Hypothesis, match: GrammarMatch, heard: Interpretation) -> bool:
        """Tell whether a hypothesis of an utterance would be too risky to answer by the hub alone."""
        risk = score(
            hypothesis,
            heard.quality,
            match,
            speech=heard.speech,
            standing=self._percentiles.standing(scale_of(hypothesis), hypothesis),
            history=heard.history,
            scorecard=self.card,
            calibration=UNCALIBRATED,
        )
        return bool(risk.rules) or not risk.logit <= self._threshold.reading(heard.cell).logit


def disagreed(hypothesis: Hypothesis, match: GrammarMatch, heard: Interpretation, *, has_lanes: bool) -> bool | None:
    """Tell whether a lane heard something else.

    False where none was asked and one might have been: the share is one of all turns, so that a model which asks only
    when it must is not blamed for that. None without lanes, and where the lane gave nothing, or is the client's.
    """
    answer = heard.answer
    if has_lanes and heard.is_forced:  # else a model would look worse in mode `cloud`, or while a baseline is recorded
        return False
    if answer is None or not answer.text:
        return False if has_lanes and answer is None and not heard.decision.to_client else None
    language = answer.language or hypothesis.language
    return not compare(hypothesis.text, answer.text, language, match, heard.answer_match).same_intent


class Pace:
    """How long decodes take: what is usual of the incumbent, and the candidate's last ones."""

    def __init__(self) -> None:
        """Know nothing."""
        self._usual: deque[float] = deque(maxlen=USUAL_TURNS)
        self._last: deque[float] = deque(maxlen=LAST_TURNS)

    def began(self) -> None:
        """Hear of another candidate."""
        self._last.clear()

    def settled(self) -> None:
        """Hear that the candidate is the incumbent now."""
        self._usual = deque(self._last, maxlen=USUAL_TURNS)
        self._last.clear()

    def incumbent(self, took_ms: float) -> bool | None:
        """Count a decode and tell whether it was slow; None while nothing is known."""
        slow = self._is_slow(took_ms)
        self._usual.append(took_ms)
        return slow

    def candidate(self, took_ms: float) -> bool | None:
        """Count a decode and tell whether it was slow, by the same measure."""
        self._last.append(took_ms)
        return self._is_slow(took_ms)

    def _is_slow(self, took_ms: float) -> bool | None:
        if len(self._usual) < ENOUGH_TURNS:
            return None
        return took_ms > max(BUDGET_MS, TOO_SLOW * float(np.median(self._usual)))

    def too_slow(self) -> str:
        """Return why the candidate is too slow by its last turns; empty when it is not, or too few are known."""
        if len(self._last) < LAST_TURNS:
            return ""
        p95 = _p95(self._last)
        usual = _p95(self._usual) if len(self._usual) >= ENOUGH_TURNS else 0.0
        if p95 <= TOO_SLOW * max(BUDGET_MS, usual):
            return ""
        return (
            f"Of its last {LAST_TURNS} decodes, one in twenty took {p95:.0f} ms or more; the budget is "
            f"{BUDGET_MS:.0f} ms" + (f", and the model before took {usual:.0f} ms" if usual else "")
        )


def _p95(values: Sequence[float] | deque[float]) -> float:
    return float(np.percentile(np.asarray(values), 95))


def seen_in_shadow(
    yardstick: Yardstick, hypothesis: Hypothesis, match: GrammarMatch, heard: Interpretation
) -> TurnSeen:
    """Return what counts of an utterance that a model has heard beside the other; only a lane's text compares."""
    return TurnSeen(
        escalated=yardstick.is_risky(hypothesis, match, heard),
        disagreed=disagreed(hypothesis, match, heard, has_lanes=False),
        error=False,
    )
