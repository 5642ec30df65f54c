"""The recordings of wake words in tests/audio/wake."""

import json
import wave
from pathlib import Path

import numpy as np

from wyoming_server.pipeline.types import Samples

_FOLDER = Path(__file__).parent.parent / "audio" / "wake"


def wake_recordings() -> dict[str, Samples]:
    """Return name → 16 kHz samples, by name; the word is the name up to the hyphen."""
    return {path.stem: _read(path) for path in sorted(_FOLDER.glob("*.wav"))}


def reference_scores() -> dict[str, list[float]]:
    """Return word → the reference packages' score of each 80 ms of all recordings after one another."""
    scores: dict[str, list[float]] = json.loads((_FOLDER / "scores.json").read_text())
    return scores


def word_of(recording: str) -> str:
    """Return the wake word that a recording holds."""
    return recording.rpartition("-")[0]


def _read(path: Path) -> Samples:
    with wave.open(str(path)) as recording:
        return np.frombuffer(recording.readframes(recording.getnframes()), np.int16)
