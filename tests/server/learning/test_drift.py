"""One language's turns, held against what was usual."""

import numpy as np
import pytest

from tests.server.learning.drift_streams import DAY_S, QUICK, STEADY, WORSE, Told, turns
from wyoming_server.commands.simulate_drift_homes import Homes, World, gathered, harder
from wyoming_server.learning.drift import GONE, LanguageDrift
from wyoming_server.learning.drift_alarm import Cause, message, settled_message
from wyoming_server.learning.drift_detectors import Detectors, bets
from wyoming_server.learning.drift_figures import FIGURES, INDEX, Metric
from wyoming_server.learning.drift_settings import DriftSettings


def test_it_learns_first_and_says_how_many_turns_are_to_go() -> None:
    told = Told()
    assert told.drift.turns_to_go == 300
    told.over(STEADY, 120)
    assert (told.drift.turns_to_go, list(told.drift.standings())) == (180, [])
    told.over(STEADY, 180, seed=2)
    assert told.drift.turns_to_go == 0
    told.over(STEADY, 400, seed=3)  # pairs and waits are rarer than turns
    assert {one.metric for one in told.drift.standings()} == set(Metric)


def test_turns_that_stay_as_they_are_raise_no_alarm() -> None:
    told = Told()
    told.over(STEADY, 2000)
    assert told.alarms == []
    assert all(one.e_value < one.alarm_at for one in told.drift.standings())


def test_more_unsure_turns_alarm_with_evidence_and_when_it_began() -> None:
    told = Told()
    told.over(STEADY, 1300)
    delay = told.over(WORSE, 400, until=lambda now: bool(now.alarms))
    (alarm,) = told.alarms
    assert (alarm.metric, alarm.language, alarm.cause) == (Metric.ESCALATION, "en", Cause.UNKNOWN)
    assert delay < 150
    assert alarm.before == pytest.approx(0.25, abs=0.06)
    assert 0.45 < alarm.now < 0.8  # too much on average, since it alarmed for being so much
    assert alarm.e_value >= 5000 / FIGURES[0].weight
    assert alarm.since_s == pytest.approx(DAY_S + 60.0 * 1300, abs=60.0 * 60)
    assert alarm.turns == pytest.approx(delay, abs=60)
    assert told.drift.alarms == [alarm]


@pytest.mark.parametrize(
    ("world", "metric"),
    [
        (World(harder=harder(0.5)), Metric.RISK),
        (World(doubt=1.0), Metric.CONFIDENCE),
        (World(wrong=3.0), Metric.DISAGREEMENT),
        (World(own=1.6), Metric.LATENCY),
        (World(lane=2.5), Metric.LATENCY),
    ],
)
def test_each_kind_of_change_is_told_of(world: World, metric: Metric) -> None:
    told = Told(LanguageDrift("en", DriftSettings(reference_turns=800, run_length_turns=2000)))
    told.over(World(), 1500)
    told.over(world, 1500, until=lambda now: metric in {one.metric for one in now.alarms})
    assert metric in {one.metric for one in told.alarms}


@pytest.mark.parametrize("world", [World(risky=0.05), World(doubt=-1.0, own=0.5, lane=0.5), World(wrong=-3.0)])
def test_what_grows_better_does_not_alarm(world: World) -> None:
    told = Told()
    told.over(STEADY if world.risky else World(), 1300)
    told.over(world, 1000)
    assert told.alarms == []


def test_an_alarm_stays_one_alarm_and_settles_once_all_is_as_before() -> None:
    told = Told()
    told.over(STEADY, 1300)
    told.over(WORSE, 600)
    assert told.figures == ["risky"]
    assert told.settled == []
    told.over(STEADY, 600, until=lambda now: bool(now.settled))
    assert [one.figure for one in told.settled] == ["risky"]
    assert told.drift.alarms == []
    told.over(WORSE, 400, until=lambda now: len(now.alarms) == 2, seed=5)
    assert told.figures == ["risky", "risky"]


def test_what_is_accepted_is_usual_from_then_on() -> None:
    told = Told()
    told.over(STEADY, 1300)
    told.over(WORSE, 700)
    assert told.drift.accept()
    assert told.drift.alarms == []
    assert told.drift.turns_to_go == 0  # the turns since the alarm are enough
    assert told.drift.references["risky"].mean == pytest.approx(0.5, abs=0.06)  # its limit is at half of all turns
    told.alarms.clear()
    told.over(WORSE, 1000, seed=3)
    assert told.alarms == []


