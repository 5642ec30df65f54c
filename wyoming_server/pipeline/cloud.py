"""Speech → text through an ordered list of lanes: consent, cap, breaker, deadline, one hedge.

Each upload is written down before its first byte leaves, and how it ended after. Losers are cancelled; what they cost
stays in the books.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence

import numpy as np

from ..errors import (
    EdgeVoiceError,
    LaneBusyError,
    LaneEmptyError,
    LaneError,
    LaneFailedError,
    LaneLanguageError,
    LaneTimeoutError,
    NotConsentedError,
    UnknownLaneError,
)
from .lanes import (
    Errand,
    GuardedLane,
    Lane,
    LaneRequest,
    LaneSettings,
    LanesSettings,
    LaneText,
    Ledger,
    Upload,
)
from .policy import Caller, LaneHealth, LaneState, Trust
from .race import Race
from .types import FRAME_SAMPLES, SAMPLE_RATE_HZ, LaneAnswer, LaneAttempt, Samples, Speech

_LOGGER = logging.getLogger(__name__)
WAV_HEADER_BYTES = 44
TRIM_SECONDS = 0.2
"""Left around the speech: consonants at its edges are softer than the VAD hears."""


class Lanes:
    """The owner's lanes. `aclose` awaits every task that was started here."""

    def __init__(
        self,
        lanes: Sequence[GuardedLane],
        ledger: Ledger,
        *,
        clock: Callable[[], float],
        capped: Callable[[LaneSettings, float], str],
        settings: LanesSettings,
    ) -> None:
        """Guard lanes; `capped` says why so many seconds may not go to one now, or nothing."""
        self._lanes, self._ledger, self._clock = tuple(lanes), ledger, clock
        self._capped, self._settings = capped, settings
        self._tasks: set[asyncio.Task[object]] = set()
        self._has_told = False

    def adopt(self, lanes: Sequence[GuardedLane], settings: LanesSettings) -> None:
        """Ask these from now on. What is under way at a lane that went may end; its connections are dropped then."""
        gone = [one for one in self._lanes if one.lane is not None and one not in lanes]
        under_way = tuple(self._tasks)
        self._lanes, self._settings = tuple(lanes), settings
        if gone:
            self._own(_closed(gone, under_way), "lanes that went")

    @property
    def guarded(self) -> tuple[GuardedLane, ...]:
        """The lanes, in the owner's order."""
        return self._lanes

    def health(self, caller: Caller, language: str | None, seconds: float) -> tuple[LaneHealth, ...]:
        """Return what routing may know of each lane, in the owner's order; () for a peer that is not trusted."""
        if not caller.trusted:
            self._tell_of_strangers()
            return ()
        return tuple(
            self._health(one, caller, language, seconds)
            for one in self._lanes
            if one.lane is not None or caller.client_lane
        )

    def states(self) -> tuple[LaneHealth, ...]:
        """Return how each lane is, for its owner: every satellite and language that it is for is meant."""
        found = []
        for one in self._lanes:
            settings = one.settings
            owner = Caller(trusted=True, client_lane=True, satellite=next(iter(settings.satellites), ""))
            found.append(self._health(one, owner, next(iter(settings.languages), None), 0.0))
        return tuple(found)

    def _tell_of_strangers(self) -> None:
        if self._lanes and not self._has_told:
            self._has_told = True
            _LOGGER.warning(
                "a peer outside of routing.trusted gets the hub alone: name its address there if it is yours"
            )

    def _health(self, guarded: GuardedLane, caller: Caller, language: str | None, seconds: float) -> LaneHealth:
        state, reason = self._state(guarded, caller, language, seconds)
        settings = guarded.settings
        return LaneHealth(
            name=settings.name,
            trust=settings.trust_class,
            state=state,
            reason=reason,
            is_client=guarded.lane is None,
            on_trial=guarded.breaker.is_on_trial(self._clock()),
        )

    def _state(
        self, guarded: GuardedLane, caller: Caller, language: str | None, seconds: float
    ) -> tuple[LaneState, str]:
        settings = guarded.settings
        if settings.languages and (language is None or _code(language) not in map(_code, settings.languages)):
            return LaneState.WRONG_LANGUAGE, f"lane '{settings.name}' is not for this language"
        if reason := self._unconsented(settings, caller):
            return LaneState.NOT_CONSENTED, reason
        if reason := self._capped(settings, seconds):
            return LaneState.CAPPED, reason
        now_s = self._clock()
        if not guarded.breaker.permits(now_s):
            return LaneState.BROKEN, guarded.breaker.reason(now_s)
        return LaneState.READY, ""

    def _unconsented(self, settings: LaneSettings, caller: Caller) -> str:
        if settings.trust_class is Trust.CLOUD and not self._settings.allowed:
            return "the owner has switched the cloud off: cloud.allowed"
        return _unconsented(settings, caller)

    def warm(self, caller: Caller, language: str | None) -> None:
        """Have a connection ready to the lane that would be asked first; returns at once, sends nothing of the home."""
        if not caller.trusted:
            return
        for one in self._lanes:
            if one.lane is not None and self._state(one, caller, language, 0.0)[0] is LaneState.READY:
                self._own(one.lane.warm(), f"warm {one.settings.name}")
                return

    async def ask(
        self,
        speech: Speech,
        language: str | None,
        names: tuple[str, ...],
        errand: Errand,
        *,
        detected: str | None = None,
        told: Callable[[LaneAttempt], None] = lambda _attempt: None,
    ) -> LaneAnswer:
        """Return the first answer, or an answer without text that says why none came. Raises nothing but cancellation.

        The lanes are asked in the owner's order: the next when one fails, or once beside one that is late. A lane is
        told the language that the caller named; without one, which lanes may be asked is up to the one `detected`.
        `told` hears of each attempt when it ends, also of those that a cancellation ends.
        """
        if self._clock() >= errand.deadline_s:  # else an upload would be paid for that nobody can use
            return LaneAnswer(reason="no time was left to ask a lane")
        request = LaneRequest(samples=trimmed(speech), language=language, prompt=names)
        ready = {
            one.name
            for one in self.health(errand.caller, language or detected, request.seconds)
            if one.state is LaneState.READY and not one.is_client
        }
        waiting = [one for one in self._lanes if one.settings.name in ready]
        race = Race(
            waiting,
            request,
            errand,
            attempt=lambda one, asked: self._own(self._attempt(one, asked, errand), f"lane {one.settings.name}"),
            clock=self._clock,
            next_after_seconds=self._settings.next_after_seconds,
            told=told,
        )
        return await race.answer()

    async def _attempt(self, guarded: GuardedLane, request: LaneRequest, errand: Errand) -> LaneText:
        """Ask one lane. Raises LaneError, or DiskError when the upload cannot be written down."""
        settings, lane = guarded.settings, guarded.lane
        if lane is None:
            raise LaneFailedError(f"Lane '{settings.name}' is the caller's own", lane=settings.name)
        asked_s = self._clock()
        if not guarded.breaker.permits(asked_s):  # somebody else's utterance is its trial since we looked
            raise LaneBusyError(guarded.breaker.reason(asked_s), lane=settings.name)
        guarded.breaker.entered(asked_s)
        try:
            number = await self._ledger.open(_upload(settings, request.seconds, errand))
        except BaseException:
            guarded.breaker.left(self._clock())
            raise
        started_s = self._clock()
        ending = "cancelled"
        try:
            text = await _text(lane, request, min(errand.deadline_s, started_s + settings.deadline_seconds) - started_s)
            guarded.breaker.succeeded(self._clock())
            ending = "answered"
        except LaneError as error:
            guarded.breaker.failed(self._clock(), error)
            ending = error.code
            if not guarded.breaker.permits(self._clock()):
                _LOGGER.warning("left alone for a while: %s", guarded.breaker.reason(self._clock()))
            raise
        finally:
            if ending == "cancelled":
                guarded.breaker.left(self._clock())
            await self._ledger.close(number, ending, self._clock() - started_s)
        return text

    def hurry(self) -> None:
        """Let every lane be tried now that its breaker would leave alone for a while."""
        for one in self._lanes:
            one.breaker.hurry(self._clock())

    async def begin(self, name: str, turn_id: str, seconds: float, caller: Caller) -> int:
        """Write down that the caller is about to ask its own lane; return the row's number.

        Raises UnknownLaneError, NotConsentedError, CapReachedError, LaneBusyError, DiskError: then it must not.
        """
        guarded = self._client_lane(name)
        if reason := self._unconsented(guarded.settings, caller):
            raise NotConsentedError(reason)
        if not guarded.breaker.permits(self._clock()):
            raise LaneBusyError(guarded.breaker.reason(self._clock()), lane=name)
        errand = Errand(turn_id=turn_id, caller=caller, reason="risk", deadline_s=self._clock())
        number = await self._ledger.open(_upload(guarded.settings, seconds, errand))
        guarded.breaker.entered(self._clock())
        return number

    async def end(self, name: str, number: int, ending: str, took_seconds: float) -> None:
        """Hear how that ended: `answered`, `cancelled`, or the code of a LaneError. Raises UnknownLaneError."""
        breaker, now_s = self._client_lane(name).breaker, self._clock()
        if ending == "answered":
            breaker.succeeded(now_s)
        elif ending == "cancelled":
            breaker.left(now_s)
        else:
            kind = LaneEmptyError if ending == LaneEmptyError.code else LaneFailedError
            breaker.failed(now_s, kind(f"Lane '{name}' failed in Home Assistant ({ending})", lane=name))
        await self._ledger.close(number, ending, took_seconds)

    def cost_of(self, name: str, seconds: float) -> float:
        """Return what so much audio costs at a lane; nothing at one that is gone, or at home."""
        found = next((one.settings for one in self._lanes if one.settings.name == name), None)
        return found.cost(seconds) if found is not None and found.trust_class is Trust.CLOUD else 0.0

    def _client_lane(self, name: str) -> GuardedLane:
        for one in self._lanes:
            if one.settings.name == name and one.lane is None:
                return one
        raise UnknownLaneError(f"There is no lane '{name}' that a client asks by itself; put it into the lanes first")

    def _own[T](self, work: Coroutine[None, None, T], name: str) -> asyncio.Task[T]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, EdgeVoiceError):
            _LOGGER.error("%s failed", task.get_name(), exc_info=error)

    async def aclose(self) -> None:
        """End what is under way and drop every connection."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(one.lane.aclose() for one in self._lanes if one.lane is not None))


async def _text(lane: Lane, request: LaneRequest, seconds: float) -> LaneText:
    """Return a lane's text, in the language that was asked for, within a time. Raises LaneError."""
    name = lane.settings.name
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            text = await lane.transcribe(request)
    except TimeoutError as error:
        raise LaneTimeoutError(
            f"Lane '{name}' gave no text within {seconds:.1f} s: it is slow today, or its deadline_seconds too short",
            lane=name,
        ) from error
    except LaneError:
        raise
    except Exception as error:
        _LOGGER.exception("lane %s failed", name)
        raise LaneFailedError(f"Lane '{name}' failed; the log says why", lane=name) from error
    if not text.text.strip():
        raise LaneEmptyError(f"Lane '{name}' heard nothing", lane=name)
    if request.language and text.language and text.language != _code(request.language):
        raise LaneLanguageError(
            f"Lane '{name}' answered in '{text.language}' to '{request.language}': set its languages, or its model",
            lane=name,
        )
    return text


