"""Platt's line from labels: right in the limit, held to its parent before, never falling."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.learning.calibration import LEAST_SLOPE, Fit, Ridge, Values, fit, inherited, logit, pooled
from wyoming_server.pipeline.policy import UNCALIBRATED, Calibration, Cell, MicrophoneClass

RIDGE = Ridge()


def labelled(turns: int, *, intercept: float, slope: float, seed: int = 7) -> tuple[Values, Values, Values]:
    """Return log-odds, labels that follow a line, and weights of 1."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(-2.0, 2.0, turns)
    wrong = generator.random(turns) < 1.0 / (1.0 + np.exp(-(intercept + slope * logits)))
    return logits, wrong.astype(np.float64), np.ones(turns)


def fitted(turns: int, *, intercept: float, slope: float, seed: int = 7, prior: Calibration = UNCALIBRATED) -> Fit:
    columns = labelled(turns, intercept=intercept, slope=slope, seed=seed)
    return fit(*columns, prior=prior, ridge=RIDGE, start=prior)


def test_many_labels_find_their_line() -> None:
    found = fitted(20_000, intercept=0.9, slope=0.7).calibration
    assert found.intercept == pytest.approx(0.9, abs=0.1)
    assert found.slope == pytest.approx(0.7, abs=0.05)
    assert found.turns == 20_000


def test_without_labels_the_line_is_the_prior() -> None:
    prior = Calibration(intercept=-0.4, slope=1.3, turns=9)
    found = fitted(0, intercept=0.0, slope=1.0, prior=prior)
    assert (found.calibration.intercept, found.calibration.slope) == pytest.approx((-0.4, 1.3))
    assert found.calibration.turns == 0
    assert found.information.intercept == 0.0


def test_few_labels_stay_near_the_prior() -> None:
    few, many = (fitted(turns, intercept=2.0, slope=1.0).calibration for turns in (20, 1200))
    assert 0.0 < few.intercept < many.intercept
    assert many.intercept == pytest.approx(2.0, abs=0.35)


def test_labels_that_contradict_the_score_never_turn_the_line_round() -> None:
    found = fitted(3000, intercept=0.0, slope=-1.5).calibration
    assert found.slope == LEAST_SLOPE
    logits, wrong, weights = labelled(3000, intercept=0.0, slope=-1.5)
    # On the edge the intercept is still the best one: the mean risk is the share of wrong texts.
    mean = np.mean([found.probability(one) for one in logits])
    assert mean == pytest.approx(wrong.mean(), abs=0.01)
    assert len(weights) == found.turns


@given(
    st.lists(st.tuples(st.floats(-30, 30), st.booleans(), st.floats(0.01, 20)), max_size=60),
    st.floats(-5, 5),
    st.floats(0.05, 5),
)
def test_any_labels_give_a_finite_rising_line(
    labels: list[tuple[float, bool, float]], intercept: float, slope: float
) -> None:
    columns = [np.array([float(row[at]) for row in labels]) for at in range(3)]
    start = Calibration(intercept=intercept, slope=slope)
    found = fit(columns[0], columns[1], columns[2], prior=UNCALIBRATED, ridge=RIDGE, start=start).calibration
    assert math.isfinite(found.intercept)
    assert math.isfinite(found.slope)
    assert found.slope >= LEAST_SLOPE


def test_where_the_steps_begin_does_not_matter() -> None:
    columns = labelled(400, intercept=0.5, slope=0.8)
    starts = (UNCALIBRATED, Calibration(intercept=4.0, slope=0.1), Calibration(intercept=-3.0, slope=3.0))
    lines = [fit(*columns, prior=UNCALIBRATED, ridge=RIDGE, start=start).calibration for start in starts]
    for line in lines[1:]:
        assert (line.intercept, line.slope) == pytest.approx((lines[0].intercept, lines[0].slope), abs=1e-5)


def test_one_heavy_label_is_one_label() -> None:
    logits, wrong, _ = labelled(200, intercept=0.0, slope=1.0)
    light, heavy = (
        fit(
            logits,
            wrong,
            np.full(200, weight),
            prior=UNCALIBRATED,
            ridge=Ridge(intercept=0.01, slope=0.01),
            start=Calibration(),
        )
        for weight in (1.0, 20.0)
    )
    assert heavy.information.intercept == pytest.approx(light.information.intercept, rel=0.05)


def test_a_parent_lies_between_its_children_and_nearer_the_one_that_knows_more() -> None:
    little, much = fitted(40, intercept=0.0, slope=1.0), fitted(4000, intercept=2.0, slope=1.0, seed=8)
    parent = pooled((little, much), prior=UNCALIBRATED, ridge=RIDGE)
    middle = (little.calibration.intercept + much.calibration.intercept) / 2
    assert middle * 0.7 < parent.intercept < much.calibration.intercept
    assert pooled((), prior=little.calibration, ridge=RIDGE).intercept == pytest.approx(little.calibration.intercept)


def test_a_new_cell_inherits_from_its_language_and_its_microphone_but_not_from_strangers() -> None:
    shifted = fitted(2000, intercept=1.5, slope=1.0)
    cell = Cell(language="de", microphone_class=MicrophoneClass.HEADSET)
    same_language = Cell(language="de", microphone_class=MicrophoneClass.PHONE)
    same_microphone = Cell(language="fr", microphone_class=MicrophoneClass.HEADSET)
    stranger = Cell(language="fr", microphone_class=MicrophoneClass.PHONE)

    def prior(*others: Cell) -> float:
        return inherited(cell, dict.fromkeys(others, shifted), bundle=UNCALIBRATED, ridge=RIDGE).intercept

    assert prior(stranger) == prior(cell) == prior() == 0.0
    assert 0.3 < prior(same_language) < prior(same_language, same_microphone) < 1.5


def test_log_odds_of_certainties_are_finite() -> None:
    assert logit(0.0) == -logit(1.0)
    assert math.isfinite(logit(0.0))
    assert Calibration().probability(logit(0.2)) == pytest.approx(0.2)
