"""How short a context is allowed, and on how much evidence."""

import numpy as np
import pytest

from wyoming_server.errors import CalibrationError
from wyoming_server.publisher.calibrate import (
    FEWEST_UTTERANCES,
    FLOORS,
    TOLERANCE,
    Calibrated,
    Calibrator,
    Edits,
    judged,
    most_extra,
    shows_parity,
    sign_test,
)

RIGHT, WRONG = Edits(edits=0, words=5), Edits(edits=1, words=5)


def calibrated(recordings: int, wrong: dict[int, int]) -> Calibrated:
    """Return what is made of recordings of which each floor hears its first so many wrong."""
    calibrator = Calibrator()
    for number in range(recordings):
        calibrator.add({floor: WRONG if number < wrong.get(floor, 0) else RIGHT for floor in FLOORS}, number)
    return calibrator.result()


def test_the_bound_is_that_of_the_published_example() -> None:
    # Tango 1998, soft contact lenses: of 44 pairs only one differs, and a difference of 0.1 has Z = 1.709, p = 0.044.
    assert most_extra(1, 0, 44) < 0.1 < most_extra(1, 0, 40)


def test_a_floor_that_changes_nothing_is_shown_from_268_utterances_on() -> None:
    assert FEWEST_UTTERANCES == 268
    assert shows_parity(0, 0, 268)
    assert not shows_parity(0, 0, 267)


@pytest.mark.parametrize(
    ("costs", "saves", "utterances"), [(0, 0, 300), (3, 3, 600), (10, 12, 700), (0, 40, 300), (17, 16, 1240)]
)
def test_a_floor_that_costs_about_what_it_saves_is_shown_where_there_are_enough(
    costs: int, saves: int, utterances: int
) -> None:
    assert shows_parity(costs, saves, utterances)


@pytest.mark.parametrize(
    ("costs", "saves", "utterances"), [(1, 0, 300), (4, 4, 300), (10, 4, 1000), (200, 100, 10_000)]
)
def test_a_floor_that_may_cost_one_in_a_hundred_is_not(costs: int, saves: int, utterances: int) -> None:
    assert not shows_parity(costs, saves, utterances)


@pytest.mark.parametrize(("both", "only_saves"), [(0.01, 0.0), (0.03, 0.02), (0.06, 0.05)])
def test_a_floor_that_truly_costs_one_in_a_hundred_is_allowed_in_one_of_twenty_calibrations_at_most(
    both: float, only_saves: float
) -> None:
    drawn = np.random.default_rng(5).multinomial(600, [both, only_saves, 1 - both - only_saves], size=2000)
    allowed = [shows_parity(int(costs), int(saves), 600) for costs, saves, _ in drawn]
    assert both - only_saves == pytest.approx(TOLERANCE)
    assert np.mean(allowed) <= 0.05


def test_the_shortest_floor_that_was_shown_is_taken() -> None:
    found = calibrated(400, {300: 9})
    assert found.context_floor_frames == 400
    assert [one.allowed for one in found.held] == [True, True, True, True, False]
    assert "more may be wrong, and 1% is the most" in found.held[-1].reason


def test_the_first_floor_that_fails_ends_the_search() -> None:
    found = calibrated(400, {700: 9})
    assert found.context_floor_frames == 1000
    assert [one.allowed for one in found.held] == [True, False, False, False, False]
    assert "not shown for a longer one" in found.held[-1].reason


def test_without_enough_recordings_the_servers_usual_context_stays() -> None:
    found = calibrated(50, {})
    assert found.context_floor_frames == 1000
    assert "268 utterances at least are needed" in found.held[0].reason


def test_a_model_that_needs_the_whole_context_gets_it() -> None:
    found = calibrated(50, dict.fromkeys((1000, 700, 500, 400, 300), 5))
    assert found.context_floor_frames == 3000
    assert "needs the whole context" in found.held[0].reason
    assert not any(one.allowed for one in found.held)


def test_one_utterance_lost_at_the_usual_context_may_be_chance() -> None:
    assert calibrated(50, dict.fromkeys((1000, 700, 500, 400, 300), 1)).context_floor_frames == 1000
    assert sign_test(1, 0) == 0.5
    assert sign_test(5, 0) == 1 / 32
    assert sign_test(0, 0) == 1.0
    assert judged(1000, 5, 0, 50, may_go_on=True)[0] is False
    assert judged(1000, 5, 3, 50, may_go_on=True)[0] is True


def test_ten_recordings_of_one_utterance_are_one_witness() -> None:
    calibrator = Calibrator()
    for number in range(4000):
        calibrator.add(dict.fromkeys(FLOORS, RIGHT), number // 20)
    found = calibrator.result()
    assert found.calibration.recordings == 4000
    assert found.held[0].utterances == 200
    assert found.context_floor_frames == 1000


def test_an_utterance_is_lost_where_more_of_its_recordings_are_wrong() -> None:
    calibrator = Calibrator()
    for number, (short, whole) in enumerate([(WRONG, RIGHT), (WRONG, RIGHT), (RIGHT, WRONG), (WRONG, WRONG)]):
        calibrator.add({floor: whole if floor == 3000 else short for floor in FLOORS}, number < 3)
    calibrator.add({floor: WRONG if floor == 3000 else RIGHT for floor in FLOORS}, "another")
    assert [(one.costs, one.saves, one.utterances) for one in calibrator.result().held] == [(1, 1, 3)] * 5


def test_word_and_sentence_error_are_told_for_every_floor_the_shortest_first() -> None:
    calibration = calibrated(10, {300: 4, 3000: 1}).calibration
    assert calibration.recordings == 10
    assert [one.context_floor_frames for one in calibration.floors] == [300, 400, 500, 700, 1000, 3000]
    assert calibration.floors[0].word_error == 4 / 50
    assert calibration.floors[0].sentence_error == 0.4
    assert calibration.floors[-1].sentence_error == 0.1


def test_recordings_in_which_nothing_is_said_measure_nothing() -> None:
    calibrator = Calibrator()
    with pytest.raises(CalibrationError):
        calibrator.result()
    calibrator.add(dict.fromkeys(FLOORS, Edits(edits=0, words=0)), 0)
    with pytest.raises(CalibrationError):
        calibrator.result()
