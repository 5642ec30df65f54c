import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.learning.bootstrap import STATISTICS, paired_differences
from wyoming_server.learning.curves import Ranking, at_threshold, ordered
from wyoming_server.learning.reliability import calibration_error, reliability, wilson

type Turns = list[tuple[int, bool]]

TURNS = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=40)
"""Few different scores, so that ties are the rule."""


def mixed(turns: Turns) -> bool:
    return len({wrong for _, wrong in turns}) == 2


def columns(turns: Turns) -> tuple[list[int], list[bool]]:
    return [score for score, _ in turns], [wrong for _, wrong in turns]


def by_hand_auroc(scores: Sequence[float], wrong: Sequence[bool]) -> float:
    bad = [score for score, is_wrong in zip(scores, wrong, strict=True) if is_wrong]
    good = [score for score, is_wrong in zip(scores, wrong, strict=True) if not is_wrong]
    return sum((b > g) + 0.5 * (b == g) for b in bad for g in good) / (len(bad) * len(good))


def by_hand_caught(scores: Sequence[float], wrong: Sequence[bool], most: int) -> float:
    """Escalate the riskiest; of a tie that does not fit whole, each member is as likely as any other."""
    expected, room = 0.0, most
    for score in sorted(set(scores), reverse=True):
        tie = [is_wrong for one, is_wrong in zip(scores, wrong, strict=True) if one == score]
        taken = min(room, len(tie))
        expected += sum(tie) * taken / len(tie)
        room -= taken
    return expected


def test_five_turns_by_hand() -> None:
    ranking = Ranking.of([0.9, 0.1, 0.8, 0.3, 0.2], [True, False, False, True, False])
    assert list(ranking.caught) == [0, 1, 1, 2, 2, 2]
    assert ranking.auroc() == pytest.approx(5 / 6)
    assert list(ranking.error_at_coverage()) == pytest.approx([0, 0, 1 / 3, 1 / 4, 2 / 5])
    assert ranking.aurc() == pytest.approx((1 / 3 + 1 / 4 + 2 / 5) / 5)
    assert ranking.best().aurc() == pytest.approx((1 / 4 + 2 / 5) / 5)
    assert ranking.excess_aurc() == pytest.approx(1 / 15)
    assert ranking.augrc() == pytest.approx((1 / 5 + 1 / 5 + 2 / 5) / 5)
    assert [ranking.caught_at(share) for share in (0.0, 0.2, 0.5, 0.6, 1.0)] == pytest.approx([0, 0.5, 0.75, 1, 1])
    shares, errors = ranking.cost_quality()
    assert list(shares) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert list(errors) == pytest.approx([0.4, 0.2, 0.2, 0, 0, 0])


def test_a_tie_counts_with_its_expectation() -> None:
    ranking = Ranking.of([1, 1, 1, 1, 0], [True, False, False, True, False])
    assert list(ranking.caught) == [0, 0.5, 1, 1.5, 2, 2]
    assert ranking.auroc() == pytest.approx(by_hand_auroc([1, 1, 1, 1, 0], [True, False, False, True, False]))


@given(TURNS)
def test_the_curve_is_what_escalating_one_by_one_catches(turns: Turns) -> None:
    scores, wrong = columns(turns)
    by_hand = [by_hand_caught(scores, wrong, most) for most in range(len(turns) + 1)]
    assert list(Ranking.of(scores, wrong).caught) == pytest.approx(by_hand)


@given(TURNS.filter(mixed))
def test_auroc_is_the_share_of_pairs_in_order(turns: Turns) -> None:
    scores, wrong = columns(turns)
    assert Ranking.of(scores, wrong).auroc() == pytest.approx(by_hand_auroc(scores, wrong))


@given(TURNS, st.randoms(use_true_random=False))
def test_only_the_order_of_scores_counts_and_not_that_of_turns(turns: Turns, randomness: object) -> None:
    scores, wrong = columns(turns)
    before = Ranking.of(scores, wrong).caught
    risen = Ranking.of([math.exp(2.0 * score) for score in scores], wrong).caught
    assert list(risen) == pytest.approx(list(before))
    randomness.shuffle(turns)
    assert list(Ranking.of(*columns(turns)).caught) == pytest.approx(list(before))


