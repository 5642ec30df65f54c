"""What time it is for requests that wait, whatever the wall clock shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.resilience.waiting_clock import LONGEST_OFF_MS, WaitingClock

WALL_MS = 1_800_000_000_000
HOUR_S = 3600.0
YEAR_MS = 365 * 24 * 3_600_000


def test_while_the_clock_is_right_it_is_believed() -> None:
    clock = WaitingClock()
    assert clock.look(WALL_MS, 0.0) == WALL_MS
    assert clock.look(WALL_MS + 3_600_000, HOUR_S) == WALL_MS + 3_600_000
    assert clock.wall_of(WALL_MS) == WALL_MS


@pytest.mark.parametrize("leap_ms", [YEAR_MS, -YEAR_MS, 24 * 3_600_000])
def test_a_leap_is_no_time_that_has_passed(leap_ms: int) -> None:
    clock = WaitingClock()
    clock.look(WALL_MS, 0.0)
    assert clock.look(WALL_MS + leap_ms + 1000, 1.0) == WALL_MS + 1000
    assert clock.look(WALL_MS + leap_ms + 1000 + 3_600_000, 1.0 + HOUR_S) == WALL_MS + 1000 + 3_600_000
    assert clock.wall_of(WALL_MS + 1000) == WALL_MS + leap_ms + 1000, "what is shown goes by the wall clock of now"


def test_a_clock_that_leaps_there_and_back_is_where_it_was() -> None:
    clock = WaitingClock()
    clock.look(WALL_MS, 0.0)
    clock.look(WALL_MS + YEAR_MS, 0.0)
    assert clock.look(WALL_MS + 5000, 5.0) == WALL_MS + 5000
    assert clock.ahead_ms == 0


@pytest.mark.parametrize(
    ("off_ms", "counts_ms"),
    [(0, 0), (3_600_000, 3_600_000), (LONGEST_OFF_MS, LONGEST_OFF_MS), (YEAR_MS, 0), (-5000, 0)],
)
def test_over_a_restart_only_a_weekend_is_believed(off_ms: int, counts_ms: int) -> None:
    before = WaitingClock()
    before.look(WALL_MS, 100.0)
    after = WaitingClock.restored(before.snapshot())
    assert after.look(WALL_MS + off_ms, 3.0) == WALL_MS + counts_ms


@pytest.mark.parametrize("state", [None, {}, {"ahead_ms": "7", "shown_ms": 1}, {"ahead_ms": 7}])
def test_a_snapshot_that_is_none_of_ours_begins_anew(state: dict[str, object] | None) -> None:
    assert WaitingClock.restored(state) == WaitingClock()


@given(st.lists(st.tuples(st.floats(0.0, 3600.0), st.integers(-YEAR_MS, YEAR_MS)), max_size=20))
def test_whatever_the_clock_shows_time_goes_on_as_the_seconds_do(looks: list[tuple[float, int]]) -> None:
    clock, now_s = WaitingClock(), 0.0
    began_ms = clock.look(WALL_MS, now_s)
    for passed_s, leap_ms in looks:
        now_s += passed_s
        believed_ms = clock.look(WALL_MS + leap_ms, now_s)
        assert abs(believed_ms - began_ms - 1000.0 * now_s) <= 60_001 * len(looks)
