"""Whole turns that ask lanes, on a virtual clock: when, what wins, and that the hub's own text is never lost."""

import dataclasses

import pytest

from tests.server.pipeline.doubles import in_one_burst
from tests.server.pipeline.lane_doubles import CALLER, ListedLedger, ScriptedLane, lane_error, lane_settings
from tests.server.pipeline.test_turn import REQUEST, SENTENCE, TURN, Turn, unsure_of
from wyoming_server.errors import DecodeError, LaneFailedError, NeedsConfirmationError
from wyoming_server.pipeline.hedge import HedgeSettings
from wyoming_server.pipeline.listen import Mode
from wyoming_server.pipeline.policy import Caller, Policy, RoutingMode
from wyoming_server.pipeline.types import Action, Outcome, Route

SAID = "0.8 turn on the kitchen light 1.2"
HEDGING = HedgeSettings(hedge=True, hedge_at=0.0)
SHORT_ONLY = HedgeSettings(hedge=True, hedge_at=0.52)
"""Two words are short enough for it, the whole sentence is not."""
UNSURE = -0.9
TRUSTED = dataclasses.replace(REQUEST, caller=CALLER)


def risky(*lanes: ScriptedLane, caller: Caller = CALLER, **changes: object) -> Turn:
    return Turn(
        SAID,
        dataclasses.replace(REQUEST, caller=caller),
        lanes=lanes,
        log_probability=UNSURE,
        **changes,
    )


def spans_ms(outcome: Outcome) -> tuple[float, float]:
    """Return the cloud's span and the whole from the end on, in ms."""
    spans = outcome.timeline.spans(outcome.timeline.outcome_s)
    return spans.cloud_ms, spans.end_to_text_ms


def test_a_risky_text_is_replaced_by_the_lane_s() -> None:
    lane = ScriptedLane(text="turn on the chicken light")
    turn = risky(lane)
    outcome = turn.run()
    assert outcome.text == lane.text
    assert (outcome.route, outcome.decision.action) == (Route.CLOUD, Action.ESCALATE)
    assert outcome.answer is not None
    assert outcome.answer.lane == "cloud"
    assert outcome.hypothesis is not None
    assert outcome.hypothesis.text == SENTENCE
    assert turn.seen[-1] == f"text {lane.text}"


def test_the_lane_s_time_is_a_span_of_its_own_and_little_is_added_to_it() -> None:
    cloud_ms, end_to_text_ms = spans_ms(risky(ScriptedLane(delays_s=(0.35,))).run())
    assert cloud_ms == pytest.approx(350, abs=5)
    assert end_to_text_ms <= 350 + 60


def test_a_sure_text_asks_nobody() -> None:
    lane = ScriptedLane()
    turn = Turn(SAID, TRUSTED, lanes=(lane,))
    outcome = turn.run()
    assert (outcome.text, outcome.route, lane.asked) == (SENTENCE, Route.EDGE, [])


def test_when_no_lane_answers_the_hub_s_own_text_is_kept_and_the_reason_told() -> None:
    outcome = risky(ScriptedLane(failures=(lane_error(LaneFailedError),))).run()
    assert (outcome.text, outcome.route) == (SENTENCE, Route.EDGE)
    assert outcome.decision.action is not Action.ESCALATE
    assert "as the script says" in outcome.decision.reason
    assert outcome.answer is not None
    assert [one.ending for one in outcome.answer.attempts] == ["lane-failed"]


def test_a_lane_that_hangs_costs_the_budget_and_no_more() -> None:
    turn = risky(ScriptedLane(delays_s=(3600.0,), settings=lane_settings(deadline_seconds=30.0)))
    outcome = turn.run()
    assert outcome.text == SENTENCE
    assert spans_ms(outcome)[1] <= 1000 * TURN.budget_seconds


def test_a_hedge_starts_while_the_hub_decodes_and_saves_that_time() -> None:
    slow = {"delay_s": 0.3}
    plain_ms = spans_ms(risky(ScriptedLane(), **slow).run())[1]
    hedged = risky(ScriptedLane(), hedge=HEDGING, **slow)
    hedged_ms = spans_ms(hedged.run())[1]
    assert hedged_ms <= plain_ms - 250
    assert [one.reason for one in hedged.ledger.uploads] == ["hedge"]


def test_a_hedge_that_was_not_needed_is_cancelled_and_stays_in_the_books() -> None:
    lane = ScriptedLane(delays_s=(5.0,))
    turn = Turn(SAID, TRUSTED, lanes=(lane,), hedge=HEDGING, delay_s=0.3)
    outcome = turn.run()
    assert (outcome.text, outcome.route) == (SENTENCE, Route.EDGE)
    assert turn.ledger.endings == {0: "cancelled"}
    assert turn.ledger.uploads[0].cost > 0
    assert outcome.answer is not None
    (attempt,) = outcome.answer.attempts
    assert (attempt.ending, attempt.cost) == ("cancelled", turn.ledger.uploads[0].cost)


