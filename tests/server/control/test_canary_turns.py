"""What the canary is told of turns."""

import asyncio
import datetime as dt
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.server.learning.school import CARD, MISHEARD, SAID, turn
from tests.server.pipeline.lane_doubles import CALLER
from wyoming_server.bundles.arms import CandidateArm
from wyoming_server.bundles.bundle_settings import BundleSettings
from wyoming_server.bundles.state import Stage
from wyoming_server.canary.canary import Arm, Canary
from wyoming_server.canary.canary_book import TurnSeen
from wyoming_server.control.canary_turns import CanarySays, CanaryTurns
from wyoming_server.errors import (
    DecodeError,
    EdgeVoiceError,
    ModelMissingError,
    NeedsConfirmationError,
    OverloadedError,
    UnsupportedLanguageError,
)
from wyoming_server.learning.sessions import ClosedTurn
from wyoming_server.learning.threshold import ThresholdSettings
from wyoming_server.pipeline.interpret import TurnRequest
from wyoming_server.pipeline.listen import Mode
from wyoming_server.pipeline.policy import UNTRUSTED
from wyoming_server.pipeline.scorecard import Scorecard
from wyoming_server.pipeline.timeline import Spans
from wyoming_server.pipeline.types import DecodeRequest, Hypothesis, Outcome

NOW = dt.datetime(2026, 11, 22, 10, tzinfo=dt.UTC)
OLD, NEW = "home-en@1.0.0", "home-en@1.1.0"
REQUEST = DecodeRequest(samples=np.zeros(1600, np.int16))
RISKY = Scorecard(base=3.0, turns=1)


class Told(Canary):
    """A canary that writes down what it is told."""

    def __init__(self) -> None:
        super().__init__(BundleSettings())
        self.told: list[tuple[str, TurnSeen]] = []
        self.pairs: list[tuple[TurnSeen, TurnSeen]] = []
        self.triggers: list[str] = []

    def served(self, arm: Arm | str, turn: TurnSeen) -> None:
        self.told.append((str(arm), turn))
        super().served(arm, turn)

    def shadowed(self, *, incumbent: TurnSeen, candidate: TurnSeen) -> None:
        self.pairs.append((incumbent, candidate))
        super().shadowed(incumbent=incumbent, candidate=candidate)

    def trigger(self, code: str, message: str) -> None:
        self.triggers.append(code)
        super().trigger(code, message)


def fed(stage: Stage | None = None, *, lanes: bool = False, new_card: Scorecard = CARD) -> tuple[Told, CanaryTurns]:
    """Return a canary, with a candidate where there is a stage, and what feeds it."""
    canary = Told()
    if stage:
        canary.begin(NEW, NOW, incumbent=OLD, stage=stage)
    says = CanarySays(
        scorecard=lambda model: new_card if model == NEW else CARD,
        threshold=ThresholdSettings,
        has_lanes=lambda: lanes,
    )
    return canary, CanaryTurns(canary, says, on_moved=lambda: None)


def heard_by(model: str, outcome: Outcome) -> Outcome:
    """Return a turn as another model heard it."""
    assert outcome.interpretation is not None
    assert outcome.hypothesis is not None
    hypothesis = replace(outcome.hypothesis, model=model)
    return replace(
        outcome, hypothesis=hypothesis, interpretation=replace(outcome.interpretation, hypothesis=hypothesis)
    )


def said(model: str = OLD, **how: Any) -> Outcome:
    return heard_by(model, turn(at_s=0.0, **how))


def spans(inference_ms: float = 20.0) -> Spans:
    return Spans(inference_ms=inference_ms)


def test_a_turn_without_a_candidate_is_baseline() -> None:
    canary, turns = fed()
    turns.ended(said(), spans())
    assert canary.told == [("incumbent", TurnSeen(escalated=False, disagreed=None, slow=None, error=False))]
    assert canary.incumbent == OLD


