"""A dataclass → the voluptuous schema of its settings, so that a setting is written down once."""

import dataclasses
import datetime as dt
import enum
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

_TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

MISSING = "is missing"
"""What is said of a key that must be there."""


def schema_of(make: Any) -> vol.Schema:
    """Return the schema of a dataclass; only a field without a default must be there."""
    hints = typing.get_type_hints(make)
    return vol.Schema({_key(one): _validator(hints[one.name], one.metadata) for one in dataclasses.fields(make)})


def _key(one: dataclasses.Field[Any]) -> vol.Marker:
    has_default = one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
    return vol.Optional(one.name) if has_default else vol.Required(one.name, msg=MISSING)


def texts_of(make: Any) -> frozenset[str]:
    """Return the keys that hold texts; YAML would take the language `no` for a truth and `2024` for a number."""
    hints = typing.get_type_hints(make).items()
    return frozenset(name for name, hint in hints if hint is str or typing.get_origin(hint) is tuple)


def _validator(annotation: Any, metadata: Mapping[str, float]) -> Any:
    """Return the voluptuous validator of a dataclass field."""
    if annotation in (int, float):
        low, high = metadata["at_least"], metadata["at_most"]
        number = _whole if annotation is int else _number
        return vol.All(number, vol.Range(low, high, msg=_allowed(low, high)))
    if annotation in (bool, str):
        return _truth if annotation is bool else _text
    if isinstance(annotation, enum.EnumType):
        return vol.All(_text, vol.Coerce(annotation, msg=f"allowed is {', '.join(annotation)}"))
    if dataclasses.is_dataclass(annotation):
        return vol.All(_keys, schema_of(annotation), _maker(annotation))
    if typing.get_origin(annotation) is tuple:
        item = typing.get_args(annotation)[0]
        return _texts if item is str else _several(_validator(item, {}))
    if isinstance(annotation, types.GenericAlias) or typing.get_origin(annotation) is Mapping:
        return vol.All(_keys, vol.Schema({_text: vol.All(_number, vol.Range(0, 1, msg=_allowed(0, 1)))}))
    raise TypeError(f"no validator for {annotation}")


def _allowed(low: float, high: float) -> str:
    return f"allowed is {_plain(low)} or more" if math.isinf(high) else f"allowed is {_plain(low)} to {_plain(high)}"


def _plain(number: float) -> str:
    """Return a number as people write it: 1000000 and 0.000001, not 1e+06 and 1e-06."""
    return f"{number:.0f}" if float(number).is_integer() else f"{number:.6f}".rstrip("0")


def _several(item: Any) -> Any:
    """Return a list's validator, which names every entry that is wrong and not the first one only."""
    one_of = vol.Schema(item)

    def read(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise vol.Invalid("must be a list")
        made, wrong = [], []
        for index, one in enumerate(value):
            try:
                made.append(one_of(one))
            except vol.MultipleInvalid as error:
                error.prepend([index])
                wrong += error.errors
        if wrong:
            raise vol.MultipleInvalid(wrong)
        return tuple(made)

    return read


def _maker(make: Any) -> Any:
    """Return what makes a dataclass of checked values."""

    def made(values: dict[str, Any]) -> Any:
        try:
            return make(**values)
        except ValueError as error:
            raise vol.Invalid(str(error)) from error

    return made


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise vol.Invalid("must be a number")
    try:
        return float(value)
    except OverflowError as error:
        raise vol.Invalid("must be a number that can be") from error


def _truth(value: object) -> bool:
    if isinstance(value, str) and value.lower() in _TRUTHS:
        return _TRUTHS[value.lower()]
    if not isinstance(value, bool):
        raise vol.Invalid("must be true or false")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise vol.Invalid("must be a whole number")
    return value


def _keys(value: object) -> object:
    if not isinstance(value, dict):
        raise vol.Invalid("must hold keys below it")
    return value


def _text(value: object) -> str:
    """Return a text; also of what YAML takes for a day, which it does only where 2026-11-22 is written."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    if not isinstance(value, str):
        raise vol.Invalid("must be text")
    if "\0" in value or not _is_whole(value):
        raise vol.Invalid("must be text that a file name could hold")
    return value


def _is_whole(text: str) -> bool:
    """Tell whether a text has no halves of characters, which YAML can write and nothing else can."""
    return text.encode(errors="replace").decode() == text


def _texts(value: object) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) and _is_whole(item) for item in items):
        raise vol.Invalid("must be a list of texts")
    return tuple(item.strip() for item in items if item.strip())