def _code(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()


def _unconsented(settings: LaneSettings, caller: Caller) -> str:
    """Return why speech of this caller may not leave for a lane; nothing when it may."""
    if settings.trust_class is not Trust.CLOUD:
        return ""
    if not settings.consent:
        return f"lane '{settings.name}' has no consent: set its `consent` to the day on which you agreed"
    if settings.satellites and caller.satellite not in settings.satellites:
        return f"the consent of lane '{settings.name}' is not for this satellite"
    return ""


async def _closed(lanes: Sequence[GuardedLane], under_way: Collection[asyncio.Task[object]]) -> None:
    """Drop lanes' connections once what was asked of them has ended; a cancellation drops them at once."""
    try:
        if under_way:
            await asyncio.wait(under_way)
    finally:
        await asyncio.gather(*(one.lane.aclose() for one in lanes if one.lane is not None))


def _upload(settings: LaneSettings, seconds: float, errand: Errand) -> Upload:
    cloud = settings.trust_class is Trust.CLOUD
    return Upload(
        lane=settings.name,
        trust=settings.trust_class,
        turn_id=errand.turn_id,
        reason=errand.reason,
        consent=settings.consent if cloud else "",
        seconds=seconds,
        bytes=2 * round(seconds * SAMPLE_RATE_HZ) + WAV_HEADER_BYTES,
        cost=settings.cost(seconds) if cloud else 0.0,
    )


def trimmed(speech: Speech) -> Samples:
    """Return the speech alone: what lies outside the VAD's first and last frames, but a little, stays at home."""
    active = np.flatnonzero(speech.active)
    if not len(active):
        return speech.samples
    margin = int(TRIM_SECONDS * SAMPLE_RATE_HZ)
    first = max(0, int(active[0]) * FRAME_SAMPLES - margin)
    last = min(len(speech.samples), (int(active[-1]) + 1) * FRAME_SAMPLES + margin)
    return speech.samples[first:last]
