"""Fitting: finds what predicts, never bends a curve the wrong way, and remembers what it saw."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyoming_server.errors import TooFewRecordingsError
from wyoming_server.learning.fit import LabelledTurn, at_home, cross_validated, fit, overlap
from wyoming_server.pipeline.evidence import FEATURES
from wyoming_server.pipeline.policy import Standing
from wyoming_server.pipeline.risk import GENERIC
from wyoming_server.pipeline.scorecard import Scorecard, read_scorecard, write_scorecard


def turns(count: int = 400, *, seed: int = 5, noise_hides: bool = True) -> list[LabelledTurn]:
    """Return turns that are wrong more often in noise and at doubtful words; the level says nothing."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        snr_db, word, level = rng.uniform(0, 40), rng.uniform(-4, 0.5), rng.uniform(-50, -10)
        logit = 1.5 * (word + 1.5) + (0.15 if noise_hides else -0.15) * (18 - snr_db)
        found.append(
            LabelledTurn(
                features={"snr_db": snr_db, "weakest_word": word, "level_dbfs": level, "retries": 0.0},
                wrong=bool(rng.random() < 1 / (1 + np.exp(-logit))),
                language="en",
                mean_log_probability=-float(10**word),
                mean_entropy=float(10**word),
                voice=f"voice {number % 8}",
                sentence=f"sentence {number % 40}",
                noise="fan",
                recording=f"{number}.wav",
            )
        )
    return found


def fitted(some: Sequence[LabelledTurn], **changes: float) -> Scorecard:
    return fit(some, base_model="m", generic=GENERIC, **changes)


def separation(logits: Sequence[float], some: Sequence[LabelledTurn]) -> float:
    """Return how often a wrong turn has the higher log-odds (AUROC)."""
    wrong = np.array([logit for logit, turn in zip(logits, some, strict=True) if turn.wrong])
    right = np.array([logit for logit, turn in zip(logits, some, strict=True) if not turn.wrong])
    return float(np.mean(wrong[:, None] > right[None, :]))


def logits(card: Scorecard, some: Sequence[LabelledTurn]) -> list[float]:
    return [card.logit(at_home(turn, card).features) for turn in some]


def test_a_fit_tells_wrong_from_right_on_turns_that_it_never_saw() -> None:
    card, others = fitted(turns()), turns(seed=6)
    assert separation(logits(card, others), others) > 0.85
    assert card.calibrated
    assert card.model == "m"


def test_a_fit_is_calibrated_on_turns_that_it_never_saw() -> None:
    card, others = fitted(turns(2000)), turns(2000, seed=6)
    expected = np.mean(1 / (1 + np.exp(-np.array(logits(card, others)))))
    assert expected == pytest.approx(np.mean([turn.wrong for turn in others]), abs=0.04)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([0.01, 1.0, 30.0]))
def test_no_curve_bends_the_wrong_way_whatever_the_data_say(seed: int, noise_hides: bool, ridge: float) -> None:
    card = fitted(turns(160, seed=seed, noise_hides=noise_hides), ridge=ridge)
    for name, curve in card.curves.items():
        rises = np.diff(curve.log_odds) * FEATURES[name].direction
        assert (rises >= -1e-12).all(), name


def test_a_feature_that_works_against_its_direction_gets_no_weight() -> None:
    card = fitted(turns(noise_hides=False))
    assert max(map(abs, card.curves["snr_db"].log_odds)) < 1e-9


def test_a_typical_right_turn_has_no_points_from_what_was_measured() -> None:
    some = turns()
    card = fitted(some)
    right = [turn.features["snr_db"] for turn in some if not turn.wrong]
    assert card.curves["snr_db"].at(float(np.median(right))) == pytest.approx(0.0, abs=1e-9)


def test_features_that_did_not_vary_keep_the_generic_curve() -> None:
    card = fitted(turns())
    assert card.curves["retries"] == GENERIC.curves["retries"]
    assert card.curves["snr_db"] != GENERIC.curves["snr_db"]


def test_more_ridge_comes_nearer_to_the_generic_card() -> None:
    generic = GENERIC.curves["snr_db"]
    cards = [fitted(turns(noise_hides=False), ridge=ridge) for ridge in (0.1, 10.0, 10_000.0)]
    falls = [card.curves["snr_db"].at(1.0) - card.curves["snr_db"].at(29.0) for card in cards]
    assert falls == sorted(falls)
    assert falls[2] == pytest.approx(generic.at(1.0) - generic.at(29.0), abs=0.1)


