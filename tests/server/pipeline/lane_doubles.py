"""Lanes and a ledger that follow a script on virtual time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.server.pipeline.doubles import now_s
from wyoming_server.engines.class_vocabulary import class_words
from wyoming_server.errors import CapReachedError, EdgeVoiceError, LaneError
from wyoming_server.pipeline.cloud import Lanes
from wyoming_server.pipeline.edge_asr import EdgeModel
from wyoming_server.pipeline.grammar import Grammar
from wyoming_server.pipeline.hedge import HedgeSettings
from wyoming_server.pipeline.interpret import Judgement, Learned
from wyoming_server.pipeline.lanes import (
    Errand,
    GuardedLane,
    LaneRequest,
    LaneSettings,
    LanesSettings,
    LaneText,
    Upload,
)
from wyoming_server.pipeline.policy import (
    FIRST_TRY,
    UNCALIBRATED,
    Caller,
    Cell,
    History,
    Policy,
    Price,
    Standing,
    Threshold,
)
from wyoming_server.pipeline.scorecard import Curve, Scorecard
from wyoming_server.pipeline.types import FRAME_SAMPLES, GrammarMatch, Hypothesis, Speech
from wyoming_server.resilience.breaker import LaneBreaker

CALLER = Caller(trusted=True, session="s", satellite="kitchen")


def lane_settings(name: str = "cloud", **fields: object) -> LaneSettings:
    given = {"provider": "openai", "consent": "2026-11-01", "price_per_minute": 0.006} | fields
    return LaneSettings(name=name, **given)


@dataclass(kw_only=True)
class ScriptedLane:
    """Answers after a while, or fails, call by call."""

    settings: LaneSettings = field(default_factory=lane_settings)
    delays_s: Sequence[float] = (0.35,)
    """One per call; the last one stays."""
    failures: Sequence[Exception | None] = (None,)
    text: str = "turn on the kitchen light"
    language: str | None = "en"
    asked: list[LaneRequest] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)
    warmed: int = 0
    closed: bool = False

    async def warm(self) -> None:
        self.warmed += 1

    async def transcribe(self, request: LaneRequest) -> LaneText:
        index = len(self.asked)
        self.asked.append(request)
        try:
            await asyncio.sleep(self.delays_s[min(index, len(self.delays_s) - 1)])
        except asyncio.CancelledError:
            self.endings.append("cancelled")
            raise
        failure = self.failures[min(index, len(self.failures) - 1)]
        if failure is not None:
            self.endings.append("failed")
            raise failure
        self.endings.append("answered")
        return LaneText(text=self.text, language=self.language)

    async def aclose(self) -> None:
        self.closed = True


@dataclass(kw_only=True)
class ListedLedger:
    """Keeps uploads in a list; refuses beyond its seconds."""

    seconds: float = 1e9
    uploads: list[Upload] = field(default_factory=list)
    endings: dict[int, str] = field(default_factory=dict)

    async def open(self, upload: Upload) -> int:
        await asyncio.sleep(0)
        if sum(one.seconds for one in self.uploads) + upload.seconds > self.seconds:
            raise CapReachedError("the day's seconds are spent", lane=upload.lane)
        self.uploads.append(upload)
        return len(self.uploads) - 1

    async def close(self, number: int, ending: str, seconds_taken: float) -> None:
        await asyncio.sleep(0)
        self.endings[number] = ending


def lanes_of(
    *lanes: ScriptedLane,
    ledger: ListedLedger | None = None,
    next_after_seconds: float = 1.0,
    clock: Callable[[], float] = now_s,
    clients: Sequence[str] = (),
) -> Lanes:
    """Guard scripted lanes, and those of these names that the caller asks by itself."""
    own = [GuardedLane(settings=one.settings, lane=one, breaker=LaneBreaker()) for one in lanes]
    theirs = [GuardedLane(settings=lane_settings(one), lane=None, breaker=LaneBreaker()) for one in clients]
    return Lanes(
        [*own, *theirs],
        ListedLedger() if ledger is None else ledger,
        clock=clock,
        capped=lambda _settings, _seconds: "",
        settings=LanesSettings(next_after_seconds=next_after_seconds),
    )


def errand(caller: Caller = CALLER, *, within_s: float = 2.2, reason: str = "risk") -> Errand:
    return Errand(turn_id="turn", caller=caller, reason=reason, deadline_s=now_s() + within_s)


def speech(seconds: float = 1.6, *, silence_frames: int = 20) -> Speech:
    """Return speech between two stretches of silence."""
    frames = round(seconds * 16_000 / FRAME_SAMPLES)
    active = (False,) * silence_frames + (True,) * frames + (False,) * silence_frames
    samples = np.repeat(np.where(active, 4000, 3).astype(np.int16), FRAME_SAMPLES)
    return Speech(
        samples=samples,
        noise=samples[:0],
        start_sample=0,
        end_sample=len(samples),
        voiced_end_sample=len(samples),
        active=active,
    )


def lane_error[E: LaneError](kind: type[E], *, retry_after_s: float | None = None) -> E:
    return kind("as the script says", lane="cloud", retry_after_s=retry_after_s)


@dataclass(kw_only=True)
class Lesson:
    """What was learned, as a test writes it down."""

    most_logit: float = 0.0
    """Log-odds up to which the hub answers by itself."""
    known: History = FIRST_TRY
    seconds_cost: float = 0.0

    def standing(self, hypothesis: Hypothesis) -> Standing:
        return Standing()

    def history(
        self, caller: Caller, speech: Speech, hypothesis: Hypothesis | None, match: GrammarMatch | None
    ) -> History:
        return self.known

    def threshold(self, cell: Cell, model: str = "") -> Threshold:
        return Threshold(logit=self.most_logit, value=UNCALIBRATED.probability(self.most_logit))

    def price(self) -> Price:
        return Price(per_second=self.seconds_cost)


BY_CONFIDENCE = Scorecard(base=-6.0, curves={"weakest_word": Curve(knots=(-2.5, -0.1), log_odds=(0.0, 9.0))}, turns=1)
"""Risky is what holds an unsure word, and nothing else."""


def judgement_of(
    model: EdgeModel,
    grammar: Grammar,
    lanes: Lanes,
    *,
    policy: Policy | None = None,
    hedge: HedgeSettings | None = None,
    learned: Learned | None = None,
    clock: Callable[[], float] = now_s,
    left_alone: EdgeVoiceError | None = None,
) -> Judgement:
    return Judgement(
        edge=model,
        scorecard=lambda _model: BY_CONFIDENCE,
        grammar=grammar,
        words=class_words,
        learned=learned or Lesson(),
        health=lanes.health,
        policy=policy or Policy(),
        hedge=hedge or HedgeSettings(),
        clock=clock,
        left_alone=lambda: left_alone,
    )
