"""Silero VAD on onnxruntime: 32 ms of audio → probability of speech, 0.2 ms a frame on one core.

The model file is read from the silero-vad package without importing it (that would need torch).
"""

import asyncio
import importlib.metadata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime as ort

from ..errors import ModelCorruptError, ModelMissingError
from ..pipeline.types import SAMPLE_RATE_HZ, Frame

CONTEXT_SAMPLES = 64
"""The model sees the end of the frame before, too."""


def packaged_model() -> Path:
    """Return where the silero-vad package keeps its 16 kHz model. Raises ModelMissingError."""
    files = importlib.metadata.files("silero-vad") or []
    found = [file for file in files if file.name == "silero_vad.onnx"]
    if not found:
        raise ModelMissingError("The silero-vad package holds no silero_vad.onnx; install the packages anew")
    return Path(str(found[0].locate()))


def model_in(bundle: Path) -> Path:
    """Return the one model of a signed bundle's folder. Raises ModelCorruptError for none or several."""
    found = sorted(bundle.glob("*.onnx"))
    if len(found) != 1:
        raise ModelCorruptError(
            f"'{bundle}' holds {len(found)} .onnx files, where a VAD is one; fetch the bundle again"
        )
    return found[0]


class SileroVad:
    """One loaded model for any number of streams; runs in a thread of its own."""

    def __init__(self, path: Path | None = None) -> None:
        """Load the model; blocks for some 50 ms. Raises ModelCorruptError for a file that is none."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # one arena per session costs more memory than it saves time here
        options.log_severity_level = 4  # a broken file is reported once, by us
        file = path or packaged_model()
        try:
            self._session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no base class below Exception
            raise ModelCorruptError(f"The VAD model '{file}' cannot be loaded") from error
        self._rate = np.array(SAMPLE_RATE_HZ, np.int64)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="vad")

    def open(self) -> SileroStream:
        """Return a stream with a state of its own."""
        return SileroStream(self._session, self._rate, self._executor)

    def close(self) -> None:
        """End the thread."""
        self._executor.shutdown()


class SileroStream:
    """One stream's state."""

    def __init__(self, session: ort.InferenceSession, rate: np.ndarray, executor: ThreadPoolExecutor) -> None:
        """Start with silence behind."""
        self._session, self._rate, self._executor = session, rate, executor
        self._state = np.zeros((2, 1, 128), np.float32)
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)

    async def probabilities(self, frames: Sequence[Frame]) -> list[float]:
        """Return each frame's probability of speech, in order; off the event loop."""
        if not frames:
            return []
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, frames)

    def _run(self, frames: Sequence[Frame]) -> list[float]:
        return [self._step(frame) for frame in frames]

    def _step(self, frame: Frame) -> float:
        audio = frame.samples.astype(np.float32) / 32768.0
        window = np.concatenate((self._context, audio))[np.newaxis]
        probability, self._state = self._session.run(None, {"input": window, "state": self._state, "sr": self._rate})
        self._context = audio[-CONTEXT_SAMPLES:]
        return float(probability[0, 0])