def test_turns_of_strangers_and_of_files_count_for_nothing() -> None:
    canary, turns = fed()
    turns.ended(said(caller=UNTRUSTED), spans())
    turns.ended(replace(said(), interpretation=None), spans())
    turns.failed(TurnRequest(turn_id="a", caller=UNTRUSTED), DecodeError("as the test says"), OLD)
    turns.failed(TurnRequest(turn_id="a", caller=CALLER, mode=Mode.FILE), DecodeError("as the test says"), OLD)
    assert canary.told == []


def test_a_turn_is_whose_model_heard_it() -> None:
    canary, turns = fed(Stage.SERVING)
    for model in (OLD, NEW, "something-else"):
        turns.ended(said(model), spans())
    assert [arm for arm, _ in canary.told] == ["incumbent", "candidate"]


def test_what_is_risky_is_asked_of_each_models_own_scorecard_with_nothing_learned() -> None:
    canary, turns = fed(Stage.SERVING, new_card=RISKY)
    turns.ended(said(OLD), spans())
    turns.ended(said(NEW), spans())
    assert [seen.escalated for _, seen in canary.told] == [False, True]


@pytest.mark.parametrize(
    ("heard", "lanes", "disagreed"), [(MISHEARD, True, True), (SAID, True, False), ("", True, False), ("", False, None)]
)
def test_a_lane_that_hears_something_else_disagrees(heard: str, lanes: bool, disagreed: bool | None) -> None:
    canary, turns = fed(lanes=lanes)
    turns.ended(said(heard=heard), spans())
    assert canary.told[0][1].disagreed is disagreed


def test_what_was_asked_for_the_mode_alone_is_as_if_nobody_had_been_asked() -> None:
    canary, turns = fed(lanes=True)
    turns.ended(said(heard=MISHEARD, by_mode=True), spans())
    turns.ended(said(heard=MISHEARD, by_mode=True, logit=2.0), spans())
    assert [seen.disagreed for _, seen in canary.told] == [False, True]


def test_slow_is_twice_what_is_usual_of_the_incumbent_for_both() -> None:
    canary, turns = fed(Stage.SERVING)
    for _ in range(20):
        turns.ended(said(OLD), spans(100.0))
    canary.told.clear()
    for model, took_ms in ((OLD, 190.0), (OLD, 210.0), (NEW, 190.0), (NEW, 210.0)):
        turns.ended(said(model), spans(took_ms))
    assert [seen.slow for _, seen in canary.told] == [False, True, False, True]


def test_a_candidate_whose_decodes_are_far_too_slow_is_left_at_once() -> None:
    canary, turns = fed(Stage.SERVING)
    for _ in range(60):
        turns.ended(said(OLD), spans(100.0))
    for place in range(50):
        turns.ended(said(NEW), spans(250.0 if place % 10 == 0 else 90.0))
    assert canary.triggers == ["slow"]


def test_a_turn_that_was_said_again_counts_once_more_when_its_window_has_closed() -> None:
    canary, turns = fed(Stage.SERVING)
    one, other = said(NEW), said(OLD)
    for outcome in (one, other):
        turns.ended(outcome, spans())
    canary.told.clear()
    turns.judged(ClosedTurn(turn_id=one.turn_id, language="en", wrong=True))
    turns.judged(ClosedTurn(turn_id=other.turn_id, language="en", wrong=None))
    turns.judged(ClosedTurn(turn_id=one.turn_id, language="en", wrong=True))
    turns.judged(ClosedTurn(turn_id="unknown", language="en", wrong=True))
    assert canary.told == [("candidate", TurnSeen(failed=True))]


def test_a_turn_of_a_candidate_that_is_gone_counts_for_nothing() -> None:
    canary, turns = fed(Stage.SERVING)
    one = said(NEW)
    turns.ended(one, spans())
    canary.end("owner", NOW)
    canary.told.clear()
    turns.judged(ClosedTurn(turn_id=one.turn_id, language="en", wrong=True))
    assert canary.told == []


