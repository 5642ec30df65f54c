"""Many turns → one model: first come first served, bounded, and superseded work never starts.

A turn has at most one decode waiting (a newer one supersedes it), so first come first served is fair to all.
"""

import asyncio
import statistics
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from ..errors import DecodeError, OverloadedError
from ..pipeline.scorecard import Scorecard
from ..pipeline.types import SAMPLE_RATE_HZ, DecodeRequest, Hypothesis
from .asr_whisper import WhisperEngine

type Lease = Callable[[], AbstractContextManager[WhisperEngine]]
"""Gives the model that serves now, and keeps it loaded until the lease ends."""


_USUAL_DECODES = 9
"""So many of the last ones tell how long a decode takes: one that was slow says nothing, most of them do."""
_USUAL_SECONDS = 15.0
"""What somebody says to a satellite is no longer."""


class Faults(Protocol):
    """Who is told how the model that serves does. Nothing in it blocks."""

    def heard(self, model: str) -> None:
        """Hear that it has decoded."""

    def failed(self, model: str, error: DecodeError) -> None:
        """Hear that it has failed."""


class DecodeLine:
    """The threads that decode, and how many decodes wait for them or run."""

    def __init__(
        self,
        *,
        limit: int,
        workers: int,
        clock: Callable[[], float] = time.monotonic,
        budget_seconds: float = 3.0,
    ) -> None:
        """Let at most `limit` decodes wait or run, `workers` of them run.

        Nobody waits who could not be answered within `budget_seconds`.
        """
        self.limit, self.workers, self.waiting = limit, workers, 0
        self.executor = ThreadPoolExecutor(workers, thread_name_prefix="asr")
        self._clock, self._counting = clock, threading.Lock()
        self._running, self._busy_s, self._at_s = 0, 0.0, clock()
        self._budget_s = budget_seconds
        self._took_s = deque[float](maxlen=_USUAL_DECODES)
        self._usual_s = 0.0

    @property
    def most_waiting(self) -> int:
        """With so many waiting or running, one more would not be answered in time; no less than can run."""
        if not self._usual_s:
            return self.limit
        in_time = int(self.workers * (self._budget_s / self._usual_s - 1.0))
        return max(self.workers, min(self.limit, in_time))

    @property
    def busy_seconds(self) -> float:
        """How long the threads have decoded since the start, all of them together: what runs now counts, too."""
        self._count(0)
        return self._busy_s

    @contextmanager
    def decoding(self, seconds: float = 0.0) -> Iterator[None]:
        """Count a thread as busy, and its decode of so many seconds as one of the last, unless a file is that long."""
        began_s = self._clock()
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)
            if seconds <= _USUAL_SECONDS:
                with self._counting:
                    self._took_s.append(self._clock() - began_s)
                    self._usual_s = statistics.median(self._took_s)

    def _count(self, change: int) -> None:
        with self._counting:
            now_s = self._clock()
            self._busy_s += self._running * max(0.0, now_s - self._at_s)
            self._at_s = now_s
            self._running += change


class DecodeQueue:
    """The recogniser that turns see: its threads, and a bounded line before them."""

    def __init__(
        self,
        lease: Lease,
        ready: Callable[[], Awaitable[None]],
        *,
        limit: int = 8,
        workers: int = 1,
        line: DecodeLine | None = None,
        faults: Faults | None = None,
        marked: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Let at most `limit` decodes wait or run, `workers` of them run; `ready` waits until there is a model.

        `marked` is entered for each decode, on its thread: whoever looks for what took the server down finds it there.
        """
        self._lease, self._ready, self._faults, self._marked = lease, ready, faults, marked
        self._line = line or DecodeLine(limit=limit, workers=workers)

    def beside(self, lease: Lease) -> DecodeQueue:
        """Return the queue of another model in the same line: two models are no reason for twice the threads."""
        return DecodeQueue(lease, _at_once, line=self._line)

    @property
    def waiting(self) -> int:
        """Decodes that wait or run."""
        return self._line.waiting

    @property
    def limit(self) -> int:
        """As many decodes may wait or run."""
        return self._line.limit

    @property
    def most_waiting(self) -> int:
        """With so many, the next one is turned away: it would not be answered in time."""
        return self._line.most_waiting

    @property
    def workers(self) -> int:
        """As many run at a time."""
        return self._line.workers

    @property
    def busy_seconds(self) -> float:
        """How long the threads have decoded since the start, all of them together."""
        return self._line.busy_seconds

    @property
    def name(self) -> str:
        """What the model that serves now is called."""
        with self._lease() as engine:
            return engine.name

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes that it knows."""
        with self._lease() as engine:
            return engine.languages

    @property
    def hallucination_phrases(self) -> Mapping[str, Sequence[str]]:
        """Language → texts that it is known to make up."""
        with self._lease() as engine:
            return engine.hallucination_phrases

    @property
    def scorecard(self) -> Scorecard | None:
        """How its evidence adds up to a risk; None when nobody fitted that. Raises ModelMissingError."""
        with self._lease() as engine:
            return engine.scorecard

    async def decode(self, request: DecodeRequest) -> Hypothesis:
        """Return what the model hears. Raises OverloadedError at once when too many wait, DecodeError, ModelError."""
        line = self._line
        if line.waiting >= line.most_waiting:
            raise OverloadedError(
                f"{line.waiting} utterances wait for the recogniser already, and one more would not be answered in "
                "time; speak again in a moment, or choose a smaller model with `edge-voice tune`"
            )
        line.waiting += 1
        try:
            await self._ready()
            # Cancelling the await takes a decode that has not started off the executor's line.
            return await asyncio.get_running_loop().run_in_executor(line.executor, self._decode, request)
        except (MemoryError, RuntimeError) as error:  # no memory for a thread, or the server ends
            raise DecodeError(f"The hub cannot decode now ({error}); free some memory, or speak again") from error
        finally:
            line.waiting -= 1

    def _decode(self, request: DecodeRequest) -> Hypothesis:
        seconds = len(request.samples) / SAMPLE_RATE_HZ
        with self._lease() as engine, self._line.decoding(seconds), self._marked():
            try:
                hypothesis = engine.decode(request)
            except DecodeError as error:
                if self._faults is not None:
                    self._faults.failed(engine.name, error)
                raise
            if self._faults is not None:
                self._faults.heard(engine.name)
            return hypothesis

    def close(self) -> None:
        """End the thread after the decode it is at; blocks for that long."""
        self._line.executor.shutdown(cancel_futures=True)


async def _at_once() -> None:
    """Wait for nothing: the model is loaded, or its lease says that it is not."""
