"""openWakeWord's audio features on onnxruntime, streamed: 80 ms of audio → one speech embedding.

The same steps as openwakeword 0.5.1's `AudioFeatures._streaming_features`, so that its word models see what they were
trained on, without that package's imports (scipy, scikit-learn) and with little state per stream.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnxruntime

from ..errors import ModelCorruptError, ModelMissingError
from ..pipeline.types import Samples
from ..pipeline.wake import WAKE_FRAME_SAMPLES

type Floats = npt.NDArray[np.float32]

PACKAGE = "openwakeword"
_MODELS = "openwakeword/resources/models"
FETCHED = "wake-words"
"""Folder in the data folder where the package is unpacked on a hub that it is not installed on."""
EMBEDDING_SIZE = 96
MEL_BANDS = 32
MEL_WINDOW = 76
"""Mel frames of 10 ms that one embedding sees."""
MEL_HOP = 8
"""Mel frames in 80 ms."""
_MEL_OVERLAP_SAMPLES = 480
"""Audio before the 80 ms that their first mel frames reach back to."""
_EMBEDDING_CHUNKS = -(-MEL_WINDOW // MEL_HOP)
_SILENCE_SAMPLES = 16_000


def open_session(path: Path) -> Any:
    """Return the model as a single-threaded session; raises ModelMissingError, ModelCorruptError."""
    if not path.is_file():
        raise ModelMissingError(f"the wake model {path} is not there")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # an arena per model holds more memory than it saves time at this size
    options.log_severity_level = 4  # a broken file is reported once, by us
    try:
        return onnxruntime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as err:  # onnxruntime's errors share no base class below Exception
        raise ModelCorruptError(f"the wake model {path} cannot be loaded") from err


def packaged_models(fetched: Path | None = None) -> Path:
    """Return the folder of models that openwakeword carries, without importing it; raises ModelMissingError.

    `fetched` is where the package is unpacked, whole or not at all, on a hub that it is not installed on.
    """
    try:
        return Path(str(distribution(PACKAGE).locate_file(_MODELS)))
    except PackageNotFoundError as err:
        if fetched is not None and (fetched / _MODELS).is_dir():
            return fetched / _MODELS
        raise ModelMissingError(f"the {PACKAGE} package, which carries the wake models, is not installed") from err


class Features:
    """The two models that all words and all streams share; safe to call from several threads."""

    def __init__(self, mel_session: Any, embedding_session: Any) -> None:
        self._mel = mel_session
        self._embedding = embedding_session
        # openwakeword fills its buffer with loud random noise, and the step from there to the real audio looks like a
        # word to some models: in 240 stream starts in noise it scored over 0.5 nine times, after silence once.
        self.silence = self._embed_silence()
        """The embedding of silence, shape (1, EMBEDDING_SIZE): what a stream has heard before it begins."""

    @classmethod
    def load(cls, models: Path | None = None) -> Self:
        """Load those of a folder, or the packaged ones (blocking); raises ModelMissingError, ModelCorruptError."""
        models = models or packaged_models()
        return cls(open_session(models / "melspectrogram.onnx"), open_session(models / "embedding_model.onnx"))

    def mel(self, samples: Samples) -> Floats:
        """Return log-mel frames, shape (n, MEL_BANDS), scaled as the embedding model was trained."""
        (raw,) = self._mel.run(None, {"input": samples.astype(np.float32)[None]})
        frames: Floats = raw.reshape(-1, MEL_BANDS) / np.float32(10) + np.float32(2)
        return frames

    def embed(self, windows: Floats) -> Floats:
        """Return one embedding per window: (n, MEL_WINDOW, MEL_BANDS) → (n, EMBEDDING_SIZE)."""
        (raw,) = self._embedding.run(None, {"input_1": windows[..., None]})
        embeddings: Floats = raw.reshape(-1, EMBEDDING_SIZE)
        return embeddings

    def _embed_silence(self) -> Floats:
        mel = self.mel(np.zeros(_SILENCE_SAMPLES, np.int16))
        return self.embed(mel[None, -MEL_WINDOW:])


class FeatureStream:
    """One stream's features, computed no earlier than they are asked for.

    Audio that nobody asked about is kept raw as far back as the features reach, so a stream that was left alone for
    an hour has, at the next question, the features it would have had all along.
    """

    def __init__(self, features: Features, window: int) -> None:
        """Window: the embeddings that the word models look at."""
        self._features = features
        self._view_chunks = view_chunks(window)
        self._audio = np.zeros(_MEL_OVERLAP_SAMPLES + self._view_chunks * WAKE_FRAME_SAMPLES, np.int16)
        self._heard_samples = 0
        self._waiting = 0
        self._mel = np.ones((MEL_WINDOW, MEL_BANDS), np.float32)
        self._embeddings = np.repeat(features.silence, window, axis=0)

    @property
    def nbytes(self) -> int:
        """Memory that this stream holds."""
        return self._audio.nbytes + self._mel.nbytes + self._embeddings.nbytes

    def push(self, chunk: Samples) -> None:
        """Remember the next 80 ms, shape (WAKE_FRAME_SAMPLES,)."""
        self._audio[: -len(chunk)] = self._audio[len(chunk) :]
        self._audio[-len(chunk) :] = chunk
        self._heard_samples = min(self._heard_samples + len(chunk), len(self._audio))
        self._waiting = min(self._waiting + 1, self._view_chunks)

    def embeddings(self) -> Floats:
        """Return the newest embeddings, shape (window, EMBEDDING_SIZE), oldest first."""
        window = len(self._embeddings)
        while self._waiting:
            self._roll(self._mel, self._features.mel(self._waiting_audio()))
            if self._waiting <= window:  # older ones have left the window
                self._roll(self._embeddings, self._features.embed(self._mel[None]))
            self._waiting -= 1
        return self._embeddings

    def _waiting_audio(self) -> Samples:
        """The oldest 80 ms not yet turned into mel frames, with the overlap that was heard before them."""
        end = len(self._audio) - (self._waiting - 1) * WAKE_FRAME_SAMPLES
        start = end - WAKE_FRAME_SAMPLES - _MEL_OVERLAP_SAMPLES
        return self._audio[max(start, len(self._audio) - self._heard_samples) : end]

    @staticmethod
    def _roll(buffer: Floats, new: Floats) -> None:
        buffer[: -len(new)] = buffer[len(new) :]
        buffer[-len(new) :] = new


def view_chunks(window: int) -> int:
    """Return how many frames of 80 ms can still reach the scores of a model over `window` embeddings."""
    return window - 1 + _EMBEDDING_CHUNKS
