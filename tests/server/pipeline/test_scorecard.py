"""Scorecards: curves that never turn, JSON that comes back the same, and refusals that name the key."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.errors import ModelCorruptError
from wyoming_server.pipeline.scorecard import (
    SCHEMA,
    Curve,
    Provenance,
    Reference,
    Scorecard,
    rank,
    read_scorecard,
    write_scorecard,
)

NUMBER = st.floats(-40, 40).map(lambda value: round(value, 3))


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    knots = sorted(draw(st.sets(NUMBER, min_size=1, max_size=6)))
    heights = sorted(draw(st.lists(NUMBER, min_size=len(knots), max_size=len(knots))), reverse=draw(st.booleans()))
    return Curve(knots=tuple(knots), log_odds=tuple(heights))


quantiles = st.lists(NUMBER, min_size=2, max_size=9).map(lambda values: tuple(sorted(values)))
hashes = st.frozensets(st.text("0123456789abcdef", min_size=12, max_size=12), max_size=3)
cards = st.builds(
    Scorecard,
    base=NUMBER,
    curves=st.dictionaries(st.text(min_size=1, max_size=8), curves(), max_size=4),
    model=st.text(max_size=8),
    references=st.dictionaries(
        st.sampled_from(["en", "de"]), st.builds(Reference, log_probability=quantiles, entropy=quantiles)
    ),
    openings=st.dictionaries(
        st.sampled_from(["en", "ja"]), st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 99), max_size=3)
    ),
    logits=quantiles,
    provenance=st.builds(Provenance, recordings=hashes, voices=hashes, sentences=hashes, noises=hashes),
    turns=st.just(20),
    wrong=st.integers(0, 20),
)


@given(curves(), st.floats(-60, 60), st.floats(-60, 60))
def test_a_curve_never_turns(curve: Curve, one: float, other: float) -> None:
    low, high = sorted((one, other))
    rise = curve.at(high) - curve.at(low)
    ascends = curve.log_odds[-1] >= curve.log_odds[0]
    assert rise >= -1e-9 if ascends else rise <= 1e-9


def test_a_curve_is_linear_between_its_knots_and_flat_beyond() -> None:
    curve = Curve(knots=(0.0, 2.0, 4.0), log_odds=(1.0, 0.0, -3.0))
    values = [curve.at(at) for at in (-9.0, 0.0, 1.0, 2.0, 3.0, 4.0, 9.0)]
    assert values == [1.0, 1.0, 0.5, 0.0, -1.5, -3.0, -3.0]


@pytest.mark.parametrize(
    ("knots", "log_odds", "said"),
    [
        ((), (), "one at least"),
        ((0.0, 1.0), (0.0,), "as many"),
        ((0.0, 0.0), (0.0, 1.0), "ascend"),
        ((1.0, 0.0), (0.0, 1.0), "ascend"),
        ((0.0, math.inf), (0.0, 1.0), "finite"),
        ((0.0, 1.0), (0.0, math.nan), "within"),
        ((0.0, 1.0), (0.0, 51.0), "within"),
        ((0.0, 1.0, 2.0), (0.0, 1.0, 0.5), "turn"),
    ],
)
def test_what_is_no_monotone_function_is_refused(
    knots: tuple[float, ...], log_odds: tuple[float, ...], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Curve(knots=knots, log_odds=log_odds)


@given(quantiles, NUMBER, NUMBER)
def test_a_rank_is_a_share_that_never_falls(population: tuple[float, ...], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= rank(population, low) <= rank(population, high) <= 1.0


def test_a_rank_lies_between_its_quantiles() -> None:
    assert [rank((0.0, 1.0, 3.0), value) for value in (-1.0, 0.5, 1.0, 2.0, 3.0)] == [0.0, 0.25, 0.5, 0.75, 1.0]


@given(cards)
def test_a_card_comes_back_from_its_json_the_same(card: Scorecard) -> None:
    text = write_scorecard(card)
    assert read_scorecard(text) == card
    assert write_scorecard(read_scorecard(text.encode())) == text


def test_fields_of_newer_versions_are_ignored() -> None:
    fields = json.loads(write_scorecard(CARD)) | {"author": "someone", "covariance": [[1.0]]}
    fields["curves"]["snr_db"]["count"] = 7
    assert read_scorecard(json.dumps(fields)) == CARD


CARD = Scorecard(
    base=-3.0,
    curves={"snr_db": Curve(knots=(0.0, 20.0), log_odds=(2.0, 0.0))},
    model="starter",
    references={"en": Reference(log_probability=(-1.0, 0.0), entropy=(0.0, 1.0))},
    logits=(-3.0, 1.0),
    provenance=Provenance(voices=frozenset({"ab"})),
    turns=10,
    wrong=4,
)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("schema", SCHEMA + 1, "schema is 2; this server understands up to 1"),
        ("schema", "1", "schema must be a whole number"),
        ("base", None, "base must be a finite number"),
        ("base", True, "base must be a finite number"),
        ("base", 1e12, "base must be a finite number"),
        ("model", 3, "model must be a text"),
        ("turns", -1, "turns must be a whole number"),
        ("turns", 2.5, "turns must be a whole number"),
        ("wrong", 11, "wrong is more than turns"),
        ("curves", [], "curves must be an object"),
        ("curves", {"snr_db": 3}, "curves.snr_db must be an object"),
        ("curves", {"snr_db": {"knots": [0]}}, "curves.snr_db.log_odds must be a list"),
        ("curves", {"snr_db": {"knots": [0, "x"], "log_odds": [0, 0]}}, r"curves.snr_db.knots\[1\] must be a finite"),
        ("curves", {"snr_db": {"knots": [0, 1], "log_odds": [0]}}, "curves.snr_db knots and log_odds"),
        ("curves", {"snr_db": {"knots": [0, 1, 2], "log_odds": [0, 1, 0]}}, "curves.snr_db log_odds must not turn"),
        ("references", {"en": {"log_probability": [0, -1], "entropy": [0, 1]}}, "references.en log_probability must"),
        ("references", {"en": {"log_probability": [0, 1]}}, "references.en.entropy must be a list"),
        ("openings", {"en": ["turn"]}, "openings.en must be an object of whole numbers"),
        ("openings", {"en": {"turn": 0}}, "openings.en must be an object of whole numbers"),
        ("openings", {"en": {"turn": True}}, "openings.en must be an object of whole numbers"),
        ("logits", [1, 0], "logits must not descend"),
        ("logits", "no", "logits must be a list"),
        ("provenance", {"voices": "slt"}, "provenance.voices must be a list of texts"),
        ("provenance", {"noises": [1]}, "provenance.noises must be a list of texts"),
    ],
)
def test_a_bad_field_is_refused_by_its_name(key: str, value: Any, said: str) -> None:
    fields = json.loads(write_scorecard(CARD)) | {key: value}
    with pytest.raises(ModelCorruptError, match=f"scorecard's {said}"):
        read_scorecard(json.dumps(fields))


@pytest.mark.parametrize("content", ["", "{", "[]", "7", b"\xff\xfe\x00", "[" * 100_000])
def test_what_is_no_json_object_is_refused(content: str | bytes) -> None:
    with pytest.raises(ModelCorruptError, match="scorecard is not"):
        read_scorecard(content)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_refused(constant: str) -> None:
    with pytest.raises(ModelCorruptError, match="base must be a finite number"):
        read_scorecard(write_scorecard(CARD).replace('"base": -3.0', f'"base": {constant}'))


def test_a_feature_without_a_curve_or_a_measurement_counts_for_nothing() -> None:
    assert CARD.logit({}) == CARD.base
    assert CARD.logit({"unknown": 5.0, "snr_db": 10.0}) == CARD.base + 1.0


def test_a_language_without_a_reference_stands_in_the_middle() -> None:
    assert CARD.standing("en", -0.25, 0.5).confidence == 0.75
    assert CARD.standing("de", -0.25, 0.5).confidence == 0.5


def test_a_beginning_is_the_rarer_the_fewer_begin_so() -> None:
    card = Scorecard(openings={"en": {"turn": 9000, "set": 10, "dim": 2}})
    rare = [card.rarity("en", opening) or 0.0 for opening in ("turn", "set", "dim", "the")]
    assert rare == sorted(rare)
    assert rare[0] == pytest.approx(0.0)
    assert rare[3] == pytest.approx(3.0)
    assert 0.0 < rare[1] < rare[2] < 2.0
    assert card.rarity("de", "turn") is None
