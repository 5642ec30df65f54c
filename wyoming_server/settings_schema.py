"""A dataclass → the voluptuous schema of its settings, so that a setting is written down once."""

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

_TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def schema_of(make: Any) -> vol.Schema:
    """Return the schema of a dataclass whose every field has a default or may be left out of the file."""
    hints = typing.get_type_hints(make)
    return vol.Schema(
        {vol.Optional(one.name): _validator(hints[one.name], one.metadata) for one in dataclasses.fields(make)}
    )


def texts_of(make: Any) -> frozenset[str]:
    """Return the keys that hold texts; YAML would take the language `no` for a truth and `2024` for a number."""
    hints = typing.get_type_hints(make).items()
    return frozenset(name for name, hint in hints if hint is str or typing.get_origin(hint) is tuple)


def _validator(annotation: Any, metadata: Mapping[str, float]) -> Any:
    """Return the voluptuous validator of a dataclass field."""
    if annotation in (int, float):
        low, high = metadata["at_least"], metadata["at_most"]
        number = _whole if annotation is int else _number
        return vol.All(number, vol.Range(low, high, msg=f"allowed is {low:g} to {high:g}"))
    if annotation in (bool, str):
        return _truth if annotation is bool else _text
    if isinstance(annotation, enum.EnumType):
        return vol.All(_text, vol.Coerce(annotation, msg=f"allowed is {', '.join(annotation)}"))
    if dataclasses.is_dataclass(annotation):
        return vol.All(schema_of(annotation), _maker(annotation))
    if typing.get_origin(annotation) is tuple:
        item = typing.get_args(annotation)[0]
        return _texts if item is str else vol.All([_validator(item, {})], vol.Coerce(tuple))
    if isinstance(annotation, types.GenericAlias) or typing.get_origin(annotation) is Mapping:
        return vol.Schema({_text: vol.All(_number, vol.Range(0, 1, msg="allowed is 0 to 1"))})
    raise TypeError(f"no validator for {annotation}")


def _maker(make: Any) -> Any:
    """Return what makes a dataclass of checked values."""

    def made(values: dict[str, Any]) -> Any:
        try:
            return make(**values)
        except (TypeError, ValueError) as error:
            raise vol.Invalid(str(error).replace("__init__() ", "")) from error

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


def _text(value: object) -> str:
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
