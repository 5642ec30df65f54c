"""The parts of a server → its status, as docs/control-api.md describes it. Reads, and changes nothing."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import __version__
from ..bundles.supply import SupplyState, SupplyStatus
from ..errors import ModelCrashedError
from ..learning.knowledge import Knowledge
from ..learning.threshold import AdaptiveThreshold
from ..pipeline.cloud import Lanes
from ..pipeline.lanes import GuardedLane, LaneSettings
from ..pipeline.policy import LaneHealth, LaneState, Trust
from ..pipeline.wake import WakeWord
from ..records.caps import LedgerSettings, Remaining
from ..records.ledger_rows import LaneTotal
from ..resilience.breaker import LaneBreaker
from ..resilience.degraded import Edge, Facts
from .choices import lane_fields
from .feed import Json

SCHEMA = 1
API = {"version": 1, "min_version": 1}
NAME = "Edge Voice"
VERSION = __version__


def server_fields(server_id: str, started_at: str, uptime_seconds: float) -> Json:
    """Return who it is."""
    return {
        "id": server_id,
        "name": NAME,
        "version": VERSION,
        "started_at": started_at,
        "uptime_seconds": round(uptime_seconds, 1),
    }


def model_fields(status: SupplyStatus, languages: Sequence[str], note: str, *, starter: str) -> Json:
    """Return the model that serves, and how far the chosen one is."""
    return {
        "name": status.serving,
        "wanted": status.name,
        "state": status.state.value,
        "progress": 1.0 if status.state is SupplyState.READY else round(status.progress, 3),
        "starter": status.serving == starter,
        "languages": sorted(languages),
        "note": note,
    }


def word_fields(words: Iterable[WakeWord]) -> list[Json]:
    """Return the wake words."""
    return [{"id": one.name, "phrase": one.phrase, "languages": list(one.languages)} for one in words]


def lanes_fields(lanes: Lanes, from_file: frozenset[str]) -> list[Json]:
    """Return each lane and how it is, without its key."""
    return [
        _lane(one, health, from_file=one.settings.name in from_file)
        for one, health in zip(lanes.guarded, lanes.states(), strict=True)
    ]


def _lane(guarded: GuardedLane, health: LaneHealth, *, from_file: bool) -> Json:
    settings, breaker = guarded.settings, guarded.breaker
    return {
        **lane_fields(settings),
        "trust": settings.trust_class.value,
        "consent": settings.consent or None,
        "languages": list(settings.languages),
        "state": health.state.value,
        "reason": health.reason,
        "error_code": (breaker.code or None) if isinstance(breaker, LaneBreaker) else None,
        "key_ends": _ends(settings),
        "from_file": from_file,
    }


def _ends(settings: LaneSettings) -> str | None:
    """Return a key's last four characters; fewer of a short one would be too much of it."""
    return settings.key[-4:] if len(settings.key) >= 12 else ("…" if settings.key or settings.key_file else None)


def cloud_fields(
    states: Sequence[LaneHealth],
    caps: LedgerSettings,
    remaining: Remaining,
    today: Sequence[LaneTotal],
    this_month: Sequence[LaneTotal],
) -> Json:
    """Return how much has left the home, and may."""
    cloud = [one for one in states if one.trust is Trust.CLOUD and one.state is not LaneState.NOT_CONSENTED]
    ours = [one for one in this_month if one.trust is Trust.CLOUD]
    return {
        "reachable": any(one.state is not LaneState.BROKEN for one in cloud) if cloud else None,
        "over_budget": any(one.state is LaneState.CAPPED for one in cloud),
        "currency": caps.currency,
        "seconds_today": round(sum(one.seconds for one in today if one.trust is Trust.CLOUD), 2),
        "seconds_this_month": round(sum(one.seconds for one in ours), 2),
        "cost_this_month": round(sum(one.cost for one in ours if one.currency == caps.currency), 6),
        "seconds_left_today": round(remaining.seconds, 2),
        "money_left_this_month": round(remaining.money, 6),
    }


