"""How well the hub can serve now, and why not better: a table. The first row that fits decides.

Reasons say nothing that changes by itself, such as seconds or queue lengths: whoever watches is told of each change.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass

from ..pipeline.checked import Checked, ranged
from ..pipeline.policy import LaneHealth, LaneState, RoutingMode, Trust

MOST_CRASHES = 2
"""A model that crashed so often is left alone where a lane can stand in for it."""


class Mode(enum.StrEnum):
    """What the hub can do now."""

    UNAVAILABLE = "unavailable"
    CLOUD_ONLY = "cloud_only"
    SHEDDING = "shedding"
    STARTER = "starter"
    EDGE_ONLY = "edge_only"
    NORMAL = "normal"


class Edge(enum.StrEnum):
    """What becomes of the hub's own model."""

    SERVING = "serving"
    STARTING = "starting"
    """It will serve in a moment; turns wait for it."""
    MISSING = "missing"
    """There is none that can be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts(Checked):
    """What the mode rests on."""

    edge: Edge = Edge.SERVING
    edge_reason: str = ""
    """Why it is missing: a sentence without its full stop."""
    starter: bool = False
    """It is the small model that comes with the software."""
    crashes: int = ranged(0, at_least=0)
    """How often it has crashed since it was loaded."""
    waiting: int = ranged(0, at_least=0)
    """Turns that wait for it."""
    most_waiting: int = ranged(0, at_least=0)
    """As many as may wait within the budget; 0: no limit."""
    lanes: tuple[LaneHealth, ...] = ()
    """In the owner's order."""
    cloud_allowed: bool = True
    """Whether speech may leave the home at all."""
    routing_mode: RoutingMode = RoutingMode.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The hub's mode."""

    mode: Mode
    reason: str = ""
    """A sentence; empty when it is normal."""
    ends: str = ""
    """What would end it: a sentence, empty likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    mode: Mode
    when: str
    """The condition, for people."""
    then: str
    """What happens to speech."""
    fits: Callable[[Facts], bool]
    because: Callable[[Facts], str]
    """The reason, for the home's people."""


def condition_of(facts: Facts) -> Condition:
    """Return the hub's mode, by the first row that fits. Raises nothing."""
    row = next(one for one in ROWS if one.fits(facts))
    return Condition(mode=row.mode, reason=row.because(facts))


def _open_lane(facts: Facts) -> LaneHealth | None:
    """Return the first lane that can be asked now."""
    if facts.routing_mode is RoutingMode.EDGE:
        return None
    allowed = (one for one in facts.lanes if facts.cloud_allowed or one.trust is not Trust.CLOUD)
    return next((one for one in allowed if one.state is LaneState.READY), None)


def _lacks_edge(facts: Facts) -> bool:
    return facts.edge is Edge.MISSING


def _edge_trouble(facts: Facts) -> str:
    if not _lacks_edge(facts):
        return f"the hub's speech model crashed {facts.crashes} times"
    return f"the hub has no speech model that it can use{_in_brackets(facts.edge_reason)}"


_STATES = {
    LaneState.READY: "may not be asked, as nothing may leave the home",  # of the cloud, and that is not allowed
    LaneState.BROKEN: "cannot be reached",
    LaneState.NOT_CONSENTED: "has no consent",
    LaneState.CAPPED: "has used up its budget",
    LaneState.WRONG_LANGUAGE: "is not for this language",
}


def _why_no_lane(facts: Facts) -> str:
    if facts.routing_mode is RoutingMode.EDGE:
        return "its owner keeps all speech on the hub"
    if not facts.lanes:
        return "no speech service is set up"
    if not facts.cloud_allowed and all(one.trust is Trust.CLOUD for one in facts.lanes):
        return "its owner lets nothing leave the home"
    return "; ".join(dict.fromkeys(_why_not(one, facts) for one in facts.lanes))


def _why_not(lane: LaneHealth, facts: Facts) -> str:
    is_shut = not facts.cloud_allowed and lane.trust is Trust.CLOUD
    return f"{lane.name} {_STATES[LaneState.READY if is_shut else lane.state]}"


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _lane_name(facts: Facts) -> str:
    lane = _open_lane(facts)
    return lane.name if lane else "nobody"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


ROWS = (
    Row(
        mode=Mode.UNAVAILABLE,
        when="The hub has no speech model that it can use, and no lane can be asked.",
        then="Every turn ends in an error at once.",
        fits=lambda facts: _lacks_edge(facts) and _open_lane(facts) is None,
        because=lambda facts: _sentence(f"{_edge_trouble(facts)}, and nobody else can be asked: {_why_no_lane(facts)}"),
    ),
    Row(
        mode=Mode.CLOUD_ONLY,
        when="The hub has no speech model that it can use, or it crashed twice, and a lane can be asked.",
        then="All speech goes to the lane.",
        fits=lambda facts: (_lacks_edge(facts) or facts.crashes >= MOST_CRASHES) and _open_lane(facts) is not None,
        because=lambda facts: _sentence(f"{_edge_trouble(facts)}, so all speech goes to {_lane_name(facts)}"),
    ),
    Row(
        mode=Mode.SHEDDING,
        when="More turns wait than the budget allows.",
        then="New turns go to a lane where one can be asked, else they end in an error at once.",
        fits=lambda facts: 0 < facts.most_waiting < facts.waiting,
        because=lambda facts: _sentence(
            "more turns wait than can be answered in time, so new ones "
            + (f"go to {_lane_name(facts)}" if _open_lane(facts) else "are turned away")
        ),
    ),
    Row(
        mode=Mode.STARTER,
        when="Only the starter model that comes with the software is there.",
        then="Works offline, for a small vocabulary.",
        fits=lambda facts: facts.starter,
        because=lambda _: "The small starter model serves, which knows few words.",
    ),
    Row(
        mode=Mode.EDGE_ONLY,
        when="No lane can be asked: none is set up, reachable, consented to or within its budget, or the owner keeps "
        "all speech on the hub.",
        then="Critical risky text is confirmed or refused; other risky text is accepted, or deferred, by the owner's "
        "choice.",
        fits=lambda facts: _open_lane(facts) is None,
        because=lambda facts: _sentence(f"the hub answers alone: {_why_no_lane(facts)}"),
    ),
    Row(
        mode=Mode.NORMAL,
        when="Everything else.",
        then="The hub first, lanes on risk.",
        fits=lambda _: True,
        because=lambda _: "",
    ),
)
"""Read from above; the last one fits everything."""
