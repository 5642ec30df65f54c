"""A turn's audio → its utterances, each with an interpretation that was started before the silence was over.

Calls `endpoint`, and whatever interprets, as `turn` calls the other stages.
The only stage with a task beside its turn's: the speculative decode. It nudges the turn's own queue when it is done,
so a turn waits for audio and for text in one place.
"""

import asyncio
import enum
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from ..errors import TurnTimeoutError
from .audio import FrameQueue
from .checked import Checked, ranged
from .endpoint import Endpointer, EndpointSettings, Sensitivity, VadStream, hold_seconds
from .types import (
    MIN_SPEECH_SECONDS,
    SAMPLE_RATE_HZ,
    Action,
    Continuation,
    EndedBy,
    Ending,
    Frame,
    Interpretation,
    Speech,
)

CHUNK_CAP_SECONDS = 28.0
"""Speech without a pause is split below the encoder's 30 s window."""


type Interpret = Callable[[Speech], Awaitable[Interpretation]]
type OnVoice = Callable[[bool, int], None]
"""Called with True when speech starts and False when it has stopped, and with the position in samples."""


class Mode(enum.StrEnum):
    """How a turn listens."""

    LIVE = "live"
    """One utterance, answered as soon as it is complete."""
    FILE = "file"
    """Everything, without a cap, chunked at pauses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings(Checked):
    """How long a turn bears with its client."""

    idle_seconds: float = ranged(2.0, at_least=0.5, at_most=60.0)
    """A client that sends nothing for so long has stopped."""
    vad_seconds: float = ranged(2.0, at_least=0.1, at_most=30.0)
    """Longest wait for the VAD's word on up to 2 s of audio."""
    queue_frames: int = ranged(1000, at_least=32, at_most=20_000)
    """Frames that may wait for a turn (1000 are 32 s); the socket is read no further beyond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One stretch of speech that has ended."""

    ending: Ending
    interpretation: asyncio.Task[Interpretation] | None
    """May still be under way; None when nobody spoke."""
    speech: Speech | None = None
    """What that is of."""


