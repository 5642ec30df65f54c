"""Edge–cloud disagreement: an estimate of all turns from those that were asked, with an interval that covers."""

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyoming_server.errors import SnapshotError
from wyoming_server.learning.comparison import Comparison, compare
from wyoming_server.learning.disagreement import (
    MAX_LOCALES,
    WINDOW,
    Disagreement,
    Disagreements,
    Pair,
    Population,
)

ALL, ACCEPTED, ESCALATED = Population.ALL, Population.ACCEPTED, Population.ESCALATED
AGREED = compare("turn on the light", "turn on the light", "en")
DIFFERED = compare("turn on the fright", "turn on the light", "en")


def pair(*, wrong: bool, audited: bool = False, chance: float = 1.0) -> Pair:
    return Pair(comparison=DIFFERED if wrong else AGREED, audited=audited, chance=chance)


def home(seed: int, *, turns: int, q: float, accepted_wrong: float, escalated_wrong: float) -> Disagreements:
    """Return what a home that escalates 30 % of its turns and audits some of the rest has seen."""
    source = random.Random(seed)
    seen = Disagreements()
    for _ in range(turns):
        escalated = source.random() < 0.3
        wrong = source.random() < (escalated_wrong if escalated else accepted_wrong)
        if escalated:
            seen.observe("en", pair(wrong=wrong))
        elif source.random() < q:
            seen.observe("en", pair(wrong=wrong, audited=True, chance=q))
    return seen


def figures(seen: Disagreements, population: Population | None = None, language: str = "en") -> Disagreement:
    found = seen.figures(language, population)
    assert found is not None
    return found


def test_the_weighted_rate_is_unbiased_over_audited_and_escalated_turns() -> None:
    truth = 0.3 * 0.4 + 0.7 * 0.05
    values = [
        figures(home(seed, turns=400, q=0.2, accepted_wrong=0.05, escalated_wrong=0.4)).intent.value
        for seed in range(300)
    ]
    mean = sum(values) / len(values)
    error = math.sqrt(sum((one - mean) ** 2 for one in values)) / len(values)
    assert abs(mean - truth) < 3.0 * error + 0.002
    unweighted = (0.3 * 0.4 + 0.7 * 0.2 * 0.05) / (0.3 + 0.7 * 0.2)
    assert abs(mean - truth) < abs(unweighted - truth) / 10


@pytest.mark.parametrize(
    ("turns", "q", "accepted_wrong"), [(400, 0.2, 0.05), (900, 0.05, 0.03), (900, 0.05, 0.2), (150, 0.1, 0.0)]
)
def test_the_interval_covers_the_truth_about_as_often_as_it_says(turns: int, q: float, accepted_wrong: float) -> None:
    truth = 0.3 * 0.4 + 0.7 * accepted_wrong
    seen = [home(seed, turns=turns, q=q, accepted_wrong=accepted_wrong, escalated_wrong=0.4) for seed in range(200)]
    found = [figures(one).intent for one in seen]
    covered = sum(one.low <= truth <= one.high for one in found) / len(found)
    print(f"{turns} turns, q {q}, {accepted_wrong:.0%} wrong: covered {covered:.1%}")
    assert covered >= 0.91
    assert sum(one.high - one.low for one in found) / len(found) < 0.4


def test_the_token_rates_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = 1.0 / 4.0 * (0.3 * 0.4 + 0.7 * 0.1)
    seen = [home(seed, turns=600, q=0.2, accepted_wrong=0.1, escalated_wrong=0.4) for seed in range(200)]
    found = [one.tokens for one in map(figures, seen)]
    covered = sum(one is not None and one.low <= truth <= one.high for one in found) / len(found)
    print(f"covered {covered:.1%}")
    assert covered >= 0.9


def test_the_figure_says_of_which_turns_it_speaks() -> None:
    seen = Disagreements()
    assert seen.figures("en") is None
    for index in range(40):
        seen.observe("en", pair(wrong=index < 20))
    assert figures(seen).population is ESCALATED
    assert figures(seen).intent.value == pytest.approx(0.5)
    assert seen.figures("en", ALL) is None
    assert seen.figures("en", ACCEPTED) is None
    for index in range(10):
        seen.observe("en", pair(wrong=index < 1, audited=True, chance=0.1))
    assert figures(seen).population is ALL
    assert figures(seen).intent.value == pytest.approx((20 + 10 * 1) / (40 + 10 * 10))
    assert figures(seen, ACCEPTED).intent.value == pytest.approx(0.1)
    assert figures(seen, ESCALATED).intent.value == pytest.approx(0.5)
    assert [figures(seen, one).pairs for one in (ALL, ACCEPTED, ESCALATED)] == [50, 10, 40]


