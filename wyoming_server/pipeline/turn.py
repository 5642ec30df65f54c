"""One turn, from audio to outcome: listen, recognise, measure, score, decide, conclude."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from ..errors import TurnTimeoutError
from .audio import FrameQueue
from .checked import Checked, ranged
from .edge_asr import EdgeModel, recognise
from .endpoint import EndpointSettings, Sensitivity, VadModel
from .finish import finished_probability
from .grammar import Grammar, Vocabulary
from .listen import Listener, ListenSettings, Mode, OnVoice, Utterance
from .policy import FIRST_TRY, UNCALIBRATED, Standing, Workload, WorkloadClass
from .quality import measure
from .risk import GENERIC, score
from .route import decide
from .transcript import conclude
from .types import Action, Interpretation, Outcome, Speech


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSettings(Checked):
    """What a turn may take."""

    budget_seconds: float = ranged(3.0, at_least=0.2, at_most=30.0)
    """From the end of speech (or audio-stop) to a transcript or an error."""
    chunk_budget_seconds: float = ranged(30.0, at_least=1.0, at_most=300.0)
    """The same for each chunk of a file, which is up to 28 s long and nobody waits for."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The parts that a turn calls, and their settings."""

    vad: VadModel
    edge: EdgeModel
    grammar: Grammar
    endpoint: EndpointSettings
    listen: ListenSettings
    turn: TurnSettings
    clock: Callable[[], float]
    """Monotonic seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Who is told of a turn while it runs; must not block."""

    on_voice: OnVoice = lambda _voice, _sample: None
    on_text: Callable[[str], None] = lambda _text: None
    """Gets the text of each utterance that is kept, as it comes."""


async def run_turn(audio: FrameQueue, request: TurnRequest, stages: Stages, observer: Observer) -> Outcome:
    """Turn one stream of frames into one outcome within the budget. Raises TurnError."""
    listener = Listener(
        audio,
        stages.vad.open(),
        lambda speech: _interpret(speech, request, stages),
        settings=stages.listen,
        endpoint=stages.endpoint,
        clock=stages.clock,
        mode=request.mode,
        sensitivity=request.sensitivity,
        answer_early=request.answer_early,
        on_voice=observer.on_voice,
    )
    heard: list[Interpretation] = []
    async with aclosing(listener.utterances()) as utterances:
        async for utterance in utterances:
            # A chunk of a file waits for those before it, which is no fault of its own.
            from_s = utterance.ending.end_s if request.mode is Mode.LIVE else stages.clock()
            budget = stages.turn.budget_seconds if request.mode is Mode.LIVE else stages.turn.chunk_budget_seconds
            interpretation = await _within_budget(utterance, from_s + budget - stages.clock())
            if interpretation is None:
                continue
            heard.append(interpretation if request.mode is Mode.LIVE else _without_audio(interpretation))
            if interpretation.decision.action is not Action.DISCARD:
                observer.on_text(interpretation.hypothesis.text)
    return conclude(request.turn_id, heard, utterance.ending, now_s=stages.clock())


def _without_audio(interpretation: Interpretation) -> Interpretation:
    """Drop a chunk's samples: a long file must not grow with its length."""
    nothing = interpretation.speech.samples[:0].copy()
    return replace(interpretation, speech=replace(interpretation.speech, samples=nothing, noise=nothing, active=()))


async def _interpret(speech: Speech, request: TurnRequest, stages: Stages) -> Interpretation:
    """Make of one utterance all that can be made of it on the hub."""
    started_s = stages.clock()
    hypothesis = await recognise(
        stages.edge, speech, language=request.language, languages=request.languages, prompt=request.prompt
    )
    finished_s = stages.clock()
    quality = measure(speech)
    home = request.vocabulary
    match = await stages.grammar.match(hypothesis.text, hypothesis.language, home)
    risk = score(
        hypothesis,
        quality,
        match,
        speech=speech,
        standing=Standing(),
        history=FIRST_TRY,
        scorecard=GENERIC,
        calibration=UNCALIBRATED,
    )
    return Interpretation(
        speech=speech,
        hypothesis=hypothesis,
        match=match,
        quality=quality,
        risk=risk,
        workload=Workload(kind=WorkloadClass.COMMAND),
        decision=decide(hypothesis, risk),
        finished=finished_probability(hypothesis, match, speech, (*home.names, *home.areas)),
        started_s=started_s,
        finished_s=finished_s,
    )


async def _within_budget(utterance: Utterance, left_s: float) -> Interpretation | None:
    """Await the interpretation of an utterance for as long as is left. Raises TurnTimeoutError."""
    if utterance.interpretation is None:
        return None
    done, _ = await asyncio.wait({utterance.interpretation}, timeout=max(0.0, left_s))
    if not done:
        raise TurnTimeoutError(
            "No text within the turn's budget: the hub is too slow for this model, or too busy; "
            "`edge-voice tune` picks one that fits"
        )
    return utterance.interpretation.result()
