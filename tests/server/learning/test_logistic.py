"""Bounded logistic regression: at its end no step down is left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyoming_server.learning.logistic import Vector, bounded_logistic


def slope(rows: Vector, wrong: Vector, prior: Vector, ridge: float, weights: Vector, intercept: float) -> Vector:
    probability = 1 / (1 + np.exp(-(rows @ weights + intercept)))
    return rows.T @ (probability - wrong) + ridge * (weights - prior)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    ridge=st.sampled_from([0.01, 1.0, 50.0]),
    kinship=st.sampled_from([0.0, 0.9, 0.999]),
)
def test_every_weight_is_at_rest_or_pressed_against_its_bound(seed: int, ridge: float, kinship: float) -> None:
    rng = np.random.default_rng(seed)
    shared = rng.random((200, 1))
    rows = kinship * shared + (1 - kinship) * rng.random((200, 12))
    wrong = (rng.random(200) < 1 / (1 + np.exp(-(rows @ rng.normal(0, 3, 12) - 1)))).astype(float)
    prior = np.maximum(0.0, rng.normal(0, 1, 12))
    weights, intercept = bounded_logistic(rows, wrong, prior, ridge)
    down = slope(rows, wrong, prior, ridge, weights, intercept)
    assert (weights >= 0).all()
    assert np.abs(down[weights > 0]).max(initial=0.0) < 0.05
    assert (down[weights == 0] > -0.05).all()


def test_a_strong_prior_outweighs_the_data() -> None:
    rows, wrong = np.eye(2)[np.arange(100) % 2], (np.arange(100) % 2 == 0).astype(float)
    weights, _ = bounded_logistic(rows, wrong, np.array([0.5, 2.0]), 1e6)
    assert weights == pytest.approx([0.5, 2.0], abs=1e-3)
