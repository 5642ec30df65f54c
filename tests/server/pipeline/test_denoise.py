from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.wake_recordings import wake_recordings
from wyoming_server.engines.denoise_webrtc import WebrtcDenoiser
from wyoming_server.pipeline.denoise import Denoiser
from wyoming_server.pipeline.types import SAMPLE_RATE_HZ, Samples


@pytest.fixture(scope="module")
def denoiser() -> Iterator[Denoiser]:
    denoiser = WebrtcDenoiser()
    yield denoiser
    denoiser.close()


def hiss(seconds: float, level: float = 500) -> Samples:
    size = round(seconds * SAMPLE_RATE_HZ)
    return np.random.default_rng(0).normal(0, level, size).astype(np.int16)


def decibels(samples: Samples) -> float:
    return 10 * float(np.log10(np.mean(np.square(samples, dtype=np.float64))))


@given(sizes=st.lists(st.integers(0, 700), max_size=30))
async def test_the_size_of_the_pieces_changes_neither_length_nor_sound(denoiser: Denoiser, sizes: list[int]) -> None:
    audio = hiss(sum(sizes) / SAMPLE_RATE_HZ)
    whole = await denoiser.open().clean(audio)
    stream = denoiser.open()
    pieces = [await stream.clean(piece) for piece in np.split(audio, np.cumsum(sizes))]
    assert [len(piece) for piece in pieces] == [*sizes, 0]
    assert np.array_equal(np.concatenate(pieces), whole)


async def test_steady_noise_gets_quieter_and_a_word_does_not(denoiser: Denoiser) -> None:
    word = wake_recordings()["alexa-1"]
    noise = hiss(6.0, level=150)
    noisy = noise.copy()
    noisy[-len(word) :] += word
    clean = await denoiser.open().clean(noisy)
    before_word = slice(2 * SAMPLE_RATE_HZ, 3 * SAMPLE_RATE_HZ)
    in_word = slice(len(noisy) - len(word) + SAMPLE_RATE_HZ, len(noisy) - 6400)
    assert decibels(noisy[before_word]) - decibels(clean[before_word]) > 8
    assert decibels(noisy[in_word]) - decibels(clean[in_word]) < 3


async def test_a_sound_comes_out_as_late_as_is_said(denoiser: Denoiser) -> None:
    word = wake_recordings()["hey_jarvis-1"].astype(np.float64)
    stream = denoiser.open()
    clean = (await stream.clean(word.astype(np.int16))).astype(np.float64)
    lags = range(400)
    likeness = [float(np.dot(clean[lag:], word[: len(word) - lag])) for lag in lags]
    assert int(np.argmax(likeness)) == pytest.approx(stream.delay_samples, abs=120)  # the suppressor adds a little


def test_a_strength_outside_its_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="strength is 9"):
        WebrtcDenoiser(strength=9)