def begun(opening: str, sentence: str, *, wrong: bool = False) -> LabelledTurn:
    return dataclasses.replace(turns(1)[0], opening=opening, sentence=sentence, wrong=wrong)


def test_how_right_sentences_begin_is_learned_from_two_of_them_or_more() -> None:
    told = [
        begun("turn", "turn on"),
        begun("turn", "turn off"),
        begun("anna", "anna is home"),
        begun("the", "x", wrong=True),
    ]
    card = fitted([*turns(), *told * 4])
    assert card.openings == {"en": {"turn": 2}}
    features = {one.opening: at_home(one, card).features["opening"] for one in told}
    assert features["turn"] < 0.01
    assert features["the"] == features["anna"] > 2.9


def test_a_text_that_begins_as_no_right_one_does_is_riskier() -> None:
    some = [dataclasses.replace(turn, opening="the" if turn.wrong else "turn") for turn in turns()]
    card = fitted(some)
    as_usual, odd = at_home(begun("turn", ""), card), at_home(begun("the", ""), card)
    assert card.logit(odd.features) > card.logit(as_usual.features) + 1.0


def test_a_fit_is_the_same_again_and_survives_its_json() -> None:
    card = fitted(turns())
    assert card == fitted(turns())
    read = read_scorecard(write_scorecard(card))
    assert logits(read, turns()) == pytest.approx(logits(card, turns()), abs=1e-3)
    assert read.provenance == card.provenance


def test_ruled_turns_are_remembered_and_not_fitted_on() -> None:
    some = turns()
    ruled = [dataclasses.replace(turn, wrong=not turn.wrong, ruled=True, voice="ruled") for turn in some[:50]]
    card = fitted([*some, *ruled])
    assert card.curves == fitted(some).curves
    assert (card.turns, card.wrong) == (400, sum(turn.wrong for turn in some))
    assert overlap(card, ruled[:1])[-1] == "voice ruled"


@pytest.mark.parametrize("some", [[], turns(99), [dataclasses.replace(turn, wrong=False) for turn in turns()]])
def test_too_little_to_fit_on_is_refused(some: list[LabelledTurn]) -> None:
    with pytest.raises(TooFewRecordingsError, match=f"{len(some)} recordings"):
        fitted(some)


def test_a_reference_holds_the_confidences_of_each_language() -> None:
    some = [dataclasses.replace(turn, language="de" if index % 2 else "en") for index, turn in enumerate(turns())]
    card = fitted(some)
    assert set(card.references) == {"de", "en"}
    middle = float(np.median([turn.mean_log_probability for turn in some if turn.language == "de"]))
    sure = card.standing("de", -1e-6, 1e-6)
    assert 0.0 < card.standing("de", middle, 0.1).confidence < 1.0
    assert (sure.confidence, sure.entropy) == (1.0, 0.0)
    assert at_home(some[1], card).features["confidence"] == pytest.approx(
        card.standing("de", some[1].mean_log_probability, 0.0).confidence
    )
    assert card.standing("fr", middle, 0.1) == Standing()


def test_its_typical_logits_are_those_of_the_turns_it_saw() -> None:
    some = turns()
    card = fitted(some)
    assert card.logits[50] == pytest.approx(np.median(logits(card, some)))
    assert list(card.logits) == sorted(card.logits)


def test_what_a_card_saw_is_named_and_nothing_else() -> None:
    card = fitted(turns())
    new = dataclasses.replace(turns()[0], voice="another", sentence="", noise="", recording="new.wav")
    assert overlap(card, [new]) == ()
    assert overlap(card, [dataclasses.replace(new, voice="voice 3", noise="fan")]) == ("noise fan", "voice voice 3")
    assert overlap(card, [turns()[7]]) == ("noise fan", "recording 7.wav", "sentence sentence 7", "voice voice 7")
    assert "sentence 7" not in write_scorecard(card)


def test_a_group_is_never_scored_by_a_fit_that_saw_it() -> None:
    some = turns()
    by_voice = cross_validated(some, base_model="m", generic=GENERIC, by=lambda turn: turn.voice)
    lied = [dataclasses.replace(turn, wrong=not turn.wrong) if turn.voice == "voice 3" else turn for turn in some]
    lied_by_voice = cross_validated(lied, base_model="m", generic=GENERIC, by=lambda turn: turn.voice)
    own = [index for index, turn in enumerate(some) if turn.voice == "voice 3"]
    assert [by_voice[index] for index in own] == [lied_by_voice[index] for index in own]
    assert by_voice != lied_by_voice
    assert separation(by_voice, some) > 0.8
