"""The requests that wait, at hand: what the disk has of them, told to whoever listens when one moves."""

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ..errors import DiskError, UnknownRequestError
from ..records.queued import QueuedRequests, Step, ToKeep
from ..records.queued_seals import Said
from ..records.snapshots import Snapshots
from ..resilience.queue import NEEDS_YOU, State, Waiting, may_drop, order
from ..resilience.waiting_clock import WaitingClock
from .feed import Json
from .queue_told import EVENTS, plain_fields

_LOGGER = logging.getLogger(__name__)
SNAPSHOT = "queue-clock"
SAVE_SECONDS = 60.0
LOOK_SECONDS = 60.0
"""So often the disk is looked at anew: a purge can have erased what was read while it was under way."""


class QueueBook:
    """What waits. Each change is committed first; what is at hand follows. Calls may raise DiskError."""

    def __init__(
        self,
        requests: QueuedRequests,
        snapshots: Snapshots,
        *,
        wall: Callable[[], dt.datetime],
        clock: Callable[[], float],
        publish: Callable[[Json], None],
    ) -> None:
        """Keep by `requests`; `wall` has its zone, `clock` is monotonic seconds, `publish` tells whoever listens."""
        self._requests, self._snapshots = requests, snapshots
        self._wall, self._clock, self._publish = wall, clock, publish
        self._held, self._whose = dict[str, Waiting](), dict[str, Said]()
        self._time, self._saved_s, self._read_s = WaitingClock(), 0.0, 0.0
        self._knows_time, self._saved_ahead_ms = False, 0
        self._moves = 0
        """How often something moved: what was read before that is not what is at hand any more."""
        self.hearing = ""
        """The id that a service is being asked for now; empty: none."""
        self.reasons = dict[str, str]()
        """Why some still wait, by id."""
        self.is_stale = True
        """What is at hand may not be what is on the disk: that was not read yet, or something else has erased it."""

    async def begin(self) -> None:
        """Take up what an earlier run left."""
        await self.read()

    async def read(self) -> None:
        """Look at the disk anew, as something else may have erased what is there; what moves meanwhile is kept."""
        if not self._knows_time:
            self._time = WaitingClock.restored(await self._snapshots.load(SNAPSHOT))
            self._knows_time = True
        moves = self._moves
        held = await self._requests.all()
        said = await self._requests.said([one.id for one in held])
        self._read_s = self._clock()
        if moves == self._moves:
            self._whose = {key: _whose(one) for key, one in said.items()}
            self._held = {one.id: one for one in held}
            self.reasons = {key: reason for key, reason in self.reasons.items() if key in self._held}
            self.is_stale = False

    @property
    def held(self) -> list[Waiting]:
        """All, in their order."""
        return order(self._held.values())

    def whose(self, request_id: str) -> Said:
        """Return who has said one, in which language; without what was said."""
        return self._whose.get(request_id, _NOBODY)

    def now_ms(self) -> int:
        """Return the time that requests go by."""
        return self._time.look(self.wall_ms(), self._clock())

    def expires_ms(self, one: Waiting) -> int:
        """Return when one is let go, by the wall clock."""
        return self._time.wall_of(one.until_ms)

    def told(self, one: Waiting) -> Json:
        """Return one without what was said."""
        shown = replace(one, state=State.HEARING) if one.id == self.hearing and one.state is State.WAITING else one
        return plain_fields(shown, self.whose(one.id), self.expires_ms(one), self.reasons.get(one.id, ""))

    async def keep(self, wanted: ToKeep) -> Waiting:
        """Write one down. Raises QueueFullError, RecordsKeyError."""
        one = await self._requests.keep(wanted)
        self._whose[one.id] = _whose(wanted.said)
        self._take("kept", one)
        return one

    async def change(self, request_id: str, step: Step) -> tuple[Waiting, Waiting]:
        """Have one take a step. Raises UnknownRequestError, and what the step does."""
        with self._noticing():
            return self._moved(*await self._requests.change(request_id, step))

    async def hear(self, request_id: str, text: str, step: Step) -> None:
        """Write down a service's text for one, and have it take a step. Raises UnknownRequestError."""
        with self._noticing():
            self._moved(*await self._requests.hear(request_id, text, step))

    async def repeat(self, request_id: str, text: str | None) -> Waiting:
        """Return a new one in the place of another. Raises what `QueuedRequests.repeat` does."""
        with self._noticing():
            over, one = await self._requests.repeat(request_id, text, self.now_ms())
        self._whose[one.id] = self.whose(request_id)
        self._take("repeated", over)
        self._take("ready" if one.state is State.READY else "kept", one)
        return one

    async def drop(self, request_id: str | None = None) -> int:
        """Drop one, or all that are not being done; return how many. Raises UnknownRequestError, RequestTakenError."""
        with self._noticing():
            gone = await self._requests.drop(may_drop, request_id)
        for one in gone:
            self._take("dropped", one, is_gone=True)
        return len(gone)

    async def let_go(self) -> None:
        """Let go what has waited for too long; never raises for the disk."""
        try:
            if self.is_stale or (self._held and self._clock() - self._read_s >= LOOK_SECONDS):
                await self.read()
            now_ms = self.now_ms()
            if any(now_ms >= one.until_ms for one in self._held.values()):
                for before, after in await self._requests.expire(now_ms):
                    if after is None:
                        self._take("expired", before, is_gone=True)
                    else:
                        self._take(EVENTS[after.state], after)
        except DiskError as error:
            _LOGGER.debug("%s", error)  # the store says it
        await self._remember()

    async def _remember(self) -> None:
        """Save what time it is, for as long as anything waits, and at once after a leap: something may soon."""
        is_due = self._held and self._clock() - self._saved_s >= SAVE_SECONDS
        if self._knows_time and (is_due or self._time.ahead_ms != self._saved_ahead_ms):
            self._saved_s, self._saved_ahead_ms = self._clock(), self._time.ahead_ms
            await self._snapshots.save(SNAPSHOT, self._time.snapshot())

    async def said(self, requests: Iterable[Waiting]) -> dict[str, Said]:
        """Return what was said in them; those that nothing opens are missing."""
        return await self._requests.said([one.id for one in requests])

    async def said_in(self, request_id: str) -> Said | None:
        """Return what was said in one; None where nothing opens that."""
        return (await self._requests.said([request_id])).get(request_id)

    async def sound(self, request_id: str) -> bytes | None:
        """Return one's sound; None where there is none that opens."""
        return await self._requests.sound(request_id)

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Look at the disk anew where it does not have what is at hand."""
        try:
            yield
        except UnknownRequestError:
            self.is_stale = True
            raise

    def _moved(self, before: Waiting, after: Waiting) -> tuple[Waiting, Waiting]:
        if after != before:
            if after.state is before.state:
                self._moves += 1
                self._held[after.id] = after
            else:
                self._take(EVENTS.get(after.state, ""), after)
        return before, after

    def _take(self, event: str, one: Waiting, *, is_gone: bool = False) -> None:
        """Hold one as it stands now, and tell of it; of one that is over, as it stood before."""
        was = self._held.get(one.id, one)
        told = self.told(was if one.state is State.OVER else one)
        self._moves += 1
        if is_gone or one.state is State.OVER:
            self._held.pop(one.id, None)
            self._whose.pop(one.id, None)
            self.reasons.pop(one.id, None)
        else:
            self._held[one.id] = one
        if event:
            self._publish({"type": "queue", "event": event, "request": told})

    def forget(self, satellite: str | None) -> None:
        """Hear that all, or what a satellite has said, is being erased from the disk by somebody else."""
        for one in self.held:
            if satellite is None or self.whose(one.id).satellite == satellite:
                self._held.pop(one.id)
                self._whose.pop(one.id, None)
        self._moves += 1
        self.is_stale = True

    def counts(self) -> Json:
        """Return how many wait, as the status tells it."""
        held = list(self._held.values())
        states = [one.state for one in held]
        return {
            "waiting": states.count(State.WAITING),
            "ready": states.count(State.READY),
            "started": states.count(State.STARTED),
            "needs_you": sum(state in NEEDS_YOU for state in states),
            "bytes": sum(one.bytes for one in held),
        }

    def wall_ms(self) -> int:
        """Return what the wall clock shows, in milliseconds since 1970."""
        return round(self._wall().timestamp() * 1000.0)


_NOBODY = Said()


def _whose(said: Said) -> Said:
    return replace(said, heard="", text="")
