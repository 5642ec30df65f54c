"""What the packaged vocabularies know, and how a home's own names join it."""

import functools
import importlib.resources
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..pipeline.grammar import Vocabulary
from ..pipeline.wording import normalise, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedVocabulary:
    """The common words of one language's homes; all empty for a language without a file."""

    areas: tuple[str, ...] = ()
    floors: tuple[str, ...] = ()
    devices: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Noun → the domains that it may belong to."""
    singles: frozenset[str] = frozenset()
    """Nouns, out of `devices`, that a home has one of."""
    closed: frozenset[str] = frozenset()
    """Normalised phrases that are said alone."""
    complete: frozenset[str] = frozenset()
    """Normalised phrases that are said alone, and that also begin longer sentences."""
    sentences: tuple[str, ...] = ()
    """hassil templates beside Home Assistant's own."""
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values of the slots that only those templates have."""


@functools.cache  # one entry per language that is spoken here
def packaged_vocabulary(language: str) -> PackagedVocabulary:
    """Read the file of a language, or of the family it belongs to ("de" for "de-CH")."""
    for stem in dict.fromkeys((language, language.partition("-")[0])):
        source = importlib.resources.files(__package__).joinpath("vocabulary", f"{stem}.yaml")
        if source.is_file():
            return _parsed(yaml.safe_load(source.read_text(encoding="utf-8")))
    return PackagedVocabulary()


def _parsed(document: Mapping[str, Any]) -> PackagedVocabulary:
    """Turn domain → nouns into noun → domains."""
    devices: dict[str, set[str]] = {}
    for nouns_by_domain in (document["devices"], document["singles"]):
        for domain, nouns in nouns_by_domain.items():
            for noun in nouns:
                devices.setdefault(as_heard(noun), set()).add(domain)
    return PackagedVocabulary(
        areas=tuple(map(as_heard, document["areas"])),
        floors=tuple(map(as_heard, document["floors"])),
        devices={noun: frozenset(domains) for noun, domains in devices.items()},
        singles=frozenset(as_heard(noun) for nouns in document["singles"].values() for noun in nouns),
        closed=frozenset(map(normalise, document["closed"])),
        sentences=tuple(document.get("sentences", ())),
        lists={name: tuple(values) for name, values in document.get("lists", {}).items()},
        complete=frozenset(map(normalise, document["complete"])),
    )


def as_heard(name: str) -> str:
    """Return a name or text as the matcher compares it; lower, because templates keep "ß" where casefold does not."""
    return plain(name, keep="%°").lower()


_SOMETHING = "\x00thing"
"""Stands for a device noun that may follow: no text that is heard can hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeNames:
    """The names to match with: the home's own, and common ones for each kind that the home gave none of."""

    names: Mapping[str, frozenset[str]]
    """Name → domains; an empty set stands for all of them."""
    areas: tuple[str, ...]
    floors: tuple[str, ...]
    single: frozenset[str]
    """Names that only one thing in the home has."""
    are_own: bool
    """The names are the home's, not common ones."""

    def in_text(self, text: str) -> Iterator[tuple[str, frozenset[str]]]:
        """Yield the names that a text may hold or end within, with their domains.

        A home that has named nothing has a kitchen light all the same: an area before a common noun makes a name, and
        so does an area that the text ends with. Common nouns are not grown ("light" to "light strip"): every sentence
        would seem unfinished.
        """
        for name, domains in self.names.items():
            if self.are_own and may_hold(text, name):
                yield name, domains
            elif not self.are_own and name in text:
                yield name, domains
                yield from ((f"{area} {name}", domains) for area in self.areas if f"{area} {name}" in text)
        if not self.are_own:
            yield from ((f"{area} {_SOMETHING}", frozenset()) for area in self.areas if text.endswith(area))

    def is_specific(self, name: str) -> bool:
        """Tell whether a name stands for one thing."""
        return name in self.single or name not in self.names


def may_hold(text: str, name: str) -> bool:
    """Tell whether a text holds a name, or may end within it."""
    return name.partition(" ")[0] in text


def home_names(vocabulary: Vocabulary, packaged: PackagedVocabulary) -> HomeNames:
    """Merge a home's vocabulary with the packaged one: for each kind, common words only where the home gave none."""
    own = Counter(filter(None, map(as_heard, vocabulary.names)))
    return HomeNames(
        names={name: _domains(name, packaged) for name in own} if own else packaged.devices,
        areas=_heard(vocabulary.areas) or packaged.areas,
        floors=_heard(vocabulary.floors) or packaged.floors,
        single=frozenset(name for name, count in own.items() if count == 1) if own else packaged.singles,
        are_own=bool(own),
    )


def _heard(names: Iterable[str]) -> tuple[str, ...]:
    """Return names without repeats and without those that hold no word."""
    return tuple(dict.fromkeys(filter(None, map(as_heard, names))))


def _domains(name: str, packaged: PackagedVocabulary) -> frozenset[str]:
    """Guess a name's domains from the device nouns in it; a compound's head is its end."""
    found = [domains for noun, domains in packaged.devices.items() if name.endswith(noun) or f" {noun} " in f" {name} "]
    return frozenset[str]().union(*found)
