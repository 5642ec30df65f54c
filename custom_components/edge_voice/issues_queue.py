"""What the owner should know of requests that were not done, and of a hub that does not answer by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from homeassistant.util import dt as dt_util

from .protocol import Status
from .protocol_queue import NEEDS_YOU, WaitingRequest, WaitingRequests

MODEL_CRASHED: Final = "model-crashed"
_MODES: Final = ("unavailable", "cloud_only")
_TELLING: Final = frozenset({"model-missing", MODEL_CRASHED})
"""Warnings that say why a hub is in such a mode, and what to do."""
MOST_SHOWN: Final = 20
"""Requests with an issue of their own; further ones come up when these are gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestIssue:
    """A request that needs its owner's word."""

    key: str
    request: WaitingRequest

    @property
    def placeholders(self) -> Mapping[str, str]:
        """Return what stands in its text: when, and the hub's own reason. What was said is shown with the repair."""
        reason = f" {self.request.reason}" if self.request.reason else ""
        return {"at": f"{dt_util.as_local(self.request.at):%Y-%m-%d %H:%M}", "reason": reason}


def of_requests(known: WaitingRequests | None) -> Sequence[RequestIssue]:
    """Return the requests that need their owner's word, the oldest first."""
    waiting = [one for one in known.requests if one.state in NEEDS_YOU] if known else []
    return [RequestIssue(key=f"request_{one.state}", request=one) for one in waiting[:MOST_SHOWN]]


def mode_issue(status: Status) -> str | None:
    """Return the key of the texts of a mode that calls for the owner, unless a warning says more of the same."""
    if status.mode not in _MODES or any(one.code in _TELLING for one in status.warnings):
        return None
    return f"mode_{status.mode}"
