"""What is shown of the mode: as a table of what was seen when, and never a leap for what lasts a moment."""

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.resilience.degraded import Condition, Mode
from wyoming_server.resilience.modes import Modes

AT = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)
NORMAL, ALONE, FULL = Mode.NORMAL, Mode.EDGE_ONLY, Mode.SHEDDING
STARTER, LANE, NOTHING = Mode.STARTER, Mode.CLOUD_ONLY, Mode.UNAVAILABLE


def seen(mode: Mode, reason: str = "") -> Condition:
    return Condition(mode=mode, reason=reason)


def shown(looks: list[tuple[float, Mode]]) -> list[Mode]:
    """Return what is shown at each look."""
    modes = Modes()
    return [modes.look(seen(mode), at_s, AT).condition.mode for at_s, mode in looks]


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(0, STARTER)], [STARTER]),
        ([(0, NORMAL), (1, ALONE), (2, ALONE), (3, ALONE)], [NORMAL, NORMAL, NORMAL, ALONE]),
        ([(0, NORMAL), (1, ALONE), (2, NORMAL), (3, ALONE), (4, ALONE)], [NORMAL] * 5),
        ([(0, NORMAL), (1, NOTHING)], [NORMAL, NOTHING]),
        ([(0, LANE), (1, NOTHING), (2, LANE), (4, LANE), (5, LANE)], [LANE, NOTHING, NOTHING, NOTHING, LANE]),
        ([(0, ALONE), (1, NORMAL), (3.9, NORMAL), (4, NORMAL)], [ALONE, ALONE, ALONE, NORMAL]),
        ([(0, FULL), (1, NORMAL), (6, NORMAL), (11, NORMAL)], [FULL, FULL, FULL, NORMAL]),
        ([(0, FULL), (1, NORMAL), (9, FULL), (12, NORMAL)], [FULL] * 4),
        # What is worse in turns, one way and another, is worse without a break.
        ([(0, NORMAL), (1, ALONE), (2, LANE), (3, FULL)], [NORMAL, NORMAL, NORMAL, FULL]),
        # A change for the better that turns out to be one for the worse begins to count then.
        ([(0, STARTER), (1, NORMAL), (3, LANE), (4, LANE), (5, LANE)], [STARTER, STARTER, STARTER, STARTER, LANE]),
    ],
)
def test_what_is_shown_follows_what_is_seen_once_it_lasts(
    looks: list[tuple[float, Mode]], expected: list[Mode]
) -> None:
    assert shown(looks) == expected


def test_another_reason_is_told_at_once_and_since_when_stays() -> None:
    modes = Modes()
    before = modes.look(seen(ALONE, "Groq cannot be reached."), 0.0, AT)
    after = modes.look(seen(ALONE, "Groq has used up its budget."), 1.0, AT + dt.timedelta(seconds=1))
    assert (after.condition.reason, after.since) == ("Groq has used up its budget.", before.since)


def test_since_is_when_it_was_entered_and_a_leap_of_the_wall_moves_nothing() -> None:
    modes = Modes()
    modes.look(seen(NORMAL), 0.0, AT)
    modes.look(seen(ALONE), 1.0, AT)
    later = AT + dt.timedelta(days=365)
    assert modes.look(seen(ALONE), 2.0, later).since == AT
    assert modes.look(seen(ALONE), 3.0, later).since == later
    assert modes.look(seen(ALONE), 4.0, AT).since == later


@given(st.lists(st.tuples(st.floats(0.0, 4.0), st.sampled_from(Mode)), min_size=1, max_size=30))
def test_whatever_comes_and_goes_a_mode_is_kept_for_two_seconds_unless_nothing_works(
    steps: list[tuple[float, Mode]],
) -> None:
    at_s, looks = 0.0, list[tuple[float, Mode]]()
    for pause_s, mode in steps:
        at_s += pause_s
        looks.append((at_s, mode))
    told = shown(looks)
    entered_s = looks[0][0]
    for (before, after), (at_s, found) in zip(itertools.pairwise(told), looks[1:], strict=True):
        assert after in {before, found}
        if after is not before:
            assert after is NOTHING or at_s - entered_s >= 1.99
            entered_s = at_s
