"""The routing table, row by row, and what holds for every input."""

import dataclasses
import math
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyoming_server.pipeline.policy import (
    FIRST_TRY,
    UNTRUSTED,
    Calibration,
    Caller,
    Costs,
    History,
    LaneHealth,
    LaneState,
    Policy,
    Price,
    RoutingMode,
    Threshold,
    Trust,
    WaitKind,
    Workload,
    WorkloadClass,
)
from wyoming_server.pipeline.route import MADE_UP, ROWS, decide, mode_of
from wyoming_server.pipeline.types import Action, Decision, Hypothesis, Risk, Token
from wyoming_server.pipeline.weighing import DISCARDED_RULES, DISCARDED_WHEN_UNSURE, RETURNING, weigh

ACCEPT, ESCALATE, CONFIRM, DEFER, ASK_TEXT, DISCARD = Action
COMMAND = Workload(kind=WorkloadClass.COMMAND)
UNLOCK = Workload(kind=WorkloadClass.COMMAND, critical=True, reason="it may open a door")
ANSWER = Workload(kind=WorkloadClass.COMMAND, is_answer=True)
NOTE = Workload(kind=WorkloadClass.LIST, waits=WaitKind.NOTE)
DICTATION = Workload(kind=WorkloadClass.DICTATION)
PLAIN = Caller(trusted=True)
ASKABLE = Caller(trusted=True, can_confirm=True)
KEEPING = Caller(trusted=True, can_confirm=True, keeps_queue=True)
ANSWERING = Caller(trusted=True, can_confirm=True, expect_confirmation=True)
WITH_LANE = Caller(trusted=True, can_confirm=True, client_lane=True)
GROQ = LaneHealth(name="Groq", trust=Trust.CLOUD)
BOX = LaneHealth(name="GPU box", trust=Trust.HOME)
CLIENT = LaneHealth(name="Home Assistant Cloud", trust=Trust.CLOUD, is_client=True)
BROKEN = LaneHealth(
    name="Groq", trust=Trust.CLOUD, state=LaneState.BROKEN, reason="Groq failed three times; next try in 20 s"
)
AWAY = LaneHealth(name="Home Assistant Cloud", trust=Trust.CLOUD, state=LaneState.BROKEN, is_client=True)
UNCONSENTED = LaneHealth(name="Groq", trust=Trust.CLOUD, state=LaneState.NOT_CONSENTED)
CAPPED = LaneHealth(name="Groq", trust=Trust.CLOUD, state=LaneState.CAPPED)
FOREIGN = LaneHealth(name="Groq", trust=Trust.CLOUD, state=LaneState.WRONG_LANGUAGE)
THRESHOLD = Threshold(logit=-2.0, value=1.0 / (1.0 + math.exp(2.0)))
"""12 %."""
CALIBRATION = Calibration()


def hypothesis(text: str = "turn it on", log_probability: float = -0.01, rules: tuple[str, ...] = ()) -> Hypothesis:
    token = Token(text="on", log_probability=log_probability, entropy=0.1, margin=0.9)
    return Hypothesis(text=text, language="en", model="m", tokens=(token,) * 3, end_probability=0.9, rules=rules)


def risk(value: float, rules: tuple[str, ...] = (), **points: float) -> Risk:
    logit = math.log(value / (1.0 - value)) if 0.0 < value < 1.0 else math.copysign(40.0, value - 0.5)
    return Risk(value=value, logit=logit, reason="+18 quiet room noise", points=points, rules=rules)


def decided(
    value: float,
    workload: Workload = COMMAND,
    *,
    heard: Hypothesis | None = None,
    scored: Risk | None = None,
    lanes: Sequence[LaneHealth] = (),
    policy: Policy | None = None,
    caller: Caller = PLAIN,
    history: History = FIRST_TRY,
    price: float = 0.0,
    seconds: float = 3.0,
) -> Decision:
    return decide(
        heard or hypothesis(),
        scored or risk(value),
        workload=workload,
        threshold=THRESHOLD,
        lanes=lanes,
        policy=policy or Policy(),
        caller=caller,
        history=history,
        price=Price(per_second=price),
        audio_seconds=seconds,
    )


