"""The cloud-only baseline: for some days a service answers every turn, while the hub decodes all the same.

It ends by itself: when its days are over, its caps are reached, no lane may be asked any more, or the owner keeps all
speech on the hub. What it may send is counted before it leaves, so no turns that come together can exceed its caps.
"""

import asyncio
import datetime as dt
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from ..errors import (
    BaselineRunningError,
    CapReachedError,
    DiskError,
    InvalidRequestError,
    NoBaselineError,
    NotConsentedError,
)
from ..pipeline.cloud import Lanes
from ..pipeline.interpret import TurnRequest
from ..pipeline.lanes import Upload
from ..pipeline.listen import Mode
from ..pipeline.policy import Caller, LaneState, RoutingMode
from ..pipeline.turn import Stages
from ..records.baselines import (
    KeptBaseline,
    begin_baseline,
    count_baseline,
    keep_baseline,
    last_baselines,
    uploaded,
)
from ..records.store import Store
from ..settings import Settings
from .baseline_told import fields_of
from .feed import Json

_LOGGER = logging.getLogger(__name__)
DAY_SECONDS = 86_400.0
DAYS, SECONDS, MONEY = 7, 3600.0, 1.0
"""What holds where its owner names no other."""
HELD_SECONDS = 600.0
"""For so long the clock must say that the days are over: one that jumps for a moment ends nothing."""
LABELS_SECONDS = 1800.0
"""After its end, labels of its last turns may still come."""
ROUNDING = 1e-6
ASKED = {LaneState.READY, LaneState.BROKEN}
"""States of a lane that a home without a hub would ask, and that may fail it."""
LATELY = 64
"""So many turns that are over are remembered."""
UNCOUNTED = frozenset({"audit", "away", "test"})
"""Reasons of uploads that are none of the baseline's."""

type OnIncident = Callable[[str, str, str], None]
"""(kind, subject, message) → is written down for the owner."""
type Over = Callable[[], None]


