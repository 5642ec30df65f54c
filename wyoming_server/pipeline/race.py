"""One question to several lanes: in order, the next one when one fails, or once beside one that is late."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from ..errors import CapReachedError, DiskError, EdgeVoiceError, LaneFailedError
from .lanes import NEVER_LEFT, Errand, GuardedLane, LaneRequest, LaneText
from .types import LaneAnswer, LaneAttempt

NOTHING_LEFT = NEVER_LEFT | {CapReachedError.code, DiskError.code}
"""Endings of attempts that sent nothing."""
NO_LANE = "no lane can be asked"


class Race:
    """One question to several lanes."""

    def __init__(
        self,
        waiting: list[GuardedLane],
        request: LaneRequest,
        errand: Errand,
        *,
        attempt: Callable[[GuardedLane, LaneRequest], asyncio.Task[LaneText]],
        clock: Callable[[], float],
        next_after_seconds: float,
        told: Callable[[LaneAttempt], None],
    ) -> None:
        """Ask those `waiting`, in order; whoever gave `attempt` owns its tasks and awaits their ends."""
        self._waiting, self._request, self._errand = waiting, request, errand
        self._attempt, self._clock, self._told = attempt, clock, told
        self._running: dict[asyncio.Task[LaneText], tuple[GuardedLane, float]] = {}
        self._attempts: list[LaneAttempt] = []
        self._why = ""
        self._late_s = clock() + next_after_seconds

    async def answer(self) -> LaneAnswer:
        """Return the first answer, or one without text that says why none came."""
        try:
            self._start_next()
            while self._running:
                done, _ = await asyncio.wait(
                    self._running, timeout=max(0.0, self._patience_s()), return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    if (answer := self._answered(task)) is not None:
                        return answer
                if self._clock() >= self._errand.deadline_s:
                    self._why = self._why or "no lane answered in time"
                    break
                if not self._running or (not done and self._clock() >= self._late_s):
                    self._late_s = float("inf")
                    self._start_next()
        finally:
            # Not awaited here: a loser must not hold up the winner's text.
            for task, (guarded, started_s) in self._running.items():
                task.cancel()
                self._record(guarded, started_s, "cancelled")
        return LaneAnswer(attempts=tuple(self._attempts), reason=self._why or NO_LANE)

    def _patience_s(self) -> float:
        late_s = self._late_s if self._waiting else float("inf")
        return min(self._errand.deadline_s, late_s) - self._clock()

    def _start_next(self) -> None:
        if self._waiting:
            guarded = self._waiting.pop(0)
            request = self._request if guarded.settings.send_names else replace(self._request, prompt=())
            self._running[self._attempt(guarded, request)] = guarded, self._clock()

    def _answered(self, task: asyncio.Task[LaneText]) -> LaneAnswer | None:
        guarded, started_s = self._running.pop(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            code = error.code if isinstance(error, EdgeVoiceError) else LaneFailedError.code
            self._record(guarded, started_s, code)
            known = isinstance(error, EdgeVoiceError)
            self._why = str(error) if known else f"Lane '{guarded.settings.name}' failed; the log says why"
            return None
        text = task.result()
        for other, (loser, since_s) in self._running.items():
            other.cancel()
            self._record(loser, since_s, "cancelled")
        self._running.clear()
        self._record(guarded, started_s, "answered")
        return LaneAnswer(
            text=text.text, lane=guarded.settings.name, language=text.language, attempts=tuple(self._attempts)
        )

    def _record(self, guarded: GuardedLane, started_s: float, ending: str) -> None:
        uploaded = ending not in NOTHING_LEFT
        attempt = LaneAttempt(
            lane=guarded.settings.name,
            trust=guarded.settings.trust_class,
            seconds=self._request.seconds if uploaded else 0.0,
            cost=guarded.settings.cost(self._request.seconds) if uploaded else 0.0,
            took_ms=max(0.0, 1000.0 * (self._clock() - started_s)),
            ending=ending,
        )
        self._attempts.append(attempt)
        self._told(attempt)