def test_a_hub_that_is_sure_at_once_sends_nothing_early() -> None:
    turn = Turn(SAID, TRUSTED, lanes=(ScriptedLane(),), hedge=HEDGING)
    assert (turn.run().route, turn.ledger.uploads) == (Route.EDGE, [])


def test_nothing_is_sent_early_at_a_short_pause_and_the_whole_is_hedged() -> None:
    lane = ScriptedLane(delays_s=(0.35,))
    said = "0.8 turn on 0.15 the kitchen light 1.2"
    turn = Turn(said, TRUSTED, lanes=(lane,), hedge=HEDGING, log_probability=UNSURE, delay_s=0.3)
    outcome = turn.run()
    assert outcome.text == lane.text
    assert [one.reason for one in turn.ledger.uploads] == ["hedge"]
    impatient = dataclasses.replace(HEDGING, patience_seconds=0.0)
    turn = Turn(said, TRUSTED, lanes=(lane,), hedge=impatient, log_probability=UNSURE, delay_s=0.3)
    turn.run()
    assert [one.reason for one in turn.ledger.uploads] == ["hedge", "risk"]


def test_a_hedge_is_as_patient_as_its_speaker_and_no_longer_than_the_turn() -> None:
    patient = dataclasses.replace(HEDGING, patience_seconds=2.0)
    turn = risky(ScriptedLane(), hedge=patient, delay_s=0.5)
    assert spans_ms(turn.run())[1] < 500 + 100
    assert [one.reason for one in turn.ledger.uploads] == ["hedge"]


def test_a_speaker_who_goes_on_makes_the_hedge_void_and_is_hedged_only_once() -> None:
    lane = ScriptedLane(delays_s=(2.0,))
    turn = Turn(
        "0.8 turn on 0.3 the kitchen light 1.2",
        TRUSTED,
        lanes=(lane,),
        hedge=HEDGING,
        log_probability=UNSURE,
        ledger=ListedLedger(),
    )
    turn.run()
    assert [one.reason for one in turn.ledger.uploads] == ["hedge", "risk"]
    assert turn.ledger.endings[0] == "cancelled"
    assert turn.ledger.uploads[1].seconds > turn.ledger.uploads[0].seconds


@pytest.mark.parametrize(
    ("policy", "caller"),
    [
        (Policy(mode=RoutingMode.EDGE), CALLER),
        (Policy(mode=RoutingMode.EDGE), dataclasses.replace(CALLER, mode=RoutingMode.CLOUD)),
        (Policy(), Caller(session="stranger")),
        (Policy(mode=RoutingMode.CLOUD), Caller(session="stranger", mode=RoutingMode.CLOUD)),
        (Policy(), dataclasses.replace(CALLER, mode=RoutingMode.EDGE)),
    ],
    ids=["the owner's edge", "edge is a promise", "stranger", "stranger and cloud", "asked for edge"],
)
def test_nothing_leaves_and_nothing_is_warmed_where_only_the_hub_may_answer(policy: Policy, caller: Caller) -> None:
    lane = ScriptedLane()
    turn = risky(lane, caller=caller, policy=policy, hedge=HEDGING)
    outcome = turn.run()
    assert (outcome.text, outcome.route) == (SENTENCE, Route.EDGE)
    assert (lane.asked, lane.warmed, turn.ledger.uploads) == ([], 0, [])


def test_in_mode_cloud_everything_heard_goes_there() -> None:
    lane = ScriptedLane(text="something else")
    turn = Turn(SAID, TRUSTED, lanes=(lane,), policy=Policy(mode=RoutingMode.CLOUD))
    assert turn.run().text == "something else"
    assert lane.warmed == 1


def test_silence_goes_nowhere_even_in_mode_cloud() -> None:
    lane = ScriptedLane()
    turn = Turn("2.0", TRUSTED, lanes=(lane,), policy=Policy(mode=RoutingMode.CLOUD), hedge=HEDGING)
    assert turn.run().decision.action is Action.DISCARD
    assert lane.asked == []


def test_a_lane_stands_in_for_a_model_that_fails() -> None:
    lane = ScriptedLane()
    turn = Turn(SAID, TRUSTED, lanes=(lane,))
    turn.model.failures = 99
    outcome = turn.run()
    assert (outcome.text, outcome.route) == (lane.text, Route.CLOUD)
    assert "decode-failed" in outcome.decision.reason


@pytest.mark.parametrize("lanes", [(), (ScriptedLane(failures=(lane_error(LaneFailedError),)),)], ids=["none", "down"])
def test_without_model_and_lane_the_model_s_failure_is_told(lanes: tuple[ScriptedLane, ...]) -> None:
    turn = Turn(SAID, TRUSTED, lanes=lanes)
    turn.model.failures = 99
    with pytest.raises(DecodeError):
        turn.run()


