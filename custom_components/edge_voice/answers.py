"""What we say around our own questions, and what an answer to one means, in the languages that we ship."""

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Final

from .answer_words import de, en, es, fr, it, nl, pl, pt, sv, zh
from .answer_words.phrases import Phrases


class Answer(StrEnum):
    """To our own question."""

    YES = "yes"
    NO = "no"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a text means as an answer."""

    answer: Answer | None = None
    """None when it is no plain yes or no: something else was said instead."""

    correction: str = ""
    """What is wanted instead, behind a no."""


PHRASES: Final[Mapping[str, Phrases]] = {
    module.__name__.rpartition(".")[2]: module.PHRASES for module in (de, en, es, fr, it, nl, pl, pt, sv, zh)
}
_FALLBACK: Final = "en"
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_CHARACTER: Final = re.compile(r"[^\W\d_]")
_PAUSE: Final = re.compile(r"[^\w\s'’]")
"""Punctuation: recognisers write one where a speaker pauses."""
_AROUND: Final = " \t\r\n.,;:!?…–—-¿¡。，、；：！？"

type _Word = tuple[str, int, int]
"""In lower case, with where it begins and ends."""
type _Known = Mapping[tuple[str, ...], str]
"""Words of a phrase → what it says: `yes`, `no` or `polite`."""


def phrases(language: str | None) -> Phrases:
    """Return a language's phrases; English ones for a language that has none."""
    return PHRASES[_code(language)]


def question(text: str, language: str | None) -> str:
    """Return a text said back as a question."""
    bare = text.strip(_AROUND)
    return phrases(language).ask.format(text=bare[:1].upper() + bare[1:])


def read(text: str, language: str | None) -> Reading:
    """Return what a text answers. Only words that are known to say yes, no or nothing at all make a yes."""
    code = _code(language)
    words = _words(text, code)
    said = list(_said(words, _known(code)))
    if words and None not in said:
        if {"yes", "no"} <= set(said):
            return Reading()
        return Reading(answer=next((one for one in Answer if one in said), None))
    return _read_correction(text, words, code)


def _read_correction(text: str, words: list[_Word], code: str) -> Reading:
    """Return what follows a no, if one begins the text."""
    known = PHRASES[code]
    denied = _length_of(words, _split(known.denials, code))
    if not denied:
        return Reading()
    rest = words[denied:]
    paused = denied > 1 or bool(rest and _PAUSE.search(text[words[denied - 1][2] : rest[0][1]]))
    introductions = _split(known.introductions, code)
    while taken := _length_of(rest, introductions):
        paused, rest = True, rest[taken:]
    if not rest or (known.denial_negates and not paused):
        return Reading(answer=Answer.NO)
    return Reading(answer=Answer.NO, correction=text[rest[0][1] :].strip(_AROUND))


def _said(words: list[_Word], known: _Known) -> Iterator[str | None]:
    """Yield what each phrase of a text says, the longest that fits; None for a word that says something else."""
    longest = max(map(len, known))
    at = 0
    while at < len(words):
        lengths = range(min(longest, len(words) - at), 0, -1)
        found = next((one for one in lengths if _at(words, at, one) in known), 0)
        yield known.get(_at(words, at, found))
        at += found or 1


def _length_of(words: list[_Word], of: frozenset[tuple[str, ...]]) -> int:
    """Return how many words the longest of these phrases takes at the beginning."""
    return max((len(one) for one in of if _at(words, 0, len(one)) == one), default=0)


def _at(words: list[_Word], at: int, length: int) -> tuple[str, ...]:
    return tuple(word for word, _, _ in words[at : at + length])


def _words(text: str, code: str) -> list[_Word]:
    pattern = _CHARACTER if PHRASES[code].spaceless else _WORD
    return [(_plain(one.group()), one.start(), one.end()) for one in pattern.finditer(text)]


@functools.cache
def _known(code: str) -> _Known:
    one = PHRASES[code]
    kinds = {"polite": one.polite, "yes": one.yes, "no": one.no}
    return {phrase: kind for kind, said in kinds.items() for phrase in _split(said, code)}


def _split(said: Iterable[str], code: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(word for word, _, _ in _words(one, code)) for one in said)


def _plain(word: str) -> str:
    return unicodedata.normalize("NFC", word).lower().replace("’", "'")


def _code(language: str | None) -> str:
    letters = "".join(takewhile(str.isalpha, (language or _FALLBACK).lower()))
    return letters if letters in PHRASES else _FALLBACK
