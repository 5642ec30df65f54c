"""The routing brain, put together for `serve`: lanes, ledger, and what the hub learns."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

from .engines.lanes import make_lane, with_defaults
from .errors import EdgeVoiceError
from .learning.budget import BudgetSettings, CloudBudget
from .learning.disagreement import Disagreements
from .learning.knowledge import Knowledge, Snapshots
from .learning.learner import Learner, OnPair
from .learning.microphones import Microphones
from .learning.percentiles import Percentiles
from .learning.session_counts import SessionCounts
from .learning.sessions import ClosedTurn, Sessions
from .learning.threshold import ThresholdSettings
from .learning.thresholds import INDEX, Thresholds, names_in
from .pipeline.cloud import Lanes
from .pipeline.grammar import Grammar, Vocabulary
from .pipeline.lanes import GuardedLane, Lane, LaneSettings
from .pipeline.policy import RoutingMode, Trust
from .pipeline.scorecard import Scorecard
from .records.ledger import EgressLedger
from .records.snapshots import Snapshots as StoredSnapshots
from .records.store import Store
from .resilience.breaker import LaneBreaker
from .settings import Settings, may_be_asked

_LOGGER = logging.getLogger(__name__)
KEPT = ("percentiles", "budget", "disagreement", "sessions")
"""Snapshots beside those of the thresholds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brain:
    """What turns ask, and what learns from them."""

    lanes: Lanes
    learner: Learner
    ledger: EgressLedger
    store: Store
    snapshots: StoredSnapshots

    async def adopt(self, settings: Settings, home: Vocabulary) -> None:
        """Route by other settings from now on. Raises UsageError for a wrong lane; then all stays as it was."""
        # In a thread: a provider's module, and what it needs, is imported when its first lane is made.
        guarded = await asyncio.to_thread(_all_guarded, settings, self.lanes.guarded)
        self.lanes.adopt(guarded, settings.cloud)
        self.ledger.adopt(settings.ledger)
        self.learner.adopt(
            threshold=_threshold(settings), budget=_budget(settings), home=home, cost_per_second=_cost(guarded)
        )

    async def forget(self, settings: Settings) -> int:
        """Erase what was learned, here and in the records; return how many states that were. Raises DiskError."""
        erased = await self.snapshots.clear()
        self.learner.forget(await _knowledge(settings, self.snapshots))
        return erased


@asynccontextmanager
async def brain_of(
    settings: Settings,
    store: Store,
    *,
    scorecard: Callable[[str], Scorecard],
    grammar: Grammar,
    home: Vocabulary,
    clock: Callable[[], float],
    on_judged: Callable[[ClosedTurn], None] = lambda _: None,
    on_pair: OnPair = lambda *_: None,
) -> AsyncGenerator[Brain]:
    """Build the brain and end it: lanes last, since an audit may be under way. Raises UsageError for a wrong lane."""
    async with AsyncExitStack() as stack:
        wall = settings.ledger.clock()
        ledger = await EgressLedger.opened(store, settings.ledger, wall)
        guarded = _all_guarded(settings)
        lanes = Lanes(
            guarded,
            ledger,
            clock=clock,
            capped=ledger.capped,
            settings=settings.cloud,
        )
        stack.push_async_callback(lanes.aclose)
        snapshots = StoredSnapshots(store, wall)
        yield Brain(
            lanes=lanes,
            learner=Learner(
                await _knowledge(settings, snapshots),
                lanes=lanes,
                grammar=grammar,
                home=home,
                scorecard=scorecard,
                snapshots=snapshots,
                settings=settings.learning,
                clock=clock,
                wall=wall,
                cost_per_second=_cost(guarded),
                on_judged=on_judged,
                on_pair=on_pair,
                chance=random.Random(),  # noqa: S311  # draws audits, no secrets
            ),
            ledger=ledger,
            store=store,
            snapshots=snapshots,
        )


def _all_guarded(settings: Settings, known: Sequence[GuardedLane] = ()) -> list[GuardedLane]:
    """Return the lanes of some settings; one that has not changed is the one that is known, breaker included."""
    found = {one.settings.name: one for one in known}
    return [
        one
        if (one := found.get(lane.name)) is not None and one.settings == with_defaults(lane)
        else _guarded(lane, settings)
        for lane in settings.cloud.lanes
    ]


def _cost(guarded: Sequence[GuardedLane]) -> float:
    """Return what a second costs at the dearest lane."""
    return max((one.settings.cost(60.0) / 60.0 for one in guarded), default=0.0)


def _guarded(lane: LaneSettings, settings: Settings) -> GuardedLane:
    made: Lane | None = None if lane.provider == "client" else make_lane(lane)
    return GuardedLane(settings=made.settings if made else lane, lane=made, breaker=LaneBreaker(settings.breaker))


async def _knowledge(settings: Settings, snapshots: Snapshots) -> Knowledge:
    """Take up what was learned before; what cannot be used is learned anew."""
    known = {name: await _loaded(name, snapshots) for name in KEPT}
    names = names_in(await _loaded(INDEX, snapshots))
    thresholds = {name: state for name in names if (state := await _loaded(name, snapshots)) is not None}
    budget = CloudBudget(_budget(settings), snapshot=known["budget"])
    if budget.refusal:
        _LOGGER.warning("%s", budget.refusal)
    return Knowledge(
        percentiles=_restored(Percentiles, known["percentiles"]),
        sessions=Sessions(counts=_restored(SessionCounts, known["sessions"])),
        microphones=Microphones(),
        thresholds=Thresholds(_threshold(settings), thresholds),
        budget=budget,
        disagreements=_restored(Disagreements, known["disagreement"]),
    )


def _threshold(settings: Settings) -> ThresholdSettings:
    """Return what thresholds work by: audits only where some lane may be asked for one."""
    audits = settings.threshold.audits and any(_may_audit(lane, settings) for lane in settings.cloud.lanes)
    return replace(settings.threshold, audits=audits)


def _budget(settings: Settings) -> BudgetSettings:
    caps = settings.ledger
    return BudgetSettings(seconds_per_day=caps.cloud_seconds_per_day, money_per_month=caps.cloud_money_per_month)


def _may_audit(lane: LaneSettings, settings: Settings) -> bool:
    """Tell whether a lane may ever be asked only to see whether the hub was right; in mode `edge` nothing leaves."""
    capped = lane.trust_class is Trust.CLOUD and settings.ledger.audit_seconds_per_day == 0.0
    return settings.routing.mode is not RoutingMode.EDGE and may_be_asked(lane, settings) and not capped


async def _loaded(name: str, snapshots: Snapshots) -> Mapping[str, Any] | None:
    try:
        return await snapshots.load(name)
    except EdgeVoiceError as error:
        _LOGGER.warning("what was learned (%s) cannot be read: %s", name, error.code)
        return None


class _Restorable(Protocol):
    @classmethod
    def restored(cls, snapshot: object) -> Self: ...


def _restored[T: _Restorable](kind: Callable[[], T], snapshot: Mapping[str, Any] | None) -> T:
    """Return what a snapshot holds, or a fresh one where there is none that can be used."""
    if snapshot is None:
        return kind()
    try:
        return type(kind()).restored(snapshot)
    except EdgeVoiceError as error:
        _LOGGER.warning("%s", error)
        return kind()
