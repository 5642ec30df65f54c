"""The bets that a figure has risen: what they are, and what they may not do."""

import numpy as np
import pytest

from wyoming_server.learning.drift_detectors import EFFECTS, SHARES, WEIGHTS, Bets, Detector, Detectors, bets, levels
from wyoming_server.learning.drift_figures import FIGURES, INDEX, Metric, figure
from wyoming_server.learning.drift_reference import Reference
from wyoming_server.learning.e_process import Values

RISKY, MANY = INDEX["risky"], 1e12
RUN_LENGTH = 500.0


def against(mean: float, turns: float = MANY, clumping: float = 1.0, deviation: float = 0.1) -> Bets:
    """Return bets against the same reference of each figure."""
    shape = len(FIGURES)
    return bets(
        np.full(shape, mean), np.full(shape, deviation), np.full(shape, turns), np.full(shape, clumping), RUN_LENGTH
    )


def only(values: Values, figure: int = RISKY) -> Values:
    """Return turns that tell of one figure alone: (turns, homes) → (turns, homes, figures)."""
    turns = np.full((*values.shape, len(FIGURES)), np.nan)
    turns[..., figure] = values
    return turns


def test_the_false_alarms_of_all_figures_and_bets_add_up_to_those_allowed() -> None:
    assert WEIGHTS.sum() == pytest.approx(1.0)
    assert SHARES.sum() == pytest.approx(1.0)
    assert {one.metric for one in FIGURES} == set(Metric)
    assert (1.0 / levels(RUN_LENGTH)).sum() == pytest.approx(1.0 / RUN_LENGTH)


def test_a_bet_on_a_rate_is_its_likelihood_ratio() -> None:
    known = against(0.25)
    rates = 0.25 + EFFECTS * np.sqrt(0.25 * 0.75)
    yes = 1.0 + known.stakes[RISKY] * (1.0 - known.means[RISKY])
    no = 1.0 - known.stakes[RISKY] * known.means[RISKY]
    assert yes == pytest.approx(rates / 0.25, rel=1e-6)
    assert no == pytest.approx((1.0 - rates) / 0.75, rel=1e-6)


def test_evidence_follows_the_recursion_of_shiryaev_and_roberts() -> None:
    known, detectors = against(0.25), Detectors(1)
    expected = np.zeros(len(EFFECTS))
    for x in (1.0, 0.0, 1.0, 1.0):
        detectors.step(only(np.array([x])), known)
        expected = (expected + 1.0) * (1.0 + known.stakes[RISKY] * (x - known.means[RISKY]))
    assert detectors.evidence[0, RISKY] == pytest.approx(expected)
    assert detectors.e_values()[0, RISKY] == pytest.approx(expected @ SHARES)
    assert detectors.e_values()[0].sum() == detectors.e_values()[0, RISKY]


def test_a_turn_that_says_nothing_of_a_figure_changes_nothing_of_it() -> None:
    known, detectors = against(0.25), Detectors(1)
    detectors.step(only(np.array([1.0])), known)
    before = detectors.evidence.copy()
    detectors.step(np.full((1, len(FIGURES)), np.nan), known)
    assert (detectors.evidence == before).all()


def test_no_bet_is_held_without_a_reference() -> None:
    detectors, nothing = Detectors(1), against(0.25, 0.0)
    for _ in range(100):
        detectors.step(np.ones((1, len(FIGURES))), nothing)
    assert not detectors.e_values().any()


@pytest.mark.parametrize("rate", [0.05, 0.25, 0.6])
def test_false_alarms_are_as_rare_as_promised_where_the_reference_is_known(rate: float) -> None:
    homes, turns = 400, 1500
    chance = np.random.default_rng(7)
    known, detectors, alarms = against(rate), Detectors(homes), 0
    for _ in range(turns):
        detectors.step(only(np.where(chance.random(homes) < rate, 1.0, 0.0)), known)
        hit = detectors.e_values()[:, RISKY] >= RUN_LENGTH
        alarms += int(hit.sum())
        detectors.clear(hit)
    assert 0 < alarms <= homes * turns / RUN_LENGTH


def test_a_bound_holds_for_every_mean_below_the_references_too() -> None:
    known = against(0.25)
    for mean in (0.0, 0.1, 0.25):
        assert (1.0 + known.stakes[RISKY] * (mean - known.means[RISKY]) <= 1.0 + 1e-9).all()


def test_no_turn_can_take_more_than_nine_tenths_of_a_bet() -> None:
    for mean in (0.0, 0.02, 0.5, 0.9):
        for turns in (50.0, 1000.0, MANY):
            known = against(mean, turns)
            assert (1.0 - known.stakes * known.means > 0.09).all()
            assert (known.stakes >= 0.0).all()


def test_a_short_reference_and_turns_that_hang_together_raise_what_is_bet_against() -> None:
    assert (against(0.25, 100.0).means > against(0.25, 1000.0).means).all()
    assert (against(0.25, 1000.0).means > against(0.25).means).all()
    clumped = against(0.25, clumping=4.0)
    assert (clumped.means > against(0.25).means).all()
    assert clumped.stakes[RISKY] == pytest.approx(against(0.25).stakes[RISKY] / 4.0)


@pytest.mark.parametrize("name", ["risky", "risk"])
def test_one_home_is_as_many(name: str) -> None:
    chance, at = np.random.default_rng(2), INDEX[name]
    reference = Reference(model="base", turns=1000, mean=0.25, deviation=0.2, told=0.25, clumping=1.5)
    one, many = Detector(reference, figure(name), RUN_LENGTH), Detectors(1)
    known = against(0.25, 1000.0, 1.5, 0.2)
    for turn, x in enumerate(chance.random(300).tolist()):
        one.step(x, float(turn))
        many.step(only(np.array([x]), at), known)
        assert one.e_value == pytest.approx(float(many.e_values()[0, at]), rel=1e-9)


def test_the_likeliest_beginning_is_close_to_the_change() -> None:
    chance = np.random.default_rng(3)
    reference = Reference(model="base", turns=10**9, mean=0.25, deviation=0.4, told=0.25)
    found = []
    for _ in range(100):
        detector, turn = Detector(reference, figure("risky"), RUN_LENGTH), 0
        while detector.e_value < 1e4:
            turn += 1
            detector.step(float(chance.random() < (0.25 if turn < 200 else 0.5)), float(turn))
        found.append(detector.since[detector.leading])
    assert abs(float(np.median(found)) - 200.0) <= 15.0


def test_evidence_that_is_gone_is_gone_and_never_overflows() -> None:
    known, detectors = against(0.25), Detectors(1)
    for _ in range(5000):
        detectors.step(only(np.array([1.0])), known)
    assert np.isfinite(detectors.evidence).all()
    for _ in range(500):
        detectors.step(only(np.array([0.0])), known)
    assert detectors.e_values()[0, RISKY] < 10.0
