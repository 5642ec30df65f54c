"""Recordings are cut and recognised as a live turn cuts and recognises them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wyoming_server.commands.hearing import utterance
from wyoming_server.commands.recording import PACKAGED, read_recording
from wyoming_server.engines.vad_silero import SileroVad
from wyoming_server.pipeline.audio import FrameQueue, Framer, PcmConverter
from wyoming_server.pipeline.endpoint import EndpointSettings
from wyoming_server.pipeline.listen import Listener, ListenSettings
from wyoming_server.pipeline.types import Frame, Speech

COMMANDS = Path(__file__).parents[2] / "audio" / "commands"
RECORDINGS = (*sorted(PACKAGED.glob("*.wav")), *sorted(COMMANDS.rglob("*.wav")))


@pytest.fixture(scope="module")
def vad() -> Iterator[SileroVad]:
    one = SileroVad()
    yield one
    one.close()


def frames_of(file: Path) -> list[Frame]:
    recording = read_recording(file)
    converter = PcmConverter(rate_hz=recording.rate_hz, width_bytes=recording.width_bytes, channels=recording.channels)
    framer = Framer()
    frames = framer.push(converter.convert(recording.pcm), 0.0)
    return [*frames, *framer.push(converter.flush(), 0.0), *framer.flush(0.0)]


async def in_a_live_turn(frames: list[Frame], vad: SileroVad) -> Speech | None:
    """Return what a turn would have recognised whose client says when it is over."""
    audio = FrameQueue(limit_frames=1000)
    await audio.put(frames)
    audio.stop(0.0)

    async def interpret(speech: Speech) -> Any:
        return speech

    listener = Listener(
        audio,
        vad.open(),
        interpret,
        settings=ListenSettings(),
        endpoint=EndpointSettings(),
        clock=lambda: 0.0,
        answer_early=False,
    )
    heard: list[Any] = [
        await kept.interpretation if kept.interpretation else None async for kept in listener.utterances()
    ]
    (speech,) = heard
    return speech


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.stem)
async def test_a_recording_is_cut_as_a_live_turn_cuts_it(file: Path, vad: SileroVad) -> None:
    frames = frames_of(file)
    ours = utterance(frames, await vad.open().probabilities(frames), EndpointSettings())
    live = await in_a_live_turn(frames, vad)
    if live is None or ours is None:
        assert live is ours is None
        return
    assert (ours.start_sample, ours.end_sample, ours.active) == (live.start_sample, live.end_sample, live.active)
    assert (ours.samples == live.samples).all()
    assert (ours.noise == live.noise).all()


def test_the_silence_behind_the_last_word_is_not_recognised() -> None:
    """Speech, a pause that a speculation falls into, speech again, then a second of silence."""
    frames = Framer().push(np.concatenate([level * voice(0.5) for level in (1, 0, 1, 0, 0)]), 0.0)
    levels = [1.0 if np.abs(frame.samples).max() > 1000 else 0.0 for frame in frames]
    cut = utterance(frames, levels, EndpointSettings())
    assert cut is not None
    assert 1.5 < cut.end_sample / 16_000 < 1.7
    assert utterance(frames, [0.0] * len(frames), EndpointSettings()) is None
    cough = [level if index < 4 else 0.0 for index, level in enumerate(levels)]
    assert utterance(frames, cough, EndpointSettings()) is not None, "the server hears it, and a rule may discard it"


def voice(seconds: float) -> np.ndarray:
    return (8000 * np.sin(np.arange(int(16_000 * seconds)) * 0.1)).astype(np.int16)
