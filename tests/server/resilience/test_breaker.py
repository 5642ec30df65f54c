"""The breaker, as a table and against every order of events."""

from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.errors import LaneBusyError, LaneCredentialsError, LaneEmptyError, LaneFailedError
from wyoming_server.resilience.breaker import BreakerSettings, BreakerState, LaneBreaker

SETTINGS = BreakerSettings(failures=3, open_seconds=10.0, most_seconds=40.0)
FAILED = LaneFailedError("it fell over", lane="cloud")


def breaker() -> LaneBreaker:
    return LaneBreaker(SETTINGS)


def failing(times: int, at_s: float = 0.0) -> LaneBreaker:
    one = breaker()
    for _ in range(times):
        one.failed(at_s, FAILED)
    return one


def test_it_opens_at_the_third_failure_in_a_row() -> None:
    assert failing(2).permits(0.0)
    assert not failing(3).permits(0.0)


def test_a_success_in_between_starts_the_count_anew() -> None:
    one = failing(2)
    one.succeeded(0.0)
    one.failed(0.0, FAILED)
    assert one.permits(0.0)


def test_it_says_why_and_for_how_long() -> None:
    one = failing(3)
    assert one.reason(4.0) == "it fell over (asked again in 6 s)"
    assert one.reason(10.0) == ""


def test_half_open_lets_one_through_and_its_failure_doubles_the_pause() -> None:
    one = failing(3)
    assert one.state(10.0) is BreakerState.HALF_OPEN
    one.entered(10.0)
    assert not one.permits(10.0)
    one.failed(11.0, FAILED)
    assert not one.permits(30.9)
    assert one.permits(31.0)


def test_the_pause_never_grows_beyond_the_most() -> None:
    one, at_s = failing(3), 10.0
    for _ in range(12):
        one.entered(at_s)
        one.failed(at_s, FAILED)
        at_s += SETTINGS.most_seconds
        assert one.permits(at_s)


def test_a_trial_that_was_given_up_leaves_the_trial_to_the_next() -> None:
    one = failing(3)
    one.entered(10.0)
    one.left(10.5)
    assert one.permits(10.5)


def test_a_wrong_key_opens_at_once() -> None:
    one = breaker()
    one.failed(0.0, LaneCredentialsError("the key is wrong", lane="cloud"))
    assert not one.permits(5.0)


def test_patience_that_was_asked_for_is_kept_up_to_the_most() -> None:
    for asked_s, until_s in ((25.0, 25.0), (1e9, SETTINGS.most_seconds), (-5.0, 0.1)):
        one = breaker()
        one.failed(0.0, LaneBusyError("not now", lane="cloud", retry_after_s=asked_s))
        assert not one.permits(until_s - 0.01)
        assert one.permits(until_s)


def test_hearing_nothing_is_no_fault_of_the_lane() -> None:
    one = failing(2)
    one.failed(0.0, LaneEmptyError("silence", lane="cloud"))
    one.failed(0.0, FAILED)
    assert one.permits(0.0)


@given(st.lists(st.sampled_from(["enter", "succeed", "fail", "leave", "wait"]), max_size=60))
def test_it_always_becomes_usable_again(events: list[str]) -> None:
    one, at_s = breaker(), 0.0
    for event in events:
        match event:
            case "enter":
                one.entered(at_s)
            case "succeed":
                one.succeeded(at_s)
            case "fail":
                one.failed(at_s, FAILED)
            case "leave":
                one.left(at_s)
            case _:
                at_s += 7.0
    one.left(at_s)
    assert one.permits(at_s + SETTINGS.most_seconds)


def test_its_owner_can_have_it_tried_now_and_one_more_failure_shuts_it_for_longer() -> None:
    one = failing(3)
    one.hurry(1.0)
    assert one.state(1.0) is BreakerState.HALF_OPEN
    one.entered(1.0)
    one.hurry(1.0)
    assert not one.permits(1.0), "its one trial is under way"
    one.failed(2.0, FAILED)
    assert not one.permits(21.0)
    assert one.permits(22.0)


def test_there_is_nothing_to_hurry_while_it_is_closed() -> None:
    one = failing(2)
    one.hurry(0.0)
    assert one.state(0.0) is BreakerState.CLOSED
    one.failed(0.0, FAILED)
    assert one.state(0.0) is BreakerState.OPEN
