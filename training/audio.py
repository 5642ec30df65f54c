"""Sound as arrays: mono float32 in [-1, 1] at 16 kHz."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ = 16_000
FULL_SCALE = 32_768
HOP = 160
"""Samples between two frames where sound is measured: 10 ms."""
SPEECH_RMS = 0.07
"""Every stored utterance has this level; augmentation sets the one that is heard."""

Waveform = npt.NDArray[np.float32]


def read_wave(path: Path) -> tuple[Waveform, int]:
    """Return the samples of a 16-bit mono WAV file and their rate in Hz."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return from_int16(samples), file.getframerate()


def from_int16(samples: npt.NDArray[np.int16]) -> Waveform:
    """Return the same samples as floats."""
    return samples.astype(np.float32) / np.float32(FULL_SCALE)


def to_int16(samples: Waveform) -> npt.NDArray[np.int16]:
    """Return the same samples as 16-bit integers."""
    return (np.clip(samples, -1, 1) * (FULL_SCALE - 1)).astype(np.int16)


def rms(samples: Waveform) -> float:
    """Return the root mean square, never zero."""
    return float(np.sqrt(np.mean(np.square(samples)))) + 1e-9


def decibels(db: float) -> float:
    """Return the amplitude factor of a level difference."""
    return float(10 ** (db / 20))


def resample(samples: Waveform, ratio: float) -> Waveform:
    """Return `ratio` times as many samples over the same sound, band-limited, by a Fourier transform of the whole."""
    padded = np.pad(samples, (0, -len(samples) % 1024))  # a length with small factors transforms fast
    length = round(len(padded) * ratio)
    spectrum = np.fft.rfft(padded)
    kept = min(len(spectrum), length // 2 + 1)
    resampled = np.zeros(length // 2 + 1, spectrum.dtype)
    resampled[:kept] = spectrum[:kept]
    return np.asarray(np.fft.irfft(resampled, length)[: int(len(samples) * ratio)] * ratio, np.float32)


def trim(samples: Waveform) -> Waveform:
    """Return the samples without the silence that synthesisers put around them."""
    energy = np.add.reduceat(np.square(samples), np.arange(0, len(samples), HOP)) / HOP
    level = np.sqrt(energy)
    voiced = np.flatnonzero(level > max(1e-4, float(level.max()) * 0.012))
    if not len(voiced):
        return samples[:0]
    return samples[max(0, voiced[0] - 1) * HOP : (voiced[-1] + 2) * HOP]


def levelled(samples: Waveform) -> Waveform:
    """Return the samples at `SPEECH_RMS`, or below it where they would clip."""
    scaled = samples * (SPEECH_RMS / rms(samples))
    return scaled * min(1.0, 0.98 / (float(np.abs(scaled).max()) + 1e-9))
