"""How sure it is that the speaker has finished: relations, not numbers."""

import dataclasses

import numpy as np
import pytest

from wyoming_server.pipeline.endpoint import EndpointSettings
from wyoming_server.pipeline.finish import finished_probability
from wyoming_server.pipeline.types import Continuation, GrammarMatch, Hypothesis, Speech, Token

NONE, POSSIBLE, EXPECTED = (GrammarMatch(continuation=one) for one in Continuation)


def heard(*log_probabilities: float) -> Hypothesis:
    """Return four words, as sure as that; one figure stands for all."""
    sure = log_probabilities * 4 if len(log_probabilities) == 1 else log_probabilities
    tokens = tuple(Token(text=" on", log_probability=one, entropy=0.1, margin=0.9) for one in sure)
    return Hypothesis(text="turn it on now", language="en", model="m", tokens=tokens)


def spoken(seconds: float) -> Speech:
    frames = round(seconds / 0.032)
    samples = np.zeros(frames * 512, np.int16)
    return Speech(
        samples=samples,
        noise=samples[:0],
        start_sample=0,
        end_sample=len(samples),
        voiced_end_sample=len(samples),
        active=(True,) * frames,
    )


def test_an_unsure_text_is_less_finished_and_a_long_one_more() -> None:
    sure = finished_probability(heard(-0.002), NONE, spoken(1.5))
    assert (
        finished_probability(heard(-0.2), NONE, spoken(1.5))
        < sure
        < finished_probability(heard(-0.002), NONE, spoken(3.0))
    )


def test_doubt_about_the_last_words_counts_and_about_the_first_does_not() -> None:
    first, last, none = (-0.5, -0.002, -0.002, -0.002), (-0.002, -0.002, -0.002, -0.5), (-0.002,)
    assert finished_probability(heard(*first), NONE, spoken(1.5)) == finished_probability(
        heard(*none), NONE, spoken(1.5)
    )
    assert finished_probability(heard(*last), NONE, spoken(1.5)) < finished_probability(heard(*none), NONE, spoken(1.5))


def test_doubt_about_the_words_of_a_name_of_the_home_is_void_and_about_the_stop_is_not() -> None:
    unsure_words = Hypothesis(
        text="Turn on the hall lamp.",
        language="en",
        model="m",
        tokens=tuple(
            Token(text=text, log_probability=sure, entropy=0.1, margin=0.9)
            for text, sure in ((" the", -0.001), (" hall", -0.3), (" lamp", -0.6), (".", -0.001))
        ),
    )
    unsure_stop = dataclasses.replace(
        unsure_words, tokens=(*unsure_words.tokens[:3], dataclasses.replace(unsure_words.tokens[3], log_probability=-1))
    )
    named = finished_probability(unsure_words, NONE, spoken(1.5), ("Hall lamp",))
    assert named > finished_probability(unsure_words, NONE, spoken(1.5))
    assert named > finished_probability(unsure_stop, NONE, spoken(1.5), ("Hall lamp",))
    assert finished_probability(unsure_words, NONE, spoken(1.5), ("all lamp", "")) == finished_probability(
        unsure_words, NONE, spoken(1.5)
    )


def test_a_sentence_that_may_go_on_is_less_finished_than_one_that_may_not() -> None:
    assert finished_probability(heard(-0.01), POSSIBLE, spoken(1.5)) < finished_probability(
        heard(-0.01), NONE, spoken(1.5)
    )


@pytest.mark.parametrize("match", [EXPECTED])
def test_what_is_no_sentence_is_not_finished(match: GrammarMatch) -> None:
    assert finished_probability(heard(0.0), match, spoken(3.0)) == 0.0


def test_made_up_text_is_not_finished() -> None:
    assert finished_probability(dataclasses.replace(heard(0.0), rules=("repetition",)), NONE, spoken(3.0)) == 0.0


def test_a_plain_command_may_end_early_and_an_unsure_one_may_not() -> None:
    sure = EndpointSettings().sure_probability
    assert finished_probability(heard(-0.003), NONE, spoken(1.6)) >= sure
    assert finished_probability(heard(-0.3), NONE, spoken(1.6)) < sure
