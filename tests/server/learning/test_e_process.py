"""Bets against "no worse": what they promise is checked by adding up every outcome, not by drawing some."""

import math

import numpy as np
import pytest

from wyoming_server.learning import e_process
from wyoming_server.learning.e_process import ODDS, TOLERANCE, Values


def binomial(turns: int, rate: float) -> Values:
    """Return the probability of each count from 0 to `turns`."""
    return np.array([math.comb(turns, k) * rate**k * (1.0 - rate) ** (turns - k) for k in range(turns + 1)])


def block(n: int, m: int, expected: float) -> Values:
    """Return the growth of each bet for every pair of counts: shape (n + 1, m + 1, odds)."""
    bad, worse = (one.astype(float) for one in np.meshgrid(np.arange(n + 1), np.arange(m + 1), indexing="ij"))
    full = np.ones_like(bad)
    return np.exp(e_process.compared(n * full, bad, m * full, worse, expected * full))


@pytest.mark.parametrize(("n", "m"), [(1, 1), (4, 1), (8, 1), (3, 5), (40, 10)])
@pytest.mark.parametrize("expected", [0.01, 0.05, 0.25, 0.7])
def test_a_candidate_within_the_tolerance_never_makes_a_bet_grow(n: int, m: int, expected: float) -> None:
    grown = block(n, m, expected)
    for baseline in (0.001, 0.01, 0.05, 0.2, 0.5, 0.8):
        for ratio in (0.2, 0.8, 1.0, TOLERANCE):
            chances = np.outer(binomial(n, baseline), binomial(m, min(1.0, baseline * ratio)))
            mean = np.einsum("ij,ijk->k", chances, grown)
            assert (mean <= 1.0 + 1e-9).all(), (baseline, ratio)


def test_a_candidate_twice_as_bad_makes_the_fitting_bet_grow_fastest() -> None:
    chances = np.outer(binomial(4, 0.05), binomial(1, 0.1))
    growth = np.einsum("ij,ijk->k", chances, np.log(block(4, 1, 0.05)))
    assert growth.argmax() == list(ODDS).index(2.0)
    assert growth.max() > 0.01


def test_the_nearest_point_of_the_null_is_nearer_than_any_other() -> None:
    def divergence(a: float, b: float) -> float:
        return a * math.log(a / b) + (1.0 - a) * math.log((1.0 - a) / (1.0 - b))

    for n, m, a, b in ((4, 1, 0.05, 0.1), (1, 6, 0.3, 0.7), (50, 50, 0.01, 0.2)):
        p, q = (float(one) for one in e_process.nearest(*(np.array(float(one)) for one in (a, b, n, m))))
        assert q == pytest.approx(TOLERANCE * p)
        best = n * divergence(a, p) + m * divergence(b, q)
        others = [n * divergence(a, one) + m * divergence(b, TOLERANCE * one) for one in np.linspace(0.001, 0.9, 500)]
        assert best <= min(others) + 1e-9


def test_a_block_with_an_empty_side_says_nothing() -> None:
    none, one, rate = np.zeros(1), np.ones(1), np.full(1, 0.05)
    assert (e_process.compared(none, none, one, one, rate) == 0.0).all()
    assert (e_process.compared(one, one, none, none, rate) == 0.0).all()


def test_pairs_within_the_tolerance_never_make_a_bet_grow() -> None:
    for share in (0.2, 0.5, TOLERANCE / (1.0 + TOLERANCE)):
        counts = np.arange(21.0)
        mean = binomial(20, share) @ np.exp(e_process.paired(counts, 20.0 - counts))
        assert (mean <= 1.0 + 1e-9).all()


def test_pairs_that_agree_say_nothing() -> None:
    assert (e_process.paired(np.zeros(1), np.zeros(1)) == 0.0).all()


def test_counts_within_what_is_allowed_never_make_a_bet_grow() -> None:
    counts = np.arange(101.0)
    grown = np.exp(e_process.exceeded(counts, np.full(101, 100.0), 0.02))
    assert (binomial(100, 0.02) @ grown <= 1.0 + 1e-9).all()
    assert (grown[10] > 10.0).all()


def test_nothing_known_is_an_e_value_of_one_and_certainty_is_a_number() -> None:
    assert e_process.e_value(np.zeros((3, len(ODDS)))) == pytest.approx(1.0)
    assert np.isfinite(e_process.e_value(np.full((1, len(ODDS)), 1e6))).all()


def test_a_long_good_beginning_does_not_use_up_what_a_bad_end_needs() -> None:
    lost = e_process.e_value(np.full((1, len(ODDS)), -1e6))
    assert lost == pytest.approx(0.05)


def test_rates_begin_at_the_prior_and_follow_what_was_seen() -> None:
    assert e_process.rate(np.zeros(1), np.zeros(1), 0.05) == pytest.approx(0.05)
    assert e_process.rate(np.full(1, 500.0), np.full(1, 2000.0), 0.05) == pytest.approx(0.25, abs=0.003)