SURE, DOUBTFUL, RISKY, HOPELESS = 0.01, 0.05, 0.14, 0.8
"""Below the threshold of 12 %, and above it; a question back costs a critical action less than a lane up to 15 %."""


def test_no_words_are_discarded() -> None:
    assert decided(SURE, heard=hypothesis("")).action is DISCARD
    assert decided(SURE, heard=hypothesis(" "), lanes=[GROQ]).action is DISCARD


@pytest.mark.parametrize("rule", sorted(DISCARDED_RULES))
def test_made_up_text_is_discarded_however_sure_the_model_and_whoever_asks(rule: str) -> None:
    decision = decided(SURE, heard=hypothesis(rules=("token-rate", rule)), lanes=[GROQ], caller=ANSWERING)
    assert decision.action is DISCARD
    assert rule in decision.reason


@pytest.mark.parametrize("rule", sorted(DISCARDED_WHEN_UNSURE))
def test_a_known_phrase_is_made_up_only_when_the_model_is_unsure_of_it(rule: str) -> None:
    assert decided(1.0, heard=hypothesis("thank you", -0.5, (rule,)), lanes=[GROQ]).action is DISCARD
    assert decided(1.0, heard=hypothesis("thank you", -0.01, (rule,)), lanes=[GROQ]).action is ESCALATE
    assert decided(1.0, heard=hypothesis("thank you", -0.01, (rule,))).action is ACCEPT


def test_every_rule_that_discards_is_told_to_people() -> None:
    assert set(MADE_UP) == DISCARDED_RULES | DISCARDED_WHEN_UNSURE


def test_what_is_within_the_threshold_is_accepted() -> None:
    decision = decided(SURE, lanes=[GROQ])
    assert (decision.action, decision.to_client) == (ACCEPT, False)
    assert decision.reason == "the hub is sure enough: risk 1 % is within 11.9 % (+18 quiet room noise)"
    assert decision.threshold is THRESHOLD


def test_what_is_above_it_goes_to_the_first_lane_that_is_ready() -> None:
    decision = decided(RISKY, lanes=[BROKEN, BOX, GROQ])
    assert (decision.action, decision.to_client) == (ESCALATE, False)
    assert decision.reason == "asking GPU box: risk 14 % is above 11.9 % (+18 quiet room noise)"


def test_the_caller_s_own_lane_is_asked_by_the_caller_when_it_comes_first() -> None:
    assert decided(RISKY, lanes=[CLIENT, GROQ], caller=WITH_LANE).to_client
    assert not decided(RISKY, lanes=[GROQ, CLIENT], caller=WITH_LANE).to_client
    assert not decided(RISKY, lanes=[CLIENT, GROQ], caller=ASKABLE).to_client
    alone = decided(RISKY, lanes=[CLIENT], caller=ASKABLE)
    assert alone.action is ACCEPT
    assert "Home Assistant Cloud can be asked by Home Assistant only" in alone.reason


@pytest.mark.parametrize(
    ("lanes", "says"),
    [
        ([], "no speech service is set up"),
        ([BROKEN], "Groq failed three times; next try in 20 s"),
        ([UNCONSENTED], "Groq has no consent"),
        ([CAPPED], "Groq has used up its budget"),
        ([FOREIGN], "Groq is not for this language"),
        (
            [dataclasses.replace(BROKEN, reason="", name="Box"), CAPPED],
            "Box failed just now; Groq has used up its budget",
        ),
    ],
)
def test_risky_text_that_costs_little_is_accepted_without_a_lane_and_says_why(
    lanes: list[LaneHealth], says: str
) -> None:
    decision = decided(RISKY, lanes=lanes)
    assert decision.action is ACCEPT
    assert decision.reason.endswith(f"no lane: {says}")


