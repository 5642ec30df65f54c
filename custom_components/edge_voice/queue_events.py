"""What is told of requests that wait, as automations see it. Never what was said."""

from dataclasses import fields
from typing import Any, Final

from .protocol import Status
from .protocol_queue import QueueMoved, WaitingRequest

KEPT: Final = "kept"
QUEUE_EVENTS: Final = (
    *(KEPT, "ready", "started", "done", "failed", "interrupted", "unheard"),
    *("expired", "dropped", "repeated"),
)
KINDS: Final = ("list", "note", "reminder")
_PRIVATE: Final = frozenset({"heard", "text", "session_id", "device_id", "started_by"})
_NAMES: Final = {one.name: one.name for one in fields(WaitingRequest) if one.name not in _PRIVATE} | {
    "id": "request_id"
}
"""The fields that may be told, by what automations call each."""
_TIMES: Final = ("at", "expires_at")


def keeps_requests(status: Status) -> bool:
    """Whether the hub keeps requests for later: older ones do not, and have no entities for it."""
    return status.queue is not None


def request_attributes(request: WaitingRequest) -> dict[str, Any]:
    """Return what is known of a request as JSON, but for what was said."""
    told = {name: getattr(request, key) for key, name in _NAMES.items()}
    return told | {key: told[key].isoformat() for key in _TIMES}


def moved_attributes(moved: QueueMoved) -> dict[str, Any]:
    """Return which request has moved."""
    return request_attributes(moved.request)
