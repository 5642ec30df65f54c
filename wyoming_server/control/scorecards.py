"""The scorecards of months: made when a month is over, kept, and made for the moment of the one that is running."""

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from ..bundles.hub import STARTER
from ..errors import UnknownMonthError
from ..monthly.facts import HomeNow, LaneSum, MonthFacts
from ..monthly.month import Month
from ..monthly.scorecard import MOST_INCIDENTS, scorecard_of
from ..pipeline.policy import LaneHealth, LaneState, RoutingMode, Trust
from ..records.ledger_rows import totals
from ..records.months import (
    KeptMonth,
    incidents_between,
    keep_month,
    kept_month,
    known_months,
    seconds_by_day,
)
from ..records.store import Store
from ..records.turn_sums import BUDGET_MS
from ..settings import Settings
from .feed import Json
from .midnight import midnight

_LOGGER = logging.getLogger(__name__)
MOST_MONTHS = 13
"""So many months back are made up for a server that was off."""
HELD_SECONDS = 600.0
"""For so long the clock must say that a month is over: its last turns get their labels, and a jump makes nothing."""
_DAY = dt.timedelta(days=1)


class MonthlyPast(Protocol):
    """Figures of the past. Days are the home's, both included; each call raises DiskError."""

    async def figures_between(self, first: dt.date, last: dt.date) -> list[Json]:
        """Return figures of all turns first, then of each language, microphone and both."""

    async def days_between(self, first: dt.date, last: dt.date) -> list[Json]:
        """Return those of each day that has turns."""

    async def models_between(self, first: dt.date, last: dt.date) -> list[Json]:
        """Return the models that heard, and how many turns each."""


