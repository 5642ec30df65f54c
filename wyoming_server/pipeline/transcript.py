"""Interpretations → the turn's outcome: which text wins, and why."""

import dataclasses

from .types import (
    Action,
    Continuation,
    Decision,
    Ending,
    GrammarMatch,
    Hypothesis,
    Interpretation,
    Outcome,
    Route,
    Timeline,
)

NO_SPEECH = Decision(action=Action.DISCARD, reason="no speech was heard")


def conclude(turn_id: str, heard: list[Interpretation], ending: Ending, *, now_s: float) -> Outcome:
    """Return the outcome of a turn: one utterance's, a file's chunks joined, or that nobody spoke."""
    spoken = [one for one in heard if one.decision.action is not Action.DISCARD]
    if not spoken:
        return _nothing(turn_id, heard, ending, now_s)
    worst = max(spoken, key=lambda one: one.risk.value)
    hypothesis = _joined([one.hypothesis for one in spoken])
    return Outcome(
        turn_id=turn_id,
        text=hypothesis.text,
        language=hypothesis.language,
        decision=worst.decision,
        route=Route.EDGE,
        risk=worst.risk,
        quality=worst.quality,
        hypothesis=hypothesis,
        match=spoken[0].match if len(spoken) == 1 else GrammarMatch(continuation=Continuation.NONE),
        ended_by=ending.by,
        timeline=_timeline(spoken[-1], ending, now_s),
    )


def _nothing(turn_id: str, heard: list[Interpretation], ending: Ending, now_s: float) -> Outcome:
    only = heard[-1] if heard else None
    return Outcome(
        turn_id=turn_id,
        text="",
        language=only.hypothesis.language if only else "",
        decision=only.decision if only else NO_SPEECH,
        route=Route.EDGE,
        risk=only.risk if only else None,
        quality=only.quality if only else None,
        hypothesis=only.hypothesis if only else None,
        match=None,
        ended_by=ending.by,
        timeline=_timeline(only, ending, now_s),
    )


def _joined(hypotheses: list[Hypothesis]) -> Hypothesis:
    if len(hypotheses) == 1:
        return hypotheses[0]
    return dataclasses.replace(
        hypotheses[-1],
        text=" ".join(one.text for one in hypotheses),
        tokens=tuple(token for one in hypotheses for token in one.tokens),
        rules=tuple(dict.fromkeys(rule for one in hypotheses for rule in one.rules)),
    )


def _timeline(only: Interpretation | None, ending: Ending, now_s: float) -> Timeline:
    return Timeline(
        voiced_end_s=ending.voiced_end_s,
        decode_start_s=only.started_s if only else ending.end_s,
        hypothesis_s=only.finished_s if only else ending.end_s,
        end_s=ending.end_s,
        outcome_s=now_s,
    )
