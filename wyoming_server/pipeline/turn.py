"""One turn, from audio to outcome: listen, recognise, measure, score, decide, conclude."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from types import MappingProxyType

from ..errors import EdgeVoiceError, NeedsConfirmationError, TurnTimeoutError
from .audio import FrameQueue
from .checked import Checked, ranged
from .cloud import Lanes
from .endpoint import EndpointSettings, VadModel
from .hedge import Hedge
from .interpret import Judgement, TurnRequest, decision_on, interpret, may_stand_in
from .keeping import RequestQueue
from .lanes import Errand
from .listen import Listener, ListenSettings, Mode, OnVoice, Utterance
from .policy import RoutingMode
from .transcript import conclude
from .types import (
    SAMPLE_RATE_HZ,
    Action,
    DecodeRequest,
    Hypothesis,
    Interpretation,
    LaneAnswer,
    LaneAttempt,
    Outcome,
    Speech,
)
from .weighing import mode_of

SILENT = frozenset({Action.DISCARD, Action.ASK_TEXT})
"""Actions that come without a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSettings(Checked):
    """What a turn may take."""

    budget_seconds: float = ranged(3.0, at_least=0.2, at_most=30.0)
    """From the end of speech (or audio-stop) to a transcript or an error."""
    chunk_budget_seconds: float = ranged(30.0, at_least=1.0, at_most=300.0)
    """The same for each chunk of a file, which is up to 28 s long and nobody waits for."""
    reserve_seconds: float = ranged(0.2, at_least=0.0, at_most=2.0)
    """Of the budget, kept for what follows a lane's answer or its failure."""
    lane_seconds: float = ranged(1.2, at_least=0.0, at_most=30.0)
    """Of the budget: where the hub's own decode still runs with so much left, a lane is asked; 0: none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The parts that a turn calls, and their settings."""

    vad: VadModel
    judgement: Judgement
    lanes: Lanes
    endpoint: EndpointSettings
    listen: ListenSettings
    turn: TurnSettings
    clock: Callable[[], float]
    """Monotonic seconds."""
    queue: RequestQueue | None = None
    """Where requests wait for a lane; None: none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Who is told of a turn while it runs; must not block."""

    on_voice: OnVoice = lambda _voice, _sample: None
    on_text: Callable[[str], None] = lambda _text: None
    """Gets the text of each utterance that is kept, as it comes."""
    on_asking: Callable[[str], None] = lambda _lane: None
    """Gets the lane that speech is sent to first, when the decision to ask has fallen."""


async def run_turn(audio: FrameQueue, request: TurnRequest, stages: Stages, observer: Observer) -> Outcome:
    """Turn one stream of frames into one outcome within the budget. Raises TurnError."""
    if mode_of(stages.judgement.policy, request.caller) is not RoutingMode.EDGE:
        stages.lanes.warm(request.caller, request.language)
    early: list[LaneAttempt] = []
    hedge = Hedge(
        lambda speech: _asked(speech, request, stages, reason="hedge", end_s=stages.clock(), told=early.append),
        patience_seconds=stages.judgement.hedge.patience_seconds,
    )
    listener = Listener(
        audio,
        stages.vad.open(),
        lambda speech: interpret(speech, request, stages.judgement, hedge),
        settings=stages.listen,
        endpoint=stages.endpoint,
        clock=stages.clock,
        mode=request.mode,
        sensitivity=request.sensitivity,
        answer_early=request.answer_early,
        on_voice=observer.on_voice,
        on_more=hedge.drop,
    )
    heard: list[Interpretation] = []
    try:
        async with aclosing(listener.utterances()) as utterances:
            async for utterance in utterances:
                hedge.over()
                one = await _settled(utterance, request, stages, hedge, observer)
                if one is None:
                    continue
                heard.append(one if request.mode is Mode.LIVE else _without_audio(one))
                if one.decision.action not in SILENT and not _refused(one, request):
                    observer.on_text(one.text)
    finally:
        await hedge.aclose()
    outcome = conclude(request.turn_id, heard, utterance.ending, caller=request.caller, now_s=stages.clock())
    outcome = replace(outcome, began_s=request.began_s)
    if refused := [one.decision.reason for one in heard if _refused(one, request)]:
        cure = "Say it again, or use the Edge Voice integration, which asks back"
        outcome = replace(outcome, failure=NeedsConfirmationError(f"{refused[0]}. {cure}"))
    # Nothing is learned from recordings: they are not how this home speaks.
    return _with(early, outcome) if request.mode is Mode.LIVE else replace(outcome, interpretation=None)


