"""Any PCM → 16 kHz mono frames, and the one queue between a socket and its turn."""

import asyncio
from collections import deque

import numpy as np
import numpy.typing as npt
import soxr

from ..errors import MalformedAudioError, UnsupportedAudioError
from .types import FRAME_SAMPLES, SAMPLE_RATE_HZ, Frame, Samples

RATES_HZ = range(4_000, 192_001)
WIDTHS_BYTES = (1, 2, 3, 4)
CHANNELS = range(1, 9)
TAKE_FRAMES = 64
"""Frames of one stream that are heard (2 s) before another stream has its turn."""


class PcmConverter:
    """Turns one stream of signed (8-bit: unsigned, as in WAV) little-endian PCM into 16 kHz mono samples."""

    def __init__(self, *, rate_hz: int, width_bytes: int, channels: int) -> None:
        """Raise UnsupportedAudioError outside 4 to 192 kHz, 1 to 4 bytes, 1 to 8 channels."""
        if rate_hz not in RATES_HZ or width_bytes not in WIDTHS_BYTES or channels not in CHANNELS:
            raise UnsupportedAudioError(
                f"Audio of {rate_hz} Hz, {8 * width_bytes} bit, {channels} channels cannot be converted; "
                "send 4000 to 192000 Hz, 8 to 32 bit, 1 to 8 channels"
            )
        self._width, self._channels = width_bytes, channels
        self._resampler = (
            # In float: for int16 soxr adds random dither, and the same audio would not give the same samples twice.
            soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="MQ")
            if rate_hz != SAMPLE_RATE_HZ
            else None
        )

    def convert(self, pcm: bytes) -> Samples:
        """Return the samples that are complete by now. Raises MalformedAudioError for a broken sample."""
        if len(pcm) % (self._width * self._channels):
            raise MalformedAudioError(
                f"A chunk of {len(pcm)} bytes does not hold whole samples of "
                f"{self._width} bytes in {self._channels} channels"
            )
        mono = self._mono(pcm)
        return self._resample(mono, last=False)

    def flush(self) -> Samples:
        """Return what the resampler still holds; the stream ends here."""
        return self._resample(np.empty(0, np.int16), last=True)

    def _resample(self, mono: Samples, *, last: bool) -> Samples:
        if self._resampler is None:
            return mono
        resampled: npt.NDArray[np.float32] = self._resampler.resample_chunk(mono.astype(np.float32), last=last)
        return np.rint(resampled).clip(-32768, 32767).astype(np.int16)

    def _mono(self, pcm: bytes) -> Samples:
        samples = self._wide(pcm)
        if self._channels == 1:
            return samples
        mixed = samples.reshape(-1, self._channels).mean(axis=1)
        return mixed.astype(np.int16)

    def _wide(self, pcm: bytes) -> Samples:
        """Return 16-bit samples, channels interleaved; what is finer is cut."""
        match self._width:
            case 2:
                return np.frombuffer(pcm, "<i2").astype(np.int16, copy=False)
            case 1:
                return (np.frombuffer(pcm, np.uint8).astype(np.int16) - 128) << 8
            case 3:
                high = np.frombuffer(pcm, np.uint8).reshape(-1, 3)[:, 1:]
                return np.ascontiguousarray(high).view("<i2").ravel().astype(np.int16, copy=False)
            case _:
                return (np.frombuffer(pcm, "<i4") >> 16).astype(np.int16)


class Framer:
    """Cuts samples into frames and numbers them."""

    def __init__(self) -> None:
        """Start at sample 0."""
        self._rest: Samples = np.empty(0, np.int16)
        self._position = 0

    def push(self, samples: Samples, arrived_s: float) -> list[Frame]:
        """Return the frames that are complete by now."""
        joined = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        whole = len(joined) // FRAME_SAMPLES
        frames = [
            Frame(samples=part, start_sample=self._position + index * FRAME_SAMPLES, arrived_s=arrived_s)
            for index, part in enumerate(joined[: whole * FRAME_SAMPLES].reshape(whole, FRAME_SAMPLES))
        ]
        self._position += whole * FRAME_SAMPLES
        self._rest = joined[whole * FRAME_SAMPLES :]
        return frames

    def flush(self, arrived_s: float) -> list[Frame]:
        """Return the last, partly filled frame, padded with silence; nothing when there is none."""
        if not len(self._rest):
            return []
        return self.push(np.zeros(FRAME_SAMPLES - len(self._rest), np.int16), arrived_s)


class FrameQueue:
    """The one queue of a turn: bounded, many frames a take, closed once.

    `nudge` wakes the taker without frames, so that a turn can wait for audio and for its decode in one place.
    """

    def __init__(self, *, limit_frames: int) -> None:
        """Hold at most so many frames; `put` waits beyond."""
        self._frames: deque[Frame] = deque()
        self._limit = limit_frames
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._nudged = self._abandoned = False
        self.stopped_s: float | None = None
        """Monotonic time of the stream's end; None while it lasts."""

    async def put(self, frames: list[Frame]) -> None:
        """Add frames; waits while the turn is that far behind."""
        await self._room.wait()
        if self._abandoned:
            return
        self._frames.extend(frames)
        if len(self._frames) >= self._limit:
            self._room.clear()
        self._changed.set()

    def stop(self, at_s: float) -> None:
        """Say that no more frames follow."""
        if self.stopped_s is None:
            self.stopped_s = at_s
        self._changed.set()

    def abandon(self) -> None:
        """Say that nobody takes frames any more: what is put from now on is dropped."""
        self._abandoned = True
        self._frames.clear()
        self._room.set()

    def give_back(self, frames: list[Frame]) -> None:
        """Put frames that were taken too many back in front."""
        self._frames.extendleft(reversed(frames))

    @property
    def drained(self) -> bool:
        """Whether the stream has stopped and every frame was taken."""
        return self.stopped_s is not None and not self._frames

    def nudge(self) -> None:
        """Let the next `take` return at once."""
        self._nudged = True
        self._changed.set()

    async def take(self) -> list[Frame]:
        """Return the frames there are, TAKE_FRAMES at most; [] after `nudge`, or when the stream is used up."""
        while not (self._frames or self._nudged or self.stopped_s is not None):
            self._changed.clear()
            await self._changed.wait()
        self._nudged = False
        frames = [self._frames.popleft() for _ in range(min(TAKE_FRAMES, len(self._frames)))]
        if len(self._frames) < self._limit:
            self._room.set()
        return frames
