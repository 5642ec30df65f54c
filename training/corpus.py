"""The list of what is spoken: sentences, garbled strings and fixed phrases, each with its voice."""

import collections
import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path

from .grammar import Grammar, is_held_out
from .sizes import Sizes
from .voices import HELD_OUT, draw_training_voice

REPEATS_KEPT = 0.05
"""How often a sentence that was already taken is taken again."""
PHRASE_SAMPLES = 40_000
"""Sentences drawn to see which phrases are fixed: those without open slots come often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One sentence for one voice."""

    text: str
    voice: str
    """A name of `voices.by_name`."""
    seed: int
    """Sets the speed and pitch it is said with."""


def draw_sentences(
    grammar: Grammar, count: int, rng: random.Random, *, even: bool = False, held_out: bool = False
) -> list[str]:
    """Return sentences with few repeats, either all held out or none."""
    sentences: list[str] = []
    seen: set[str] = set()
    while len(sentences) < count:
        sentence = grammar.sentence(rng, even=even)
        if is_held_out(sentence) != held_out or (sentence in seen and rng.random() > REPEATS_KEPT):
            continue
        seen.add(sentence)
        sentences.append(sentence)
    return sentences


def garble(sentences: list[str], count: int, rng: random.Random) -> list[str]:
    """Return strings of the sentences' words without sense.

    Without them the decoder is a language model of the grammar that hardly needs to listen.
    """
    split = [sentence.rstrip(".?").split() for sentence in sentences]
    inside = {word for words in split for word in words[1:]}
    halves = [[words[0] if words[0] in inside else words[0].lower(), *words[1:]] for words in split]
    lexicon = sorted({word for words in halves for word in words})
    garbled: list[str] = []
    while len(garbled) < count:
        if rng.random() < 0.6:
            words = rng.choices(lexicon, k=rng.randint(1, 6))
        else:
            first, second = rng.choice(halves), rng.choice(halves)
            words = first[rng.randrange(len(first)) :][:4] + second[rng.randrange(len(second)) :][:4]
        text = " ".join(words) + "."
        text = text[0].upper() + text[1:]
        if not is_held_out(text):
            garbled.append(text)
    return garbled


def fixed_phrases(grammar: Grammar, count: int, rng: random.Random) -> list[str]:
    """Return the phrases that the grammar says most often: drawing with few repeats would say each but once."""
    counted = collections.Counter(grammar.sentence(rng, even=True) for _ in range(PHRASE_SAMPLES))
    return [text for text, _ in counted.most_common(count) if not is_held_out(text)]


def training_utterances(grammar: Grammar, sizes: Sizes, seed: int) -> list[Utterance]:
    """Return everything that is spoken for training, in no order."""
    rng = random.Random(f"{seed} training")
    texts = draw_sentences(grammar, sizes.natural, rng) + draw_sentences(grammar, sizes.even, rng, even=True)
    texts += garble(texts, sizes.garbled, rng)
    texts += fixed_phrases(grammar, sizes.fixed_phrases, rng) * sizes.voices_per_phrase
    rng.shuffle(texts)
    return [Utterance(text=text, voice=draw_training_voice(rng), seed=rng.getrandbits(32)) for text in texts]


def evaluation_utterances(grammar: Grammar, count: int, seed: int) -> list[Utterance]:
    """Return `count` held-out sentences for each held-out voice, then the sentences outside the grammar."""
    rng = random.Random(f"{seed} evaluation")
    inside = [
        Utterance(text=text, voice=voice, seed=rng.getrandbits(32))
        for voice in HELD_OUT
        for text in draw_sentences(grammar, count, rng, held_out=True)
    ]
    outside = [
        Utterance(text=text, voice=voice, seed=rng.getrandbits(32)) for voice in HELD_OUT for text in grammar.outside
    ]
    return inside + outside


def write_utterances(path: Path, utterances: list[Utterance]) -> None:
    """Write them as JSON, whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps([asdict(utterance) for utterance in utterances], indent=0), encoding="utf-8")
    partial.replace(path)


def read_utterances(path: Path) -> list[Utterance]:
    """Return what `write_utterances` wrote."""
    return [Utterance(**fields) for fields in json.loads(path.read_text(encoding="utf-8"))]
