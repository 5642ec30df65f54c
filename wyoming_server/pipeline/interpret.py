"""One utterance → all that the hub can make of it: recognise, measure, match, score, classify, decide.

Calls stages, as `turn` does. It runs speculatively: nothing may leave the hub here but a hedge that its owner allows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..errors import EdgeVoiceError
from .classify import ClassWords, classify, expected_kind
from .critical import critical_of
from .edge_asr import EdgeModel, recognise
from .endpoint import Sensitivity
from .finish import finished_probability
from .grammar import Grammar, Vocabulary
from .hedge import Hedge, HedgeSettings
from .listen import Mode
from .policy import (
    UNTRUSTED,
    Caller,
    Cell,
    History,
    LaneHealth,
    LaneState,
    Policy,
    Price,
    RoutingMode,
    Standing,
    Threshold,
    WorkloadClass,
)
from .quality import measure
from .risk import pre_decode_risk, score
from .route import decide
from .scorecard import Scorecard
from .types import MIN_SPEECH_SECONDS, Action, Decision, GrammarMatch, Hypothesis, Interpretation, Quality, Speech
from .weighing import mode_of

UNDECIDED = Decision(action=Action.ACCEPT, reason="not decided yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRequest:
    """What the client asked for."""

    turn_id: str
    language: str | None = None
    """None: detect it among `languages`."""
    languages: tuple[str, ...] = ()
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    prompt: tuple[str, ...] = ()
    """Names and terms for the recogniser, most important first."""
    mode: Mode = Mode.LIVE
    answer_early: bool = True
    sensitivity: Sensitivity = Sensitivity.DEFAULT
    caller: Caller = UNTRUSTED
    began_s: float = 0.0
    """Monotonic time when its stream began."""


class Learned(Protocol):
    """What the hub has learned so far. Quick, and changes nothing."""

    def standing(self, hypothesis: Hypothesis) -> Standing:
        """Return where a hypothesis stands among those before it."""

    def history(
        self, caller: Caller, speech: Speech, hypothesis: Hypothesis | None, match: GrammarMatch | None
    ) -> History:
        """Return what the session knew before this turn; before it is decoded, the sound alone tells."""

    def threshold(self, cell: Cell, model: str = "") -> Threshold:
        """Return up to which risk the hub answers by itself, after the model of that name; empty: that serves now."""

    def price(self) -> Price:
        """Return what a second of cloud audio costs now."""


type Health = Callable[[Caller, str | None, float], Sequence[LaneHealth]]
"""(caller, language, seconds of audio) → what routing may know of each lane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The parts that make an interpretation, and their settings."""

    edge: EdgeModel
    scorecard: Callable[[str], Scorecard]
    """Of a model, by its name: more than one may serve. Empty for the one that serves now."""
    grammar: Grammar
    words: Callable[[str], ClassWords]
    """Language → its words for questions and for what is critical."""
    learned: Learned
    health: Health
    policy: Policy
    hedge: HedgeSettings
    clock: Callable[[], float]
    """Monotonic seconds."""
    left_alone: Callable[[], EdgeVoiceError | None] = lambda: None
    """Why the hub's model had better not be asked where a lane can be: it keeps crashing. None: it may."""


