"""The rules that catch made-up text, and the second look."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from tests.server.pipeline.doubles import ScriptedModel, on_virtual_time, stream
from wyoming_server.pipeline.edge_asr import SECOND_LOOK_RULES, recognise, tripped_rules
from wyoming_server.pipeline.types import FRAME_SAMPLES, DecodeRequest, Hypothesis, Speech, Token

SURE = Token(text="on", log_probability=-0.01, entropy=0.1, margin=0.9)
GOOD = Hypothesis(
    text="turn on the kitchen light",
    language="en",
    model="scripted",
    tokens=(SURE,) * 6,
    end_probability=0.9,
    no_speech_probability=0.01,
    tokens_per_second=4.0,
    context_frames=1000,
)


def speech(active: int = 50, passive: int = 20) -> Speech:
    frames = active + passive
    return Speech(
        samples=np.zeros(frames * FRAME_SAMPLES, np.int16),
        noise=np.empty(0, np.int16),
        start_sample=0,
        end_sample=frames * FRAME_SAMPLES,
        voiced_end_sample=active * FRAME_SAMPLES,
        active=(True,) * active + (False,) * passive,
    )


def rules(
    hypothesis: Hypothesis = GOOD, heard: Speech | None = None, prompt: tuple[str, ...] = (), **changes: object
) -> tuple[str, ...]:
    return tripped_rules(dataclasses.replace(hypothesis, **changes), heard or speech(), prompt, ("thank you",))


def test_a_good_hypothesis_trips_nothing() -> None:
    assert rules() == ()


@pytest.mark.parametrize(
    ("text", "trips"),
    [
        ("Thank you.", True),
        ("thank   YOU!", True),
        ("thank you very much", False),
        ("thanks", False),
    ],
)
def test_known_phrases_are_compared_without_case_and_punctuation(text: str, trips: bool) -> None:
    assert ("known-phrase" in rules(text=text)) is trips


@pytest.mark.parametrize(
    ("active", "passive", "trips"), [(7, 20, True), (8, 20, False), (10, 95, True), (10, 85, False)]
)
def test_text_from_hardly_any_speech(active: int, passive: int, trips: bool) -> None:
    assert ("short-speech" in rules(heard=speech(active, passive))) is trips


@pytest.mark.parametrize(
    ("per_second", "trips"), [(0.0, True), (0.69, True), (0.7, False), (10.0, False), (10.1, True)]
)
def test_fewer_or_more_tokens_than_anybody_speaks(per_second: float, trips: bool) -> None:
    assert ("token-rate" in rules(tokens_per_second=per_second)) is trips


@pytest.mark.parametrize(("probability", "trips"), [(0.0, True), (1e-6, False), (0.9, False)])
def test_a_decode_that_was_cut_by_its_cap(probability: float, trips: bool) -> None:
    assert ("no-end" in rules(end_probability=probability)) is trips


def test_rules_about_tokens_say_nothing_where_a_model_gives_none() -> None:
    assert rules(tokens=(), tokens_per_second=0.0, end_probability=0.0) == ()


@pytest.mark.parametrize(
    ("text", "trips"),
    [
        ("no no no no", True),
        ("no no no", False),
        ("on the light on the light on the light", True),
        ("on the light on the light", False),
        ("la-la-la-la", True),
        ("a" * 80, True),
        ("a" * 20, False),
        ("set the lights in the kitchen, the hall and the office to forty percent", False),
    ],
)
def test_repetition(text: str, trips: bool) -> None:
    assert ("repetition" in rules(text=text)) is trips


@pytest.mark.parametrize(
    ("text", "active", "prompt", "trips"),
    [
        ("Kitchen light, hall.", 20, ("kitchen light", "hall"), True),
        ("Kitchen light.", 20, ("kitchen light", "hall"), False),
        ("Kitchen light, hall.", 32, ("kitchen light", "hall"), False),
        ("Kitchen light, hall.", 20, (), False),
    ],
)
def test_a_prompt_that_comes_back(text: str, active: int, prompt: tuple[str, ...], trips: bool) -> None:
    assert ("prompt-echo" in rules(text=text, heard=speech(active), prompt=prompt)) is trips


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "trips"),
    [(0.61, -0.31, True), (0.6, -0.31, False), (1.0, -0.29, False), (0.0, -3.0, False)],
)
def test_no_speech_counts_only_where_the_words_are_unsure(
    no_speech: float, log_probability: float, trips: bool
) -> None:
    unsure = dataclasses.replace(SURE, log_probability=log_probability)
    assert ("no-speech" in rules(no_speech_probability=no_speech, tokens=(unsure,) * 3)) is trips


@pytest.mark.parametrize(
    ("active", "passive", "log_probability", "trips"),
    [(150, 0, -0.31, True), (150, 0, -0.29, False), (150, 10, -0.31, False), (100, 0, -0.31, False)],
)
def test_a_crowd_talks_for_seconds_without_a_gap_and_is_not_understood(
    active: int, passive: int, log_probability: float, trips: bool
) -> None:
    unsure = dataclasses.replace(SURE, log_probability=log_probability)
    assert ("crowd" in rules(heard=speech(active, passive), tokens=(unsure,) * 3)) is trips


@pytest.mark.parametrize("text", ["", "  ", "...", "♪"])
def test_no_words_trip_no_rule(text: str) -> None:
    assert rules(text=text, end_probability=0.0, tokens_per_second=99.0, heard=speech(1)) == ()


def heard_by(
    shape: Callable[[Hypothesis, DecodeRequest], Hypothesis], active: int = 50, prompt: tuple[str, ...] = ()
) -> tuple[Hypothesis, list[DecodeRequest]]:
    model = ScriptedModel(heard=stream("0"), shape=lambda _, request: shape(GOOD, request))
    hypothesis = on_virtual_time(recognise(model, speech(active), language="en", languages=("en", "de"), prompt=prompt))
    return hypothesis, [call.request for call in model.calls]


def test_a_good_first_look_is_enough() -> None:
    hypothesis, requests = heard_by(lambda good, _: good)
    assert (hypothesis, len(requests)) == (GOOD, 1)
    assert (requests[0].language, requests[0].languages, requests[0].full_context) == ("en", ("en", "de"), False)


BROKEN = {
    "no-end": {"end_probability": 0.0},
    "repetition": {"text": "no no no no no"},
    "token-rate": {"tokens_per_second": 20.0},
    "known-phrase": {"text": "Thank you."},
    "no-speech": {"no_speech_probability": 1.0, "tokens": (dataclasses.replace(SURE, log_probability=-1.0),)},
}


@pytest.mark.parametrize("rule", list(BROKEN))
def test_the_whole_context_is_tried_once_for_the_rules_that_a_short_one_can_cause(rule: str) -> None:
    phrases = {"en": ("thank you",)}
    model = ScriptedModel(
        heard=stream("0"),
        hallucination_phrases=phrases,
        shape=lambda _, request: GOOD if request.full_context else dataclasses.replace(GOOD, **BROKEN[rule]),
    )
    hypothesis = on_virtual_time(recognise(model, speech(), language=None, languages=(), prompt=("kitchen",)))
    looks = [(call.request.full_context, call.request.prompt) for call in model.calls]
    if rule in SECOND_LOOK_RULES:
        assert looks == [(False, ("kitchen",)), (True, ())]
        assert hypothesis.rules == ()
    else:
        assert looks == [(False, ("kitchen",))]
        assert hypothesis.rules == (rule,)


def test_a_second_look_that_is_no_better_keeps_its_rule() -> None:
    hypothesis, requests = heard_by(lambda good, _: dataclasses.replace(good, end_probability=0.0))
    assert len(requests) == 2
    assert hypothesis.rules == ("no-end",)


def test_no_second_look_where_the_first_saw_the_whole_context() -> None:
    hypothesis, requests = heard_by(lambda good, _: dataclasses.replace(good, end_probability=0.0, context_frames=3000))
    assert len(requests) == 1
    assert hypothesis.rules == ("no-end",)


def test_a_prompt_is_taken_back_even_where_the_first_look_saw_the_whole_context() -> None:
    _, requests = heard_by(
        lambda good, _: dataclasses.replace(good, end_probability=0.0, context_frames=3000), prompt=("kitchen",)
    )
    assert [request.prompt for request in requests] == [("kitchen",), ()]


@pytest.mark.parametrize(("active", "prompted"), [(15, False), (16, True)])
def test_short_speech_gets_no_prompt(active: int, prompted: bool) -> None:
    _, requests = heard_by(lambda good, _: good, active=active, prompt=("kitchen",))
    assert bool(requests[0].prompt) is prompted


def test_the_model_is_told_how_much_speech_there_is() -> None:
    _, requests = heard_by(lambda good, _: good, active=40)
    assert requests[0].speech_seconds == speech(40).vad_speech_seconds
