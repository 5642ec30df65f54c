"""Silero VAD on real recordings and on noise."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.server.engines.recordings import frames, golden, packaged
from wyoming_server.engines.vad_silero import SileroVad, packaged_model
from wyoming_server.pipeline.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, Samples

SPEECH = golden("turn_on_the_kitchen_light")


@pytest.fixture(scope="module")
def vad() -> Iterator[SileroVad]:
    vad = SileroVad()
    yield vad
    vad.close()


async def heard(vad: SileroVad, samples: Samples) -> list[float]:
    return await vad.open().probabilities(frames(samples))


async def test_the_same_audio_gives_the_same_probabilities(vad: SileroVad) -> None:
    first = await heard(vad, SPEECH)
    assert first == await heard(vad, SPEECH)
    assert all(0.0 <= one <= 1.0 for one in first)


@pytest.mark.parametrize("size", [1, 7])
async def test_many_frames_at_once_are_as_good_as_one_by_one(vad: SileroVad, size: int) -> None:
    stream, cut = vad.open(), frames(SPEECH)
    parts = [await stream.probabilities(cut[index : index + size]) for index in range(0, len(cut), size)]
    assert [one for part in parts for one in part] == await heard(vad, SPEECH)


async def test_streams_do_not_hear_each_other(vad: SileroVad) -> None:
    alone = [await heard(vad, SPEECH), await heard(vad, packaged("hum"))]
    streams, cuts = [vad.open(), vad.open()], [frames(SPEECH), frames(packaged("hum"))]
    together: list[list[float]] = [[], []]
    for index in range(max(map(len, cuts))):
        got = await asyncio.gather(
            *(stream.probabilities(cut[index : index + 1]) for stream, cut in zip(streams, cuts, strict=True))
        )
        for number, probabilities in enumerate(got):
            together[number] += probabilities
    assert together == alone


async def test_no_frames_are_no_probabilities(vad: SileroVad) -> None:
    assert await vad.open().probabilities([]) == []


async def test_speech_is_told_from_silence_hum_and_noise(vad: SileroVad) -> None:
    speech = await heard(vad, SPEECH)
    assert sum(one > 0.5 for one in speech) > len(speech) / 3
    white = np.random.default_rng(1).normal(0, 1000, 3 * SAMPLE_RATE_HZ).astype(np.int16)
    for quiet in (packaged("silence"), packaged("hum"), white, np.zeros(SAMPLE_RATE_HZ, np.int16)):
        probabilities = await heard(vad, quiet)
        assert max(probabilities[3:]) < 0.5


async def test_its_last_word_comes_late(vad: SileroVad) -> None:
    """Why the endpointer looks at energy: silence behind speech is called speech for some frames."""
    spoken = int(np.flatnonzero(np.abs(SPEECH.astype(int)) > 1000)[-1])
    silent = np.concatenate((SPEECH[:spoken], np.zeros(SAMPLE_RATE_HZ, np.int16)))
    probabilities = await heard(vad, silent)
    last = max(index for index, one in enumerate(probabilities) if one >= 0.35)
    assert last * FRAME_SAMPLES > spoken
    assert probabilities[-1] < 0.1


def test_the_model_comes_with_its_package() -> None:
    assert packaged_model().is_file()


def test_a_file_that_is_no_model_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "wrong.onnx").write_bytes(b"no model")
    with pytest.raises(Exception, match="wrong"):  # onnxruntime's own error
        SileroVad(tmp_path / "wrong.onnx")
