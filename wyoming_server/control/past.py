"""What a server keeps of its turns, and tells of them: one part for each question that an owner has."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ..resilience.degraded import Condition, Facts
from ..saturation import Saturation
from ..settings import Settings
from .drift_watch import DriftWatch
from .feed import Json
from .history import TurnHistory
from .meters import Meters, meters_of
from .months import MonthBook
from .parts import Parts
from .privacy import Keeper
from .recorder import Hearer, Recorder

_LOGGER = logging.getLogger(__name__)
AGAIN_SECONDS = 60.0
"""Until a part that has failed begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The parts, and who tells them of turns."""

    history: TurnHistory
    privacy: Keeper
    drift: DriftWatch
    months: MonthBook
    metrics: Meters
    recorder: Recorder

    async def begin(self) -> None:
        """Take up what an earlier run left."""
        await self.privacy.begin()
        await self.drift.begin()
        await self.months.begin()

    async def run(self) -> None:
        """Sum up, let go, make scorecards, and watch the load, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for part in (self.history, self.privacy, self.months, self.metrics, self.drift):
                tasks.create_task(kept_up(type(part).__name__, part.run))


async def kept_up(name: str, run: Callable[[], Awaitable[object]], pause_seconds: float = AGAIN_SECONDS) -> None:
    """Run a part until it ends by itself; after a fault of its own again, while the others go on."""
    while True:
        try:
            await run()
        except Exception:
            _LOGGER.exception("%s has failed, and begins anew in %.0f s", name, pause_seconds)
            await asyncio.sleep(pause_seconds)
        else:
            return


def past_of(
    parts: Parts,
    saturation: Saturation,
    satellites: Callable[[], Sequence[str]],
    settings: Callable[[], Settings],
    condition: Callable[[], tuple[Condition, Facts]],
    publish: Callable[[Json], None],
) -> Past:
    """Build the parts.

    `satellites` are those that the hub knows by name now, `settings` and `condition` as they are now; `publish` tells
    whoever listens.
    """
    privacy = Keeper(
        parts.brain.store,
        parts.brain.snapshots,
        parts.data,
        settings=settings,
        wall=parts.wall,
        clock=parts.clock,
    )
    history = TurnHistory(
        parts.brain.store,
        privacy.keys,
        kept=privacy.of_turns,
        satellites=satellites,
        condition=condition,
        load=lambda: saturation.sample().told(),
        clock=parts.clock,
        wall=parts.wall,
    )
    metrics = meters_of(parts, saturation, settings, history.happened)
    months = MonthBook(
        history,
        store=parts.brain.store,
        lanes=parts.brain.lanes,
        ledger=parts.brain.ledger,
        model=lambda: parts.supply_status().serving,
        settings=settings,
        wall=parts.wall,
        clock=parts.clock,
        publish=publish,
    )
    drift = DriftWatch(
        learner=parts.brain.learner,
        snapshots=parts.brain.snapshots,
        settings=settings,
        publish=publish,
        happened=history.happened,
    )
    hearers: tuple[Hearer, ...] = (history, privacy, drift, months, metrics)
    return Past(
        history=history,
        privacy=privacy,
        drift=drift,
        months=months,
        metrics=metrics,
        recorder=Recorder(hearers),
    )
