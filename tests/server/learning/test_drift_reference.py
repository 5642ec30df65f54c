"""What turns were like, as a figure."""

import numpy as np
import pytest

from wyoming_server.learning.drift_figures import BUDGET_MS, FIGURES, Kind, Seen, figure
from wyoming_server.learning.drift_reference import clumping, numbers, reference


def test_the_limit_of_log_odds_is_where_the_hub_was_unsure_as_often() -> None:
    chance = np.random.default_rng(1)
    logits = chance.normal(-3.0, 2.0, 1000)
    known = reference(figure("risky"), [Seen(one, one > -1.5) for one in logits.tolist()], "base")
    assert known.limit == pytest.approx(-1.5, abs=0.05)
    assert known.mean == pytest.approx(float((logits > -1.5).mean()), abs=0.002)


@pytest.mark.parametrize(("is_so", "share"), [(False, 0.02), (True, 0.5)])
def test_a_hub_that_was_sure_of_all_or_nothing_has_a_limit_too(is_so: bool, share: float) -> None:
    known = reference(figure("risky"), [Seen(float(one), is_so) for one in range(1000)], "base")
    assert known.mean == pytest.approx(share, abs=0.002)


def test_slow_is_what_is_beyond_the_budget_and_slower_than_nearly_all() -> None:
    quick = reference(figure("own_time"), [Seen(100.0 + one / 10) for one in range(1000)], "base")
    assert (quick.limit, quick.mean) == (BUDGET_MS, 0.0)
    slow = reference(figure("own_time"), [Seen(1000.0 + one) for one in range(1000)], "base")
    assert slow.limit == pytest.approx(1949.05)
    assert slow.mean == pytest.approx(0.05)
    assert (slow.number(figure("own_time"), Seen(1990.0)), slow.number(figure("own_time"), Seen(1900.0))) == (1.0, 0.0)


def test_whether_services_hear_otherwise_is_held_against_what_is_usual_at_that_risk() -> None:
    of, chance = figure("differs"), np.random.default_rng(2)
    logits = chance.normal(-1.0, 1.5, 2000)
    wrong = chance.random(2000) < 1.0 / (1.0 + np.exp(-logits))
    known = reference(of, [Seen(*one) for one in zip(logits.tolist(), wrong.tolist(), strict=True)], "base")
    assert known.mean == pytest.approx(0.5, abs=0.002)
    assert known.told == pytest.approx(float(wrong.mean()))
    risky = logits > 0.5  # as if the threshold had risen: fewer are asked, and more of those are wrong
    seen = [Seen(*one) for one in zip(logits[risky].tolist(), wrong[risky].tolist(), strict=True)]
    later = float(np.mean([known.number(of, one) for one in seen]))
    assert later == pytest.approx(known.mean, abs=0.02)
    assert known.as_told(of, known.mean + 0.05) == pytest.approx(known.told + 0.1)


def test_turns_at_once_are_numbers_as_one_by_one() -> None:
    chance = np.random.default_rng(3)
    for of in FIGURES:
        is_raw = of.kind in {Kind.RISKY, Kind.SLOW, Kind.SURPRISE}
        values = chance.normal(0.0, 400.0, 300) if is_raw else chance.random(300)
        seen = [Seen(*one) for one in zip(values.tolist(), (chance.random(300) < 0.4).tolist(), strict=True)]
        known = reference(of, seen, "base")
        line = np.array(known.intercept), np.array(known.slope)
        yes = np.array([float(one.is_so) for one in seen])
        at_once = numbers(of, values, yes, np.array(known.limit), line)
        assert at_once == pytest.approx([known.number(of, one) for one in seen])


def test_turns_in_spells_hang_together_and_single_ones_do_not() -> None:
    chance = np.random.default_rng(4)
    alone = np.mean([clumping(chance.random(1000)) for _ in range(50)])
    spells = np.mean([clumping(np.repeat(chance.random(100), 10) + 0.0) for _ in range(50)])
    assert alone < 1.3
    assert 7.0 < spells < 13.0
    assert clumping(np.ones(100)) == 1.0
