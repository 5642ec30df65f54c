"""Turns through the whole pipeline, learned from: the threshold goes where the lane's texts send it."""

import asyncio
import dataclasses
from dataclasses import dataclass, field

import numpy as np

from tests.server.learning.school import AUDITS, CELL, School, school
from tests.server.pipeline.doubles import (
    ScriptedGrammar,
    ScriptedModel,
    ScriptedVad,
    in_one_burst,
    now_s,
    on_virtual_time,
    stream,
)
from tests.server.pipeline.lane_doubles import BY_CONFIDENCE, CALLER, ScriptedLane, judgement_of, lane_settings
from wyoming_server.learning.threshold import ThresholdSettings
from wyoming_server.pipeline.audio import FrameQueue
from wyoming_server.pipeline.endpoint import EndpointSettings
from wyoming_server.pipeline.interpret import TurnRequest
from wyoming_server.pipeline.listen import ListenSettings
from wyoming_server.pipeline.policy import Threshold
from wyoming_server.pipeline.turn import Observer, Stages, TurnSettings, run_turn
from wyoming_server.pipeline.types import Outcome, Route

SENTENCE = "turn on the kitchen light"
GRAMMAR = ScriptedGrammar(complete=frozenset({SENTENCE}))
LISTEN = ListenSettings()
QUICK = dataclasses.replace(AUDITS, step=0.005)
UNAUDITED = dataclasses.replace(QUICK, audits=False)
SURE, LESS_SURE, UNSURE = -0.001, -0.004, -0.1
"""Log-probabilities of a word: within the threshold to begin with, just above it, far above it."""
WRONG = "open the garage"


@dataclass(kw_only=True)
class Months:
    """Turns, each a minute after the one before."""

    one: School
    lane: ScriptedLane
    outcomes: list[Outcome] = field(default_factory=list)

    async def say(self, log_probability: float, *, lane_hears: str, pause_s: float = 60.0) -> None:
        """Speak, and let the turn be learned from."""
        self.lane.text = lane_hears
        heard = stream(f"0.6 {SENTENCE} 1.2", seed=len(self.outcomes))
        model = ScriptedModel(heard=heard, log_probability=log_probability)
        queue = FrameQueue(limit_frames=LISTEN.queue_frames)
        await in_one_burst(queue, heard)
        queue.stop(now_s())
        stages = Stages(
            vad=ScriptedVad(heard=heard),
            judgement=judgement_of(model, GRAMMAR, self.one.lanes, learned=self.one.learner),
            lanes=self.one.lanes,
            endpoint=EndpointSettings(),
            listen=LISTEN,
            turn=TurnSettings(),
            clock=now_s,
        )
        request = TurnRequest(turn_id=f"turn-{len(self.outcomes)}", language="en", caller=CALLER)
        outcome = await run_turn(queue, request, stages, Observer())
        self.one.learner.take(outcome)
        self.outcomes.append(outcome)
        await asyncio.sleep(pause_s)

    def routes(self, log_probability: float) -> str:
        """Return who answered turns of that kind, a letter each: Edge or Cloud."""
        told = [
            one
            for one in self.outcomes
            if one.hypothesis and one.hypothesis.tokens[0].log_probability == log_probability
        ]
        return "".join("C" if one.route is Route.CLOUD else "E" for one in told)

    @property
    def threshold(self) -> Threshold:
        return self.one.learner.threshold(CELL)


async def after(
    turns: int, hears: dict[float, str], *, settings: ThresholdSettings = QUICK, twice: bool = False
) -> tuple[Months, Threshold, Threshold]:
    """Return what turns of several kinds made of the threshold: before, and after."""
    lane = ScriptedLane(settings=lane_settings(deadline_seconds=5.0))
    random = np.random.default_rng(3)
    lanes = () if twice else (lane,)
    async with school(*lanes, settings=settings, grammar=GRAMMAR, scorecard=lambda _model: BY_CONFIDENCE) as one:
        months = Months(one=one, lane=lane)
        before = months.threshold
        for _ in range(turns):
            kind = float(random.choice(sorted(hears)))
            if twice:
                await months.say(kind, lane_hears=hears[kind], pause_s=4.0)
            await months.say(kind, lane_hears=hears[kind])
        return months, before, months.threshold


def test_a_lane_that_hears_something_else_takes_the_hub_s_answers_away() -> None:
    months, before, then = on_virtual_time(after(30, {SURE: WRONG}))
    assert then.logit < before.logit
    assert then.calibration.probability(-5.0) > 2.0 * before.calibration.probability(-5.0)
    routes = months.routes(SURE)
    assert (routes[0], routes[-10:]) == ("E", "C" * 10)


def test_a_lane_that_hears_the_same_leaves_more_to_the_hub() -> None:
    months, before, then = on_virtual_time(after(60, {LESS_SURE: SENTENCE}))
    assert then.logit > before.logit
    assert then.calibration.probability(-3.0) < before.calibration.probability(-3.0)
    routes = months.routes(LESS_SURE)
    assert (routes[0], routes[-10:]) == ("C", "E" * 10)
    assert {count.audit for count in months.one.counts} == {False}


def test_what_is_heard_rightly_stays_on_the_hub_and_what_is_not_does_not() -> None:
    months, _, then = on_virtual_time(after(60, {SURE: SENTENCE, UNSURE: WRONG}))
    assert set(months.routes(SURE)) == {"E"}
    assert set(months.routes(UNSURE)) == {"C"}
    assert then.calibration.probability(0.0) > 0.5
    assert months.one.knowledge.disagreements.languages()


def test_without_audits_what_is_said_again_moves_it_and_no_guarantee_is_claimed() -> None:
    _, before, then = on_virtual_time(after(30, {SURE: SENTENCE}, settings=UNAUDITED, twice=True))
    _, _, unhurried = on_virtual_time(after(30, {SURE: SENTENCE}, settings=UNAUDITED))
    assert not then.guaranteed
    assert "no guarantee" in then.reason
    assert then.logit < before.logit
    assert then.logit < unhurried.logit