def test_what_is_accepted_soon_after_an_alarm_is_gathered_from_what_came_since() -> None:
    told = Told()
    told.over(STEADY, 1300)
    told.over(WORSE, 400, until=lambda now: bool(now.alarms))
    told.over(WORSE, 20, seed=9)
    assert told.drift.accept()
    assert told.drift.turns_to_go == 280


def test_nothing_is_accepted_where_nothing_was_usual() -> None:
    assert not LanguageDrift("en", QUICK).accept()


def test_another_model_gathers_its_own_reference_and_its_own_figures_are_not_mixed() -> None:
    told = Told()
    told.over(STEADY, 1300)
    told.over(World(risky=0.9, doubt=2.0), 250, model="large", seed=4)
    assert told.alarms == []
    assert told.drift.references["risky"].model == "base"
    told.over(World(risky=0.9, doubt=2.0), 300, model="large", seed=5)
    assert told.drift.references["risky"].model == "large"
    assert told.drift.references["doubt"].mean > 0.8
    assert told.alarms == []


def test_another_model_that_is_slow_from_its_first_turn_on_is_told_of() -> None:
    told = Told()
    told.over(World(), 1300)
    told.over(World(own=1.7), 200, model="large", seed=4)
    assert told.figures == ["own_time"]


def test_a_candidate_beside_the_model_takes_nothing_over() -> None:
    told = Told()
    for at, one in enumerate(turns(STEADY, 3000)):
        told.drift.take(one, "candidate" if at > 1300 and at % 3 == 0 else "base", DAY_S + at)
    assert {one.model for one in told.drift.references.values()} == {"base"}
    assert set(told.drift.gathering) == {"base", "candidate"}


def test_an_alarm_of_a_model_that_has_gone_ends() -> None:
    told = Told()
    told.over(STEADY, 1300)
    told.over(WORSE, 300)
    told.over(STEADY, GONE + 5, model="large", seed=6)
    assert [one.figure for one in told.settled] == ["risky"]


def test_figures_that_begin_anew_forget_their_alarm() -> None:
    told = Told()
    told.over(STEADY, 1300)
    told.over(WORSE, 300)
    assert [one.figure for one in told.drift.restart(["risky"])] == ["risky"]
    assert "risky" not in told.drift.references
    assert told.drift.turns_to_go == 300


def test_memory_is_bounded_however_many_models_come_by() -> None:
    told = Told()
    for number in range(30):
        told.over(STEADY, 3, model=f"model-{number}")
    assert len(told.drift.gathering) == 3
    assert len(told.drift.heard) <= 4


def test_one_by_one_is_as_all_at_once() -> None:
    """What the simulation runs, many homes at once, gives what the server's watch gives."""
    settings = DriftSettings(reference_turns=200, run_length_turns=20_000)
    drift = LanguageDrift("en", settings)
    usual = gathered(Homes(1, np.random.default_rng(8)), STEADY, settings.reference_turns)
    homes = Homes(1, np.random.default_rng(8))
    while len(drift.references) < len(FIGURES):
        drift.take(homes.turn(STEADY).seen(0), "base", 0.0)
    for name, known in drift.references.items():
        assert known.mean == pytest.approx(usual.mean[0, INDEX[name]], abs=1e-3)
        assert known.clumping == pytest.approx(usual.clumping[0, INDEX[name]], abs=1e-2)
    for one in drift.detectors.values():
        one.clear()
    against = bets(usual.mean, usual.deviation, usual.turns, usual.clumping, settings.run_length_turns)
    detectors = Detectors(1)
    for at in range(300):
        turn = homes.turn(WORSE if at > 100 else STEADY)
        drift.take(turn.seen(0), "base", float(at))
        detectors.step(usual.numbers(turn), against)
    e_values = [drift.detectors[one.name].e_value for one in FIGURES]
    assert np.log1p(e_values) == pytest.approx(np.log1p(detectors.e_values()[0]), rel=0.02, abs=0.02)
    assert "risky" in drift.raised


def test_an_alarm_in_words_says_what_since_when_why_and_what_to_do() -> None:
    told = Told()
    told.over(STEADY, 1300)
    told.over(WORSE, 400, until=lambda now: bool(now.alarms))
    said = message(told.alarms[0])
    assert said.startswith("Of turns in 'en', the hub is not sure of ")
    assert " up from 2" in said
    assert "accept it as what is usual" in said
    assert settled_message(told.alarms[0]).startswith("How often the hub is not sure of 'en' is back")
