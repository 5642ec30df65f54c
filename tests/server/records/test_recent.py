"""The last turns and their figures."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.errors import UnknownTurnError
from wyoming_server.records.recent import STAGES, WINDOW, RecentTurns, TurnFigures, figures_of, nearest_rank


def turn(number: int, last_word_ms: float = 100.0, **fields: Any) -> dict[str, Any]:
    """What is told of a turn."""
    return {
        "turn_id": f"turn-{number}",
        "action": "accept",
        "quality": {"snr_db": 20.0},
        "error": None,
        "latency_ms": {
            **dict.fromkeys(STAGES, last_word_ms / 10),
            "last_word_to_text": last_word_ms,
            "end_to_text": last_word_ms / 20,
        },
        **fields,
    }


def after(*turns: dict[str, Any]) -> RecentTurns:
    recent = RecentTurns()
    for one in turns:
        recent.add(one)
    return recent


def test_before_the_first_turn_there_is_nothing_to_speak_of() -> None:
    nothing = {"p50": None, "p95": None}
    assert RecentTurns().figures() == {
        "turns": 0,
        "escalations": 0,
        "errors": 0,
        "window_turns": 0,
        "escalation_rate": None,
        "last_word_to_text_ms": nothing,
        "end_to_text_ms": nothing,
        "stages_p95_ms": dict.fromkeys(STAGES),
    }
    assert RecentTurns().last_turn is None
    assert RecentTurns().last(10) == []


def test_turns_are_told_the_newest_first() -> None:
    recent = after(*(turn(number) for number in range(5)))
    assert [one["turn_id"] for one in recent.last(3)] == ["turn-4", "turn-3", "turn-2"]
    assert len(recent.last(50)) == 5
    assert recent.last(0) == []
    assert recent.last_turn == turn(4)
    assert recent.find("turn-0") == turn(0)
    with pytest.raises(UnknownTurnError):
        recent.find("turn-5")


def test_only_the_last_500_are_kept_while_the_counters_go_on() -> None:
    recent = after(*(turn(number, float(number)) for number in range(WINDOW + 100)))
    figures = recent.figures()
    assert (figures["turns"], figures["window_turns"], len(recent.last(10_000))) == (WINDOW + 100, WINDOW, WINDOW)
    assert figures["last_word_to_text_ms"] == {"p50": 349.0, "p95": 574.0}
    with pytest.raises(UnknownTurnError):
        recent.find("turn-99")


def test_turns_in_which_nobody_spoke_count_and_say_nothing_about_speed() -> None:
    silence = turn(1, 15_000.0, action="discard", quality=None)
    figures = after(turn(0), *[silence] * 40).figures()
    assert (figures["turns"], figures["window_turns"]) == (41, 1)
    assert figures["last_word_to_text_ms"] == {"p50": 100.0, "p95": 100.0}


def test_what_comes_later_is_added_without_counting_the_turn_again() -> None:
    recent = after(turn(0), turn(1))
    assert recent.amend("turn-0", route="cloud")["route"] == "cloud"
    assert [one.get("route") for one in recent.last(2)] == [None, "cloud"]
    assert recent.figures()["turns"] == 2
    with pytest.raises(UnknownTurnError):
        recent.amend("turn-2", route="cloud")


def test_errors_and_escalations_are_counted() -> None:
    refused = turn(0, error="needs-confirmation", action="error")
    lost = {"turn_id": "turn-1", "action": "error", "error": "overloaded", "quality": None, "latency_ms": None}
    figures = after(refused, lost, turn(2, action="escalate"), turn(3)).figures()
    assert (figures["turns"], figures["escalations"], figures["errors"]) == (4, 1, 2)
    assert (figures["window_turns"], figures["escalation_rate"]) == (3, pytest.approx(1 / 3))


def test_one_slow_stage_in_twenty_shows_at_its_95th_percentile_only_beyond_that() -> None:
    slow = turn(0)
    slow["latency_ms"] = {**slow["latency_ms"], "cloud": 900.0}
    assert after(slow, *(turn(number) for number in range(1, 20))).figures()["stages_p95_ms"]["cloud"] == 10.0
    assert after(slow, *(turn(number) for number in range(1, 19))).figures()["stages_p95_ms"]["cloud"] == 900.0


def test_figures_can_be_told_apart_from_what_is_shown() -> None:
    recent = RecentTurns()
    recent.add({"turn_id": "x"}, TurnFigures(spoke=True, escalated=True, latency_ms={"end_to_text": 7.0}))
    figures = recent.figures()
    assert (figures["escalation_rate"], figures["end_to_text_ms"]["p50"]) == (1.0, 7.0)
    assert figures["last_word_to_text_ms"]["p50"] is None


def test_texts_are_forgotten_at_once_and_the_turns_stay() -> None:
    recent = after(turn(0, text="turn on the light"), turn(1), turn(2, text="and the radio"))
    assert recent.forget_texts() == 2
    assert recent.last(3) == [turn(2), turn(1), turn(0)]
    assert recent.figures()["turns"] == 3


def test_what_is_handed_out_is_the_caller_s_own() -> None:
    recent = after(turn(0))
    recent.find("turn-0").clear()
    recent.last(1)[0].clear()
    (recent.last_turn or {}).clear()
    recent.figures().clear()
    assert recent.find("turn-0") == turn(0)
    assert recent.figures()["turns"] == 1


def test_clearing_forgets_turns_and_keeps_counters() -> None:
    recent = after(turn(0), turn(1))
    assert recent.clear() == 2
    assert (recent.last_turn, recent.figures()["turns"], recent.figures()["window_turns"]) == (None, 2, 0)


def test_a_turn_is_read_as_it_is_told() -> None:
    told = turn(0, action="escalate")
    assert figures_of(told) == TurnFigures(spoke=True, escalated=True, latency_ms=told["latency_ms"])
    assert figures_of({"turn_id": "x", "error": "overloaded"}) == TurnFigures(spoke=False, failed=True)


@given(
    values=st.lists(st.floats(0, 1e6), min_size=1, max_size=200).map(sorted), share=st.sampled_from([0.05, 0.5, 0.95])
)
def test_the_nearest_rank_is_the_least_value_that_covers_the_share(values: list[float], share: float) -> None:
    found = nearest_rank(values, share)
    assert found in values
    assert sum(one <= found for one in values) >= math.ceil(share * len(values))
    assert sum(one < found for one in values) < share * len(values)
    assert found == np.percentile(values, 100 * share, method="inverted_cdf")
