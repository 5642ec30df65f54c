"""Percentiles by locale: shares that equal brute force, shrunk to a reference, remembered exactly."""

import json
import math
import random
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyoming_server.errors import SnapshotError
from wyoming_server.learning.percentiles import FROZEN_TURNS, GENERIC, MAX_SCALES, RING, Percentiles, Scale
from wyoming_server.pipeline.policy import Standing
from wyoming_server.pipeline.scorecard import Reference
from wyoming_server.pipeline.types import Hypothesis, Token

EN = Scale(bundle="tiny-1", language="en", context="1000+256")
LOG_PROBABILITIES = st.floats(-8.0, 0.0, allow_nan=False)


def heard(log_probability: float, entropy: float = 0.5) -> Hypothesis:
    token = Token(text="x", log_probability=log_probability, entropy=entropy, margin=0.5)
    return Hypothesis(text="x", language="en", model="tiny-1", tokens=(token,))


def filled(values: list[float], scale: Scale = EN, percentiles: Percentiles | None = None) -> Percentiles:
    percentiles = percentiles or Percentiles()
    for value in values:
        percentiles.observe(scale, heard(value, -value))
    return percentiles


@settings(deadline=None, max_examples=80)
@given(st.lists(LOG_PROBABILITIES, max_size=40), LOG_PROBABILITIES)
def test_a_standing_equals_brute_force_with_ties_by_half(values: list[float], value: float) -> None:
    reference = Reference(log_probability=(-8.0, 0.0), entropy=(0.0, 8.0))
    percentiles = filled(values, percentiles=Percentiles({"tiny-1": {"en": reference}}))
    count = sum((other < value) + 0.5 * (other == value) for other in values)
    parent = 1.0 - value / -8.0
    standing = percentiles.standing(EN, heard(value, -value))
    assert standing.confidence == pytest.approx((count + 50 * parent) / (len(values) + 50), abs=1e-9)
    assert standing.entropy == pytest.approx(1.0 - standing.confidence, abs=1e-9)
    assert standing.turns == len(values)


@settings(deadline=None, max_examples=80)
@given(st.lists(LOG_PROBABILITIES, max_size=40), st.lists(st.floats(-1e4, 0.0), min_size=2, max_size=8))
def test_more_confidence_never_stands_lower(values: list[float], asked: list[float]) -> None:
    percentiles = filled(values)
    shares = [percentiles.standing(EN, heard(value)).confidence for value in sorted(asked)]
    assert shares == sorted(shares)
    assert all(0.0 <= share <= 1.0 for share in shares)


def test_only_the_last_1024_turns_count() -> None:
    source = random.Random(1)
    values = [source.uniform(-3.0, 0.0) for _ in range(RING + 700)]
    percentiles = filled(values)
    window = percentiles.recent(EN)
    assert window is not None
    assert list(window.log_probability) == sorted(values[-RING:])
    assert percentiles.standing(EN, heard(-1.0)).turns == RING


def test_a_full_ring_errs_no_more_than_its_inequality_says() -> None:
    """4.2 points in at least 95 of 100 homes, over every value at once (Dvoretzky, Kiefer, Wolfowitz; Massart)."""
    truth = NormalDist(-3.0, 0.3)
    bound = math.sqrt(math.log(2 / 0.05) / (2 * RING))
    assert bound == pytest.approx(0.042, abs=5e-4)
    worst = []
    for seed in range(40):
        window = filled(sorted(truth.samples(RING, seed=seed))).recent(EN)
        assert window is not None
        shares = ((index / RING, truth.cdf(value)) for index, value in enumerate(window.log_probability))
        worst.append(max(max(abs(share - exact), abs(share + 1 / RING - exact)) for share, exact in shares))
    assert sum(one > bound for one in worst) <= 5
    assert max(worst) > bound / 3


def test_a_home_starts_from_its_bundles_reference_and_outgrows_it() -> None:
    sure = Reference(log_probability=(-0.1, 0.0), entropy=(0.0, 0.1))
    percentiles = Percentiles({"tiny-1": {"en": sure}})
    assert percentiles.standing(EN, heard(-0.5)).confidence == 0.0
    filled([-1.0] * 50, percentiles=percentiles)
    assert percentiles.standing(EN, heard(-0.5)).confidence == pytest.approx(0.5)
    filled([-1.0] * 950, percentiles=percentiles)
    assert percentiles.standing(EN, heard(-0.5)).confidence == pytest.approx(1000 / 1050)


def test_a_language_without_a_reference_starts_from_the_bundles_own_then_from_the_generic_one() -> None:
    everything = Reference(log_probability=(-0.6, -0.4), entropy=(0.0, 1.0))
    percentiles = Percentiles({"tiny-1": {"": everything, "de": GENERIC}})
    assert percentiles.standing(EN, heard(-0.5)).confidence == pytest.approx(0.5)
    german = Scale(bundle="tiny-1", language="de")
    other = Scale(bundle="base-1", language="en")
    generic = percentiles.standing(german, heard(-0.25)).confidence
    assert generic == percentiles.standing(other, heard(-0.25)).confidence == pytest.approx(0.5)


def test_a_hypothesis_without_tokens_stands_in_the_middle_and_is_not_remembered() -> None:
    percentiles = Percentiles()
    nothing = Hypothesis(text="", language="en", model="tiny-1")
    percentiles.observe(EN, nothing)
    assert percentiles.standing(EN, nothing) == Standing()
    assert percentiles.scales() == ()