@pytest.mark.parametrize(
    ("failure", "error"), [(DecodeError, True), (OverloadedError, None), (NeedsConfirmationError, None)]
)
def test_only_what_its_model_is_to_blame_for_is_an_error(failure: type[EdgeVoiceError], error: bool | None) -> None:
    canary, turns = fed(Stage.WATCH)
    turns.failed(TurnRequest(turn_id="a", caller=CALLER), failure("as the test says"), NEW)
    assert canary.told == ([("candidate", TurnSeen(error=True))] if error else [])
    turns.judged(ClosedTurn(turn_id="a", language="en", wrong=True))
    assert canary.told[-1] == ("candidate", TurnSeen(failed=True))


def test_a_turn_that_the_incumbent_saved_is_the_candidates_error_and_nobodys_turn() -> None:
    canary, turns = fed(Stage.SERVING)
    outcome = said(OLD)
    turns.stood_in(TurnRequest(turn_id=outcome.turn_id, caller=CALLER), NEW)
    turns.ended(outcome, spans())
    assert canary.told == [("candidate", TurnSeen(error=True))]


def test_a_pair_is_compared_only_where_a_lane_was_asked() -> None:
    canary, turns = fed(Stage.SHADOW)
    alone, asked = said().interpretation, said(heard=MISHEARD).interpretation
    assert alone is not None
    assert asked is not None
    candidate = replace(alone.hypothesis, model=NEW, text=MISHEARD)
    turns.shadowed(alone, candidate, alone.match)
    turns.shadowed(asked, candidate, asked.answer_match or asked.match)
    turns.shadow_failed(alone)
    assert [(one.disagreed, other.disagreed) for one, other in canary.pairs] == [
        (None, None),
        (True, False),
        (None, None),
    ]
    assert [other.error for _, other in canary.pairs] == [False, False, True]
    assert json.dumps(canary.snapshot())


class Model:
    """A recogniser that answers, or fails."""

    languages = ("en",)

    def __init__(self, name: str, failure: Exception | None = None) -> None:
        self.hallucination_phrases: dict[str, tuple[str, ...]] = {}
        self._name, self.failure, self.asked = name, failure, 0

    @property
    def name(self) -> str:
        if isinstance(self.failure, ModelMissingError):
            raise self.failure
        return self._name

    async def decode(self, request: DecodeRequest) -> Hypothesis:
        self.asked += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return Hypothesis(text=SAID, language="en", model=self._name)


@pytest.mark.parametrize(
    ("failure", "told"),
    [(DecodeError("no"), 1), (UnsupportedLanguageError("no"), 1), (ModelMissingError("gone"), 0)],
    ids=["fails", "does not know the language", "was rolled back"],
)
async def test_the_incumbent_decodes_what_a_candidate_cannot(failure: EdgeVoiceError, told: int) -> None:
    errors: list[EdgeVoiceError] = []
    candidate, incumbent = Model(NEW, failure), Model(OLD)
    arm = CandidateArm(candidate, incumbent, on_error=errors.append)
    for _ in range(2):
        assert (await arm.decode(REQUEST)).model == OLD
    assert (candidate.asked, incumbent.asked, len(errors)) == (1, 2, told)
    assert (arm.name, arm.languages) == (OLD, ("en",))


async def test_what_the_incumbent_cannot_decode_either_is_the_turns_error() -> None:
    arm = CandidateArm(Model(NEW, DecodeError("no")), Model(OLD, DecodeError("neither")), on_error=lambda _: None)
    with pytest.raises(DecodeError, match="neither"):
        await arm.decode(REQUEST)


async def test_too_many_that_wait_are_no_fault_of_the_candidate() -> None:
    errors: list[EdgeVoiceError] = []
    arm = CandidateArm(Model(NEW, OverloadedError("full")), Model(OLD), on_error=errors.append)
    with pytest.raises(OverloadedError):
        await arm.decode(REQUEST)
    assert errors == []
