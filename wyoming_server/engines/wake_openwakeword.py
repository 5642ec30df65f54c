"""Wake words in openWakeWord's format: packaged, the owner's own, and .tflite ones, over one shared front end."""

import asyncio
import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from ..errors import EdgeVoiceError, ModelCorruptError, UnknownWakeWordError
from ..pipeline.types import Samples
from ..pipeline.wake import WAKE_FRAME_SAMPLES, GateSettings, NoiseGate, ScoreFrame, WakeWord
from .wake_features import (
    EMBEDDING_SIZE,
    FETCHED,
    Features,
    FeatureStream,
    Floats,
    open_session,
    packaged_models,
    view_chunks,
)
from .wake_tflite import PACKAGED_TFLITE, load_tflite_word, packaged_tflite_files

_LOGGER = logging.getLogger(__name__)

_SHARED_MODELS = frozenset({"melspectrogram", "embedding_model", "silero_vad"})
_OFF_BY_DEFAULT = frozenset({"timer", "weather"})
"""Packaged words that are commands: they would take the sentence from the recogniser."""
_STEM = re.compile(r"(?P<name>.+?)_v(?P<version>\d+(?:\.\d+)*)")
_UNSURE_FRAMES = 5
"""openwakeword gives no scores before: its first embeddings see the buffer's filling more than the audio."""
_SLICE_FRAMES = 8
"""Frames of one stream that are scored before another stream has its turn."""


class WordModel(Protocol):
    """Scores one word; safe to call from several threads."""

    window: int
    """Embeddings that it looks at."""

    def score(self, embeddings: Floats) -> float:
        """Return 0 to 1 for embeddings of shape (window, EMBEDDING_SIZE)."""


class OnnxWord:
    """A word's .onnx model."""

    def __init__(self, path: Path) -> None:
        """Load it (blocking); raises ModelMissingError, ModelCorruptError."""
        self._session: Any = open_session(path)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 3 or not isinstance(shape[1], int) or shape[2] != EMBEDDING_SIZE or not outputs:
            raise ModelCorruptError(f"{path} is no openWakeWord model: its input is {shape}, not [1, n, 96]")
        self._input = inputs[0].name
        self.window = shape[1]

    def score(self, embeddings: Floats) -> float:
        """Return the word's score; of a model with several classes, that of the likeliest after "none"."""
        (output, *_) = self._session.run(None, {self._input: embeddings[None]})
        classes = output.reshape(-1)
        return float(classes[0] if len(classes) == 1 else classes[1:].max())


class OpenWakeWordSession:
    """One stream being listened to; satisfies `WakeSession`."""

    def __init__(
        self,
        features: Features,
        models: Mapping[str, WordModel],
        gate: GateSettings | None,
        executor: ThreadPoolExecutor,
    ) -> None:
        window = max(model.window for model in models.values())
        self._models = models
        self._stream = FeatureStream(features, window)
        self._gate = NoiseGate(gate, hold_frames=view_chunks(window)) if gate else None
        self._executor = executor
        self._rest = np.zeros(0, np.int16)
        self._end_sample = 0

    @property
    def nbytes(self) -> int:
        """Memory that this stream holds beyond the shared models."""
        return self._stream.nbytes

    async def push(self, samples: Samples) -> list[ScoreFrame]:
        """Return a frame for every 80 ms that the samples complete; calls must not overlap."""
        audio = np.concatenate((self._rest, samples))
        whole = len(audio) - len(audio) % WAKE_FRAME_SAMPLES
        self._rest = audio[whole:]
        loop = asyncio.get_running_loop()
        frames: list[ScoreFrame] = []
        step = _SLICE_FRAMES * WAKE_FRAME_SAMPLES
        for start in range(0, whole, step):
            part = audio[start : min(start + step, whole)]
            frames += await loop.run_in_executor(self._executor, self._score, part)
        return frames

    def _score(self, audio: Samples) -> list[ScoreFrame]:
        return [self._score_frame(chunk) for chunk in audio.reshape(-1, WAKE_FRAME_SAMPLES)]

    def _score_frame(self, chunk: Samples) -> ScoreFrame:
        self._end_sample += len(chunk)
        self._stream.push(chunk)
        if self._gate and not self._gate.is_open(chunk):
            return ScoreFrame(end_sample=self._end_sample, scores=dict.fromkeys(self._models, 0.0), skipped=True)
        if self._end_sample <= _UNSURE_FRAMES * WAKE_FRAME_SAMPLES:
            return ScoreFrame(end_sample=self._end_sample, scores=dict.fromkeys(self._models, 0.0))
        embeddings = self._stream.embeddings()
        scores = {name: model.score(embeddings[-model.window :]) for name, model in self._models.items()}
        return ScoreFrame(end_sample=self._end_sample, scores=scores)


