import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.state import Candidate, Installed, KindState, Stage, State
from wyoming_server.errors import (
    BundleDamagedError,
    DeniedError,
    EdgeVoiceError,
    NewerRecordsError,
    NothingToRollBackError,
    UnknownBundleError,
)
from wyoming_server.updates.state_file import fields_of, state_of
from wyoming_server.updates.transitions import (
    CRASH_WINDOW,
    MOST_CRASHES,
    activate,
    add,
    advance,
    begin,
    crashed,
    forget,
    forgive,
    keeps_crashing,
    lose,
    refuse,
    roll_back,
    settle,
)

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)
ONE, TWO, THREE = (f"home-en@1.{number}.0" for number in range(3))
ROWS = ({"metric": "failed", "baseline": 0.05, "candidate": 0.1},)


def with_bundles(*labels: str, kind: Kind = Kind.ASR) -> State:
    state = State()
    for label in labels:
        state = add(state, label, Installed(kind=kind, manifest_sha256="0" * 64, bytes=1))
    return state


def asr(state: State) -> KindState:
    return state.of(Kind.ASR)


def candidate_of(state: State) -> Candidate:
    found = asr(state).candidate
    assert found is not None
    return found


SERVING_TWO = activate(activate(with_bundles(ONE, TWO, THREE), ONE, NOW), TWO, LATER)


def test_a_bundle_that_is_activated_serves_and_the_one_before_is_what_a_roll_back_returns_to() -> None:
    assert asr(SERVING_TWO) == KindState(active=TWO, active_since=LATER, previous=ONE)
    assert SERVING_TWO.highest == {"home-en": "1.1.0"}


def test_activating_what_serves_already_changes_nothing() -> None:
    assert activate(SERVING_TWO, TWO, LATER + CRASH_WINDOW) == SERVING_TWO


def test_the_highest_version_is_compared_as_a_version_and_never_sinks() -> None:
    state = with_bundles("home-en@1.9.0", "home-en@1.10.0b1", "home-en@1.10.0")
    for label in ("home-en@1.9.0", "home-en@1.10.0", "home-en@1.10.0b1"):
        state = activate(state, label, NOW)
    assert state.highest == {"home-en": "1.10.0"}


def test_a_candidate_is_unheard_then_answers_some_then_all_then_is_settled() -> None:
    state = begin(SERVING_TWO, THREE, NOW)
    assert (asr(state).active, candidate_of(state).stage) == (TWO, Stage.SHADOW)
    state = advance(state, Kind.ASR, Stage.SERVING, LATER)
    assert (asr(state).active, candidate_of(state).since) == (TWO, LATER)
    state = advance(state, Kind.ASR, Stage.WATCH, LATER)
    assert (asr(state).active, asr(state).previous) == (THREE, TWO)
    assert asr(state).candidate is not None
    assert asr(settle(state, Kind.ASR)) == KindState(active=THREE, active_since=LATER, previous=TWO)


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.SERVING])
def test_a_candidate_that_is_worse_is_dropped_and_what_serves_stays(stage: Stage) -> None:
    state = roll_back(begin(SERVING_TWO, THREE, NOW, stage), Kind.ASR, "worse", "It was worse.", LATER, evidence=ROWS)
    assert asr(state) == asr(SERVING_TWO)
    assert (state.last_rollback[Kind.ASR].label, state.last_rollback[Kind.ASR].to) == (THREE, TWO)
    assert state.denied[THREE].evidence == ROWS


def test_an_active_bundle_that_is_worse_is_left_for_the_one_before_and_not_tried_again() -> None:
    state = roll_back(SERVING_TWO, Kind.ASR, "worse", "It was worse.", LATER)
    assert asr(state) == KindState(active=ONE, active_since=LATER)
    for again in (begin, activate):
        with pytest.raises(DeniedError, match="--again"):
            again(state, TWO, LATER)
    assert asr(activate(forgive(state, TWO), TWO, LATER)).active == TWO


