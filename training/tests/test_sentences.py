# ruff: noqa: D103, S101  # a test's name says it; asserts are the point
"""What is spoken for training, and what never is."""

import random
from pathlib import Path

import pytest

from training.corpus import draw_sentences, evaluation_utterances, garble, training_utterances
from training.grammar import is_held_out, read_grammar
from training.sizes import SMALL
from training.voices import HELD_OUT, draw_training_voice
from training.wording import compared, letters, number_words, spoken

ENGLISH = Path(__file__).parents[1] / "english.yaml"


def test_training_hears_no_held_out_voice_and_no_held_out_sentence() -> None:
    heard = training_utterances(read_grammar(ENGLISH), SMALL, seed=3)
    evaluated = evaluation_utterances(read_grammar(ENGLISH), 40, seed=3)
    assert not {utterance.text for utterance in heard} & {utterance.text for utterance in evaluated}
    assert not [utterance.text for utterance in heard if is_held_out(utterance.text)]
    rng = random.Random(3)
    drawn = {draw_training_voice(rng) for _ in range(20_000)}
    variants = {name.partition("+")[2] for name in drawn}
    assert not drawn & set(HELD_OUT)
    assert not variants & {"f3", "Michael"}  # in no accent


def test_a_seed_repeats_its_utterances() -> None:
    grammar = read_grammar(ENGLISH)
    assert training_utterances(grammar, SMALL, seed=5) == training_utterances(grammar, SMALL, seed=5)
    assert training_utterances(grammar, SMALL, seed=5) != training_utterances(grammar, SMALL, seed=6)


def test_every_place_of_a_template_is_filled() -> None:
    for sentence in draw_sentences(read_grammar(ENGLISH), 5000, random.Random(1)):
        assert not set("{}()|") & set(sentence), sentence
        assert sentence[0].isupper(), sentence
        assert sentence[-1] in ".?", sentence
        assert set(letters(sentence)) <= set("abcdefghijklmnopqrstuvwxyz '"), sentence


def test_a_template_that_names_a_missing_slot_is_refused_at_once(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        ENGLISH.read_text(encoding="utf-8").replace("Dim {light_phrase}.", "Dim {lite}."), encoding="utf-8"
    )
    with pytest.raises(KeyError, match="lite"):
        read_grammar(broken)


def test_garbled_strings_keep_names_and_lose_sentence_capitals() -> None:
    words = {
        word.rstrip(".")
        for text in garble(["Turn on Alice's lamp.", "Call Bob.", "Is Bob home?"], 200, random.Random(2))
        for word in text.split()[1:]
    }
    assert "turn" in words
    assert "Turn" not in words
    assert "Bob" in words


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "zero"), (19, "nineteen"), (20, "twenty"), (47, "forty seven"), (215, "two hundred fifteen")],
)
def test_numbers_are_said_in_words(number: int, words: str) -> None:
    assert number_words(number) == words


def test_one_sentence_has_its_spoken_and_its_compared_form() -> None:
    assert spoken("Set the TV to 20%.") == "Set the T V to twenty percent."
    assert letters("What's 8 AM?") == "what's eight a m"
    assert compared("Set the TV to 20%.") == ["set", "the", "tv", "to", "20", "percent"]
