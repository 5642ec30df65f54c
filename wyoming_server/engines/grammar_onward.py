"""Which sentence templates a text is only the beginning of.

hassil tells whether a text is a whole sentence; this walks the same parsed templates for the sentences that start with
it. A walk keeps every position that an expression can end at, remembers lists and rules by position, and goes down the
tree of templates, so that a thousand of them share the work.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping

from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    Sentence,
    TextChunk,
)
from hassil.intents import RangeSlotList, SlotList, TextSlotList, WildcardSlotList

from ..pipeline.grammar import Onward
from .grammar_templates import Node

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")

_NOWHERE, _NEXT, _WITHIN = 0, 1, 2
"""How a template goes on where the text ends, as bits: not at all, with its next part, within what was begun."""

type Step = tuple[frozenset[int], int]
"""Positions after an expression, and how it goes on at the end of the text."""

_NO_WAY: Step = (frozenset(), _NOWHERE)


class OnwardWalk:
    """One text against many templates."""

    def __init__(
        self,
        text: str,
        *,
        lists: Mapping[str, SlotList],
        rules: Mapping[str, Sentence],
        number_words: frozenset[str],
        is_spaceless: bool = False,
    ) -> None:
        self._is_spaceless = is_spaceless
        self._text = text.replace(" ", "") if is_spaceless else f"{text} "
        self._lists = lists
        self._rules = rules
        self._number_words = number_words
        self._domains: frozenset[str] = frozenset()
        self._steps: dict[tuple[object, ...], Step] = {}

    def onwards(self, root: Node) -> Iterator[Onward]:
        """Yield what the templates that the text is a proper beginning of would tell; some more than once."""
        return self._below(root, frozenset({0}))

    def _below(self, node: Node, positions: frozenset[int]) -> Iterator[Onward]:
        """Walk a node's children, and theirs where the text reaches."""
        for child in node.children.values():
            self._domains = child.domains
            ends, edge = _union(self._walk(child.expression, position) for position in positions)
            if edge:
                grows_value = bool(edge & _WITHIN)
                yield from (dataclasses.replace(onward, grows_value=grows_value) for onward in child.onwards)
            if ends:
                yield from self._below(child, ends)

    def _walk(self, expression: Expression, position: int) -> Step:  # noqa: PLR0911  # one return per kind of expression
        """Return where an expression can end that starts at a position."""
        match expression:
            case TextChunk():
                return self._chunk(expression.text, position)
            case ListReference():
                return self._remembered(("list", expression.list_name, self._domains, position), expression, position)
            case RuleReference():
                return self._remembered(("rule", expression.rule_name, self._domains, position), expression, position)
            case Alternative():
                return _union(self._walk(item, position) for item in expression.items)
            case Permutation():
                if not expression.items:
                    return frozenset({position}), _NOWHERE
                return _union(
                    self._sequence([item, rest], position) for item, rest in expression.iterate_permutations()
                )
            case Group():
                return self._sequence(expression.items, position)
            case _:
                return _NO_WAY

    def _sequence(self, items: Iterable[Expression], position: int) -> Step:
        """Walk items one after the other."""
        positions = frozenset({position})
        edge = _NOWHERE
        for item in items:
            if len(positions) == 1:
                (start,) = positions
                positions, further = self._walk(item, start)
            else:
                positions, further = _union(self._walk(item, start) for start in positions)
            edge |= further
            if not positions:
                break
        return positions, edge

    def _chunk(self, chunk: str, position: int) -> Step:
        """Walk a literal; spaces beside a word boundary are free, as they are in hassil."""
        chunk = chunk.lower()
        if self._is_spaceless:
            chunk = chunk.replace(" ", "")
        elif position == 0 or self._text[position - 1] in " '":
            chunk = chunk.lstrip()
        if self._text.startswith(chunk, position):
            return frozenset({position + len(chunk)}), _NOWHERE
        rest = self._text[position:]
        if chunk.isspace() and not rest.strip():
            return frozenset({position}), _NOWHERE
        if chunk.startswith(rest):
            return frozenset(), _NEXT
        return _NO_WAY

    def _remembered(self, key: tuple[object, ...], reference: ListReference | RuleReference, position: int) -> Step:
        """Walk a list or a rule once per position."""
        step = self._steps.get(key)
        if step is None:
            if isinstance(reference, ListReference):
                step = self._list(reference, position)
            else:
                rule = self._rules.get(reference.rule_name)
                step = _NO_WAY if rule is None else self._walk(rule.expression, position)
            self._steps[key] = step
        return step

    def _list(self, reference: ListReference, position: int) -> Step:
        """Walk a slot's values."""
        if not self._text[position:].strip():
            return frozenset(), _NEXT
        match self._lists.get(reference.list_name):
            case WildcardSlotList():
                return self._word_ends(position), _NOWHERE
            case RangeSlotList():
                return self._numbers(position), _NOWHERE
            case TextSlotList() as values:
                ends, edge = _union(
                    self._walk(value.text_in, position) for value in values.values if self._is_allowed(value.context)
                )
                return ends, _WITHIN if edge else _NOWHERE
            case _:
                return (self._numbers(position), _NOWHERE) if reference.is_inline_range else _NO_WAY

    def _is_allowed(self, context: Mapping[str, object] | None) -> bool:
        """Tell whether a value has one of the domains that the template needs."""
        if not self._domains or not context or "domain" not in context:
            return True
        return any(context["domain"] == domain for domain in self._domains)

    def _word_ends(self, position: int) -> frozenset[int]:
        """Return the ends of each following word but the last: free text that eats everything says nothing."""
        if self._is_spaceless:
            return frozenset(range(position + 1, len(self._text)))
        return frozenset(index for index in range(position + 1, len(self._text) - 1) if self._text[index] == " ")

    def _numbers(self, position: int) -> frozenset[int]:
        """Return the ends of digits or number words."""
        start = position + len(self._text[position:]) - len(self._text[position:].lstrip())
        if digits := _NUMBER.match(self._text, start):
            return frozenset({digits.end()})
        words = self._text[start:].split(" ")[:4]
        spans = (" ".join(words[:count]) for count in range(1, len(words) + 1))
        return frozenset(start + len(span) for span in spans if span in self._number_words)


def _union(steps: Iterable[Step]) -> Step:
    """Merge ways."""
    ends: frozenset[int] = frozenset()
    edge = _NOWHERE
    for positions, further in steps:
        if positions:
            ends = ends | positions if ends else positions
        edge |= further
    return ends, edge
