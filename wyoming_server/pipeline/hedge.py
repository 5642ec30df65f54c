"""One early upload per turn: the lane is asked while the hub still decodes, and dropped when the hub was sure."""

import asyncio
import contextlib
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
    patience_seconds: float = ranged(0.1, at_least=0.0, at_most=2.0)
    """How long it waits while the speaker may go on: a pause within a sentence is no end, and a quick hub is sure by
    then. It leaves at once when the turn has ended."""


class Hedge:
    """A turn's hedge. Once only: a speaker who goes on makes the first upload void and is not uploaded twice early."""

    def __init__(
        self, ask: Callable[[Speech], Coroutine[None, None, LaneAnswer]], *, patience_seconds: float = 0.0
    ) -> None:
        """Ask by `ask`, which is ended by cancellation."""
        self._ask, self._patience_s = ask, patience_seconds
        self._over = asyncio.Event()
        self._has_left = self._is_awaited = False
        self._task: asyncio.Task[LaneAnswer] | None = None
        self._speech: Speech | None = None
        self._unsent: list[asyncio.Task[LaneAnswer]] = []
        """Never sent: the speaker went on."""

    def start(self, speech: Speech) -> None:
        """Start the upload once patience is over, unless this turn has had one."""
        if self._task is not None:
            if speech is self._speech:
                return
            self._task.cancel()
            if self._has_left:
                return
            self._unsent.append(self._task)
        self._speech = speech
        self._task = asyncio.create_task(self._upload(speech), name="hedge")

    async def _upload(self, speech: Speech) -> LaneAnswer:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                await self._over.wait()
        self._has_left = True
        return await self._ask(speech)

    def over(self) -> None:
        """Hear that the turn has ended: nothing more can be said, so nothing is waited for."""
        self._over.set()

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
        self._is_awaited = True
        done, _ = await asyncio.wait({self._task}, timeout=max(0.0, deadline_in_s))
        if not done:
            self._task.cancel()
            return LaneAnswer(reason="no lane answered in time")
        return self._task.result()

    def drop(self, speech: Speech | None = None) -> None:
        """Give up the upload, or that of one speech: more is said, or the hub is sure. What was sent stays booked.

        Not while the turn waits for its answer: a decode that comes late would end the turn with it.
        """
        if self._task is not None and not self._is_awaited and (speech is None or speech is self._speech):
            self._task.cancel()

    async def aclose(self) -> None:
        """Await the end of what was started."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, *self._unsent, return_exceptions=True)