def _refused(one: Interpretation, request: TurnRequest) -> bool:
    """Tell whether a text needs a yes that nobody can be asked for."""
    return one.decision.action is Action.CONFIRM and not request.caller.can_confirm


def _with(early: Sequence[LaneAttempt], outcome: Outcome) -> Outcome:
    """Return an outcome that tells of early uploads, too: also of one that turned out not to be needed."""
    if not early:
        return outcome
    answer = outcome.answer or LaneAnswer()
    return replace(outcome, answer=replace(answer, attempts=(*early, *answer.attempts)))


def _without_audio(interpretation: Interpretation) -> Interpretation:
    """Drop a chunk's samples: a long file must not grow with its length."""
    nothing = interpretation.speech.samples[:0].copy()
    return replace(interpretation, speech=replace(interpretation.speech, samples=nothing, noise=nothing, active=()))


async def _settled(
    utterance: Utterance, request: TurnRequest, stages: Stages, hedge: Hedge, observer: Observer
) -> Interpretation | None:
    """Return an utterance with its last word on it, the lanes' included; None when nobody spoke. Raises TurnError."""
    # A chunk of a file waits for those before it, which is no fault of its own.
    end_s = utterance.ending.end_s if request.mode is Mode.LIVE else stages.clock()
    one = await _in_time(utterance, request, stages, hedge, end_s)
    if one is None:
        return None
    if one.decision.action is Action.ESCALATE and not one.decision.to_client:
        observer.on_asking(one.decision.lane)
        try:
            one = await _escalated(one, request, stages, hedge, end_s)
        except TurnTimeoutError:  # no lane has stood in for a late decode, which may have come meanwhile
            one = await _late(utterance, request, stages, end_s)
    else:
        hedge.drop()
    return await _kept(one, request, stages, end_s) if one.decision.action is Action.DEFER else one


async def _kept(one: Interpretation, request: TurnRequest, stages: Stages, end_s: float) -> Interpretation:
    """Return an utterance that is on the disk, or with what to do where it cannot wait. Raises TurnError."""
    language = request.language or one.hypothesis.language or None
    until_s = _deadline_s(request, stages, end_s) + stages.turn.reserve_seconds / 2
    unkept = "this server keeps no requests"
    try:
        if stages.queue is not None:
            async with asyncio.timeout(max(0.0, until_s - stages.clock())):
                kept = await stages.queue.keep(one, turn_id=request.turn_id, caller=request.caller, language=language)
            return replace(one, kept=kept)
    except TimeoutError:
        unkept = "the disk was too slow to keep it"
    except EdgeVoiceError as error:
        unkept = str(error)
    in_vain = one.answer.reason if one.answer else "no lane was ready"
    return replace(one, decision=decision_on(one, request, stages.judgement, in_vain=in_vain, unkept=unkept))


async def _escalated(
    one: Interpretation, request: TurnRequest, stages: Stages, hedge: Hedge, end_s: float
) -> Interpretation:
    """Return an interpretation with the lanes' text, or with what to do without it. Raises TurnError."""
    asked_s = stages.clock()
    answer = LaneAnswer()
    if hedge.covers(one.speech):
        answer = replace(await hedge.answer(_deadline_s(request, stages, end_s) - asked_s), attempts=())
    else:
        hedge.drop()  # it was for less than was said
    if not answer.text:
        forced = mode_of(stages.judgement.policy, request.caller) is RoutingMode.CLOUD
        why = "mode" if forced else "risk"
        heard = one.hypothesis.language or None
        answer = await _asked(one.speech, request, stages, reason=why, end_s=end_s, detected=heard)
    one = replace(one, answer=answer, asked_s=asked_s, answered_s=stages.clock())
    if not answer.text:
        return replace(one, decision=decision_on(one, request, stages.judgement, in_vain=answer.reason))
    language = answer.language or one.hypothesis.language or request.language or ""
    match = await stages.judgement.grammar.match(answer.text, language, request.vocabulary)
    return replace(one, answer_match=match)