def test_an_endless_entropy_is_not_remembered() -> None:
    percentiles = Percentiles()
    percentiles.observe(EN, heard(-0.1, math.inf))
    assert percentiles.scales() == ()
    assert percentiles.standing(EN, heard(-0.1, math.inf)).entropy == 1.0


@pytest.mark.parametrize(
    "changed",
    [
        Scale(bundle="tiny-2", language="en", context="1000+256"),
        Scale(bundle="tiny-1", language="en", context="300+256"),
        Scale(bundle="tiny-1", language="de", context="1000+256"),
    ],
)
def test_a_new_bundle_context_or_language_starts_again(changed: Scale) -> None:
    percentiles = filled([-1.0] * 100)
    assert percentiles.standing(changed, heard(-0.5)).turns == 0
    percentiles.observe(changed, heard(-0.1))
    assert percentiles.standing(changed, heard(-0.5)).turns == 1
    assert percentiles.standing(EN, heard(-0.5)).turns == 100


def test_an_accepted_bundle_keeps_its_window_while_the_ring_rolls_on() -> None:
    before = [-1.0 - index / 1000 for index in range(FROZEN_TURNS)]
    percentiles = filled(before)
    assert percentiles.frozen(EN) is None
    percentiles.accept("tiny-1")
    kept = percentiles.frozen(EN)
    filled([-0.2] * RING, percentiles=percentiles)
    percentiles.accept("tiny-1")
    assert percentiles.frozen(EN) == kept
    assert kept is not None
    assert list(kept.log_probability) == sorted(before)
    recent = percentiles.recent(EN)
    assert recent is not None
    assert set(recent.log_probability) == {-0.2}


def test_a_scale_with_too_few_turns_is_frozen_once_it_has_them() -> None:
    percentiles = filled([-1.0] * (FROZEN_TURNS - 1))
    percentiles.accept("tiny-1")
    assert percentiles.frozen(EN) is None
    filled([-0.5], percentiles=percentiles)
    kept = percentiles.frozen(EN)
    assert kept is not None
    assert len(kept.entropy) == FROZEN_TURNS


def test_memory_stays_bounded_however_many_languages_come() -> None:
    percentiles = Percentiles()
    for index in range(10 * MAX_SCALES):
        percentiles.observe(Scale(bundle=f"bundle-{index}", language=f"x{index}"), heard(-0.5))
        percentiles.accept(f"bundle-{index}")
        percentiles.adopt(f"bundle-{index}", {"": GENERIC})
    assert len(percentiles.scales()) == MAX_SCALES
    assert percentiles.scales()[-1].language == f"x{10 * MAX_SCALES - 1}"
    assert len(percentiles.snapshot()["accepted"]) == 8
    assert len(percentiles._references) == 8


def test_the_scale_unused_for_longest_goes_first() -> None:
    percentiles = filled([-1.0])
    for index in range(MAX_SCALES):
        percentiles.observe(Scale(bundle="tiny-1", language=f"x{index}"), heard(-0.5))
        percentiles.observe(EN, heard(-1.0))
    assert percentiles.standing(EN, heard(-0.5)).turns == MAX_SCALES + 1
    assert "x0" not in {scale.language for scale in percentiles.scales()}


def test_a_snapshot_is_taken_up_exactly() -> None:
    source = random.Random(7)
    values = [source.uniform(-3.0, 0.0) for _ in range(RING + 300)]
    percentiles = filled(values)
    percentiles.accept("tiny-1")
    filled(values[:20], Scale(bundle="tiny-1", language="de"), percentiles)
    snapshot = json.loads(json.dumps(percentiles.snapshot()))
    again = Percentiles.restored(snapshot)
    assert again.snapshot() == percentiles.snapshot()
    for one in (percentiles, again):
        filled(values[:150], percentiles=one)  # what the ring forgets next is the same, too
    assert again.snapshot() == percentiles.snapshot()
    assert again.standing(EN, heard(-1.0)) == percentiles.standing(EN, heard(-1.0))


def damaged(key: str, value: object) -> dict[str, object]:
    percentiles = filled([-1.0] * FROZEN_TURNS)
    percentiles.accept("tiny-1")
    snapshot = percentiles.snapshot()
    *path, last = key.split(".")
    at: object = snapshot
    for one in path:
        at = at[int(one)] if isinstance(at, list) else at[one]
    at[int(last) if isinstance(at, list) else last] = value
    return snapshot


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("version", None),
        ("accepted", "tiny-1"),
        ("accepted.0", 5),
        ("scales", [{}]),
        ("scales", None),
        ("scales.0.bundle", 3),
        ("scales.0.language", "x" * 1000),
        ("scales.0.entropy", [0.5]),
        ("scales.0.entropy.3", math.nan),
        ("scales.0.log_probability.0", "−1"),
        ("scales.0.log_probability.0", True),
        ("scales.0.log_probability", [-0.5] * (RING + 1)),
        ("scales.0.frozen", {"entropy": [0.0]}),
        ("scales.0.frozen.entropy.0", 99.0),
        ("scales.0.more", 1),
    ],
)
def test_a_damaged_snapshot_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(SnapshotError, match="snapshot of the percentiles"):
        Percentiles.restored(damaged(key, value))


@pytest.mark.parametrize("snapshot", [None, [], "", 5])
def test_what_is_no_snapshot_is_refused(snapshot: object) -> None:
    with pytest.raises(SnapshotError):
        Percentiles.restored(snapshot)