@given(TURNS)
def test_no_score_beats_the_oracle_and_a_reversed_one_is_its_mirror(turns: Turns) -> None:
    scores, wrong = columns(turns)
    ranking = Ranking.of(scores, wrong)
    assert (ranking.caught <= ranking.best().caught + 1e-9).all()
    assert ranking.excess_aurc() >= -1e-12
    assert ranking.best().excess_aurc() == 0.0
    if mixed(turns):
        mirrored = Ranking.of([-score for score in scores], wrong)
        assert ranking.auroc() + mirrored.auroc() == pytest.approx(1.0)
        assert ranking.best().auroc() == pytest.approx(1.0)


@given(TURNS)
def test_a_score_that_knows_nothing_is_the_random_router(turns: Turns) -> None:
    _, wrong = columns(turns)
    ranking = Ranking.of([7] * len(turns), wrong)
    assert list(ranking.caught) == pytest.approx(list(Ranking.random(len(turns), sum(wrong)).caught))
    assert ranking.aurc() == pytest.approx(sum(wrong) / len(wrong))
    if any(wrong):
        assert ranking.caught_at(0.15) == pytest.approx(0.15)


def test_the_random_router_is_the_mean_of_random_routers() -> None:
    generator = np.random.default_rng(5)
    wrong = generator.random(60) < 0.3
    mean = np.mean([Ranking.of(generator.random(60), wrong).caught for _ in range(4000)], axis=0)
    assert np.abs(mean - Ranking.random(60, int(wrong.sum())).caught).max() < 0.15


@given(TURNS.filter(mixed))
def test_the_generalised_area_follows_from_auroc_and_accuracy(turns: Turns) -> None:
    """Traub et al. 2024, equation 7, with the last step's half that a mean over n coverages adds."""
    scores, wrong = columns(turns)
    ranking, error = Ranking.of(scores, wrong), sum(wrong) / len(wrong)
    expected = (1 - ranking.auroc()) * error * (1 - error) + error**2 / 2 + error / (2 * len(wrong))
    assert ranking.augrc() == pytest.approx(expected)


def test_without_errors_or_without_right_texts_there_is_no_auroc() -> None:
    assert math.isnan(Ranking.of([1, 2], [False, False]).auroc())
    assert math.isnan(Ranking.of([1, 2], [True, True]).auroc())
    assert math.isnan(Ranking.of([1, 2], [False, False]).caught_at(0.15))
    assert Ranking.of([1, 2], [False, False]).aurc() == 0.0


def test_infinite_scores_rank_and_nan_is_refused() -> None:
    assert Ranking.of([math.inf, 3.0, -math.inf], [True, False, False]).auroc() == 1.0
    for wrong_input in ([], [[1.0]], [math.nan, 1.0]):
        with pytest.raises(ValueError, match="score"):
            ordered(wrong_input)
    with pytest.raises(ValueError, match="labels"):
        Ranking.of([1.0, 2.0], [True])


@given(TURNS, st.integers(-5, 5))
def test_a_threshold_accepts_what_is_not_above_it(turns: Turns, threshold: int) -> None:
    scores, wrong = columns(turns)
    there = at_threshold(scores, wrong, threshold)
    accepted = [is_wrong for score, is_wrong in turns if score <= threshold]
    assert there.error == pytest.approx(sum(accepted) / len(turns))
    assert there.escalation == pytest.approx(1 - len(accepted) / len(turns))
    assert there.accepted_error == (pytest.approx(sum(accepted) / len(accepted)) if accepted else None)


def test_a_threshold_without_turns_is_refused() -> None:
    with pytest.raises(ValueError, match="without turns"):
        at_threshold([], [], 0.5)


@given(TURNS, st.integers(1, 12))
def test_bins_hold_every_turn_once_in_rising_order_and_split_no_tie(turns: Turns, bins: int) -> None:
    predicted = [(score + 4) / 8 for score, _ in turns]
    wrong = columns(turns)[1]
    found = reliability(predicted, wrong, bins=bins)
    assert sum(one.turns for one in found) == len(turns)
    assert len(found) <= bins
    assert sum(one.turns * one.observed for one in found) == pytest.approx(sum(wrong))
    assert sum(one.turns * one.predicted for one in found) == pytest.approx(sum(predicted))
    assert all(one.predicted < other.predicted for one, other in itertools.pairwise(found))
    assert all(one.low - 1e-9 <= one.observed <= one.high + 1e-9 for one in found)


