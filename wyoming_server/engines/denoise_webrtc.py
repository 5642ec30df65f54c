"""WebRTC's noise suppression, through the optional webrtc-noise-gain package."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..errors import ModelMissingError
from ..pipeline.types import Samples

_BLOCK_SAMPLES = 160
"""It works on 10 ms."""
_NO_GAIN = 0


class WebrtcDenoiser:
    """Noise suppression at one strength (24 µs for 10 ms of audio on one core); satisfies `Denoiser`."""

    def __init__(self, *, strength: int = 2, threads: int = 1) -> None:
        """Strength: 1 to 4, webrtc's own scale; raises ModelMissingError without the extra."""
        try:
            from webrtc_noise_gain import AudioProcessor  # noqa: PLC0415 - native code that not every machine has
        except (ImportError, OSError) as err:
            raise ModelMissingError("denoising needs the denoise extra (webrtc-noise-gain)") from err
        if not 1 <= strength <= 4:
            raise ValueError(f"WebrtcDenoiser.strength is {strength}; allowed is 1 to 4")
        self._processor = AudioProcessor
        self._strength = strength
        self._executor = ThreadPoolExecutor(threads, "denoise")

    def open(self) -> WebrtcDenoiseStream:
        """Start a stream."""
        return WebrtcDenoiseStream(self._processor(_NO_GAIN, self._strength), self._executor)

    def close(self) -> None:
        """Stop the threads after the audio they hold (blocking)."""
        self._executor.shutdown(cancel_futures=True)


class WebrtcDenoiseStream:
    """One stream; satisfies `DenoiseStream`."""

    delay_samples = _BLOCK_SAMPLES - 1
    """Enough that a whole block has always been cleaned by the time its samples are due."""

    def __init__(self, processor: Any, executor: ThreadPoolExecutor) -> None:
        self._processor = processor
        self._executor = executor
        self._waiting = np.zeros(0, np.int16)
        self._cleaned = np.zeros(self.delay_samples, np.int16)

    async def clean(self, samples: Samples) -> Samples:
        """Return as many samples as came in; calls must not overlap."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._clean, samples)

    def _clean(self, samples: Samples) -> Samples:
        audio = np.concatenate((self._waiting, samples))
        whole = len(audio) - len(audio) % _BLOCK_SAMPLES
        self._waiting = audio[whole:]
        blocks = audio[:whole].astype("<i2").tobytes()
        step = 2 * _BLOCK_SAMPLES
        clean = b"".join(
            self._processor.Process10ms(blocks[at : at + step]).audio for at in range(0, len(blocks), step)
        )
        ready = np.concatenate((self._cleaned, np.frombuffer(clean, "<i2").astype(np.int16)))
        self._cleaned = ready[len(samples) :]
        return ready[: len(samples)]