class Scorecards:
    """Makes, keeps and finds them."""

    def __init__(
        self,
        store: Store,
        past: MonthlyPast,
        *,
        lanes: Callable[[], Sequence[LaneHealth]],
        model: Callable[[], str],
        settings: Callable[[], Settings],
        baseline: Callable[[], Json | None],
        wall: Callable[[], dt.datetime],
        clock: Callable[[], float],
    ) -> None:
        """Begin with none; `lanes` and `model` are how they are now, `baseline` is the one to compare with."""
        self._store, self._past, self._settings, self._baseline = store, past, settings, baseline
        self._lanes, self._model, self._wall, self._clock = lanes, model, wall, clock
        self._looked: Month | None = None
        """The month before which all are made."""
        self._since: tuple[Month, float] | None = None
        """The month that the clock says, and since when it has done so without a break."""
        self.headline: Json | None = None
        """Of the last whole month."""

    async def of(self, wanted: str | None) -> Json:
        """Return a month's, the last whole one's without a name. Raises UnknownMonthError, DiskError."""
        await self._store.flush()
        known, now = await self._known(), Month.of(self._wall().date())
        month = self._chosen(wanted, known, now)
        kept = await self._kept(month) if month < now else None
        scorecard = dict(kept.scorecard) if kept is not None else await self._made(month, now)
        return {**scorecard, "months": [str(one) for one in known]}

    @staticmethod
    def _chosen(wanted: str | None, known: list[Month], now: Month) -> Month:
        if wanted is None:
            whole = [one for one in known if one < now]
            if not whole:
                raise UnknownMonthError(f"No month is over yet: ask for {now}, the one that is running")
            return whole[-1]
        try:
            month = Month.read(wanted)
        except ValueError as error:
            raise UnknownMonthError(f"'{wanted}' is no month: write one such as {now}") from error
        if month != now and month not in known:
            told = f"; there are some of {', '.join(map(str, known))}" if known else ""
            raise UnknownMonthError(f"There are no records of {month.name}{told}")
        return month

    async def make_due(self) -> Json | None:
        """Make the scorecards that are due; return the headline of the last whole month when it was made now.

        Raises DiskError.
        """
        now = Month.of(self._wall().date())
        if not self._has_held(now) or self._looked == now:
            return None
        await self._store.flush()
        made = [await self._kept_or_made(one, now) for one in await self._known() if one < now][-MOST_MONTHS:]
        self._looked = now
        self.headline, is_new = made[-1] if made else (None, False)
        return self.headline if is_new and self.headline and self.headline["month"] == str(now.before) else None

    async def _kept_or_made(self, month: Month, now: Month) -> tuple[Json, bool]:
        """Return a month's headline, and whether its scorecard was made now. Raises DiskError."""
        if (kept := await self._kept(month)) is not None:
            return kept.scorecard["headline"], False
        scorecard, moment = await self._made(month, now), self._wall()
        await self._store.write(partial(keep_month, str(month), moment, scorecard))
        return scorecard["headline"], True

    async def load(self) -> None:
        """Learn the last whole month's headline. Raises DiskError."""
        now = Month.of(self._wall().date())
        for month in reversed([one for one in await self._known() if one < now]):
            if (kept := await self._kept(month)) is not None:
                self.headline = kept.scorecard["headline"]
                return

    def forget(self) -> None:
        """Hear that what was kept is purged."""
        self.headline = None

    def _has_held(self, now: Month) -> bool:
        """Tell whether the clock has said this month for long enough."""
        at_s = self._clock()
        if self._since is None or self._since[0] != now:
            self._since, self._looked = (now, at_s), None
        return at_s - self._since[1] >= HELD_SECONDS

    async def _known(self) -> list[Month]:
        found = []
        for text in await self._store.read(known_months):
            try:
                found.append(Month.read(text))
            except ValueError:
                continue
        return found

    async def _kept(self, month: Month) -> KeptMonth | None:
        """Return the scorecard that was made of a month after its end; None for one made under a wrong clock."""
        kept = await self._store.read(partial(kept_month, str(month)))
        if kept is None or not _is_whole(kept.scorecard):
            return None
        made, now = kept.made.astimezone(self._wall().tzinfo), self._wall()
        return kept if made.date() > month.last and made <= now + _DAY else None

    async def _made(self, month: Month, now: Month) -> Json:
        past, first, last = self._past, month.first, month.last
        before = await self._kept(month.before)
        last_month = before.scorecard["figures"] if before is not None else await self._figures_of(month.before)
        wall = self._wall()
        begins, ends = midnight(first, wall), midnight(last + _DAY, wall)
        sums = await self._store.read(partial(totals, first, last))
        facts = MonthFacts(
            month=month,
            made=wall,
            complete=month < now,
            budget_ms=BUDGET_MS,
            cells=await past.figures_between(first, last),
            last_month=last_month if last_month and last_month["turns"] else None,
            days=await past.days_between(first, last),
            lanes=[
                LaneSum(
                    lane=one.lane,
                    trust=one.trust.value,
                    uploads=one.uploads,
                    seconds=one.seconds,
                    cost=one.cost,
                    currency=one.currency,
                )
                for one in sums
            ],
            models=await past.models_between(first, last),
            incidents=await self._store.read(partial(incidents_between, begins, ends, MOST_INCIDENTS)),
            baseline=self._baseline(),
            seconds_by_day=await self._store.read(partial(seconds_by_day, f"{first}", f"{last}")),
            home=self._home(),
        )
        return scorecard_of(facts)

    async def _figures_of(self, month: Month) -> Json:
        return (await self._past.figures_between(month.first, month.last))[0]

    def _home(self) -> HomeNow:
        settings, model = self._settings(), self._model()
        usable = {LaneState.READY, LaneState.BROKEN, LaneState.CAPPED}
        lanes = [one for one in self._lanes() if one.state in usable]
        is_open = settings.routing.mode is not RoutingMode.EDGE
        return HomeNow(
            model=model,
            is_starter=model == STARTER,
            has_cloud=is_open and any(one.trust is Trust.CLOUD for one in lanes),
            has_lane=is_open and bool(lanes),
            audits=settings.threshold.audits,
            target_error=settings.threshold.target_error,
            currency=settings.ledger.currency,
            seconds_per_day=settings.ledger.cloud_seconds_per_day,
            money_per_month=settings.ledger.cloud_money_per_month,
        )


def _is_whole(scorecard: object) -> bool:
    return isinstance(scorecard, dict) and "headline" in scorecard and "figures" in scorecard
