"""Text, evidence and length → how likely the speaker has finished.

A small recogniser completes what it hears: of 1133 sentences broken off in mid-phrase, spoken by voices that the
starter model never heard, 91 came back as whole commands ("Set the bedroom lamp" as "… to red"). Three signs tell most
of them apart: invented words are less sure, whole sentences are longer, and nothing follows them.
"""

import math

from .types import Continuation, GrammarMatch, Hypothesis, Speech

LOG_PROBABILITY_FLOOR = 0.003
"""Added before the logarithm: below it, surer is not more finished."""
BIAS, UNSURE, LENGTH, COMPLETE = -7.17, -1.53, 2.54, 1.54
"""Logistic regression on those 91 and 307 whole commands heard right. At 0.65, 96 % of the whole commands are taken for
finished and 0.9 % of the 1133 broken ones are (cross-validated by sentence: 96 % at 1 %)."""


def finished_probability(hypothesis: Hypothesis, match: GrammarMatch, speech: Speech) -> float:
    """Return the probability that the utterance is all that will be said; 0 when its text is no sentence."""
    if match.continuation is Continuation.EXPECTED or hypothesis.rules:
        return 0.0
    logit = (
        BIAS
        + UNSURE * math.log(LOG_PROBABILITY_FLOOR - hypothesis.mean_log_probability)
        + LENGTH * math.log(max(speech.vad_speech_seconds, 0.1))
        + COMPLETE * (match.continuation is Continuation.NONE)
    )
    return 1.0 / (1.0 + math.exp(-logit))