def test_text_that_matters_is_not_acted_upon_unasked_where_nobody_can_be_asked() -> None:
    down = ScriptedLane(failures=(lane_error(LaneFailedError),))
    unlock = "0.8 unlock the front door 1.2"
    turn = Turn(unlock, TRUSTED, lanes=(down,), log_probability=UNSURE)
    refused = turn.run()
    assert isinstance(refused.failure, NeedsConfirmationError)
    assert "matters" in str(refused.failure)
    assert not any("text" in one for one in turn.seen)
    able = dataclasses.replace(REQUEST, caller=dataclasses.replace(CALLER, can_confirm=True))
    outcome = Turn(unlock, able, lanes=(down,), log_probability=UNSURE).run()
    assert (outcome.text, outcome.decision.action) == ("unlock the front door", Action.CONFIRM)
    assert outcome.failure is None


def test_a_file_s_chunk_that_takes_long_to_decode_is_escalated_all_the_same() -> None:
    lane = ScriptedLane(text="turn on the chicken light")
    request = dataclasses.replace(TRUSTED, mode=Mode.FILE)
    slow = 2.0 * TURN.budget_seconds
    turn = Turn(SAID, request, lanes=(lane,), log_probability=UNSURE, delay_s=slow)
    outcome = turn.run()
    assert (outcome.text, outcome.route) == (lane.text, Route.CLOUD)
    assert outcome.interpretation is None


def test_each_risky_chunk_of_a_file_goes_to_a_lane_and_the_others_stay() -> None:
    lane = ScriptedLane(text="turn on the chicken light")
    request = dataclasses.replace(TRUSTED, mode=Mode.FILE)
    said = "0.8 turn on the kitchen light 1.6 open the window 1.6 turn on the kitchen light 1.6"
    turn = Turn(said, request, lanes=(lane,))
    turn.model.shape = unsure_of("open the window")
    outcome = turn.run()
    assert outcome.text == f"{SENTENCE} {lane.text} {SENTENCE}"
    assert (outcome.route, outcome.decision.action) == (Route.CLOUD, Action.ESCALATE)
    assert outcome.answer is not None
    assert [one.ending for one in outcome.answer.attempts] == ["answered"]


def test_nothing_is_uploaded_when_its_answer_would_come_too_late_anyway() -> None:
    lane = ScriptedLane()
    left = TURN.reserve_seconds / 2
    alone = dataclasses.replace(TURN, lane_seconds=0.0)
    turn = risky(lane, feed=in_one_burst, delay_s=TURN.budget_seconds - left, turn=alone)
    outcome = turn.run()
    assert (outcome.text, outcome.route) == (SENTENCE, Route.EDGE)
    assert (lane.asked, turn.ledger.uploads) == ([], [])
    assert "no time" in outcome.decision.reason


def test_a_hedge_for_less_than_was_said_ends_before_the_whole_is_asked_for() -> None:
    lane = ScriptedLane(delays_s=(2.0, 0.35))
    turn = Turn(
        "0.8 turn on 0.3 the kitchen light 1.2",
        TRUSTED,
        lanes=(lane,),
        hedge=SHORT_ONLY,
        log_probability=UNSURE,
    )
    outcome = turn.run()
    assert [one.reason for one in turn.ledger.uploads] == ["hedge", "risk"]
    assert lane.endings == ["cancelled", "answered"]
    assert outcome.text == lane.text
    assert outcome.answer is not None
    assert [one.ending for one in outcome.answer.attempts] == ["cancelled", "answered"]


@pytest.mark.parametrize("failure", [None, lane_error(LaneFailedError)], ids=["late", "failed"])
def test_a_hedge_that_came_to_nothing_is_followed_by_another_try_and_both_are_told(failure: LaneFailedError) -> None:
    lane = ScriptedLane(delays_s=(2.0 if failure is None else 0.1, 0.1), failures=(failure, None))
    turn = risky(lane, hedge=HEDGING, delay_s=0.3)
    if failure is None:
        lane.settings = dataclasses.replace(lane.settings, deadline_seconds=0.5)
    outcome = turn.run()
    assert (outcome.text, outcome.route) == (lane.text, Route.CLOUD)
    assert [one.reason for one in turn.ledger.uploads] == ["hedge", "risk"]
    assert outcome.answer is not None
    assert [one.ending for one in outcome.answer.attempts] == [
        "lane-timeout" if failure is None else "lane-failed",
        "answered",
    ]


@pytest.mark.parametrize(("edge_dictation", "uploads"), [(False, ["hedge"]), (True, [])])
def test_what_is_as_long_as_a_dictation_is_hedged_whatever_its_sound(
    uploads: list[str], *, edge_dictation: bool
) -> None:
    words = " ".join(f"word{number}" for number in range(36))
    turn = Turn(
        f"0.8 {words} 1.5",
        TRUSTED,
        lanes=(ScriptedLane(),),
        hedge=HedgeSettings(hedge=True, hedge_at=1.0),
        policy=Policy(edge_dictation=edge_dictation),
        delay_s=0.5,
    )
    turn.run()
    assert [one.reason for one in turn.ledger.uploads] == uploads
