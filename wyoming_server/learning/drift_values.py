"""A turn → what it tells of each figure."""

from bisect import bisect_left, bisect_right

from ..pipeline.evidence import extract, opening
from ..pipeline.policy import UNCALIBRATED, Standing
from ..pipeline.scorecard import Scorecard
from ..pipeline.timeline import Spans
from ..pipeline.types import Action, Interpretation, Outcome
from .drift_figures import UNSURE, Seen
from .percentiles import Window, mean_entropy


def told_by(outcome: Outcome, spans: Spans, card: Scorecard, window: Window | None) -> dict[str, Seen]:
    """Return what a turn tells of each figure; nothing where nobody spoke, or the hub has no text of its own.

    `card` is its model's; `window` what the model's first turns here were like, None before there are enough.
    """
    one = outcome.interpretation
    if one is None or one.failure is not None or one.decision.action is Action.DISCARD:
        return {}
    told = {"own_time": Seen(spans.last_word_to_text_ms - spans.cloud_ms)}
    if spans.cloud_ms > 0.0:
        told["lane_time"] = Seen(spans.cloud_ms)
    limit = one.decision.threshold
    if limit is not None and not one.risk.rules:
        told["risky"] = Seen(one.risk.logit, one.risk.logit > limit.logit)
    if window is not None and one.hypothesis.tokens:
        told |= _of_model(one, card, window)
    return told


def _of_model(one: Interpretation, card: Scorecard, window: Window) -> dict[str, Seen]:
    log_probability, entropy = one.hypothesis.mean_log_probability, mean_entropy(one.hypothesis)
    doubt = 1.0 - _share_below(window.log_probability, log_probability)
    standing = Standing(confidence=1.0 - doubt, entropy=_share_below(window.entropy, entropy))
    features = extract(
        one.hypothesis, one.quality, one.match, speech=one.speech, standing=standing, history=one.history
    )
    language = one.hypothesis.language
    if language in card.openings:
        rarity = card.rarity(language, opening(one.hypothesis.text, language))
        features |= {} if rarity is None else {"opening": rarity}
    risk = 1.0 if one.risk.rules else UNCALIBRATED.probability(card.logit(features))
    return {"risk": Seen(risk), "doubt": Seen(doubt), "unsure": Seen(float(doubt >= UNSURE))}


def _share_below(ascending: tuple[float, ...], value: float) -> float:
    """Return the share of values below this one, ties by half."""
    return (bisect_left(ascending, value) + bisect_right(ascending, value)) / (2.0 * len(ascending))
