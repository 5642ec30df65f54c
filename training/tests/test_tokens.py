# ruff: noqa: D103, S101  # a test's name says it; asserts are the point
"""The tokenizer against faster-whisper's own rules."""

import random
from pathlib import Path

import faster_whisper.tokenizer
import numpy as np
import pytest

from training.corpus import draw_sentences
from training.grammar import read_grammar
from training.tokens import SOFT, Tokens, build_tokenizer

SENTENCES = draw_sentences(read_grammar(Path(__file__).parents[1] / "english.yaml"), 2000, random.Random(1))


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    path = tmp_path_factory.mktemp("tokens") / "tokenizer.json"
    build_tokenizer(SENTENCES, 1000).save(str(path))
    return Tokens(path)


def test_no_sentence_needs_a_token_that_faster_whisper_never_samples(tokens: Tokens) -> None:
    theirs = faster_whisper.tokenizer.Tokenizer(tokens.tokenizer, multilingual=False)
    suppressed = set(theirs.non_speech_tokens)
    for sentence in SENTENCES:
        assert not suppressed & set(tokens.tokenizer.encode(f" {sentence}").ids), sentence


def test_text_comes_back_from_its_tokens(tokens: Tokens) -> None:
    for sentence in SENTENCES:
        assert tokens.tokenizer.decode(tokens.tokenizer.encode(f" {sentence}").ids) == f" {sentence}"


def test_a_clip_without_speech_is_answered_with_no_speech_after_the_start(tokens: Tokens) -> None:
    target = tokens.no_speech_target(np.random.default_rng(1))
    assert target.inputs[0] == tokens.start
    assert target.outputs == [tokens.no_speech, SOFT, tokens.end]


def test_a_target_is_the_inputs_one_step_on_but_for_what_was_corrupted(tokens: Tokens) -> None:
    rng = np.random.default_rng(1)
    same, positions = 0, 0
    for sentence in SENTENCES[:300]:
        target = tokens.speech_target(sentence, (0, 100), rng)
        assert target.inputs[0] == tokens.start
        assert target.outputs[-1] == tokens.end
        same += sum(a == b for a, b in zip(target.inputs[2:], target.outputs[1:-1], strict=True))
        positions += len(target.inputs) - 2
    assert 0.9 < same / positions < 0.97
