"""What changes by itself and its owner should be able to look up: the mode, lanes, and whether records can be written.

A change counts once it was seen at two looks: what lasts a moment, such as a full queue, is no incident.
"""

from collections.abc import Callable, Hashable

from ..pipeline.policy import LaneHealth, LaneState
from ..resilience.degraded import Condition, Facts, Mode

_QUIET = {Mode.NORMAL, Mode.STARTER, Mode.EDGE_ONLY, LaneState.READY, LaneState.CAPPED, ""}
"""What needs no word when it is the first that is seen: a hub may be set up so."""
_LANES = {
    LaneState.READY: "'{}' can be asked again.",
    LaneState.BROKEN: "'{}' cannot be reached.",
    LaneState.CAPPED: "'{}' has used up its budget.",
}
"""Other states are the owner's own choice."""

type Tell = Callable[[str, str, str], None]
"""(kind, subject, message) is written down."""


class Noticed:
    """Tells of changes between looks."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._known = dict[tuple[str, str], Hashable]()
        self._seen = dict[tuple[str, str], Hashable]()
        """At the last look."""

    def look(self, condition: Condition, facts: Facts, failure: str) -> None:
        """See how things are; `failure` says why nothing can be written down, empty when it can."""
        self._see("mode", "", condition.mode, condition.reason or "The hub serves as it should again.")
        for lane in facts.lanes:
            if lane.state in _LANES:
                self._see("lane", lane.name, lane.state, _lane_message(lane))
        self._forget_lanes({lane.name for lane in facts.lanes})
        self._see("records", "", failure, failure or "What is written down reaches the disk again.")

    def _see(self, kind: str, subject: str, value: Hashable, message: str) -> None:
        key = kind, subject
        lasts, self._seen[key] = self._seen.get(key) == value, value
        if key not in self._known and value in _QUIET:
            self._known[key] = value
        elif lasts and self._known.get(key) != value:
            self._known[key] = value
            self._tell(kind, subject, message)

    def _forget_lanes(self, there: set[str]) -> None:
        for gone in [key for key in self._seen if key[0] == "lane" and key[1] not in there]:
            del self._seen[gone]
            self._known.pop(gone, None)


def _lane_message(lane: LaneHealth) -> str:
    return _LANES[lane.state].format(lane.name)
