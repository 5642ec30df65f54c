"""Requests that wait for a speech service: their states, their order, and what becomes of them.

Pure: moments come in as milliseconds since 1970 by the clock that `waiting_clock` believes, and seconds of patience as
monotonic ones. An id is handed out to be done once, and once only.
"""

import enum
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from ..errors import RequestTakenError
from ..pipeline.policy import WaitKind
from .queue_settings import QueueSettings

HOUR_MS = 3_600_000.0
FIRST_PAUSE_S = 5.0
"""After a service could not be reached; doubled each time."""
MOST_PAUSE_S = 60.0
"""A service's own breaker knows longer ones."""
BEGUN_MS = 24 * 3_600_000
"""Of what was started so long ago, nobody will tell any more how it ended."""
REMEMBERED_MS = 30 * 24 * 3_600_000
"""An id that was done, or has a successor, is known for so long: what is told twice is no surprise."""


class State(enum.StrEnum):
    """Where a request stands."""

    WAITING = "waiting"
    HEARING = "hearing"
    """A service is being asked. Never written down: who is killed meanwhile asks again."""
    READY = "ready"
    STARTED = "started"
    INTERRUPTED = "interrupted"
    """Cut between start and end: nobody knows whether it was done."""
    FAILED = "failed"
    """The conversation refused it."""
    UNHEARD = "unheard"
    """Services answered and understood nothing, or something that may not wait."""
    OVER = "over"
    """Done, or repeated under another id: the id alone is left, without what was said."""


class Why(enum.StrEnum):
    """Why a request stands where it stands."""

    NOTHING = ""
    UNTOLD = "untold"
    """Who had started it never said how it ended."""
    CUT = "cut"
    """Who had started it was cut, and says so."""
    REFUSED = "refused"
    EMPTY = "empty"
    OTHER = "other"
    """The service's text is no list, note or reminder."""
    CRITICAL = "critical"
    """The service's text may open a door."""
    LOST = "lost"
    """Nothing opens any more what was said."""


NEEDS_YOU = frozenset({State.INTERRUPTED, State.FAILED, State.UNHEARD})
"""States that wait for their owner's word."""
RESULTS: Mapping[str, tuple[State, Why]] = {
    "done": (State.OVER, Why.NOTHING),
    "failed": (State.FAILED, Why.REFUSED),
    "interrupted": (State.INTERRUPTED, Why.CUT),
}
"""What is told of an end → what becomes of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request, without what was said."""

    id: str
    number: int
    """Its place."""
    state: State
    kind: WaitKind
    at_ms: int
    until_ms: int
    """When it is let go."""
    tries: int = 0
    """How often a service answered and understood nothing."""
    why: Why = Why.NOTHING
    started_by: str = ""
    repeats: str = ""
    """The id in whose place it came."""
    bytes: int = 0
    """On the disk."""


def hours_of(kind: WaitKind, settings: QueueSettings) -> float:
    """Return how long a kind may wait; 0: not at all."""
    hours = {
        WaitKind.LIST: settings.list_hours,
        WaitKind.NOTE: settings.note_hours,
        WaitKind.REMINDER: settings.reminder_hours,
    }
    return hours[kind]


def refusal(kind: WaitKind, size: int, held: Collection[Waiting], settings: QueueSettings) -> str:
    """Return why a request of so many bytes may not wait beside those that do; empty when it may."""
    if hours_of(kind, settings) <= 0:
        return f"{kind}s may not wait ({kind}_hours is 0)"
    return full(size, held, settings)


def full(size: int, held: Collection[Waiting], settings: QueueSettings) -> str:
    """Return why nothing more is taken; empty when so many bytes are."""
    if len(held) >= settings.most_requests:
        return f"{len(held)} requests wait, as many as may (queue.most_requests)"
    if sum(one.bytes for one in held) + size > settings.most_mb * 2**20:
        return f"those that wait take as much room as they may ({settings.most_mb} MB, queue.most_mb)"
    return ""


def order(held: Iterable[Waiting]) -> list[Waiting]:
    """Return them in the order in which they are heard and done."""
    return sorted(held, key=lambda one: one.number)


def next_to_hear(
    held: Iterable[Waiting], now_s: float, not_before_s: Mapping[str, float], may_be_heard: Callable[[Waiting], bool]
) -> Waiting | None:
    """Return the request that a service is to be asked for now.

    The first that some service may hear; while that one is left alone for a moment, those behind it wait, too: "add
    milk" and "remove milk" do not change places. One that no service may hear now holds up nobody.
    """
    for one in order(held):
        if one.state is State.WAITING and may_be_heard(one):
            return one if now_s >= not_before_s.get(one.id, now_s) else None
    return None


