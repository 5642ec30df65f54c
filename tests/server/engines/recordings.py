"""The starter model's golden recordings and the demo's, as samples."""

import wave
from pathlib import Path

import numpy as np

from wyoming_server.bundles.store import STARTER_DIRECTORY
from wyoming_server.pipeline.types import FRAME_SAMPLES, Frame, Samples

GOLDEN = {
    "turn_on_the_kitchen_light": "Turn on the kitchen light.",
    "set_a_timer_for_ten_minutes": "Set a timer for 10 minutes.",
    "what_is_the_temperature": "What is the temperature in the bedroom?",
}
PACKAGED = Path(__file__).parents[3] / "wyoming_server" / "recordings"


def golden(name: str) -> Samples:
    return read(STARTER_DIRECTORY / "golden" / f"{name}.wav")


def packaged(name: str) -> Samples:
    return read(PACKAGED / f"{name}.wav")


def read(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def frames(samples: Samples) -> list[Frame]:
    whole = len(samples) // FRAME_SAMPLES
    return [
        Frame(samples=part, start_sample=index * FRAME_SAMPLES, arrived_s=0.0)
        for index, part in enumerate(samples[: whole * FRAME_SAMPLES].reshape(whole, FRAME_SAMPLES))
    ]
