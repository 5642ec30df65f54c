"""Parts for the path that follow a script, and a clock that only moves when everybody waits.

A stream is written as text: "0.5 turn on 0.3 the light 1.0" is half a second of room noise, two words, a pause, two
words, a second of room noise; "*" is a cough. Every word is a square wave whose amplitude numbers it, so that the
scripted model reads the words off the samples it is given and nothing else.
"""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from wyoming_server.errors import DecodeError
from wyoming_server.pipeline.audio import FrameQueue
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.types import (
    FRAME_SAMPLES,
    SAMPLE_RATE_HZ,
    Continuation,
    DecodeRequest,
    Frame,
    GrammarMatch,
    Hypothesis,
    Samples,
    Token,
)

FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE_HZ
WORD_SECONDS = 0.256
COUGH_SECONDS = 0.064
LOUDNESS = 4000
"""Words are this loud and upwards; the room lies 50 dB below."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer as soon as nothing else is to do."""

    def __init__(self) -> None:
        self.now_s = 100.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now_s


class _Jumping(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits and no timer runs: the test would never end")
        self._loop.now_s += max(0.0, timeout)
        return super().select(0)


def on_virtual_time[T](work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def now_s() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What a microphone hears, and the truth about it."""

    samples: Samples
    spoken: tuple[tuple[int, int], ...]
    """Start and end sample of every word and cough."""
    words: tuple[str, ...]
    """Word k has the amplitude LOUDNESS + k."""

    @property
    def last_voiced(self) -> int:
        return self.spoken[-1][1]

    def frames(self, arrived_s: float = 0.0) -> list[Frame]:
        whole = len(self.samples) // FRAME_SAMPLES
        return [
            Frame(samples=part, start_sample=index * FRAME_SAMPLES, arrived_s=arrived_s)
            for index, part in enumerate(self.samples[: whole * FRAME_SAMPLES].reshape(whole, FRAME_SAMPLES))
        ]


def stream(script: str, *, seed: int = 1) -> Stream:
    """Return a script's audio; its length is rounded up to whole frames with room noise."""
    random = np.random.default_rng(seed)
    parts: list[Samples] = []
    spoken: list[tuple[int, int]] = []
    words: list[str] = []
    for one in script.split():
        at = sum(map(len, parts))
        if one[0].isdigit():
            parts.append(random.integers(-12, 13, round(float(one) * SAMPLE_RATE_HZ)).astype(np.int16))
            continue
        seconds = COUGH_SECONDS if one == "*" else WORD_SECONDS
        amplitude = LOUDNESS - 1
        if one != "*":
            words.append(one)
            amplitude = LOUDNESS + len(words) - 1
        signs = np.where(np.arange(round(seconds * SAMPLE_RATE_HZ)) // 8 % 2, 1, -1)
        parts.append((signs * amplitude).astype(np.int16))
        spoken.append((at, at + len(signs)))
    fill = -sum(map(len, parts)) % FRAME_SAMPLES
    parts.append(random.integers(-12, 13, fill).astype(np.int16))
    return Stream(samples=np.concatenate(parts), spoken=tuple(spoken), words=tuple(words))


@dataclass(kw_only=True)
class ScriptedVad:
    """Knows the truth, and tells it late, as Silero does."""

    heard: Stream
    lag_frames: int = 2
    delay_s: float = 0.0
    """How long each call takes."""
    batches: list[int] = field(default_factory=list)

    def open(self) -> ScriptedVad:
        return self

    async def probabilities(self, frames: Sequence[Frame]) -> list[float]:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        self.batches.append(len(frames))
        return [self.probability(frame.start_sample) for frame in frames]

    def probability(self, at: int) -> float:
        lag = self.lag_frames * FRAME_SAMPLES
        return 0.95 if any(start < at + FRAME_SAMPLES and at < end + lag for start, end in self.heard.spoken) else 0.02


@dataclass(kw_only=True)
class Call:
    """One decode that was asked for."""

    at_s: float
    request: DecodeRequest
    ended: str = "running"
    """Then done, failed or cancelled."""


@dataclass(kw_only=True)
class ScriptedModel:
    """Reads the words off the samples, after a delay."""

    heard: Stream
    delay_s: float = 0.05
    failures: int = 0
    """So many first decodes fail."""
    log_probability: float = -0.001
    shape: Callable[[Hypothesis, DecodeRequest], Hypothesis] = lambda hypothesis, _request: hypothesis
    name: str = "scripted"
    languages: tuple[str, ...] = ("en",)
    hallucination_phrases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    async def decode(self, request: DecodeRequest) -> Hypothesis:
        call = Call(at_s=now_s(), request=request)
        self.calls.append(call)
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            call.ended = "cancelled"
            raise
        if len(self.calls) <= self.failures:
            call.ended = "failed"
            raise DecodeError("as the script says")
        call.ended = "done"
        return self.shape(self._hypothesis(request), request)

    def _hypothesis(self, request: DecodeRequest) -> Hypothesis:
        words = self.words_in(request.samples)
        token = {"log_probability": self.log_probability, "entropy": 0.1, "margin": 0.9}
        return Hypothesis(
            text=" ".join(words),
            language=request.language or self.languages[0],
            model=self.name,
            tokens=tuple(Token(text=word, **token) for word in words),
            end_probability=0.9,
            tokens_per_second=len(words) / request.speech_seconds if request.speech_seconds else 0.0,
        )

    def words_in(self, samples: Samples) -> list[str]:
        """Return every word of which more than half is there, in order."""
        levels = np.abs(samples.astype(np.int32)) - LOUDNESS
        runs = ((level, sum(1 for _ in run)) for level, run in groupby(levels[levels >= 0].tolist()))
        return [self.heard.words[level] for level, length in runs if length > WORD_SECONDS * SAMPLE_RATE_HZ / 2]


@dataclass(kw_only=True)
class ScriptedGrammar:
    """Knows a few sentences; anything else may go on."""

    complete: frozenset[str] = frozenset()
    may_go_on: frozenset[str] = frozenset()
    delay_s: float = 0.0

    async def match(self, text: str, language: str, vocabulary: Vocabulary) -> GrammarMatch:
        await asyncio.sleep(self.delay_s)
        if text in self.complete:
            return GrammarMatch(continuation=Continuation.NONE, intent="Complete")
        if text in self.may_go_on:
            return GrammarMatch(continuation=Continuation.POSSIBLE, intent="MayGoOn")
        return GrammarMatch(continuation=Continuation.EXPECTED)


type Feed = Callable[[FrameQueue, Stream], Awaitable[None]]


async def in_real_time(queue: FrameQueue, heard: Stream) -> None:
    await _paced(queue, heard, (FRAME_SECONDS for _ in heard.frames()))


async def in_one_burst(queue: FrameQueue, heard: Stream) -> None:
    await queue.put(heard.frames(now_s()))


async def late_and_in_bursts(queue: FrameQueue, heard: Stream) -> None:
    """Half a second late, then what has gathered every 0.2 s: a poor wireless link."""
    await asyncio.sleep(0.5)
    frames = heard.frames()
    for index in range(0, len(frames), 6):
        await asyncio.sleep(6 * FRAME_SECONDS)
        await queue.put([_arrived(frame) for frame in frames[index : index + 6]])


async def _paced(queue: FrameQueue, heard: Stream, waits: Iterable[float]) -> None:
    for frame, wait_s in zip(heard.frames(), waits, strict=True):
        await asyncio.sleep(wait_s)
        await queue.put([_arrived(frame)])


def _arrived(frame: Frame) -> Frame:
    return Frame(samples=frame.samples, start_sample=frame.start_sample, arrived_s=now_s())
