"""A small byte-level BPE that survives faster-whisper's token suppression, and the targets that are made of it."""

import collections
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
"""Whisper's, in Whisper's order: ctranslate2 counts languages from the ids between the second and `<|nospeech|>`."""
TICKS = 1501
"""Timestamps, one per 20 ms, the end of the 30 s window included."""
SPACE = "Ġ"
"""How byte-level BPE writes a space."""
SUPPRESSED = (" -", " '", " ♩")
"""faster-whisper never samples these texts' first tokens (`Tokenizer.non_speech_tokens`)."""
FORCED = tuple(f" {character}" for character in string.ascii_letters + string.digits + "-'♩")
FORCED_COUNT = 9000
"""Times each is shown to the trainer: more often than any word, so that its merge is made first."""

IGNORED = -100
SOFT = -2
"""A target position where any text token will do: see `no_speech_target`."""
CORRUPTED = 0.06
WITH_TIMESTAMPS = 0.4


def build_tokenizer(sentences: list[str], bpe_tokens: int) -> Tokenizer:
    """Return a tokenizer of at most `bpe_tokens` text tokens, then `SPECIAL`, then the timestamps.

    Raises:
        ValueError: Some sentence would need the bare space token, which faster-whisper suppresses.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=bpe_tokens,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_training_texts(sentences), trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(f"<|{tick * 0.02:.2f}|>") for tick in range(TICKS)])
    _check(tokenizer, sentences)
    return tokenizer


def _training_texts(sentences: list[str]) -> Iterator[str]:
    for text in FORCED:
        yield from [text] * FORCED_COUNT
    words = collections.Counter(word for sentence in sentences for word in sentence.rstrip(".?").split())
    for word, count in words.items():
        yield from [f" {word}"] * (20 + int(count**0.5))  # flattened: rare words are merged too
        yield word


def _check(tokenizer: Tokenizer, sentences: list[str]) -> None:
    space = tokenizer.token_to_id(SPACE)
    broken = [
        text for text in (*FORCED, *SUPPRESSED, *(f" {s}" for s in sentences)) if space in tokenizer.encode(text).ids
    ]
    if broken:
        raise ValueError(f"the bare space token, which is never sampled, is needed for {broken[:3]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the decoder is given and what it must say, position by position."""

    inputs: list[int]
    outputs: list[int]


class Tokens:
    """A tokenizer's ids by their meaning."""

    def __init__(self, path: Path) -> None:
        """Read tokenizer.json; raises FileNotFoundError."""
        self.tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        self.size: int = self.tokenizer.get_vocab_size()
        self.end = self.id_of("<|endoftext|>")
        """Also the number of text tokens: those come first."""
        self.start = self.id_of("<|startoftranscript|>")
        self.english = self.id_of("<|en|>")
        self.no_speech = self.id_of("<|nospeech|>")
        self.no_timestamps = self.id_of("<|notimestamps|>")
        self.first_tick = self.id_of("<|0.00|>")
        self.space = self.id_of(SPACE)

    def id_of(self, token: str) -> int:
        """Return a token's id; raises KeyError."""
        found = self.tokenizer.token_to_id(token)
        if found is None:
            raise KeyError(token)
        return int(found)

    def speech_target(self, text: str, ticks: tuple[int, int], rng: np.random.Generator) -> Target:
        """Return the target of a sentence said between two ticks, with timestamps or without.

        A few inputs are wrong on purpose, so that the decoder learns to trust the audio above its own words.
        """
        words = self.tokenizer.encode(f" {text}").ids
        if rng.random() < WITH_TIMESTAMPS:
            full = [self.start, self.first_tick + ticks[0], *words, self.first_tick + ticks[1], self.end]
        else:
            full = [self.start, self.no_timestamps, *words, self.end]
        inputs = [
            int(rng.integers(self.end)) if position > 1 and rng.random() < CORRUPTED else token
            for position, token in enumerate(full[:-1])
        ]
        return Target(inputs=inputs, outputs=full[1:])

    def no_speech_target(self, rng: np.random.Generator) -> Target:
        """Return the target of a clip without speech: `<|nospeech|>` right after the start.

        That is the probability that faster-whisper reads. Empty text is impossible under its `suppress_blank`, so what
        follows is left open (SOFT): a second of junk ends at once, and a caller must look at the probability.
        """
        prompt = self.no_timestamps if rng.random() < 0.5 else self.first_tick
        junk = int(rng.integers(self.end))
        return Target(inputs=[self.start, prompt, junk], outputs=[self.no_speech, SOFT, self.end])
