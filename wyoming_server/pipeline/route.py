"""What was heard → what to do with it, with the reason. Pure; without cloud lanes everything heard is accepted."""

from .types import Action, Decision, Hypothesis, Risk

DISCARDED_RULES = frozenset({"short-speech", "no-speech", "prompt-echo", "known-phrase"})
"""Rules that say there was no speech to begin with; the others leave a text that may be right."""


def decide(hypothesis: Hypothesis, risk: Risk) -> Decision:
    """Return what becomes of a hypothesis."""
    if not hypothesis.text:
        return Decision(action=Action.DISCARD, reason="no words were recognised")
    imagined = DISCARDED_RULES.intersection(hypothesis.rules)
    if imagined:
        return Decision(action=Action.DISCARD, reason=f"text without speech: {min(imagined)}")
    return Decision(action=Action.ACCEPT, reason=f"edge only; {risk.reason}")
