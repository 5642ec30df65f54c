"""Many turns → one model: first come first served, bounded, and superseded work never starts.

A turn has at most one decode waiting (a newer one supersedes it), so first come first served is fair to all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from ..errors import OverloadedError
from ..pipeline.scorecard import Scorecard
from ..pipeline.types import DecodeRequest, Hypothesis
from .asr_whisper import WhisperEngine

type Lease = Callable[[], AbstractContextManager[WhisperEngine]]
"""Gives the model that serves now, and keeps it loaded until the lease ends."""


class DecodeQueue:
    """The recogniser that turns see: its threads, and a bounded line before them."""

    def __init__(self, lease: Lease, ready: Callable[[], Awaitable[None]], *, limit: int, workers: int = 1) -> None:
        """Let at most `limit` decodes wait or run, `workers` of them run; `ready` waits until there is a model."""
        self._lease, self._ready, self._limit = lease, ready, limit
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="asr")
        self.waiting = 0
        """Decodes that wait or run."""

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
        """Return what the model hears. Raises OverloadedError at once when too many wait, DecodeError."""
        if self.waiting >= self._limit:
            raise OverloadedError(
                f"{self.waiting} utterances wait for the recogniser already; speak again in a moment, "
                "or choose a smaller model with `edge-voice tune`"
            )
        self.waiting += 1
        try:
            await self._ready()
            # Cancelling the await takes a decode that has not started off the executor's line.
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._decode, request)
        finally:
            self.waiting -= 1

    def _decode(self, request: DecodeRequest) -> Hypothesis:
        with self._lease() as engine:
            return engine.decode(request)

    def close(self) -> None:
        """End the thread after the decode it is at; blocks for that long."""
        self._executor.shutdown(cancel_futures=True)
