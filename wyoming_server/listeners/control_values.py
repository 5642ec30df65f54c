"""JSON values that the control API takes and gives: each checks itself, says what is allowed, and tells its schema.

A message never holds the value: keys and texts of the home pass through here.
"""

import datetime as dt
import math
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import voluptuous as vol

from ..errors import InvalidRequestError

type Json = dict[str, Any]

MISSING = "is missing"
_UNKNOWN = "extra keys not allowed"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_REPR = reprlib.Repr(maxstring=40)


class Value:
    """A validator that voluptuous calls, and that the API's description can show."""

    default: float | None = None
    """What stands for it where a query does not name it."""

    def __call__(self, value: object) -> Any:
        """Return the value. Raises vol.Invalid."""
        raise NotImplementedError

    def described(self) -> Json:
        """Return its JSON Schema."""
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """Return the value that a path or a query means by a text. Raises vol.Invalid."""
        return self(text)


class Text(Value):
    """A text of so many characters."""

    def __init__(self, *, least: int = 0, most: int = 255, pattern: str = "", form: str = "") -> None:
        """Take texts that match as a whole; `form` says the pattern to people."""
        self._least, self._most, self._pattern, self._form = least, most, pattern, form

    def __call__(self, value: object) -> str:
        """Return the text. Raises vol.Invalid."""
        if not isinstance(value, str):
            raise vol.Invalid("must be text")
        if value.encode(errors="replace").decode() != value:
            raise vol.Invalid("must be text without halves of characters")
        if not self._least <= len(value) <= self._most:
            raise vol.Invalid(f"must be {self._least} to {self._most} characters long")
        if self._pattern and not re.fullmatch(self._pattern, value):
            raise vol.Invalid(f"must be {self._form}")
        return value

    def described(self) -> Json:
        """Return its JSON Schema."""
        told: Json = {"type": "string", "maxLength": self._most}
        if self._least:
            told["minLength"] = self._least
        if self._pattern:
            told["pattern"] = f"^({self._pattern})$"
        return told


class Choice(Value):
    """One of some texts."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = allowed

    def __call__(self, value: object) -> str:
        """Return the text. Raises vol.Invalid."""
        if not isinstance(value, str) or value not in self.allowed:
            raise vol.Invalid(f"allowed is {', '.join(self.allowed)}")
        return value

    def described(self) -> Json:
        """Return its JSON Schema."""
        return {"type": "string", "enum": list(self.allowed)}


class Moment(Value):
    """A time with its zone, as RFC 3339 writes it."""

    def __call__(self, value: object) -> str:
        """Return the text. Raises vol.Invalid."""
        try:
            if not isinstance(value, str) or not _MOMENT.fullmatch(value.upper()):
                raise ValueError  # noqa: TRY301  # told like a day that does not exist
            dt.datetime.fromisoformat(value)
        except ValueError as error:
            raise vol.Invalid("must be a time such as 2026-11-22T10:00:00+00:00") from error
        return value

    def described(self) -> Json:
        """Return its JSON Schema."""
        return {"type": "string", "format": "date-time"}


class Number(Value):
    """A number within [low, high]."""

    kind = "number"

    def __init__(self, low: float = -math.inf, high: float = math.inf, *, default: float | None = None) -> None:
        """Take numbers within a range."""
        self._low, self._high, self.default = low, high, default

    def __call__(self, value: object) -> Any:
        """Return the number. Raises vol.Invalid."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise vol.Invalid("must be a number")
        # A whole number of a thousand digits is JSON, and fits no float.
        if not (self._low <= value <= self._high) or (isinstance(value, float) and not math.isfinite(value)):
            raise vol.Invalid(f"allowed is {self._range()}")
        return value

    def described(self) -> Json:
        """Return its JSON Schema."""
        limits = {"minimum": self._low, "maximum": self._high}
        told: Json = {"type": self.kind} | {name: limit for name, limit in limits.items() if math.isfinite(limit)}
        return told if self.default is None else told | {"default": self.default}

    def _range(self) -> str:
        if math.isinf(self._low) and math.isinf(self._high):
            return "a finite number"
        return f"{self._low} or more" if math.isinf(self._high) else f"{self._low} to {self._high}"


class Whole(Number):
    """A whole number within [low, high]; 1.0 is one, as JSON Schema has it."""

    kind = "integer"

    def __call__(self, value: object) -> int:
        """Return the number. Raises vol.Invalid."""
        number = super().__call__(value)
        if number != int(number):
            raise vol.Invalid("must be a whole number")
        return int(number)

    def read(self, text: str) -> int:
        """Return the number that a path or a query means by a text. Raises vol.Invalid."""
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise vol.Invalid(f"must be a whole number; allowed is {self._range()}")
        return self(int(text))


