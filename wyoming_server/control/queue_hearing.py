"""Asks speech services for requests that wait, one at a time and in their order, once a service is back."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from ..errors import LaneEmptyError, LaneLanguageError, LaneRefusedError, UnknownRequestError
from ..listeners.connection import Services
from ..pipeline.classify import classify
from ..pipeline.cloud import Lanes
from ..pipeline.critical import critical_of
from ..pipeline.lanes import Errand
from ..pipeline.policy import Caller, LaneState, RoutingMode, Workload
from ..pipeline.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, LaneAnswer, Samples, Speech
from ..pipeline.weighing import mode_of
from ..resilience.queue import State, Waiting, Why, heard, lost, next_to_hear, not_heard, pause_s
from ..settings import Settings
from .queue_book import QueueBook

PATIENCE_SECONDS = 30.0
"""For one request: a lane's own deadline is shorter."""
REASON = "queue"
"""In the ledger."""
UNDERSTOOD_NOTHING = frozenset({LaneEmptyError.code, LaneLanguageError.code, LaneRefusedError.code})
"""Of what a service refuses, the same sound again would be refused, too, and hold up all behind it for hours."""
_BYTES_A_SECOND = 2 * SAMPLE_RATE_HZ


class QueueHearing:
    """Makes texts of what waits. `step` is called by one task."""

    def __init__(
        self,
        book: QueueBook,
        lanes: Lanes,
        *,
        services: Callable[[], Services],
        settings: Callable[[], Settings],
        clock: Callable[[], float],
    ) -> None:
        """Ask these lanes, by the services and settings of now; `clock` is monotonic seconds."""
        self._book, self._lanes = book, lanes
        self._services, self._settings, self._clock = services, settings, clock
        self._failures, self._not_before_s = dict[str, int](), dict[str, float]()

    def hurry(self) -> None:
        """Ask now, however long anything was to be left alone."""
        self._not_before_s.clear()
        self._failures.clear()
        self._lanes.hurry()

    def failed_just_now(self, one: Waiting) -> None:
        """Hear that services were asked for one in vain before it was kept."""
        self._leave_alone(one)

    async def step(self) -> bool:
        """Ask for the next one; return whether there was one. Raises DiskError."""
        self._forget_what_is_gone()
        one = next_to_hear(self._book.held, self._clock(), self._not_before_s, self._may_be_heard)
        if one is None:
            return False
        try:
            await self._hear(one)
        except UnknownRequestError:
            pass  # it was dropped meanwhile
        finally:
            self._book.hearing = ""
        return True

    async def _hear(self, one: Waiting) -> None:
        self._leave_alone(one)  # should anything fail below, the disk included
        sound = await self._book.sound(one.id)
        if sound is None:
            await self._book.change(one.id, self._lost)
            return
        self._book.hearing = one.id
        whose, names = self._book.whose(one.id), self._services().defaults.vocabulary
        errand = Errand(
            turn_id=whose.turn_id,
            caller=self._caller(one),
            reason=REASON,
            deadline_s=self._clock() + PATIENCE_SECONDS,
        )
        answer = await self._lanes.ask(
            _speech(sound), whose.language or None, (*names.names, *names.areas), errand, detected=None
        )
        await self._conclude(one, answer)

    async def _conclude(self, one: Waiting, answer: LaneAnswer) -> None:
        is_answered = answer.text or any(tried.ending in UNDERSTOOD_NOTHING for tried in answer.attempts)
        self._book.reasons[one.id] = "" if is_answered else answer.reason
        if is_answered:
            self._failures.pop(one.id, None)
        if answer.text:
            workload = await self.workload(answer.text, self._book.whose(one.id).language or answer.language or "")
            await self._book.hear(one.id, answer.text, partial(self._heard, workload))
        elif is_answered:
            await self._book.change(one.id, self._not_heard)

    async def workload(self, text: str, language: str) -> Workload:
        """Return what a text asks for, by the home's grammar and names."""
        services = self._services()
        language = language or services.defaults.language or "en"
        judgement = services.stages.judgement
        home = services.defaults.vocabulary
        return classify(
            text,
            await judgement.grammar.match(text, language, home),
            language=language,
            speech_seconds=0.0,
            words=judgement.words(language),
            critical=critical_of(tuple(home.critical)),
        )

    def _may_be_heard(self, one: Waiting) -> bool:
        """Tell whether some service may hear one now, and can."""
        caller, whose = self._caller(one), self._book.whose(one.id)
        if mode_of(self._settings().routing, caller) is RoutingMode.EDGE:
            return False
        lanes = self._lanes.health(caller, whose.language or None, one.bytes / _BYTES_A_SECOND)
        return any(lane.state is LaneState.READY and not lane.is_client for lane in lanes)

    def _caller(self, one: Waiting) -> Caller:
        whose = self._book.whose(one.id)
        mode = self._services().defaults.satellite(whose.satellite).routing_mode
        return Caller(trusted=True, session=whose.session, satellite=whose.satellite, mode=mode)

    def _leave_alone(self, one: Waiting) -> None:
        failures = self._failures[one.id] = self._failures.get(one.id, 0) + 1
        self._not_before_s[one.id] = self._clock() + pause_s(failures)

    def _forget_what_is_gone(self) -> None:
        held = {one.id for one in self._book.held}
        for known in (self._failures, self._not_before_s):
            for gone in known.keys() - held:
                del known[gone]

    # Steps: whatever else has moved it meanwhile wins.

    def _heard(self, workload: Workload, one: Waiting) -> Waiting:
        if one.state is not State.WAITING:
            return one
        why = Why.CRITICAL if workload.critical else Why.NOTHING if workload.can_wait else Why.OTHER
        known = replace(one, kind=workload.waits or one.kind)
        return heard(known, why, self._book.now_ms(), self._settings().queue)

    def _not_heard(self, one: Waiting) -> Waiting:
        return not_heard(one, self._book.now_ms(), self._settings().queue) if one.state is State.WAITING else one

    def _lost(self, one: Waiting) -> Waiting:
        return lost(one, self._book.now_ms(), self._settings().queue) if one.state is State.WAITING else one


def _speech(sound: bytes) -> Speech:
    """Return what was kept, as speech from its first to its last sample."""
    samples: Samples = np.frombuffer(sound, dtype="<i2").astype(np.int16, copy=False)
    frames = -(-len(samples) // FRAME_SAMPLES)
    return Speech(
        samples=samples,
        noise=samples[:0],
        start_sample=0,
        end_sample=len(samples),
        voiced_end_sample=len(samples),
        active=(True,) * frames,
    )
