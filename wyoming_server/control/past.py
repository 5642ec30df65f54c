"""What a server keeps of its turns, and tells of them: one part for each question that an owner has."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..saturation import Saturation
from ..settings import Settings
from .drift_watch import DriftWatch
from .feed import Json
from .history import TurnHistory
from .meters import Meters
from .months import MonthBook
from .parts import Parts
from .privacy import Keeper
from .recorder import Hearer, Recorder


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
        """Sum up, let go, and make scorecards, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for work in (self.history.run(), self.privacy.run(), self.months.run()):
                tasks.create_task(work)


def past_of(
    parts: Parts,  # noqa: ARG001  # until the parts are there
    saturation: Saturation,  # noqa: ARG001
    satellites: Callable[[], Sequence[str]],  # noqa: ARG001
    settings: Callable[[], Settings],  # noqa: ARG001
    publish: Callable[[Json], None],  # noqa: ARG001
) -> Past:
    """Build the parts.

    `satellites` are those that the hub knows by name now, `settings` as they are now; `publish` tells whoever listens.
    """
    history, privacy, drift, months, metrics = TurnHistory(), Keeper(), DriftWatch(), MonthBook(), Meters()
    hearers: tuple[Hearer, ...] = (history, privacy, drift, months, metrics)
    return Past(
        history=history,
        privacy=privacy,
        drift=drift,
        months=months,
        metrics=metrics,
        recorder=Recorder(hearers),
    )
