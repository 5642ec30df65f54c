"""One operation of the control API: what it takes, what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .control_values import Value

JSON, WAV, FORM, EVENTS = "application/json", "audio/wav", "multipart/form-data", "text/event-stream"
HTML, COUNTERS = "text/html", "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    name: str
    method: str
    path: str
    summary: str
    answer: Any = None
    """Its shape; None for what is no JSON."""
    gives: str = JSON
    """The content type of the answer."""
    status: int = 200
    body: Any = None
    kind: str = JSON
    """The content type of the body, when there is one."""
    query: Mapping[str, Value] = field(default_factory=dict)
    needs_body: bool = True
    """False where none stands for an empty object."""
    example: Any = None
    """A body, for people."""
    refusals: tuple[int, ...] = ()
    """Statuses beside 400, 401, 403 and 500, which any may have."""
    is_open: bool = False
    """Whether it needs no token."""

    @property
    def has_body(self) -> bool:
        """Whether a request carries one."""
        return self.body is not None or self.kind != JSON
