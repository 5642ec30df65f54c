"""Whether a model hears its golden recordings right."""

import asyncio
import logging
import math
import time
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..bundles.bundle import Bundle, Golden
from ..errors import ModelCorruptError, ModelMissingError, SelfTestError
from ..pipeline.types import FRAME_SAMPLES, MIN_SPEECH_SECONDS, SAMPLE_RATE_HZ, DecodeRequest, Frame, Samples
from ..pipeline.wake import WakeDetector, WakeSettings

if TYPE_CHECKING:
    from .asr_whisper import WhisperEngine
    from .vad_silero import SileroVad
    from .wake_openwakeword import OpenWakeWordEngine

_LOGGER = logging.getLogger(__name__)
_SPEECH_PROBABILITY = 0.5
_SPEECH_FRAMES = round(MIN_SPEECH_SECONDS * SAMPLE_RATE_HZ / FRAME_SAMPLES)
"""As many frames of voice as make a turn of it."""


def hear_words(engine: WhisperEngine, directory: Path, goldens: Iterable[Golden]) -> tuple[float, ...]:
    """Hold a recogniser to its recordings, and return how long each took, in ms. Blocks. Raises SelfTestError."""
    took_ms = []
    for golden in goldens:
        samples = read_golden(directory / golden.file)
        began_s = time.perf_counter()
        heard = engine.decode(DecodeRequest(samples=samples, language=golden.language or engine.languages[0]))
        took_ms.append(1000.0 * (time.perf_counter() - began_s))
        if _words(heard.text) != _words(golden.text):
            _LOGGER.debug("Golden recording %s is heard as another text", golden.file)
            raise _misheard(engine.name, golden)
    return tuple(took_ms)


def hear_wake_words(
    engine: OpenWakeWordEngine, words: Iterable[str], directory: Path, bundle: Bundle
) -> tuple[float, ...]:
    """Hold wake words to their recordings: each wakes its own word, or none of them; as `hear_words` otherwise."""
    ours = [word for word in engine.words if word.name in set(words)]
    return tuple(_wakes(engine, WakeDetector(ours, WakeSettings()), directory, bundle, one) for one in bundle.golden)


def _wakes(
    engine: OpenWakeWordEngine, detector: WakeDetector, directory: Path, bundle: Bundle, golden: Golden
) -> float:
    # A word may be said at the very end, and the models see it a second later.
    samples = np.concatenate((read_golden(directory / golden.file), np.zeros(SAMPLE_RATE_HZ, np.int16)))
    began_s = time.perf_counter()
    frames = asyncio.run(engine.open().push(samples))
    took_ms = 1000.0 * (time.perf_counter() - began_s)
    if not all(math.isfinite(score) for frame in frames for score in frame.scores.values()):
        raise SelfTestError(
            f"The wake words of '{bundle.label}' answer with what is no number; their weights are damaged"
        )
    heard = {hit.name for frame in frames for hit in detector.feed(frame)}
    if heard != ({golden.text} if golden.text else set()):
        raise _misheard(bundle.label, golden)
    return took_ms


def hear_speech(vad: SileroVad, directory: Path, bundle: Bundle) -> tuple[float, ...]:
    """Hold a VAD to its recordings: speech in some, none in the others; as `hear_words` otherwise."""
    return tuple(_tells_speech(vad, directory, bundle, golden) for golden in bundle.golden)


def _tells_speech(vad: SileroVad, directory: Path, bundle: Bundle, golden: Golden) -> float:
    samples = read_golden(directory / golden.file)
    whole = len(samples) - len(samples) % FRAME_SAMPLES
    frames = [
        Frame(samples=samples[start : start + FRAME_SAMPLES], start_sample=start, arrived_s=0.0)
        for start in range(0, whole, FRAME_SAMPLES)
    ]
    began_s = time.perf_counter()
    probabilities = asyncio.run(vad.open().probabilities(frames))
    took_ms = 1000.0 * (time.perf_counter() - began_s)
    if not all(0.0 <= one <= 1.0 for one in probabilities):  # false for what is no number, too
        raise SelfTestError(f"The VAD '{bundle.label}' answers with what is no probability; its weights are damaged")
    speaks = sum(one >= _SPEECH_PROBABILITY for one in probabilities) >= _SPEECH_FRAMES
    if speaks is not bool(golden.text):
        raise _misheard(bundle.label, golden)
    return took_ms


def _misheard(model: str, golden: Golden) -> SelfTestError:
    return SelfTestError(
        f"The model '{model}' does not hear its golden recording '{golden.file}' right, so it may not serve; "
        "its weights are damaged or do not suit this processor"
    )


def read_golden(file: Path) -> Samples:
    """Return a recording. Blocks. Raises ModelMissingError, ModelCorruptError."""
    try:
        with wave.open(str(file)) as recording:
            form = (recording.getframerate(), recording.getnchannels(), recording.getsampwidth())
            content = recording.readframes(recording.getnframes())
    except FileNotFoundError as error:
        raise ModelMissingError(f"The golden recording '{file}' is not there") from error
    except (OSError, EOFError, wave.Error) as error:
        raise ModelCorruptError(f"The golden recording '{file}' cannot be read: {error}") from error
    if form != (SAMPLE_RATE_HZ, 1, 2):
        raise ModelCorruptError(f"The golden recording '{file}' is not 16 kHz, mono, 16 bits")
    return np.frombuffer(content, np.dtype("<i2"))


def _words(text: str) -> list[str]:
    """Return a text's words without case and punctuation, which say nothing about hearing."""
    kept = "".join(character if character.isalnum() or character in "'%" else " " for character in text.casefold())
    return kept.split()