def test_a_bundle_with_none_before_it_is_left_for_the_plain_model() -> None:
    state = roll_back(activate(with_bundles(ONE), ONE, NOW), Kind.ASR, "crashed", "It crashed.", LATER)
    assert asr(state) == KindState()
    assert state.last_rollback[Kind.ASR].to == ""


def test_a_signed_order_names_where_to_go_back_to() -> None:
    state = activate(SERVING_TWO, THREE, LATER)
    state = roll_back(begin(state, TWO, LATER), Kind.ASR, "withdrawn", "It was withdrawn.", LATER, to=ONE)
    assert asr(state) == KindState(active=ONE, active_since=LATER, previous=TWO)
    assert set(state.denied) == {THREE}


def test_one_does_not_go_back_to_what_is_not_installed() -> None:
    with pytest.raises(UnknownBundleError):
        roll_back(SERVING_TWO, Kind.ASR, "withdrawn", "", LATER, to="home-en@0.9.0")


def test_one_does_not_go_back_to_what_failed_here_by_itself() -> None:
    state = refuse(SERVING_TWO, ONE, "withdrawn", "It was withdrawn.", LATER)
    assert asr(roll_back(state, Kind.ASR, "worse", "", LATER)).active == ""


def test_an_owner_may_leave_a_bundle_that_may_be_tried_again() -> None:
    assert not roll_back(SERVING_TWO, Kind.ASR, "owner", "", LATER, deny=False).denied


def test_there_is_nothing_to_go_back_from_without_a_bundle() -> None:
    with pytest.raises(NothingToRollBackError):
        roll_back(with_bundles(ONE), Kind.ASR, "owner", "", NOW)


def test_what_is_not_installed_cannot_serve() -> None:
    with pytest.raises(UnknownBundleError):
        begin(State(), ONE, NOW)
    with pytest.raises(UnknownBundleError):
        advance(SERVING_TWO, Kind.ASR, Stage.SERVING, NOW)


def test_a_damaged_bundle_is_forgotten_and_the_one_before_serves() -> None:
    state = lose(begin(SERVING_TWO, TWO, NOW, Stage.WATCH), TWO, "bundle-damaged", "It is damaged.", LATER)
    assert (asr(state).active, asr(state).candidate) == (ONE, None)
    assert TWO not in state.installed
    assert not state.denied  # it may be fetched again
    assert asr(lose(state, ONE, "bundle-damaged", "", LATER)).active == ""


def test_a_damaged_bundle_is_not_left_for_one_that_failed_here() -> None:
    denied = refuse(SERVING_TWO, ONE, "self-test-failed", "It does not hear.", LATER)
    assert asr(lose(denied, TWO, "bundle-damaged", "", LATER)).active == ""


def test_a_damaged_bundle_that_does_not_serve_takes_nothing_with_it() -> None:
    state = lose(begin(SERVING_TWO, THREE, NOW), THREE, "bundle-damaged", "", LATER)
    assert asr(state) == asr(SERVING_TWO)
    assert asr(lose(SERVING_TWO, ONE, "bundle-damaged", "", LATER)).previous == ""


def test_kinds_do_not_mix() -> None:
    state = add(SERVING_TWO, "hey@1.0.0", Installed(kind=Kind.WAKE, manifest_sha256="1" * 64, bytes=1))
    state = activate(state, "hey@1.0.0", NOW)
    assert (state.of(Kind.WAKE).active, asr(state)) == ("hey@1.0.0", asr(SERVING_TWO))
    assert asr(roll_back(state, Kind.WAKE, "owner", "", NOW)) == asr(SERVING_TWO)


def test_what_is_used_is_never_forgotten() -> None:
    state = begin(SERVING_TWO, THREE, NOW)
    assert forget(state, state.installed) == state
    assert set(forget(SERVING_TWO, SERVING_TWO.installed).installed) == {ONE, TWO}


def test_two_crashes_within_ten_minutes_are_too_many() -> None:
    once = crashed(State(), [ONE, TWO], NOW)
    assert not keeps_crashing(once, ONE, NOW)
    assert keeps_crashing(crashed(once, [ONE], NOW + CRASH_WINDOW), ONE, NOW + CRASH_WINDOW)
    assert not keeps_crashing(crashed(once, [TWO], LATER), TWO, LATER)


