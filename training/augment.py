"""What a room, a microphone and a speaker's pace do to a voice."""

import numpy as np

from .audio import SAMPLE_RATE_HZ, Waveform, decibels, rms

ROOM_SHARE, EQUALISED_SHARE, RESPEEDED_SHARE = 0.35, 0.5, 0.3
LONGEST_ROOM_S = 0.5
LOUDEST_DB, SOFTEST_DB = -13, -36


def room_response(rng: np.random.Generator, reverberation_s: float, reverberant_db: float) -> Waveform:
    """Return a room's impulse response: the direct sound, then noise that decays by 60 dB in `reverberation_s`.

    Args:
        rng: Draws the reflections.
        reverberation_s: The time to decay by 60 dB (RT60).
        reverberant_db: All reflections' energy against the direct sound's.
    """
    length = int(min(reverberation_s, LONGEST_ROOM_S) * SAMPLE_RATE_HZ)
    decay = 10 ** (-3 * np.arange(length) / (reverberation_s * SAMPLE_RATE_HZ))
    response = rng.standard_normal(length) * decay
    response *= decibels(reverberant_db) / np.sqrt(np.sum(np.square(response)))
    response[0] = 1
    return response.astype(np.float32)


def convolved(samples: Waveform, response: Waveform) -> Waveform:
    """Return the samples heard through `response`, with 0.2 s of what rings on after them."""
    length = len(samples) + SAMPLE_RATE_HZ // 5
    size = 1 << max(length, len(samples) + len(response)).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    return np.fft.irfft(spectrum, size)[:length].astype(np.float32)


def equalised(rng: np.random.Generator, samples: Waveform) -> Waveform:
    """Return the samples through a random smooth frequency response within ±9 dB, at times without their treble."""
    size = 1 << (len(samples) - 1).bit_length()
    frequency = np.linspace(0, 1, size // 2 + 1)
    knots = np.sort(np.concatenate([[0], rng.uniform(0, 1, 5) ** 2, [1]]))  # squared: more of them where speech is
    gain_db = np.interp(frequency, knots, rng.uniform(-9, 9, len(knots)))
    if rng.random() < 0.15:
        gain_db = gain_db - 60 * (frequency > rng.uniform(0.42, 0.9))
    spectrum = np.fft.rfft(samples, size) * 10 ** (gain_db / 20)
    return np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)


def respeeded(rng: np.random.Generator, samples: Waveform) -> Waveform:
    """Return the samples up to 7 % faster or slower, pitch included."""
    positions = np.arange(0, len(samples) - 1, rng.uniform(0.93, 1.07))
    return np.asarray(np.interp(positions, np.arange(len(samples)), samples), np.float32)


def varied(rng: np.random.Generator, samples: Waveform) -> Waveform:
    """Return the voice in some room, through some microphone, at some level."""
    if rng.random() < RESPEEDED_SHARE:
        samples = respeeded(rng, samples)
    if rng.random() < ROOM_SHARE:
        samples = convolved(samples, room_response(rng, rng.uniform(0.08, 0.5), rng.uniform(-16, -1)))
    if rng.random() < EQUALISED_SHARE:
        samples = equalised(rng, samples)
    return samples * (decibels(rng.uniform(SOFTEST_DB, LOUDEST_DB)) / rms(samples))
