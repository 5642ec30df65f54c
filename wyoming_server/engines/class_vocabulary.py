"""Which words say what is asked for, per language: read from the packaged files."""

import functools
import importlib.resources
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from ..pipeline.answers import Answers
from ..pipeline.classify import ALARM, ENTRY, NO_WORDS, ClassWords, Guarded, Phrases
from ..pipeline.wording import bare
from .grammar_templates import known_language
from .grammar_vocabulary import packaged_vocabulary

OPENABLE = frozenset({"cover", "lock", "binary_sensor"})
"""Domains of things that can be a door; all other devices are harmless."""


def class_words(language: str) -> ClassWords:
    """Return a language's words ("en", "en-GB"); none for a language without a file.

    The first call of a language takes tens of milliseconds, off the event loop please; the others nothing.
    """
    return _read((known_language(language) or language).partition("-")[0].lower())


def shipped_languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a file."""
    files = importlib.resources.files(f"{__package__}.class_words").iterdir()
    return tuple(sorted(one.name.removesuffix(".yaml") for one in files if one.name.endswith(".yaml")))


@functools.cache  # one entry per language that is spoken here
def _read(family: str) -> ClassWords:
    source = importlib.resources.files(f"{__package__}.class_words").joinpath(f"{family}.yaml")
    if not source.is_file():
        return NO_WORDS
    document: Mapping[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    guarded = (_guarded(ENTRY, document["entries"]), _guarded(ALARM, document["alarms"]))
    simple = {key: Phrases(tuple(document[key])) for key in _SIMPLE}
    simple |= {key: Phrases(tuple(document.get(key, ()))) for key in _PARTS_OF_LISTS}
    return ClassWords(
        **simple,
        guarded=guarded,
        harmless=_harmless(family, guarded, document.get("harmless", ())),
        answers=Answers(tuple(document.get("answers", ()))),
    )


_SIMPLE = ("requests", "questions", "lists", "timers", "dictation", "alone", "everything")
_PARTS_OF_LISTS = ("notes", "reminders")
"""Where a language does not tell them apart, they are lists."""


def _guarded(what: str, section: Mapping[str, Any]) -> Guarded:
    phrases = {key: Phrases(tuple(section.get(key, ()))) for key in ("things", "rooms", "opening", "closing")}
    return Guarded(what=what, **phrases)


def _harmless(family: str, guarded: tuple[Guarded, ...], more: Sequence[str]) -> Phrases:
    """Return the device nouns that are no door and no alarm: those of the vocabulary, and more."""
    nouns = [noun for noun, domains in packaged_vocabulary(family).devices.items() if not domains & OPENABLE]
    known = tuple(noun for noun in nouns if not any(one.things.within(bare(noun)) for one in guarded))
    return Phrases((*known, *more))