class Baseline:
    """Records one at a time, on the event loop: a turn asks it when it begins, an upload before it leaves."""

    def __init__(
        self,
        store: Store,
        lanes: Lanes,
        *,
        settings: Callable[[], Settings],
        wall: Callable[[], dt.datetime],
        clock: Callable[[], float],
        happened: OnIncident,
    ) -> None:
        """Begin with none; `load` takes up what an earlier run left."""
        self._store, self._lanes, self._settings = store, lanes, settings
        self._wall, self._clock, self._happened = wall, clock, happened
        self.running: KeptBaseline | None = None
        """The one that is being recorded."""
        self.last: KeptBaseline | None = None
        """The last that has ended."""
        self._directed: dict[str, Caller] = {}
        """Turns under way that were sent to a lane for it, and who asked."""
        self._lately = deque[str](maxlen=LATELY)
        """Those that are over: a client may be about to ask its own lane for them."""
        self._is_unsaved = False
        self._seen_s = clock()
        self._over_since_s: float | None = None
        self._beginning = asyncio.Lock()

    # What turns and uploads ask.

    def begin_turn(self, request: TurnRequest, stages: Stages, over: Over) -> tuple[Stages, Over]:
        """Return a turn's stages, of mode `cloud` where the baseline wants it, and what to call when it is over."""
        if self.running is None or not self._wants(request):
            return stages, over
        turn_id = request.turn_id
        self._directed[turn_id] = request.caller

        def ended() -> None:
            if self._directed.pop(turn_id, None) is not None:
                self._lately.append(turn_id)
            over()

        judgement = stages.judgement
        policy = replace(judgement.policy, mode=RoutingMode.CLOUD)
        return replace(stages, judgement=replace(judgement, policy=policy)), ended

    def is_of(self, turn_id: str, language: str) -> bool:
        """Tell whether a turn that has just ended is the baseline's: meant for a lane, and one knows its language."""
        caller = self._directed.get(turn_id)
        if caller is None:
            return False
        known = self._lanes.health(caller, language or None, 0.0)
        return not language or any(one.state is not LaneState.WRONG_LANGUAGE for one in known)

    def _wants(self, request: TurnRequest) -> bool:
        """Tell whether a turn is to be sent to a lane: a live one of the home's own, unless asked for otherwise."""
        caller = request.caller
        if not caller.trusted or request.mode is not Mode.LIVE or caller.mode not in {None, RoutingMode.CLOUD}:
            return False
        if self._settings().routing.mode is RoutingMode.EDGE:
            return False
        known = self._lanes.health(caller, request.language, 0.0)
        # Without a language that is named, which lanes are for it is known only once the hub has heard it.
        later = {LaneState.WRONG_LANGUAGE} if request.language is None else set[LaneState]()
        return any(one.state in ASKED | later for one in known)

    def also_capped(self, upload: Upload) -> str:
        """Count an upload that is about to leave; return why it may not, or nothing."""
        if upload.reason in UNCOUNTED:
            return ""
        running = self.running
        if running is None:
            return self._too_late(upload)
        seconds, cost = running.seconds + upload.seconds, running.cost + upload.cost
        if reason := _exceeded(running, seconds, cost, self._settings().ledger.currency):
            self._over(reason)
            return self._too_late(upload)
        self.running = replace(running, seconds=seconds, cost=cost)
        return ""

    def _too_late(self, upload: Upload) -> str:
        """Refuse an upload that only the baseline wanted, and that has ended meanwhile."""
        is_ours = upload.turn_id in self._directed or upload.turn_id in self._lately
        if not is_ours or upload.reason == "hedge" or self._settings().routing.mode is RoutingMode.CLOUD:
            return ""
        self._directed.pop(upload.turn_id, None)
        return "the baseline has ended, and this was to leave for it alone"

    # What its owner asks.

    def told(self) -> Json:
        """Return the one that is being recorded, and the last one."""
        return {"running": fields_of(self.running), "last": fields_of(self.last)}

    async def begin(self, wanted: Mapping[str, object]) -> None:
        """Begin one.

        Raises BaselineRunningError, NotConsentedError, CapReachedError, InvalidRequestError, DiskError.
        """
        async with self._beginning:
            if self.running is not None:
                raise BaselineRunningError(
                    f"A baseline is being recorded until {self.running.ends:%Y-%m-%d}: end that one first"
                )
            new = self._wished(wanted)
            self._check_lanes()
            await self._settle()  # how the one before ended is written down at a look, and there may have been none yet
            await self._store.flush()
            self.running = await self._store.write(partial(begin_baseline, new), urgent=True)
            self._seen_s, self._over_since_s = self._clock(), None
        self._happened("baseline", "", f"A baseline began: until {new.ends:%Y-%m-%d} a speech service answers all.")

    async def end(self) -> None:
        """End it now. Raises NoBaselineError, DiskError."""
        if self.running is None:
            raise NoBaselineError("No baseline is being recorded")
        self._over("its owner ended it")
        await self._settle()

    def _wished(self, wanted: Mapping[str, object]) -> KeptBaseline:
        now, records = self._wall(), self._settings().records
        consent = str(wanted.get("consent") or "")
        try:
            is_past = dt.date.fromisoformat(consent) <= now.date() + dt.timedelta(days=1)
        except ValueError:
            is_past = False
        if not is_past:
            raise NotConsentedError(
                f"'consent' is {consent!r}: send the day on which you agreed that all speech goes to the lanes"
            )
        days = int(_number(wanted, "days", DAYS))
        kept = min(records.turn_days, records.pair_days)
        if days > kept:
            raise InvalidRequestError(
                f"A baseline of {days} days outlasts the records of its turns, which are kept for {kept}: choose fewer "
                "days, or raise records.turn_days and pair_days"
            )
        return KeptBaseline(
            began=now,
            ends=now + dt.timedelta(days=days),
            consent=consent,
            seconds_cap=_number(wanted, "seconds", SECONDS),
            money_cap=_number(wanted, "money", MONEY),
        )

    def _check_lanes(self) -> None:
        """Refuse to begin where no lane may be asked. Raises NotConsentedError, CapReachedError."""
        states = self._lanes.states()
        if self._settings().routing.mode is RoutingMode.EDGE:
            raise NotConsentedError("The owner keeps all speech on the hub: set routing_mode to auto first")
        if not any(one.state in ASKED for one in states):
            why = "; ".join(dict.fromkeys(one.reason for one in states if one.reason)) or "no speech service is set up"
            if any(one.state is LaneState.CAPPED for one in states):
                raise CapReachedError(f"No speech service may be asked: {why}. Wait, or raise that cap")
            raise NotConsentedError(f"No speech service may be asked: {why}. Add one, and agree to it, first")

    # What it does by itself.

    async def load(self) -> None:
        """Take up what an earlier run left; never raises for the disk."""
        try:
            await self._store.flush()
            running, self.last = await self._store.read(last_baselines)
            if running is not None:
                seconds, cost = await self._store.read(partial(uploaded, running, self._settings().ledger.currency))
                # The ledger alone knows what left in the moment of a kill, the row alone what was purged since.
                running = replace(running, seconds=max(seconds, running.seconds), cost=max(cost, running.cost))
            self.running, self._seen_s = running, self._clock()
        except DiskError as error:
            _LOGGER.warning("whether a baseline is being recorded cannot be read, so none is: %s", error.code)

    async def look(self) -> None:
        """Count its turns anew, and end it when it is due; never raises for the disk."""
        try:
            if self.running is not None:
                self._tick(self.running)
            await self._settle()
        except DiskError as error:
            _LOGGER.debug("the baseline is not counted: %s", error.code)

    def _tick(self, running: KeptBaseline) -> None:
        now_s = self._clock()
        running = replace(running, ran_seconds=running.ran_seconds + max(0.0, now_s - self._seen_s))
        self.running, self._seen_s = running, now_s
        if reason := self._due(running, now_s):
            self._over(reason)

    def _due(self, running: KeptBaseline, now_s: float) -> str:
        """Return why it is over; nothing when it is not."""
        if self._settings().routing.mode is RoutingMode.EDGE:
            return "the owner keeps all speech on the hub"
        states = self._lanes.states()
        if not any(one.state in ASKED | {LaneState.CAPPED} for one in states):
            return "no speech service may be asked any more"
        # Two clocks: one may have been set back for a year, the other stands still while the server is off.
        if running.ran_seconds >= (running.ends - running.began).total_seconds():
            return "its days are over"
        if self._wall() < running.ends:
            self._over_since_s = None
            return ""
        if self._over_since_s is None:
            self._over_since_s = now_s
        return "its days are over" if now_s - self._over_since_s >= HELD_SECONDS else ""

    def _over(self, reason: str) -> None:
        """Send nothing more from this moment; `_settle` writes it down."""
        if self.running is not None:
            self.last, self.running = replace(self.running, ended=self._wall(), reason=reason), None
            self._over_since_s, self._is_unsaved = None, True
            self._happened("baseline", "", f"The baseline ended: {reason}.")

    async def _settle(self) -> None:
        """Count and write down the one that runs, or the one that has just ended. Raises DiskError."""
        one = self.running or self.last
        if one is None or (one.ended is not None and not self._may_still_change(one)):
            return
        await self._store.flush()
        counted = await self._store.read(partial(count_baseline, one))
        if one.ended is not None and counted.turns < one.counted.turns:  # its records have gone: what was counted stays
            counted = one.counted
        if self.running is not None and self.running.number == one.number:
            self.running = fresh = replace(self.running, counted=counted)
        elif self.last is not None and self.last.number == one.number:
            self.last = fresh = replace(self.last, counted=counted)
        else:  # purged meanwhile
            return
        await self._store.write(partial(keep_baseline, fresh))
        if fresh.ended is not None:
            self._is_unsaved = False

    def _may_still_change(self, one: KeptBaseline) -> bool:
        age = self._wall() - one.ended if one.ended is not None else dt.timedelta()
        return self._is_unsaved or abs(age.total_seconds()) < LABELS_SECONDS

    def forget(self) -> None:
        """Hear that what was recorded is purged; one that runs ends."""
        self._over("what was recorded was purged")
        self.last = None


def _exceeded(one: KeptBaseline, seconds: float, cost: float, currency: str) -> str:
    """Return which cap so much would exceed; nothing when none."""
    if seconds > one.seconds_cap + ROUNDING:
        return f"its cap of {one.seconds_cap:g} s of audio is reached"
    if cost > one.money_cap + ROUNDING:
        return f"its cap of {one.money_cap:g} {currency} is reached"
    return ""


def _number(wanted: Mapping[str, object], key: str, otherwise: float) -> float:
    value = wanted.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else otherwise
