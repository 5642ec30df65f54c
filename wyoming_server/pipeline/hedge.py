"""One early upload per turn: the lane is asked while the hub still decodes, and dropped when the hub was sure."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from .checked import Checked, ranged
from .types import LaneAnswer, Speech


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeSettings(Checked):
    """When speech is sent before the hub has decoded it. Off by default: it uploads what may not be needed."""

    hedge: bool = False
    hedge_at: float = ranged(0.5, at_least=0.0, at_most=1.0)
    """Risk before decoding (noise, clipping, retries, length) from which it is."""


class Hedge:
    """A turn's hedge. Once only: a speaker who goes on makes the first upload void and is not uploaded twice early."""

    def __init__(self, ask: Callable[[Speech], Coroutine[None, None, LaneAnswer]]) -> None:
        """Ask by `ask`, which is ended by cancellation."""
        self._ask = ask
        self._task: asyncio.Task[LaneAnswer] | None = None
        self._speech: Speech | None = None

    def start(self, speech: Speech) -> None:
        """Start the upload, unless this turn has had one."""
        if self._task is None:
            self._speech = speech
            self._task = asyncio.create_task(self._ask(speech), name="hedge")
        elif speech is not self._speech:
            self._task.cancel()

    def covers(self, speech: Speech) -> bool:
        """Tell whether this very speech is on its way, or was answered."""
        return self._task is not None and speech is self._speech and not self._given_up(self._task)

    @staticmethod
    def _given_up(task: asyncio.Task[LaneAnswer]) -> bool:
        """Tell whether a task was cancelled, or is about to end so."""
        return task.cancelled() or bool(task.cancelling())

    async def answer(self, deadline_in_s: float) -> LaneAnswer:
        """Return what came of it within a time."""
        if self._task is None:
            return LaneAnswer()
        if self._given_up(self._task):  # its result would be a cancellation, which must not become the turn's own
            return LaneAnswer(reason="the early upload was given up")
        done, _ = await asyncio.wait({self._task}, timeout=max(0.0, deadline_in_s))
        if not done:
            self._task.cancel()
            return LaneAnswer(reason="no lane answered in time")
        return self._task.result()

    def drop(self) -> None:
        """Give up the upload: the hub needs no help. What was sent stays in the books."""
        if self._task is not None:
            self._task.cancel()

    async def aclose(self) -> None:
        """Await the end of what was started."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
