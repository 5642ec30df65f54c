"""A learner with real parts on a clock that a test moves, and finished turns to teach it with."""

import asyncio
import datetime as dt
import itertools
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.server.pipeline.doubles import ScriptedGrammar, now_s
from tests.server.pipeline.lane_doubles import CALLER, ListedLedger, ScriptedLane, lanes_of
from wyoming_server.errors import DiskError
from wyoming_server.learning.budget import BudgetSettings, CloudBudget
from wyoming_server.learning.disagreement import Disagreements
from wyoming_server.learning.knowledge import Knowledge
from wyoming_server.learning.learner import Learner
from wyoming_server.learning.microphones import Microphones
from wyoming_server.learning.pace import LearnerSettings
from wyoming_server.learning.percentiles import Percentiles
from wyoming_server.learning.sessions import Sessions
from wyoming_server.learning.threshold import AdaptiveThreshold, ThresholdSettings
from wyoming_server.learning.thresholds import Thresholds
from wyoming_server.pipeline.cloud import Lanes
from wyoming_server.pipeline.grammar import Grammar, Vocabulary
from wyoming_server.pipeline.policy import (
    FIRST_TRY,
    Caller,
    Cell,
    Threshold,
    Trust,
    Workload,
    WorkloadClass,
)
from wyoming_server.pipeline.scorecard import Scorecard
from wyoming_server.pipeline.timeline import Timeline
from wyoming_server.pipeline.types import (
    FRAME_SAMPLES,
    Action,
    Continuation,
    Decision,
    EndedBy,
    GrammarMatch,
    Hypothesis,
    Interpretation,
    LaneAnswer,
    LaneAttempt,
    Outcome,
    Quality,
    Risk,
    Route,
    Speech,
    Token,
)

CLEAN = Quality(
    snr_db=30.0, clipping=0.0, level_dbfs=-20.0, peak_dbfs=-10.0, noise_dbfs=-50.0, speech_ratio=1.0, dc_offset=0.0
)
SAID = "turn on the kitchen light"
MISHEARD = "turn on the chicken light"
CELL = Cell(language="en")
CARD = Scorecard(base=-6.0, turns=1)
ANOTHER_CARD = Scorecard(base=-5.0, turns=1, model="another")
WITHIN = Threshold(logit=0.0, value=0.5)
AUDITS = ThresholdSettings(audits=True, early_audits=1.0, late_audits=1.0, step=0.05, refit_turns=1)
WINDOW_SECONDS = 15.0 + 4.0
"""How long a turn stays open: until it may be said again, and for as long as that may take."""

_NUMBERS = itertools.count()


