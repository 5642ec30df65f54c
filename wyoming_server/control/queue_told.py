"""Requests that wait, as JSON."""

import datetime as dt
from collections.abc import Mapping

from ..records.queued_seals import Said
from ..resilience.queue import State, Waiting, Why
from .feed import Json

EVENTS: Mapping[State, str] = {
    State.READY: "ready",
    State.STARTED: "started",
    State.INTERRUPTED: "interrupted",
    State.FAILED: "failed",
    State.UNHEARD: "unheard",
    State.OVER: "done",
}
"""What is told when a request comes into a state."""
REASONS: Mapping[Why, str] = {
    Why.NOTHING: "",
    Why.UNTOLD: "It was started, and nobody told how it ended: look whether it was done, then repeat or drop it",
    Why.CUT: "It was cut while it was being done: look whether it was done, then repeat or drop it",
    Why.REFUSED: "The conversation could not do it: repeat it with other words, or drop it",
    Why.EMPTY: "No speech service has understood it: repeat it with what was said, or drop it",
    Why.OTHER: "What a speech service heard is no list, note or reminder, so it may not be done later: repeat it with"
    " what was said, or drop it",
    Why.CRITICAL: "What a speech service heard may open something, so it is not done later: say it again, or drop it",
    Why.LOST: "What was said cannot be read any more, because the key file has changed: repeat it with its text, or"
    " drop it",
}

TROUBLE = frozenset({"interrupted", "failed", "unheard"})
WAITED = frozenset({State.WAITING.value, State.HEARING.value, State.READY.value})
EXPIRED = "A request was let go because its hours were over before it could be done"
UNTIDIED = "A request that needed its owner's word was let go without it"


def plain_fields(one: Waiting, whose: Said, wall_ms: int, reason: str = "") -> Json:
    """Return a request without what was said; `wall_ms` is when it is let go, `reason` why it still waits."""
    return {
        "id": one.id,
        "number": one.number,
        "state": (State.STARTED if one.state is State.OVER else one.state).value,
        "kind": one.kind.value,
        "at": moment(one.at_ms),
        "expires_at": moment(wall_ms),
        "language": whose.language,
        "satellite": whose.satellite or None,
        "turn_id": whose.turn_id or None,
        "tries": one.tries,
        "reason": REASONS[one.why] or reason,
        "repeats": one.repeats or None,
    }


def whole_fields(one: Waiting, said: Said | None, plain: Json) -> Json:
    """Return a request with what was said; None: nothing opens that any more."""
    return {
        **plain,
        "heard": None if said is None else said.heard or None,
        "text": None if said is None else said.text or None,
        "session_id": None if said is None else said.session or None,
        "device_id": None if said is None else said.device or None,
        "started_by": one.started_by or None,
    }


def incident_of(message: Json) -> tuple[str, str] | None:
    """Return subject and sentence of what its owner should find written down; None for what goes well."""
    request = message["request"]
    if message["event"] == "expired":
        return request["kind"], EXPIRED if request["state"] in WAITED else UNTIDIED
    return (request["kind"], request["reason"]) if message["event"] in TROUBLE else None


def moment(at_ms: int) -> str:
    """Return milliseconds since 1970 as a time with its zone."""
    return dt.datetime.fromtimestamp(at_ms / 1000.0, dt.UTC).isoformat(timespec="seconds")
