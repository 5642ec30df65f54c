"""What stands in for the hub's own model, on a virtual clock: when it is slow, fails, is full, or is left alone."""

import dataclasses

import pytest

from tests.server.pipeline.doubles import ScriptedModel, in_one_burst
from tests.server.pipeline.lane_doubles import CALLER, ScriptedLane, lane_error
from tests.server.pipeline.test_turn import SENTENCE, TURN, Turn
from tests.server.pipeline.test_turn_lanes import SAID, TRUSTED
from wyoming_server.errors import (
    EdgeVoiceError,
    LaneFailedError,
    ModelCrashedError,
    ModelMissingError,
    OverloadedError,
    TurnTimeoutError,
)
from wyoming_server.pipeline.hedge import HedgeSettings
from wyoming_server.pipeline.policy import Caller, Policy, RoutingMode
from wyoming_server.pipeline.types import Action, DecodeRequest, Hypothesis, Route

SLOW = TURN.budget_seconds - TURN.reserve_seconds - TURN.lane_seconds + 0.2
"""A decode that is not there when only a lane's time is left."""
CRASHED = ModelCrashedError("The model 'base' crashed twice")
KEPT = [
    (Policy(mode=RoutingMode.EDGE), CALLER),
    (Policy(), dataclasses.replace(CALLER, mode=RoutingMode.EDGE)),
    (Policy(), Caller(session="stranger")),
]
"""Speech that stays on the hub: by the home's setting, a room's, and a stranger's."""


def slow(*lanes: ScriptedLane, delay_s: float = SLOW, caller: Caller = CALLER, policy: Policy | None = None) -> Turn:
    request = dataclasses.replace(TRUSTED, caller=caller)
    return Turn(SAID, request, lanes=lanes, feed=in_one_burst, delay_s=delay_s, policy=policy or Policy())


def took_s(turn: Turn) -> float:
    """Return how long after the audio's end, which came in one burst, the turn had ended."""
    return turn.ended_s - turn.started_s


def refuses(turn: Turn, error: EdgeVoiceError) -> Turn:
    """Have the model refuse everything at once."""

    class Refusing(ScriptedModel):
        async def decode(self, request: DecodeRequest) -> Hypothesis:
            self.calls.clear()
            raise error

    turn.model = Refusing(heard=turn.heard)
    return turn


def test_a_hub_that_is_too_slow_asks_a_lane_while_its_text_is_still_of_use() -> None:
    lane = ScriptedLane(text="turn on the chicken light")
    turn = slow(lane, delay_s=60.0)
    outcome = turn.run()
    assert (outcome.text, outcome.route, outcome.decision.action) == (lane.text, Route.CLOUD, Action.ESCALATE)
    assert outcome.decision.reason == "asking cloud: the hub's own model failed (turn-timeout)"
    assert took_s(turn) < TURN.budget_seconds
    assert [one.reason for one in turn.ledger.uploads] == ["risk"]


def test_a_decode_that_comes_in_time_asks_nobody() -> None:
    lane = ScriptedLane()
    turn = slow(lane, delay_s=SLOW - 0.4)
    assert (turn.run().text, turn.ledger.uploads) == (SENTENCE, [])


def test_where_the_lane_fails_a_late_text_of_the_hub_s_own_is_taken() -> None:
    lane = ScriptedLane(failures=(lane_error(LaneFailedError),))
    turn = slow(lane)
    outcome = turn.run()
    assert (outcome.text, outcome.route) == (SENTENCE, Route.EDGE)
    assert len(lane.asked) == 1
    assert took_s(turn) < TURN.budget_seconds


def test_where_neither_comes_the_turn_ends_in_its_error_within_the_budget() -> None:
    turn = slow(ScriptedLane(failures=(lane_error(LaneFailedError),)), delay_s=60.0)
    with pytest.raises(TurnTimeoutError, match="edge-voice tune"):
        turn.run()
    assert took_s(turn) <= TURN.budget_seconds + 0.01


@pytest.mark.parametrize(("policy", "caller"), KEPT)
def test_speech_that_stays_on_the_hub_is_waited_for_to_the_end_of_the_budget(policy: Policy, caller: Caller) -> None:
    lane = ScriptedLane()
    late = slow(lane, caller=caller, policy=policy)
    assert (late.run().text, lane.asked) == (SENTENCE, [])
    with pytest.raises(TurnTimeoutError):
        slow(lane, delay_s=60.0, caller=caller, policy=policy).run()
    assert lane.asked == []


@pytest.mark.parametrize("error", [ModelMissingError("none is loaded"), OverloadedError("8 wait"), CRASHED])
def test_what_the_hub_cannot_hear_goes_to_a_lane_at_once_and_ends_in_an_error_at_once_without(
    error: EdgeVoiceError,
) -> None:
    lane = ScriptedLane(delays_s=(0.1,))
    asked = refuses(slow(lane), error)
    outcome = asked.run()
    assert (outcome.text, outcome.route) == (lane.text, Route.CLOUD)
    assert outcome.decision.reason.endswith(f"({error.code})")
    assert outcome.decision.lane == "cloud"
    assert took_s(asked) < 0.3
    alone = refuses(slow(), error)
    with pytest.raises(type(error)):
        alone.run()
    assert took_s(alone) < 0.1


def test_a_client_that_can_ask_a_service_by_itself_is_left_to_it() -> None:
    client = dataclasses.replace(CALLER, client_lane=True)
    turn = refuses(slow(caller=client), CRASHED)
    turn.client_lanes = ("Nabu",)
    outcome = turn.run()
    assert (outcome.text, outcome.route, outcome.decision.lane) == ("", Route.CLIENT, "Nabu")


@pytest.mark.parametrize(("policy", "caller"), KEPT)
def test_no_failure_of_the_hub_s_sends_away_what_stays_on_it(policy: Policy, caller: Caller) -> None:
    lane = ScriptedLane()
    with pytest.raises(OverloadedError):
        refuses(slow(lane, caller=caller, policy=policy), OverloadedError("8 wait")).run()
    assert lane.asked == []


def test_a_model_that_keeps_crashing_is_not_asked_where_a_lane_can_be() -> None:
    lane = ScriptedLane()
    turn = Turn(SAID, TRUSTED, lanes=(lane,), left_alone=CRASHED)
    outcome = turn.run()
    assert (outcome.text, turn.decodes) == (lane.text, [])
    assert outcome.decision.reason.endswith("(model-crashed)")


@pytest.mark.parametrize(("policy", "caller"), KEPT)
def test_a_model_that_keeps_crashing_is_tried_where_nobody_else_may_hear(policy: Policy, caller: Caller) -> None:
    request = dataclasses.replace(TRUSTED, caller=caller)
    turn = Turn(SAID, request, lanes=(ScriptedLane(),), policy=policy, left_alone=CRASHED)
    assert (turn.run().text, turn.decodes) == (SENTENCE, ["done"])


def test_a_text_of_the_hub_s_own_that_comes_late_takes_no_early_upload_from_the_turn() -> None:
    lane = ScriptedLane(delays_s=(SLOW + 0.2,))
    turn = slow(lane)
    turn.hedge = HedgeSettings(hedge=True, hedge_at=0.0, patience_seconds=0.0)
    assert turn.run().text == lane.text
    assert len(lane.asked) == 1
    assert took_s(turn) < TURN.budget_seconds
