"""Monthly scorecards, and the baseline that they compare with."""

import asyncio
import datetime as dt
import importlib
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from ..errors import DiskError
from ..pipeline.cloud import Lanes
from ..pipeline.interpret import TurnRequest
from ..pipeline.turn import Stages
from ..pipeline.types import Outcome
from ..records.ledger import EgressLedger
from ..records.store import Store
from ..records.turn_record import TurnLabel, TurnRecord
from ..settings import Settings
from .baseline import Baseline, Over
from .baseline_told import fields_of
from .feed import Json
from .scorecards import MonthlyPast, Scorecards

_LOGGER = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
FAULT_SECONDS = 600.0
COUNT_SECONDS = 60.0
"""How often what stands still is counted all the same: labels come late."""


class Past(MonthlyPast, Protocol):
    """Figures of the past, and where it is written down what happened."""

    def happened(self, kind: str, subject: str, message: str) -> None:
        """Write down what its owner should know happened."""


class MonthBook:
    """Makes a scorecard of each month, and records baselines: a `Hearer`, and the control API's `Months`."""

    def __init__(
        self,
        past: Past,
        *,
        store: Store,
        lanes: Lanes,
        ledger: EgressLedger,
        model: Callable[[], str],
        settings: Callable[[], Settings],
        wall: Callable[[], dt.datetime],
        clock: Callable[[], float],
        publish: Callable[[Json], None],
    ) -> None:
        """Begin; uploads ask it from now on. `model` is the name of the one that serves now."""
        self._clock, self._publish = clock, publish
        self._baseline = Baseline(store, lanes, settings=settings, wall=wall, clock=clock, happened=past.happened)
        ledger.also_capped = self._baseline.also_capped
        self._scorecards = Scorecards(
            store,
            past,
            lanes=lanes.states,
            model=model,
            settings=settings,
            baseline=lambda: fields_of(self._baseline.last or self._baseline.running),
            wall=wall,
            clock=clock,
        )
        self._is_due, self._counted_s = False, clock()

    @property
    def is_running(self) -> bool:
        """Whether a baseline is being recorded."""
        return self._baseline.running is not None

    def begin_turn(self, request: TurnRequest, stages: Stages, over: Over) -> tuple[Stages, Over]:
        """Return a turn's stages, of mode `cloud` where the baseline wants it, and what to call when it is over."""
        return self._baseline.begin_turn(request, stages, over)

    def is_baseline(self, turn_id: str, language: str) -> bool:
        """Tell whether a turn that has just ended is the baseline's."""
        found = self._baseline.is_of(turn_id, language)
        self._is_due = self._is_due or found
        return found

    async def begin(self) -> None:
        """Take up a baseline that was being recorded; never raises for the disk."""
        await self._baseline.load()
        try:
            await self._scorecards.load()
        except DiskError as error:
            _LOGGER.debug("no scorecard can be read: %s", error.code)

    def turn(self, record: TurnRecord, outcome: Outcome | None) -> None:
        """Turns are counted from the records."""

    def label(self, label: TurnLabel) -> None:
        """Labels are counted from the records."""

    def woke(self, satellite: str, word: str) -> None:
        """Wake words are counted elsewhere."""

    def status(self) -> Json:
        """Return `baseline` and `scorecard` of the status, as they were last read."""
        return {"baseline": fields_of(self._baseline.running), "scorecard": self._scorecards.headline}

    async def scorecard(self, month: str | None) -> Json:
        """Return a month's, the last whole one's without a name. Raises UnknownMonthError, DiskError."""
        return await self._scorecards.of(month)

    async def page(self, month: str | None) -> str:
        """Return the same as one self-contained HTML page. Raises UnknownMonthError, DiskError."""
        return await asyncio.to_thread(_drawn, await self.scorecard(month))

    async def baseline(self) -> Json:
        """Return the baseline that is being recorded, and the last one. Raises DiskError."""
        return self._baseline.told()

    async def begin_baseline(self, wanted: Mapping[str, object]) -> Json:
        """Begin to record one.

        Raises BaselineRunningError, NotConsentedError, CapReachedError, InvalidRequestError, DiskError.
        """
        await self._baseline.begin(wanted)
        return self._baseline.told()

    async def end_baseline(self) -> Json:
        """End it now. Raises NoBaselineError, DiskError."""
        await self._baseline.end()
        return self._baseline.told()

    async def forget(self) -> int:
        """Hear that sums, scorecards and baselines are purged: what is held of them goes, a running one ends."""
        self._baseline.forget()
        self._scorecards.forget()
        return 0

    async def run(self) -> None:
        """Make the scorecard when a month is over, and end the baseline when it is due, until cancelled."""
        while True:
            pause_s = LOOK_SECONDS
            try:
                await self.look()
            except Exception:
                # A fault of ours costs a scorecard, and neither its neighbours nor what is due next.
                _LOGGER.exception("a scorecard or a baseline could not be looked after")
                pause_s = FAULT_SECONDS
            await asyncio.sleep(pause_s)

    async def look(self) -> None:
        """Do what is due; never raises for the disk."""
        try:
            if (headline := await self._scorecards.make_due()) is not None:
                self._publish({"type": "scorecard", "scorecard": headline})
        except DiskError as error:
            _LOGGER.debug("no scorecard is made: %s", error.code)
        now_s = self._clock()
        if self._is_due or now_s - self._counted_s >= COUNT_SECONDS:
            self._is_due, self._counted_s = False, now_s
            await self._baseline.look()


def _drawn(scorecard: Json) -> str:
    """Return a scorecard's page; what draws it is loaded for the first one."""
    page: str = importlib.import_module("..monthly.page", __package__).page_of(scorecard)
    return page
