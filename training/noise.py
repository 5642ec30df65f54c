"""What is heard besides speech: coloured noise, hum, other talkers, music-like tones."""

import numpy as np

from .audio import SAMPLE_RATE_HZ, Waveform, rms
from .recordings import Recordings

COLOURS = (0, 0, 0.25, 0.5, 0.5, 0.75, 1, 1)
"""Exponents of 1/f on the amplitude spectrum: white 0, pink 0.5, brown 1."""
HUMS_HZ = (50, 60, 120, 233)
BABBLES, TUNES = 4, 2
NOTES_HZ = (131, 165, 196, 262, 330, 392, 523, 659)


def coloured(rng: np.random.Generator, length: int, exponent: float) -> Waveform:
    """Return Gaussian noise whose amplitude spectrum falls as 1/f**exponent above 20 Hz."""
    bins = length // 2 + 1
    spectrum = rng.standard_normal(bins) + 1j * rng.standard_normal(bins)
    hertz = np.arange(bins) * SAMPLE_RATE_HZ / length
    return np.fft.irfft(spectrum / np.maximum(hertz, 20) ** exponent, length).astype(np.float32)


def hum(rng: np.random.Generator, length: int, hertz: float) -> Waveform:
    """Return a mains-like tone with eleven harmonics."""
    time_s = np.arange(length) / SAMPLE_RATE_HZ
    harmonics = (
        rng.uniform(0.1, 1) / k * np.sin(2 * np.pi * hertz * k * time_s + rng.uniform(0, 6)) for k in range(1, 12)
    )
    return np.asarray(sum(harmonics), np.float32)


def babble(rng: np.random.Generator, length: int, recordings: Recordings) -> Waveform:
    """Return four to eight people talking at once."""
    mixed = np.zeros(length, np.float32)
    for _ in range(rng.integers(4, 9)):
        position = 0
        while position < length:
            voice = recordings.waveform(int(rng.integers(len(recordings))))[: length - position]
            mixed[position : position + len(voice)] += voice
            position += len(voice) + int(rng.integers(1, SAMPLE_RATE_HZ // 2))
    return mixed


def tune(rng: np.random.Generator, length: int) -> Waveform:
    """Return decaying three-note chords, one after the other."""
    mixed = np.zeros(length, np.float32)
    position = 0
    while position < length:
        beat = min(int(rng.integers(2000, 8000)), length - position)
        time_s = np.arange(beat) / SAMPLE_RATE_HZ
        for hertz in rng.choice(NOTES_HZ, 3):
            mixed[position : position + beat] += np.sin(2 * np.pi * hertz * time_s) * np.exp(-4 * time_s)
        position += beat
    return mixed


class NoisePool:
    """Noises to cut clips from."""

    def __init__(self, recordings: Recordings, *, seconds: int, seed: int) -> None:
        """Make them all: a few seconds of work, once per process."""
        rng = np.random.default_rng(seed)
        length = seconds * SAMPLE_RATE_HZ
        pool = [coloured(rng, length, exponent) for exponent in COLOURS]
        hiss = pool[0] / rms(pool[0])
        pool += [hum(rng, length, hertz) + 0.1 * hiss for hertz in HUMS_HZ]
        pool += [babble(rng, length, recordings) for _ in range(BABBLES)]
        pool += [tune(rng, length) for _ in range(TUNES)]
        self._pool = [noise / rms(noise) for noise in pool]

    def clip(self, rng: np.random.Generator, length: int) -> Waveform:
        """Return `length` samples of one noise, a quarter of the time of two or more, with a root mean square of 1."""
        noise = self._pool[rng.integers(len(self._pool))]
        offset = int(rng.integers(len(noise)))
        clip = noise.take(np.arange(offset, offset + length), mode="wrap")
        if rng.random() < 0.25:
            clip = clip + 0.7 * self.clip(rng, length)
        return np.asarray(clip / rms(clip), np.float32)
