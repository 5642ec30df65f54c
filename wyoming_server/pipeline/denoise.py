"""Audio → the same audio with less steady noise, for wake words and the VAD only.

Never for the recogniser: enhancement takes away what it was trained to hear through, and makes it worse.
"""

from typing import Protocol

from .types import Samples


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