def threshold_fields(threshold: AdaptiveThreshold) -> list[Json]:
    """Return the threshold of each language and kind of microphone that was heard."""
    found = []
    for cell in threshold.cells():
        reading = threshold.reading(cell)
        found.append(
            {
                "language": cell.language,
                "microphone_class": cell.microphone_class.value,
                "value": round(reading.value, 4),
                "guaranteed": reading.guaranteed,
                "reason": reading.reason,
                "turns_to_go": threshold.turns_to_go(cell),
            }
        )
    return found


def disagreement_fields(known: Knowledge) -> list[Json]:
    """Return how often a lane hears something else than the hub, per language: of all turns where that is known."""
    found = []
    for language in known.disagreements.languages():
        figures = known.disagreements.figures(language)
        if figures is not None:
            found.append(
                {
                    "language": language,
                    "value": round(figures.intent.value, 4),
                    "low": round(figures.intent.low, 4),
                    "high": round(figures.intent.high, 4),
                    "pairs": figures.pairs,
                    "population": figures.population.value,
                }
            )
    return found


def rates_fields(known: Knowledge) -> dict[str, float | None]:
    """Return how often turns are said again, or given up."""
    rates = known.sessions.counts.rates()
    if not rates.turns:
        return {"retry_rate": None, "abandonment_rate": None}
    return {"retry_rate": round(rates.retried, 4), "abandonment_rate": round(rates.abandoned, 4)}


def edge_of(status: SupplyStatus) -> Edge:
    """Return whether the hub has a model."""
    if status.serving:
        return Edge.SERVING
    is_over = status.has_given_up or status.state in {SupplyState.FAILED, SupplyState.WAITING}
    return Edge.MISSING if is_over else Edge.STARTING


_COMING = {
    SupplyState.LOADING: "{} is loaded",
    SupplyState.MEASURING: "this machine is measured and a model that suits it is fetched",
    SupplyState.FETCHING: "{} is fetched",
    SupplyState.WAITING: "{} can be fetched, which is tried again by itself",
    SupplyState.READY: "a larger model is chosen",
    SupplyState.FAILED: "what is wrong with {} is mended, or another model is chosen",
}


def edge_ends_of(status: SupplyStatus) -> str:
    """Return when the chosen model will serve: what follows "Ends when"."""
    name = f"'{status.name}'" if status.name else "the chosen model"
    if status.error_code == ModelCrashedError.code:
        return f"{name} has been tried again and works, which happens by itself, or another model is chosen"
    return _COMING[status.state].format(name)


def warnings_of(facts: Facts, status: SupplyStatus, lanes: Sequence[Json], cloud: Json, disk: str) -> list[Json]:
    """Return what its owner should mend."""
    is_crashed = status.error_code == ModelCrashedError.code
    checks: list[tuple[bool, str, Callable[[], str]]] = [
        (is_crashed, ModelCrashedError.code, lambda: status.error_text),
        (
            facts.starter
            and not is_crashed
            and status.state in {SupplyState.READY, SupplyState.FAILED, SupplyState.WAITING},
            "starter-model",
            lambda: status.error_text or "The starter model knows a few hundred English words; choose a larger one",
        ),
        (facts.edge is Edge.MISSING, "model-missing", lambda: status.error_text or "The hub has no model to hear with"),
        (bool(cloud["over_budget"]), "over-budget", lambda: "A cap on what leaves the home is reached"),
        (bool(disk), "records-unwritable", lambda: disk),
    ]
    subjects = {ModelCrashedError.code: status.name}
    found: list[dict[str, Any]] = [
        {"code": code, "message": say(), "subject": subjects.get(code, "")} for holds, code, say in checks if holds
    ]
    refused = {"lane-credentials", "lane-forbidden", "key-unreadable"}
    found += [
        {"code": "lane-credentials", "message": one["reason"], "subject": one["name"]}
        for one in lanes
        if one["error_code"] in refused
    ]
    return found
