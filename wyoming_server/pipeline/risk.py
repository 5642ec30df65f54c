"""Hypothesis + Quality → how likely the text is wrong. Provisional: one table, until the scorecard comes."""

from .types import Hypothesis, Quality, Risk

PROVISIONAL = (
    (-0.05, 0.05),
    (-0.10, 0.20),
    (-0.20, 0.45),
    (-0.40, 0.70),
    (-0.80, 0.85),
)
"""Mean token log-probability at least … → risk …; below all of them 0.95.

Read off the starter model, whose right sentences lie around −0.02 and wrong ones around −0.3; other models are
calibrated differently, which is why the reason says so.
"""
BEYOND = 0.95


def score(hypothesis: Hypothesis, quality: Quality) -> Risk:
    """Return the risk of a hypothesis: 1 when a hallucination rule is tripped, else by confidence."""
    if not hypothesis.text:
        return Risk(value=1.0, reason="no words were recognised", points={"no_words": 1.0})
    if hypothesis.rules:
        return Risk(value=1.0, reason=f"rule: {hypothesis.rules[0]}", points=dict.fromkeys(hypothesis.rules, 1.0))
    confidence = hypothesis.mean_log_probability
    value = next((risk for least, risk in PROVISIONAL if confidence >= least), BEYOND)
    snr = "unknown" if quality.snr_db is None else f"{quality.snr_db:.0f} dB"
    return Risk(
        value=value,
        reason=f"provisional: mean token log-probability {confidence:.2f}, SNR {snr}",
        points={"mean_log_probability": value},
    )
