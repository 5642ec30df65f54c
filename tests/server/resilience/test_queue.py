"""Requests that wait: every step that one may take, and what no order of steps can bring about."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.errors import RequestTakenError
from wyoming_server.pipeline.policy import WaitKind
from wyoming_server.resilience.queue import (
    BEGUN_MS,
    HOUR_MS,
    NEEDS_YOU,
    State,
    Waiting,
    Why,
    ended,
    expired,
    heard,
    may_drop,
    may_repeat,
    next_to_hear,
    not_heard,
    pause_s,
    refusal,
    started,
)
from wyoming_server.resilience.queue_settings import QueueSettings

NOW_MS = 1_000_000
SETTINGS = QueueSettings(most_requests=3, most_mb=1, tries=2, shown_hours=2.0, reminder_hours=0.0)
SHOWN_MS = NOW_MS + round(2.0 * HOUR_MS)


def waiting(number: int = 1, state: State = State.WAITING, **fields: object) -> Waiting:
    return Waiting(
        id=f"id-{number}",
        number=number,
        state=state,
        kind=WaitKind.LIST,
        at_ms=0,
        until_ms=NOW_MS + 1000,
        **fields,
    )


def test_a_request_is_heard_begun_and_done() -> None:
    ready = heard(waiting(), Why.NOTHING, NOW_MS, SETTINGS)
    begun = started(ready, "home", NOW_MS)
    assert (ready.state, begun.state, begun.started_by) == (State.READY, State.STARTED, "home")
    assert begun.until_ms == NOW_MS + BEGUN_MS
    assert ended(begun, "home", "done", NOW_MS, SETTINGS).state is State.OVER


def test_one_client_has_a_request_and_may_ask_for_it_again() -> None:
    begun = started(waiting(state=State.READY), "home", NOW_MS)
    assert started(begun, "home", NOW_MS + 5) is begun
    with pytest.raises(RequestTakenError):
        started(begun, "another home", NOW_MS)
    with pytest.raises(RequestTakenError):
        ended(begun, "another home", "done", NOW_MS, SETTINGS)


@pytest.mark.parametrize("state", [one for one in State if one is not State.READY])
def test_only_what_is_ready_is_handed_out(state: State) -> None:
    with pytest.raises(RequestTakenError, match=r".+"):
        started(waiting(state=state, started_by="somebody"), "home", NOW_MS)


@pytest.mark.parametrize(
    ("result", "state"), [("done", State.OVER), ("failed", State.FAILED), ("interrupted", State.INTERRUPTED)]
)
def test_an_end_is_believed_once_and_known_after_that(result: str, state: State) -> None:
    begun = started(waiting(state=State.READY), "home", NOW_MS)
    once = ended(begun, "home", result, NOW_MS, SETTINGS)
    assert once.state is state
    assert ended(once, "home", result, NOW_MS + 5, SETTINGS) is once


def test_who_has_done_it_is_believed_where_a_power_cut_took_the_start_back() -> None:
    assert ended(waiting(state=State.READY), "home", "done", NOW_MS, SETTINGS).state is State.OVER


def test_done_is_believed_after_the_hub_gave_up_waiting_for_it() -> None:
    begun = replace(started(waiting(state=State.READY), "home", NOW_MS), until_ms=NOW_MS)
    cut = expired(begun, NOW_MS, SETTINGS)
    assert cut is not None
    assert (cut.state, cut.why, cut.until_ms) == (State.INTERRUPTED, Why.UNTOLD, SHOWN_MS)
    assert ended(cut, "home", "done", NOW_MS, SETTINGS).state is State.OVER
    with pytest.raises(RequestTakenError):
        ended(cut, "another home", "done", NOW_MS, SETTINGS)


def test_what_was_understood_as_something_else_waits_for_its_owner() -> None:
    for why in (Why.OTHER, Why.CRITICAL):
        one = heard(waiting(), why, NOW_MS, SETTINGS)
        assert (one.state, one.why, one.until_ms) == (State.UNHEARD, why, SHOWN_MS)


def test_what_services_do_not_understand_is_tried_as_often_as_its_owner_wants() -> None:
    once = not_heard(waiting(), NOW_MS, SETTINGS)
    twice = not_heard(once, NOW_MS, SETTINGS)
    assert (once.state, once.tries) == (State.WAITING, 1)
    assert (twice.state, twice.tries, twice.why) == (State.UNHEARD, 2, Why.EMPTY)


def test_what_nobody_wants_any_more_goes_and_what_is_being_done_stays() -> None:
    for state in (State.WAITING, State.READY, *NEEDS_YOU):
        assert expired(waiting(state=state), NOW_MS + 999, SETTINGS) is not None
        assert expired(waiting(state=state), NOW_MS + 1000, SETTINGS) is None
        may_drop(waiting(state=state))
    with pytest.raises(RequestTakenError):
        may_drop(waiting(state=State.STARTED))


def test_only_what_needs_its_owner_is_repeated() -> None:
    for state in State:
        if state in NEEDS_YOU:
            may_repeat(waiting(state=state))
        else:
            with pytest.raises(RequestTakenError):
                may_repeat(waiting(state=state))


@pytest.mark.parametrize(
    ("kind", "held", "size", "says"),
    [
        (WaitKind.LIST, [], 10, ""),
        (WaitKind.REMINDER, [], 10, "reminders may not wait (reminder_hours is 0)"),
        (WaitKind.NOTE, [waiting(n) for n in range(3)], 10, "3 requests wait, as many as may (queue.most_requests)"),
        (WaitKind.NOTE, [waiting(bytes=2**20 - 5)], 10, "as much room as they may (1 MB, queue.most_mb)"),
    ],
)
def test_what_may_not_wait_is_told_why(kind: WaitKind, held: list[Waiting], size: int, says: str) -> None:
    told = refusal(kind, size, held, SETTINGS)
    assert says in told
    assert bool(told) is bool(says)


def test_services_are_asked_in_order_and_a_pause_of_the_first_holds_those_behind_it() -> None:
    held = [waiting(3), waiting(1), waiting(2), waiting(0, state=State.READY)]
    first = next_to_hear(held, 10.0, {}, lambda _: True)
    assert first is not None
    assert first.number == 1
    assert next_to_hear(held, 10.0, {"id-1": 12.0}, lambda _: True) is None
    assert next_to_hear(held, 12.0, {"id-1": 12.0}, lambda _: True) == first


def test_what_no_service_may_hear_now_holds_up_nobody() -> None:
    held = [waiting(1), waiting(2)]
    found = next_to_hear(held, 10.0, {}, lambda one: one.number == 2)
    assert found is not None
    assert found.number == 2
    assert next_to_hear(held, 10.0, {}, lambda _: False) is None


def test_a_service_that_is_away_is_left_alone_for_longer_and_longer_up_to_a_minute() -> None:
    pauses = [pause_s(failures) for failures in range(1, 8)]
    assert pauses == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["start", "done", "failed", "interrupted", "heard", "other", "unheard", "time"]),
        st.sampled_from(["home", "another home"]),
    ),
    max_size=25,
)


@given(STEPS)
def test_whatever_happens_in_whatever_order_one_client_begins_it_once(steps: list[tuple[str, str]]) -> None:
    one, began = waiting(), Counter[str]()
    for number, (step, by) in enumerate(steps):
        before, now_ms = one, NOW_MS + number
        try:
            if step == "start":
                one = started(one, by, now_ms)
            elif step in {"heard", "other"} and one.state is State.WAITING:
                one = heard(one, Why.NOTHING if step == "heard" else Why.OTHER, now_ms, SETTINGS)
            elif step == "unheard" and one.state is State.WAITING:
                one = not_heard(one, now_ms, SETTINGS)
            elif step == "time" and one.state is State.STARTED:
                after = expired(replace(one, until_ms=0), now_ms, SETTINGS)
                assert after is not None
                one = after
            elif step in {"done", "failed", "interrupted"}:
                one = ended(one, by, step, now_ms, SETTINGS)
        except RequestTakenError:
            assert one is before
        began[by] += before.state is State.READY and one.state is State.STARTED
        if before.state is State.OVER:
            assert one is before, "what is over stays over"
    assert sum(began.values()) <= 1
