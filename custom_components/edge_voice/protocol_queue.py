"""Requests that wait for a speech service: the JSON of the hub's control API as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

NEEDS_YOU: Final = frozenset({"interrupted", "failed", "unheard"})
"""States that wait for their owner's word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """How many requests wait."""

    enabled: bool = False
    waiting: int = 0
    """For a service."""

    ready: int = 0
    """To be done."""

    started: int = 0
    needs_you: int = 0
    bytes: int = 0
    oldest: datetime | None = None
    reason: str = ""
    """Why nothing more is taken; empty when it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingRequest:
    """One request. What was said of it comes only when it is asked for, not with events."""

    id: str
    number: int
    """Its place: they are done in this order."""

    state: str
    """`waiting`, `hearing`, `ready`, `started`, `interrupted`, `failed` or `unheard`."""

    kind: str
    """`list`, `note` or `reminder`."""

    at: datetime
    expires_at: datetime
    language: str = ""
    satellite: str | None = None
    turn_id: str | None = None
    tries: int = 0
    reason: str = ""
    repeats: str | None = None
    """The id in whose place it came."""

    heard: str | None = field(default=None, repr=False)
    """The hub's own text."""

    text: str | None = field(default=None, repr=False)
    """A service's, or the owner's; the one to be done."""

    session_id: str | None = None
    device_id: str | None = None
    started_by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingRequests:
    """All of them, the oldest first."""

    requests: tuple[WaitingRequest, ...] = ()
    enabled: bool = False
    hours: Mapping[str, float] = field(default_factory=dict)
    """Kind → how long it may wait."""

    most_requests: int = 0
    bytes: int = 0
    most_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueMoved:
    """One of them has moved."""

    event: str
    """`kept`, `ready`, `started`, `done`, `failed`, `interrupted`, `unheard`, `expired`, `dropped` or `repeated`."""

    request: WaitingRequest
