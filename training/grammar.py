"""Sentences from templates: a context-free grammar kept as data (english.yaml says how to write one)."""

import random
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

HELD_OUT_ONE_IN = 10
SHORTEST_HELD_OUT_WORDS = 5
PLACE = re.compile(r"\((?P<options>[^()]*)\)|\{(?P<low>\d+)\.\.(?P<high>\d+)\}|\{(?P<slot>\w+)\}")


def is_held_out(sentence: str) -> bool:
    """Return whether a sentence is kept for evaluation, by its own hash, so that no list of them is needed.

    Phrases under five words never are: there are too few of them to leave any out.
    """
    return len(sentence.split()) >= SHORTEST_HELD_OUT_WORDS and zlib.crc32(sentence.encode()) % HELD_OUT_ONE_IN == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Texts with how often each is taken."""

    texts: tuple[str, ...]
    weights: tuple[float, ...]

    @classmethod
    def read(cls, value: list[str] | dict[str, float]) -> Self:
        """Return the choice that a list or a map from text to weight describes."""
        weighted = value if isinstance(value, dict) else dict.fromkeys(value, 1.0)
        return cls(texts=tuple(weighted), weights=tuple(weighted.values()))

    def draw(self, rng: random.Random) -> str:
        """Return one text."""
        return rng.choices(self.texts, self.weights)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """Families of sentences over slots."""

    slots: dict[str, Choice]
    families: tuple[Choice, ...]
    weights: tuple[float, ...]
    """How often each family is spoken in a home."""
    even_weights: tuple[float, ...]
    """How often each family is taken where its fixed phrases must not be rare."""
    rewrites: tuple[tuple[re.Pattern[str], str], ...]
    outside: tuple[str, ...]
    """Sentences that the grammar cannot make."""

    def sentence(self, rng: random.Random, *, even: bool = False) -> str:
        """Return one sentence in its written form."""
        text = rng.choices(self.families, self.even_weights if even else self.weights)[0].draw(rng)
        while place := PLACE.search(text):
            text = text[: place.start()] + self._fill(place, rng) + text[place.end() :]
        for pattern, replacement in self.rewrites:
            text = pattern.sub(replacement, text)
        return text

    def _fill(self, place: re.Match[str], rng: random.Random) -> str:
        if place["slot"]:
            return self.slots[place["slot"]].draw(rng)
        if place["low"]:
            return str(rng.randint(int(place["low"]), int(place["high"])))
        options: list[str] = place["options"].split("|")
        return rng.choice(options)


def read_grammar(path: Path) -> Grammar:
    """Return the grammar in a YAML file.

    Raises:
        KeyError: A part is missing, or a template names a slot that is not there.
    """
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    slots = {name: Choice.read(value) for name, value in data["slots"].items()}
    families = tuple(Choice.read(family["say"]) for family in data["families"])
    for choice in (*slots.values(), *families):
        for place in PLACE.finditer(" ".join(choice.texts).replace("(", "").replace(")", "")):
            if place["slot"]:
                slots[place["slot"]]  # a name that is not there fails here, not after an hour of speaking
    return Grammar(
        slots=slots,
        families=families,
        weights=tuple(family["weight"] for family in data["families"]),
        even_weights=tuple(family["even"] for family in data["families"]),
        rewrites=tuple((re.compile(pattern), text) for pattern, text in data["rewrites"].items()),
        outside=tuple(data["outside"]),
    )
