"""How well the hub can serve now, and why not better: a table. The first row that fits decides.

Sentences say nothing that changes by itself, such as seconds or queue lengths: whoever watches is told of each change.
A lane whose next upload is a trial counts as one that cannot be asked, until it has answered: else the mode would leap
with every pause of a breaker. Turns ask it all the same.
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
    """Why it is missing, or why the starter stands in: a sentence without its full stop."""
    edge_ends: str = "a speech model can be used again"
    """When the chosen model will serve: what follows "Ends when"."""
    starter: bool = False
    """It is the small model that comes with the software."""
    crashes: int = ranged(0, at_least=0)
    """How often the chosen model, or the one that serves, has crashed or failed on end."""
    waiting: int = ranged(0, at_least=0)
    """Turns that wait for it."""
    most_waiting: int = ranged(0, at_least=0)
    """With so many, the next one would not be answered in time; 0: no limit."""
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
    until: Callable[[Facts], str]
    """What would end it: what follows "Ends when"; empty for the last row."""


def condition_of(facts: Facts) -> Condition:
    """Return the hub's mode, by the first row that fits. Raises nothing."""
    row = next(one for one in ROWS if one.fits(facts))
    until = row.until(facts)
    return Condition(mode=row.mode, reason=row.because(facts), ends=until and f"Ends when {until}.")


def _open_lane(facts: Facts) -> LaneHealth | None:
    """Return the first lane that can be asked now, and is known to answer."""
    if facts.routing_mode is RoutingMode.EDGE:
        return None
    allowed = (one for one in facts.lanes if facts.cloud_allowed or one.trust is not Trust.CLOUD)
    return next((one for one in allowed if one.state is LaneState.READY and not one.on_trial), None)


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
    return f"{lane.name} {_STATES[LaneState.READY if _is_shut(lane, facts) else _shown(lane)]}"


def _is_shut(lane: LaneHealth, facts: Facts) -> bool:
    return not facts.cloud_allowed and lane.trust is Trust.CLOUD


def _shown(lane: LaneHealth) -> LaneState:
    return LaneState.BROKEN if lane.state is LaneState.READY and lane.on_trial else lane.state


_CURES = {
    LaneState.READY: "its owner lets speech leave the home",
    LaneState.BROKEN: "{} can be reached again, which the next turn that needs it finds out",
    LaneState.NOT_CONSENTED: "its owner agrees that speech goes to {}",
    LaneState.CAPPED: "{} has a budget again, with the next day or month or a higher limit",
    LaneState.WRONG_LANGUAGE: "a speech service for this language is set up",
}


def _until_a_lane(facts: Facts) -> str:
    """Return when a lane can be asked again."""
    if facts.routing_mode is RoutingMode.EDGE:
        return "its owner lets others be asked"
    if not facts.lanes:
        return "a speech service is set up"
    states = ((one.name, LaneState.READY if _is_shut(one, facts) else _shown(one)) for one in facts.lanes)
    return ", or when ".join(dict.fromkeys(_CURES[state].format(name) for name, state in states))


def _until_edge(facts: Facts) -> str:
    return facts.edge_ends


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
        until=lambda facts: f"{_until_edge(facts)}, or when {_until_a_lane(facts)}",
    ),
    Row(
        mode=Mode.CLOUD_ONLY,
        when="The hub has no speech model that it can use, or it crashed twice, and a lane can be asked.",
        then="All speech goes to the lane.",
        fits=lambda facts: (_lacks_edge(facts) or facts.crashes >= MOST_CRASHES) and _open_lane(facts) is not None,
        because=lambda facts: _sentence(f"{_edge_trouble(facts)}, so all speech goes to {_lane_name(facts)}"),
        until=_until_edge,
    ),
    Row(
        mode=Mode.SHEDDING,
        when="So many turns wait that another one would not be answered in time.",
        then="New turns go to a lane where one can be asked, else they end in an error at once.",
        fits=lambda facts: 0 < facts.most_waiting <= facts.waiting,
        because=lambda facts: _sentence(
            "so many turns wait that another one would not be answered in time, so new ones "
            + (f"go to {_lane_name(facts)}" if _open_lane(facts) else "are turned away")
        ),
        until=lambda _: "fewer turns wait",
    ),
    Row(
        mode=Mode.STARTER,
        when="Only the starter model that comes with the software is there.",
        then="Works offline, for a small vocabulary.",
        fits=lambda facts: facts.starter,
        because=lambda facts: _sentence(
            f"the small starter model serves, which knows few words{_in_brackets(facts.edge_reason)}"
        ),
        until=_until_edge,
    ),
    Row(
        mode=Mode.EDGE_ONLY,
        when="No lane can be asked: none is set up, reachable, consented to or within its budget, or the owner keeps "
        "all speech on the hub.",
        then="Critical risky text is confirmed or refused; other risky text is accepted, or deferred, by the owner's "
        "choice.",
        fits=lambda facts: _open_lane(facts) is None,
        because=lambda facts: _sentence(f"the hub answers alone: {_why_no_lane(facts)}"),
        until=_until_a_lane,
    ),
    Row(
        mode=Mode.NORMAL,
        when="Everything else.",
        then="The hub first, lanes on risk.",
        fits=lambda _: True,
        because=lambda _: "",
        until=lambda _: "",
    ),
)
"""Read from above; the last one fits everything."""