@pytest.mark.parametrize(
    ("policy", "caller", "says"),
    [
        (Policy(mode=RoutingMode.EDGE), WITH_LANE, "the owner keeps all speech on the hub"),
        (
            Policy(mode=RoutingMode.EDGE),
            dataclasses.replace(WITH_LANE, mode=RoutingMode.CLOUD),
            "the owner keeps all speech on the hub",
        ),
        (Policy(), dataclasses.replace(WITH_LANE, mode=RoutingMode.EDGE), "this turn stays on the hub, as was asked"),
        (Policy(), dataclasses.replace(WITH_LANE, trusted=False), "an unknown caller gets the hub only"),
        (
            Policy(mode=RoutingMode.CLOUD),
            Caller(mode=RoutingMode.CLOUD, client_lane=True),
            "an unknown caller gets the hub only",
        ),
    ],
)
def test_edge_is_a_promise(policy: Policy, caller: Caller, says: str) -> None:
    for value in (RISKY, 1.0):
        for workload in (COMMAND, DICTATION):
            decision = decided(
                value,
                workload,
                lanes=[CLIENT, BOX, GROQ],
                policy=policy,
                caller=caller,
                history=History(retries=3, correction=True),
            )
            assert (decision.action, decision.to_client) == (ACCEPT, False)
            assert says in decision.reason


def test_the_mode_is_the_owner_s_and_a_trusted_caller_may_change_it_unless_it_is_edge() -> None:
    asks_cloud, asks_edge = (dataclasses.replace(PLAIN, mode=mode) for mode in (RoutingMode.CLOUD, RoutingMode.EDGE))
    assert mode_of(Policy(), PLAIN) is RoutingMode.AUTO
    assert mode_of(Policy(), asks_cloud) is RoutingMode.CLOUD
    assert mode_of(Policy(mode=RoutingMode.CLOUD), asks_edge) is RoutingMode.EDGE
    assert mode_of(Policy(mode=RoutingMode.EDGE), asks_cloud) is RoutingMode.EDGE
    assert mode_of(Policy(mode=RoutingMode.CLOUD), UNTRUSTED) is RoutingMode.EDGE


def test_in_mode_cloud_everything_heard_goes_to_a_lane_and_the_hub_s_text_is_kept_for_when_there_is_none() -> None:
    policy = Policy(mode=RoutingMode.CLOUD)
    assert decided(SURE, lanes=[GROQ], policy=policy).action is ESCALATE
    assert decided(SURE, lanes=[CLIENT], policy=policy, caller=WITH_LANE).to_client
    assert decided(SURE, lanes=[BROKEN], policy=policy).action is ACCEPT
    assert decided(SURE, UNLOCK, lanes=[GROQ], policy=policy, caller=ASKABLE).action is ESCALATE


@pytest.mark.parametrize(
    ("value", "lanes", "policy", "caller", "action"),
    [
        (SURE, [GROQ], Policy(), ASKABLE, ACCEPT),
        (DOUBTFUL, [GROQ], Policy(), ASKABLE, CONFIRM),
        (DOUBTFUL, [], Policy(), ASKABLE, CONFIRM),
        (DOUBTFUL, [], Policy(), PLAIN, ACCEPT),
        (DOUBTFUL, [GROQ], Policy(), PLAIN, ESCALATE),
        (DOUBTFUL, [GROQ], Policy(confirm_critical=False), ASKABLE, ESCALATE),
        (DOUBTFUL, [], Policy(confirm_critical=False), ASKABLE, ACCEPT),
        (RISKY, [GROQ], Policy(), ASKABLE, CONFIRM),
        (RISKY, [GROQ], Policy(), PLAIN, ESCALATE),
        (RISKY, [GROQ], Policy(confirm_critical=False), ASKABLE, ESCALATE),
        (HOPELESS, [GROQ], Policy(), ASKABLE, ESCALATE),
        (HOPELESS, [], Policy(), ASKABLE, CONFIRM),
        (HOPELESS, [BROKEN], Policy(), PLAIN, CONFIRM),  # which the turn refuses
        (HOPELESS, [], Policy(refuse_unconfirmed=False), ASKABLE, CONFIRM),
        (HOPELESS, [], Policy(refuse_unconfirmed=False), PLAIN, ACCEPT),
        (HOPELESS, [], Policy(confirm_critical=False), ASKABLE, CONFIRM),  # asking is milder than refusing
        (HOPELESS, [], Policy(confirm_critical=False, refuse_unconfirmed=False), ASKABLE, ACCEPT),
    ],
)
def test_what_matters_is_weighed_by_its_cost(
    value: float, lanes: list[LaneHealth], policy: Policy, caller: Caller, action: Action
) -> None:
    assert decided(value, UNLOCK, lanes=lanes, policy=policy, caller=caller).action is action