@pytest.mark.parametrize("wrong", [False, True])
def test_a_few_pairs_that_all_say_the_same_leave_much_open(wrong: bool) -> None:
    seen = Disagreements()
    for _ in range(5):
        seen.observe("en", pair(wrong=wrong))
    found = figures(seen)
    for one in (found.intent, found.words, found.tokens, found.characters):
        assert one is not None
        assert one.low <= one.value <= one.high
        assert one.high - one.low > 0.3


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(1e-4, 1.0)), min_size=1, max_size=30),
    st.sampled_from(list(Population)),
)
def test_every_figure_lies_within_its_interval(pairs: list[tuple[bool, bool, float]], population: Population) -> None:
    seen = Disagreements()
    for wrong, audited, chance in pairs:
        seen.observe("en", pair(wrong=wrong, audited=audited, chance=chance))
    found = seen.figures("en", population)
    for one in (found.intent, found.words, found.tokens, found.characters) if found else ():
        assert one is not None
        assert 0.0 <= one.low <= one.value <= one.high
    for share in (found.intent, found.words) if found else ():
        assert share.high <= 1.0


def test_only_the_last_500_pairs_of_a_locale_count() -> None:
    seen = Disagreements()
    for index in range(WINDOW + 100):
        seen.observe("en", pair(wrong=index < 100))
    assert figures(seen).pairs == WINDOW
    assert figures(seen).intent.value == 0.0


def test_languages_without_spaces_have_no_token_rate() -> None:
    seen = Disagreements()
    seen.observe("zh-TW", Pair(comparison=compare("打开客厅的灯", "打开餐厅的灯", "zh"), audited=False))
    found = figures(seen, language="zh-TW")
    assert found.tokens is None
    assert found.characters.value == pytest.approx(1 / 6)


def test_a_lanes_empty_text_is_no_division_by_zero() -> None:
    seen = Disagreements()
    seen.observe("en", Pair(comparison=compare("hello", "", "en"), audited=False))
    assert (figures(seen).characters.low, figures(seen).characters.high) == (0.0, 1.0)


def test_memory_stays_bounded_however_many_locales_come() -> None:
    seen = Disagreements()
    for index in range(10 * MAX_LOCALES):
        seen.observe(f"x{index}", pair(wrong=True))
    assert len(seen.languages()) == MAX_LOCALES
    assert seen.languages()[-1] == f"x{10 * MAX_LOCALES - 1}"


def test_no_text_is_kept() -> None:
    seen = Disagreements()
    seen.observe("en", pair(wrong=True))
    assert "light" not in json.dumps(seen.snapshot())
    assert "light" not in repr(seen._locales)


def test_a_snapshot_is_taken_up_exactly() -> None:
    seen = home(3, turns=1200, q=0.3, accepted_wrong=0.1, escalated_wrong=0.4)
    seen.observe("de", pair(wrong=True))
    again = Disagreements.restored(json.loads(json.dumps(seen.snapshot())))
    assert again.snapshot() == seen.snapshot()
    assert figures(again) == figures(seen)
    assert again.languages() == seen.languages()


ROW = [True, 0.05, False, True, 1, 4, 3, 15]


@pytest.mark.parametrize(
    "locales",
    [
        None,
        [["en"]],
        [[5, [ROW]]],
        [["en", [ROW[:-1]]]],
        [["en", [[*ROW[:-1], -1]]]],
        [["en", [[*ROW[:-1], 1.5]]]],
        [["en", [[True, 0.0, *ROW[2:]]]]],
        [["en", [[True, math.nan, *ROW[2:]]]]],
        [["en", [[1, *ROW[1:]]]]],
        [["en", [ROW] * (WINDOW + 1)]],
    ],
)
def test_a_damaged_snapshot_is_refused_by_name(locales: object) -> None:
    Disagreements.restored({"version": 1, "locales": [["en", [ROW]]]})
    with pytest.raises(SnapshotError, match="snapshot of the edge–cloud disagreement"):
        Disagreements.restored({"version": 1, "locales": locales})


@pytest.mark.parametrize("chance", [0.0, -0.1, 1.1, math.nan])
def test_a_pair_that_no_coin_can_have_chosen_is_refused(chance: float) -> None:
    with pytest.raises(ValueError, match="chance"):
        pair(wrong=True, audited=True, chance=chance)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="token_edits"):
        Comparison(same_intent=True, exact=True, token_edits=-1, tokens=1, character_edits=0, characters=1)
