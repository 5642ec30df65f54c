"""Sentence templates as people would say them: each choice on its own, any words as `*`."""

import re
from collections.abc import Iterator
from itertools import islice, product
from typing import Final

ANY: Final = "*"
MOST_FORMS: Final = 48
"""Of one template; of one with more, choices are told as any words."""
_SLOT: Final = re.compile(r"\{[^}]*\}|<[^>]*>")
_CHOICE: Final = re.compile(r"\([^()\[\]]*\)")
_OPTIONAL: Final = re.compile(r"\[[^()\[\]]*\]")
_BRACKET: Final = re.compile(r"[()\[\]|;]+")
_TOKEN: Final = re.compile(r"[()\[\]|;]|[^()\[\]|;]+")
type _Forms = list[str]


def spoken_forms(template: str) -> list[str]:
    """Return what a template matches: "open [the] (gate|door)" is four texts. One that is broken is told roughly."""
    plain = _SLOT.sub(ANY, template)
    try:
        forms = _sequence(iter(_TOKEN.findall(plain)), until=None)
    except ValueError:
        forms = [_BRACKET.sub(" ", _without_groups(plain, optional)) for optional in (ANY, " ")]
    told = (" ".join(one.split()) for one in forms)
    return list(dict.fromkeys(one for one in told if one.strip(f"{ANY} ")))


def _without_groups(plain: str, optional: str) -> str:
    """Return a template with any words for its choices, and something else for what may be left out."""
    before = ""
    while before != plain:
        before, plain = plain, _OPTIONAL.sub(f" {optional} ", _CHOICE.sub(f" {ANY} ", plain))
    return plain


def _sequence(tokens: Iterator[str], until: str | None) -> _Forms:
    """Return the forms up to a closing bracket. Raises ValueError when brackets do not fit, or forms are too many."""
    choices: list[_Forms] = []
    parts: list[_Forms] = []
    for token in tokens:
        match token:
            case "(":
                parts.append(_sequence(tokens, ")"))
            case "[":
                parts.append(["", *_sequence(tokens, "]")])
            case "|" | ";":
                choices.append(_joined(parts))
                parts = []
            case ")" | "]" if token == until:
                return [one for forms in (*choices, _joined(parts)) for one in forms]
            case ")" | "]":
                raise ValueError(token)
            case _:
                parts.append([token])
    if until is not None:
        raise ValueError(until)
    return [one for forms in (*choices, _joined(parts)) for one in forms]


def _joined(parts: list[_Forms]) -> _Forms:
    forms = ["".join(one) for one in islice(product(*parts), MOST_FORMS + 1)]
    if len(forms) > MOST_FORMS:
        raise ValueError(MOST_FORMS)
    return forms