def test_a_question_names_what_matters() -> None:
    reason = decided(RISKY, UNLOCK, lanes=[GROQ], caller=ASKABLE).reason
    assert "it may open a door" in reason
    assert "risk 14 %" in reason


def test_a_scarce_budget_asks_back_instead_of_a_cloud_lane_and_never_instead_of_a_home_lane() -> None:
    assert decided(HOPELESS, UNLOCK, lanes=[GROQ], caller=ASKABLE, price=10.0).action is CONFIRM
    assert decided(HOPELESS, UNLOCK, lanes=[BOX], caller=ASKABLE, price=10.0).action is ESCALATE
    assert decided(HOPELESS, COMMAND, lanes=[GROQ], caller=ASKABLE, price=10.0).action is ESCALATE


def test_the_costs_are_those_of_the_reference() -> None:
    case = weigh(
        hypothesis(),
        risk(0.2),
        workload=UNLOCK,
        threshold=THRESHOLD,
        lanes=[GROQ],
        policy=Policy(),
        caller=ASKABLE,
        history=FIRST_TRY,
        price=Price(per_second=0.1),
        audio_seconds=3.0,
    )
    costs = Costs()
    assert case.cost_of_accepting == pytest.approx(10.0 * 0.2)
    assert case.cost_of_asking == pytest.approx(costs.confirm + 0.1 * 10.0 * 0.2)
    assert case.cost_of_lane == pytest.approx(costs.cloud_wait + 10.0 * costs.cloud_error + 0.1 * 3.0)


@pytest.mark.parametrize(
    ("workload", "lanes", "policy", "caller", "action", "says"),
    [
        (NOTE, [BROKEN], Policy(defer=True), KEEPING, DEFER, "kept until a speech service is back"),
        (NOTE, [CAPPED], Policy(defer=True), KEEPING, DEFER, "used up its budget"),
        (NOTE, [GROQ], Policy(defer=True), KEEPING, ESCALATE, "asking Groq"),
        (NOTE, [BROKEN], Policy(), ASKABLE, ACCEPT, "the hub's text"),
        (NOTE, [BROKEN], Policy(defer=True), ASKABLE, ACCEPT, "the caller keeps no queue"),
        (NOTE, [AWAY], Policy(defer=True), KEEPING, ACCEPT, "no speech service will come back by itself"),
        (NOTE, [UNCONSENTED], Policy(defer=True), KEEPING, ACCEPT, "no speech service will come back by itself"),
        (NOTE, [], Policy(defer=True), KEEPING, ACCEPT, "no speech service will come back by itself"),
        (COMMAND, [BROKEN], Policy(defer=True), KEEPING, ACCEPT, "the hub's text"),
        (UNLOCK, [BROKEN], Policy(defer=True), KEEPING, CONFIRM, "please confirm"),
        (NOTE, [BROKEN], Policy(defer=True, mode=RoutingMode.EDGE), KEEPING, ACCEPT, "keeps all speech on the hub"),
    ],
)
def test_only_risky_notes_wait_and_only_for_a_lane_that_comes_back(
    workload: Workload, lanes: list[LaneHealth], policy: Policy, caller: Caller, action: Action, says: str
) -> None:
    decision = decided(RISKY, workload, lanes=lanes, policy=policy, caller=caller)
    assert decision.action is action
    assert says in decision.reason
    assert decided(SURE, workload, lanes=[BROKEN], policy=Policy(defer=True), caller=KEEPING).action is not DEFER