class Truth(Value):
    """True or false."""

    def __call__(self, value: object) -> bool:
        """Return the truth. Raises vol.Invalid."""
        if not isinstance(value, bool):
            raise vol.Invalid("must be true or false")
        return value

    def described(self) -> Json:
        """Return its JSON Schema."""
        return {"type": "boolean"}


class Anything(Value):
    """Whatever JSON can say."""

    def __call__(self, value: object) -> Any:
        """Return the value."""
        return value

    def described(self) -> Json:
        """Return its JSON Schema."""
        return {"type": ["string", "number", "boolean", "null", "object", "array"]}


class Maybe(Value):
    """Another value, or null."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self._check = vol.Schema(inner)

    def __call__(self, value: object) -> Any:
        """Return the value. Raises vol.Invalid."""
        return None if value is None else self._check(value)


class Several(Value):
    """A list, which names each entry that is wrong and not the first one only."""

    def __init__(self, inner: Any, *, least: int = 0, most: int | None = None) -> None:
        self.inner, self.least, self.most = inner, least, most
        self._check = inner if isinstance(inner, Value) else vol.Schema(inner)

    def __call__(self, value: object) -> list[Any]:
        """Return the list. Raises vol.Invalid."""
        if not isinstance(value, list):
            raise vol.Invalid("must be a list")
        if len(value) < self.least or (self.most is not None and len(value) > self.most):
            raise vol.Invalid(f"must have {self.least} to {self.most} entries")
        checked: list[Any] = []
        wrong: list[vol.Invalid] = []
        for index, one in enumerate(value):
            try:
                checked.append(self._check(one))
            except vol.Invalid as error:
                error.prepend([index])
                wrong += error.errors if isinstance(error, vol.MultipleInvalid) else [error]
        if wrong:
            raise vol.MultipleInvalid(wrong)
        return checked


class Either(Value):
    """One of two shapes; what is wrong is told of the second."""

    def __init__(self, first: Any, second: Any) -> None:
        self.inner = (first, second)
        self._first, self._second = vol.Schema(first), vol.Schema(second)

    def __call__(self, value: object) -> Any:
        """Return the value. Raises vol.Invalid."""
        try:
            return self._first(value)
        except vol.Invalid:
            return self._second(value)


class Named(Value):
    """A shape that the description shows once, by its name."""

    def __init__(self, name: str, inner: Any) -> None:
        self.name, self.inner = name, inner
        self._check = vol.Schema(inner)

    def __call__(self, value: object) -> Any:
        """Return the value. Raises vol.Invalid."""
        return self._check(value)


def record(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> vol.Schema:
    """Return the shape of an object with these keys and no others."""
    keys: dict[vol.Marker, Any] = {vol.Required(key, msg=MISSING): value for key, value in required.items()}
    keys |= {vol.Optional(key): value for key, value in (optional or {}).items()}
    return vol.Schema(keys)


def checked(shape: Callable[[Any], Any], value: object, *, known: Iterable[str] = ()) -> Any:
    """Return a value that fits its shape. Raises InvalidRequestError, which names each key and what is allowed."""
    try:
        return shape(value)
    except vol.Invalid as error:
        errors = error.errors if isinstance(error, vol.MultipleInvalid) else [error]
        told = "; ".join(_sentence(one, list(known)) for one in errors[:10])
        raise InvalidRequestError(told + ("; …" if len(errors) > 10 else "")) from None  # its cause holds the value


def _sentence(error: vol.Invalid, known: list[str]) -> str:
    path = "".join(f"[{one}]" if isinstance(one, int) else f".{_plain(str(one))}" for one in error.path)
    place = path.removeprefix(".") or "the request"
    if error.error_message == _UNKNOWN:
        beside = f"; known: {', '.join(known)}" if known and len(error.path) == 1 else ""
        return f"{place} is not known here{beside}"
    if error.error_message.startswith("expected a dictionary"):
        return f"{place} must be a JSON object"
    return f"{place} {MISSING}" if error.error_message == MISSING else f"{place}: {error.error_message}"


def _plain(name: str) -> str:
    """Return a key as it was sent, unless it is long or odd."""
    return name if name.isidentifier() and len(name) < 60 else _REPR.repr(name)
