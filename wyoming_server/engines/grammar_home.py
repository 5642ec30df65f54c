"""One home's names in one language's templates."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

from hassil.intents import SlotList, TextSlotList
from hassil.recognize import RecognizeResult, recognize_all
from hassil.util import remove_skip_words

from ..pipeline.grammar import Onward, Reading
from .grammar_onward import OnwardWalk
from .grammar_templates import LanguageTemplates
from .grammar_vocabulary import HomeNames, as_heard, may_hold

MOST_READINGS = 24
_HERE: Final = "\x00here"
"""Stands for the satellite's own area: no text that is heard can hold it."""
_INNER = "conversation_command"
"""The slot of a delayed command, itself a sentence: "turn off the light in five minutes"."""
_DOMAIN_OF_RESPONSE = {"lock": "lock", "unlock": "lock", "cover": "cover", "cover_single": "cover", "valve": "valve"}
"""A template's key for its answer tells the domain where its slots do not, in each of the 45 languages that know locks:
"unlock the front door" and "turn off the porch light" are one intent without it."""


class _AnyDomain:
    """A context value that equals each of its domains, so that hassil tries a name once and not once per domain."""

    __slots__ = ("_domains",)

    def __init__(self, domains: frozenset[str]) -> None:
        self._domains = domains

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other in self._domains

    def __hash__(self) -> int:
        return hash(self._domains)


class HomeGrammar:
    """Reads texts as sentences of one home. Not for several threads at once."""

    def __init__(self, language: LanguageTemplates, names: HomeNames) -> None:
        self._language = language
        self._names = names

    def reading(self, text: str) -> Reading | None:
        """Return the best way to read a whole text, as heard; None when it is no sentence."""
        lists = self._lists(text)
        results = recognize_all(text, self._language.intents, slot_lists=lists, intent_context={"area": _HERE})
        best, best_preference = None, None
        for result in itertools.islice(filter(self._holds, results), MOST_READINGS):
            preference = self._preference(result)
            if best_preference is None or preference < best_preference:
                best, best_preference = result, preference
            if not any(preference):
                break  # as good as any: the rest of the templates need not be tried
        return None if best is None else self._read(best, text)

    def onwards(self, text: str) -> Iterator[Onward]:
        """Yield the templates that a text, as heard, is only the beginning of."""
        intents = self._language.intents
        is_spaceless = intents.settings.ignore_whitespace
        walk = OnwardWalk(
            remove_skip_words(text, intents.skip_words, is_spaceless),
            lists={**intents.slot_lists, **self._lists(text)},
            rules=intents.expansion_rules,
            number_words=self._language.number_words,
            is_spaceless=is_spaceless,
        )
        return walk.onwards(self._language.root)

    def _lists(self, text: str) -> dict[str, SlotList]:
        """Return the names that the text can hold or end within; the rest would only cost time."""
        names = [
            (name, name, {"domain": _AnyDomain(domains or self._language.domains)})
            for name, domains in self._names.in_text(text)
        ]
        return {
            "name": TextSlotList.from_tuples(names, allow_template=False, name="name"),
            "area": _of_strings("area", text, self._names.areas),
            "floor": _of_strings("floor", text, self._names.floors),
        }

    def _holds(self, result: RecognizeResult) -> bool:
        """Refuse a delayed command whose command is none."""
        inner = result.entities.get(_INNER)
        return inner is None or self.reading(as_heard(inner.text)) is not None

    def _preference(self, result: RecognizeResult) -> tuple[bool, bool, bool]:
        """Order results: no free text, a name that stands for one thing, no assumption."""
        name = result.entities.get("name")
        return (
            any(entity.is_wildcard for entity in result.entities_list),
            name is not None and not self._names.is_specific(name.value),
            _lacks_area(result),
        )

    def _read(self, result: RecognizeResult, text: str) -> Reading:
        """Turn hassil's result into a reading."""
        ends = [entity for entity in result.entities_list if entity.text_span and entity.text_span[1] >= len(text)]
        name = result.entities.get("name")
        domain = _DOMAIN_OF_RESPONSE.get(result.response or "") if name is not None else None
        return Reading(
            intent=result.intent.name,
            slots=({} if domain is None else {"domain": domain})
            | {
                key: entity.value if isinstance(entity.value, int | float) else str(entity.value)
                for key, entity in result.entities.items()
                if entity.value != _HERE
            },
            lacks_area=_lacks_area(result),
            is_specific=name is not None and not name.is_wildcard and self._names.is_specific(name.value),
            is_bare=result.text_chunks_matched == 0,
            is_open=any(entity.is_wildcard for entity in ends),
            ends_in_number=any(isinstance(entity.value, int | float) for entity in ends),
        )


def _of_strings(list_name: str, text: str, values: Iterable[str]) -> TextSlotList:
    """Return a slot's list of the values that may be in a text."""
    return TextSlotList.from_strings(
        [value for value in values if may_hold(text, value)], allow_template=False, name=list_name
    )


def _lacks_area(result: RecognizeResult) -> bool:
    """Tell whether the result needed the satellite's own area."""
    return any(entity.value == _HERE for entity in result.entities_list)
