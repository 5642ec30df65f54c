"""A language's sentence templates, parsed once."""

import functools
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hassil.expression import Expression, Group, ListReference, RuleReference, Sequence, TextChunk
from hassil.intents import IntentData, Intents
from hassil.numbers import get_rbnf_engine
from home_assistant_intents import get_intents, get_languages

from ..pipeline.grammar import Onward
from .grammar_vocabulary import packaged_vocabulary

_ALIASES = {"no": "nb", "nn": "nb", "zh": "zh-CN", "yue": "zh-HK", "iw": "he"}
"""What recognisers call a language → what the templates call it."""
_MOST_NUMBER = 100

NO_INTENT = ""
"""Holds the packaged sentences, which are no intent of Home Assistant's."""


@dataclass(slots=True, eq=False)
class Node:
    """An expression that some templates share at the same place, after the same beginning."""

    expression: Expression
    domains: frozenset[str] = frozenset()
    """Domains that its {name} must have one of; empty for any, and where it has none."""
    onwards: dict[Onward, None] = field(default_factory=dict)
    """What its templates, all those below, have in them; each once."""
    children: dict[Hashable, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class LanguageTemplates:
    """What hassil and the walk need of a language."""

    intents: Intents
    root: Node
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
    packaged = packaged_vocabulary(code)
    document["intents"][NO_INTENT] = {"data": [{"sentences": [*packaged.sentences]}]}
    document["lists"] = {**{name: {"values": values} for name, values in packaged.lists.items()}, **document["lists"]}
    intents = Intents.from_dict(document)
    blocks = [(intent.name, data) for intent in intents.intents.values() for data in intent.data]
    root = Node(Sequence())
    for name, data in blocks:
        for sentence in data.sentences:
            _plant(root, name, data, sentence.expression, intents)
    return LanguageTemplates(
        intents=intents,
        root=root,
        domains=frozenset[str]().union(*(needed_domains(data) for _, data in blocks)),
        number_words=_number_words(code),
    )


def _plant(root: Node, intent: str, data: IntentData, expression: Expression, intents: Intents) -> None:
    """Add a template to the tree, one node per part."""
    references = list(_references(expression, intents))
    onward = Onward(
        intent=intent,
        slots=frozenset(reference.slot_name for reference in references).union(data.slots),
        has_free_text=any(reference.list_name in data.wildcard_list_names for reference in references),
    )
    node = root
    for part in expression.items if isinstance(expression, Sequence) else [expression]:
        takes_name = any(reference.list_name == "name" for reference in _references(part, intents))
        domains = needed_domains(data) if takes_name else frozenset[str]()
        node = node.children.setdefault((_shape(part), domains), Node(part, domains))
        node.onwards[onward] = None


def _shape(expression: Expression) -> Hashable:
    """Return what tells an expression from those that take in other words; slots do not."""
    match expression:
        case TextChunk():
            return expression.text
        case ListReference():
            return ("list", expression.list_name)
        case RuleReference():
            return ("rule", expression.rule_name)
        case Group():
            return (type(expression).__name__, *map(_shape, expression.items))
        case _:
            return id(expression)


def _references(expression: Expression, intents: Intents) -> Iterator[ListReference]:
    """Yield every {list} of an expression, those within its <rules> too."""
    return Sequence([expression]).list_references(intents.expansion_rules)


def needed_domains(data: IntentData) -> frozenset[str]:
    """Return the domains that a block's {name} must have one of; empty for any."""
    needed: Any = data.requires_context.get("domain", ())
    if isinstance(needed, dict):
        needed = needed.get("value") or ()
    return frozenset({needed} if isinstance(needed, str) else needed)


def _number_words(code: str) -> frozenset[str]:
    """Return how 0 to 100 are said; empty where no spelling rules are known."""
    try:
        engine = get_rbnf_engine(code)
        spellings = [engine.format_number(number).text_by_ruleset.values() for number in range(_MOST_NUMBER + 1)]
    except ValueError:  # no such file, or one without rules, as for nb
        return frozenset()
    return frozenset(words.replace("-", " ").lower() for spelling in spellings for words in spelling)
