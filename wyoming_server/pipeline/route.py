"""What was heard → what to do with it, with the reason. Pure; without cloud lanes everything heard is accepted."""

from .types import UNSURE_LOG_PROBABILITY, Action, Decision, Hypothesis, Risk

DISCARDED_RULES = frozenset({"short-speech", "no-speech", "prompt-echo", "crowd", "repetition", "no-end"})
"""Rules that say that nobody spoke to us, or that the text runs in circles; the others leave one that may be right."""
DISCARDED_WHEN_UNSURE = frozenset({"known-phrase"})
"""People do say "thank you": only an unsure one is made up."""


def decide(hypothesis: Hypothesis, risk: Risk) -> Decision:
    """Return what becomes of a hypothesis."""
    if not hypothesis.text:
        return Decision(action=Action.DISCARD, reason="no words were recognised")
    unsure = hypothesis.mean_log_probability < UNSURE_LOG_PROBABILITY
    made_up = (DISCARDED_RULES | DISCARDED_WHEN_UNSURE if unsure else DISCARDED_RULES).intersection(hypothesis.rules)
    if made_up:
        return Decision(action=Action.DISCARD, reason=f"made-up text: {min(made_up)}")
    return Decision(action=Action.ACCEPT, reason=f"edge only; {risk.reason}")