async def interpret(speech: Speech, request: TurnRequest, parts: Judgement, hedge: Hedge) -> Interpretation:
    """Make of one utterance all that can be made of it on the hub. Raises EdgeVoiceError when nothing can."""
    started_s = parts.clock()
    quality = measure(speech)
    _hedge(speech, quality, request, parts, hedge)
    failure: EdgeVoiceError | None = None
    try:
        hypothesis = await _recognised(speech, request, parts)
    except EdgeVoiceError as error:
        if not may_stand_in(request, parts, speech):
            raise
        failure, hypothesis = error, Hypothesis(text="", language=request.language or "", model="")
    finished_s = parts.clock()
    home = request.vocabulary
    match = await parts.grammar.match(hypothesis.text, hypothesis.language, home)
    cell = Cell(language=hypothesis.language, microphone_class=request.caller.microphone_class)
    history = parts.learned.history(request.caller, speech, hypothesis, match)
    risk = score(
        hypothesis,
        quality,
        match,
        speech=speech,
        standing=parts.learned.standing(hypothesis),
        history=history,
        scorecard=parts.scorecard(hypothesis.model),
        calibration=parts.learned.threshold(cell, hypothesis.model).calibration,
    )
    heard = Interpretation(
        speech=speech,
        hypothesis=hypothesis,
        match=match,
        quality=quality,
        risk=risk,
        workload=classify(
            hypothesis.text,
            match,
            language=hypothesis.language,
            speech_seconds=speech.vad_speech_seconds,
            words=parts.words(hypothesis.language),
            critical=critical_of(tuple(home.critical)),
        ),
        cell=cell,
        history=history,
        decision=UNDECIDED,
        finished=finished_probability(hypothesis, match, speech, (*home.names, *home.areas)),
        failure=failure,
        started_s=started_s,
        finished_s=finished_s,
    )
    decision = decision_on(heard, request, parts)
    if decision.action is not Action.ESCALATE:
        hedge.drop(speech)
    return replace(heard, decision=decision)


def decision_on(
    heard: Interpretation, request: TurnRequest, parts: Judgement, *, in_vain: str = "", unkept: str = ""
) -> Decision:
    """Return what becomes of an utterance.

    `in_vain` says why every lane that was asked for it failed, `unkept` why it cannot wait for one.

    Raises the model's own failure when there was one and no lane can stand in.
    """
    seconds = heard.speech.seconds
    lanes = parts.health(request.caller, request.language or heard.hypothesis.language or None, seconds)
    if in_vain:
        lanes = [replace(one, state=LaneState.BROKEN, reason=in_vain) for one in lanes]
    if heard.failure is not None:
        lane = next((one for one in lanes if one.state is LaneState.READY), None)
        if lane is None:
            raise heard.failure
        reason = f"asking {lane.name}: the hub's own model failed ({heard.failure.code})"
        return Decision(action=Action.ESCALATE, reason=reason, lane=lane.name, to_client=lane.is_client)
    return decide(
        heard.hypothesis,
        heard.risk,
        workload=heard.workload,
        threshold=parts.learned.threshold(heard.cell, heard.hypothesis.model),
        lanes=lanes,
        policy=parts.policy,
        caller=request.caller,
        history=heard.history,
        price=parts.learned.price(),
        audio_seconds=seconds,
        unkept=unkept,
    )


async def _recognised(speech: Speech, request: TurnRequest, parts: Judgement) -> Hypothesis:
    """Return what the hub's model hears; one that keeps crashing is not asked where a lane can be."""
    known = parts.left_alone()
    if known is not None and may_stand_in(request, parts, speech):
        raise known
    return await recognise(
        parts.edge, speech, language=request.language, languages=request.languages, prompt=request.prompt
    )


def may_stand_in(request: TurnRequest, parts: Judgement, speech: Speech, *, clients: bool = True) -> bool:
    """Tell whether a lane may be asked in place of the hub's own model, be it by the client itself."""
    if mode_of(parts.policy, request.caller) is RoutingMode.EDGE:
        return False
    lanes = parts.health(request.caller, request.language, speech.seconds)
    return any(one.state is LaneState.READY and (clients or not one.is_client) for one in lanes)


def _hedge(speech: Speech, quality: Quality, request: TurnRequest, parts: Judgement, hedge: Hedge) -> None:
    """Send the speech early when that is allowed and the hub is likely to need help with it."""
    if not parts.hedge.hedge or request.mode is Mode.FILE or speech.vad_speech_seconds < MIN_SPEECH_SECONDS:
        return
    if not may_stand_in(request, parts, speech, clients=False):
        return
    risk, _ = pre_decode_risk(quality, speech, parts.learned.history(request.caller, speech, None, None))
    # The hub is not asked to be good at dictation: what is as long as one is likely to go to a lane.
    seconds = speech.vad_speech_seconds
    dictated = expected_kind(seconds) is WorkloadClass.DICTATION and not parts.policy.edge_dictation
    if dictated or risk >= parts.hedge.hedge_at:
        hedge.start(speech)
