"""Signal quality against signals whose truth is known."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from wyoming_server.pipeline.quality import measure
from wyoming_server.pipeline.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, Quality, Samples, Speech

RECORDINGS = Path(__file__).parents[3] / "wyoming_server" / "recordings"
PRE_ROLL_SECONDS = 0.8

type Sound = npt.NDArray[np.float64]


def speech_like(random: np.random.Generator, seconds: float) -> Sound:
    """Return a voice: harmonics of a gliding pitch, swelling in syllables of 0.2 s, RMS 1."""
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * np.cumsum(random.uniform(100, 220) * (1 + 0.1 * np.sin(3 * time))) / SAMPLE_RATE_HZ
    voice = sum(np.sin(number * phase + random.uniform(0, 6)) / number for number in range(1, 20))
    sound = voice * (0.3 + np.abs(np.sin(np.pi * time / 0.2)))
    return sound / np.sqrt(np.mean(sound**2))


def white(random: np.random.Generator, length: int) -> Sound:
    return random.normal(0, 1, length)


def pink(random: np.random.Generator, length: int) -> Sound:
    """Return noise whose power falls with frequency from 20 Hz on, RMS 1."""
    spectrum = np.fft.rfft(random.normal(0, 1, length))
    frequency = np.fft.rfftfreq(length, 1 / SAMPLE_RATE_HZ)
    spectrum *= np.where(frequency < 20, 0, 1 / np.sqrt(np.maximum(frequency, 20)))
    noise = np.fft.irfft(spectrum, length)
    return noise / np.sqrt(np.mean(noise**2))


def pcm(sound: Sound) -> Samples:
    return np.round(sound.clip(-1, 1) * 32767).astype(np.int16)


def speech(sound: Sound, *, pre_roll: Sound | None = None, active: tuple[bool, ...] | None = None) -> Speech:
    whole = len(sound) // FRAME_SAMPLES * FRAME_SAMPLES
    return Speech(
        samples=pcm(sound[:whole]),
        noise=np.empty(0, np.int16) if pre_roll is None else pcm(pre_roll),
        start_sample=0,
        end_sample=whole,
        voiced_end_sample=whole,
        active=(True,) * (whole // FRAME_SAMPLES) if active is None else active,
    )


def measured_snr(snr_db: float, colour: str, seconds: float, seed: int, *, pre_roll: bool = True) -> float:
    random = np.random.default_rng(seed)
    lead = round(PRE_ROLL_SECONDS * SAMPLE_RATE_HZ)
    voice = speech_like(random, seconds)
    room = {"white": white, "pink": pink}[colour](random, lead + len(voice) + lead) * 10 ** (-snr_db / 20)
    scale = 0.5 / np.abs(np.concatenate((room, room[lead : lead + len(voice)] + voice))).max()
    noisy = room.copy()
    noisy[lead : lead + len(voice)] += voice
    noisy *= scale
    if pre_roll:
        quality = measure(speech(noisy[lead : lead + len(voice)], pre_roll=noisy[:lead]))
    else:
        frames = len(noisy[lead:]) // FRAME_SAMPLES
        active = tuple(index < len(voice) // FRAME_SAMPLES for index in range(frames))
        quality = measure(speech(noisy[lead:], active=active))
    assert quality.snr_db is not None
    return quality.snr_db


@pytest.mark.parametrize("seconds", [1.2, 2.0, 3.5])
@pytest.mark.parametrize("colour", ["white", "pink"])
def test_the_snr_is_right_within_a_decibel_and_a_half_with_pre_roll(colour: str, seconds: float) -> None:
    errors = [
        abs(measured_snr(snr_db, colour, seconds, seed) - snr_db) for snr_db in range(0, 41, 5) for seed in range(4)
    ]
    assert np.median(errors) < 1.5
    assert max(errors) < 4.0


@pytest.mark.parametrize("colour", ["white", "pink"])
def test_the_snr_is_right_within_three_decibels_far_down_in_noise(colour: str) -> None:
    errors = [abs(measured_snr(-5, colour, 2.0, seed) + 5) for seed in range(8)]
    assert np.median(errors) < 3.0


@pytest.mark.parametrize("colour", ["white", "pink"])
def test_without_pre_roll_the_silence_behind_the_speech_serves(colour: str) -> None:
    errors = [
        abs(measured_snr(snr_db, colour, 2.0, seed, pre_roll=False) - snr_db)
        for snr_db in range(0, 41, 10)
        for seed in range(4)
    ]
    assert np.median(errors) < 2.0


def test_the_snr_rises_with_the_truth() -> None:
    values = [measured_snr(snr_db, "pink", 2.0, 3) for snr_db in range(-5, 41, 5)]
    assert values == sorted(values)


def test_too_little_noise_says_nothing_about_the_room() -> None:
    voice = speech_like(np.random.default_rng(1), 1.0) * 0.1
    assert measure(speech(voice)).snr_db is None
    assert measure(speech(voice, pre_roll=np.zeros(1500))).noise_dbfs is None
    assert measure(speech(voice, pre_roll=np.zeros(1600))).snr_db is not None


def clipped(voice: Sound, share: float, ceiling: float) -> tuple[Sound, float]:
    """Return the voice clipped so that about `share` of its samples lie at ±ceiling, and the true share."""
    limit = float(np.quantile(np.abs(voice), 1 - share))
    return voice.clip(-limit, limit) / limit * ceiling, float((np.abs(voice) >= limit).mean())


@pytest.mark.parametrize("ceiling", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_clipping_is_seen_below_full_scale_too(share: float, ceiling: float) -> None:
    sound, truth = clipped(speech_like(np.random.default_rng(2), 2.0), share, ceiling)
    assert measure(speech(sound)).clipping == pytest.approx(truth, rel=0.25)


@pytest.mark.parametrize("level", [0.02, 0.2, 0.9])
def test_speech_that_is_not_clipped_is_not_called_so(level: float) -> None:
    for seed in range(5):
        voice = speech_like(np.random.default_rng(seed), 2.0)
        assert measure(speech(voice / np.abs(voice).max() * level)).clipping < 0.002


@pytest.mark.parametrize("offset", [-0.1, 0.0, 0.05])
def test_a_dc_offset_is_told_and_does_not_count_as_level(offset: float) -> None:
    voice = speech_like(np.random.default_rng(3), 1.0) * 0.05
    plain, shifted = measure(speech(voice)), measure(speech(voice + offset))
    assert shifted.dc_offset - plain.dc_offset == pytest.approx(offset, abs=1e-3)
    assert shifted.level_dbfs == pytest.approx(plain.level_dbfs, abs=0.1)


def test_the_level_is_the_rms_of_what_the_vad_took_for_speech() -> None:
    loud = np.sin(2 * np.pi * 400 * np.arange(FRAME_SAMPLES * 10) / SAMPLE_RATE_HZ) * 0.1
    sound = np.concatenate((loud, np.zeros(FRAME_SAMPLES * 10)))
    quality = measure(speech(sound, active=(True,) * 10 + (False,) * 10))
    assert quality.level_dbfs == pytest.approx(-23.0, abs=0.05)
    assert quality.peak_dbfs == pytest.approx(-20.0, abs=0.05)
    assert quality.speech_ratio == 0.5


@pytest.mark.parametrize("frames", [0, 1, 30])
def test_silence_and_very_short_audio_have_finite_figures(frames: int) -> None:
    quality = measure(speech(np.zeros(frames * FRAME_SAMPLES), active=(False,) * frames))
    assert (quality.clipping, quality.speech_ratio, quality.dc_offset) == (0.0, 0.0, 0.0)
    assert (quality.level_dbfs, quality.peak_dbfs) == pytest.approx((-120.0, -120.0))
    assert quality.snr_db is None or -20 <= quality.snr_db <= 80


def test_full_scale_both_ways_is_within_the_ranges() -> None:
    samples = np.tile(np.array([-32768, 32767], np.int16), FRAME_SAMPLES)
    one = speech(np.zeros(2 * FRAME_SAMPLES))
    quality = measure(Speech(samples=samples, noise=samples, start_sample=0, end_sample=1024, voiced_end_sample=1024,
                             active=one.active))  # fmt: skip
    assert quality.peak_dbfs == pytest.approx(0.0, abs=0.01)


def recording(name: str) -> Quality:
    with wave.open(str(RECORDINGS / f"{name}.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    # The VAD is another part: what is louder than the recording's median by 6 dB stands in for it.
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    levels = np.log10(np.var(frames.astype(float), axis=1) + 1)
    active = levels > np.quantile(levels, 0.2) + 0.6
    first = int(np.argmax(active))
    return measure(
        Speech(
            samples=frames[first:].ravel(),
            noise=frames[:first].ravel(),
            start_sample=first * FRAME_SAMPLES,
            end_sample=len(frames) * FRAME_SAMPLES,
            voiced_end_sample=len(frames) * FRAME_SAMPLES,
            active=tuple(active[first:].tolist()),
        )
    )


@pytest.mark.parametrize(("name", "snr_db"), [("fan-noisy", (8, 20)), ("timer-noisy", (8, 20)), ("kitchen", (25, 80))])
def test_packaged_recordings_have_the_snr_that_they_were_mixed_at(name: str, snr_db: tuple[int, int]) -> None:
    quality = recording(name)
    assert quality.snr_db is not None
    assert snr_db[0] <= quality.snr_db <= snr_db[1]
    assert quality.clipping < 0.002
