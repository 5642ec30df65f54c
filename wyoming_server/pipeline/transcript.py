"""Interpretations → the turn's outcome: which text wins, and why."""

import dataclasses

from .policy import Caller
from .timeline import Timeline
from .types import (
    Action,
    Continuation,
    Decision,
    Ending,
    GrammarMatch,
    Hypothesis,
    Interpretation,
    LaneAnswer,
    Outcome,
    Route,
)

NO_SPEECH = Decision(action=Action.DISCARD, reason="no speech was heard")


def conclude(turn_id: str, heard: list[Interpretation], ending: Ending, *, caller: Caller, now_s: float) -> Outcome:
    """Return the outcome of a turn: one utterance's, a file's chunks joined, or that nobody spoke."""
    spoken = [one for one in heard if one.decision.action is not Action.DISCARD]
    if not spoken:
        return _nothing(turn_id, heard, ending, caller, now_s)
    worst = max(spoken, key=lambda one: one.risk.value)
    hypothesis = _joined([one.hypothesis for one in spoken])
    answer = _answers(spoken)
    only = spoken[0] if len(spoken) == 1 else None
    return Outcome(
        turn_id=turn_id,
        text="" if worst.decision.action is Action.ASK_TEXT else " ".join(one.text for one in spoken if one.text),
        language=(answer.language if answer and answer.text else None) or hypothesis.language,
        decision=worst.decision,
        route=_route(spoken),
        risk=worst.risk,
        quality=worst.quality,
        hypothesis=hypothesis,
        match=(only.answer_match or only.match) if only else GrammarMatch(continuation=Continuation.NONE),
        ended_by=ending.by,
        timeline=_timeline(spoken[-1], ending, now_s),
        workload=worst.workload,
        cell=worst.cell,
        caller=caller,
        answer=answer,
        kept=only.kept if only else None,
        interpretation=only,
    )


def _route(spoken: list[Interpretation]) -> Route:
    if any(one.answer and one.answer.text for one in spoken):
        return Route.CLOUD
    return Route.CLIENT if any(one.decision.to_client for one in spoken) else Route.EDGE


def _answers(spoken: list[Interpretation]) -> LaneAnswer | None:
    """Return what the lanes said to all of them; None when none was asked."""
    answers = [one.answer for one in spoken if one.answer is not None]
    if len(answers) <= 1:
        return answers[0] if answers else None
    first = next((one for one in answers if one.text), answers[-1])
    return LaneAnswer(
        text=" ".join(one.text for one in answers if one.text),
        lane=first.lane,
        language=first.language,
        attempts=tuple(attempt for one in answers for attempt in one.attempts),
        reason=answers[-1].reason,
    )


def _nothing(turn_id: str, heard: list[Interpretation], ending: Ending, caller: Caller, now_s: float) -> Outcome:
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
        workload=only.workload if only else None,
        cell=only.cell if only else None,
        caller=caller,
        answer=only.answer if only else None,
        interpretation=only,
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
        asked_s=only.asked_s if only else None,
        answered_s=only.answered_s if only else None,
    )
