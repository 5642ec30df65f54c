"""Score the recordings with the reference packages; script/wake-oracle runs this in their own environment."""

import json
import wave
from pathlib import Path

import numpy as np
import pyopen_wakeword
from openwakeword.model import Model

RECORDINGS = Path(__file__).parents[2] / "audio" / "wake"
FRAME_SAMPLES = 1280
OPENWAKEWORD_WORDS = ("alexa", "hey_jarvis", "hey_mycroft", "hey_rhasspy", "timer", "weather")


def joined() -> np.ndarray:
    """Return all recordings after one another, by name."""
    return np.concatenate([read(path) for path in sorted(RECORDINGS.glob("*.wav"))])


def read(path: Path) -> np.ndarray:
    """Return one recording's samples."""
    with wave.open(str(path)) as recording:
        return np.frombuffer(recording.readframes(recording.getnframes()), np.int16)


def openwakeword_scores(word: str, frames: np.ndarray) -> list[float]:
    """One model at a time: with several, it zeroes the first frame instead of the first five."""
    model = Model(wakeword_models=[word], inference_framework="onnx")
    # It fills its buffer with random noise, a new one each time; ours starts from silence.
    model.preprocessor.feature_buffer = model.preprocessor._get_embeddings(np.zeros(64_000, np.int16))
    predictions = (model.predict(frame) for frame in frames)
    if word == "timer":  # six classes of duration: the likeliest counts
        return [float(max(prediction.values())) for prediction in predictions]
    return [float(prediction[word]) for prediction in predictions]


def okay_nabu_scores(frames: np.ndarray) -> list[float]:
    """Its windows end 1280 samples before the audio does, on openwakeword's grid, when 1120 samples come first."""
    features = pyopen_wakeword.OpenWakeWordFeatures.from_builtin()
    word = pyopen_wakeword.OpenWakeWord.from_builtin(pyopen_wakeword.Model.OKAY_NABU)

    def push(samples: np.ndarray) -> float:
        embeddings = list(features.process_streaming(samples.tobytes()))
        scores = [score for batch in embeddings for score in word.process_streaming(batch)]
        return float(scores[-1]) if scores else 0.0

    push(np.zeros(1120, np.int16))
    late = [push(frame) for frame in (*frames, np.zeros(FRAME_SAMPLES, np.int16))]
    return late[1:]


def main() -> None:
    """Write the scores."""
    audio = joined()
    frames = audio[: len(audio) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    scores = {word: openwakeword_scores(word, frames) for word in OPENWAKEWORD_WORDS}
    scores["okay_nabu"] = okay_nabu_scores(frames)
    rows = {word: [round(score, 6) for score in values] for word, values in scores.items()}
    lines = ",\n".join(f"  {json.dumps(word)}: {json.dumps(values)}" for word, values in rows.items())
    (RECORDINGS / "scores.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
