"""Risk: rules first, then points that add up, each feature in its one direction, the largest in words."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.bundles.store import STARTER_DIRECTORY
from wyoming_server.pipeline.evidence import FEATURES, extract, opening, with_standing
from wyoming_server.pipeline.policy import FIRST_TRY, UNCALIBRATED, Calibration, History, Standing
from wyoming_server.pipeline.risk import GENERIC, POINTS_PER_LOGIT, pre_decode_risk, score
from wyoming_server.pipeline.scorecard import Curve, Scorecard, read_scorecard
from wyoming_server.pipeline.types import Continuation, GrammarMatch, Hypothesis, Quality, Risk, Speech, Token

STARTER = read_scorecard((STARTER_DIRECTORY / "scorecard.json").read_bytes())
CARDS = pytest.mark.parametrize("card", [GENERIC, STARTER], ids=["generic", "starter"])
QUALITY = Quality(
    snr_db=30.0, clipping=0.0, level_dbfs=-24.0, peak_dbfs=-8.0, noise_dbfs=-54.0, speech_ratio=0.8, dc_offset=0.0
)
MATCH = GrammarMatch(continuation=Continuation.NONE, intent="HassTurnOn", of_home=True)
RULES = ("short-speech", "known-phrase", "token-rate", "no-end", "repetition", "prompt-echo", "crowd", "no-speech")


def speech(frames: int = 60, active: int = 48, **changes: Any) -> Speech:
    rng = np.random.default_rng(3)
    samples = (rng.standard_normal(512 * frames) * 900).astype(np.int16)
    return Speech(
        samples=samples,
        noise=(rng.standard_normal(16_000) * 10).astype(np.int16),
        start_sample=16_000,
        end_sample=16_000 + len(samples),
        voiced_end_sample=16_000 + len(samples) - 1000,
        active=tuple(index < active for index in range(frames)),
        **changes,
    )


SPEECH = speech()


def hypothesis(*log_probabilities: float, text: str = "Turn on the lamp.", **changes: Any) -> Hypothesis:
    words = (" Turn", " on", " the", " lamp", ".")
    log_probabilities = log_probabilities or (-0.001,) * 5
    tokens = tuple(
        Token(text=word, log_probability=one, entropy=min(3.0, -3 * one), margin=max(0.0, 2 * math.exp(one) - 1))
        for word, one in zip(words, log_probabilities, strict=True)
    )
    heard = Hypothesis(text=text, language="en", model="m", tokens=tokens, end_probability=0.99, tokens_per_second=3.3)
    return dataclasses.replace(heard, **changes)


def risk(
    heard: Hypothesis | None = None,
    quality: Quality = QUALITY,
    match: GrammarMatch = MATCH,
    *,
    card: Scorecard = GENERIC,
    calibration: Calibration = UNCALIBRATED,
    said: Speech = SPEECH,
    standing: Standing = Standing(confidence=0.6, entropy=0.4),  # noqa: B008  # frozen
    history: History = FIRST_TRY,
) -> Risk:
    return score(
        heard or hypothesis(),
        quality,
        match,
        speech=said,
        standing=standing,
        history=history,
        scorecard=card,
        calibration=calibration,
    )


@CARDS
def test_every_curve_is_of_a_known_feature_and_goes_its_way(card: Scorecard) -> None:
    for name, curve in card.curves.items():
        rise = curve.log_odds[-1] - curve.log_odds[0]
        assert rise * FEATURES[name].direction >= 0, name


@CARDS
@given(data=st.data())
def test_each_feature_moves_the_risk_in_its_direction_only(card: Scorecard, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(card.curves)))
    low, high = sorted((data.draw(st.floats(-50, 50)), data.draw(st.floats(-50, 50))))
    before, after = (card.logit({name: value}) for value in (low, high))
    assert (after - before) * FEATURES[name].direction >= -1e-9


@CARDS
@given(
    confidence=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    snr_db=st.tuples(st.floats(-20, 80), st.floats(-20, 80)),
    entropy=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_confidence_and_quiet_only_ever_lower_the_risk_together_and_apart(
    card: Scorecard, confidence: tuple[float, float], snr_db: tuple[float, float], entropy: tuple[float, float]
) -> None:
    worse = risk(
        quality=dataclasses.replace(QUALITY, snr_db=min(snr_db)),
        standing=Standing(confidence=min(confidence), entropy=max(entropy)),
        card=card,
    )
    better = risk(
        quality=dataclasses.replace(QUALITY, snr_db=max(snr_db)),
        standing=Standing(confidence=max(confidence), entropy=min(entropy)),
        card=card,
    )
    assert better.logit <= worse.logit + 1e-9


@CARDS
@given(at=st.integers(0, 4), sure=st.floats(-0.7, 0.0), less=st.floats(0.0, 5.0))
def test_a_less_sure_word_never_lowers_the_risk(card: Scorecard, at: int, sure: float, less: float) -> None:
    before, after = [-0.001] * 5, [-0.001] * 5
    before[at], after[at] = sure, sure - less
    assert risk(hypothesis(*before), card=card).logit <= risk(hypothesis(*after), card=card).logit + 1e-9


@CARDS
@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"quality": QUALITY}, {"quality": dataclasses.replace(QUALITY, clipping=0.2)}),
        ({"match": MATCH}, {"match": GrammarMatch(continuation=Continuation.EXPECTED, of_home=True)}),
        (
            {"match": dataclasses.replace(MATCH, of_home=False)},
            {"match": GrammarMatch(continuation=Continuation.EXPECTED)},
        ),
        ({"heard": hypothesis(text="Turn it on.")}, {"heard": hypothesis(text="Turn it to 50.")}),
        ({"history": FIRST_TRY}, {"history": History(retries=1)}),
        ({"history": History(retries=1)}, {"history": History(retries=2, correction=True)}),
        ({"heard": hypothesis(language_probability=0.99)}, {"heard": hypothesis(language_probability=0.2)}),
    ],
    ids=["clipping", "grammar", "common grammar", "number", "retry", "second retry", "language"],
)
def test_bad_signs_raise_the_risk(card: Scorecard, better: dict[str, Any], worse: dict[str, Any]) -> None:
    assert risk(**better, card=card).logit < risk(**worse, card=card).logit


@CARDS
@given(
    token=st.floats(-8, 0),
    snr_db=st.none() | st.floats(-20, 80),
    confidence=st.floats(0, 1),
    retries=st.integers(0, 9),
)
def test_the_points_add_up_to_the_logit(
    card: Scorecard, token: float, snr_db: float | None, confidence: float, retries: int
) -> None:
    found = risk(
        hypothesis(*(token,) * 5),
        dataclasses.replace(QUALITY, snr_db=snr_db),
        standing=Standing(confidence=confidence),
        history=History(retries=retries),
        card=card,
    )
    assert sum(found.points.values()) == pytest.approx(found.logit * POINTS_PER_LOGIT)
    assert 0.0 < found.value < 1.0
    assert set(found.points) <= {*FEATURES, "base"}


@given(st.floats(-30, 30), st.floats(0.1, 3), st.floats(-3, 3))
def test_calibration_moves_the_value_and_not_the_logit(base: float, slope: float, intercept: float) -> None:
    calibration = Calibration(intercept=intercept, slope=slope)
    found = risk(card=Scorecard(base=base), calibration=calibration)
    assert found.logit == base
    assert found.value == calibration.probability(base)
    assert found.calibration is calibration


@pytest.mark.parametrize("rules", [*((rule,) for rule in RULES), ("no-end", "token-rate")])
def test_any_tripped_rule_makes_it_certain_however_sure_the_model(rules: tuple[str, ...]) -> None:
    found = risk(hypothesis(rules=rules), calibration=Calibration(intercept=-9.0, slope=0.2))
    assert (found.value, found.rules) == (1.0, rules)
    assert rules[0] in found.reason
    assert set(found.points) == set(rules)
    assert sum(found.points.values()) == pytest.approx(found.logit * POINTS_PER_LOGIT)


@CARDS
def test_nothing_that_a_card_says_is_above_a_rule(card: Scorecard) -> None:
    most = card.base + sum(max(curve.log_odds) for curve in card.curves.values())
    assert most < risk(hypothesis(rules=("no-speech",))).logit + 20


def test_no_words_are_certain() -> None:
    found = risk(hypothesis(text="", tokens=()))
    assert (found.value, found.reason) == (1.0, "no words were recognised")


def test_the_reason_names_what_weighs_most_with_its_points() -> None:
    card = Scorecard(
        base=-3.0,
        turns=1,
        curves={
            "snr_db": Curve(knots=(0.0, 20.0), log_odds=(18 / POINTS_PER_LOGIT, 0.0)),
            "confidence": Curve(knots=(0.0, 1.0), log_odds=(12 / POINTS_PER_LOGIT, 0.0)),
            "grammar": Curve(knots=(0.0, 1.0), log_odds=(-9 / POINTS_PER_LOGIT, 0.0)),
            "retries": Curve(knots=(0.0, 1.0), log_odds=(0.0, 5 / POINTS_PER_LOGIT)),
        },
    )
    found = risk(
        hypothesis(language="de"),
        dataclasses.replace(QUALITY, snr_db=0.0),
        standing=Standing(confidence=0.0),
        card=card,
    )
    assert found.reason == "+18 room noise, +12 unusual confidence for German, −9 matches your home's grammar"


def test_a_card_that_was_not_fitted_says_so() -> None:
    assert risk(card=GENERIC).reason.startswith("uncalibrated: ")
    assert not risk(card=STARTER).reason.startswith("uncalibrated")
    assert risk(card=Scorecard(turns=1)).reason == "nothing unusual"


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_new_standing_changes_only_what_depends_on_it(confidence: float, entropy: float) -> None:
    def features(standing: Standing) -> Mapping[str, float]:
        return extract(hypothesis(), QUALITY, MATCH, speech=SPEECH, standing=standing, history=FIRST_TRY)

    standing = Standing(confidence=confidence, entropy=entropy)
    assert with_standing(features(Standing()), standing) == features(standing)


def test_everything_extracted_is_a_named_finite_feature() -> None:
    found = extract(
        hypothesis(language_probability=0.5),
        QUALITY,
        MATCH,
        speech=SPEECH,
        standing=Standing(),
        history=FIRST_TRY,
    )
    assert {*found, "opening", "common_grammar"} == set(FEATURES)
    assert all(map(math.isfinite, found.values()))


@pytest.mark.parametrize(
    ("text", "language", "begins"),
    [("Turn on.", "en", "turn"), ("  «Œuf» dur", "fr", "œuf"), ("電気をつけて", "ja", "電気"), ("!", "en", "")],
)
def test_how_a_text_begins(text: str, language: str, begins: str) -> None:
    assert opening(text, language) == begins


def test_a_text_that_begins_as_commands_do_not_is_riskier_where_that_is_known() -> None:
    card = dataclasses.replace(
        GENERIC,
        openings={"en": {"turn": 9, "set": 1}},
        curves={**GENERIC.curves, "opening": Curve(knots=(0.0, 3.0), log_odds=(0.0, 4.0))},
    )
    usual, cut = hypothesis(), hypothesis(text="The lamp.")
    assert risk(cut, card=card).logit > risk(usual, card=card).logit + 3.0
    assert risk(cut).logit == risk(usual).logit
    assert "begins as commands do not" in risk(cut, card=card).reason


def test_what_was_not_measured_is_absent() -> None:
    nothing = np.empty(0, np.int16)
    found = extract(
        hypothesis(tokens_per_second=0.0),
        dataclasses.replace(QUALITY, snr_db=None),
        MATCH,
        speech=Speech(samples=nothing, noise=nothing, start_sample=0, end_sample=0, voiced_end_sample=0),
        standing=Standing(),
        history=FIRST_TRY,
    )
    absent = {"snr_db", "confidence_and_noise", "slow", "fast", "language_doubt"}
    assert not absent & set(found)
    assert all(map(math.isfinite, found.values()))


def test_before_decoding_noise_clipping_retries_and_odd_lengths_raise_the_risk() -> None:
    usual, _ = pre_decode_risk(QUALITY, SPEECH, FIRST_TRY)
    noisy, reason = pre_decode_risk(dataclasses.replace(QUALITY, snr_db=0.0), SPEECH, FIRST_TRY)
    clipped, _ = pre_decode_risk(dataclasses.replace(QUALITY, clipping=0.1), SPEECH, FIRST_TRY)
    again, _ = pre_decode_risk(QUALITY, SPEECH, History(retries=1))
    short, _ = pre_decode_risk(QUALITY, speech(active=10), FIRST_TRY)
    unknown, _ = pre_decode_risk(dataclasses.replace(QUALITY, snr_db=None), SPEECH, FIRST_TRY)
    assert 0.0 < usual < min(noisy, clipped, again, short) < 1.0
    assert 0.0 < unknown < 1.0
    assert "room noise" in reason