def test_crashes_of_a_clock_that_was_wrong_are_not_of_late() -> None:
    ahead = crashed(State(), [ONE], NOW + dt.timedelta(days=3000))
    assert not keeps_crashing(crashed(ahead, [ONE], NOW), ONE, NOW)


def test_only_so_many_crashes_are_remembered() -> None:
    state = State()
    for _ in range(MOST_CRASHES + 5):
        state = crashed(state, [ONE], NOW)
    assert len(state.crashes) == MOST_CRASHES


STEPS = st.sampled_from(
    ["begin", "serving", "watch", "settle", "activate", "roll_back", "lose", "forgive", "forget", "crash"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(STEPS, st.sampled_from([ONE, TWO, THREE])), max_size=25))
def test_whatever_happens_what_serves_is_installed_and_the_state_survives_the_disk(
    steps: list[tuple[str, str]],
) -> None:
    state = with_bundles(ONE, TWO, THREE)
    for step, label in steps:
        try:
            state = taken(state, step, label)
        except EdgeVoiceError:
            continue
        kind = asr(state)
        assert state.used <= state.installed.keys()
        assert kind.active not in state.denied
        assert not kind.active or kind.active != kind.previous
        assert kind.candidate is None or (kind.candidate.stage is Stage.WATCH) == (kind.candidate.label == kind.active)
        assert state_of(fields_of(state)) == state


def taken(state: State, step: str, label: str) -> State:
    """Take a step that its caller could take: nobody watches what is not a candidate, or settles what is unheard."""
    candidate = asr(state).candidate
    watched = candidate is not None and candidate.stage is Stage.WATCH
    possible = {
        "begin": label != asr(state).active,
        "serving": not watched,
        "watch": not watched,
        "settle": candidate is None or watched,
    }
    taking: dict[str, Callable[[], State]] = {
        "begin": lambda: begin(state, label, NOW),
        "serving": lambda: advance(state, Kind.ASR, Stage.SERVING, NOW),
        "watch": lambda: advance(state, Kind.ASR, Stage.WATCH, NOW),
        "settle": lambda: settle(state, Kind.ASR),
        "activate": lambda: activate(state, label, NOW),
        "roll_back": lambda: roll_back(state, Kind.ASR, "worse", "It was worse.", NOW, evidence=ROWS),
        "lose": lambda: lose(state, label, "bundle-damaged", "It is damaged.", NOW),
        "forgive": lambda: forgive(state, label),
        "forget": lambda: forget(state, state.installed),
        "crash": lambda: crashed(state, [label], NOW),
    }
    return taking[step]() if possible.get(step, True) else state


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        {},
        {"schema": 1},
        fields_of(SERVING_TWO) | {"kinds": {"asr": {"active": "../../etc"}}},
        fields_of(SERVING_TWO) | {"installed": {"../x@1.0.0": fields_of(SERVING_TWO)["installed"][ONE]}},
        fields_of(SERVING_TWO) | {"installed": {ONE: {"kind": "asr", "manifest_sha256": "0", "bytes": 1}}},
        fields_of(SERVING_TWO) | {"crashes": [{"label": ONE, "at": "yesterday"}]},
        fields_of(SERVING_TWO) | {"crashes": [{"label": ONE, "at": "2026-11-22T10:00:00"}]},
    ],
)
def test_a_state_that_nobody_wrote_is_refused(fields: object) -> None:
    with pytest.raises(BundleDamagedError):
        state_of(fields)


def test_a_newer_servers_state_is_left_alone() -> None:
    with pytest.raises(NewerRecordsError, match="update this one"):
        state_of(fields_of(SERVING_TWO) | {"schema": 2})


def test_a_newer_servers_fields_are_passed_over() -> None:
    assert state_of(fields_of(SERVING_TWO) | {"moods": []}) == replace(SERVING_TWO)