def test_dictation_goes_to_a_lane_unless_the_owner_leaves_it_to_the_hub() -> None:
    assert decided(SURE, DICTATION, lanes=[GROQ]).action is ESCALATE
    assert decided(SURE, DICTATION).action is ACCEPT
    kept = decided(HOPELESS, DICTATION, lanes=[GROQ], policy=Policy(edge_dictation=True))
    assert kept.action is ACCEPT
    assert "stays on the hub" in kept.reason
    critical = dataclasses.replace(DICTATION, critical=True)
    assert decided(HOPELESS, critical, lanes=[GROQ], policy=Policy(edge_dictation=True)).action is ESCALATE


@pytest.mark.parametrize("history", [History(retries=2), History(retries=5), History(correction=True)])
def test_who_repeats_or_corrects_is_sent_to_a_lane_and_never_in_circles(history: History) -> None:
    decision = decided(SURE, lanes=[GROQ], history=history)
    assert decision.action is ESCALATE
    assert "heard this wrongly" in decision.reason
    assert decided(SURE, lanes=[BROKEN], history=history).action is ACCEPT
    assert decided(HOPELESS, history=history).action is ACCEPT
    assert decided(SURE, lanes=[GROQ], history=History(retries=1)).action is ACCEPT


@pytest.mark.parametrize(
    ("value", "policy", "caller", "action"),
    [
        (RISKY, Policy(), ASKABLE, ASK_TEXT),
        (RISKY, Policy(mode=RoutingMode.CLOUD), ASKABLE, ASK_TEXT),
        (SURE, Policy(), ASKABLE, ACCEPT),
        (RISKY, Policy(), PLAIN, ESCALATE),
        (RISKY, Policy(ask_text=False), ASKABLE, ESCALATE),
    ],
)
def test_an_unusable_microphone_asks_for_typed_text_when_the_text_is_risky(
    value: float, policy: Policy, caller: Caller, action: Action
) -> None:
    history = History(microphone_usable=False, microphone_reason="it clips: 12 % of the samples")
    decision = decided(value, lanes=[GROQ], policy=policy, caller=caller, history=history)
    assert decision.action is action
    assert action is not ASK_TEXT or "12 % of the samples" in decision.reason


def test_a_short_answer_is_not_risky_for_being_short() -> None:
    short = risk(0.4, length_short=25.0, snr_db=1.0)
    assert decided(0.4, ANSWER, heard=hypothesis("yes"), scored=short, lanes=[GROQ], caller=ANSWERING).action is ACCEPT
    assert decided(0.4, ANSWER, heard=hypothesis("yes"), scored=short, lanes=[GROQ], caller=ASKABLE).action is ESCALATE


def test_a_long_answer_is_one_and_what_is_short_and_none_leaves_the_question_standing() -> None:
    assert decided(SURE, ANSWER, heard=hypothesis("yes please go ahead"), caller=ANSWERING).action is ACCEPT
    assert decided(SURE, heard=hypothesis("yet"), lanes=[GROQ], caller=ANSWERING).action is CONFIRM


def test_a_short_command_that_the_home_knows_is_no_answer() -> None:
    known = Workload(kind=WorkloadClass.COMMAND, is_known=True)
    assert decided(SURE, known, heard=hypothesis("lights off"), caller=ANSWERING).action is ACCEPT
    assert decided(RISKY, known, heard=hypothesis("lights off"), lanes=[GROQ], caller=ANSWERING).action is ESCALATE


def test_a_short_command_that_matters_is_no_answer() -> None:
    scored = risk(0.05, length_short=25.0)
    assert decided(0.05, UNLOCK, heard=hypothesis("open the gate"), scored=scored, caller=ANSWERING).action is CONFIRM


def test_an_unclear_answer_leaves_the_question_standing_and_is_never_uploaded() -> None:
    for scored in (risk(0.9, length_short=5.0), risk(1.0, rules=("token-rate",))):
        decision = decided(0.9, ANSWER, heard=hypothesis("no"), scored=scored, lanes=[GROQ], caller=ANSWERING)
        assert decision.action is CONFIRM
    correction = History(correction=True)
    decision = decided(SURE, ANSWER, heard=hypothesis("no"), lanes=[GROQ], caller=ANSWERING, history=correction)
    assert decision.action is ACCEPT


