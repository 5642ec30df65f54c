"""Outcomes and failures → turns, as docs/control-api.md describes them."""

import datetime as dt
from typing import Any

from ..errors import EdgeVoiceError
from ..listeners.replies import latency_fields, outcome_fields
from ..pipeline.interpret import TurnRequest
from ..pipeline.policy import Caller
from ..pipeline.timeline import Spans
from ..pipeline.types import Outcome
from .feed import Json

ERROR = "error"
"""The action of a turn that ended without an answer."""
_UNKNOWN: dict[str, Any] = {
    "reason": "",
    "why": None,
    "intent": None,
    "route": None,
    "lane": None,
    "risk": None,
    "threshold": None,
    "points": {},
    "class": None,
    "critical": None,
    "lanes": [],
    "model": None,
    "rules": [],
    "ended_by": None,
    "quality": None,
    "latency_ms": None,
}


def turn_of(outcome: Outcome, spans: Spans, at: dt.datetime, *, with_text: bool) -> Json:
    """Return a finished turn; its text only where the owner keeps transcripts."""
    fields = outcome_fields(outcome)
    del fields["schema"], fields["queued"]  # whose events are their own
    failure = outcome.failure
    turn = {
        **fields,
        **_of_caller(outcome.caller, outcome.language, at),
        "latency_ms": latency_fields(spans),
        "error": None if failure is None else failure.code,
    }
    if failure is not None:
        turn["action"] = ERROR
        turn["reason"] = str(failure)
    if with_text:
        turn["text"] = outcome.text
    return turn


def failed_turn(request: TurnRequest, failure: EdgeVoiceError, at: dt.datetime) -> Json:
    """Return a turn of which nothing is known but why it failed."""
    return {
        **_UNKNOWN,
        "turn_id": request.turn_id,
        "action": ERROR,
        "reason": str(failure),
        **_of_caller(request.caller, request.language or "", at),
        "error": failure.code,
    }


def _of_caller(caller: Caller, language: str, at: dt.datetime) -> Json:
    return {
        "at": at.isoformat(timespec="milliseconds"),
        "satellite": caller.satellite,
        "microphone_class": caller.microphone_class.value,
        "language": language,
    }
