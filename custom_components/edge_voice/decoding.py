"""JSON into frozen dataclasses: strict about types, lenient about what a newer or an older hub says more or less."""

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from .errors import MalformedAnswerError

type _Plan = tuple[tuple[str, Any, Field[Any]], ...]

_PLANS: Final[dict[type, _Plan]] = {}
"""Annotations are read once per type."""


def decode[T](kind: type[T], value: object, where: str = "answer") -> T:
    """Return JSON as a dataclass; unknown keys are passed over. Raises MalformedAnswerError for a wrong type."""
    if not isinstance(value, dict):
        raise _malformed(where, "an object", value)
    found: dict[str, Any] = {}
    for name, hint, field in _plan(kind):
        if name in value:
            found[field.name] = _convert(hint, value[name], f"{where}.{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise MalformedAnswerError(f"{where} has no {name!r}")
    return kind(**found)


def _plan(kind: type) -> _Plan:
    """Return each field with its name in JSON (a keyword's ends in `_` here) and its type."""
    if (plan := _PLANS.get(kind)) is None:
        hints = get_type_hints(kind)
        plan = _PLANS[kind] = tuple((field.name.rstrip("_"), hints[field.name], field) for field in fields(kind))
    return plan


def _convert(hint: Any, value: object, where: str) -> Any:
    """Return a value as its annotated type."""
    arguments = get_args(hint)
    origin = get_origin(hint)
    if origin is types.UnionType or origin is Union:
        if value is None and types.NoneType in arguments:
            return None
        (hint,) = [one for one in arguments if one is not types.NoneType]
        return _convert(hint, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise _malformed(where, "a list", value)
        return tuple(_convert(arguments[0], one, where) for one in value)
    if origin is Mapping:
        if not isinstance(value, dict):
            raise _malformed(where, "an object", value)
        return {key: _convert(arguments[1], one, f"{where}.{key}") for key, one in value.items()}
    return decode(hint, value, where) if isinstance(hint, type) and is_dataclass(hint) else _scalar(hint, value, where)


def _scalar(hint: type, value: object, where: str) -> Any:
    """Return text, a number, a truth or a time. Whatever is not finite is none of these."""
    if hint is object:
        return value
    if hint is datetime and isinstance(value, str):
        return _moment(value, where)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if hint in {str, bool, int} and type(value) is hint:
        return value
    raise _malformed(where, hint.__name__, value)


def _moment(value: str, where: str) -> datetime:
    """Return a moment, which names its zone."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise _malformed(where, "a time", value) from error
    if moment.tzinfo is None:
        raise _malformed(where, "a time with its zone", value)
    return moment


def _malformed(where: str, wanted: str, value: object) -> MalformedAnswerError:
    """Name the place and the types, never the value: it may be somebody's speech."""
    return MalformedAnswerError(f"{where} is to be {wanted} and is {type(value).__name__}")
