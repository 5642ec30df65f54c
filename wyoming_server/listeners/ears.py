"""What a connection's audio goes to: a wake word or a turn."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol

from wyoming.asr import TranscriptChunk, TranscriptStart
from wyoming.vad import VoiceStarted, VoiceStopped
from wyoming.wake import NotDetected

from ..errors import EdgeVoiceError
from ..pipeline.audio import FrameQueue, Framer
from ..pipeline.interpret import TurnRequest
from ..pipeline.policy import Caller
from ..pipeline.timeline import Spans
from ..pipeline.turn import Observer, Stages, run_turn
from ..pipeline.types import SAMPLE_RATE_HZ, Outcome, Samples, WakeHit
from ..pipeline.wake import WakeDetector, WakeSession
from .framing import EventWriter
from .replies import detection, error, transcript, transcript_stop

_LOGGER = logging.getLogger(__name__)
_OUR_FAULT = "The server failed on this turn; its log says why"

type OnTurn = Callable[[Outcome, Spans], None]
"""Told of every outcome once its transcript is written; must not block."""
type OnFailure = Callable[[TurnRequest, EdgeVoiceError], None]
"""Told of every turn that ended without an outcome; must not block."""
type OnAsking = Callable[[TurnRequest, str], None]
"""Told when a turn goes to a lane, and to which first; must not block."""
type OnWake = Callable[[Caller, WakeHit], None]
"""Told of every wake word and who heard it; must not block."""


class Ear(Protocol):
    """Takes one stream of 16 kHz mono samples."""

    async def push(self, samples: Samples, arrived_s: float) -> None:
        """Hear samples."""

    async def stop(self, at_s: float) -> None:
        """Hear that the stream has ended."""


class WakeEar:
    """Answers each wake word with a detection, and a stream without one with not-detected."""

    def __init__(
        self, session: WakeSession, detector: WakeDetector, writer: EventWriter, *, on_wake: Callable[[WakeHit], None]
    ) -> None:
        """Listen for the session's words; `on_wake` is called with each, and must not block."""
        self._session, self._detector, self._writer = session, detector, writer
        self._on_wake = on_wake
        self._detected = False

    async def push(self, samples: Samples, arrived_s: float) -> None:  # noqa: ARG002  # scores need no wall time
        """Hear samples."""
        for frame in await self._session.push(samples):
            for hit in self._detector.feed(frame):
                self._detected = True
                self._writer.write(detection(hit, hit.score))
                self._on_wake(hit)
                await self._writer.flush()

    async def stop(self, at_s: float) -> None:  # noqa: ARG002
        """Say so when no word was heard."""
        if not self._detected:
            self._writer.write(NotDetected().event())
            await self._writer.flush()


class TurnEar:
    """One turn: its queue, its task, and its answer."""

    def __init__(
        self,
        request: TurnRequest,
        stages: Stages,
        writer: EventWriter,
        *,
        on_turn: OnTurn,
        on_failure: OnFailure,
        on_asking: OnAsking,
        on_end: Callable[[], None],
    ) -> None:
        """Start the turn; `on_end` is called once when it has answered."""
        self._writer, self._stages, self._on_turn, self._on_failure = writer, stages, on_turn, on_failure
        self._on_asking = on_asking
        self._framer = Framer()
        self._queue = FrameQueue(limit_frames=stages.listen.queue_frames)
        self._streaming = False
        self._task = asyncio.create_task(self._run(request), name=f"turn {request.turn_id}")
        self._task.add_done_callback(lambda _: on_end())

    async def push(self, samples: Samples, arrived_s: float) -> None:
        """Hear samples; waits while the turn is far behind."""
        if frames := self._framer.push(samples, arrived_s):
            await self._queue.put(frames)

    async def stop(self, at_s: float) -> None:
        """Hear that the stream has ended."""
        if frames := self._framer.flush(at_s):
            await self._queue.put(frames)
        self._queue.stop(at_s)

    async def finished(self) -> None:
        """Wait until the turn has answered."""
        await asyncio.wait({self._task})

    async def drop(self) -> None:
        """End the turn without an answer: its peer has gone."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def fail(self, failure: EdgeVoiceError) -> None:
        """End the turn with an error."""
        if not self._task.done():
            await self.drop()
            self._writer.write(error(failure))
            await self._writer.flush()

    async def _run(self, request: TurnRequest) -> None:
        observer = Observer(
            on_voice=self._tell_voice, on_text=self._tell_text, on_asking=partial(self._on_asking, request)
        )
        try:
            outcome = await self._outcome(request, observer)
            if outcome is not None:
                await self._answer(outcome)
        except Exception:
            _LOGGER.exception("a turn's answer failed")
            await self._refuse(EdgeVoiceError(_OUR_FAULT))
        finally:
            self._queue.abandon()

    async def _outcome(self, request: TurnRequest, observer: Observer) -> Outcome | None:
        """Return the turn's outcome; None when it failed, and that was answered."""
        try:
            return await run_turn(self._queue, request, self._stages, observer)
        except EdgeVoiceError as known:
            failure = known
        except Exception:
            # The promise that every turn ends in an answer holds for our own mistakes, too; they count as failures.
            _LOGGER.exception("a turn failed")
            failure = EdgeVoiceError(_OUR_FAULT)
        await self._refuse(failure)
        self._on_failure(request, failure)
        return None

    async def _refuse(self, failure: EdgeVoiceError) -> None:
        self._writer.write(error(failure))
        await self._writer.flush()

    async def _answer(self, outcome: Outcome) -> None:
        clock = self._stages.clock
        if outcome.failure is not None:
            await self._refuse(outcome.failure)
            self._on_turn(outcome, outcome.timeline.spans(clock()))
            return
        if not self._streaming:
            self._tell_text(outcome.text)
        self._writer.write(transcript(outcome, outcome.timeline.spans(clock())))
        await self._writer.flush()
        spans = outcome.timeline.spans(clock())
        self._writer.write(transcript_stop(spans))
        await self._writer.flush()
        self._on_turn(outcome, spans)

    def _tell_voice(self, voice: bool, sample: int) -> None:
        moment = round(1000 * sample / SAMPLE_RATE_HZ)
        self._writer.write((VoiceStarted(moment) if voice else VoiceStopped(moment)).event())

    def _tell_text(self, text: str) -> None:
        if not self._streaming:
            self._streaming = True
            self._writer.write(TranscriptStart().event())
        self._writer.write(TranscriptChunk(text).event())
