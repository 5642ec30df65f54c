"""A higher wake threshold is suggested only where it keeps false wakes out and real ones in."""

from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.learning.wake_advice import HIGHEST, REAL_LOST, Wake, better_threshold, false_share


def wakes(*, real: tuple[float, ...] = (), false: tuple[float, ...] = ()) -> list[Wake]:
    return [Wake(is_false=False, score=score) for score in real] + [Wake(is_false=True, score=score) for score in false]


def value(found: list[Wake], threshold: float = 0.5) -> float | None:
    suggestion = better_threshold(found, threshold)
    return suggestion and suggestion.value


def test_the_lowest_threshold_that_keeps_false_wakes_out_is_suggested() -> None:
    assert value(wakes(real=(0.95,) * 20, false=(0.55,) * 10)) == 0.6
    assert value(wakes(real=(0.95,) * 20, false=(0.55,) * 5 + (0.72,) * 5)) == 0.75


def test_a_few_false_wakes_are_no_reason_to_go_higher() -> None:
    assert value(wakes(real=(0.95,) * 20, false=(0.55,) * 9 + (0.9,))) == 0.6


def test_the_lowest_of_equally_good_thresholds_is_suggested() -> None:
    assert value(wakes(real=(0.99,) * 20, false=(0.55,) * 6 + (0.96,) * 4)) == 0.6
    assert value(wakes(real=(0.99,) * 19, false=(0.55,) * 9 + (0.72,))) == 0.6


def test_a_threshold_is_suggested_up_to_the_highest_and_never_one_that_holds_already() -> None:
    assert value(wakes(real=(0.99,) * 20, false=(0.92,) * 10)) == HIGHEST
    assert value(wakes(real=(0.99,) * 20, false=(0.96,) * 10)) is None
    assert value(wakes(real=(0.99,) * 20, false=(0.46,) * 10)) == 0.55


def test_real_wakes_are_not_given_up_for_it() -> None:
    assert value(wakes(real=(0.6,) * 20, false=(0.7,) * 10)) is None
    assert value(wakes(real=(0.62,) * 20, false=(0.55,) * 6 + (0.7,) * 4)) == 0.6
    assert value(wakes(real=(0.62,) * 20, false=(0.55,) * 4 + (0.7,) * 6)) is None


def test_one_real_wake_in_twenty_may_be_lost_and_is_said() -> None:
    suggestion = better_threshold(wakes(real=(0.6,) + (0.95,) * 19, false=(0.7,) * 10), 0.5)
    assert suggestion is not None
    assert suggestion.value == 0.75
    assert suggestion.why == (
        "10 of its last 30 wakes were for nobody; at 0.75 it would have slept through 10 of these, and it would have"
        " missed 1 of the 20 real ones"
    )


def test_without_enough_real_wakes_one_step_is_suggested_but_never_beyond_reach() -> None:
    few = wakes(real=(0.9,) * 4, false=(0.99,) * 20)
    assert value(few) == 0.6
    assert value(few, 0.8) == 0.9
    assert value(few, 0.85) == HIGHEST
    assert value(few, 0.9) is None
    suggestion = better_threshold(few, 0.5)
    assert suggestion is not None
    assert suggestion.why.startswith("20 of its last 24 wakes were for nobody; one step")


def test_shares_of_nothing_are_nothing() -> None:
    assert false_share([]) == 0.0
    assert false_share(wakes(real=(0.9,), false=(0.9,) * 3)) == 0.75


scores = st.lists(st.floats(0.5, 1.0), min_size=5, max_size=60).map(tuple)


@given(real=scores, false=scores, threshold=st.floats(0.0, 1.0))
def test_what_is_suggested_is_always_higher_within_reach_and_worth_it(
    real: tuple[float, ...], false: tuple[float, ...], threshold: float
) -> None:
    found = value(wakes(real=real, false=false), threshold)
    if found is not None:
        assert threshold < found <= HIGHEST
        assert sum(one < found for one in real) <= REAL_LOST * len(real)
        assert sum(one < found for one in false) >= len(false) / 2