def turn(
    text: str = SAID,
    *,
    caller: Caller = CALLER,
    logit: float = -4.0,
    threshold: Threshold = WITHIN,
    action: Action = Action.ACCEPT,
    heard: str = "",
    kept: bool = True,
    rules: tuple[str, ...] = (),
    at_s: float | None = None,
    by_mode: bool = False,
) -> Outcome:
    """Return a turn that ends now or then; `heard` is a lane's text, `kept` says whether it may be learned from."""
    end_s = now_s() if at_s is None else at_s
    # Shorter than what prints are made of, so that texts alone tell what is said again.
    samples = np.full(7 * FRAME_SAMPLES, 500, np.int16)
    hypothesis = Hypothesis(
        text=text,
        language="en",
        model="scripted",
        tokens=tuple(Token(text=f" {word}", log_probability=-0.1, entropy=0.1, margin=0.9) for word in text.split()),
    )
    match = GrammarMatch(
        continuation=Continuation.NONE, intent="HassTurnOn", slots={"name": text.rsplit(maxsplit=1)[-1]}
    )
    risk = Risk(value=0.1, reason="", logit=logit, rules=rules)
    workload = Workload(kind=WorkloadClass.COMMAND)
    decision = Decision(action=action, reason="as the test says", threshold=threshold, by_mode=by_mode)
    attempt = LaneAttempt(lane="cloud", trust=Trust.CLOUD, seconds=25.0, cost=0.01, ending="answered")
    answer = LaneAnswer(text=heard, lane="cloud", language="en", attempts=(attempt,)) if heard else None
    one = Interpretation(
        speech=Speech(
            samples=samples,
            noise=samples[:0],
            start_sample=0,
            end_sample=len(samples),
            voiced_end_sample=len(samples),
            active=(True,) * 7,
        ),
        hypothesis=hypothesis,
        match=match,
        quality=Quality(
            snr_db=30.0,
            clipping=0.0,
            level_dbfs=-20.0,
            peak_dbfs=-10.0,
            noise_dbfs=-50.0,
            speech_ratio=1.0,
            dc_offset=0.0,
        ),
        risk=risk,
        workload=workload,
        cell=CELL,
        history=FIRST_TRY,
        decision=decision,
        finished=1.0,
        started_s=end_s,
        finished_s=end_s,
        answer=answer,
        answer_match=match if heard == text else GrammarMatch(continuation=Continuation.EXPECTED),
    )
    return Outcome(
        turn_id=f"turn-{next(_NUMBERS)}",
        text=heard or text,
        language="en",
        decision=decision,
        route=Route.CLOUD if heard else Route.EDGE,
        risk=risk,
        quality=one.quality,
        hypothesis=hypothesis,
        match=match,
        ended_by=EndedBy.HOLD,
        timeline=Timeline(voiced_end_s=end_s, decode_start_s=end_s, hypothesis_s=end_s, end_s=end_s, outcome_s=end_s),
        workload=workload,
        cell=CELL,
        caller=caller,
        answer=answer,
        interpretation=one if kept else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One accepted turn as it was counted."""

    proxy: bool | None
    audit: bool | str | None
    """What the audit showed; `none` without one."""
    chance: float
    loss: float
    at_s: float


class WatchedThresholds(Thresholds):
    """Thresholds that keep what they were told of accepted turns, and do what they do."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.counts: list[Count] = []

    def of(self, card: Scorecard) -> AdaptiveThreshold:
        """Return a scorecard's threshold."""
        known = super().of(card)
        if "accepted" not in vars(known):
            known.accepted = self._counting(known.accepted)
        return known

    def _counting(self, accepted: Callable[..., float]) -> Callable[..., float]:
        def count(cell: Cell, logit: float, **told: Any) -> float:
            loss = accepted(cell, logit, **told)
            audit = told.get("audit")
            self.counts.append(
                Count(
                    proxy=told["proxy"],
                    audit="none" if audit is None else audit.wrong,
                    chance=told["audit_probability"],
                    loss=loss,
                    at_s=now_s(),
                )
            )
            return loss

        return count


@dataclass(kw_only=True)
class KeptSnapshots:
    """Keeps states in a dict; `full` makes it a full disk."""

    states: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    saved_s: list[float] = field(default_factory=list)
    full: bool = False

    async def load(self, name: str) -> Mapping[str, Any] | None:
        return self.states.get(name)

    async def save(self, name: str, state: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)
        if self.full:
            raise DiskError("the disk is full, as the test says")
        self.states[name] = state
        if name == "percentiles":
            self.saved_s.append(now_s())


@dataclass(kw_only=True)
class School:
    """A learner at work."""

    learner: Learner
    lanes: Lanes
    knowledge: Knowledge
    ledger: ListedLedger
    snapshots: KeptSnapshots
    counts: list[Count]
    task: asyncio.Task[None]

    @property
    def threshold(self) -> AdaptiveThreshold:
        return self.knowledge.thresholds.of(CARD)

    async def teach(self, *turns: Outcome) -> None:
        """Have turns learned from, now."""
        for one in turns:
            self.learner.take(one)
        await settled()

    async def until_closed(self) -> None:
        """Wait until every window has passed, and audits have been answered."""
        await asyncio.sleep(WINDOW_SECONDS + 5.0)

    async def stop(self) -> None:
        """End the task as the server does."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def settled() -> None:
    """Let everything that is due be done."""
    for _ in range(50):
        await asyncio.sleep(0)


@asynccontextmanager
async def school(
    *lanes: ScriptedLane,
    settings: ThresholdSettings = AUDITS,
    learning: LearnerSettings | None = None,
    snapshots: KeptSnapshots | None = None,
    grammar: Grammar | None = None,
    scorecard: Callable[[str], Scorecard] = lambda _model: CARD,
    seed: int = 1,
) -> AsyncIterator[School]:
    """Run a learner; a lane given here is consented to."""
    ledger, kept = ListedLedger(), snapshots or KeptSnapshots()
    knows = lanes_of(*lanes, ledger=ledger)
    thresholds = WatchedThresholds(settings)
    knowledge = Knowledge(
        percentiles=Percentiles(),
        sessions=Sessions(),
        microphones=Microphones(),
        thresholds=thresholds,
        budget=CloudBudget(BudgetSettings()),
        disagreements=Disagreements(),
    )
    learner = Learner(
        knowledge,
        lanes=knows,
        grammar=grammar or ScriptedGrammar(complete=frozenset({SAID})),
        home=Vocabulary(),
        scorecard=scorecard,
        snapshots=kept,
        settings=learning or LearnerSettings(),
        clock=now_s,
        wall=lambda: dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC) + dt.timedelta(seconds=now_s()),
        chance=random.Random(seed),
    )
    one = School(
        learner=learner,
        lanes=knows,
        knowledge=knowledge,
        ledger=ledger,
        snapshots=kept,
        counts=thresholds.counts,
        task=asyncio.create_task(learner.run()),
    )
    try:
        yield one
    finally:
        await one.stop()
        await knows.aclose()