class OpenWakeWordEngine:
    """Every enabled word, loaded, and the threads that score them; satisfies `WakeEngine`."""

    def __init__(
        self,
        features: Features,
        words: Mapping[WakeWord, WordModel],
        *,
        gate: GateSettings | None,
        threads: int,
        problems: tuple[EdgeVoiceError, ...] = (),
    ) -> None:
        self._features = features
        self._models = {word.name: model for word, model in words.items()}
        self._gate = gate
        self._executor = ThreadPoolExecutor(threads, "wake")
        self.words = tuple(words)
        self.problems = problems
        """Word files that could not be loaded, for health to show."""

    @classmethod
    def load(
        cls,
        *,
        custom: Path | None = None,
        bundle: Path | None = None,
        fetched: Path | None = None,
        enabled: Collection[str] | None = None,
        gate: GateSettings | None = GateSettings(),  # noqa: B008 - frozen, so sharing it is harmless
        threads: int = 1,
    ) -> Self:
        """Load the words that are enabled, or those that are on by default (blocking, about 0.2 s).

        `custom` is a folder of the owner's .onnx and .tflite words, `bundle` that of a signed bundle, whose words stand
        for those of the same name, `fetched` where openwakeword is unpacked if it is not installed. A word file that
        does not load is logged, kept in `problems`, and disturbs no other. Raises ModelMissingError or
        ModelCorruptError for the models that every word needs, UnknownWakeWordError for an enabled name that no file
        has.
        """
        models = packaged_models(fetched)
        features = Features.load(models)
        ours = words_in(bundle) if bundle else {}
        files = {**named(_word_files(models, custom), models), **ours}
        _check_known(enabled or (), files)
        words: dict[WakeWord, WordModel] = {}
        problems: list[EdgeVoiceError] = []
        for file in files.values():
            if not file.is_enabled(enabled or ()):
                continue
            try:
                words[file.word] = file.load(file.path)
            except EdgeVoiceError as err:
                _LOGGER.warning("%s: %s; this wake word is left out", err.code, err)
                problems.append(err)
        return cls(features, words, gate=gate, threads=threads, problems=tuple(problems))

    def open(self, names: Collection[str] = ()) -> OpenWakeWordSession:
        """Start listening for these words, or for all; raises UnknownWakeWordError."""
        unknown = [name for name in names if name not in self._models]
        if unknown or not self._models:
            known = ", ".join(self._models) or "none"
            raise UnknownWakeWordError(f"no wake word {', '.join(map(repr, unknown))} is loaded; there is: {known}")
        models = {name: self._models[name] for name in names} if names else self._models
        return OpenWakeWordSession(self._features, models, self._gate, self._executor)

    def close(self) -> None:
        """Stop the threads after the frames they hold (blocking)."""
        self._executor.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WordFile:
    """A word's model file, not yet loaded."""

    word: WakeWord
    path: Path
    load: Callable[[Path], WordModel]

    def is_enabled(self, enabled: Collection[str]) -> bool:
        """Tell whether to listen for it, given the owner's choice, () for each word's own default."""
        return self.word.name in enabled if enabled else self.word.default


def named(files: Iterable[Path], models: Path | None = None) -> dict[str, WordFile]:
    """Return name → file. The newest of several versions has the plain name; the others keep their file's name.

    `models` is the folder whose words may be off by default.
    """
    found: dict[str, WordFile] = {}
    for path in sorted(files, key=_version_of, reverse=True):
        match = _STEM.fullmatch(path.stem)
        plain = match["name"] if match else path.stem
        name = plain if plain not in found else path.stem
        if name in found:
            _LOGGER.warning("wake word file %s is left out: another one has its name", path)
            continue
        is_tflite = path.suffix == ".tflite"
        word = WakeWord(
            name=name,
            phrase=plain.replace("_", " "),
            languages=("en",),
            version=match["version"] if match else "",
            engine="tflite" if is_tflite else "onnx",
            default=plain not in _OFF_BY_DEFAULT or path.parent != models,
        )
        found[name] = WordFile(word=word, path=path, load=load_tflite_word if is_tflite else OnnxWord)
    return dict(sorted(found.items()))


def _version_of(path: Path) -> tuple[tuple[int, ...], str]:
    match = _STEM.fullmatch(path.stem)
    return tuple(map(int, match["version"].split("."))) if match else (), path.name


def _word_files(models: Path, custom: Path | None) -> Iterable[Path]:
    yield from (path for path in models.glob("*.onnx") if path.stem not in _SHARED_MODELS)
    yield from packaged_tflite_files()
    if custom is None:
        return
    if not custom.is_dir():
        _LOGGER.warning("the folder of wake words %s is not there", custom)
        return
    yield from _words_below(custom)


def _words_below(folder: Path) -> Iterable[Path]:
    return (path for path in folder.iterdir() if path.suffix in {".onnx", ".tflite"})


def fetched_in(data: Path) -> Path:
    """Return where a data folder has the package's words on a hub that it is not installed on."""
    return data / FETCHED


def words_in(bundle: Path) -> dict[str, WordFile]:
    """Return name → file of the words that a signed bundle's folder holds; blocks on the disk."""
    return named(_words_below(bundle))


def _check_known(enabled: Collection[str], files: Collection[str]) -> None:
    """Refuse names that no file has; a word that only lacks the extra is left out with a line that says so."""
    for name in enabled:
        if name in files:
            continue
        if name not in PACKAGED_TFLITE:
            raise UnknownWakeWordError(f"there is no wake word {name!r}; there is: {', '.join(files)}")
        _LOGGER.warning("%s needs the tflite extra (pyopen-wakeword); this wake word is left out", name)
