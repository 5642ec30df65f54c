"""Turns as automations see them: what kind each is, and its attributes. Never its text."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from .protocol import Status, Turn

ASKING_CLOUD: Final = "asking_cloud"
ANSWERED: Final = "answered"
ESCALATED: Final = "escalated"
CONFIRM: Final = "confirm"
DEFERRED: Final = "deferred"
ASKED_TO_TYPE: Final = "asked_to_type"
DISCARDED: Final = "discarded"
REFUSED: Final = "refused"
FAILED: Final = "failed"
TURN_TYPES: Final = (ANSWERED, ESCALATED, CONFIRM, DEFERRED, ASKED_TO_TYPE, DISCARDED, REFUSED, FAILED)
"""How a turn may have ended."""

ROUTES_AWAY: Final = frozenset({"cloud", "client"})
"""Whose text is a speech service's."""
_NEEDS_CONFIRMATION: Final = "needs-confirmation"
_TYPES: Final = {"confirm": CONFIRM, "defer": DEFERRED, "ask_text": ASKED_TO_TYPE, "discard": DISCARDED}
_PRIVATE: Final = "text"
_NAMES: Final = {field.name: field.name.rstrip("_") for field in fields(Turn) if field.name != _PRIVATE}
"""The fields that may be told, by the contract's name of each."""


def turn_type(turn: Turn) -> str:
    """Return how a turn ended, one of TURN_TYPES."""
    if turn.error is not None:
        return REFUSED if turn.error == _NEEDS_CONFIRMATION else FAILED
    if turn.action in _TYPES:
        return _TYPES[turn.action]
    return ESCALATED if turn.route in ROUTES_AWAY else ANSWERED


def newest_turn(status: Status, heard: Sequence[Turn]) -> Turn | None:
    """Return the last turn: of those that were heard here, the newest first, or one that only the hub remembers."""
    known = [turn for turn in (*heard[:1], status.last_turn) if turn is not None]
    return max(known, key=lambda turn: turn.at, default=None)


def turn_attributes(turn: Turn) -> dict[str, Any]:
    """Return what is known of a turn as JSON, but for its text."""
    known = asdict(turn)
    return {told: known[name] for name, told in _NAMES.items()} | {"at": turn.at.isoformat()}