def pause_s(failures: int) -> float:
    """Return how long a request is left alone after so many failures to reach a service, in seconds."""
    return float(min(MOST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(max(0, failures - 1), 20)))


def heard(one: Waiting, why: Why, now_ms: int, settings: QueueSettings) -> Waiting:
    """Return a request for which there is a text: to be done, unless something speaks against it."""
    if why is Why.NOTHING:
        return replace(one, state=State.READY, why=why)
    return replace(one, state=State.UNHEARD, why=why, until_ms=_shown_until(now_ms, settings))


def not_heard(one: Waiting, now_ms: int, settings: QueueSettings) -> Waiting:
    """Return a request that a service has answered without understanding it."""
    tried = replace(one, tries=one.tries + 1, state=State.WAITING)
    if tried.tries < settings.tries:
        return tried
    return replace(tried, state=State.UNHEARD, why=Why.EMPTY, until_ms=_shown_until(now_ms, settings))


def lost(one: Waiting, now_ms: int, settings: QueueSettings) -> Waiting:
    """Return a request that nothing opens any more."""
    return replace(one, state=State.UNHEARD, why=Why.LOST, until_ms=_shown_until(now_ms, settings))


def started(one: Waiting, by: str, now_ms: int) -> Waiting:
    """Return a request in the hands of who does it; the same one may ask again. Raises RequestTakenError."""
    if one.state is State.STARTED and one.started_by == by:
        return one
    if one.state is not State.READY:
        raise RequestTakenError(_TAKEN[one.state])
    return replace(one, state=State.STARTED, started_by=by, until_ms=now_ms + BEGUN_MS)


def ended(one: Waiting, by: str, result: str, now_ms: int, settings: QueueSettings) -> Waiting:
    """Return a request whose end is told; itself when that was known. Raises RequestTakenError.

    Whoever has done it is believed also where the start is not known any more, as after a power cut.
    """
    if one.state is State.OVER:
        return one
    state, why = RESULTS[result]
    is_theirs = one.started_by == by
    if one.state is State.READY or (one.state is State.STARTED and is_theirs):
        is_over = state is State.OVER
        until_ms = now_ms + REMEMBERED_MS if is_over else _shown_until(now_ms, settings)
        return replace(one, state=state, why=why, started_by=by, until_ms=until_ms)
    if one.state in {State.INTERRUPTED, State.FAILED} and is_theirs:
        is_better = state is State.OVER
        return replace(one, state=state, why=why, until_ms=now_ms + REMEMBERED_MS) if is_better else one
    raise RequestTakenError(_TAKEN[one.state])


def may_repeat(one: Waiting) -> None:
    """Raises RequestTakenError for a request that needs nobody's word."""
    if one.state not in NEEDS_YOU:
        raise RequestTakenError(_TAKEN[one.state])


def may_drop(one: Waiting) -> None:
    """Raises RequestTakenError for a request that is being done, or over."""
    if one.state in {State.STARTED, State.OVER}:
        raise RequestTakenError(_TAKEN[one.state])


def expired(one: Waiting, now_ms: int, settings: QueueSettings) -> Waiting | None:
    """Return what becomes of a request with time: itself, nothing, or one that was begun and never told of."""
    if now_ms < one.until_ms:
        return one
    if one.state is State.STARTED:
        return replace(one, state=State.INTERRUPTED, why=Why.UNTOLD, until_ms=_shown_until(now_ms, settings))
    return None


def _shown_until(now_ms: int, settings: QueueSettings) -> int:
    return now_ms + round(settings.shown_hours * HOUR_MS)


_TAKEN: Mapping[State, str] = {
    State.WAITING: "That request still waits for a speech service; POST /api/v1/queue/flush asks them now",
    State.HEARING: "A speech service is being asked for that request at this moment; try again in a few seconds",
    State.READY: "That request has not been started; POST /api/v1/queue/{id}/start takes it",
    State.STARTED: "That request is being done now; wait for its end",
    State.INTERRUPTED: "That request was cut while it was being done: repeat it under a new id, or drop it",
    State.FAILED: "That request has failed: repeat it under a new id, or drop it",
    State.UNHEARD: "No service has understood that request: repeat it with what was said, or drop it",
    State.OVER: "That request was done",
}
