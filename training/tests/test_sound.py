# ruff: noqa: D103, S101  # a test's name says it; asserts are the point
"""What is done to recordings, and what an evaluation makes of them."""

import math

import numpy as np
import pytest

from training.audio import SAMPLE_RATE_HZ, levelled, resample, rms, trim
from training.augment import convolved, room_response
from training.conditions import in_noise, in_silence, without_its_start
from training.corpus import Utterance
from training.evaluate import Result, auroc, scored, table
from training.features import log_mel
from training.recogniser import Heard
from training.voices import HELD_OUT

TONE = (0.1 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)).astype(np.float32)


def test_resampling_keeps_a_tone_and_scales_its_frequency() -> None:
    faster = resample(TONE, 0.8)
    spectrum = np.abs(np.fft.rfft(faster))
    hertz = np.argmax(spectrum) * SAMPLE_RATE_HZ / len(faster)
    assert hertz == pytest.approx(440 / 0.8, rel=0.01)
    assert rms(faster) == pytest.approx(rms(TONE), rel=0.01)


def test_silence_around_speech_is_trimmed_and_its_level_set() -> None:
    padded = np.pad(TONE, (8000, 16_000))
    assert len(trim(padded)) == pytest.approx(len(TONE), abs=400)
    assert not len(trim(np.zeros(1600, np.float32)))
    assert rms(levelled(TONE)) == pytest.approx(0.07, rel=0.01)


def test_noise_has_the_level_that_its_row_says() -> None:
    rng = np.random.default_rng(1)
    noise = in_noise(TONE, rng, snr_db=10) - in_silence(TONE, rng)
    assert 20 * math.log10(rms(TONE) / rms(noise)) == pytest.approx(10, abs=0.1)


def test_a_room_keeps_the_direct_sound_first_and_rings_on() -> None:
    response = room_response(np.random.default_rng(1), 0.3, -6)
    assert response[0] == 1
    assert rms(response[-400:]) < 0.05 * rms(response[1:400])
    heard = convolved(TONE, response)
    assert len(heard) == len(TONE) + SAMPLE_RATE_HZ // 5
    assert rms(heard[len(TONE) : len(TONE) + 400]) > 0


def test_a_late_microphone_misses_the_start() -> None:
    assert np.array_equal(without_its_start(TONE, np.random.default_rng(1))[:100], TONE[4480:4580])


def test_features_have_a_frame_each_10_ms() -> None:
    assert log_mel(TONE).shape == (80, 101)


def test_the_area_under_the_curve_ranks_right_above_wrong() -> None:
    def result(wrong_words: int, avg_logprob: float) -> Result:
        return Result(voice=HELD_OUT[0], wrong_words=wrong_words, words=5, avg_logprob=avg_logprob)

    results = [result(0, -0.1), result(0, -0.3), result(1, -0.2), result(2, -0.5)]
    assert auroc(results) == 0.75
    assert math.isnan(auroc(results[:2]))
    assert "| clean | 4 | 0.150 / 0.000 / 0.000 | 50% |" in table({"clean": results})


def test_a_sentence_is_scored_by_its_words() -> None:
    utterance = Utterance(text="Set the lamp to 20%.", voice=HELD_OUT[0], seed=0)
    assert scored(utterance, Heard(text="set the lamp to 20 percent", avg_logprob=-0.1)).right
    assert scored(utterance, Heard(text="Set the lamps 20%.", avg_logprob=-0.1)).wrong_words == 2