def test_a_corrected_sentence_is_judged_like_any_other() -> None:
    heard = hypothesis("no the back door please")
    assert decided(RISKY, heard=heard, lanes=[GROQ], caller=ANSWERING).action is ESCALATE


def test_a_risk_that_is_no_number_is_above_every_threshold() -> None:
    nothing = Risk(value=0.1, logit=math.nan, reason="")
    assert decided(0.1, scored=nothing, lanes=[GROQ]).action is ESCALATE


def test_a_tripped_rule_is_above_every_threshold_whatever_the_scorecard_says() -> None:
    tripped = Risk(value=1.0, logit=-30.0, reason="the text came too fast", rules=("token-rate",))
    assert decided(1.0, scored=tripped, lanes=[GROQ]).action is ESCALATE
    assert decided(1.0, UNLOCK, scored=tripped).action is CONFIRM


def test_the_table_in_the_documentation_is_the_code_s() -> None:
    page = (Path(__file__).parents[3] / "docs" / "routing.md").read_text(encoding="utf-8")
    lines = ["| # | row | when | then |", "|---|---|---|---|"]
    lines += [f"| {at} | {row.name} | {row.when} | `{row.action}` |" for at, row in enumerate(ROWS, 1)]
    table = "\n".join(lines)
    assert table in page, f"docs/routing.md needs this table:\n{table}"


def test_rows_have_names_of_their_own_and_the_last_one_fits_everything() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.when.endswith(".") for row in ROWS)
    assert ROWS[-1].action is ACCEPT


lanes_of_any_kind = st.lists(
    st.builds(
        LaneHealth,
        name=st.sampled_from(["Groq", "Box", "HA"]),
        trust=st.sampled_from(Trust),
        state=st.sampled_from(LaneState),
        reason=st.sampled_from(["", "it failed"]),
        is_client=st.booleans(),
    ),
    max_size=3,
)
callers = st.builds(
    Caller,
    trusted=st.booleans(),
    mode=st.sampled_from([None, *RoutingMode]),
    can_confirm=st.booleans(),
    keeps_queue=st.booleans(),
    client_lane=st.booleans(),
    expect_confirmation=st.booleans(),
)
costs = st.builds(
    Costs,
    **{
        name: st.floats(0.0, high)
        for name, high in {
            "error": 1000.0,
            "critical_error": 1000.0,
            "confirm": 1000.0,
            "confirm_miss": 1.0,
            "cloud_wait": 1000.0,
            "cloud_error": 1.0,
        }.items()
    },
)
policies = st.builds(
    Policy,
    mode=st.sampled_from(RoutingMode),
    costs=st.one_of(st.just(Costs()), costs),
    confirm_critical=st.booleans(),
    refuse_unconfirmed=st.booleans(),
    defer=st.booleans(),
    ask_text=st.booleans(),
    edge_dictation=st.booleans(),
)
workloads = st.builds(
    Workload,
    kind=st.sampled_from(WorkloadClass),
    critical=st.booleans(),
    waits=st.sampled_from([None, *WaitKind]),
    reason=st.just(""),
)
histories = st.builds(
    History, retries=st.integers(0, 4), correction=st.booleans(), failed=st.booleans(), microphone_usable=st.booleans()
)
rules = st.lists(st.sampled_from([*DISCARDED_RULES, *DISCARDED_WHEN_UNSURE, "token-rate"]), max_size=2).map(tuple)
texts = st.sampled_from(["", "yes", "turn it on", "unlock the front door"])
log_probabilities = st.sampled_from([-0.01, -0.5])
logits = st.floats(-8.0, 8.0)
situations = st.fixed_dictionaries(
    {
        "workload": workloads,
        "lanes": lanes_of_any_kind,
        "policy": policies,
        "caller": callers,
        "history": histories,
        "audio_seconds": st.floats(0.0, 30.0),
        "threshold": st.one_of(logits, st.sampled_from([-math.inf, math.inf])).map(
            lambda logit: Threshold(logit=logit, value=CALIBRATION.probability(logit))
        ),
    }
)
prices = st.floats(0.0, 100.0).map(lambda per_second: Price(per_second=per_second))