class Listener:
    """Listens for one turn. `utterances` ends every task that it started."""

    def __init__(
        self,
        audio: FrameQueue,
        vad: VadStream,
        interpret: Interpret,
        *,
        settings: ListenSettings,
        endpoint: EndpointSettings,
        clock: Callable[[], float],
        mode: Mode = Mode.LIVE,
        sensitivity: Sensitivity = Sensitivity.DEFAULT,
        answer_early: bool = True,
        on_voice: OnVoice = lambda _voice, _sample: None,
        on_more: Callable[[], None] = lambda: None,
    ) -> None:
        """Listen to one turn's frames; `on_more` is called when the speaker goes on after a guess was started."""
        self._audio, self._vad, self._interpret, self._clock = audio, vad, interpret, clock
        self._settings, self._endpoint, self._mode = settings, endpoint, mode
        self._sensitivity, self._answer_early = sensitivity, answer_early
        self._on_voice, self._on_more = on_voice, on_more
        self._ears = Endpointer(endpoint)
        self._guess: asyncio.Task[Interpretation] | None = None
        self._guessed_speech: Speech | None = None
        self._guess_end = 0
        self._started: set[asyncio.Task[Interpretation]] = set()

    async def utterances(self) -> AsyncGenerator[Utterance]:
        """Yield the turn's utterances: exactly one in a live turn, as many as there are in a file."""
        ended = self._chunk_ended if self._mode is Mode.FILE else self._turn_ended
        try:
            while True:
                ended_by = await self._hear(ended)
                more = self._mode is Mode.FILE and ended_by in {EndedBy.HOLD, EndedBy.CAP}
                yield self._utterance(ended_by)
                if not more:
                    return
                self._forget(keep_speaking=ended_by is EndedBy.CAP)
        finally:
            for task in self._started:
                task.cancel()
            await asyncio.gather(*self._started, return_exceptions=True)

    async def _hear(self, ended: Callable[[], EndedBy | None]) -> EndedBy:
        """Push frames until the utterance has ended."""
        while True:
            try:
                async with asyncio.timeout(self._settings.idle_seconds):
                    frames = await self._audio.take()
            except TimeoutError:
                return EndedBy.IDLE
            probabilities = await self._probabilities(frames)
            for index, (frame, probability) in enumerate(zip(frames, probabilities, strict=True)):
                self._push(frame, probability)
                self._speculate()
                if why := ended():
                    self._audio.give_back(frames[index + 1 :])
                    return why
            # A nudge: the text is there, and may allow a shorter silence than has passed already.
            if why := ended():
                return why
            if self._audio.drained:
                return EndedBy.AUDIO_STOP

    async def _probabilities(self, frames: list[Frame]) -> list[float]:
        """Ask the VAD, which must not hang a turn either. Raises TurnTimeoutError."""
        try:
            async with asyncio.timeout(self._settings.vad_seconds):
                return await self._vad.probabilities(frames)
        except TimeoutError:
            raise TurnTimeoutError("The hub is too busy to tell speech from silence; speak again in a moment") from None

    def _push(self, frame: Frame, probability: float) -> None:
        was_speaking = self._ears.speaking
        self._ears.push(frame, probability)
        if self._ears.speaking and not was_speaking:
            self._on_voice(True, self._ears.speech_start)

    def _turn_ended(self) -> EndedBy | None:
        ears = self._ears
        if not ears.speaking:
            waited = ears.position >= self._endpoint.wait_seconds * SAMPLE_RATE_HZ
            return EndedBy.NO_SPEECH if waited else None
        if ears.utterance_seconds >= self._endpoint.cap_seconds:
            return EndedBy.CAP
        if not self._answer_early or ears.silence_seconds < self._hold_seconds():
            return None
        if self._said_nothing():
            self._on_voice(False, ears.voiced_end)
            self._forget(keep_speaking=False)
            return None
        return EndedBy.HOLD

    def _chunk_ended(self) -> EndedBy | None:
        ears, endpoint = self._ears, self._endpoint
        if not ears.speaking:
            return None
        long = ears.utterance_seconds >= endpoint.chunk_seconds
        pause = endpoint.chunk_pause_seconds if long else endpoint.long_hold_seconds
        if ears.silence_seconds >= pause:
            return EndedBy.HOLD
        return EndedBy.CAP if ears.utterance_seconds >= CHUNK_CAP_SECONDS else None

    def _hold_seconds(self) -> float:
        """Return how much silence ends the turn, by what is known of its text now."""
        known = self._known()
        if known is None:
            return hold_seconds(self._endpoint, Continuation.EXPECTED, 0.0, self._sensitivity)
        return hold_seconds(self._endpoint, known.match.continuation, known.finished, self._sensitivity)

    def _known(self) -> Interpretation | None:
        """Return the interpretation of the speech so far, when it is there and did not fail."""
        guess = self._guess
        if guess is None or not guess.done() or guess.cancelled() or guess.exception() or not self._covers():
            return None
        return guess.result()

    def _said_nothing(self) -> bool:
        """Whether what was taken for speech was a cough or a door: then the turn goes on."""
        known = self._known()
        if known is not None:
            return known.decision.action is Action.DISCARD
        return self._ears.cut().vad_speech_seconds < MIN_SPEECH_SECONDS

    def _covers(self) -> bool:
        """Whether the speculative decode has heard all that was said."""
        return self._guess is not None and self._ears.voiced_end <= self._guess_end

    def _speculate(self) -> None:
        """Start, keep or drop the speculative decode after a frame."""
        ears = self._ears
        if self._mode is Mode.FILE or not ears.speaking:
            return
        if self._guess is not None and not self._covers():
            self._guess.cancel()
            self._guess = None
            self._on_more()
        if ears.silence_seconds < self._endpoint.speculate_seconds or self._covers():
            return
        speech = ears.cut()
        if speech.vad_speech_seconds >= MIN_SPEECH_SECONDS:
            self._start_guess(speech)

    def _start_guess(self, speech: Speech) -> None:
        task = asyncio.ensure_future(self._interpret(speech))
        self._guess, self._guess_end, self._guessed_speech = task, speech.end_sample, speech
        self._started.add(task)
        task.add_done_callback(self._guessed)

    def _guessed(self, task: asyncio.Task[Interpretation]) -> None:
        self._started.discard(task)
        if not task.cancelled():
            task.exception()  # a superseded decode's failure is nobody's concern
        self._audio.nudge()

    def _utterance(self, ended_by: EndedBy) -> Utterance:
        end_s = self._clock()
        if self._audio.stopped_s is not None:  # the client's word came first, whenever silence was found
            end_s = min(end_s, self._audio.stopped_s)
        ears = self._ears
        if not ears.speaking:
            return Utterance(ending=Ending(by=ended_by, end_s=end_s, voiced_end_s=end_s), interpretation=None)
        goes_on = self._mode is Mode.FILE and ended_by is EndedBy.CAP
        if self._failed() or not self._covers():
            self._start_guess(ears.split() if goes_on else ears.cut())
        if not goes_on:
            self._on_voice(False, ears.voiced_end)
        ending = Ending(by=ended_by, end_s=end_s, voiced_end_s=ears.voiced_end_s)
        return Utterance(ending=ending, interpretation=self._guess, speech=self._guessed_speech)

    def _failed(self) -> bool:
        guess = self._guess
        return guess is not None and guess.done() and (guess.cancelled() or guess.exception() is not None)

    def _forget(self, *, keep_speaking: bool) -> None:
        """Be done with the utterance; in a split one, speech goes on behind the split."""
        if not keep_speaking:
            self._ears.restart()
        self._guess = None
