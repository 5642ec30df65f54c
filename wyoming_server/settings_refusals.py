"""What voluptuous finds wrong with settings → sentences that name the place and what is allowed, and show no secret."""

import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import voluptuous as vol

from .settings_schema import MISSING

SECRETS = frozenset({"key"})
"""Settings whose value no message may show."""
WRITE_A_DAY = "write the day you agreed as YYYY-MM-DD"
_REPR = reprlib.Repr(maxstring=80, maxother=80, maxlong=80)
"""Of a wrong value enough is shown to find it."""

type Raw = Mapping[str, Mapping[str, Any]]
"""Section → key → value, as it was given."""
type Known = Callable[[Sequence[str]], Iterable[str]]
"""Returns the keys that would have been right beside a wrong one."""


def sentences(errors: Iterable[vol.Invalid], raw: Raw, known: Known) -> str:
    """Return what is wrong, each key once; what a place lacks, together."""
    lacking: dict[str, list[str]] = {}
    told: list[str] = []
    for error in errors:
        if error.error_message == MISSING:
            lacking.setdefault(_name(error.path[:-1], raw), []).append(f"no {error.path[-1]}")
        else:
            told.append(_sentence(error, raw, known))
    return "; ".join([*(f"{place} has {' and '.join(sorted(keys))}" for place, keys in lacking.items()), *told])


def _sentence(error: vol.Invalid, raw: Raw, known: Known) -> str:
    """Return the key, its value and what is allowed."""
    path = [str(one) for one in error.path]
    name = _name(error.path, raw)
    if "extra keys" in error.error_message:
        return f"'{name}' is no setting; known here: {', '.join(known(path))}"
    value = _at(raw, error.path)
    if path[-1] == "consent":  # `yes` is the likely mistake, and that it must be text would be no help
        return f"{name} is {_REPR.repr(value)}: {WRITE_A_DAY}"
    if path[-1] in SECRETS or (path[:2] == ["cloud", "lanes"] and len(path) < 4):
        return f"{name} is wrong: {error.error_message}"
    return f"{name} is {_REPR.repr(value)}: {error.error_message}"


def _name(path: Sequence[Any], raw: Raw) -> str:
    """Return a place as messages write it: cloud.lanes[0].url."""
    name = ""
    for depth, step in enumerate(path):
        name += f"[{step}]" if isinstance(_at(raw, path[:depth]), list) else f".{step}"
    return name.removeprefix(".")


def _at(raw: Raw, path: Sequence[Any]) -> Any:
    value: Any = raw
    for step in path:
        value = value[step] if isinstance(value, dict | list) else value
    return value