def scored(logit: float) -> Risk:
    return Risk(value=CALIBRATION.probability(logit), logit=logit, reason="because", points={"length_short": 3.0})


@settings(max_examples=200, deadline=None)
@given(situation=situations, price=prices, logit=logits, text=texts, log_probability=log_probabilities, tripped=rules)
def test_for_every_input_there_is_one_decision_with_a_reason_and_no_lane_is_asked_that_may_not_be(
    situation: dict, price: Price, logit: float, text: str, log_probability: float, tripped: tuple[str, ...]
) -> None:
    heard = hypothesis(text, log_probability, tripped)
    decision = decide(heard, scored(logit), price=price, **situation)
    assert decision.reason
    assert decision.reason == " ".join(decision.reason.split())
    assert decision.threshold is situation["threshold"]
    caller, policy = situation["caller"], situation["policy"]
    if decision.action is ESCALATE:
        assert caller.trusted
        assert RoutingMode.EDGE not in (policy.mode, caller.mode)
        ready = [one for one in situation["lanes"] if one.state is LaneState.READY]
        may = [one for one in ready if caller.client_lane or not one.is_client]
        assert may
        assert decision.to_client is may[0].is_client
    else:
        assert not decision.to_client
    if decision.action is ASK_TEXT:
        assert caller.can_confirm
    if decision.action is DEFER:
        assert caller.keeps_queue
        assert caller.trusted
        assert situation["workload"].can_wait
        assert any(one.state in RETURNING and not one.is_client for one in situation["lanes"])
    if text and DISCARDED_RULES.intersection(tripped):
        assert decision.action is DISCARD


@settings(max_examples=200, deadline=None)
@given(situation=situations, price=prices, low=logits, high=logits, text=texts)
def test_a_higher_risk_never_turns_a_question_or_a_lane_into_acceptance(
    situation: dict, price: Price, low: float, high: float, text: str
) -> None:
    low, high = sorted((low, high))
    below = decide(hypothesis(text), scored(low), price=price, **situation).action
    above = decide(hypothesis(text), scored(high), price=price, **situation).action
    assert not (below in (ESCALATE, CONFIRM) and above is ACCEPT)


@settings(max_examples=150, deadline=None)
@given(situation=situations, low=prices, high=prices, logit=logits, text=texts)
def test_a_higher_price_never_turns_a_question_into_an_upload(
    situation: dict, low: Price, high: Price, logit: float, text: str
) -> None:
    low, high = sorted((low, high), key=lambda price: price.per_second)
    cheap = decide(hypothesis(text), scored(logit), price=low, **situation).action
    dear = decide(hypothesis(text), scored(logit), price=high, **situation).action
    assert not (cheap is CONFIRM and dear is ESCALATE)
    assert not (cheap is ACCEPT and dear is ESCALATE)


@settings(max_examples=150, deadline=None)
@given(situation=situations, price=prices, logit=logits, text=texts)
def test_nothing_critical_and_risky_is_accepted_unless_the_owner_said_so(
    situation: dict, price: Price, logit: float, text: str
) -> None:
    situation["workload"] = dataclasses.replace(situation["workload"], critical=True)
    decision = decide(hypothesis(text), scored(logit), price=price, **situation)
    if logit > situation["threshold"].logit and situation["policy"].refuse_unconfirmed:
        assert decision.action is not ACCEPT


def test_deciding_is_quick() -> None:
    took = []
    for number in range(3000):
        start = time.perf_counter()
        decided(number % 100 / 100, UNLOCK if number % 7 == 0 else COMMAND, lanes=[BROKEN, GROQ], caller=ASKABLE)
        took.append(time.perf_counter() - start)
    took.sort()
    median, high = took[1500], took[2970]
    print(f"decide: median {1e6 * median:.0f} µs, p99 {1e6 * high:.0f} µs")
    start = time.perf_counter()
    decided(HOPELESS, lanes=[BROKEN] * 1000)
    assert time.perf_counter() - start < 1000 * median  # a thousand lanes that are down cost less than a thousand turns
