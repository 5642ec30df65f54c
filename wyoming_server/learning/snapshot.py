"""What was learned, as JSON: taken up again exactly, or refused by name."""

import math
from collections.abc import Callable
from typing import Any

import voluptuous as vol

from ..errors import SnapshotError

type Snapshot = dict[str, Any]
"""Only what JSON keeps exactly: objects, lists, texts, finite numbers, true, false and null."""

MAX_NAME = 256
"""Characters of a language's, a bundle's or a satellite's name."""


def read(fields: dict[str, Any], snapshot: object, *, of: str, version: int) -> dict[str, Any]:
    """Return a snapshot whose every field was checked. Raises SnapshotError, naming the first that cannot be used."""
    if not isinstance(snapshot, dict):
        raise SnapshotError(f"The snapshot of {of} is no object; what it knew is learned anew")
    if snapshot.get("version") != version:
        raise SnapshotError(f"The snapshot of {of} is of version {snapshot.get('version')!r:.20}; {version} is known")
    try:
        checked: dict[str, Any] = parts({**fields, "version": whole()})(snapshot)
    except vol.Invalid as error:
        first = error.errors[0] if isinstance(error, vol.MultipleInvalid) else error
        where = ".".join(str(one) for one in first.path) or "its top"
        raise SnapshotError(f"The snapshot of {of} is damaged at {where:.200}: {first.msg:.200}") from error
    return checked


def parts(fields: dict[Any, Any]) -> vol.Schema:
    """Return a check for an object with exactly these keys; inside All or Any a bare one would let keys be missing."""
    return vol.Schema(fields, required=True)


def whole(*, at_least: int = 0, at_most: int = 2**53) -> Callable[[object], int]:
    """Return a check for a whole number."""

    def check(value: object) -> int:
        if type(value) is not int or not at_least <= value <= at_most:
            raise vol.Invalid(f"must be a whole number from {at_least} to {at_most}")
        return value

    return check


def number(*, at_least: float = -math.inf, at_most: float = math.inf) -> Callable[[object], float]:
    """Return a check for a finite number."""

    def check(value: object) -> float:
        if type(value) not in {int, float} or not math.isfinite(value) or not at_least <= value <= at_most:  # type: ignore[arg-type,operator]  # the first test says that it is a number
            raise vol.Invalid(f"must be a finite number from {at_least:g} to {at_most:g}")
        return value  # type: ignore[return-value]  # as above

    return check


def several[T](check: Callable[[object], T], *, at_most: int) -> Callable[[object], list[T]]:
    """Return a check for a list; quicker on long ones than voluptuous's own."""

    def check_all(value: object) -> list[T]:
        if not isinstance(value, list) or len(value) > at_most:
            raise vol.Invalid(f"must be a list of at most {at_most}")
        return [check(one) for one in value]

    return check_all


def name(value: object) -> str:
    """Check a name."""
    if not isinstance(value, str) or len(value) > MAX_NAME:
        raise vol.Invalid(f"must be a text of at most {MAX_NAME} characters")
    return value
