"""Audio → the same audio with less steady noise, for wake words and the VAD only.

Never for the recogniser: enhancement takes away what it was trained to hear through, and makes it worse.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from .types import Frame, Samples


class DenoiseStream(Protocol):
    """One stream being cleaned; its calls must not overlap."""

    delay_samples: int
    """How much later a sound lies in what comes out."""

    async def clean(self, samples: Samples) -> Samples:
        """Return as many samples as came in, any number of them; the first `delay_samples` of a stream are zero."""


class Denoiser(Protocol):
    """Cleans many streams at once, off the event loop."""

    def open(self) -> DenoiseStream:
        """Start a stream; each learns its own noise."""


class _VadStream(Protocol):
    async def probabilities(self, frames: list[Frame]) -> list[float]: ...


class _VadModel(Protocol):
    def open(self) -> _VadStream: ...


class _WakeSession[Scores](Protocol):
    async def push(self, samples: Samples) -> list[Scores]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoisedVad:
    """A VAD that hears cleaned audio; satisfies `VadModel`."""

    vad: _VadModel
    denoiser: Denoiser

    def open(self) -> DenoisedVadStream:
        """Return a stream with a state of its own."""
        return DenoisedVadStream(vad=self.vad.open(), denoise=self.denoiser.open())


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoisedVadStream:
    """One stream of it."""

    vad: _VadStream
    denoise: DenoiseStream

    async def probabilities(self, frames: list[Frame]) -> list[float]:
        """Return each frame's probability of speech, in order."""
        if not frames:
            return []
        cleaned = (await self.denoise.clean(np.concatenate([frame.samples for frame in frames]))).reshape(
            len(frames), -1
        )
        return await self.vad.probabilities(
            [replace(frame, samples=samples) for frame, samples in zip(frames, cleaned, strict=True)]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoisedWake[Scores]:
    """A wake session that hears cleaned audio; satisfies `WakeSession`."""

    session: _WakeSession[Scores]
    denoise: DenoiseStream

    async def push(self, samples: Samples) -> list[Scores]:
        """Return a frame of scores for every 80 ms that the samples complete."""
        return await self.session.push(await self.denoise.clean(samples))