def test_bins_are_of_equal_mass() -> None:
    found = reliability(np.linspace(0.01, 0.99, 100), np.zeros(100, bool), bins=10)
    assert [one.turns for one in found] == [10] * 10


def test_honest_probabilities_have_little_calibration_error_and_boastful_ones_much() -> None:
    generator = np.random.default_rng(11)
    honest = generator.random(20_000)
    wrong = generator.random(20_000) < honest
    assert calibration_error(reliability(honest, wrong)) < 0.02
    assert calibration_error(reliability(honest / 2, wrong)) == pytest.approx(0.25, abs=0.02)


def test_wilsons_interval_is_the_published_one() -> None:
    """Newcombe 1998, table I: 81 of 263, 15 of 148 and 0 of 20."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


def drawn_turns(seed: int, groups: int, *, better: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
    """Six turns a group, errors shared within it; the first score sees them through less noise when `better`."""
    generator = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), 6)
    hard = np.repeat(generator.normal(0, 1, groups), 6)
    wrong = generator.random(len(group)) < 1 / (1 + np.exp(1.5 - 2 * hard))
    first = hard + generator.normal(0, 1.0, len(group))
    second = hard + generator.normal(0, 1.0 + better, len(group))
    return first, second, wrong, group.tolist()


def test_the_bootstrap_is_reproducible_and_depends_on_its_seed() -> None:
    first, second, wrong, groups = drawn_turns(1, 30, better=1.0)

    def intervals(seed: int) -> dict[str, object]:
        return dict(paired_differences(first, second, wrong, groups, generator=np.random.default_rng(seed), rounds=50))

    assert intervals(3) == intervals(3) != intervals(4)


def test_a_better_score_is_found_better_and_a_score_equals_itself() -> None:
    first, second, wrong, groups = drawn_turns(2, 150, better=3.0)
    found = paired_differences(first, second, wrong, groups, generator=np.random.default_rng(0), rounds=300)
    for name, statistic in STATISTICS.items():
        interval = found[name]
        assert interval is not None
        assert interval.difference == pytest.approx(
            statistic(Ranking.of(first, wrong)) - statistic(Ranking.of(second, wrong))
        )
        assert 0 < interval.low < interval.difference < interval.high
    same = paired_differences(first, first * 2, wrong, groups, generator=np.random.default_rng(0), rounds=20)
    assert all(one is not None and one.low == one.high == 0 for one in same.values())


def test_intervals_of_equal_scores_cover_zero_about_as_often_as_they_claim() -> None:
    covered = 0
    for seed in range(60):
        first, second, wrong, groups = drawn_turns(100 + seed, 40, better=0.0)
        found = paired_differences(first, second, wrong, groups, generator=np.random.default_rng(seed), rounds=100)
        interval = found["auroc"]
        assert interval is not None
        covered += interval.low <= 0 <= interval.high
    assert 50 <= covered <= 60  # 57 expected; binomial, so fewer than 50 would happen once in ten thousand


def test_drawing_whole_groups_is_wider_than_drawing_turns_apart() -> None:
    """What copies of one turn cost: as single turns they would look like six times the evidence."""
    first, second, wrong, _ = drawn_turns(7, 40, better=0.5)
    first, second, wrong = (np.repeat(column[::6], 6) for column in (first, second, wrong))
    groups = np.repeat(np.arange(40), 6).tolist()

    def width(labels: list[int]) -> float:
        found = paired_differences(first, second, wrong, labels, generator=np.random.default_rng(1), rounds=400)
        assert found["auroc"] is not None
        return found["auroc"].high - found["auroc"].low

    assert width(groups) > 1.7 * width(list(range(240)))


def test_a_difference_that_is_undefined_has_no_interval() -> None:
    found = paired_differences(
        [1, 2, 3], [3, 2, 1], [False] * 3, ["a", "b", "c"], generator=np.random.default_rng(0), rounds=10
    )
    assert found["auroc"] is None
    assert found["caught_at_0.15"] is None
    assert found["excess_aurc"] is not None