async def _asked(
    speech: Speech,
    request: TurnRequest,
    stages: Stages,
    *,
    reason: str,
    end_s: float,
    detected: str | None = None,
    told: Callable[[LaneAttempt], None] = lambda _attempt: None,
) -> LaneAnswer:
    errand = Errand(
        turn_id=request.turn_id, caller=request.caller, reason=reason, deadline_s=_deadline_s(request, stages, end_s)
    )
    return await stages.lanes.ask(speech, request.language, request.prompt, errand, detected=detected, told=told)


def _budget_s(request: TurnRequest, stages: Stages) -> float:
    return stages.turn.budget_seconds if request.mode is Mode.LIVE else stages.turn.chunk_budget_seconds


def _deadline_s(request: TurnRequest, stages: Stages, end_s: float) -> float:
    """Return until when a lane's text is of use: the budget's end, less what the hub itself still has to do."""
    return end_s + _budget_s(request, stages) - stages.turn.reserve_seconds


async def _in_time(
    utterance: Utterance, request: TurnRequest, stages: Stages, hedge: Hedge, end_s: float
) -> Interpretation | None:
    """Return an utterance's interpretation; one that a lane is to stand in for when the hub's own is late.

    None when nobody spoke. Raises TurnError.
    """
    left_s = end_s + _budget_s(request, stages) - stages.clock()
    task, speech, judgement = utterance.interpretation, utterance.speech, stages.judgement
    if task is None or speech is None or request.mode is not Mode.LIVE or not stages.turn.lane_seconds:
        return await _within_budget(utterance, left_s)
    await asyncio.wait({task}, timeout=max(0.0, left_s - stages.turn.reserve_seconds - stages.turn.lane_seconds))
    if task.done() or not may_stand_in(request, judgement, speech, clients=False):
        return await _within_budget(utterance, end_s + _budget_s(request, stages) - stages.clock())
    alone = replace(judgement, edge=_NotInTime(), hedge=replace(judgement.hedge, hedge=False))
    return await interpret(speech, request, alone, hedge)


async def _late(utterance: Utterance, request: TurnRequest, stages: Stages, end_s: float) -> Interpretation:
    """Return what the hub made of an utterance by itself, after no lane could stand in. Raises TurnError."""
    one = await _within_budget(utterance, end_s + _budget_s(request, stages) - stages.clock())
    if one is None:
        raise TurnTimeoutError(_TOO_SLOW)
    return replace(one, decision=decision_on(one, request, stages.judgement, in_vain="no lane has answered in time"))


class _NotInTime:
    """Stands for a model whose decode has not come in time; satisfies EdgeModel."""

    name = ""
    languages: tuple[str, ...] = ()
    hallucination_phrases: Mapping[str, Sequence[str]] = MappingProxyType({})

    async def decode(self, request: DecodeRequest) -> Hypothesis:
        """Return nothing. Raises TurnTimeoutError."""
        raise TurnTimeoutError(f"{_TOO_SLOW} ({len(request.samples) / SAMPLE_RATE_HZ:.1f} s of speech)")


_TOO_SLOW = (
    "No text within the turn's budget: the hub is too slow for this model, or too busy; "
    "`edge-voice tune` picks one that fits"
)


async def _within_budget(utterance: Utterance, left_s: float) -> Interpretation | None:
    """Await the interpretation of an utterance for as long as is left. Raises TurnTimeoutError."""
    if utterance.interpretation is None:
        return None
    done, _ = await asyncio.wait({utterance.interpretation}, timeout=max(0.0, left_s))
    if not done:
        raise TurnTimeoutError(_TOO_SLOW)
    return utterance.interpretation.result()
