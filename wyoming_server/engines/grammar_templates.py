"""A language's sentence templates, parsed once."""

import functools
from dataclasses import dataclass
from typing import Any

from hassil.expression import Group, Sentence
from hassil.intents import IntentData, Intents
from hassil.numbers import get_rbnf_engine
from home_assistant_intents import get_intents, get_languages

from .grammar_onward import Template, openings
from .grammar_vocabulary import packaged_vocabulary

_ALIASES = {"no": "nb", "nn": "nb", "zh": "zh-CN", "yue": "zh-HK", "iw": "he"}
"""What recognisers call a language → what the templates call it."""
_MOST_NUMBER = 100

NO_INTENT = ""
"""Holds the packaged sentences, which are no intent of Home Assistant's."""


@dataclass(frozen=True, slots=True, eq=False)
class LanguageTemplates:
    """What hassil and the walk need of a language."""

    intents: Intents
    templates: tuple[Template, ...]
    domains: frozenset[str]
    """Every domain that some template asks of a name."""
    number_words: frozenset[str]


def known_language(language: str) -> str | None:
    """Return the templates' own code for a language tag, or None: "en-GB" → "en", "no" → "nb"."""
    known = {code.lower(): code for code in get_languages()}
    tag = language.replace("_", "-").lower()
    family = tag.partition("-")[0]
    for candidate in (tag, family, _ALIASES.get(family, "").lower()):
        if candidate in known:
            return known[candidate]
    return None


@functools.cache  # at most one entry per language that is spoken here
def read_templates(code: str) -> LanguageTemplates:
    """Parse a language's templates; `code` is one of `known_language`. Takes tenths of a second."""
    document: dict[str, Any] = get_intents(code) or {}
    document["intents"][NO_INTENT] = {"data": [{"sentences": [*packaged_vocabulary(code).sentences]}]}
    intents = Intents.from_dict(document)
    templates = tuple(
        Template(
            intent=intent.name,
            expression=sentence.expression,
            slots=_slots(sentence, data, intents),
            domains=needed_domains(data),
            has_free_text=not data.wildcard_list_names.isdisjoint(sentence.list_names(intents.expansion_rules)),
            openings=openings(sentence.expression, intents.expansion_rules)[0],
        )
        for intent in intents.intents.values()
        for data in intent.data
        for sentence in data.sentences
    )
    return LanguageTemplates(
        intents=intents,
        templates=templates,
        domains=frozenset[str]().union(*(template.domains for template in templates)),
        number_words=_number_words(code),
    )


def needed_domains(data: IntentData) -> frozenset[str]:
    """Return the domains that a block's {name} must have one of; empty for any."""
    needed: Any = data.requires_context.get("domain", ())
    if isinstance(needed, dict):
        needed = needed.get("value") or ()
    return frozenset({needed} if isinstance(needed, str) else needed)


def _slots(sentence: Sentence, data: IntentData, intents: Intents) -> frozenset[str]:
    """Return every slot that a template can fill."""
    rules = {**intents.expansion_rules, **data.expansion_rules}
    references = sentence.expression.list_references(rules) if isinstance(sentence.expression, Group) else ()
    return frozenset(reference.slot_name for reference in references).union(data.slots)


def _number_words(code: str) -> frozenset[str]:
    """Return how 0 to 100 are said; empty where no spelling rules are known."""
    try:
        engine = get_rbnf_engine(code)
    except ValueError:
        return frozenset()
    return frozenset(
        words.replace("-", " ").lower()
        for number in range(_MOST_NUMBER + 1)
        for words in engine.format_number(number).text_by_ruleset.values()
    )
